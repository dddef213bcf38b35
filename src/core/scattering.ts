import * as g from '../graph/build.ts';
import { isFloat } from '../graph/dtype.ts';
import { type Node, sizeOf } from '../graph/node.ts';
import { computable } from './operands.ts';

/** Updates written to positions of an array: the counterparts of gathering. */

/** What an update does to the element that it meets. */
export type UpdateKind = 'set' | 'add' | 'mul' | 'min' | 'max';

/** An array in the dtype that it has after updates: 16-bit floats are computed with in float32. */
export const writable = (kind: UpdateKind, x: Node): Node => (kind === 'set' ? x : computable(x));

/** An element after an update. */
export function combine(kind: UpdateKind, x: Node, update: Node): Node {
  if (kind === 'set') return update;
  if (x.dtype === 'bool')
    throw new Error(`${kind}: an array of bools has no arithmetic; set its elements, or cast it to int32`);
  return g.binary(kind, x, update);
}

/** `v` of one element for each position along `axis` as an array of `shape`. */
const along = (v: Node, shape: readonly number[], axis: number): Node => g.broadcast(v, shape, [axis]);

/** What loses every comparison in a search for the largest or the smallest. */
const loser: { readonly [K in 'max' | 'min']: (like: Node) => Node } = {
  max: (like) => g.fill(isFloat(like.dtype) ? -Infinity : like.dtype === 'int32' ? -(2 ** 31) : 0, like),
  min: (like) =>
    g.fill(isFloat(like.dtype) ? Infinity : like.dtype === 'int32' ? 2 ** 31 - 1 : 2 ** 32 - 1, like),
};

/**
 * `x` with `updates` [.., m, ..] written to the positions `linear` [m] of an axis, all of which are below its extent; negative ones are
 * dropped. Updates of the same element add up, multiply or compare; of those that set it the last one counts.
 */
export function scatterInto(kind: UpdateKind, x: Node, linear: Node, updates: Node, axis: number): Node {
  if (sizeOf(linear.shape) === 0 || sizeOf(x.shape) === 0) return x;
  const valid = along(g.compare('le', g.fill(0, linear), linear), updates.shape, axis);
  if (kind === 'add')
    return combine(
      kind,
      x,
      g.scatterAdd(linear, g.select(valid, updates, g.fill(0, updates)), x.shape, axis),
    );
  if (kind === 'max' || kind === 'min') {
    const kept = g.select(valid, updates, loser[kind](updates));
    return combine(kind, x, g.scatter(kind, linear, kept, x.shape, axis));
  }
  return kind === 'set' ? setLast(x, linear, updates, axis) : multiplyInto(x, linear, updates, axis);
}

/** The last update of each element in its place. */
function setLast(x: Node, linear: Node, updates: Node, axis: number): Node {
  const number = g.iota(0, linear.shape);
  const isKept = g.compare('le', g.fill(0, linear), linear);
  const last = g.scatter('max', linear, g.select(isKept, number, g.fill(-1, number)), [x.shape[axis]], 0);
  const isMet = along(g.compare('le', g.fill(0, last), last), x.shape, axis);
  return g.select(isMet, g.gather(updates, last, axis), x);
}

/** Every element multiplied by its updates: in runs of equal positions, whose products are written by the last of each run. */
function multiplyInto(x: Node, linear: Node, updates: Node, axis: number): Node {
  const order = g.argsort(linear);
  const sorted = g.gather(linear, order, 0);
  const products = productsInRuns(sorted, g.gather(updates, order, axis), axis);
  return setLast(x, sorted, combine('mul', g.gather(x, sorted, axis), products), axis);
}

/** `out[i] = x[i - by]` along an axis, 0 where there is no such element. */
function shifted(x: Node, axis: number, by: number): Node {
  const onAxis = (value: number): number[] => x.shape.map((_, i) => (i === axis ? value : 0));
  return g.pad(x, onAxis(by), onAxis(-by));
}

/** Products from the beginning of each run of equal keys on, by steps of 1, 2, 4, ... */
function productsInRuns(keys: Node, x: Node, axis: number): Node {
  const [count] = keys.shape;
  const position = g.iota(0, [count]);
  let result = x;
  for (let by = 1; by < count; by *= 2) {
    const isSameRun = g.binary(
      'and',
      g.compare('eq', keys, shifted(keys, 0, by)),
      g.compare('le', g.fill(by, position), position),
    );
    const before = shifted(result, axis, by);
    result = g.select(along(isSameRun, x.shape, axis), combine('mul', before, result), result);
  }
  return result;
}
