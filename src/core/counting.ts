import * as g from '../graph/build.ts';
import { computing, isFloat, promote } from '../graph/dtype.ts';
import { type Node, sizeOf } from '../graph/node.ts';
import { valuesOf } from './concrete.ts';
import { isInside, positions } from './index_plan.ts';
import { asNumber } from './operands.ts';
import { scatterInto } from './scattering.ts';
import { searchSortedOf } from './searching.ts';

/** How often values occur. */

const flat = (x: Node): Node => g.reshape(x, [sizeOf(x.shape)]);

const checkLength = (name: string, length: number): void => {
  if (!Number.isInteger(length) || length < 0)
    throw new Error(`${name}: a length is an integer from 0 on, got ${length}`);
};

/** Weights (or ones) summed at positions 0..length-1; what lies outside does not count. */
function countAt(at: Node, weights: Node | null, length: number): Node {
  const ones = weights === null ? g.constant(1, at.shape, 'int32') : asNumber(flat(weights));
  const zeros = g.constant(0, [length], ones.dtype);
  const kept = g.select(isInside(at, length), at, g.fill(-1, at));
  return scatterInto('add', zeros, kept, ones, 0);
}

const checkWeights = (name: string, x: Node, weights: Node | null): void => {
  if (weights !== null && weights.shape.join() !== x.shape.join())
    throw new Error(
      `${name}: weights of shape [${weights.shape.join(', ')}] do not go with values of shape [${x.shape.join(', ')}]`,
    );
};

/**
 * How often each number from 0 on occurs, or the sum of its weights. `length` fixes the result's extent, and larger numbers do not count; without it, the
 * largest number decides, which must be known.
 */
export function bincountOf(
  x: Node,
  weights: Node | null,
  length: number | undefined,
  minLength: number,
): Node {
  checkWeights('bincount', x, weights);
  checkLength('bincount', minLength);
  if (length !== undefined) checkLength('bincount', length);
  const at = flat(positions('bincount', x));
  if (length !== undefined) return countAt(at, weights, length);
  let extent = minLength;
  for (const value of valuesOf('bincount', at, 'the option length')) {
    if (value < 0) throw new Error(`bincount: counts numbers from 0 on, got ${value}`);
    extent = Math.max(extent, value + 1);
  }
  return countAt(at, weights, extent);
}

/** Evenly spaced edges of `bins` bins from the smallest to the largest value, or over a given range. */
export function edgesOf(x: Node, bins: number, range: readonly [number, number] | undefined): Node {
  if (!Number.isInteger(bins) || bins < 1)
    throw new Error(`histogram: the number of bins is an integer from 1 on, got ${bins}`);
  if (range !== undefined && !(range[0] <= range[1] && range.every(Number.isFinite)))
    throw new Error(`histogram: a range is [lowest, highest], both finite, got [${range.join(', ')}]`);
  const dtype = isFloat(x.dtype) ? computing(x.dtype) : 'float32';
  const values = g.cast(flat(x), dtype);
  const ends: [Node, Node] =
    range !== undefined || sizeOf(x.shape) === 0
      ? [g.constant(range?.[0] ?? 0, [], dtype), g.constant(range?.[1] ?? 1, [], dtype)]
      : [g.reduce('min', values, [0]), g.reduce('max', values, [0])];
  // A range of no width becomes one of width 1 around it, as in NumPy.
  const half = g.select(
    g.compare('eq', ends[0], ends[1]),
    g.constant(0.5, [], dtype),
    g.constant(0, [], dtype),
  );
  const [low, high] = [g.sub(ends[0], half), g.add(ends[1], half)].map((end) =>
    g.broadcast(end, [bins + 1], []),
  );
  const i = g.iota(0, [bins + 1], dtype);
  const share = g.div(i, g.fill(bins, i));
  const inner = g.add(low, g.mul(share, g.sub(high, low)));
  return g.select(g.compare('eq', i, g.fill(bins, i)), high, inner);
}

/** How many values (or the sum of their weights) lie in each bin between ascending edges; the last bin includes its upper edge. */
export function histogramOf(x: Node, edges: Node, weights: Node | null): Node {
  checkWeights('histogram', x, weights);
  if (edges.shape.length !== 1 || edges.shape[0] < 2)
    throw new Error(`histogram: edges are a vector of two or more, got shape [${edges.shape.join(', ')}]`);
  const bins = edges.shape[0] - 1;
  const values = flat(x);
  const above = searchSortedOf('histogram', edges, values, true);
  const dtype = promote(edges.dtype, values.dtype);
  const top = g.broadcast(g.reshape(g.slice(edges, [bins], [1], [1]), []), values.shape, []);
  const isTop = g.compare('eq', g.cast(values, dtype), g.cast(top, dtype));
  const bin = g.sub(above, g.fill(1, above));
  return countAt(g.select(isTop, g.fill(bins - 1, bin), bin), weights, bins);
}
