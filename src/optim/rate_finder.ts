import { checkOptions } from '../core/options.ts';
import type { Tensor } from '../core/tensor.ts';

/** What a search changes and is to have again afterwards: models, optimizers. */
interface Restorable {
  stateDict(): Record<string, Tensor>;
  loadStateDict(state: Record<string, Tensor>): unknown;
}

/** Options of {@link findLearningRate}. */
export interface RateFinderOptions {
  /** First rate. Default 1e-7. */
  from?: number;
  /** Last rate. Default 10. */
  to?: number;
  /** Rates to try. Default 100. */
  steps?: number;
  /** Share of the former losses in the smoothed one. Default 0.9; 0 for none. */
  smoothing?: number;
  /** Stops when the smoothed loss is so many times the best one. Default 4; Infinity for never. */
  divergence?: number;
  /** Models and optimizers that get back what they hold now. */
  restore?: readonly Restorable[];
}

/** What a search has found. */
export interface RateCurve {
  /** The rates that were tried, each a constant times the one before. */
  readonly rates: number[];
  /** Losses at them as the step gave them. */
  readonly losses: number[];
  /** The same, smoothed and corrected for their start. */
  readonly smoothed: number[];
  /** The rate where the smoothed loss falls fastest over the logarithm of the rate; null if it never falls. */
  readonly suggestion: number | null;
}

/**
 * Tries rates that rise exponentially, one step of training each, until the loss explodes, and suggests the one at which it fell
 * fastest.
 *
 * ```ts
 * const { suggestion } = findLearningRate(
 *   (rate) => {
 *     optimizer.lr = rate;
 *     return step(...nextBatch()).item();
 *   },
 *   { restore: [model, optimizer] },
 * );
 * ```
 *
 * Smith, "Cyclical learning rates for training neural networks" (2015), section 3.3.
 *
 * @param step trains one step with this rate and returns the loss before it
 * @throws if an option is unknown or out of range
 */
export function findLearningRate(
  step: (rate: number, index: number) => number,
  options: RateFinderOptions = {},
): RateCurve {
  checkOptions('findLearningRate', options, ['from', 'to', 'steps', 'smoothing', 'divergence', 'restore']);
  const { from = 1e-7, to = 10, steps = 100, smoothing = 0.9, divergence = 4, restore = [] } = options;
  if (!(from > 0 && to > from && to < Infinity))
    throw new Error(
      `findLearningRate: rates must be positive and rise, got from ${from} to ${to}; try from 1e-7 to 10`,
    );
  if (!Number.isInteger(steps) || steps < 3)
    throw new Error(`findLearningRate: steps must be an integer from 3 on, got ${steps}`);
  if (!(smoothing >= 0 && smoothing < 1))
    throw new Error(`findLearningRate: smoothing must be from 0 to below 1, got ${smoothing}`);
  if (!(divergence > 1)) throw new Error(`findLearningRate: divergence must be above 1, got ${divergence}`);
  const states = restore.map((part) => part.stateDict());
  const curve: RateCurve = { rates: [], losses: [], smoothed: [], suggestion: null };
  const { rates, losses, smoothed } = curve;
  try {
    let average = 0;
    let best = Infinity;
    for (let i = 0; i < steps; i++) {
      const rate = from * (to / from) ** (i / (steps - 1));
      const loss = step(rate, i);
      if (!Number.isFinite(loss)) break;
      average = smoothing * average + (1 - smoothing) * loss;
      const value = average / (1 - smoothing ** (i + 1));
      if (i > 0 && value > divergence * best) break;
      best = Math.min(best, value);
      rates.push(rate);
      losses.push(loss);
      smoothed.push(value);
    }
  } finally {
    restore.forEach((part, i) => {
      part.loadStateDict(states[i]);
    });
  }
  return { ...curve, suggestion: steepest(rates, smoothed) };
}

/** Where the central difference of the losses is lowest; rates are equally far apart in their logarithms. */
function steepest(rates: readonly number[], losses: readonly number[]): number | null {
  let lowest = 0;
  let found: number | null = null;
  for (let i = 1; i + 1 < losses.length; i++) {
    const slope = losses[i + 1] - losses[i - 1];
    if (slope < lowest) {
      lowest = slope;
      found = rates[i];
    }
  }
  return found;
}
