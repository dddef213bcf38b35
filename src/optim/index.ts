/** Optimizers: `import * as optim from 'nabla/optim'`. */

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
export type { CommonOptions, GroupOptions, ParameterGroup, ParameterSource, RateFunction } from './group.ts';
export { LAMB, type LAMBOptions } from './lamb.ts';
export { Lion, type LionOptions } from './lion.ts';
export { Optimizer, type SlotKind, type Slots, type UpdateScalars } from './optimizer.ts';
export { SGD, type SGDOptions } from './sgd.ts';
