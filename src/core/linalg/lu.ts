import { concat, type Tensor } from '../tensor.ts';
import {
  algorithm,
  block,
  constantly,
  diagonalOf,
  extentsOf,
  identityLike,
  lowerPart,
  matricesOf,
  mT,
  permuteRows,
  type Rule,
  squareOf,
  traceOf,
  upperPart,
  withRule,
  withUnitDiagonal,
} from './matrices.ts';
import { solveTriangle, solveTriangleLeft, solveWith } from './triangular.ts';

/** The first k columns of L from both factors in one matrix. */
const lowerOf = (packed: Tensor, k: number): Tensor =>
  withUnitDiagonal(lowerPart(block(packed, extentsOf(packed)[0], k)));
const upperOf = (packed: Tensor, k: number): Tensor => upperPart(block(packed, k, extentsOf(packed)[1]));

/** L^-1 P A' U^-1 = L^-1 L' + U' U^-1, whose parts below and above the diagonal tell the changes; for the square block. */
const rule: Rule = {
  name: 'lu',
  tangents: ([packed, permutation], _, __, [da]) => {
    const [m, n] = extentsOf(packed);
    const k = Math.min(m, n);
    const [l, u] = [lowerOf(packed, k), upperOf(packed, k)];
    const change = permuteRows(da!, permutation);
    const top = block(u, k, k);
    const left = solveTriangle(block(l, k, k), block(change, k, n), true);
    const both = solveTriangleLeft(top, block(left, k, k), false);
    const [below, above] = [lowerPart(both, -1), upperPart(both)];
    const square = block(l, k, k).matmul(below).add(above.matmul(top));
    if (m === n) return [square, null, null];
    if (m < n) {
      const rest = block(left, k, k - n).sub(below.matmul(block(u, k, k - n)));
      return [concat([square, rest], -1), null, null];
    }
    const moved = block(change, k - m, n).sub(block(l, k - m, k).matmul(above.matmul(top)));
    return [concat([square, solveTriangleLeft(top, moved, false)], -2), null, null];
  },
};

/** Both factors in one matrix, the order of the rows, and the sign of that permutation. */
const factorsOf = (a: Tensor): Tensor[] => withRule(rule, algorithm('lu', a), [a]);

/**
 * a = p l u with partial pivoting, for a [..., m, n] and k = min(m, n): `[p, l, u]` with permutation matrices p [..., m, m], l [..., m, k]
 * lower triangular with ones on its diagonal, u [..., k, n] upper triangular. Exists for singular matrices too; its derivative does not.
 */
export function lu(a: Tensor): [p: Tensor, l: Tensor, u: Tensor] {
  const matrices = matricesOf('lu', a);
  const [m, n] = extentsOf(matrices);
  const [packed, permutation] = factorsOf(matrices);
  const rows = permutation.unsqueeze(-1);
  const identity = identityLike(rows.broadcastTo([...permutation.shape, m]).cast(matrices.dtype));
  const k = Math.min(m, n);
  return [permuteRows(identity, permutation, true), lowerOf(packed, k), upperOf(packed, k)];
}

/**
 * The same factors for luSolve: `[lu, permutation]` with l below and u from the diagonal on in one matrix [..., m, n], and the rows of a
 * in the order of l u, int32 [..., m].
 */
export function luFactor(a: Tensor): [lu: Tensor, permutation: Tensor] {
  const [packed, permutation] = factorsOf(matricesOf('luFactor', a));
  return [packed, permutation];
}

/**
 * The solution x of a x = b from `[lu, permutation]` of luFactor(a), for square a; b as in solve.
 *
 * @throws if the shapes do not fit
 */
export function luSolve(packed: Tensor, permutation: Tensor, b: Tensor): Tensor {
  if (permutation.dtype !== 'int32' || permutation.shape.join() !== packed.shape.slice(0, -1).join())
    throw new Error(
      `luSolve: the permutation must be int32[${packed.shape.slice(0, -1).join(', ')}] for factors [${packed.shape.join(', ')}], got ` +
        `${permutation.dtype}[${permutation.shape.join(', ')}]; pass both results of luFactor`,
    );
  return solveWith('luSolve', packed, b, (x, y) => {
    const order = permutation.broadcastTo(x.shape.slice(0, -1));
    return substitute(x, order, y, false);
  });
}

/** a^-1 b from the factors of a, or transpose(a)^-1 b. */
function substitute(packed: Tensor, permutation: Tensor, b: Tensor, transposed: boolean): Tensor {
  const lower = withUnitDiagonal(packed);
  if (!transposed)
    return solveTriangle(packed, solveTriangle(lower, permuteRows(b, permutation), true), false);
  const inner = solveTriangle(mT(packed), b, true);
  return permuteRows(solveTriangle(mT(lower), inner, false), permutation, true);
}

/**
 * a x = b by factors that are known. They are constants to derivatives: those by a come from the rule, which uses the same factors
 * again.
 */
function solveByFactors(
  a: Tensor,
  b: Tensor,
  factors: readonly [packed: Tensor, permutation: Tensor],
  transposed = false,
): Tensor {
  const value = substitute(factors[0], factors[1], constantly(b), transposed);
  return withRule(solveRules[transposed ? 'transposed' : 'plain'], [value], [a, b], factors)[0];
}

const solveRules: { readonly [K in 'plain' | 'transposed']: Rule } = {
  plain: solveRule(false),
  transposed: solveRule(true),
};

