import { isFloat } from '../graph/dtype.ts';
import { fromData, type Tensor } from './tensor.ts';

/** Images, sequences and volumes in other sizes. */

export type InterpolationMode = 'nearest' | 'nearest-exact' | 'linear' | 'bilinear' | 'trilinear' | 'bicubic';

/** Options of `interpolate`. */
export interface InterpolateOptions {
  /** Extent of each space axis, or one for all. Either this or `scaleFactor`. */
  size?: number | readonly number[];
  /** Factor for each space axis, or one for all; extents are rounded down. */
  scaleFactor?: number | readonly number[];
  /** Default `nearest`. `linear` is for any number of space axes, `bilinear` the same for two, `trilinear` for three. */
  mode?: InterpolationMode;
  /**
   * Whether the centres of the corner elements of input and output coincide; else their outer edges do. Default false; of no meaning for
   * `nearest`.
   */
  alignCorners?: boolean;
}

/** What an output element is made of: for each tap the positions in the input and their weights (null: 1). */
interface Taps {
  readonly positions: Int32Array;
  readonly weights: Float64Array | null;
}

/**
 * x [batch, ...space, channels] with other extents of its space axes, as PyTorch's interpolate (channels last here). With scale = in / out
 * (or 1 / scaleFactor), output element i lies at `(i + 1/2) scale - 1/2` of the input, or at `i (in - 1) / (out - 1)` with alignCorners;
 * `nearest` takes the element at `floor(i scale)`, `nearest-exact` that at `floor((i + 1/2) scale)`, `linear` mixes two neighbours along
 * each axis, `bicubic` four by cubic convolution (Keys 1981, a = -3/4). Integers become float32, except by `nearest`.
 *
 * @throws if the array has no space axes, the mode does not go with their number, or sizes are not positive
 */
export function interpolate(x: Tensor, options: InterpolateOptions): Tensor {
  const { size, scaleFactor, mode = 'nearest', alignCorners = false } = options;
  const d = x.ndim - 2;
  const shape = `[${x.shape.join(', ')}]`;
  if (d < 1) throw new Error(`interpolate: needs [batch, ...space, channels], got ${shape}`);
  const dimensions = { bilinear: 2, bicubic: 2, trilinear: 3 } as Readonly<Record<string, number>>;
  if (!['nearest', 'nearest-exact', 'linear', ...Object.keys(dimensions)].includes(mode))
    throw new Error(
      `interpolate: there is no mode '${String(mode)}'; modes are nearest, nearest-exact, linear, bilinear, trilinear, bicubic`,
    );
  if ((dimensions[mode] ?? d) !== d)
    throw new Error(`interpolate: mode ${mode} is for ${dimensions[mode]} space axes, ${shape} has ${d}`);
  if ((size === undefined) === (scaleFactor === undefined))
    throw new Error('interpolate: give either size or scaleFactor');
  const each = (value: number | readonly number[], name: string): readonly number[] => {
    const list = typeof value === 'number' ? new Array<number>(d).fill(value) : value;
    if (list.length !== d || list.some((n) => !(n > 0 && n < Infinity)))
      throw new Error(
        `interpolate: ${name} must be ${d} positive numbers for ${shape}, got [${list.join(', ')}]`,
      );
    return list;
  };
  const factors = scaleFactor === undefined ? null : each(scaleFactor, 'scaleFactor');
  const sizes =
    factors === null ? each(size!, 'size') : factors.map((f, i) => Math.floor(x.shape[i + 1] * f));
  let result = mode.startsWith('nearest') || isFloat(x.dtype) ? x : x.cast('float32');
  sizes.forEach((out, i) => {
    const extent = x.shape[i + 1];
    if (!Number.isInteger(out) || out < 1 || extent < 1)
      throw new Error(
        `interpolate: cannot make ${out} of ${extent} elements along axis ${i + 1} of ${shape}`,
      );
    const scale = factors === null ? extent / out : 1 / factors[i];
    result = mixed(result, i + 1, tapsOf(mode, extent, out, scale, alignCorners));
  });
  return result;
}

/** The weighted sum of taps along an axis. */
function mixed(x: Tensor, axis: number, taps: readonly Taps[]): Tensor {
  const parts = taps.map(({ positions, weights }) => {
    const picked = x.take(fromData(positions, [positions.length], 'int32'), axis);
    if (weights === null) return picked;
    const along = x.shape.map((_, i) => (i === axis ? weights.length : 1));
    return picked.mul(fromData(weights, along, 'float64').cast(x.dtype));
  });
  return parts.reduce((sum, part) => sum.add(part));
}

function tapsOf(
  mode: InterpolationMode,
  extent: number,
  out: number,
  scale: number,
  corners: boolean,
): Taps[] {
  const clamp = (i: number): number => Math.min(extent - 1, Math.max(0, i));
  if (mode.startsWith('nearest')) {
    const shift = mode === 'nearest' ? 0 : 0.5;
    // Rounding must not put a position that is an integer below it.
    const at = (i: number) => clamp(Math.floor((i + shift) * scale + 1e-9));
    return [{ positions: Int32Array.from({ length: out }, (_, i) => at(i)), weights: null }];
  }
  const ratio = out > 1 ? (extent - 1) / (out - 1) : 0;
  const centre = (i: number) => (corners ? i * ratio : (i + 0.5) * scale - 0.5);
  if (mode === 'bicubic')
    return [-1, 0, 1, 2].map((tap) => ({
      positions: Int32Array.from({ length: out }, (_, i) => clamp(Math.floor(centre(i)) + tap)),
      weights: Float64Array.from({ length: out }, (_, i) => cubic(centre(i) - Math.floor(centre(i)) - tap)),
    }));
  const at = (i: number) => Math.max(0, centre(i));
  return [0, 1].map((tap) => ({
    positions: Int32Array.from({ length: out }, (_, i) => clamp(Math.floor(at(i)) + tap)),
    weights: Float64Array.from({ length: out }, (_, i) => 1 - Math.abs(at(i) - Math.floor(at(i)) - tap)),
  }));
}

/** The kernel of cubic convolution with a = -3/4. */
function cubic(distance: number): number {
  const a = -0.75;
  const t = Math.abs(distance);
  if (t <= 1) return ((a + 2) * t - (a + 3)) * t * t + 1;
  return t < 2 ? (((t - 5) * t + 8) * t - 4) * a : 0;
}
