import { state as randomState } from '../core/random.ts';
import { Tensor } from '../core/tensor.ts';
import { FormatError } from '../io/safetensors_format.ts';
import { callbackNames, type Logs, type Run } from './callback.ts';
import { readState, writeState } from './checkpoint_file.ts';
import { DivergenceError } from './errors.ts';
import type { Part, State } from './state.ts';

/** A checkpoint holds all that the rest of a training depends on. */
export interface RunState {
  readonly epoch: number;
  readonly step: number;
  readonly batch: number;
  readonly stepsPerEpoch: number | null;
  readonly history: readonly Logs[];
  readonly model: Readonly<Record<string, Tensor>>;
  readonly optimizer: State;
  /** Of the default generator. */
  readonly random: Tensor;
  readonly parts: Readonly<Record<string, State>>;
  readonly callbacks: Readonly<Record<string, State>>;
}

/**
 * What the rest of a training depends on, as it is now: later steps do not change it.
 *
 * @throws DivergenceError if a weight is NaN or infinite
 */
export async function stateOf(run: Run): Promise<RunState> {
  const names = callbackNames(run.callbacks);
  const states = run.callbacks.flatMap((callback, i): [string, State][] =>
    callback.state === undefined ? [] : [[names[i], callback.state()]],
  );
  const state: RunState = {
    epoch: run.epoch,
    step: run.step,
    batch: run.batch,
    stepsPerEpoch: run.stepsPerEpoch,
    history: [...run.history],
    model: run.model.stateDict(),
    optimizer: run.optimizer.stateDict(),
    random: randomState().value,
    parts: Object.fromEntries([...run.parts].map(([name, part]) => [name, part.stateDict()])),
    callbacks: Object.fromEntries(states),
  };
  const parameters = new Set(run.model.namedParameters().map(([name]) => name));
  for (const [name, tensor] of Object.entries(state.model)) {
    // Buffers may be infinite on purpose, such as masks.
    const isGood = parameters.has(name) ? Number.isFinite : (x: number) => !Number.isNaN(x);
    if (!(await tensor.data()).every(isGood))
      throw new DivergenceError(
        `checkpoints: ${name} has values that are not finite after step ${run.step} (epoch ${run.epoch + (run.batch > 0 ? 1 : 0)}); ` +
          'it is not saved, and the checkpoints before are kept. Try a smaller learning rate',
      );
  }
  return state;
}

/**
 * Sets a run to a state. Parts and callbacks get theirs from `fit`, once all callbacks have begun.
 *
 * @throws FormatError if it is not the state of a run, Error if it is of another model, optimizer or data
 */
export function setRun(run: Run, state: State, path: string): void {
  const { epoch, step, batch, stepsPerEpoch, history, model, optimizer, random, parts, callbacks } =
    checkState(state, path);
  if (
    batch > 0 &&
    run.stepsPerEpoch !== null &&
    stepsPerEpoch !== null &&
    run.stepsPerEpoch !== stepsPerEpoch
  )
    throw new Error(
      `${path} was saved after batch ${batch} of ${stepsPerEpoch} of an epoch, but now an epoch has ${run.stepsPerEpoch}; resume with ` +
        'the same data and batch size',
    );
  try {
    run.model.loadStateDict(model);
    run.optimizer.loadStateDict(optimizer as Record<string, Tensor>);
  } catch (error) {
    throw new Error(`${path}: ${(error as Error).message}`, { cause: error });
  }
  randomState().assign(random);
  run.epoch = epoch;
  run.step = step;
  run.batch = batch;
  run.stepsPerEpoch ??= stepsPerEpoch;
  run.history = [...history];
  run.restored = { parts, callbacks };
}

