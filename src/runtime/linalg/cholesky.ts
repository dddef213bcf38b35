import type { TypedArray } from '../../graph/dtype.ts';
import { eachMatrix, type Matrices, sizesOf } from './matrices.ts';
import { dot } from './rows.ts';

/**
 * Lower triangular L with L transpose(L) = A for symmetric positive definite A, of which the lower triangle is read; zeros above the
 * diagonal. A matrix that is not positive definite gives NaN in the whole lower triangle.
 */
export function cholesky(operands: readonly Matrices[]): TypedArray[] {
  const [n] = sizesOf(operands[0]);
  return eachMatrix(operands, [{ size: n * n }], ([a], [l]) => {
    for (let i = 0; i < n; i++) l.set(a.subarray(i * n, i * n + i + 1), i * n);
    if (factorInPlace(l, n)) return;
    for (let i = 0; i < n; i++) l.fill(Number.NaN, i * n, i * n + i + 1);
  });
}

/** Whether the matrix was positive definite. Four rows at a time, so that a finished row is read once for all of them. */
function factorInPlace(l: Float64Array, n: number): boolean {
  let first = 0;
  for (; first + 3 < n; first += 4) {
    const [r0, r1, r2, r3] = [first * n, (first + 1) * n, (first + 2) * n, (first + 3) * n];
    for (let j = 0; j < first; j++) {
      const row = j * n;
      let [s0, s1, s2, s3] = [l[r0 + j], l[r1 + j], l[r2 + j], l[r3 + j]];
      for (let k = 0; k < j; k++) {
        const factor = l[row + k];
        s0 -= l[r0 + k] * factor;
        s1 -= l[r1 + k] * factor;
        s2 -= l[r2 + k] * factor;
        s3 -= l[r3 + k] * factor;
      }
      const pivot = l[row + j];
      l[r0 + j] = s0 / pivot;
      l[r1 + j] = s1 / pivot;
      l[r2 + j] = s2 / pivot;
      l[r3 + j] = s3 / pivot;
    }
    for (let i = first; i < first + 4; i++) if (!finishRow(l, n, i, first)) return false;
  }
  for (let i = first; i < n; i++) if (!finishRow(l, n, i, 0)) return false;
  return true;
}

/** The elements of a row from column `from` to the diagonal, which must be positive. */
function finishRow(l: Float64Array, n: number, i: number, from: number): boolean {
  for (let j = from; j < i; j++) l[i * n + j] = (l[i * n + j] - dot(l, i * n, l, j * n, j)) / l[j * n + j];
  const square = l[i * n + i] - dot(l, i * n, l, i * n, i);
  l[i * n + i] = Math.sqrt(square);
  return square > 0;
}
