import { checkOptions } from '../core/options.ts';
import { requireNumber } from './group.ts';

/** What has a rate, or groups with a rate each. */
interface Rated {
  lr: number;
  readonly groups?: readonly { lr: number; readonly isScheduled?: boolean }[];
}

/** Options of {@link ReduceOnPlateau}. */
export interface ReduceOnPlateauOptions {
  /** Whether the metric should fall (default) or rise. */
  mode?: 'min' | 'max';
  /** By which the rate is multiplied. Default 0.1. */
  factor?: number;
  /** Steps without improvement that are borne. Default 10. */
  patience?: number;
  /** What counts as improvement. Default 1e-4. */
  threshold?: number;
  /** Whether the threshold is a share of the best metric (default) or a difference. */
  thresholdMode?: 'rel' | 'abs';
  /** Steps after a reduction that do not count. Default 0. */
  cooldown?: number;
  /** The rate does not fall below it. Default 0. */
  minLr?: number;
  /** Smaller reductions are left out. Default 1e-8. */
  eps?: number;
}

const names = ['mode', 'factor', 'patience', 'threshold', 'thresholdMode', 'cooldown', 'minLr', 'eps'];

/**
 * Lowers the rate of an optimizer when a metric has stopped to improve, as PyTorch's ReduceLROnPlateau does:
 * `plateau.step(validationLoss)` after each epoch.
 */
export class ReduceOnPlateau {
  readonly #optimizer: Rated;
  readonly #options: Required<ReduceOnPlateauOptions>;
  #best: number;
  #bad = 0;
  #cooldown = 0;

  /** @throws if an option is unknown or out of range */
  constructor(optimizer: Rated, options: ReduceOnPlateauOptions = {}) {
    checkOptions('ReduceOnPlateau', options, names);
    const { mode = 'min', factor = 0.1, patience = 10, threshold = 1e-4, thresholdMode = 'rel' } = options;
    const { cooldown = 0, minLr = 0, eps = 1e-8 } = options;
    if (mode !== 'min' && mode !== 'max')
      throw new Error(`ReduceOnPlateau: mode must be 'min' or 'max', got '${String(mode)}'`);
    if (thresholdMode !== 'rel' && thresholdMode !== 'abs')
      throw new Error(
        `ReduceOnPlateau: thresholdMode must be 'rel' or 'abs', got '${String(thresholdMode)}'`,
      );
    if (!(factor >= 0 && factor < 1))
      throw new Error(`ReduceOnPlateau: factor must be from 0 to below 1, got ${factor}`);
    for (const [what, value] of Object.entries({ patience, threshold, cooldown, minLr, eps }))
      requireNumber('ReduceOnPlateau', what, value, 0, Number.MAX_VALUE);
    this.#optimizer = optimizer;
    this.#options = { mode, factor, patience, threshold, thresholdMode, cooldown, minLr, eps };
    this.#best = mode === 'min' ? Infinity : -Infinity;
  }

  /** Takes note of the metric, and lowers the rate where it is time. Returns whether it did. NaN is no improvement. */
  step(metric: number): boolean {
    const { patience, cooldown } = this.#options;
    if (this.#improves(metric)) {
      this.#best = metric;
      this.#bad = 0;
    } else this.#bad++;
    if (this.#cooldown > 0) {
      this.#cooldown--;
      this.#bad = 0;
    }
    if (this.#bad <= patience) return false;
    this.#cooldown = cooldown;
    this.#bad = 0;
    return this.#reduce();
  }

  #improves(metric: number): boolean {
    const { mode, threshold, thresholdMode } = this.#options;
    const sign = mode === 'min' ? -1 : 1;
    const best = this.#best;
    const bound = thresholdMode === 'abs' ? best + sign * threshold : best * (1 + sign * threshold);
    return mode === 'min' ? metric < bound : metric > bound;
  }

  #reduce(): boolean {
    const { factor, minLr, eps } = this.#options;
    const lower = (rated: { lr: number }): boolean => {
      const next = Math.max(rated.lr * factor, minLr);
      if (!(rated.lr - next > eps)) return false;
      rated.lr = next;
      return true;
    };
    const groups = this.#optimizer.groups ?? [];
    // With one group the optimizer's own rate must follow.
    return groups.length > 1 ? groups.map(lower).includes(true) : lower(this.#optimizer);
  }

  /** What later steps depend on, besides the optimizer's rate. JSON can hold it, but for the infinity before the first step. */
  stateDict(): { best: number; bad: number; cooldown: number } {
    return { best: this.#best, bad: this.#bad, cooldown: this.#cooldown };
  }

  /** Restores what `stateDict` gave; best null stands for the infinity that JSON has not. */
  loadStateDict(state: { best: number | null; bad: number; cooldown: number }): void {
    this.#best = state.best ?? (this.#options.mode === 'min' ? Infinity : -Infinity);
    this.#bad = state.bad;
    this.#cooldown = state.cooldown;
  }
}
