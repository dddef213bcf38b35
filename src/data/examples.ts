import { foldIn, hostPermutation, keyOf } from '../core/threefry.ts';
import { DataError } from './dataset.ts';
import { requirePositive } from './epochs.ts';
import { type SplitOptions, splitPositions } from './splits.ts';

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
