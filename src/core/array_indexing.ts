import * as g from '../graph/build.ts';
import { type Node, sizeOf } from '../graph/node.ts';
import {
  broadcastIndices,
  gatherAlong,
  indexInto,
  maskedFillOf,
  type ScatterReduction,
  scatterAlong,
  scatterReduceAlong,
} from './along_axis.ts';
import { ArrayBase, nodeOf, type Operand, raw } from './array_base.ts';
import { ViewableArray } from './array_views.ts';
import { withDiagonal } from './diagonals.ts';
import { dynamicSliceOf, dynamicUpdateOf } from './dynamic_slices.ts';
import { dataNode } from './evaluate.ts';
import { fromEnd, type IndexItem, nonzeroOf, pick, planIndex, positions } from './index_plan.ts';
import { IndexUpdate, updateOf } from './index_update.ts';
import { axisOf, broadcastShapes, valueLike } from './operands.ts';
import { checkOptions } from './options.ts';
import { nonzeroSized, type SizedOptions } from './selecting.ts';
import type { Tensor } from './tensor.ts';
import type { Range } from './views.ts';

/**
 * An item of `x.index(...)`: a position, a range `[start, end, step?]`, null for a whole axis, '...' for all axes without an item,
 * 'newaxis' for an axis of extent 1, an array of integers (a Tensor or an Int32Array), or a mask of bools.
 */
export type Index = number | Range | '...' | 'newaxis' | Int32Array | Tensor;

/** Positions: an array of integers, or JavaScript numbers. */
export type Indices = Tensor | readonly number[] | Int32Array;

const vector = (data: Int32Array): Node => dataNode(data, [data.length], 'int32');

const itemOf = (item: Index): IndexItem => {
  if (item instanceof ArrayBase) return item.node;
  return item instanceof Int32Array ? vector(item.slice()) : item;
};

/** Positions as a node: numbers must be integers. */
export function indicesOf(name: string, indices: Indices): Node {
  if (indices instanceof ArrayBase) return positions(name, indices.node);
  if (!Array.isArray(indices) && !(indices instanceof Int32Array))
    throw new TypeError(
      `${name}: indices are an array of integers or a list of numbers, got ${JSON.stringify(indices)}; at() takes single ones`,
    );
  const wrong = indices.find((i) => !Number.isInteger(i));
  if (wrong !== undefined) throw new Error(`${name}: indices must be integers, got ${wrong}`);
  return vector(Int32Array.from(indices));
}

const maskNode = (name: string, mask: Tensor | readonly boolean[]): Node => {
  if (!(mask instanceof ArrayBase))
    return dataNode(
      Uint8Array.from(mask, (m) => (m ? 1 : 0)),
      [mask.length],
      'bool',
    );
  if (mask.dtype !== 'bool')
    throw new Error(
      `${name}: the mask must be bool, got ${mask.dtype}; compare first, for example with ne(0)`,
    );
  return mask.node;
};

/**
 * Elements by their positions. Wherever an array gives positions, negative ones count from the end; reading clamps what lies outside to the
 * nearest element, writing drops it.
 */
