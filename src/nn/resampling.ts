import { type InterpolateOptions, interpolate } from '../core/interpolate.ts';
import { checkOptions } from '../core/options.ts';
import type { Tensor } from '../core/tensor.ts';
import { Module } from './module.ts';
import { requirePositive, requireSpatial } from './spatial_sizes.ts';

/** Layers that change the resolution without weights. */

/** `interpolate` as a layer: [batch, ...space, channels] in another size, `nearest` by default. */
export class Upsample extends Module {
  readonly options: InterpolateOptions;

  /**
   * @param options as of interpolate: size or scaleFactor, mode, alignCorners; a number is the scaleFactor
   * @throws if there is not exactly one of size and scaleFactor
   */
  constructor(options: number | InterpolateOptions) {
    super();
    this.options = typeof options === 'number' ? { scaleFactor: options } : options;
    checkOptions('Upsample', this.options, ['size', 'scaleFactor', 'mode', 'alignCorners']);
    if ((this.options.size === undefined) === (this.options.scaleFactor === undefined))
      throw new Error('Upsample: give either size or scaleFactor');
  }

  forward(x: Tensor): Tensor {
    return interpolate(x, this.options);
  }
}

/**
 * Channels become pixels: x [batch, height, width, channels factor²] to [batch, height factor, width factor, channels]. Of
 * the factor² channels that go into one (neighbours, as in PyTorch), number `i factor + j` lands in row i, column j of the
 * block. Shi et al. (2016).
 *
 * @throws if the channels do not divide by factor²
 */
export function pixelShuffle(x: Tensor, factor: number): Tensor {
  requireSpatial('pixelShuffle', x, 2);
  requirePositive('pixelShuffle', { factor });
  const [batch, height, width, channels] = x.shape;
  const out = channels / factor ** 2;
  if (!Number.isInteger(out))
    throw new Error(`pixelShuffle: ${channels} channels must divide by ${factor}² = ${factor ** 2}`);
  return x
    .reshape([batch, height, width, out, factor, factor])
    .transpose([0, 1, 4, 2, 5, 3])
    .reshape([batch, height * factor, width * factor, out]);
}

/**
 * Undoes {@link pixelShuffle}: x [batch, height, width, channels] to [batch, height / factor, width / factor, channels
 * factor²].
 *
 * @throws if height or width do not divide by factor
 */
export function pixelUnshuffle(x: Tensor, factor: number): Tensor {
  requireSpatial('pixelUnshuffle', x, 2);
  requirePositive('pixelUnshuffle', { factor });
  const [batch, height, width, channels] = x.shape;
  const [rows, columns] = [height / factor, width / factor];
  if (!Number.isInteger(rows) || !Number.isInteger(columns))
    throw new Error(`pixelUnshuffle: ${height} x ${width} must divide by ${factor}`);
  return x
    .reshape([batch, rows, factor, columns, factor, channels])
    .transpose([0, 1, 3, 5, 2, 4])
    .reshape([batch, rows, columns, channels * factor ** 2]);
}

/** {@link pixelShuffle} as a layer. */
export class PixelShuffle extends Module {
  readonly factor: number;

  constructor(factor: number) {
    super();
    requirePositive('PixelShuffle', { factor });
    this.factor = factor;
  }

  forward(x: Tensor): Tensor {
    return pixelShuffle(x, this.factor);
  }
}

/** {@link pixelUnshuffle} as a layer. */
export class PixelUnshuffle extends Module {
  readonly factor: number;

  constructor(factor: number) {
    super();
    requirePositive('PixelUnshuffle', { factor });
    this.factor = factor;
  }

  forward(x: Tensor): Tensor {
    return pixelUnshuffle(x, this.factor);
  }
}
