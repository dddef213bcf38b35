import { bernoulli } from '../core/random.ts';
import { type Tensor, where } from '../core/tensor.ts';
import { Module } from './module.ts';

/**
 * Sets each element to 0 with probability p and divides the others by 1 - p, so that the expectation stays: inverted dropout.
 * Srivastava, Hinton, Krizhevsky, Sutskever, Salakhutdinov (2014). Draws from the default generator.
 *
 * @throws if p is not from 0 to 1
 */
export function dropout(x: Tensor, p = 0.5): Tensor {
  if (!(p >= 0 && p <= 1)) throw new Error(`dropout: p must be a probability from 0 to 1, got ${p}`);
  if (p === 0) return x;
  if (p === 1) return x.mul(0);
  return where(bernoulli(1 - p, x.shape), x.mul(1 / (1 - p)), 0);
}

/** {@link dropout} in training mode, the identity in evaluation. */
export class Dropout extends Module {
  readonly p: number;

  constructor(p = 0.5) {
    super();
    if (!(p >= 0 && p <= 1)) throw new Error(`Dropout: p must be a probability from 0 to 1, got ${p}`);
    this.p = p;
  }

  forward(x: Tensor): Tensor {
    return this.training ? dropout(x, this.p) : x;
  }
}
