import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { inflateSync } from 'node:zlib';
import { describe } from 'vitest';
import { type Tensor, tensor } from '../../src/index.ts';

/** The folder of real data, empty if there is none. */
export const realData = process.env.NABLA_DATA ?? '';

/** Tests that need real data. */
export const describeReal = describe.skipIf(realData === '');

/** The path of a file of the real data. */
export const realPath = (...parts: string[]): string => join(realData, ...parts);

/** An RGB image of 8 bits, not interlaced: width, height, and its bytes row by row. */
function readPng(path: string): { width: number; height: number; pixels: Uint8Array } {
  const bytes = readFileSync(path);
  const [width, height] = [bytes.readUInt32BE(16), bytes.readUInt32BE(20)];
  if (bytes[24] !== 8 || bytes[25] !== 2 || bytes[28] !== 0) throw new Error(`${path}: not 8-bit RGB`);
  const parts: Buffer[] = [];
  for (let at = 8; at < bytes.length; ) {
    const length = bytes.readUInt32BE(at);
    if (bytes.toString('latin1', at + 4, at + 8) === 'IDAT')
      parts.push(bytes.subarray(at + 8, at + 8 + length));
    at += 12 + length;
  }
  const rows = inflateSync(Buffer.concat(parts));
  const stride = 3 * width;
  const pixels = new Uint8Array(stride * height);
  for (let y = 0; y < height; y++) {
    const filter = rows[y * (stride + 1)];
    for (let i = 0; i < stride; i++) {
      const left = i < 3 ? 0 : pixels[y * stride + i - 3];
      const up = y === 0 ? 0 : pixels[(y - 1) * stride + i];
      const corner = i < 3 || y === 0 ? 0 : pixels[(y - 1) * stride + i - 3];
      const guess = [0, left, up, (left + up) >> 1, paeth(left, up, corner)][filter];
      pixels[y * stride + i] = rows[y * (stride + 1) + 1 + i] + guess;
    }
  }
  return { width, height, pixels };
}

function paeth(left: number, up: number, corner: number): number {
  const guess = left + up - corner;
  const [a, b, c] = [left, up, corner].map((near) => Math.abs(guess - near));
  return a <= b && a <= c ? left : b <= c ? up : corner;
}

/** The 1,000 test images of CIFAR-10, [1000, 32, 32, 3] with each channel normalized, and their labels. */
export function cifarTest(
  mean: readonly number[],
  std: readonly number[],
): { images: Tensor; labels: Uint8Array } {
  const { pixels } = readPng(realPath('cifar10-png', 'cifar10_batch_50.png'));
  const images = tensor(
    Float32Array.from(pixels, (p, i) => (p / 255 - mean[i % 3]) / std[i % 3]),
    { shape: [1000, 32, 32, 3] },
  );
  return { images, labels: readFileSync(realPath('cifar10-png', 'labels.u8')).subarray(50_000) };
}

/** How many rows of [rows, classes] have their largest value at the label. */
export function correct(logits: Tensor, labels: ArrayLike<number>): number {
  const best = logits.argmax(-1).dataSync();
  return Array.from(best).filter((label, i) => label === labels[i]).length;
}
