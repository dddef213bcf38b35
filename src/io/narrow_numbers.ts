import { bfloat16ToFloat, halfToFloat } from '../graph/half.ts';
import { FormatError, type SafetensorsEntry } from './safetensors_format.ts';

/** Values of a tensor in the nearest type the library computes with. */
export type Values =
  | { readonly dtype: 'float32'; readonly data: Float32Array }
  | { readonly dtype: 'float64'; readonly data: Float64Array }
  | { readonly dtype: 'int32'; readonly data: Int32Array }
  | { readonly dtype: 'uint32'; readonly data: Uint32Array }
  | { readonly dtype: 'bool'; readonly data: Uint8Array }
  | { readonly dtype: 'float16' | 'bfloat16'; readonly data: Uint16Array };

/** What becomes of narrow floats. */
export interface NarrowOptions {
  /** F16 and BF16 stay float16 and bfloat16, as the file has them; default false: they become float32. */
  keepHalf?: boolean;
  /**
   * What 64-bit integers become: int32 (uint32 if unsigned), with an error when one does not fit, or float64, with an error beyond
   * ±2^53. Default 'int32'.
   */
  int64?: 'int32' | 'float64';
}

/** The names of these options. */
export const narrowKeys: readonly string[] = ['keepHalf', 'int64'];

/**
 * The elements of a decoded tensor as a typed array of its own, converted without loss: F16 and BF16 become float32 (unless kept), 8-bit floats, too;
 * I8, U8, I16, U16 and I64 become int32; U64 becomes uint32; BOOL stays bool, one byte each.
 *
 * @param where what errors begin with: the file
 * @throws FormatError when a 64-bit integer does not fit, or a BOOL is neither 0 nor 1
 */
export function valuesOf(
  { name, dtype, shape, data }: SafetensorsEntry,
  { keepHalf = false, int64 = 'int32' }: NarrowOptions = {},
  where = 'valuesOf',
): Values {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const size = shape.reduce((product, extent) => product * extent, 1);
  const fill = <A extends { [index: number]: number }>(array: A, get: (index: number) => number): A => {
    for (let i = 0; i < size; i++) array[i] = get(i);
    return array;
  };
  // Whole arrays are copied as bytes: it is fast, aligned, and keeps the bits of NaNs.
  const copied = (): ArrayBuffer =>
    Uint8Array.from(new Uint8Array(data.buffer, data.byteOffset, data.byteLength)).buffer;
  const narrowed = (value: bigint, low: bigint, high: bigint, index: number): number => {
    if (value >= low && value <= high) return Number(value);
    throw new FormatError(
      `${where}: ${JSON.stringify(name)}: element ${index} is ${value}, which does not fit ` +
        (int64 === 'float64'
          ? 'float64 exactly'
          : `32 bits; the library has no 64-bit integers, { int64: 'float64' } reads up to 2^53`),
    );
  };
  switch (dtype) {
    case 'F32':
      return { dtype: 'float32', data: new Float32Array(copied()) };
    case 'F64':
      return { dtype: 'float64', data: new Float64Array(copied()) };
    case 'I32':
      return { dtype: 'int32', data: new Int32Array(copied()) };
    case 'U32':
      return { dtype: 'uint32', data: new Uint32Array(copied()) };
    case 'F16':
      if (keepHalf) return { dtype: 'float16', data: new Uint16Array(copied()) };
      return {
        dtype: 'float32',
        data: fill(new Float32Array(size), (i) => halfToFloat(view.getUint16(2 * i, true))),
      };
    case 'BF16':
      if (keepHalf) return { dtype: 'bfloat16', data: new Uint16Array(copied()) };
      return {
        dtype: 'float32',
        data: fill(new Float32Array(size), (i) => bfloat16ToFloat(view.getUint16(2 * i, true))),
      };
    case 'I8':
      return { dtype: 'int32', data: fill(new Int32Array(size), (i) => view.getInt8(i)) };
    case 'U8':
      return { dtype: 'int32', data: fill(new Int32Array(size), (i) => view.getUint8(i)) };
    case 'I16':
      return { dtype: 'int32', data: fill(new Int32Array(size), (i) => view.getInt16(2 * i, true)) };
    case 'U16':
      return { dtype: 'int32', data: fill(new Int32Array(size), (i) => view.getUint16(2 * i, true)) };
    case 'I64': {
      if (int64 === 'float64') {
        const exact = (i: number): number =>
          narrowed(view.getBigInt64(8 * i, true), -(2n ** 53n), 2n ** 53n, i);
        return { dtype: 'float64', data: fill(new Float64Array(size), exact) };
      }
      const get = (i: number): number =>
        narrowed(view.getBigInt64(8 * i, true), -(2n ** 31n), 2n ** 31n - 1n, i);
      return { dtype: 'int32', data: fill(new Int32Array(size), get) };
    }
    case 'U64': {
      if (int64 === 'float64') {
        const exact = (i: number): number => narrowed(view.getBigUint64(8 * i, true), 0n, 2n ** 53n, i);
        return { dtype: 'float64', data: fill(new Float64Array(size), exact) };
      }
      const get = (i: number): number => narrowed(view.getBigUint64(8 * i, true), 0n, 2n ** 32n - 1n, i);
      return { dtype: 'uint32', data: fill(new Uint32Array(size), get) };
    }
    case 'BOOL': {
      const get = (i: number): number => {
        const value = view.getUint8(i);
        if (value > 1) {
          throw new FormatError(
            `${where}: ${JSON.stringify(name)}: element ${i} is the byte ${value}, a BOOL is 0 or 1`,
          );
        }
        return value;
      };
      return { dtype: 'bool', data: fill(new Uint8Array(size), get) };
    }
    // It is the upper half of a float16.
    case 'F8_E5M2':
      return {
        dtype: 'float32',
        data: fill(new Float32Array(size), (i) => halfToFloat(view.getUint8(i) << 8)),
      };
    case 'F8_E4M3':
      return { dtype: 'float32', data: fill(new Float32Array(size), (i) => e4m3ToFloat(view.getUint8(i))) };
  }
}

/**
 * The value of an 8-bit float with 4 bits of exponent (bias 7) and 3 of mantissa, in the variant without infinities, whose
 * only NaN has all bits set. Micikevicius et al. (2022), "FP8 formats for deep learning".
 */
function e4m3ToFloat(bits: number): number {
  const [exponent, mantissa] = [(bits >> 3) & 15, bits & 7];
  const sign = bits & 0x80 ? -1 : 1;
  if ((bits & 0x7f) === 0x7f) return Number.NaN;
  return sign * (exponent === 0 ? (mantissa / 8) * 2 ** -6 : (1 + mantissa / 8) * 2 ** (exponent - 7));
}
