import { checkOptions } from '../core/options.ts';
import { DataError } from './dataset.ts';
import { deal, type SplitOptions, splitOptions } from './splits.ts';

/** One turn of {@link kFolds} or {@link timeSeriesFolds}: positions of examples. */
export interface Fold {
  readonly train: Int32Array;
  /** Empty where a turn has only training and test. */
  readonly validation: Int32Array;
  readonly test: Int32Array;
}

/** Options of {@link kFolds}. */
export interface FoldOptions extends SplitOptions {
  /** Whether a fold of each turn is for validation, besides the one for test. Default true. */
  readonly validation?: boolean;
}

/**
 * The rotation of k folds: in turn i (from 0 on) the folds i to i + k - 3 are for training, the next one is for validation, the
 * one after it for test, counted modulo k. With 5 folds: 1-3, 4, 5; then 2-4, 5, 1; then 3-5, 1, 2; ... Every example is tested
 * exactly once. With `validation: false` the test fold alone is held out, and k = count leaves out one example at a time. `stratify` and
 * `groups` are those of {@link SplitOptions}.
 *
 * @throws DataError when k is below 3 (2 without validation) or above the number of examples or groups, or a class that `stratify`
 * names has fewer than k examples
 */
export function kFolds(count: number, k = 5, options: FoldOptions = {}): Fold[] {
  checkOptions('kFolds', options, [...splitOptions, 'validation']);
  const { validation = true, ...split } = options;
  const least = validation ? 3 : 2;
  if (!Number.isInteger(k) || k < least || k > count)
    throw new DataError(`kFolds: k must be an integer from ${least} to the ${count} examples, got ${k}`);
  const ends = Array.from({ length: k }, (_, i) => Math.round(((i + 1) * count) / k));
  const folds = deal('kFolds', count, ends, k, split);
  if (folds.some((fold) => fold.length === 0))
    throw new DataError(`kFolds: there are fewer groups than the ${k} folds; choose a smaller k`);
  const held = validation ? 2 : 1;
  return Array.from({ length: k }, (_, turn) => {
    const fold = (number: number): Int32Array => folds[(turn + number) % k];
    return {
      train: Int32Array.from(Array.from({ length: k - held }, (_, i) => [...fold(i)]).flat()),
      validation: validation ? fold(k - 2) : new Int32Array(0),
      test: fold(k - 1),
    };
  });
}

/** Options of {@link timeSeriesFolds}. */
export interface TimeSeriesOptions {
  /** Examples in each test part. Default: count / (k + 1), rounded down. */
  readonly testSize?: number;
  /** Examples that are left out before each test part (and before each validation part), as they overlap with it. Default 0. */
  readonly gap?: number;
  /** The most recent examples that a training may have. Default: all that came before. */
  readonly maxTrain?: number;
  /** Whether as many examples before each test part are for validation. Default false. */
  readonly validation?: boolean;
}

/**
 * Turns for examples in the order of time: each is trained on what came before and tested on what came next, never the other way
 * round. The k test parts follow each other up to the last example. scikit-learn's TimeSeriesSplit.
 *
 * @throws DataError when the first turn would have nothing to train on
 */
export function timeSeriesFolds(count: number, k = 5, options: TimeSeriesOptions = {}): Fold[] {
  checkOptions('timeSeriesFolds', options, ['testSize', 'gap', 'maxTrain', 'validation']);
  const { testSize = Math.floor(count / (k + 1)), gap = 0, validation = false } = options;
  const { maxTrain = count } = options;
  for (const [what, value, least] of [
    ['k', k, 1],
    ['testSize', testSize, 1],
    ['gap', gap, 0],
    ['maxTrain', maxTrain, 1],
  ] as const)
    if (!Number.isInteger(value) || value < least)
      throw new DataError(`timeSeriesFolds: ${what} must be an integer from ${least} on, got ${value}`);
  const range = (start: number, end: number): Int32Array =>
    Int32Array.from({ length: end - start }, (_, i) => start + i);
  return Array.from({ length: k }, (_, turn) => {
    const test = count - (k - turn) * testSize;
    const checked = validation ? test - gap - testSize : test;
    const end = checked - gap;
    if (end < 1)
      throw new DataError(
        `timeSeriesFolds: of ${count} examples turn ${turn + 1} of ${k} would have none to train on; choose a smaller k, testSize or gap`,
      );
    return {
      train: range(Math.max(0, end - maxTrain), end),
      validation: validation ? range(checked, checked + testSize) : new Int32Array(0),
      test: range(test, test + testSize),
    };
  });
}
