import { einsum, type Tensor, tensor } from '../core/tensor.ts';
import { Module } from './module.ts';
import { type PerAxis, perAxis, requireSpatial } from './spatial_sizes.ts';

/** Pooling to a given size, whatever the size of the input. */

/** Row i averages the inputs from floor(i n / count) up to ceil((i + 1) n / count): [count, n]. */
function averages(n: number, count: number, like: Tensor): Tensor {
  const data = new Float64Array(count * n);
  for (let i = 0; i < count; i++) {
    const from = Math.floor((i * n) / count);
    const to = Math.ceil(((i + 1) * n) / count);
    data.fill(1 / (to - from), i * n + from, i * n + to);
  }
  return tensor(data, { shape: [count, n], dtype: like.dtype === 'float64' ? 'float64' : 'float32' });
}

function adaptiveAvgPool(name: string, axes: number, x: Tensor, size: PerAxis): Tensor {
  requireSpatial(name, x, axes);
  const counts = perAxis(name, 'the output size', size, axes, 1);
  const space = x.shape.slice(1, axes + 1);
  if (space.includes(0))
    throw new Error(`${name}: the input [${x.shape.join(', ')}] has no elements to average`);
  if (counts.every((count) => count === 1)) {
    const axis = counts.map((_, i) => i + 1);
    return x.mean(axis, { keepDims: true });
  }
  // Windows of one size are a view; others may overlap and are weighted sums along one axis after the other.
  if (counts.every((count, i) => space[i] % count === 0)) {
    const apart = counts.flatMap((count, i) => [count, space[i] / count]);
    const windows = x.reshape([x.shape[0], ...apart, x.shape[axes + 1]]);
    return windows.mean(counts.map((_, i) => 2 * i + 2));
  }
  const letters = [...'nhwd'].slice(0, axes + 1).concat('c');
  return counts.reduce((y, count, i) => {
    const inner = letters[i + 1];
    const out = letters.map((letter) => (letter === inner ? 'o' : letter)).join('');
    return einsum(`${letters.join('')},o${inner}->${out}`, y, averages(space[i], count, x));
  }, x);
}

/** As {@link adaptiveAvgPool2d} over time: x [batch, time, channels] to [batch, size, channels]. */
export const adaptiveAvgPool1d = (x: Tensor, size: number): Tensor =>
  adaptiveAvgPool('adaptiveAvgPool1d', 1, x, size);

/**
 * Means of windows that are chosen so that an image x [batch, height, width, channels] becomes [batch, size, size,
 * channels] (or [h, w] for two sizes): along an axis of extent n, output i averages the inputs from `floor(i n /
 * size)` up to `ceil((i + 1) n / size)`, as in PyTorch.
 */
export const adaptiveAvgPool2d = (x: Tensor, size: PerAxis): Tensor =>
  adaptiveAvgPool('adaptiveAvgPool2d', 2, x, size);

/** As {@link adaptiveAvgPool2d} for volumes: x [batch, depth, height, width, channels]. */
export const adaptiveAvgPool3d = (x: Tensor, size: PerAxis): Tensor =>
  adaptiveAvgPool('adaptiveAvgPool3d', 3, x, size);

/** For each window the positions that it reads, row by row; shorter windows read their first one again. */
function windowPositions(n: number, count: number): { positions: Int32Array; width: number } {
  const bounds = Array.from({ length: count }, (_, i) => [
    Math.floor((i * n) / count),
    Math.ceil(((i + 1) * n) / count),
  ]);
  const width = Math.max(...bounds.map(([from, to]) => to - from));
  const positions = bounds.flatMap(([from, to]) =>
    Array.from({ length: width }, (_, k) => (from + k < to ? from + k : from)),
  );
  return { positions: Int32Array.from(positions), width };
}

function adaptiveMaxPool(name: string, axes: number, x: Tensor, size: PerAxis): Tensor {
  requireSpatial(name, x, axes);
  const counts = perAxis(name, 'the output size', size, axes, 1);
  if (x.shape.slice(1, axes + 1).includes(0))
    throw new Error(`${name}: the input [${x.shape.join(', ')}] has no elements to choose from`);
  return counts.reduce((y, count, i) => {
    const n = y.shape[i + 1];
    if (count === n) return y;
    const { positions, width } = windowPositions(n, count);
    const isTiled = n % count === 0;
    const read = isTiled ? y : y.take(tensor(positions, { dtype: 'int32' }), i + 1);
    return read.unflatten(i + 1, [count, width]).max(i + 2);
  }, x);
}

/** As {@link adaptiveMaxPool2d} over time: x [batch, time, channels] to [batch, size, channels]. */
export const adaptiveMaxPool1d = (x: Tensor, size: number): Tensor =>
  adaptiveMaxPool('adaptiveMaxPool1d', 1, x, size);

/**
 * The largest values in windows chosen so that an image x [batch, height, width, channels] becomes [batch, size, size,
 * channels] (or [h, w] for two sizes); windows are those of {@link adaptiveAvgPool2d}.
 */
export const adaptiveMaxPool2d = (x: Tensor, size: PerAxis): Tensor =>
  adaptiveMaxPool('adaptiveMaxPool2d', 2, x, size);

/** As {@link adaptiveMaxPool2d} for volumes: x [batch, depth, height, width, channels]. */
export const adaptiveMaxPool3d = (x: Tensor, size: PerAxis): Tensor =>
  adaptiveMaxPool('adaptiveMaxPool3d', 3, x, size);

/** A function that pools to a size, as a layer. */
abstract class AdaptivePooling extends Module {
  readonly size: readonly number[];
  readonly #pool: (name: string, axes: number, x: Tensor, size: PerAxis) => Tensor;

  constructor(
    pool: (name: string, axes: number, x: Tensor, size: PerAxis) => Tensor,
    axes: number,
    size: PerAxis,
  ) {
    super();
    this.#pool = pool;
    this.size = perAxis(new.target.name, 'the output size', size, axes, 1);
  }

  forward(x: Tensor): Tensor {
    return this.#pool(this.constructor.name, this.size.length, x, this.size);
  }
}

/** {@link adaptiveAvgPool1d} as a layer. */
export class AdaptiveAvgPool1d extends AdaptivePooling {
  constructor(size: number) {
    super(adaptiveAvgPool, 1, size);
  }
}

/** {@link adaptiveAvgPool2d} as a layer. */
export class AdaptiveAvgPool2d extends AdaptivePooling {
  constructor(size: PerAxis) {
    super(adaptiveAvgPool, 2, size);
  }
}

/** {@link adaptiveAvgPool3d} as a layer. */
export class AdaptiveAvgPool3d extends AdaptivePooling {
  constructor(size: PerAxis) {
    super(adaptiveAvgPool, 3, size);
  }
}

/** {@link adaptiveMaxPool1d} as a layer. */
export class AdaptiveMaxPool1d extends AdaptivePooling {
  constructor(size: number) {
    super(adaptiveMaxPool, 1, size);
  }
}

/** {@link adaptiveMaxPool2d} as a layer. */
export class AdaptiveMaxPool2d extends AdaptivePooling {
  constructor(size: PerAxis) {
    super(adaptiveMaxPool, 2, size);
  }
}

/** {@link adaptiveMaxPool3d} as a layer. */
export class AdaptiveMaxPool3d extends AdaptivePooling {
  constructor(size: PerAxis) {
    super(adaptiveMaxPool, 3, size);
  }
}