function solveRule(transposed: boolean): Rule {
  return {
    name: 'solve',
    tangents: ([x], [a], [packed, permutation], [da, db]) => {
      const moved = da && (transposed ? mT(da) : da).matmul(x);
      const change = db === null ? moved!.neg() : moved === null ? db : db.sub(moved);
      return [solveByFactors(a, change, [packed, permutation], transposed)];
    },
    cotangents: ([x], [a], [packed, permutation], [ct]) => {
      const back = solveByFactors(a, ct!, [packed, permutation], !transposed);
      return [(transposed ? x.matmul(mT(back)) : back.matmul(mT(x))).neg(), back];
    },
  };
}

const algorithmFactors = (a: Tensor): [packed: Tensor, permutation: Tensor, sign: Tensor] =>
  algorithm('lu', a) as [Tensor, Tensor, Tensor];

/**
 * The solution x of a x = b for square a [..., n, n], by LU with partial pivoting. b is [..., n, k], or vectors: [n], or [..., n] with just
 * the leading axes of a. Leading axes broadcast. A singular matrix gives infinities and NaN, not an error.
 *
 * @throws if a is not square or b does not fit
 */
export const solve = (a: Tensor, b: Tensor): Tensor =>
  solveWith('solve', a, b, (x, y) => {
    const [packed, permutation] = algorithmFactors(x);
    return solveByFactors(x, y, [packed, permutation]);
  });

/**
 * The inverse of square matrices [..., n, n]; prefer solve for products with it. A singular matrix gives infinities and NaN.
 *
 * @throws if a is not square
 */
export function inverse(a: Tensor): Tensor {
  const matrices = squareOf('inverse', a);
  return solve(matrices, identityLike(matrices));
}

/** det(A)' = trace(adj(A) A'), which needs no inverse. */
const determinantRule: Rule = {
  name: 'det',
  tangents: (_, [a], __, [da]) => [mT(adjugate(a)).mul(da!).sum([-2, -1])],
};

/**
 * The derivative of the adjugate as a polynomial of a, in the direction da, by the recurrence of Faddeev and LeVerrier:
 * M_1 = I, M_(k+1) = A M_k - trace(A M_k) / k I, adj(A) = ±M_n. It divides by nothing, so it holds for singular matrices, and so do its
 * own derivatives.
 */
function polynomialChange(a: Tensor, da: Tensor): Tensor {
  const n = a.shape[a.ndim - 1];
  const identity = identityLike(a);
  const scaledIdentity = (factor: Tensor): Tensor => identity.mul(factor.unsqueeze(-1).unsqueeze(-1));
  let [m, dm] = [identity, identity.mul(0)];
  for (let k = 1; k < n; k++) {
    const [product, change] = [a.matmul(m), da.matmul(m).add(a.matmul(dm))];
    m = product.sub(scaledIdentity(traceOf(product).div(k)));
    dm = change.sub(scaledIdentity(traceOf(change).div(k)));
  }
  return n % 2 === 1 ? dm : dm.neg();
}

/** Up to which extent powers of matrices do not lose more digits than a division by the determinant. */
const polynomialExtent = 4;

/** adj(A)' = (trace(C A') C - C A' C) / det(A) with C = adj(A), and a polynomial of A for small matrices. */
const adjugateRule: Rule = {
  name: 'adjugate',
  tangents: ([c], [a], _, [da]) => {
    if (a.shape[a.ndim - 1] <= polynomialExtent) return [polynomialChange(a, da!)];
    const moved = c.matmul(da!);
    const trace = traceOf(moved).unsqueeze(-1).unsqueeze(-1);
    return [trace.mul(c).sub(moved.matmul(c)).div(det(a).unsqueeze(-1).unsqueeze(-1))];
  },
};

const adjugate = (a: Tensor): Tensor => withRule(adjugateRule, algorithm('adjugate', a), [a])[0];

/**
 * The determinants of square matrices, [...] for [..., n, n]; 1 for n = 0. The derivative is right for singular matrices too; the second
 * one for regular matrices (for all, up to 4 x 4). Overflows early for large n: see slogdet.
 *
 * @throws if a is not square
 */
export function det(a: Tensor): Tensor {
  const matrices = squareOf('det', a);
  const [packed, , sign] = algorithmFactors(matrices);
  return withRule(determinantRule, [diagonalOf(packed).prod(-1).mul(sign)], [matrices])[0];
}

/** log|det(A)|' = trace(A^-1 A') */
const logRule: Rule = {
  name: 'slogdet',
  tangents: (_, [a], [packed, permutation], [da]) => [
    null,
    traceOf(solveByFactors(a, da!, [packed, permutation])),
  ],
};

/**
 * `[sign, logabsdet]` of square matrices: det(a) = sign exp(logabsdet), for determinants out of the range of floats. A singular matrix has
 * sign 0 and -Infinity.
 *
 * @throws if a is not square
 */
export function slogdet(a: Tensor): [sign: Tensor, logabsdet: Tensor] {
  const matrices = squareOf('slogdet', a);
  const [packed, permutation, sign] = algorithmFactors(matrices);
  const diagonal = diagonalOf(packed);
  const values = [diagonal.sign().prod(-1).mul(sign), diagonal.abs().log().sum(-1)];
  return withRule(logRule, values, [matrices], [packed, permutation]) as [Tensor, Tensor];
}
