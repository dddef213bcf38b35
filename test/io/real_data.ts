import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe } from 'vitest';
import { readImage } from '../../src/data/index.ts';
import { type Tensor, tensor } from '../../src/index.ts';

/** The folder of real data, empty if there is none. */
export const realData = process.env.NABLA_DATA ?? '';

/** Tests that need real data. */
export const describeReal = describe.skipIf(realData === '');

/** The path of a file of the real data. */
export const realPath = (...parts: string[]): string => join(realData, ...parts);

/** The 1,000 test images of CIFAR-10, [1000, 32, 32, 3] with each channel normalized, and their labels. */
export async function cifarTest(
  mean: readonly number[],
  std: readonly number[],
): Promise<{ images: Tensor; labels: Uint8Array }> {
  const { data } = await readImage(realPath('cifar10-png', 'cifar10_batch_50.png'));
  const images = tensor(
    Float32Array.from(data, (p, i) => (p / 255 - mean[i % 3]) / std[i % 3]),
    { shape: [1000, 32, 32, 3] },
  );
  return { images, labels: readFileSync(realPath('cifar10-png', 'labels.u8')).subarray(50_000) };
}

/** How many rows of [rows, classes] have their largest value at the label. */
export function correct(logits: Tensor, labels: ArrayLike<number>): number {
  const best = logits.argmax(-1).dataSync();
  return Array.from(best).filter((label, i) => label === labels[i]).length;
}
