import type { DType } from '../graph/dtype.ts';
import type { ScatterReduction } from './along_axis.ts';
import { type Operand, raw } from './array_base.ts';
import type { Index, Indices } from './array_indexing.ts';
import type { IndexUpdate } from './index_update.ts';
import { checkOptions } from './options.ts';
import {
  chooseOf,
  oneHotOf,
  ravelOf,
  type SizedOptions,
  selectOf,
  triangleIndices,
  unravelOf,
} from './selecting.ts';
import { fromData, Tensor } from './tensor.ts';

/** Indexing as functions. Those that say "see" are the methods of that name. */

export type { ScatterReduction } from './along_axis.ts';
export type { Index, Indices } from './array_indexing.ts';
export type { IndexUpdate } from './index_update.ts';
export type { SizedOptions } from './selecting.ts';

/** See `Tensor.index`. */
export const index = (x: Tensor, ...items: Index[]): Tensor => x.index(...items);
/** See `Tensor.update`. */
export const update = (x: Tensor, ...items: Index[]): IndexUpdate => x.update(...items);
/** See `Tensor.at`. */
export const at = (x: Tensor, position: number, axis?: number): Tensor => x.at(position, axis);
/** See `Tensor.mask`. */
export const mask = (x: Tensor, condition: Tensor): Tensor => x.mask(condition);
/** See `Tensor.take`. */
export const take = (x: Tensor, indices: Indices, axis?: number): Tensor => x.take(indices, axis);
/** See `Tensor.indexSelect`. */
export const indexSelect = (x: Tensor, axis: number, indices: Indices): Tensor => x.take(indices, axis);
/** See `Tensor.takeAlongAxis`. */
export const takeAlongAxis = (x: Tensor, indices: Tensor, axis?: number): Tensor =>
  x.takeAlongAxis(indices, axis);
/** See `Tensor.gather`. */
export const gather = (x: Tensor, axis: number, indices: Tensor): Tensor => x.gather(axis, indices);
/** See `Tensor.putAlongAxis`. */
export const putAlongAxis = (x: Tensor, indices: Tensor, values: Operand, axis?: number): Tensor =>
  x.putAlongAxis(indices, values, axis);
/** See `Tensor.scatter`. */
export const scatter = (x: Tensor, axis: number, indices: Tensor, source: Operand): Tensor =>
  x.scatter(axis, indices, source);
/** See `Tensor.scatterAdd`. */
export const scatterAdd = (x: Tensor, axis: number, indices: Tensor, source: Operand): Tensor =>
  x.scatterAdd(axis, indices, source);
/** See `Tensor.scatterReduce`. */
export const scatterReduce = (
  x: Tensor,
  axis: number,
  indices: Tensor,
  source: Tensor,
  reduction: ScatterReduction,
  options?: { includeSelf?: boolean },
): Tensor => x.scatterReduce(axis, indices, source, reduction, options);
/** See `Tensor.indexAdd`. */
export const indexAdd = (
  x: Tensor,
  axis: number,
  indices: Indices,
  source: Tensor,
  options?: { alpha?: number },
): Tensor => x.indexAdd(axis, indices, source, options);
/** See `Tensor.indexCopy`. */
export const indexCopy = (x: Tensor, axis: number, indices: Indices, source: Tensor): Tensor =>
  x.indexCopy(axis, indices, source);
/** See `Tensor.indexFill`. */
export const indexFill = (x: Tensor, axis: number, indices: Indices, value: number | boolean): Tensor =>
  x.indexFill(axis, indices, value);
/** See `Tensor.maskedFill`. */
export const maskedFill = (x: Tensor, mask: Tensor, value: Operand): Tensor => x.maskedFill(mask, value);
/** See `Tensor.maskedSelect`. */
export const maskedSelect = (x: Tensor, mask: Tensor): Tensor => x.maskedSelect(mask);
/** See `Tensor.compress`. */
export const compress = (x: Tensor, condition: Tensor | readonly boolean[], axis?: number): Tensor =>
  x.compress(condition, axis);
