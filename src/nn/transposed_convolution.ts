import { checkOptions } from '../core/options.ts';
import { Tensor } from '../core/tensor.ts';
import { contract, reshape } from '../graph/build.ts';
import { plainIndex } from '../graph/contraction.ts';
import type { AffineIndex } from '../graph/vocabulary.ts';
import { affineParameters, type InitialOptions, initialKeys } from './initial.ts';
import { Module } from './module.ts';
import type { Parameter } from './parameter.ts';
import {
  type Padding,
  type PerAxis,
  paddingOf,
  perAxis,
  requireGroups,
  requireSpatial,
} from './spatial_sizes.ts';

/** The transpose of convolution as a linear map: what a gradient does, as a layer that makes images larger. */

/** How the kernel spreads over the output. */
export interface ConvTransposeOptions {
  /** Distance in the output between two neighbours of the input. Default 1. */
  stride?: PerAxis;
  /**
   * What is cut from the sides of the output: the padding of the convolution that this is the transpose of. `same` makes the
   * output `stride` times as large as the input. Default 0.
   */
  padding?: Padding;
  /** What is added to the end of the output, less than stride or dilation. Default 0. */
  outputPadding?: PerAxis;
  /** Distance in the output between two neighbours of the kernel. Default 1. */
  dilation?: PerAxis;
  /** Into how many groups channels are divided. Default 1. */
  groups?: number;
}

const keys = ['stride', 'padding', 'outputPadding', 'dilation', 'groups', 'bias'];

/** Sizes for each spatial axis: what is cut before, and the output's extent. */
function sizesOf(
  name: string,
  space: readonly number[],
  kernel: readonly number[],
  options: ConvTransposeOptions,
): { stride: readonly number[]; dilation: readonly number[]; cut: number[]; extents: number[] } {
  const axes = space.length;
  const stride = perAxis(name, 'stride', options.stride ?? 1, axes, 1);
  const dilation = perAxis(name, 'dilation', options.dilation ?? 1, axes, 1);
  const extra = perAxis(name, 'outputPadding', options.outputPadding ?? 0, axes, 0);
  const full = space.map((n, i) => (n - 1) * stride[i] + dilation[i] * (kernel[i] - 1) + 1);
  if (options.padding === 'same') {
    if (extra.some((n) => n > 0))
      throw new Error(`${name}: outputPadding has no meaning with padding 'same', which fixes the size`);
    const extents = space.map((n, i) => n * stride[i]);
    const cut = full.map((n, i) => Math.max(0, Math.floor((n - extents[i]) / 2)));
    return { stride, dilation, cut, extents };
  }
  extra.forEach((n, i) => {
    if (n >= Math.max(stride[i], dilation[i]))
      throw new Error(
        `${name}: outputPadding must be less than stride or dilation, got ${n} with stride ${stride[i]} and dilation ${dilation[i]}`,
      );
  });
  const padding = paddingOf(name, options.padding ?? 0, space, kernel, stride, dilation);
  const extents = full.map((n, i) => n - padding[i][0] - padding[i][1] + extra[i]);
  return { stride, dilation, cut: padding.map(([before]) => before), extents };
}

/** `out[o] = sum over k of x[(o + cut - dilation k) / stride] w[k]`, where that is an element of x. */
function spread(
  name: string,
  axes: number,
  x: Tensor,
  weight: Tensor,
  options: ConvTransposeOptions & { bias?: Tensor | null },
): Tensor {
  checkOptions(name, options, keys);
  requireSpatial(name, x, axes);
  const { groups = 1, bias } = options;
  const [batch, channels] = [x.shape[0], x.shape[axes + 1]];
  const shapes = `input [${x.shape.join(', ')}], weight [${weight.shape.join(', ')}], groups ${groups}`;
  if (weight.ndim !== axes + 2 || weight.shape[0] !== channels)
    throw new Error(
      `${name}: ${shapes}: the weight must be [in, ...kernel, out / groups] with the input's ${channels} channels as in`,
    );
  if (!Number.isInteger(groups) || groups < 1 || channels % groups !== 0)
    throw new Error(`${name}: ${shapes}: input channels must divide by groups`);
  const kernel = weight.shape.slice(1, axes + 1);
  const space = x.shape.slice(1, axes + 1);
  const { stride, dilation, cut, extents } = sizesOf(name, space, kernel, options);
  if (extents.some((n) => n <= 0))
    throw new Error(`${name}: ${shapes}: the padding cuts the whole output away`);
  const [inGroup, outGroup] = [channels / groups, weight.shape[axes + 1]];
  // Axes: batch, space, group, out in group | kernel, in in group.
  const [g, o, k, c] = [axes + 1, axes + 2, axes + 3, 2 * axes + 3];
  const spatial = kernel.map(
    (_, i): AffineIndex => ({
      terms: [
        [1 + i, 1],
        [k + i, -dilation[i]],
      ],
      offset: cut[i],
      divisor: stride[i],
    }),
  );
  const product = contract(
    {
      sizes: [batch, ...extents, groups, outGroup, ...kernel, inGroup],
      outRank: axes + 3,
      a: [plainIndex(0), ...spatial, plainIndex(g), plainIndex(c)],
      b: [plainIndex(g), plainIndex(c), ...kernel.map((_, i) => plainIndex(k + i)), plainIndex(o)],
    },
    reshape(x.node, [batch, ...space, groups, inGroup]),
    reshape(weight.cast(x.dtype).node, [groups, inGroup, ...kernel, outGroup]),
  );
  const y = new Tensor(reshape(product, [batch, ...extents, groups * outGroup]));
  return bias ? y.add(bias) : y;
}

