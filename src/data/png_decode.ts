import { crc32 } from '../io/crc32.ts';
import { DataError } from './dataset.ts';
import type { Image } from './image.ts';
import { pngSignature, predictors } from './png_encode.ts';

/** PNG files (ISO/IEC 15948): chunks, then rows of filtered bytes. */

/** A PNG file taken apart; its pixels are still compressed. */
export interface Png {
  readonly width: number;
  readonly height: number;
  /** Bits of a channel, or of an index into the palette. */
  readonly depth: number;
  /** 0 grey, 2 RGB, 3 palette, 4 grey and alpha, 6 RGBA. */
  readonly colour: number;
  readonly isInterlaced: boolean;
  /** RGB of each colour, three bytes each. */
  readonly palette: Uint8Array;
  /** Alpha of the palette's first colours, or the transparent grey or RGB in samples of 16 bits; null if there is none. */
  readonly transparency: Uint8Array | null;
  /** The zlib stream of all rows. */
  readonly packed: Uint8Array;
  /** Bytes of all rows with their filters. */
  readonly size: number;
  /** Contents of the eXIf chunk. */
  readonly exif: Uint8Array | null;
}

/** Channels in the file, by type of colour. */
const samplesOf: Readonly<Record<number, number>> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };
const depthsOf: Readonly<Record<number, readonly number[]>> = {
  0: [1, 2, 4, 8, 16],
  2: [8, 16],
  3: [1, 2, 4, 8],
  4: [8, 16],
  6: [8, 16],
};
// No deflate stream is packed more tightly: 258 bytes take at least two bits.
const tightest = 1032;

/** Whether bytes begin as PNG files do. */
export const looksPng = (bytes: Uint8Array): boolean => pngSignature.every((byte, i) => bytes[i] === byte);

/**
 * Takes a PNG file apart, checking the checksums of chunks that matter and that its pixels fit into memory and can be in the file.
 *
 * @throws DataError when it is damaged or larger than `maxPixels`
 */
export function parsePng(bytes: Uint8Array, name: string, maxPixels: number): Png {
  const fail = (what: string): never => {
    throw new DataError(`${name}: ${what}`);
  };
  if (!looksPng(bytes)) return fail('not a PNG file');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let header: ReturnType<typeof parseHeader> | null = null;
  let palette = new Uint8Array();
  let transparency: Uint8Array | null = null;
  let exif: Uint8Array | null = null;
  const parts: Uint8Array[] = [];
  for (let at = 8, isDone = false; !isDone; ) {
    if (at + 12 > bytes.length) return fail('the PNG file is cut off');
    const length = view.getUint32(at);
    const type = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    if (!/^[A-Za-z]{4}$/.test(type)) return fail(`damaged PNG: there is no chunk at byte ${at}`);
    if (length > bytes.length - at - 12) return fail(`the PNG file is cut off in its chunk ${type}`);
    const body = bytes.subarray(at + 8, at + 8 + length);
    // Chunks with a small first letter may be ignored.
    if (
      /^[A-Z]|^tRNS/.test(type) &&
      crc32(bytes.subarray(at + 4, at + 8 + length)) !== view.getUint32(at + 8 + length)
    )
      return fail(`damaged PNG: the checksum of its chunk ${type} is wrong`);
    if (header === null) {
      if (type !== 'IHDR') return fail('damaged PNG: its first chunk is not IHDR');
      header = parseHeader(body, fail, maxPixels);
    } else if (type === 'PLTE') palette = body.slice();
    else if (type === 'tRNS') transparency = body;
    else if (type === 'eXIf') exif = body;
    else if (type === 'IDAT') parts.push(body);
    else if (type === 'IEND') isDone = true;
    else if (/^[A-Z]/.test(type))
      return fail(`damaged PNG: unknown chunk ${type}, or there are two chunks ${type}`);
    at += 12 + length;
  }
  const { width, height, depth, colour, isInterlaced } = header!;
  if (colour === 3 && (palette.length === 0 || palette.length % 3 !== 0 || palette.length > 3 * 2 ** depth))
    return fail(
      `damaged PNG: a palette of ${palette.length} bytes cannot belong to indices of ${depth} bits`,
    );
  if (
    transparency !== null &&
    (colour === 3
      ? transparency.length > palette.length / 3
      : colour < 3 && transparency.length !== 2 * samplesOf[colour])
  )
    return fail(`damaged PNG: a chunk tRNS of ${transparency.length} bytes cannot belong to its colours`);
  const size = passesOf(width, height, isInterlaced).reduce(
    (sum, pass) => sum + pass.height * (1 + strideOf(pass.width, depth, colour)),
    0,
  );
  const packed = joined(parts);
  if (size > tightest * packed.length)
    return fail(`damaged PNG: ${packed.length} bytes are too few for ${width} x ${height} pixels`);
  return { width, height, depth, colour, isInterlaced, palette, transparency, packed, size, exif };
}

