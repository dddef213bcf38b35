import { checkOptions } from '../options.ts';
import { type Tensor, where } from '../tensor.ts';
import {
  algorithm,
  alikeFloats,
  epsilonOf,
  extentsOf,
  inverseUnless,
  matricesOf,
  mT,
  type Rule,
  sameBatch,
  scaleRows,
  withRule,
} from './matrices.ts';
import { svdvals } from './svd.ts';

/** Which singular values count. */
export interface RankOptions {
  /** Singular values up to this part of the largest one count as 0. Default max(m, n) times the dtype's epsilon. */
  rtol?: number;
}

/** Which singular values count as 0. */
function isZero(a: Tensor, s: Tensor, { rtol }: RankOptions): Tensor {
  const part = rtol ?? Math.max(...extentsOf(a)) * epsilonOf(a);
  return s.le(s.max(-1, { keepDims: true }).mul(part));
}

/**
 * The derivative where the rank does not change: P' = -P A' P + P P^T A'^T (I - A P) + (I - P A) A'^T P^T P (Golub and Pereyra 1973, "The
 * differentiation of pseudo-inverses").
 */
const rule: Rule = {
  name: 'pinv',
  tangents: ([p], [a], _, [da]) => {
    const turned = mT(da!);
    const first = p.matmul(da!).matmul(p).neg();
    const left = p.matmul(mT(p).matmul(turned));
    const right = turned.matmul(mT(p)).matmul(p);
    return [
      first
        .add(left)
        .sub(left.matmul(a).matmul(p))
        .add(right)
        .sub(p.matmul(a.matmul(right))),
    ];
  },
};

/**
 * The Moore-Penrose pseudo-inverse [..., n, m] of a [..., m, n], by SVD. The derivative holds as long as the rank does not change.
 *
 * @throws if a is not a matrix
 */
export function pinv(a: Tensor, options: RankOptions = {}): Tensor {
  checkOptions('pinv', options, ['rtol']);
  const matrices = matricesOf('pinv', a);
  if (matrices.size === 0) return mT(matrices);
  const [u, s, vt] = algorithm('svd', matrices);
  const inverse = inverseUnless(isZero(matrices, s, options), s);
  return withRule(rule, [mT(vt).matmul(scaleRows(mT(u), inverse))], [matrices])[0];
}

/** The number of singular values [...] of a [..., m, n] that do not count as 0, int32. */
export function matrixRank(a: Tensor, options: RankOptions = {}): Tensor {
  checkOptions('matrixRank', options, ['rtol']);
  const matrices = matricesOf('matrixRank', a);
  const s = svdvals(matrices);
  if (matrices.size === 0) return s.sum(-1).cast('int32');
  return where(isZero(matrices, s, options), 0, 1)
    .sum(-1)
    .cast('int32');
}

/** What `lstsq` finds. */
export interface LeastSquares {
  /** The x of smallest norm among those for which the norm of a x - b is least. */
  readonly solution: Tensor;
  /** The squared norms of a x - b, a number for each right side. */
  readonly residuals: Tensor;
  /** See matrixRank. */
  readonly rank: Tensor;
  readonly singularValues: Tensor;
}

/**
 * Least squares for a [..., m, n] of any shape and rank, and b [..., m, k] or a vector [m]: the solution x [..., n, k] or [n]. Leading axes
 * broadcast. By the pseudo-inverse. Unlike in NumPy and PyTorch, there are residuals for any rank and shape; they cost nothing where
 * nobody reads them. Derivatives hold as long as the rank does not change.
 *
 * @throws if the rows of a and b differ in number
 */
export function lstsq(a: Tensor, b: Tensor, options: RankOptions = {}): LeastSquares {
  checkOptions('lstsq', options, ['rtol']);
  const [x, y] = alikeFloats(matricesOf('lstsq', a), b);
  const vector = y.ndim === 1;
  const columns = vector ? y.unsqueeze(-1) : y;
  const [m] = extentsOf(x);
  if (columns.ndim < 2 || columns.shape[columns.ndim - 2] !== m)
    throw new Error(
      `lstsq: a right side of shape [${b.shape.join(', ')}] does not fit matrices [${a.shape.join(', ')}]; it needs ${m} rows: [..., ${m}, k], ` +
        `or [${m}] for a vector`,
    );
  const [left, right] = sameBatch('lstsq', x, columns);
  const solution = pinv(left, options).matmul(right);
  const residuals = left.matmul(solution).sub(right).square().sum(-2);
  return {
    solution: vector ? solution.squeeze(-1) : solution,
    residuals: vector ? residuals.squeeze(-1) : residuals,
    rank: matrixRank(x, options),
    singularValues: svdvals(x),
  };
}
