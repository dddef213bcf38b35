import { checkOptions } from '../options.ts';
import { type Tensor, where } from '../tensor.ts';
import {
  algorithm,
  identityLike,
  lowerPart,
  mT,
  type Rule,
  squareOf,
  symmetricPart,
  withRule,
} from './matrices.ts';
import { solveTriangle } from './triangular.ts';

/** L' = L phi(L^-1 A' L^-T), phi: the lower triangle with half of the diagonal (Murray 2016, arXiv:1602.07527). */
const rule: Rule = {
  name: 'cholesky',
  tangents: ([l], _, __, [da]) => {
    const right = mT(solveTriangle(l, symmetricPart(da!), true));
    const both = solveTriangle(l, right, true);
    const half = where(identityLike(both).cast('bool'), both.mul(0.5), both);
    return [l.matmul(lowerPart(half))];
  },
};

/**
 * The lower triangular l with a = l transpose(l), for symmetric positive definite a [..., n, n], of which the lower triangle is read
 * (with `upper`: the transposed factor, a = transpose(u) u). A matrix that is not positive definite gives NaN in that whole triangle.
 * The derivative takes the change of a to be symmetric; gradients are symmetric.
 *
 * @throws if a is not square
 */
export function cholesky(a: Tensor, options: { upper?: boolean } = {}): Tensor {
  checkOptions('cholesky', options, ['upper']);
  const matrices = squareOf('cholesky', a);
  const [l] = withRule(rule, algorithm('cholesky', matrices), [matrices]);
  return options.upper ? mT(l) : l;
}
