/**
 * Element types. `bool` is one byte (0 or 1) in memory; every other type is the typed array of its name.
 */
export type DType = 'float32' | 'float64' | 'int32' | 'uint32' | 'bool';

export type TypedArray = Float32Array | Float64Array | Int32Array | Uint32Array | Uint8Array;

export const dtypes: readonly DType[] = ['float32', 'float64', 'int32', 'uint32', 'bool'];

const bytes: Record<DType, number> = { float32: 4, float64: 8, int32: 4, uint32: 4, bool: 1 };

/** Bytes of one element in memory. */
export const bytesOf = (dtype: DType): number => bytes[dtype];

const constructors = {
  float32: Float32Array,
  float64: Float64Array,
  int32: Int32Array,
  uint32: Uint32Array,
  bool: Uint8Array,
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

export const isFloat = (dtype: DType): boolean => dtype === 'float32' || dtype === 'float64';
export const isInteger = (dtype: DType): boolean => dtype === 'int32' || dtype === 'uint32';

const rank: Record<DType, number> = { bool: 0, int32: 1, uint32: 1, float32: 2, float64: 3 };

/**
 * The dtype in which two operands meet: bool < int32, uint32 < float32 < float64; int32 with uint32 meets in
 * int32, as their sum would wrap either way and signed is the less surprising.
 */
export function promote(a: DType, b: DType): DType {
  if (a === b) return a;
  if (rank[a] === rank[b]) return 'int32';
  return rank[a] > rank[b] ? a : b;
}
