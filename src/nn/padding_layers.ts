import type { PadMode } from '../core/padding.ts';
import type { Tensor } from '../core/tensor.ts';
import { Module } from './module.ts';
import { aroundSpace, type PerAxis, paddingOf, requireSpatial } from './spatial_sizes.ts';

/** Layers that surround space, of arrays [batch, ...space, channels]. */

/** Widths of a border: one for all sides, one for each axis, or `[before, after]` for each. */
export type Border = PerAxis | readonly (readonly [number, number])[];

/** What the padding layers have in common. */
abstract class PaddingLayer extends Module {
  readonly padding: Border;
  readonly #axes: number;
  readonly #mode: PadMode;
  readonly #value: number;

  constructor(axes: number, padding: Border, mode: PadMode, value = 0) {
    super();
    this.#axes = axes;
    this.#mode = mode;
    this.#value = value;
    this.padding = padding;
    const ones = new Array<number>(axes).fill(1);
    paddingOf(new.target.name, padding, ones, ones, ones, ones);
  }

  forward(x: Tensor): Tensor {
    const name = this.constructor.name;
    requireSpatial(name, x, this.#axes);
    const ones = new Array<number>(this.#axes).fill(1);
    const around = paddingOf(name, this.padding, ones, ones, ones, ones);
    const room = { reflect: 1, circular: 0 }[this.#mode as string];
    around.forEach((sides, i) => {
      const extent = x.shape[i + 1];
      if (room !== undefined && sides.some((n) => n > extent - room))
        throw new Error(
          `${name}: a border of [${sides.join(', ')}] is too wide for axis ${i + 1} of [${x.shape.join(', ')}], which can give ${extent - room} elements`,
        );
    });
    return x.pad(aroundSpace(around), { mode: this.#mode, value: this.#value });
  }
}

/** Zeros around [batch, time, channels]. */
export class ZeroPad1d extends PaddingLayer {
  constructor(padding: Border) {
    super(1, padding, 'constant');
  }
}

/** Zeros around [batch, height, width, channels]. */
export class ZeroPad2d extends PaddingLayer {
  constructor(padding: Border) {
    super(2, padding, 'constant');
  }
}

/** Zeros around [batch, depth, height, width, channels]. */
export class ZeroPad3d extends PaddingLayer {
  constructor(padding: Border) {
    super(3, padding, 'constant');
  }
}

/** [batch, time, channels] mirrored at its outermost elements: `3 2 | 1 2 3 | 2 1`. */
export class ReflectionPad1d extends PaddingLayer {
  constructor(padding: Border) {
    super(1, padding, 'reflect');
  }
}

/** [batch, height, width, channels] mirrored at its outermost elements: `3 2 | 1 2 3 | 2 1`. */
export class ReflectionPad2d extends PaddingLayer {
  constructor(padding: Border) {
    super(2, padding, 'reflect');
  }
}

/** [batch, depth, height, width, channels] mirrored at its outermost elements: `3 2 | 1 2 3 | 2 1`. */
export class ReflectionPad3d extends PaddingLayer {
  constructor(padding: Border) {
    super(3, padding, 'reflect');
  }
}

/** [batch, time, channels] with its outermost elements again and again: `1 1 | 1 2 3 | 3 3`. */
export class ReplicationPad1d extends PaddingLayer {
  constructor(padding: Border) {
    super(1, padding, 'replicate');
  }
}

/** [batch, height, width, channels] with its outermost elements again and again: `1 1 | 1 2 3 | 3 3`. */
export class ReplicationPad2d extends PaddingLayer {
  constructor(padding: Border) {
    super(2, padding, 'replicate');
  }
}

/** [batch, depth, height, width, channels] with its outermost elements again and again: `1 1 | 1 2 3 | 3 3`. */
export class ReplicationPad3d extends PaddingLayer {
  constructor(padding: Border) {
    super(3, padding, 'replicate');
  }
}

/** [batch, time, channels] with the elements of its other end: `2 3 | 1 2 3 | 1 2`. */
export class CircularPad1d extends PaddingLayer {
  constructor(padding: Border) {
    super(1, padding, 'circular');
  }
}

/** [batch, height, width, channels] with the elements of its other end: `2 3 | 1 2 3 | 1 2`. */
export class CircularPad2d extends PaddingLayer {
  constructor(padding: Border) {
    super(2, padding, 'circular');
  }
}

/** [batch, depth, height, width, channels] with the elements of its other end: `2 3 | 1 2 3 | 1 2`. */
export class CircularPad3d extends PaddingLayer {
  constructor(padding: Border) {
    super(3, padding, 'circular');
  }
}

/** `value` around [batch, time, channels]. */
export class ConstantPad1d extends PaddingLayer {
  constructor(padding: Border, value: number) {
    super(1, padding, 'constant', value);
  }
}

/** `value` around [batch, height, width, channels]. */
export class ConstantPad2d extends PaddingLayer {
  constructor(padding: Border, value: number) {
    super(2, padding, 'constant', value);
  }
}

/** `value` around [batch, depth, height, width, channels]. */
export class ConstantPad3d extends PaddingLayer {
  constructor(padding: Border, value: number) {
    super(3, padding, 'constant', value);
  }
}
