import { isFloat } from '../graph/dtype.ts';
import { ArrayBase } from './array_base.ts';
import { IndexableArray } from './array_indexing.ts';
import { bincountOf, edgesOf, histogramOf } from './counting.ts';
import { meet } from './operands.ts';
import { checkOptions } from './options.ts';
import { digitizeOf, isinOf, searchSortedOf } from './searching.ts';
import type { SizedOptions } from './selecting.ts';
import { type UniqueNodes, uniqueOf, uniqueRuns, uniqueSized } from './sets.ts';
import { argsortOf, checkPlace, firstInOrder, sortOf } from './sorting.ts';
import type { Tensor } from './tensor.ts';
import { squeezeOf } from './views.ts';

/** Options of sorting. */
export interface SortOptions {
  /** Largest first; what is equal keeps its order all the same. */
  descending?: boolean;
  /** Sorting is always stable; the option is there for programs that ask for it. */
  stable?: boolean;
}

/** Values in some order, and where they were. */
export interface Ordered {
  values: Tensor;
  /** int32 */
  indices: Tensor;
}

/** The different elements of an array. */
export type Unique = { [K in keyof UniqueNodes]: Tensor };

/** Options of `bincount`. */
export interface BincountOptions {
  /** What each number counts; else 1. */
  weights?: Tensor;
  /** The result's extent, which works inside of jit; larger numbers do not count. */
  length?: number;
  /** The least extent of the result. */
  minLength?: number;
}

/** Options of `histogram`. */
export interface HistogramOptions {
  /** The number of bins of one width (10), or the ascending edges. */
  bins?: number | Tensor;
  /** From where to where the bins go; from the smallest to the largest value by default. */
  range?: readonly [number, number];
  weights?: Tensor;
  /** Divides by the sum and by the widths: the integral is 1. */
  density?: boolean;
}

