import { checkOptions } from '../core/options.ts';
import { type Callback, type Direction, directionOf, monitored } from './callback.ts';

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
}

/**
 * Ends a training once a quantity has not improved on its best value for `patience` epochs. In a resumed run the epochs before
 * count, too.
 *
 * @throws Error if an option is unknown or out of range; in training, if the quantity does not exist
 */
export function earlyStopping(options: EarlyStoppingOptions = {}): Callback {
  checkOptions('earlyStopping', options, ['patience', 'monitor', 'mode', 'minDelta']);
  const { patience = 3, monitor = 'validationLoss', mode = 'auto', minDelta = 0 } = options;
  if (!Number.isInteger(patience) || patience < 1)
    throw new Error(`earlyStopping: patience must be a positive integer, got ${patience}`);
  if (!(minDelta >= 0))
    throw new Error(`earlyStopping: minDelta must be a number from 0 on, got ${minDelta}`);
  const sign = directionOf(monitor, mode) === 'min' ? -1 : 1;
  let best = Number.NEGATIVE_INFINITY;
  let waited = 0;
  const see: NonNullable<Callback['onEpochEnd']> = (run, logs) => {
    const value = sign * monitored('earlyStopping', monitor, logs);
    if (value > best + minDelta) {
      best = value;
      waited = 0;
    } else if (++waited >= patience) {
      run.stop(`${monitor} has not improved on ${sign * best} for ${patience} epochs`);
    }
  };
  return {
    onBegin: (run) => {
      best = Number.NEGATIVE_INFINITY;
      waited = 0;
      for (const logs of run.history) see(run, logs);
    },
    onEpochEnd: see,
  };
}
