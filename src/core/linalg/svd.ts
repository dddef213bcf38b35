import type { Tensor } from '../tensor.ts';
import { inverseDifferences } from './eigh.ts';
import {
  algorithm,
  diagonalOf,
  epsilonOf,
  extentsOf,
  inverseUnless,
  matricesOf,
  mT,
  type Rule,
  scaleColumns,
  scaleRows,
  withRule,
} from './matrices.ts';

/**
 * With D = U^T A' V and F_ij = 1 / (s_j^2 - s_i^2): s' = diagonal(D), U' = U (F * (D S + S D^T)) + (I - U U^T) A' V S^-1, and V' = V (F *
 * (S D + D^T S)) + (I - V V^T) A'^T U S^-1 (Townsend 2016, "Differentiating the singular value decomposition").
 */
const rule: Rule = {
  name: 'svd',
  tangents: ([u, s, vt], [a], _, [da]) => {
    const [m, n] = extentsOf(a);
    const v = mT(vt);
    const inner = mT(u).matmul(da!).matmul(v);
    const sums = s.unsqueeze(-2).add(s.unsqueeze(-1));
    const f = inverseDifferences(s).mul(inverseUnless(sums.eq(0), sums));
    const [left, right] = [scaleColumns(inner, s), scaleRows(inner, s)];
    let du = u.matmul(f.mul(left.add(mT(left))));
    let dv = v.matmul(f.mul(right.add(mT(right))));
    if (m !== n && s.size > 0) {
      const smallest = s
        .max(-1)
        .unsqueeze(-1)
        .mul(8 * epsilonOf(a));
      const inverse = inverseUnless(s.le(smallest), s);
      if (m > n) du = du.add(scaleColumns(outside(u, da!.matmul(v)), inverse));
      else dv = dv.add(scaleColumns(outside(v, mT(da!).matmul(u)), inverse));
    }
    return [du, diagonalOf(inner), mT(dv)];
  },
};

/** x - q q^T x */
const outside = (q: Tensor, x: Tensor): Tensor => x.sub(q.matmul(mT(q).matmul(x)));

/**
 * Singular values and vectors of a [..., m, n], k = min(m, n): `[u, s, vT]` with orthonormal columns u [..., m, k], descending s [..., k] and
 * orthonormal rows vT [..., k, n], a = u diagonal(s) vT. Always reduced (fullMatrices = false in NumPy and PyTorch). Of each row of
 * vT (of each column of u where m < n) the first element of largest magnitude is positive.
 *
 * Vectors of a repeated singular value have no derivative: how they turn among themselves is taken to be 0, which is right for functions
 * that only depend on the spaces that they span. The same holds for vectors of singular values 0.
 */
export function svd(a: Tensor): [u: Tensor, s: Tensor, vT: Tensor] {
  const matrices = matricesOf('svd', a);
  return withRule(rule, algorithm('svd', matrices), [matrices]) as [Tensor, Tensor, Tensor];
}

/** The descending singular values [..., min(m, n)] of a [..., m, n]. */
export const svdvals = (a: Tensor): Tensor => svd(matricesOf('svdvals', a))[1];
