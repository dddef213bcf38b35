import type { TypedArray } from '../../graph/dtype.ts';
import { eachMatrix, type Matrices, sizesOf } from './matrices.ts';
import { addMultiple, dot, subtractProduct } from './rows.ts';

/** Rows of the unknown that are solved before the next ones are brought up to date. */
const panel = 16;

/**
 * X with A X = B for triangular A, of which only that triangle is read, by substitution. Where A has a 0 on its diagonal, the division
 * gives infinity or NaN.
 */
export function solveTriangular(operands: readonly Matrices[], side: 'lower' | 'upper'): TypedArray[] {
  const [n, columns] = sizesOf(operands[1]);
  return eachMatrix(operands, [{ size: n * columns }], ([a, b], [x]) => {
    x.set(b);
    if (columns === 1) solveVector(a, x, n, side);
    else solveRows(a, x, n, columns, side);
  });
}

function solveVector(a: Float64Array, x: Float64Array, n: number, side: 'lower' | 'upper'): void {
  for (let step = 0; step < n; step++) {
    const i = side === 'lower' ? step : n - 1 - step;
    const from = side === 'lower' ? 0 : i + 1;
    x[i] = (x[i] - dot(a, i * n + from, x, from, step)) / a[i * n + i];
  }
}

function solveRows(
  a: Float64Array,
  x: Float64Array,
  n: number,
  columns: number,
  side: 'lower' | 'upper',
): void {
  const lower = side === 'lower';
  const count = Math.ceil(n / panel);
  for (let step = 0; step < count; step++) {
    const first = (lower ? step : count - 1 - step) * panel;
    const end = Math.min(first + panel, n);
    const [from, to] = lower ? [0, first] : [end, n];
    subtractProduct(
      { data: x, at: first * columns, step: columns },
      { data: a, at: first * n + from, step: n },
      { data: x, at: from * columns, step: columns },
      end - first,
      to - from,
      columns,
    );
    for (let inner = first; inner < end; inner++) {
      const i = lower ? inner : first + end - 1 - inner;
      const [low, high] = lower ? [first, i] : [i + 1, end];
      for (let k = low; k < high; k++) addMultiple(x, i * columns, -a[i * n + k], x, k * columns, columns);
      const pivot = a[i * n + i];
      for (let j = 0; j < columns; j++) x[i * columns + j] /= pivot;
    }
  }
}
