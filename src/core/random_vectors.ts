import { isFloat } from '../graph/dtype.ts';
import { cholesky } from './linalg.ts';
import { broadcastShapes } from './operands.ts';
import { normal } from './random_continuous.ts';
import { floatType, type RandomOptions } from './random_keys.ts';
import type { Tensor } from './tensor.ts';

/** Distributions of vectors. */

/**
 * Normal vectors with a mean [.., n] and a covariance [.., n, n], `mean + l z` with the Cholesky factor l of the covariance and z standard
 * normal. The result is [...shape, n]; `shape` (by default the axes in which mean and covariance meet) is what their other axes
 * broadcast to. NaN where the covariance is not positive definite. Differentiates by both.
 *
 * @throws if the shapes do not fit
 */
export function multivariateNormal(
  mean: Tensor,
  covariance: Tensor,
  shape?: readonly number[],
  options: RandomOptions = {},
): Tensor {
  const n = mean.shape[mean.ndim - 1];
  const shapes = `[${mean.shape.join(', ')}] and [${covariance.shape.join(', ')}]`;
  if (mean.ndim < 1 || covariance.ndim < 2 || covariance.shape.slice(-2).some((extent) => extent !== n))
    throw new Error(
      `random.multivariateNormal: needs a mean [.., n] and a covariance [.., n, n], got ${shapes}`,
    );
  const met = broadcastShapes(
    'random.multivariateNormal',
    mean.shape.slice(0, -1),
    covariance.shape.slice(0, -2),
  );
  const batch = shape ?? met;
  const shift = batch.length - met.length;
  if (shift < 0 || met.some((extent, i) => extent !== 1 && extent !== batch[i + shift]))
    throw new Error(
      `random.multivariateNormal: ${shapes} do not broadcast to the shape [${batch.join(', ')}] to be drawn`,
    );
  const type = floatType('multivariateNormal', options.dtype, mean, covariance);
  const factor = cholesky(isFloat(covariance.dtype) ? covariance : covariance.cast('float32')).cast(type);
  const z = normal([...batch, n], { key: options.key, dtype: type });
  // A single factor takes all vectors in one product.
  const product = factor.ndim === 2 ? z.matmul(factor.T) : factor.matmul(z.unsqueeze(-1)).squeeze(-1);
  return product.add(mean).cast(type);
}
