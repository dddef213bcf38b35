import type { KernelExpr } from '../kernel.ts';
import { Algebra } from './algebra.ts';
import { lgamma, stirling } from './special.ts';

/**
 * The regularized incomplete gamma functions in double precision: below x = a + 1 the series of the lower one, above it the continued
 * fraction of the upper one.
 */

const d = new Algebra('float64');

/**
 * `x^a e^-x / Gamma(a + 1)`. For large a from `exp(-a (m - log(1 + m)))` with m = (x - a) / a and Stirling's series, where the logarithms
 * of the factors would be large numbers that cancel.
 */
function density(a: KernelExpr, x: KernelExpr): KernelExpr {
  const direct = d.sub(d.sub(d.mul(a, d.unary('log', x)), x), lgamma(d.add(a, 1)));
  const m = d.div(d.sub(x, a), a);
  const inverse = d.div(1, a);
  const series = d.mul(inverse, d.polynomial(d.mul(inverse, inverse), stirling));
  // log(x / a), by whichever of the two is exact.
  const isNear = d.less(d.abs(m), 0.5);
  const logarithm = d.select(isNear, d.unary('log1p', m), d.unary('log', d.div(x, a)));
  const exponent = d.sub(d.mul(a, d.sub(logarithm, m)), series);
  const large = d.div(d.unary('exp', exponent), d.unary('sqrt', d.mul(a, 2 * Math.PI)));
  return d.select(d.less(a, 10), d.unary('exp', direct), large);
}

/** Both functions, one as computed and the other as what it leaves of 1. */
function both(a: KernelExpr, x: KernelExpr): { lower: KernelExpr; upper: KernelExpr } {
  const isBelow = d.less(x, d.add(a, 1));
  const factor = density(a, x);
  // Where the other one counts, arguments for which the loop ends at once.
  const series = d.binary('gammaSeries', a, d.select(isBelow, x, 0));
  const fraction = d.binary('gammaFraction', a, d.select(isBelow, d.add(a, 1e9), x));
  const below = d.mul(factor, series);
  const above = d.mul(d.mul(factor, a), fraction);
  return {
    lower: d.select(isBelow, below, d.sub(1, above)),
    upper: d.select(isBelow, d.sub(1, below), above),
  };
}

/** The ends of the domain, where the lower function is 0 or 1, and what is outside of it. */
function onDomain(a: KernelExpr, x: KernelExpr, value: KernelExpr, atZero: 0 | 1): KernelExpr {
  const atEnd = d.select(d.either(d.equal(a, Infinity), d.equal(x, 0)), atZero, 1 - atZero);
  const isEnd = d.either(
    d.either(d.equal(a, 0), d.equal(x, 0)),
    d.either(d.equal(a, Infinity), d.equal(x, Infinity)),
  );
  const isUndefined = d.either(
    d.either(d.less(a, 0), d.less(x, 0)),
    d.either(d.both(d.equal(a, 0), d.equal(x, 0)), d.both(d.equal(a, Infinity), d.equal(x, Infinity))),
  );
  const ended = d.select(isEnd, atEnd, value);
  // A sum with NaN is NaN.
  const known = d.select(d.equal(d.add(a, x), d.add(a, x)), ended, Number.NaN);
  return d.select(isUndefined, Number.NaN, known);
}

export const lower = (a: KernelExpr, x: KernelExpr): KernelExpr => onDomain(a, x, both(a, x).lower, 0);
export const upper = (a: KernelExpr, x: KernelExpr): KernelExpr => onDomain(a, x, both(a, x).upper, 1);
