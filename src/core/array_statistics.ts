import { isFloat } from '../graph/dtype.ts';
import type { Axis } from './array_base.ts';
import { type ReduceOptions, ReducibleArray, type VarianceOptions } from './array_reductions.ts';
import { type CovarianceOptions, correlationOf, covarianceOf } from './covariance.ts';
import { axesOf, axisOf } from './operands.ts';
import { checkOptions } from './options.ts';
import { modeOf, type QuantileMethod, quantileOf } from './quantiles.ts';
import { safeRoot } from './reductions.ts';
import type { Tensor } from './tensor.ts';
import * as views from './views.ts';

/** Options of quantiles and medians. */
export interface QuantileOptions extends ReduceOptions {
  /** What stands for a quantile between two elements. Default 'linear'. */
  method?: QuantileMethod;
}

/** Statistics: quantiles, covariances, and reductions that leave NaN out. */
export abstract class StatisticalArray extends ReducibleArray {
  /** The elements, with `value` in the place of NaN. */
  protected numbersOr(value: number): Tensor {
    return isFloat(this.dtype) ? this.self.where(this.eq(this.self), value) : this.self;
  }
  /** Sum over axes with NaN counted as 0. */
  nansum(axis?: Axis, options?: ReduceOptions): Tensor {
    return this.numbersOr(0).sum(axis, options);
  }
  /** Product over axes with NaN counted as 1. */
  nanprod(axis?: Axis, options?: ReduceOptions): Tensor {
    return this.numbersOr(1).prod(axis, options);
  }
  /** Mean of the elements that are not NaN; NaN where there are none. */
  nanmean(axis?: Axis, options?: ReduceOptions): Tensor {
    return this.nansum(axis, options).div(this.eq(this.self).sum(axis, options));
  }
  #nanExtreme(kind: 'max' | 'min', axis: Axis | undefined, options?: ReduceOptions): Tensor {
    if (!isFloat(this.dtype)) return this[kind](axis, options);
    const extreme = this.numbersOr(kind === 'max' ? -Infinity : Infinity)[kind](axis, options);
    return extreme.where(this.eq(this.self).any(axis, options), NaN);
  }
  /** Largest of the elements that are not NaN; NaN where there are none. */
  nanmax(axis?: Axis, options?: ReduceOptions): Tensor {
    return this.#nanExtreme('max', axis, options);
  }
  /** Smallest of the elements that are not NaN; NaN where there are none. */
  nanmin(axis?: Axis, options?: ReduceOptions): Tensor {
    return this.#nanExtreme('min', axis, options);
  }
  #nanWinner(kind: 'max' | 'min', axis: Axis | undefined, options?: ReduceOptions): Tensor {
    if (!isFloat(this.dtype)) return this[`arg${kind}`](axis, options);
    // The first of those that equal the extreme: an infinity in the place of NaN could come before an infinite element.
    const extreme = this.#nanExtreme(kind, axis, { keepDims: true });
    return this.eq(extreme).argmax(axis, options);
  }
  /** int32 index of the first largest of the elements that are not NaN; 0 where there are none (NumPy raises). */
  nanargmax(axis?: Axis, options?: ReduceOptions): Tensor {
    return this.#nanWinner('max', axis, options);
  }
  /** int32 index of the first smallest of the elements that are not NaN; 0 where there are none (NumPy raises). */
  nanargmin(axis?: Axis, options?: ReduceOptions): Tensor {
    return this.#nanWinner('min', axis, options);
  }
  /** Variance of the elements that are not NaN; NaN where there are no more than `correction` (default 0). */
  nanvar(axis?: Axis, options: VarianceOptions = {}): Tensor {
    checkOptions('nanvar', options, ['keepDims', 'correction']);
    const { keepDims = false, correction = 0 } = options;
    const known = this.eq(this.self);
    const axes = axesOf('nanvar', axis, this.ndim);
    const deviation = this.sub(this.nanmean(axes, { keepDims: true })).where(known, 0);
    const count = known.sum(axes, { keepDims }).sub(correction);
    return deviation
      .square()
      .sum(axes, { keepDims })
      .div(count.cast('float32').where(count.gt(0), NaN));
  }
  /** Standard deviation of the elements that are not NaN: the square root of `nanvar`. */
  nanstd(axis?: Axis, options: VarianceOptions = {}): Tensor {
    return this.wrap(safeRoot(this.nanvar(axis, options).node));
  }
  /**
   * The value below which a share `q` of the elements lies, of the sorted elements that at position `q (n - 1)`; one for each of several
   * `q`, along a new first axis. NaN where an element is NaN. As NumPy's and PyTorch's quantile.
   *
   * @throws if q is not within 0..1, or an axis is empty
   */
  quantile(q: number | readonly number[], axis?: Axis, options: QuantileOptions = {}): Tensor {
    checkOptions('quantile', options, ['keepDims', 'method']);
    return this.wrap(quantileOf('quantile', this.node, q, axesOf('quantile', axis, this.ndim), options));
  }
  /** `quantile` of the elements that are not NaN; NaN where there are none. */
  nanquantile(q: number | readonly number[], axis?: Axis, options: QuantileOptions = {}): Tensor {
    checkOptions('nanquantile', options, ['keepDims', 'method']);
    const axes = axesOf('nanquantile', axis, this.ndim);
    return this.wrap(quantileOf('nanquantile', this.node, q, axes, { ...options, skipsNaN: true }));
  }
  /** `quantile` in percent. */
  percentile(p: number | readonly number[], axis?: Axis, options: QuantileOptions = {}): Tensor {
    return this.quantile(typeof p === 'number' ? p / 100 : p.map((x) => x / 100), axis, options);
  }
  /** `nanquantile` in percent. */
  nanpercentile(p: number | readonly number[], axis?: Axis, options: QuantileOptions = {}): Tensor {
    return this.nanquantile(typeof p === 'number' ? p / 100 : p.map((x) => x / 100), axis, options);
  }
  /** The middle one of the sorted elements, the mean of two where there are two, as NumPy's (PyTorch's is the lower one). */
  median(axis?: Axis, options: ReduceOptions = {}): Tensor {
    checkOptions('median', options, ['keepDims']);
    const axes = axesOf('median', axis, this.ndim);
    return this.wrap(
      quantileOf('median', this.node, 0.5, axes, { keepDims: options.keepDims, method: 'midpoint' }),
    );
  }
  /** `median` of the elements that are not NaN; NaN where there are none. */
  nanmedian(axis?: Axis, options: ReduceOptions = {}): Tensor {
    checkOptions('nanmedian', options, ['keepDims']);
    const axes = axesOf('nanmedian', axis, this.ndim);
    const { keepDims } = options;
    return this.wrap(
      quantileOf('nanmedian', this.node, 0.5, axes, { keepDims, method: 'midpoint', skipsNaN: true }),
    );
  }
  /** The most frequent element along an axis, the smallest of several. */
  mode(axis = -1, options: ReduceOptions = {}): Tensor {
    checkOptions('mode', options, ['keepDims']);
    const a = axisOf('mode', axis, this.ndim);
    const result = this.wrap(modeOf(this.node, a));
    return options.keepDims ? this.wrap(views.unsqueezeOf(result.node, a)) : result;
  }
  /**
   * Covariances of variables, the rows of a matrix [variables, observations]: `(x - mean) (x - mean)' / (n - correction)`. A vector is one
   * variable. See NumPy's and PyTorch's cov.
   */
  cov(options: CovarianceOptions = {}): Tensor {
    checkOptions('cov', options, ['rowVar', 'correction', 'fweights', 'aweights']);
    return this.wrap(covarianceOf(this.node, options));
  }
  /** Pearson's correlations of the rows of a matrix [variables, observations]: covariances over the standard deviations of both. */
  corrcoef(options: Pick<CovarianceOptions, 'rowVar'> = {}): Tensor {
    checkOptions('corrcoef', options, ['rowVar']);
    return this.wrap(correlationOf(covarianceOf(this.node, options)));
  }
}
