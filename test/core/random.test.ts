import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, test } from 'vitest';
import { jit, random, type Tensor, tensor } from '../../src/index.ts';
import { expectClose } from '../support/close.ts';

const golden = JSON.parse(readFileSync(new URL('../fixtures/jax_random.json', import.meta.url), 'utf8'));
const list = (x: Tensor): number[] => [...x.dataSync()];
const mean = (x: readonly number[]): number => x.reduce((sum, v) => sum + v, 0) / x.length;

afterEach(() => random.seed(0));

describe('keys', () => {
  test('equal to JAX: seeds, split, foldIn', () => {
    for (const { seed, key } of golden.keys) if (seed >= 0) expect(list(random.key(seed))).toEqual(key);
    for (const { seed, n, keys } of golden.split)
      expect(random.split(random.key(seed), n).toArray()).toEqual(keys);
    for (const { seed, data, key } of golden.foldIn)
      expect(list(random.foldIn(random.key(seed), data))).toEqual(key);
  });

  test.each([-1, 0.5, NaN, 2 ** 53])('the seed %d is refused', (seed) => {
    expect(() => random.key(seed)).toThrow(/random.key: the seed must be an integer from 0 to 2\^53 - 1/);
    expect(() => random.seed(seed)).toThrow(/random.key/);
  });

  test('anything else is no key', () => {
    expect(() => random.uniform([2], { key: tensor([0, 1]) })).toThrow(
      'random: a key is a uint32 array of shape [2], got float32[2]; make one with random.key(seed)',
    );
    expect(() => random.bits([2], { key: random.split(random.key(1), 3) })).toThrow(/got uint32\[3, 2\]/);
  });
});

describe('equal to JAX, by explicit keys, also inside of jit', () => {
  test('randint on small and large spans', () => {
    for (const { seed, low, high, values } of golden.randint) {
      const draw = (k: Tensor) => random.randint([values.length], low, high, { key: k });
      expect(list(draw(random.key(seed)))).toEqual(values);
      expect(list(jit(draw)(random.key(seed)))).toEqual(values);
    }
  });

  test('uniform, normal, bernoulli, permutation', () => {
    for (const { seed, shape, values } of golden.uniform.slice(0, 1))
      expect(jit((k: Tensor) => random.uniform(shape, { key: k }))(random.key(seed)).dataSync()).toEqual(
        Float32Array.from(values),
      );
    for (const { seed, shape, values } of golden.normal)
      expectClose(list(jit((k: Tensor) => random.normal(shape, { key: k }))(random.key(seed))), values, {
        rtol: 2e-6,
        atol: 1e-6,
      });
    for (const { seed, p, count, values } of golden.bernoulli)
      expect(list(jit((k: Tensor) => random.bernoulli(p, [count], { key: k }))(random.key(seed)))).toEqual(
        values,
      );
    for (const { seed, n, values } of golden.permutation)
      expect(list(jit((k: Tensor) => random.permutation(n, { key: k }))(random.key(seed)))).toEqual(values);
  });
});

