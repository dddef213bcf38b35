import * as g from '../graph/build.ts';
import { isFloat } from '../graph/dtype.ts';
import type { Node } from '../graph/node.ts';
import type { BinaryKind, UnaryKind } from '../graph/vocabulary.ts';
import { ArithmeticArray } from './array_arithmetic.ts';
import { type Operand, raw } from './array_base.ts';
import * as e from './elementwise.ts';
import { meet } from './operands.ts';
import type { Tensor } from './tensor.ts';

/**
 * Mathematical functions of elements. Integers and bool become float32, as float16 and bfloat16 do. Errors in ulp are stated in
 * test/core/elementwise_accuracy.test.ts and docs/decisions/numbers.md.
 */
export abstract class ElementwiseArray extends ArithmeticArray {
  #unary(kind: UnaryKind): Tensor {
    return this.wrap(g.unary(kind, e.asFloat(this.node)));
  }
  #binary(kind: BinaryKind, other: Operand): Tensor {
    const [a, b] = meet(kind, [this.node, raw(other)], true).map(e.asFloat);
    return this.wrap(g.binary(kind, a, b));
  }
  /** A function of floats; integers are what they are already. */
  #whole(f: (x: Node) => Node): Tensor {
    return isFloat(this.dtype) ? this.wrap(f(e.asFloat(this.node))) : this.self;
  }
  #scaled(factor: number): Tensor {
    const x = e.asFloat(this.node);
    return this.wrap(g.mul(x, g.fill(factor, x)));
  }

  /** e^x. */
  exp(): Tensor {
    return this.#unary('exp');
  }
  /** The natural logarithm; -inf at 0, NaN below. */
  log(): Tensor {
    return this.#unary('log');
  }
  /** e^x - 1, exact near 0 too. */
  expm1(): Tensor {
    return this.#unary('expm1');
  }
  /** log(1 + x), exact near 0 too. */
  log1p(): Tensor {
    return this.#unary('log1p');
  }
  /** 2^x, exact for integers x. */
  exp2(): Tensor {
    return this.#unary('exp2');
  }
  /** The logarithm to base 2, exact at powers of 2. */
  log2(): Tensor {
    return this.#unary('log2');
  }
  /** The logarithm to base 10. */
  log10(): Tensor {
    return this.#unary('log10');
  }
  /** The square root; NaN below 0. */
  sqrt(): Tensor {
    return this.#unary('sqrt');
  }
  /** 1 / √x. */
  rsqrt(): Tensor {
    return this.#unary('rsqrt');
  }
  /** The cube root, of negative numbers too. */
  cbrt(): Tensor {
    return this.#unary('cbrt');
  }
  /** The sine of x in radians. */
  sin(): Tensor {
    return this.#unary('sin');
  }
  /** The cosine of x in radians. */
  cos(): Tensor {
    return this.#unary('cos');
  }
  /** The tangent of x in radians. */
  tan(): Tensor {
    return this.#unary('tan');
  }
  /** The inverse sine, from -π/2 to π/2; NaN beyond 1. */
  asin(): Tensor {
    return this.#unary('asin');
  }
  /** The inverse cosine, from 0 to π; NaN beyond 1. */
  acos(): Tensor {
    return this.#unary('acos');
  }
  /** The inverse tangent, from -π/2 to π/2. */
  atan(): Tensor {
    return this.#unary('atan');
  }
  /** The hyperbolic sine, (e^x - e^-x) / 2. */
  sinh(): Tensor {
    return this.#unary('sinh');
  }
  /** The hyperbolic cosine, (e^x + e^-x) / 2. */
  cosh(): Tensor {
    return this.#unary('cosh');
  }
  /** The hyperbolic tangent, (e^x - e^-x) / (e^x + e^-x). */
  tanh(): Tensor {
    return this.#unary('tanh');
  }
  /** The inverse hyperbolic sine. */
  asinh(): Tensor {
    return this.#unary('asinh');
  }
  /** The inverse hyperbolic cosine; NaN below 1. */
  acosh(): Tensor {
    return this.#unary('acosh');
  }
  /** The inverse hyperbolic tangent; ±inf at ±1, NaN beyond. */
  atanh(): Tensor {
    return this.#unary('atanh');
  }
  /** 1 / (1 + e^-x). */
  sigmoid(): Tensor {
    return this.#unary('sigmoid');
  }
  /** The error function, 2/√π ∫ e^(-t²) dt from 0 to x. */
  erf(): Tensor {
    return this.#unary('erf');
  }
  /** 1 - erf(x), exact where it is small too. */
  erfc(): Tensor {
    return this.#unary('erfc');
  }
  /** The inverse of erf; ±inf at ±1, NaN beyond. */
  erfinv(): Tensor {
    return this.#unary('erfinv');
  }
  /** log |Γ(x)|; inf at 0 and the negative integers. */
  lgamma(): Tensor {
    return this.#unary('lgamma');
  }
  /** The derivative of lgamma; NaN at negative integers. */
  digamma(): Tensor {
    return this.#unary('digamma');
  }
  /** The modified Bessel function of the first kind of order 0. */
  i0(): Tensor {
    return this.#unary('i0');
  }
  /** The modified Bessel function of the first kind of order 1. */
  i1(): Tensor {
    return this.#unary('i1');
  }
  /** e^-|x| i0(x). */
  i0e(): Tensor {
    return this.#unary('i0e');
  }
  /** e^-|x| i1(x). */
  i1e(): Tensor {
    return this.#unary('i1e');
  }

  /** The angle of the point (y.atan2(x)): of (x, y) from the positive x axis, from -π to π, with C's rules for zeros and infinities. */
  atan2(x: Operand): Tensor {
    return this.#binary('atan2', x);
  }
  /** √(x² + y²), without overflow on the way. */
  hypot(other: Operand): Tensor {
    return this.#binary('hypot', other);
  }
  /** log(e^x + e^y), without overflow on the way. */
  logaddexp(other: Operand): Tensor {
    return this.#binary('logaddexp', other);
  }
  /** log2(2^x + 2^y), without overflow on the way. */
  logaddexp2(other: Operand): Tensor {
    const [a, b] = meet('logaddexp2', [this.node, raw(other)], true).map((n) => {
      const x = e.asFloat(n);
      return g.mul(x, g.fill(Math.LN2, x));
    });
    const sum = g.binary('logaddexp', a, b);
    return this.wrap(g.mul(sum, g.fill(Math.LOG2E, sum)));
  }
  /** x log(y), and 0 where x is 0 (unless y is NaN). */
  xlogy(y: Operand): Tensor {
    const [a, b] = meet('xlogy', [this.node, raw(y)], true).map(e.asFloat);
    return this.wrap(e.timesOr0(a, b, (n) => g.unary('log', n), 1));
  }
  /** x log(1 + y), and 0 where x is 0 (unless y is NaN). */
  xlog1py(y: Operand): Tensor {
    const [a, b] = meet('xlog1py', [this.node, raw(y)], true).map(e.asFloat);
    return this.wrap(e.timesOr0(a, b, (n) => g.unary('log1p', n), 0));
  }
  /** log(x / (1 - x)), the inverse of sigmoid. With `eps`, x is first clipped to eps..1 - eps. */
  logit(eps: number | null = null): Tensor {
    const x = eps === null ? this.wrap(e.asFloat(this.node)) : this.clip(eps, 1 - eps);
    return x.div(x.neg().add(1)).log();
  }
  /** sin(πx) / (πx), 1 at 0 and exactly 0 at the other integers (the normalized form, as NumPy's and PyTorch's). */
  sinc(): Tensor {
    return this.wrap(e.sincOf(e.asFloat(this.node)));
  }
  /**
   * The n-th derivative of digamma, for an integer n >= 0.
   *
   * @throws if n is none
   */
  polygamma(n: number): Tensor {
    if (!Number.isInteger(n) || n < 0 || n > 100)
      throw new Error(`polygamma: the order must be an integer from 0 to 100, got ${n}`);
    return n === 0 ? this.digamma() : this.wrap(e.polygammaOf(n, e.asFloat(this.node)));
  }
  /**
   * Hurwitz's zeta function, Σ (q + k)^-s for k = 0, 1, .., of s = this: inf at s = 1 and q = 0, NaN for s < 1 or q < 0. The derivative
   * by q is known; by s it is NaN.
   */
  zeta(q: Operand): Tensor {
    return this.#binary('zeta', q);
  }
  /**
   * The regularized lower incomplete gamma function of a = this, 1/Γ(a) ∫ t^(a-1) e^-t dt from 0 to x; NaN for negative a or x. The
   * derivative by x is known; by a it is NaN.
   */
  gammainc(x: Operand): Tensor {
    return this.#binary('igamma', x);
  }
  /** The regularized upper incomplete gamma function, 1 - gammainc, exact where it is small too. */
  gammaincc(x: Operand): Tensor {
    return this.#binary('igammac', x);
  }
  /** The normal distribution function Φ(x) = erfc(-x / √2) / 2. */
  ndtr(): Tensor {
    const half = this.#scaled(-Math.SQRT1_2).erfc();
    return half.mul(0.5);
  }
  /** The inverse of the normal distribution function, √2 erfinv(2p - 1); -inf at 0, inf at 1, NaN beyond. */
  ndtri(): Tensor {
    return this.#scaled(2).sub(1).erfinv().mul(Math.SQRT2);
  }
  /** 0 below 0, 1 above, `atZero` at 0; NaN stays. */
  heaviside(atZero: Operand): Tensor {
    const [x, at] = e.meetNumbers('heaviside', this.node, raw(atZero));
    const step = g.select(g.compare('lt', x, g.fill(0, x)), g.fill(0, x), g.fill(1, x));
    const value = g.select(g.compare('eq', x, g.fill(0, x)), at, step);
    return this.wrap(g.select(e.isNaNOf(x), x, value));
  }
  /** From this to `end` by `weight` (0 gives this, 1 exactly end): this + weight (end - this), from the nearer end. */
  lerp(end: Operand, weight: Operand): Tensor {
    const [a, b, w] = meet('lerp', [this.node, raw(end), raw(weight)], true).map(e.asFloat);
    const difference = g.sub(b, a);
    const isNearStart = g.compare('lt', w, g.fill(0.5, w));
    const fromStart = g.add(a, g.mul(w, difference));
    const fromEnd = g.sub(b, g.mul(g.sub(g.fill(1, w), w), difference));
    return this.wrap(g.select(isNearStart, fromStart, fromEnd));
  }
  /** this + value a b. */
  addcmul(a: Operand, b: Operand, options: { value?: number } = {}): Tensor {
    return this.add(
      this.wrap(meet('addcmul', [raw(a), this.node])[0])
        .mul(b)
        .mul(options.value ?? 1),
    );
  }
  /** this + value a / b. */
  addcdiv(a: Operand, b: Operand, options: { value?: number } = {}): Tensor {
    return this.add(
      this.wrap(meet('addcdiv', [raw(a), this.node], true)[0])
        .div(b)
        .mul(options.value ?? 1),
    );
  }
  /** x 2^n. */
  ldexp(n: Operand): Tensor {
    const [x, power] = meet('ldexp', [this.node, raw(n)], true).map(e.asFloat);
    return this.wrap(g.mul(x, g.unary('exp2', power)));
  }
  /** |x| with the sign of y, which may be that of -0. */
  copysign(sign: Operand): Tensor {
    const [x, y] = meet('copysign', [this.node, raw(sign)], true).map(e.asFloat);
    const size = g.unary('abs', x);
    return this.wrap(g.select(e.signBit(y), g.neg(size), size));
  }
  /**
   * The next float32 towards `other`; `other` itself where both are equal.
   *
   * @throws on float64, whose bits no operation of the graph can reach
   */
  nextafter(other: Operand): Tensor {
    const [a, b] = meet('nextafter', [this.node, raw(other)], true).map(e.asFloat);
    if (a.dtype !== 'float32')
      throw new TypeError(`nextafter: is for float32, got ${a.dtype}; cast it first`);
    return this.wrap(e.nextAfter(a, b));
  }

  // Rounding. Derivatives are 0.

  /** The largest integer that is not above x. */
  floor(): Tensor {
    return this.#whole((x) => g.unary('floor', x));
  }
  /** The smallest integer that is not below x. */
  ceil(): Tensor {
    return this.#whole((x) => g.unary('ceil', x));
  }
  /** To the nearest integer, halves to even; with `decimals` to that many places after the point. */
  round(decimals = 0): Tensor {
    if (!Number.isInteger(decimals)) throw new Error(`round: decimals must be an integer, got ${decimals}`);
    if (decimals === 0) return this.#whole((x) => g.unary('round', x));
    return this.#whole((x) => {
      const scale = g.fill(10 ** Math.abs(decimals), x);
      if (decimals > 0) return g.div(g.unary('round', g.mul(x, scale)), scale);
      return g.mul(g.unary('round', g.div(x, scale)), scale);
    });
  }
  /** Towards zero. */
  trunc(): Tensor {
    return this.#whole(e.truncated);
  }
  /** What `trunc` leaves, with the sign of x; of integers 0. Its derivative is 1. */
  frac(): Tensor {
    const x = e.asComputed(this.node);
    return this.wrap(isFloat(x.dtype) ? g.sub(x, e.truncated(x)) : g.fill(0, x));
  }
  /** Fractional and integral part, both with the sign of x; of infinities 0 and themselves. */
  modf(): [Tensor, Tensor] {
    const x = e.asFloat(this.node);
    const rest = g.sub(x, e.truncated(x));
    return [this.wrap(g.select(e.isInfinite(x), g.fill(0, x), rest)), this.wrap(e.truncated(x))];
  }
  /** π / 180 x */
  deg2rad(): Tensor {
    return this.#scaled(Math.PI / 180);
  }
  /** 180 / π x */
  rad2deg(): Tensor {
    return this.#scaled(180 / Math.PI);
  }

  // What kind of number

  /** Whether elements are NaN, as bool. */
  isnan(): Tensor {
    return this.wrap(e.isNaNOf(this.node));
  }
  /** Whether elements are infinite, as bool. */
  isinf(): Tensor {
    return this.wrap(e.isInfinite(this.node));
  }
  /** Whether elements are plus infinity, as bool. */
  isposinf(): Tensor {
    return this.wrap(e.isInfinite(this.node, 1));
  }
  /** Whether elements are minus infinity, as bool. */
  isneginf(): Tensor {
    return this.wrap(e.isInfinite(this.node, -1));
  }
  /** Whether elements are neither infinite nor NaN, as bool. */
  isfinite(): Tensor {
    return this.wrap(e.isFiniteOf(this.node));
  }
  /** Whether the sign bit is set: of negative numbers and -0 (float64 NaN counts as positive). */
  signbit(): Tensor {
    return this.wrap(e.signBit(this.node));
  }
  /** NaN replaced by `nan` (default 0), infinities by `posinf` and `neginf` (default the largest finite numbers). */
  nanToNum(options: { nan?: number; posinf?: number; neginf?: number } = {}): Tensor {
    return this.wrap(e.finiteOf(this.node, options.nan ?? 0, options.posinf, options.neginf));
  }
}
