import { describe, expect, test } from 'vitest';
import { type Dataset, type LoaderOptions, loader } from '../../src/data/index.ts';

const make = (count: number, channels = 1): Dataset => ({
  name: 'toy',
  count,
  shape: [1, 2, channels],
  classes: 256,
  images: Uint8Array.from({ length: count * 2 * channels }, (_, i) => i),
  labels: Uint8Array.from({ length: count }, (_, i) => i),
});
const labels = (options: LoaderOptions, count = 10, epoch = 0): number[][] => {
  const batches = loader(make(count), options);
  batches.epoch = epoch;
  return [...batches].map(([, y]) => [...y.dataSync()]);
};

describe('loader', () => {
  test('batches in order, the last one shorter unless it is dropped', () => {
    expect(labels({ batchSize: 4 })).toEqual([
      [0, 1, 2, 3],
      [4, 5, 6, 7],
      [8, 9],
    ]);
    expect(labels({ batchSize: 4, dropLast: true })).toEqual([
      [0, 1, 2, 3],
      [4, 5, 6, 7],
    ]);
    expect(loader(make(10), { batchSize: 4 }).length).toBe(3);
    expect(loader(make(10), { batchSize: 4, dropLast: true }).length).toBe(2);
  });

  test('arrays of the right kind, pixels scaled to 0..1', () => {
    const [[x, y]] = [...loader(make(3), { batchSize: 3 })];
    expect([x.shape, x.dtype, y.shape, y.dtype]).toEqual([[3, 1, 2, 1], 'float32', [3], 'int32']);
    expect([...x.dataSync()]).toEqual([0, 1, 2, 3, 4, 5].map((v) => Math.fround(v / 255)));
  });

  test('normalizes, by channel where told', () => {
    const [[x]] = [...loader(make(1, 2), { mean: [0.5, 0], std: [1, 0.25] })];
    expect([...x.dataSync()]).toEqual([-0.5, 4 / 255, 2 / 255 - 0.5, 12 / 255].map(Math.fround));
    const [[z]] = [...loader(make(1), { mean: 0.5, std: 2 })];
    expect(z.dataSync()[0]).toBe(-0.25);
  });

  test('images and labels stay together when shuffled', () => {
    for (const [x, y] of loader(make(10), { batchSize: 3, shuffle: true })) {
      const first = [...x.dataSync()].filter((_, i) => i % 2 === 0).map((v) => Math.round(v * 255) / 2);
      expect(first).toEqual([...y.dataSync()]);
    }
  });

  test('each epoch is another permutation, a function of seed and epoch alone', () => {
    const options = { batchSize: 10, shuffle: true, seed: 3 };
    const batches = loader(make(10), options);
    const [[, first]] = [...batches];
    const [[, second]] = [...batches];
    expect(batches.epoch).toBe(2);
    expect([...first.dataSync()].sort((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect([...second.dataSync()]).not.toEqual([...first.dataSync()]);
    expect(labels(options, 10, 1)).toEqual([[...second.dataSync()]]);
    expect(labels({ ...options, seed: 4 })).not.toEqual([[...first.dataSync()]]);
  });

  test('refuses what makes no sense', () => {
    expect(() => loader(make(0))).toThrow(/toy has no examples/);
    expect(() => loader(make(3), { batchSize: 4, dropLast: true })).toThrow(/no batch of 4/);
    expect(() => loader(make(3), { batchSize: 0 })).toThrow(/batchSize must be a positive integer/);
    expect(() => loader(make(3), { batchsize: 2 } as object)).toThrow(
      /unknown option 'batchsize'; options are batchSize/,
    );
    expect(() => loader(make(3), { mean: [1, 2] })).toThrow(/each of the 1 channels/);
    expect(() => loader(make(3), { std: 0 })).toThrow(/std must be positive/);
  });
});
