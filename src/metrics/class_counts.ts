import { checkOptions } from '../core/options.ts';
import { checkMerge, checkUpdate, Metric, type MetricState, type UpdateOptions } from './metric.ts';
import { type ClassOptions, readClasses, readMultilabel, readWeights, type Values } from './values.ts';

/** Sums of weights for one class: right predictions of it, all predictions of it, all examples of it, all examples. */
export interface Count {
  readonly truePositives: number;
  readonly predicted: number;
  readonly actual: number;
  readonly total: number;
}

/** Options of metrics that count classes. */
export interface CountOptions extends ClassOptions {
  /** How many classes there are. Default as many as occur. */
  readonly classes?: number;
  /** Each example has several labels: outputs and targets are [..., labels] of yes and no. Default false. */
  readonly multilabel?: boolean;
  /** Examples with this label do not count, such as 255 or -1 in segmentation. Default none. */
  readonly ignoreIndex?: number;
}

/** Names of {@link CountOptions}, to check options with. */
export const countOptionNames = ['classes', 'multilabel', 'ignoreIndex', 'threshold'];

/** What labels may be where the number of classes is not given. */
const mostClasses = 1 << 20;

/** How often each class was predicted, true and both. What it is counted for is a subclass' `compute`. */
export abstract class ClassCounts<Result> extends Metric<Result> {
  readonly #options: CountOptions;
  #truePositives: number[] = [];
  #predicted: number[] = [];
  #actual: number[] = [];
  #total = 0;

  /** @throws TypeError or RangeError for unknown options or a wrong number of classes */
  constructor(options: CountOptions, allowed: readonly string[] = countOptionNames) {
    super();
    checkOptions(this.constructor.name, options, allowed);
    const { classes } = options;
    if (classes !== undefined && !(Number.isInteger(classes) && classes > 0))
      throw new RangeError(
        `${this.constructor.name}: classes must be an integer from 1 on, got ${classes}; leave it out for those that occur`,
      );
    this.#options = options;
    this.reset();
  }

  /**
   * @param outputs class numbers like the targets, or [..., classes] scores of which the largest counts; with `multilabel` scores [..., labels]
   * @param targets class numbers; with `multilabel` 0 and 1, [..., labels]
   * @throws RangeError if shapes do not fit or a class is out of range
   */
  update(outputs: Values, targets: Values, options: UpdateOptions = {}): this {
    const name = this.constructor.name;
    checkUpdate(name, options);
    if (this.#options.multilabel) this.#updateMultilabel(name, outputs, targets, options);
    else this.#updateClasses(name, outputs, targets, options);
    return this;
  }

  #updateClasses(name: string, outputs: Values, targets: Values, options: UpdateOptions): void {
    const { ignoreIndex } = this.#options;
    const { predicted, labels } = readClasses(name, outputs, targets, this.#options, ignoreIndex);
    const weights = readWeights(name, options.weights, labels.length);
    let most = -1;
    for (let i = 0; i < labels.length; i++)
      if (labels[i] !== ignoreIndex) most = Math.max(most, labels[i], predicted[i]);
    this.#grow(name, most + 1);
    for (let i = 0; i < labels.length; i++) {
      if (labels[i] === ignoreIndex) continue;
      const weight = weights === null ? 1 : weights[i];
      this.#predicted[predicted[i]] += weight;
      this.#actual[labels[i]] += weight;
      if (labels[i] === predicted[i]) this.#truePositives[labels[i]] += weight;
      this.#total += weight;
    }
  }

  #updateMultilabel(name: string, outputs: Values, targets: Values, options: UpdateOptions): void {
    const { predicted, labels, rows, columns } = readMultilabel(name, outputs, targets, this.#options);
    const weights = readWeights(name, options.weights, rows);
    this.#grow(name, columns);
    for (let row = 0, at = 0; row < rows; row++) {
      const weight = weights === null ? 1 : weights[row];
      for (let j = 0; j < columns; j++, at++) {
        this.#predicted[j] += weight * predicted[at];
        this.#actual[j] += weight * labels[at];
        this.#truePositives[j] += weight * predicted[at] * labels[at];
      }
      this.#total += weight;
    }
  }

  #grow(name: string, classes: number): void {
    const limit = this.#options.classes ?? mostClasses;
    if (classes > limit)
      throw new RangeError(
        this.#options.classes === undefined
          ? `${name}: class ${classes - 1} is very large; give the number of classes if it is meant`
          : `${name}: class ${classes - 1} is out of range; classes are 0 to ${limit - 1}`,
      );
    for (let i = this.#actual.length; i < classes; i++) {
      this.#truePositives.push(0);
      this.#predicted.push(0);
      this.#actual.push(0);
    }
  }

  override stateDict(): MetricState {
    return {
      truePositives: [...this.#truePositives],
      predicted: [...this.#predicted],
      actual: [...this.#actual],
      total: this.#total,
    };
  }

  override loadStateDict(state: {
    truePositives: number[];
    predicted: number[];
    actual: number[];
    total: number;
  }): void {
    this.#truePositives = [...state.truePositives];
    this.#predicted = [...state.predicted];
    this.#actual = [...state.actual];
    this.#total = state.total;
  }

  reset(): this {
    const zeros = (): number[] => new Array<number>(this.#options.classes ?? 0).fill(0);
    this.#truePositives = zeros();
    this.#predicted = zeros();
    this.#actual = zeros();
    this.#total = 0;
    return this;
  }

  merge(other: this): this {
    checkMerge(this, other);
    const counts = other.counts;
    this.#grow(this.constructor.name, counts.length);
    for (const [i, { truePositives, predicted, actual }] of counts.entries()) {
      this.#truePositives[i] += truePositives;
      this.#predicted[i] += predicted;
      this.#actual[i] += actual;
    }
    this.#total += other.total;
    return this;
  }

  /** Of each class. */
  get counts(): Count[] {
    return this.#actual.map((actual, i) => ({
      truePositives: this.#truePositives[i],
      predicted: this.#predicted[i],
      actual,
      total: this.#total,
    }));
  }

  /** Sum of the weights of all examples. */
  get total(): number {
    return this.#total;
  }

  /** Whether classes that never occurred belong to the result, as they do where the number of classes was given. */
  protected get countsAbsent(): boolean {
    return this.#options.classes !== undefined || this.#options.multilabel === true;
  }

  /** Whether an example has several labels. */
  protected get multilabel(): boolean {
    return this.#options.multilabel === true;
  }
}
