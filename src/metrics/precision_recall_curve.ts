import { checkOptions } from '../core/options.ts';
import { splitWeights, type UpdateOptions } from './metric.ts';
import { checkAverage, type ScoreAverage, type Scored, ScoredMetric, thresholdCounts } from './scored.ts';
import type { Values } from './values.ts';

/** Precision against recall, from lenient to strict. */
export interface PrecisionRecallPoints {
  /** Share of right ones among the examples that score at least the threshold; at the end 1, which has no threshold. */
  readonly precision: number[];
  /** Share of the positive examples that score at least the threshold; at the end 0. All 1 if there are none. */
  readonly recall: number[];
  /** Rising; one less than there are points. */
  readonly thresholds: number[];
}

/** Options of {@link PrecisionRecallCurve}. */
export interface PrecisionRecallOptions {
  /** The class that is to be found. Default 1. */
  readonly positive?: number;
  /** Leaves out points between others of the same recall. Default false. */
  readonly dropIntermediate?: boolean;
}

/** The {@link PrecisionRecallPoints} of scores for one class, batch by batch. As in scikit-learn. */
export class PrecisionRecallCurve extends ScoredMetric<PrecisionRecallPoints> {
  readonly #options: PrecisionRecallOptions;

  /** @throws TypeError for unknown options */
  constructor(options: PrecisionRecallOptions = {}) {
    super();
    checkOptions('PrecisionRecallCurve', options, ['positive', 'dropIntermediate']);
    this.#options = options;
  }

  /** @throws RangeError for scores of more than two classes */
  compute(): PrecisionRecallPoints {
    if (!this.isBinary)
      throw new RangeError(
        `PrecisionRecallCurve: is of one class, got scores of ${this.columns}; give those of one column`,
      );
    const { positive = 1, dropIntermediate = false } = this.#options;
    return points(this.binary(positive), dropIntermediate);
  }
}

/** {@link PrecisionRecallCurve} of scores [examples] and class numbers [examples] given all at once. */
export function precisionRecallCurve(
  outputs: Values,
  targets: Values,
  options: PrecisionRecallOptions & UpdateOptions = {},
): PrecisionRecallPoints {
  const [settings, update] = splitWeights(options);
  return new PrecisionRecallCurve(settings).update(outputs, targets, update).compute();
}

function points(scored: Scored, dropIntermediate: boolean): PrecisionRecallPoints {
  const { thresholds, truePositives: right, falsePositives: wrong } = thresholdCounts(scored);
  const last = thresholds.length - 1;
  const kept = thresholds
    .flatMap((_, i) =>
      !dropIntermediate || i === 0 || i === last || right[i] !== right[i - 1] || right[i + 1] !== right[i]
        ? [i]
        : [],
    )
    .reverse();
  const total = right.at(-1) ?? 0;
  return {
    precision: [...kept.map((i) => right[i] / (right[i] + wrong[i])), 1],
    recall: [...kept.map((i) => (total > 0 ? right[i] / total : 1)), 0],
    thresholds: kept.map((i) => thresholds[i]),
  };
}

/** The area under the steps of the curve, without interpolation. */
function stepArea(scored: Scored): number {
  const { truePositives: right, falsePositives: wrong } = thresholdCounts(scored);
  const total = right.at(-1) ?? 0;
  let sum = 0;
  for (let i = 0; i < right.length; i++)
    sum += ((right[i] - (right[i - 1] ?? 0)) * right[i]) / (right[i] + wrong[i]);
  return total > 0 ? sum / total : 0;
}

/** Options of {@link AveragePrecision}. */
export interface AveragePrecisionOptions {
  /** Of more than two classes, each against the rest. Default 'macro'. */
  readonly average?: ScoreAverage;
  /** The class that is to be found where there are two. Default 1. */
  readonly positive?: number;
  /** Outputs and targets are [examples, labels]. Default false. */
  readonly multilabel?: boolean;
}

/**
 * Average precision, batch by batch: sum of (recall[n] - recall[n-1]) precision[n] over the thresholds, of scores [examples] (or [examples, 2]) for
 * one class, of [examples, classes] averaged. 0 where nothing is to be found. As in scikit-learn.
 */
export class AveragePrecision extends ScoredMetric<number | number[]> {
  readonly #options: AveragePrecisionOptions;

  /** @throws TypeError or RangeError for unknown options or values */
  constructor(options: AveragePrecisionOptions = {}) {
    super(options.multilabel);
    checkOptions('AveragePrecision', options, ['average', 'positive', 'multilabel']);
    checkAverage('AveragePrecision', options.average ?? 'macro');
    this.#options = options;
  }

  /** A list with average 'none' and more than two classes, else a number. */
  compute(): number | number[] {
    const { average = 'macro', positive = 1 } = this.#options;
    return this.isBinary ? stepArea(this.binary(positive)) : this.averaged(stepArea, average);
  }
}

/** {@link AveragePrecision} of scores given all at once. */
export function averagePrecision(
  outputs: Values,
  targets: Values,
  options: AveragePrecisionOptions & UpdateOptions = {},
): number | number[] {
  const [settings, update] = splitWeights(options);
  return new AveragePrecision(settings).update(outputs, targets, update).compute();
}
