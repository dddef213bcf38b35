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
  const letters = [...'nhwdc'].slice(0, axes + 1).concat('c');
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

/** Mean over time of each channel: x [batch, time, channels] to [batch, channels]. */
export function globalAvgPool1d(x: Tensor): Tensor {
  requireSpatial('globalAvgPool1d', x, 1);
  return x.mean(1);
}

/**
 * Mean over the image of each channel: x [batch, height, width, channels] to [batch, channels]. Lin, Chen, Yan
 * (2013).
 */
export function globalAvgPool2d(x: Tensor): Tensor {
  requireSpatial('globalAvgPool2d', x, 2);
  return x.mean([1, 2]);
}

/** Largest value over time of each channel: x [batch, time, channels] to [batch, channels]. */
export function globalMaxPool1d(x: Tensor): Tensor {
  requireSpatial('globalMaxPool1d', x, 1);
  return x.max(1);
}

/** Largest value of each channel: x [batch, height, width, channels] to [batch, channels]. */
export function globalMaxPool2d(x: Tensor): Tensor {
  requireSpatial('globalMaxPool2d', x, 2);
  return x.max([1, 2]);
}

/** {@link adaptiveAvgPool1d} as a layer. */
export class AdaptiveAvgPool1d extends Module {
  readonly size: number;

  constructor(size: number) {
    super();
    perAxis('AdaptiveAvgPool1d', 'the output size', size, 1, 1);
    this.size = size;
  }

  forward(x: Tensor): Tensor {
    return adaptiveAvgPool('AdaptiveAvgPool1d', 1, x, this.size);
  }
}

/** {@link adaptiveAvgPool2d} as a layer. */
export class AdaptiveAvgPool2d extends Module {
  readonly size: readonly number[];

  constructor(size: PerAxis) {
    super();
    this.size = perAxis('AdaptiveAvgPool2d', 'the output size', size, 2, 1);
  }

  forward(x: Tensor): Tensor {
    return adaptiveAvgPool('AdaptiveAvgPool2d', 2, x, this.size);
  }
}

/** {@link globalAvgPool1d} as a layer. */
export class GlobalAvgPool1d extends Module {
  forward(x: Tensor): Tensor {
    return globalAvgPool1d(x);
  }
}

/** {@link globalAvgPool2d} as a layer. */
export class GlobalAvgPool2d extends Module {
  forward(x: Tensor): Tensor {
    return globalAvgPool2d(x);
  }
}

/** {@link globalMaxPool1d} as a layer. */
export class GlobalMaxPool1d extends Module {
  forward(x: Tensor): Tensor {
    return globalMaxPool1d(x);
  }
}

/** {@link globalMaxPool2d} as a layer. */
export class GlobalMaxPool2d extends Module {
  forward(x: Tensor): Tensor {
    return globalMaxPool2d(x);
  }
}