/** Orders, positions in sorted arrays, sets and counts. NaN counts as larger than everything. */
export abstract class SortableArray extends IndexableArray {
  /** The elements along an axis in ascending order, stable, NaN last (descending: first). */
  sort(axis = -1, options: SortOptions = {}): Tensor {
    checkOptions('sort', options, ['descending', 'stable']);
    return this.wrap(sortOf(this.node, axis, options.descending ?? false));
  }
  /** int32 permutation that sorts along an axis, ascending and stable, NaN last (descending: first). */
  argsort(axis = -1, options: SortOptions = {}): Tensor {
    checkOptions('argsort', options, ['descending', 'stable']);
    return this.wrap(argsortOf('argsort', this.node, axis, options.descending ?? false));
  }
  /** The `count` largest elements along an axis (or smallest), in order, and their int32 positions. Of equal ones the first come first. */
  topk(count: number, axis = -1, options: { largest?: boolean } = {}): Ordered {
    checkOptions('topk', options, ['largest']);
    const { values, indices } = firstInOrder('topk', this.node, count, axis, options.largest ?? true);
    return { values: this.wrap(values), indices: this.wrap(indices) };
  }
  /** The `k`-th smallest element along an axis, counted from 1, and its int32 position. */
  kthvalue(k: number, axis = -1, options: { keepDims?: boolean } = {}): Ordered {
    checkOptions('kthvalue', options, ['keepDims']);
    if (!Number.isInteger(k) || k < 1) throw new Error(`kthvalue: k is an integer from 1 on, got ${k}`);
    const found = firstInOrder('kthvalue', this.node, k, axis, false);
    const last = (x: Tensor): Tensor => {
      const kept = x.slice(
        ...x.shape.map((_, i) => (i === (axis + x.ndim) % x.ndim ? ([k - 1, k] as const) : null)),
      );
      return options.keepDims ? kept : this.wrap(squeezeOf(kept.node, axis));
    };
    return { values: last(this.wrap(found.values)), indices: last(this.wrap(found.indices)) };
  }
  /**
   * int32 positions at which `values` go into this array, ascending along its last axis, so that it stays sorted: before equal elements, with
   * `right` behind them. A vector serves values of any shape; rows [.., n] serve values [.., m].
   */
  searchsorted(values: Tensor | number, options: { right?: boolean } = {}): Tensor {
    checkOptions('searchsorted', options, ['right']);
    const [node] = typeof values === 'number' ? meet('searchsorted', [values]) : [values.node];
    return this.wrap(searchSortedOf('searchsorted', this.node, node, options.right ?? false));
  }
  /**
   * int32 number of the bin of each element: bins[i-1] <= x < bins[i], or with `right` bins[i-1] < x <= bins[i]; edges descend if the last is below the
   * first (NumPy).
   */
  digitize(bins: Tensor, options: { right?: boolean } = {}): Tensor {
    checkOptions('digitize', options, ['right']);
    return this.wrap(digitizeOf(this.node, bins.node, options.right ?? false));
  }
  /** int32 number of the bucket between ascending boundaries: b[i-1] < x <= b[i], or with `right` b[i-1] <= x < b[i] (PyTorch). */
  bucketize(boundaries: Tensor, options: { right?: boolean } = {}): Tensor {
    checkOptions('bucketize', options, ['right']);
    return this.wrap(searchSortedOf('bucketize', boundaries.node, this.node, options.right ?? false));
  }
  /** Whether each element is among those of `of`. */
  isin(of: Tensor, options: { invert?: boolean } = {}): Tensor {
    checkOptions('isin', options, ['invert']);
    const found = this.wrap(isinOf(this.node, of.node));
    return options.invert ? found.logicalNot() : found;
  }
  /**
   * The different elements, or slices along an axis, ascending; NaN once. Inside of jit, give a `size` (without an axis): what is left of it
   * is `fillValue`, or the smallest element.
   */
  unique(axis?: number, options: SizedOptions = {}): Tensor {
    checkOptions('unique', options, ['size', 'fillValue']);
    const { size, fillValue } = options;
    if (size === undefined) return this.wrap(uniqueOf('unique', this.node, axis, 'the option size').values);
    if (axis !== undefined) throw new Error('unique: a size is for the elements of all axes; give no axis');
    return this.wrap(uniqueSized(this.node, size, fillValue));
  }
  /** As unique, with the first position of each, the inverse (`values.take(inverse)` is the array) and how often each occurs. */
  uniqueAll(axis?: number): Unique {
    const { values, indices, inverse, counts } = uniqueOf('uniqueAll', this.node, axis);
    return {
      values: this.wrap(values),
      indices: this.wrap(indices),
      inverse: this.wrap(inverse),
      counts: this.wrap(counts),
    };
  }
  /** Of the flattened array, the first element of each run of equal ones, the run of each element, and the lengths. Not inside of jit. */
  uniqueConsecutive(): Omit<Unique, 'indices'> {
    const { values, inverse, counts } = uniqueRuns(this.node);
    return { values: this.wrap(values), inverse: this.wrap(inverse), counts: this.wrap(counts) };
  }
  /**
   * Element `kth` of the sorted axis in its place, nothing larger before it and nothing smaller behind it (NumPy). What that leaves open is
   * ascending here: the axis is sorted.
   */
  partition(kth: number, axis = -1): Tensor {
    checkPlace('partition', this.node, kth, axis);
    return this.sort(axis);
  }
  /** int32 positions that partition an axis; see partition. */
  argpartition(kth: number, axis = -1): Tensor {
    checkPlace('argpartition', this.node, kth, axis);
    return this.argsort(axis);
  }
  /** How often each number 0, 1, .. occurs in an array of integers, or the sum of its weights. Inside of jit, give `length`. */
  bincount(options: BincountOptions = {}): Tensor {
    checkOptions('bincount', options, ['weights', 'length', 'minLength']);
    const { weights, length, minLength = 0 } = options;
    return this.wrap(bincountOf(this.node, weights?.node ?? null, length, minLength));
  }
  /**
   * How many elements (int32), or the sum of their weights, lie in each bin, and the edges. Bins include their lower edge, the last one its
   * upper edge too. Elements outside do not count.
   */
  histogram(options: HistogramOptions = {}): { counts: Tensor; edges: Tensor } {
    checkOptions('histogram', options, ['bins', 'range', 'weights', 'density']);
    const { bins = 10, range, weights, density = false } = options;
    const edges = bins instanceof ArrayBase ? bins : this.wrap(edgesOf(this.node, bins as number, range));
    const counts = this.wrap(histogramOf(this.node, edges.node, weights?.node ?? null));
    if (!density) return { counts, edges };
    const bounds = isFloat(edges.dtype) ? edges : edges.cast('float32');
    const widths = bounds.slice([1, null]).sub(bounds.slice([0, -1]));
    const found = isFloat(counts.dtype) ? counts : counts.cast(widths.dtype);
    return { counts: found.div(found.sum()).div(widths), edges };
  }
}
