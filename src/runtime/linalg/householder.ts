import { addMultiple, dot } from './rows.ts';

/**
 * The reflection I - factor v transpose(v) that turns x into (value, 0, ..., 0), with v[0] = 1. The value's sign is opposite to that of
 * x[0], as LAPACK has it; where all but x[0] are zero already, nothing is reflected and the factor is 0.
 *
 * @param x overwritten with v, from `at` on
 */
export function reflect(
  x: Float64Array,
  at: number,
  count: number,
): { readonly value: number; readonly factor: number } {
  if (count === 0) return { value: 0, factor: 0 };
  const head = x[at];
  const rest = dot(x, at + 1, x, at + 1, count - 1);
  x[at] = 1;
  if (rest === 0) return { value: head, factor: 0 };
  const size = Math.sqrt(head * head + rest);
  const value = head >= 0 ? -size : size;
  const scale = 1 / (head - value);
  for (let k = 1; k < count; k++) x[at + k] *= scale;
  return { value, factor: (value - head) / value };
}

/** A -= factor v (transpose(v) A) for rows `first`.. and columns `from`.. of A with n columns; v has one element for each row. */
export function reflectRows(
  a: Float64Array,
  n: number,
  rows: readonly [first: number, end: number],
  columns: readonly [from: number, to: number],
  v: Float64Array,
  at: number,
  factor: number,
  sums: Float64Array,
): void {
  const width = columns[1] - columns[0];
  if (factor === 0 || width <= 0) return;
  sums.fill(0, 0, width);
  for (let i = rows[0]; i < rows[1]; i++)
    addMultiple(sums, 0, v[at + i - rows[0]], a, i * n + columns[0], width);
  for (let i = rows[0]; i < rows[1]; i++)
    addMultiple(a, i * n + columns[0], -factor * v[at + i - rows[0]], sums, 0, width);
}

/** A -= factor (A v) transpose(v) for the same; v has one element for each column. */
export function reflectColumns(
  a: Float64Array,
  n: number,
  rows: readonly [first: number, end: number],
  columns: readonly [from: number, to: number],
  v: Float64Array,
  at: number,
  factor: number,
): void {
  const width = columns[1] - columns[0];
  if (factor === 0 || width <= 0) return;
  for (let i = rows[0]; i < rows[1]; i++) {
    const row = i * n + columns[0];
    addMultiple(a, row, -factor * dot(a, row, v, at, width), v, at, width);
  }
}
