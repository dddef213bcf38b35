import type { Tensor } from '../core/tensor.ts';
import { type Layer, Module } from './module.ts';

/** A layer, or a function for what needs none: `(x) => x.flatten(1)`. */
export type Step = Layer | ((x: Tensor) => Tensor);

/**
 * Layers one after the other: `new Sequential(new Linear(784, 128), new ReLU(), new Linear(128, 10))`. They are named by their
 * numbers, as in PyTorch: `0.weight`, `0.bias`, `2.weight`, ...
 */
export class Sequential extends Module {
  readonly layers: readonly Step[];

  /** @throws TypeError for what is neither a layer nor a function */
  constructor(...layers: Step[]) {
    super();
    const wrong = layers.findIndex((l) => typeof l !== 'function' && typeof l?.forward !== 'function');
    if (wrong >= 0)
      throw new TypeError(
        `Sequential: argument ${wrong} is neither a layer nor a function of an array` +
          (Array.isArray(layers[wrong]) ? '; layers come as arguments of their own, without brackets' : ''),
      );
    this.layers = layers;
  }

  protected override members(): Iterable<readonly [string, unknown]> {
    return this.layers.map((layer, i) => [String(i), layer] as const);
  }

  forward(x: Tensor): Tensor {
    return this.layers.reduce((y, layer) => (typeof layer === 'function' ? layer(y) : layer.forward(y)), x);
  }
}
