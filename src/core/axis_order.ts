import { reshape, transpose } from '../graph/build.ts';
import { type Node, sizeOf } from '../graph/node.ts';
import { axisOf } from './operands.ts';
import { rearrange } from './rearrange.ts';
import { flattenOf, flipOf } from './views.ts';

/** Axes that change places, and elements that change places along axes. */

const several = (axes: number | readonly number[]): readonly number[] =>
  typeof axes === 'number' ? [axes] : axes;

const distinct = (name: string, axes: readonly number[]): void => {
  if (new Set(axes).size !== axes.length) throw new Error(`${name}: an axis is named twice in [${axes}]`);
};

/** Moves axes to other places; the others keep their order. */
export function moveAxisOf(
  x: Node,
  source: number | readonly number[],
  destination: number | readonly number[],
): Node {
  const rank = x.shape.length;
  const from = several(source).map((axis) => axisOf('moveaxis', axis, rank));
  const to = several(destination).map((axis) => axisOf('moveaxis', axis, rank));
  if (from.length !== to.length)
    throw new Error(`moveaxis: ${from.length} axes cannot go to ${to.length} places; name as many of each`);
  distinct('moveaxis', from);
  distinct('moveaxis', to);
  const rest = x.shape.map((_, i) => i).filter((i) => !from.includes(i));
  const order = x.shape.map((_, i) => (to.includes(i) ? from[to.indexOf(i)] : rest.shift()!));
  return transpose(x, order);
}

/** Exchanges two axes. */
export function swapAxesOf(x: Node, first: number, second: number): Node {
  const a = axisOf('swapaxes', first, x.shape.length);
  const b = axisOf('swapaxes', second, x.shape.length);
  return transpose(
    x,
    x.shape.map((_, i) => (i === a ? b : i === b ? a : i)),
  );
}

/** Splits an axis into several; one extent may be -1. */
export function unflattenOf(x: Node, axis: number, sizes: readonly number[]): Node {
  const a = axisOf('unflatten', axis, x.shape.length);
  const extent = x.shape[a];
  const open = sizes.indexOf(-1);
  const rest = sizes.reduce((n, size, i) => (i === open ? n : n * size), 1);
  const resolved = sizes.map((size, i) => (i === open ? (rest === 0 ? 0 : extent / rest) : size));
  if (
    sizes.some((n, i) => n < 0 && i !== open) ||
    resolved.some((n) => !Number.isInteger(n)) ||
    sizeOf(resolved) !== extent
  )
    throw new Error(
      `unflatten: axis ${axis} of [${x.shape.join(', ')}] has ${extent} elements and cannot become [${sizes.join(', ')}]; at most one extent may be -1`,
    );
  return reshape(x, [...x.shape.slice(0, a), ...resolved, ...x.shape.slice(a + 1)]);
}

/** Shifts elements along axes; those that leave at one end come back at the other. Without axes, of the flattened array. */
export function rollOf(
  x: Node,
  shift: number | readonly number[],
  axis: number | readonly number[] | undefined,
): Node {
  if (axis === undefined) {
    if (typeof shift !== 'number')
      throw new Error(`roll: several shifts [${shift}] need as many axes; name them`);
    return reshape(rollOf(flattenOf(x), shift, 0), x.shape);
  }
  const axes = several(axis);
  const shifts = typeof shift === 'number' ? axes.map(() => shift) : shift;
  if (shifts.length !== axes.length)
    throw new Error(`roll: ${shifts.length} shifts for ${axes.length} axes; give one for each`);
  return axes.reduce((rolled, named, i) => {
    const a = axisOf('roll', named, x.shape.length);
    if (!Number.isInteger(shifts[i])) throw new Error(`roll: shifts are integers, got ${shifts[i]}`);
    const extent = x.shape[a];
    if (extent === 0) return rolled;
    const start = (((-shifts[i] % extent) + extent) % extent) % extent;
    if (start === 0) return rolled;
    return rearrange(
      rolled,
      a,
      Array.from({ length: extent }, (_, k) => (start + k) % extent),
    );
  }, x);
}

/** Rotates `count` quarter turns from the first of two axes towards the second. */
export function rot90Of(x: Node, count: number, axes: readonly [number, number]): Node {
  const rank = x.shape.length;
  if (rank < 2) throw new Error(`rot90: needs two axes, got shape [${x.shape.join(', ')}]`);
  if (!Number.isInteger(count))
    throw new Error(`rot90: the number of quarter turns is an integer, got ${count}`);
  const [a, b] = axes.map((axis) => axisOf('rot90', axis, rank));
  if (a === b) throw new Error(`rot90: the axes [${axes.join(', ')}] must differ`);
  const turns = ((count % 4) + 4) % 4;
  if (turns === 0) return x;
  if (turns === 2) return flipOf(x, [a, b]);
  return turns === 1 ? swapAxesOf(flipOf(x, [b]), a, b) : flipOf(swapAxesOf(x, a, b), [b]);
}

/** Puts axes of extent 1 in front until there are `rank`. */
export const atLeast = (x: Node, rank: number): Node => {
  const missing = Math.max(0, rank - x.shape.length);
  return reshape(x, [...new Array<number>(missing).fill(1), ...x.shape]);
};

/** NumPy's atleast_3d: a vector becomes [1, n, 1], a matrix [m, n, 1]. */
export function atLeast3(x: Node): Node {
  if (x.shape.length >= 3) return x;
  const matrix = atLeast(x, 2);
  return reshape(matrix, [...matrix.shape, 1]);
}
