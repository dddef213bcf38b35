import { checkOptions } from '../core/options.ts';
import type { Tensor } from '../core/tensor.ts';
import { type Callback, type Direction, directionOf, type Logs, monitoredIn, type Run } from './callback.ts';
import { checkState, setRun, stateOf } from './checkpoint.ts';
import { type CheckpointEntry, CheckpointFolder, type KeepOptions } from './checkpoint_folder.ts';
import { Interrupted } from './errors.ts';
import type { Part, State } from './state.ts';

/** How often checkpoints are written. */
export type Interval =
  | number
  | { readonly epochs: number }
  | { readonly steps: number }
  | { readonly minutes: number };

/** Options of {@link checkpoints}. */
export interface CheckpointOptions {
  /** Goes on from the folder's newest checkpoint that is whole, if there is one. Default false. */
  readonly resume?: boolean;
  /** After so many epochs (a number, or `{ epochs }`), `{ steps }`, or `{ minutes }`. Default 1. */
  readonly every?: Interval;
  /** How many of the newest checkpoints stay. With 2 there is another one when a disk has damaged the last. Default 2. */
  readonly keepLast?: number;
  /** How many of the best ones stay, of those at ends of epochs; each of these is saved whatever `every` says. Default 1. */
  readonly keepBest?: number;
  /** By what the best is chosen. Default `validationLoss` where there is validation, else `loss`. */
  readonly monitor?: string;
  /** Default `auto`. */
  readonly mode?: Direction;
  /** Also saves at the end of the training, whether it is complete, was stopped, or was interrupted by its signal. Default true. */
  readonly saveFinal?: boolean;
  /** More that the training depends on, by name, such as `{ average: new optim.ExponentialAverage(model) }`. */
  readonly also?: Readonly<Record<string, Part>>;
  /** What is done with the warning about damaged files. Default `console.warn`. */
  readonly warn?: (message: string) => void;
}

const optionNames = [
  'resume',
  'every',
  'keepLast',
  'keepBest',
  'monitor',
  'mode',
  'saveFinal',
  'also',
  'warn',
];

/**
 * Saves the training in a folder, as `checkpoint-<step>.safetensors` and an `index.json` that tells them apart. A checkpoint holds all
 * that the rest of the training depends on: model, optimizer, default generator, epoch, step, batch and history, the place in the data,
 * and states of callbacks. With `resume`, a run that was killed at any moment goes on after its last checkpoint, also in the middle of
 * an epoch, and ends with the same weights, bit for bit, as one that was not. Files are replaced atomically and have a checksum; a
 * damaged one is passed over with a warning. A model with weights that are not finite is not saved.
 *
 * Without `resume`, checkpoints that are in the folder are replaced.
 *
 * @param folder is made where needed
 * @throws WriteError, in training, if a checkpoint cannot be written; DivergenceError if weights are not finite; FormatError if
 * all checkpoints to resume from are damaged; Error if they are of another model, optimizer or data
 */
