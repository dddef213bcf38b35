import type { Scalar, Type } from '../ir.ts';
import { isFloat, typeName } from '../ir_build.ts';
import type { ValueType } from './assembler.ts';

/**
 * Registers of the loop IR in wasm: scalar bool is an i32 of 0 or 1; vectors are v128, 4-byte scalars with 2 lanes in the low half; a bool
 * vector is a mask of 32 bits a lane for 4 lanes, of 64 bits for 2.
 */

/** The wasm type that holds a register type. */
export function valueType(type: Type): ValueType {
  if (type.lanes === 1) return isFloat(type.scalar) ? (type.scalar as 'f32' | 'f64') : 'i32';
  const fits = type.lanes === 2 || (type.lanes === 4 && type.scalar !== 'f64');
  if (!fits)
    throw new Error(
      `printWasm: no register holds ${typeName(type)}; SIMD128 has 4 lanes of 4 bytes or 2 of 8`,
    );
  return 'v128';
}

/** The instruction family of a type: `f32` .. for scalars, `f32x4`, `f64x2`, `i32x4` for vectors. */
export function shapeOf(type: Type): 'f32' | 'f64' | 'i32' | 'f32x4' | 'f64x2' | 'i32x4' {
  if (type.lanes === 1) return isFloat(type.scalar) ? (type.scalar as 'f32' | 'f64') : 'i32';
  return type.scalar === 'f64' ? 'f64x2' : type.scalar === 'f32' ? 'f32x4' : 'i32x4';
}

/** The suffix of instructions that tell signed from unsigned integers. */
export const sign = (scalar: Scalar): 's' | 'u' => (scalar === 'i32' ? 's' : 'u');

export const bytesOfConstant = (
  scalar: Scalar,
  lanes: number,
  value: (lane: number) => number,
): Uint8Array => {
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  // Lanes beyond the second of a half vector are as good as any; repeating the value gives the shortest machine code.
  const count = scalar === 'f64' || (scalar === 'bool' && lanes === 2) ? 2 : 4;
  for (let i = 0; i < count; i++) {
    const x = value(i % lanes);
    if (scalar === 'f32') view.setFloat32(4 * i, x, true);
    else if (scalar === 'f64') view.setFloat64(8 * i, x, true);
    else if (scalar === 'bool')
      for (let b = 0; b < 16 / count; b++) bytes[(16 / count) * i + b] = x ? 255 : 0;
    else view.setInt32(4 * i, x | 0, true);
  }
  return bytes;
};

/** Byte selectors of i8x16.shuffle that pick `lanes` of `width` bytes. */
export const bytesOfLanes = (lanes: readonly number[], width: number): number[] =>
  lanes.flatMap((lane) => Array.from({ length: width }, (_, i) => lane * width + i));
