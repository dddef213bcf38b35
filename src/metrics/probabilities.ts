import { checkOptions } from '../core/options.ts';
import { checkUpdate, splitWeights, type UpdateOptions } from './metric.ts';
import { read, readWeights, type Values } from './values.ts';
import { WeightedMean } from './weighted_mean.ts';

/** Probabilities of classes, and what is true. */
export interface Forecasts {
  readonly data: ArrayLike<number>;
  readonly rows: number;
  /** Probabilities per example; 1 where there is only that of class 1. */
  readonly columns: number;
  readonly labels: ArrayLike<number>;
  readonly weights: ArrayLike<number> | null;
}

/**
 * Probabilities [examples] of class 1 or [examples, classes], and class numbers [examples].
 *
 * @throws RangeError if shapes do not fit, a probability is not in [0, 1], or a label is not a class
 */
export function readForecasts(
  name: string,
  outputs: Values,
  targets: Values,
  options: UpdateOptions,
): Forecasts {
  checkUpdate(name, options);
  const { data, shape } = read(name, outputs);
  const labels = read(name, targets);
  const [rows, columns = 1] = shape;
  if (shape.length < 1 || shape.length > 2 || String(labels.shape) !== String([rows]) || columns === 0)
    throw new RangeError(
      `${name}: probabilities [${shape.join(', ')}] and labels [${labels.shape.join(', ')}] do not fit; there must be ` +
        `[examples] or [examples, classes] probabilities and [examples] labels`,
    );
  for (let i = 0; i < data.length; i++)
    if (!(data[i] >= 0 && data[i] <= 1))
      throw new RangeError(
        `${name}: probability ${i} is ${data[i]}, expected 0 to 1; of logits take softmax or sigmoid first`,
      );
  const classes = Math.max(2, columns);
  for (let i = 0; i < rows; i++) {
    const label = labels.data[i];
    if (!Number.isInteger(label) || label < 0 || label >= classes)
      throw new RangeError(`${name}: label ${i} is ${label}; expected an integer from 0 to ${classes - 1}`);
  }
  return { data, rows, columns, labels: labels.data, weights: readWeights(name, options.weights, rows) };
}

/** A weighted mean over examples of a number for each. */
abstract class MeanOfForecasts extends WeightedMean {
  /** What is averaged. */
  protected abstract value(forecasts: Forecasts, row: number): number;

  /**
   * @param outputs probabilities [examples] of class 1, or [examples, classes]
   * @param targets class numbers [examples]
   * @throws RangeError if shapes do not fit, a probability is not in [0, 1], or a label is not a class
   */
  update(outputs: Values, targets: Values, options: UpdateOptions = {}): this {
    const forecasts = readForecasts(this.constructor.name, outputs, targets, options);
    for (let i = 0; i < forecasts.rows; i++) {
      this.add(this.value(forecasts, i), forecasts.weights === null ? 1 : forecasts.weights[i]);
    }
    return this;
  }
}

/** Probability that was given to what is true. */
const ofTruth = ({ data, columns, labels }: Forecasts, row: number): number => {
  if (columns > 1) return data[row * columns + labels[row]];
  return labels[row] === 1 ? data[row] : 1 - data[row];
};

/**
 * Logarithmic loss: the mean of -ln of the probability that was given to the true class. Probabilities are kept from 0 and 1 by 2^-52, as scikit-learn
 * does in double precision; they are not made to sum to 1.
 */
export class LogLoss extends MeanOfForecasts {
  protected value(forecasts: Forecasts, row: number): number {
    const probability = ofTruth(forecasts, row);
    return -Math.log(Math.min(Math.max(probability, Number.EPSILON), 1 - Number.EPSILON));
  }
}

/** {@link LogLoss} of probabilities [examples] of class 1 or [examples, classes] given all at once. */
export function logLoss(outputs: Values, targets: Values, options: UpdateOptions = {}): number {
  return new LogLoss().update(outputs, targets, options).compute();
}

/** Options of {@link BrierScore}. */
export interface BrierOptions {
  /** Whether the sum over classes is halved, so that it lies in [0, 1]. Default: with two classes, as in scikit-learn. */
  readonly half?: boolean;
}

/**
 * Brier score (1950), the mean squared error of probabilities: the mean of (p - [label is 1])^2; of [examples, classes] the mean of
 * sum over classes (p_c - [label is c])^2.
 */
export class BrierScore extends MeanOfForecasts {
  readonly #half: boolean | undefined;

  /** @throws TypeError for unknown options */
  constructor(options: BrierOptions = {}) {
    super();
    checkOptions('BrierScore', options, ['half']);
    this.#half = options.half;
  }

  protected value(forecasts: Forecasts, row: number): number {
    const { data, columns, labels } = forecasts;
    const half = this.#half ?? columns < 3;
    if (columns === 1) return (half ? 1 : 2) * (1 - ofTruth(forecasts, row)) ** 2;
    let sum = 0;
    for (let j = 0; j < columns; j++) sum += (data[row * columns + j] - Number(labels[row] === j)) ** 2;
    return half ? sum / 2 : sum;
  }
}

/** {@link BrierScore} of probabilities [examples] of class 1 or [examples, classes] given all at once. */
export function brierScore(
  outputs: Values,
  targets: Values,
  options: BrierOptions & UpdateOptions = {},
): number {
  const [settings, update] = splitWeights(options);
  return new BrierScore(settings).update(outputs, targets, update).compute();
}
