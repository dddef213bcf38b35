import * as g from '../../src/graph/build.ts';
import { type DType, isFloat } from '../../src/graph/dtype.ts';
import { type Node, sizeOf } from '../../src/graph/node.ts';
import type { BinaryKind, UnaryKind } from '../../src/graph/vocabulary.ts';

/**
 * A node of a random graph with what is known of its values by interval arithmetic, so that comparisons can be as strict as
 * rounding allows, and operations that jump (floor, comparisons, sorting) are only put on values that both sides agree on.
 */
export interface Tracked {
  readonly node: Node;
  /** Largest magnitude of a finite element; Infinity for integers that may wrap. */
  readonly bound: number;
  /** How far two correct evaluations may differ; 0 where every evaluation gives the same values. */
  readonly error: number;
  /** While error is 0, elements are multiples of 2^-grain. */
  readonly grain: number;
}

/** Twice the distance from 1 to the next number: one rounding, with room. */
const unit = (dtype: DType): number => (dtype === 'float64' ? 2 ** -51 : 2 ** -22);
const significand = (dtype: DType): number => (dtype === 'float64' ? 2 ** 53 : 2 ** 24);

/** Roundings that an elementary function may be off by, in either implementation. */
const elementary = 6;

export const isExact = (x: Tracked): boolean => x.error === 0;

/**
 * A result of magnitude `bound` whose operands contribute `error`. It stays exact where its operands are and the sum of its
 * bits fits the significand; else `roundings` more roundings add to the error. Integers are exact, and wild once they can wrap.
 */
export function track(node: Node, bound: number, error: number, grain: number, roundings = 1): Tracked {
  if (!isFloat(node.dtype)) {
    return { node, bound: bound < 2 ** 31 ? bound : Infinity, error: 0, grain: 0 };
  }
  if (error === 0 && grain <= 60 && bound * 2 ** grain <= significand(node.dtype)) {
    return { node, bound, error, grain };
  }
  return { node, bound, error: error + roundings * unit(node.dtype) * bound, grain: 0 };
}

/** The same elements elsewhere. */
export const moved = (node: Node, x: Tracked): Tracked => ({ ...x, node });

const irrational = 1000;

const neverNegative = (x: Tracked): Tracked => unary('abs', x);

/** `|x| + 1`, where functions with a pole or a branch point at 0 are smooth. */
export const atLeastOne = (x: Tracked): Tracked =>
  binary('add', neverNegative(x), {
    node: g.fill(1, x.node),
    bound: 1,
    error: 0,
    grain: 0,
  });

/** Floats brought down to magnitude `limit`, exactly (by a power of two) where that is possible. */
export function tame(x: Tracked, limit: number): Tracked {
  if (!isFloat(x.node.dtype) || x.bound <= limit) return x;
  const shift = Math.ceil(Math.log2(x.bound / limit));
  const factor = { node: g.fill(2 ** -shift, x.node), bound: 2 ** -shift, error: 0, grain: shift };
  return binary('mul', x, factor);
}

/** Arguments where a kind is smooth, of moderate magnitude. */
function preparedFor(kind: UnaryKind, x: Tracked): Tracked {
  switch (kind) {
    case 'exp':
    case 'expm1':
      return tame(x, 6);
    case 'log':
    case 'sqrt':
    case 'rsqrt':
      return atLeastOne(tame(x, 64));
    case 'log1p':
      return neverNegative(x);
    case 'log2':
    case 'log10':
    case 'cbrt':
    case 'lgamma':
    case 'digamma':
      return atLeastOne(tame(x, 64));
    case 'acosh':
      return atLeastOne(atLeastOne(tame(x, 64)));
    case 'exp2':
    case 'sinh':
    case 'cosh':
    case 'i0':
    case 'i1':
      return tame(x, 6);
    case 'tan':
    case 'asin':
    case 'acos':
    case 'atanh':
    case 'erfinv':
      return tame(x, 0.75);
    case 'sin':
    case 'cos':
      return tame(x, 32);
    default:
      return x;
  }
}

/** Kinds that jump: only for exact operands. */
export const jumping: readonly UnaryKind[] = ['sign', 'floor', 'ceil', 'round'];

