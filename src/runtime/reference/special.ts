import { erf } from '../../graph/erf.ts';

/**
 * Functions that `Math` lacks, of one number in double precision, by other formulas than the compiler's: series and iterations until
 * they stop.
 */

/**
 * The complement of the error function: from 1/2 on by the trapezoidal rule with step 1/2 on its integral representation, with the
 * correction for the pole (Chiarella and Reichel 1968), exact to e^-39.
 */
export function erfc(x: number): number {
  if (x < 0) return 2 - erfc(-x);
  if (!(x >= 0.5)) return 1 - erf(x);
  if (x > 28) return 0;
  const h = 0.5;
  let sum = 1 / (2 * x * x);
  for (let n = 1; n <= 13; n++) sum += Math.exp(-n * n * h * h) / (n * n * h * h + x * x);
  const pole = x < Math.PI / h ? 2 / Math.expm1((2 * Math.PI * x) / h) : 0;
  return ((2 * h * x) / Math.PI) * Math.exp(-x * x) * sum - pole;
}

/** Newton's method on erf, and on the logarithm of erfc from 1/2 on. */
export function erfinv(x: number): number {
  const size = Math.abs(x);
  if (!(size < 1)) return size === 1 ? x * Infinity : Number.NaN;
  if (size === 0) return x;
  const slope = (y: number): number => (2 / Math.sqrt(Math.PI)) * Math.exp(-y * y);
  let y = size < 0.5 ? size : Math.sqrt(-Math.log(1 - size)) / 1.5;
  for (let step = 0; step < 60; step++) {
    const change =
      size < 0.5
        ? (erf(y) - size) / slope(y)
        : ((Math.log(1 - size) - Math.log(erfc(y))) * erfc(y)) / slope(y);
    y -= change;
    if (Math.abs(change) < 1e-16 * y) break;
  }
  return Math.sign(x) * y;
}

/** Lanczos's coefficients for g = 7. */
const lanczos = [
  0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059,
  12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7,
];

/** Sine of pi x, exact at integers. */
const sinPi = (x: number): number => {
  const rest = x - Math.round(x);
  return (Math.round(x) % 2 === 0 ? 1 : -1) * Math.sin(Math.PI * rest);
};

/** log |gamma(x)| by Lanczos's approximation, below 1/2 by reflection. */
export function lgamma(x: number): number {
  if (x === -Infinity || (x <= 0 && Number.isInteger(x))) return Infinity;
  if (x < 0.5) return Math.log(Math.PI / Math.abs(sinPi(x))) - lgamma(1 - x);
  if (x === Infinity) return x;
  if (x === 1 || x === 2) return 0;
  let sum = lanczos[0];
  for (let k = 1; k < lanczos.length; k++) sum += lanczos[k] / (x - 1 + k);
  const t = x + 6.5;
  return 0.5 * Math.log(2 * Math.PI) + ((x - 0.5) * Math.log(t) - t) + Math.log(sum);
}

/** The derivative of lgamma: recurrence up to 20, then the asymptotic series. */
export function digamma(x: number): number {
  if (x === 0) return -1 / x;
  if (x < 0) {
    if (Number.isInteger(x) || x === -Infinity) return Number.NaN;
    const rest = x - Math.round(x);
    return digamma(1 - x) - Math.PI / Math.tan(Math.PI * rest);
  }
  let sum = 0;
  let y = x;
  for (; y < 20; y++) sum -= 1 / y;
  const s = 1 / (y * y);
  return (
    sum + (Math.log(y) - 0.5 / y - s * (1 / 12 - s * (1 / 120 - s * (1 / 252 - s * (1 / 240 - s / 132)))))
  );
}

/** The sum of (q + k)^-s over k >= 0: 40 terms and more, then the integral and three corrections. */
export function zeta(s: number, q: number): number {
  if (Number.isNaN(s) || Number.isNaN(q) || s < 1 || q < 0) return Number.NaN;
  if (s === 1 || q === 0) return Infinity;
  if (s === Infinity || q === Infinity) return q === 1 ? 1 : q ** -s;
  let sum = 0;
  let a = q;
  for (let k = 0; k < 40; k++, a++) sum += a ** -s;
  const power = a ** -s;
  const first = (s * power) / a;
  const third = (first * (s + 1) * (s + 2)) / (a * a);
  const fifth = (third * (s + 3) * (s + 4)) / (a * a);
  return sum + ((power * a) / (s - 1) + power / 2 + first / 12 - third / 720 + fifth / 30240);
}

/** e^-|x| times the modified Bessel function of order 0 or 1: power series, from 30 on the asymptotic series. */
export function besselScaled(order: 0 | 1, x: number): number {
  const size = Math.abs(x);
  const sign = order === 1 && x < 0 ? -1 : 1;
  if (size === Infinity) return sign * 0;
  if (size < 30) {
    let term = order === 0 ? 1 : x / 2;
    let sum = 0;
    for (let k = 1; Math.abs(term) > 1e-18 * Math.abs(sum) && k < 200; k++) {
      sum += term;
      term *= (size * size) / (4 * k * (k + order));
    }
    return (sum === 0 ? term : sum) * Math.exp(-size);
  }
  let term = 1;
  let sum = 0;
  for (let k = 1; Math.abs(term) > 1e-18 && k < 40; k++) {
    sum += term;
    term *= -(4 * order * order - (2 * k - 1) ** 2) / (8 * k * size);
  }
  return (sign * sum) / Math.sqrt(2 * Math.PI * size);
}

/** The modified Bessel function of the first kind of order 0 or 1. */
export function bessel(order: 0 | 1, x: number): number {
  const size = Math.abs(x);
  if (size === Infinity) return order === 0 ? size : x;
  return besselScaled(order, x) * Math.exp(size / 2) * Math.exp(size / 2);
}

/** log(e^a + e^b) */
export function logaddexp(a: number, b: number): number {
  const most = Math.max(a, b);
  if (most === -Infinity || most === Infinity) return most;
  return most + Math.log1p(Math.exp(Math.min(a, b) - most));
}

/** The greatest common divisor, not negative. */
export function gcd(a: number, b: number): number {
  let [x, y] = [Math.abs(a), Math.abs(b)];
  while (y !== 0) [x, y] = [y, x % y];
  return x;
}

/** The regularized lower incomplete gamma function, by its series, far above a by the fraction of its complement. */
export function igamma(a: number, x: number): number {
  if (Number.isNaN(a) || Number.isNaN(x) || a < 0 || x < 0 || (a === 0 && x === 0)) return Number.NaN;
  if (a === Infinity) return x === Infinity ? Number.NaN : 0;
  if (a === 0 || x === Infinity) return 1;
  if (x > a + 40 + 10 * Math.sqrt(a)) return 1 - upperFraction(a, x);
  if (x === 0) return 0;
  let term = 1;
  let sum = 1;
  for (let n = 1; term > 1e-18 * sum; n++) {
    term *= x / (a + n);
    sum += term;
  }
  return Math.exp(a * Math.log(x) - x - lgamma(a + 1)) * sum;
}

/** The regularized upper incomplete gamma function. */
export function igammac(a: number, x: number): number {
  const isUpper = x > a + 1 && x < Infinity && a > 0;
  return isUpper ? upperFraction(a, x) : 1 - igamma(a, x);
}

/** Legendre's continued fraction from the inside out. */
function upperFraction(a: number, x: number): number {
  let rest = 0;
  for (let n = 400; n > 0; n--) rest = (n * (a - n)) / (x + 2 * n + 1 - a + rest);
  return Math.exp(a * Math.log(x) - x - lgamma(a)) / (x + 1 - a + rest);
}
