/** A size for every spatial axis, or one for each. */
export type PerAxis = number | readonly number[];

/**
 * Zeros around the input: a number of them, one number for each axis, `valid` for none, or `same`: as many as make the
 * output as large as the input (divided by the stride, rounded up); an odd one goes to the end.
 */
export type Padding = PerAxis | 'same' | 'valid';

/** `value` for each of `axes` axes, checked to be integers from `least` on. */
export function perAxis(
  name: string,
  what: string,
  value: PerAxis,
  axes: number,
  least: number,
): readonly number[] {
  const sizes = typeof value === 'number' ? new Array<number>(axes).fill(value) : value;
  if (sizes.length !== axes || !sizes.every((n) => Number.isInteger(n) && n >= least))
    throw new Error(
      `${name}: ${what} must be ${axes > 1 ? `an integer, or ${axes} of them,` : 'an integer'} from ${least} on, got ${JSON.stringify(value)}`,
    );
  return sizes;
}

/** [before, after] on each spatial axis of an input with the given extents. */
export function paddingOf(
  name: string,
  padding: Padding,
  extents: readonly number[],
  kernel: readonly number[],
  stride: readonly number[],
  dilation: readonly number[],
): [number, number][] {
  if (padding === 'same')
    return extents.map((n, i) => {
      const count = Math.ceil(n / stride[i]);
      const total = Math.max(0, (count - 1) * stride[i] + dilation[i] * (kernel[i] - 1) + 1 - n);
      return [Math.floor(total / 2), Math.ceil(total / 2)];
    });
  if (typeof padding === 'string' && padding !== 'valid')
    throw new Error(
      `${name}: padding must be a number, numbers, 'same' or 'valid', got '${String(padding)}'`,
    );
  const sizes = perAxis(name, 'padding', padding === 'valid' ? 0 : padding, extents.length, 0);
  return sizes.map((n) => [n, n]);
}

/** Checks that x is [batch, ...space, channels] with `axes` spatial axes. */
export function requireSpatial(name: string, x: { shape: readonly number[] }, axes: number): void {
  if (x.shape.length === axes + 2) return;
  const names = axes === 1 ? 'time' : axes === 2 ? 'height, width' : `${axes} spatial axes`;
  throw new Error(`${name}: the input must be [batch, ${names}, channels], got [${x.shape.join(', ')}]`);
}
