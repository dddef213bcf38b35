import * as g from '../graph/build.ts';
import type { Node } from '../graph/node.ts';
import type { ReduceKind } from '../graph/vocabulary.ts';
import type { Axis } from './array_base.ts';
import { ElementwiseArray } from './array_elementwise.ts';
import { asNumber, axesOf, axisOf } from './operands.ts';
import { checkOptions } from './options.ts';
import { asFloat, averageOf, countAlong, normOf, safeRoot, withoutAxes } from './reductions.ts';
import type { Tensor } from './tensor.ts';
import * as views from './views.ts';

/** Options of reductions. */
export interface ReduceOptions {
  /** Keeps reduced axes with extent 1. */
  keepDims?: boolean;
}

/** Options of variances and standard deviations. */
export interface VarianceOptions extends ReduceOptions {
  /** What is subtracted from the number of elements before dividing by it: 0 (default, as NumPy) or 1 (PyTorch's default). */
  correction?: number;
}

/** Options of `average`. */
export interface AverageOptions extends ReduceOptions {
  /** Of the shape of the array, or one for each element of the only axis. Default: all equal. */
  weights?: Tensor;
}

/** Operations that remove axes: one, several, or all where none is named. */
export abstract class ReducibleArray extends ElementwiseArray {
  #reduce(
    kind: ReduceKind,
    axis: Axis | undefined,
    options: ReduceOptions = {},
    x: Node = this.node,
    name: string = kind,
  ): Tensor {
    checkOptions(name, options, ['keepDims']);
    const axes = axesOf(name, axis, x.shape.length);
    return this.wrap(withoutAxes(g.reduce(kind, x, axes), x.shape, axes, options));
  }
  #extreme(kind: 'max' | 'min', axis: Axis | undefined, options?: ReduceOptions): Tensor {
    const empty = axesOf(kind, axis, this.ndim).find((a) => this.shape[a] === 0);
    if (empty !== undefined)
      throw new Error(
        `${kind}: axis ${empty} of [${this.shape.join(', ')}] is empty: there is no ${kind}imum`,
      );
    if (this.dtype === 'bool') return this.#reduce(kind === 'max' ? 'or' : 'and', axis, options);
    return this.#reduce(kind, axis, options);
  }
  /** Sum over axes; bool counts, integers wrap. An empty sum is 0. */
  sum(axis?: Axis, options?: ReduceOptions): Tensor {
    return this.#reduce('sum', axis, options, asNumber(this.node));
  }
  /** Product over axes; an empty one is 1. Its derivative is right where factors are 0. */
  prod(axis?: Axis, options?: ReduceOptions): Tensor {
    return this.#reduce('prod', axis, options, asNumber(this.node));
  }
  /**
   * Largest element over axes, NaN where there is one. The derivative goes to the first of equal maxima.
   *
   * @throws where an axis is empty
   */
  max(axis?: Axis, options?: ReduceOptions): Tensor {
    return this.#extreme('max', axis, options);
  }
  /**
   * Smallest element over axes, NaN where there is one. The derivative goes to the first of equal minima.
   *
   * @throws where an axis is empty
   */
  min(axis?: Axis, options?: ReduceOptions): Tensor {
    return this.#extreme('min', axis, options);
  }
  /** The smallest and the largest element over axes. */
  aminmax(axis?: Axis, options?: ReduceOptions): [min: Tensor, max: Tensor] {
    return [this.min(axis, options), this.max(axis, options)];
  }
  /** Peak to peak: the largest less the smallest element over axes. */
  ptp(axis?: Axis, options?: ReduceOptions): Tensor {
    return this.max(axis, options).sub(this.min(axis, options));
  }
  /** Whether every element is other than 0. */
  all(axis?: Axis, options?: ReduceOptions): Tensor {
    return this.#reduce('and', axis, options, g.cast(this.node, 'bool'), 'all');
  }
  /** Whether any element is other than 0. */
  any(axis?: Axis, options?: ReduceOptions): Tensor {
    return this.#reduce('or', axis, options, g.cast(this.node, 'bool'), 'any');
  }
  /** How many elements are other than 0 (NaN is), as int32. */
  countNonzero(axis?: Axis, options?: ReduceOptions): Tensor {
    return this.cast('bool').sum(axis, options);
  }
  /** Arithmetic mean; integers become float32. The mean of nothing is NaN. */
  mean(axis?: Axis, options?: ReduceOptions): Tensor {
    const x = this.wrap(asFloat(this.node));
    return x.sum(axis, options).div(countAlong('mean', this.shape, axis));
  }
  /** Mean squared deviation from the mean, `sum (x - mean)^2 / (n - correction)`; `correction` 0 as NumPy, 1 as PyTorch's default. */
  var(axis?: Axis, options: VarianceOptions = {}): Tensor {
    return this.varMean(axis, options)[0];
  }
  /** Square root of the variance; its derivative where the variance is 0 is 0, as PyTorch's. */
  std(axis?: Axis, options: VarianceOptions = {}): Tensor {
    return this.wrap(safeRoot(this.var(axis, options).node));
  }
  /** The standard deviation and the mean. */
  stdMean(axis?: Axis, options: VarianceOptions = {}): [deviation: Tensor, mean: Tensor] {
    const [variance, mean] = this.varMean(axis, options);
    return [this.wrap(safeRoot(variance.node)), mean];
  }
  /** The variance and the mean. */
  varMean(axis?: Axis, options: VarianceOptions = {}): [variance: Tensor, mean: Tensor] {
    checkOptions('var', options, ['keepDims', 'correction']);
    const { keepDims = false, correction = 0 } = options;
    const x = this.wrap(asFloat(this.node));
    const axes = axesOf('var', axis, this.ndim);
    const mean = x.mean(axes, { keepDims: true });
    const squares = x.sub(mean).square().sum(axes, { keepDims });
    const count = Math.max(0, countAlong('var', this.shape, axes) - correction);
    return [squares.div(count), keepDims ? mean : this.wrap(views.squeezeOf(mean.node, axes))];
  }
  /** Mean with weights, `sum (w x) / sum w`; without weights the mean. See NumPy's average. */
  average(axis?: Axis, options: AverageOptions = {}): Tensor {
    checkOptions('average', options, ['keepDims', 'weights']);
    const { weights, keepDims = false } = options;
    if (weights === undefined) return this.mean(axis, { keepDims });
    const axes = axesOf('average', axis, this.ndim);
    return this.wrap(averageOf(this.node, weights.node, axes, options));
  }
  /**
   * Norm of vectors, of order `ord`: 2 (default), any other number p for `(sum |x|^p)^(1/p)`, Infinity or -Infinity for the largest or
   * smallest magnitude, 0 for the number of elements other than 0. 'fro' is 2: over two axes, or all, the Frobenius norm. See PyTorch's
   * linalg.vector_norm. Derivatives at the zero vector are 0.
   */
  norm(ord: number | 'fro' = 2, axis?: Axis, options: ReduceOptions = {}): Tensor {
    checkOptions('norm', options, ['keepDims']);
    return this.wrap(normOf(this.node, ord, axesOf('norm', axis, this.ndim), options));
  }
  /** log(sum(exp(x))), safe for large x; -Infinity for an empty sum. */
  logsumexp(axis?: Axis, options: ReduceOptions = {}): Tensor {
    checkOptions('logsumexp', options, ['keepDims']);
    const axes = axesOf('logsumexp', axis, this.ndim);
    const x = this.wrap(asFloat(this.node));
    if (axes.some((a) => this.shape[a] === 0)) return x.exp().sum(axes, options).log();
    const top = this.wrap(g.stopGradient(x.max(axes, { keepDims: true }).node));
    // An infinite maximum would make inf - inf; 0 leaves the sum at 0 or inf as it should be.
    const shift = top.where(top.abs().lt(Number.POSITIVE_INFINITY), 0);
    const sum = x.sub(shift).exp().sum(axes, { keepDims: true });
    // The logarithm of 0 is -inf, and has a derivative of 0 here instead of NaN.
    const isZero = sum.eq(0);
    const log = sum.add(isZero.cast(sum.dtype)).log().add(shift);
    const result = top.where(isZero, log);
    return options.keepDims ? result : this.wrap(views.squeezeOf(result.node, axes));
  }
  /** exp(x) / sum(exp(x)) along an axis, safe for large x. */
  softmax(axis = -1): Tensor {
    axisOf('softmax', axis, this.ndim);
    const top = this.wrap(g.stopGradient(this.max(axis, { keepDims: true }).node));
    const e = this.sub(top).exp();
    return e.div(e.sum(axis, { keepDims: true }));
  }
  /** x - log(sum(exp(x))) along an axis, safe for large x. */
  logSoftmax(axis = -1): Tensor {
    axisOf('logSoftmax', axis, this.ndim);
    const top = this.wrap(g.stopGradient(this.max(axis, { keepDims: true }).node));
    const shifted = this.sub(top);
    return shifted.sub(shifted.exp().sum(axis, { keepDims: true }).log());
  }
  #argreduce(kind: 'max' | 'min', axis: Axis | undefined, options: ReduceOptions = {}): Tensor {
    checkOptions(`arg${kind}`, options, ['keepDims']);
    const axes = axesOf(`arg${kind}`, axis, this.ndim);
    if (axes.some((a) => this.shape[a] === 0))
      throw new Error(`arg${kind}: [${this.shape.join(', ')}] is empty along the axis`);
    const index = g.argreduce(kind, asNumber(this.node), axes);
    return this.wrap(withoutAxes(index, this.shape, axes, options));
  }
  /** int32 index of the first maximum along an axis (of the flattened array without one); NaN counts as the largest. */
  argmax(axis?: Axis, options?: ReduceOptions): Tensor {
    return this.#argreduce('max', axis, options);
  }
  /** int32 index of the first minimum along an axis (of the flattened array without one); NaN counts as the smallest. */
  argmin(axis?: Axis, options?: ReduceOptions): Tensor {
    return this.#argreduce('min', axis, options);
  }
}
