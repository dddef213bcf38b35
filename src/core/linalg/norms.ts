import { axesOf } from '../operands.ts';
import { checkOptions } from '../options.ts';
import type { Axis, ReduceOptions } from '../tensor.ts';
import { type Tensor, where } from '../tensor.ts';
import { inverse } from './lu.ts';
import { matricesOf, mT, squareOf } from './matrices.ts';
import { svdvals } from './svd.ts';

/** Orders of matrix norms: Frobenius, nuclear, largest (2) and smallest (-2) singular value, sums of columns (1) and of rows (Infinity). */
export type MatrixOrder = 'fro' | 'nuc' | number;

const asFloats = (x: Tensor): Tensor => x.cast(x.dtype === 'float64' ? 'float64' : 'float32');

/** sqrt with derivative 0 at 0: of a norm, that is the subgradient of least norm. */
function rootOf(squares: Tensor): Tensor {
  const zero = squares.eq(0);
  return where(zero, squares, where(zero, 1, squares).sqrt());
}

/** Options of `norm` and `vectorNorm`. */
export interface NormOptions extends ReduceOptions {
  /** Axes along which norms are taken; default all, as one vector. */
  axis?: Axis;
}

/**
 * The p-norm (sum of |x|^p)^(1/p) of vectors; p = Infinity: the largest |x|, -Infinity: the smallest, 0: how many are not 0. Default 2,
 * with derivative 0 at 0.
 *
 * @throws if the order is not a number, or a largest element is asked of none
 */
export function vectorNorm(x: Tensor, order = 2, options: NormOptions = {}): Tensor {
  if (typeof order !== 'number' || Number.isNaN(order))
    throw new Error(`vectorNorm: the order must be a number, got ${order}`);
  checkOptions('vectorNorm', options, ['axis', 'keepDims']);
  const keeping = { keepDims: options.keepDims };
  const axes = axesOf('vectorNorm', options.axis, x.ndim);
  const values = asFloats(x);
  const sizes = values.abs();
  const empty = axes.some((axis) => x.shape[axis] === 0);
  if (order === Number.POSITIVE_INFINITY && !empty) return sizes.max(axes, keeping);
  if (Math.abs(order) === Number.POSITIVE_INFINITY) {
    if (order < 0 && !empty) return sizes.min(axes, keeping);
    if (order > 0) return sizes.sum(axes, keeping);
    throw new Error(`vectorNorm: order -Infinity of [${x.shape.join(', ')}], which is empty along the axis`);
  }
  if (order === 0) return values.ne(0).cast(values.dtype).sum(axes, keeping);
  if (order === 1) return sizes.sum(axes, keeping);
  if (order === 2) return rootOf(values.square().sum(axes, keeping));
  return sizes
    .pow(order)
    .sum(axes, keeping)
    .pow(1 / order);
}

/** Options of `matrixNorm`. */
export interface MatrixNormOptions extends ReduceOptions {
  /** The axes of rows and columns; default the last two. */
  axis?: readonly [rows: number, columns: number];
}

/**
 * The norm of matrices: 'fro' (default): root of the sum of squares; 'nuc': sum of the singular values; 2 and -2: the largest and the
 * smallest of them; 1 and -1: largest and smallest sum of |a| along a column; Infinity and -Infinity: along a row.
 *
 * @throws for other orders, and where x is no matrix
 */
export function matrixNorm(a: Tensor, order: MatrixOrder = 'fro', options: MatrixNormOptions = {}): Tensor {
  checkOptions('matrixNorm', options, ['axis', 'keepDims']);
  const [rows, columns] = options.axis ?? [-2, -1];
  if (a.ndim < 2)
    throw new Error(`matrixNorm: needs a matrix or a batch of them, got shape [${a.shape.join(', ')}]`);
  const sorted = axesOf('matrixNorm', [rows, columns], a.ndim);
  const positive = rows < 0 ? rows + a.ndim : rows;
  const others = a.shape.map((_, i) => i).filter((i) => !sorted.includes(i));
  const last = matricesOf('matrixNorm', a.transpose([...others, ...sorted]));
  const result = lastTwo(positive === sorted[0] ? last : mT(last), order);
  return options.keepDims ? result.reshape(a.shape.map((n, i) => (sorted.includes(i) ? 1 : n))) : result;
}

/** The norm over the last two axes. */
function lastTwo(a: Tensor, order: MatrixOrder): Tensor {
  switch (order) {
    case 'fro':
      return rootOf(a.square().sum([-2, -1]));
    case 'nuc':
      return svdvals(a).sum(-1);
    case 2:
      return svdvals(a).max(-1);
    case -2:
      return svdvals(a).min(-1);
    case 1:
      return a.abs().sum(-2).max(-1);
    case -1:
      return a.abs().sum(-2).min(-1);
    case Number.POSITIVE_INFINITY:
      return a.abs().sum(-1).max(-1);
    case Number.NEGATIVE_INFINITY:
      return a.abs().sum(-1).min(-1);
  }
  throw new Error(
    `matrixNorm: there is no order ${order}; orders are 'fro', 'nuc', 2, -2, 1, -1, Infinity and -Infinity`,
  );
}

/**
 * NumPy's norm: without an order the 2-norm of all elements along `axis`; with an order a vector norm along one axis, and a matrix norm
 * along two (or of an array with two axes).
 */
export function norm(x: Tensor, order?: MatrixOrder, options: NormOptions = {}): Tensor {
  checkOptions('norm', options, ['axis', 'keepDims']);
  if (order === undefined) return vectorNorm(x, 2, options);
  const axes = options.axis ?? x.shape.map((_, i) => i);
  const list = typeof axes === 'number' ? [axes] : axes;
  if (list.length === 2)
    return matrixNorm(x, order, { keepDims: options.keepDims, axis: [list[0], list[1]] });
  if (typeof order === 'string' || list.length !== 1)
    throw new Error(
      `norm: order ${order} is for ${typeof order === 'string' ? 'two axes' : 'one or two axes'}, got ${list.length} of [${x.shape.join(', ')}]`,
    );
  return vectorNorm(x, order, options);
}

/**
 * The condition number of matrices: the quotient of the largest and the smallest singular value (order 2, the default; -2: its inverse), or
 * norm(a) norm(inverse(a)) for square a and other orders of matrixNorm. Infinity for singular matrices.
 */
export function cond(a: Tensor, order: MatrixOrder = 2): Tensor {
  if (order === 2 || order === -2) {
    const s = svdvals(matricesOf('cond', a));
    const [most, least] = [s.max(-1), s.min(-1)];
    return order === 2 ? most.div(least) : least.div(most);
  }
  const matrices = squareOf('cond', a);
  return matrixNorm(matrices, order).mul(matrixNorm(inverse(matrices), order));
}
