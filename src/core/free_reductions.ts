import type { Axis } from './array_base.ts';
import type { AverageOptions, ReduceOptions, VarianceOptions } from './array_reductions.ts';
import type { DiffOptions, RunningOptions } from './array_running.ts';
import type { Ordered } from './array_sorting.ts';
import type { QuantileOptions } from './array_statistics.ts';
import type { CovarianceOptions } from './covariance.ts';
import type { GradientOptions, TrapezoidOptions } from './finite_differences.ts';
import type { Tensor } from './tensor.ts';

/** Reductions, statistics and running reductions as functions. Each is the method of its name, where its details are written down. */

export type { AverageOptions, VarianceOptions } from './array_reductions.ts';
export type { DiffOptions, RunningOptions } from './array_running.ts';
export type { QuantileOptions } from './array_statistics.ts';
export type { CovarianceOptions } from './covariance.ts';
export type { GradientOptions, TrapezoidOptions } from './finite_differences.ts';
export type { QuantileMethod } from './quantiles.ts';

/** Sum over axes. */
export const sum = (x: Tensor, axis?: Axis, options?: ReduceOptions): Tensor => x.sum(axis, options);
/** Product over axes. */
export const prod = (x: Tensor, axis?: Axis, options?: ReduceOptions): Tensor => x.prod(axis, options);
/** Largest element over axes. */
export const max = (x: Tensor, axis?: Axis, options?: ReduceOptions): Tensor => x.max(axis, options);
/** Smallest element over axes. */
export const min = (x: Tensor, axis?: Axis, options?: ReduceOptions): Tensor => x.min(axis, options);
/** Smallest and largest element over axes. */
export const aminmax = (x: Tensor, axis?: Axis, options?: ReduceOptions): [min: Tensor, max: Tensor] =>
  x.aminmax(axis, options);
/** Largest less smallest element over axes. */
export const ptp = (x: Tensor, axis?: Axis, options?: ReduceOptions): Tensor => x.ptp(axis, options);
/** Whether every element is other than 0. */
export const all = (x: Tensor, axis?: Axis, options?: ReduceOptions): Tensor => x.all(axis, options);
/** Whether any element is other than 0. */
export const any = (x: Tensor, axis?: Axis, options?: ReduceOptions): Tensor => x.any(axis, options);
/** How many elements are other than 0. */
export const countNonzero = (x: Tensor, axis?: Axis, options?: ReduceOptions): Tensor =>
  x.countNonzero(axis, options);
/** Arithmetic mean over axes. */
export const mean = (x: Tensor, axis?: Axis, options?: ReduceOptions): Tensor => x.mean(axis, options);
/** Standard deviation over axes. */
export const std = (x: Tensor, axis?: Axis, options?: VarianceOptions): Tensor => x.std(axis, options);
/** Variance and mean over axes. */
export const varMean = (
  x: Tensor,
  axis?: Axis,
  options?: VarianceOptions,
): [variance: Tensor, mean: Tensor] => x.varMean(axis, options);
/** Mean with weights. */
export const average = (x: Tensor, axis?: Axis, options?: AverageOptions): Tensor => x.average(axis, options);
/** Norm of vectors of any order. */
export const norm = (x: Tensor, ord?: number | 'fro', axis?: Axis, options?: ReduceOptions): Tensor =>
  x.norm(ord, axis, options);
/** log(sum(exp(x))) over axes. */
export const logsumexp = (x: Tensor, axis?: Axis, options?: ReduceOptions): Tensor =>
  x.logsumexp(axis, options);
