import { ClassCounts, type Count, type CountOptions, countOptionNames } from './class_counts.ts';
import { splitWeights, type UpdateOptions } from './metric.ts';
import type { Values } from './values.ts';

/**
 * How measures of classes become one: `binary` is that of the class `positive` alone, `micro` counts all classes together, `macro` is the mean
 * over classes, `weighted` the mean weighted by how many examples a class has, `none` gives the list.
 */
export type Average = 'binary' | 'micro' | 'macro' | 'weighted' | 'none';

/** A list of classes' measures or one number. */
export type Averaged<A extends Average> = A extends 'none' ? number[] : number;

/** Options of {@link Precision} and its kin. */
export interface PrecisionOptions<A extends Average> extends CountOptions {
  /** Default 'binary', which is refused where there are more than two classes and `positive` is not given. */
  readonly average?: A;
  /** Class that 'binary' is about. Default 1. */
  readonly positive?: number;
  /** What 0 / 0 is, as where a class was never predicted: 0, 1, or NaN, which averages leave out. Default 0. */
  readonly zeroDivision?: number;
}

const optionNames = [...countOptionNames, 'average', 'positive', 'zeroDivision'];
const averages: readonly string[] = ['binary', 'micro', 'macro', 'weighted', 'none'];

/** A quotient of counts for each class, and its averages. As in scikit-learn. */
abstract class ClassRatio<A extends Average> extends ClassCounts<Averaged<A>> {
  readonly #average: Average;
  readonly #positive: number | undefined;
  readonly #zeroDivision: number;

  /** @throws TypeError or RangeError for unknown options or values */
  constructor(options: PrecisionOptions<A> = {}, more: readonly string[] = []) {
    super(options, [...optionNames, ...more]);
    const { average = 'binary', positive, zeroDivision = 0 } = options;
    if (!averages.includes(average))
      throw new RangeError(
        `${this.constructor.name}: average must be one of ${averages.join(', ')}, got ${average}`,
      );
    this.#average = average;
    this.#positive = positive;
    this.#zeroDivision = zeroDivision;
  }

  /** Numerator and denominator. */
  protected abstract ratio(count: Count): readonly [number, number];

  /** @throws RangeError for 'binary' with more than two classes, or with several labels */
  compute(): Averaged<A> {
    return this.#reduce(this.counts) as Averaged<A>;
  }

