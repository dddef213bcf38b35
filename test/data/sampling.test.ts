import { describe, expect, test } from 'vitest';
import { jit } from '../../src/core/jit.ts';
import type { Tensor } from '../../src/core/tensor.ts';
import {
  balancedSampler,
  batchLoader,
  bucketSampler,
  type Dataset,
  examples,
  loader,
  padSequences,
  stackExamples,
  weightedSampler,
} from '../../src/data/index.ts';

const toy: Dataset = {
  name: 'toy',
  count: 10,
  shape: [1, 1, 1],
  classes: 10,
  images: Uint8Array.from({ length: 10 }, (_, i) => i),
  labels: Uint8Array.from({ length: 10 }, (_, i) => i),
};

describe('samplers', () => {
  test('with replacement, examples occur in proportion to their weights', () => {
    const sampler = weightedSampler([1, 0, 3], { count: 40_000, seed: 5 });
    const counts = [0, 0, 0];
    for (const i of sampler.order(0)) counts[i]++;
    expect(counts[1]).toBe(0);
    // Five standard deviations of a binomial count.
    expect(Math.abs(counts[0] - 10_000)).toBeLessThan(5 * Math.sqrt(7500));
    expect([...sampler.order(1)]).not.toEqual([...sampler.order(0)]);
    expect([...sampler.order(1)]).toEqual([
      ...weightedSampler([1, 0, 3], { count: 40_000, seed: 5 }).order(1),
    ]);
  });

  test('without replacement, each at most once; the first of two with odds of their weights', () => {
    const sampler = weightedSampler([1, 3, 0], { count: 2, replacement: false });
    let heavyFirst = 0;
    for (let epoch = 0; epoch < 2000; epoch++) {
      const order = [...sampler.order(epoch)];
      expect([...order].sort()).toEqual([0, 1]);
      if (order[0] === 1) heavyFirst++;
    }
    expect(Math.abs(heavyFirst - 1500)).toBeLessThan(5 * Math.sqrt(375));
  });

  test('weights of any scale do not overflow, and weights of zero are never drawn without replacement', () => {
    expect([...weightedSampler([1e308, 1e308], { count: 50 }).order(0)]).toContain(0);
    const tiny = weightedSampler([1e-320, 0, 1], { count: 2, replacement: false });
    for (let epoch = 0; epoch < 20; epoch++) expect([...tiny.order(epoch)]).toEqual([2, 0]);
  });

  test('balanced: equally many of each class, small ones repeated evenly, large ones taking turns', () => {
    const labels = [7, 7, 7, 7, 7, 7, 2, 2];
    const few = balancedSampler(labels);
    expect(few.length).toBe(4);
    const seen = new Set<number>();
    for (let epoch = 0; epoch < 30; epoch++) {
      const order = [...few.order(epoch)];
      expect(order.filter((i) => labels[i] === 2).sort()).toEqual([6, 7]);
      for (const i of order) seen.add(i);
    }
    expect(seen.size).toBe(8);
    const many = [...balancedSampler(labels, { perClass: 6 }).order(0)].sort((a, b) => a - b);
    expect(many).toEqual([0, 1, 2, 3, 4, 5, 6, 6, 6, 7, 7, 7]);
  });

  test('loaders take them', () => {
    const batches = [
      ...loader(toy, { batchSize: 4, sampler: weightedSampler([0, 0, 1, 0, 0, 0, 0, 0, 0, 0]) }),
    ];
    expect(batches.map(([, y]) => [...y.dataSync()])).toEqual([
      [2, 2, 2, 2],
      [2, 2, 2, 2],
      [2, 2],
    ]);
    const order = loader(toy, {
      batchSampler: bucketSampler(toy.labels, { batchSize: 3, boundaries: [4, 9] }),
    });
    expect(order.length).toBe(4);
    expect([...order].map(([, y]) => [...y.dataSync()])).toEqual([
      [0, 1, 2],
      [3, 4],
      [5, 6, 7],
      [8, 9],
    ]);
  });

  test('refuse what cannot be', () => {
    expect(() => weightedSampler([1, -1])).toThrow('weight 1 is -1');
    expect(() => weightedSampler([0, 0])).toThrow('no weight is above 0');
    expect(() => weightedSampler([1, 0], { replacement: false })).toThrow('only 1 have a weight above 0');
    expect(() => balancedSampler([])).toThrow('no labels');
    expect(() => loader(toy, { shuffle: true, sampler: weightedSampler([1]) })).toThrow('leave out shuffle');
    expect(() => bucketSampler([3], { boundaries: [2] })).toThrow('longer than the last boundary, 2');
    expect(() => bucketSampler([3], { boundaries: [4, 4] })).toThrow('ascending');
    expect(() => bucketSampler([3], { dropLast: true })).toThrow('full batch of 32');
  });
});

