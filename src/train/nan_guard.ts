import { checkOptions } from '../core/options.ts';
import type { Tensor } from '../core/tensor.ts';
import type { StateDict } from '../nn/module.ts';
import type { Callback, Run } from './callback.ts';

/** Options of {@link nanGuard}. */
export interface NanGuardOptions {
  /**
   * What happens when a loss is NaN or infinite:
   * - `throw`: the training ends with a DivergenceError; gradients are watched, too, and the bad update is not made, so that the model
   *   keeps its last finite weights;
   * - `restore`: the training stops at once, without an error, with the model and the optimizer as they were after the last epoch (or at
   *   the start), or after the last of `every` steps;
   * - `skip`: the bad update is not made, and the training goes on; gradients are watched, too.
   *
   * Default `throw`.
   */
  readonly mode?: 'throw' | 'restore' | 'skip';
  /** With `skip`: more bad steps than that one after the other end the training with a DivergenceError. Default 10. */
  readonly patience?: number;
  /** With `restore`: steps from one copy of the weights to the next. Default: an epoch. */
  readonly every?: number;
}

/**
 * Says what becomes of a training whose loss is no longer a finite number. Without it `fit` throws a DivergenceError, after the update.
 * Watching gradients makes a step two programs instead of one, and costs a look at every gradient.
 *
 * @throws Error if an option is unknown or out of range
 */
export function nanGuard(options: NanGuardOptions = {}): Callback {
  checkOptions('nanGuard', options, ['mode', 'patience', 'every']);
  const { mode = 'throw', patience = 10, every } = options;
  if (!['throw', 'restore', 'skip'].includes(mode))
    throw new Error(`nanGuard: mode must be 'throw', 'restore' or 'skip', got '${String(mode)}'`);
  if (!(patience >= 1)) throw new Error(`nanGuard: patience must be a number from 1 on, got ${patience}`);
  if (every !== undefined && (!Number.isInteger(every) || every < 1))
    throw new Error(`nanGuard: every must be a positive integer, got ${every}`);
  return mode === 'restore' ? restoring(every ?? null) : guarding(mode, patience);
}

function guarding(mode: 'throw' | 'skip', patience: number): Callback {
  let bad = 0;
  return {
    name: 'nanGuard',
    guardsSteps: true,
    onBegin: () => {
      bad = 0;
    },
    state: () => bad,
    restoreState: (state) => {
      bad = state as number;
    },
    onStep: () => {
      bad = 0;
    },
    onNotFinite: (_, { what }) => mode === 'skip' && what !== 'validation loss' && ++bad <= patience,
  };
}

function restoring(every: number | null): Callback {
  let good: { model: StateDict; optimizer: Record<string, Tensor>; where: string } | null = null;
  const copy = (run: Run): void => {
    const where = run.batch === 0 ? `epoch ${run.epoch}` : `step ${run.step}`;
    good = { model: run.model.stateDict(), optimizer: run.optimizer.stateDict(), where };
  };
  return {
    name: 'nanGuard',
    onBegin: copy,
    onStep: (run) => {
      if (every !== null && run.step % every === 0) copy(run);
    },
    onEpochEnd: (run) => {
      if (every === null) copy(run);
    },
    onNotFinite: (run, { what, value }) => {
      if (good === null) return false;
      run.model.loadStateDict(good.model);
      run.optimizer.loadStateDict(good.optimizer);
      run.stop(`the ${what} is ${value} at step ${run.step}; the weights are those after ${good.where}`, {
        now: true,
      });
      return true;
    },
    onFinish: () => {
      good = null;
    },
  };
}
