import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeIdx } from '../../src/data/index.ts';

/** A folder in which no test has been. */
export const freshFolder = (): string => mkdtempSync(join(tmpdir(), 'nabla-cli-'));

/** Files in the format of MNIST with so few images that a test can train on them: class c is a bright block at a place of its own. */
export async function tinyMnist(train = 30, test = 20): Promise<string> {
  const folder = freshFolder();
  const write = async (prefix: string, count: number) => {
    const images = new Uint8Array(count * 784);
    for (let i = 0; i < count; i++)
      for (let k = 0; k < 40; k++) images[i * 784 + (i % 10) * 70 + k] = 200 + ((i * 7 + k) % 56);
    const labels = Uint8Array.from({ length: count }, (_, i) => i % 10);
    await writeIdx(join(folder, `${prefix}-images-idx3-ubyte`), {
      dtype: 'uint8',
      shape: [count, 28, 28],
      data: images,
    });
    await writeIdx(join(folder, `${prefix}-labels-idx1-ubyte`), {
      dtype: 'uint8',
      shape: [count],
      data: labels,
    });
  };
  await write('train', train);
  await write('t10k', test);
  return folder;
}
