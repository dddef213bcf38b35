import { checkOptions } from '../core/options.ts';
import { windows } from '../core/spatial.ts';
import type { Tensor } from '../core/tensor.ts';
import { isFloat } from '../graph/dtype.ts';
import { Module } from './module.ts';
import { type PerAxis, paddingOf, perAxis, requireSpatial } from './spatial_sizes.ts';

/** How a pooling window moves. */
export interface PoolOptions {
  /** Distance between two windows. Default: the window's size, so that they tile the input. */
  stride?: PerAxis;
  /** What is added on both sides; at most half of the window. Default 0. */
  padding?: PerAxis;
}

/** [batch, ...space', channels, ...kernel] */
function poolWindows(
  name: string,
  axes: number,
  x: Tensor,
  kernel: PerAxis,
  options: PoolOptions,
  fill: number,
): Tensor {
  checkOptions(name, options, ['stride', 'padding']);
  requireSpatial(name, x, axes);
  const size = perAxis(name, 'kernel', kernel, axes, 1);
  const stride = perAxis(name, 'stride', options.stride ?? kernel, axes, 1);
  const dilation = size.map(() => 1);
  const space = x.shape.slice(1, axes + 1);
  const padding = paddingOf(name, options.padding ?? 0, space, size, stride, dilation);
  if (padding.some(([n], i) => n > size[i] / 2))
    throw new Error(
      `${name}: padding must be at most half of the window of [${size.join(', ')}], got ${JSON.stringify(options.padding)}`,
    );
  return windows(name, x, size, { stride, dilation, padding }, fill);
}

const windowAxes = (axes: number): number[] => Array.from({ length: axes }, (_, i) => i - axes);

function maxPool(name: string, axes: number, x: Tensor, kernel: PerAxis, options: PoolOptions): Tensor {
  const lowest = isFloat(x.dtype) ? Number.NEGATIVE_INFINITY : x.dtype === 'int32' ? -(2 ** 31) : 0;
  return poolWindows(name, axes, x, kernel, options, lowest).max(windowAxes(axes));
}

const avgPool = (name: string, axes: number, x: Tensor, kernel: PerAxis, options: PoolOptions): Tensor =>
  poolWindows(name, axes, x, kernel, options, 0).mean(windowAxes(axes));

/** The largest value in each window of x [batch, time, channels]. See {@link maxPool2d}. */
export const maxPool1d = (x: Tensor, kernel: PerAxis, options: PoolOptions = {}): Tensor =>
  maxPool('maxPool1d', 1, x, kernel, options);

/**
 * The largest value in each window of x [batch, height, width, channels]: [batch, h', w', channels] with
 * `h' = floor((h + 2 padding - kernel) / stride) + 1`. Padding counts as -∞. The gradient goes to the first of equal
 * maxima.
 */
export const maxPool2d = (x: Tensor, kernel: PerAxis, options: PoolOptions = {}): Tensor =>
  maxPool('maxPool2d', 2, x, kernel, options);

/** The mean of each window of x [batch, time, channels]; padding counts as zeros. */
export const avgPool1d = (x: Tensor, kernel: PerAxis, options: PoolOptions = {}): Tensor =>
  avgPool('avgPool1d', 1, x, kernel, options);

/** The mean of each window of x [batch, height, width, channels]; padding counts as zeros, as in PyTorch. */
export const avgPool2d = (x: Tensor, kernel: PerAxis, options: PoolOptions = {}): Tensor =>
  avgPool('avgPool2d', 2, x, kernel, options);

type Pool = (x: Tensor, kernel: PerAxis, options: PoolOptions) => Tensor;

/** A pooling function with its sizes, as a layer. */
abstract class Pooling extends Module {
  readonly #pool: Pool;
  readonly #kernel: PerAxis;
  readonly #options: PoolOptions;

  constructor(pool: Pool, kernel: PerAxis, options: PoolOptions) {
    super();
    this.#pool = pool;
    this.#kernel = kernel;
    this.#options = options;
  }

  forward(x: Tensor): Tensor {
    return this.#pool(x, this.#kernel, this.#options);
  }
}

/** {@link maxPool1d} as a layer. */
export class MaxPool1d extends Pooling {
  constructor(kernel: PerAxis, options: PoolOptions = {}) {
    super(maxPool1d, kernel, options);
  }
}

/** {@link maxPool2d} as a layer. */
export class MaxPool2d extends Pooling {
  constructor(kernel: PerAxis, options: PoolOptions = {}) {
    super(maxPool2d, kernel, options);
  }
}

/** {@link avgPool1d} as a layer. */
export class AvgPool1d extends Pooling {
  constructor(kernel: PerAxis, options: PoolOptions = {}) {
    super(avgPool1d, kernel, options);
  }
}

/** {@link avgPool2d} as a layer. */
export class AvgPool2d extends Pooling {
  constructor(kernel: PerAxis, options: PoolOptions = {}) {
    super(avgPool2d, kernel, options);
  }
}
