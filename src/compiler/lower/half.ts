import type { DType } from '../../graph/dtype.ts';
import { type HalfDType, isHalf } from '../../graph/half.ts';
import type { Expr } from '../ir.ts';
import { binary, bitcast, cast, compare, constant, select, unary } from '../ir_build.ts';

/**
 * Conversions between float32 and dtypes of 16 bits as integer arithmetic without branches, scalar or in vectors: the same bits on
 * every machine, as src/graph/half.ts defines them. Bits are in u32 registers.
 */

/** Puts a value that is used several times into a register. */
type Keep = (x: Expr) => Expr;

const number = (like: Expr, value: number): Expr => constant(like.type, value);
const masked = (x: Expr, mask: number): Expr => binary('and', x, number(x, mask));
const shiftedUp = (x: Expr, by: number): Expr => binary('shl', x, number(x, by));
const shiftedDown = (x: Expr, by: number): Expr => binary('shr', x, number(x, by));

/** The bit patterns of a dtype as f32. */
export function widened(dtype: HalfDType, x: Expr, keep: Keep): Expr {
  if (dtype === 'bfloat16') return bitcast('f32', shiftedUp(x, 16));
  const bits = keep(x);
  const magnitude = keep(masked(bits, 0x7fff));
  // The exponent counts from 15, that of a float32 from 127; all ones stand for infinity and NaN in both.
  const bias = select(
    compare('lt', magnitude, number(bits, 0x7c00)),
    number(bits, 112 << 23),
    number(bits, 224 << 23),
  );
  const normal = binary('add', shiftedUp(magnitude, 13), bias);
  // Below 2^-14 halves are multiples of 2^-24. As i32, for which vectors have an instruction.
  const small = cast('f32', bitcast('i32', magnitude));
  const subnormal = bitcast('u32', binary('mul', small, number(small, 2 ** -24)));
  const isSmall = compare('lt', magnitude, number(bits, 0x400));
  const sign = shiftedUp(masked(bits, 0x8000), 16);
  return bitcast('f32', binary('or', sign, select(isSmall, subnormal, normal)));
}

/** f32 values as bit patterns of a dtype: nearest, ties to even. */
export function narrowed(dtype: HalfDType, x: Expr, keep: Keep): Expr {
  const bits = keep(bitcast('u32', x));
  const magnitude = keep(masked(bits, 0x7fffffff));
  const isNan = compare('lt', number(bits, 0x7f800000), magnitude);
  /** Without the last bits: half of the last one that stays is added, less one where that one is even. */
  const rounded = (y: Expr, dropped: number): Expr => {
    const odd = masked(shiftedDown(y, dropped), 1);
    return shiftedDown(binary('add', y, binary('add', odd, number(y, 2 ** (dropped - 1) - 1))), dropped);
  };
  if (dtype === 'bfloat16') return select(isNan, number(bits, 0x7fc0), rounded(bits, 16));
  const normal = rounded(keep(binary('sub', magnitude, number(bits, 112 << 23))), 13);
  // Between 0.5 and 1 a float32 is a multiple of 2^-24, as halves are below 2^-14.
  const shifted = binary('add', unary('abs', x), number(x, 0.5));
  const subnormal = binary('sub', bitcast('u32', shifted), number(bits, 0x3f000000));
  const finite = select(compare('lt', magnitude, number(bits, 0x38800000)), subnormal, normal);
  const isLarge = compare('le', number(bits, 0x47800000), magnitude);
  const signed = binary(
    'or',
    masked(shiftedDown(bits, 16), 0x8000),
    select(isLarge, number(bits, 0x7c00), finite),
  );
  return select(isNan, number(bits, 0x7e00), signed);
}

/** A conversion from or to a dtype of 16 bits; null if neither is one. The other one is float32. */
export function halfCast(from: DType, to: DType, x: Expr, keep: Keep): Expr | null {
  if (isHalf(from)) return cast('f32', widened(from, x, keep));
  return isHalf(to) ? narrowed(to, cast('f32', x), keep) : null;
}
