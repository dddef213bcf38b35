import type { Operand } from './array_base.ts';
import { arrayOf, besides } from './free_operand.ts';
import type { Tensor } from './tensor.ts';

/** Mathematical functions of elements: `exp(x)` is `x.exp()`, where x may be a number as well. */

/** e^x. */
export const exp = (x: Operand): Tensor => arrayOf(x).exp();
/** The natural logarithm; -inf at 0, NaN below. */
export const log = (x: Operand): Tensor => arrayOf(x).log();
/** e^x - 1, exact near 0 too. */
export const expm1 = (x: Operand): Tensor => arrayOf(x).expm1();
/** log(1 + x), exact near 0 too. */
export const log1p = (x: Operand): Tensor => arrayOf(x).log1p();
/** 2^x, exact for integers x. */
export const exp2 = (x: Operand): Tensor => arrayOf(x).exp2();
/** The logarithm to base 2, exact at powers of 2. */
export const log2 = (x: Operand): Tensor => arrayOf(x).log2();
/** The logarithm to base 10. */
export const log10 = (x: Operand): Tensor => arrayOf(x).log10();
/** The square root; NaN below 0. */
export const sqrt = (x: Operand): Tensor => arrayOf(x).sqrt();
/** 1 / √x. */
export const rsqrt = (x: Operand): Tensor => arrayOf(x).rsqrt();
/** The cube root, of negative numbers too. */
export const cbrt = (x: Operand): Tensor => arrayOf(x).cbrt();
/** The sine of x in radians. */
export const sin = (x: Operand): Tensor => arrayOf(x).sin();
/** The cosine of x in radians. */
export const cos = (x: Operand): Tensor => arrayOf(x).cos();
/** The tangent of x in radians. */
export const tan = (x: Operand): Tensor => arrayOf(x).tan();
/** The inverse sine, from -π/2 to π/2; NaN beyond 1. */
export const asin = (x: Operand): Tensor => arrayOf(x).asin();
/** The inverse cosine, from 0 to π; NaN beyond 1. */
export const acos = (x: Operand): Tensor => arrayOf(x).acos();
/** The inverse tangent, from -π/2 to π/2. */
export const atan = (x: Operand): Tensor => arrayOf(x).atan();
/** The hyperbolic sine, (e^x - e^-x) / 2. */
export const sinh = (x: Operand): Tensor => arrayOf(x).sinh();
/** The hyperbolic cosine, (e^x + e^-x) / 2. */
export const cosh = (x: Operand): Tensor => arrayOf(x).cosh();
/** The hyperbolic tangent, (e^x - e^-x) / (e^x + e^-x). */
export const tanh = (x: Operand): Tensor => arrayOf(x).tanh();
/** The inverse hyperbolic sine. */
export const asinh = (x: Operand): Tensor => arrayOf(x).asinh();
/** The inverse hyperbolic cosine; NaN below 1. */
export const acosh = (x: Operand): Tensor => arrayOf(x).acosh();
/** The inverse hyperbolic tangent; ±inf at ±1, NaN beyond. */
export const atanh = (x: Operand): Tensor => arrayOf(x).atanh();
/** 1 / (1 + e^-x). */
export const sigmoid = (x: Operand): Tensor => arrayOf(x).sigmoid();
/** The error function, 2/√π ∫ e^(-t²) dt from 0 to x. */
export const erf = (x: Operand): Tensor => arrayOf(x).erf();
/** 1 - erf(x), exact where it is small too. */
export const erfc = (x: Operand): Tensor => arrayOf(x).erfc();
/** The inverse of erf; ±inf at ±1, NaN beyond. */
export const erfinv = (x: Operand): Tensor => arrayOf(x).erfinv();
/** log |Γ(x)|; inf at 0 and the negative integers. */
export const lgamma = (x: Operand): Tensor => arrayOf(x).lgamma();
/** The derivative of lgamma; NaN at negative integers. */
export const digamma = (x: Operand): Tensor => arrayOf(x).digamma();
/** The modified Bessel function of the first kind of order 0. */
export const i0 = (x: Operand): Tensor => arrayOf(x).i0();
/** The modified Bessel function of the first kind of order 1. */
export const i1 = (x: Operand): Tensor => arrayOf(x).i1();
/** e^-|x| i0(x). */
export const i0e = (x: Operand): Tensor => arrayOf(x).i0e();
/** e^-|x| i1(x). */
export const i1e = (x: Operand): Tensor => arrayOf(x).i1e();
/** The angle of the point (x, y) for `atan2(y, x)`, from -π to π. */
export const atan2 = (x: Operand, y: Operand): Tensor => besides(x, y).atan2(y);
/** √(x² + y²), without overflow on the way. */
export const hypot = (x: Operand, y: Operand): Tensor => besides(x, y).hypot(y);
/** log(e^x + e^y). */
export const logaddexp = (x: Operand, y: Operand): Tensor => besides(x, y).logaddexp(y);
/** log2(2^x + 2^y). */
export const logaddexp2 = (x: Operand, y: Operand): Tensor => besides(x, y).logaddexp2(y);
/** x log(y), and 0 where x is 0. */
export const xlogy = (x: Operand, y: Operand): Tensor => besides(x, y).xlogy(y);
/** x log(1 + y), and 0 where x is 0. */
export const xlog1py = (x: Operand, y: Operand): Tensor => besides(x, y).xlog1py(y);
/** Hurwitz's zeta function, Σ (q + k)^-s, for `zeta(s, q)`. */
export const zeta = (x: Operand, y: Operand): Tensor => besides(x, y).zeta(y);
/** The regularized lower incomplete gamma function P(a, x), for `gammainc(a, x)`. */
export const gammainc = (x: Operand, y: Operand): Tensor => besides(x, y).gammainc(y);
/** The regularized upper incomplete gamma function Q(a, x), for `gammaincc(a, x)`. */
export const gammaincc = (x: Operand, y: Operand): Tensor => besides(x, y).gammaincc(y);
/** 0 below 0, 1 above, y at 0. */
export const heaviside = (x: Operand, y: Operand): Tensor => besides(x, y).heaviside(y);
/** x 2^y. */
export const ldexp = (x: Operand, y: Operand): Tensor => besides(x, y).ldexp(y);
/** |x| with the sign of y. */
export const copysign = (x: Operand, y: Operand): Tensor => besides(x, y).copysign(y);
/** The next float32 after x towards y. */
export const nextafter = (x: Operand, y: Operand): Tensor => besides(x, y).nextafter(y);
/** sin(πx) / (πx). */
export const sinc = (x: Operand): Tensor => arrayOf(x).sinc();
/** The normal distribution function. */
export const ndtr = (x: Operand): Tensor => arrayOf(x).ndtr();
/** The inverse of the normal distribution function. */
export const ndtri = (x: Operand): Tensor => arrayOf(x).ndtri();
/** Rounded down. */
export const floor = (x: Operand): Tensor => arrayOf(x).floor();
/** Rounded up. */
export const ceil = (x: Operand): Tensor => arrayOf(x).ceil();
/** Rounded towards zero. */
export const trunc = (x: Operand): Tensor => arrayOf(x).trunc();
/** What `trunc` leaves. */
export const frac = (x: Operand): Tensor => arrayOf(x).frac();
/** π / 180 x. */
export const deg2rad = (x: Operand): Tensor => arrayOf(x).deg2rad();
/** 180 / π x. */
export const rad2deg = (x: Operand): Tensor => arrayOf(x).rad2deg();
/** Whether elements are NaN. */
export const isnan = (x: Operand): Tensor => arrayOf(x).isnan();
/** Whether elements are infinite. */
export const isinf = (x: Operand): Tensor => arrayOf(x).isinf();
/** Whether elements are plus infinity. */
export const isposinf = (x: Operand): Tensor => arrayOf(x).isposinf();
/** Whether elements are minus infinity. */
export const isneginf = (x: Operand): Tensor => arrayOf(x).isneginf();
/** Whether elements are neither infinite nor NaN. */
export const isfinite = (x: Operand): Tensor => arrayOf(x).isfinite();
/** Whether the sign bit is set. */
export const signbit = (x: Operand): Tensor => arrayOf(x).signbit();
/** log(x / (1 - x)); with `eps`, x is first clipped to eps..1 - eps. */
export const logit = (x: Operand, eps?: number | null): Tensor => arrayOf(x).logit(eps);
/** The n-th derivative of digamma. */
export const polygamma = (n: number, x: Operand): Tensor => arrayOf(x).polygamma(n);
/** From x to `end` by `weight`. */
export const lerp = (x: Operand, end: Operand, weight: Operand): Tensor => besides(x, end).lerp(end, weight);
/** x + value a b. */
export const addcmul = (x: Operand, a: Operand, b: Operand, options?: { value?: number }): Tensor =>
  besides(x, a).addcmul(a, b, options);
/** x + value a / b. */
export const addcdiv = (x: Operand, a: Operand, b: Operand, options?: { value?: number }): Tensor =>
  besides(x, a).addcdiv(a, b, options);
/** To the nearest integer, halves to even; with `decimals` to that many places after the point. */
export const round = (x: Operand, decimals?: number): Tensor => arrayOf(x).round(decimals);
/** Fractional and integral part, both with the sign of x. */
export const modf = (x: Operand): [Tensor, Tensor] => arrayOf(x).modf();
/** NaN and infinities replaced by finite numbers. */
export const nanToNum = (x: Operand, options?: { nan?: number; posinf?: number; neginf?: number }): Tensor =>
  arrayOf(x).nanToNum(options);
