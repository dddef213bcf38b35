import { checkOptions } from '../core/options.ts';
import { convolution } from '../core/spatial.ts';
import type { Tensor } from '../core/tensor.ts';
import { affineParameters, type InitialOptions, initialKeys } from './initial.ts';
import { Module } from './module.ts';
import type { Parameter } from './parameter.ts';
import {
  aroundSpace,
  type Padding,
  type PaddingMode,
  type PerAxis,
  paddingOf,
  perAxis,
  requireGroups,
  requireSpatial,
} from './spatial_sizes.ts';

/** How a kernel moves over the input. */
export interface ConvolutionOptions {
  /** Distance between two positions of the kernel. Default 1. */
  stride?: PerAxis;
  /** Default 0. */
  padding?: Padding;
  /** What padding consists of. Default zeros. */
  paddingMode?: PaddingMode;
  /** Distance between the inputs that two neighbouring kernel elements meet. Default 1. */
  dilation?: PerAxis;
  /** Into how many groups channels are divided; outputs see only the inputs of their group. Default 1. */
  groups?: number;
}

const keys = ['stride', 'padding', 'paddingMode', 'dilation', 'groups', 'bias'];
const modes: readonly string[] = ['zeros', 'reflect', 'replicate', 'circular'];

function convolve(
  name: string,
  axes: number,
  x: Tensor,
  weight: Tensor,
  options: ConvolutionOptions & { bias?: Tensor | null },
): Tensor {
  checkOptions(name, options, keys);
  requireSpatial(name, x, axes);
  const { paddingMode = 'zeros', groups = 1 } = options;
  const stride = perAxis(name, 'stride', options.stride ?? 1, axes, 1);
  const dilation = perAxis(name, 'dilation', options.dilation ?? 1, axes, 1);
  const kernel = weight.shape.slice(1, axes + 1);
  const space = x.shape.slice(1, axes + 1);
  const padding = paddingOf(name, options.padding ?? 0, space, kernel, stride, dilation);
  const isInside = paddingMode !== 'zeros';
  requireMode(name, paddingMode);
  const input = isInside ? x.pad(aroundSpace(padding), { mode: paddingMode }) : x;
  const rest = isInside ? padding.map((): [number, number] => [0, 0]) : padding;
  const y = convolution(name, input, weight, { stride, dilation, padding: rest, groups });
  return options.bias ? y.add(options.bias) : y;
}

function requireMode(name: string, mode: string): void {
  if (!modes.includes(mode))
    throw new Error(`${name}: paddingMode must be one of ${modes.join(', ')}, got '${mode}'`);
}

/**
 * Cross-correlation over one axis: x [batch, time, in], weight [out, kernel, in / groups], result [batch, time', out].
 * See {@link conv2d}.
 */
export const conv1d = (
  x: Tensor,
  weight: Tensor,
  options: ConvolutionOptions & { bias?: Tensor | null } = {},
): Tensor => convolve('conv1d', 1, x, weight, options);

/**
 * Cross-correlation (what deep learning calls convolution): x [batch, height, width, in], weight [out, kh, kw, in / groups],
 * bias [out], result [batch, h', w', out] with `h' = floor((h + 2 padding - dilation (kh - 1) - 1) / stride) + 1`.
 *
 * @throws if shapes do not fit each other or the kernel does not fit the padded input
 */
export const conv2d = (
  x: Tensor,
  weight: Tensor,
  options: ConvolutionOptions & { bias?: Tensor | null } = {},
): Tensor => convolve('conv2d', 2, x, weight, options);

/**
 * Cross-correlation over volumes: x [batch, depth, height, width, in], weight [out, kd, kh, kw, in / groups], result
 * [batch, d', h', w', out]. See {@link conv2d}.
 */
export const conv3d = (
  x: Tensor,
  weight: Tensor,
  options: ConvolutionOptions & { bias?: Tensor | null } = {},
): Tensor => convolve('conv3d', 3, x, weight, options);

/** What Conv1d, Conv2d and Conv3d have in common. */
export abstract class Convolution extends Module {
  readonly weight: Parameter;
  readonly bias: Parameter | null;
  /** Stride, padding and so on, as they were given. */
  readonly options: ConvolutionOptions;
  readonly #axes: number;

  constructor(
    axes: number,
    inputs: number,
    outputs: number,
    kernel: PerAxis,
    options: ConvolutionOptions & { bias?: boolean } & InitialOptions = {},
  ) {
    super();
    const name = new.target.name;
    checkOptions(name, options, [...keys, ...initialKeys]);
    const { bias = true, weightInit, biasInit, ...rest } = options;
    const groups = requireGroups(name, inputs, outputs, rest.groups);
    const sizes = perAxis(name, 'kernel', kernel, axes, 1);
    const stride = perAxis(name, 'stride', rest.stride ?? 1, axes, 1);
    const dilation = perAxis(name, 'dilation', rest.dilation ?? 1, axes, 1);
    paddingOf(name, rest.padding ?? 0, sizes, sizes, stride, dilation);
    requireMode(name, rest.paddingMode ?? 'zeros');
    const shape = [outputs, ...sizes, inputs / groups];
    this.#axes = axes;
    this.options = rest;
    const made = affineParameters(name, shape, outputs, { bias, weightInit, biasInit });
    this.weight = made.weight;
    this.bias = made.bias;
  }

  forward(x: Tensor): Tensor {
    const bias = this.bias?.value ?? null;
    return convolve(this.constructor.name, this.#axes, x, this.weight.value, { ...this.options, bias });
  }
}

/** Convolution of [batch, time, in] with weight [out, kernel, in / groups]. As {@link Conv2d} over one axis. */
export class Conv1d extends Convolution {
  /** @param options.bias whether there is a bias, default true */
  constructor(
    inputs: number,
    outputs: number,
    kernel: PerAxis,
    options: ConvolutionOptions & { bias?: boolean } & InitialOptions = {},
  ) {
    super(1, inputs, outputs, kernel, options);
  }
}

/**
 * Convolution of images [batch, height, width, in] (channels last, unlike PyTorch) to [batch, h', w', out]; see {@link conv2d}.
 * `weight` is [out, kh, kw, in / groups], `bias` [out], both first U(-1/√fanIn, 1/√fanIn) with fanIn = kh kw in / groups.
 */
export class Conv2d extends Convolution {
  /**
   * @param kernel size, one number for a square
   * @param options.bias whether there is a bias, default true
   * @throws if a size is not a positive integer or channels do not divide by groups
   */
  constructor(
    inputs: number,
    outputs: number,
    kernel: PerAxis,
    options: ConvolutionOptions & { bias?: boolean } & InitialOptions = {},
  ) {
    super(2, inputs, outputs, kernel, options);
  }
}

/**
 * Convolution of volumes [batch, depth, height, width, in] with weight [out, kd, kh, kw, in / groups]. As {@link Conv2d}
 * over three axes.
 */
export class Conv3d extends Convolution {
  /** @param options.bias whether there is a bias, default true */
  constructor(
    inputs: number,
    outputs: number,
    kernel: PerAxis,
    options: ConvolutionOptions & { bias?: boolean } & InitialOptions = {},
  ) {
    super(3, inputs, outputs, kernel, options);
  }
}
