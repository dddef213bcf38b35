import { oneHot } from '../core/free_indexing.ts';
import { stack, type Tensor } from '../core/tensor.ts';
import { settle } from '../core/variable.ts';
import { type Layer, Module } from './module.ts';

/** How an {@link Ensemble} makes one answer of several. */
export type Combination = 'outputs' | 'probabilities' | 'vote';

/**
 * Several models whose answers are averaged, which makes fewer mistakes than the average model: `new Ensemble([a, b, c])`.
 *
 * - `outputs` (default): the mean of the outputs, for regression.
 * - `probabilities`: outputs are logits [..., classes]; gives the logarithm of the mean probabilities, so that `crossEntropy` and
 *   `argmax` go on working. The cross-entropy is never above the mean of the models' (Jensen's inequality).
 * - `vote`: each model has one vote for its largest output; gives shares of votes [..., classes], without a gradient.
 *
 * @throws if there are no models
 */
export class Ensemble extends Module {
  readonly models: readonly Layer[];
  readonly #combine: Combination;

  constructor(models: readonly Layer[], options: { readonly combine?: Combination } = {}) {
    super();
    const { combine = 'outputs' } = options;
    if (models.length === 0) throw new Error('Ensemble: there are no models to average');
    if (!['outputs', 'probabilities', 'vote'].includes(combine))
      throw new Error(`Ensemble: combine must be 'outputs', 'probabilities' or 'vote', got '${combine}'`);
    this.models = [...models];
    this.#combine = combine;
  }

  forward(x: Tensor): Tensor {
    const outputs = this.models.map((model) => model.forward(x));
    switch (this.#combine) {
      case 'outputs':
        return stack(outputs).mean(0);
      case 'probabilities':
        // The mean of probabilities, without leaving logarithms.
        return stack(outputs.map((logits) => logits.logSoftmax(-1)))
          .logsumexp(0)
          .sub(Math.log(outputs.length));
      case 'vote':
        return stack(outputs.map((logits) => oneHot(logits.argmax(-1), logits.shape[logits.ndim - 1]))).mean(
          0,
        );
    }
  }
}

/**
 * Makes a model's parameters and buffers the means of those of several of its kind, as after trainings from one pretrained start ("model
 * soup", Wortsman et al., 2022) or at several moments of one training. Buffers of integers are the first model's.
 *
 * @throws if there are no models, or their names or shapes differ
 */
export function averageWeights(into: Module, models: readonly Module[]): void {
  if (models.length === 0) throw new Error('averageWeights: there are no models to average');
  const states = models.map((model) => model.stateDict());
  const mean = Object.fromEntries(
    Object.entries(states[0]).map(([name, first]) => {
      const all = states.map((state, i) => {
        if (state[name] === undefined || String(state[name].shape) !== String(first.shape))
          throw new Error(
            `averageWeights: model ${i} has ${state[name] === undefined ? `no ${name}` : `${name} [${state[name].shape.join(', ')}]`}, model 0 has [${first.shape.join(', ')}]`,
          );
        return state[name];
      });
      return [name, first.dtype.startsWith('float') ? stack(all).mean(0) : first];
    }),
  );
  into.loadStateDict(mean);
  settle(into.namedParameters().map(([, parameter]) => parameter));
}
