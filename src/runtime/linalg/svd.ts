import type { TypedArray } from '../../graph/dtype.ts';
import { deflate } from './deflate.ts';
import { signOfLargest } from './eigh.ts';
import { reflect, reflectColumns, reflectRows } from './householder.ts';
import { eachMatrix, type Matrices, safeScale, scaleBy, setIdentity, sizesOf } from './matrices.ts';
import { orthogonalize } from './qr.ts';
import { addMultiple, rotate } from './rows.ts';

/**
 * A = U diagonal(s) V^T for matrices of any shape [m, n], k = min(m, n): U [m, k], s [k] descending, V^T [k, n], with orthonormal columns
 * of U and rows of V^T. The first element of largest magnitude of each row of V^T (of each column of U where m < n) is positive. By QR
 * to a square matrix, reduction to a bidiagonal one and implicit QR on that (Golub and Van Loan, Matrix Computations, section 8.6). A
 * matrix with an element that is not finite gives NaN.
 */
export function svd(operands: readonly Matrices[]): TypedArray[] {
  const [m, n] = sizesOf(operands[0]);
  const k = Math.min(m, n);
  return eachMatrix(operands, [{ size: m * k }, { size: k }, { size: k * n }], ([a], outputs) => {
    const scale = safeScale(a);
    scaleBy(a, scale);
    const [u, s, vt] = outputs;
    const done = !Number.isNaN(scale) && (m >= n ? tall(a, m, n, u, s, vt) : wide(a, m, n, u, s, vt));
    if (!done) for (const output of outputs) output.fill(Number.NaN);
    else scaleBy(s, 1 / scale);
  });
}

const transposed = (a: Float64Array, rows: number, columns: number): Float64Array => {
  const out = new Float64Array(a.length);
  for (let i = 0; i < rows; i++) for (let j = 0; j < columns; j++) out[j * rows + i] = a[i * columns + j];
  return out;
};

/** The transposed matrix is tall: its factors are these with U and V exchanged. */
function wide(
  a: Float64Array,
  m: number,
  n: number,
  u: Float64Array,
  s: Float64Array,
  vt: Float64Array,
): boolean {
  const left = new Float64Array(n * m);
  const right = new Float64Array(m * m);
  const done = tall(transposed(a, m, n), n, m, left, s, right);
  u.set(transposed(right, m, m));
  vt.set(transposed(left, n, m));
  return done;
}

function tall(
  a: Float64Array,
  m: number,
  n: number,
  u: Float64Array,
  s: Float64Array,
  vt: Float64Array,
): boolean {
  const q = new Float64Array(m > n ? m * n : 0);
  const r = m > n ? new Float64Array(n * n) : a;
  if (m > n) orthogonalize(a, m, n, q, r);
  /** U and V transposed: their vectors are rows, as rotations work on rows. */
  const left = new Float64Array(n * n);
  const right = new Float64Array(n * n);
  const d = new Float64Array(n);
  const e = new Float64Array(n);
  bidiagonalize(r, n, d, e, left, right);
  if (!iterate(d, e, n, left, right)) return false;
  const order = Array.from(d.keys()).sort((i, j) => Math.abs(d[j]) - Math.abs(d[i]));
  order.forEach((from, to) => {
    const sign = signOfLargest(right, from * n, n);
    s[to] = Math.abs(d[from]);
    for (let k = 0; k < n; k++) vt[to * n + k] = sign * right[from * n + k];
    const leftSign = d[from] < 0 ? -sign : sign;
    if (m === n) for (let k = 0; k < n; k++) u[k * n + to] = leftSign * left[from * n + k];
    else scaleBy(left.subarray(from * n, (from + 1) * n), leftSign);
  });
  if (m > n) {
    const columns = new Float64Array(n * n);
    order.forEach((from, to) => {
      for (let k = 0; k < n; k++) columns[k * n + to] = left[from * n + k];
    });
    for (let i = 0; i < m; i++)
      for (let k = 0; k < n; k++) addMultiple(u, i * n, q[i * n + k], columns, k * n, n);
  }
  return true;
}

/** A = transpose(left) B right with orthogonal `left` and `right`, B upper bidiagonal: d on its diagonal, e above. Overwrites a. */
function bidiagonalize(
  a: Float64Array,
  n: number,
  d: Float64Array,
  e: Float64Array,
  left: Float64Array,
  right: Float64Array,
): void {
  /** Vectors of the reflections of columns, as rows; those of rows take the place of the rows of a. */
  const vectors = new Float64Array(n * n);
  const columnFactors = new Float64Array(n);
  const rowFactors = new Float64Array(n);
  const sums = new Float64Array(n);
  for (let k = 0; k < n; k++) {
    const at = k * n + k;
    for (let i = k; i < n; i++) vectors[k * n + i] = a[i * n + k];
    const column = reflect(vectors, at, n - k);
    d[k] = column.value;
    columnFactors[k] = column.factor;
    reflectRows(a, n, [k, n], [k + 1, n], vectors, at, column.factor, sums);
    const row = reflect(a, at + 1, n - k - 1);
    e[k] = row.value;
    rowFactors[k] = row.factor;
    reflectColumns(a, n, [k + 1, n], [k + 1, n], a, at + 1, row.factor);
  }
  setIdentity(left, n);
  setIdentity(right, n);
  for (let k = n - 1; k >= 0; k--) {
    reflectColumns(left, n, [k, n], [k, n], vectors, k * n + k, columnFactors[k]);
    reflectColumns(right, n, [k + 1, n], [k + 1, n], a, k * n + k + 1, rowFactors[k]);
  }
}

