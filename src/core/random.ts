import * as g from '../graph/build.ts';
import type { DType } from '../graph/dtype.ts';
import { isFloat } from '../graph/dtype.ts';
import { type Node, sizeOf } from '../graph/node.ts';
import { threefry2x32 } from '../runtime/reference/threefry2x32.ts';
import { storageOf } from './evaluate.ts';
import { concat, fromData, Tensor, where } from './tensor.ts';
import { currentTracer } from './trace.ts';
import { Variable } from './variable.ts';

/**
 * Random numbers by counters: threefry-2x32-20 (Salmon et al. 2011), where element i of an array is a function of the key and of i
 * alone, as in JAX's partitionable form, and equal to it bit for bit.
 *
 * With a key, functions are pure. Without one they draw from the default generator, whose state is a variable: it
 * advances inside `jit` too.
 */

/** A uint32 array of shape [2]. */
export type Key = Tensor;

export interface RandomOptions {
  key?: Key;
  dtype?: DType;
}

const word = (node: Node, index: number, shape: readonly number[]): Node =>
  g.broadcast(g.reshape(g.slice(node, [index], [1], [1]), []), shape, []);

function keyWords(k: Key, shape: readonly number[]): [Node, Node] {
  if (k.dtype !== 'uint32' || k.ndim !== 1 || k.shape[0] !== 2)
    throw new Error(
      `random: a key is a uint32 array of shape [2], got ${k.dtype}[${k.shape.join(', ')}]; make one with random.key(seed)`,
    );
  return [word(k.node, 0, shape), word(k.node, 1, shape)];
}

/** Row-major element index as uint32: the counter. */
const counters = (shape: readonly number[]): Node => {
  const size = sizeOf(shape);
  return g.reshape(g.iota(0, [size], 'uint32'), shape);
};

function block(k: Key, shape: readonly number[], which: 'first' | 'second' | 'xor'): Node {
  return g.threefry(which, keyWords(k, shape), [g.constant(0, shape, 'uint32'), counters(shape)]);
}

/** The key of a seed: a non-negative integer below 2^53. */
export function key(seed: number): Key {
  if (!Number.isSafeInteger(seed) || seed < 0)
    throw new Error(`random.key: the seed must be an integer from 0 to 2^53 - 1, got ${seed}`);
  return fromData(new Uint32Array([Math.floor(seed / 2 ** 32), seed >>> 0]), [2], 'uint32');
}

/** `count` new keys as rows of a [count, 2] array. */
export function split(k: Key, count = 2): Tensor {
  const pair = (['first', 'second'] as const).map(
    (w) => new Tensor(g.reshape(block(k, [count], w), [count, 1])),
  );
  return concat(pair, 1);
}

/** A new key from a key and a number from 0 to 2^32 - 1. */
export function foldIn(k: Key, data: number): Key {
  const [k0, k1] = keyWords(k, [1]);
  const counter: [Node, Node] = [g.constant(0, [1], 'uint32'), g.constant(data >>> 0, [1], 'uint32')];
  return concat(
    (['first', 'second'] as const).map((w) => new Tensor(g.threefry(w, [k0, k1], counter))),
    0,
  );
}

const generator = { state: null as Variable | null };

/** The variable behind the default generator: its current key. */
export function state(): Variable {
  generator.state ??= new Variable(key(0), { name: 'random.state', trainable: false });
  return generator.state;
}

/** Restarts the default generator. */
export function seed(value: number): void {
  state().assign(key(value));
}

/** The next key of the default generator. */
export function nextKey(): Key {
  const cell = state();
  if (currentTracer() !== null) {
    const keys = split(cell.value);
    cell.assign(keys.at(0));
    return keys.at(1);
  }
  // The same two blocks on the host: no program needs to run for a new key.
  const [k0, k1] = storageOf(cell.node).read();
  cell.assign(fromData(new Uint32Array(threefry2x32(k0, k1, 0, 0)), [2], 'uint32'));
  return fromData(new Uint32Array(threefry2x32(k0, k1, 0, 1)), [2], 'uint32');
}

/** Uniform uint32. */
export function bits(shape: readonly number[], options: { key?: Key } = {}): Tensor {
  return new Tensor(block(options.key ?? nextKey(), shape, 'xor'));
}

