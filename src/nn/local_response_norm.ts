import { checkOptions } from '../core/options.ts';
import type { Tensor } from '../core/tensor.ts';
import { Module } from './module.ts';
import { requirePositive } from './spatial_sizes.ts';

/** Options of local response normalization. */
export interface LocalResponseOptions {
  /** Weight of the neighbours. Default 1e-4. */
  alpha?: number;
  /** The power. Default 0.75. */
  beta?: number;
  /** What is added to the neighbours. Default 1. */
  k?: number;
}

const keys = ['alpha', 'beta', 'k'];

/**
 * Divides each channel of x [batch, ...space, channels] by what its neighbours do: `x / (k + alpha mean(x²))^beta` with the
 * mean over `size` neighbouring channels, the channel itself in their middle, zeros beyond the ends. Krizhevsky, Sutskever,
 * Hinton (2012).
 *
 * @throws if size is not a positive integer
 */
export function localResponseNorm(x: Tensor, size: number, options: LocalResponseOptions = {}): Tensor {
  checkOptions('localResponseNorm', options, keys);
  requirePositive('localResponseNorm', { size });
  if (x.ndim < 2)
    throw new Error(
      `localResponseNorm: the input must be [batch, ...space, channels], got [${x.shape.join(', ')}]`,
    );
  const { alpha = 1e-4, beta = 0.75, k = 1 } = options;
  const around = x.shape.map((_, i): [number, number] =>
    i === x.ndim - 1 ? [Math.floor(size / 2), Math.floor((size - 1) / 2)] : [0, 0],
  );
  const neighbours = x.square().pad(around).slidingWindowView(size, -1).mean(-1);
  return x.div(neighbours.mul(alpha).add(k).pow(beta));
}

/** {@link localResponseNorm} as a layer. */
export class LocalResponseNorm extends Module {
  readonly size: number;
  readonly options: LocalResponseOptions;

  constructor(size: number, options: LocalResponseOptions = {}) {
    super();
    checkOptions('LocalResponseNorm', options, keys);
    requirePositive('LocalResponseNorm', { size });
    this.size = size;
    this.options = options;
  }

  forward(x: Tensor): Tensor {
    return localResponseNorm(x, this.size, this.options);
  }
}
