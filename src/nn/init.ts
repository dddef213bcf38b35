import { full } from '../core/create.ts';
import { erfInverse, normal as normalDraws, uniform as uniformDraws } from '../core/random.ts';
import type { Tensor } from '../core/tensor.ts';
import { erf } from '../graph/erf.ts';

/**
 * First values of parameters. Random ones draw a key from the default generator, so `random.seed(0)` before a model is made
 * fixes all of it. Values are computed when they are first needed, those of a whole model in one evaluation.
 */

/** A nonlinearity that {@link gain} knows; `leakyRelu` with the slope of the option `a`. */
export type Nonlinearity = 'linear' | 'sigmoid' | 'tanh' | 'relu' | 'leakyRelu';

/** Options of the initializers by He. */
export interface KaimingOptions {
  /** Keep the variance in the forward pass (`fanIn`, default) or in the backward pass (`fanOut`). */
  mode?: 'fanIn' | 'fanOut';
  /** What follows the layer. Default leakyRelu. */
  nonlinearity?: Nonlinearity;
  /** Slope of leakyRelu for negative inputs. Default 0. */
  a?: number;
}

/**
 * Inputs and outputs of one unit of a weight [out, ...kernel, in]: `fanIn = in * kernel size`, `fanOut = out * kernel size`.
 *
 * @throws for a shape with fewer than two axes
 */
export function fans(shape: readonly number[]): { fanIn: number; fanOut: number } {
  if (shape.length < 2)
    throw new Error(`init: a weight needs at least two axes [out, ..., in], got [${shape.join(', ')}]`);
  const kernel = shape.slice(1, -1).reduce((size, extent) => size * extent, 1);
  return { fanIn: shape[shape.length - 1] * kernel, fanOut: shape[0] * kernel };
}

/** Factor by which a layer's standard deviation must grow to make up for what follows it: √2 for relu, 5/3 for tanh. */
export function gain(nonlinearity: Nonlinearity, a = 0): number {
  const gains = {
    linear: 1,
    sigmoid: 1,
    tanh: 5 / 3,
    relu: Math.SQRT2,
    leakyRelu: Math.sqrt(2 / (1 + a * a)),
  };
  const factor = gains[nonlinearity];
  if (factor === undefined)
    throw new Error(
      `init.gain: unknown nonlinearity '${nonlinearity}'; known are ${Object.keys(gains).join(', ')}`,
    );
  return factor;
}

/** Every element `value`. */
export const constant = (shape: readonly number[], value: number): Tensor => full(shape, value);
/** Zeros. */
export const zeros = (shape: readonly number[]): Tensor => full(shape, 0);
/** Ones. */
export const ones = (shape: readonly number[]): Tensor => full(shape, 1);

/** U(low, high). */
export const uniform = (shape: readonly number[], low = 0, high = 1): Tensor =>
  uniformDraws(shape, { low, high });

/** N(mean, std²). */
export const normal = (shape: readonly number[], mean = 0, std = 1): Tensor =>
  normalDraws(shape, { mean, std });

/**
 * N(mean, std²) without its tails: values lie within `bound` standard deviations of the mean (TensorFlow's truncated_normal).
 */
export function truncatedNormal(shape: readonly number[], mean = 0, std = 1, bound = 2): Tensor {
  const limit = erf(bound / Math.SQRT2);
  const z = erfInverse(uniformDraws(shape, { low: -limit, high: limit })).mul(Math.SQRT2);
  return z.clip(-bound, bound).mul(std).add(mean);
}

/** U(-b, b), b = gain √(6 / (fanIn + fanOut)). Glorot and Bengio (2010). */
export function xavierUniform(shape: readonly number[], factor = 1): Tensor {
  const { fanIn, fanOut } = fans(shape);
  const bound = factor * Math.sqrt(6 / (fanIn + fanOut));
  return uniform(shape, -bound, bound);
}

/** N(0, gain² 2 / (fanIn + fanOut)). Glorot and Bengio (2010). */
export function xavierNormal(shape: readonly number[], factor = 1): Tensor {
  const { fanIn, fanOut } = fans(shape);
  return normal(shape, 0, factor * Math.sqrt(2 / (fanIn + fanOut)));
}

/** U(-b, b), b = gain √(3 / fan). He, Zhang, Ren, Sun (2015). */
export function kaimingUniform(shape: readonly number[], options: KaimingOptions = {}): Tensor {
  const bound = Math.sqrt(3) * kaimingDeviation(shape, options);
  return uniform(shape, -bound, bound);
}

/** N(0, gain² / fan). He, Zhang, Ren, Sun (2015). */
export const kaimingNormal = (shape: readonly number[], options: KaimingOptions = {}): Tensor =>
  normal(shape, 0, kaimingDeviation(shape, options));

function kaimingDeviation(shape: readonly number[], options: KaimingOptions): number {
  const { mode = 'fanIn', nonlinearity = 'leakyRelu', a = 0 } = options;
  return gain(nonlinearity, a) / Math.sqrt(Math.max(1, fans(shape)[mode]));
}

/**
 * How `Linear` and `Conv2d` begin, as in PyTorch: weight and bias from U(-1/√fanIn, 1/√fanIn), which for the weight is
 * kaimingUniform with a = √5.
 */
export function layerDefault(weightShape: readonly number[], shape = weightShape): Tensor {
  const bound = 1 / Math.sqrt(Math.max(1, fans(weightShape).fanIn));
  return uniform(shape, -bound, bound);
}
