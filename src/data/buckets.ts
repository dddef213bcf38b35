import { checkOptions } from '../core/options.ts';
import { foldIn, hostPermutation, keyOf } from '../core/threefry.ts';
import { DataError } from './dataset.ts';
import { batchesIn, cut, requirePositive } from './epochs.ts';

/** Says which examples each batch of an epoch has. */
export interface BatchSampler {
  /** Number of batches in an epoch. */
  readonly length: number;
  /** Positions in the dataset; a function of the epoch's number alone. */
  batches(epoch: number): readonly Int32Array[];
}

/** Options of {@link bucketSampler}. */
export interface BucketOptions {
  /** Examples per batch. Default 32. */
  readonly batchSize?: number;
  /** Number of buckets, whose boundaries are quantiles of the lengths. Default 4. */
  readonly buckets?: number;
  /** The largest length of each bucket, ascending; instead of `buckets`. */
  readonly boundaries?: readonly number[];
  /** Another random order, within the buckets and of the batches, in each epoch. Default false. */
  readonly shuffle?: boolean;
  /** Default 0. */
  readonly seed?: number;
  /** Leaves out the last batch of each bucket if it is not full. Default false. */
  readonly dropLast?: boolean;
}

/** Batches of examples of about equal length. */
export interface BucketSampler extends BatchSampler {
  /** The largest length of each bucket, ascending. */
  readonly boundaries: readonly number[];
  /** The boundary of the bucket that a length falls into: what its batch is to be padded to. */
  boundaryOf(length: number): number;
}

/**
 * Puts examples of about equal length into the same batches. If each batch is padded to the boundary of its bucket, as
 * `padSequences(sequences, { boundaries: sampler.boundaries })` does, a compiled step meets as many lengths as there are buckets,
 * and with `dropLast` as many shapes; otherwise up to twice as many, as the last batch of a bucket may be shorter.
 *
 * @param lengths of all examples
 * @throws DataError when there are none, one is longer than the last boundary, or no batch is full with dropLast
 */
export function bucketSampler(lengths: ArrayLike<number>, options: BucketOptions = {}): BucketSampler {
  checkOptions('bucketSampler', options, [
    'batchSize',
    'buckets',
    'boundaries',
    'shuffle',
    'seed',
    'dropLast',
  ]);
  const { batchSize = 32, buckets = 4, shuffle = false, seed = 0, dropLast = false } = options;
  requirePositive('bucketSampler', 'batchSize', batchSize);
  requirePositive('bucketSampler', 'buckets', buckets);
  const all = Array.from(lengths);
  if (all.length === 0) throw new DataError('bucketSampler: there are no lengths');
  const wrong = all.findIndex((n) => !Number.isInteger(n) || n < 0);
  if (wrong >= 0)
    throw new DataError(`bucketSampler: length ${wrong} is ${all[wrong]}, not a natural number`);
  const boundaries = options.boundaries === undefined ? quantiles(all, buckets) : [...options.boundaries];
  checkBoundaries('bucketSampler', boundaries);
  const groups: number[][] = boundaries.map(() => []);
  all.forEach((length, i) => {
    groups[bucketOf('bucketSampler', length, boundaries)].push(i);
  });
  const orders = groups.map((group) => Int32Array.from(group));
  const length = orders.reduce((sum, order) => sum + batchesIn(order.length, batchSize, dropLast), 0);
  if (length === 0)
    throw new DataError(`bucketSampler: with dropLast no bucket has a full batch of ${batchSize} examples`);
  const key = keyOf(seed);
  return {
    length,
    boundaries,
    boundaryOf: (n) => boundaries[bucketOf('bucketSampler', n, boundaries)],
    batches: (epoch) => {
      if (!shuffle) return orders.flatMap((order) => cut(order, batchSize, dropLast));
      const own = foldIn(key, epoch);
      const batches = orders.flatMap((order, bucket) => {
        const permutation = hostPermutation(foldIn(own, bucket + 1), order.length);
        return cut(
          permutation.map((i) => order[i]),
          batchSize,
          dropLast,
        );
      });
      return Array.from(hostPermutation(foldIn(own, 0), batches.length), (i) => batches[i]);
    },
  };
}

function quantiles(lengths: readonly number[], buckets: number): number[] {
  const sorted = [...lengths].sort((a, b) => a - b);
  const ends = Array.from(
    { length: buckets },
    (_, i) => sorted[Math.ceil(((i + 1) * sorted.length) / buckets) - 1] ?? 0,
  );
  return [...new Set(ends)];
}

/** @throws Error unless boundaries ascend */
export function checkBoundaries(name: string, boundaries: readonly number[]): void {
  if (
    boundaries.length === 0 ||
    boundaries.some((b, i) => !Number.isInteger(b) || b < 0 || (i > 0 && b <= boundaries[i - 1]))
  )
    throw new Error(`${name}: boundaries must be ascending natural numbers, got [${boundaries.join(', ')}]`);
}

/** The first bucket that a length fits into. */
export function bucketOf(name: string, length: number, boundaries: readonly number[]): number {
  const bucket = boundaries.findIndex((boundary) => length <= boundary);
  if (bucket < 0)
    throw new DataError(
      `${name}: an example of length ${length} is longer than the last boundary, ${boundaries.at(-1)}; shorten it or add a boundary`,
    );
  return bucket;
}
