import { bernoulli, normal } from '../core/random.ts';
import { type Tensor, where } from '../core/tensor.ts';
import { dropout } from './dropout.ts';
import { Module } from './module.ts';
import { requireSpatial } from './spatial_sizes.ts';

/** Disturbances in training: whole channels dropped, noise that keeps statistics. All draw from the default generator. */

function requireProbability(name: string, p: number): void {
  if (!(p >= 0 && p <= 1)) throw new Error(`${name}: p must be a probability from 0 to 1, got ${p}`);
}

/** What the layers with a probability have in common: the identity in evaluation. */
abstract class Dropping extends Module {
  readonly p: number;

  constructor(p: number) {
    super();
    requireProbability(new.target.name, p);
    this.p = p;
  }
}

/** Drops channels of each example of x [batch, ...space, channels]. */
abstract class SpatialDropout extends Dropping {
  readonly #axes: number;

  constructor(axes: number, p: number) {
    super(p);
    this.#axes = axes;
  }

  forward(x: Tensor): Tensor {
    requireSpatial(this.constructor.name, x, this.#axes);
    return this.training ? spatialDropout(x, this.p) : x;
  }
}

/**
 * {@link dropout} of whole channels: each channel of each example of x [batch, ...space, channels] is 0 with probability p,
 * else divided by 1 - p. Neighbouring pixels are so alike that dropping single ones takes little away. Tompson et al. (2015).
 *
 * @throws if p is not from 0 to 1
 */
export function spatialDropout(x: Tensor, p = 0.5): Tensor {
  requireProbability('spatialDropout', p);
  if (x.ndim < 2)
    throw new Error(
      `spatialDropout: the input must be [batch, ...space, channels], got [${x.shape.join(', ')}]`,
    );
  if (p === 0 || p === 1) return dropout(x, p);
  const shape = x.shape.map((n, i) => (i === 0 || i === x.ndim - 1 ? n : 1));
  return where(bernoulli(1 - p, shape), x.mul(1 / (1 - p)), 0);
}

/** {@link spatialDropout} of [batch, time, channels] in training. */
export class Dropout1d extends SpatialDropout {
  constructor(p = 0.5) {
    super(1, p);
  }
}

/** {@link spatialDropout} of [batch, height, width, channels] in training. */
export class Dropout2d extends SpatialDropout {
  constructor(p = 0.5) {
    super(2, p);
  }
}

/** {@link spatialDropout} of [batch, depth, height, width, channels] in training. */
export class Dropout3d extends SpatialDropout {
  constructor(p = 0.5) {
    super(3, p);
  }
}

/** What selu tends to for very negative inputs: -scale alpha. */
const saturation = -1.7580993408473766;

/**
 * Dropout that keeps mean 0 and variance 1, for networks of selu: with probability p an element becomes -1.7581, the limit
 * of selu; then all are scaled and shifted. Klambauer, Unterthiner, Mayr, Hochreiter (2017).
 *
 * @throws if p is not from 0 to 1
 */
export function alphaDropout(x: Tensor, p = 0.5): Tensor {
  return dropToSaturation('alphaDropout', x, p, x.shape);
}

/** {@link alphaDropout} of whole channels of x [batch, ...space, channels]. */
export function featureAlphaDropout(x: Tensor, p = 0.5): Tensor {
  const shape = x.shape.map((n, i) => (i === 0 || i === x.ndim - 1 ? n : 1));
  return dropToSaturation('featureAlphaDropout', x, p, shape);
}

function dropToSaturation(name: string, x: Tensor, p: number, shape: readonly number[]): Tensor {
  requireProbability(name, p);
  if (p === 0) return x;
  if (p === 1) return x.mul(0);
  const scale = 1 / Math.sqrt((1 - p) * (1 + p * saturation ** 2));
  const dropped = where(bernoulli(1 - p, shape), x, saturation);
  return dropped.mul(scale).add(-scale * p * saturation);
}

/** {@link alphaDropout} in training, the identity in evaluation. */
export class AlphaDropout extends Dropping {
  constructor(p = 0.5) {
    super(p);
  }

  forward(x: Tensor): Tensor {
    return this.training ? alphaDropout(x, this.p) : x;
  }
}

/** {@link featureAlphaDropout} in training, the identity in evaluation. */
export class FeatureAlphaDropout extends Dropping {
  constructor(p = 0.5) {
    super(p);
  }

  forward(x: Tensor): Tensor {
    return this.training ? featureAlphaDropout(x, this.p) : x;
  }
}

/** Adds N(0, std²) to each element in training. */
export class GaussianNoise extends Module {
  readonly std: number;

  /** @throws if std is negative */
  constructor(std: number) {
    super();
    if (!(std >= 0 && std < Infinity))
      throw new Error(`GaussianNoise: std must be a number from 0 on, got ${std}`);
    this.std = std;
  }

  forward(x: Tensor): Tensor {
    return this.training && this.std > 0 ? x.add(normal(x.shape, { std: this.std })) : x;
  }
}

/**
 * Multiplies each element by a draw of N(1, p / (1 - p)) in training: noise of the mean and variance of dropout's.
 * Srivastava et al. (2014).
 */
export class GaussianDropout extends Dropping {
  /** @throws if p is not from 0 to less than 1 */
  constructor(p = 0.5) {
    super(p);
    if (p === 1) throw new Error('GaussianDropout: p must be less than 1, for variance p / (1 - p)');
  }

  forward(x: Tensor): Tensor {
    if (!this.training || this.p === 0) return x;
    return x.mul(normal(x.shape, { mean: 1, std: Math.sqrt(this.p / (1 - this.p)) }));
  }
}
