import { checkOptions } from '../core/options.ts';
import { ClassCounts, type CountOptions, countOptionNames } from './class_counts.ts';
import { ConfusionMatrix, type ConfusionOptions } from './confusion.ts';
import { MatrixMetric } from './matrix_metric.ts';
import { splitWeights, type UpdateOptions } from './metric.ts';
import type { Values } from './values.ts';

/** Options of {@link BalancedAccuracy}. */
export interface BalancedAccuracyOptions extends Omit<CountOptions, 'multilabel'> {
  /** Scaled so that guessing gives 0 and perfection 1. Default false. */
  readonly adjusted?: boolean;
}

/** The mean over classes of the share of their examples that is found (recall); classes without examples are left out. */
export class BalancedAccuracy extends ClassCounts<number> {
  readonly #adjusted: boolean;

  /** @throws TypeError for unknown options */
  constructor(options: BalancedAccuracyOptions = {}) {
    super(options, ['classes', 'ignoreIndex', 'threshold', 'adjusted']);
    this.#adjusted = options.adjusted ?? false;
  }

  /** NaN before the first example, and adjusted where there is only one class. */
  compute(): number {
    const present = this.counts.filter(({ actual }) => actual > 0);
    const mean =
      present.reduce((sum, { truePositives, actual }) => sum + truePositives / actual, 0) / present.length;
    if (!this.#adjusted) return mean;
    const chance = 1 / present.length;
    return (mean - chance) / (1 - chance);
  }
}

/** {@link BalancedAccuracy} of predictions (class numbers or scores [..., classes]) given all at once. */
export function balancedAccuracy(
  outputs: Values,
  targets: Values,
  options: BalancedAccuracyOptions & UpdateOptions = {},
): number {
  const [settings, update] = splitWeights(options);
  return new BalancedAccuracy(settings).update(outputs, targets, update).compute();
}

/** Options of {@link MatthewsCorrelation}. */
export type MatthewsOptions = Omit<CountOptions, 'multilabel'>;

/**
 * The correlation of predicted and true classes, from -1 to 1; for two classes
 * (TP TN - FP FN) / sqrt((TP + FP) (TP + FN) (TN + FP) (TN + FN)), for more Gorodkin's R_K (2004). 0 where all predictions
 * or all labels are one class.
 */
export class MatthewsCorrelation extends ClassCounts<number> {
  /** @throws TypeError for unknown options */
  constructor(options: MatthewsOptions = {}) {
    super(options, ['classes', 'ignoreIndex', 'threshold']);
  }

  /** 0 also before the first example. */
  compute(): number {
    const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
    const { counts, total } = this;
    const right = sum(counts.map((c) => c.truePositives));
    const product = sum(counts.map((c) => c.predicted * c.actual));
    const predicted = total ** 2 - sum(counts.map((c) => c.predicted ** 2));
    const actual = total ** 2 - sum(counts.map((c) => c.actual ** 2));
    const oneClass = (key: 'predicted' | 'actual'): boolean => counts.filter((c) => c[key] > 0).length < 2;
    if (oneClass('predicted') || oneClass('actual')) return 0;
    return (right * total - product) / Math.sqrt(predicted * actual);
  }
}

/** {@link MatthewsCorrelation} of predictions (class numbers or scores [..., classes]) given all at once. */
export function matthewsCorrelation(
  outputs: Values,
  targets: Values,
  options: MatthewsOptions & UpdateOptions = {},
): number {
  const [settings, update] = splitWeights(options);
  return new MatthewsCorrelation(settings).update(outputs, targets, update).compute();
}

/** Options of {@link HammingLoss}. */
export type HammingOptions = CountOptions;

/** Share of labels that are wrong: of classes 1 - accuracy; with `multilabel` of all labels of all examples. */
export class HammingLoss extends ClassCounts<number> {
  /** @throws TypeError for unknown options */
  constructor(options: HammingOptions = {}) {
    super(options, countOptionNames);
  }

  /** NaN before the first example. */
  compute(): number {
    const { counts, total } = this;
    const wrong = counts.reduce((sum, c) => sum + c.predicted + c.actual - 2 * c.truePositives, 0);
    // A wrong class is a false positive of one and a false negative of another.
    return wrong / (total * (this.multilabel ? counts.length : 2));
  }
}

/** {@link HammingLoss} of predictions given all at once. */
export function hammingLoss(
  outputs: Values,
  targets: Values,
  options: HammingOptions & UpdateOptions = {},
): number {
  const [settings, update] = splitWeights(options);
  return new HammingLoss(settings).update(outputs, targets, update).compute();
}

/** Options of {@link CohenKappa}. */
export interface KappaOptions extends Omit<ConfusionOptions, 'normalize'> {
  /** How wrong it is to take class i for j: all the same, |i - j|, or (i - j)^2. Default 'none'. */
  readonly distance?: 'none' | 'linear' | 'quadratic';
}

const distances = {
  none: (i: number, j: number): number => Number(i !== j),
  linear: (i: number, j: number): number => Math.abs(i - j),
  quadratic: (i: number, j: number): number => (i - j) ** 2,
};

/**
 * Cohen's kappa: how much better two raters agree than by chance, 1 - sum(d observed) / sum(d expected) over the confusion matrix, with
 * d the distance of the classes. 1 is full agreement, 0 chance; NaN where chance alone gives full agreement.
 */
export class CohenKappa extends MatrixMetric<number> {
  readonly #distance: (i: number, j: number) => number;

  /** @throws RangeError for another distance, and as {@link ConfusionMatrix} */
  constructor({ distance = 'none', ...options }: KappaOptions) {
    checkOptions('CohenKappa', options, ['classes', 'ignoreIndex', 'threshold']);
    if (!Object.hasOwn(distances, distance))
      throw new RangeError(
        `CohenKappa: distance must be 'none', 'linear' or 'quadratic', got ${String(distance)}`,
      );
    super(new ConfusionMatrix(options));
    this.#distance = distances[distance];
  }

  compute(): number {
    const matrix = this.confusion.compute();
    const rows = matrix.map((row) => row.reduce((a, b) => a + b, 0));
    const columns = matrix.map((_, j) => matrix.reduce((sum, row) => sum + row[j], 0));
    const total = rows.reduce((a, b) => a + b, 0);
    let observed = 0;
    let expected = 0;
    for (const [i, row] of matrix.entries())
      for (const [j, value] of row.entries()) {
        const distance = this.#distance(i, j);
        observed += distance * value;
        expected += (distance * rows[i] * columns[j]) / total;
      }
    return expected === 0 ? NaN : 1 - observed / expected;
  }
}

/** {@link CohenKappa} of two raters' classes given all at once. */
export function cohenKappa(outputs: Values, targets: Values, options: KappaOptions & UpdateOptions): number {
  const [settings, update] = splitWeights(options);
  return new CohenKappa(settings as KappaOptions).update(outputs, targets, update).compute();
}
