import * as g from '../graph/build.ts';
import { computing, type DType, isFloat } from '../graph/dtype.ts';
import { requireShape } from './operands.ts';
import { Tensor, where } from './tensor.ts';

/** How an array is made. */
export interface CreateOptions {
  /** Default float32. */
  dtype?: DType;
}

function filled(
  name: string,
  shape: readonly number[],
  value: number | boolean,
  options: CreateOptions = {},
): Tensor {
  requireShape(name, shape);
  return new Tensor(
    g.constant(Number(value), [...shape], options.dtype ?? (typeof value === 'boolean' ? 'bool' : 'float32')),
  );
}
/** An array of one value: float32, or bool for a boolean, unless a dtype is given. */
export const full = (shape: readonly number[], value: number | boolean, options?: CreateOptions): Tensor =>
  filled('full', shape, value, options);
/** An array of zeros, float32 unless a dtype is given. */
export const zeros = (shape: readonly number[], options?: CreateOptions): Tensor =>
  filled('zeros', shape, 0, options);
/** An array of ones, float32 unless a dtype is given. */
export const ones = (shape: readonly number[], options?: CreateOptions): Tensor =>
  filled('ones', shape, 1, options);
/** An array of one value, of the shape of another and of its dtype unless one is given. */
export const fullLike = (x: Tensor, value: number | boolean, options: CreateOptions = {}): Tensor =>
  full(x.shape, value, { dtype: options.dtype ?? x.dtype });
/** Zeros of the shape of another array, and of its dtype unless one is given. */
export const zerosLike = (x: Tensor, options?: CreateOptions): Tensor => fullLike(x, 0, options);
/** Ones of the shape of another array, and of its dtype unless one is given. */
export const onesLike = (x: Tensor, options?: CreateOptions): Tensor => fullLike(x, 1, options);

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

const checkCount = (name: string, count: number): void => {
  if (!Number.isInteger(count) || count < 0)
    throw new Error(`${name}: count must be an integer >= 0, got ${count}`);
};

/** How numbers between two ends are made. */
export interface SpaceOptions extends CreateOptions {
  /** Whether the last number is the end itself; else the spacing is as if one more followed. Default true. */
  endpoint?: boolean;
}

/**
 * `count` evenly spaced numbers from start to end, both included (unless `endpoint: false`).
 *
 * @throws if count is no integer >= 0
 */
export function linspace(start: number, end: number, count = 50, options: SpaceOptions = {}): Tensor {
  checkCount('linspace', count);
  const dtype = options.dtype ?? 'float32';
  const steps = options.endpoint === false ? count : count - 1;
  if (count === 0 || steps === 0) return full([count], start, { dtype });
  const i = new Tensor(g.iota(0, [count], isFloat(dtype) ? computing(dtype) : 'float32'));
  const step = (end - start) / steps;
  // Counted from the nearer end, so that rounding leaves both ends exact.
  const rest = i.neg().add(steps);
  return where(i.lt((steps + 1) / 2), i.mul(step).add(start), rest.mul(-step).add(end)).cast(dtype);
}

/**
 * `count` numbers from base^start to base^end, both included, whose logarithms are evenly spaced. Base 10 unless given. Computed in
 * double precision.
 *
 * @throws if count is no integer >= 0
 */
export function logspace(
  start: number,
  end: number,
  count = 50,
  options: SpaceOptions & { base?: number } = {},
): Tensor {
  checkCount('logspace', count);
  const exponents = linspace(start, end, count, { dtype: 'float64', endpoint: options.endpoint });
  const base = full([], options.base ?? 10, { dtype: 'float64' });
  return base.pow(exponents).cast(options.dtype ?? 'float32');
}

/**
 * `count` numbers from start to end, both included, each the same multiple of the one before. Computed in double precision.
 *
 * @throws if count is no integer >= 0, or start and end are not both positive or both negative
 */
export function geomspace(start: number, end: number, count = 50, options: SpaceOptions = {}): Tensor {
  checkCount('geomspace', count);
  if (!(start * end > 0))
    throw new Error(`geomspace: start and end must have one sign and not be 0, got ${start} and ${end}`);
  const dtype = options.dtype ?? 'float32';
  const steps = options.endpoint === false ? count : count - 1;
  if (count === 0 || steps === 0) return full([count], start, { dtype });
  const i = new Tensor(g.iota(0, [count], 'float64'));
  const ratio = full([], (end / start) ** (1 / steps), { dtype: 'float64' });
  // From the nearer end, so that both are exact.
  const fromStart = ratio.pow(i).mul(start);
  const fromEnd = ratio.pow(i.sub(steps)).mul(end);
  return where(i.lt((steps + 1) / 2), fromStart, fromEnd).cast(dtype);
}

/** The identity matrix, or a rectangle with ones on diagonal `k` (positive: above the main one). */
export function eye(rows: number, columns = rows, options: CreateOptions & { k?: number } = {}): Tensor {
  const shape = [rows, columns];
  requireShape('eye', shape);
  const i = new Tensor(g.iota(0, shape));
  const j = new Tensor(g.iota(1, shape));
  return j
    .sub(i)
    .eq(options.k ?? 0)
    .cast(options.dtype ?? 'float32');
}

/** The square identity matrix. */
export const identity = (n: number, options?: CreateOptions): Tensor => eye(n, n, options);

/** Ones on and below diagonal `k` (positive: above the main one), zeros above it. */
export function tri(rows: number, columns = rows, options: CreateOptions & { k?: number } = {}): Tensor {
  const shape = [rows, columns];
  requireShape('tri', shape);
  const i = new Tensor(g.iota(0, shape));
  const j = new Tensor(g.iota(1, shape));
  return j
    .sub(i)
    .le(options.k ?? 0)
    .cast(options.dtype ?? 'float32');
}

/**
 * The value of a function of coordinates, given as int32 arrays of the whole shape, one for each axis:
 * `fromFunction((i, j) => i.mul(10).add(j), [2, 3])`.
 */
export const fromFunction = (f: (...coordinates: Tensor[]) => Tensor, shape: readonly number[]): Tensor => {
  requireShape('fromFunction', shape);
  return f(...shape.map((_, axis) => new Tensor(g.iota(axis, shape))));
};
