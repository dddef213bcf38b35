import { checkOptions } from '../core/options.ts';
import type { Tensor } from '../core/tensor.ts';
import { gelu, relu, sigmoid, silu } from './activations.ts';
import { constant } from './init.ts';
import { Linear } from './linear.ts';
import { type Layer, Module } from './module.ts';
import type { Step } from './sequential.ts';
import { requirePositive } from './spatial_sizes.ts';

/** Layers in which one part of the input decides how much of another goes through. */

/** `x + inner(x)`, or `shortcut(x) + inner(x)` where shapes change. He, Zhang, Ren, Sun (2015). */
export class Residual extends Module {
  readonly inner: Step;
  readonly shortcut: Step | null;

  /** @param options.shortcut what the input goes through on its way around, default nothing */
  constructor(inner: Step, options: { shortcut?: Layer | ((x: Tensor) => Tensor) } = {}) {
    super();
    checkOptions('Residual', options, ['shortcut']);
    this.inner = inner;
    this.shortcut = options.shortcut ?? null;
  }

  /** @throws if the two sides differ in shape */
  forward(x: Tensor): Tensor {
    const through = (step: Step) => (typeof step === 'function' ? step(x) : step.forward(x));
    const y = through(this.inner);
    const around = this.shortcut === null ? x : through(this.shortcut);
    if (String(y.shape) !== String(around.shape))
      throw new Error(
        `Residual: the inner layer gives [${y.shape.join(', ')}], the shortcut [${around.shape.join(', ')}]; give a shortcut that changes the shape, too`,
      );
    return around.add(y);
  }
}

/**
 * Channels weighted by what is in all of them: x [batch, ...space, channels] times `σ(excite(relu(squeeze(mean of x over
 * space))))`. Hu, Shen, Sun (2017).
 */
export class SqueezeExcitation extends Module {
  readonly squeeze: Linear;
  readonly excite: Linear;

  /**
   * @param hidden features between the two linear maps, default a sixteenth of the channels, at least 1
   * @throws if a size is not a positive integer
   */
  constructor(channels: number, hidden = Math.max(1, Math.floor(channels / 16))) {
    super();
    requirePositive('SqueezeExcitation', { channels, hidden });
    this.squeeze = new Linear(channels, hidden);
    this.excite = new Linear(hidden, channels);
  }

  forward(x: Tensor): Tensor {
    const channels = this.excite.weight.shape[0];
    if (x.ndim < 3 || x.shape[x.ndim - 1] !== channels)
      throw new Error(
        `SqueezeExcitation: the input must be [batch, ...space, ${channels}], got [${x.shape.join(', ')}]`,
      );
    const space = Array.from({ length: x.ndim - 2 }, (_, i) => i + 1);
    const means = x.mean(space, { keepDims: true });
    return x.mul(this.excite.forward(this.squeeze.forward(means).relu()).sigmoid());
  }
}

/**
 * A layer that learns how much to change: `t h(x) + (1 - t) x` with `h = activation(transform(x))`, `t = σ(gate(x))`, over
 * the last axis. Srivastava, Greff, Schmidhuber (2015).
 */
export class Highway extends Module {
  readonly transform: Linear;
  readonly gate: Linear;
  readonly #activation: (x: Tensor) => Tensor;

  /**
   * @param options.activation default relu
   * @param options.gateBias first bias of the gate: the lower, the more goes through unchanged at first. Default -1.
   */
  constructor(dim: number, options: { activation?: (x: Tensor) => Tensor; gateBias?: number } = {}) {
    super();
    checkOptions('Highway', options, ['activation', 'gateBias']);
    requirePositive('Highway', { dim });
    this.#activation = options.activation ?? relu;
    this.transform = new Linear(dim, dim);
    this.gate = new Linear(dim, dim);
    this.gate.bias?.assign(constant([dim], options.gateBias ?? -1));
  }

  forward(x: Tensor): Tensor {
    const change = this.#activation(this.transform.forward(x));
    return x.add(this.gate.forward(x).sigmoid().mul(change.sub(x)));
  }
}

const gates = { sigmoid, relu, gelu, silu };

/**
 * A linear map that another one gates: `value(x) gateActivation(gate(x))`, [..., in] to [..., out]. With sigmoid the gated
 * linear unit of Dauphin et al. (2016), with gelu GEGLU, with silu SwiGLU. Shazeer (2020).
 */
export class GatedLinear extends Module {
  readonly value: Linear;
  readonly gate: Linear;
  readonly #activation: (x: Tensor) => Tensor;

  /**
   * @param options.activation of the gate. Default sigmoid
   * @param options.bias whether the maps have biases, default true
   */
  constructor(
    inputs: number,
    outputs: number,
    options: { activation?: keyof typeof gates; bias?: boolean } = {},
  ) {
    super();
    checkOptions('GatedLinear', options, ['activation', 'bias']);
    requirePositive('GatedLinear', { inputs, outputs });
    const { activation = 'sigmoid', bias = true } = options;
    if (!Object.hasOwn(gates, activation))
      throw new Error(
        `GatedLinear: activation must be one of ${Object.keys(gates).join(', ')}, got '${String(activation)}'`,
      );
    this.#activation = gates[activation];
    this.value = new Linear(inputs, outputs, { bias });
    this.gate = new Linear(inputs, outputs, { bias });
  }

  forward(x: Tensor): Tensor {
    return this.value.forward(x).mul(this.#activation(this.gate.forward(x)));
  }
}
