import * as g from '../graph/build.ts';
import type { Node } from '../graph/node.ts';
import type { Axis } from './array_base.ts';
import { axesOf, axisOf, united } from './operands.ts';
import { asFloat } from './reductions.ts';
import type { Tensor } from './tensor.ts';

/** Differences of neighbours, and integrals made of their sums. */

export interface TrapezoidOptions {
  /** Coordinates of the elements: one for each element of the axis, or of the shape of the array. */
  x?: Tensor | readonly number[];
  /** Distance of neighbours, where there are no coordinates. Default 1. */
  dx?: number;
  /** Default -1. */
  axis?: number;
}

/** Options of `gradient`. */
export interface GradientOptions {
  /**
   * Distance of neighbours, or the coordinates along an axis; one for all axes, or a list of one for each. Default 1. A list of numbers is one
   * distance for each axis.
   */
  spacing?: number | Tensor | readonly (number | Tensor)[];
  /** Order of the differences at both ends. Default 1. */
  edgeOrder?: 1 | 2;
}

/** `count` elements of an axis from `from` on. */
function part(x: Node, axis: number, from: number, count: number): Node {
  return g.slice(
    x,
    x.shape.map((_, i) => (i === axis ? from : 0)),
    x.shape.map(() => 1),
    x.shape.with(axis, count),
  );
}

/** x[i + 1] - x[i]; of bool whether they differ. */
function difference(x: Node, axis: number): Node {
  const count = Math.max(0, x.shape[axis] - 1);
  const [after, before] = [part(x, axis, Math.min(1, x.shape[axis]), count), part(x, axis, 0, count)];
  return x.dtype === 'bool' ? g.binary('xor', after, before) : g.sub(after, before);
}

/** Differences of neighbours, `n` times. */
export function differencesOf(
  x: Node,
  n: number,
  axis: number,
  prepend: Node | number | boolean | undefined,
  append: Node | number | boolean | undefined,
): Node {
  if (!Number.isInteger(n) || n < 0) throw new Error(`diff: the order must be an integer >= 0, got ${n}`);
  const end = (value: Node | number | boolean): Node =>
    typeof value === 'object' ? value : g.constant(Number(value), x.shape.with(axis, 1), x.dtype);
  const parts = [prepend, x, append].filter((p) => p !== undefined).map(end);
  for (const p of parts)
    if (p.shape.length !== x.shape.length || p.shape.some((extent, i) => i !== axis && extent !== x.shape[i]))
      throw new Error(
        `diff: [${p.shape.join(', ')}] cannot be put before or after [${x.shape.join(', ')}] along axis ${axis}`,
      );
  let result = parts.length === 1 ? x : g.concat(united(parts), axis);
  for (let i = 0; i < n; i++) result = difference(result, axis);
  return result;
}

/** Coordinates as an array of the shape of `like`. */
function coordinates(name: string, given: Tensor | readonly number[], like: Node, axis: number): Node {
  const isList = Array.isArray(given);
  const list = isList ? (given as readonly number[]) : null;
  const node =
    list === null
      ? g.cast((given as Tensor).node, like.dtype)
      : g.cast(g.literal(Float64Array.from(list), [list.length], 'float64'), like.dtype);
  const { shape } = like;
  if (node.shape.length === shape.length && node.shape.every((n, i) => n === shape[i])) return node;
  if (node.shape.length !== 1 || node.shape[0] !== shape[axis])
    throw new Error(
      `${name}: coordinates of shape [${node.shape.join(', ')}] must be ${shape[axis]} numbers, one for each element of axis ${axis}, or of the shape [${shape.join(', ')}]`,
    );
  return g.broadcast(node, shape, [axis]);
}

/** Areas between neighbours. */
function areas(name: string, operand: Node, { x, dx = 1, axis = -1 }: TrapezoidOptions): [Node, number] {
  const y = asFloat(operand);
  const a = axisOf(name, axis, y.shape.length);
  const count = Math.max(0, y.shape[a] - 1);
  const heights = g.add(part(y, a, Math.min(1, y.shape[a]), count), part(y, a, 0, count));
  const widths = x === undefined ? g.fill(dx, heights) : difference(coordinates(name, x, y, a), a);
  return [g.mul(g.mul(widths, g.fill(0.5, widths)), heights), a];
}

