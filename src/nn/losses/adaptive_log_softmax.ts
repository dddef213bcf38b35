import { checkOptions } from '../../core/options.ts';
import { concat, type Tensor } from '../../core/tensor.ts';
import { Linear } from '../linear.ts';
import { Module } from '../module.ts';
import { Sequential } from '../sequential.ts';
import { nllLoss } from './classification.ts';

/** Options of {@link AdaptiveLogSoftmaxWithLoss}. */
export interface AdaptiveOptions {
  /** Each cluster of rarer classes has so many times fewer features than the one before. Default 4. */
  divValue?: number;
  /** Whether the head has a bias. Default false. */
  headBias?: boolean;
}

/**
 * Log-probabilities of very many classes that are sorted by frequency, with fewer features for rarer ones. Classes 0 to cutoffs[0] - 1 are in
 * the head, together with one entry for each cluster of the others; class k of cluster i has log p(cluster i) + log p(k | cluster i). Parameters are
 * named as in PyTorch: `head.weight`, `tail.0.0.weight`, `tail.0.1.weight`. Grave, Joulin, Cissé, Grangier, Jégou (2016).
 *
 * All clusters are computed for all examples, so this saves parameters, but unlike PyTorch's no time.
 */
export class AdaptiveLogSoftmaxWithLoss extends Module {
  readonly head: Linear;
  readonly tail: readonly Sequential[];
  readonly #cutoffs: readonly number[];

  /**
   * @param cutoffs where the clusters begin: positive, rising, below the number of classes
   * @throws if they are not, or an option is out of range
   */
  constructor(
    inFeatures: number,
    classes: number,
    cutoffs: readonly number[],
    options: AdaptiveOptions = {},
  ) {
    super();
    checkOptions('AdaptiveLogSoftmaxWithLoss', options, ['divValue', 'headBias']);
    const { divValue = 4, headBias = false } = options;
    const bounds = [...cutoffs, classes];
    if (cutoffs.length === 0 || !bounds.every((c, i) => Number.isInteger(c) && c > (bounds[i - 1] ?? 0)))
      throw new Error(
        `AdaptiveLogSoftmaxWithLoss: cutoffs must be integers that rise from 1 on and stay below ${classes}, got [${cutoffs.join(', ')}]`,
      );
    if (!(divValue > 0))
      throw new Error(`AdaptiveLogSoftmaxWithLoss: divValue must be positive, got ${divValue}`);
    this.#cutoffs = bounds;
    this.head = new Linear(inFeatures, cutoffs[0] + cutoffs.length, { bias: headBias });
    this.tail = cutoffs.map((from, i) => {
      const features = Math.floor(inFeatures / divValue ** (i + 1));
      if (features < 1)
        throw new Error(
          `AdaptiveLogSoftmaxWithLoss: cluster ${i} would have ${inFeatures} / ${divValue}^${i + 1} features, less than one; take a smaller divValue or fewer cutoffs`,
        );
      const down = new Linear(inFeatures, features, { bias: false });
      return new Sequential(down, new Linear(features, bounds[i + 1] - from, { bias: false }));
    });
  }

  /** Log-probabilities [..., classes] for inputs [..., inFeatures]. */
  logProb(input: Tensor): Tensor {
    const head = this.head.forward(input).logSoftmax(-1);
    const [first] = this.#cutoffs;
    const lead = head.shape.slice(0, -1).map(() => null);
    const parts = this.tail.map((layers, i) =>
      layers
        .forward(input)
        .logSoftmax(-1)
        .add(head.slice(...lead, [first + i, first + i + 1])),
    );
    return concat([head.slice(...lead, [0, first]), ...parts], -1);
  }

  /** The most probable classes [...]. */
  predict(input: Tensor): Tensor {
    return this.logProb(input).argmax(-1);
  }

  /** The log-probabilities of the labels [...], and minus their mean. */
  forward(input: Tensor, labels: Tensor): { output: Tensor; loss: Tensor } {
    const output = nllLoss(this.logProb(input), labels, { reduction: 'none' }).neg();
    return { output, loss: output.mean().neg() };
  }
}
