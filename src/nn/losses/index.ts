/** Losses, each a function of predictions and targets with `reduction: 'mean' | 'sum' | 'none'`. */

export {
  type BinaryCrossEntropyOptions,
  type BinaryLogitsOptions,
  binaryCrossEntropy,
  binaryCrossEntropyWithLogits,
  type SigmoidFocalOptions,
  sigmoidFocalLoss,
} from './binary.ts';
export {
  type CrossEntropyOptions,
  crossEntropy,
  type FocalOptions,
  focalLoss,
  type KlDivOptions,
  klDiv,
  type NllOptions,
  nllLoss,
} from './classification.ts';
export { type CtcOptions, ctcLoss } from './ctc.ts';
export {
  contrastiveLoss,
  cosineEmbeddingLoss,
  pairwiseDistance,
  type TripletDistanceOptions,
  type TripletOptions,
  tripletMarginLoss,
  tripletMarginWithDistanceLoss,
} from './embeddings.ts';
export {
  hingeEmbeddingLoss,
  hingeLoss,
  type MarginOptions,
  type MultiMarginOptions,
  marginRankingLoss,
  multiMarginLoss,
  softMarginLoss,
  squaredHingeLoss,
} from './margins.ts';
export { type DiceOptions, diceLoss, type TverskyOptions, tverskyLoss } from './overlap.ts';
export type { LossOptions } from './reduction.ts';
export {
  type GaussianNllOptions,
  gaussianNllLoss,
  type HuberOptions,
  huberLoss,
  l1Loss,
  logCoshLoss,
  mseLoss,
  type PoissonNllOptions,
  poissonNllLoss,
  type SmoothL1Options,
  smoothL1Loss,
} from './regression.ts';