  #value(count: Count): number {
    const [numerator, denominator] = this.ratio(count);
    return denominator === 0 ? this.#zeroDivision : numerator / denominator;
  }

  #reduce(counts: readonly Count[]): number | number[] {
    if (this.#average === 'none') return counts.map((count) => this.#value(count));
    if (this.#average === 'binary') return this.#binary(counts);
    const present = this.countsAbsent
      ? counts
      : counts.filter(({ predicted, actual }) => predicted > 0 || actual > 0);
    if (this.#average === 'micro') {
      const sum = (f: (count: Count) => number): number =>
        present.reduce((result, count) => result + f(count), 0);
      return this.#value({
        truePositives: sum((c) => c.truePositives),
        predicted: sum((c) => c.predicted),
        actual: sum((c) => c.actual),
        total: sum((c) => c.total),
      });
    }
    const values = present.map((count) => this.#value(count));
    return meanWithoutNaN(values, this.#average === 'weighted' ? present.map((c) => c.actual) : null);
  }

  #binary(counts: readonly Count[]): number {
    const name = this.constructor.name;
    if (this.multilabel || (counts.length > 2 && this.#positive === undefined))
      throw new RangeError(
        `${name}: ${counts.length} ${this.multilabel ? 'labels' : 'classes'} need the option average: 'macro', 'micro', 'weighted' or 'none'`,
      );
    return this.#value(
      counts[this.#positive ?? 1] ?? { truePositives: 0, predicted: 0, actual: 0, total: this.total },
    );
  }
}

/** Mean of what is not NaN; weights that are all zero count alike; NaN if nothing is left. */
function meanWithoutNaN(values: readonly number[], weights: readonly number[] | null): number {
  const kept = values.flatMap((value, i) => (Number.isNaN(value) ? [] : [i]));
  const alike = weights === null || kept.every((i) => weights[i] === 0);
  let sum = 0;
  let total = 0;
  for (const i of kept) {
    const weight = alike ? 1 : weights[i];
    sum += weight * values[i];
    total += weight;
  }
  return sum / total;
}

/** Which share of the predictions of a class is right: TP / (TP + FP). */
export class Precision<A extends Average = 'binary'> extends ClassRatio<A> {
  protected ratio({ truePositives, predicted }: Count): readonly [number, number] {
    return [truePositives, predicted];
  }
}

/** Which share of the examples of a class is found, also sensitivity or true positive rate: TP / (TP + FN). */
export class Recall<A extends Average = 'binary'> extends ClassRatio<A> {
  protected ratio({ truePositives, actual }: Count): readonly [number, number] {
    return [truePositives, actual];
  }
}

/** Which share of the examples of other classes is not taken for this one, also true negative rate: TN / (TN + FP). */
export class Specificity<A extends Average = 'binary'> extends ClassRatio<A> {
  protected ratio({ truePositives, predicted, actual, total }: Count): readonly [number, number] {
    return [total - predicted - actual + truePositives, total - actual];
  }
}

/** Options of {@link FBeta}. */
export interface FBetaOptions<A extends Average> extends PrecisionOptions<A> {
  /** How many times more recall matters than precision. Default 1. */
  readonly beta?: number;
}

/** Weighted harmonic mean of precision and recall: (1 + beta^2) TP / ((1 + beta^2) TP + beta^2 FN + FP). */
export class FBeta<A extends Average = 'binary'> extends ClassRatio<A> {
  readonly #beta: number;

  /** @throws RangeError if beta is negative, and as {@link Precision} */
  constructor(options: FBetaOptions<A> = {}) {
    super(options, ['beta']);
    const { beta = 1 } = options;
    if (!(beta >= 0 && beta < Infinity))
      throw new RangeError(`FBeta: beta must be a finite number from 0 on, got ${beta}`);
    this.#beta = beta;
  }

  protected ratio({ truePositives, predicted, actual }: Count): readonly [number, number] {
    const square = this.#beta ** 2;
    return [(1 + square) * truePositives, square * actual + predicted];
  }
}

/** Harmonic mean of precision and recall: 2 TP / (2 TP + FN + FP). */
export class F1<A extends Average = 'binary'> extends ClassRatio<A> {
  protected ratio({ truePositives, predicted, actual }: Count): readonly [number, number] {
    return [2 * truePositives, actual + predicted];
  }
}

/** The Dice coefficient of sets, 2 |A and B| / (|A| + |B|): the same number as {@link F1}, under its name in segmentation. */
export class Dice<A extends Average = 'binary'> extends F1<A> {}

/** Intersection over union, TP / (TP + FP + FN), of examples or, with outputs [..., classes] of images, of pixels. */
export class Jaccard<A extends Average = 'binary'> extends ClassRatio<A> {
  protected ratio({ truePositives, predicted, actual }: Count): readonly [number, number] {
    return [truePositives, predicted + actual - truePositives];
  }
}

/** Options of {@link precision} and its kin. */
export type PrecisionFunctionOptions<A extends Average> = PrecisionOptions<A> & UpdateOptions;

type RatioClass = new <A extends Average>(options: PrecisionOptions<A>) => ClassRatio<A>;

function measured<A extends Average>(
  kind: RatioClass,
  outputs: Values,
  targets: Values,
  options: PrecisionFunctionOptions<A>,
): Averaged<A> {
  const [settings, update] = splitWeights(options);
  return new kind<A>(settings).update(outputs, targets, update).compute();
}

/** {@link Precision} of predictions (class numbers or scores [..., classes]) given all at once. */
export function precision<A extends Average = 'binary'>(
  outputs: Values,
  targets: Values,
  options: PrecisionFunctionOptions<A> = {},
): Averaged<A> {
  return measured(Precision, outputs, targets, options);
}

/** {@link Recall} of predictions (class numbers or scores [..., classes]) given all at once. */
export function recall<A extends Average = 'binary'>(
  outputs: Values,
  targets: Values,
  options: PrecisionFunctionOptions<A> = {},
): Averaged<A> {
  return measured(Recall, outputs, targets, options);
}

/** {@link Specificity} of predictions (class numbers or scores [..., classes]) given all at once. */
export function specificity<A extends Average = 'binary'>(
  outputs: Values,
  targets: Values,
  options: PrecisionFunctionOptions<A> = {},
): Averaged<A> {
  return measured(Specificity, outputs, targets, options);
}

/** {@link FBeta} of predictions (class numbers or scores [..., classes]) given all at once. */
export function fBeta<A extends Average = 'binary'>(
  outputs: Values,
  targets: Values,
  options: FBetaOptions<A> & UpdateOptions = {},
): Averaged<A> {
  return measured(FBeta, outputs, targets, options);
}

/** {@link F1} of predictions (class numbers or scores [..., classes]) given all at once. */
export function f1<A extends Average = 'binary'>(
  outputs: Values,
  targets: Values,
  options: PrecisionFunctionOptions<A> = {},
): Averaged<A> {
  return measured(F1, outputs, targets, options);
}

/** {@link Dice} of predictions (class numbers or scores [..., classes]) given all at once. */
export function dice<A extends Average = 'binary'>(
  outputs: Values,
  targets: Values,
  options: PrecisionFunctionOptions<A> = {},
): Averaged<A> {
  return measured(Dice, outputs, targets, options);
}

/** {@link Jaccard} of predictions (class numbers or scores [..., classes]) given all at once. */
export function jaccard<A extends Average = 'binary'>(
  outputs: Values,
  targets: Values,
  options: PrecisionFunctionOptions<A> = {},
): Averaged<A> {
  return measured(Jaccard, outputs, targets, options);
}
