/** A size for every spatial axis, or one for each. */
export type PerAxis = number | readonly number[];

/**
 * What is put around the input: a number of elements, one number for each axis, `[before, after]` for each axis, `valid`
 * for none, or `same`: as many as make the output as large as the input (divided by the stride, rounded up); an odd one
 * goes to the end.
 */
export type Padding = PerAxis | readonly (readonly [number, number])[] | 'same' | 'valid';

/**
 * What padding consists of: zeros, the input mirrored at its outermost elements (`3 2 | 1 2 3 | 2 1`), those elements
 * again and again, or the input from its other end.
 */
export type PaddingMode = 'zeros' | 'reflect' | 'replicate' | 'circular';

/** `value` for each of `axes` axes, checked to be integers from `least` on. */
export function perAxis(
  name: string,
  what: string,
  value: PerAxis,
  axes: number,
  least: number,
): readonly number[] {
  const sizes = typeof value === 'number' ? new Array<number>(axes).fill(value) : value;
  if (sizes?.length !== axes || !sizes.every((n) => Number.isInteger(n) && n >= least))
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
      `${name}: padding must be a number, numbers, pairs of them, 'same' or 'valid', got '${String(padding)}'`,
    );
  const given = padding === 'valid' ? 0 : padding;
  if (isPairs(given)) return given.map((pair) => checkedPair(name, pair, given, extents.length));
  const sizes = perAxis(name, 'padding', given, extents.length, 0);
  return sizes.map((n) => [n, n]);
}

const isPairs = (
  padding: PerAxis | readonly (readonly [number, number])[],
): padding is readonly (readonly [number, number])[] =>
  Array.isArray(padding) && padding.some((part) => Array.isArray(part));

function checkedPair(
  name: string,
  pair: readonly [number, number],
  all: readonly unknown[],
  axes: number,
): [number, number] {
  const fits = Array.isArray(pair) && pair.length === 2 && pair.every((n) => Number.isInteger(n) && n >= 0);
  if (all.length !== axes || !fits)
    throw new Error(
      `${name}: padding by pairs must be [before, after] from 0 on for each of ${axes} axes, got ${JSON.stringify(all)}`,
    );
  return [pair[0], pair[1]];
}

/** `[before, after]` for every axis of an array [batch, ...space, channels]. */
export const aroundSpace = (padding: readonly (readonly [number, number])[]): [number, number][] => [
  [0, 0],
  ...padding.map(([before, after]): [number, number] => [before, after]),
  [0, 0],
];

/** Checks that x is [batch, ...space, channels] with `axes` spatial axes. */
export function requireSpatial(name: string, x: { shape: readonly number[] }, axes: number): void {
  if (x.shape?.length === axes + 2) return;
  const names = ['time', 'height, width', 'depth, height, width'][axes - 1];
  throw new Error(
    `${name}: the input must be [batch, ${names}, channels], got ${x.shape === undefined ? String(x) : `[${x.shape.join(', ')}]`}`,
  );
}

/** Checks sizes such as channels. */
export function requirePositive(name: string, sizes: Readonly<Record<string, number>>): void {
  for (const [what, n] of Object.entries(sizes))
    if (!Number.isInteger(n) || n < 1)
      throw new Error(`${name}: ${what} must be a positive integer, got ${n}`);
}

/** Checks that channels can be cut into groups, and gives their number. */
export function requireGroups(name: string, inputs: number, outputs: number, groups = 1): number {
  requirePositive(name, { inputs, outputs, groups });
  if (inputs % groups !== 0 || outputs % groups !== 0)
    throw new Error(
      `${name}: ${inputs} input and ${outputs} output channels must divide by groups = ${groups}`,
    );
  return groups;
}
