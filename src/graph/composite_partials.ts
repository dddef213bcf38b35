import { add, cast, compare, div, fill, make, mul, neg, select, sub, unary } from './build.ts';
import type { Node } from './node.ts';
import type { BinaryKind, CompositeBinaryKind, CompositeUnaryKind } from './vocabulary.ts';

/** Partial derivatives of the composite elementwise kinds, written with nodes. */

const binary = (kind: BinaryKind, a: Node, b: Node): Node => make('binary', { kind }, [a, b]);
const number = (value: number, like: Node): Node => fill(value, like);
const scaled = (x: Node, factor: number): Node => mul(x, number(factor, x));
const plus = (x: Node, value: number): Node => add(x, number(value, x));
const from = (value: number, x: Node): Node => sub(number(value, x), x);
const isZero = (x: Node): Node => compare('eq', x, number(0, x));

/** `x / y`, and `otherwise` where y is 0, with derivatives that stay finite there. */
const quotient = (x: Node, y: Node, otherwise: number): Node => {
  const atZero = isZero(y);
  return select(atZero, number(otherwise, y), div(x, select(atZero, number(1, y), y)));
};

/** `psi'`, which is zeta(2, x), for x < 0 by reflection: pi^2 / sin(pi x)^2 - zeta(2, 1 - x). */
function trigamma(x: Node): Node {
  const isNegative = compare('lt', x, number(0, x));
  const direct = binary('zeta', number(2, x), select(isNegative, from(1, x), x));
  // The rest to the nearest integer: the sine of large multiples of pi would be inexact.
  const rest = select(isNegative, sub(x, unary('round', x)), number(0.5, x));
  const cosecant = div(number(Math.PI, x), unary('sin', scaled(rest, Math.PI)));
  return select(isNegative, sub(mul(cosecant, cosecant), direct), direct);
}

/** `x^(a-1) e^-x / Gamma(a)`, by logarithms, which cancel: in double precision. x^0 is 1 at 0 too. */
function gammaDensity(shape: Node, at: Node): Node {
  const [a, x] = [cast(shape, 'float64'), cast(at, 'float64')];
  const power = plus(a, -1);
  const isOne = isZero(power);
  const logarithm = mul(power, unary('log', select(isOne, number(1, x), x)));
  return cast(unary('exp', sub(sub(logarithm, x), unary('lgamma', a))), at.dtype);
}

/** d out / d x, given x and out. */
export const compositeUnaryPartials: { readonly [K in CompositeUnaryKind]: (x: Node, out: Node) => Node } = {
  tan: (_, out) => plus(mul(out, out), 1),
  asin: (x) => unary('rsqrt', mul(from(1, x), plus(x, 1))),
  acos: (x) => neg(unary('rsqrt', mul(from(1, x), plus(x, 1)))),
  atan: (x) => div(number(1, x), plus(mul(x, x), 1)),
  sinh: (x) => unary('cosh', x),
  cosh: (x) => unary('sinh', x),
  asinh: (x) => unary('rsqrt', plus(mul(x, x), 1)),
  acosh: (x) => mul(unary('rsqrt', plus(x, -1)), unary('rsqrt', plus(x, 1))),
  atanh: (x) => div(number(1, x), mul(from(1, x), plus(x, 1))),
  exp2: (_, out) => scaled(out, Math.LN2),
  log2: (x) => div(number(Math.LOG2E, x), x),
  log10: (x) => div(number(Math.LOG10E, x), x),
  cbrt: (_, out) => div(number(1 / 3, out), mul(out, out)),
  erfc: (x) => scaled(unary('exp', neg(mul(x, x))), -2 / Math.sqrt(Math.PI)),
  erfinv: (_, out) => scaled(unary('exp', mul(out, out)), Math.sqrt(Math.PI) / 2),
  lgamma: (x) => unary('digamma', x),
  digamma: trigamma,
  i0: (x) => unary('i1', x),
  i1: (x, out) => sub(unary('i0', x), quotient(out, x, 0.5)),
  i0e: (x, out) => sub(unary('i1e', x), mul(unary('sign', x), out)),
  i1e: (x, out) => sub(sub(unary('i0e', x), mul(unary('sign', x), out)), quotient(out, x, 0.5)),
};

export const compositeBinaryPartials: {
  readonly [K in CompositeBinaryKind]: (a: Node, b: Node, out: Node) => [Node, Node];
} = {
  // 0 at the origin, as PyTorch has it.
  atan2: (y, x) => {
    const square = add(mul(y, y), mul(x, x));
    return [quotient(x, square, 0), quotient(neg(y), square, 0)];
  },
  hypot: (a, b, out) => [quotient(a, out, 0), quotient(b, out, 0)],
  logaddexp: (a, b) => {
    // Equal infinities have no difference; both count for half.
    const isSame = binary('and', compare('eq', a, b), compare('eq', unary('abs', a), number(Infinity, a)));
    const difference = select(isSame, number(0, a), sub(a, b));
    return [unary('sigmoid', difference), unary('sigmoid', neg(difference))];
  },
  // The derivative by a is no elementary function: NaN says so.
  igamma: (a, x) => [number(Number.NaN, a), gammaDensity(a, x)],
  igammac: (a, x) => [number(Number.NaN, a), neg(gammaDensity(a, x))],
  // The derivative by s is no elementary function of zetas: NaN says so.
  zeta: (s, q) => [number(Number.NaN, s), neg(mul(s, binary('zeta', plus(s, 1), q)))],
};
