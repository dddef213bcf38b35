import { arange, zeros } from '../core/create.ts';
import type { Tensor } from '../core/tensor.ts';
import { isInteger } from '../graph/dtype.ts';
import { type MaxPoolOptions, maxPoolWindows } from './pooling.ts';
import { type PerAxis, perAxis, requireSpatial } from './spatial_sizes.ts';

/** Maxima with the places where they were, and putting values back there. */

const product = (sizes: readonly number[]): number => sizes.reduce((size, n) => size * n, 1);

function withIndices(
  name: string,
  axes: number,
  x: Tensor,
  kernel: PerAxis,
  options: MaxPoolOptions,
): { values: Tensor; indices: Tensor } {
  requireSpatial(name, x, axes);
  const space = x.shape.slice(1, axes + 1);
  const at = arange(product(space)).reshape([1, ...space, 1]);
  const [values, places] = maxPoolWindows(name, axes, x, kernel, options, at);
  const flat = values.flatten(axes + 2);
  const choices = places!.flatten(axes + 2);
  const first = flat.argmax(-1).unsqueeze(-1);
  const everywhere = choices.broadcastTo(flat.shape);
  return {
    values: flat.takeAlongAxis(first).squeeze(-1),
    indices: everywhere.takeAlongAxis(first).squeeze(-1),
  };
}

function unpool(name: string, axes: number, x: Tensor, indices: Tensor, size: PerAxis): Tensor {
  requireSpatial(name, x, axes);
  if (String(indices.shape) !== String(x.shape) || !isInteger(indices.dtype))
    throw new Error(
      `${name}: indices must be int32 [${x.shape.join(', ')}], as the values, got ${indices.dtype} [${indices.shape.join(', ')}]`,
    );
  const space = perAxis(name, 'the output size', size, axes, 1);
  const [batch, channels] = [x.shape[0], x.shape[axes + 1]];
  const flat = (values: Tensor) => values.reshape([batch, product(x.shape.slice(1, -1)), channels]);
  const empty = zeros([batch, product(space), channels], { dtype: x.dtype });
  return empty.scatter(1, flat(indices), flat(x)).reshape([batch, ...space, channels]);
}

/** As {@link maxPool2dWithIndices} over time. */
export const maxPool1dWithIndices = (x: Tensor, kernel: PerAxis, options: MaxPoolOptions = {}) =>
  withIndices('maxPool1dWithIndices', 1, x, kernel, options);

/**
 * maxPool2d with the place of each maximum: `values` [batch, h', w', channels] and `indices` of the same shape, the places
 * in the image as `row width + column` (the first of equal ones).
 */
export const maxPool2dWithIndices = (x: Tensor, kernel: PerAxis, options: MaxPoolOptions = {}) =>
  withIndices('maxPool2dWithIndices', 2, x, kernel, options);

/** As {@link maxPool2dWithIndices} over volumes. */
export const maxPool3dWithIndices = (x: Tensor, kernel: PerAxis, options: MaxPoolOptions = {}) =>
  withIndices('maxPool3dWithIndices', 3, x, kernel, options);

/** As {@link maxUnpool2d} over time, to `size` steps. */
export const maxUnpool1d = (x: Tensor, indices: Tensor, size: PerAxis): Tensor =>
  unpool('maxUnpool1d', 1, x, indices, size);

/**
 * Values x [batch, h', w', channels] at their places `indices`, as {@link maxPool2dWithIndices} gives them, in an image
 * [batch, ...size, channels] of zeros. A place that occurs several times holds one of its values. Zeiler and Fergus (2013).
 */
export const maxUnpool2d = (x: Tensor, indices: Tensor, size: PerAxis): Tensor =>
  unpool('maxUnpool2d', 2, x, indices, size);

/** As {@link maxUnpool2d} for volumes. */
export const maxUnpool3d = (x: Tensor, indices: Tensor, size: PerAxis): Tensor =>
  unpool('maxUnpool3d', 3, x, indices, size);
