import * as g from '../graph/build.ts';
import { isOp, type Node } from '../graph/node.ts';
import { prefixWinner } from '../graph/prefix_derivative.ts';
import type { PrefixKind } from '../graph/vocabulary.ts';
import { asNumber } from './operands.ts';
import { asFloat } from './reductions.ts';

/** Reductions that keep every intermediate result. */

export const runningOf = (kind: PrefixKind, x: Node, axis: number, reverse: boolean): Node =>
  g.prefix(kind, asNumber(x), axis, reverse);

/** A running maximum or minimum, of the dtype of x, and the positions of the elements that it is. */
export function runningExtremeOf(
  kind: 'max' | 'min',
  x: Node,
  axis: number,
  reverse: boolean,
): [values: Node, positions: Node] {
  const values = runningOf(kind, x, axis, reverse);
  const positions = isOp(values, 'prefix') ? prefixWinner(values) : g.constant(0, x.shape, 'int32');
  return [x.dtype === 'bool' ? g.cast(values, 'bool') : values, positions];
}

/**
 * Running log(sum(exp(x))) by doubling: after k rounds each element stands for 2^k terms. A running sum of exp(x - max x) would be 0
 * where all terms so far are far below the largest of the row.
 */
export function logSumsOf(operand: Node, axis: number, reverse: boolean): Node {
  let x = asFloat(operand);
  const extent = x.shape[axis];
  const part = (from: number, count: number) =>
    g.slice(
      x,
      x.shape.map((_, i) => (i === axis ? from : 0)),
      x.shape.map(() => 1),
      x.shape.with(axis, count),
    );
  for (let distance = 1; distance < extent; distance *= 2) {
    // Terms that come from `distance` places before; the first ones have all of theirs.
    const rest = extent - distance;
    const sums = logOfSum(part(distance, rest), part(0, rest));
    x = g.concat(reverse ? [sums, part(rest, distance)] : [part(0, distance), sums], axis);
  }
  return x;
}

/** log(exp(a) + exp(b)). Where it is infinite, or NaN, so is the larger one of both, which stands for it. */
function logOfSum(a: Node, b: Node): Node {
  const top = g.binary('max', a, b);
  const isOrdinary = g.compare('lt', g.unary('abs', top), g.fill(Infinity, top));
  const safe = (x: Node) => g.select(isOrdinary, x, g.fill(0, x));
  const shift = g.stopGradient(safe(top));
  const sum = g.add(g.unary('exp', g.sub(safe(a), shift)), g.unary('exp', g.sub(safe(b), shift)));
  return g.select(isOrdinary, g.add(shift, g.unary('log', sum)), g.stopGradient(top));
}
