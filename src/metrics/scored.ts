import type { Tensor } from '../core/tensor.ts';
import { checkMerge, checkUpdate, Metric, type MetricState, type UpdateOptions } from './metric.ts';
import { Growing, read, readWeights, type Values } from './values.ts';

/** Examples with a score for one thing to be found: whether they are it, and how much they count. */
export interface Scored {
  readonly scores: ArrayLike<number>;
  readonly positives: ArrayLike<number | boolean>;
  readonly weights: ArrayLike<number>;
}

/** Sums of weights above each distinct score, from the largest score down. */
export interface ThresholdCounts {
  readonly thresholds: number[];
  readonly truePositives: number[];
  readonly falsePositives: number[];
}

/** How many positive and other examples score at least as much as each of the scores. Examples without weight are left out. */
export function thresholdCounts({ scores, positives, weights }: Scored): ThresholdCounts {
  const kept: number[] = [];
  for (let i = 0; i < scores.length; i++) if (weights[i] > 0) kept.push(i);
  const order = Uint32Array.from(kept).sort((a, b) => scores[b] - scores[a]);
  const thresholds: number[] = [];
  const truePositives: number[] = [];
  const falsePositives: number[] = [];
  let right = 0;
  let wrong = 0;
  for (let at = 0; at < order.length; at++) {
    const i = order[at];
    if (positives[i]) right += weights[i];
    else wrong += weights[i];
    if (at + 1 < order.length && scores[order[at + 1]] === scores[i]) continue;
    thresholds.push(scores[i]);
    truePositives.push(right);
    falsePositives.push(wrong);
  }
  return { thresholds, truePositives, falsePositives };
}

/** How the measures of several classes, each against the rest, become one. */
export type ScoreAverage = 'micro' | 'macro' | 'weighted' | 'none';

/** Keeps scores, labels and weights of all batches: measures that need all of them sorted. */
export abstract class ScoredMetric<Result> extends Metric<Result> {
  readonly #scores = new Growing();
  readonly #labels = new Growing();
  readonly #weights = new Growing();
  /** Scores per example; 0 where each is one number, null before the first. */
  #columns: number | null = null;
  readonly #multilabel: boolean;

  constructor(multilabel = false) {
    super();
    this.#multilabel = multilabel;
  }

