import { checkOptions } from '../core/options.ts';
import { windows } from '../core/spatial.ts';
import { type Tensor, tensor } from '../core/tensor.ts';
import { isFloat } from '../graph/dtype.ts';
import { Module } from './module.ts';
import { type PerAxis, paddingOf, perAxis, requireSpatial } from './spatial_sizes.ts';

/** How a pooling window moves. */
export interface PoolOptions {
  /** Distance between two windows. Default: the window's size, so that they tile the input. */
  stride?: PerAxis;
  /** What is added on both sides; at most half of the window. Default 0. */
  padding?: PerAxis;
  /**
   * Whether a last window may reach beyond the end of the padded input, if it begins inside of the input or the padding
   * before it: sizes are rounded up. Default false: what is left over is not read.
   */
  ceilMode?: boolean;
}

/** How the windows of a maximum move. */
export interface MaxPoolOptions extends PoolOptions {
  /** Distance between two elements of a window. Default 1. */
  dilation?: PerAxis;
}

/** How the windows of a mean move and what they divide by. */
export interface AvgPoolOptions extends PoolOptions {
  /** Whether padding counts as zeros (default) or not at all: then sums are divided by how many elements are real. */
  countIncludePad?: boolean;
}

/** Where the windows lie, checked. */
interface Windows {
  readonly size: readonly number[];
  readonly stride: readonly number[];
  readonly dilation: readonly number[];
  /** What the user asked for. */
  readonly padding: readonly number[];
  /** The same, and behind it what `ceilMode` reaches beyond. */
  readonly around: readonly (readonly [number, number])[];
}

function windowsFor(
  name: string,
  axes: number,
  x: Tensor,
  kernel: PerAxis,
  options: MaxPoolOptions,
): Windows {
  requireSpatial(name, x, axes);
  const size = perAxis(name, 'kernel', kernel, axes, 1);
  const stride = perAxis(name, 'stride', options.stride ?? kernel, axes, 1);
  const dilation = perAxis(name, 'dilation', options.dilation ?? 1, axes, 1);
  const space = x.shape.slice(1, axes + 1);
  const pairs = paddingOf(name, options.padding ?? 0, space, size, stride, dilation);
  if (pairs.some(([n], i) => n > size[i] / 2))
    throw new Error(
      `${name}: padding must be at most half of the window of [${size.join(', ')}], got ${JSON.stringify(options.padding)}`,
    );
  const padding = pairs.map(([n]) => n);
  if (!options.ceilMode) return { size, stride, dilation, padding, around: pairs };
  const around = pairs.map(([before, after], i): [number, number] => {
    const reach = dilation[i] * (size[i] - 1) + 1;
    const padded = space[i] + before + after;
    const count = Math.ceil((padded - reach) / stride[i]) + 1;
    // A window that would begin behind the input sees nothing.
    const seen = (count - 1) * stride[i] >= space[i] + before ? count - 1 : count;
    return [before, after + Math.max(0, (seen - 1) * stride[i] + reach - padded)];
  });
  return { size, stride, dilation, padding, around };
}

const windowAxes = (axes: number): number[] => Array.from({ length: axes }, (_, i) => i - axes);

/** Below every other number of the dtype. */
export const lowestOf = (x: Tensor): number =>
  isFloat(x.dtype) ? Number.NEGATIVE_INFINITY : x.dtype === 'int32' ? -(2 ** 31) : 0;

/** [batch, ...space', channels, ...kernel] of x, and of the positions of its elements in space, -1 in the padding, if asked for. */
export function maxPoolWindows(
  name: string,
  axes: number,
  x: Tensor,
  kernel: PerAxis,
  options: MaxPoolOptions,
  positions: Tensor | null = null,
): [values: Tensor, positions: Tensor | null] {
  checkOptions(name, options, ['stride', 'padding', 'dilation', 'ceilMode']);
  const { size, stride, dilation, around } = windowsFor(name, axes, x, kernel, options);
  const sizes = { stride, dilation, padding: around };
  return [windows(name, x, size, sizes, lowestOf(x)), positions && windows(name, positions, size, sizes, -1)];
}

