import type { KernelExpr } from '../kernel.ts';
import type { Algebra } from './algebra.ts';
import { asinDouble, asinSingle, atanDouble, atanSingle } from './coefficients.ts';

/** Tangents, and the inverses of the trigonometric functions, put together from arithmetic, square roots, sine and cosine. */

export const tan = (a: Algebra, x: KernelExpr): KernelExpr => a.div(a.unary('sin', x), a.unary('cos', x));

/** pi / 2, pi / 4 and pi as the nearest number of the dtype, and what is missing. */
const parts = (a: Algebra, value: number, low: number): [number, number] => {
  if (a.isDouble) return [value, low];
  const high = Math.fround(value);
  return [high, value - high];
};
const halfPi = (a: Algebra) => parts(a, Math.PI / 2, 6.123233995736766e-17);
const wholePi = (a: Algebra) => parts(a, Math.PI, 1.2246467991473532e-16);

/** For |x| <= 1 / 2 the arcsine itself, beyond half of the arccosine: asin(sqrt((1 - |x|) / 2)). */
function arc(a: Algebra, size: KernelExpr): { isLarge: KernelExpr; value: KernelExpr } {
  const isLarge = a.less(0.5, size);
  const square = a.select(isLarge, a.mul(a.sub(1, size), 0.5), a.mul(size, size));
  const root = a.select(isLarge, a.unary('sqrt', square), size);
  return { isLarge, value: a.mul(root, a.polynomial(square, a.isDouble ? asinDouble : asinSingle)) };
}

export function asin(a: Algebra, x: KernelExpr): KernelExpr {
  const { isLarge, value } = arc(a, a.abs(x));
  const [high, low] = halfPi(a);
  const large = a.add(a.sub(high, a.add(value, value)), low);
  return a.odd(x, a.select(isLarge, large, value));
}

export function acos(a: Algebra, x: KernelExpr): KernelExpr {
  const { isLarge, value } = arc(a, a.abs(x));
  const isNegative = a.less(x, 0);
  const [half, halfLow] = halfPi(a);
  const [whole, wholeLow] = wholePi(a);
  const signed = a.select(isNegative, a.neg(value), value);
  const twice = a.add(value, value);
  const large = a.select(isNegative, a.add(a.sub(whole, twice), wholeLow), twice);
  return a.select(isLarge, large, a.sub(half, a.sub(signed, halfLow)));
}

/**
 * Of x >= 0 = numerator / denominator in [0, tan(pi/8)], or turned by an eighth or a quarter of a circle to within that of 0:
 * atan x = base + atan w.
 */
export function atan(a: Algebra, x: KernelExpr): KernelExpr {
  const size = a.abs(x);
  const isSmall = a.less(size, Math.SQRT2 - 1);
  const isMiddle = a.less(size, Math.SQRT2 + 1);
  const above = a.select(isSmall, size, a.select(isMiddle, a.sub(size, 1), -1));
  const below = a.select(isSmall, 1, a.select(isMiddle, a.add(size, 1), size));
  const w = a.div(above, below);
  const [high, low] = halfPi(a);
  const rest = a.mul(w, a.polynomial(a.mul(w, w), a.isDouble ? atanDouble : atanSingle));
  const middle = a.add(high / 2, a.add(rest, low / 2));
  const large = a.add(high, a.add(rest, low));
  return a.odd(x, a.select(isSmall, rest, a.select(isMiddle, middle, large)));
}

/** The angle of the point (x, y), with C's rules for zeros and infinities. */
export function atan2(a: Algebra, y: KernelExpr, x: KernelExpr): KernelExpr {
  const [high, wide] = [a.abs(y), a.abs(x)];
  const large = a.max(high, wide);
  const small = a.min(high, wide);
  const isEqual = a.equal(high, wide);
  const quotient = a.select(isEqual, a.select(a.equal(large, 0), 0, 1), a.div(small, large));
  const octant = atan(a, quotient);
  const [half, halfLow] = halfPi(a);
  const [whole, wholeLow] = wholePi(a);
  const quadrant = a.select(a.less(wide, high), a.sub(half, a.sub(octant, halfLow)), octant);
  const turned = a.select(a.isNegative(x), a.sub(whole, a.sub(quadrant, wholeLow)), quadrant);
  return a.select(a.isNegative(y), a.neg(turned), turned);
}

/** sqrt(x^2 + y^2) without overflow on the way; infinite if either is, even where the other is NaN. */
export function hypot(a: Algebra, x: KernelExpr, y: KernelExpr): KernelExpr {
  const [first, second] = [a.abs(x), a.abs(y)];
  const large = a.max(first, second);
  const ratio = a.div(a.min(first, second), large);
  const root = a.mul(large, a.unary('sqrt', a.add(1, a.mul(ratio, ratio))));
  const finite = a.select(a.equal(large, 0), large, root);
  return a.select(a.either(a.equal(first, Infinity), a.equal(second, Infinity)), Infinity, finite);
}
