import { checkOptions } from '../core/options.ts';
import type { Tensor } from '../core/tensor.ts';
import { foldIn, type HostKey, keyOf } from '../core/threefry.ts';
import type { Augmentation } from './augment.ts';
import { type Plan, type PlanOptions, planOf, planOptions } from './batch_loader.ts';
import type { Dataset } from './dataset.ts';
import { EpochLoader } from './epochs.ts';
import { ImageBatches } from './image_batches.ts';
import { processorsHere } from './worker_pool.ts';

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
   * seed, epoch and batch. Default: none. What it begins with of crops, flips and bilinear affine maps that read zeros outside is done
   * to bytes, together with scaling, and up to rounding gives the same.
   */
  readonly augment?: Augmentation;
  /**
   * Threads, 0 to 16, that scale and move pixels ahead of the training; they never change the result. Default 1 where there is more than
   * one processor and an epoch has more than a megabyte, otherwise 0.
   */
  readonly workers?: number;
}

/**
 * Batches of a dataset, as often as it is iterated: each iteration is an epoch. `for (const [x, y] of loader(train, { batchSize:
 * 128, shuffle: true }))`. Who calls `x.dispose()` after the step, as `fit` does, spares copies: the next batch takes its place.
 */
export class Loader extends EpochLoader<Batch> {
  readonly dataset: Dataset;
  readonly batchSize: number;
  readonly #plan: Plan;
  readonly #key: HostKey;
  readonly #images: ImageBatches;

  /**
   * @throws DataError if the dataset is empty
   * @throws Error if an option is unknown or out of range
   */
  constructor(dataset: Dataset, options: LoaderOptions = {}) {
    super();
    if (!(dataset?.images instanceof Uint8Array))
      throw new TypeError(
        `loader: takes images with labels, such as digits() and mnist() make, got ${typeof dataset}; batchLoader() takes other examples`,
      );
    checkOptions('loader', options, [...planOptions, 'mean', 'std', 'augment', 'workers']);
    const { mean = 0, std = 1 } = options;
    this.#plan = planOf('loader', dataset.name, dataset.count, options);
    this.dataset = dataset;
    // No epoch has this number: orders come from other keys.
    this.#key = foldIn(keyOf(options.seed ?? 0), 0xffffffff);
    this.batchSize = this.#plan.batchSize;
    const channels = dataset.shape[2];
    const means = perChannel('mean', mean, channels);
    const deviations = perChannel('std', std, channels);
    if (deviations.some((s) => !(s > 0))) throw new Error(`loader: std must be positive, got ${std}`);
    const values = Float32Array.from({ length: 256 * channels }, (_, i) => {
      const channel = i % channels;
      return (Math.floor(i / channels) / 255 - means[channel]) / deviations[channel];
    });
    const usual = processorsHere() > 1 && dataset.images.length > 2 ** 20 ? 1 : 0;
    const { workers = usual } = options;
    if (!Number.isInteger(workers) || workers < 0 || workers > 16)
      throw new RangeError(`loader: workers must be an integer from 0 to 16, got ${workers}`);
    this.#images = new ImageBatches(dataset, values, options.augment, workers);
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
    yield* this.#images.batches(plan, (i) => foldIn(key, first + i));
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
