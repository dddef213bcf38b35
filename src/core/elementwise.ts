import * as g from '../graph/build.ts';
import { computing, type DType, isFloat, isInteger, join } from '../graph/dtype.ts';
import type { Node } from '../graph/node.ts';
import { broadcastShapes, meet } from './operands.ts';

/** Elementwise functions of nodes that are more than one operation of the graph. */

type Value = Node | number | boolean;

/** A node as a float that is computed with: integers and bool as float32, float16 and bfloat16 too. */
export const asFloat = (x: Node): Node => g.cast(x, isFloat(x.dtype) ? computing(x.dtype) : 'float32');
/** A node as a number that is computed with: bool as int32, float16 and bfloat16 as float32. */
export const asComputed = (x: Node): Node => g.cast(x, x.dtype === 'bool' ? 'int32' : computing(x.dtype));
/** Operands as numbers of one dtype and shape; bool counts as int32. */
export const meetNumbers = (name: string, a: Value, b: Value): Node[] => meet(name, [a, b]).map(asComputed);

const zero = (x: Node): Node => g.fill(0, x);
const one = (x: Node): Node => g.fill(1, x);
const isNonZero = (x: Node): Node => g.compare('ne', x, zero(x));
const isBelowZero = (x: Node): Node => g.compare('lt', x, zero(x));
const both = (a: Node, b: Node): Node => g.binary('and', a, b);
const not = (x: Node): Node => g.unary('not', x);
const truth = (value: boolean, x: Node): Node => g.constant(value ? 1 : 0, x.shape, 'bool');
const differ = (a: Node, b: Node): Node => g.binary('xor', a, b);

/** Elements of `a` where the condition holds, of `b` elsewhere; all three broadcast. */
export function whereOf(condition: Node, a: Value, b: Value): Node {
  const [x, y] = meet('where', [a, b], false, join);
  const shape = broadcastShapes('where', condition.shape, x.shape, y.shape);
  const [c, whenTrue, whenFalse] = [g.cast(condition, 'bool'), x, y].map((n) => g.broadcastTo(n, shape));
  return g.select(c, whenTrue, whenFalse);
}

/** Where the remainder has to move by one divisor to get the divisor's sign. */
const needsShift = (remainder: Node, divisor: Node): Node =>
  both(isNonZero(remainder), differ(isBelowZero(remainder), isBelowZero(divisor)));

/** The remainder with the sign of the divisor, for numbers of one dtype and shape. */
export function floorRemainder(a: Node, b: Node): Node {
  const remainder = g.binary('rem', a, b);
  return g.select(needsShift(remainder, b), g.add(remainder, b), remainder);
}

/** The quotient rounded down. Floats: from the exact remainder, so that 1 by 0.1 is 9, as Python has it. */
export function floorQuotient(a: Node, b: Node): Node {
  const remainder = g.binary('rem', a, b);
  const shift = needsShift(remainder, b);
  if (!isFloat(a.dtype)) {
    const quotient = g.div(a, b);
    return g.select(shift, g.sub(quotient, one(a)), quotient);
  }
  const whole = g.unary('round', g.div(g.sub(a, remainder), b));
  const byZero = g.unary('floor', g.div(a, b));
  return g.select(isNonZero(b), g.select(shift, g.sub(whole, one(a)), whole), byZero);
}

/** Rounded towards zero. */
export const truncated = (x: Node): Node => g.select(isBelowZero(x), g.unary('ceil', x), g.unary('floor', x));

export const isNaNOf = (x: Node): Node => (isFloat(x.dtype) ? g.compare('ne', x, x) : truth(false, x));
/** Whether elements are infinite, of the given sign if any. */
export function isInfinite(x: Node, sign?: 1 | -1): Node {
  if (!isFloat(x.dtype)) return truth(false, x);
  const wide = g.cast(x, computing(x.dtype));
  return sign === undefined
    ? g.compare('eq', g.unary('abs', wide), g.fill(Infinity, wide))
    : g.compare('eq', wide, g.fill(sign * Infinity, wide));
}
export function isFiniteOf(x: Node): Node {
  if (!isFloat(x.dtype)) return truth(true, x);
  const wide = g.cast(x, computing(x.dtype));
  return g.compare('lt', g.unary('abs', wide), g.fill(Infinity, wide));
}

/** Whether the sign bit is set: of negative numbers and -0; of float64 NaN never. */
export function signBit(x: Node): Node {
  if (x.dtype === 'bool' || x.dtype === 'uint32') return truth(false, x);
  if (x.dtype === 'int32') return isBelowZero(x);
  const wide = g.cast(x, computing(x.dtype));
  if (wide.dtype === 'float32') return isBelowZero(g.bitcast(wide, 'int32'));
  const isNegativeZero = both(g.compare('eq', wide, zero(wide)), isBelowZero(g.div(one(wide), wide)));
  return g.binary('or', isBelowZero(wide), isNegativeZero);
}

/** The largest finite number of a dtype. */
const largest: { readonly [D in DType]?: number } = {
  float32: 3.4028234663852886e38,
  float64: Number.MAX_VALUE,
};

/** NaN and infinities replaced. */
export function finiteOf(x: Node, nan: number, high: number | undefined, low: number | undefined): Node {
  if (!isFloat(x.dtype)) return x;
  const wide = g.cast(x, computing(x.dtype));
  const most = largest[wide.dtype]!;
  const finite = g.select(isInfinite(wide, 1), g.fill(high ?? most, wide), wide);
  const above = g.select(isInfinite(wide, -1), g.fill(low ?? -most, wide), finite);
  return g.select(isNaNOf(wide), g.fill(nan, wide), above);
}

