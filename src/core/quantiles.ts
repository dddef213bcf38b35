import * as g from '../graph/build.ts';
import { isFloat } from '../graph/dtype.ts';
import type { Node } from '../graph/node.ts';
import { takeAlong } from '../graph/take_along.ts';
import { asNumber } from './operands.ts';
import { asFloat, rowsAlong, withoutAxes } from './reductions.ts';

/** Order statistics, from sorted rows. */

/**
 * What stands for a position between two sorted elements: a mixture by distance, the one below, the one above, the nearer one (of two
 * equally near ones the one at an even position), or the mean of both.
 */
export type QuantileMethod = 'linear' | 'lower' | 'higher' | 'nearest' | 'midpoint';

export interface QuantileSpec {
  readonly keepDims?: boolean;
  readonly method?: QuantileMethod;
  /** NaN are left out instead of making the result NaN. */
  readonly skipsNaN?: boolean;
}

const methods: readonly QuantileMethod[] = ['linear', 'lower', 'higher', 'nearest', 'midpoint'];

/** Rows sorted ascending along the last axis, NaN last. */
const sorted = (rows: Node): Node => takeAlong(rows, g.argsort(rows), rows.shape.length - 1);

const isNumber = (x: Node): Node => g.compare('eq', x, x);

/** Quantiles over `axes`, of several `q` along a new first axis. */
export function quantileOf(
  name: string,
  operand: Node,
  q: number | readonly number[],
  axes: readonly number[],
  { keepDims, method = 'linear', skipsNaN = false }: QuantileSpec,
): Node {
  const list = typeof q === 'number' ? [q] : q;
  for (const share of list)
    if (!(share >= 0 && share <= 1))
      throw new Error(`${name}: ${share} is not within 0..1 (0..100 for percentile)`);
  if (!methods.includes(method))
    throw new Error(`${name}: there is no method '${method}'; methods are ${methods.join(', ')}`);
  const x = asFloat(operand);
  if (axes.some((a) => x.shape[a] === 0))
    throw new Error(`${name}: [${x.shape.join(', ')}] is empty along the axis, so there is no quantile`);
  const rows = sorted(rowsAlong(x, axes));
  const one = skipsNaN ? amongNumbers(rows, method) : amongAll(rows, method);
  const results = list.map((share) => withoutAxes(one(share), x.shape, axes, { keepDims }));
  if (typeof q === 'number') return results[0];
  if (results.length === 0) throw new Error(`${name}: an empty list of shares has no quantiles`);
  return g.concat(
    results.map((result) => g.reshape(result, [1, ...result.shape])),
    0,
  );
}

/** Quantiles of sorted rows; NaN where one is NaN, which is last then. */
function amongAll(rows: Node, method: QuantileMethod): (share: number) => Node {
  const last = rows.shape.length - 1;
  const n = rows.shape[last];
  const zeros = rows.shape.map(() => 0);
  const elementAt = (i: number) =>
    g.reshape(
      g.slice(
        rows,
        zeros.with(last, i),
        rows.shape.map(() => 1),
        rows.shape.with(last, 1),
      ),
      rows.shape.slice(0, last),
    );
  const largest = elementAt(n - 1);
  return (share) => {
    const position = share * (n - 1);
    const below = Math.floor(position);
    const [low, high] = [elementAt(below), elementAt(Math.ceil(position))];
    const between = mixture(low, high, position, below, method);
    return g.select(isNumber(largest), between, g.fill(NaN, between));
  };
}

/** What stands for a known position. */
function mixture(low: Node, high: Node, position: number, below: number, method: QuantileMethod): Node {
  const weight = position - below;
  if (weight === 0) return low;
  switch (method) {
    case 'lower':
      return low;
    case 'higher':
      return high;
    case 'nearest':
      return weight < 0.5 || (weight === 0.5 && below % 2 === 0) ? low : high;
    case 'midpoint':
      return mixed(low, high, g.fill(0.5, low));
    case 'linear':
      return mixed(low, high, g.fill(weight, low));
  }
}

/** `low + weight (high - low)`, which an infinity on both sides leaves as it is. */
function mixed(low: Node, high: Node, weight: Node): Node {
  const isInfinite = g.compare('eq', g.unary('abs', low), g.fill(Infinity, low));
  const same = g.make('binary', { kind: 'and' }, [isInfinite, g.compare('eq', low, high)]);
  const difference = g.sub(g.select(same, g.fill(0, high), high), g.select(same, g.fill(0, low), low));
  return g.add(low, g.mul(weight, difference));
}

/** Quantiles of those elements of sorted rows that are not NaN. Positions are computed in float64: whole ones must come out whole. */
function amongNumbers(rows: Node, method: QuantileMethod): (share: number) => Node {
  const last = rows.shape.length - 1;
  const outer = rows.shape.slice(0, last);
  const count = g.reduce('sum', g.cast(isNumber(rows), 'int32'), [last]);
  const top = g.cast(g.binary('max', g.sub(count, g.fill(1, count)), g.fill(0, count)), 'float64');
  const elementAt = (position: Node) =>
    g.reshape(takeAlong(rows, g.reshape(g.cast(position, 'int32'), [...outer, 1]), last), outer);
  return (share) => {
    const position = g.mul(top, g.fill(share, top));
    switch (method) {
      case 'lower':
        return elementAt(g.unary('floor', position));
      case 'higher':
        return elementAt(g.unary('ceil', position));
      case 'nearest':
        return elementAt(g.unary('round', position));
      default: {
        const below = g.unary('floor', position);
        const distance = g.cast(g.sub(position, below), rows.dtype);
        const isWhole = g.compare('eq', distance, g.fill(0, distance));
        const half = g.select(isWhole, g.fill(0, distance), g.fill(0.5, distance));
        const [low, high] = [elementAt(below), elementAt(g.unary('ceil', position))];
        return mixed(low, high, method === 'linear' ? distance : half);
      }
    }
  };
}

/** The most frequent element along an axis: where the first of the longest runs of equal sorted elements ends. */
export function modeOf(operand: Node, axis: number): Node {
  if (operand.shape[axis] === 0)
    throw new Error(`mode: axis ${axis} of [${operand.shape.join(', ')}] is empty: there is no mode`);
  const rows = sorted(rowsAlong(asNumber(operand), [axis]));
  const last = rows.shape.length - 1;
  const position = g.iota(last, rows.shape);
  const before = takeAlong(
    rows,
    g.binary('max', g.sub(position, g.fill(1, position)), g.fill(0, position)),
    last,
  );
  const isSame = isFloat(rows.dtype)
    ? g.make('binary', { kind: 'or' }, [g.compare('eq', rows, before), g.unary('not', isNumber(before))])
    : g.compare('eq', rows, before);
  const start = g.prefix('max', g.select(isSame, g.fill(0, position), position), last);
  const end = g.argreduce('max', g.sub(position, start), [last]);
  const found = takeAlong(rows, g.reshape(end, rows.shape.with(last, 1)), last);
  return g.reshape(found, rows.shape.slice(0, last));
}
