import type { TypedArray } from '../../graph/dtype.ts';
import { eachMatrix, type Matrices, sizesOf } from './matrices.ts';
import { addMultiple } from './rows.ts';

/**
 * The adjugate: det(A) inverse(A) where that exists, and the transposed matrix of cofactors everywhere. By elimination with complete
 * pivoting, P A Q = L U: a singular matrix shows at the end of the diagonal of U, and there adj(U) needs no division.
 */
export function adjugate(operands: readonly Matrices[]): TypedArray[] {
  const [n] = sizesOf(operands[0]);
  return eachMatrix(operands, [{ size: n * n }], ([a], [out]) => {
    const rows = new Int32Array(n);
    const columns = new Int32Array(n);
    const sign = eliminate(a, n, rows, columns);
    const x = new Float64Array(n * n);
    // X = adj(U) inverse(L) sign, and then adj(A) = Q X P.
    for (let i = 0; i < n; i++) x[i * n + i] = 1;
    for (let i = 0; i < n; i++)
      for (let k = 0; k < i; k++) addMultiple(x, i * n, -a[i * n + k], x, k * n, k + 1);
    multiplyByAdjugateOfUpper(a, n, x);
    for (let i = 0; i < n; i++)
      for (let j = 0; j < n; j++) out[columns[i] * n + rows[j]] = sign * x[i * n + j];
  });
}

/** L and U in place of a; the reordering of rows and columns, and the product of its signs. */
function eliminate(a: Float64Array, n: number, rows: Int32Array, columns: Int32Array): number {
  let sign = 1;
  for (let i = 0; i < n; i++) rows[i] = columns[i] = i;
  for (let k = 0; k < n; k++) {
    let [row, column, largest] = [k, k, 0];
    for (let i = k; i < n; i++)
      for (let j = k; j < n; j++) {
        const size = Math.abs(a[i * n + j]);
        if (size > largest) [row, column, largest] = [i, j, size];
      }
    if (row !== k) {
      sign = -sign;
      [rows[k], rows[row]] = [rows[row], rows[k]];
      for (let j = 0; j < n; j++) [a[k * n + j], a[row * n + j]] = [a[row * n + j], a[k * n + j]];
    }
    if (column !== k) {
      sign = -sign;
      [columns[k], columns[column]] = [columns[column], columns[k]];
      for (let i = 0; i < n; i++) [a[i * n + k], a[i * n + column]] = [a[i * n + column], a[i * n + k]];
    }
    const pivot = a[k * n + k];
    for (let i = k + 1; i < n; i++) {
      const factor = pivot === 0 ? a[i * n + k] : a[i * n + k] / pivot;
      a[i * n + k] = factor;
      addMultiple(a, i * n + k + 1, -factor, a, k * n + k + 1, n - k - 1);
    }
  }
  return sign;
}

/**
 * x = adj(U) x for U = [[V, u], [0, last]]: adj(U) = det(V) [[last inverse(V), -inverse(V) u], [0, 1]]. If V is singular, more than one
 * pivot is 0 and all cofactors vanish.
 */
function multiplyByAdjugateOfUpper(u: Float64Array, n: number, x: Float64Array): void {
  if (n === 0) return;
  const end = n - 1;
  const last = u[end * n + end];
  let determinant = 1;
  for (let i = 0; i < end; i++) determinant *= u[i * n + i];
  if (determinant === 0) {
    x.fill(0);
    return;
  }
  for (let i = 0; i < end; i++) {
    for (let j = 0; j < n; j++) x[i * n + j] *= last;
    addMultiple(x, i * n, -u[i * n + end], x, end * n, n);
  }
  for (let i = end - 1; i >= 0; i--) {
    for (let k = i + 1; k < end; k++) addMultiple(x, i * n, -u[i * n + k], x, k * n, n);
    for (let j = 0; j < n; j++) x[i * n + j] /= u[i * n + i];
  }
  for (let i = 0; i < n * n; i++) x[i] *= determinant;
}
