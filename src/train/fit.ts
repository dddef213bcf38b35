import type { Tensor } from '../core/tensor.ts';
import type { Module } from '../nn/module.ts';
import type { OutputsOf } from './evaluate.ts';
import type { FitOptions } from './fit_options.ts';
import { type History, Training } from './training.ts';

/**
 * Trains a model: for each epoch and batch one step of the optimizer along the gradient of the loss, compiled as one program,
 * with the model in training mode; after each epoch an evaluation on the validation data. Training metrics are measured over the epoch
 * while the weights change, on the outputs of the training passes: functions as means over batches, objects such as `new F1()` exactly.
 *
 * @throws DivergenceError as soon as a loss is NaN or infinite, saying at which step, unless a callback such as `nanGuard` deals with it
 * @throws Interrupted when the signal is aborted
 * @throws TypeError or Error for options and batches that are not what they should be
 */
export async function fit<M extends Module, Y = Tensor>(
  model: M,
  options: FitOptions<OutputsOf<M>, Y>,
): Promise<History> {
  return new Training(model, options as FitOptions<never, never>).train();
}
