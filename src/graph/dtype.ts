import { isHalf } from './half.ts';

/**
 * Element types. `bool` is one byte (0 or 1) in memory; `float16` and `bfloat16` are two bytes, held as bit patterns in a
 * Uint16Array, and are for storage: what is computed with them is float32 (docs/decisions/half-precision.md). Every other type is
 * the typed array of its name.
 */
export type DType = 'float32' | 'float64' | 'int32' | 'uint32' | 'bool' | 'float16' | 'bfloat16';

/** Arrays that hold elements: of float16 and bfloat16 a Uint16Array of bits, of bool a Uint8Array of 0 and 1. */
export type TypedArray = Float32Array | Float64Array | Int32Array | Uint32Array | Uint8Array | Uint16Array;

/** All element types. */
export const dtypes: readonly DType[] = [
  'float32',
  'float64',
  'int32',
  'uint32',
  'bool',
  'float16',
  'bfloat16',
];

const bytes: Record<DType, number> = {
  float32: 4,
  float64: 8,
  int32: 4,
  uint32: 4,
  bool: 1,
  float16: 2,
  bfloat16: 2,
};

/** Bytes of one element in memory. */
export const bytesOf = (dtype: DType): number => bytes[dtype];

const constructors = {
  float32: Float32Array,
  float64: Float64Array,
  int32: Int32Array,
  uint32: Uint32Array,
  bool: Uint8Array,
  float16: Uint16Array,
  bfloat16: Uint16Array,
} as const;

/** A zeroed typed array of `length` elements. */
export const allocate = (dtype: DType, length: number): TypedArray => new constructors[dtype](length);

/** A typed view of `length` elements on existing bytes. */
export const viewOf = (
  dtype: DType,
  buffer: ArrayBufferLike,
  byteOffset: number,
  length: number,
): TypedArray => new constructors[dtype](buffer as ArrayBuffer, byteOffset, length);

/** Whether elements are real numbers: of 16, 32 or 64 bits. */
export const isFloat = (dtype: DType): boolean => dtype === 'float32' || dtype === 'float64' || isHalf(dtype);
/** Whether elements are int32 or uint32. */
export const isInteger = (dtype: DType): boolean => dtype === 'int32' || dtype === 'uint32';

/** The dtype in which elements of a dtype are computed with: float32 for float16 and bfloat16, else the same. */
export const computing = (dtype: DType): DType => (isHalf(dtype) ? 'float32' : dtype);

const rank: Record<DType, number> = {
  bool: 0,
  int32: 1,
  uint32: 1,
  float16: 2,
  bfloat16: 2,
  float32: 2,
  float64: 3,
};

/**
 * The dtype in which two operands meet to be computed with: bool < int32, uint32 < float32 < float64; int32 with uint32 meets in
 * int32, as their sum would wrap either way and signed is the less surprising. float16 and bfloat16 are computed with as float32,
 * also with each other and with themselves.
 */
export function promote(a: DType, b: DType): DType {
  const [x, y] = [computing(a), computing(b)];
  if (x === y) return x;
  if (rank[x] === rank[y]) return 'int32';
  return rank[x] > rank[y] ? x : y;
}

/** The dtype in which elements of two dtypes lie side by side, or are chosen from: their own if it is one, else as they are computed. */
export const join = (a: DType, b: DType): DType => (a === b ? a : promote(a, b));
