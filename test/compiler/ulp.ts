/** Distance of f32 values from exact ones, in units in the last place of the exact value rounded to f32. */

const float = new Float32Array(1);
const bits = new Int32Array(float.buffer);

/** The float with these bits. */
export function floatOf(pattern: number): number {
  bits[0] = pattern;
  return float[0];
}

/** The spacing of floats at `x`; the smallest subnormal at 0, the spacing below infinity beyond the largest float. */
export function spacing(x: number): number {
  const exponent = Math.floor(Math.log2(Math.abs(x)));
  return 2 ** (Math.min(Math.max(exponent, -126), 127) - 23);
}

/** `|value - exact|` in ulp; infinite for a NaN or an infinity where the exact value rounds to something else. */
export function ulps(value: number, exact: number): number {
  const rounded = Math.fround(exact);
  if (Object.is(value, rounded) || (Number.isNaN(value) && Number.isNaN(rounded))) return 0;
  // An overflow by rounding up from the largest floats counts as the one spacing that it is.
  const capped = Number.isFinite(value) ? value : Math.sign(value) * 2 ** 128;
  if (Number.isNaN(value) || !(Math.abs(exact) < 2 ** 128 * (1 + 2 ** -20))) return Infinity;
  return Math.abs(capped - exact) / spacing(exact);
}
