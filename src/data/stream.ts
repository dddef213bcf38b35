import { foldIn, keyOf } from '../core/threefry.ts';
import { Draws } from './draws.ts';
import { requirePositive } from './epochs.ts';

/** What can be streamed: an iterable, or a function that opens one anew for each epoch (a generator can be iterated only once). */
export type StreamSource<T> =
  | Iterable<T>
  | AsyncIterable<T>
  | ((epoch: number) => Iterable<T> | AsyncIterable<T>);

/** Where a stream stands: plain JSON. */
export interface StreamState {
  readonly epoch: number;
  /** Items of that epoch that have been given out. */
  readonly count: number;
}

/**
 * Items that come one after the other, from disk or from anywhere, without being in memory together. Each iteration is an epoch.
 * Everything random is a function of seeds and of the epoch's number; with a source that gives the same items in the same order,
 * `restore` on a new stream goes on exactly where `state()` was: the items before are made again and passed over.
 */
export class Stream<T> implements AsyncIterable<T> {
  #epoch = 0;
  readonly #open: (epoch: number) => Iterable<T> | AsyncIterable<T>;
  #skip = 0;
  #position: StreamState = { epoch: 0, count: 0 };

  constructor(source: StreamSource<T>) {
    this.#open = typeof source === 'function' ? source : () => source;
  }

  /** The number of the next epoch; setting another one begins at its beginning. */
  get epoch(): number {
    return this.#epoch;
  }

  set epoch(epoch: number) {
    // Told the epoch that it stands in anyway, as fit does, a restored stream keeps its place in it.
    if (epoch === this.#epoch) return;
    this.#epoch = epoch;
    this.#skip = 0;
    this.#position = { epoch, count: 0 };
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T> {
    const [epoch, skip] = [this.#epoch++, this.#skip];
    this.#skip = 0;
    let count = 0;
    this.#position = { epoch, count: skip };
    for await (const item of this.#open(epoch)) {
      if (count++ < skip) continue;
      this.#position = { epoch, count };
      yield item;
    }
    this.#position = { epoch: epoch + 1, count: 0 };
  }

  /** The place after the last item given out. */
  state(): StreamState {
    return this.#position;
  }

  /** Lets the next iteration begin at a place. */
  restore({ epoch, count }: StreamState): void {
    if (![epoch, count].every((n) => Number.isSafeInteger(n) && n >= 0))
      throw new RangeError(`restore: epoch ${epoch} and count ${count} are no place in a stream`);
    this.#epoch = epoch;
    this.#skip = count;
    this.#position = { epoch, count };
  }

  #then<U>(items: (source: Iterable<T> | AsyncIterable<T>, epoch: number) => AsyncIterable<U>): Stream<U> {
    return new Stream((epoch) => items(this.#open(epoch), epoch));
  }

  /** Each item changed by a function, which may be async. */
  map<U>(f: (item: T, position: number) => U | Promise<U>): Stream<U> {
    return this.#then(async function* (source) {
      let position = 0;
      for await (const item of source) yield await f(item, position++);
    });
  }

  /** The items that a function, which may be async, is true for. */
  filter(isWanted: (item: T) => boolean | Promise<boolean>): Stream<T> {
    return this.#then(async function* (source) {
      for await (const item of source) if (await isWanted(item)) yield item;
    });
  }

  /** The first `count` items. */
  take(count: number): Stream<T> {
    return this.#then(async function* (source) {
      let left = count;
      if (left <= 0) return;
      for await (const item of source) {
        yield item;
        if (--left <= 0) return;
      }
    });
  }

  /** All but the first `count` items. */
  skip(count: number): Stream<T> {
    return this.#then(async function* (source) {
      let left = count;
      for await (const item of source) if (left-- <= 0) yield item;
    });
  }

  /** Lists of `size` items, the last one shorter unless it is dropped. */
  batch(size: number, { dropLast = false }: { readonly dropLast?: boolean } = {}): Stream<T[]> {
    requirePositive('batch', 'size', size);
    return this.#then(async function* (source) {
      let batch: T[] = [];
      for await (const item of source) {
        batch.push(item);
        if (batch.length < size) continue;
        yield batch;
        batch = [];
      }
      if (batch.length > 0 && !dropLast) yield batch;
    });
  }

  /** `times` passes as one; each is an epoch of the source (default: without end). */
  repeat(times = Infinity): Stream<T> {
    if (times !== Infinity) requirePositive('repeat', 'times', times);
    const open = this.#open;
    return new Stream(async function* (epoch) {
      for (let pass = 0; pass < times; pass++) {
        let any = false;
        // An epoch of an endless stream has no end, so there is only one.
        for await (const item of open(times === Infinity ? pass : epoch * times + pass)) {
          any = true;
          yield item;
        }
        if (!any) return;
      }
    });
  }

  /** These items, then those of others. */
  concat(...others: readonly StreamSource<T>[]): Stream<T> {
    const parts = [this.#open, ...others.map((other) => Stream.#opener(other))];
    return new Stream(async function* (epoch) {
      for (const open of parts) yield* open(epoch);
    });
  }

  static #opener<T>(source: StreamSource<T>): (epoch: number) => Iterable<T> | AsyncIterable<T> {
    if (source instanceof Stream) return source.#open;
    return typeof source === 'function' ? source : () => source;
  }

  /**
   * Mixes items by a buffer: it is filled with `size` items, then each that comes takes the place of a random one, which is given
   * out. An item comes out at most `size` places early, and another order comes in each epoch.
   */
  shuffle(size: number, { seed = 0 }: { readonly seed?: number } = {}): Stream<T> {
    requirePositive('shuffle', 'size', size);
    const key = keyOf(seed);
    return this.#then(async function* (source, epoch) {
      const draws = new Draws(foldIn(key, epoch), 0);
      const buffer: T[] = [];
      for await (const item of source) {
        if (buffer.length < size) {
          buffer.push(item);
          continue;
        }
        const place = draws.below(size);
        const out = buffer[place];
        buffer[place] = item;
        yield out;
      }
      while (buffer.length > 0) {
        const place = draws.below(buffer.length);
        const out = buffer[place];
        buffer[place] = buffer[buffer.length - 1];
        buffer.pop();
        yield out;
      }
    });
  }

  /**
   * Asks for `ahead` items before they are needed, so that files are read and items made, as far as that is asynchronous, while the ones
   * before are worked on.
   */
  prefetch(ahead = 1): Stream<T> {
    requirePositive('prefetch', 'ahead', ahead);
    return this.#then(async function* (source) {
      const iterator =
        Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : source[Symbol.iterator]();
      const asked: Promise<IteratorResult<T>>[] = [];
      const ask = (): void => {
        const item = (async () => iterator.next())();
        // Whoever waits for it is told; nobody may.
        item.catch(() => {});
        asked.push(item);
      };
      try {
        ask();
        for (;;) {
          while (asked.length <= ahead) ask();
          const { done, value } = await (asked.shift() as Promise<IteratorResult<T>>);
          if (done === true) return;
          yield value;
        }
      } finally {
        await Promise.allSettled(asked);
        await iterator.return?.();
      }
    });
  }

  /** All items of an epoch, as an array. */
  async toArray(): Promise<T[]> {
    const items: T[] = [];
    for await (const item of this) items.push(item);
    return items;
  }
}

/** {@link Stream} without `new`. */
export const stream = <T>(source: StreamSource<T>): Stream<T> => new Stream(source);
