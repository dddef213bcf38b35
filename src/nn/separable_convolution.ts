import { checkOptions } from '../core/options.ts';
import type { Tensor } from '../core/tensor.ts';
import { Conv1d, Conv2d, Convolution, type ConvolutionOptions } from './convolution.ts';
import { Module } from './module.ts';
import { type PerAxis, requirePositive } from './spatial_sizes.ts';

/** Convolutions that treat channels and space apart. */

/** Options of depthwise and separable convolutions: those of a convolution without groups. */
export interface DepthwiseOptions extends Omit<ConvolutionOptions, 'groups'> {
  /** How many outputs each input channel has. Default 1. */
  multiplier?: number;
  /** Whether there is a bias (in a separable convolution: after the second step). Default true. */
  bias?: boolean;
}

const keys = ['stride', 'padding', 'paddingMode', 'dilation', 'multiplier', 'bias'];

/** What the depthwise convolutions have in common: a convolution with a group for each channel. */
abstract class Depthwise extends Convolution {
  /** Channels of the input. */
  readonly channels: number;

  constructor(axes: number, channels: number, kernel: PerAxis, options: DepthwiseOptions) {
    const name = new.target.name;
    checkOptions(name, options, keys);
    const { multiplier = 1, ...rest } = options;
    requirePositive(name, { channels, multiplier });
    super(axes, channels, channels * multiplier, kernel, { ...rest, groups: channels });
    this.channels = channels;
  }
}

/** As {@link DepthwiseConv2d} over time: [batch, time, channels] to [batch, time', channels multiplier]. */
export class DepthwiseConv1d extends Depthwise {
  constructor(channels: number, kernel: PerAxis, options: DepthwiseOptions = {}) {
    super(1, channels, kernel, options);
  }
}

/**
 * Convolution of each channel on its own, `Conv2d` with `groups` = channels: [batch, height, width, channels] to [batch,
 * h', w', channels multiplier], the outputs of one channel side by side. `weight` is [channels multiplier, kh, kw, 1].
 */
export class DepthwiseConv2d extends Depthwise {
  /** @throws if a size is not a positive integer */
  constructor(channels: number, kernel: PerAxis, options: DepthwiseOptions = {}) {
    super(2, channels, kernel, options);
  }
}

/** As {@link SeparableConv2d} over time: [batch, time, in] to [batch, time', out]. */
export class SeparableConv1d extends Module {
  readonly depthwise: DepthwiseConv1d;
  readonly pointwise: Conv1d;

  constructor(inputs: number, outputs: number, kernel: PerAxis, options: DepthwiseOptions = {}) {
    super();
    checkOptions('SeparableConv1d', options, keys);
    requirePositive('SeparableConv1d', { inputs, outputs });
    const { bias = true, ...rest } = options;
    this.depthwise = new DepthwiseConv1d(inputs, kernel, { ...rest, bias: false });
    this.pointwise = new Conv1d(inputs * (rest.multiplier ?? 1), outputs, 1, { bias });
  }

  forward(x: Tensor): Tensor {
    return this.pointwise.forward(this.depthwise.forward(x));
  }
}

/**
 * A convolution in two steps: {@link DepthwiseConv2d} (without bias) over space, then one of 1 x 1 over the channels.
 * [batch, height, width, in] to [batch, h', w', out]. Chollet (2016).
 */
export class SeparableConv2d extends Module {
  readonly depthwise: DepthwiseConv2d;
  readonly pointwise: Conv2d;

  /** @throws if a size is not a positive integer */
  constructor(inputs: number, outputs: number, kernel: PerAxis, options: DepthwiseOptions = {}) {
    super();
    checkOptions('SeparableConv2d', options, keys);
    requirePositive('SeparableConv2d', { inputs, outputs });
    const { bias = true, ...rest } = options;
    this.depthwise = new DepthwiseConv2d(inputs, kernel, { ...rest, bias: false });
    this.pointwise = new Conv2d(inputs * (rest.multiplier ?? 1), outputs, 1, { bias });
  }

  forward(x: Tensor): Tensor {
    return this.pointwise.forward(this.depthwise.forward(x));
  }
}
