import * as g from '../graph/build.ts';
import type { Node } from '../graph/node.ts';
import type { Axis, Operand } from './array_base.ts';
import { atLeast3, atLeast as atLeastOf } from './axis_order.ts';
import {
  type Blocks,
  blockDiagOf,
  blockOf,
  columnStackOf,
  dstackOf,
  hstackOf,
  meshgridOf,
  vstackOf,
} from './joining.ts';
import { broadcastShapes as shapesMeet, united } from './operands.ts';
import { checkOptions } from './options.ts';
import type { PadMode, PadWidths } from './padding.ts';
import { Tensor } from './tensor.ts';
import type { Range } from './views.ts';

/** Views, joining and splitting as functions. Those that say "see" are the methods of that name. */

export type { Blocks } from './joining.ts';
export type { PadMode, PadWidths } from './padding.ts';
export type { Range } from './views.ts';

/** See `Tensor.reshape`. */
export const reshape = (x: Tensor, shape: readonly number[]): Tensor => x.reshape(shape);
/** See `Tensor.flatten`. */
export const flatten = (x: Tensor, start?: number, end?: number): Tensor => x.flatten(start, end);
/** See `Tensor.ravel`. */
export const ravel = (x: Tensor): Tensor => x.ravel();
/** See `Tensor.unflatten`. */
export const unflatten = (x: Tensor, axis: number, sizes: readonly number[]): Tensor =>
  x.unflatten(axis, sizes);
/** See `Tensor.transpose`. */
export const transpose = (x: Tensor, permutation?: readonly number[]): Tensor => x.transpose(permutation);
/** See `Tensor.permute`. */
export const permute = (x: Tensor, permutation: readonly number[]): Tensor => x.permute(permutation);
/** See `Tensor.moveaxis`. */
export const moveaxis = (x: Tensor, source: Axis, destination: Axis): Tensor =>
  x.moveaxis(source, destination);
/** See `Tensor.swapaxes`. */
export const swapaxes = (x: Tensor, first: number, second: number): Tensor => x.swapaxes(first, second);
/** See `Tensor.squeeze`. */
export const squeeze = (x: Tensor, axis?: Axis): Tensor => x.squeeze(axis);
/** See `Tensor.unsqueeze`. */
export const unsqueeze = (x: Tensor, axis: number): Tensor => x.unsqueeze(axis);
/** See `Tensor.expandDims`. */
export const expandDims = (x: Tensor, axis: Axis): Tensor => x.expandDims(axis);
/** See `Tensor.slice`. */
export const slice = (x: Tensor, ...ranges: Range[]): Tensor => x.slice(...ranges);
/** See `Tensor.flip`. */
export const flip = (x: Tensor, axis?: Axis): Tensor => x.flip(axis);
/** See `Tensor.fliplr`. */
export const fliplr = (x: Tensor): Tensor => x.fliplr();
/** See `Tensor.flipud`. */
export const flipud = (x: Tensor): Tensor => x.flipud();
/** See `Tensor.roll`. */
export const roll = (x: Tensor, shift: number | readonly number[], axis?: Axis): Tensor =>
  x.roll(shift, axis);
/** See `Tensor.rot90`. */
export const rot90 = (x: Tensor, count?: number, axes?: readonly [number, number]): Tensor =>
  x.rot90(count, axes);
/** See `Tensor.broadcastTo`. */
export const broadcastTo = (x: Tensor, shape: readonly number[]): Tensor => x.broadcastTo(shape);
/** See `Tensor.expand`. */
export const expand = (x: Tensor, shape: readonly number[]): Tensor => x.expand(shape);
/** See `Tensor.unfold`. */
export const unfold = (x: Tensor, axis: number, size: number, step?: number): Tensor =>
  x.unfold(axis, size, step);
/** See `Tensor.diagonal`. */
export const diagonal = (x: Tensor, offset?: number, axis1?: number, axis2?: number): Tensor =>
  x.diagonal(offset, axis1, axis2);
/** See `Tensor.diag`. */
export const diag = (x: Tensor, offset?: number): Tensor => x.diag(offset);
/** See `Tensor.diagEmbed`. */
export const diagEmbed = (x: Tensor, offset?: number): Tensor => x.diagEmbed(offset);
/** See `Tensor.trace`. */
export const trace = (x: Tensor, offset?: number, axis1?: number, axis2?: number): Tensor =>
  x.trace(offset, axis1, axis2);
/** See `Tensor.tril`. */
export const tril = (x: Tensor, k?: number): Tensor => x.tril(k);
/** See `Tensor.triu`. */
export const triu = (x: Tensor, k?: number): Tensor => x.triu(k);
/** See `Tensor.pad`. */
export const pad = (
  x: Tensor,
  widths: PadWidths,
  options?: number | { mode?: PadMode; value?: number },
): Tensor => x.pad(widths, options);
/** See `Tensor.tile`. */
export const tile = (x: Tensor, counts: number | readonly number[]): Tensor => x.tile(counts);
/** See `Tensor.repeat`. */
export const repeat = (x: Tensor, counts: number | readonly number[] | Tensor, axis?: number): Tensor =>
  x.repeat(counts, axis);
/** See `Tensor.repeatInterleave`. */
export const repeatInterleave = (
  x: Tensor,
  counts: number | readonly number[] | Tensor,
  axis?: number,
): Tensor => x.repeat(counts, axis);
/** See `Tensor.slidingWindowView`. */
export const slidingWindowView = (x: Tensor, size: number | readonly number[], axis?: Axis): Tensor =>
  x.slidingWindowView(size, axis);
