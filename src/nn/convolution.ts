import { checkOptions } from '../core/options.ts';
import { convolution } from '../core/spatial.ts';
import type { Tensor } from '../core/tensor.ts';
import { layerDefault } from './init.ts';
import { Module } from './module.ts';
import { Parameter } from './parameter.ts';
import { type Padding, type PerAxis, paddingOf, perAxis, requireSpatial } from './spatial_sizes.ts';

/** How a kernel moves over the input. */
export interface ConvolutionOptions {
  /** Distance between two positions of the kernel. Default 1. */
  stride?: PerAxis;
  /** Default 0. */
  padding?: Padding;
  /** Distance between the inputs that two neighbouring kernel elements meet. Default 1. */
  dilation?: PerAxis;
  /** Into how many groups channels are divided; outputs see only the inputs of their group. Default 1. */
  groups?: number;
}

const keys = ['stride', 'padding', 'dilation', 'groups', 'bias'];

function convolve(
  name: string,
  axes: number,
  x: Tensor,
  weight: Tensor,
  options: ConvolutionOptions & { bias?: Tensor | null },
): Tensor {
  checkOptions(name, options, keys);
  requireSpatial(name, x, axes);
  const stride = perAxis(name, 'stride', options.stride ?? 1, axes, 1);
  const dilation = perAxis(name, 'dilation', options.dilation ?? 1, axes, 1);
  const kernel = weight.shape.slice(1, axes + 1);
  const space = x.shape.slice(1, axes + 1);
  const padding = paddingOf(name, options.padding ?? 0, space, kernel, stride, dilation);
  const y = convolution(name, x, weight, { stride, dilation, padding, groups: options.groups ?? 1 });
  return options.bias ? y.add(options.bias) : y;
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

/** What Conv1d and Conv2d have in common. */
abstract class Convolution extends Module {
  readonly weight: Parameter;
  readonly bias: Parameter | null;
  readonly #options: ConvolutionOptions;
  readonly #axes: number;

  constructor(
    axes: number,
    inputs: number,
    outputs: number,
    kernel: PerAxis,
    options: ConvolutionOptions & { bias?: boolean } = {},
  ) {
    super();
    const name = new.target.name;
    checkOptions(name, options, keys);
    const { bias = true, ...rest } = options;
    const groups = rest.groups ?? 1;
    for (const [what, n] of Object.entries({ inputs, outputs, groups }))
      if (!Number.isInteger(n) || n < 1)
        throw new Error(`${name}: ${what} must be a positive integer, got ${n}`);
    if (inputs % groups !== 0 || outputs % groups !== 0)
      throw new Error(
        `${name}: ${inputs} input and ${outputs} output channels must divide by groups = ${groups}`,
      );
    perAxis(name, 'stride', rest.stride ?? 1, axes, 1);
    perAxis(name, 'dilation', rest.dilation ?? 1, axes, 1);
    const shape = [outputs, ...perAxis(name, 'kernel', kernel, axes, 1), inputs / groups];
    this.#axes = axes;
    this.#options = rest;
    this.weight = new Parameter(layerDefault(shape), { name: 'weight' });
    this.bias = bias ? new Parameter(layerDefault(shape, [outputs]), { name: 'bias' }) : null;
  }

  forward(x: Tensor): Tensor {
    const bias = this.bias?.value ?? null;
    return convolve(this.constructor.name, this.#axes, x, this.weight.value, { ...this.#options, bias });
  }
}

/** Convolution of [batch, time, in] with weight [out, kernel, in / groups]. As {@link Conv2d} over one axis. */
export class Conv1d extends Convolution {
  /** @param options.bias whether there is a bias, default true */
  constructor(
    inputs: number,
    outputs: number,
    kernel: PerAxis,
    options: ConvolutionOptions & { bias?: boolean } = {},
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
    options: ConvolutionOptions & { bias?: boolean } = {},
  ) {
    super(2, inputs, outputs, kernel, options);
  }
}