/** The next float32 from `a` towards `b`. Neighbours have neighbouring bits, up to the sign. */
export function nextAfter(a: Node, b: Node): Node {
  const bits = g.bitcast(a, 'int32');
  const int = (value: number): Node => g.constant(value, a.shape, 'int32');
  const grows = g.compare('eq', g.compare('lt', a, b), g.compare('lt', zero(a), a));
  const moved = g.bitcast(g.add(bits, g.select(grows, int(1), int(-1))), 'float32');
  const tiny = g.bitcast(g.select(isBelowZero(b), int(-0x7fffffff), int(1)), 'float32');
  const next = g.select(g.compare('eq', a, zero(a)), tiny, moved);
  const isUnordered = g.binary('or', isNaNOf(a), isNaNOf(b));
  return g.select(g.compare('eq', a, b), b, g.select(isUnordered, g.fill(Number.NaN, a), next));
}

/** The number of ones among the 32 bits: sums of neighbours, then of neighbouring pairs, and so on. */
export function populationCount(x: Node): Node {
  const u = (value: number): Node => g.constant(value, x.shape, 'uint32');
  const shr = (n: Node, by: number): Node => g.binary('shr', n, u(by));
  const bits = g.bitcast(x, 'uint32');
  const pairs = g.sub(bits, both(shr(bits, 1), u(0x55555555)));
  const fours = g.add(both(pairs, u(0x33333333)), both(shr(pairs, 2), u(0x33333333)));
  const bytes = both(g.add(fours, shr(fours, 4)), u(0x0f0f0f0f));
  return g.bitcast(shr(g.mul(bytes, u(0x01010101)), 24), 'int32');
}

/** `x f(y)`, and 0 where x is 0 unless y is NaN; `safe` is a y for which f is finite. */
export function timesOr0(x: Node, y: Node, f: (y: Node) => Node, safe: number): Node {
  const out = f(y);
  const isVain = both(g.compare('eq', x, zero(x)), both(not(isNaNOf(y)), not(isFiniteOf(out))));
  return g.mul(x, f(g.select(isVain, g.fill(safe, y), y)));
}

/** `sin(pi x) / (pi x)`, near 0 its series, so that derivatives of every order are right there. */
export function sincOf(x: Node): Node {
  const isNear = g.compare('lt', g.unary('abs', x), g.fill(0.25, x));
  const angle = g.mul(x, g.fill(Math.PI, x));
  const square = g.mul(angle, angle);
  let series = one(x);
  for (let k = 9; k > 0; k--)
    series = g.sub(one(x), g.mul(g.mul(square, g.fill(1 / (2 * k * (2 * k + 1)), x)), series));
  const safe = g.select(isNear, one(x), x);
  // sin(pi x) from the rest to the nearest integer: exact zeros at the integers.
  const whole = g.unary('round', safe);
  const half = g.mul(whole, g.fill(0.5, x));
  const sine = g.unary('sin', g.mul(g.sub(safe, whole), g.fill(Math.PI, x)));
  const isOdd = g.compare('ne', half, g.unary('floor', half));
  const signed = g.select(isOdd, g.neg(sine), sine);
  return g.select(isNear, series, g.div(signed, g.mul(safe, g.fill(Math.PI, x))));
}

/**
 * The n-th derivative of digamma, n >= 1: `(-1)^(n+1) n! zeta(n + 1, x)`, for x < 0 by n-fold differentiation of the reflection
 * `psi(1 - x) - psi(x) = pi cot(pi x)`, whose derivatives are polynomials of the cotangent.
 */
export function polygammaOf(n: number, x: Node): Node {
  let factorial = 1;
  for (let k = 2; k <= n; k++) factorial *= k;
  const isNegative = isBelowZero(x);
  const at = g.select(isNegative, g.sub(one(x), x), x);
  const size = g.mul(g.binary('zeta', g.fill(n + 1, x), at), g.fill(factorial, x));
  const direct = n % 2 === 0 ? g.neg(size) : size;
  // cot' = -(1 + cot^2): the coefficients of the n-th derivative, by powers of the cotangent.
  let powers = [0, 1];
  for (let k = 0; k < n; k++) {
    const next = new Array<number>(powers.length + 1).fill(0);
    powers.forEach((c, i) => {
      if (i > 0) {
        next[i - 1] -= i * c;
        next[i + 1] -= i * c;
      }
    });
    powers = next;
  }
  const rest = g.select(isNegative, g.sub(x, g.unary('round', x)), g.fill(0.5, x));
  const angle = g.mul(rest, g.fill(Math.PI, x));
  const cotangent = g.div(g.unary('cos', angle), g.unary('sin', angle));
  let sum = g.fill(powers[powers.length - 1], x);
  for (let i = powers.length - 2; i >= 0; i--) sum = g.add(g.mul(sum, cotangent), g.fill(powers[i], x));
  const turned = g.mul(sum, g.fill(Math.PI ** (n + 1), x));
  const mirrored = n % 2 === 0 ? direct : g.neg(direct);
  return g.select(isNegative, g.sub(mirrored, turned), direct);
}

/** @throws if the dtype has no bits to work on */
export function onBits(name: string, x: Node): Node {
  if (x.dtype !== 'bool' && !isInteger(x.dtype))
    throw new TypeError(`${name}: needs int32, uint32 or bool, got ${x.dtype}; cast it first`);
  return x;
}
