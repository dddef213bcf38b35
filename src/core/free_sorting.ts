import type { BincountOptions, HistogramOptions, Ordered, SortOptions, Unique } from './array_sorting.ts';
import { united } from './operands.ts';
import type { SizedOptions } from './selecting.ts';
import { uniqueAmong, uniqueOf } from './sets.ts';
import { lexsortOf } from './sorting.ts';
import { Tensor } from './tensor.ts';
import { concatOf, flattenOf } from './views.ts';

/** Sorting, searching, sets and counts as functions. Those that say "see" are the methods of that name. */

export type { BincountOptions, HistogramOptions, Ordered, SortOptions, Unique } from './array_sorting.ts';

/** See `Tensor.sort`. */
export const sort = (x: Tensor, axis?: number, options?: SortOptions): Tensor => x.sort(axis, options);
/** See `Tensor.argsort`. */
export const argsort = (x: Tensor, axis?: number, options?: SortOptions): Tensor => x.argsort(axis, options);
/** See `Tensor.topk`. */
export const topk = (x: Tensor, count: number, axis?: number, options?: { largest?: boolean }): Ordered =>
  x.topk(count, axis, options);
/** See `Tensor.kthvalue`. */
export const kthvalue = (x: Tensor, k: number, axis?: number, options?: { keepDims?: boolean }): Ordered =>
  x.kthvalue(k, axis, options);
/** See `Tensor.searchsorted`. */
export const searchsorted = (
  sorted: Tensor,
  values: Tensor | number,
  options?: { right?: boolean },
): Tensor => sorted.searchsorted(values, options);
/** See `Tensor.digitize`. */
export const digitize = (x: Tensor, bins: Tensor, options?: { right?: boolean }): Tensor =>
  x.digitize(bins, options);
/** See `Tensor.bucketize`. */
export const bucketize = (x: Tensor, boundaries: Tensor, options?: { right?: boolean }): Tensor =>
  x.bucketize(boundaries, options);
/** See `Tensor.isin`. */
export const isin = (x: Tensor, of: Tensor, options?: { invert?: boolean }): Tensor => x.isin(of, options);
/** See `Tensor.unique`. */
export const unique = (x: Tensor, axis?: number, options?: SizedOptions): Tensor => x.unique(axis, options);
/** See `Tensor.uniqueAll`. */
export const uniqueAll = (x: Tensor, axis?: number): Unique => x.uniqueAll(axis);
/** See `Tensor.uniqueConsecutive`. */
export const uniqueConsecutive = (x: Tensor): Omit<Unique, 'indices'> => x.uniqueConsecutive();
/** See `Tensor.partition`. */
export const partition = (x: Tensor, kth: number, axis?: number): Tensor => x.partition(kth, axis);
/** See `Tensor.argpartition`. */
export const argpartition = (x: Tensor, kth: number, axis?: number): Tensor => x.argpartition(kth, axis);
/** See `Tensor.bincount`. */
export const bincount = (x: Tensor, options?: BincountOptions): Tensor => x.bincount(options);
/** See `Tensor.histogram`. */
export const histogram = (x: Tensor, options?: HistogramOptions): { counts: Tensor; edges: Tensor } =>
  x.histogram(options);

/** int32 permutation that sorts along an axis by the last of the keys, what is equal there by the one before, and so on (NumPy). */
export const lexsort = (keys: readonly Tensor[], axis = -1): Tensor =>
  new Tensor(
    lexsortOf(
      keys.map((k) => k.node),
      axis,
    ),
  );

/** The sorted different elements that both arrays have. Not inside of jit. */
export function intersect1d(a: Tensor, b: Tensor): Tensor {
  const [x, y] = united([a.node, b.node]);
  return new Tensor(uniqueAmong('intersect1d', x, y, true));
}
/** The sorted different elements of `a` that `b` does not have. Not inside of jit. */
export function setdiff1d(a: Tensor, b: Tensor): Tensor {
  const [x, y] = united([a.node, b.node]);
  return new Tensor(uniqueAmong('setdiff1d', x, y, false));
}
/** The sorted different elements that either array has. Not inside of jit. */
export function union1d(a: Tensor, b: Tensor): Tensor {
  const both = united([a.node, b.node]).map((x) => flattenOf(x));
  return new Tensor(uniqueOf('union1d', concatOf(both, 0), undefined).values);
}
