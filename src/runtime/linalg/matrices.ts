import { allocate, type DType, type TypedArray } from '../../graph/dtype.ts';
import type { Shape } from '../../graph/node.ts';

/** An operand of an algorithm of linear algebra: matrices in row-major order, one after the other. */
export interface Matrices {
  readonly data: TypedArray;
  readonly shape: Shape;
}

/** Extents of the matrices of an operand. */
export const sizesOf = ({ shape }: Matrices): readonly [rows: number, columns: number] => [
  shape[shape.length - 2],
  shape[shape.length - 1],
];

/** What an algorithm gives for one matrix. */
export interface Result {
  readonly size: number;
  /** Default: that of the first operand. */
  readonly dtype?: DType;
}

/**
 * Runs `work` for each matrix of the operands. It gets copies in double, which it may overwrite, and fills results in double (zeros at
 * first), which are rounded to the dtype of the first operand.
 */
export function eachMatrix(
  operands: readonly Matrices[],
  results: readonly Result[],
  work: (inputs: readonly Float64Array[], outputs: readonly Float64Array[]) => void,
): TypedArray[] {
  const { data, shape } = operands[0];
  const natural: DType = data instanceof Float64Array ? 'float64' : 'float32';
  const count = shape.slice(0, -2).reduce((product, extent) => product * extent, 1);
  const stored = results.map(({ size, dtype }) => allocate(dtype ?? natural, count * size));
  const inputs = operands.map((operand) => {
    const [rows, columns] = sizesOf(operand);
    return new Float64Array(rows * columns);
  });
  const outputs = results.map(({ size }) => new Float64Array(size));
  for (let i = 0; i < count; i++) {
    operands.forEach((operand, k) => {
      const size = inputs[k].length;
      inputs[k].set(operand.data.subarray(i * size, (i + 1) * size));
    });
    for (const output of outputs) output.fill(0);
    work(inputs, outputs);
    outputs.forEach((output, k) => {
      stored[k].set(output, i * output.length);
    });
  }
  return stored;
}

/**
 * A power of two that brings the largest element near 1 where squares of elements could overflow or vanish, else 1. NaN where an
 * element is not finite. Scaling by it is exact.
 */
export function safeScale(a: Float64Array): number {
  let largest = 0;
  for (let i = 0; i < a.length; i++) {
    const size = Math.abs(a[i]);
    if (!(size <= largest)) largest = size;
    if (Number.isNaN(size)) return Number.NaN;
  }
  if (largest === Number.POSITIVE_INFINITY) return Number.NaN;
  if (largest === 0 || (largest > 1e-100 && largest < 1e100)) return 1;
  return 2 ** -Math.round(Math.log2(largest));
}

/** Multiplies by a number. */
export function scaleBy(a: Float64Array, factor: number): void {
  if (factor !== 1) for (let i = 0; i < a.length; i++) a[i] *= factor;
}

/** The identity in a square matrix of zeros. */
export function setIdentity(a: Float64Array, n: number): void {
  for (let i = 0; i < n; i++) a[i * n + i] = 1;
}
