import type { CloseOptions } from './array_arithmetic.ts';
import type { Operand } from './array_base.ts';
import { arrayOf, besides } from './free_operand.ts';
import type { Tensor } from './tensor.ts';

/** Arithmetic, comparisons, logic and bits as functions: `add(x, y)` is `x.add(y)`, where x may be a number as well. */

/** x + y, broadcast. */
export const add = (x: Operand, y: Operand): Tensor => besides(x, y).add(y);
/** x - y, broadcast. */
export const sub = (x: Operand, y: Operand): Tensor => besides(x, y).sub(y);
/** x y, broadcast. */
export const mul = (x: Operand, y: Operand): Tensor => besides(x, y).mul(y);
/** True division; integers become float32. */
export const div = (x: Operand, y: Operand): Tensor => besides(x, y).div(y);
/** Division rounded down; integers stay integers (by zero gives 0). */
export const floorDivide = (x: Operand, y: Operand): Tensor => besides(x, y).floorDivide(y);
/** Remainder with the sign of the divisor. */
export const mod = (x: Operand, y: Operand): Tensor => besides(x, y).mod(y);
/** Remainder with the sign of the divisor: `mod` by its other name. */
export const remainder = (x: Operand, y: Operand): Tensor => besides(x, y).remainder(y);
/** Remainder with the sign of the dividend. */
export const fmod = (x: Operand, y: Operand): Tensor => besides(x, y).fmod(y);
/** x to the power y. */
export const pow = (x: Operand, y: Operand): Tensor => besides(x, y).pow(y);
/** The larger one; NaN if either is. */
export const maximum = (x: Operand, y: Operand): Tensor => besides(x, y).maximum(y);
/** The smaller one; NaN if either is. */
export const minimum = (x: Operand, y: Operand): Tensor => besides(x, y).minimum(y);
/** The larger one; where one is NaN the other. */
export const fmax = (x: Operand, y: Operand): Tensor => besides(x, y).fmax(y);
/** The smaller one; where one is NaN the other. */
export const fmin = (x: Operand, y: Operand): Tensor => besides(x, y).fmin(y);
/** The greatest common divisor of integers. */
export const gcd = (x: Operand, y: Operand): Tensor => besides(x, y).gcd(y);
/** The least common multiple of integers. */
export const lcm = (x: Operand, y: Operand): Tensor => besides(x, y).lcm(y);
/** Bits of both, of integers or bool. */
export const bitwiseAnd = (x: Operand, y: Operand): Tensor => besides(x, y).bitwiseAnd(y);
/** Bits of either, of integers or bool. */
export const bitwiseOr = (x: Operand, y: Operand): Tensor => besides(x, y).bitwiseOr(y);
/** Bits of exactly one, of integers or bool. */
export const bitwiseXor = (x: Operand, y: Operand): Tensor => besides(x, y).bitwiseXor(y);
/** x 2^y of integers, wrapped. */
export const leftShift = (x: Operand, y: Operand): Tensor => besides(x, y).leftShift(y);
/** x / 2^y of integers, rounded down. */
export const rightShift = (x: Operand, y: Operand): Tensor => besides(x, y).rightShift(y);
/** x = y, as bool. */
export const eq = (x: Operand, y: Operand): Tensor => besides(x, y).eq(y);
/** x ≠ y, as bool. */
export const ne = (x: Operand, y: Operand): Tensor => besides(x, y).ne(y);
/** x < y, as bool. */
export const lt = (x: Operand, y: Operand): Tensor => besides(x, y).lt(y);
/** x ≤ y, as bool. */
export const le = (x: Operand, y: Operand): Tensor => besides(x, y).le(y);
/** x > y, as bool. */
export const gt = (x: Operand, y: Operand): Tensor => besides(x, y).gt(y);
/** x ≥ y, as bool. */
export const ge = (x: Operand, y: Operand): Tensor => besides(x, y).ge(y);
/** Whether both are not 0. */
export const logicalAnd = (x: Operand, y: Operand): Tensor => besides(x, y).logicalAnd(y);
/** Whether either is not 0. */
export const logicalOr = (x: Operand, y: Operand): Tensor => besides(x, y).logicalOr(y);
/** Whether exactly one is not 0. */
export const logicalXor = (x: Operand, y: Operand): Tensor => besides(x, y).logicalXor(y);
/** -x. */
export const neg = (x: Operand): Tensor => arrayOf(x).neg();
/** |x|; the derivative at 0 is 0. */
export const abs = (x: Operand): Tensor => arrayOf(x).abs();
/** -1, 0 or 1. */
export const sign = (x: Operand): Tensor => arrayOf(x).sign();
/** x^2. */
export const square = (x: Operand): Tensor => arrayOf(x).square();
/** 1 / x. */
export const reciprocal = (x: Operand): Tensor => arrayOf(x).reciprocal();
/** max(x, 0), with derivative 0 at 0. */
export const relu = (x: Operand): Tensor => arrayOf(x).relu();
/** All bits turned over, or logical not of bool. */
export const bitwiseNot = (x: Operand): Tensor => arrayOf(x).bitwiseNot();
/** Number of ones among the 32 bits of integers. */
export const popcount = (x: Operand): Tensor => arrayOf(x).popcount();
/** Whether x is 0. */
export const logicalNot = (x: Operand): Tensor => arrayOf(x).logicalNot();
/** min(max(x, low), high); bounds are numbers or arrays, either may be null. */
export const clip = (x: Operand, low: Operand | null, high: Operand | null): Tensor =>
  arrayOf(x).clip(low, high);
/** PyTorch's name of `clip`. */
export const clamp = clip;
/** Whether `|x - y| <= atol + rtol |y|`, as bool. */
export const isclose = (x: Operand, y: Operand, options?: CloseOptions): Tensor =>
  besides(x, y).isclose(y, options);
/** Whether all elements are close, as a JavaScript boolean. */
export const allclose = (x: Operand, y: Operand, options?: CloseOptions): boolean =>
  besides(x, y).allclose(y, options);
/** Whether shape and all elements are equal, as a JavaScript boolean. */
export const arrayEqual = (x: Tensor, y: Tensor): boolean => x.arrayEqual(y);
