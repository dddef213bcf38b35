import { checkOptions } from '../core/options.ts';
import type { Tensor } from '../core/tensor.ts';
import {
  checkMerge,
  checkUpdate,
  Metric,
  type MetricState,
  splitWeights,
  type UpdateOptions,
} from './metric.ts';
import { Growing, read, readWeights, requireSameShape, type Values } from './values.ts';

/** How errors of several outputs become one: their mean, their mean weighted by the targets' variances, or a list. */
export type Outputs = 'uniform' | 'variance' | 'raw';

/** Options of metrics of regression. */
export interface RegressionOptions {
  /** Of targets [examples, outputs]. Default 'uniform'; 'variance' is for {@link R2} and {@link ExplainedVariance}. */
  readonly multioutput?: Outputs;
}

/** Predictions and targets as rows. */
interface Rows {
  readonly predictions: ArrayLike<number>;
  readonly targets: ArrayLike<number>;
  readonly rows: number;
  readonly columns: number;
  readonly weights: ArrayLike<number> | null;
}

function readRows(name: string, outputs: Values, targets: Values, options: UpdateOptions): Rows {
  checkUpdate(name, options);
  const predictions = read(name, outputs);
  const truths = read(name, targets);
  requireSameShape(name, predictions, truths);
  const [rows = 1, columns = 1] = truths.shape;
  if (truths.shape.length > 2)
    throw new RangeError(
      `${name}: needs [examples] or [examples, outputs], got [${truths.shape.join(', ')}]; flatten further axes`,
    );
  return {
    predictions: predictions.data,
    targets: truths.data,
    rows,
    columns,
    weights: readWeights(name, options.weights, rows),
  };
}

/** A measure of predictions and targets [examples] or [examples, outputs]. */
abstract class Regression extends Metric<number | number[]> {
  /** Outputs per example, null before the first. */
  #columns: number | null = null;
  readonly #multioutput: Outputs;

  /** @throws TypeError or RangeError for unknown options or values */
  constructor(options: RegressionOptions = {}, possible: readonly Outputs[] = ['uniform', 'raw']) {
    super();
    checkOptions(this.constructor.name, options, ['multioutput']);
    const { multioutput = 'uniform' } = options;
    if (!possible.includes(multioutput))
      throw new RangeError(
        `${this.constructor.name}: multioutput must be one of ${possible.join(', ')}, got ${multioutput}`,
      );
    this.#multioutput = multioutput;
  }

  /**
   * @param outputs predictions [examples] or [examples, outputs]
   * @param targets what came, shaped alike
   * @throws RangeError if the shapes differ or are others than before
   */
  update(outputs: Values, targets: Values, options: UpdateOptions = {}): this {
    const rows = readRows(this.constructor.name, outputs, targets, options);
    this.#setColumns(rows.columns);
    this.add(rows);
    return this;
  }

