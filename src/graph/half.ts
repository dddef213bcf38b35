import type { DType, TypedArray } from './dtype.ts';

/**
 * Numbers of 16 bits: IEEE 754 half precision (`float16`: 5 bits of exponent, 10 of fraction) and the upper half of a float32
 * (`bfloat16`: 8 and 7). Host data of both are bit patterns; here they become numbers, and numbers become them.
 */

/** Dtypes of 16 bits: storage, not arithmetic (docs/decisions/half-precision.md). */
export type HalfDType = 'float16' | 'bfloat16';

/** Whether a dtype is float16 or bfloat16. */
export const isHalf = (dtype: DType): dtype is HalfDType => dtype === 'float16' || dtype === 'bfloat16';

const float = new Float32Array(1);
const word = new Uint32Array(float.buffer);

/** The number that 16 bits stand for as an IEEE 754 half: one sign bit, five of exponent, ten of fraction. Exact. */
export function halfToFloat(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >>> 10) & 31;
  const fraction = bits & 0x3ff;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return sign * (1024 + fraction) * 2 ** (exponent - 25);
}

/**
 * The bits of the IEEE 754 half nearest to a number that is rounded to float32 first: ties go to even, from 65520 on it is infinity,
 * NaN is 0x7e00 whatever its bits were.
 */
export function floatToHalf(value: number): number {
  float[0] = value;
  const sign = (word[0] >>> 16) & 0x8000;
  const magnitude = word[0] & 0x7fffffff;
  if (magnitude > 0x7f800000) return 0x7e00;
  // 65536 and beyond: past the largest exponent.
  if (magnitude >= 0x47800000) return sign | 0x7c00;
  if (magnitude < 0x38800000) {
    // Below 2^-14 halves are multiples of 2^-24, which is what a float32 between 0.5 and 1 is rounded to.
    float[0] = Math.abs(value) + 0.5;
    return sign | (word[0] - 0x3f000000);
  }
  // 13 bits of fraction go: a half of the last one that stays is added, less one where that one is even.
  const rounded = magnitude + 0xfff + ((magnitude >>> 13) & 1);
  return sign | ((rounded - (112 << 23)) >>> 13);
}

/** The number that 16 bits stand for as a bfloat16: the upper half of a float32. Exact. */
export function bfloat16ToFloat(bits: number): number {
  word[0] = bits << 16;
  return float[0];
}

/** The bits of the bfloat16 nearest to a number that is rounded to float32 first: ties to even, NaN is 0x7fc0. */
export function floatToBfloat16(value: number): number {
  float[0] = value;
  const bits = word[0];
  if ((bits & 0x7fffffff) > 0x7f800000) return 0x7fc0;
  return (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16;
}

/** The bits of a number in a dtype of 16 bits. */
export const halfBits = (dtype: HalfDType, value: number): number =>
  dtype === 'float16' ? floatToHalf(value) : floatToBfloat16(value);

/** The number that 16 bits stand for in a dtype. */
export const halfValue = (dtype: HalfDType, bits: number): number =>
  dtype === 'float16' ? halfToFloat(bits) : bfloat16ToFloat(bits);

/** A number as an element of host data holds it: the bits of it for dtypes of 16 bits, else itself. */
export const hostElement = (dtype: DType, value: number): number =>
  isHalf(dtype) ? halfBits(dtype, value) : value;

/** The numbers that host data stand for: a new Float32Array for dtypes of 16 bits, else the data themselves. */
export const hostNumbers = (dtype: DType, data: TypedArray): TypedArray =>
  isHalf(dtype) ? Float32Array.from(data, (bits) => halfValue(dtype, bits)) : data;
