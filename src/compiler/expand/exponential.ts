import type { KernelExpr } from '../kernel.ts';
import { type Algebra, bitsOf, castTo, ofBits, onBits } from './algebra.ts';

/** Hyperbolic functions and their inverses, powers and logarithms to other bases, cube roots. */

/** From here on e^x is too large; half of its square root squared is not always. */
const overflowing = (a: Algebra): number => (a.isDouble ? 709 : 88);
/** From here on the 1 in sqrt(x^2 + 1) has no say. */
const dominant = (a: Algebra): number => (a.isDouble ? 2 ** 28 : 2 ** 13);

function halfExponential(a: Algebra, size: KernelExpr): KernelExpr {
  const root = a.unary('exp', a.mul(size, 0.5));
  return a.mul(a.mul(root, 0.5), root);
}

export function sinh(a: Algebra, x: KernelExpr): KernelExpr {
  const size = a.abs(x);
  const t = a.unary('expm1', size);
  const moderate = a.mul(a.add(t, a.div(t, a.add(t, 1))), 0.5);
  return a.odd(x, a.select(a.less(overflowing(a), size), halfExponential(a, size), moderate));
}

export function cosh(a: Algebra, x: KernelExpr): KernelExpr {
  const size = a.abs(x);
  const e = a.unary('exp', size);
  const moderate = a.add(a.mul(e, 0.5), a.div(0.5, e));
  return a.select(a.less(overflowing(a), size), halfExponential(a, size), moderate);
}

const logTwice = (a: Algebra, x: KernelExpr): KernelExpr => a.add(a.unary('log', x), Math.LN2);

export function asinh(a: Algebra, x: KernelExpr): KernelExpr {
  const size = a.abs(x);
  const square = a.mul(size, size);
  const beyond = a.add(size, a.div(square, a.add(1, a.unary('sqrt', a.add(square, 1)))));
  const moderate = a.unary('log1p', beyond);
  return a.odd(x, a.select(a.less(dominant(a), size), logTwice(a, size), moderate));
}

export function acosh(a: Algebra, x: KernelExpr): KernelExpr {
  const t = a.sub(x, 1);
  const moderate = a.unary('log1p', a.add(t, a.unary('sqrt', a.add(a.add(t, t), a.mul(t, t)))));
  const value = a.select(a.less(dominant(a), x), logTwice(a, x), moderate);
  return a.select(a.less(x, 1), Number.NaN, value);
}

export function atanh(a: Algebra, x: KernelExpr): KernelExpr {
  const size = a.abs(x);
  const ratio = a.div(a.add(size, size), a.sub(1, size));
  return a.odd(x, a.mul(a.unary('log1p', ratio), 0.5));
}

/** 2^n of an int32 from -126 to 127 as a float32. */
const powerOfTwo = (n: KernelExpr): KernelExpr => ofBits(onBits('shl', onBits('add', n, 127), 23));

export function exp2(a: Algebra, x: KernelExpr): KernelExpr {
  if (a.isDouble) return a.binary('pow', 2, x);
  const limited = a.max(a.min(x, 129), -151);
  const whole = a.unary('round', limited);
  const fraction = a.unary('exp', a.mul(a.sub(limited, whole), Math.LN2));
  // In two steps, as 2^n may be no normal number; only the second one rounds.
  const n = castTo('int32', whole);
  const half = onBits('shr', n, 1);
  return a.mul(a.mul(fraction, powerOfTwo(half)), powerOfTwo(onBits('sub', n, half)));
}

/** x = 2^n m with m about 1: from sqrt(1/2) to sqrt(2). For positive finite x. */
function split(a: Algebra, x: KernelExpr): { n: KernelExpr; m: KernelExpr } {
  if (a.isDouble) {
    const n = a.unary('round', a.mul(a.unary('log', x), Math.LOG2E));
    const half = a.unary('floor', a.mul(n, 0.5));
    const scale = (by: KernelExpr): KernelExpr => a.binary('pow', 2, a.neg(by));
    return { n, m: a.mul(a.mul(x, scale(half)), scale(a.sub(n, half))) };
  }
  const rootHalf = 0x3f3504f3;
  const isSubnormal = a.less(x, 2 ** -126);
  const bits = onBits('sub', bitsOf(a.select(isSubnormal, a.mul(x, 2 ** 23), x)), rootHalf);
  const exponent = castTo('float32', onBits('shr', bits, 23));
  return {
    n: a.sub(exponent, a.select(isSubnormal, 23, 0)),
    m: ofBits(onBits('add', onBits('and', bits, 0x7fffff), rootHalf)),
  };
}

/** A logarithm's value where x is positive and finite; what the natural one is elsewhere. */
function onDomain(a: Algebra, x: KernelExpr, value: KernelExpr): KernelExpr {
  const low = a.select(a.equal(x, 0), -Infinity, Number.NaN);
  return a.select(a.less(0, x), a.select(a.less(x, Infinity), value, x), low);
}

/** Exact at powers of two. */
export function log2(a: Algebra, x: KernelExpr): KernelExpr {
  const { n, m } = split(a, x);
  return onDomain(a, x, a.add(n, a.mul(a.unary('log', m), Math.LOG2E)));
}

/** log10(2) in two parts, the first so short that its products with exponents are exact. */
const log10Of2 = (a: Algebra): [number, number] =>
  a.isDouble ? [0.301029995663157, 8.241712586023572e-13] : [0.30078125, 0.0002487456639811952];

export function log10(a: Algebra, x: KernelExpr): KernelExpr {
  const { n, m } = split(a, x);
  const [high, low] = log10Of2(a);
  const rest = a.add(a.mul(n, low), a.mul(a.unary('log', m), Math.LOG10E));
  return onDomain(a, x, a.add(a.mul(n, high), rest));
}

/** e^(log |x| / 3), and a step of Newton's method. */
export function cbrt(a: Algebra, x: KernelExpr): KernelExpr {
  const size = a.abs(x);
  const y = a.unary('exp', a.mul(a.unary('log', size), 1 / 3));
  const better = a.sub(y, a.mul(a.sub(y, a.div(size, a.mul(y, y))), 1 / 3));
  return a.odd(x, a.select(a.less(size, Infinity), better, size));
}

/** log(e^x + e^y), taken from the larger one. */
export function logaddexp(a: Algebra, x: KernelExpr, y: KernelExpr): KernelExpr {
  // Equal infinities have no difference.
  const distance = a.select(a.equal(x, y), 0, a.abs(a.sub(x, y)));
  return a.add(a.max(x, y), a.unary('log1p', a.unary('exp', a.neg(distance))));
}
