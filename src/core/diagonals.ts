import * as g from '../graph/build.ts';
import type { Node } from '../graph/node.ts';
import { moveAxisOf } from './axis_order.ts';
import { asNumber, axisOf } from './operands.ts';
import { sliceAxis } from './rearrange.ts';

/** Diagonals of matrices, which are the last two axes unless others are named; offset k > 0 lies above the main diagonal. */

const checkOffset = (name: string, offset: number): void => {
  if (!Number.isInteger(offset)) throw new Error(`${name}: the offset is an integer, got ${offset}`);
};

const matrixAxes = (name: string, x: Node, axes: readonly [number, number]): [number, number] => {
  if (x.shape.length < 2)
    throw new Error(`${name}: needs at least two axes, got shape [${x.shape.join(', ')}]`);
  const [a, b] = axes.map((axis) => axisOf(name, axis, x.shape.length));
  if (a === b) throw new Error(`${name}: the axes [${axes.join(', ')}] must differ`);
  return [a, b];
};

/** Number of elements of diagonal `offset` of a matrix. */
const lengthOf = (rows: number, columns: number, offset: number): number =>
  Math.max(0, offset >= 0 ? Math.min(rows, columns - offset) : Math.min(rows + offset, columns));

/** The elements with column - row = offset, as a new last axis. */
export function diagonalOf(x: Node, offset = 0, axes: readonly [number, number] = [0, 1]): Node {
  checkOffset('diagonal', offset);
  const moved = moveAxisOf(x, matrixAxes('diagonal', x, axes), [-2, -1]);
  const rank = moved.shape.length;
  const [rows, columns] = moved.shape.slice(-2);
  const count = lengthOf(rows, columns, offset);
  // In row-major order, neighbours on a diagonal lie columns + 1 apart.
  const flat = g.reshape(moved, [...moved.shape.slice(0, -2), rows * columns]);
  const start = offset >= 0 ? offset : -offset * columns;
  return sliceAxis(flat, rank - 2, count === 0 ? 0 : start, count, columns + 1);
}

/** The last axis as diagonal `offset` of a square matrix of zeros. */
export function diagonalMatrix(x: Node, offset = 0): Node {
  checkOffset('diag', offset);
  const rank = x.shape.length;
  const n = x.shape[rank - 1];
  const side = n + Math.abs(offset);
  const batch = x.shape.slice(0, -1);
  if (n === 0) return g.constant(0, [...batch, side, side], x.dtype);
  const start = offset >= 0 ? offset : -offset * side;
  const onLast = (value: number) => x.shape.map((_, i) => (i === rank - 1 ? value : 0));
  const spread = (n - 1) * (side + 1) + 1;
  const flat = g.pad(x, onLast(start), onLast(side * side - start - spread), onLast(side));
  return g.reshape(flat, [...batch, side, side]);
}

/** A diagonal of a matrix, or the matrix with a vector on a diagonal. */
export function diagOf(x: Node, offset = 0): Node {
  if (x.shape.length === 1) return diagonalMatrix(x, offset);
  if (x.shape.length === 2) return diagonalOf(x, offset);
  throw new Error(
    `diag: needs a vector or a matrix, got shape [${x.shape.join(', ')}]; for batches use diagonal() or diagEmbed()`,
  );
}

/** The sum of a diagonal. */
export function traceOf(x: Node, offset = 0, axes: readonly [number, number] = [0, 1]): Node {
  const diagonal = asNumber(diagonalOf(x, offset, axes));
  return g.reduce('sum', diagonal, [diagonal.shape.length - 1]);
}

/** column - row of each element, for the last two axes. */
function columnMinusRow(shape: readonly number[]): Node {
  return g.sub(g.iota(shape.length - 1, shape), g.iota(shape.length - 2, shape));
}

/** Elements on and below diagonal `k` (lower) or on and above it (upper), zeros elsewhere. */
export function triangleOf(x: Node, part: 'lower' | 'upper', k = 0): Node {
  const name = part === 'lower' ? 'tril' : 'triu';
  checkOffset(name, k);
  matrixAxes(name, x, [-2, -1]);
  const difference = columnMinusRow(x.shape);
  const bound = g.fill(k, difference);
  const kept = part === 'lower' ? g.compare('le', difference, bound) : g.compare('le', bound, difference);
  return g.select(kept, x, g.fill(0, x));
}

/** Writes `value` (of the matrix's dtype: a scalar, or the diagonal's elements) on diagonal `offset` of the last two axes. */
export function withDiagonal(x: Node, value: Node, offset = 0): Node {
  checkOffset('fillDiagonal', offset);
  matrixAxes('fillDiagonal', x, [-2, -1]);
  const [rows, columns] = x.shape.slice(-2);
  const batch = x.shape.slice(0, -2);
  const count = lengthOf(rows, columns, offset);
  const difference = columnMinusRow(x.shape);
  const here = g.compare('eq', difference, g.fill(offset, difference));
  if (value.shape.length === 0) return g.select(here, g.broadcastTo(value, x.shape), x);
  const fits =
    value.shape.length <= batch.length + 1 &&
    [...batch, count]
      .slice(-value.shape.length)
      .every((n, i) => value.shape[i] === n || value.shape[i] === 1);
  if (!fits)
    throw new Error(
      `fillDiagonal: values of shape [${value.shape.join(', ')}] do not fill diagonals of shape [${[...batch, count].join(', ')}]`,
    );
  if (count === 0) return x;
  const spread = g.broadcastTo(value, [...batch, count]);
  const [square, rank] = [diagonalMatrix(spread, offset), x.shape.length];
  // The square of the diagonal, cut or grown at the bottom and at the right to the matrix.
  const grown = g.pad(
    square,
    square.shape.map(() => 0),
    square.shape.map((n, i) => (i < rank - 2 ? 0 : x.shape[i] - n)),
  );
  return g.select(here, grown, x);
}
