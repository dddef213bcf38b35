import { sizeOf } from '../graph/node.ts';
import type { Module } from './module.ts';

/** Elements of all parameters of a model, each counted once; with `trainableOnly`, of those that are trained. */
export function countParameters(model: Module, options: { readonly trainableOnly?: boolean } = {}): number {
  return model
    .namedParameters()
    .filter(([, parameter]) => !options.trainableOnly || parameter.trainable)
    .reduce((sum, [, parameter]) => sum + sizeOf(parameter.shape), 0);
}

/**
 * Parameters per training example, p / n: far above 1 a model can learn its examples by heart, and needs regularization (Zhang, Bengio,
 * Hardt, Recht, Vinyals: "Understanding deep learning requires rethinking generalization", 2017).
 *
 * @throws RangeError unless there is at least one example
 */
export function parameterRatio(model: Module, examples: number): number {
  if (!Number.isInteger(examples) || examples < 1)
    throw new RangeError(`parameterRatio: examples must be an integer from 1 on, got ${examples}`);
  return countParameters(model) / examples;
}
