import * as g from '../graph/build.ts';
import type { Node } from '../graph/node.ts';
import { atLeast, atLeast3, moveAxisOf } from './axis_order.ts';
import { axisOf } from './operands.ts';
import { rearrange, sliceAxis } from './rearrange.ts';
import { concatOf, flattenOf } from './views.ts';

/** Arrays made of several arrays, which have one dtype. */

const needsOne = (name: string, parts: readonly Node[]): void => {
  if (parts.length === 0) throw new Error(`${name}: needs at least one array`);
};

/** Side by side: along the second axis, vectors along their only one. */
export function hstackOf(parts: readonly Node[]): Node {
  needsOne('hstack', parts);
  const arrays = parts.map((p) => atLeast(p, 1));
  return concatOf(arrays, arrays[0].shape.length === 1 ? 0 : 1);
}

/** One below the other; vectors are rows. */
export function vstackOf(parts: readonly Node[]): Node {
  needsOne('vstack', parts);
  return concatOf(
    parts.map((p) => atLeast(p, 2)),
    0,
  );
}

/** Along the third axis. */
export function dstackOf(parts: readonly Node[]): Node {
  needsOne('dstack', parts);
  return concatOf(parts.map(atLeast3), 2);
}

/** Vectors as the columns of a matrix; matrices side by side. */
export function columnStackOf(parts: readonly Node[]): Node {
  needsOne('columnStack', parts);
  const columns = parts.map((p) => {
    if (p.shape.length >= 2) return p;
    const vector = atLeast(p, 1);
    return g.reshape(vector, [vector.shape[0], 1]);
  });
  return concatOf(columns, 1);
}

/** Joins along an axis; flattened without one. */
export function appendOf(x: Node, values: Node, axis: number | undefined): Node {
  return axis === undefined ? concatOf([flattenOf(x), flattenOf(values)], 0) : concatOf([x, values], axis);
}

/** Positions in 0..limit from ones that may count from `extent`. */
function positionsOf(
  name: string,
  given: number | readonly number[],
  extent: number,
  limit: number,
): number[] {
  return (typeof given === 'number' ? [given] : given).map((index) => {
    const i = index < 0 ? index + extent : index;
    if (!Number.isInteger(index) || i < 0 || i > limit)
      throw new Error(`${name}: position ${index} does not exist on an axis of extent ${extent}`);
    return i;
  });
}

/**
 * Inserts values before positions of the unchanged array; without an axis, of the flattened one. With one position the values are
 * a block of any extent, whose first axis is the inserted one if the position is a number; with several positions there is one
 * element for each (or one for all).
 */
export function insertOf(
  x: Node,
  index: number | readonly number[],
  values: Node,
  axis: number | undefined,
): Node {
  if (axis === undefined) return insertOf(flattenOf(x), index, values, 0);
  const a = axisOf('insert', axis, x.shape.length);
  const extent = x.shape[a];
  const positions = positionsOf('insert', index, extent, extent);
  const rank = x.shape.length;
  // NumPy's rule: what is given for one position has the inserted axis first.
  const full = atLeast(values, rank);
  const shaped = typeof index === 'number' && full.shape.length === rank ? moveAxisOf(full, 0, a) : full;
  const count = positions.length > 1 ? positions.length : shaped.shape[a];
  const wanted = x.shape.map((n, i) => (i === a ? count : n));
  if (shaped.shape.some((n, i) => n !== 1 && n !== wanted[i]) || shaped.shape.length !== rank)
    throw new Error(
      `insert: values of shape [${values.shape.join(', ')}] do not fit [${wanted.join(', ')}] at ${positions.length} positions of [${x.shape.join(', ')}]`,
    );
  const block = g.broadcastTo(shaped, wanted);
  if (positions.length === 1) {
    const [at] = positions;
    return g.concat([sliceAxis(x, a, 0, at), block, sliceAxis(x, a, at, extent - at)], a);
  }
  const order = positions.map((_, i) => i).sort((i, j) => positions[i] - positions[j] || i - j);
  const sources: number[] = [];
  for (let i = 0, next = 0; i <= extent; i++) {
    while (next < order.length && positions[order[next]] === i) sources.push(extent + order[next++]);
    if (i < extent) sources.push(i);
  }
  return rearrange(g.concat([x, block], a), a, sources);
}

/** What is left without the elements at given positions of an axis; without an axis, of the flattened array. */
export function deleteOf(x: Node, index: number | readonly number[], axis: number | undefined): Node {
  if (axis === undefined) return deleteOf(flattenOf(x), index, 0);
  const a = axisOf('deleteAt', axis, x.shape.length);
  const extent = x.shape[a];
  const gone = new Set(positionsOf('deleteAt', index, extent, extent - 1));
  return rearrange(
    x,
    a,
    Array.from({ length: extent }, (_, i) => i).filter((i) => !gone.has(i)),
  );
}

/** Matrices along the diagonal of a matrix of zeros; vectors are rows, scalars 1 x 1. */
export function blockDiagOf(parts: readonly Node[]): Node {
  needsOne('blockDiag', parts);
  const blocks = parts.map((p) => {
    if (p.shape.length > 2)
      throw new Error(`blockDiag: needs matrices, vectors or scalars, got shape [${p.shape.join(', ')}]`);
    return atLeast(p, 2);
  });
  const columns = blocks.reduce((n, b) => n + b.shape[1], 0);
  let before = 0;
  const rows = blocks.map((block) => {
    const row = g.pad(block, [0, before], [0, columns - before - block.shape[1]]);
    before += block.shape[1];
    return row;
  });
  return g.concat(rows, 0);
}

/** Coordinates of a grid: array i varies along axis i only; 'xy' exchanges the first two axes. */
export function meshgridOf(vectors: readonly Node[], indexing: 'xy' | 'ij'): Node[] {
  for (const v of vectors)
    if (v.shape.length > 1)
      throw new Error(`meshgrid: needs vectors or scalars, got shape [${v.shape.join(', ')}]`);
  const flat = vectors.map((v) => atLeast(v, 1));
  const place = (i: number): number => (indexing === 'xy' && flat.length > 1 && i < 2 ? 1 - i : i);
  const shape = flat.map((_, i) => flat[place(i)].shape[0]);
  return flat.map((v, i) => g.broadcast(v, shape, [place(i)]));
}

/** Lists of arrays of one depth: arrays of the innermost lists are joined along the last axis, those lists along the one before, and so on. */
export type Blocks<T> = T | readonly Blocks<T>[];

/** NumPy's block: an array from nested lists of blocks. */
export function blockOf(blocks: Blocks<Node>): Node {
  const isList = (b: Blocks<Node>): b is readonly Blocks<Node>[] => Array.isArray(b);
  const depthOf = (b: Blocks<Node>): number => {
    if (!isList(b)) return 0;
    const depths = new Set(b.map(depthOf));
    if (depths.size !== 1)
      throw new Error('block: lists must not be empty, and all of one depth, as rows of a matrix are');
    return 1 + [...depths][0];
  };
  const leaves = (b: Blocks<Node>): Node[] => (isList(b) ? b.flatMap(leaves) : [b]);
  const rank = Math.max(depthOf(blocks), ...leaves(blocks).map((leaf) => leaf.shape.length));
  const join = (b: Blocks<Node>, depth: number): Node =>
    isList(b)
      ? concatOf(
          b.map((inner) => join(inner, depth - 1)),
          rank - depth,
        )
      : atLeast(b, rank);
  return join(blocks, depthOf(blocks));
}
