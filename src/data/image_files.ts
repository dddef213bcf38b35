import { nodeModule } from '../runtime/node_modules.ts';
import { DataError } from './dataset.ts';
import { checkDecodeOptions, type DecodeOptions, type ImageDecoder } from './decode_image.ts';
import { whyUnreadable } from './files.ts';
import type { Image } from './image.ts';
import { centerCrop, type ResizeFilter, resizeImage } from './resize_image.ts';

/** How the files of a folder become images. */
export interface ImageOptions extends Omit<DecodeOptions, 'name'> {
  /**
   * The size that images are brought to: [height, width], or one number for the shorter side, the other following the image's
   * proportions (rounded down), as torchvision's `Resize`. Default: none.
   */
  readonly resize?: number | readonly [height: number, width: number];
  /** Then the middle of this size, one number for a square, as torchvision's `CenterCrop`. Default: all. */
  readonly crop?: number | readonly [height: number, width: number];
  /** Default `bilinear`. */
  readonly filter?: ResizeFilter;
}

export const imageOptions = ['channels', 'orient', 'maxPixels', 'resize', 'crop', 'filter'] as const;

/** @throws RangeError when an option is out of range */
export function checkImageOptions(caller: string, options: ImageOptions): void {
  checkDecodeOptions(caller, options);
  for (const option of ['resize', 'crop'] as const) {
    const size = options[option];
    if (size === undefined) continue;
    const extents = typeof size === 'number' ? [size] : size;
    const isRight = typeof size === 'number' || extents.length === 2;
    if (!isRight || !extents.every((extent) => Number.isInteger(extent) && extent >= 1 && extent < 2 ** 16))
      throw new RangeError(
        `${caller}: ${option} must be a positive integer, or [height, width] of them, got ${JSON.stringify(size)}`,
      );
  }
  const { filter = 'bilinear' } = options;
  if (!['nearest', 'bilinear', 'bicubic'].includes(filter))
    throw new RangeError(
      `${caller}: filter must be 'nearest', 'bilinear' or 'bicubic', got ${JSON.stringify(filter)}`,
    );
}

/** Resizes and crops an image as the options say. */
export function fitted(image: Image, { resize, crop, filter }: ImageOptions): Image {
  let fit = image;
  if (resize !== undefined) {
    const [height, width] = image.shape;
    const along = (other: number, short: number): number =>
      Math.floor(((resize as number) * other) / short) || 1;
    const size =
      typeof resize !== 'number'
        ? resize
        : height <= width
          ? ([resize, along(width, height)] as const)
          : ([along(height, width), resize] as const);
    if (size[0] !== height || size[1] !== width) fit = resizeImage(image, size, filter);
  }
  if (crop === undefined) return fit;
  return centerCrop(fit, typeof crop === 'number' ? [crop, crop] : crop);
}

/**
 * Reads, decodes and fits an image file, at once.
 *
 * @throws DataError that begins with the path
 */
export function imageOfFile(path: string, options: ImageOptions, decode: ImageDecoder): Image {
  let bytes: Uint8Array;
  try {
    bytes = nodeModule('node:fs', 'imageFolder').readFileSync(path);
  } catch (error) {
    throw new DataError(`${path}: ${whyUnreadable(error)}`, { cause: error });
  }
  return fitted(decode(bytes, { ...options, name: path }), options);
}
