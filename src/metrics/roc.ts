import { checkOptions } from '../core/options.ts';
import { splitWeights, type UpdateOptions } from './metric.ts';
import {
  checkAverage,
  type ScoreAverage,
  type Scored,
  ScoredMetric,
  sumOf,
  thresholdCounts,
} from './scored.ts';
import { read, type Values } from './values.ts';

/** The receiver operating characteristic: what it costs to find more, from strict to lenient. */
export interface RocPoints {
  /** Share of the other examples that score at least the threshold; from 0 to 1. NaN if there are none. */
  readonly falsePositiveRate: number[];
  /** Share of the positive examples that do; from 0 to 1. NaN if there are none. */
  readonly truePositiveRate: number[];
  /** From infinity down. */
  readonly thresholds: number[];
}

/** Options of {@link RocCurve}. */
export interface RocCurveOptions {
  /** The class that is to be found. Default 1. */
  readonly positive?: number;
  /** Leaves out points between others on a line, which change neither the picture nor the area. Default true. */
  readonly dropIntermediate?: boolean;
}

/** The {@link RocPoints} of scores for one class, batch by batch. As in scikit-learn. */
export class RocCurve extends ScoredMetric<RocPoints> {
  readonly #options: RocCurveOptions;

  /** @throws TypeError for unknown options */
  constructor(options: RocCurveOptions = {}) {
    super();
    checkOptions('RocCurve', options, ['positive', 'dropIntermediate']);
    this.#options = options;
  }

  /** @throws RangeError for scores of more than two classes */
  compute(): RocPoints {
    if (!this.isBinary)
      throw new RangeError(
        `RocCurve: is of one class, got scores of ${this.columns}; give those of one column`,
      );
    const { positive = 1, dropIntermediate = true } = this.#options;
    return rocPoints(this.binary(positive), dropIntermediate);
  }
}

/** {@link RocCurve} of scores [examples] and class numbers [examples] given all at once. */
export function rocCurve(
  outputs: Values,
  targets: Values,
  options: RocCurveOptions & UpdateOptions = {},
): RocPoints {
  const [settings, update] = splitWeights(options);
  return new RocCurve(settings).update(outputs, targets, update).compute();
}

function rocPoints(scored: Scored, dropIntermediate: boolean): RocPoints {
  const { thresholds, truePositives: right, falsePositives: wrong } = thresholdCounts(scored);
  const bends = (values: readonly number[], i: number): boolean =>
    values[i + 1] - values[i] !== values[i] - values[i - 1];
  const last = thresholds.length - 1;
  const kept = thresholds.flatMap((_, i) =>
    !dropIntermediate || i === 0 || i === last || bends(right, i) || bends(wrong, i) ? [i] : [],
  );
  const rate = (counts: readonly number[]): number[] => {
    const total = counts.at(-1) ?? 0;
    return [0, ...kept.map((i) => counts[i])].map((count) => (total > 0 ? count / total : NaN));
  };
  return {
    falsePositiveRate: rate(wrong),
    truePositiveRate: rate(right),
    thresholds: [Infinity, ...kept.map((i) => thresholds[i])],
  };
}

/**
 * The area under a curve by the trapezoidal rule: sum of (x[i+1] - x[i]) (y[i+1] + y[i]) / 2.
 *
 * @param x rising or falling
 * @throws RangeError if the lengths differ, there are less than two points, or x turns
 */
export function auc(x: Values, y: Values): number {
  const xs = read('auc', x).data;
  const ys = read('auc', y).data;
  if (xs.length !== ys.length || xs.length < 2)
    throw new RangeError(`auc: ${xs.length} x and ${ys.length} y; there must be as many, at least two`);
  let area = 0;
  let rises = false;
  let falls = false;
  for (let i = 1; i < xs.length; i++) {
    rises ||= xs[i] > xs[i - 1];
    falls ||= xs[i] < xs[i - 1];
    area += ((xs[i] - xs[i - 1]) * (ys[i] + ys[i - 1])) / 2;
  }
  if (rises && falls) throw new RangeError('auc: x must rise or fall throughout; sort the points by x');
  return falls ? -area : area;
}

