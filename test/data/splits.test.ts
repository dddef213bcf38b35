import { describe, expect, test } from 'vitest';
import {
  countOf,
  digits,
  examples,
  type Fold,
  kFolds,
  pick,
  splitPositions,
  timeSeriesFolds,
  trainValidationTestSplit,
} from '../../src/data/index.ts';
import { arange, tensor } from '../../src/index.ts';

const numbers = (n: number): number[] => Array.from({ length: n }, (_, i) => i);
const sorted = (lists: readonly ArrayLike<number>[]): number[] =>
  lists.flatMap((list) => Array.from(list)).sort((a, b) => a - b);
const counts = (positions: Int32Array, labels: readonly (number | string)[]): Record<string, number> => {
  const result: Record<string, number> = {};
  for (const i of positions) result[labels[i]] = (result[labels[i]] ?? 0) + 1;
  return result;
};

describe('stratified', () => {
  // 70 %, 20 % and 10 % of 100, mixed.
  const labels = numbers(100).map((i) => ((i * 7) % 10 < 7 ? 'a' : (i * 7) % 10 < 9 ? 'b' : 'c'));

  test('every part has the classes in proportion', () => {
    const parts = splitPositions(100, [0.6, 0.2, 0.2], { stratify: labels, seed: 3 });
    expect(parts.map((part) => counts(part, labels))).toEqual([
      { a: 42, b: 12, c: 6 },
      { a: 14, b: 4, c: 2 },
      { a: 14, b: 4, c: 2 },
    ]);
    expect(sorted(parts)).toEqual(numbers(100));
    expect(splitPositions(100, [0.6, 0.2, 0.2], { stratify: labels, seed: 3 })).toEqual(parts);
    expect(splitPositions(100, [0.6, 0.2, 0.2], { stratify: labels, seed: 4 })).not.toEqual(parts);
    // Not one class after the other.
    expect([...parts[0]].map((i) => labels[i]).join('')).not.toMatch(/^a+b+c+$/);
  });

  test('sizes are exact, classes within two, also where nothing divides evenly', () => {
    const uneven = numbers(103).map((i) => (i < 50 ? 0 : i < 90 ? 1 : 2));
    const parts = splitPositions(103, [0.5, 0.3, 0.1], { stratify: uneven });
    expect(parts.map((part) => part.length)).toEqual([52, 30, 11]);
    [0.5, 0.3, 0.1].forEach((fraction, p) => {
      [50, 40, 13].forEach((size, c) => {
        expect(Math.abs((counts(parts[p], uneven.map(String))[c] ?? 0) - fraction * size)).toBeLessThan(2);
      });
    });
    for (const { test } of kFolds(103, 5, { stratify: uneven })) {
      const found = counts(test, uneven);
      expect([found[0], Math.abs(found[1] - 8) <= 1, Math.abs(found[2] - 2.6) <= 1]).toEqual([
        10,
        true,
        true,
      ]);
    }
  });

  test('a class that is too rare is named', () => {
    expect(() => splitPositions(4, [0.5, 0.5], { stratify: ['x', 'x', 'x', 'y'] })).toThrow(
      'class y has 1 of the 4 examples',
    );
    expect(() => kFolds(9, 3, { stratify: [0, 0, 0, 0, 0, 0, 0, 1, 1] })).toThrow('at least 3 are needed');
    expect(() => kFolds(3, 3, { stratify: [0, 0] })).toThrow('2 labels for 3 examples');
  });
});

describe('groups', () => {
  const groups = numbers(120).map((i) => `patient ${Math.floor(Math.sqrt(i * 3))}`);

  const apart = (lists: readonly Int32Array[]): void => {
    const places = new Map<string, Set<number>>();
    lists.forEach((list, p) => {
      for (const i of list) places.set(groups[i], (places.get(groups[i]) ?? new Set()).add(p));
    });
    for (const parts of places.values()) expect(parts.size).toBe(1);
  };

  test('no group is in two parts, and the sizes are near', () => {
    const parts = splitPositions(120, [0.6, 0.2, 0.2], { groups });
    apart(parts);
    expect(sorted(parts)).toEqual(numbers(120));
    expect(Math.abs(parts[0].length - 72)).toBeLessThan(8);
    const folds = kFolds(120, 5, { groups, validation: false });
    apart(folds.map(({ test }) => test));
    for (const { train, test } of folds) {
      expect(Math.abs(test.length - 24)).toBeLessThan(4);
      expect(sorted([train, test])).toEqual(numbers(120));
    }
  });

  test('groups that are stratified: classes are as even as whole groups allow', () => {
    // Each group has one class, three of four groups class 0.
    const of = numbers(200).map((i) => Math.floor(i / 5));
    const labels = of.map((group) => (group % 4 === 0 ? 1 : 0));
    for (const { test } of kFolds(200, 5, { groups: of, stratify: labels })) {
      expect(counts(test, labels)).toEqual({ 0: 30, 1: 10 });
      expect(Object.values(counts(test, of)).every((n) => n === 5)).toBe(true);
    }
  });

  test('fewer groups than folds are refused', () => {
    expect(() => kFolds(6, 3, { groups: [1, 1, 1, 2, 2, 2] })).toThrow('fewer groups than the 3 folds');
    expect(() => splitPositions(4, [0.5, 0.5], { groups: [1, 1, 1, 1] })).toThrow('whole groups');
  });
});

