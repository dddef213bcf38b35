import { checkOptions } from '../core/options.ts';
import { read, requireSameShape, type Values } from './values.ts';

/** What a classifier of two classes does with one threshold. */
export interface ThresholdRow {
  /** Examples that score at least this much are taken for positive. */
  readonly threshold: number;
  readonly truePositives: number;
  readonly falsePositives: number;
  readonly falseNegatives: number;
  readonly trueNegatives: number;
  /** TP / (TP + FP); NaN where nothing is taken for positive. */
  readonly precision: number;
  /** TP / (TP + FN); NaN where nothing is positive. */
  readonly recall: number;
  /** 2 TP / (2 TP + FP + FN); NaN where all three are 0. */
  readonly f1: number;
}

/**
 * Precision against recall by threshold: the higher it is, the surer must one be to raise an alarm, and the more is missed. Which one to
 * choose depends on what mistakes cost: a missed cancer is worse than a second examination.
 *
 * @param scores of the positive class
 * @param targets 1 for positive, 0 for negative, in the same shape
 * @param options.thresholds default 0.1, 0.2, ..., 0.9
 * @throws RangeError if shapes differ or a target is neither 0 nor 1
 */
export function thresholdTable(
  scores: Values,
  targets: Values,
  options: { readonly thresholds?: readonly number[] } = {},
): ThresholdRow[] {
  checkOptions('thresholdTable', options, ['thresholds']);
  const { thresholds = [1, 2, 3, 4, 5, 6, 7, 8, 9].map((n) => n / 10) } = options;
  const [given, truth] = [read('thresholdTable', scores), read('thresholdTable', targets)];
  requireSameShape('thresholdTable', given, truth);
  const wanted = Array.from(truth.data);
  const wrong = wanted.find((target) => target !== 0 && target !== 1);
  if (wrong !== undefined)
    throw new RangeError(`thresholdTable: targets are 1 (positive) and 0 (negative), got ${wrong}`);
  return thresholds.map((threshold) => {
    let [tp, fp, fn, tn] = [0, 0, 0, 0];
    wanted.forEach((target, i) => {
      const isAlarm = given.data[i] >= threshold;
      if (isAlarm) target === 1 ? tp++ : fp++;
      else target === 1 ? fn++ : tn++;
    });
    return {
      threshold,
      ...{ truePositives: tp, falsePositives: fp, falseNegatives: fn, trueNegatives: tn },
      ...{ precision: tp / (tp + fp), recall: tp / (tp + fn), f1: (2 * tp) / (2 * tp + fp + fn) },
    };
  });
}

/** Rows of a {@link thresholdTable} as text, with bars for precision (`#`) and recall (`=`) of up to 20 characters. */
export function formatThresholds(rows: readonly ThresholdRow[]): string {
  const share = (value: number): string => (Number.isNaN(value) ? '-' : value.toFixed(3)).padStart(6);
  const bar = (value: number, mark: string): string => mark.repeat(Math.round(20 * (value || 0))).padEnd(20);
  const count = (value: number): string => String(value).padStart(6);
  return [
    `threshold${['TP', 'FP', 'FN', 'TN'].map((name) => name.padStart(6)).join('')}  precision${' '.repeat(18)}  recall${' '.repeat(21)}  F1`,
    ...rows.map((row) =>
      [
        `${String(Number(row.threshold.toPrecision(4))).padStart(9)}${count(row.truePositives)}${count(row.falsePositives)}${count(row.falseNegatives)}${count(row.trueNegatives)}`,
        `${share(row.precision)} ${bar(row.precision, '#')}`,
        `${share(row.recall)} ${bar(row.recall, '=')}`,
        share(row.f1),
      ].join('  '),
    ),
  ].join('\n');
}
