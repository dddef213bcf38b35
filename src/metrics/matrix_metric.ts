import type { ConfusionMatrix } from './confusion.ts';
import { checkMerge, Metric, type MetricState, type UpdateOptions } from './metric.ts';
import type { Values } from './values.ts';

/** A metric that is computed from a confusion matrix, and from nothing else. */
export abstract class MatrixMetric<Result> extends Metric<Result> {
  protected readonly confusion: ConfusionMatrix;

  constructor(confusion: ConfusionMatrix) {
    super();
    this.confusion = confusion;
  }

  /**
   * @param outputs class numbers like the targets, or [..., classes] scores of which the largest counts
   * @param targets class numbers, of any shape; weights are for each of them
   * @throws RangeError if shapes do not fit or a class is out of range
   */
  update(outputs: Values, targets: Values, options: UpdateOptions = {}): this {
    this.confusion.update(outputs, targets, options);
    return this;
  }

  override stateDict(): MetricState {
    return this.confusion.stateDict();
  }

  override loadStateDict(state: { matrix: number[][] }): void {
    this.confusion.loadStateDict(state);
  }

  reset(): this {
    this.confusion.reset();
    return this;
  }

  merge(other: this): this {
    checkMerge(this, other);
    this.confusion.merge(other.confusion);
    return this;
  }
}
