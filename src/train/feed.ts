import type { Tensor } from '../core/tensor.ts';
import type { Source } from './data_forms.ts';

/**
 * Batches of one epoch after the other. Usually an epoch is a pass over the data; with a number of batches per epoch the passes follow
 * each other without regard to epochs, so that endless data goes on where it was.
 */
export class Feed {
  readonly #source: Source;
  readonly #perEpoch: number | null;
  readonly #isKept: boolean;
  #iterator: Iterator<unknown> | AsyncIterator<unknown> | null = null;
  /** Number of the pass in progress. */
  #pass = 0;
  /** Batches that the pass has given. */
  #given = 0;
  /** Passes one after the other that gave none. */
  #empty = 0;
  #left = 0;
  /** Arrays of the last batch, where they are the feed's alone. */
  #last: readonly Tensor[] = [];

  /** @param isKept the batches are needed after the next one has been asked for */
  constructor(source: Source, perEpoch: number | null = null, isKept = false) {
    this.#source = source;
    this.#isKept = isKept;
    this.#perEpoch = perEpoch;
  }

  /**
   * Begins an epoch.
   *
   * @param epoch its number, which the data is told; null for whatever the data has next
   * @param batch how many of its batches are done already
   * @param isPlaced whether the data itself stands there; else they are made and dropped
   */
  async begin(epoch: number | null, batch: number, isPlaced: boolean): Promise<void> {
    const perEpoch = this.#perEpoch;
    const isFirst = this.#iterator === null;
    const isDone = batch > 0 && batch === (perEpoch ?? this.#source.length);
    this.#left = isDone ? 0 : (perEpoch ?? Infinity) - batch;
    if (perEpoch === null) {
      await this.close();
      if (isDone) return;
      this.#open(epoch);
    } else if (isFirst) this.#open(epoch === null ? null : isPlaced ? (this.#source.placed.epoch ?? 0) : 0);
    if (isPlaced || (perEpoch !== null && !isFirst)) return;
    const done = batch + (perEpoch === null ? 0 : (epoch ?? 0) * perEpoch);
    for (let i = 0; i < done; i++) if ((await this.#take()) === null) return;
  }

  /** The next batch; null at the end of the epoch. */
  async next(): Promise<unknown> {
    if (this.#left <= 0) return null;
    this.#left--;
    return this.#take();
  }

  async #take(): Promise<unknown> {
    // The loader can do without copies where the last batch is gone before the next one is asked for.
    for (const array of this.#last) array.dispose();
    this.#last = [];
    for (;;) {
      const iterator = this.#iterator;
      if (iterator === null) return null;
      const { done, value } = await iterator.next();
      if (done !== true) {
        this.#given++;
        if (this.#source.isFresh === true && !this.#isKept) this.#last = value as Tensor[];
        return value;
      }
      this.#empty = this.#given === 0 ? this.#empty + 1 : 0;
      this.#iterator = null;
      // Data that goes on where a pass ended gives nothing at first.
      if (this.#perEpoch === null || this.#empty > 1) return null;
      this.#open(this.#pass + 1);
    }
  }

  #open(pass: number | null): void {
    this.#pass = pass ?? 0;
    this.#given = 0;
    this.#iterator = this.#source.open(pass);
  }

  /** Ends the pass in progress: generators run their `finally`. */
  async close(): Promise<void> {
    const iterator = this.#iterator;
    this.#iterator = null;
    await iterator?.return?.();
  }
}
