import type { Image } from './image.ts';

/**
 * The orientation in a block of EXIF (a TIFF file, CIPA DC-008): 1 as stored, 2 mirrored, 3 turned by 180 degrees, 4 upside
 * down, 5 to 8 with rows and columns exchanged. 1 when there is none or the block is damaged, as Pillow has it.
 */
export function exifOrientation(exif: Uint8Array | null): number {
  if (exif === null || exif.length < 14) return 1;
  const view = new DataView(exif.buffer, exif.byteOffset, exif.byteLength);
  const order = view.getUint16(0);
  if (order !== 0x4949 && order !== 0x4d4d) return 1;
  const isLittle = order === 0x4949;
  const directory = view.getUint32(4, isLittle);
  if (directory + 2 > exif.length) return 1;
  const entries = view.getUint16(directory, isLittle);
  for (let i = 0; i < entries; i++) {
    const at = directory + 2 + 12 * i;
    if (at + 12 > exif.length) return 1;
    const [tag, type] = [view.getUint16(at, isLittle), view.getUint16(at + 2, isLittle)];
    if (tag !== 0x0112) continue;
    const value = type === 3 ? view.getUint16(at + 8, isLittle) : 1;
    return value >= 1 && value <= 8 ? value : 1;
  }
  return 1;
}

/** An image as it is to be looked at, given its orientation; the image itself when that is 1. */
export function upright(image: Image, orientation: number): Image {
  if (orientation === 1) return image;
  const { shape, data } = image;
  const [height, width, channels] = shape;
  const isTurned = orientation >= 5;
  const [rows, columns] = isTurned ? [width, height] : [height, width];
  const out = new Uint8Array(data.length);
  // Where rows and columns of what is seen begin, and which way they go, in what is stored.
  const fromRight = [2, 3, 7, 8].includes(orientation);
  const fromBelow = [3, 4, 6, 7].includes(orientation);
  for (let y = 0; y < rows; y++)
    for (let x = 0; x < columns; x++) {
      const [v, u] = isTurned ? [x, y] : [y, x];
      const from = (fromBelow ? height - 1 - v : v) * width + (fromRight ? width - 1 - u : u);
      const to = y * columns + x;
      for (let c = 0; c < channels; c++) out[to * channels + c] = data[from * channels + c];
    }
  return { shape: [rows, columns, channels], data: out };
}