describe('distributions', () => {
  const n = 20_000;

  test('uniform lies in [0, 1) and in [low, high)', () => {
    const x = list(random.uniform([n], { key: random.key(1) }));
    expect(Math.min(...x)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...x)).toBeLessThan(1);
    // Standard errors: 1 / sqrt(12 n) = 0.002.
    expect(Math.abs(mean(x) - 0.5)).toBeLessThan(0.008);
    expect(Math.abs(mean(x.map((v) => (v - 0.5) ** 2)) - 1 / 12)).toBeLessThan(0.003);
    const y = list(random.uniform([n], { key: random.key(2), low: -3, high: -2 }));
    expect(Math.min(...y)).toBeGreaterThanOrEqual(-3);
    expect(Math.max(...y)).toBeLessThanOrEqual(-2);
  });

  test('normal has the moments of a normal', () => {
    const z = list(random.normal([n], { key: random.key(3) }));
    const moment = (p: number) => mean(z.map((v) => v ** p));
    expect(Math.abs(moment(1))).toBeLessThan(0.03);
    expect(Math.abs(moment(2) - 1)).toBeLessThan(0.04);
    expect(Math.abs(moment(3))).toBeLessThan(0.12);
    expect(Math.abs(moment(4) - 3)).toBeLessThan(0.35);
    expect(z.every(Number.isFinite)).toBe(true);
    const shifted = list(random.normal([n], { key: random.key(3), mean: 5, std: 2 }));
    expectClose(
      shifted,
      z.map((v) => 5 + 2 * v),
      { atol: 2e-6, rtol: 1e-6 },
    );
    expect(random.normal([2], { key: random.key(3), dtype: 'float64' }).dtype).toBe('float64');
  });

  test('bernoulli with a probability for each element', () => {
    const p = tensor([0, 1, 0.25]);
    const draws = random.bernoulli(p, [n, 3], { key: random.key(4) });
    expect(draws.dtype).toBe('bool');
    const [never, always, sometimes] = list(draws.cast('float32').mean(0));
    expect([never, always]).toEqual([0, 1]);
    expect(Math.abs(sometimes - 0.25)).toBeLessThan(0.015);
    expect(random.bernoulli(p, undefined, { key: random.key(1) }).shape).toEqual([3]);
    expect(random.bernoulli(0.5).shape).toEqual([]);
  });

  test('randint covers its range evenly', () => {
    const counts = new Array<number>(6).fill(0);
    for (const v of list(random.randint([n], -2, 4, { key: random.key(5) }))) counts[v + 2]++;
    for (const count of counts) expect(Math.abs(count / n - 1 / 6)).toBeLessThan(0.013);
    expect(list(random.randint([3], 7, 8))).toEqual([7, 7, 7]);
    const widest = list(random.randint([200], -(2 ** 31), 2 ** 31 - 1, { key: random.key(6) }));
    expect(Math.min(...widest)).toBeLessThan(-(2 ** 30));
    expect(Math.max(...widest)).toBeGreaterThan(2 ** 30);
  });

  test('permutation: each number once, rows of an array together', () => {
    expect(list(random.permutation(100, { key: random.key(7) })).sort((a, b) => a - b)).toEqual(
      Array.from({ length: 100 }, (_, i) => i),
    );
    const rows = tensor([
      [1, 10],
      [2, 20],
      [3, 30],
      [4, 40],
    ]);
    const mixed = random.permutation(rows, { key: random.key(8) }).toArray() as number[][];
    expect(mixed.every(([a, b]) => b === 10 * a)).toBe(true);
    expect(mixed.map(([a]) => a).sort()).toEqual([1, 2, 3, 4]);
    expect(list(random.permutation(0))).toEqual([]);
    const first = Array.from({ length: 600 }, (_, i) =>
      list(random.permutation(3, { key: random.key(i) })).join(''),
    );
    expect(new Set(first).size).toBe(6);
  });

  test('shapes of any rank, also empty', () => {
    for (const shape of [[], [0], [2, 0, 3], [1, 2, 1, 2]]) {
      expect(random.uniform(shape).shape).toEqual(shape);
      expect(random.normal(shape).size).toBe(shape.reduce((a, b) => a * b, 1));
      expect(random.randint(shape, 0, 3).dtype).toBe('int32');
    }
  });

  test('element i does not depend on the shape', () => {
    const flat = list(random.bits([6], { key: random.key(9) }));
    expect(list(random.bits([2, 3], { key: random.key(9) }))).toEqual(flat);
    expect(list(random.bits([3], { key: random.key(9) }))).toEqual(flat.slice(0, 3));
  });

  test.each([
    [() => random.randint([1], 3, 3), /needs int32 numbers low < high, got 3 and 3/],
    [() => random.randint([1], 0, 1.5), /got 0 and 1.5/],
    [() => random.randint([1], 0, 2 ** 32), /needs int32 numbers/],
    [
      () => random.uniform([1], { dtype: 'int32' }),
      /dtype must be float32 or float64, got int32; use random.randint/,
    ],
    [() => random.permutation(-1), /needs a count >= 0 or an array with an axis, got -1/],
    [() => random.permutation(tensor(1)), /needs a count >= 0 or an array with an axis/],
  ])('refused: %s', (draw, message) => {
    expect(draw).toThrow(message);
  });
});

describe('the default generator', () => {
  test('advances, and starts again with a seed', () => {
    random.seed(5);
    const first = [random.uniform([4]), random.uniform([4])].map(list);
    expect(first[0]).not.toEqual(first[1]);
    random.seed(5);
    expect([random.uniform([4]), random.uniform([4])].map(list)).toEqual(first);
    random.seed(6);
    expect(list(random.uniform([4]))).not.toEqual(first[0]);
  });

  test('is a chain of splits of its key', () => {
    random.seed(5);
    const drawn = [random.nextKey(), random.nextKey()].map(list);
    const [state, one] = [0, 1].map((i) => random.split(random.key(5)).at(i));
    expect(drawn).toEqual([list(one), list(random.split(state).at(1))]);
  });

  test('a draw with a key leaves it alone', () => {
    random.seed(5);
    const expected = list(random.uniform([2]));
    random.seed(5);
    random.uniform([2], { key: random.key(1) });
    expect(list(random.uniform([2]))).toEqual(expected);
  });
});