/** @throws FormatError unless it is the state of a run */
export function checkState(state: State, path: string): RunState {
  const { epoch, step, batch, history, model, optimizer, random, parts, callbacks } = (state ??
    {}) as unknown as RunState;
  const areNumbers = [epoch, step, batch].every((n) => Number.isSafeInteger(n) && n >= 0);
  const areObjects = [model, optimizer, parts, callbacks].every((o) => typeof o === 'object' && o !== null);
  if (!areNumbers || !areObjects || !Array.isArray(history) || !(random instanceof Tensor))
    throw new FormatError(`${path}: is not a checkpoint of a training, but of something else`);
  return state as unknown as RunState;
}

/**
 * Writes a checkpoint of a run: model, optimizer, default generator, epoch, step, batch and history, the place in the data, and
 * states of callbacks. For callbacks of one's own, in `afterStep` or `afterEpoch`.
 *
 * @throws DivergenceError if a weight is NaN or infinite, WriteError if the file cannot be written
 */
export const saveCheckpoint = async (path: string, run: Run): Promise<void> =>
  writeState(path, (await stateOf(run)) as unknown as State);

/**
 * Sets a run to a checkpoint. For callbacks of one's own, in `restore`.
 *
 * @throws ReadError or FormatError if it cannot be read or is damaged, Error if it is of another model or optimizer
 */
export const restoreCheckpoint = async (path: string, run: Run): Promise<void> =>
  setRun(run, await readState(path), path);

/** What {@link saveState} can save: something with `stateDict` and `loadStateDict`, or with `state` and `restore`, as loaders have. */
export type Saveable = Part | { state(): unknown; restore(state: never): void };

/**
 * Saves all that a training loop of one's own depends on, in one file, atomically and with a checksum: `await saveState(path,
 * { model, optimizer, data }, { step })`. The default generator is saved, too.
 *
 * @param parts by name: models, optimizers, averages of weights, schedulers, loaders
 * @param extra anything else: plain JSON, with arrays in it
 * @throws WriteError if the file cannot be written, TypeError if a state cannot be saved
 */
export async function saveState(
  path: string,
  parts: Readonly<Record<string, Saveable>>,
  extra: State = null,
): Promise<void> {
  checkSaveables('saveState', parts);
  const states = Object.entries(parts).map(([name, part]): [string, State] => [
    name,
    'stateDict' in part ? part.stateDict() : (part.state() as State),
  ]);
  await writeState(path, { random: randomState().value, extra, parts: Object.fromEntries(states) });
}

/**
 * Puts back what {@link saveState} saved, and gives what was saved as `extra`.
 *
 * @throws ReadError or FormatError if the file cannot be read or is damaged, Error if it has not these parts or they do not fit
 */
export async function restoreState(path: string, parts: Readonly<Record<string, Saveable>>): Promise<State> {
  checkSaveables('restoreState', parts);
  const {
    random,
    extra,
    parts: states,
  } = ((await readState(path)) ?? {}) as Record<string, State | undefined>;
  if (extra === undefined || !(random instanceof Tensor) || typeof states !== 'object' || states === null)
    throw new FormatError(`${path}: was not written by saveState`);
  const [needed, found] = [Object.keys(parts).sort(), Object.keys(states).sort()];
  if (String(needed) !== String(found))
    throw new Error(`restoreState: ${path} has ${found.join(', ')}, needed is ${needed.join(', ')}`);
  for (const [name, part] of Object.entries(parts)) {
    const own = (states as Readonly<Record<string, State>>)[name] as never;
    try {
      if ('loadStateDict' in part) part.loadStateDict(own);
      else part.restore(own);
    } catch (error) {
      throw new Error(`${path}: ${name}: ${(error as Error).message}`, { cause: error });
    }
  }
  randomState().assign(random);
  return extra;
}

function checkSaveables(caller: string, parts: Readonly<Record<string, unknown>>): void {
  for (const [name, part] of Object.entries(parts)) {
    const has = (...methods: string[]) =>
      methods.every((method) => typeof (part as Record<string, unknown> | null)?.[method] === 'function');
    if (!has('stateDict', 'loadStateDict') && !has('state', 'restore'))
      throw new TypeError(
        `${caller}: ${name} has no state that can be saved: neither stateDict and loadStateDict nor state and restore`,
      );
  }
}
