import { foldIn, hostPermutation, keyOf } from '../core/threefry.ts';
import { DataError } from './dataset.ts';
import { requirePositive } from './epochs.ts';

/** Examples by position: an array, for one. */
export interface ExampleSource<T> {
  readonly length: number;
  get(position: number): T;
}

/**
 * Examples that can be asked for by position, in any order, each computed when it is asked for. What its methods give are views:
 * nothing is copied or computed before.
 */
export class Examples<T> implements ExampleSource<T>, Iterable<T> {
  readonly length: number;
  readonly #get: (position: number) => T;

  constructor(length: number, get: (position: number) => T) {
    this.length = length;
    this.#get = get;
  }

  /**
   * The example at a position.
   *
   * @throws DataError when there is none
   */
  get(position: number): T {
    if (!Number.isInteger(position) || position < 0 || position >= this.length)
      throw new DataError(`Examples: there is no example ${position} of ${this.length}`);
    return this.#get(position);
  }

  *[Symbol.iterator](): Generator<T> {
    for (let i = 0; i < this.length; i++) yield this.#get(i);
  }

  /** Each example changed by a function, whenever it is asked for. */
  map<U>(f: (example: T, position: number) => U): Examples<U> {
    return new Examples(this.length, (i) => f(this.#get(i), i));
  }

  /** Those that a function is true for; looks at all of them once, now. */
  filter(isWanted: (example: T, position: number) => boolean): Examples<T> {
    const kept: number[] = [];
    for (let i = 0; i < this.length; i++) if (isWanted(this.#get(i), i)) kept.push(i);
    return this.subset(kept);
  }

  /**
   * Those at these positions, in this order.
   *
   * @throws DataError when one does not exist
   */
  subset(positions: ArrayLike<number>): Examples<T> {
    const list = Array.from(positions);
    const wrong = list.find((i) => !Number.isInteger(i) || i < 0 || i >= this.length);
    if (wrong !== undefined) throw new DataError(`Examples: there is no example ${wrong} of ${this.length}`);
    return new Examples(list.length, (i) => this.#get(list[i]));
  }

  /** Examples `start` (inclusive) to `end` (exclusive), as Array.slice counts them. */
  slice(start: number, end: number = this.length): Examples<T> {
    const clip = (at: number): number => Math.max(0, Math.min(this.length, at < 0 ? at + this.length : at));
    const [first, last] = [clip(start), clip(end)];
    return new Examples(Math.max(0, last - first), (i) => this.#get(first + i));
  }

  /** The first `count` examples, or all if there are fewer. */
  take(count: number): Examples<T> {
    return this.slice(0, Math.max(0, count));
  }

  /** All but the first `count` examples. */
  skip(count: number): Examples<T> {
    return this.slice(Math.max(0, count));
  }

  /** All of them, `times` times over. */
  repeat(times: number): Examples<T> {
    requirePositive('repeat', 'times', times);
    return new Examples(this.length * times, (i) => this.#get(i % this.length));
  }

  /** These, then others. */
  concat(...others: readonly ExampleSource<T>[]): Examples<T> {
    const parts: ExampleSource<T>[] = [this, ...others];
    return new Examples(
      parts.reduce((sum, part) => sum + part.length, 0),
      (i) => {
        let part = 0;
        while (i >= parts[part].length) i -= parts[part++].length;
        return parts[part].get(i);
      },
    );
  }

  /** In a random order that is a function of the seed. */
  shuffle(seed = 0): Examples<T> {
    return this.subset(hostPermutation(foldIn(keyOf(seed), 0), this.length));
  }

  /** Groups of `size` neighbours; the last one may be smaller. */
  batch(size: number): Examples<T[]> {
    requirePositive('batch', 'size', size);
    return new Examples(Math.ceil(this.length / size), (i) =>
      Array.from({ length: Math.min(size, this.length - i * size) }, (_, k) => this.#get(i * size + k)),
    );
  }

  /** Parts by {@link splitPositions}. */
  split(fractions: readonly number[], options: SplitOptions = {}): Examples<T>[] {
    return splitPositions(this.length, fractions, options).map((part) => this.subset(part));
  }
}

/** {@link Examples} of an array, or of anything that has a length and `get`. */
export const examples = <T>(source: readonly T[] | ExampleSource<T>): Examples<T> =>
  'get' in source
    ? new Examples(source.length, (i) => source.get(i))
    : new Examples(source.length, (i) => source[i]);

/** Options of {@link splitPositions} and {@link kFolds}. */
export interface SplitOptions {
  /** Shuffles before. Default true. */
  readonly shuffle?: boolean;
  /** Of the shuffling. Default 0. */
  readonly seed?: number;
}

function shuffledPositions(count: number, { shuffle = true, seed = 0 }: SplitOptions): Int32Array {
  if (!Number.isInteger(count) || count < 1)
    throw new DataError(`there are ${count} examples, nothing that can be split`);
  return shuffle
    ? hostPermutation(foldIn(keyOf(seed), 0), count)
    : Int32Array.from({ length: count }, (_, i) => i);
}

/**
 * Deals positions out to parts of these fractions: `[0.6, 0.2, 0.2]` for training, validation and test. A part ends at the
 * rounded sum of the fractions up to it, so that all examples are in exactly one part if the fractions sum to 1.
 *
 * @throws DataError when fractions are not positive or sum to more than 1, or a part would be empty
 */
export function splitPositions(
  count: number,
  fractions: readonly number[] = [0.6, 0.2, 0.2],
  options: SplitOptions = {},
): Int32Array[] {
  const total = fractions.reduce((sum, fraction) => sum + fraction, 0);
  if (fractions.length === 0 || fractions.some((f) => !(f > 0)) || total > 1 + 1e-9)
    throw new DataError(
      `splitPositions: fractions must be positive and sum to at most 1, got [${fractions.join(', ')}]`,
    );
  const order = shuffledPositions(count, options);
  let [sum, start] = [0, 0];
  return fractions.map((fraction) => {
    sum += fraction;
    // Sums such as 0.6 + 0.2 are a little off.
    const end = Math.min(count, Math.round(count * sum + 1e-9));
    const part = order.subarray(start, end);
    if (part.length === 0)
      throw new DataError(
        `splitPositions: of ${count} examples a part of ${fraction} would have none; choose larger parts`,
      );
    start = end;
    return part;
  });
}

/** One turn of {@link kFolds}. */
export interface Fold {
  readonly train: Int32Array;
  readonly validation: Int32Array;
  readonly test: Int32Array;
}

/**
 * The rotation of k folds: in turn i (from 0 on) the folds i to i + k - 3 are for training, the next one is for validation, the
 * one after it for test, counted modulo k. With 5 folds: 1-3, 4, 5; then 2-4, 5, 1; then 3-5, 1, 2; ... Every example is tested
 * exactly once. With `validation: false` the test fold alone is held out.
 *
 * @throws DataError when k is below 3 (2 without validation) or above the number of examples
 */
export function kFolds(
  count: number,
  k = 5,
  options: SplitOptions & { readonly validation?: boolean } = {},
): Fold[] {
  const { validation = true } = options;
  const least = validation ? 3 : 2;
  if (!Number.isInteger(k) || k < least || k > count)
    throw new DataError(`kFolds: k must be an integer from ${least} to the ${count} examples, got ${k}`);
  const order = shuffledPositions(count, options);
  const folds = Array.from({ length: k }, (_, i) =>
    order.subarray(Math.round((i * count) / k), Math.round(((i + 1) * count) / k)),
  );
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
