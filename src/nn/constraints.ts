import type { Tensor } from '../core/tensor.ts';
import { isTracing } from '../core/trace.ts';
import { settle } from '../core/variable.ts';
import { type ChoiceOptions, chosenParameters, type ParameterList } from './penalties.ts';

/** Bounds that weights are put back into after each update. */

/** Maps a weight [out, ..., in] to the nearest one that is allowed. */
export type Constraint = (weight: Tensor) => Tensor;

/** Norms of the weights of each output. */
const normsOf = (weight: Tensor): Tensor => {
  if (weight.ndim < 2) return weight.abs();
  const axes = weight.shape.map((_, axis) => axis).slice(1);
  return weight.square().sum(axes, { keepDims: true }).sqrt();
};

const scaled = (weight: Tensor, norms: Tensor, wanted: Tensor): Tensor =>
  weight.mul(wanted.div(norms.add(1e-7)));

/** The norm of each output's incoming weights is at most `bound`. Srivastava et al. (2014). */
export function maxNorm(bound = 2): Constraint {
  if (!(bound > 0)) throw new Error(`maxNorm: the bound must be positive, got ${bound}`);
  return (weight) => {
    const norms = normsOf(weight);
    return scaled(weight, norms, norms.minimum(bound));
  };
}

/** The norm of each output's incoming weights lies from `low` to `high`; `rate` is the share of the way that an update goes there. */
export function minMaxNorm(low = 0, high = 1, rate = 1): Constraint {
  if (!(low >= 0 && high >= low))
    throw new Error(`minMaxNorm: bounds must rise from 0 on, got ${low} and ${high}`);
  if (!(rate > 0 && rate <= 1))
    throw new Error(`minMaxNorm: rate must be above 0 and at most 1, got ${rate}`);
  return (weight) => {
    const norms = normsOf(weight);
    return scaled(
      weight,
      norms,
      norms
        .clip(low, high)
        .mul(rate)
        .add(norms.mul(1 - rate)),
    );
  };
}

/** The norm of each output's incoming weights is 1. */
export const unitNorm = (): Constraint => (weight) => {
  const norms = normsOf(weight);
  return scaled(weight, norms, norms.mul(0).add(1));
};

/** No weight is negative. */
export const nonNegative = (): Constraint => (weight) => weight.relu();

/**
 * Applies a constraint to a model's weights: after `optimizer.update(grads)`, inside of `jit` or not.
 *
 * ```ts
 * optimizer.update(grads);
 * nn.constrain(model, nn.constraints.maxNorm(3));
 * ```
 *
 * @param options.choose which parameters, by name; default those with two axes or more
 * @throws if there are none
 */
export function constrain(source: ParameterList, constraint: Constraint, options: ChoiceOptions = {}): void {
  const parameters = chosenParameters('constrain', source, options);
  for (const parameter of parameters) parameter.assign(constraint(parameter.value));
  if (!isTracing()) settle(parameters);
}
