import { broadcastTo, concat, reshape, slice, transpose } from '../graph/build.ts';
import { type Node, sizeOf } from '../graph/node.ts';
import { axisOf } from './operands.ts';

/** Arguments of the view methods of arrays, turned into graph nodes. */

/** One extent may be -1: it follows from the others. */
export function reshapeTo(x: Node, shape: readonly number[]): Node {
  if (!Array.isArray(shape))
    throw new TypeError(
      `reshape: the new shape is a list, such as [3, 2], or [-1] for one axis; got ${JSON.stringify(shape)}`,
    );
  const open = shape.indexOf(-1);
  const resolved = [...shape];
  if (open >= 0) {
    const rest = shape.reduce((n, extent, i) => (i === open ? n : n * extent), 1);
    resolved[open] = rest === 0 ? 0 : sizeOf(x.shape) / rest;
  }
  if (
    shape.some((n, i) => n < 0 && i !== open) ||
    sizeOf(resolved) !== sizeOf(x.shape) ||
    resolved.some((n) => !Number.isInteger(n))
  ) {
    throw new Error(
      `reshape: [${x.shape.join(', ')}] has ${sizeOf(x.shape)} elements and cannot become [${shape.join(', ')}]; at most one extent may be -1`,
    );
  }
  return reshape(x, resolved);
}

/** Permutes axes; without a permutation, reverses them. */
export function transposeTo(x: Node, permutation?: readonly number[]): Node {
  const rank = x.shape.length;
  const axes =
    permutation?.map((axis) => axisOf('transpose', axis, rank)) ?? x.shape.map((_, i) => rank - 1 - i);
  if (axes.length !== rank || new Set(axes).size !== rank)
    throw new Error(
      `transpose: [${String(permutation)}] must name each of the ${rank} axes of [${x.shape.join(', ')}] once`,
    );
  return transpose(x, axes);
}

/** One axis of a slice: [start, end, step?], null for "from the beginning" or "to the end"; null alone for all. */
export type Range = readonly [start: number | null, end: number | null, step?: number] | null;

/** A range of an axis of known extent: where it starts, by which steps it goes on, how many elements it has. */
export function rangeOf(
  name: string,
  range: Range,
  extent: number,
  axis: number,
): { start: number; step: number; count: number } {
  if (range !== null && !Array.isArray(range))
    throw new TypeError(
      `${name}: a range is [start, end], [start, end, step] or null, got ${JSON.stringify(range)} on axis ${axis}; at() takes single positions`,
    );
  const [from, to, by = 1] = range ?? [null, null];
  if (!Number.isInteger(by) || by === 0)
    throw new Error(`${name}: the step on axis ${axis} must be an integer other than 0, got ${by}`);
  for (const n of [from, to])
    if (n !== null && !Number.isInteger(n))
      throw new Error(`${name}: positions on axis ${axis} must be integers or null, got ${n}`);
  const [lowest, highest] = by > 0 ? [0, extent] : [-1, extent - 1];
  const clamp = (n: number) => Math.min(highest, Math.max(lowest, n < 0 ? n + extent : n));
  const first = from === null ? (by > 0 ? 0 : extent - 1) : clamp(from);
  const end = to === null ? (by > 0 ? extent : -1) : clamp(to);
  const count = Math.max(0, Math.ceil((end - first) / by));
  return { start: count === 0 ? 0 : first, step: by, count };
}

/** Python's slices: negative positions count from the end, positions outside are clamped, steps may be negative. */
export function sliceTo(x: Node, ranges: readonly Range[]): Node {
  if (ranges.length > x.shape.length)
    throw new Error(`slice: ${ranges.length} ranges for an array of shape [${x.shape.join(', ')}]`);
  const each = x.shape.map((extent, i) => rangeOf('slice', ranges[i] ?? null, extent, i));
  return slice(
    x,
    each.map((r) => r.start),
    each.map((r) => r.step),
    each.map((r) => r.count),
  );
}

/** The array at one position of an axis, which disappears. */
export function at(x: Node, index: number, axis = 0): Node {
  const a = axisOf('at', axis, x.shape.length);
  const i = index < 0 ? index + x.shape[a] : index;
  if (!Number.isInteger(index) || i < 0 || i >= x.shape[a])
    throw new Error(`at: index ${index} is outside of axis ${a} of [${x.shape.join(', ')}]`);
  const picked = slice(
    x,
    x.shape.map((_, k) => (k === a ? i : 0)),
    x.shape.map(() => 1),
    x.shape.map((n, k) => (k === a ? 1 : n)),
  );
  return reshape(
    picked,
    x.shape.filter((_, k) => k !== a),
  );
}