/** See `Tensor.nonzero`. */
export const nonzero = (x: Tensor, options?: SizedOptions): Tensor[] => x.nonzero(options);
/** See `Tensor.argwhere`. */
export const argwhere = (x: Tensor, options?: SizedOptions): Tensor => x.argwhere(options);
/** See `Tensor.flatnonzero`. */
export const flatnonzero = (x: Tensor, options?: SizedOptions): Tensor => x.flatnonzero(options);
/** See `Tensor.dynamicSlice`. */
export const dynamicSlice = (
  x: Tensor,
  starts: readonly (Tensor | number)[],
  sizes: readonly number[],
): Tensor => x.dynamicSlice(starts, sizes);
/** See `Tensor.dynamicUpdateSlice`. */
export const dynamicUpdateSlice = (x: Tensor, block: Tensor, starts: readonly (Tensor | number)[]): Tensor =>
  x.dynamicUpdateSlice(block, starts);
/** See `Tensor.fillDiagonal`. */
export const fillDiagonal = (x: Tensor, value: Operand, offset?: number): Tensor =>
  x.fillDiagonal(value, offset);

/** The elements of the first of `choices` whose condition holds, else of `otherwise` (0); everything broadcasts (NumPy). */
export const select = (
  conditions: readonly Tensor[],
  choices: readonly Operand[],
  otherwise: Operand = 0,
): Tensor =>
  new Tensor(
    selectOf(
      conditions.map((c) => c.node),
      choices.map(raw),
      raw(otherwise),
    ),
  );

/** `out[i] = choices[which[i]][i]`: elements by the number of the array to take them from, clamped; everything broadcasts (NumPy). */
export const choose = (which: Tensor, choices: readonly Operand[]): Tensor =>
  new Tensor(chooseOf(which.node, choices.map(raw)));

/** Indices as vectors of `count` elements with a single 1, on a new axis (the last one by default); indices outside give zeros only. */
export const oneHot = (
  indices: Tensor,
  count: number,
  options: { axis?: number; dtype?: DType } = {},
): Tensor => {
  checkOptions('oneHot', options, ['axis', 'dtype']);
  const { axis = -1, dtype = 'float32' } = options;
  return new Tensor(oneHotOf(indices.node, count)).cast(dtype).moveaxis(-1, axis);
};

/** int32 positions along each axis of an array of `shape`, from row-major positions in it such as argmax() gives (NumPy). */
export const unravelIndex = (indices: Tensor, shape: readonly number[]): Tensor[] =>
  unravelOf(indices.node, shape).map((node) => new Tensor(node));

/** int32 row-major positions in an array of `shape`, from positions along each axis (NumPy). */
export const ravelMultiIndex = (indices: readonly Tensor[], shape: readonly number[]): Tensor =>
  new Tensor(
    ravelOf(
      indices.map((i) => i.node),
      shape,
    ),
  );

const triangle = (rows: number, columns: number, k: number, part: 'lower' | 'upper'): Tensor[] =>
  triangleIndices(rows, columns, k, part).map((list) =>
    fromData(Int32Array.from(list), [list.length], 'int32'),
  );

/** int32 rows and columns of the elements on and below diagonal `k` of a matrix, for `x.index(rows, columns)`. */
export const trilIndices = (rows: number, columns = rows, { k = 0 }: { k?: number } = {}): Tensor[] =>
  triangle(rows, columns, k, 'lower');
/** int32 rows and columns of the elements on and above diagonal `k` of a matrix. */
export const triuIndices = (rows: number, columns = rows, { k = 0 }: { k?: number } = {}): Tensor[] =>
  triangle(rows, columns, k, 'upper');

/**
 * Vectors of positions as arrays that broadcast against each other: `x.index(...ix(rows, columns))` is the block of these rows and columns (NumPy's ix_).
 * A vector of bools stands for the positions where it holds, and must be known.
 */
export const ix = (...vectors: Tensor[]): Tensor[] =>
  vectors.map((vector, i) => {
    if (vector.ndim !== 1)
      throw new Error(`ix: needs vectors, got shape [${vector.shape.join(', ')}] as number ${i}`);
    const at = vector.dtype === 'bool' ? vector.nonzero()[0] : vector;
    return at.reshape(vectors.map((_, k) => (k === i ? -1 : 1)));
  });
