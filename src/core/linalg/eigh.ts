import type { Tensor } from '../tensor.ts';
import {
  algorithm,
  diagonalOf,
  epsilonOf,
  inverseUnless,
  mT,
  type Rule,
  squareOf,
  symmetricPart,
  withRule,
} from './matrices.ts';

/**
 * 1 / (v_j - v_i) for values [..., n], as [..., n, n]. Values that agree up to rounding count as repeated, and have 0 there as on the
 * diagonal.
 */
export function inverseDifferences(values: Tensor): Tensor {
  const difference = values.unsqueeze(-2).sub(values.unsqueeze(-1));
  const [n] = values.shape.slice(-1);
  if (n === 0) return difference;
  const largest = values.abs().max(-1).unsqueeze(-1).unsqueeze(-1);
  return inverseUnless(difference.abs().le(largest.mul(8 * epsilonOf(values))), difference);
}

/** w' = diagonal(V^T A' V), V' = V (F * V^T A' V) with F the inverse differences of the eigenvalues. */
const rule: Rule = {
  name: 'eigh',
  tangents: ([w, v], _, __, [da]) => {
    const inner = mT(v).matmul(symmetricPart(da!).matmul(v));
    return [diagonalOf(inner), v.matmul(inverseDifferences(w).mul(inner))];
  },
};

/**
 * Eigenvalues and eigenvectors of symmetric matrices a [..., n, n], of which the lower triangle is read: `[w, v]` with ascending w
 * [..., n] and orthonormal columns v [..., n, n], a = v diagonal(w) transpose(v). Of each vector the first element of largest
 * magnitude is positive.
 *
 * The derivative takes the change of a to be symmetric. Vectors of a repeated eigenvalue have no derivative: how they turn among
 * themselves is taken to be 0, which is right for functions that only depend on the space that they span.
 *
 * @throws if a is not square
 */
export function eigh(a: Tensor): [w: Tensor, v: Tensor] {
  const matrices = squareOf('eigh', a);
  return withRule(rule, algorithm('eigh', matrices), [matrices]) as [Tensor, Tensor];
}

/** The ascending eigenvalues of symmetric matrices, of which the lower triangle is read; see eigh. */
export const eigvalsh = (a: Tensor): Tensor => eigh(squareOf('eigvalsh', a))[0];
