import type { TypedArray } from '../../graph/dtype.ts';
import { reflect, reflectRows } from './householder.ts';
import { eachMatrix, type Matrices, safeScale, scaleBy, sizesOf } from './matrices.ts';

/**
 * A = Q R for matrices of any shape [m, n], k = min(m, n): Q [m, k] with orthonormal columns, R [k, n] upper triangular; by Householder
 * reflections, with LAPACK's signs (the diagonal of R is mostly negative for positive matrices). A matrix with an element that is not
 * finite gives NaN.
 */
export function qr(operands: readonly Matrices[]): TypedArray[] {
  const [m, n] = sizesOf(operands[0]);
  const k = Math.min(m, n);
  return eachMatrix(operands, [{ size: m * k }, { size: k * n }], ([a], [q, r]) => {
    orthogonalize(a, m, n, q, r);
  });
}

/** Fills q and r (zeros at first); overwrites a. */
export function orthogonalize(a: Float64Array, m: number, n: number, q: Float64Array, r: Float64Array): void {
  const k = Math.min(m, n);
  const scale = safeScale(a);
  if (Number.isNaN(scale)) {
    q.fill(Number.NaN);
    for (let i = 0; i < k; i++) r.fill(Number.NaN, i * n + i, (i + 1) * n);
    return;
  }
  scaleBy(a, scale);
  // The vector of reflection j is row j of `vectors`.
  const vectors = new Float64Array(k * m);
  const factors = new Float64Array(k);
  const sums = new Float64Array(Math.max(k, n));
  for (let j = 0; j < k; j++) {
    const at = j * m + j;
    for (let i = j; i < m; i++) vectors[j * m + i] = a[i * n + j];
    const { value, factor } = reflect(vectors, at, m - j);
    factors[j] = factor;
    a[j * n + j] = value;
    reflectRows(a, n, [j, m], [j + 1, n], vectors, at, factor, sums);
    r.set(a.subarray(j * n + j, (j + 1) * n), j * n + j);
  }
  for (let j = k - 1; j >= 0; j--) {
    q[j * k + j] = 1;
    reflectRows(q, k, [j, m], [j, k], vectors, j * m + j, factors[j], sums);
  }
  scaleBy(r, 1 / scale);
}
