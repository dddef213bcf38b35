import * as g from '../graph/build.ts';
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

/**
 * `x` with `updates` [.., m, ..] written to the positions `linear` [m] of an axis, all of which are below its extent; negative ones are
 * dropped. Updates of the same element add up, multiply or compare; of those that set it the last one counts.
 */
export function scatterInto(kind: UpdateKind, x: Node, linear: Node, updates: Node, axis: number): Node {
  const count = sizeOf(linear.shape);
  if (count === 0 || sizeOf(x.shape) === 0) return x;
  const valid = g.compare('le', g.fill(0, linear), linear);
  if (kind === 'add') {
    const kept = g.select(along(valid, updates.shape, axis), updates, g.fill(0, updates));
    return combine(kind, x, g.scatterAdd(linear, kept, x.shape, axis));
  }
  // Updates of one element side by side, in the order in which they came.
  const order = g.argsort(linear);
  const sorted = g.gather(linear, order, 0);
  const inOrder = g.gather(updates, order, axis);
  const total = kind === 'set' ? inOrder : runningInRuns(kind, sorted, inOrder, axis);
  const next = shifted(sorted, 0, -1);
  const isLast = g.binary('or', g.compare('ne', sorted, next), lastPosition(count));
  const isWinner = g.binary('and', isLast, g.compare('le', g.fill(0, sorted), sorted));
  const number = g.add(g.iota(0, [count]), g.constant(1, [count], 'int32'));
  // 1 + the number of the update that decides; 0 where there is none.
  const winner = g.scatterAdd(sorted, g.select(isWinner, number, g.fill(0, number)), [x.shape[axis]], 0);
  const met = g.gather(total, g.sub(winner, g.fill(1, winner)), axis);
  const isMet = along(g.compare('lt', g.fill(0, winner), winner), x.shape, axis);
  return g.select(isMet, combine(kind, x, met), x);
}

const lastPosition = (count: number): Node =>
  g.compare('eq', g.iota(0, [count]), g.constant(count - 1, [count], 'int32'));

/** `out[i] = x[i - by]` along an axis, 0 where there is no such element. */
function shifted(x: Node, axis: number, by: number): Node {
  const onAxis = (value: number): number[] => x.shape.map((_, i) => (i === axis ? value : 0));
  return g.pad(x, onAxis(by), onAxis(-by));
}

/** Products, minima or maxima from the beginning of each run of equal keys on, by steps of 1, 2, 4, ... */
function runningInRuns(kind: 'add' | 'mul' | 'min' | 'max', keys: Node, x: Node, axis: number): Node {
  const [count] = keys.shape;
  const position = g.iota(0, [count]);
  let result = x;
  for (let by = 1; by < count; by *= 2) {
    const isSameRun = g.binary(
      'and',
      g.compare('eq', keys, shifted(keys, 0, by)),
      g.compare('le', g.fill(by, position), position),
    );
    const both = combine(kind, shifted(result, axis, by), result);
    result = g.select(along(isSameRun, x.shape, axis), both, result);
  }
  return result;
}
