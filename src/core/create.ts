import * as g from '../graph/build.ts';
import { computing, type DType, isFloat } from '../graph/dtype.ts';
import { Tensor, where } from './tensor.ts';

export interface CreateOptions {
  /** Default float32. */
  dtype?: DType;
}

/** An array of one value. */
export function full(shape: readonly number[], value: number | boolean, options: CreateOptions = {}): Tensor {
  return new Tensor(
    g.constant(Number(value), [...shape], options.dtype ?? (typeof value === 'boolean' ? 'bool' : 'float32')),
  );
}
export const zeros = (shape: readonly number[], options?: CreateOptions): Tensor => full(shape, 0, options);
export const ones = (shape: readonly number[], options?: CreateOptions): Tensor => full(shape, 1, options);
/** Of the shape and dtype of another array. */
export const zerosLike = (x: Tensor): Tensor => full(x.shape, 0, { dtype: x.dtype });
export const onesLike = (x: Tensor): Tensor => full(x.shape, 1, { dtype: x.dtype });

/**
 * Numbers from start (0 when only one argument is given) up to but without end. int32 if all are integers and no dtype is
 * given, else float32.
 */
export function arange(start: number, end?: number, step = 1, options: CreateOptions = {}): Tensor {
  const [from, to] = end === undefined ? [0, start] : [start, end];
  if (step === 0 || ![from, to, step].every(Number.isFinite))
    throw new Error(`arange: cannot go from ${from} to ${to} by ${step}`);
  const count = Math.max(0, Math.ceil((to - from) / step));
  const dtype = options.dtype ?? ([from, to, step].every(Number.isInteger) ? 'int32' : 'float32');
  const index = new Tensor(
    g.iota(0, [count], dtype === 'float64' ? 'float64' : dtype === 'float32' ? 'float32' : 'int32'),
  );
  const scaled = step === 1 ? index : index.mul(step);
  return (from === 0 ? scaled : scaled.add(from)).cast(dtype);
}

/** `count` evenly spaced numbers from start to end, both included. */
export function linspace(start: number, end: number, count = 50, options: CreateOptions = {}): Tensor {
  if (!Number.isInteger(count) || count < 0)
    throw new Error(`linspace: count must be an integer >= 0, got ${count}`);
  const dtype = options.dtype ?? 'float32';
  if (count < 2) return full([count], start, options);
  const i = new Tensor(g.iota(0, [count], isFloat(dtype) ? computing(dtype) : 'float32'));
  const step = (end - start) / (count - 1);
  // Counted from the nearer end, so that rounding leaves both ends exact.
  const rest = i.neg().add(count - 1);
  return where(i.lt(count / 2), i.mul(step).add(start), rest.mul(-step).add(end)).cast(dtype);
}

/** The identity matrix, or a rectangle with ones on diagonal `k` (positive: above the main one). */
export function eye(rows: number, columns = rows, options: CreateOptions & { k?: number } = {}): Tensor {
  const shape = [rows, columns];
  const i = new Tensor(g.iota(0, shape));
  const j = new Tensor(g.iota(1, shape));
  return j
    .sub(i)
    .eq(options.k ?? 0)
    .cast(options.dtype ?? 'float32');
}