/** Implicit QR steps until nothing is left above the diagonal; whether that came to an end. */
function iterate(
  d: Float64Array,
  e: Float64Array,
  n: number,
  left: Float64Array,
  right: Float64Array,
): boolean {
  return deflate(d, e, n, (first, last, norm) => {
    const tiny = (Number.EPSILON / 8) * norm;
    let zero = last;
    while (zero >= first && Math.abs(d[zero]) > tiny) zero--;
    if (zero < first) step(d, e, first, last, n, left, right);
    else if (zero < last) clearRow(d, e, zero, last, n, left);
    else clearColumn(d, e, first, last, n, right);
  });
}

/** A 0 on the diagonal would stop the steps: turned with each row below, its row loses the element beside the diagonal too. */
function clearRow(
  d: Float64Array,
  e: Float64Array,
  zero: number,
  last: number,
  n: number,
  left: Float64Array,
): void {
  let rest = e[zero];
  d[zero] = e[zero] = 0;
  for (let j = zero + 1; j <= last && rest !== 0; j++) {
    const r = Math.sqrt(d[j] * d[j] + rest * rest);
    const [c, s] = [d[j] / r, rest / r];
    d[j] = r;
    rotate(left, j * n, zero * n, n, c, s);
    if (j === last) break;
    rest = -s * e[j];
    e[j] *= c;
  }
}

/** The same for the last column of a block, turned with each column before it. */
function clearColumn(
  d: Float64Array,
  e: Float64Array,
  first: number,
  last: number,
  n: number,
  right: Float64Array,
): void {
  let rest = e[last - 1];
  d[last] = e[last - 1] = 0;
  for (let j = last - 1; j >= first && rest !== 0; j--) {
    const r = Math.sqrt(d[j] * d[j] + rest * rest);
    const [c, s] = [d[j] / r, rest / r];
    d[j] = r;
    rotate(right, j * n, last * n, n, c, s);
    if (j === first) break;
    rest = -s * e[j - 1];
    e[j - 1] *= c;
  }
}

/** The smaller singular value of [[f, g], [0, h]]. */
function smallerOf(f: number, g: number, h: number): number {
  const product = Math.abs(f * h);
  if (product === 0) return 0;
  // The sum and the difference of both singular values, without cancellation; the smaller one is the product by the larger one.
  const [sum, difference] = [Math.abs(f) + Math.abs(h), Math.abs(f) - Math.abs(h)];
  const larger = (Math.sqrt(sum * sum + g * g) + Math.sqrt(difference * difference + g * g)) / 2;
  return product / larger;
}

/** One step on the block from `first` to `last`, shifted by the smaller singular value of its last 2 x 2 matrix. */
function step(
  d: Float64Array,
  e: Float64Array,
  first: number,
  last: number,
  n: number,
  left: Float64Array,
  right: Float64Array,
): void {
  const shift = smallerOf(d[last - 1], e[last - 1], d[last]);
  // (d^2 - shift^2, d e) up to a common factor; a shift that rounding would swallow is left out.
  const head = d[first];
  const shifted = head !== 0 && (shift / head) ** 2 > Number.EPSILON;
  let x = shifted ? (Math.abs(head) - shift) * (Math.sign(head) + shift / head) : head;
  let z = e[first];
  for (let k = first; k < last; k++) {
    // Columns k and k + 1: z beside x disappears, and d[k + 1] puts an element below the diagonal.
    let r = Math.sqrt(x * x + z * z);
    let [c, s] = r === 0 ? [1, 0] : [x / r, z / r];
    if (k > first) e[k - 1] = r;
    x = c * d[k] + s * e[k];
    const above = c * e[k] - s * d[k];
    z = s * d[k + 1];
    const below = c * d[k + 1];
    rotate(right, k * n, (k + 1) * n, n, c, s);
    // Rows k and k + 1: that element disappears, and e[k + 1] puts one to the right of e[k].
    r = Math.sqrt(x * x + z * z);
    [c, s] = r === 0 ? [1, 0] : [x / r, z / r];
    d[k] = r;
    e[k] = c * above + s * below;
    d[k + 1] = c * below - s * above;
    if (k < last - 1) {
      x = e[k];
      z = s * e[k + 1];
      e[k + 1] *= c;
    }
    rotate(left, k * n, (k + 1) * n, n, c, s);
  }
}
