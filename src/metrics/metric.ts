import { checkOptions } from '../core/options.ts';
import type { Tensor } from '../core/tensor.ts';
import type { Values } from './values.ts';

/** Options of {@link Metric.update}. */
export interface UpdateOptions {
  /** How much each example counts, as many as there are labels, from 0 on. Default 1 each. */
  readonly weights?: Values;
}

/**
 * A measure that is collected batch by batch: `update` with each batch, `compute` at the end (or in between: it changes nothing), `reset` to
 * begin anew. `merge` adds what another of the same kind has seen, such as one of another process. All but `compute` give
 * the metric back, so `new F1().update(predictions, labels).compute()` is one expression.
 *
 * Numbers are summed in double precision, and the result does not depend, but for rounding, on how the examples are cut into batches.
 */
export abstract class Metric<Result, Outputs = Values, Targets = Outputs, Options = UpdateOptions> {
  /** Takes in a batch: what the model said, what is right, and perhaps weights. */
  abstract update(outputs: Outputs, targets: Targets, options?: Options): this;

  /** The measure of all that was seen. */
  abstract compute(): Result;

  /** Forgets all that was seen. */
  abstract reset(): this;

  /** Adds what the other has seen. Its options do not matter, those of this metric are kept. */
  abstract merge(other: this): this;

  /**
   * All that was seen, as far as it matters: plain JSON with arrays in it, for a checkpoint or another process.
   *
   * @throws Error if a metric of one's own does not have it
   */
  stateDict(): MetricState {
    throw new Error(
      `${this.constructor.name}: has no stateDict, so it cannot be saved in the middle of an epoch; give it stateDict and loadStateDict, or save at ends of epochs`,
    );
  }

  /** Puts back what `stateDict` gave, in the place of what was seen. */
  loadStateDict(_state: never): void {
    throw new Error(`${this.constructor.name}: has no loadStateDict`);
  }
}

/** What {@link Metric.stateDict} gives. */
export type MetricState =
  | null
  | boolean
  | number
  | string
  | Tensor
  | readonly MetricState[]
  | { readonly [name: string]: MetricState };

/**
 * Refuses to merge metrics of different classes.
 *
 * @throws TypeError that names both
 */
export function checkMerge(metric: object, other: object): void {
  if (metric.constructor !== other.constructor || metric === other)
    throw new TypeError(
      `${metric.constructor.name}.merge: needs another ${metric.constructor.name}, got ${metric === other ? 'itself' : other.constructor.name}`,
    );
}

/** Options of a metric's constructor and of `update` in one object, as one-shot functions take them, apart. */
export function splitWeights<T extends UpdateOptions>(options: T): [Omit<T, 'weights'>, UpdateOptions] {
  const { weights, ...rest } = options;
  return [rest, { weights }];
}

/** Checks options of an update that only takes weights. */
export function checkUpdate(name: string, options: UpdateOptions): void {
  checkOptions(name, options, ['weights']);
}
