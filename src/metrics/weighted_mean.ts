import { Mean } from './mean.ts';
import { checkMerge, Metric, type MetricState } from './metric.ts';

/** A metric that is a weighted mean of a number for each example or token. */
export abstract class WeightedMean extends Metric<number> {
  #mean = new Mean();

  protected add(value: number, weight: number): void {
    this.#mean.add(value, weight);
  }

  /** NaN before the first example. */
  compute(): number {
    return this.#mean.value;
  }

  override stateDict(): MetricState {
    return this.#mean.stateDict();
  }

  override loadStateDict(state: { sum: number; weight: number }): void {
    this.#mean.loadStateDict(state);
  }

  reset(): this {
    this.#mean = new Mean();
    return this;
  }

  merge(other: this): this {
    checkMerge(this, other);
    this.#mean.merge(other.#mean);
    return this;
  }
}