/** A unary node with its bounds; operands of floating-point kinds are first moved to where the kind is smooth. */
export function unary(kind: UnaryKind, operand: Tracked): Tracked {
  const { dtype } = operand.node;
  const x = isFloat(dtype) ? preparedFor(kind, operand) : operand;
  const node = g.unary(kind, x.node);
  const { bound, error } = x;
  switch (kind) {
    case 'neg':
    case 'not':
      return track(node, dtype === 'uint32' ? Infinity : bound + (kind === 'not' ? 1 : 0), error, x.grain);
    case 'abs':
    case 'relu':
      return track(node, bound, error, x.grain);
    case 'sign':
      return track(node, 1, 0, 0);
    case 'floor':
    case 'ceil':
    case 'round':
      return track(node, bound + 1, 0, 0);
    case 'exp':
    case 'expm1':
      return track(node, Math.exp(bound + error), Math.exp(bound) * error, irrational, elementary);
    case 'log':
    case 'log1p':
      return track(node, Math.log1p(bound) + 1, error, irrational, elementary);
    case 'sqrt':
      return track(node, Math.sqrt(bound), error, irrational, elementary);
    case 'rsqrt':
    case 'sigmoid':
      return track(node, 1, error, irrational, elementary);
    case 'exp2':
    case 'sinh':
    case 'cosh':
    case 'i0':
    case 'i1':
      return track(node, Math.exp(bound + error), Math.exp(bound) * error, irrational, elementary);
    case 'log2':
    case 'log10':
    case 'cbrt':
    case 'atan':
    case 'asinh':
    case 'acosh':
      return track(node, 2 * Math.log1p(bound) + 2, 1.5 * error, irrational, elementary);
    case 'digamma':
      return track(node, Math.log1p(bound) + 1, 2 * error, irrational, elementary);
    case 'lgamma':
      return track(
        node,
        bound * Math.log1p(bound) + 1,
        (Math.log1p(bound) + 1) * error,
        irrational,
        elementary,
      );
    case 'tan':
    case 'asin':
    case 'acos':
    case 'atanh':
    case 'erfinv':
      // Slopes at 3/4 are at most 3.
      return track(node, 3, 3 * error, irrational, elementary);
    case 'erfc':
      return track(node, 2, 1.13 * error, irrational, elementary);
    case 'i0e':
    case 'i1e':
    case 'sin':
    case 'cos':
    case 'tanh':
    case 'erf':
      // The steepest is erf, with slope 2 / sqrt(pi) at 0.
      return track(node, 1, 1.13 * error, irrational, elementary);
  }
}

const integerBound = (kind: BinaryKind, a: number, b: number, dtype: DType): number => {
  switch (kind) {
    case 'add':
      return a + b;
    case 'sub':
      return dtype === 'uint32' ? Infinity : a + b;
    case 'mul':
      return a * b;
    case 'div':
    case 'shr':
      return a;
    case 'rem':
      return Math.min(a, b);
    case 'max':
    case 'min':
    case 'gcd':
      return Math.max(a, b);
    case 'and':
    case 'or':
    case 'xor':
      return 2 * (a + b) + 2;
    default:
      return Infinity;
  }
};

