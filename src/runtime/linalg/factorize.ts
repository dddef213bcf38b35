import type { TypedArray } from '../../graph/dtype.ts';
import type { FactorKind } from '../../graph/vocabulary.ts';
import { adjugate } from './adjugate.ts';
import { cholesky } from './cholesky.ts';
import { eigh } from './eigh.ts';
import { lu } from './lu.ts';
import type { Matrices } from './matrices.ts';
import { qr } from './qr.ts';
import { svd } from './svd.ts';
import { solveTriangular } from './triangular.ts';

export type { Matrices } from './matrices.ts';

/** The results of an algorithm, in the order that the vocabulary gives. */
const algorithms: { readonly [K in FactorKind]: (operands: readonly Matrices[]) => TypedArray[] } = {
  cholesky,
  lu,
  qr,
  eigh,
  svd,
  solveLower: (operands) => solveTriangular(operands, 'lower'),
  solveUpper: (operands) => solveTriangular(operands, 'upper'),
  adjugate,
};

/** Runs an algorithm of linear algebra on each of the matrices. */
export const factorize = (kind: FactorKind, operands: readonly Matrices[]): TypedArray[] =>
  algorithms[kind](operands);
