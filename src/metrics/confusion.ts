import { checkOptions } from '../core/options.ts';
import { checkMerge, checkUpdate, Metric, type MetricState, type UpdateOptions } from './metric.ts';
import { type ClassOptions, readClasses, readWeights, type Values } from './values.ts';

/** What each entry of a confusion matrix is divided by: the sum of its row (true class), of its column, or of all. */
export type Normalization = 'true' | 'predicted' | 'all';

/** Options of {@link confusionMatrix}. */
export interface ConfusionFunctionOptions {
  /** Default none: counts. Rows and columns without examples stay zero. */
  readonly normalize?: Normalization;
  /** How much each example counts. Default 1 each. */
  readonly weights?: ArrayLike<number>;
}

/**
 * The confusion matrix: `matrix[t][p]` is how many examples of class t were predicted as class p, so rows are true
 * classes, columns predictions, and the diagonal is what was right. As in scikit-learn.
 *
 * @param labels the true classes, integers from 0 to `classes - 1`. (They come first, as in scikit-learn; in all other metrics outputs do.)
 * @param predictions the predicted classes, as many
 * @throws RangeError when the lengths differ or a class is out of range
 */
export function confusionMatrix(
  labels: ArrayLike<number>,
  predictions: ArrayLike<number>,
  classes: number,
  options: ConfusionFunctionOptions = {},
): number[][] {
  checkOptions('confusionMatrix', options, ['normalize', 'weights']);
  checkClasses('confusionMatrix', classes);
  if (labels.length !== predictions.length) {
    throw new RangeError(
      `confusionMatrix: ${labels.length} labels but ${predictions.length} predictions; there must be one for each`,
    );
  }
  const weights = readWeights('confusionMatrix', options.weights, labels.length);
  const matrix = emptyMatrix(classes);
  for (let i = 0; i < labels.length; i++)
    count('confusionMatrix', matrix, i, labels[i], predictions[i], weights === null ? 1 : weights[i]);
  return normalizeConfusion(matrix, options.normalize);
}

function checkClasses(name: string, classes: number): void {
  if (!Number.isInteger(classes) || classes < 1)
    throw new RangeError(`${name}: classes is ${classes}, expected a positive integer`);
}

const emptyMatrix = (classes: number): number[][] =>
  Array.from({ length: classes }, () => new Array<number>(classes).fill(0));

function count(
  name: string,
  matrix: number[][],
  i: number,
  label: number,
  prediction: number,
  weight: number,
): void {
  const row = matrix[label];
  if (row === undefined || row[prediction] === undefined)
    throw new RangeError(
      `${name}: example ${i} has label ${label} and prediction ${prediction}; ` +
        `both must be integers from 0 to ${matrix.length - 1}`,
    );
  row[prediction] += weight;
}

/** The matrix with each entry divided by the sum of its row, its column, or of all; as it is if `normalize` is undefined. */
function normalizeConfusion(matrix: readonly number[][], normalize: Normalization | undefined): number[][] {
  const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
  const share = (value: number, total: number): number => (total === 0 ? 0 : value / total);
  switch (normalize) {
    case undefined:
      return matrix.map((row) => [...row]);
    case 'true':
      return matrix.map((row) => row.map((value) => share(value, sum(row))));
    case 'predicted': {
      const totals = matrix.map((_, j) => sum(matrix.map((row) => row[j])));
      return matrix.map((row) => row.map((value, j) => share(value, totals[j])));
    }
    case 'all': {
      const total = sum(matrix.map(sum));
      return matrix.map((row) => row.map((value) => share(value, total)));
    }
    default:
      throw new RangeError(
        `confusionMatrix: normalize must be 'true', 'predicted' or 'all', got ${normalize}`,
      );
  }
}

/** Options of {@link ConfusionMatrix}. */
export interface ConfusionOptions extends ClassOptions {
  /** How many classes there are. */
  readonly classes: number;
  /** Default none: counts, or sums of weights. */
  readonly normalize?: Normalization;
  /** Examples with this label do not count. Default none. */
  readonly ignoreIndex?: number;
}

/** The confusion matrix, batch by batch: `compute()[t][p]` is how many examples of class t were predicted as class p. */
export class ConfusionMatrix extends Metric<number[][]> {
  readonly #options: ConfusionOptions;
  #matrix: number[][];

