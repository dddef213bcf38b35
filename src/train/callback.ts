import type { Layer } from '../nn/module.ts';
import type { Optimizer } from '../optim/optimizer.ts';

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
  /** Batches of an epoch; null while unknown. */
  stepsPerEpoch: number | null;
  /** Epochs completed. Restoring sets it. */
  epoch: number;
  /** Steps completed, those of earlier sessions of a resumed run included. Restoring sets it. */
  step: number;
  /** Logs of the completed epochs. Restoring sets it. */
  history: Logs[];
  /** Ends the training after the present epoch (before the first one: at once). */
  stop(reason: string): void;
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

/** Takes part in `fit`. Every method is optional; they are called in the order of the callbacks. */
export interface Callback {
  /** Before all else: puts back what an earlier session saved. */
  restore?(run: Run): void | Promise<void>;
  onBegin?(run: Run): void | Promise<void>;
  onEpochBegin?(run: Run): void;
  onStep?(run: Run, report: StepReport): void;
  /** Before the model is evaluated on the validation data. */
  onValidation?(run: Run): void;
  /** `run.epoch` and `run.history` include the epoch that has just ended; `logs` are its. */
  onEpochEnd?(run: Run, logs: Logs): void | Promise<void>;
  /** Where the last good state is, for the message of a training that failed. */
  lastGood?(): string | null;
  /** Always called at the end, also after errors: closes files, leaves the terminal in order. */
  onFinish?(run: Run, error: unknown): void | Promise<void>;
}

/** Whether more or less of a quantity is better. `auto`: less, where the name says loss or error; else more. */
export type Direction = 'min' | 'max' | 'auto';

/** Resolves `auto`. */
export const directionOf = (monitor: string, direction: Direction): 'min' | 'max' =>
  direction === 'auto' ? (/loss|error/i.test(monitor) ? 'min' : 'max') : direction;

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
