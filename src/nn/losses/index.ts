/** Losses, each a function of predictions and targets with `reduction: 'mean' | 'sum' | 'none'`, and a module. */

export { AdaptiveLogSoftmaxWithLoss, type AdaptiveOptions } from './adaptive_log_softmax.ts';
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
export { Loss } from './loss.ts';
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
export * from './more_modules.ts';
export { type MultilabelOptions, multilabelMarginLoss, multilabelSoftMarginLoss } from './multilabel.ts';
export { type DiceOptions, diceLoss, type TverskyOptions, tverskyLoss } from './overlap.ts';
export * from './pair_modules.ts';
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