const maxPool = (name: string, axes: number, x: Tensor, kernel: PerAxis, options: MaxPoolOptions): Tensor =>
  maxPoolWindows(name, axes, x, kernel, options)[0].max(windowAxes(axes));

/** How many elements each window along one axis divides by. */
function counted(extent: number, i: number, { size, stride, padding, around }: Windows, pads: boolean) {
  const [low, high] = pads ? [-padding[i], extent + padding[i]] : [0, extent];
  const count = Math.floor((extent + around[i][0] + around[i][1] - size[i]) / stride[i]) + 1;
  return Array.from({ length: Math.max(0, count) }, (_, at) => {
    const from = at * stride[i] - padding[i];
    return Math.min(from + size[i], high) - Math.max(from, low);
  });
}

function avgPool(name: string, axes: number, x: Tensor, kernel: PerAxis, options: AvgPoolOptions): Tensor {
  checkOptions(name, options, ['stride', 'padding', 'ceilMode', 'countIncludePad']);
  const { countIncludePad = true, ...rest } = options;
  const moved = windowsFor(name, axes, x, kernel, rest);
  const { size, stride, dilation, around } = moved;
  const means = windows(name, x, size, { stride, dilation, padding: around }, 0).mean(windowAxes(axes));
  return size.reduce((y, n, i) => {
    const factors = counted(x.shape[i + 1], i, moved, countIncludePad).map((count) => n / count);
    if (factors.every((factor) => factor === 1)) return y;
    const along = y.shape.map((_, axis) => (axis === i + 1 ? factors.length : 1));
    return y.mul(tensor(Float64Array.from(factors), { shape: along, dtype: 'float64' }).cast(y.dtype));
  }, means);
}

function lpPool(
  name: string,
  axes: number,
  x: Tensor,
  p: number,
  kernel: PerAxis,
  options: Omit<PoolOptions, 'padding'>,
): Tensor {
  checkOptions(name, options, ['stride', 'ceilMode']);
  if (!(p > 0 && p < Infinity)) throw new Error(`${name}: the power must be positive, got ${p}`);
  const size = perAxis(name, 'kernel', kernel, axes, 1).reduce((a, b) => a * b);
  return avgPool(name, axes, x.pow(p), kernel, options)
    .mul(size)
    .pow(1 / p);
}

/** The largest value in each window of x [batch, time, channels]. See {@link maxPool2d}. */
export const maxPool1d = (x: Tensor, kernel: PerAxis, options: MaxPoolOptions = {}): Tensor =>
  maxPool('maxPool1d', 1, x, kernel, options);

/**
 * The largest value in each window of x [batch, height, width, channels]: [batch, h', w', channels] with
 * `h' = floor((h + 2 padding - dilation (kernel - 1) - 1) / stride) + 1`. Padding counts as -∞. The gradient goes to the
 * first of equal maxima.
 */
export const maxPool2d = (x: Tensor, kernel: PerAxis, options: MaxPoolOptions = {}): Tensor =>
  maxPool('maxPool2d', 2, x, kernel, options);

/** The largest value in each window of x [batch, depth, height, width, channels]. See {@link maxPool2d}. */
export const maxPool3d = (x: Tensor, kernel: PerAxis, options: MaxPoolOptions = {}): Tensor =>
  maxPool('maxPool3d', 3, x, kernel, options);

/** The mean of each window of x [batch, time, channels]. See {@link avgPool2d}. */
export const avgPool1d = (x: Tensor, kernel: PerAxis, options: AvgPoolOptions = {}): Tensor =>
  avgPool('avgPool1d', 1, x, kernel, options);

/**
 * The mean of each window of x [batch, height, width, channels]; padding counts as zeros, as in PyTorch, unless
 * `countIncludePad` is false. What `ceilMode` reaches beyond the padding never counts.
 */
