import { broadcastTo, concat, mul, reduce, reshape, sub, transpose } from '../graph/build.ts';
import type { Node } from '../graph/node.ts';
import { tensordotOf } from './einsum.ts';
import { alike, axisOf, broadcastShapes } from './operands.ts';
import { at, unsqueezeOf } from './views.ts';

/** Products of vectors and of arrays taken as vectors. */

const text = (x: Node): string => `[${x.shape.join(', ')}]`;

/** How `tensordot` names axes: the last and first so many, or lists of axes of both arrays. */
export type TensordotAxes = number | readonly [readonly number[] | number, readonly number[] | number];

/** Sums over the last `axes` axes of a and the first of b, or over the named ones. */
export function tensordotAxesOf(a: Node, b: Node, axes: TensordotAxes): Node {
  const [rankA, rankB] = [a.shape.length, b.shape.length];
  if (typeof axes === 'number') {
    if (!Number.isInteger(axes) || axes < 0 || axes > rankA || axes > rankB)
      throw new Error(`tensordot: ${axes} axes of ${text(a)} and ${text(b)}: that many both must have`);
    const count = Array.from({ length: axes }, (_, i) => i);
    return tensordotOf(
      'tensordot',
      a,
      b,
      count.map((i) => rankA - axes + i),
      count,
    );
  }
  const [listA, listB] = axes.map((list) => (typeof list === 'number' ? [list] : list));
  if (listA.length !== listB.length)
    throw new Error(
      `tensordot: ${listA.length} axes of ${text(a)} cannot be summed with ${listB.length} of ${text(b)}`,
    );
  const overA = listA.map((axis) => axisOf('tensordot', axis, rankA));
  const overB = listB.map((axis) => axisOf('tensordot', axis, rankB));
  if (new Set(overA).size !== overA.length || new Set(overB).size !== overB.length)
    throw new Error(`tensordot: an axis is named twice in [${String(listA)}] or [${String(listB)}]`);
  return tensordotOf('tensordot', a, b, overA, overB);
}

/** Sums of products over the last axes; with a scalar, the product. */
export function innerOf(a: Node, b: Node): Node {
  const [rankA, rankB] = [a.shape.length, b.shape.length];
  const scalar = rankA === 0 || rankB === 0;
  return tensordotOf('inner', a, b, scalar ? [] : [rankA - 1], scalar ? [] : [rankB - 1]);
}

const flat = (x: Node): Node => reshape(x, [x.shape.reduce((n, extent) => n * extent, 1)]);

/** All products of an element of a and an element of b, [elements of a, elements of b]. */
export const outerOf = (a: Node, b: Node): Node => tensordotOf('outer', flat(a), flat(b), [], []);

/** The sum of the products of all elements. */
export function vdotOf(a: Node, b: Node): Node {
  const [x, y] = [flat(a), flat(b)];
  if (x.shape[0] !== y.shape[0])
    throw new Error(`vdot: ${text(a)} and ${text(b)} must have equally many elements`);
  return tensordotOf('vdot', x, y, [0], [0]);
}

/** Operands that broadcast against each other. */
function together(name: string, a: Node, b: Node): [Node, Node] {
  const shape = broadcastShapes(name, a.shape, b.shape);
  const [x, y] = alike([a, b]).map((n) => broadcastTo(n, shape));
  return [x, y];
}

/** Sums of products along an axis of arrays that broadcast. */
export function vecdotOf(a: Node, b: Node, axis: number): Node {
  const [x, y] = together('vecdot', a, b);
  return reduce('sum', mul(x, y), [axisOf('vecdot', axis, x.shape.length)]);
}

/** The vector product along an axis of extent 3. */
export function crossOf(a: Node, b: Node, axis: number): Node {
  const [x, y] = together('cross', a, b);
  const along = axisOf('cross', axis, x.shape.length);
  const [ofA, ofB] = [a, b].map((n) => n.shape[along - x.shape.length + n.shape.length]);
  if (ofA !== 3 || ofB !== 3)
    throw new Error(`cross: axis ${axis} of ${text(a)} and of ${text(b)} must have extent 3`);
  const component = (i: number): Node => {
    const [j, k] = [(i + 1) % 3, (i + 2) % 3];
    const difference = sub(mul(at(x, j, along), at(y, k, along)), mul(at(x, k, along), at(y, j, along)));
    return unsqueezeOf(difference, along);
  };
  return concat([0, 1, 2].map(component), along);
}

/** `out[i * extent of b + k] = a[i] b[k]` on each axis; the array of lower rank gets axes of extent 1 in front. */
export function kronOf(a: Node, b: Node): Node {
  const rank = Math.max(a.shape.length, b.shape.length);
  const [x, y] = [a, b].map((n) => reshape(n, [...Array(rank - n.shape.length).fill(1), ...n.shape]));
  const pairs = x.shape.map((_, i) => i).flatMap((i) => [i, rank + i]);
  return reshape(
    transpose(tensordotOf('kron', x, y, [], []), pairs),
    x.shape.map((extent, i) => extent * y.shape[i]),
  );
}
