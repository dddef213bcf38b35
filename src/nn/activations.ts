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
