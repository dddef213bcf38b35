import { crc32 } from '../io/crc32.ts';
import { DataError } from './dataset.ts';
import { checkImage, type Image } from './image.ts';

/** The first eight bytes of every PNG file. */
export const pngSignature = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);

/** PNG's colour type by number of channels. */
const colourTypes = [0, 0, 4, 2, 6];

/**
 * An image as a PNG file (ISO/IEC 15948) of 8 bits a channel: grey, grey with alpha, RGB or RGBA after its channels, each row with the
 * filter whose bytes have the smallest sum as signed numbers. In browsers, which do not compress at once, pixels are stored as they are.
 *
 * @throws DataError when data and shape do not belong together
 */
export function encodePng(image: Image): Uint8Array {
  checkImage('encodePng', image);
  const [height, width, channels] = image.shape;
  if (Math.max(height, width) >= 2 ** 31)
    throw new DataError(`encodePng: PNG files cannot hold ${height} x ${width} pixels`);
  const header = new Uint8Array(13);
  const view = new DataView(header.buffer);
  view.setUint32(0, width);
  view.setUint32(4, height);
  header.set([8, colourTypes[channels], 0, 0, 0], 8);
  const parts = [
    pngSignature,
    chunk('IHDR', header),
    chunk('IDAT', compress(filtered(image))),
    chunk('IEND', new Uint8Array()),
  ];
  const file = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    file.set(part, at);
    at += part.length;
  }
  return file;
}

function chunk(type: string, body: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(body.length + 12);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, body.length);
  for (let i = 0; i < 4; i++) bytes[4 + i] = type.charCodeAt(i);
  bytes.set(body, 8);
  view.setUint32(8 + body.length, crc32(bytes.subarray(4, 8 + body.length)));
  return bytes;
}

/** What PNG predicts a byte to be from those to the left, above, and left above, by number of the filter. */
export const predictors: readonly ((left: number, up: number, corner: number) => number)[] = [
  () => 0,
  (left) => left,
  (_, up) => up,
  (left, up) => (left + up) >> 1,
  paeth,
];

/** Of left, up and corner the nearest to left + up - corner; the first of equally near ones. */
export function paeth(left: number, up: number, corner: number): number {
  const [a, b] = [Math.abs(up - corner), Math.abs(left - corner)];
  const c = Math.abs(left + up - 2 * corner);
  if (a <= b && a <= c) return left;
  return b <= c ? up : corner;
}

/** Rows, each after the number of its filter. */
function filtered({ shape, data }: Image): Uint8Array {
  const [height, width, channels] = shape;
  const stride = width * channels;
  const rows = new Uint8Array(height * (stride + 1));
  const tries = predictors.map(() => new Uint8Array(stride));
  const sums = new Float64Array(predictors.length);
  for (let y = 0; y < height; y++) {
    sums.fill(0);
    for (const [filter, predict] of predictors.entries()) {
      const tried = tries[filter];
      for (let i = 0; i < stride; i++) {
        const at = y * stride + i;
        const left = i < channels ? 0 : data[at - channels];
        const up = y === 0 ? 0 : data[at - stride];
        const corner = i < channels || y === 0 ? 0 : data[at - stride - channels];
        const difference = (data[at] - predict(left, up, corner)) & 255;
        tried[i] = difference;
        sums[filter] += difference < 128 ? difference : 256 - difference;
      }
    }
    const best = sums.indexOf(Math.min(...sums));
    rows[y * (stride + 1)] = best;
    rows.set(tries[best], y * (stride + 1) + 1);
  }
  return rows;
}

/** A zlib stream (RFC 1950): compressed where zlib is, else in stored blocks. */
function compress(bytes: Uint8Array): Uint8Array {
  if (typeof process !== 'undefined' && typeof process.getBuiltinModule === 'function')
    return process.getBuiltinModule('node:zlib').deflateSync(bytes, { level: 9 });
  return storedZlib(bytes);
}

/** A zlib stream of stored blocks of at most 65,535 bytes. @internal exported for its test */
export function storedZlib(bytes: Uint8Array): Uint8Array {
  const blocks = Math.max(1, Math.ceil(bytes.length / 65_535));
  const out = new Uint8Array(2 + bytes.length + 5 * blocks + 4);
  const view = new DataView(out.buffer);
  out.set([0x78, 0x01]);
  let at = 2;
  for (let block = 0; block < blocks; block++) {
    const part = bytes.subarray(block * 65_535, (block + 1) * 65_535);
    out[at] = block === blocks - 1 ? 1 : 0;
    view.setUint16(at + 1, part.length, true);
    view.setUint16(at + 3, part.length ^ 0xffff, true);
    out.set(part, at + 5);
    at += 5 + part.length;
  }
  let [a, b] = [1, 0];
  for (const byte of bytes) {
    a = (a + byte) % 65_521;
    b = (b + a) % 65_521;
  }
  view.setUint32(at, b * 65_536 + a);
  return out;
}
