import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { DataError, slice, split, take } from '../../src/data/dataset.ts';
import { writeIdx } from '../../src/data/idx.ts';
import { fashionMnist, fashionMnistClasses, mnist } from '../../src/data/mnist.ts';

let dir = '';
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'nabla-mnist-'));
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(dir, { recursive: true });
});

/** Writes a set of images, all of the grey of their index, with labels 0, 1, 2, ... */
async function put(
  folder: string,
  {
    counts = [4, 3],
    labels = [...counts],
    size = [28, 28],
    suffix = '.gz',
    dot = false,
  }: {
    counts?: number[];
    labels?: number[];
    size?: number[];
    suffix?: string;
    dot?: boolean;
  } = {},
): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const [i, part] of ['train', 't10k'].entries()) {
    const pixels = size[0] * size[1];
    const data = Uint8Array.from(
      { length: counts[i] * pixels },
      (_, at) => Math.floor(at / pixels) + 100 * i,
    );
    const name = (kind: string): string =>
      join(folder, `${part}-${dot ? kind.replace('-idx', '.idx') : kind}${suffix}`);
    await writeIdx(name('images-idx3-ubyte'), { dtype: 'uint8', shape: [counts[i], ...size], data });
    const classes = Uint8Array.from({ length: labels[i] }, (_, at) => at);
    await writeIdx(name('labels-idx1-ubyte'), { dtype: 'uint8', shape: [labels[i]], data: classes });
  }
}

describe('mnist', () => {
  test.each([
    ['the files themselves', '', { suffix: '' }],
    ['a folder mnist', 'mnist', { suffix: '.gz' }],
    ['file names with a dot', 'mnist', { suffix: '', dot: true }],
  ])('reads a folder that holds %s', async (_, inner, options) => {
    await put(join(dir, inner), options);
    const { train, test: held } = await mnist({ dir });
    expect(train).toMatchObject({ name: 'mnist train', count: 4, shape: [28, 28, 1], classes: 10 });
    expect(held).toMatchObject({ name: 'mnist test', count: 3 });
    expect([...train.labels]).toEqual([0, 1, 2, 3]);
    expect(train.images).toHaveLength(4 * 784);
    expect([train.images[783], train.images[784], held.images[2 * 784]]).toEqual([0, 1, 102]);
  });

  test('reads NABLA_DATA by default, and Fashion-MNIST beside it', async () => {
    vi.stubEnv('NABLA_DATA', dir);
    await put(join(dir, 'mnist'));
    await put(join(dir, 'fashion-mnist'), { counts: [2, 2] });
    expect((await mnist()).train.count).toBe(4);
    expect((await fashionMnist()).train).toMatchObject({ name: 'fashion-mnist train', count: 2 });
    expect((await mnist({ folder: 'fashion-mnist' })).train.count).toBe(2);
    expect(fashionMnistClasses).toHaveLength(10);
  });

  test('says what is missing', async () => {
    vi.stubEnv('NABLA_DATA', '');
    await expect(mnist()).rejects.toThrow('mnist: no data folder: pass { dir } or set NABLA_DATA');
    await expect(mnist({ dir: join(dir, 'none') })).rejects.toThrow(
      `mnist: no such folder: ${join(dir, 'none')}`,
    );
    await expect(mnist({ dir })).rejects.toThrow(DataError);
    await expect(mnist({ dir })).rejects.toThrow(
      `mnist: no data found: ${dir} has no train-images-idx3-ubyte, train-labels-idx1-ubyte, ` +
        't10k-images-idx3-ubyte, t10k-labels-idx1-ubyte (with or without .gz)',
    );
    await put(join(dir, 'mnist'));
    await rm(join(dir, 'mnist', 't10k-labels-idx1-ubyte.gz'));
    await expect(mnist({ dir })).rejects.toThrow(`${join(dir, 'mnist')} has no t10k-labels-idx1-ubyte;`);
  });

  test('refuses images and labels that do not belong together', async () => {
    await put(dir, { labels: [4, 2] });
    await expect(mnist({ dir })).rejects.toThrow(
      /t10k-images\S+ has 3 images, but \S+t10k-labels\S+ has 2 labels/,
    );
  });

  test('refuses wrong sizes, wrong labels and empty sets', async () => {
    await put(dir, { size: [28, 27] });
    await expect(mnist({ dir })).rejects.toThrow(/train-images\S+: images are 28x27, expected 28x28/);
    await put(dir, { counts: [11, 3] });
    await expect(mnist({ dir })).rejects.toThrow(
      /train-labels\S+: label 10 of example 10 is not one of 0 to 9/,
    );
    await put(dir, { counts: [4, 0] });
    await expect(mnist({ dir })).rejects.toThrow(/t10k-images\S+: holds no images/);
  });

  const real = process.env.NABLA_DATA ?? '';
  test.skipIf(!existsSync(join(real, 'mnist')))('reads the real MNIST', async () => {
    const { train, test: held } = await mnist({ dir: real });
    expect([train.count, held.count]).toEqual([60_000, 10_000]);
    expect([...train.labels.slice(0, 10)]).toEqual([5, 0, 4, 1, 9, 2, 1, 3, 1, 4]);
    expect([...held.labels.slice(0, 10)]).toEqual([7, 2, 1, 0, 4, 1, 4, 9, 5, 9]);
    const mean = train.images.reduce((sum, grey) => sum + grey, 0) / train.images.length / 255;
    expect(mean).toBeCloseTo(0.1307, 4);
  });

  test.skipIf(!existsSync(join(real, 'fashion-mnist')))('reads the real Fashion-MNIST', async () => {
    const { train, test: held } = await fashionMnist({ dir: real });
    expect([train.count, held.count]).toEqual([60_000, 10_000]);
    expect([...train.labels.slice(0, 5)]).toEqual([9, 0, 0, 3, 0]);
  });
});

describe('parts of a dataset', () => {
  test('are views of the same bytes', async () => {
    await put(dir);
    const { train } = await mnist({ dir });
    const middle = slice(train, 1, 3);
    expect([...middle.labels]).toEqual([1, 2]);
    expect([middle.count, middle.images.length, middle.images[0]]).toEqual([2, 2 * 784, 1]);
    expect(middle.images.buffer).toBe(train.images.buffer);
    const [first, rest] = split(train, 3);
    expect([first.count, rest.count, rest.labels[0]]).toEqual([3, 1, 3]);
    expect(take(train, 0).count).toBe(0);
    expect(() => take(train, 5)).toThrow('examples 0 to 5 of mnist train do not exist; it has 4');
    expect(() => slice(train, 3, 2)).toThrow(DataError);
  });
});
