import * as g from '../graph/build.ts';
import type { Axis } from './array_base.ts';
import { ReducibleArray } from './array_reductions.ts';
import { axesOf } from './operands.ts';
import type { Tensor } from './tensor.ts';
import * as views from './views.ts';

/** The same elements in another arrangement. */
export abstract class ViewableArray extends ReducibleArray {
  /** The same elements in row-major order under another shape; one extent may be -1. */
  reshape(shape: readonly number[]): Tensor {
    return this.wrap(views.reshapeTo(this.node, shape));
  }
  /** Merges the axes from `start` to `end`, both included. */
  flatten(start = 0, end = -1): Tensor {
    return this.wrap(views.flattenOf(this.node, start, end));
  }
  /** Permutes the axes; reverses them without a permutation. */
  transpose(permutation?: readonly number[]): Tensor {
    return this.wrap(views.transposeTo(this.node, permutation));
  }
  /** The transpose of a matrix; reverses the axes of any array. */
  get T(): Tensor {
    return this.transpose();
  }
  squeeze(axis?: Axis): Tensor {
    return this.wrap(views.squeezeOf(this.node, axis));
  }
  unsqueeze(axis: number): Tensor {
    return this.wrap(views.unsqueezeOf(this.node, axis));
  }
  /** `x.slice([0, null], [1, -1, 2])` is Python's `x[0:, 1:-1:2]`; null stands for a whole axis. */
  slice(...ranges: views.Range[]): Tensor {
    return this.wrap(views.sliceTo(this.node, ranges));
  }
  /** The array at one position of an axis, which disappears. */
  at(index: number, axis = 0): Tensor {
    return this.wrap(views.at(this.node, index, axis));
  }
  flip(axis?: Axis): Tensor {
    return this.wrap(views.flipOf(this.node, axesOf('flip', axis, this.ndim)));
  }
  broadcastTo(shape: readonly number[]): Tensor {
    return this.wrap(views.broadcastToShape(this.node, shape));
  }
  /** Adds `[before, after]` elements of `value` on each axis. */
  pad(widths: readonly (readonly [number, number])[], value = 0): Tensor {
    if (widths.length !== this.ndim)
      throw new Error(`pad: ${widths.length} widths for an array of shape [${this.shape.join(', ')}]`);
    return this.wrap(
      g.pad(
        this.node,
        widths.map((w) => w[0]),
        widths.map((w) => w[1]),
        widths.map(() => 0),
        value,
      ),
    );
  }
}
