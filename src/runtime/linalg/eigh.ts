import type { TypedArray } from '../../graph/dtype.ts';
import { deflate } from './deflate.ts';
import { reflect, reflectColumns } from './householder.ts';
import { eachMatrix, type Matrices, safeScale, scaleBy, setIdentity, sizesOf } from './matrices.ts';
import { addMultiple, dot, rotate } from './rows.ts';

/**
 * A = V diagonal(w) transpose(V) for symmetric A, of which the lower triangle is read: w ascending, orthonormal eigenvectors as columns
 * of V, each with its first element of largest magnitude positive. By reduction to a tridiagonal matrix and implicit QR with
 * Wilkinson's shifts (Golub and Van Loan, Matrix Computations, section 8.3). A triangle with an element that is not finite gives NaN.
 */
export function eigh(operands: readonly Matrices[]): TypedArray[] {
  const [n] = sizesOf(operands[0]);
  return eachMatrix(operands, [{ size: n }, { size: n * n }], ([a], [values, vectors]) => {
    for (let i = 0; i < n; i++) a.fill(0, i * n + i + 1, (i + 1) * n);
    const scale = safeScale(a);
    const rows = new Float64Array(n * n);
    scaleBy(a, scale);
    if (Number.isNaN(scale) || !diagonalize(a, n, values, rows)) {
      values.fill(Number.NaN);
      vectors.fill(Number.NaN);
      return;
    }
    const order = Array.from(values.keys()).sort((i, j) => values[i] - values[j]);
    const sorted = order.map((i) => values[i] / scale);
    order.forEach((from, to) => {
      const sign = signOfLargest(rows, from * n, n);
      for (let k = 0; k < n; k++) vectors[k * n + to] = sign * rows[from * n + k];
    });
    values.set(sorted);
  });
}

/** 1 or -1: the sign of the first element of largest magnitude. Magnitudes within rounding of each other count as equal. */
export function signOfLargest(x: Float64Array, at: number, count: number): number {
  let largest = 0;
  let sign = 1;
  for (let k = 0; k < count; k++) {
    const size = Math.abs(x[at + k]);
    if (size <= largest * (1 + 1e-6)) continue;
    largest = size;
    sign = x[at + k] < 0 ? -1 : 1;
  }
  return sign;
}

/** Eigenvalues in no order, eigenvectors as rows; whether the iteration converged. Overwrites the lower triangle of a. */
function diagonalize(a: Float64Array, n: number, values: Float64Array, rows: Float64Array): boolean {
  const beside = new Float64Array(n);
  tridiagonalize(a, n, values, beside, rows);
  // Until nothing is left beside the diagonal.
  return deflate(values, beside, n, (first, last) => step(values, beside, first, last, n, rows));
}

/**
 * T = Q transpose(..) A Q with the diagonal in `diagonal`, the elements beside it in `beside` and transpose(Q) in `rows`. Row i, left of
 * the diagonal, is reflected onto its last element, from the last row up; so all vectors lie in rows.
 */
function tridiagonalize(
  a: Float64Array,
  n: number,
  diagonal: Float64Array,
  beside: Float64Array,
  rows: Float64Array,
): void {
  const factors = new Float64Array(n);
  // Vectors are kept reversed: the element that stays comes first.
  const vectors = new Float64Array(n * n);
  const v = new Float64Array(n);
  const p = new Float64Array(n);
  for (let i = n - 1; i > 0; i--) {
    for (let k = 0; k < i; k++) v[k] = a[i * n + i - 1 - k];
    const { value, factor } = reflect(v, 0, i);
    beside[i - 1] = value;
    factors[i] = factor;
    for (let k = 0; k < i; k++) vectors[i * n + i - 1 - k] = v[k];
    if (factor === 0) continue;
    // The leading block becomes H block H: block - v transpose(w) - w transpose(v).
    const at = i * n;
    p.fill(0, 0, i);
    for (let r = 0; r < i; r++) {
      p[r] += dot(a, r * n, vectors, at, r + 1);
      addMultiple(p, 0, vectors[at + r], a, r * n, r);
    }
    for (let r = 0; r < i; r++) p[r] *= factor;
    const half = (-factor / 2) * dot(p, 0, vectors, at, i);
    addMultiple(p, 0, half, vectors, at, i);
    for (let r = 0; r < i; r++) {
      addMultiple(a, r * n, -vectors[at + r], p, 0, r + 1);
      addMultiple(a, r * n, -p[r], vectors, at, r + 1);
    }
  }
  for (let i = 0; i < n; i++) diagonal[i] = a[i * n + i];
  rows.fill(0);
  setIdentity(rows, n);
  for (let i = 1; i < n; i++) reflectColumns(rows, n, [0, i], [0, i], vectors, i * n, factors[i]);
}

/** One step on the block from `first` to `last`, with the eigenvalue of its last 2 x 2 matrix that is nearer to the corner as shift. */
function step(
  d: Float64Array,
  e: Float64Array,
  first: number,
  last: number,
  n: number,
  rows: Float64Array,
): void {
  const half = (d[last - 1] - d[last]) / 2;
  const corner = e[last - 1];
  const shift =
    d[last] - (corner * corner) / (half + (half >= 0 ? 1 : -1) * Math.sqrt(half * half + corner * corner));
  let x = d[first] - shift;
  let z = e[first];
  for (let k = first; k < last; k++) {
    const r = Math.sqrt(x * x + z * z);
    const [c, s] = r === 0 ? [1, 0] : [x / r, z / r];
    if (k > first) e[k - 1] = r;
    const [a, b, g] = [d[k], e[k], d[k + 1]];
    const turn = s * (g - a) + 2 * c * b;
    d[k] = a + s * turn;
    d[k + 1] = g - s * turn;
    e[k] = c * turn - b;
    if (k < last - 1) {
      z = s * e[k + 1];
      e[k + 1] *= c;
      x = e[k];
    }
    rotate(rows, k * n, (k + 1) * n, n, c, s);
  }
}
