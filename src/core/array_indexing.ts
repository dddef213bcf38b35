import * as g from '../graph/build.ts';
import { isInteger } from '../graph/dtype.ts';
import { ArrayBase } from './array_base.ts';
import { ViewableArray } from './array_views.ts';
import { dataNode } from './evaluate.ts';
import { asNumber, axisOf } from './operands.ts';
import type { Tensor } from './tensor.ts';

/** Elements by their positions, and positions by their elements. */
export abstract class IndexableArray extends ViewableArray {
  /** Rows (along `axis`) at the given int32 indices; negative ones count from the end, others outside are clamped. */
  take(indices: Tensor | readonly number[], axis = 0): Tensor {
    const a = axisOf('take', axis, this.ndim);
    const list =
      indices instanceof ArrayBase
        ? indices.node
        : dataNode(Int32Array.from(indices), [indices.length], 'int32');
    if (!isInteger(list.dtype))
      throw new Error(`take: indices must be integers, got ${list.dtype}; cast them to int32`);
    const wrapped = g.cast(list, 'int32');
    const extent = g.constant(this.shape[a], wrapped.shape, 'int32');
    const negative = g.compare('lt', wrapped, g.fill(0, wrapped));
    return this.wrap(g.gather(this.node, g.select(negative, g.add(wrapped, extent), wrapped), a));
  }
  /** int32 permutation that sorts along an axis, ascending and stable, NaN last. */
  argsort(axis = -1): Tensor {
    const a = axisOf('argsort', axis, this.ndim);
    const last = this.shape.map((_, i) => i).filter((i) => i !== a);
    const order = g.argsort(g.transpose(asNumber(this.node), [...last, a]));
    return this.wrap(
      g.transpose(
        order,
        this.shape.map((_, i) => (i === a ? this.ndim - 1 : last.indexOf(i))),
      ),
    );
  }
}
