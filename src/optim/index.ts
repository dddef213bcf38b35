/** Optimizers: `import * as optim from 'nabla/optim'`. */

export { Adam, type AdamOptions, AdamW } from './adam.ts';
export { Optimizer, type Slots, type UpdateScalars } from './optimizer.ts';
export { SGD, type SGDOptions } from './sgd.ts';