export const avgPool2d = (x: Tensor, kernel: PerAxis, options: AvgPoolOptions = {}): Tensor =>
  avgPool('avgPool2d', 2, x, kernel, options);

/** The mean of each window of x [batch, depth, height, width, channels]. See {@link avgPool2d}. */
export const avgPool3d = (x: Tensor, kernel: PerAxis, options: AvgPoolOptions = {}): Tensor =>
  avgPool('avgPool3d', 3, x, kernel, options);

/** `(Σ xᵖ)^(1/p)` of each window of x [batch, time, channels]. */
export const lpPool1d = (
  x: Tensor,
  p: number,
  kernel: PerAxis,
  options: Omit<PoolOptions, 'padding'> = {},
): Tensor => lpPool('lpPool1d', 1, x, p, kernel, options);

/** `(Σ xᵖ)^(1/p)` of each window of x [batch, height, width, channels]: sums for p = 1, nearly maxima for large p. */
export const lpPool2d = (
  x: Tensor,
  p: number,
  kernel: PerAxis,
  options: Omit<PoolOptions, 'padding'> = {},
): Tensor => lpPool('lpPool2d', 2, x, p, kernel, options);

type Pool<O> = (x: Tensor, kernel: PerAxis, options: O) => Tensor;

/** A pooling function with its sizes, as a layer. */
abstract class Pooling<O extends PoolOptions> extends Module {
  readonly #pool: Pool<O>;
  /** The extents of a window. */
  readonly kernel: PerAxis;
  /** Stride, padding and so on, as they were given. */
  readonly options: O;

  constructor(pool: Pool<O>, kernel: PerAxis, options: O) {
    super();
    this.#pool = pool;
    this.kernel = kernel;
    this.options = options;
  }

  forward(x: Tensor): Tensor {
    return this.#pool(x, this.kernel, this.options);
  }
}

/** {@link maxPool1d} as a layer. */
export class MaxPool1d extends Pooling<MaxPoolOptions> {
  constructor(kernel: PerAxis, options: MaxPoolOptions = {}) {
    super(maxPool1d, kernel, options);
  }
}

/** {@link maxPool2d} as a layer. */
export class MaxPool2d extends Pooling<MaxPoolOptions> {
  constructor(kernel: PerAxis, options: MaxPoolOptions = {}) {
    super(maxPool2d, kernel, options);
  }
}

/** {@link maxPool3d} as a layer. */
export class MaxPool3d extends Pooling<MaxPoolOptions> {
  constructor(kernel: PerAxis, options: MaxPoolOptions = {}) {
    super(maxPool3d, kernel, options);
  }
}

/** {@link avgPool1d} as a layer. */
export class AvgPool1d extends Pooling<AvgPoolOptions> {
  constructor(kernel: PerAxis, options: AvgPoolOptions = {}) {
    super(avgPool1d, kernel, options);
  }
}

/** {@link avgPool2d} as a layer. */
export class AvgPool2d extends Pooling<AvgPoolOptions> {
  constructor(kernel: PerAxis, options: AvgPoolOptions = {}) {
    super(avgPool2d, kernel, options);
  }
}

/** {@link avgPool3d} as a layer. */
export class AvgPool3d extends Pooling<AvgPoolOptions> {
  constructor(kernel: PerAxis, options: AvgPoolOptions = {}) {
    super(avgPool3d, kernel, options);
  }
}

/** {@link lpPool1d} as a layer. */
export class LPPool1d extends Pooling<Omit<PoolOptions, 'padding'>> {
  constructor(p: number, kernel: PerAxis, options: Omit<PoolOptions, 'padding'> = {}) {
    super((x, size, rest) => lpPool1d(x, p, size, rest), kernel, options);
  }
}

/** {@link lpPool2d} as a layer. */
export class LPPool2d extends Pooling<Omit<PoolOptions, 'padding'>> {
  constructor(p: number, kernel: PerAxis, options: Omit<PoolOptions, 'padding'> = {}) {
    super((x, size, rest) => lpPool2d(x, p, size, rest), kernel, options);
  }
}