export function trapezoidOf(y: Node, options: TrapezoidOptions): Node {
  const [parts, axis] = areas('trapezoid', y, options);
  return g.reduce('sum', parts, [axis]);
}

export function cumulativeTrapezoidOf(y: Node, options: TrapezoidOptions & { initial?: number }): Node {
  const [parts, axis] = areas('cumulativeTrapezoid', y, options);
  const sums = g.prefix('sum', parts, axis);
  if (options.initial === undefined) return sums;
  const only = sums.shape.map((_, i) => (i === axis ? 1 : 0));
  return g.pad(
    sums,
    only,
    only.map(() => 0),
    only.map(() => 0),
    options.initial,
  );
}

/** Derivatives along axes (all without one) of a function known at points. */
export function gradientOf(
  operand: Node,
  axis: Axis | undefined,
  { spacing = 1, edgeOrder = 1 }: GradientOptions,
): Node[] {
  const f = asFloat(operand);
  const axes = axesOf('gradient', axis, f.shape.length);
  const list = Array.isArray(spacing)
    ? (spacing as readonly (number | Tensor)[])
    : axes.map(() => spacing as number | Tensor);
  if (list.length !== axes.length)
    throw new Error(
      `gradient: ${list.length} spacings for ${axes.length} axes; give one for all, or one for each`,
    );
  if (edgeOrder !== 1 && edgeOrder !== 2)
    throw new Error(`gradient: the order at the edges is 1 or 2, got ${String(edgeOrder)}`);
  return axes.map((a, i) => {
    if (f.shape[a] < edgeOrder + 1)
      throw new Error(
        `gradient: axis ${a} of [${f.shape.join(', ')}] needs at least ${edgeOrder + 1} elements for edges of order ${edgeOrder}`,
      );
    return alongAxis(f, a, distances(f, a, list[i]), edgeOrder);
  });
}

/** Distances of neighbours along an axis, of the shape of f with one element less. */
function distances(f: Node, axis: number, spacing: number | Tensor): Node {
  const shape = f.shape.with(axis, f.shape[axis] - 1);
  if (typeof spacing === 'number') return g.constant(spacing, shape, f.dtype);
  if (spacing.ndim === 0) return g.broadcast(g.cast(spacing.node, f.dtype), shape, []);
  return difference(coordinates('gradient', spacing, f, axis), axis);
}

/**
 * Inside, the derivative of the parabola through an element and its neighbours; at the ends, the slope to the neighbour, or the
 * derivative of the parabola through the three elements there.
 */
function alongAxis(f: Node, axis: number, distance: Node, edgeOrder: 1 | 2): Node {
  const n = f.shape[axis];
  const slopes = g.div(difference(f, axis), distance);
  const at = (x: Node, i: number, count = 1) => part(x, axis, i, count);
  const parabola = (i: number): Node => {
    // The slope at the end of two neighbouring pieces: their own slopes, extrapolated by half of a piece.
    const [near, far] = [i === 0 ? 0 : n - 2, i === 0 ? 1 : n - 3];
    const [h, k] = [at(distance, near), at(distance, far)];
    const bend = g.div(g.sub(at(slopes, near), at(slopes, far)), g.add(h, k));
    return g.add(at(slopes, near), g.mul(h, bend));
  };
  const edge = (i: number): Node => (edgeOrder === 1 ? at(slopes, i === 0 ? 0 : n - 2) : parabola(i));
  if (n === 2) return g.concat([edge(0), edge(1)], axis);
  const [before, after] = [at(distance, 0, n - 2), at(distance, 1, n - 2)];
  const [down, up] = [at(slopes, 0, n - 2), at(slopes, 1, n - 2)];
  const inside = g.div(g.add(g.mul(after, down), g.mul(before, up)), g.add(before, after));
  return g.concat([edge(0), inside, edge(n - 1)], axis);
}