  /**
   * @param outputs scores [examples] of the positive class, or [examples, classes]
   * @param targets class numbers [examples]; with several labels per example [examples, labels] of 0 and 1
   * @throws RangeError if the shapes do not fit, a score is NaN, or a label is not a class
   */
  update(outputs: Values, targets: Values, options: UpdateOptions = {}): this {
    const name = this.constructor.name;
    checkUpdate(name, options);
    const scores = read(name, outputs);
    const labels = read(name, targets);
    const [rows, columns = 0] = scores.shape;
    const expected = this.#multilabel ? scores.shape : [rows];
    if (scores.shape.length < 1 || scores.shape.length > 2 || String(labels.shape) !== String(expected))
      throw new RangeError(
        `${name}: outputs [${scores.shape.join(', ')}] and targets [${labels.shape.join(', ')}] do not fit; outputs must be ` +
          `${this.#multilabel ? '[examples, labels], targets alike' : '[examples] or [examples, classes], targets [examples]'}`,
      );
    if (this.#columns !== null && columns !== this.#columns)
      throw new RangeError(`${name}: outputs have ${columns} columns, those before had ${this.#columns}`);
    for (let i = 0; i < scores.data.length; i++)
      if (Number.isNaN(scores.data[i])) throw new RangeError(`${name}: score ${i} is NaN`);
    const classes = this.#multilabel ? 2 : columns || Infinity;
    for (let i = 0; i < labels.data.length; i++) {
      const label = labels.data[i];
      if (!Number.isInteger(label) || (columns > 0 && (label < 0 || label >= classes)))
        throw new RangeError(
          `${name}: label ${i} is ${label}; expected an integer${columns > 0 ? ` from 0 to ${classes - 1}` : ''}`,
        );
    }
    const weights = readWeights(name, options.weights, rows);
    this.#columns = columns;
    this.#scores.push(scores.data);
    this.#labels.push(labels.data);
    this.#weights.push(weights ?? new Float64Array(rows).fill(1));
    return this;
  }

  override stateDict(): MetricState {
    return {
      columns: this.#columns,
      scores: this.#scores.stateDict(),
      labels: this.#labels.stateDict(),
      weights: this.#weights.stateDict(),
    };
  }

  override loadStateDict(state: {
    columns: number | null;
    scores: Tensor;
    labels: Tensor;
    weights: Tensor;
  }): void {
    this.#columns = state.columns;
    this.#scores.loadStateDict(state.scores);
    this.#labels.loadStateDict(state.labels);
    this.#weights.loadStateDict(state.weights);
  }

  reset(): this {
    this.#columns = null;
    for (const list of [this.#scores, this.#labels, this.#weights]) list.clear();
    return this;
  }

  merge(other: this): this {
    checkMerge(this, other);
    if (other.#columns === null) return this;
    if (this.#columns !== null && other.#columns !== this.#columns)
      throw new RangeError(
        `${this.constructor.name}.merge: outputs with ${this.#columns} and ${other.#columns} columns; they must be as many`,
      );
    this.#columns = other.#columns;
    this.#scores.push(other.#scores.values);
    this.#labels.push(other.#labels.values);
    this.#weights.push(other.#weights.values);
    return this;
  }

  /** Whether there is one thing to be found: one score per example, or two classes. */
  protected get isBinary(): boolean {
    return !this.#multilabel && (this.#columns ?? 0) < 3 && this.#columns !== 1;
  }

  /** How many classes or labels have scores. */
  protected get columns(): number {
    return this.#columns ?? 0;
  }

  /** Labels of all examples. */
  protected get labels(): Float64Array {
    return this.#labels.values;
  }

  /** Weights of all examples. */
  protected get weights(): Float64Array {
    return this.#weights.values;
  }

  /** Scores of one column; of two classes that of the second. */
  protected scoresOf(column: number): Float64Array {
    const columns = this.#columns || 1;
    const all = this.#scores.values;
    if (columns === 1) return all;
    return Float64Array.from({ length: all.length / columns }, (_, i) => all[i * columns + column]);
  }

  /** The one problem where there is one. */
  protected binary(positive: number): Scored {
    const column = this.#columns === 2 ? positive : 0;
    return {
      scores: this.scoresOf(column),
      positives: Array.from(this.labels, (label) => label === positive),
      weights: this.weights,
    };
  }

  /** A class against the rest, or one of several labels. */
  protected against(column: number): Scored {
    const labels = this.labels;
    const columns = this.columns;
    return {
      scores: this.scoresOf(column),
      positives: Array.from(this.weights, (_, i) =>
        this.#multilabel ? labels[i * columns + column] === 1 : labels[i] === column,
      ),
      weights: this.weights,
    };
  }

  /** A measure of each class against the rest, averaged. NaN of a class makes the mean NaN. */
  protected averaged(measure: (scored: Scored) => number, average: ScoreAverage): number | number[] {
    const each = Array.from({ length: this.columns }, (_, column) => this.against(column));
    if (average === 'micro')
      return measure({
        scores: each.flatMap((scored) => Array.from(scored.scores)),
        positives: each.flatMap((scored) => Array.from(scored.positives)),
        weights: each.flatMap((scored) => Array.from(scored.weights)),
      });
    const values = each.map(measure);
    if (average === 'none') return values;
    const shares = each.map(({ positives, weights }) =>
      average === 'macro' ? 1 : sumOf(weights, (i) => Boolean(positives[i])),
    );
    const total = shares.reduce((a, b) => a + b, 0);
    return total === 0 ? 0 : values.reduce((sum, value, i) => sum + value * shares[i], 0) / total;
  }
}

/** Sum of those numbers whose index is wanted. */
export function sumOf(values: ArrayLike<number>, wanted: (index: number) => boolean): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) if (wanted(i)) sum += values[i];
  return sum;
}

/** @throws RangeError for another average */
export function checkAverage(name: string, average: string): void {
  if (!['micro', 'macro', 'weighted', 'none'].includes(average))
    throw new RangeError(`${name}: average must be one of micro, macro, weighted, none, got ${average}`);
}
