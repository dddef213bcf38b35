import { checkOptions } from '../core/options.ts';
import type { StateDict } from '../nn/module.ts';
import { type Callback, type Direction, directionOf, type Logs, monitoredIn, type Run } from './callback.ts';
import type { State } from './state.ts';

/** Options of {@link earlyStopping}. */
export interface EarlyStoppingOptions {
  /** Epochs without improvement that are endured. Default 3. */
  readonly patience?: number;
  /** Default `validationLoss`. */
  readonly monitor?: string;
  /** Default `auto`. */
  readonly mode?: Direction;
  /** Changes that are not larger do not count as improvement. Default 0. */
  readonly minDelta?: number;
  /** Improvements that are not better than this number do not help. Default none. */
  readonly baseline?: number;
  /** Epochs at the start that are not looked at. Default 0. */
  readonly startFrom?: number;
  /** Gives the model the weights (and statistics) of the best epoch once the training has ended, stopped or not. Default false. */
  readonly restoreBest?: boolean;
}

const optionNames = ['patience', 'monitor', 'mode', 'minDelta', 'baseline', 'startFrom', 'restoreBest'];

/**
 * Ends a training once a quantity has not improved on its best value for `patience` epochs. In a resumed run the epochs before
 * count, too. Epochs without a validation are not looked at.
 *
 * @throws Error if an option is unknown or out of range; in training, if the quantity does not exist
 */
export function earlyStopping(options: EarlyStoppingOptions = {}): Callback {
  checkOptions('earlyStopping', options, optionNames);
  const { patience = 3, monitor = 'validationLoss', mode = 'auto', minDelta = 0 } = options;
  const { baseline, startFrom = 0, restoreBest = false } = options;
  if (!Number.isInteger(patience) || patience < 1)
    throw new Error(`earlyStopping: patience must be a positive integer, got ${patience}`);
  if (!(minDelta >= 0))
    throw new Error(`earlyStopping: minDelta must be a number from 0 on, got ${minDelta}`);
  if (!Number.isInteger(startFrom) || startFrom < 0)
    throw new Error(`earlyStopping: startFrom must be an integer from 0 on, got ${startFrom}`);
  if (baseline !== undefined && !Number.isFinite(baseline))
    throw new Error(`earlyStopping: baseline must be a number, got ${baseline}`);
  const sign = directionOf(monitor, mode) === 'min' ? -1 : 1;
  const bar = baseline === undefined ? Number.NEGATIVE_INFINITY : sign * baseline + minDelta;
  let best = Number.NEGATIVE_INFINITY;
  let waited = 0;
  let weights: StateDict | null = null;

  const see = (run: Run, logs: Logs, epoch: number, isNow: boolean): void => {
    if (epoch <= startFrom) return;
    const given = monitoredIn('earlyStopping', monitor, logs, run);
    if (given === null) return;
    const value = sign * given;
    waited++;
    if (value > best + minDelta) {
      best = value;
      if (restoreBest && isNow) weights = run.model.stateDict();
      if (baseline === undefined || value > bar) waited = 0;
    }
    if (waited >= patience) run.stop(`${monitor} has not improved on ${sign * best} for ${patience} epochs`);
  };
  return {
    name: 'earlyStopping',
    onBegin: (run) => {
      best = Number.NEGATIVE_INFINITY;
      waited = 0;
      weights = null;
      const first = run.epoch - run.history.length;
      for (const [i, logs] of run.history.entries()) see(run, logs, first + i + 1, false);
    },
    state: (): State => (weights === null ? null : { weights }),
    restoreState: (state) => {
      if (state !== null) ({ weights } = state as unknown as { weights: StateDict });
    },
    onEpochEnd: (run, logs) => see(run, logs, run.epoch, true),
    afterFinish: (run) => {
      if (weights !== null) run.model.loadStateDict(weights);
      weights = null;
    },
  };
}