describe('in the order of time', () => {
  const show = ({ train, validation, test }: Fold) => [train, validation, test].map((p) => [...p].join(' '));

  test('trained on the past, tested on what follows', () => {
    // scikit-learn: TimeSeriesSplit(3) of 6.
    expect(timeSeriesFolds(6, 3).map(show)).toEqual([
      ['0 1 2', '', '3'],
      ['0 1 2 3', '', '4'],
      ['0 1 2 3 4', '', '5'],
    ]);
    // TimeSeriesSplit(n_splits=3, test_size=2, gap=2) of 12, as its documentation prints it.
    expect(timeSeriesFolds(12, 3, { testSize: 2, gap: 2 }).map(show)).toEqual([
      ['0 1 2 3', '', '6 7'],
      ['0 1 2 3 4 5', '', '8 9'],
      ['0 1 2 3 4 5 6 7', '', '10 11'],
    ]);
    expect(timeSeriesFolds(10, 2, { testSize: 2, gap: 1, maxTrain: 2, validation: true }).map(show)).toEqual([
      ['0 1', '3 4', '6 7'],
      ['2 3', '5 6', '8 9'],
    ]);
    expect(() => timeSeriesFolds(6, 3, { testSize: 2 })).toThrow('turn 1 of 3');
    expect(() => timeSeriesFolds(6, 0)).toThrow('k must be');
  });
});

describe('data in three parts', () => {
  test('images, arrays of anything, examples, tensors', () => {
    const { train } = digits({ train: 50, test: 1 });
    const parts = trainValidationTestSplit(train, { seed: 5 });
    expect([parts.train.count, parts.validation.count, parts.test.count]).toEqual([30, 10, 10]);
    const even = trainValidationTestSplit(train, { fractions: [0.5, 0.25, 0.25], stratify: true });
    const found = new Map<number, number>();
    for (const label of even.train.labels) found.set(label, (found.get(label) ?? 0) + 1);
    for (const [label, n] of found)
      expect(Math.abs(n - 0.5 * train.labels.filter((l) => l === label).length)).toBeLessThan(2);

    const words = trainValidationTestSplit(['a', 'b', 'c', 'd', 'e'], { shuffle: false });
    expect(words).toEqual({ train: ['a', 'b', 'c'], validation: ['d'], test: ['e'] });
    expect([...trainValidationTestSplit(examples(numbers(5)), { shuffle: false }).train]).toEqual([0, 1, 2]);

    const data = { x: arange(20).reshape([10, 2]), y: arange(10) };
    const rows = trainValidationTestSplit(data, { seed: 2 });
    expect(sorted(Object.values(rows).map(({ y }) => y.dataSync()))).toEqual(numbers(10));
    for (const { x, y } of Object.values(rows)) expect(x.at(0, 1).dataSync()).toEqual(y.mul(2).dataSync());
  });

  test('what is no data, or has no labels, is told', () => {
    const data = { x: arange(3), y: arange(4) };
    expect(() => countOf(data)).toThrow('first axes differ: x [3], y [4]');
    expect(() => pick([1, 2], [2])).toThrow('no example 2 of 2');
    expect(() => countOf({})).toThrow('data must be a Dataset');
    expect(() => countOf({ x: tensor(1) })).toThrow('x is none');
    expect(() => trainValidationTestSplit([1, 2, 3, 4, 5], { stratify: true })).toThrow(
      'no labels by itself',
    );
    expect(() => trainValidationTestSplit([1, 2, 3], { fractions: [0.5, 0.5] as never })).toThrow('three');
  });
});
