import { checkOptions } from '../core/options.ts';
import { inflateZlib, inflateZlibSync } from '../io/inflate.ts';
import { DataError } from './dataset.ts';
import { exifOrientation, upright } from './exif.ts';
import { readBytes } from './files.ts';
import type { Image } from './image.ts';
import { type JpegDecoder, jpegDecoder, looksJpeg, parseJpeg } from './jpeg.ts';
import { looksPng, parsePng, pngImage } from './png_decode.ts';

/** Options of {@link decodeImage}. */
export interface DecodeOptions {
  /** 1 grey, 3 RGB, 4 RGBA. Default 3. */
  readonly channels?: 1 | 3 | 4;
  /**
   * Turns and mirrors the image as its EXIF orientation says, as `PIL.ImageOps.exif_transpose`. Default false: torchvision's datasets
   * do not either.
   */
  readonly orient?: boolean;
  /** Most pixels that an image may have; more are refused before memory is taken. Default 89,478,485, as Pillow warns. */
  readonly maxPixels?: number;
  /** What errors call it. Default `decodeImage`. */
  readonly name?: string;
}

export const decodeOptions = ['channels', 'orient', 'maxPixels', 'name'] as const;
const usualLimit = 89_478_485;

/** @throws RangeError when an option is out of range */
export function checkDecodeOptions(caller: string, options: DecodeOptions): void {
  const { channels = 3, maxPixels = usualLimit } = options;
  if (channels !== 1 && channels !== 3 && channels !== 4)
    throw new RangeError(`${caller}: channels must be 1 (grey), 3 (RGB) or 4 (RGBA), got ${channels}`);
  if (!Number.isInteger(maxPixels) || maxPixels < 1)
    throw new RangeError(`${caller}: maxPixels must be a positive integer, got ${maxPixels}`);
}

/**
 * The pixels of a PNG or JPEG file, as Pillow's `Image.open(...).convert('L' | 'RGB' | 'RGBA')` gives them: grey is
 * `(19595 R + 38470 G + 7471 B + 32768) >> 16`, alpha is left out or 255, colours are not managed. PNG: all depths (of 16 bits the
 * upper 8 are kept), palettes, transparent colours, interlacing; JPEG: baseline and progressive, grey and colour of 8 bits.
 * `tensor(data, { shape, dtype: 'uint8' })` makes an array of it.
 *
 * @throws DataError when it is neither, damaged, cut off, of a kind that is not read (CMYK, arithmetic coding) or too large
 */
export async function decodeImage(bytes: Uint8Array, options: DecodeOptions = {}): Promise<Image> {
  checkOptions('decodeImage', options, decodeOptions);
  checkDecodeOptions('decodeImage', options);
  const { name = 'decodeImage', maxPixels = usualLimit } = options;
  if (!looksPng(bytes)) return imageOfJpeg(bytes, options, looksJpeg(bytes) ? await jpegDecoder() : null);
  const png = parsePng(bytes, name, maxPixels);
  let rows: Uint8Array;
  try {
    rows = await inflateZlib(png.packed, png.size);
  } catch (error) {
    throw new DataError(`${name}: ${(error as Error).message}`, { cause: error });
  }
  return finished(pngImage(png, rows, name), png.exif, options);
}

/** Decodes at once: what {@link decodeImage} does for options that were checked. */
export type ImageDecoder = (bytes: Uint8Array, options: DecodeOptions) => Image;

/** A decoder that needs no waiting, for threads that give examples one after the other; in Node only. */
export async function imageDecoder(): Promise<ImageDecoder> {
  const jpeg = await jpegDecoder();
  return (bytes, options) => {
    const { name = 'decodeImage', maxPixels = usualLimit } = options;
    if (!looksPng(bytes)) return imageOfJpeg(bytes, options, jpeg);
    const png = parsePng(bytes, name, maxPixels);
    let rows: Uint8Array;
    try {
      rows = inflateZlibSync(png.packed, png.size);
    } catch (error) {
      throw new DataError(`${name}: ${(error as Error).message}`, { cause: error });
    }
    return finished(pngImage(png, rows, name), png.exif, options);
  };
}

function imageOfJpeg(bytes: Uint8Array, options: DecodeOptions, decode: JpegDecoder | null): Image {
  const { name = 'decodeImage', maxPixels = usualLimit } = options;
  if (decode === null || !looksJpeg(bytes))
    throw new DataError(`${name}: neither a PNG nor a JPEG file, by its first bytes`);
  const jpeg = parseJpeg(bytes, name, maxPixels);
  return finished(decode(bytes, jpeg, name), jpeg.exif, options);
}

function finished(image: Image, exif: Uint8Array | null, options: DecodeOptions): Image {
  const { channels = 3, orient = false } = options;
  const converted = withChannels(image, channels);
  return orient ? upright(converted, exifOrientation(exif)) : converted;
}

/** An image with other channels: grey repeated or weighted, alpha left out or 255. */
export function withChannels(image: Image, wanted: 1 | 3 | 4): Image {
  const { shape, data } = image;
  const [height, width, channels] = shape;
  if (channels === wanted) return image;
  const out = new Uint8Array(height * width * wanted);
  const isGrey = channels < 3;
  for (let from = 0, to = 0; to < out.length; from += channels, to += wanted) {
    const [r, g, b] = isGrey
      ? [data[from], data[from], data[from]]
      : [data[from], data[from + 1], data[from + 2]];
    if (wanted === 1) {
      out[to] = isGrey ? r : (19_595 * r + 38_470 * g + 7_471 * b + 32_768) >> 16;
      continue;
    }
    out[to] = r;
    out[to + 1] = g;
    out[to + 2] = b;
    if (wanted === 4) out[to + 3] = channels % 2 === 0 ? data[from + channels - 1] : 255;
  }
  return { shape: [height, width, wanted], data: out };
}

/**
 * {@link decodeImage} of a file; errors begin with its path.
 *
 * @throws DataError also when the file cannot be read
 */
export async function readImage(path: string, options: Omit<DecodeOptions, 'name'> = {}): Promise<Image> {
  checkOptions('readImage', options, decodeOptions);
  checkDecodeOptions('readImage', options);
  return decodeImage(await readBytes(path, 'readImage'), { ...options, name: path });
}