  /** @throws RangeError if the number of classes is not a positive integer, TypeError for unknown options */
  constructor(options: ConfusionOptions) {
    super();
    checkOptions(this.constructor.name, options, ['classes', 'normalize', 'ignoreIndex', 'threshold']);
    checkClasses(this.constructor.name, options.classes);
    this.#options = options;
    this.#matrix = emptyMatrix(options.classes);
  }

  /**
   * @param outputs class numbers like the targets, or [..., classes] scores of which the largest counts
   * @throws RangeError if shapes do not fit or a class is out of range
   */
  update(outputs: Values, targets: Values, options: UpdateOptions = {}): this {
    const name = this.constructor.name;
    checkUpdate(name, options);
    const { ignoreIndex } = this.#options;
    const { predicted, labels } = readClasses(name, outputs, targets, this.#options, ignoreIndex);
    const weights = readWeights(name, options.weights, labels.length);
    for (let i = 0; i < labels.length; i++)
      if (labels[i] !== ignoreIndex)
        count(name, this.#matrix, i, labels[i], predicted[i], weights === null ? 1 : weights[i]);
    return this;
  }

  /** A copy, which later updates leave alone. */
  compute(): number[][] {
    return normalizeConfusion(this.#matrix, this.#options.normalize);
  }

  override stateDict(): MetricState {
    return { matrix: this.#matrix.map((row) => [...row]) };
  }

  /** @throws RangeError if the numbers of classes differ */
  override loadStateDict({ matrix }: { matrix: number[][] }): void {
    if (matrix.length !== this.#matrix.length)
      throw new RangeError(
        `${this.constructor.name}.loadStateDict: ${matrix.length} and ${this.#matrix.length} classes; they must be as many`,
      );
    this.#matrix = matrix.map((row) => [...row]);
  }

  reset(): this {
    this.#matrix = emptyMatrix(this.#options.classes);
    return this;
  }

  /** @throws RangeError if the numbers of classes differ */
  merge(other: this): this {
    checkMerge(this, other);
    if (other.#matrix.length !== this.#matrix.length)
      throw new RangeError(
        `ConfusionMatrix.merge: ${this.#matrix.length} and ${other.#matrix.length} classes; they must be as many`,
      );
    for (const [i, row] of other.#matrix.entries())
      for (const [j, value] of row.entries()) this.#matrix[i][j] += value;
    return this;
  }
}

/**
 * A confusion matrix as a text table: a row per true class, a column per predicted class, `·` for zero, and at the end
 * of each row the recall (the share of the class that was recognized), `-` for a class without examples.
 *
 * @param names of the classes, default their numbers
 * @throws RangeError when the matrix is not square or the number of names is another
 */
export function formatConfusion(matrix: readonly (readonly number[])[], names?: readonly string[]): string {
  const classes = matrix.length;
  if (matrix.some((row) => row.length !== classes)) {
    throw new RangeError(
      `formatConfusion: the matrix has ${classes} rows, so each must have ${classes} columns`,
    );
  }
  const labels = names ?? matrix.map((_, index) => String(index));
  if (labels.length !== classes) {
    throw new RangeError(`formatConfusion: ${labels.length} names for ${classes} classes`);
  }
  const cells = matrix.map((row) => row.map((count) => (count === 0 ? '·' : String(count))));
  const recalls = matrix.map((row, index) => {
    const total = row.reduce((sum, count) => sum + count, 0);
    return total === 0 ? '-' : `${((100 * row[index]) / total).toFixed(1)}%`;
  });
  const corner = 'true \\ predicted';
  const first = Math.max(corner.length, ...labels.map((label) => label.length));
  const widths = labels.map((label, column) =>
    Math.max(label.length, 3, ...cells.map((row) => row[column].length)),
  );
  const line = (head: string, row: readonly string[], recall: string): string =>
    [
      head.padStart(first),
      ...row.map((cell, column) => cell.padStart(widths[column])),
      recall.padStart(7),
    ].join(' ');
  return [line(corner, labels, 'recall'), ...cells.map((row, i) => line(labels[i], row, recalls[i]))].join(
    '\n',
  );
}
