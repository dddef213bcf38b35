import type { Tensor } from '../core/tensor.ts';
import { Variable, type VariableOptions } from '../core/variable.ts';

/**
 * A variable that training changes: what optimizers move and gradients are taken by. A plain `Variable` in a field of a
 * module counts as one too; the class only says it.
 */
export class Parameter extends Variable {}

/**
 * A variable that belongs to a module's state, and to its saved files, but is no parameter: running statistics, counters. It
 * never receives a gradient, and `freeze` and `unfreeze` pass it by.
 */
export class Buffer extends Variable {
  constructor(value: Tensor, options: Omit<VariableOptions, 'trainable'> = {}) {
    super(value, { ...options, trainable: false });
  }
}
