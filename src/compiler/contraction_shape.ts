import type { Node } from '../graph/node.ts';
import type { Attributes } from '../graph/vocabulary.ts';

/** What can be done with a contraction, decided from its shapes alone. */

/** Sums of more products than this are done in several blocks. */
export const longestSum = 1024;

/** Packing rows pays when more columns than this use them. */
export const fewColumns = 128;
/** Packing columns pays when more rows than this use them. */
export const fewRows = 128;

/** With so few rows the columns are read once, where they lie, along the sum if need be: packing them would cost more than the products. */
export const dotRows = 16;

/** Elements of the axes of the output that only one of the operands has, and which operand has the last axis: the columns. */
export function rowsAndColumns({ attributes: { sizes, outRank, a, b } }: Node<'contract'>): {
  rows: number;
  columns: number;
  columnsOperand: 'a' | 'b';
} {
  let [ofA, ofB] = [1, 1];
  for (let axis = 0; axis < outRank; axis++) {
    const [inA, inB] = [uses(a, axis), uses(b, axis)];
    if (inA && !inB) ofA *= sizes[axis];
    if (inB && !inA) ofB *= sizes[axis];
  }
  let last = outRank - 1;
  while (last > 0 && sizes[last] === 1) last--;
  return uses(b, last)
    ? { rows: ofA, columns: ofB, columnsOperand: 'b' }
    : { rows: ofB, columns: ofA, columnsOperand: 'a' };
}

/**
 * Whether a contraction is worth a kernel of its own kind: it has enough work, and enough rows and columns to pay for packing or
 * operands that need none.
 * Decided from shapes alone. The others are written out as multiply and sum.
 */
export function isTiled(node: Node<'contract'>): boolean {
  if (node.dtype !== 'float32') return false;
  const { sizes, outRank, a, b } = node.attributes;
  const inA = new Set(a.flatMap((i) => i.terms.map(([axis]) => axis)));
  const inB = new Set(b.flatMap((i) => i.terms.map(([axis]) => axis)));
  let [m, n, k] = [1, 1, 1];
  sizes.forEach((size, axis) => {
    if (axis >= outRank) k *= size;
    else if (inA.has(axis) && inB.has(axis)) return;
    else if (inB.has(axis)) n *= size;
    else m *= size;
  });
  if (m < 4 && !isAlongSum(node)) return false;
  return n >= 2 && k >= 4 && m * n * k >= 4096;
}

/** The shortest run along a sum that vectors of any machine fit into. */
export const leastRun = 16;

/** Whether elements that lie side by side, in both operands, belong to the same sum. */
function isAlongSum({ inputs, attributes: { sizes, outRank, a, b } }: Node<'contract'>): boolean {
  const lastAxis = (index: Attributes['contract']['a'], shape: readonly number[]): number => {
    let last = shape.length - 1;
    while (last > 0 && shape[last] === 1) last--;
    const { terms = [], divisor = 1 } = index[last] ?? {};
    return terms.length === 1 && terms[0][1] === 1 && divisor === 1 ? terms[0][0] : -1;
  };
  const [ofA, ofB] = [lastAxis(a, inputs[0].shape), lastAxis(b, inputs[1].shape)];
  return ofA === ofB && ofA >= outRank && sizes[ofA] >= leastRun;
}

/**
 * Whether elementwise operations can follow in the tile store: the whole sum is done in one go, and a column of the tile is
 * the last axis of the output.
 */
export function allowsEpilogue(node: Node<'contract'>): boolean {
  if (!isTiled(node)) return true;
  const { sizes, outRank, a, b } = node.attributes;
  const k = sizes.slice(outRank).reduce((n, size) => n * size, 1);
  const last = outRank - 1;
  const [own, other] = uses(b, last) ? [b, a] : [a, b];
  if (uses(other, last)) return false;
  const columns = sizes
    .slice(0, outRank)
    .filter((size, axis) => size !== 1 && uses(own, axis) && !uses(other, axis));
  return k <= longestSum && columns.length <= 1;
}

const uses = (index: Attributes['contract']['a'], axis: number): boolean =>
  index.some((i) => i.terms.some(([a]) => a === axis));
