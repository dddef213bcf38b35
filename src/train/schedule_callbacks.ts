import { checkOptions } from '../core/options.ts';
import { ReduceOnPlateau, type ReduceOnPlateauOptions } from '../optim/plateau.ts';
import { type Callback, type Direction, directionOf, monitoredIn } from './callback.ts';
import type { State } from './state.ts';

/**
 * Sets the optimizer's learning rate before each step, or each epoch, as a function of the number of those before it: a schedule of
 * `optim.schedules`, or any function of that number and of the present rate. A resumed run goes on with the right one.
 *
 * ```ts
 * learningRateSchedule(optim.schedules.cosine(1e-3, 30), { per: 'epoch' });
 * ```
 *
 * Schedules can also be the `lr` of an optimizer, which then follows them step by step; {@link learningRate} goes by the share of the
 * training that is done.
 *
 * @param options.per default `step`
 * @throws Error, in training, if the schedule gives no rate
 */
export function learningRateSchedule(
  schedule: (count: number, lr: number) => number,
  options: { readonly per?: 'step' | 'epoch' } = {},
): Callback {
  checkOptions('learningRateSchedule', options, ['per']);
  const { per = 'step' } = options;
  if (typeof schedule !== 'function')
    throw new TypeError(
      'learningRateSchedule: the schedule must be a function, such as optim.schedules.cosine(0.1, 1000)',
    );
  if (per !== 'step' && per !== 'epoch')
    throw new Error(`learningRateSchedule: per must be 'step' or 'epoch', got '${String(per)}'`);
  const set = (optimizer: { lr: number }, count: number): void => {
    const rate = schedule(count, optimizer.lr);
    if (!(rate >= 0 && rate < Infinity))
      throw new Error(
        `learningRateSchedule: the rate for ${per} ${count} is ${rate}; it must be a number from 0 on`,
      );
    optimizer.lr = rate;
  };
  if (per === 'step')
    return {
      name: 'learningRateSchedule',
      // The rate of a resumed run's next step was set before it was saved.
      onBegin: (run) => (run.step === 0 ? set(run.optimizer, 0) : undefined),
      onStep: (run) => set(run.optimizer, run.step),
    };
  return {
    name: 'learningRateSchedule',
    onEpochBegin: (run) => {
      if (run.batch === 0) set(run.optimizer, run.epoch);
    },
  };
}

/** Options of {@link reduceOnPlateau}. */
export interface PlateauOptions extends Omit<ReduceOnPlateauOptions, 'mode'> {
  /** Default `validationLoss`. */
  readonly monitor?: string;
  /** Default `auto`. */
  readonly mode?: Direction;
}

/**
 * Multiplies the learning rate by `factor` (0.1) when a quantity has not improved for `patience` (10) epochs, as
 * `optim.ReduceOnPlateau` does. Epochs without a validation are not looked at.
 *
 * @throws Error if an option is unknown or out of range; in training, if the quantity does not exist
 */
export function reduceOnPlateau(options: PlateauOptions = {}): Callback {
  const { monitor = 'validationLoss', mode = 'auto', ...rest } = options;
  const settings = { ...rest, mode: directionOf(monitor, mode) };
  // Complains about bad options before the training.
  let plateau = new ReduceOnPlateau({ lr: 1 }, settings);
  return {
    name: 'reduceOnPlateau',
    onBegin: (run) => {
      plateau = new ReduceOnPlateau(run.optimizer, settings);
    },
    state: (): State => ({ ...plateau.stateDict() }),
    restoreState: (state) => plateau.loadStateDict(state as never),
    onEpochEnd: (run, logs) => {
      const value = monitoredIn('reduceOnPlateau', monitor, logs, run);
      if (value !== null) plateau.step(value);
    },
  };
}
