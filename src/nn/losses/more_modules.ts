import type { Tensor } from '../../core/tensor.ts';
import { type CtcOptions, ctcLoss } from './ctc.ts';
import {
  contrastiveLoss,
  cosineEmbeddingLoss,
  type TripletDistanceOptions,
  type TripletOptions,
  tripletMarginLoss,
  tripletMarginWithDistanceLoss,
} from './embeddings.ts';
import { Loss } from './loss.ts';
import { type MarginOptions, marginRankingLoss } from './margins.ts';
import { type GaussianNllOptions, gaussianNllLoss } from './regression.ts';

/** Losses of more than predictions and targets as modules, with PyTorch's names. */

/** {@link gaussianNllLoss} of predictions, targets and variances, as a module. */
export class GaussianNLLLoss extends Loss<
  [predictions: Tensor, targets: Tensor, variances: Tensor],
  GaussianNllOptions
> {
  constructor(options: GaussianNllOptions = {}) {
    super(gaussianNllLoss, options, ['full', 'eps']);
  }
}

/** {@link marginRankingLoss} of first, second and signs, as a module. */
export class MarginRankingLoss extends Loss<[first: Tensor, second: Tensor, signs: Tensor], MarginOptions> {
  constructor(options: MarginOptions = {}) {
    super(marginRankingLoss, options, ['margin']);
  }
}

/** {@link cosineEmbeddingLoss} of first, second and signs, as a module. */
export class CosineEmbeddingLoss extends Loss<[first: Tensor, second: Tensor, signs: Tensor], MarginOptions> {
  constructor(options: MarginOptions = {}) {
    super(cosineEmbeddingLoss, options, ['margin']);
  }
}

/** {@link contrastiveLoss} of first, second and labels, as a module. */
export class ContrastiveLoss extends Loss<[first: Tensor, second: Tensor, labels: Tensor], MarginOptions> {
  constructor(options: MarginOptions = {}) {
    super(contrastiveLoss, options, ['margin']);
  }
}

/** {@link tripletMarginLoss} of anchors, positives and negatives, as a module. */
export class TripletMarginLoss extends Loss<
  [anchors: Tensor, positives: Tensor, negatives: Tensor],
  TripletOptions
> {
  constructor(options: TripletOptions = {}) {
    super(tripletMarginLoss, options, ['margin', 'p', 'eps', 'swap']);
  }
}

/** {@link tripletMarginWithDistanceLoss} of anchors, positives and negatives, as a module. */
export class TripletMarginWithDistanceLoss extends Loss<
  [anchors: Tensor, positives: Tensor, negatives: Tensor],
  TripletDistanceOptions
> {
  constructor(options: TripletDistanceOptions = {}) {
    super(tripletMarginWithDistanceLoss, options, ['margin', 'distanceFunction', 'swap']);
  }
}

/**
 * {@link ctcLoss} of log-probabilities [batch, frames, classes], targets [batch, labels] and the lengths of both (default: all), as a
 * module. PyTorch's takes frames first.
 */
export class CTCLoss extends Loss<[logProbabilities: Tensor, targets: Tensor], CtcOptions> {
  constructor(options: Omit<CtcOptions, 'inputLengths' | 'targetLengths'> = {}) {
    super(ctcLoss, options, ['blank', 'zeroInfinity']);
  }

  override forward(
    logProbabilities: Tensor,
    targets: Tensor,
    inputLengths?: CtcOptions['inputLengths'],
    targetLengths?: CtcOptions['targetLengths'],
  ): Tensor {
    const lengths = {
      ...(inputLengths === undefined ? {} : { inputLengths }),
      ...(targetLengths === undefined ? {} : { targetLengths }),
    };
    return ctcLoss(logProbabilities, targets, { ...this.options, ...lengths });
  }
}
