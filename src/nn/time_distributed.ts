import type { Tensor } from '../core/tensor.ts';
import { type Layer, Module } from './module.ts';

/** A layer applied to each time step on its own: x [batch, time, ...] to [batch, time, ...], the steps as further examples. */
export class TimeDistributed extends Module {
  readonly layer: Layer;

  constructor(layer: Layer) {
    super();
    this.layer = layer;
  }

  forward(x: Tensor): Tensor {
    if (x.ndim < 2)
      throw new Error(`TimeDistributed: the input must be [batch, time, ...], got [${x.shape.join(', ')}]`);
    const [batch, time, ...rest] = x.shape;
    const y = this.layer.forward(x.reshape([batch * time, ...rest]));
    return y.reshape([batch, time, ...y.shape.slice(1)]);
  }
}