export function checkpoints(folder: string, options: CheckpointOptions = {}): Callback {
  checkOptions('checkpoints', options, optionNames);
  const { resume = false, every = 1, keepLast = 2, keepBest = 1, monitor, mode = 'auto' } = options;
  const { saveFinal = true, also = {}, warn = (message: string) => console.warn(message) } = options;
  const interval = intervalOf(every);
  requireCount('keepLast', keepLast, 1);
  requireCount('keepBest', keepBest, 0);
  const files = new CheckpointFolder(folder);
  let saved: CheckpointEntry | null = null;
  let savedAt = 0;

  const keepOptions = (run: Run): KeepOptions => {
    const quantity = monitor ?? (run.validates === 'never' ? 'loss' : 'validationLoss');
    return { keepLast, keepBest, monitor: quantity, direction: directionOf(quantity, mode) };
  };
  const qualityOf = (run: Run, history: readonly Logs[], batch: number): number | null => {
    const logs = history.at(-1);
    if (batch > 0 || logs === undefined || (keepBest === 0 && monitor === undefined)) return null;
    const value = monitoredIn('checkpoints', keepOptions(run).monitor, logs, run);
    return value === null || !Number.isFinite(value) ? null : value;
  };
  const save = async (run: Run): Promise<void> => {
    const { step, epoch, batch, history } = run;
    const state = (await stateOf(run)) as unknown as State;
    const value = qualityOf(run, history, batch);
    saved = await files.add(state, { step, epoch, batch, value }, keepOptions(run));
    savedAt = performance.now();
  };
  const isAt = (run: Run): boolean =>
    saved !== null && saved.step === run.step && saved.epoch === run.epoch && saved.batch === run.batch;
  const isLate = (): boolean =>
    interval.unit === 'minutes' && performance.now() - savedAt >= interval.count * 60_000;
  const isAmongBest = (run: Run): boolean => {
    const value = qualityOf(run, run.history, run.batch);
    if (value === null || keepBest === 0) return false;
    const { direction } = keepOptions(run);
    const worst = files.best(direction)[keepBest - 1]?.value ?? null;
    return worst === null || (direction === 'min' ? value < worst : value > worst);
  };

  return {
    name: 'checkpoints',
    restore: async (run) => {
      for (const [name, part] of Object.entries(also)) run.parts.set(name, part);
      saved = null;
      savedAt = performance.now();
      files.clear();
      if (!resume) return;
      const describe = (state: State, path: string) => {
        const { step, epoch, batch, history } = checkState(state, path);
        return { step, epoch, batch, value: qualityOf(run, history, batch) };
      };
      const found = await files.openLast(keepOptions(run), describe, warn);
      if (found === null) return;
      setRun(run, found.state, found.entry.path);
      const missing = Object.keys(also).filter((name) => !(name in (run.restored?.parts ?? {})));
      if (missing.length > 0)
        throw new Error(`${found.entry.path}: was saved without ${missing.join(', ')} of the option 'also'`);
      saved = found.entry;
    },
    onBegin: async (run) => {
      await files.create();
      await files.tidy(keepOptions(run));
    },
    afterStep: async (run) => {
      if ((interval.unit === 'steps' && run.step % interval.count === 0) || isLate()) await save(run);
    },
    afterEpoch: async (run) => {
      const isDue = interval.unit === 'epochs' && run.epoch % interval.count === 0;
      if (isDue || isLate() || isAmongBest(run)) await save(run);
    },
    lastGood: () =>
      saved === null
        ? null
        : `${saved.path} (${saved.batch === 0 ? `epoch ${saved.epoch}` : `step ${saved.step}`})`,
    onFinish: async (run, error) => {
      const isEnd = error === null || error instanceof Interrupted;
      if (saveFinal && isEnd && run.isWhole && run.step > 0 && !isAt(run)) await save(run);
    },
  };
}

function intervalOf(every: Interval): { unit: 'epochs' | 'steps' | 'minutes'; count: number } {
  const given = Object.entries(typeof every === 'number' ? { epochs: every } : (every ?? {}));
  const [unit, count] = given[0] ?? [];
  if (given.length !== 1 || !['epochs', 'steps', 'minutes'].includes(unit))
    throw new TypeError(
      `checkpoints: every must be a number of epochs, { epochs }, { steps } or { minutes }, got ${JSON.stringify(every)}`,
    );
  if (unit === 'minutes' && !(count >= 0 && count < Infinity))
    throw new RangeError(`checkpoints: every.minutes must be a number from 0 on, got ${count}`);
  if (unit !== 'minutes') requireCount(`every, in ${unit},`, count, 1);
  return { unit: unit as 'epochs' | 'steps' | 'minutes', count };
}

function requireCount(what: string, count: number, least: number): void {
  if (!Number.isSafeInteger(count) || count < least)
    throw new RangeError(`checkpoints: ${what} must be an integer from ${least} on, got ${count}`);
}

/** A checkpoint that has been loaded. */
export type { CheckpointEntry } from './checkpoint_folder.ts';

/**
 * Sets a model to the best checkpoint of a folder, by the quantity that `checkpoints` monitored. One that is damaged is passed over
 * with a warning.
 *
 * @returns which one it is: path, epoch, step, value
 * @throws FormatError if there is none or all are damaged, Error if it is of another model
 */
export async function loadBest(
  model: { loadStateDict(state: Record<string, Tensor>): unknown },
  folder: string,
  { warn = (message: string) => console.warn(message) }: { readonly warn?: (message: string) => void } = {},
): Promise<CheckpointEntry> {
  const found = await new CheckpointFolder(folder).openBest(warn);
  if (found === null) throw new Error(`loadBest: ${folder} has no best checkpoint`);
  const { model: weights } = checkState(found.state, found.entry.path);
  try {
    model.loadStateDict({ ...weights });
  } catch (error) {
    throw new Error(`${found.entry.path}: ${(error as Error).message}`, { cause: error });
  }
  return found.entry;
}
