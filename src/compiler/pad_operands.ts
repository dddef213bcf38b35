import { make, pad } from '../graph/build.ts';
import { isOp, type Node, sizeOf } from '../graph/node.ts';
import type { AffineIndex } from '../graph/vocabulary.ts';
import { dotRows, fewColumns, fewRows, isTiled, rowsAndColumns } from './contraction_shape.ts';

/**
 * Windows that reach over the edge of an array: a padded copy of the array costs less than a test for every element that is packed,
 * and its windows need not be packed at all where few rows or columns use them. Otherwise one test serves a whole
 * run of many channels, and the array stays as it is.
 */
const fewChannels = 16;
/** How much larger than the array its padded copy may be. */
const mostGrowth = 2.5;
/** A copy is always cheap beside this many times as many products. */
const cheapCopy = 64;

export function padOperands(node: Node): Node {
  if (!isOp(node, 'contract') || !isTiled(node)) return node;
  const { a, b, sizes } = node.attributes;
  const [x, y] = node.inputs;
  const { rows, columns, columnsOperand } = rowsAndColumns(node);
  const inPlace = (operand: 'a' | 'b') =>
    operand === columnsOperand ? rows <= fewRows : columns <= fewColumns || rows <= dotRows;
  const left = padOperand(x, a, sizes, inPlace('a'));
  const right = padOperand(y, b, sizes, inPlace('b'));
  if (left === null && right === null) return node;
  return make('contract', { ...node.attributes, a: left?.index ?? a, b: right?.index ?? b }, [
    left?.operand ?? x,
    right?.operand ?? y,
  ]);
}

function padOperand(
  x: Node,
  index: readonly AffineIndex[],
  sizes: readonly number[],
  inPlace: boolean,
): { operand: Node; index: AffineIndex[] } | null {
  const channels = x.shape[x.shape.length - 1];
  if (x.shape.length < 2 || (channels >= fewChannels && !inPlace) || index.some((i) => i.divisor !== 1))
    return null;
  const low: number[] = [];
  const high: number[] = [];
  index.forEach(({ terms, offset }, dimension) => {
    let [least, most] = [offset, offset];
    for (const [axis, c] of terms) {
      if (c > 0) most += c * (sizes[axis] - 1);
      else least += c * (sizes[axis] - 1);
    }
    const isWindow = terms.length > 1;
    low.push(isWindow ? Math.max(0, -least) : 0);
    high.push(isWindow ? Math.max(0, most - x.shape[dimension] + 1) : 0);
  });
  const grown = sizeOf(x.shape.map((n, i) => n + low[i] + high[i]));
  if (grown === sizeOf(x.shape)) return null;
  const work = sizes.reduce((n, size) => n * size, 1);
  if (grown > mostGrowth * sizeOf(x.shape) && !(inPlace && grown * cheapCopy <= work)) return null;
  return { operand: pad(x, low, high), index: index.map((i, d) => ({ ...i, offset: i.offset + low[d] })) };
}
