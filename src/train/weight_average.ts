import { jit } from '../core/jit.ts';
import { checkOptions } from '../core/options.ts';
import type { WeightAverage } from '../optim/averages.ts';
import type { Callback } from './callback.ts';

/** Options of {@link averageWeights}. */
export interface AverageWeightsOptions {
  /** When the weights go into the average: after each step (default), or after each epoch. */
  readonly per?: 'step' | 'epoch';
  /** Epochs at the start that do not count. Default 0. */
  readonly startFrom?: number;
  /** Validates with the averages in the model instead of the weights; those of epochs have not yet the present one. Default true. */
  readonly validate?: boolean;
  /** Gives the model the averages once the training has ended. Default true. */
  readonly keep?: boolean;
}

/**
 * Keeps an average of the weights during a training: `averageWeights(new optim.ExponentialAverage(model, 0.999))`, or
 * `averageWeights(new optim.StochasticWeightAverage(model), { per: 'epoch', startFrom: 10 })`. Checkpoints have it in them. What `earlyStopping`
 * restores are weights of the training, not averages.
 *
 * Statistics of batch normalization are not averaged; see `optim.WeightAverage`.
 *
 * @throws Error if an option is unknown or out of range
 */
export function averageWeights(average: WeightAverage, options: AverageWeightsOptions = {}): Callback {
  checkOptions('averageWeights', options, ['per', 'startFrom', 'validate', 'keep']);
  const { per = 'step', startFrom = 0, validate = true, keep = true } = options;
  if (typeof (average as Partial<WeightAverage> | undefined)?.copyTo !== 'function')
    throw new TypeError('averageWeights: needs an average, such as new optim.ExponentialAverage(model)');
  if (per !== 'step' && per !== 'epoch')
    throw new Error(`averageWeights: per must be 'step' or 'epoch', got '${String(per)}'`);
  if (!Number.isInteger(startFrom) || startFrom < 0)
    throw new Error(`averageWeights: startFrom must be an integer from 0 on, got ${startFrom}`);
  const update = jit(() => average.update());
  const hasBegun = (): boolean => average.stateDict().updates.item() > 0;
  /** Puts the weights back after a validation. */
  let putBack: (() => Promise<void>) | null = null;
  const end = async (): Promise<void> => {
    const back = putBack;
    putBack = null;
    await back?.();
  };
  return {
    name: 'averageWeights',
    restore: (run) => {
      const others = [...run.parts.keys()].filter((name) => name.startsWith('averageWeights')).length;
      run.parts.set(others === 0 ? 'averageWeights' : `averageWeights.${others + 1}`, average);
    },
    onStep: ({ epoch }) => {
      if (per === 'step' && epoch >= startFrom) update();
    },
    onValidation: () => {
      if (!validate || !hasBegun()) return;
      let finish = (): void => {};
      const validated = new Promise<void>((resolve) => {
        finish = resolve;
      });
      const restored = average.use(() => validated);
      putBack = () => {
        finish();
        return restored;
      };
    },
    onValidationEnd: end,
    onEpochEnd: ({ epoch }) => {
      if (per === 'epoch' && epoch > startFrom) update();
    },
    onFinish: end,
    afterFinish: () => {
      if (keep && hasBegun()) average.copyTo();
    },
  };
}
