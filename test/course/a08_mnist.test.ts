import { describe, expect, test } from 'vitest';
import { digits, loader } from '../../src/data/index.ts';
import { tensor } from '../../src/index.ts';
import { accuracy } from '../../src/metrics/index.ts';

describe('A08', () => {
  test('A08-06 accuracies of single batches are multiples of .01: the batch size is 100', () => {
    // What the logs of the course print for single training batches, while smoothed and test values have four digits.
    const printed = [0.92, 1.0, 0.89, 0.87, 0.23, 0.99, 0.97];
    const fits = (size: number, values: readonly number[]) =>
      values.every((value) => Math.abs(value * size - Math.round(value * size)) < 1e-9);
    const sizes = Array.from({ length: 200 }, (_, i) => i + 1).filter((size) => fits(size, printed));
    // 200 fits as well, but would print odd multiples of .005 half of the time.
    expect(sizes).toEqual([100, 200]);
    expect(fits(100, [0.9862])).toBe(false);

    const { train } = digits({ train: 500, test: 1, seed: 1 });
    const seen = new Set<number>();
    for (const [x, y] of loader(train, { batchSize: 100, shuffle: true })) {
      expect(x.shape).toEqual([100, 28, 28, 1]);
      // Any classifier will do: here the class by the ink of ten stripes.
      const guess = x
        .reshape([100, 28 * 28])
        .slice(null, [0, 780])
        .reshape([100, 10, 78])
        .mean(2);
      const share = accuracy(guess, y).item();
      expect(fits(100, [Number(share.toFixed(4))])).toBe(true);
      seen.add(share);
    }
    expect(seen.size).toBeGreaterThan(1);
    // One right answer more is .01 more.
    const outputs = (right: number) =>
      tensor(Array.from({ length: 100 }, (_, i) => (i < right ? [1, 0] : [0, 1])));
    const labels = tensor(new Int32Array(100));
    for (const right of [0, 1, 57, 92, 100])
      expect(accuracy(outputs(right), labels).item()).toBeCloseTo(right / 100, 6);
  });
});
