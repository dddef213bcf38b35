import type { Tensor } from '../core/tensor.ts';

/** Kullback-Leibler divergences of distributions that have a closed form, for each element; sum or average them as needed. */

/**
 * From N(mean, σ²) to the standard normal distribution: `½ (σ² + mean² - 1 - log σ²)` for each element, given `logVariance = log σ²`.
 * Summed over the axes of the latent vector it is the regularizer of variational autoencoders (Kingma, Welling, 2013).
 *
 * @throws if the shapes differ
 */
export function gaussianKl(mean: Tensor, logVariance: Tensor): Tensor {
  if (String(mean.shape) !== String(logVariance.shape))
    throw new Error(
      `gaussianKl: mean [${mean.shape.join(', ')}] and logVariance [${logVariance.shape.join(', ')}] must have the same shape`,
    );
  return mean.square().add(logVariance.exp()).sub(1).sub(logVariance).mul(0.5);
}

/**
 * From a coin with probability p to one with q: `p log(p / q) + (1 - p) log((1 - p) / (1 - q))` for each element, 0 log 0 being 0.
 * Infinite where q is 0 or 1 and p is not.
 */
export function bernoulliKl(p: Tensor | number, q: Tensor): Tensor {
  const mean = q.mul(0).add(p);
  const other = mean.neg().add(1);
  return mean
    .xlogy(mean)
    .sub(mean.xlogy(q))
    .add(other.xlogy(other))
    .sub(other.xlogy(q.neg().add(1)));
}
