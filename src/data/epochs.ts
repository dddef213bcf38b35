/** Where a loader stands: what {@link EpochLoader.state} gives is plain JSON. */
export interface LoaderState {
  /** Number of the epoch, from 0 on. */
  readonly epoch: number;
  /** Batches of that epoch that have been given out. */
  readonly batch: number;
}

/**
 * What loaders have in common: each iteration is an epoch, whose batches are a function of the seed and of the epoch's number
 * alone. `state()` between two batches and `restore(state)` on a new loader of the same data and options give exactly the
 * batches that were still to come.
 */
export abstract class EpochLoader<Batch> implements Iterable<Batch> {
  #epoch = 0;
  #start = 0;
  #position: LoaderState = { epoch: 0, batch: 0 };

  /** Positions in the dataset for each batch of an epoch. */
  abstract plan(epoch: number): readonly Int32Array[];

  /** Number of batches in an epoch. */
  abstract get length(): number;

  /** Makes the batches of these positions, in this order; the first of them is number `first` of the epoch. */
  protected abstract produce(plan: readonly Int32Array[], epoch: number, first: number): Iterable<Batch>;

  /** The number of the next epoch, from 0 on; set it to go on with an interrupted run. */
  get epoch(): number {
    return this.#epoch;
  }

  set epoch(epoch: number) {
    // Told the epoch that it stands in anyway, as fit does, a restored loader keeps its place in it.
    if (epoch !== this.#epoch) this.#start = 0;
    this.#epoch = epoch;
    this.#position = { epoch, batch: this.#start };
  }

  /** The place after the last batch given out. */
  state(): LoaderState {
    return this.#position;
  }

  /**
   * Lets the next iteration begin at a place, with the rest of that epoch.
   *
   * @throws RangeError when there is no such place
   */
  restore(state: LoaderState): void {
    const { epoch, batch } = state;
    if (
      !Number.isSafeInteger(epoch) ||
      epoch < 0 ||
      !Number.isInteger(batch) ||
      batch < 0 ||
      batch > this.length
    )
      throw new RangeError(
        `restore: ${JSON.stringify(state)} is no state of this loader; it has ${this.length} batches an epoch. Restore with the ` +
          'data and the options of the run that is to go on',
      );
    this.#epoch = batch === this.length ? epoch + 1 : epoch;
    this.#start = batch === this.length ? 0 : batch;
    this.#position = { epoch: this.#epoch, batch: this.#start };
  }

  *[Symbol.iterator](): Generator<Batch> {
    const [epoch, first] = [this.#epoch, this.#start];
    this.#epoch = epoch + 1;
    this.#start = 0;
    const plan = this.plan(epoch);
    let next = first;
    for (const batch of this.produce(plan.slice(first), epoch, first)) {
      next++;
      this.#position = next < plan.length ? { epoch, batch: next } : { epoch: epoch + 1, batch: 0 };
      yield batch;
    }
  }
}

/** Cuts an order into batches, the last one shorter unless it is dropped. */
export function cut(order: Int32Array, batchSize: number, dropLast: boolean): Int32Array[] {
  const batches: Int32Array[] = [];
  for (let start = 0; start < order.length; start += batchSize)
    if (!dropLast || start + batchSize <= order.length)
      batches.push(order.subarray(start, start + batchSize));
  return batches;
}

/** The number of batches that {@link cut} makes. */
export const batchesIn = (count: number, batchSize: number, dropLast: boolean): number =>
  dropLast ? Math.floor(count / batchSize) : Math.ceil(count / batchSize);

/** @throws Error unless the number is a positive integer */
export function requirePositive(name: string, option: string, value: number): void {
  if (!Number.isInteger(value) || value < 1)
    throw new Error(`${name}: ${option} must be a positive integer, got ${value}`);
}
