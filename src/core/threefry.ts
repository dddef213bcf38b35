import { threefry2x32 } from '../runtime/reference/threefry2x32.ts';

/**
 * Random numbers on the host, in plain numbers: keys and their derivation, random bits and permutations, equal bit for bit to
 * jax.random with its partitionable Threefry (`jax_threefry_partitionable=True`, the default since JAX 0.5). The graph's
 * `threefry` operation computes the same function on devices.
 */
export { threefry2x32 };

/** Two uint32 words. */
export type HostKey = readonly [number, number];

const twoTo32 = 2 ** 32;

/**
 * The key of a seed: its upper and lower 32 bits. Seeds below 2^32 (and negative ones down to -2^31, by their 32 bits) give the
 * key of `jax.random.key(seed)`; larger ones that of JAX with 64-bit integers enabled.
 * Throws a RangeError unless the seed is an integer from -2^31 to 2^53 - 1.
 */
export function keyOf(seed: number): [number, number] {
  if (!Number.isSafeInteger(seed) || seed < -0x80000000) {
    throw new RangeError(`keyOf: a seed must be an integer from -2147483648 to 2^53 - 1, got ${seed}`);
  }
  return [seed < 0 ? 0 : Math.floor(seed / twoTo32), seed >>> 0];
}

/**
 * `count` uint32 words of random bits: word i is the exclusive or of both words of the block whose 64-bit counter is i. The
 * same as `jax.random.bits(key, [count])`, and row-major as `jax.random.bits(key, shape)` for any shape of that size.
 */
export function hostBits([k0, k1]: HostKey, count: number): Uint32Array {
  const bits = new Uint32Array(count);
  const k2 = k0 ^ k1 ^ 0x1bd11bda;
  // threefry2x32 written out, without a list for each block: an epoch of 60,000 examples takes twice as many.
  for (let i = 0; i < count; i++) {
    let x = (Math.floor(i / twoTo32) + k0) | 0;
    let y = (i + k1) | 0;
    for (let group = 0; group < 5; group++) {
      const isEven = (group & 1) === 0;
      x = (x + y) | 0;
      y = (isEven ? (y << 13) | (y >>> 19) : (y << 17) | (y >>> 15)) ^ x;
      x = (x + y) | 0;
      y = (isEven ? (y << 15) | (y >>> 17) : (y << 29) | (y >>> 3)) ^ x;
      x = (x + y) | 0;
      y = (isEven ? (y << 26) | (y >>> 6) : (y << 16) | (y >>> 16)) ^ x;
      x = (x + y) | 0;
      y = (isEven ? (y << 6) | (y >>> 26) : (y << 24) | (y >>> 8)) ^ x;
      const turn = group % 3;
      x = (x + (turn === 0 ? k1 : turn === 1 ? k2 : k0)) | 0;
      y = (y + (turn === 0 ? k2 : turn === 1 ? k0 : k1) + group + 1) | 0;
    }
    bits[i] = x ^ y;
  }
  return bits;
}

/** `n` independent keys from one; do not use `key` itself afterwards. The same as `jax.random.split(key, n)`. */
export function splitKey([k0, k1]: HostKey, n = 2): [number, number][] {
  return Array.from({ length: n }, (_, i) => threefry2x32(k0, k1, Math.floor(i / twoTo32), i >>> 0));
}

/**
 * A key that depends on `key` and on the low 32 bits of the integer `data` (a step, a worker's number). The same as
 * `jax.random.fold_in(key, data)`.
 */
export function foldIn([k0, k1]: HostKey, data: number): [number, number] {
  return threefry2x32(k0, k1, 0, data >>> 0);
}

/**
 * `values` in the order of ascending `keys`, equal keys in the order that they have: a radix sort by bytes, lowest first,
 * which is stable and linear in the length.
 */
function sortByKey(keys: Uint32Array, values: Int32Array): Int32Array {
  const { length } = keys;
  let [fromKeys, toKeys]: Uint32Array[] = [keys, new Uint32Array(length)];
  let [fromValues, toValues]: Int32Array[] = [values, new Int32Array(length)];
  for (let shift = 0; shift < 32; shift += 8) {
    const next = new Uint32Array(257);
    for (let i = 0; i < length; i++) next[((fromKeys[i] >>> shift) & 255) + 1]++;
    for (let digit = 0; digit < 256; digit++) next[digit + 1] += next[digit];
    for (let i = 0; i < length; i++) {
      const to = next[(fromKeys[i] >>> shift) & 255]++;
      toKeys[to] = fromKeys[i];
      toValues[to] = fromValues[i];
    }
    [fromKeys, toKeys] = [toKeys, fromKeys];
    [fromValues, toValues] = [toValues, fromValues];
  }
  return fromValues;
}

/**
 * A random permutation of 0 .. n-1, the same as `jax.random.permutation(key, n)`: stable sorts by fresh random words, so many
 * that (most likely) every two elements have once had different words: `ceil(3 ln n / ln(2^32 - 1))` of them.
 */
export function hostPermutation(key: HostKey, n: number): Int32Array {
  let order: Int32Array = Int32Array.from({ length: n }, (_, i) => i);
  const rounds = Math.ceil((3 * Math.log(Math.max(1, n))) / Math.log(twoTo32 - 1));
  let current = key;
  for (let round = 0; round < rounds; round++) {
    const [next, sorting] = splitKey(current);
    order = sortByKey(hostBits(sorting, n), order);
    current = next;
  }
  return order;
}
