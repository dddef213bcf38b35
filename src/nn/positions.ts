import { checkOptions } from '../core/options.ts';
import { stack, type Tensor, tensor } from '../core/tensor.ts';
import { normal } from './init.ts';
import { Module } from './module.ts';
import { Parameter } from './parameter.ts';

/** Where in a sequence a vector stands, for layers that would not know. */

/** `angle[p][i] = (offset + p) / base^(2 i / dim)` for i < dim / 2, row by row. */
function angles(name: string, length: number, dim: number, base: number, offset: number): Float64Array {
  if (!Number.isInteger(dim) || dim < 2 || dim % 2 !== 0)
    throw new Error(`${name}: dim must be even and positive, got ${dim}`);
  const half = dim / 2;
  return Float64Array.from(
    { length: length * half },
    (_, n) => (offset + Math.floor(n / half)) / base ** ((2 * (n % half)) / dim),
  );
}

const table = (
  angle: Float64Array,
  f: (x: number) => number,
  like: Tensor,
  shape: readonly number[],
): Tensor => tensor(angle.map(f), { shape, dtype: like.dtype === 'float64' ? 'float64' : 'float32' });

/**
 * Sines and cosines of the position with wavelengths from 2π to 2π base, [length, dim]: in row p at 2i `sin(p /
 * base^(2i / dim))`, at 2i + 1 the cosine. Vaswani et al. (2017).
 *
 * @param options.base default 10000
 * @throws if dim is odd
 */
export function sinusoidalPositions(length: number, dim: number, options: { base?: number } = {}): Tensor {
  checkOptions('sinusoidalPositions', options, ['base']);
  const angle = angles('sinusoidalPositions', length, dim, options.base ?? 10000, 0);
  const data = Float32Array.from({ length: length * dim }, (_, n) =>
    n % 2 === 0 ? Math.sin(angle[n / 2]) : Math.cos(angle[(n - 1) / 2]),
  );
  return tensor(data, { shape: [length, dim] });
}

/** Adds {@link sinusoidalPositions} to x [..., length, dim]. */
export class SinusoidalPositions extends Module {
  readonly base: number;
  readonly longest: number;

  /**
   * @param options.base default 10000
   * @param options.longest how many positions there are for a first one that is an array, default 1024
   */
  constructor(options: { base?: number; longest?: number } = {}) {
    super();
    checkOptions('SinusoidalPositions', options, ['base', 'longest']);
    this.base = options.base ?? 10000;
    this.longest = options.longest ?? 1024;
  }

  /**
   * @param from position of the first vector: a number, or an int32 scalar array where it differs from call to call of a
   * jitted function, as in decoding step by step. Default 0.
   */
  forward(x: Tensor, from: number | Tensor = 0): Tensor {
    const [length, dim] = x.shape.slice(-2);
    const last = typeof from === 'number' ? from + length : this.longest;
    const all = sinusoidalPositions(last, dim, { base: this.base });
    if (typeof from !== 'number') return x.add(all.dynamicSlice([from, 0], [length, dim]));
    return x.add(from === 0 ? all : all.slice([from, last]));
  }
}

/**
 * Adds a vector of its own to each position of x [..., length, dim]. `weight` is [longest, dim], first N(0, std²).
 * Gehring et al. (2017).
 */
export class LearnedPositions extends Module {
  readonly weight: Parameter;

  /**
   * @param longest how many positions there are
   * @param options.std of the first values, default 0.02 as in GPT-2
   * @throws if a size is not a positive integer
   */
  constructor(longest: number, dim: number, options: { std?: number } = {}) {
    super();
    checkOptions('LearnedPositions', options, ['std']);
    for (const [what, n] of Object.entries({ longest, dim }))
      if (!Number.isInteger(n) || n < 1)
        throw new Error(`LearnedPositions: ${what} must be a positive integer, got ${n}`);
    this.weight = new Parameter(normal([longest, dim], 0, options.std ?? 0.02), { name: 'weight' });
  }