export abstract class IndexableArray extends ViewableArray {
  /**
   * NumPy's `x[i, j, ..]`: `x.index(0, [1, null], rows, '...')`. Arrays of integers (and numbers beside them) broadcast against each other; their axes
   * stand in their place, or in front where other items come between them. Masks give the positions where they hold, which have
   * to be known: not inside of jit.
   *
   * @throws for numbers outside of their axis, more items than axes, float indices
   */
  index(...items: Index[]): Tensor {
    return this.wrap(pick(this.node, planIndex('index', this.shape, items.map(itemOf))));
  }
  /**
   * The elements that an index (as of `index`) names, to be changed in a copy: `x.update([0, 2]).set(0)`, `x.update(rows).add(changes)`. A mask alone
   * works inside of jit too, if the value is the same for all that it chooses.
   */
  update(...items: Index[]): IndexUpdate {
    const list = items.map(itemOf);
    return new IndexUpdate((kind, value) => this.wrap(updateOf(kind, this.node, list, raw(value))));
  }
  /** Rows (along `axis`) at the given int32 indices; negative ones count from the end, others outside are clamped. */
  take(indices: Indices, axis = 0): Tensor {
    const a = axisOf('take', axis, this.ndim);
    const at = indicesOf('take', indices);
    if (this.shape[a] === 0 && sizeOf(at.shape) > 0)
      throw new Error(`take: axis ${a} of [${this.shape.join(', ')}] is empty`);
    return this.wrap(g.gather(this.node, fromEnd(at, this.shape[a]), a));
  }
  /** PyTorch's name of `take` along an axis, for a vector of indices. */
  indexSelect(axis: number, indices: Indices): Tensor {
    return this.take(indices, axis);
  }
  /** `out[i][j] = x[indices[i][j]][j]` for axis 0, and so on: NumPy's take_along_axis; the other axes broadcast. */
  takeAlongAxis(indices: Tensor, axis = -1): Tensor {
    const spread = broadcastIndices('takeAlongAxis', this.node, nodeOf('takeAlongAxis', indices), axis);
    return this.wrap(
      gatherAlong('takeAlongAxis', spreadTo(this.node, spread, this.ndim, axis), spread, axis),
    );
  }
  /** As takeAlongAxis with PyTorch's rules: on the other axes, the indices may reach less far than the array and do not broadcast. */
  gather(axis: number, indices: Tensor): Tensor {
    return this.wrap(gatherAlong('gather', this.node, nodeOf('gather', indices), axis));
  }
  /** A copy with `values` at (.., indices[..], ..) of an axis; the last of repeated indices counts (NumPy's put_along_axis). */
  putAlongAxis(indices: Tensor, values: Operand, axis = -1): Tensor {
    const spread = broadcastIndices('putAlongAxis', this.node, indices.node, axis);
    return this.wrap(scatterAlong('putAlongAxis', 'set', this.node, axis, spread, raw(values)));
  }
  /** A copy with `source` at (.., indices[..], ..) of an axis; the last of repeated indices counts. The source may be larger than the indices. */
  scatter(axis: number, indices: Tensor, source: Operand): Tensor {
    return this.wrap(scatterAlong('scatter', 'set', this.node, axis, indices.node, raw(source)));
  }
  /** A copy with `source` added at (.., indices[..], ..) of an axis. */
  scatterAdd(axis: number, indices: Tensor, source: Operand): Tensor {
    return this.wrap(scatterAlong('scatterAdd', 'add', this.node, axis, indices.node, raw(source)));
  }
  /**
   * A copy with the elements of `source` combined at (.., indices[..], ..) of an axis, with what was there unless `includeSelf` is false. Where extremes are
   * equal, the derivative goes half to what was there and half to the first update; PyTorch shares among all.
   */
  scatterReduce(
    axis: number,
    indices: Tensor,
    source: Tensor,
    reduction: ScatterReduction,
    options: { includeSelf?: boolean } = {},
  ): Tensor {
    checkOptions('scatterReduce', options, ['includeSelf']);
    const { includeSelf = true } = options;
    return this.wrap(scatterReduceAlong(this.node, axis, indices.node, source.node, reduction, includeSelf));
  }
  /** A copy with `alpha * source` added to the slices at a vector of indices. */
  indexAdd(axis: number, indices: Indices, source: Tensor, options: { alpha?: number } = {}): Tensor {
    checkOptions('indexAdd', options, ['alpha']);
    const { alpha = 1 } = options;
    const scaled = alpha === 1 ? source : source.mul(alpha);
    return this.wrap(
      indexInto('indexAdd', 'add', this.node, axis, indicesOf('indexAdd', indices), scaled.node),
    );
  }
  /** A copy with the slices at a vector of indices replaced; the last of repeated indices counts. */
  indexCopy(axis: number, indices: Indices, source: Tensor): Tensor {
    return this.wrap(
      indexInto('indexCopy', 'set', this.node, axis, indicesOf('indexCopy', indices), source.node),
    );
  }
  /** A copy with the slices at a vector of indices filled with one value. */
  indexFill(axis: number, indices: Indices, value: number | boolean): Tensor {
    return this.wrap(indexInto('indexFill', 'set', this.node, axis, indicesOf('indexFill', indices), value));
  }
  /** `value` where the mask holds, this array elsewhere; both broadcast. */
  maskedFill(mask: Tensor, value: Operand): Tensor {
    return this.wrap(maskedFillOf(this.node, mask.node, raw(value)));
  }
  /**
   * The elements where a mask holds (NumPy's `x[mask]`): the mask's axes become one. How many there are depends on values, so not inside of jit: use
   * where() or maskedFill() there.
   */
  mask(mask: Tensor): Tensor {
    return this.wrap(pick(this.node, planIndex('mask', this.shape, [maskNode('mask', mask)])));
  }
  /** PyTorch's masked_select: as mask, after broadcasting both, always a vector. */
  maskedSelect(mask: Tensor): Tensor {
    const node = maskNode('maskedSelect', mask);
    const shape = broadcastShapes('maskedSelect', this.shape, node.shape);
    return this.broadcastTo(shape).mask(this.wrap(node).broadcastTo(shape));
  }
  /** The slices along an axis for which the condition holds; of the flattened array without `axis`. Not inside of jit. */
  compress(condition: Tensor | readonly boolean[], axis?: number): Tensor {
    const [x, a] = axis === undefined ? [this.ravel(), 0] : [this.self, axisOf('compress', axis, this.ndim)];
    const node = maskNode('compress', condition);
    if (node.shape.length !== 1 || node.shape[0] > x.shape[a])
      throw new Error(
        `compress: a condition of shape [${node.shape.join(', ')}] does not fit axis ${a} of [${x.shape.join(', ')}]`,
      );
    return this.wrap(g.gather(x.node, nonzeroOf('compress', node)[0], a));
  }
  /** int32 positions along each axis of the elements other than 0 (NumPy). Inside of jit, give a `size`; what is left of it is `fillValue` (0). */
  nonzero(options: SizedOptions = {}): Tensor[] {
    return this.#nonzero('nonzero', options).map((along) => this.wrap(along));
  }
  /** int32 positions [count, ndim] of the elements other than 0. Inside of jit, give a `size`; see nonzero. */
  argwhere(options: SizedOptions = {}): Tensor {
    if (this.ndim === 0) return this.unsqueeze(0).argwhere(options).slice(null, [0, 0]);
    const columns = this.#nonzero('argwhere', options).map((along) => g.reshape(along, [along.shape[0], 1]));
    return this.wrap(g.concat(columns, 1));
  }
  /** int32 positions in the flattened array of the elements other than 0. Inside of jit, give a `size`; see nonzero. */
  flatnonzero(options: SizedOptions = {}): Tensor {
    return this.ravel().nonzero(options)[0];
  }
  #nonzero(name: string, options: SizedOptions): Node[] {
    checkOptions(name, options, ['size', 'fillValue']);
    const { size, fillValue = 0 } = options;
    if (size !== undefined) return nonzeroSized(name, this.node, size, fillValue);
    return nonzeroOf(name, this.node, 'the option size, where()');
  }
  /** The block of the given shape that begins at positions which may be arrays; moved inside where it would reach over the edge. */
  dynamicSlice(starts: readonly (Tensor | number)[], sizes: readonly number[]): Tensor {
    return this.wrap(dynamicSliceOf(this.node, starts.map(startOf), sizes));
  }
  /** A copy with the block that begins at `starts` replaced; moved inside where it would reach over the edge. */
  dynamicUpdateSlice(block: Tensor, starts: readonly (Tensor | number)[]): Tensor {
    const value = valueLike('dynamicUpdateSlice', this.node, block.node);
    return this.wrap(dynamicUpdateOf(this.node, value, starts.map(startOf)));
  }
  /** A copy with a diagonal of the last two axes filled: with a scalar, or with one value for each of its elements. */
  fillDiagonal(value: Operand, offset = 0): Tensor {
    return this.wrap(withDiagonal(this.node, valueLike('fillDiagonal', this.node, raw(value)), offset));
  }
}

const startOf = (start: Tensor | number): Node | number => (typeof start === 'number' ? start : start.node);

/** `x` repeated where its axes, but for the indexed one, have extent 1 and the indices more. */
function spreadTo(x: Node, indices: Node, rank: number, axis: number): Node {
  const a = axisOf('takeAlongAxis', axis, rank);
  return g.broadcastTo(
    x,
    indices.shape.map((n, i) => (i === a ? x.shape[i] : n)),
  );
}