/** A binary node with its bounds. Floats: `div`, `rem` divide by `|b| + 1`, `pow` has the base `|a| + 1` and a small exponent. */
export function binary(kind: BinaryKind, a: Tracked, b: Tracked): Tracked {
  const { dtype } = a.node;
  if (!isFloat(dtype)) {
    return track(g.binary(kind, a.node, b.node), integerBound(kind, a.bound, b.bound, dtype), 0, 0);
  }
  const grain = Math.max(a.grain, b.grain);
  switch (kind) {
    case 'add':
    case 'sub':
      return track(g.binary(kind, a.node, b.node), a.bound + b.bound, a.error + b.error, grain);
    case 'mul':
      return track(
        g.mul(a.node, b.node),
        a.bound * b.bound,
        a.error * (b.bound + b.error) + b.error * a.bound,
        a.grain + b.grain,
      );
    case 'div': {
      const by = atLeastOne(b);
      return track(g.div(a.node, by.node), a.bound, a.error + a.bound * by.error, irrational, 2);
    }
    case 'rem': {
      const by = atLeastOne(b);
      return track(
        g.binary('rem', a.node, by.node),
        Math.min(a.bound, by.bound),
        0,
        Math.max(a.grain, by.grain),
      );
    }
    case 'pow': {
      const base = atLeastOne(tame(a, 3));
      const exponent = tame(b, 3);
      const bound = base.bound ** exponent.bound;
      const slope = exponent.bound * base.error + Math.log(base.bound) * exponent.error;
      return track(
        g.binary('pow', base.node, exponent.node),
        bound,
        bound * slope,
        irrational,
        4 * elementary,
      );
    }
    case 'max':
    case 'min': {
      const bound = Math.max(a.bound, b.bound);
      const error = Math.max(a.error, b.error);
      return error === 0
        ? { node: g.binary(kind, a.node, b.node), bound, error, grain }
        : track(g.binary(kind, a.node, b.node), bound, error, grain, 0);
    }
    case 'atan2': {
      // To the right of the origin, where it does not jump.
      const right = atLeastOne(b);
      return track(g.binary('atan2', a.node, right.node), 2, a.error + right.error, irrational, elementary);
    }
    case 'hypot':
      return track(
        g.binary('hypot', a.node, b.node),
        a.bound + b.bound,
        a.error + b.error,
        irrational,
        elementary,
      );
    case 'zeta': {
      // s from 2 to 4 and q from 1: the slope is at most 1 by s and 4.2 by q.
      const s = atLeastOne(atLeastOne(tame(a, 2)));
      const q = atLeastOne(tame(b, 4));
      return track(g.binary('zeta', s.node, q.node), 2, s.error + 4.2 * q.error, irrational, elementary);
    }
    case 'logaddexp': {
      const bound = Math.max(a.bound, b.bound) + 1;
      const error = Math.max(a.error, b.error);
      return track(g.binary('logaddexp', a.node, b.node), bound, error, irrational, elementary);
    }
    default:
      throw new Error(`binary: ${kind} is not defined on ${dtype}`);
  }
}

/** The sum of `count` elements of magnitude `bound` with error `error`, in any order. */
export const summed = (node: Node, count: number, x: Tracked): Tracked =>
  track(node, count * x.bound, count * x.error, x.grain, count + 1);

/** A sum over `axes` with its bounds. */
export const sumOver = (x: Tracked, axes: readonly number[]): Tracked =>
  summed(g.reduce('sum', x.node, axes), sizeOf(axes.map((axis) => x.node.shape[axis])), x);

/** A reduced array repeated along the `axes` of `shape` that it lost. */
export const restored = (x: Tracked, shape: readonly number[], axes: readonly number[]): Tracked =>
  moved(g.broadcastAlong(x.node, shape, axes), x);

/** `exp(x - max x) / sum exp(x - max x)` over `axes`. */
export function softmax(operand: Tracked, axes: readonly number[]): Tracked {
  const x = tame(operand, 16);
  const { shape, dtype } = x.node;
  const count = sizeOf(axes.map((axis) => shape[axis]));
  const top = g.broadcastAlong(g.reduce('max', x.node, axes), shape, axes);
  const exponentials = g.unary('exp', g.sub(x.node, top));
  const total = g.broadcastAlong(g.reduce('sum', exponentials, axes), shape, axes);
  // The derivative of a softmax has rows of absolute sum at most 1/2; x - max rounds at twice the magnitude of x.
  const error = 2 * x.error + unit(dtype) * (4 * x.bound + count + 4 * elementary);
  return track(g.div(exponentials, total), 1, error, irrational);
}

/** `d / sqrt(mean d^2 + 1)` with `d = x - mean x` over `axes`. */
export function normalized(operand: Tracked, axes: readonly number[]): Tracked {
  const x = tame(operand, 4);
  const { shape, dtype } = x.node;
  const count = sizeOf(axes.map((axis) => shape[axis]));
  const share = (of: Tracked): Tracked =>
    binary('mul', of, { node: g.fill(1 / count, of.node), bound: 1 / count, error: unit(dtype), grain: 0 });
  const difference = binary('sub', x, restored(share(sumOver(x, axes)), shape, axes));
  const variance = share(sumOver(binary('mul', difference, difference), axes));
  return binary('mul', difference, restored(unary('rsqrt', variance), shape, axes));
}