/** Removes axes of extent 1: the given ones, or all. */
export function squeezeOf(x: Node, axis?: number | readonly number[]): Node {
  const chosen =
    axis === undefined
      ? x.shape.flatMap((n, i) => (n === 1 ? [i] : []))
      : (typeof axis === 'number' ? [axis] : axis).map((a) => axisOf('squeeze', a, x.shape.length));
  for (const a of chosen)
    if (x.shape[a] !== 1)
      throw new Error(`squeeze: axis ${a} of [${x.shape.join(', ')}] has extent ${x.shape[a]}, not 1`);
  return reshape(
    x,
    x.shape.filter((_, i) => !chosen.includes(i)),
  );
}

/** Inserts an axis of extent 1. */
export function unsqueezeOf(x: Node, axis: number): Node {
  const at = axisOf('unsqueeze', axis, x.shape.length + 1);
  return reshape(x, [...x.shape.slice(0, at), 1, ...x.shape.slice(at)]);
}

/** Merges the axes from `start` to `end` (both included) into one. */
export function flattenOf(x: Node, start = 0, end = -1): Node {
  if (x.shape.length === 0) return reshape(x, [1]);
  const from = axisOf('flatten', start, x.shape.length);
  const to = axisOf('flatten', end, x.shape.length);
  if (from > to)
    throw new Error(`flatten: start axis ${start} lies behind end axis ${end} in [${x.shape.join(', ')}]`);
  return reshape(x, [
    ...x.shape.slice(0, from),
    sizeOf(x.shape.slice(from, to + 1)),
    ...x.shape.slice(to + 1),
  ]);
}

/** Reverses the order along axes. */
export function flipOf(x: Node, axes: readonly number[]): Node {
  return slice(
    x,
    x.shape.map((n, i) => (axes.includes(i) && n > 0 ? n - 1 : 0)),
    x.shape.map((_, i) => (axes.includes(i) ? -1 : 1)),
    x.shape,
  );
}

/** Joins arrays along an existing axis. */
export function concatOf(parts: readonly Node[], axis: number): Node {
  if (parts.length === 0) throw new Error('concat: needs at least one array');
  const a = axisOf('concat', axis, parts[0].shape.length);
  const list = parts.map((p) => `[${p.shape.join(', ')}]`).join(', ');
  for (const part of parts) {
    const fits =
      part.shape.length === parts[0].shape.length &&
      part.shape.every((n, i) => i === a || n === parts[0].shape[i]);
    if (!fits) throw new Error(`concat: shapes ${list} must be equal but for axis ${a}`);
  }
  return concat(parts, a);
}

/** Joins arrays of one shape along a new axis. */
export function stackOf(parts: readonly Node[], axis: number): Node {
  if (parts.length === 0) throw new Error('stack: needs at least one array');
  const [first] = parts;
  const other = parts.find((p) => String(p.shape) !== String(first.shape));
  if (other !== undefined)
    throw new Error(
      `stack: arrays must have one shape, got [${first.shape.join(', ')}] and [${other.shape.join(', ')}]`,
    );
  const a = axisOf('stack', axis, first.shape.length + 1);
  return concatOf(
    parts.map((p) => unsqueezeOf(p, a)),
    a,
  );
}

/** Repeats an array as NumPy's broadcast_to. */
export function broadcastToShape(x: Node, shape: readonly number[]): Node {
  if (shape.some((n) => !Number.isInteger(n) || n < 0))
    throw new Error(
      `broadcastTo: extents are integers from 0 on, got [${shape.join(', ')}]; expand() keeps an extent for -1, but not for an axis that is new`,
    );
  const shift = shape.length - x.shape.length;
  if (shift < 0 || x.shape.some((n, i) => n !== 1 && n !== shape[i + shift]))
    throw new Error(
      `broadcastTo: [${x.shape.join(', ')}] cannot become [${shape.join(', ')}]; aligned at the right, extents must be equal or 1`,
    );
  return broadcastTo(x, shape);
}
