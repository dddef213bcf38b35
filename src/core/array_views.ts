import { ArrayBase, type Axis, type Operand, raw } from './array_base.ts';
import { RunningArray } from './array_running.ts';
import { moveAxisOf, rollOf, rot90Of, swapAxesOf, unflattenOf } from './axis_order.ts';
import { integersOf } from './concrete.ts';
import { diagOf, diagonalMatrix, diagonalOf, traceOf, triangleOf } from './diagonals.ts';
import { appendOf, deleteOf, insertOf } from './joining.ts';
import { axesOf, united, valueLike } from './operands.ts';
import { checkOptions } from './options.ts';
import { type PadMode, type PadWidths, padOf } from './padding.ts';
import { repeatOf, tileOf } from './repetition.ts';
import { windowsOf } from './sliding.ts';
import { arraySplitOf, chunkOf, narrowOf, splitOf, unstackOf } from './splitting.ts';
import type { Tensor } from './tensor.ts';
import * as views from './views.ts';

/** The same elements in another arrangement. */
export abstract class ViewableArray extends RunningArray {
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
  /** The last two axes exchanged: the transposes of a batch of matrices. */
  get mT(): Tensor {
    if (this.ndim < 2) throw new Error(`mT: needs at least two axes, got shape [${this.shape.join(', ')}]`);
    return this.swapaxes(-1, -2);
  }
  /** Removes axes of extent 1: the given ones, or all. */
  squeeze(axis?: Axis): Tensor {
    return this.wrap(views.squeezeOf(this.node, axis));
  }
  /** Inserts an axis of extent 1. */
  unsqueeze(axis: number): Tensor {
    return this.wrap(views.unsqueezeOf(this.node, axis));
  }
  /** `x.slice([0, null], [1, -1, 2])` is Python's `x[0:, 1:-1:2]`; null stands for a whole axis. */
  slice(...ranges: views.Range[]): Tensor {
    return this.wrap(views.sliceTo(this.node, ranges));
  }
  /** `length` elements of an axis from `start` on (PyTorch). */
  narrow(axis: number, start: number, length: number): Tensor {
    return this.wrap(narrowOf(this.node, axis, start, length));
  }
  /** The array at one position of an axis, which disappears. */
  at(index: number, axis = 0): Tensor {
    return this.wrap(views.at(this.node, index, axis));
  }
  /** Reverses the order along axes; along all without `axis`. */
  flip(axis?: Axis): Tensor {
    return this.wrap(views.flipOf(this.node, axesOf('flip', axis, this.ndim)));
  }
  /** Reverses the order along the second axis, left to right. */
  fliplr(): Tensor {
    return this.flip(1);
  }
  /** Reverses the order along the first axis, top to bottom. */
  flipud(): Tensor {
    return this.flip(0);
  }
  /** Repeats extents of 1, and adds axes in front, until the shape is `shape`. */
  broadcastTo(shape: readonly number[]): Tensor {
    return this.wrap(views.broadcastToShape(this.node, shape));
  }
  /** As broadcastTo, where -1 keeps an extent (PyTorch). */
  expand(shape: readonly number[]): Tensor {
    const shift = shape.length - this.ndim;
    return this.broadcastTo(shape.map((n, i) => (n === -1 && i >= shift ? this.shape[i - shift] : n)));
  }
  /** PyTorch's name of `transpose(permutation)`. */
  permute(permutation: readonly number[]): Tensor {
    return this.transpose(permutation);
  }
  /** Moves axes from `source` to `destination`; the others keep their order. */
  moveaxis(source: Axis, destination: Axis): Tensor {
    return this.wrap(moveAxisOf(this.node, source, destination));
  }
  /** Exchanges two axes. */
  swapaxes(first: number, second: number): Tensor {
    return this.wrap(swapAxesOf(this.node, first, second));
  }
  /** Splits an axis into axes of the given sizes, one of which may be -1. */
  unflatten(axis: number, sizes: readonly number[]): Tensor {
    return this.wrap(unflattenOf(this.node, axis, sizes));
  }
  /** All elements in row-major order, as a vector. */
  ravel(): Tensor {
    return this.wrap(views.flattenOf(this.node));
  }
  /** Inserts axes of extent 1 at the given places of the result. */
  expandDims(axis: Axis): Tensor {
    const list = typeof axis === 'number' ? [axis] : axis;
    const places = axesOf('expandDims', list, this.ndim + list.length);
    return this.wrap(places.reduce((x, place) => views.unsqueezeOf(x, place), this.node));
  }
  /** Shifts elements along axes by `shift` places, around the end; of the flattened array without `axis`. */
  roll(shift: number | readonly number[], axis?: Axis): Tensor {
    return this.wrap(rollOf(this.node, shift, axis));
  }
  /** Rotates by `count` quarter turns from the first of two axes towards the second. */
  rot90(count = 1, axes: readonly [number, number] = [0, 1]): Tensor {
    return this.wrap(rot90Of(this.node, count, axes));
  }
  /** The elements x[i, i + offset] of two axes, as a new last axis. */
  diagonal(offset = 0, axis1 = 0, axis2 = 1): Tensor {
    return this.wrap(diagonalOf(this.node, offset, [axis1, axis2]));
  }
  /** Of a vector the matrix with it on diagonal `offset`, of a matrix that diagonal. */
  diag(offset = 0): Tensor {
    return this.wrap(diagOf(this.node, offset));
  }
  /** The last axis as diagonal `offset` of square matrices of zeros: [.., n] becomes [.., m, m], m = n + |offset|. */
  diagEmbed(offset = 0): Tensor {
    if (this.ndim === 0) throw new Error('diagEmbed: needs an axis, got a scalar; reshape it to [1]');
    return this.wrap(diagonalMatrix(this.node, offset));
  }
  /** The sum of a diagonal; bool counts. */
  trace(offset = 0, axis1 = 0, axis2 = 1): Tensor {
    return this.wrap(traceOf(this.node, offset, [axis1, axis2]));
  }
  /** The matrices of the last two axes with zeros above diagonal `k`. */
  tril(k = 0): Tensor {
    return this.wrap(triangleOf(this.node, 'lower', k));
  }
  /** The matrices of the last two axes with zeros below diagonal `k`. */
  triu(k = 0): Tensor {
    return this.wrap(triangleOf(this.node, 'upper', k));
  }
  /**
   * Adds `[before, after]` elements on each axis: `widths` is a pair for each axis, one pair for all, or a number for all sides.
   * What is added is `value` (0) or, by `mode`, copies of elements; constants may have negative widths, which cut.
   */
  pad(widths: PadWidths, options: number | { mode?: PadMode; value?: number } = {}): Tensor {
    const { mode = 'constant', value = 0 } = typeof options === 'number' ? { value: options } : options;
    if (typeof options !== 'number') checkOptions('pad', options, ['mode', 'value']);
    return this.wrap(padOf(this.node, widths, mode, value));
  }
  /** The whole array `counts[i]` times along axis i (PyTorch's `repeat` of sizes). */
  tile(counts: number | readonly number[]): Tensor {
    return this.wrap(tileOf(this.node, typeof counts === 'number' ? [counts] : counts));
  }
  /**
   * Each element `counts` times in a row along an axis (NumPy); of the flattened array without `axis`. An array of counts, one for each
   * element, must have values: the shape of the result depends on them.
   */
  repeat(counts: number | readonly number[] | Tensor, axis?: number): Tensor {
    const known =
      counts instanceof ArrayBase
        ? integersOf('repeat', counts.node, 'counts as JavaScript numbers')
        : counts;
    return this.wrap(repeatOf(this.node, known, axis));
  }
  /** PyTorch's name of `repeat`. */
  repeatInterleave(counts: number | readonly number[] | Tensor, axis?: number): Tensor {
    return this.repeat(counts, axis);
  }
  /** Windows of `size` elements at every `step`-th position of an axis, as a new last axis: extent n becomes floor((n - size) / step) + 1. */
  unfold(axis: number, size: number, step = 1): Tensor {
    return this.wrap(windowsOf('unfold', this.node, [axis], [size], [step]));
  }
  /** Windows at all positions of the given axes (all by default), whose axes are appended (NumPy's sliding_window_view). */
  slidingWindowView(size: number | readonly number[], axis?: Axis): Tensor {
    const sizes = typeof size === 'number' ? [size] : size;
    const axes = axis === undefined ? this.shape.map((_, i) => i) : typeof axis === 'number' ? [axis] : axis;
    return this.wrap(windowsOf('slidingWindowView', this.node, axes, sizes));
  }
  /** Equal parts along an axis, or parts before, between and after the given positions. */
  split(parts: number | readonly number[], axis = 0): Tensor[] {
    return splitOf(this.node, parts, axis).map((part) => this.wrap(part));
  }
  /** As split, but the number of parts need not divide the extent: the first parts are longer by one. */
  arraySplit(parts: number | readonly number[], axis = 0): Tensor[] {
    return arraySplitOf(this.node, parts, axis).map((part) => this.wrap(part));
  }
  /** Parts along the second axis, of vectors along their only one; see split. */
  hsplit(parts: number | readonly number[]): Tensor[] {
    return this.split(parts, this.ndim === 1 ? 0 : 1);
  }
  /** Parts along the first axis; see split. */
  vsplit(parts: number | readonly number[]): Tensor[] {
    if (this.ndim < 2)
      throw new Error(`vsplit: needs at least two axes, got shape [${this.shape.join(', ')}]`);
    return this.split(parts, 0);
  }
  /** At most `count` parts of one extent, except for the last, which may be shorter (PyTorch). */
  chunk(count: number, axis = 0): Tensor[] {
    return chunkOf(this.node, count, axis).map((part) => this.wrap(part));
  }
  /** The arrays at all positions of an axis. */
  unstack(axis = 0): Tensor[] {
    return unstackOf(this.node, axis).map((part) => this.wrap(part));
  }
  /** PyTorch's name of `unstack`. */
  unbind(axis = 0): Tensor[] {
    return this.unstack(axis);
  }
  /** This array and then `values` along an axis; both flattened without `axis`. */
  append(values: Tensor, axis?: number): Tensor {
    const [x, y] = united([this.node, values.node]);
    return this.wrap(appendOf(x, y, axis));
  }
  /**
   * Inserts values before positions of the array as it was; of the flattened array without `axis`. One position takes a block (with a
   * number as position its first axis is the inserted one), several positions take one element each.
   */
  insert(index: number | readonly number[], values: Operand, axis?: number): Tensor {
    return this.wrap(insertOf(this.node, index, valueLike('insert', this.node, raw(values)), axis));
  }
  /** Without the elements at the given positions of an axis; of the flattened array without `axis` (NumPy's delete). */
  deleteAt(index: number | readonly number[], axis?: number): Tensor {
    return this.wrap(deleteOf(this.node, index, axis));
  }
}
