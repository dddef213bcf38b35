import { concat, type Tensor } from '../tensor.ts';
import { algorithm, block, extentsOf, lowerPart, matricesOf, mT, type Rule, withRule } from './matrices.ts';
import { solveTriangleLeft } from './triangular.ts';

/**
 * With C = A' R^-1 and the antisymmetric X that has the lower triangle of Q^T C: Q' = C - Q (Q^T C - X), R' = (Q^T C - X) R (Walter and
 * Lehmann 2018, "Algorithmic differentiation of linear algebra functions"). Of a wide matrix that is the rule of its square block; the
 * rest of R is Q^T A.
 */
const rule: Rule = {
  name: 'qr',
  tangents: ([q, r], [a], _, [da]) => {
    const [m, n] = extentsOf(a);
    const k = Math.min(m, n);
    const square = block(r, k, k);
    const c = solveTriangleLeft(square, block(da!, m, k), false);
    const inner = mT(q).matmul(c);
    const below = lowerPart(inner, -1);
    const upper = inner.sub(below.sub(mT(below)));
    const dq = c.sub(q.matmul(upper));
    const dr = upper.matmul(square);
    if (m >= n) return [dq, dr];
    const rest = mT(dq)
      .matmul(block(a, m, k - n))
      .add(mT(q).matmul(block(da!, m, k - n)));
    return [dq, concat([dr, rest], -1)];
  },
};

/**
 * a = q r for a [..., m, n], k = min(m, n): `[q, r]` with orthonormal columns q [..., m, k] and upper triangular r [..., k, n] (NumPy's and
 * PyTorch's mode 'reduced'); by Householder reflections with LAPACK's signs. The derivative needs the first k columns to be linearly
 * independent.
 */
export function qr(a: Tensor): [q: Tensor, r: Tensor] {
  const matrices = matricesOf('qr', a);
  return withRule(rule, algorithm('qr', matrices), [matrices]) as [Tensor, Tensor];
}
