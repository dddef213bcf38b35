import { jit } from '../core/jit.ts';
import { checkOptions } from '../core/options.ts';
import { fromData, type Tensor } from '../core/tensor.ts';
import { foldIn, type HostKey, keyOf } from '../core/threefry.ts';
import type { Augmentation } from './augment.ts';
import { type Plan, type PlanOptions, planOf, planOptions } from './batch_loader.ts';
import type { Dataset } from './dataset.ts';
import { EpochLoader } from './epochs.ts';

/** Images and their labels: x float32 [batch, height, width, channels], y int32 [batch]. */
export type Batch = [x: Tensor, y: Tensor];

/** How {@link loader} makes batches. */
export interface LoaderOptions extends PlanOptions {
  /** Subtracted from pixels, which are first scaled to 0..1; one number, or one for each channel. Default 0. */
  readonly mean?: number | readonly number[];
  /** Then pixels are divided by it. Default 1. */
  readonly std?: number | readonly number[];
  /**
   * Changes each batch of images, such as `compose(randomHorizontalFlip(), randomCrop(32, { padding: 4 }))`, compiled; its key is a function of
   * seed, epoch and batch. Default: none.
   */
  readonly augment?: Augmentation;
}

/**
 * Batches of a dataset, as often as it is iterated: each iteration is an epoch. `for (const [x, y] of loader(train, { batchSize:
 * 128, shuffle: true }))`.
 */
export class Loader extends EpochLoader<Batch> {
  readonly dataset: Dataset;
  readonly batchSize: number;
  readonly #plan: Plan;
  readonly #augment: Augmentation | null;
  readonly #key: HostKey;
  /** What becomes of each of the 256 grey values, per channel. */
  readonly #values: Float32Array;

  /**
   * @throws DataError if the dataset is empty
   * @throws Error if an option is unknown or out of range
   */
  constructor(dataset: Dataset, options: LoaderOptions = {}) {
    super();
    checkOptions('loader', options, [...planOptions, 'mean', 'std', 'augment']);
    const { mean = 0, std = 1 } = options;
    this.#plan = planOf('loader', dataset.name, dataset.count, options);
    this.dataset = dataset;
    this.#augment = options.augment === undefined ? null : jit(options.augment);
    // No epoch has this number: orders come from other keys.
    this.#key = foldIn(keyOf(options.seed ?? 0), 0xffffffff);
    this.batchSize = this.#plan.batchSize;
    const channels = dataset.shape[2];
    const means = perChannel('mean', mean, channels);
    const deviations = perChannel('std', std, channels);
    if (deviations.some((s) => !(s > 0))) throw new Error(`loader: std must be positive, got ${std}`);
    this.#values = Float32Array.from({ length: 256 * channels }, (_, i) => {
      const channel = i % channels;
      return (Math.floor(i / channels) / 255 - means[channel]) / deviations[channel];
    });
  }

  override get length(): number {
    return this.#plan.length;
  }

  /** Positions in the dataset in the order of an epoch. */
  order(epoch: number): Int32Array {
    return this.#plan.order(epoch);
  }

  override plan(epoch: number): readonly Int32Array[] {
    return this.#plan.batches(epoch);
  }

  protected override *produce(plan: readonly Int32Array[], epoch: number, first: number): Generator<Batch> {
    const key = foldIn(this.#key, epoch);
    for (const [i, positions] of plan.entries()) {
      const [x, y] = this.#collect(positions);
      const own = new Uint32Array(foldIn(key, first + i));
      yield this.#augment === null ? [x, y] : [this.#augment(x, fromData(own, [2], 'uint32')), y];
    }
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
