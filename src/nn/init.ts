import { eye, full } from '../core/create.ts';
import { qr } from '../core/linalg/qr.ts';
import { erfInverse, normal as normalDraws, uniform as uniformDraws } from '../core/random.ts';
import { type Tensor, tensor, where } from '../core/tensor.ts';
import { erf } from '../graph/erf.ts';

/**
 * First values of parameters. Random ones draw a key from the default generator, so `random.seed(0)` before a model is made
 * fixes all of it. Values are computed when they are first needed, those of a whole model in one evaluation.
 */

/** Makes the first values of a parameter of a shape. */
export type Initializer = (shape: readonly number[]) => Tensor;

/** A nonlinearity that {@link gain} knows; `leakyRelu` with the slope of the option `a`. */
export type Nonlinearity = 'linear' | 'sigmoid' | 'tanh' | 'relu' | 'leakyRelu' | 'selu';

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

/** Factor by which a layer's standard deviation must grow to make up for what follows it, PyTorch's: √2 for relu, 5/3 for tanh. */
export function gain(nonlinearity: Nonlinearity, a = 0): number {
  const gains = {
    linear: 1,
    sigmoid: 1,
    tanh: 5 / 3,
    relu: Math.SQRT2,
    leakyRelu: Math.sqrt(2 / (1 + a * a)),
    selu: 3 / 4,
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

/** {@link xavierUniform} under its author's other name. */
export const glorotUniform = xavierUniform;
/** {@link xavierNormal} under its author's other name. */
export const glorotNormal = xavierNormal;
/** {@link kaimingUniform} for relu, by its author's other name: U(-b, b), b = √(6 / fanIn). */
export const heUniform = (shape: readonly number[]): Tensor =>
  kaimingUniform(shape, { nonlinearity: 'relu' });
/** {@link kaimingNormal} for relu, by its author's other name: N(0, 2 / fanIn). */
export const heNormal = (shape: readonly number[]): Tensor => kaimingNormal(shape, { nonlinearity: 'relu' });

/** U(-b, b), b = √(3 / fanIn). LeCun, Bottou, Orr, Müller (1998). */
export const lecunUniform = (shape: readonly number[]): Tensor =>
  kaimingUniform(shape, { nonlinearity: 'linear' });

/** N(0, 1 / fanIn), what SELU needs. LeCun et al. (1998); Klambauer et al. (2017). */
export const lecunNormal = (shape: readonly number[]): Tensor =>
  kaimingNormal(shape, { nonlinearity: 'linear' });

/**
 * A random matrix with orthonormal rows or columns, whichever are fewer, times `factor`; axes after the first count as one. Evenly
 * distributed over all such matrices. Saxe, McClelland, Ganguli (2013).
 *
 * @throws for a shape with fewer than two axes
 */
export function orthogonal(shape: readonly number[], factor = 1): Tensor {
  fans(shape);
  const [rows, ...rest] = shape;
  const columns = rest.reduce((size, extent) => size * extent, 1);
  const [most, least] = [Math.max(rows, columns), Math.min(rows, columns)];
  const [q, r] = qr(normal([most, least]));
  // The signs of QR depend on the algorithm; with positive diagonals of r the result is even.
  const signed = q.mul(where(r.diagonal().lt(0), -1, 1));
  return (rows < columns ? signed.transpose() : signed).mul(factor).reshape(shape);
}

/**
 * N(0, std²) with a share of zeros among the weights of each input: in a weight [out, in], `⌈sparsity · out⌉` of each column are
 * zero, at random. Martens (2010).
 *
 * @throws if there are not two axes or sparsity is not from 0 to 1
 */
export function sparse(shape: readonly number[], sparsity: number, std = 0.01): Tensor {
  if (shape.length !== 2 || !(sparsity >= 0 && sparsity <= 1))
    throw new Error(
      `init.sparse: needed are a shape [out, in] and a sparsity from 0 to 1, got [${shape.join(', ')}] and ${sparsity}`,
    );
  const zeros = Math.ceil(sparsity * shape[0]);
  // The ranks of random numbers in their column: a permutation for each column.
  const ranks = uniformDraws(shape).argsort(0).argsort(0);
  return where(ranks.lt(zeros), 0, normal(shape, 0, std));
}

/** Ones on the main diagonal, of a weight [out, in]. */
export function identity(shape: readonly number[]): Tensor {
  if (shape.length !== 2)
    throw new Error(`init.identity: a weight [out, in] is needed, got [${shape.join(', ')}]; see init.dirac`);
  return eye(shape[0], shape[1]);
}

/**
 * The convolution that changes nothing, as far as there are channels: output i of each group is input i of that group, taken at the middle
 * of the kernel. For weights [out, ...kernel, in / groups].
 *
 * @throws for a shape with fewer than three axes, or if out does not divide by groups
 */
export function dirac(shape: readonly number[], groups = 1): Tensor {
  const [outputs] = shape;
  const inputs = shape[shape.length - 1];
  if (shape.length < 3 || !Number.isInteger(groups) || groups < 1 || outputs % groups !== 0)
    throw new Error(
      `init.dirac: needed is a weight [out, ...kernel, in / groups] with out divisible by groups = ${groups}, got [${shape.join(', ')}]`,
    );
  const each = outputs / groups;
  const kernel = shape.slice(1, -1);
  const middle = kernel.reduce((place, extent) => place * extent + Math.floor(extent / 2), 0);
  const places = kernel.reduce((size, extent) => size * extent, 1);
  const values = new Float32Array(outputs * places * inputs);
  for (let group = 0; group < groups; group++)
    for (let i = 0; i < Math.min(each, inputs); i++)
      values[((group * each + i) * places + middle) * inputs + i] = 1;
  return tensor(values, { shape });
}

/**
 * How `Linear` and `Conv2d` begin, as in PyTorch: weight and bias from U(-1/√fanIn, 1/√fanIn), which for the weight is
 * kaimingUniform with a = √5.
 */
export function layerDefault(weightShape: readonly number[], shape = weightShape): Tensor {
  const bound = 1 / Math.sqrt(Math.max(1, fans(weightShape).fanIn));
  return uniform(shape, -bound, bound);
}
