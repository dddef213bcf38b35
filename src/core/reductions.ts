import * as g from '../graph/build.ts';
import { computing, isFloat } from '../graph/dtype.ts';
import type { Node, Shape } from '../graph/node.ts';
import { axesOf } from './operands.ts';

/** Reductions that are made of several operations, and what they have in common. */

/** In a dtype for fractions: float64 as it is, everything else as float32. */
export const asFloat = (x: Node): Node => g.cast(x, isFloat(x.dtype) ? computing(x.dtype) : 'float32');

/** Number of elements that meet in one of a reduction. */
export const countAlong = (
  name: string,
  shape: Shape,
  axis: number | readonly number[] | undefined,
): number => axesOf(name, axis, shape.length).reduce((n, a) => n * shape[a], 1);

/** The result of a reduction of `shape`, with the reduced axes put back if asked for. */
export const withoutAxes = (
  reduced: Node,
  shape: Shape,
  axes: readonly number[],
  { keepDims = false }: { keepDims?: boolean },
): Node =>
  keepDims
    ? g.reshape(
        reduced,
        shape.map((n, i) => (axes.includes(i) ? 1 : n)),
      )
    : reduced;

/** Rows to reduce: the axes last, as one. */
export function rowsAlong(x: Node, axes: readonly number[]): Node {
  const kept = x.shape.map((_, i) => i).filter((i) => !axes.includes(i));
  const count = axes.reduce((n, a) => n * x.shape[a], 1);
  return g.reshape(g.transpose(x, [...kept, ...axes]), [...kept.map((i) => x.shape[i]), count]);
}

const isZero = (x: Node): Node => g.compare('eq', x, g.fill(0, x));

/** f(x), but `value` without a derivative where x is 0. The operand is made safe, so that no derivative of any order is infinite. */
function exceptAtZero(x: Node, value: number, f: (safe: Node) => Node): Node {
  const zero = isZero(x);
  const result = f(g.select(zero, g.fill(1, x), x));
  return g.select(zero, g.fill(value, result), result);
}

/** Square root with derivative 0 at 0. */
export const safeRoot = (x: Node): Node => exceptAtZero(x, 0, (safe) => g.unary('sqrt', safe));

/** Norm of vectors over `axes`. */
export function normOf(
  operand: Node,
  ord: number | 'fro',
  axes: readonly number[],
  options: { keepDims?: boolean },
): Node {
  const order = ord === 'fro' ? 2 : ord;
  if (typeof order !== 'number' || Number.isNaN(order))
    throw new Error(
      `norm: the order is a number, Infinity, -Infinity or 'fro', got ${String(ord)}; norms of operators are linalg's`,
    );
  const x = asFloat(operand);
  const finish = (reduced: Node) => withoutAxes(reduced, x.shape, axes, options);
  const power = (base: Node, exponent: number) => g.binary('pow', base, g.fill(exponent, base));
  if (order === 0) return finish(g.reduce('sum', g.cast(g.unary('not', isZero(x)), x.dtype), axes));
  if (order === 2) return finish(safeRoot(g.reduce('sum', g.mul(x, x), axes)));
  const size = g.unary('abs', x);
  if (order === 1) return finish(g.reduce('sum', size, axes));
  if (Math.abs(order) === Infinity) {
    const empty = axes.some((a) => x.shape[a] === 0);
    if (empty && order < 0) throw new Error(`norm: the order -Infinity of an empty vector has no value`);
    if (empty) return finish(g.reduce('sum', x, axes));
    return finish(g.reduce(order > 0 ? 'max' : 'min', size, axes));
  }
  const sum = g.reduce(
    'sum',
    exceptAtZero(size, order > 0 ? 0 : Infinity, (safe) => power(safe, order)),
    axes,
  );
  return finish(exceptAtZero(sum, order > 0 ? 0 : Infinity, (safe) => power(safe, 1 / order)));
}

/** Mean over `axes` with weights of the shape of x, or of one axis. */
export function averageOf(
  operand: Node,
  given: Node,
  axes: readonly number[],
  options: { keepDims?: boolean },
): Node {
  const { shape } = operand;
  const dtype = [operand, given].some((n) => n.dtype === 'float64') ? 'float64' : 'float32';
  const x = g.cast(operand, dtype);
  let weights = g.cast(given, dtype);
  if (!(shape.length === weights.shape.length && shape.every((n, i) => n === weights.shape[i]))) {
    if (weights.shape.length !== 1 || axes.length !== 1 || weights.shape[0] !== shape[axes[0]])
      throw new Error(
        `average: weights of shape [${weights.shape.join(', ')}] fit neither all of [${shape.join(', ')}] nor one axis of it that is named`,
      );
    weights = g.broadcast(weights, shape, axes);
  }
  const sum = (n: Node) => g.reduce('sum', n, axes);
  return withoutAxes(g.div(sum(g.mul(x, weights)), sum(weights)), shape, axes, options);
}
