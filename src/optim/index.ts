/** Optimizers, schedules and what belongs to them: `import * as optim from 'nabla/optim'`. */

export { GradientAccumulator } from './accumulation.ts';
export { Adam, type AdamOptions, AdamW } from './adam.ts';
export {
  Adamax,
  type AdamaxOptions,
  NAdam,
  type NAdamOptions,
  RAdam,
  type RAdamOptions,
} from './adam_variants.ts';
export {
  Adadelta,
  type AdadeltaOptions,
  Adagrad,
  type AdagradOptions,
  RMSprop,
  type RMSpropOptions,
} from './adaptive.ts';
export { ExponentialAverage, StochasticWeightAverage, WeightAverage } from './averages.ts';
export { clipGradNorm, clipGradValue, type GradNormOptions, gradNorm } from './clipping.ts';
export { type DescentPath, descentPath, drawPaths, type PathPictureOptions } from './descent.ts';
export type { CommonOptions, GroupOptions, ParameterGroup, ParameterSource, RateFunction } from './group.ts';
export { LAMB, type LAMBOptions } from './lamb.ts';
export { LBFGS, type LBFGSOptions } from './lbfgs.ts';
export { Lion, type LionOptions } from './lion.ts';
export { Optimizer, type SlotKind, type Slots, type UpdateScalars } from './optimizer.ts';
export { ReduceOnPlateau, type ReduceOnPlateauOptions } from './plateau.ts';
export { findLearningRate, type RateCurve, type RateFinderOptions } from './rate_finder.ts';
export * as schedules from './schedules.ts';
export { SGD, type SGDOptions } from './sgd.ts';
