import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { DataError } from '../../src/data/dataset.ts';
import { digits } from '../../src/data/digits.ts';

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

const imageOf = (images: Uint8Array, i: number): Uint8Array => images.subarray(i * 784, (i + 1) * 784);

describe('digits', () => {
  const { train, test: held } = digits({ train: 2000, test: 500 });

  test('is 28x28 grey images with balanced labels', () => {
    expect(train.shape).toEqual([28, 28, 1]);
    expect(train.classes).toBe(10);
    expect([train.count, train.images.length, train.labels.length]).toEqual([2000, 2000 * 784, 2000]);
    expect([held.count, held.images.length, held.labels.length]).toEqual([500, 500 * 784, 500]);
    for (let digit = 0; digit < 10; digit++) {
      expect(train.labels.filter((label) => label === digit)).toHaveLength(200);
      expect(held.labels.filter((label) => label === digit)).toHaveLength(50);
    }
    const firstTens = new Set([0, 10, 20, 30].map((start) => train.labels.slice(start, start + 10).join('')));
    expect(firstTens.size).toBe(4);
  });

  test('makes these bytes for these seeds, on every machine', () => {
    const small = digits({ train: 200, test: 100, seed: 7 });
    expect({
      train: sha256(small.train.images),
      test: sha256(small.test.images),
      labels: small.train.labels.slice(0, 20).join(''),
    }).toMatchInlineSnapshot(`
      {
        "labels": "48710529365364102789",
        "test": "d1c8954d2d6a30477076533c8ff13816bd56d0798b65f4d84a38766dacfdea20",
        "train": "191a3f66dad337bc3d0391a5694195cbac2af55d2a00d4c297bae1d4cc0d86cb",
      }
    `);
  });

  test('a larger set begins with the smaller one; the parts do not depend on each other', () => {
    const small = digits({ train: 33, test: 0 });
    expect(small.train.images).toEqual(train.images.subarray(0, 33 * 784));
    expect(small.train.labels).toEqual(train.labels.subarray(0, 33));
    expect(small.test.count).toBe(0);
  });

  test('another seed and the other part are other images, and none occurs twice', () => {
    const other = digits({ train: 500, test: 500, seed: 1 });
    const seen = new Set<string>();
    for (const part of [train, held, other.train, other.test]) {
      for (let i = 0; i < 500; i++) seen.add(sha256(imageOf(part.images, i)));
    }
    expect(seen.size).toBe(2000);
    const high = digits({ train: 10, test: 0, seed: 2 ** 32 });
    expect(high.train.images).not.toEqual(train.images.subarray(0, 7840));
  });

  test('each image has a digit on a dark ground, all of it inside', () => {
    for (let i = 0; i < train.count; i++) {
      const image = imageOf(train.images, i);
      const bright = image.filter((grey) => grey > 128).length;
      expect(bright).toBeGreaterThan(15);
      expect(bright).toBeLessThan(784 / 2);
      const border = image.filter(
        (_, pixel) => pixel < 28 || pixel >= 756 || pixel % 28 === 0 || pixel % 28 === 27,
      );
      expect(Math.max(...border)).toBeLessThan(60);
    }
  });

  test('is hard for templates: the nearest class mean is right for some, but far from all', () => {
    const means = Array.from({ length: 10 }, () => new Float64Array(784));
    for (let i = 0; i < train.count; i++) {
      for (let p = 0; p < 784; p++) means[train.labels[i]][p] += train.images[i * 784 + p] / 200;
    }
    let right = 0;
    for (let i = 0; i < held.count; i++) {
      const distances = means.map((mean) =>
        mean.reduce((sum, m, p) => sum + (held.images[i * 784 + p] - m) ** 2, 0),
      );
      if (distances.indexOf(Math.min(...distances)) === held.labels[i]) right++;
    }
    expect(right / held.count).toBeGreaterThan(0.45);
    expect(right / held.count).toBeLessThan(0.85);
  });

  test('refuses impossible numbers', () => {
    expect(() => digits({ train: -1 })).toThrow(DataError);
    expect(() => digits({ test: 2.5 })).toThrow('digits: test: 2.5 is not a number of images');
    expect(() => digits({ train: 1e9 })).toThrow('from 0 to 1,000,000');
    expect(() => digits({ train: 1, test: 1, seed: 0.5 })).toThrow(RangeError);
  });
});
