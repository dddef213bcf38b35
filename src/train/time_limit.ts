import { checkOptions } from '../core/options.ts';
import type { Callback } from './callback.ts';
import { formatDuration } from './progress.ts';

/** Options of {@link timeLimit}: how long, as the sum of these. */
export interface TimeLimitOptions {
  readonly seconds?: number;
  readonly minutes?: number;
  readonly hours?: number;
  /** Ends the training after the step in progress (default), in the middle of an epoch, or after the epoch. */
  readonly at?: 'step' | 'epoch';
  /** A clock in milliseconds, default performance.now. */
  readonly now?: () => number;
}

/**
 * Ends a training after some time, those of earlier sessions of a resumed run included. With checkpoints, `resume` goes on from there
 * when the limit is larger.
 *
 * @throws Error if there is no time, or an option is unknown
 */
export function timeLimit(options: TimeLimitOptions): Callback {
  checkOptions('timeLimit', options, ['seconds', 'minutes', 'hours', 'at', 'now']);
  const { seconds = 0, minutes = 0, hours = 0, at = 'step', now = () => performance.now() } = options;
  const limit = seconds + 60 * minutes + 3600 * hours;
  if (!(limit > 0 && limit < Infinity))
    throw new Error(`timeLimit: give a positive number of seconds, minutes or hours, got ${limit} seconds`);
  if (at !== 'step' && at !== 'epoch')
    throw new Error(`timeLimit: at must be 'step' or 'epoch', got '${String(at)}'`);
  let begin = 0;
  let before = 0;
  const used = (): number => before + (now() - begin) / 1000;
  const reason = (): string => `the time limit of ${formatDuration(limit)} is reached`;
  return {
    name: 'timeLimit',
    onBegin: () => {
      begin = now();
      before = 0;
    },
    state: used,
    restoreState: (state) => {
      before = state as number;
    },
    onStep: (run) => {
      if (at === 'step' && used() >= limit) run.stop(reason(), { now: true });
    },
    onEpochEnd: (run) => {
      if (used() >= limit) run.stop(reason());
    },
  };
}
