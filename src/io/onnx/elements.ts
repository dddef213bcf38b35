import type { DType, TypedArray } from '../../graph/dtype.ts';
import { bfloat16ToFloat, halfToFloat } from '../../graph/half.ts';
import { FormatError } from '../safetensors_format.ts';
import type { TensorMessage } from './model.ts';

/** Element types of ONNX, by their numbers, and the elements of tensors in files. */

interface ElementType {
  readonly name: string;
  readonly dtype: DType;
  readonly bytes: number;
  readonly read: (view: DataView, at: number) => number;
}

const int64 = (view: DataView, at: number): number =>
  view.getInt32(at + 4, true) * 2 ** 32 + view.getUint32(at, true);
const uint64 = (view: DataView, at: number): number =>
  view.getUint32(at + 4, true) * 2 ** 32 + view.getUint32(at, true);

const types: Readonly<Record<number, ElementType>> = {
  1: { name: 'FLOAT', dtype: 'float32', bytes: 4, read: (v, at) => v.getFloat32(at, true) },
  2: { name: 'UINT8', dtype: 'int32', bytes: 1, read: (v, at) => v.getUint8(at) },
  3: { name: 'INT8', dtype: 'int32', bytes: 1, read: (v, at) => v.getInt8(at) },
  4: { name: 'UINT16', dtype: 'int32', bytes: 2, read: (v, at) => v.getUint16(at, true) },
  5: { name: 'INT16', dtype: 'int32', bytes: 2, read: (v, at) => v.getInt16(at, true) },
  6: { name: 'INT32', dtype: 'int32', bytes: 4, read: (v, at) => v.getInt32(at, true) },
  7: { name: 'INT64', dtype: 'int32', bytes: 8, read: int64 },
  9: { name: 'BOOL', dtype: 'bool', bytes: 1, read: (v, at) => (v.getUint8(at) === 0 ? 0 : 1) },
  10: { name: 'FLOAT16', dtype: 'float32', bytes: 2, read: (v, at) => halfToFloat(v.getUint16(at, true)) },
  11: { name: 'DOUBLE', dtype: 'float64', bytes: 8, read: (v, at) => v.getFloat64(at, true) },
  12: { name: 'UINT32', dtype: 'uint32', bytes: 4, read: (v, at) => v.getUint32(at, true) },
  13: { name: 'UINT64', dtype: 'uint32', bytes: 8, read: uint64 },
  16: {
    name: 'BFLOAT16',
    dtype: 'float32',
    bytes: 2,
    read: (v, at) => bfloat16ToFloat(v.getUint16(at, true)),
  },
};

/** Our dtype for an element type of ONNX: 64-bit and narrow integers become int32, 16-bit floats float32. */
export function dtypeOf(type: number, what: string): DType {
  const found = types[type];
  if (found === undefined)
    throw new FormatError(
      `${what}: elements of type ${type} are not supported; known are ${Object.values(types)
        .map(({ name }) => name)
        .join(', ')}`,
    );
  return found.dtype;
}

/** ONNX's number of our dtypes. */
export const typeNumbers: Readonly<Record<DType, number>> = {
  float32: 1,
  float64: 11,
  int32: 6,
  uint32: 12,
  bool: 9,
  float16: 10,
  bfloat16: 16,
};

/** Elements in memory. Integers are not yet checked to fit 32 bits, for some only serve as bounds. */
export interface Elements {
  readonly shape: readonly number[];
  readonly dtype: DType;
  readonly data: TypedArray | readonly number[];
}

/** The elements of a tensor in a file; `external` are its bytes if they lie in another one. */
export function elementsOf(
  tensor: TensorMessage,
  where: string,
  external: (tensor: TensorMessage, bytes: number) => Uint8Array,
): Elements {
  const what = `${where}: tensor ${JSON.stringify(tensor.name)}`;
  const dtype = dtypeOf(tensor.type, what);
  const type = types[tensor.type];
  const shape = tensor.dims;
  const size = shape.reduce((product, extent) => product * extent, 1);
  if (!shape.every((extent) => Number.isSafeInteger(extent) && extent >= 0) || !Number.isSafeInteger(size))
    throw new FormatError(`${what}: the shape [${shape.join(', ')}] is not one`);
  const bytes = tensor.external === null ? tensor.raw : external(tensor, size * type.bytes);
  if (bytes === null) {
    if (tensor.numbers.length !== size)
      throw new FormatError(
        `${what}: ${type.name} [${shape.join(', ')}] has ${size} elements, the file gives ${tensor.numbers.length}`,
      );
    return { shape, dtype, data: typed(dtype, tensor.type, tensor.numbers) };
  }
  if (bytes.length !== size * type.bytes)
    throw new FormatError(
      `${what}: ${type.name} [${shape.join(', ')}] takes ${size * type.bytes} bytes, the file gives ${bytes.length}`,
    );
  if (tensor.type === 1) return { shape, dtype, data: new Float32Array(Uint8Array.from(bytes).buffer) };
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return { shape, dtype, data: Array.from({ length: size }, (_, i) => type.read(view, i * type.bytes)) };
}

/** Numbers of a repeated field: those of 16-bit floats are bit patterns. */
function typed(dtype: DType, type: number, numbers: readonly number[]): TypedArray | readonly number[] {
  if (type === 10) return numbers.map(halfToFloat);
  if (type === 16) return numbers.map(bfloat16ToFloat);
  if (type === 9) return numbers.map((n) => (n === 0 ? 0 : 1));
  return dtype === 'float32' ? Float32Array.from(numbers) : numbers;
}