  /**
   * @param from position of the first vector: a number, or an int32 scalar array where it differs from call to call of a
   * jitted function, as in decoding step by step. Default 0.
   * @throws if x is longer than there are positions
   */
  forward(x: Tensor, from: number | Tensor = 0): Tensor {
    const [longest, dim] = this.weight.shape;
    const length = x.shape[x.ndim - 2];
    if (x.ndim < 2 || length > longest || x.shape[x.ndim - 1] !== dim)
      throw new Error(
        `LearnedPositions(${longest}, ${dim}): the input must be [..., length up to ${longest}, ${dim}], got [${x.shape.join(', ')}]`,
      );
    const weight = this.weight.value;
    if (typeof from !== 'number') return x.add(weight.dynamicSlice([from, 0], [length, dim]));
    if (!Number.isInteger(from) || from < 0 || from + length > longest)
      throw new Error(
        `LearnedPositions(${longest}, ${dim}): positions ${from} to ${from + length - 1} are not all there`,
      );
    return x.add(length === longest ? weight : weight.slice([from, from + length]));
  }
}

/** How {@link rotary} turns. */
export interface RotaryOptions {
  /** Longest wavelength divided by 2π. Default 10000. */
  base?: number;
  /** Position of the first vector. Default 0. */
  offset?: number;
  /**
   * Which features are turned together: neighbours 2i, 2i + 1 as in the paper and in LLaMA's own weights (default), or
   * i, i + dim/2 as in GPT-NeoX and Hugging Face's conversions.
   */
  pairs?: 'neighbours' | 'halves';
}

/**
 * Rotary positions: turns pair i of the features of x [..., length, dim] at position p by the angle `p / base^(2i /
 * dim)`, so that dot products of queries and keys depend on the distance of their positions. Su et al. (2021).
 *
 * @throws if dim is odd
 */
export function rotary(x: Tensor, options: RotaryOptions = {}): Tensor {
  checkOptions('rotary', options, ['base', 'offset', 'pairs']);
  const { base = 10000, offset = 0, pairs = 'neighbours' } = options;
  if (pairs !== 'neighbours' && pairs !== 'halves')
    throw new Error(`rotary: pairs must be 'neighbours' or 'halves', got '${String(pairs)}'`);
  if (x.ndim < 2)
    throw new Error(`rotary: the input must be [..., length, dim], got [${x.shape.join(', ')}]`);
  const [length, dim] = x.shape.slice(-2);
  const angle = angles('rotary', length, dim, base, offset);
  const [cos, sin] = [Math.cos, Math.sin].map((f) => table(angle, f, x, [length, dim / 2]));
  return turned(x, cos, sin, pairs);
}

/**
 * {@link rotary} for x whose first position is a value: an int32 scalar, so that one program serves all positions before
 * `longest`. The option `offset` counts in addition.
 */
export function rotaryFrom(x: Tensor, from: Tensor, longest: number, options: RotaryOptions): Tensor {
  checkOptions('rotary', options, ['base', 'offset', 'pairs']);
  const { base = 10000, offset = 0, pairs = 'neighbours' } = options;
  const [length, dim] = x.shape.slice(-2);
  const angle = angles('rotary', longest, dim, base, offset);
  const [cos, sin] = [Math.cos, Math.sin].map((f) =>
    table(angle, f, x, [longest, dim / 2]).dynamicSlice([from, 0], [length, dim / 2]),
  );
  return turned(x, cos, sin, pairs);
}

/** Pairs of features of x [..., length, dim], turned by angles with cosines and sines [length, dim / 2]. */
function turned(x: Tensor, cos: Tensor, sin: Tensor, pairs: 'neighbours' | 'halves'): Tensor {
  const half = cos.shape[1];
  const lead = x.shape.slice(0, -1);
  const axis = pairs === 'neighbours' ? -1 : -2;
  const apart = x.reshape(pairs === 'neighbours' ? [...lead, half, 2] : [...lead, 2, half]);
  const [a, b] = [apart.at(0, axis), apart.at(1, axis)];
  return stack([a.mul(cos).sub(b.mul(sin)), a.mul(sin).add(b.mul(cos))], axis).reshape(x.shape);
}