describe('padding and buckets', () => {
  const lengths = Array.from({ length: 97 }, (_, i) => 1 + ((i * 37) % 50));
  const sequences = lengths.map((n, i) => Array.from({ length: n }, (_, t) => i + t));

  test('pads to the longest, to a multiple, before or after, vectors too', () => {
    const { x, lengths, mask } = padSequences([[1, 2], [3]], { dtype: 'int32' });
    expect([x.toArray(), lengths.toArray(), mask.toArray()]).toEqual([
      [
        [1, 2],
        [3, 0],
      ],
      [2, 1],
      [
        [true, true],
        [true, false],
      ],
    ]);
    expect(padSequences([[1], []], { multiple: 4, value: -1, side: 'before' }).x.toArray()).toEqual([
      [-1, -1, -1, 1],
      [-1, -1, -1, -1],
    ]);
    expect(
      padSequences(
        [
          [1, 2, 3, 4],
          [5, 6],
        ],
        { features: 2 },
      ).x.toArray(),
    ).toEqual([
      [
        [1, 2],
        [3, 4],
      ],
      [
        [5, 6],
        [0, 0],
      ],
    ]);
    expect(() => padSequences([[1, 2, 3]], { features: 2 })).toThrow('no vectors of 2');
    expect(() => stackExamples([[1], [1, 2]])).toThrow('example 1 of the batch is [2]');
  });

  test('a compiled function meets as many shapes as there are buckets', () => {
    const sampler = bucketSampler(lengths, { batchSize: 4, buckets: 3, shuffle: true, dropLast: true });
    let traces = 0;
    const total = jit((x: Tensor) => {
      traces++;
      return x.sum();
    });
    const data = batchLoader(examples(sequences), {
      batchSampler: sampler,
      collate: (list) => padSequences(list, { boundaries: sampler.boundaries }).x,
    });
    for (let epoch = 0; epoch < 2; epoch++) for (const x of data) total(x);
    expect(sampler.boundaries).toHaveLength(3);
    expect(traces).toBe(3);
  });

  test('every example is in one batch, with others of its bucket', () => {
    const sampler = bucketSampler(lengths, { batchSize: 8, boundaries: [10, 20, 50], shuffle: true });
    const batches = sampler.batches(3);
    expect(batches).toHaveLength(sampler.length);
    expect(batches.flatMap((b) => [...b]).sort((a, b) => a - b)).toEqual(lengths.map((_, i) => i));
    for (const batch of batches)
      expect(new Set([...batch].map((i) => sampler.boundaryOf(lengths[i]))).size).toBe(1);
    expect(sampler.batches(3)).toEqual(batches);
    expect(sampler.batches(4)).not.toEqual(batches);
  });
});

describe('resuming', () => {
  const make = () =>
    batchLoader(examples(Array.from({ length: 23 }, (_, i) => i)), {
      batchSize: 4,
      shuffle: true,
      seed: 9,
      collate: (list) => list.join(),
    });

  test('from every place the rest is what was still to come', () => {
    const whole: string[] = [];
    const states = [];
    const first = make();
    states.push(first.state());
    for (let epoch = 0; epoch < 2; epoch++)
      for (const batch of first) {
        whole.push(batch);
        states.push(first.state());
      }
    states.forEach((state, i) => {
      const again = make();
      again.restore(JSON.parse(JSON.stringify(state)));
      // What fit does at the beginning of an epoch.
      again.epoch = state.epoch;
      const rest: string[] = [];
      while (again.epoch < 2) rest.push(...again);
      expect(rest).toEqual(whole.slice(i));
    });
  });

  test('another epoch begins at its beginning; impossible places are refused', () => {
    const data = make();
    data.restore({ epoch: 1, batch: 3 });
    data.epoch = 2;
    expect([...data]).toHaveLength(6);
    expect(data.state()).toEqual({ epoch: 3, batch: 0 });
    expect(() => data.restore({ epoch: 0, batch: 7 })).toThrow('6 batches an epoch');
  });
});
