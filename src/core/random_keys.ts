import * as g from '../graph/build.ts';
import type { DType } from '../graph/dtype.ts';
import { type Node, sizeOf } from '../graph/node.ts';
import { threefry2x32 } from '../runtime/reference/threefry2x32.ts';
import { storageOf } from './evaluate.ts';
import { broadcastShapes, requireShape } from './operands.ts';
import { concat, fromData, Tensor } from './tensor.ts';
import { currentTracer } from './trace.ts';
import { Variable } from './variable.ts';

/** Keys, the default generator, and the numbers that all others are made of. */

/** A uint32 array of shape [2]. */
export type Key = Tensor;

/** A parameter of a distribution: a number, or an array that broadcasts to the shape drawn. */
export type Parameter = number | Tensor;

/** Names of {@link RandomOptions}. */
export const randomOptions = ['key', 'dtype'] as const;

/** What draws have in common. */
export interface RandomOptions {
  /** The next key of the default generator if there is none. */
  key?: Key;
  /** float32, or float64 where a parameter is. */
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
  requireShape('random', shape);
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

/**
 * Uniform floats in [0, 1): 23 random bits in float32, 52 in float64. Bits are made into the mantissa of a number from 1 to 2, exactly;
 * in double that number is a sum, as there is no integer of 64 bits to make it of.
 */
export function unit(shape: readonly number[], k: Key, dtype: 'float32' | 'float64'): Tensor {
  if (dtype === 'float64') {
    const low = g.binary('shr', block(k, shape, 'second'), g.constant(12, shape, 'uint32'));
    const [upper, lower] = [block(k, shape, 'first'), low].map((n) => new Tensor(g.cast(n, 'float64')));
    return upper.mul(2 ** -32).add(lower.mul(2 ** -52));
  }
  const mantissa = g.binary('shr', block(k, shape, 'xor'), g.constant(9, shape, 'uint32'));
  const oneToTwo = g.bitcast(g.binary('or', mantissa, g.constant(0x3f800000, shape, 'uint32')), 'float32');
  return new Tensor(g.sub(oneToTwo, g.fill(1, oneToTwo)));
}

/** The float dtype of a draw: the one asked for, or that of the parameters. */
export function floatType(
  name: string,
  dtype: DType | undefined,
  ...parameters: readonly Parameter[]
): 'float32' | 'float64' {
  const double = parameters.some((p) => typeof p !== 'number' && p.dtype === 'float64');
  const found = dtype ?? (double ? 'float64' : 'float32');
  if (found !== 'float32' && found !== 'float64')
    throw new Error(
      `random.${name}: dtype must be float32 or float64, got ${found}; use random.randint for integers`,
    );
  return found;
}

/**
 * The shape of a draw: the one asked for, to which the parameters broadcast, or that in which the parameters meet.
 *
 * @throws if they do not fit
 */
export function drawShape(
  name: string,
  shape: readonly number[] | undefined,
  ...parameters: readonly Parameter[]
): readonly number[] {
  const wrong = parameters.find((p) => typeof p !== 'number' && !(p instanceof Tensor));
  if (wrong !== undefined)
    throw new TypeError(
      `random.${name}: parameters are numbers or arrays, got ${JSON.stringify(wrong)}; the shape comes after them`,
    );
  const shapes = parameters.map((p) => (typeof p === 'number' ? [] : p.shape));
  const met = broadcastShapes(`random.${name}`, ...shapes);
  if (shape === undefined) return met;
  requireShape(`random.${name}`, shape);
  const shift = shape.length - met.length;
  if (shift < 0 || met.some((n, i) => n !== 1 && n !== shape[i + shift]))
    throw new Error(
      `random.${name}: parameters of shape [${met.join(', ')}] do not broadcast to the shape [${shape.join(', ')}] to be drawn`,
    );
  return shape;
}

/** Refuses a number that is no such parameter; arrays are not looked at. */
export function requireNumber(
  name: string,
  what: string,
  value: Parameter,
  holds: (x: number) => boolean,
): void {
  if (typeof value === 'number' && !holds(value)) throw new Error(`random.${name}: ${what}, got ${value}`);
}

/** Parameters as arrays of one dtype and of the shape drawn, as constants to derivatives where `detached`. */
export const filled = (
  shape: readonly number[],
  dtype: DType,
  value: Parameter,
  detached = false,
): Tensor => {
  if (typeof value === 'number') return new Tensor(g.constant(value, shape, dtype));
  const node = g.cast(value.node, dtype);
  return new Tensor(g.broadcastTo(detached ? g.stopGradient(node) : node, shape));
};
