import { uniform } from '../core/random.ts';
import { type Tensor, where } from '../core/tensor.ts';

/** max(x, 0); the derivative at 0 is 0. */
export const relu = (x: Tensor): Tensor => x.relu();

/** tanh(x) = (eˣ - e⁻ˣ) / (eˣ + e⁻ˣ) */
export const tanh = (x: Tensor): Tensor => x.tanh();

/** 1 / (1 + e⁻ˣ) */
export const sigmoid = (x: Tensor): Tensor => x.sigmoid();

/** eˣ / Σ eˣ along an axis, the last by default. */
export const softmax = (x: Tensor, axis = -1): Tensor => x.softmax(axis);

/** log(softmax(x)), without the loss of precision of doing the two in turn. */
export const logSoftmax = (x: Tensor, axis = -1): Tensor => x.logSoftmax(axis);

/** x where positive, else slope x. Maas, Hannun, Ng (2013). */
export const leakyRelu = (x: Tensor, slope = 0.01): Tensor => where(x.gt(0), x, x.mul(slope));

/** x where positive, else alpha (eˣ - 1). Clevert, Unterthiner, Hochreiter (2015). */
export function elu(x: Tensor, alpha = 1): Tensor {
  const positive = x.gt(0);
  // The branch that is not taken must stay finite, or its derivative makes NaN.
  return where(positive, x, where(positive, 0, x).expm1().mul(alpha));
}

/**
 * x Φ(x) with the normal distribution function Φ, or with `approximate: 'tanh'`
 * ½ x (1 + tanh(√(2/π) (x + 0.044715 x³))). Hendrycks, Gimpel (2016).
 */
export function gelu(x: Tensor, options: { approximate?: 'none' | 'tanh' } = {}): Tensor {
  const inner =
    options.approximate === 'tanh'
      ? x
          .add(x.mul(x).mul(x).mul(0.044715))
          .mul(Math.sqrt(2 / Math.PI))
          .tanh()
      : x.mul(Math.SQRT1_2).erf();
  return x.mul(0.5).mul(inner.add(1));
}

/** x sigmoid(x), also called swish. Elfwing, Uchibe, Doya (2017). */
export const silu = (x: Tensor): Tensor => x.mul(x.sigmoid());

/** log(1 + e^(beta x)) / beta, a smooth relu. Exact for large x too. */
export function softplus(x: Tensor, beta = 1): Tensor {
  const scaled = x.mul(beta);
  const positive = scaled.gt(0);
  // log(1 + eˣ) = x + log(1 + e⁻ˣ): the exponent is never positive. Written with where, the derivative at 0 is ½, too.
  const rest = where(positive, scaled.neg(), scaled).exp().log1p();
  return where(positive, scaled, 0)
    .add(rest)
    .mul(1 / beta);
}

/** eˣ⁻ / Σ eˣ⁻ with x⁻ = -x along an axis, the last by default: the smallest weighs most. */
export const softmin = (x: Tensor, axis = -1): Tensor => x.neg().softmax(axis);

/** -log(1 + e⁻ˣ) = log(sigmoid(x)), exact for x of any size. */
export const logSigmoid = (x: Tensor): Tensor => softplus(x.neg()).neg();

/** x between two bounds, the bounds beyond them, where (and at which) the derivative is 0. */
export function hardtanh(x: Tensor, low = -1, high = 1): Tensor {
  if (!(low < high))
    throw new Error(`hardtanh: the lower bound must be below the upper, got ${low} and ${high}`);
  return where(x.gt(low), where(x.lt(high), x, high), low);
}

/** min(max(x, 0), 6). Krizhevsky (2010). */
export const relu6 = (x: Tensor): Tensor => hardtanh(x, 0, 6);

/** min(max(x + 3, 0), 6) / 6, a sigmoid of straight lines. Howard et al. (2019). */
export const hardsigmoid = (x: Tensor): Tensor => relu6(x.add(3)).mul(1 / 6);

/** x hardsigmoid(x). Howard et al. (2019). */
export const hardswish = (x: Tensor): Tensor => x.mul(hardsigmoid(x));

/**
 * 1.0507 (x where positive, else 1.6733 (eˣ - 1)): layers of it keep mean 0 and variance 1. Klambauer, Unterthiner,
 * Mayr, Hochreiter (2017).
 */
export const selu = (x: Tensor): Tensor => elu(x, 1.6732632423543772).mul(1.0507009873554805);

/** x where positive, else alpha (e^(x / alpha) - 1): smooth for every alpha. Barron (2017). */
export function celu(x: Tensor, alpha = 1): Tensor {
  const positive = x.gt(0);
  const negative = where(positive, 0, x).mul(1 / alpha);
  return where(positive, x, negative.expm1().mul(alpha));
}

/** x tanh(softplus(x)). Misra (2019). */
export const mish = (x: Tensor): Tensor => x.mul(softplus(x).tanh());

/** x / (1 + |x|) */
export const softsign = (x: Tensor): Tensor => x.div(x.abs().add(1));

/** x - tanh(x) */
export const tanhshrink = (x: Tensor): Tensor => x.sub(x.tanh());

/** x brought nearer to 0 by lambda, 0 where |x| is not larger. */
export const softshrink = (x: Tensor, lambda = 0.5): Tensor =>
  where(x.gt(lambda), x.sub(lambda), where(x.lt(-lambda), x.add(lambda), 0));

/** x where |x| is larger than lambda, else 0. */
export const hardshrink = (x: Tensor, lambda = 0.5): Tensor => where(x.abs().gt(lambda), x, 0);

/** x where larger than a threshold, else `value`. */
export const threshold = (x: Tensor, least: number, value: number): Tensor => where(x.gt(least), x, value);

/**
 * The gated linear unit: the first half of an axis times the sigmoid of the second. Dauphin, Fan, Auli, Grangier
 * (2016).
 *
 * @throws if the axis is odd
 */
export function glu(x: Tensor, axis = -1): Tensor {
  const at = axis < 0 ? axis + x.ndim : axis;
  const extent = x.shape[at];
  if (extent === undefined || extent % 2 !== 0)
    throw new Error(`glu: axis ${axis} of [${x.shape.join(', ')}] must exist and be even`);
  const half = (from: number, to: number) =>
    x.slice(...x.shape.map((_, i) => (i === at ? ([from, to] as const) : null)));
  return half(0, extent / 2).mul(half(extent / 2, extent).sigmoid());
}

/**
 * x where positive, else weight x, with one weight or one for each channel (the last axis). He, Zhang, Ren, Sun
 * (2015).
 */
export const prelu = (x: Tensor, weight: Tensor): Tensor => where(x.gt(0), x, x.mul(weight));

/**
 * leakyRelu with a slope drawn for each element from U(low, high), in evaluation with their mean. Draws from the
 * default generator. Xu, Wang, Chen, Li (2015).
 */
export function rrelu(x: Tensor, low = 1 / 8, high = 1 / 3, training = true): Tensor {
  if (!(low <= high))
    throw new Error(`rrelu: the lowest slope must not be above the highest, got ${low} and ${high}`);
  if (!training) return leakyRelu(x, (low + high) / 2);
  return where(x.gt(0), x, x.mul(uniform(x.shape, { low, high })));
}
