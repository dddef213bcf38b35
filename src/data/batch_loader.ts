import { checkOptions } from '../core/options.ts';
import type { BatchSampler } from './buckets.ts';
import { DataError } from './dataset.ts';
import { batchesIn, cut, EpochLoader, requirePositive } from './epochs.ts';
import type { ExampleSource } from './examples.ts';
import { type Sampler, sequentialSampler, shuffledSampler } from './samplers.ts';

/** How batches are put together. */
export interface PlanOptions {
  /** Examples per batch. Default 32. */
  readonly batchSize?: number;
  /** Another random order in each epoch. Default false: the dataset's own order. */
  readonly shuffle?: boolean;
  /** Of the orders: order number e is a function of the seed and of e alone. Default 0. */
  readonly seed?: number;
  /** Leaves out a last batch that is not full. Default false. */
  readonly dropLast?: boolean;
  /** Chooses and orders the examples of an epoch, such as `weightedSampler(weights)`; instead of `shuffle`. */
  readonly sampler?: Sampler;
  /** Chooses the examples of each batch, such as `bucketSampler(lengths)`; instead of all of the above. */
  readonly batchSampler?: BatchSampler;
}

/** Names of {@link PlanOptions}. */
export const planOptions = ['batchSize', 'shuffle', 'seed', 'dropLast', 'sampler', 'batchSampler'] as const;

/** Which examples are in which batch, by the options of a loader. */
export interface Plan extends BatchSampler {
  readonly batchSize: number;
  /** Positions in the order of an epoch. */
  order(epoch: number): Int32Array;
}

/**
 * Reads the options that say what batches consist of.
 *
 * @throws Error when they contradict each other, DataError when there is no batch
 */
export function planOf(name: string, data: string, count: number, options: PlanOptions): Plan {
  const { batchSize = 32, shuffle = false, seed = 0, dropLast = false, batchSampler } = options;
  requirePositive(name, 'batchSize', batchSize);
  const conflicts = (main: keyof PlanOptions, others: readonly (keyof PlanOptions)[]): void => {
    const both = others.filter((other) => options[other] !== undefined);
    if (options[main] !== undefined && both.length > 0)
      throw new Error(`${name}: ${main} decides that itself; leave out ${both.join(', ')}`);
  };
  conflicts('sampler', ['shuffle']);
  conflicts('batchSampler', ['batchSize', 'shuffle', 'dropLast', 'sampler']);
  if (count === 0) throw new DataError(`${name}: ${data} has no examples`);
  if (batchSampler !== undefined)
    return {
      batchSize,
      length: batchSampler.length,
      batches: (epoch) => batchSampler.batches(epoch),
      order: (epoch) => Int32Array.from(batchSampler.batches(epoch).flatMap((batch) => [...batch])),
    };
  const sampler = options.sampler ?? (shuffle ? shuffledSampler(count, { seed }) : sequentialSampler(count));
  if (dropLast && sampler.length < batchSize)
    throw new DataError(
      `${name}: ${data} has ${sampler.length} examples, so with dropLast there is no batch of ${batchSize}`,
    );
  return {
    batchSize,
    length: batchesIn(sampler.length, batchSize, dropLast),
    batches: (epoch) => cut(sampler.order(epoch), batchSize, dropLast),
    order: (epoch) => sampler.order(epoch),
  };
}

/** Options of {@link batchLoader}. */
export interface BatchLoaderOptions<T, B> extends PlanOptions {
  /** Makes a batch of examples: `(list) => [stackExamples(list.map((e) => e.x)), stackExamples(list.map((e) => e.y), 'int32')]`. */
  readonly collate: (examples: T[]) => B;
}

/** Batches of {@link Examples}, as often as it is iterated: each iteration is an epoch. */
export class BatchLoader<T, B> extends EpochLoader<B> {
  readonly examples: ExampleSource<T>;
  readonly #plan: Plan;
  readonly #collate: (examples: T[]) => B;

  /**
   * @throws DataError if there are no examples
   * @throws Error if an option is unknown, missing or out of range
   */
  constructor(examples: ExampleSource<T>, options: BatchLoaderOptions<T, B>) {
    super();
    checkOptions('batchLoader', options, [...planOptions, 'collate']);
    if (typeof options.collate !== 'function')
      throw new TypeError('batchLoader: collate must be a function that makes a batch of a list of examples');
    this.examples = examples;
    this.#collate = options.collate;
    this.#plan = planOf('batchLoader', 'the source', examples.length, options);
  }

  override get length(): number {
    return this.#plan.length;
  }

  override plan(epoch: number): readonly Int32Array[] {
    return this.#plan.batches(epoch);
  }

  protected override *produce(plan: readonly Int32Array[]): Generator<B> {
    for (const positions of plan) yield this.#collate(Array.from(positions, (i) => this.examples.get(i)));
  }
}

/** {@link BatchLoader} without `new`. */
export const batchLoader = <T, B>(
  examples: ExampleSource<T>,
  options: BatchLoaderOptions<T, B>,
): BatchLoader<T, B> => new BatchLoader(examples, options);
