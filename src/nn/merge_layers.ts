import { checkOptions } from '../core/options.ts';
import { concat, einsum, type Tensor } from '../core/tensor.ts';
import { Module } from './module.ts';

/** Layers that make one array of several, for models that branch. Shapes broadcast unless said otherwise. */

const shapesOf = (inputs: readonly Tensor[]): string =>
  inputs.map((x) => `[${x.shape.join(', ')}]`).join(', ');

/** What the elementwise merges have in common. */
abstract class Merge extends Module {
  forward(...inputs: Tensor[]): Tensor {
    if (inputs.length < 2)
      throw new Error(`${this.constructor.name}: needs two arrays or more, got ${inputs.length}`);
    return this.merge(inputs);
  }

  protected abstract merge(inputs: readonly Tensor[]): Tensor;
}

/** The sum of its inputs. */
export class Add extends Merge {
  protected merge(inputs: readonly Tensor[]): Tensor {
    return inputs.reduce((a, b) => a.add(b));
  }
}

/** The first input minus the second. */
export class Subtract extends Module {
  forward(a: Tensor, b: Tensor): Tensor {
    return a.sub(b);
  }
}

/** The product of its inputs, element by element. */
export class Multiply extends Merge {
  protected merge(inputs: readonly Tensor[]): Tensor {
    return inputs.reduce((a, b) => a.mul(b));
  }
}

/** The mean of its inputs. */
export class Average extends Merge {
  protected merge(inputs: readonly Tensor[]): Tensor {
    return inputs.reduce((a, b) => a.add(b)).mul(1 / inputs.length);
  }
}

/** The largest of its inputs, element by element. */
export class Maximum extends Merge {
  protected merge(inputs: readonly Tensor[]): Tensor {
    return inputs.reduce((a, b) => a.maximum(b));
  }
}

/** The smallest of its inputs, element by element. */
export class Minimum extends Merge {
  protected merge(inputs: readonly Tensor[]): Tensor {
    return inputs.reduce((a, b) => a.minimum(b));
  }
}

/** Its inputs one behind the other along an axis, the last (channels) by default. */
export class Concatenate extends Module {
  readonly axis: number;

  constructor(axis = -1) {
    super();
    this.axis = axis;
  }

  forward(...inputs: Tensor[]): Tensor {
    if (inputs.length === 0) throw new Error('Concatenate: needs arrays');
    return concat(inputs, this.axis);
  }
}

/** Options of {@link Dot}. */
export interface DotOptions {
  /** The axis of each input that is summed over, or one for both. Default -1. */
  axes?: number | readonly [number, number];
  /** Whether vectors along those axes are divided by their length first: then it is their cosine. Default false. */
  normalize?: boolean;
}

/**
 * Sums of products of two inputs along an axis of each, example by example: of [batch, n] and [batch, n] the dot products
 * [batch, 1], as Keras gives them; of [batch, ...a, n] and [batch, ...b, n] all of them, [batch, ...a, ...b].
 */
export class Dot extends Module {
  readonly #axes: readonly [number, number];
  readonly #normalize: boolean;

  constructor(options: DotOptions = {}) {
    super();
    checkOptions('Dot', options, ['axes', 'normalize']);
    const { axes = -1, normalize = false } = options;
    this.#axes = typeof axes === 'number' ? [axes, axes] : axes;
    this.#normalize = normalize;
  }

  /** @throws if batches or the axes differ in extent, or an axis is the batch */
  forward(a: Tensor, b: Tensor): Tensor {
    const [i, j] = [a, b].map((x, k) => {
      const axis = this.#axes[k] < 0 ? this.#axes[k] + x.ndim : this.#axes[k];
      if (!(axis >= 1 && axis < x.ndim))
        throw new Error(
          `Dot: axis ${this.#axes[k]} of [${x.shape.join(', ')}] must exist and not be the batch`,
        );
      return axis;
    });
    if (a.shape[0] !== b.shape[0] || a.shape[i] !== b.shape[j])
      throw new Error(
        `Dot: inputs must agree in the batch and in axes ${i} and ${j}, got ${shapesOf([a, b])}`,
      );
    const [x, y] = this.#normalize ? [unit(a, i), unit(b, j)] : [a, b];
    // n: batch, z: the axis that is summed over.
    const free = [...'abcdefghijklm'];
    const left = a.shape.map((_, axis) => (axis === 0 ? 'n' : axis === i ? 'z' : free.shift()!));
    const right = b.shape.map((_, axis) => (axis === 0 ? 'n' : axis === j ? 'z' : free.shift()!));
    const out = [...left, ...right.slice(1)].filter((letter) => letter !== 'z');
    const dots = einsum(`${left.join('')},${right.join('')}->${out.join('')}`, x, y);
    return dots.ndim === 1 ? dots.unsqueeze(1) : dots;
  }
}

/** Vectors along an axis, divided by their length (those shorter than 1e-12 by that). */
const unit = (x: Tensor, axis: number): Tensor =>
  x.mul(x.square().sum(axis, { keepDims: true }).maximum(1e-24).rsqrt());
