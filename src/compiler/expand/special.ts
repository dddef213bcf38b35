import type { KernelExpr } from '../kernel.ts';
import { Algebra } from './algebra.ts';
import {
  bessel0Far,
  bessel0Near,
  bessel1Far,
  bessel1Near,
  erfcDouble,
  erfcSingle,
  erfinvCentral,
  erfinvTail,
} from './coefficients.ts';

/**
 * The error function's relatives, gamma functions, the Hurwitz zeta function, Bessel functions. All but `erfc` and `erfinv` are written for double
 * precision: float32 numbers go through it.
 */

/** From 1/2 on `exp(-x^2) p(t) / (1 + 2 x)`, x^2 taken apart so that it is exact; below `1 - erf(x)`. */
export function erfc(a: Algebra, x: KernelExpr): KernelExpr {
  const [center, coefficients, last, grid] = a.isDouble
    ? [4, erfcDouble, 28, 256]
    : [2, erfcSingle, 10.5, 16];
  const size = a.abs(x);
  const t = a.div(a.sub(size, center), a.add(size, center));
  const coarse = a.mul(a.unary('round', a.mul(size, grid)), 1 / grid);
  const rest = a.mul(a.sub(size, coarse), a.add(size, coarse));
  const gauss = a.mul(a.unary('exp', a.neg(a.mul(coarse, coarse))), a.unary('exp', a.neg(rest)));
  const quotient = a.div(a.polynomial(t, coefficients), a.add(1, a.add(size, size)));
  const upper = a.select(a.less(last, size), 0, a.mul(gauss, quotient));
  const outer = a.select(a.less(x, 0), a.sub(2, upper), upper);
  return a.select(a.less(size, 0.5), a.sub(1, a.unary('erf', x)), outer);
}

/** Polynomials of `-log(1 - x^2)` or its root; for float64 a step of Halley's method on erf, or on erfc where erf is near 1. */
export function erfinv(a: Algebra, x: KernelExpr): KernelExpr {
  const size = a.abs(x);
  const complement = a.sub(1, size);
  const w = a.neg(a.unary('log', a.mul(complement, a.add(1, size))));
  const central = a.polynomial(a.sub(a.mul(w, 0.4), 1), erfinvCentral);
  const tail = a.polynomial(a.mul(a.sub(a.unary('sqrt', w), 4.125), 0.5), erfinvTail);
  let y = a.mul(size, a.select(a.less(w, 4.75), central, tail));
  if (a.isDouble) {
    const excess = a.select(a.less(size, 0.5), a.sub(a.unary('erf', y), size), a.sub(complement, erfc(a, y)));
    const newton = a.mul(a.mul(excess, Math.sqrt(Math.PI) / 2), a.unary('exp', a.mul(y, y)));
    y = a.sub(y, a.div(newton, a.add(1, a.mul(y, newton))));
  }
  return a.odd(x, a.select(a.less(size, 1), y, a.select(a.equal(size, 1), Infinity, Number.NaN)));
}

const d = new Algebra('float64');

/** Recurrences shift arguments to this one and beyond, where asymptotic series take over. */
const shift = 8;

/** `B(2k) / (2k (2k - 1))`: Stirling's series of the logarithm of the gamma function. */
export const stirling = [
  1 / 12,
  -1 / 360,
  1 / 1260,
  -1 / 1680,
  1 / 1188,
  -691 / 360360,
  1 / 156,
  -3617 / 122400,
];

/** Of y > 0. */
function lgammaPositive(y: KernelExpr): KernelExpr {
  const isSmall = d.less(y, shift);
  const at = d.select(isSmall, d.add(y, shift), y);
  let product = y;
  for (let k = 1; k < shift; k++) product = d.mul(product, d.add(y, k));
  const logarithm = d.unary('log', at);
  const leading = d.sub(d.mul(at, d.sub(logarithm, 1)), d.mul(logarithm, 0.5));
  const inverse = d.div(1, at);
  const series = d.mul(inverse, d.polynomial(d.mul(inverse, inverse), stirling));
  const value = d.add(leading, d.add(series, 0.9189385332046727));
  const shifted = d.sub(value, d.select(isSmall, d.unary('log', product), 0));
  const isRoot = d.either(d.equal(y, 1), d.equal(y, 2));
  return d.select(isRoot, 0, d.select(d.equal(y, Infinity), Infinity, shifted));
}

/** Sine of pi z for z >= 0, exact at integers. */
const sinPi = (z: KernelExpr): { rest: KernelExpr; value: KernelExpr } => {
  const rest = d.sub(z, d.unary('round', z));
  return { rest, value: d.unary('sin', d.mul(rest, Math.PI)) };
};

/** log |gamma(x)|; below 0 by reflection, gamma(x) gamma(-x) = -pi / (x sin(pi x)). */
export function lgamma(x: KernelExpr): KernelExpr {
  const size = d.abs(x);
  const positive = lgammaPositive(size);
  const { value } = sinPi(size);
  const reflected = d.sub(d.unary('log', d.div(Math.PI, d.abs(d.mul(size, value)))), positive);
  const isPole = d.equal(size, d.unary('floor', size));
  // Whatever is far below 0 is an integer, and so is minus infinity.
  return d.select(d.less(0, x), positive, d.select(isPole, Infinity, reflected));
}

