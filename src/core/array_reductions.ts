import * as g from '../graph/build.ts';
import { isFloat } from '../graph/dtype.ts';
import type { Node } from '../graph/node.ts';
import type { ReduceKind } from '../graph/vocabulary.ts';
import type { Axis } from './array_base.ts';
import { ElementwiseArray } from './array_elementwise.ts';
import { asNumber, axesOf } from './operands.ts';
import type { Tensor } from './tensor.ts';
import * as views from './views.ts';

export interface ReduceOptions {
  /** Keeps reduced axes with extent 1. */
  keepDims?: boolean;
}

/** Operations that remove axes. */
export abstract class ReducibleArray extends ElementwiseArray {
  #reduce(
    kind: ReduceKind,
    axis: Axis | undefined,
    options: ReduceOptions = {},
    x: Node = this.node,
  ): Tensor {
    const axes = axesOf(kind, axis, x.shape.length);
    if ((kind === 'max' || kind === 'min') && axes.some((a) => x.shape[a] === 0))
      throw new Error(
        `${kind}: axis ${axes.find((a) => x.shape[a] === 0)} of [${x.shape.join(', ')}] is empty: there is no ${kind}imum`,
      );
    const reduced = g.reduce(kind, x, axes);
    return this.wrap(
      options.keepDims
        ? g.reshape(
            reduced,
            x.shape.map((n, i) => (axes.includes(i) ? 1 : n)),
          )
        : reduced,
    );
  }
  /** Sum over axes (all without `axis`); bool counts. */
  sum(axis?: Axis, options?: ReduceOptions): Tensor {
    return this.#reduce('sum', axis, options, asNumber(this.node));
  }
  prod(axis?: Axis, options?: ReduceOptions): Tensor {
    return this.#reduce('prod', axis, options, asNumber(this.node));
  }
  max(axis?: Axis, options?: ReduceOptions): Tensor {
    return this.#reduce('max', axis, options, asNumber(this.node));
  }
  min(axis?: Axis, options?: ReduceOptions): Tensor {
    return this.#reduce('min', axis, options, asNumber(this.node));
  }
  /** Whether every element holds. */
  all(axis?: Axis, options?: ReduceOptions): Tensor {
    return this.#reduce('and', axis, options, g.cast(this.node, 'bool'));
  }
  /** Whether any element holds. */
  any(axis?: Axis, options?: ReduceOptions): Tensor {
    return this.#reduce('or', axis, options, g.cast(this.node, 'bool'));
  }
  /** Arithmetic mean; integers become float32. */
  mean(axis?: Axis, options?: ReduceOptions): Tensor {
    const x = isFloat(this.dtype) ? this.self : this.cast('float32');
    const count = axesOf('mean', axis, this.ndim).reduce((n, a) => n * this.shape[a], 1);
    return x.sum(axis, options).div(count);
  }
  /** Mean squared deviation; `correction` 0 divides by n (NumPy), 1 by n - 1 (PyTorch's default). */
  var(axis?: Axis, options: ReduceOptions & { correction?: number } = {}): Tensor {
    const x = isFloat(this.dtype) ? this.self : this.cast('float32');
    const count = axesOf('var', axis, this.ndim).reduce((n, a) => n * this.shape[a], 1);
    const deviation = x.sub(x.mean(axis, { keepDims: true }));
    return deviation
      .square()
      .sum(axis, options)
      .div(Math.max(0, count - (options.correction ?? 0)));
  }
  std(axis?: Axis, options: ReduceOptions & { correction?: number } = {}): Tensor {
    return this.var(axis, options).sqrt();
  }
  /** log(sum(exp(x))), safe for large x. */
  logsumexp(axis?: Axis, options: ReduceOptions = {}): Tensor {
    const axes = axesOf('logsumexp', axis, this.ndim);
    const top = this.wrap(g.stopGradient(this.max(axes, { keepDims: true }).node));
    // An infinite maximum would make inf - inf; 0 leaves the sum at 0 or inf as it should be.
    const finite = top.abs().lt(Number.POSITIVE_INFINITY);
    const shift = top.where(finite, 0);
    const sum = this.sub(shift).exp().sum(axes, { keepDims: true }).log().add(shift);
    return options.keepDims ? sum : this.wrap(views.squeezeOf(sum.node, axes));
  }
  /** exp(x) / sum(exp(x)) along an axis, safe for large x. */
  softmax(axis = -1): Tensor {
    const top = this.wrap(g.stopGradient(this.max(axis, { keepDims: true }).node));
    const e = this.sub(top).exp();
    return e.div(e.sum(axis, { keepDims: true }));
  }
  logSoftmax(axis = -1): Tensor {
    const top = this.wrap(g.stopGradient(this.max(axis, { keepDims: true }).node));
    const shifted = this.sub(top);
    return shifted.sub(shifted.exp().sum(axis, { keepDims: true }).log());
  }
  #argreduce(kind: 'max' | 'min', axis: Axis | undefined, options: ReduceOptions = {}): Tensor {
    const axes = axesOf(`arg${kind}`, axis, this.ndim);
    if (axes.some((a) => this.shape[a] === 0))
      throw new Error(`arg${kind}: [${this.shape.join(', ')}] is empty along the axis`);
    const index = g.argreduce(kind, asNumber(this.node), axes);
    return this.wrap(
      options.keepDims
        ? g.reshape(
            index,
            this.shape.map((n, i) => (axes.includes(i) ? 1 : n)),
          )
        : index,
    );
  }
  /** int32 index of the first maximum along an axis (of the flattened array without one). */
  argmax(axis?: Axis, options?: ReduceOptions): Tensor {
    return this.#argreduce('max', axis, options);
  }
  argmin(axis?: Axis, options?: ReduceOptions): Tensor {
    return this.#argreduce('min', axis, options);
  }
}