/** Area under the ROC curve: how likely a positive example scores higher than another one, ties being half. */
function area(scored: Scored): number {
  const { truePositives: right, falsePositives: wrong } = thresholdCounts(scored);
  const product = (right.at(-1) ?? 0) * (wrong.at(-1) ?? 0);
  if (product === 0) return NaN;
  return auc([0, ...wrong], [0, ...right]) / product;
}

/** Options of {@link RocAuc}. */
export interface RocAucOptions {
  /** Of more than two classes: each against the rest ('ovr'), or the mean over pairs of classes ('ovo'). Default 'ovr'. */
  readonly multiclass?: 'ovr' | 'ovo';
  /** Of more than two classes; 'ovo' has only macro and weighted. Default 'macro'. */
  readonly average?: ScoreAverage;
  /** The class that is to be found where there are two. Default 1. */
  readonly positive?: number;
  /** Outputs and targets are [examples, labels]. Default false. */
  readonly multilabel?: boolean;
}

/**
 * The area under the ROC curve, batch by batch: of scores [examples] (or [examples, 2]) for one class, of [examples, classes] averaged. NaN where the examples
 * are all positive or all not. As in scikit-learn; 'ovo' is the measure of Hand and Till (2001).
 */
export class RocAuc extends ScoredMetric<number | number[]> {
  readonly #options: RocAucOptions;

  /** @throws TypeError or RangeError for unknown options or values */
  constructor(options: RocAucOptions = {}) {
    super(options.multilabel);
    checkOptions('RocAuc', options, ['multiclass', 'average', 'positive', 'multilabel']);
    const { multiclass = 'ovr', average = 'macro' } = options;
    checkAverage('RocAuc', average);
    if (multiclass !== 'ovr' && multiclass !== 'ovo')
      throw new RangeError(`RocAuc: multiclass must be 'ovr' or 'ovo', got ${String(multiclass)}`);
    if (multiclass === 'ovo' && average !== 'macro' && average !== 'weighted')
      throw new RangeError(`RocAuc: 'ovo' needs average 'macro' or 'weighted', got '${average}'`);
    this.#options = options;
  }

  /** A list with average 'none' and more than two classes, else a number. */
  compute(): number | number[] {
    const { multiclass, average = 'macro', positive = 1, multilabel = false } = this.#options;
    if (this.isBinary) return area(this.binary(positive));
    return multiclass === 'ovo' && !multilabel
      ? this.#pairs(average === 'weighted')
      : this.averaged(area, average);
  }

  /** Each class against each other one, in both directions, on the examples of the two. */
  #pairs(weighted: boolean): number {
    const labels = this.labels;
    const present = [...new Set(labels)].sort((a, b) => a - b);
    let sum = 0;
    let total = 0;
    for (const [index, a] of present.entries())
      for (const b of present.slice(index + 1)) {
        const chosen: number[] = [];
        for (let i = 0; i < labels.length; i++) if (labels[i] === a || labels[i] === b) chosen.push(i);
        const side = (label: number): number => {
          const scores = this.scoresOf(label);
          return area({
            scores: chosen.map((i) => scores[i]),
            positives: chosen.map((i) => labels[i] === label),
            weights: chosen.map((i) => this.weights[i]),
          });
        };
        const share = weighted ? sumOf(this.weights, (i) => labels[i] === a || labels[i] === b) : 1;
        sum += (share * (side(a) + side(b))) / 2;
        total += share;
      }
    return sum / total;
  }
}

/** {@link RocAuc} of scores given all at once. */
export function rocAuc(
  outputs: Values,
  targets: Values,
  options: RocAucOptions & UpdateOptions = {},
): number | number[] {
  const [settings, update] = splitWeights(options);
  return new RocAuc(settings).update(outputs, targets, update).compute();
}
