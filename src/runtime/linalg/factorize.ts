import type { TypedArray } from '../../graph/dtype.ts';
import type { Shape } from '../../graph/node.ts';
import type { FactorKind } from '../../graph/vocabulary.ts';
import { cholesky } from './cholesky.ts';

/** An operand of an algorithm of linear algebra: matrices in row-major order, one after the other. */
export interface Matrices {
  readonly data: TypedArray;
  readonly shape: Shape;
}

/** The results of an algorithm, in the order that the vocabulary gives. */
const algorithms: { readonly [K in FactorKind]?: (operands: readonly Matrices[]) => TypedArray[] } = {
  cholesky: ([a]) => [cholesky(a)],
};

/** Runs an algorithm of linear algebra on each of the matrices. */
export function factorize(kind: FactorKind, operands: readonly Matrices[]): TypedArray[] {
  const algorithm = algorithms[kind];
  if (algorithm === undefined) throw new Error(`factorize: there is no ${kind}`);
  return algorithm(operands);
}
