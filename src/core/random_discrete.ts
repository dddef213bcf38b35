import * as g from '../graph/build.ts';
import type { Node } from '../graph/node.ts';
import { axisOf, requireShape } from './operands.ts';
import { checkOptions } from './options.ts';
import { gumbel, uniform } from './random_continuous.ts';
import { bits, drawShape, floatType, type Key, nextKey, requireNumber, split } from './random_keys.ts';
import { fromData, Tensor } from './tensor.ts';

/** Draws from finitely many possibilities. */

/** Integers in [low, high), int32. */
export function randint(
  shape: readonly number[],
  low: number,
  high: number,
  options: { key?: Key } = {},
): Tensor {
  requireShape('random.randint', shape);
  checkOptions('random.randint', options, ['key']);
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
  checkOptions('random.bernoulli', options, ['key']);
  requireNumber('bernoulli', 'a probability lies from 0 to 1', p, (x) => x >= 0 && x <= 1);
  return uniform(drawShape('bernoulli', shape, p), options).lt(p);
}

/** Options of `categorical`. */
export interface CategoricalOptions {
  key?: Key;
  /** The axis of the logits that has the categories; default the last. */
  axis?: number;
  /** Shape of the result: any axes, then those of the logits without `axis` (by default only these). */
  shape?: readonly number[];
}

/**
 * int32 categories with probability softmax(logits) along an axis, by the Gumbel-max method: `argmax(logits + gumbel)`. Logits need no
 * normalization: log(p) will do; -infinity excludes a category.
 */
export function categorical(logits: Tensor, options: CategoricalOptions = {}): Tensor {
  const axis = axisOf('random.categorical', options.axis ?? -1, logits.ndim);
  if (logits.shape[axis] === 0)
    throw new Error(
      `random.categorical: there is no category along axis ${axis} of [${logits.shape.join(', ')}]`,
    );
  const batch = logits.shape.filter((_, i) => i !== axis);
  const shape = options.shape ?? batch;
  const extra = shape.length - batch.length;
  if (extra < 0 || batch.some((n, i) => n !== shape[extra + i]))
    throw new Error(
      `random.categorical: the shape [${shape.join(', ')}] must end with that of the logits without axis ${axis}, [${batch.join(', ')}]`,
    );
  const type = floatType('categorical', logits.dtype === 'float64' ? 'float64' : undefined);
  const noise = gumbel([...shape.slice(0, extra), ...logits.shape], { key: options.key, dtype: type });
  return noise.add(logits).argmax(axis + extra);
}

/** Options of `permutation`. */
export interface PermutationOptions {
  key?: Key;
  /** The axis whose elements change places; default 0. */
  axis?: number;
}

/** A random order of 0..n-1 (int32), or an array with what lies along an axis (its rows by default) in random order. */
export function permutation(x: number | Tensor, options: PermutationOptions = {}): Tensor {
  if (x instanceof Tensor && x.ndim === 0)
    throw new Error('random.permutation: needs a count >= 0 or an array with an axis, got a scalar');
  const axis = typeof x === 'number' ? 0 : axisOf('random.permutation', options.axis ?? 0, x.ndim);
  const n = typeof x === 'number' ? x : x.shape[axis];
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
  return typeof x === 'number' ? order : x.take(order, axis);
}

/** An array with what lies along an axis (its rows by default) in random order; arrays do not change, so it is a new one. */
export const shuffle = (x: Tensor, options: PermutationOptions = {}): Tensor => permutation(x, options);

/** Options of `choice`. */
export interface ChoiceOptions {
  key?: Key;
  /** Whether something may be chosen more than once; default true. */
  replace?: boolean;
  /** Weights of the possibilities, one axis; they need not sum to 1. All equal by default. */
  p?: Tensor | readonly number[];
  /** The axis of the array to choose along; default 0. */
  axis?: number;
}

/**
 * Chooses among 0..n-1 (int32), or among what lies along an axis of an array: `shape` of them (one by default), whose axes take the place
 * of that axis. Without replacement, weighted choices follow each other as draws from what is left (Gumbel-top-k; Vieira 2014).
 *
 * @throws if more are chosen without replacement than there are, weights are not as many as possibilities, or numbers among them are
 * negative or too few positive. Weights in an array are not looked at: NaN or too few positive weights give arbitrary choices
 */
export function choice(
  x: number | Tensor,
  shape: readonly number[] = [],
  options: ChoiceOptions = {},
): Tensor {
  const { replace = true } = options;
  const axis = typeof x === 'number' ? 0 : axisOf('random.choice', options.axis ?? 0, x.ndim);
  const n = typeof x === 'number' ? x : x.shape[axis];
  const count = drawShape('choice', shape).reduce((a, b) => a * b, 1);
  if (!Number.isInteger(n) || n < 0 || (n === 0 && count > 0))
    throw new Error(`random.choice: needs something to choose from, got ${n} possibilities`);
  if (!replace && count > n)
    throw new Error(`random.choice: cannot choose ${count} of ${n} without replacement`);
  const p = options.p === undefined ? null : weights(options.p, n, replace ? Math.min(1, count) : count);
  const key = options.key ?? nextKey();
  const index = replace
    ? chosenAgain(p, n, shape, key)
    : chosenOnce(p, n, key).slice([0, count]).reshape(shape);
  return typeof x === 'number' ? index : x.take(index, axis);
}

function chosenAgain(p: Tensor | null, n: number, shape: readonly number[], key: Key): Tensor {
  if (n === 0) return new Tensor(g.constant(0, shape, 'int32'));
  if (p === null) return randint(shape, 0, n, { key });
  // The first possibility whose cumulated weight is above a uniform number: those of weight 0 are none.
  const cumulated = new Tensor(g.prefix('sum', p.node, 0));
  const total = cumulated.at(n - 1);
  const u = uniform([...shape, 1], { key, dtype: floatType('choice', p.dtype) }).mul(total);
  const index = cumulated.le(u).cast('int32').sum(-1);
  // Rounding may put the number at the total itself: that is the last possibility with a weight.
  const last = cumulated.lt(total).cast('int32').sum(-1);
  return index.minimum(last);
}

function chosenOnce(p: Tensor | null, n: number, key: Key): Tensor {
  if (p === null) return permutation(n, { key });
  const noise = gumbel([n], { key, dtype: floatType('choice', p.dtype) });
  return noise.add(p.log()).neg().argsort();
}

function weights(p: Tensor | readonly number[], n: number, needed: number): Tensor {
  const array = p instanceof Tensor ? p : fromData(Float32Array.from(p), [p.length], 'float32');
  if (array.ndim !== 1 || array.shape[0] !== n)
    throw new Error(
      `random.choice: p must have one weight for each of ${n} possibilities, got shape [${array.shape.join(', ')}]`,
    );
  const cast = array.dtype === 'float64' ? array : array.cast('float32');
  if (p instanceof Tensor) return cast;
  if (p.some((w) => !(w >= 0 && w < Infinity)) || p.filter((w) => w > 0).length < needed)
    throw new Error(
      `random.choice: weights must be finite and >= 0, and at least ${needed} of them > 0, got [${p.slice(0, 8).join(', ')}${p.length > 8 ? ', ..' : ''}]`,
    );
  return cast;
}
