import { describe, expect, test } from 'vitest';
import {
  concatDatasets,
  type Dataset,
  examples,
  kFolds,
  splitPositions,
  stream,
  subset,
} from '../../src/data/index.ts';

const numbers = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

describe('examples', () => {
  const ten = examples(numbers(10));

  test('views of views', () => {
    expect([
      ...ten
        .map((x) => x * x)
        .filter((x) => x % 2 === 0)
        .take(3),
    ]).toEqual([0, 4, 16]);
    expect([...ten.slice(-3).concat(examples([99]))]).toEqual([7, 8, 9, 99]);
    expect([...ten.skip(8).repeat(2)]).toEqual([8, 9, 8, 9]);
    expect([...ten.subset([3, 3, 1])]).toEqual([3, 3, 1]);
    expect([...ten.batch(4)].at(-1)).toEqual([8, 9]);
    expect([...ten.shuffle(1)].sort((a, b) => a - b)).toEqual(numbers(10));
    expect([...ten.shuffle(1)]).not.toEqual([...ten.shuffle(2)]);
    expect(() => ten.get(10)).toThrow('no example 10 of 10');
    expect(() => ten.subset([-1])).toThrow('no example -1');
  });

  test('60/20/20: sizes, no example twice', () => {
    const parts = splitPositions(103, [0.6, 0.2, 0.2], { seed: 4 });
    expect(parts.map((p) => p.length)).toEqual([62, 20, 21]);
    expect(parts.flatMap((p) => [...p]).sort((a, b) => a - b)).toEqual(numbers(103));
    expect(ten.split([0.6, 0.2, 0.2], { shuffle: false }).map((p) => [...p])).toEqual([
      [0, 1, 2, 3, 4, 5],
      [6, 7],
      [8, 9],
    ]);
    expect(() => splitPositions(3, [0.9, 0.2])).toThrow('sum to at most 1');
    expect(() => splitPositions(2)).toThrow('would have none');
  });

  test('the rotation of five folds', () => {
    const names = (positions: Int32Array): string => [...positions].map((i) => i + 1).join('-');
    const turns = kFolds(5, 5, { shuffle: false });
    expect(turns.map((t) => [names(t.train), names(t.validation), names(t.test)])).toEqual([
      ['1-2-3', '4', '5'],
      ['2-3-4', '5', '1'],
      ['3-4-5', '1', '2'],
      ['4-5-1', '2', '3'],
      ['5-1-2', '3', '4'],
    ]);
    const folds = kFolds(23, 5);
    expect(folds.flatMap((f) => [...f.test]).sort((a, b) => a - b)).toEqual(numbers(23));
    for (const { train, validation, test } of folds)
      expect([...train, ...validation, ...test].sort((a, b) => a - b)).toEqual(numbers(23));
    expect(kFolds(4, 2, { validation: false })[0].train).toHaveLength(2);
    expect(() => kFolds(4, 5)).toThrow('to the 4 examples');
  });

  test('image datasets: subset and concat', () => {
    const toy: Dataset = {
      name: 'toy',
      count: 3,
      shape: [1, 2, 1],
      classes: 3,
      images: Uint8Array.of(0, 1, 2, 3, 4, 5),
      labels: Uint8Array.of(0, 1, 2),
    };
    const part = subset(toy, [2, 0]);
    expect([[...part.images], [...part.labels], part.count]).toEqual([[4, 5, 0, 1], [2, 0], 2]);
    const both = concatDatasets([part, toy]);
    expect([[...both.labels], both.count, both.images.length]).toEqual([[2, 0, 0, 1, 2], 5, 10]);
    expect(() => subset(toy, [3])).toThrow('toy has no example 3');
    expect(() => concatDatasets([toy, { ...toy, classes: 4 }])).toThrow('of 4 classes');
  });
});

