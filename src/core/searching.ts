import * as g from '../graph/build.ts';
import { isFloat } from '../graph/dtype.ts';
import { type Node, sameShape, sizeOf } from '../graph/node.ts';
import { alike } from './operands.ts';
import { flipOf } from './views.ts';

/** Positions in sorted arrays. */

/** a < b, NaN being larger than everything. */
function less(a: Node, b: Node): Node {
  const below = g.compare('lt', a, b);
  if (!isFloat(a.dtype)) return below;
  const onlyB = g.binary('and', g.compare('eq', a, a), g.compare('ne', b, b));
  return g.binary('or', below, onlyB);
}

/**
 * int32 positions in 0..n at which `values` go into `sorted` (ascending along its last axis) so that it stays sorted: before equal elements, or
 * behind them (`right`). A vector serves values of any shape; else the axes before the last must be those of the values.
 */
export function searchSortedOf(name: string, sorted: Node, values: Node, right: boolean): Node {
  const rank = sorted.shape.length;
  const rows = sorted.shape.slice(0, -1);
  if (rank === 0 || (rank > 1 && !sameShape(rows, values.shape.slice(0, -1))))
    throw new Error(
      `${name}: values of shape [${values.shape.join(', ')}] do not go with sorted rows of shape [${sorted.shape.join(', ')}]; those must be a vector, or have equal axes but for the last`,
    );
  const n = sorted.shape[rank - 1];
  const [list, wanted] = alike([sorted, values]);
  const shape = values.shape;
  const zero = g.constant(0, shape, 'int32');
  if (sizeOf(shape) === 0 || n === 0) return zero;
  const flat = g.reshape(list, [sizeOf(list.shape)]);
  // Where the row of each value begins.
  const rowNumber =
    rank === 1
      ? null
      : g.positionAlong(
          shape,
          rows.map((_, i) => i),
        );
  const base = rowNumber === null ? zero : g.mul(rowNumber, g.fill(n, rowNumber));
  let before: Node = zero;
  // The number of elements that stay in front, bit by bit from the highest.
  for (let step = 2 ** Math.floor(Math.log2(n)); step >= 1; step /= 2) {
    const candidate = g.add(before, g.fill(step, before));
    const last = g.gather(flat, g.add(base, g.sub(candidate, g.fill(1, candidate))), 0);
    const staysBefore = right ? g.unary('not', less(wanted, last)) : less(last, wanted);
    const exists = g.compare('le', candidate, g.fill(n, candidate));
    before = g.select(g.binary('and', exists, staysBefore), candidate, before);
  }
  return before;
}

/**
 * NumPy's digitize: the number of the bin of each value, 0 below the first edge and n above the last. Ascending edges: bins[i-1] <= x <
 * bins[i], with `right` bins[i-1] < x <= bins[i]; descending ones the other way round.
 */
export function digitizeOf(x: Node, bins: Node, right: boolean): Node {
  if (bins.shape.length !== 1)
    throw new Error(`digitize: edges of bins are a vector, got shape [${bins.shape.join(', ')}]`);
  const [n] = bins.shape;
  const ascending = searchSortedOf('digitize', bins, x, !right);
  if (n < 2) return ascending;
  const end = (at: number): Node => g.slice(bins, [at], [1], [1]);
  const isDescending = g.broadcastTo(g.compare('lt', end(n - 1), end(0)), x.shape);
  const descending = searchSortedOf('digitize', flipOf(bins, [0]), x, !right);
  return g.select(isDescending, g.sub(g.fill(n, descending), descending), ascending);
}

/** Whether each element of `x` is among the elements of `of`. */
export function isinOf(x: Node, of: Node): Node {
  const count = sizeOf(of.shape);
  if (count === 0 || sizeOf(x.shape) === 0) return g.constant(0, x.shape, 'bool');
  const [a, b] = alike([x, of]);
  const list = g.reshape(b, [count]);
  const sorted = g.gather(list, g.argsort(list), 0);
  const found = g.gather(sorted, searchSortedOf('isin', sorted, a, false), 0);
  return g.compare('eq', found, a);
}