type Options = ConvTransposeOptions & { bias?: Tensor | null };

/** Transposed convolution over time: x [batch, time, in], weight [in, kernel, out / groups]. See {@link convTranspose2d}. */
export const convTranspose1d = (x: Tensor, weight: Tensor, options: Options = {}): Tensor =>
  spread('convTranspose1d', 1, x, weight, options);

/**
 * Transposed convolution: x [batch, height, width, in], weight [in, kh, kw, out / groups] (PyTorch's [in, out / groups, kh,
 * kw] with channels last), bias [out], result [batch, h', w', out] with `h' = (h - 1) stride - 2 padding + dilation (kh -
 * 1) + outputPadding + 1`. Each input element adds the kernel, times itself, to the output at `stride` times its place.
 *
 * @throws if shapes do not fit each other or outputPadding is not less than stride or dilation
 */
export const convTranspose2d = (x: Tensor, weight: Tensor, options: Options = {}): Tensor =>
  spread('convTranspose2d', 2, x, weight, options);

/** Transposed convolution of volumes: x [batch, depth, height, width, in]. See {@link convTranspose2d}. */
export const convTranspose3d = (x: Tensor, weight: Tensor, options: Options = {}): Tensor =>
  spread('convTranspose3d', 3, x, weight, options);

type LayerOptions = ConvTransposeOptions & { bias?: boolean } & InitialOptions;

/** What the transposed convolutions have in common. */
abstract class ConvTranspose extends Module {
  readonly weight: Parameter;
  readonly bias: Parameter | null;
  /** Stride, padding and so on, as they were given. */
  readonly options: ConvTransposeOptions;
  readonly #axes: number;

  constructor(axes: number, inputs: number, outputs: number, kernel: PerAxis, options: LayerOptions) {
    super();
    const name = new.target.name;
    checkOptions(name, options, [...keys, ...initialKeys]);
    const { bias = true, weightInit, biasInit, ...rest } = options;
    const groups = requireGroups(name, inputs, outputs, rest.groups);
    const sizes = perAxis(name, 'kernel', kernel, axes, 1);
    sizesOf(name, sizes, sizes, rest);
    const shape = [inputs, ...sizes, outputs / groups];
    this.#axes = axes;
    this.options = rest;
    const made = affineParameters(name, shape, outputs, { bias, weightInit, biasInit });
    this.weight = made.weight;
    this.bias = made.bias;
  }

  forward(x: Tensor): Tensor {
    const bias = this.bias?.value ?? null;
    return spread(this.constructor.name, this.#axes, x, this.weight.value, { ...this.options, bias });
  }
}

/** {@link convTranspose1d} as a layer: [batch, time, in] to [batch, time', out]. */
export class ConvTranspose1d extends ConvTranspose {
  /** @param options.bias whether there is a bias, default true */
  constructor(inputs: number, outputs: number, kernel: PerAxis, options: LayerOptions = {}) {
    super(1, inputs, outputs, kernel, options);
  }
}

/**
 * {@link convTranspose2d} as a layer: [batch, height, width, in] to [batch, h', w', out]. `weight` is [in, kh, kw, out /
 * groups], `bias` [out], both first U(-1/√fan, 1/√fan) with fan = kh kw out / groups, as in PyTorch.
 */
export class ConvTranspose2d extends ConvTranspose {
  /**
   * @param options.bias whether there is a bias, default true
   * @throws if a size is not a positive integer or channels do not divide by groups
   */
  constructor(inputs: number, outputs: number, kernel: PerAxis, options: LayerOptions = {}) {
    super(2, inputs, outputs, kernel, options);
  }
}

/** {@link convTranspose3d} as a layer: [batch, depth, height, width, in] to [batch, d', h', w', out]. */
export class ConvTranspose3d extends ConvTranspose {
  /** @param options.bias whether there is a bias, default true */
  constructor(inputs: number, outputs: number, kernel: PerAxis, options: LayerOptions = {}) {
    super(3, inputs, outputs, kernel, options);
  }
}
