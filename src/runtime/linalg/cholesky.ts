import { allocate, type DType, type TypedArray } from '../../graph/dtype.ts';
import type { Matrices } from './factorize.ts';

const dtypeOf = (data: TypedArray): DType => (data instanceof Float64Array ? 'float64' : 'float32');

/**
 * Lower triangular L with L transpose(L) = A for symmetric positive definite A, of which the lower triangle is read; sums in double. A
 * matrix that is not positive definite gives NaN from the first column on that shows it.
 */
export function cholesky({ data, shape }: Matrices): TypedArray {
  const n = shape[shape.length - 1];
  const out = allocate(dtypeOf(data), data.length);
  const row = new Float64Array(n * n);
  for (let base = 0; base < data.length; base += n * n) {
    row.fill(0);
    for (let i = 0; i < n; i++) {
      for (let j = 0; j <= i; j++) {
        let sum = data[base + i * n + j];
        for (let k = 0; k < j; k++) sum -= row[i * n + k] * row[j * n + k];
        row[i * n + j] = i === j ? Math.sqrt(sum) : sum / row[j * n + j];
      }
    }
    out.set(row, base);
  }
  return out;
}
