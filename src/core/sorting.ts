import * as g from '../graph/build.ts';
import type { Node } from '../graph/node.ts';
import { gatherAlong } from './along_axis.ts';
import { moveAxisOf } from './axis_order.ts';
import { asNumber, axisOf } from './operands.ts';
import { sliceAxis } from './rearrange.ts';
import { flipOf } from './views.ts';

/** Orders along an axis. NaN counts as larger than everything. */

/** int32 permutation that sorts an axis; equal elements keep their order, also descending. */
export function argsortOf(name: string, x: Node, axis: number, descending: boolean): Node {
  if (x.shape.length === 0) throw new Error(`${name}: a scalar has no axis to sort along; reshape it to [1]`);
  const a = axisOf(name, axis, x.shape.length);
  const rows = moveAxisOf(asNumber(x), a, -1);
  const last = rows.shape.length - 1;
  // Backwards in, backwards out: what is equal comes out in the order in which it went in.
  const order = g.argsort(descending ? flipOf(rows, [last]) : rows);
  const turned = descending ? g.sub(g.fill(rows.shape[last] - 1, order), flipOf(order, [last])) : order;
  return moveAxisOf(turned, -1, a);
}

/** The elements along an axis in ascending or descending order. */
export const sortOf = (x: Node, axis: number, descending: boolean): Node =>
  gatherAlong('sort', x, argsortOf('sort', x, axis, descending), axis);

/** The first `count` elements of an axis in the given order, and where they were. */
export function firstInOrder(
  name: string,
  x: Node,
  count: number,
  axis: number,
  descending: boolean,
): { values: Node; indices: Node } {
  const a = axisOf(name, axis, x.shape.length);
  if (!Number.isInteger(count) || count < 0 || count > x.shape[a])
    throw new Error(`${name}: there are no ${count} elements along axis ${axis} of [${x.shape.join(', ')}]`);
  const indices = sliceAxis(argsortOf(name, x, a, descending), a, 0, count);
  return { values: gatherAlong(name, x, indices, a), indices };
}

/** int32 permutation that sorts by the last key, what is equal there by the one before, and so on. */
export function lexsortOf(keys: readonly Node[], axis: number): Node {
  if (keys.length === 0) throw new Error('lexsort: needs at least one key');
  for (const key of keys)
    if (key.shape.join() !== keys[0].shape.join())
      throw new Error(
        `lexsort: keys must have one shape, got ${keys.map((k) => `[${k.shape.join(', ')}]`).join(', ')}`,
      );
  return keys.slice(1).reduce(
    (order, key) => {
      const inOrder = gatherAlong('lexsort', key, order, axis);
      return gatherAlong('lexsort', order, argsortOf('lexsort', inOrder, axis, false), axis);
    },
    argsortOf('lexsort', keys[0], axis, false),
  );
}

/** Refuses places that an axis does not have. */
export function checkPlace(name: string, x: Node, place: number, axis: number): void {
  const extent = x.shape[axisOf(name, axis, x.shape.length)];
  if (!Number.isInteger(place) || place < -extent || place >= extent)
    throw new Error(`${name}: there is no place ${place} on axis ${axis} of [${x.shape.join(', ')}]`);
}
