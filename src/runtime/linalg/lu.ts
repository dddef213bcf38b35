import type { TypedArray } from '../../graph/dtype.ts';
import { eachMatrix, type Matrices, sizesOf } from './matrices.ts';
import { addMultiple, subtractProduct } from './rows.ts';

/** Columns that are eliminated before the rest of the matrix is brought up to date. */
const panel = 32;

/**
 * P A = L U with partial pivoting for matrices of any shape [m, n]: L below the diagonal (which is 1), U from the diagonal on, in one
 * matrix; the rows of A in the order of P, and the sign of that permutation. A column without a pivot other than 0 leaves a 0 on the
 * diagonal of U and zeros below, so that P A = L U holds for singular matrices too.
 */
export function lu(operands: readonly Matrices[]): TypedArray[] {
  const [m, n] = sizesOf(operands[0]);
  const results = [{ size: m * n }, { size: m, dtype: 'int32' as const }, { size: 1 }];
  return eachMatrix(operands, results, ([a], [out, permutation, sign]) => {
    for (let i = 0; i < m; i++) permutation[i] = i;
    sign[0] = eliminate(a, m, n, permutation);
    out.set(a);
  });
}

/** Overwrites a with L and U, reorders `permutation` with its rows, and returns the sign of the reordering. */
function eliminate(a: Float64Array, m: number, n: number, permutation: Float64Array): number {
  const count = Math.min(m, n);
  let sign = 1;
  for (let first = 0; first < count; first += panel) {
    const end = Math.min(first + panel, count);
    for (let k = first; k < end; k++) {
      const pivot = findPivot(a, m, n, k);
      if (pivot !== k) {
        swapRows(a, n, k, pivot);
        swapRows(permutation, 1, k, pivot);
        sign = -sign;
      }
      const value = a[k * n + k];
      if (value === 0) continue;
      for (let i = k + 1; i < m; i++) {
        const factor = a[i * n + k] / value;
        a[i * n + k] = factor;
        addMultiple(a, i * n + k + 1, -factor, a, k * n + k + 1, end - k - 1);
      }
    }
    for (let i = first + 1; i < end; i++)
      for (let k = first; k < i; k++) addMultiple(a, i * n + end, -a[i * n + k], a, k * n + end, n - end);
    subtractProduct(
      { data: a, at: end * n + end, step: n },
      { data: a, at: end * n + first, step: n },
      { data: a, at: first * n + end, step: n },
      m - end,
      end - first,
      n - end,
    );
  }
  return sign;
}

/** The row at or below k with the largest element in column k. */
function findPivot(a: Float64Array, m: number, n: number, k: number): number {
  let pivot = k;
  let largest = Math.abs(a[k * n + k]);
  for (let i = k + 1; i < m; i++) {
    const size = Math.abs(a[i * n + k]);
    if (size > largest) {
      largest = size;
      pivot = i;
    }
  }
  return pivot;
}

function swapRows(a: Float64Array, n: number, i: number, j: number): void {
  for (let k = 0; k < n; k++) {
    const kept = a[i * n + k];
    a[i * n + k] = a[j * n + k];
    a[j * n + k] = kept;
  }
}
