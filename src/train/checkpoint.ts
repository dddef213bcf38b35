import { checkOptions } from '../core/options.ts';
import { state as randomState } from '../core/random.ts';
import type { Tensor } from '../core/tensor.ts';
import { reasonOf, WriteError } from '../io/atomic.ts';
import { loadTensors } from '../io/load.ts';
import { FormatError } from '../io/safetensors_format.ts';
import { saveTensors } from '../io/save.ts';
import { nodeModule } from '../runtime/node_modules.ts';
import { type Callback, type Direction, directionOf, type Logs, monitored, type Run } from './callback.ts';
import { DivergenceError } from './errors.ts';

/** Options of {@link checkpoints}. */
export interface CheckpointOptions {
  /** Goes on from the folder's last checkpoint, if there is one. Default false. */
  readonly resume?: boolean;
  /** By what the best checkpoint is chosen. Default `validationLoss` where there is validation, else `loss`. */
  readonly monitor?: string;
  /** Default `auto`. */
  readonly mode?: Direction;
}

const format = 'nabla checkpoint 1';

/**
 * Saves the training after each epoch: `last.safetensors` always, `best.safetensors` when the monitored quantity is better
 * than ever. A checkpoint holds all that the rest of the training depends on: the model, the optimizer, the default generator's
 * state, epoch, step and history. With `resume`, a run that was killed at any moment goes on after its last completed epoch and
 * ends with the same weights, bit for bit, as one that was not. Files are replaced atomically. A model with weights that are not
 * finite is not saved.
 *
 * @param folder is made where needed
 * @throws WriteError, in training, if a checkpoint cannot be written; DivergenceError if weights are not finite
 */
export function checkpoints(folder: string, options: CheckpointOptions = {}): Callback {
  checkOptions('checkpoints', options, ['resume', 'monitor', 'mode']);
  const { resume = false, monitor, mode = 'auto' } = options;
  const { existsSync, mkdirSync } = nodeModule('node:fs', 'checkpoints');
  const { join } = nodeModule('node:path', 'checkpoints');
  const last = join(folder, 'last.safetensors');
  let best: number | null = null;
  let good: string | null = null;

  const isBest = (logs: Logs): boolean => {
    const quantity = monitor ?? ('validationLoss' in logs ? 'validationLoss' : 'loss');
    const value = monitored('checkpoints', quantity, logs) * (directionOf(quantity, mode) === 'min' ? -1 : 1);
    if (best !== null && !(value > best)) return false;
    best = value;
    return true;
  };
  return {
    restore: async (run) => {
      best = null;
      if (!resume || !existsSync(last)) return;
      await restoreCheckpoint(last, run);
      good = `${last} (epoch ${run.epoch})`;
      for (const logs of run.history) isBest(logs);
    },
    onBegin: () => {
      try {
        mkdirSync(folder, { recursive: true });
      } catch (error) {
        throw new WriteError(folder, reasonOf(error), error);
      }
    },
    onEpochEnd: async (run, logs) => {
      // The best one first: the last one then tells truly which epochs have been dealt with, whenever the process ends.
      if (isBest(logs)) await saveCheckpoint(join(folder, 'best.safetensors'), run);
      await saveCheckpoint(last, run);
      good = `${last} (epoch ${run.epoch})`;
    },
    lastGood: () => good,
  };
}

const prefixed = (prefix: string, tensors: Readonly<Record<string, Tensor>>): [string, Tensor][] =>
  Object.entries(tensors).map(([name, tensor]) => [`${prefix}.${name}`, tensor]);

/**
 * Writes a checkpoint of a run.
 *
 * @throws DivergenceError if a weight is NaN or infinite, WriteError if the file cannot be written
 */
export async function saveCheckpoint(path: string, run: Run): Promise<void> {
  const model = run.model.stateDict();
  for (const [name, tensor] of Object.entries(model))
    if (!(await tensor.data()).every(Number.isFinite))
      throw new DivergenceError(
        `checkpoints: ${name} has values that are not finite after step ${run.step} (epoch ${run.epoch}); ` +
          `${path} keeps what it had. Try a smaller learning rate`,
      );
  const tensors = Object.fromEntries([
    ...prefixed('model', model),
    ...prefixed('optimizer', run.optimizer.stateDict()),
    ['random.state', randomState().value],
  ]);
  const { epoch, step, history } = run;
  await saveTensors(tensors, path, { format, progress: JSON.stringify({ epoch, step, history }) });
}

/**
 * Sets a run to a checkpoint: model, optimizer, default generator, epoch, step and history.
 *
 * @throws ReadError or FormatError if it cannot be read, Error if it is of another model or optimizer
 */
export async function restoreCheckpoint(path: string, run: Run): Promise<void> {
  const { tensors, metadata } = await loadTensors(path);
  const { 'random.state': generator } = tensors;
  if (metadata.format !== format || generator === undefined)
    throw new FormatError(`${path}: is not a checkpoint of a training`);
  const { epoch, step, history } = JSON.parse(metadata.progress);
  const part = (prefix: string) =>
    Object.fromEntries(
      Object.entries(tensors).flatMap(([name, tensor]) =>
        name.startsWith(prefix) ? [[name.slice(prefix.length), tensor]] : [],
      ),
    );
  try {
    run.model.loadStateDict(part('model.'));
    run.optimizer.loadStateDict(part('optimizer.'));
  } catch (error) {
    throw new Error(`${path}: ${(error as Error).message}`, { cause: error });
  }
  randomState().assign(generator);
  run.epoch = epoch;
  run.step = step;
  // JSON writes NaN as null.
  run.history = history.map((logs: Record<string, number | null>) =>
    Object.fromEntries(Object.entries(logs).map(([name, value]) => [name, value ?? Number.NaN])),
  );
}
