import { broadcastTo, cast, constant } from '../graph/build.ts';
import { computing, type DType, isFloat, join, promote } from '../graph/dtype.ts';
import type { Node, Shape } from '../graph/node.ts';

/** How operands meet: promotion of dtypes, broadcasting of shapes, axes counted from the end. */

/**
 * Refuses what is no shape.
 *
 * @throws TypeError that names `name` and shows what was given
 */
export function requireShape(name: string, shape: Shape): void {
  if (Array.isArray(shape) && shape.every((n) => Number.isInteger(n) && n >= 0)) return;
  const remedy = Array.isArray(shape) ? '' : '; a vector of 5 elements has the shape [5]';
  throw new TypeError(
    `${name}: a shape is a list of integers from 0 on, got ${JSON.stringify(shape)}${remedy}`,
  );
}

/**
 * The shape in which arrays meet: aligned at the right, extents equal or 1.
 *
 * @throws if extents differ, naming `name`
 */
export function broadcastShapes(name: string, ...shapes: readonly Shape[]): number[] {
  const rank = Math.max(0, ...shapes.map((s) => s.length));
  const result = new Array<number>(rank).fill(1);
  for (const shape of shapes) {
    shape.forEach((extent, i) => {
      const at = i + rank - shape.length;
      if (extent === 1 || extent === result[at]) return;
      if (result[at] !== 1) {
        const list = shapes.map((s) => `[${s.join(', ')}]`).join(' and ');
        throw new Error(
          `${name}: shapes ${list} do not broadcast; aligned at the right, extents must be equal or 1`,
        );
      }
      result[at] = extent;
    });
  }
  return result;
}

/**
 * Brings operands to one dtype and one shape. A JavaScript number takes the dtype of the array that it meets, unless it is
 * a fraction that meets integers: then both become float32.
 *
 * @param floats the operation is for floats: others become float32
 * @param unite the dtype of two: the one they are computed in, or the one in which they lie side by side
 */
export function meet(
  name: string,
  operands: readonly (Node | number | boolean)[],
  floats = false,
  unite: typeof promote = promote,
): Node[] {
  const nodes = operands.filter((o): o is Node => typeof o === 'object');
  let dtype: DType | null = null;
  for (const node of nodes) dtype = unite(dtype ?? node.dtype, node.dtype);
  dtype ??= operands.every((o) => typeof o === 'boolean') ? 'bool' : 'float32';
  for (const o of operands) {
    if (typeof o === 'number' && dtype === 'bool') dtype = Number.isInteger(o) ? 'int32' : 'float32';
    if (typeof o === 'number' && !isFloat(dtype) && !Number.isInteger(o)) dtype = 'float32';
  }
  if (floats && !isFloat(dtype)) dtype = 'float32';
  const target = dtype;
  const shape = broadcastShapes(name, ...nodes.map((n) => n.shape));
  return operands.map((o) =>
    typeof o === 'object' ? broadcastTo(cast(o, target), shape) : constant(Number(o), shape, target),
  );
}

/** A non-negative axis from one that may count from the end. */
export function axisOf(name: string, axis: number, rank: number): number {
  const positive = axis < 0 ? axis + rank : axis;
  if (!Number.isInteger(axis) || positive < 0 || positive >= rank) {
    throw new Error(`${name}: axis ${axis} does not exist in an array of rank ${rank}`);
  }
  return positive;
}

/** Ascending axes from one, several, or none given (all). */
export function axesOf(name: string, axis: number | readonly number[] | undefined, rank: number): number[] {
  if (axis === undefined) return Array.from({ length: rank }, (_, i) => i);
  if (typeof axis !== 'number' && !Array.isArray(axis))
    throw new TypeError(`${name}: axes are a number or a list of numbers, got ${JSON.stringify(axis)}`);
  const list = (typeof axis === 'number' ? [axis] : axis).map((a) => axisOf(name, a, rank));
  if (new Set(list).size !== list.length)
    throw new Error(`${name}: an axis is named twice in [${String(axis)}]`);
  return list.sort((a, b) => a - b);
}

/** Operands of a product in their common dtype, shapes untouched; bool counts as int32. */
export function alike(nodes: readonly Node[]): Node[] {
  const dtype = nodes.map((n) => n.dtype).reduce<DType>(promote, 'bool');
  return nodes.map((n) => cast(n, dtype === 'bool' ? 'int32' : dtype));
}

/** Arrays in the dtype in which they lie side by side. */
export function united(nodes: readonly Node[]): Node[] {
  if (nodes.length === 0) return [];
  const dtype = nodes.map((n) => n.dtype).reduce(join);
  return nodes.map((n) => cast(n, dtype));
}

/** An array in the dtype in which it is computed with: float32 for 16-bit floats. */
export const computable = (node: Node): Node => cast(node, computing(node.dtype));

/** Bool as int32, which counts; numbers as they are. */
export const asNumber = (node: Node): Node => (node.dtype === 'bool' ? cast(node, 'int32') : node);

/**
 * A value that is to be written into an array `x`, in x's dtype; its shape is its own.
 *
 * @throws if that would lose fractions
 */
export function valueLike(name: string, x: Node, value: Node | number | boolean): Node {
  const loses =
    typeof value === 'object' ? isFloat(value.dtype) && !isFloat(x.dtype) : !fits(Number(value), x.dtype);
  if (loses)
    throw new Error(
      `${name}: ${typeof value === 'object' ? value.dtype : value} does not fit into ${x.dtype}; cast one of them first`,
    );
  return typeof value === 'object' ? cast(value, x.dtype) : constant(Number(value), [], x.dtype);
}

const fits = (value: number, dtype: DType): boolean =>
  isFloat(dtype) || (dtype === 'bool' ? value === 0 || value === 1 : Number.isInteger(value));