  override stateDict(): MetricState {
    return { columns: this.#columns, own: this.saved() };
  }

  override loadStateDict({ columns, own }: { columns: number | null; own: never }): void {
    this.#columns = columns;
    this.begin(columns ?? 0);
    this.load(own);
  }

  reset(): this {
    this.#columns = null;
    this.begin(0);
    return this;
  }

  merge(other: this): this {
    checkMerge(this, other);
    if (other.#columns === null) return this;
    this.#setColumns(other.#columns);
    this.join(other);
    return this;
  }

  #setColumns(columns: number): void {
    if (this.#columns !== null && this.#columns !== columns)
      throw new RangeError(
        `${this.constructor.name}: examples have ${columns} outputs, those before had ${this.#columns}`,
      );
    if (this.#columns === null) this.begin(columns);
    this.#columns = columns;
  }

  compute(): number | number[] {
    if (this.#columns === null) return NaN;
    const values = this.values();
    if (this.#multioutput === 'raw') return values;
    const shares = this.#multioutput === 'variance' ? this.spreads() : values.map(() => 1);
    const alike = shares.every((share) => share === 0);
    const total = alike ? shares.length : shares.reduce((a, b) => a + b, 0);
    return values.reduce((sum, value, i) => sum + value * (alike ? 1 : shares[i]), 0) / total;
  }

  /** Starts for so many outputs. */
  protected abstract begin(columns: number): void;
  /** Takes in a batch. */
  protected abstract add(rows: Rows): void;
  /** Takes in what another has seen, which has as many outputs. */
  protected abstract join(other: this): void;
  /** What `load` needs to go on. */
  protected abstract saved(): MetricState;
  /** Puts back what `saved` gave, after `begin`. */
  protected abstract load(own: MetricState): void;
  /** The measure of each output. */
  protected abstract values(): number[];
  /** What outputs are weighted by with 'variance'. */
  protected spreads(): number[] {
    return [];
  }
}

/** The weighted mean of an error of each example. */
abstract class MeanError extends Regression {
  #sums: Float64Array = new Float64Array(0);
  #weight = 0;

  /** The error of one number. */
  protected abstract error(prediction: number, target: number): number;

  /** What is made of the mean. */
  protected finish(mean: number): number {
    return mean;
  }

  protected begin(columns: number): void {
    this.#sums = new Float64Array(columns);
    this.#weight = 0;
  }

  protected add({ predictions, targets, rows, columns, weights }: Rows): void {
    for (let i = 0, at = 0; i < rows; i++) {
      const weight = weights === null ? 1 : weights[i];
      for (let j = 0; j < columns; j++, at++)
        this.#sums[j] += weight * this.error(predictions[at], targets[at]);
      this.#weight += weight;
    }
  }

  protected join(other: this): void {
    for (let j = 0; j < this.#sums.length; j++) this.#sums[j] += other.#sums[j];
    this.#weight += other.#weight;
  }

  protected saved(): MetricState {
    return { sums: [...this.#sums], weight: this.#weight };
  }

  protected load({ sums, weight }: { sums: number[]; weight: number }): void {
    this.#sums.set(sums);
    this.#weight = weight;
  }

  protected values(): number[] {
    return Array.from(this.#sums, (sum) => this.finish(sum / this.#weight));
  }
}

/** Mean absolute error: the mean of |prediction - target|. */
export class MeanAbsoluteError extends MeanError {
  protected error(prediction: number, target: number): number {
    return Math.abs(prediction - target);
  }
}

/** Mean squared error: the mean of (prediction - target)^2. */
export class MeanSquaredError extends MeanError {
  protected error(prediction: number, target: number): number {
    return (prediction - target) ** 2;
  }
}

/** The root of the mean squared error; of several outputs the mean of their roots. */
export class RootMeanSquaredError extends MeanSquaredError {
  protected override finish(mean: number): number {
    return Math.sqrt(mean);
  }
}

/** Mean of (ln(1 + prediction) - ln(1 + target))^2; NaN for numbers below -1. */
export class MeanSquaredLogError extends MeanError {
  protected error(prediction: number, target: number): number {
    return (Math.log1p(prediction) - Math.log1p(target)) ** 2;
  }
}

/** Mean absolute error as a share of the target: the mean of |prediction - target| / |target|, the latter at least 2^-52. 1 is 100 %. */
export class MeanAbsolutePercentageError extends MeanError {
  protected error(prediction: number, target: number): number {
    return Math.abs(prediction - target) / Math.max(Math.abs(target), Number.EPSILON);
  }
}

/** The largest |prediction - target|. Weights only count as none or some. */
export class MaxError extends Regression {
  #largest: Float64Array = new Float64Array(0);

  protected begin(columns: number): void {
    this.#largest = new Float64Array(columns);
  }

  protected add({ predictions, targets, rows, columns, weights }: Rows): void {
    for (let i = 0; i < rows; i++) {
      if (weights !== null && weights[i] === 0) continue;
      for (let j = 0; j < columns; j++) {
        const at = i * columns + j;
        this.#largest[j] = Math.max(this.#largest[j], Math.abs(predictions[at] - targets[at]));
      }
    }
  }

  protected join(other: this): void {
    for (let j = 0; j < this.#largest.length; j++)
      this.#largest[j] = Math.max(this.#largest[j], other.#largest[j]);
  }

  protected saved(): MetricState {
    return [...this.#largest];
  }

  protected load(largest: number[]): void {
    this.#largest.set(largest);
  }

  protected values(): number[] {
    return Array.from(this.#largest);
  }
}

/** The median of |prediction - target|, which outliers do not move. Keeps all errors; weighted, half of the weight lies on each side. */
export class MedianAbsoluteError extends Regression {
  #errors: Growing[] = [];
  #weights = new Growing();

  protected begin(columns: number): void {
    this.#errors = Array.from({ length: columns }, () => new Growing());
    this.#weights = new Growing();
  }

  protected add({ predictions, targets, rows, columns, weights }: Rows): void {
    for (const [j, errors] of this.#errors.entries())
      errors.push(
        Float64Array.from({ length: rows }, (_, i) =>
          Math.abs(predictions[i * columns + j] - targets[i * columns + j]),
        ),
      );
    this.#weights.push(weights ?? new Float64Array(rows).fill(1));
  }

  protected join(other: this): void {
    for (const [j, errors] of this.#errors.entries()) errors.push(other.#errors[j].values);
    this.#weights.push(other.#weights.values);
  }

  protected saved(): MetricState {
    return { errors: this.#errors.map((errors) => errors.stateDict()), weights: this.#weights.stateDict() };
  }

  protected load({ errors, weights }: { errors: Tensor[]; weights: Tensor }): void {
    this.#errors.forEach((own, j) => {
      own.loadStateDict(errors[j]);
    });
    this.#weights.loadStateDict(weights);
  }

  protected values(): number[] {
    return this.#errors.map((errors) => weightedMedian(errors.values, this.#weights.values));
  }
}

/** The number below which half of the weight lies; the mean of the two next to it where that falls between numbers. */
function weightedMedian(values: Float64Array, weights: Float64Array): number {
  const order = Array.from(values.keys())
    .filter((i) => weights[i] > 0)
    .sort((a, b) => values[a] - values[b]);
  if (order.some((i) => Number.isNaN(values[i]))) return NaN;
  const half = order.reduce((sum, i) => sum + weights[i], 0) / 2;
  let below = 0;
  for (const [at, i] of order.entries()) {
    below += weights[i];
    if (below > half) return values[i];
    if (below === half) return (values[i] + values[order[at + 1]]) / 2;
  }
  return NaN;
}

/**
 * Weight, mean and sum of squared deviations of numbers, one after the other (Welford 1962; Chan et al. 1979). The mean is kept as its distance from the
 * first number, so that a large offset costs no digits.
 */
class Moments {
  #origin = 0;
  #offset = 0;
  weight = 0;
  squares = 0;

  add(value: number, weight: number): void {
    if (this.weight === 0) this.#origin = value;
    this.#join(value - this.#origin, weight, 0);
  }

  join(other: Moments): void {
    if (this.weight === 0) this.#origin = other.#origin;
    this.#join(other.#origin - this.#origin + other.#offset, other.weight, other.squares);
  }

  #join(offset: number, weight: number, squares: number): void {
    if (weight === 0) return;
    const total = this.weight + weight;
    const step = offset - this.#offset;
    this.squares += squares + (step ** 2 * this.weight * weight) / total;
    this.#offset += (step * weight) / total;
    this.weight = total;
  }

  get mean(): number {
    return this.#origin + this.#offset;
  }

  stateDict(): number[] {
    return [this.#origin, this.#offset, this.weight, this.squares];
  }

  loadStateDict(state: readonly number[]): void {
    [this.#origin, this.#offset, this.weight, this.squares] = state;
  }
}

/** 1 - error / spread of the targets. Without spread it is 1 if there is no error, else 0. */
const explained = (error: number, spread: number): number => {
  if (spread === 0) return error === 0 ? 1 : 0;
  return 1 - error / spread;
};

/** Spread of targets and of errors. */
abstract class Explained extends Regression {
  protected targets: Moments[] = [];
  protected errors: Moments[] = [];
  #examples = 0;

  /** @throws TypeError or RangeError for unknown options or values */
  constructor(options: RegressionOptions = {}) {
    super(options, ['uniform', 'variance', 'raw']);
  }

  protected begin(columns: number): void {
    this.targets = Array.from({ length: columns }, () => new Moments());
    this.errors = Array.from({ length: columns }, () => new Moments());
    this.#examples = 0;
  }

  protected add({ predictions, targets, rows, columns, weights }: Rows): void {
    this.#examples += rows;
    for (let i = 0, at = 0; i < rows; i++) {
      const weight = weights === null ? 1 : weights[i];
      for (let j = 0; j < columns; j++, at++) {
        this.targets[j].add(targets[at], weight);
        this.errors[j].add(targets[at] - predictions[at], weight);
      }
    }
  }

  protected join(other: this): void {
    this.#examples += other.#examples;
    for (const key of ['targets', 'errors'] as const)
      for (const [j, moments] of other[key].entries()) this[key][j].join(moments);
  }

  protected saved(): MetricState {
    const states = (list: readonly Moments[]) => list.map((moments) => moments.stateDict());
    return { examples: this.#examples, targets: states(this.targets), errors: states(this.errors) };
  }

  protected load(own: { examples: number; targets: number[][]; errors: number[][] }): void {
    this.#examples = own.examples;
    for (const key of ['targets', 'errors'] as const)
      for (const [j, state] of own[key].entries()) this[key][j].loadStateDict(state);
  }

  protected get examples(): number {
    return this.#examples;
  }

  protected override spreads(): number[] {
    return this.targets.map(({ squares }) => squares);
  }
}

/**
 * The coefficient of determination R^2: 1 - sum (prediction - target)^2 / sum (target - mean target)^2. 1 is perfect, 0 as good as to say the mean. Of constant
 * targets it is 1 or 0, of less than two examples NaN. As in scikit-learn.
 */
export class R2 extends Explained {
  protected values(): number[] {
    return this.errors.map(({ mean, weight, squares }, j) =>
      this.examples < 2 ? NaN : explained(squares + weight * mean ** 2, this.targets[j].squares),
    );
  }
}

/** Explained variance: 1 - var(target - prediction) / var(target); unlike {@link R2} a constant offset does not matter. */
export class ExplainedVariance extends Explained {
  protected values(): number[] {
    return this.errors.map(({ squares }, j) => explained(squares, this.targets[j].squares));
  }
}

/** Options of one-shot functions of regression. */
export type RegressionFunctionOptions = RegressionOptions & UpdateOptions;

function measured(
  kind: new (options: RegressionOptions) => Regression,
  outputs: Values,
  targets: Values,
  options: RegressionFunctionOptions,
): number | number[] {
  const [settings, update] = splitWeights(options);
  return new kind(settings).update(outputs, targets, update).compute();
}

/** {@link MeanAbsoluteError} of predictions and targets given all at once; a list with `multioutput: 'raw'`. */
export function meanAbsoluteError(
  outputs: Values,
  targets: Values,
  options: RegressionFunctionOptions = {},
): number | number[] {
  return measured(MeanAbsoluteError, outputs, targets, options);
}

/** {@link MeanSquaredError} of predictions and targets given all at once; a list with `multioutput: 'raw'`. */
export function meanSquaredError(
  outputs: Values,
  targets: Values,
  options: RegressionFunctionOptions = {},
): number | number[] {
  return measured(MeanSquaredError, outputs, targets, options);
}

/** {@link RootMeanSquaredError} of predictions and targets given all at once; a list with `multioutput: 'raw'`. */
export function rootMeanSquaredError(
  outputs: Values,
  targets: Values,
  options: RegressionFunctionOptions = {},
): number | number[] {
  return measured(RootMeanSquaredError, outputs, targets, options);
}

/** {@link MeanSquaredLogError} of predictions and targets given all at once; a list with `multioutput: 'raw'`. */
export function meanSquaredLogError(
  outputs: Values,
  targets: Values,
  options: RegressionFunctionOptions = {},
): number | number[] {
  return measured(MeanSquaredLogError, outputs, targets, options);
}

/** {@link MeanAbsolutePercentageError} of predictions and targets given all at once; a list with `multioutput: 'raw'`. */
export function meanAbsolutePercentageError(
  outputs: Values,
  targets: Values,
  options: RegressionFunctionOptions = {},
): number | number[] {
  return measured(MeanAbsolutePercentageError, outputs, targets, options);
}

/** {@link MaxError} of predictions and targets given all at once; a list with `multioutput: 'raw'`. */
export function maxError(
  outputs: Values,
  targets: Values,
  options: RegressionFunctionOptions = {},
): number | number[] {
  return measured(MaxError, outputs, targets, options);
}

/** {@link MedianAbsoluteError} of predictions and targets given all at once; a list with `multioutput: 'raw'`. */
export function medianAbsoluteError(
  outputs: Values,
  targets: Values,
  options: RegressionFunctionOptions = {},
): number | number[] {
  return measured(MedianAbsoluteError, outputs, targets, options);
}

/** {@link R2} of predictions and targets given all at once; a list with `multioutput: 'raw'`. */
export function r2(
  outputs: Values,
  targets: Values,
  options: RegressionFunctionOptions = {},
): number | number[] {
  return measured(R2, outputs, targets, options);
}

/** {@link ExplainedVariance} of predictions and targets given all at once; a list with `multioutput: 'raw'`. */
export function explainedVariance(
  outputs: Values,
  targets: Values,
  options: RegressionFunctionOptions = {},
): number | number[] {
  return measured(ExplainedVariance, outputs, targets, options);
}
