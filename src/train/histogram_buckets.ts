import { Tensor } from '../core/tensor.ts';

/** Numbers as summaries take them. */
export type Numbers = Tensor | ArrayLike<number>;

/** Numbers in a row. An array that still has to be computed is computed. */
export const numbersOf = (values: Numbers): ArrayLike<number> =>
  values instanceof Tensor ? values.dataSync() : values;

/** How many values lie in each part of a range. */
export interface Histogram {
  /** Edges of the parts, one more than there are counts. */
  readonly edges: Float64Array;
  readonly counts: Float64Array;
  /** Values that are NaN or infinite; they are in no part. */
  readonly notFinite: number;
}

/**
 * Counts values in parts of equal width between the least and the largest; each part holds its left edge, the last one both. If all
 * values are equal, edges are, too, and the last part has all of them. Without values the counts are 0 from 0 to 0.
 *
 * @param buckets how many parts, default 30 as in TensorFlow
 * @throws RangeError if there is not at least one part
 */
export function histogramOf(values: Numbers, buckets = 30): Histogram {
  if (!Number.isInteger(buckets) || buckets < 1)
    throw new RangeError(`histogram: buckets must be a positive integer, got ${buckets}`);
  const data = numbersOf(values);
  let [least, most, finite] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0];
  for (let i = 0; i < data.length; i++) {
    const value = data[i];
    if (!Number.isFinite(value)) continue;
    finite++;
    if (value < least) least = value;
    if (value > most) most = value;
  }
  if (finite === 0) [least, most] = [0, 0];
  // Divided first, as the whole range may be more than the largest number.
  const width = most / buckets - least / buckets;
  const edges = Float64Array.from({ length: buckets + 1 }, (_, i) =>
    i === buckets ? most : least + width * i,
  );
  const counts = new Float64Array(buckets);
  for (let i = 0; i < data.length; i++) {
    const value = data[i];
    if (!Number.isFinite(value)) continue;
    const place = width > 0 ? Math.floor((value - least) / width) : buckets - 1;
    counts[Math.min(buckets - 1, place)]++;
  }
  return { edges, counts, notFinite: data.length - finite };
}
