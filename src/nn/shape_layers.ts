import { checkOptions } from '../core/options.ts';
import type { Tensor } from '../core/tensor.ts';
import { Module } from './module.ts';
import { requirePositive } from './spatial_sizes.ts';

/** Layers that change how an array is laid out, not what is in it. The batch, axis 0, stays where it is unless said otherwise. */

/** Gives back what it gets: stands where a layer is optional. */
export class Identity extends Module {
  forward(x: Tensor): Tensor {
    return x;
  }
}

/** Joins the axes from `start` (default 1: all but the batch) to `end` into one. */
export class Flatten extends Module {
  readonly start: number;
  readonly end: number;

  constructor(start = 1, end = -1) {
    super();
    this.start = start;
    this.end = end;
  }

  forward(x: Tensor): Tensor {
    return x.flatten(this.start, this.end);
  }
}

/** Splits an axis into several: `new Unflatten(1, [2, 3])` of [batch, 6, ...] gives [batch, 2, 3, ...]. One size may be -1. */
export class Unflatten extends Module {
  readonly axis: number;
  readonly sizes: readonly number[];

  constructor(axis: number, sizes: readonly number[]) {
    super();
    this.axis = axis;
    this.sizes = sizes;
  }

  forward(x: Tensor): Tensor {
    return x.unflatten(this.axis, this.sizes);
  }
}

/** Each example in another shape: [batch, ...] to [batch, ...shape]. One size may be -1: what is left. */
export class Reshape extends Module {
  readonly shape: readonly number[];

  constructor(shape: readonly number[]) {
    super();
    this.shape = shape;
  }

  /** @throws if the sizes do not multiply to those of an example */
  forward(x: Tensor): Tensor {
    const known = this.shape.reduce((size, n) => (n === -1 ? size : size * n), 1);
    const each = x.shape.slice(1).reduce((size, n) => size * n, 1);
    const fits = this.shape.includes(-1) ? known > 0 && each % known === 0 : each === known;
    if (x.ndim < 1 || !fits)
      throw new Error(
        `Reshape([${this.shape.join(', ')}]): the examples of an input [${x.shape.join(', ')}] have ${each} elements each`,
      );
    return x.reshape([x.shape[0], ...this.shape.map((n) => (n === -1 ? each / known : n))]);
  }
}

/** The axes in another order, the batch included: `new Permute([0, 2, 1])`. */
export class Permute extends Module {
  readonly order: readonly number[];

  constructor(order: readonly number[]) {
    super();
    this.order = order;
  }

  forward(x: Tensor): Tensor {
    return x.permute(this.order);
  }
}

/** A vector for each of `count` time steps: [batch, features] to [batch, count, features]. */
export class RepeatVector extends Module {
  readonly count: number;

  /** @throws if count is not a positive integer */
  constructor(count: number) {
    super();
    requirePositive('RepeatVector', { count });
    this.count = count;
  }

  forward(x: Tensor): Tensor {
    if (x.ndim !== 2)
      throw new Error(`RepeatVector: the input must be [batch, features], got [${x.shape.join(', ')}]`);
    const [batch, features] = x.shape;
    return x.unsqueeze(1).broadcastTo([batch, this.count, features]);
  }
}

/** A function as a layer, for containers of layers: `new Lambda((x) => x.mul(2))`. Variables in it are not found: give it none. */
export class Lambda<F extends (...inputs: never[]) => unknown = (x: Tensor) => Tensor> extends Module {
  readonly #f: F;
  readonly name: string;

  /** @param options.name for summaries */
  constructor(f: F, options: { name?: string } = {}) {
    super();
    checkOptions('Lambda', options, ['name']);
    if (typeof f !== 'function') throw new TypeError(`Lambda: needs a function, got ${typeof f}`);
    this.#f = f;
    this.name = options.name ?? f.name;
  }

  forward(...inputs: Parameters<F>): ReturnType<F> {
    return this.#f(...inputs) as ReturnType<F>;
  }
}