function parseHeader(
  body: Uint8Array,
  fail: (what: string) => never,
  maxPixels: number,
): Pick<Png, 'width' | 'height' | 'depth' | 'colour' | 'isInterlaced'> {
  if (body.length !== 13) return fail(`damaged PNG: a header of ${body.length} bytes instead of 13`);
  const view = new DataView(body.buffer, body.byteOffset, 13);
  const [width, height] = [view.getUint32(0), view.getUint32(4)];
  const [depth, colour, compression, filter, interlace] = body.subarray(8);
  if (width === 0 || height === 0 || width >= 2 ** 31 || height >= 2 ** 31)
    return fail(`damaged PNG: a size of ${width} x ${height} pixels`);
  if (width * height > maxPixels)
    return fail(`${width} x ${height} pixels are more than maxPixels, ${maxPixels}`);
  if (!depthsOf[colour]?.includes(depth))
    return fail(`damaged PNG: ${depth} bits with colours of type ${colour}`);
  if (compression !== 0 || filter !== 0 || interlace > 1)
    return fail(
      `damaged PNG: compression ${compression}, filters ${filter}, interlacing ${interlace}; known are 0, 0, and 0 or 1`,
    );
  return { width, height, depth, colour, isInterlaced: interlace === 1 };
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  if (parts.length === 1) return parts[0];
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** A part of an image that is stored as an image of its own: every `dx`-th pixel from column `x` and every `dy`-th row from `y`. */
interface Pass {
  readonly x: number;
  readonly y: number;
  readonly dx: number;
  readonly dy: number;
  readonly width: number;
  readonly height: number;
}

/** All pixels at once, or those of Adam7's seven passes that have any. */
function passesOf(width: number, height: number, isInterlaced: boolean): Pass[] {
  const grids = isInterlaced
    ? [
        [0, 0, 8, 8],
        [4, 0, 8, 8],
        [0, 4, 4, 8],
        [2, 0, 4, 4],
        [0, 2, 2, 4],
        [1, 0, 2, 2],
        [0, 1, 1, 2],
      ]
    : [[0, 0, 1, 1]];
  return grids
    .map(([x, y, dx, dy]) => ({
      x,
      y,
      dx,
      dy,
      width: Math.ceil((width - x) / dx),
      height: Math.ceil((height - y) / dy),
    }))
    .filter((pass) => pass.width > 0 && pass.height > 0);
}

const strideOf = (width: number, depth: number, colour: number): number =>
  Math.ceil((width * depth * samplesOf[colour]) / 8);

/**
 * The image of a PNG file, from its rows (which are overwritten): grey, grey with alpha, RGB or RGBA, as palette and transparency say, 8
 * bits a channel. Of 16 bits the upper 8 are kept; fewer are spread over 0..255.
 *
 * @throws DataError when a filter or an index into the palette does not exist
 */
export function pngImage(png: Png, rows: Uint8Array, name: string): Image {
  const { width, height, depth, colour, transparency } = png;
  const samples = samplesOf[colour];
  const hasKey = transparency !== null && colour < 4;
  const channels = (colour === 3 ? 3 : samples) + (hasKey ? 1 : 0);
  const data = new Uint8Array(width * height * channels);
  const put = writer(png, data, channels, name);
  const step = Math.max(1, (samples * depth) >> 3);
  let at = 0;
  for (const pass of passesOf(width, height, png.isInterlaced)) {
    const stride = strideOf(pass.width, depth, colour);
    let above: Uint8Array | null = null;
    for (let y = 0; y < pass.height; y++) {
      const row = rows.subarray(at + 1, at + 1 + stride);
      unfilter(rows[at], row, above, step, name);
      const start = (pass.y + y * pass.dy) * width + pass.x;
      put(row, pass.width, start, pass.dx);
      above = row;
      at += 1 + stride;
    }
  }
  return { shape: [height, width, channels], data };
}

/** Undoes a row's filter in place, with `step` bytes to the pixel on the left. */
function unfilter(
  filter: number,
  row: Uint8Array,
  above: Uint8Array | null,
  step: number,
  name: string,
): void {
  const length = row.length;
  if (filter === 0) return;
  if (filter === 1) for (let i = step; i < length; i++) row[i] += row[i - step];
  else if (filter === 2) {
    if (above !== null) for (let i = 0; i < length; i++) row[i] += above[i];
  } else {
    const predict = predictors[filter];
    if (predict === undefined)
      throw new DataError(`${name}: damaged PNG: a row has the filter ${filter}, known are 0 to 4`);
    const first = Math.min(step, length);
    for (let i = 0; i < first; i++) row[i] += predict(0, above === null ? 0 : above[i], 0);
    if (above === null) for (let i = step; i < length; i++) row[i] += predict(row[i - step], 0, 0);
    else for (let i = step; i < length; i++) row[i] += predict(row[i - step], above[i], above[i - step]);
  }
}

/** Puts the pixels of a row, `count` of them, to `data`: the first to pixel `start`, others `dx` pixels further each. */
type Writer = (row: Uint8Array, count: number, start: number, dx: number) => void;

function writer(png: Png, data: Uint8Array, channels: number, name: string): Writer {
  const { depth, colour, transparency, palette } = png;
  const samples = samplesOf[colour];
  if (depth === 8 && transparency === null && colour !== 3)
    return (row, count, start, dx) => {
      if (dx === 1) data.set(row.subarray(0, count * channels), start * channels);
      else
        for (let i = 0; i < count; i++)
          for (let c = 0; c < channels; c++) data[(start + i * dx) * channels + c] = row[i * channels + c];
    };
  /** Sample k of a row as it is stored. */
  const sample = (row: Uint8Array, k: number): number => {
    if (depth === 8) return row[k];
    if (depth === 16) return row[2 * k] * 256 + row[2 * k + 1];
    const bit = k * depth;
    return (row[bit >> 3] >> (8 - depth - (bit & 7))) & ((1 << depth) - 1);
  };
  if (colour === 3)
    return (row, count, start, dx) => {
      for (let i = 0; i < count; i++) {
        const index = sample(row, i);
        const to = (start + i * dx) * channels;
        if (3 * index >= palette.length)
          throw new DataError(
            `${name}: damaged PNG: a pixel has colour ${index} of a palette of ${palette.length / 3}`,
          );
        for (let c = 0; c < 3; c++) data[to + c] = palette[3 * index + c];
        if (channels === 4) data[to + 3] = transparency![index] ?? 255;
      }
    };
  const key =
    channels === samples
      ? null
      : Array.from(
          { length: samples },
          (_, c) => (transparency![2 * c] * 256 + transparency![2 * c + 1]) & (2 ** depth - 1),
        );
  const scale = depth === 16 ? 1 / 256 : 255 / (2 ** depth - 1);
  return (row, count, start, dx) => {
    for (let i = 0; i < count; i++) {
      const to = (start + i * dx) * channels;
      let isKey = key !== null;
      for (let c = 0; c < samples; c++) {
        const value = sample(row, i * samples + c);
        if (key !== null && value !== key[c]) isKey = false;
        data[to + c] = value * scale;
      }
      if (key !== null) data[to + samples] = isKey ? 0 : 255;
    }
  };
}
