import { checkOptions } from '../core/options.ts';
import type { Tensor } from '../core/tensor.ts';
import { checkMerge, Metric, type MetricState, splitWeights, type UpdateOptions } from './metric.ts';
import { readForecasts } from './probabilities.ts';
import { Growing, type Values } from './values.ts';

/** What was forecast and what came, for each bin that is not empty; a forecaster is calibrated if both agree. */
export interface CalibrationPoints {
  /** Mean probability in the bin. */
  readonly predicted: number[];
  /** Share of the examples in the bin for which it came true. */
  readonly observed: number[];
  /** Sum of the weights of the examples in the bin. */
  readonly counts: number[];
}

/** Options of {@link CalibrationCurve}. */
export interface CalibrationOptions {
  /** Default 5. */
  readonly bins?: number;
  /** Bins of equal width, or of equally many examples. Default 'uniform'. */
  readonly strategy?: 'uniform' | 'quantile';
}

/** Confidences, whether they were right, and weights, of all examples. Of [examples, classes] the largest probability counts. */
abstract class Confidences<Result> extends Metric<Result> {
  readonly #confidences = new Growing();
  readonly #right = new Growing();
  readonly #weights = new Growing();

  /**
   * @param outputs probabilities [examples] of class 1, or [examples, classes], of which the largest is compared with how often it is right
   * @param targets class numbers [examples]
   * @throws RangeError if shapes do not fit, a probability is not in [0, 1], or a label is not a class
   */
  update(outputs: Values, targets: Values, options: UpdateOptions = {}): this {
    const { data, rows, columns, labels, weights } = readForecasts(
      this.constructor.name,
      outputs,
      targets,
      options,
    );
    const confidences = new Float64Array(rows);
    const right = new Float64Array(rows);
    for (let i = 0; i < rows; i++) {
      let best = 0;
      for (let j = 1; j < columns; j++) if (data[i * columns + j] > data[i * columns + best]) best = j;
      confidences[i] = data[i * columns + best];
      right[i] = Number(columns === 1 ? labels[i] === 1 : labels[i] === best);
    }
    this.#confidences.push(confidences);
    this.#right.push(right);
    this.#weights.push(weights ?? new Float64Array(rows).fill(1));
    return this;
  }

  override stateDict(): MetricState {
    return {
      confidences: this.#confidences.stateDict(),
      right: this.#right.stateDict(),
      weights: this.#weights.stateDict(),
    };
  }

  override loadStateDict(state: { confidences: Tensor; right: Tensor; weights: Tensor }): void {
    this.#confidences.loadStateDict(state.confidences);
    this.#right.loadStateDict(state.right);
    this.#weights.loadStateDict(state.weights);
  }

