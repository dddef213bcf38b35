import { transpose } from '../graph/build.ts';
import { isOp, type Node } from '../graph/node.ts';
import type { AffineIndex } from '../graph/vocabulary.ts';
import { transposedContraction } from './absorb_transposes.ts';
import { isTiled, rowsAndColumns } from './contraction_shape.ts';

/**
 * The columns of a contraction, which are vectors, are the axes of the operand that has the last axis of the output. Where a small
 * result sums many terms, such as the filter gradient of a layer with few input channels, its own order matters less
 * than that of the operands: the operand with the longer contiguous run gives the columns, and the result is transposed.
 */
const longSum = 1024;
const smallOutput = 65536;
/** Runs of so many elements fill any vector. */
const longRun = 16;

/** A contraction with other columns, and the permutation that takes its result back to the order of `node`; or null. */
export function orientColumns(node: Node): { node: Node<'contract'>; permutation: number[] } | null {
  if (!isOp(node, 'contract') || !isTiled(node)) return null;
  const { sizes, outRank, a, b } = node.attributes;
  const size = (from: number, to: number) => sizes.slice(from, to).reduce((n, extent) => n * extent, 1);
  if (size(outRank, sizes.length) < longSum || size(0, outRank) > smallOutput) return null;
  const { columnsOperand } = rowsAndColumns(node);
  const [columns, rows] = columnsOperand === 'a' ? [a, b] : [b, a];
  const [x, y] = columnsOperand === 'a' ? node.inputs : [node.inputs[1], node.inputs[0]];
  const outer = sizes.slice(0, outRank).map((_, axis) => axis);
  const has = (index: readonly AffineIndex[], axis: number) =>
    index.some((i) => i.terms.some(([t]) => t === axis));
  const ownOf = (index: readonly AffineIndex[], other: readonly AffineIndex[]) =>
    outer.filter((axis) => has(index, axis) && !has(other, axis));
  const present = contiguousAxis(columns, x.shape, ownOf(columns, rows));
  const candidate = contiguousAxis(rows, y.shape, ownOf(rows, columns));
  const run = (axis: number | null) => (axis === null ? 1 : Math.min(longRun, sizes[axis]));
  if (candidate === null || run(candidate) <= run(present)) return null;
  const own = ownOf(rows, columns);
  const others = outer.filter((axis) => !own.includes(axis));
  const order = [...others, ...own.filter((axis) => axis !== candidate), candidate];
  const oriented = transposedContraction(transpose(node, order), () => true);
  return { node: oriented as Node<'contract'>, permutation: order.map((_, axis) => order.indexOf(axis)) };
}

/** The axis along which an operand's elements lie side by side, if it is one of `own`. */
function contiguousAxis(
  index: readonly AffineIndex[],
  shape: readonly number[],
  own: readonly number[],
): number | null {
  let last = shape.length - 1;
  while (last > 0 && shape[last] === 1) last--;
  const term = index[last]?.terms.find(([axis, c]) => c === 1 && own.includes(axis));
  return term !== undefined && index[last].divisor === 1 ? term[0] : null;
}