/** `-B(2k) / 2k`: the derivative of Stirling's series. */
const psi = [-1 / 12, 1 / 120, -1 / 252, 1 / 240, -1 / 132, 691 / 32760, -1 / 12, 3617 / 8160];

/** The derivative of lgamma; an infinity of the sign's side at zeros, NaN at negative integers. */
export function digamma(x: KernelExpr): KernelExpr {
  const isNegative = d.less(x, 0);
  const y = d.select(isNegative, d.sub(1, x), x);
  const isSmall = d.less(y, shift);
  const at = d.select(isSmall, d.add(y, shift), y);
  let sum = d.div(1, y);
  for (let k = 1; k < shift; k++) sum = d.add(sum, d.div(1, d.add(y, k)));
  const inverse = d.div(1, at);
  const square = d.mul(inverse, inverse);
  const series = d.sub(d.mul(square, d.polynomial(square, psi)), d.mul(inverse, 0.5));
  const value = d.sub(d.add(d.unary('log', at), series), d.select(isSmall, sum, 0));
  const z = d.abs(x);
  const { rest, value: sine } = sinPi(z);
  // psi(x) = psi(1 - x) - pi / tan(pi x)
  const cotangent = d.div(d.mul(d.unary('cos', d.mul(rest, Math.PI)), Math.PI), sine);
  const reflected = d.select(d.equal(rest, 0), Number.NaN, d.add(value, cotangent));
  const pole = d.neg(d.div(1, x));
  return d.select(isNegative, reflected, d.select(d.equal(x, 0), pole, value));
}

/** `B(2k) / (2k)!` for k = 1, 2, ..: Euler and Maclaurin's corrections. */
const eulerMaclaurin = [
  1 / 12,
  -1 / 720,
  1 / 30240,
  -1 / 1209600,
  1 / 47900160,
  -691 / 1307674368000,
  1 / 74724249600,
  -3617 / 10670622842880000,
  43867 / 5109094217170944000,
  -174611 / 802857662698291200000,
];

/** The sum of (q + k)^-s for k = 0, 1, ..: ten terms, then the integral and its corrections. For s > 1 and q > 0. */
export function zeta(s: KernelExpr, q: KernelExpr): KernelExpr {
  const terms = 10;
  const exponent = d.neg(s);
  let sum = d.binary('pow', q, exponent);
  for (let k = 1; k < terms; k++) sum = d.add(sum, d.binary('pow', d.add(q, k), exponent));
  const a = d.add(q, terms);
  const power = d.binary('pow', a, exponent);
  const integral = d.div(d.mul(power, a), d.sub(s, 1));
  let rest = d.mul(power, 0.5);
  const inverse = d.div(1, a);
  const square = d.mul(inverse, inverse);
  let factor = d.mul(d.mul(power, inverse), s);
  eulerMaclaurin.forEach((c, k) => {
    rest = d.add(rest, d.mul(factor, c));
    const next = d.mul(d.add(s, 2 * k + 1), d.add(s, 2 * k + 2));
    factor = d.mul(d.mul(factor, next), square);
  });
  const value = d.add(sum, d.add(integral, rest));
  const isInside = d.both(d.less(1, s), d.less(0, q));
  const pole = d.select(d.either(d.equal(s, 1), d.both(d.less(1, s), d.equal(q, 0))), Infinity, Number.NaN);
  const finite = d.select(
    d.either(d.equal(s, Infinity), d.equal(q, Infinity)),
    d.binary('pow', q, exponent),
    value,
  );
  return d.select(isInside, finite, pole);
}

/** e^-|x| times the modified Bessel function of order 0 or 1. */
export function besselScaled(order: 0 | 1, x: KernelExpr): KernelExpr {
  const size = d.abs(x);
  const near = d.polynomial(d.sub(d.mul(size, 0.25), 1), order === 0 ? bessel0Near : bessel1Near);
  const scaled = d.polynomial(d.sub(d.div(16, size), 1), order === 0 ? bessel0Far : bessel1Far);
  const far = d.div(scaled, d.unary('sqrt', size));
  const value = d.select(d.less(size, 8), order === 0 ? near : d.mul(near, size), far);
  return order === 0 ? value : d.odd(x, value);
}

/** The modified Bessel function of the first kind of order 0 or 1. */
export function bessel(order: 0 | 1, x: KernelExpr): KernelExpr {
  // Twice the root, as e^|x| overflows earlier.
  const root = d.unary('exp', d.mul(d.abs(x), 0.5));
  const value = d.mul(d.mul(besselScaled(order, x), root), root);
  const size = d.abs(x);
  const isInfinite = d.equal(size, Infinity);
  return d.select(isInfinite, order === 0 ? size : x, value);
}
