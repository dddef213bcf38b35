/**
 * Linear algebra on the last two axes of arrays, batched over the axes before. Names are those of NumPy and PyTorch. float64 is computed
 * in double; everything else becomes float32, which the algorithms compute in double inside. Nothing throws for the values of
 * matrices: what does not exist is NaN or infinite. Everything is differentiable, to any order.
 */
export { cholesky } from './linalg/cholesky.ts';
export { eigh, eigvalsh } from './linalg/eigh.ts';
export {
  type LeastSquares,
  lstsq,
  matrixRank,
  pinv,
  type RankOptions,
} from './linalg/least_squares.ts';
export { det, inverse, inverse as inv, lu, luFactor, luSolve, slogdet, solve } from './linalg/lu.ts';
export {
  cond,
  type MatrixNormOptions,
  type MatrixOrder,
  matrixNorm,
  type NormOptions,
  norm,
  vectorNorm,
} from './linalg/norms.ts';
export { matrixExp, matrixPower, multiDot, type VanderOptions, vander } from './linalg/powers.ts';
export { qr } from './linalg/qr.ts';
export { svd, svdvals } from './linalg/svd.ts';
export { choleskySolve, type SolveTriangularOptions, solveTriangular } from './linalg/triangular.ts';
