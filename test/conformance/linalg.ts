import { linalg, type Tensor } from '../../src/index.ts';
import type { Operand, Operation } from './operation.ts';

/** A square matrix that is far from singular, with singular values far from each other. */
const square: Operand = { shape: [3, 3], data: [4, 1.2, -0.5, 0.3, -2.5, 0.8, 1.1, -0.4, 1.3] };
const batch: Operand = { shape: [2, 3, 3], values: 'definite' };
const definite: Operand = { shape: [3, 3], values: 'definite' };
const tall: Operand = { shape: [4, 2], data: [1.5, 0.3, -0.7, 2, 0.4, -1.1, 0.9, 0.6] };

const of = (
  name: string,
  operands: readonly Operand[],
  call: Operation['call'],
  more: Partial<Operation> = {},
): Operation => ({
  name: `linalg.${name}`,
  operands,
  call,
  // Second derivatives divide by pivots and by differences of eigenvalues several times over, in single precision.
  tolerance: 2e-4,
  ...more,
});

const counts = 'gives a count, which does not change with the operand';

/** Symmetric in every direction of its change: of such matrices one triangle is read. */
const symmetric = (a: Tensor): Tensor => a.add(a.mT).mul(0.5);

/** What depends on vectors up to their signs, on which devices may differ. */
const outerOfColumns = (v: Tensor): Tensor => v.unsqueeze(-2).mul(v.unsqueeze(-3));

/** Linear algebra. */
export const linalgOperations: readonly Operation[] = [
  of('cholesky', [batch], (a) => linalg.cholesky(symmetric(a))),
  of('cholesky: upper', [definite], (a) => linalg.cholesky(symmetric(a), { upper: true })),
  of('eigh', [batch], (a) => {
    const [w, v] = linalg.eigh(symmetric(a));
    return [w, outerOfColumns(v)];
  }),
  of('eigvalsh', [definite], (a) => linalg.eigvalsh(symmetric(a))),
  of('lstsq', [tall, { shape: [4, 2] }], (a, b) => {
    const { solution, residuals } = linalg.lstsq(a, b);
    return [solution, residuals];
  }),
  of('matrixRank', [square], (a) => linalg.matrixRank(a), { without: { gradient: counts, jvp: counts } }),
  of('pinv', [tall], (a) => linalg.pinv(a)),
  of('det', [square], (a) => linalg.det(a)),
  of('det: of a singular matrix', [{ shape: [3, 3], data: [1, 2, 3, 2, 4, 6, 1, 0, 1] }], (a) =>
    linalg.det(a),
  ),
  of('slogdet', [square], (a) => linalg.slogdet(a)),
  of('inv', [batch], (a) => linalg.inv(a)),
  of('lu', [square], (a) => linalg.lu(a)),
  of('luFactor', [square], (a) => linalg.luFactor(a)),
  of('luSolve', [square, { shape: [3, 2] }], (a, b) => linalg.luSolve(...linalg.luFactor(a), b)),
  of('solve', [batch, { shape: [3, 2] }], (a, b) => linalg.solve(a, b)),
  of('solve: a vector', [square, { shape: [3] }], (a, b) => linalg.solve(a, b)),
  of('cond', [square], (a) => [linalg.cond(a), linalg.cond(a, 'fro')]),
  of('matrixNorm', [square], (a) => [linalg.matrixNorm(a), linalg.matrixNorm(a, 2)]),
  of('matrixNorm: nuclear and by sums', [square], (a) => [
    linalg.matrixNorm(a, 'nuc'),
    linalg.matrixNorm(a, 1),
    linalg.matrixNorm(a, Infinity),
  ]),
  of('norm', [square], (a) => [linalg.norm(a), linalg.norm(a, 3, { axis: 1 })]),
  of('vectorNorm', [square], (a) => linalg.vectorNorm(a, 2.5, { axis: 0 })),
  of('matrixExp', [square], (a) => linalg.matrixExp(a.mul(0.4))),
  of('matrixPower', [square], (a) => [linalg.matrixPower(a, 3), linalg.matrixPower(a, -2)]),
  of('multiDot', [{ shape: [2, 4] }, { shape: [4, 3] }, { shape: [3] }], (a, b, c) =>
    linalg.multiDot([a, b, c]),
  ),
  of('vander', [{ shape: [4] }], (x) => linalg.vander(x, { columns: 3 })),
  of('qr', [tall], (a) => linalg.qr(a)),
  of('qr: square', [square], (a) => linalg.qr(a)),
  of('svd', [tall], (a) => {
    const [u, s, vT] = linalg.svd(a);
    // Products of vectors in pairs: their signs are free.
    return [s, u.unsqueeze(-2).mul(vT.mT)];
  }),
  of('svdvals', [tall], (a) => linalg.svdvals(a)),
  of('choleskySolve', [definite, { shape: [3, 2] }], (a, b) =>
    linalg.choleskySolve(linalg.cholesky(symmetric(a)), b),
  ),
  of('solveTriangular', [square, { shape: [3, 2] }], (a, b) => [
    linalg.solveTriangular(a, b),
    linalg.solveTriangular(a, b, { lower: true, transpose: true, unitDiagonal: true }),
  ]),
];