/** See `Tensor.split`. */
export const split = (x: Tensor, parts: number | readonly number[], axis?: number): Tensor[] =>
  x.split(parts, axis);
/** See `Tensor.arraySplit`. */
export const arraySplit = (x: Tensor, parts: number | readonly number[], axis?: number): Tensor[] =>
  x.arraySplit(parts, axis);
/** See `Tensor.hsplit`. */
export const hsplit = (x: Tensor, parts: number | readonly number[]): Tensor[] => x.hsplit(parts);
/** See `Tensor.vsplit`. */
export const vsplit = (x: Tensor, parts: number | readonly number[]): Tensor[] => x.vsplit(parts);
/** See `Tensor.narrow`. */
export const narrow = (x: Tensor, axis: number, start: number, length: number): Tensor =>
  x.narrow(axis, start, length);
/** See `Tensor.chunk`. */
export const chunk = (x: Tensor, count: number, axis?: number): Tensor[] => x.chunk(count, axis);
/** See `Tensor.unstack`. */
export const unstack = (x: Tensor, axis?: number): Tensor[] => x.unstack(axis);
/** See `Tensor.unbind`. */
export const unbind = (x: Tensor, axis?: number): Tensor[] => x.unstack(axis);
/** See `Tensor.append`. */
export const append = (x: Tensor, values: Tensor, axis?: number): Tensor => x.append(values, axis);
/** See `Tensor.insert`. */
export const insert = (
  x: Tensor,
  index: number | readonly number[],
  values: Operand,
  axis?: number,
): Tensor => x.insert(index, values, axis);
/** See `Tensor.deleteAt`. */
export const deleteAt = (x: Tensor, index: number | readonly number[], axis?: number): Tensor =>
  x.deleteAt(index, axis);

const joined = (parts: readonly Tensor[]) => united(parts.map((p) => p.node));

/** At least one axis: a scalar becomes [1]. */
export const atLeast1d = (x: Tensor): Tensor => new Tensor(atLeastOf(x.node, 1));
/** At least two axes: a vector becomes a row. */
export const atLeast2d = (x: Tensor): Tensor => new Tensor(atLeastOf(x.node, 2));
/** At least three axes: a vector becomes [1, n, 1], a matrix [m, n, 1]. */
export const atLeast3d = (x: Tensor): Tensor => new Tensor(atLeast3(x.node));

/** The shape in which arrays of the given shapes meet: aligned at the right, extents equal or 1. */
export const broadcastShapes = (...shapes: (readonly number[])[]): number[] =>
  shapesMeet('broadcastShapes', ...shapes);
/** The arrays in the shape in which they meet; dtypes stay. */
export function broadcastArrays(...arrays: Tensor[]): Tensor[] {
  const shape = shapesMeet('broadcastArrays', ...arrays.map((x) => x.shape));
  return arrays.map((x) => x.broadcastTo(shape));
}

/** Side by side: along the second axis, vectors one after the other. */
export const hstack = (parts: readonly Tensor[]): Tensor => new Tensor(hstackOf(joined(parts)));
/** One below the other, along the first axis; vectors are rows. */
export const vstack = (parts: readonly Tensor[]): Tensor => new Tensor(vstackOf(joined(parts)));
/** Along the third axis; vectors count as [1, n, 1], matrices as [m, n, 1]. */
export const dstack = (parts: readonly Tensor[]): Tensor => new Tensor(dstackOf(joined(parts)));
/** Vectors as the columns of a matrix; matrices side by side. */
export const columnStack = (parts: readonly Tensor[]): Tensor => new Tensor(columnStackOf(joined(parts)));
/** Matrices along the diagonal of a matrix of zeros (SciPy's block_diag); vectors are rows. */
export const blockDiag = (...parts: Tensor[]): Tensor => new Tensor(blockDiagOf(joined(parts)));

/**
 * Arrays of coordinates of a grid from vectors of coordinates: of vectors of n and m elements, two arrays of shape [m, n] by 'xy' (the
 * default, as NumPy's) or [n, m] by 'ij'.
 */
export const meshgrid = (vectors: readonly Tensor[], options: { indexing?: 'xy' | 'ij' } = {}): Tensor[] => {
  checkOptions('meshgrid', options, ['indexing']);
  const { indexing = 'xy' } = options;
  if (indexing !== 'xy' && indexing !== 'ij')
    throw new Error(`meshgrid: indexing is 'xy' or 'ij', got '${String(indexing)}'`);
  return meshgridOf(
    vectors.map((v) => v.node),
    indexing,
  ).map((node) => new Tensor(node));
};

/** The positions of a grid as int32 of shape [rank, ..shape]: `indices(s).at(k)` holds the position along axis k. */
export function indices(shape: readonly number[]): Tensor {
  const axes = shape.map((_, axis) => g.reshape(g.iota(axis, shape), [1, ...shape]));
  return new Tensor(axes.length === 0 ? g.constant(0, [0], 'int32') : g.concat(axes, 0));
}

/**
 * An array from nested lists of blocks: `block([[a, b], [c, d]])` joins the arrays of the inner lists along the last axis, and what that gives
 * along the one before (NumPy).
 */
export function block(blocks: Blocks<Tensor>): Tensor {
  const list: Tensor[] = [];
  const collect = (b: Blocks<Tensor>): void => {
    if (b instanceof Tensor) list.push(b);
    else b.forEach(collect);
  };
  collect(blocks);
  const nodes = united(list.map((x) => x.node));
  let next = 0;
  const replace = (b: Blocks<Tensor>): Blocks<Node> => (b instanceof Tensor ? nodes[next++] : b.map(replace));
  return new Tensor(blockOf(replace(blocks)));
}
