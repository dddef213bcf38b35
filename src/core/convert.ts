import { bytesOf, type DType, dtypes, type TypedArray, viewOf } from '../graph/dtype.ts';
import { halfBits, isHalf } from '../graph/half.ts';
import type { NestedArray } from './array_base.ts';

/** JavaScript data on its way into arrays. */

/** Elements, shape and natural dtype of a typed array. */
export function fromTyped(data: TypedArray): [ArrayLike<number>, number[], DType] {
  const natural: DType =
    data instanceof Float64Array
      ? 'float64'
      : data instanceof Int32Array
        ? 'int32'
        : data instanceof Uint32Array
          ? 'uint32'
          : data instanceof Float32Array
            ? 'float32'
            : 'int32';
  return [data, [data.length], natural];
}

/**
 * Elements, shape and natural dtype of nested arrays.
 *
 * @throws if they are ragged or hold anything but numbers and booleans
 */
export function fromNested(data: NestedArray): [number[], number[], DType] {
  const shape: number[] = [];
  for (let level: NestedArray = data; Array.isArray(level); level = level[0]) {
    shape.push(level.length);
    if (level.length === 0) break;
  }
  const flat: number[] = [];
  let booleans = true;
  const visit = (value: NestedArray, axis: number) => {
    if (Array.isArray(value)) {
      if (axis >= shape.length || value.length !== shape[axis])
        throw new Error(
          `tensor: nested arrays are ragged: axis ${axis} has ${shape[axis] ?? 'no'} elements in one place and ${value.length} in another`,
        );
      for (const part of value) visit(part, axis + 1);
      return;
    }
    if (axis !== shape.length)
      throw new Error(`tensor: nested arrays are ragged: a number stands where axis ${axis} should go on`);
    if (typeof value !== 'number' && typeof value !== 'boolean')
      throw new TypeError(`tensor: elements must be numbers or booleans, got ${typeof value}`);
    if (typeof value === 'number') booleans = false;
    flat.push(Number(value));
  };
  visit(data, 0);
  return [flat, shape, booleans && flat.length > 0 ? 'bool' : 'float32'];
}

/** A new typed array of a dtype with the given elements. */
export function convert(flat: ArrayLike<number>, dtype: DType): TypedArray {
  if (!dtypes.includes(dtype))
    throw new TypeError(`tensor: there is no dtype '${String(dtype)}'; dtypes are ${dtypes.join(', ')}`);
  const out = viewOf(dtype, new ArrayBuffer(flat.length * bytesOf(dtype)), 0, flat.length);
  if (dtype === 'bool') for (let i = 0; i < flat.length; i++) out[i] = flat[i] !== 0 ? 1 : 0;
  else if (isHalf(dtype)) for (let i = 0; i < flat.length; i++) out[i] = halfBits(dtype, flat[i]);
  else out.set(flat);
  return out;
}
