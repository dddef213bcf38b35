import type { Layer } from '../nn/module.ts';
import type { Optimizer } from '../optim/optimizer.ts';
import type { Part, State } from './state.ts';

/**
 * Means over an epoch (or values of a step) by name: `loss`, each metric under its name, and in epochs with validation the
 * same prefixed: `validationLoss`, `validationAccuracy`.
 */
export type Logs = Readonly<Record<string, number>>;

/** A training in progress, as callbacks see it. */
export interface Run {
  readonly model: Layer;
  readonly optimizer: Optimizer;
  /** Epochs in all. */
  readonly epochs: number;
  /** Steps (updates) of an epoch; null while unknown. */
  stepsPerEpoch: number | null;
  /** Examples that an epoch trains on; null if unknown. */
  readonly examples: number | null;
  /** Examples of the validation data; null if unknown, or there is none. */
  readonly validationExamples: number | null;
  /** Whether the model is evaluated on validation data: in every epoch, or only in some, or in the middle of epochs. */
  readonly validates: 'never' | 'always' | 'sometimes';
  /** Epochs completed. Restoring sets it. */
  epoch: number;
  /** Steps completed, those of earlier sessions of a resumed run included. Restoring sets it. */
  step: number;
  /** Batches of the present epoch that are done: 0 between epochs. Restoring sets it. */
  batch: number;
  /** Logs of the completed epochs. Restoring sets it. */
  history: Logs[];
  /** What metrics that are objects, such as `new ConfusionMatrix({ classes: 10 })`, gave in the last epoch: `confusion`, `validationConfusion`. */
  results: Readonly<Record<string, unknown>>;
  /** All callbacks of the training, in their order. */
  readonly callbacks: readonly Callback[];
  /**
   * What else the rest of the training depends on, by name: the place in the data, sums of the present epoch. Callbacks may add
   * parts in `onBegin` and before; checkpoints save them, and `fit` puts them back after that.
   */
  readonly parts: Map<string, Part>;
  /** Whether all callbacks have seen the last step (or epoch), so that a checkpoint of now is exact. */
  readonly isWhole: boolean;
  /** In a resumed run, the states of parts and of callbacks by {@link callbackNames}; else null. Restoring sets it. */
  restored: {
    readonly parts: Readonly<Record<string, State>>;
    readonly callbacks: Readonly<Record<string, State>>;
  } | null;
  /**
   * Ends the training after the present epoch (before the first one: at once), or with `now` after the present step, in the middle of the
   * epoch. The first reason stays.
   */
  stop(reason: string, options?: { readonly now?: boolean }): void;
}

/** One step that has been done. */
export interface StepReport {
  /** Loss and metrics of the step's batch. */
  readonly logs: Logs;
  /** Number of the step within its epoch, from 1 on. */
  readonly batch: number;
  /** Examples in the batch. */
  readonly examples: number;
}

/** A loss or a gradient that is NaN or infinite. */
export interface NotFinite {
  readonly what: 'loss' | 'gradient' | 'validation loss';
  readonly value: number;
  /** Number of the batch in the epoch; null for validation. */
  readonly batch: number | null;
}

/** Takes part in `fit`. Every method is optional; they are called in the order of the callbacks. */
export interface Callback {
  /** By which its state is found again in checkpoints; default `callback`. */
  readonly name?: string;
  /** Before all else: puts back what an earlier session saved. */
  restore?(run: Run): void | Promise<void>;
  /** Begins anew. In a resumed run, `run` is where the checkpoint was, and `restoreState` follows. */
  onBegin?(run: Run): void | Promise<void>;
  /** What it remembers and cannot compute from `run.history`: plain JSON (NaN and infinities, too) with arrays in it. */
  state?(): State;
  /** Puts back what `state` gave when the checkpoint was written. Not called where the checkpoint has none of this callback. */
  restoreState?(state: State, run: Run): void | Promise<void>;
  /** Before an epoch, or before the rest of one (`run.batch` > 0) in a resumed run. */
  onEpochBegin?(run: Run): void;
  onStep?(run: Run, report: StepReport): void | Promise<void>;
  /** After all callbacks' `onStep`: the place to save the training. */
  afterStep?(run: Run, report: StepReport): void | Promise<void>;
  /** Before the model is evaluated on the validation data. */
  onValidation?(run: Run): void;
  /** After that; `logs` are `validationLoss` and the like. */
  onValidationEnd?(run: Run, logs: Logs): void | Promise<void>;
  /**
   * Has every step look at its gradients, and leave weights, state of the optimizer and statistics as they were if the loss or one of them
   * is not finite. A step is then two programs instead of one.
   */
  readonly guardsSteps?: boolean;
  /** When a loss or gradient is not finite: true if the training may go on (or was stopped); else it ends with a DivergenceError. */
  onNotFinite?(run: Run, report: NotFinite): boolean;
  /** `run.epoch` and `run.history` include the epoch that has just ended; `logs` are its. */
  onEpochEnd?(run: Run, logs: Logs): void | Promise<void>;
  /** After all callbacks' `onEpochEnd`: the place to save the training. */
  afterEpoch?(run: Run, logs: Logs): void | Promise<void>;
  /** Where the last good state is, for the message of a training that failed. */
  lastGood?(): string | null;
  /** Always called at the end, also after errors: closes files, leaves the terminal in order. */
  onFinish?(run: Run, error: unknown): void | Promise<void>;
  /** After all callbacks' `onFinish`, unless there was an error: the place to change the model for good. */
  afterFinish?(run: Run): void | Promise<void>;
}

/** Names of callbacks in checkpoints: their own, numbered where several have the same: `csvLog`, `csvLog.2`. */
export function callbackNames(callbacks: readonly Callback[]): string[] {
  const counts = new Map<string, number>();
  return callbacks.map(({ name = 'callback' }) => {
    const count = (counts.get(name) ?? 0) + 1;
    counts.set(name, count);
    return count === 1 ? name : `${name}.${count}`;
  });
}

/** Whether more or less of a quantity is better. `auto`: less, where the name says loss or error; else more. */
export type Direction = 'min' | 'max' | 'auto';

/** Resolves `auto`. */
export const directionOf = (monitor: string, direction: Direction): 'min' | 'max' =>
  direction === 'auto' ? (/loss|error/i.test(monitor) ? 'min' : 'max') : direction;

/**
 * The value of a monitored quantity in an epoch; null if it comes from a validation that this epoch did not have.
 *
 * @throws Error as {@link monitored}
 */
export const monitoredIn = (name: string, monitor: string, logs: Logs, run: Run): number | null =>
  run.validates === 'sometimes' && monitor.startsWith('validation') && logs[monitor] === undefined
    ? null
    : monitored(name, monitor, logs);

/**
 * The value of a monitored quantity.
 *
 * @throws Error that names the quantities that there are
 */
export function monitored(name: string, monitor: string, logs: Logs): number {
  const value = logs[monitor];
  if (value === undefined)
    throw new Error(
      `${name}: there is no '${monitor}' to monitor; this training has ${Object.keys(logs).join(', ')}` +
        (monitor.startsWith('validation') ? ' (give fit the option validation)' : ''),
    );
  return value;
}
