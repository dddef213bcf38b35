import { checkOptions } from '../core/options.ts';
import { fromData, type Tensor } from '../core/tensor.ts';
import { foldIn, hostPermutation, keyOf } from '../core/threefry.ts';
import { DataError, type Dataset } from './dataset.ts';

/** Images and their labels: x float32 [batch, height, width, channels], y int32 [batch]. */
export type Batch = [x: Tensor, y: Tensor];

/** How {@link loader} makes batches. */
export interface LoaderOptions {
  /** Examples per batch. Default 32. */
  readonly batchSize?: number;
  /** Another random order in each epoch. Default false: the dataset's own order. */
  readonly shuffle?: boolean;
  /** Of the orders: order number e is a function of the seed and of e alone. Default 0. */
  readonly seed?: number;
  /** Leaves out a last batch that is not full. Default false. */
  readonly dropLast?: boolean;
  /** Subtracted from pixels, which are first scaled to 0..1; one number, or one for each channel. Default 0. */
  readonly mean?: number | readonly number[];
  /** Then pixels are divided by it. Default 1. */
  readonly std?: number | readonly number[];
}

/**
 * Batches of a dataset, as often as it is iterated: each iteration is an epoch. `for (const [x, y] of loader(train, { batchSize:
 * 128, shuffle: true }))`.
 */
export class Loader implements Iterable<Batch> {
  readonly dataset: Dataset;
  readonly batchSize: number;
  /** The number of the next epoch, from 0 on; set it to go on with an interrupted run. */
  epoch = 0;
  readonly #shuffle: boolean;
  readonly #key: readonly [number, number];
  readonly #dropLast: boolean;
  /** What becomes of each of the 256 grey values, per channel. */
  readonly #values: Float32Array;

  /**
   * @throws DataError if the dataset is empty
   * @throws Error if an option is unknown or out of range
   */
  constructor(dataset: Dataset, options: LoaderOptions = {}) {
    checkOptions('loader', options, ['batchSize', 'shuffle', 'seed', 'dropLast', 'mean', 'std']);
    const { batchSize = 32, shuffle = false, seed = 0, dropLast = false, mean = 0, std = 1 } = options;
    if (!Number.isInteger(batchSize) || batchSize < 1)
      throw new Error(`loader: batchSize must be a positive integer, got ${batchSize}`);
    if (dataset.count === 0) throw new DataError(`loader: ${dataset.name} has no examples`);
    if (dropLast && dataset.count < batchSize)
      throw new DataError(
        `loader: ${dataset.name} has ${dataset.count} examples, so with dropLast there is no batch of ${batchSize}`,
      );
    this.dataset = dataset;
    this.batchSize = batchSize;
    this.#shuffle = shuffle;
    this.#key = keyOf(seed);
    this.#dropLast = dropLast;
    const channels = dataset.shape[2];
    const means = perChannel('mean', mean, channels);
    const deviations = perChannel('std', std, channels);
    if (deviations.some((s) => !(s > 0))) throw new Error(`loader: std must be positive, got ${std}`);
    this.#values = Float32Array.from({ length: 256 * channels }, (_, i) => {
      const channel = i % channels;
      return (Math.floor(i / channels) / 255 - means[channel]) / deviations[channel];
    });
  }

  /** Number of batches in an epoch. */
  get length(): number {
    const batches = this.dataset.count / this.batchSize;
    return this.#dropLast ? Math.floor(batches) : Math.ceil(batches);
  }

  /** Positions in the dataset in the order of an epoch. */
  order(epoch: number): Int32Array {
    const { count } = this.dataset;
    return this.#shuffle
      ? hostPermutation(foldIn(this.#key, epoch), count)
      : Int32Array.from({ length: count }, (_, i) => i);
  }

  *[Symbol.iterator](): Generator<Batch> {
    const order = this.order(this.epoch++);
    for (let batch = 0; batch < this.length; batch++)
      yield this.#collect(order.subarray(batch * this.batchSize, (batch + 1) * this.batchSize));
  }

  #collect(positions: Int32Array): Batch {
    const { images, labels, shape } = this.dataset;
    const [height, width, channels] = shape;
    const size = height * width * channels;
    const values = this.#values;
    const x = new Float32Array(positions.length * size);
    const y = new Int32Array(positions.length);
    positions.forEach((position, i) => {
      y[i] = labels[position];
      const [from, to] = [position * size, i * size];
      if (channels === 1) for (let k = 0; k < size; k++) x[to + k] = values[images[from + k]];
      else for (let k = 0; k < size; k++) x[to + k] = values[images[from + k] * channels + (k % channels)];
    });
    return [fromData(x, [positions.length, ...shape], 'float32'), fromData(y, [positions.length], 'int32')];
  }
}

/** {@link Loader} without `new`. */
export const loader = (dataset: Dataset, options: LoaderOptions = {}): Loader => new Loader(dataset, options);

function perChannel(what: string, value: number | readonly number[], channels: number): readonly number[] {
  const list = typeof value === 'number' ? new Array<number>(channels).fill(value) : value;
  if (list.length !== channels || !list.every(Number.isFinite))
    throw new Error(
      `loader: ${what} must be a number, or one for each of the ${channels} channels, got ${JSON.stringify(value)}`,
    );
  return list;
}
