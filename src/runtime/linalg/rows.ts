/** Loops along rows of row-major matrices, of which the algorithms of linear algebra are made. */

/** Sum of products of `count` elements from `i` on of x, from `j` on of y. */
export function dot(x: Float64Array, i: number, y: Float64Array, j: number, count: number): number {
  let [s0, s1, s2, s3] = [0, 0, 0, 0];
  let k = 0;
  for (; k + 3 < count; k += 4) {
    s0 += x[i + k] * y[j + k];
    s1 += x[i + k + 1] * y[j + k + 1];
    s2 += x[i + k + 2] * y[j + k + 2];
    s3 += x[i + k + 3] * y[j + k + 3];
  }
  for (; k < count; k++) s0 += x[i + k] * y[j + k];
  return s0 + s1 + (s2 + s3);
}

/** y += factor x. */
export function addMultiple(
  y: Float64Array,
  j: number,
  factor: number,
  x: Float64Array,
  i: number,
  count: number,
): void {
  for (let k = 0; k < count; k++) y[j + k] += factor * x[i + k];
}

/** Turns two rows: (x, y) becomes (c x + s y, c y - s x). */
export function rotate(
  a: Float64Array,
  i: number,
  j: number,
  count: number,
  cosine: number,
  sine: number,
): void {
  for (let k = 0; k < count; k++) {
    const x = a[i + k];
    const y = a[j + k];
    a[i + k] = cosine * x + sine * y;
    a[j + k] = cosine * y - sine * x;
  }
}

/** A block inside of a row-major matrix: where it starts, and the distance of its rows. */
export interface Block {
  readonly data: Float64Array;
  readonly at: number;
  readonly step: number;
}

/** C -= A B for blocks of rows x inner and inner x columns that do not overlap with C. Four rows of B are taken at a time. */
export function subtractProduct(c: Block, a: Block, b: Block, rows: number, inner: number, columns: number) {
  const [x, y, z] = [a.data, b.data, c.data];
  for (let i = 0; i < rows; i++) {
    const row = a.at + i * a.step;
    const to = c.at + i * c.step;
    let k = 0;
    for (; k + 3 < inner; k += 4) {
      const [f0, f1, f2, f3] = [x[row + k], x[row + k + 1], x[row + k + 2], x[row + k + 3]];
      const b0 = b.at + k * b.step;
      const b1 = b0 + b.step;
      const b2 = b1 + b.step;
      const b3 = b2 + b.step;
      for (let j = 0; j < columns; j++)
        z[to + j] -= f0 * y[b0 + j] + f1 * y[b1 + j] + (f2 * y[b2 + j] + f3 * y[b3 + j]);
    }
    for (; k < inner; k++) addMultiple(z, to, -x[row + k], y, b.at + k * b.step, columns);
  }
}