/** Uniform floats in [low, high). 23 random mantissa bits. */
export function uniform(
  shape: readonly number[],
  options: RandomOptions & { low?: number; high?: number } = {},
): Tensor {
  const { low = 0, high = 1, dtype = 'float32' } = options;
  if (!isFloat(dtype))
    throw new Error(
      `random.uniform: dtype must be float32 or float64, got ${dtype}; use random.randint for integers`,
    );
  const mantissa = g.binary('shr', bits(shape, options).node, g.constant(9, shape, 'uint32'));
  const oneToTwo = g.bitcast(g.binary('or', mantissa, g.constant(0x3f800000, shape, 'uint32')), 'float32');
  const unit = new Tensor(g.sub(oneToTwo, g.fill(1, oneToTwo))).cast(dtype);
  if (low === 0 && high === 1) return unit;
  return unit
    .mul(Math.fround(high - low))
    .add(low)
    .maximum(low);
}

/** Integers in [low, high), int32. */
export function randint(
  shape: readonly number[],
  low: number,
  high: number,
  options: { key?: Key } = {},
): Tensor {
  if (
    !Number.isInteger(low) ||
    !Number.isInteger(high) ||
    high <= low ||
    low < -(2 ** 31) ||
    high > 2 ** 31 - 1
  )
    throw new Error(`random.randint: needs int32 numbers low < high, got ${low} and ${high}`);
  // Two draws reduced modulo the span, exactly as JAX does: the bias is below 2^-32 for spans up to 2^16. Beyond, JAX's
  // 2^16 * 2^16 wraps to 0 in uint32 and only the lower draw counts, with a bias of span / 2^32.
  const keys = split(options.key ?? nextKey());
  const span = (n: Tensor | Node) => g.constant(high - low, n.shape, 'uint32');
  const [higher, lower] = [bits(shape, { key: keys.at(0) }).node, bits(shape, { key: keys.at(1) }).node];
  const half = 2 ** 16 % (high - low);
  const multiplier = (Math.imul(half, half) >>> 0) % (high - low);
  const rem = (n: Node) => g.binary('rem', n, span(n));
  const mixed = rem(g.add(g.mul(rem(higher), g.constant(multiplier, shape, 'uint32')), rem(lower)));
  return new Tensor(g.add(g.cast(mixed, 'int32'), g.constant(low, shape, 'int32')));
}

/** True with probability p (a number, or an array that broadcasts to the shape). */
export function bernoulli(
  p: number | Tensor,
  shape?: readonly number[],
  options: { key?: Key } = {},
): Tensor {
  const size = shape ?? (p instanceof Tensor ? p.shape : []);
  return uniform(size, options).lt(p);
}

/** Normal with the given mean and standard deviation, by the inverse error function. */
export function normal(
  shape: readonly number[],
  options: RandomOptions & { mean?: number; std?: number } = {},
): Tensor {
  const { mean = 0, std = 1, dtype = 'float32' } = options;
  // The open interval: the smallest float above -1, as the inverse error function of -1 is infinite.
  const u = uniform(shape, { key: options.key, low: -0.99999994, high: 1 });
  const z = erfInverse(u).mul(Math.fround(Math.SQRT2)).cast(dtype);
  const scaled = std === 1 ? z : z.mul(std);
  return mean === 0 ? scaled : scaled.add(mean);
}

/** Inverse error function in float32: Giles (2010), "Approximating the erfinv function". */
export function erfInverse(x: Tensor): Tensor {
  const central = [
    2.81022636e-8, 3.43273939e-7, -3.5233877e-6, -4.39150654e-6, 0.00021858087, -0.00125372503,
    -0.00417768164, 0.246640727, 1.50140941,
  ];
  const tail = [
    -0.000200214257, 0.000100950558, 0.00134934322, -0.00367342844, 0.00573950773, -0.0076224613,
    0.00943887047, 1.00167406, 2.83297682,
  ];
  const w = x.neg().mul(x).log1p().neg();
  const near = w.lt(5);
  const t = where(near, w.sub(2.5), w.sqrt().sub(3));
  let p = where(near, central[0], tail[0]);
  for (let i = 1; i < central.length; i++) p = where(near, central[i], tail[i]).add(p.mul(t));
  return p.mul(x);
}

/** A random order of 0..n-1 (int32), or the rows of an array in random order. */
export function permutation(x: number | Tensor, options: { key?: Key } = {}): Tensor {
  const n = typeof x === 'number' ? x : x.shape[0];
  if (!Number.isInteger(n) || n < 0)
    throw new Error(`random.permutation: needs a count >= 0 or an array with an axis, got ${n}`);
  let order = new Tensor(g.iota(0, [n]));
  let k = options.key ?? nextKey();
  // Random sort keys may collide; enough rounds make every order equally likely (JAX's count of rounds).
  const rounds = Math.ceil((3 * Math.log(Math.max(1, n))) / Math.log(2 ** 32 - 1));
  for (let round = 0; round < rounds; round++) {
    const keys = split(k);
    k = keys.at(0);
    order = order.take(bits([n], { key: keys.at(1) }).argsort());
  }
  return typeof x === 'number' ? order : x.take(order);
}
