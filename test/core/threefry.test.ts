import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import * as random from '../../src/core/random.ts';
import { foldIn, hostBits, hostPermutation, keyOf, splitKey, threefry2x32 } from '../../src/core/threefry.ts';
import { expectClose } from '../support/close.ts';

const golden = JSON.parse(readFileSync(new URL('../fixtures/jax_random.json', import.meta.url), 'utf8'));

/** The order-dependent checksum of the fixture's generator. */
const checksum = (values: Iterable<number>): number => {
  let hash = 0;
  for (const value of values) hash = (Math.imul(hash, 31) + value) | 0;
  return hash >>> 0;
};

describe('threefry2x32', () => {
  // The known-answer vectors of the Random123 library for threefry2x32 with 20 rounds.
  test.each([
    [0, 0, 0, 0, 0x6b200159, 0x99ba4efe],
    [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0x1cb996fc, 0xbb002be7],
    [0x13198a2e, 0x03707344, 0x243f6a88, 0x85a308d3, 0xc4923a9c, 0x483df7a0],
  ])('key %i %i, counter %i %i', (k0, k1, c0, c1, first, second) => {
    expect(threefry2x32(k0, k1, c0, c1)).toEqual([first, second]);
  });
});

describe('equal to jax.random', () => {
  test('keyOf', () => {
    for (const { seed, key } of golden.keys) expect(keyOf(seed), `seed ${seed}`).toEqual(key);
  });

  test('splitKey', () => {
    for (const { seed, n, keys } of golden.split) expect(splitKey(keyOf(seed), n)).toEqual(keys);
  });

  test('foldIn', () => {
    for (const { seed, data, key } of golden.foldIn) expect(foldIn(keyOf(seed), data)).toEqual(key);
  });

  test('hostBits, of any shape by their row-major position', () => {
    for (const { seed, count, bits } of golden.bits) expect([...hostBits(keyOf(seed), count)]).toEqual(bits);
    expect([...hostBits(keyOf(golden.bits2d.seed), 15)]).toEqual(golden.bits2d.bits);
    const { seed, count, checksum: expected } = golden.bitsChecksum;
    expect(checksum(hostBits(keyOf(seed), count))).toBe(expected);
  });

  test('hostPermutation with zero, one and two rounds', () => {
    for (const { seed, n, values } of golden.permutation)
      expect([...hostPermutation(keyOf(seed), n)]).toEqual(values);
    for (const { seed, n, checksum: expected } of golden.permutationChecksum)
      expect(checksum(hostPermutation(keyOf(seed), n)), `n ${n}`).toBe(expected);
  });
});

describe('random arrays equal jax.random', () => {
  const single = (values: readonly number[]) => Float32Array.from(values);

  test('split, bits, uniform, bernoulli, randint, permutation: bit for bit', () => {
    for (const { seed, n, keys } of golden.split)
      expect(random.split(random.key(seed), n).toArray()).toEqual(keys);
    for (const { seed, shape, bits } of [golden.bits2d])
      expect([...random.bits(shape, { key: random.key(seed) }).dataSync()]).toEqual(bits);
    const [unit] = golden.uniform;
    expect(random.uniform(unit.shape, { key: random.key(unit.seed) }).dataSync()).toEqual(
      single(unit.values),
    );
    for (const { seed, p, count, values } of golden.bernoulli)
      expect([...random.bernoulli(p, [count], { key: random.key(seed) }).dataSync()]).toEqual(values);
    for (const { seed, low, high, values } of golden.randint.slice(0, 1))
      expect([...random.randint([values.length], low, high, { key: random.key(seed) }).dataSync()]).toEqual(
        values,
      );
    for (const { seed, n, values } of golden.permutation)
      expect([...random.permutation(n, { key: random.key(seed) }).dataSync()]).toEqual(values);
  });

  test('uniform on other intervals: to one rounding, as XLA may fuse the multiplication and the addition', () => {
    for (const { seed, shape, low, high, values } of golden.uniform)
      expectClose(random.uniform(shape, { key: random.key(seed), low, high }).dataSync(), single(values), {
        atol: 2.5e-7,
      });
  });

  test('normal: to the rounding of the inverse error function', () => {
    for (const { seed, shape, values } of golden.normal)
      expectClose(random.normal(shape, { key: random.key(seed) }).dataSync(), values, {
        rtol: 2e-6,
        atol: 1e-6,
      });
  });
});

describe('edges', () => {
  test('a permutation of nothing, and each number once', () => {
    expect([...hostPermutation(keyOf(3), 0)]).toEqual([]);
    expect([...hostPermutation(keyOf(3), 1000)].sort((a, b) => a - b)).toEqual(
      Array.from({ length: 1000 }, (_, i) => i),
    );
  });

  test('seeds beyond 32 bits use the upper word', () => {
    expect(keyOf(2 ** 32 * 5 + 9)).toEqual([5, 9]);
    expect(keyOf(Number.MAX_SAFE_INTEGER)).toEqual([0x1fffff, 0xffffffff]);
  });

  test.each([0.5, NaN, Infinity, 2 ** 53, -(2 ** 31) - 1])('the seed %d is refused', (seed) => {
    expect(() => keyOf(seed)).toThrow(RangeError);
  });
});