  reset(): this {
    for (const list of [this.#confidences, this.#right, this.#weights]) list.clear();
    return this;
  }

  merge(other: this): this {
    checkMerge(this, other);
    this.#confidences.push(other.#confidences.values);
    this.#right.push(other.#right.values);
    this.#weights.push(other.#weights.values);
    return this;
  }

  /** The curve; a bin holds what is above its lower edge and not above its upper one. */
  protected points(bins: number, strategy: 'uniform' | 'quantile'): CalibrationPoints {
    const confidences = this.#confidences.values;
    const right = this.#right.values;
    const weights = this.#weights.values;
    const edges = strategy === 'uniform' ? uniformEdges(bins) : quantiles(confidences, bins);
    const counts = new Float64Array(bins);
    const predicted = new Float64Array(bins);
    const observed = new Float64Array(bins);
    for (let i = 0; i < confidences.length; i++) {
      let bin = 0;
      while (bin < edges.length && edges[bin] < confidences[i]) bin++;
      counts[bin] += weights[i];
      predicted[bin] += weights[i] * confidences[i];
      observed[bin] += weights[i] * right[i];
    }
    const kept = Array.from(counts.keys()).filter((bin) => counts[bin] > 0);
    return {
      predicted: kept.map((bin) => predicted[bin] / counts[bin]),
      observed: kept.map((bin) => observed[bin] / counts[bin]),
      counts: kept.map((bin) => counts[bin]),
    };
  }
}

/** Inner edges of bins of equal width. */
const uniformEdges = (bins: number): number[] => Array.from({ length: bins - 1 }, (_, i) => (i + 1) / bins);

/** Inner edges of bins of equally many numbers, interpolated between neighbours. */
function quantiles(values: Float64Array, bins: number): number[] {
  const sorted = values.slice().sort();
  return Array.from({ length: bins - 1 }, (_, i) => {
    const position = ((i + 1) * (sorted.length - 1)) / bins;
    const low = Math.floor(position);
    const high = Math.min(low + 1, sorted.length - 1);
    return sorted[low] + (sorted[high] - sorted[low]) * (position - low);
  });
}

function checkBins(name: string, bins: number): void {
  if (!Number.isInteger(bins) || bins < 1)
    throw new RangeError(`${name}: bins must be an integer from 1 on, got ${bins}`);
}

/** How often what was said to be so likely came true, in bins of probability, batch by batch. As in scikit-learn. */
export class CalibrationCurve extends Confidences<CalibrationPoints> {
  readonly #options: CalibrationOptions;

  /** @throws TypeError or RangeError for unknown options or values */
  constructor(options: CalibrationOptions = {}) {
    super();
    checkOptions('CalibrationCurve', options, ['bins', 'strategy']);
    checkBins('CalibrationCurve', options.bins ?? 5);
    if (!['uniform', 'quantile'].includes(options.strategy ?? 'uniform'))
      throw new RangeError(
        `CalibrationCurve: strategy must be 'uniform' or 'quantile', got ${String(options.strategy)}`,
      );
    this.#options = options;
  }

  compute(): CalibrationPoints {
    return this.points(this.#options.bins ?? 5, this.#options.strategy ?? 'uniform');
  }
}

/** {@link CalibrationCurve} of probabilities [examples] of class 1 or [examples, classes] given all at once. */
export function calibrationCurve(
  outputs: Values,
  targets: Values,
  options: CalibrationOptions & UpdateOptions = {},
): CalibrationPoints {
  const [settings, update] = splitWeights(options);
  return new CalibrationCurve(settings).update(outputs, targets, update).compute();
}

/** Options of {@link CalibrationError}. */
export interface CalibrationErrorOptions {
  /** Of equal width. Default 15. */
  readonly bins?: number;
  /** Mean over examples of the gap in their bin, root of the mean of its square, or the largest gap. Default 'l1'. */
  readonly norm?: 'l1' | 'l2' | 'max';
}

/**
 * Expected calibration error (Naeini et al. 2015; Guo et al. 2017): sum over bins of (n_bin / n) |observed - predicted|. With probabilities [examples, classes]
 * the largest of each example is compared with how often it is right.
 */
export class CalibrationError extends Confidences<number> {
  readonly #bins: number;
  readonly #norm: 'l1' | 'l2' | 'max';

  /** @throws TypeError or RangeError for unknown options or values */
  constructor(options: CalibrationErrorOptions = {}) {
    super();
    checkOptions('CalibrationError', options, ['bins', 'norm']);
    const { bins = 15, norm = 'l1' } = options;
    checkBins('CalibrationError', bins);
    if (!['l1', 'l2', 'max'].includes(norm))
      throw new RangeError(`CalibrationError: norm must be 'l1', 'l2' or 'max', got ${String(norm)}`);
    this.#bins = bins;
    this.#norm = norm;
  }

  /** NaN before the first example. */
  compute(): number {
    const { predicted, observed, counts } = this.points(this.#bins, 'uniform');
    const total = counts.reduce((a, b) => a + b, 0);
    const gaps = counts.map((_, i) => Math.abs(predicted[i] - observed[i]));
    if (total === 0) return NaN;
    if (this.#norm === 'max') return Math.max(...gaps);
    const power = this.#norm === 'l1' ? 1 : 2;
    const mean = gaps.reduce((sum, gap, i) => sum + counts[i] * gap ** power, 0) / total;
    return power === 1 ? mean : Math.sqrt(mean);
  }
}

/** {@link CalibrationError} of probabilities [examples] of class 1 or [examples, classes] given all at once. */
export function calibrationError(
  outputs: Values,
  targets: Values,
  options: CalibrationErrorOptions & UpdateOptions = {},
): number {
  const [settings, update] = splitWeights(options);
  return new CalibrationError(settings).update(outputs, targets, update).compute();
}