describe('stream', () => {
  test('map, filter, batch, take, skip, repeat, concat', async () => {
    const source = stream(numbers(6));
    expect(
      await source
        .map(async (x) => x * 10)
        .filter((x) => x !== 20)
        .toArray(),
    ).toEqual([0, 10, 30, 40, 50]);
    expect(await source.batch(4).toArray()).toEqual([
      [0, 1, 2, 3],
      [4, 5],
    ]);
    expect(await source.batch(4, { dropLast: true }).toArray()).toEqual([[0, 1, 2, 3]]);
    expect(await source.repeat().skip(4).take(4).toArray()).toEqual([4, 5, 0, 1]);
    expect(
      await source
        .take(1)
        .concat([7], stream([8]))
        .repeat(2)
        .toArray(),
    ).toEqual([0, 7, 8, 0, 7, 8]);
    expect(await stream([]).repeat().toArray()).toEqual([]);
    expect(await source.take(0).toArray()).toEqual([]);
  });

  test('prefetch asks for items ahead, and gives the same ones', async () => {
    const made: number[] = [];
    const source = stream(numbers(6)).map(async (x) => {
      made.push(x);
      return x;
    });
    const ahead: number[] = [];
    const early = source.prefetch(2);
    for await (const item of early) {
      await new Promise((resolve) => setTimeout(resolve, 1));
      ahead.push(made.length - item - 1);
    }
    expect(ahead).toEqual([2, 2, 2, 2, 1, 0]);
    const again = stream(numbers(6)).prefetch(3);
    const seen: number[] = [];
    for await (const item of again) if (seen.push(item) === 4) break;
    const rest = stream(numbers(6)).prefetch(3);
    rest.restore(again.state());
    expect([...seen, ...(await rest.toArray())]).toEqual([0, 1, 2, 3, 4, 5]);
    let isClosed = false;
    const failing = stream(async function* () {
      try {
        yield 1;
        throw new Error('torn');
      } finally {
        isClosed = true;
      }
    });
    await expect(failing.prefetch().toArray()).rejects.toThrow('torn');
    expect(isClosed).toBe(true);
    expect(() => source.prefetch(0)).toThrow(/ahead must be a positive integer/);
  });

  test('a shuffle buffer: each item once, none more than its size early, another order each epoch', async () => {
    const mixed = stream(numbers(200)).shuffle(16, { seed: 2 });
    const first = await mixed.toArray();
    const second = await mixed.toArray();
    expect([...first].sort((a, b) => a - b)).toEqual(numbers(200));
    first.forEach((item, place) => {
      expect(item - place).toBeLessThanOrEqual(16);
    });
    expect(second).not.toEqual(first);
    expect(await stream(numbers(200)).shuffle(16, { seed: 2 }).toArray()).toEqual(first);
    expect(first.filter((item, place) => item === place).length).toBeLessThan(50);
  });

  test('goes on exactly where it stood', async () => {
    const make = () =>
      stream(async function* (epoch) {
        for (let i = 0; i < 20; i++) yield epoch * 100 + i;
      })
        .shuffle(5)
        .batch(3);
    const whole: number[][] = [];
    const states = [make().state()];
    const first = make();
    for (let epoch = 0; epoch < 2; epoch++)
      for await (const batch of first) {
        whole.push(batch);
        states.push(first.state());
      }
    for (const [i, state] of states.entries()) {
      const again = make();
      again.restore(JSON.parse(JSON.stringify(state)));
      const rest: number[][] = [];
      while (again.epoch < 2) rest.push(...(await again.toArray()));
      expect(rest).toEqual(whole.slice(i));
    }
  });

  test('an early end closes the source, an error comes through', async () => {
    let closed = false;
    const source = stream(function* () {
      try {
        yield* numbers(100);
      } finally {
        closed = true;
      }
    });
    for await (const item of source.map((x) => x)) if (item === 3) break;
    expect(closed).toBe(true);
    const broken = source.map((x) => {
      if (x === 2) throw new Error('item 2 is broken');
      return x;
    });
    await expect(broken.toArray()).rejects.toThrow('item 2 is broken');
  });
});