/** exp(x) / sum(exp(x)) along an axis (the last). */
export const softmax = (x: Tensor, axis?: number): Tensor => x.softmax(axis);
/** Logarithm of the softmax along an axis (the last). */
export const logSoftmax = (x: Tensor, axis?: number): Tensor => x.logSoftmax(axis);
/** Index of the first maximum. */
export const argmax = (x: Tensor, axis?: Axis, options?: ReduceOptions): Tensor => x.argmax(axis, options);
/** Index of the first minimum. */
export const argmin = (x: Tensor, axis?: Axis, options?: ReduceOptions): Tensor => x.argmin(axis, options);
/** Sum with NaN counted as 0. */
export const nansum = (x: Tensor, axis?: Axis, options?: ReduceOptions): Tensor => x.nansum(axis, options);
/** Product with NaN counted as 1. */
export const nanprod = (x: Tensor, axis?: Axis, options?: ReduceOptions): Tensor => x.nanprod(axis, options);
/** Mean of the elements that are not NaN. */
export const nanmean = (x: Tensor, axis?: Axis, options?: ReduceOptions): Tensor => x.nanmean(axis, options);
/** Largest of the elements that are not NaN. */
export const nanmax = (x: Tensor, axis?: Axis, options?: ReduceOptions): Tensor => x.nanmax(axis, options);
/** Smallest of the elements that are not NaN. */
export const nanmin = (x: Tensor, axis?: Axis, options?: ReduceOptions): Tensor => x.nanmin(axis, options);
/** Variance of the elements that are not NaN. */
export const nanvar = (x: Tensor, axis?: Axis, options?: VarianceOptions): Tensor => x.nanvar(axis, options);
/** Standard deviation of the elements that are not NaN. */
export const nanstd = (x: Tensor, axis?: Axis, options?: VarianceOptions): Tensor => x.nanstd(axis, options);
/** The value below which a share `q` of the elements lies. */
export const quantile = (
  x: Tensor,
  q: number | readonly number[],
  axis?: Axis,
  options?: QuantileOptions,
): Tensor => x.quantile(q, axis, options);
/** Quantiles of the elements that are not NaN. */
export const nanquantile = (
  x: Tensor,
  q: number | readonly number[],
  axis?: Axis,
  options?: QuantileOptions,
): Tensor => x.nanquantile(q, axis, options);
/** Quantiles in percent. */
export const percentile = (
  x: Tensor,
  p: number | readonly number[],
  axis?: Axis,
  options?: QuantileOptions,
): Tensor => x.percentile(p, axis, options);
/** The middle of the sorted elements, the mean of two where there are two. */
export const median = (x: Tensor, axis?: Axis, options?: ReduceOptions): Tensor => x.median(axis, options);
/** Median of the elements that are not NaN. */
export const nanmedian = (x: Tensor, axis?: Axis, options?: ReduceOptions): Tensor =>
  x.nanmedian(axis, options);
/** The most frequent element along an axis (the last). */
export const mode = (x: Tensor, axis?: number, options?: ReduceOptions): Tensor => x.mode(axis, options);
/** Covariances of the rows of a matrix. */
export const cov = (x: Tensor, options?: CovarianceOptions): Tensor => x.cov(options);
/** Correlations of the rows of a matrix. */
export const corrcoef = (x: Tensor, options?: Pick<CovarianceOptions, 'rowVar'>): Tensor =>
  x.corrcoef(options);
/** Running sum. */
export const cumsum = (x: Tensor, axis?: number, options?: RunningOptions): Tensor => x.cumsum(axis, options);
/** Running product. */
export const cumprod = (x: Tensor, axis?: number, options?: RunningOptions): Tensor =>
  x.cumprod(axis, options);
/** Running maximum, and where it lies. */
export const cummax = (x: Tensor, axis: number, options?: RunningOptions): Ordered => x.cummax(axis, options);
/** Running minimum, and where it lies. */
export const cummin = (x: Tensor, axis: number, options?: RunningOptions): Ordered => x.cummin(axis, options);
/** Running log(sum(exp(x))). */
export const logcumsumexp = (x: Tensor, axis: number, options?: RunningOptions): Tensor =>
  x.logcumsumexp(axis, options);
/** Differences of neighbours, taken n times. */
export const diff = (x: Tensor, n?: number, axis?: number, options?: DiffOptions): Tensor =>
  x.diff(n, axis, options);
/** Integral along an axis by the trapezoidal rule. */
export const trapezoid = (x: Tensor, options?: TrapezoidOptions): Tensor => x.trapezoid(options);
/** Running integral by the trapezoidal rule. */
export const cumulativeTrapezoid = (x: Tensor, options?: TrapezoidOptions & { initial?: number }): Tensor =>
  x.cumulativeTrapezoid(options);
/** Derivatives of a function known at points, one array for each axis. */
export const gradient = (x: Tensor, axis?: Axis, options?: GradientOptions): Tensor[] =>
  x.gradient(axis, options);
/** Standard deviation and mean over axes. */
export const stdMean = (
  x: Tensor,
  axis?: Axis,
  options?: VarianceOptions,
): [deviation: Tensor, mean: Tensor] => x.stdMean(axis, options);
/** Index of the first largest of the elements that are not NaN. */
export const nanargmax = (x: Tensor, axis?: Axis, options?: ReduceOptions): Tensor =>
  x.nanargmax(axis, options);
/** Index of the first smallest of the elements that are not NaN. */
export const nanargmin = (x: Tensor, axis?: Axis, options?: ReduceOptions): Tensor =>
  x.nanargmin(axis, options);
/** Quantiles in percent of the elements that are not NaN. */
export const nanpercentile = (
  x: Tensor,
  p: number | readonly number[],
  axis?: Axis,
  options?: QuantileOptions,
): Tensor => x.nanpercentile(p, axis, options);
/** Running sum with NaN counted as 0. */
export const nancumsum = (x: Tensor, axis?: number, options?: RunningOptions): Tensor =>
  x.nancumsum(axis, options);
/** Running product with NaN counted as 1. */
export const nancumprod = (x: Tensor, axis?: number, options?: RunningOptions): Tensor =>
  x.nancumprod(axis, options);
/** Mean squared deviation from the mean; also exported as `var`, which only a namespace import can name. */
export const variance = (x: Tensor, axis?: Axis, options?: VarianceOptions): Tensor => x.var(axis, options);
export { variance as var };
