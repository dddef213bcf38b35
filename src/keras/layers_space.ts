import { interpolate } from '../core/interpolate.ts';
import type { Tensor } from '../core/tensor.ts';
import * as nn from '../nn/index.ts';
import { lowestOf } from '../nn/pooling.ts';
import { activationOf } from './activations.ts';
import type { Config } from './config.ts';
import { assign, type Builder, type BuiltLayer, type Call, type Part, plain, requireAxes } from './layer.ts';
import { fromDepthwise, fromKernel, toDepthwise, toKernel } from './layouts.ts';

/** Layers over time, images and volumes: convolutions, pooling, borders. */

const convolutions = [nn.Conv1d, nn.Conv2d, nn.Conv3d];
const transposedConvolutions = [nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d];

const biasNames = (config: Config): string[] => (config.flag('use_bias', true) ? ['bias'] : []);

const saved = (save: () => (Tensor | null)[]): Part[] => [
  { path: [], save: () => save().filter((array) => array !== null) },
];

/** Stride, dilation and padding of a convolution over some axes. */
function movement(config: Config, axes: number) {
  config.requireChannelsLast();
  const padding = config.text('padding', 'valid');
  if (!['valid', 'same', 'causal'].includes(padding)) config.fail('padding', "'valid', 'same' or 'causal'");
  return {
    stride: config.sizes('strides', axes, 1),
    dilation: config.sizes('dilation_rate', axes, 1),
    padding: padding as 'valid' | 'same' | 'causal',
  };
}

/** What precedes a causal convolution, so that no output sees what comes later. */
const causal = (x: Tensor, steps: number): Tensor =>
  x.pad([
    [0, 0],
    [steps, 0],
    [0, 0],
  ]);

/** A layer of a convolution: what comes before it, the module, the activation. */
function layerOf(
  module: nn.Layer,
  { padding, dilation }: ReturnType<typeof movement>,
  kernel: number,
  activation: (x: Tensor) => Tensor,
  parts: Part[],
): BuiltLayer {
  const steps = dilation[0] * (kernel - 1);
  const before = padding === 'causal' ? (x: Tensor) => causal(x, steps) : (x: Tensor) => x;
  return { module, call: ({ inputs: [x] }) => activation(module.forward(before(x))), parts };
}

const conv =
  (axes: number): Builder =>
  (config, { weights, isOld }) => {
    const moves = movement(config, axes);
    const [kernel, bias] = weights.take(['kernel', ...biasNames(config)]);
    const shape = requireAxes(config, kernel, axes + 2);
    const groups = config.number('groups', 1);
    const [inputs, outputs] = [shape[axes] * groups, shape[axes + 1]];
    const module = new convolutions[axes - 1](inputs, outputs, shape.slice(0, axes), {
      stride: moves.stride,
      dilation: moves.dilation,
      padding: moves.padding === 'causal' ? 'valid' : moves.padding,
      groups,
      bias: bias !== undefined,
    });
    assign(config, [
      [module.weight, fromKernel(kernel)],
      [module.bias, bias],
    ]);
    const parts = saved(() => [toKernel(module.weight.value), module.bias?.value ?? null]);
    return layerOf(module, moves, shape[0], activationOf(config, 'activation', isOld), parts);
  };

const depthwise =
  (axes: 1 | 2): Builder =>
  (config, { weights, isOld }) => {
    const moves = movement(config, axes);
    const [kernel, bias] = weights.take(['kernel|depthwise_kernel', ...biasNames(config)]);
    const shape = requireAxes(config, kernel, axes + 2);
    const [channels, multiplier] = shape.slice(axes);
    const Class = axes === 1 ? nn.DepthwiseConv1d : nn.DepthwiseConv2d;
    const module = new Class(channels, shape.slice(0, axes), {
      stride: moves.stride,
      dilation: moves.dilation,
      padding: moves.padding === 'causal' ? 'valid' : moves.padding,
      multiplier,
      bias: bias !== undefined,
    });
    assign(config, [
      [module.weight, fromDepthwise(kernel)],
      [module.bias, bias],
    ]);
    const parts = saved(() => [toDepthwise(module.weight.value, channels), module.bias?.value ?? null]);
    return layerOf(module, moves, shape[0], activationOf(config, 'activation', isOld), parts);
  };

const separable =
  (axes: 1 | 2): Builder =>
  (config, { weights, isOld }) => {
    const moves = movement(config, axes);
    const [depth, point, bias] = weights.take(['depthwise_kernel', 'pointwise_kernel', ...biasNames(config)]);
    const shape = requireAxes(config, depth, axes + 2);
    const [channels, multiplier] = shape.slice(axes);
    const outputs = requireAxes(config, point, axes + 2)[axes + 1];
    const Class = axes === 1 ? nn.SeparableConv1d : nn.SeparableConv2d;
    const module = new Class(channels, outputs, shape.slice(0, axes), {
      stride: moves.stride,
      dilation: moves.dilation,
      padding: moves.padding === 'causal' ? 'valid' : moves.padding,
      multiplier,
      bias: bias !== undefined,
    });
    assign(config, [
      [module.depthwise.weight, fromDepthwise(depth)],
      [module.pointwise.weight, fromKernel(point)],
      [module.pointwise.bias, bias],
    ]);
    const parts = saved(() => [
      toDepthwise(module.depthwise.weight.value, channels),
      toKernel(module.pointwise.weight.value),
      module.pointwise.bias?.value ?? null,
    ]);
    return layerOf(module, moves, shape[0], activationOf(config, 'activation', isOld), parts);
  };

/** [...kernel, out, in] to [in, ...kernel, out]: the same as for a convolution, whose gradient this is. */
const convTranspose =
  (axes: number): Builder =>
  (config, { weights, isOld }) => {
    const { stride, dilation, padding } = movement(config, axes);
    const [kernel, bias] = weights.take(['kernel', ...biasNames(config)]);
    const shape = requireAxes(config, kernel, axes + 2);
    const [outputs, inputs] = shape.slice(axes);
    const module = new transposedConvolutions[axes - 1](inputs, outputs, shape.slice(0, axes), {
      stride,
      dilation,
      bias: false,
    });
    const offset = bias === undefined ? null : new nn.Parameter(bias, { name: 'bias' });
    assign(config, [[module.weight, fromKernel(kernel)]]);
    const extra = config.has('output_padding') ? config.sizes('output_padding', axes) : null;
    const activation = activationOf(config, 'activation', isOld);
    const holder = new KerasConvTranspose(module, offset, (space) =>
      space.map((n, i) => outputOf(n, shape[i], stride[i], dilation[i], padding, extra?.[i] ?? null)),
    );
    return {
      module: holder,
      call: ({ inputs: [x] }) => activation(holder.forward(x)),
      parts: saved(() => [toKernel(module.weight.value), offset?.value ?? null]),
    };
  };

/**
 * Extent of the output, and what is cut off before it, as Keras has them: for 'valid' the larger of kernel and stride behind the last
 * element, for 'same' `stride` times the input, both unless `output_padding` says how much more there is.
 */
function outputOf(
  n: number,
  kernel: number,
  stride: number,
  dilation: number,
  padding: string,
  extra: number | null,
): { extent: number; cut: number } {
  const reach = dilation * (kernel - 1) + 1;
  if (padding !== 'same')
    return { extent: (n - 1) * stride + (extra === null ? Math.max(reach, stride) : reach + extra), cut: 0 };
  // How much of the kernel's reach around the first and the last element is kept.
  const kept = extra === null ? stride + reach - 2 : reach + (reach % 2) - 2 + extra;
  const before = Math.min(Math.ceil(kept / 2), reach - 1);
  return { extent: (n - 1) * stride + 2 - reach + kept, cut: reach - 1 - before };
}

/** A transposed convolution of which a part is the output, with zeros where it is too small, and then a bias. */
class KerasConvTranspose extends nn.Module {
  readonly convolution: nn.Layer;
  readonly bias: nn.Parameter | null;
  readonly #sizes: (space: readonly number[]) => { extent: number; cut: number }[];

  constructor(
    convolution: nn.Layer,
    bias: nn.Parameter | null,
    sizes: (space: readonly number[]) => { extent: number; cut: number }[],
  ) {
    super();
    this.convolution = convolution;
    this.bias = bias;
    this.#sizes = sizes;
  }

  forward(x: Tensor): Tensor {
    const whole = this.convolution.forward(x);
    const sizes = this.#sizes(x.shape.slice(1, -1));
    const missing = sizes.map(({ extent, cut }, i) => Math.max(0, cut + extent - whole.shape[i + 1]));
    const padded = missing.some((n) => n > 0)
      ? whole.pad([[0, 0], ...missing.map((n): [number, number] => [0, n]), [0, 0]])
      : whole;
    const y = padded.slice(null, ...sizes.map(({ extent, cut }) => [cut, cut + extent] as const), null);
    return this.bias === null ? y : y.add(this.bias.value);
  }
}

/** Windows of pooling, with 'same' padding that counts as nothing. */
const pooling =
  (axes: number, kind: 'max' | 'average'): Builder =>
  (config) => {
    config.requireChannelsLast();
    const size = config.sizes(config.has('pool_size') ? 'pool_size' : 'pool_length', axes, 2);
    const stride = config.has('strides') ? config.sizes('strides', axes) : size;
    const isSame = config.text('padding', 'valid') === 'same';
    const max = [nn.maxPool1d, nn.maxPool2d, nn.maxPool3d][axes - 1];
    const average = [nn.avgPool1d, nn.avgPool2d, nn.avgPool3d][axes - 1];
    const pool = kind === 'max' ? max : average;
    return plain((x) => {
      if (!isSame) return pool(x, size, { stride });
      const around = size.map((n, i): [number, number] => {
        const extent = x.shape[i + 1];
        const total = Math.max(0, (Math.ceil(extent / stride[i]) - 1) * stride[i] + n - extent);
        return [Math.floor(total / 2), Math.ceil(total / 2)];
      });
      const pads: [number, number][] = [[0, 0], ...around, [0, 0]];
      if (kind === 'max') return pool(x.pad(pads, { value: lowestOf(x) }), size, { stride });
      // The mean of what is real: zeros count in neither the sum nor the number.
      const real = x.mul(0).add(1).pad(pads);
      return pool(x.pad(pads), size, { stride }).div(pool(real, size, { stride }));
    });
  };

const globalPooling =
  (axes: number, kind: 'max' | 'average'): Builder =>
  (config) => {
    config.requireChannelsLast();
    const keepDims = config.flag('keepdims', false);
    const space = Array.from({ length: axes }, (_, i) => i + 1);
    const call = ({ inputs: [x], masks: [mask] }: Call): Tensor => {
      if (kind === 'max') return x.max(space, { keepDims });
      if (axes > 1 || !mask) return x.mean(space, { keepDims });
      const real = mask.cast(x.dtype).unsqueeze(-1);
      return x.mul(real).sum(1, { keepDims }).div(real.sum(1, { keepDims }));
    };
    return { module: null, call };
  };

const zeroPadding =
  (axes: number): Builder =>
  (config) => {
    config.requireChannelsLast();
    const pads: [number, number][] = [[0, 0], ...config.pairs('padding', axes), [0, 0]];
    return plain((x) => x.pad(pads));
  };

const cropping =
  (axes: number): Builder =>
  (config) => {
    config.requireChannelsLast();
    const cuts = config.pairs('cropping', axes);
    return plain((x) =>
      x.slice(null, ...cuts.map(([before, after], i) => [before, x.shape[i + 1] - after] as const), null),
    );
  };

const upSampling =
  (axes: number): Builder =>
  (config) => {
    config.requireChannelsLast();
    const factors = config.sizes('size', axes, 2);
    const how = config.text('interpolation', 'nearest');
    if (how === 'nearest')
      return plain((x) =>
        factors.reduce((y, factor, i) => (factor === 1 ? y : repeated(y, factor, i + 1)), x),
      );
    if (how !== 'bilinear' || axes !== 2) return config.unsupported(`interpolation ${JSON.stringify(how)}`);
    return plain((x) =>
      interpolate(x, { size: factors.map((factor, i) => factor * x.shape[i + 1]), mode: 'bilinear' }),
    );
  };

/** Every element of an axis several times. */
function repeated(x: Tensor, factor: number, axis: number): Tensor {
  const apart = [...x.shape.slice(0, axis + 1), factor, ...x.shape.slice(axis + 1)];
  const joined = x.shape.map((n, i) => (i === axis ? n * factor : n));
  return x
    .unsqueeze(axis + 1)
    .broadcastTo(apart)
    .reshape(joined);
}

const byAxes = (name: string, make: (axes: number) => Builder): Record<string, Builder> =>
  Object.fromEntries([1, 2, 3].map((axes) => [`${name}${axes}D`, make(axes)]));

/** Builders by Keras's names of classes. */
export const spaceLayers: Readonly<Record<string, Builder>> = {
  ...byAxes('Conv', conv),
  ...byAxes('Convolution', conv),
  Conv1DTranspose: convTranspose(1),
  Conv2DTranspose: convTranspose(2),
  Conv3DTranspose: convTranspose(3),
  DepthwiseConv1D: depthwise(1),
  DepthwiseConv2D: depthwise(2),
  SeparableConv1D: separable(1),
  SeparableConv2D: separable(2),
  ...byAxes('MaxPooling', (axes) => pooling(axes, 'max')),
  ...byAxes('AveragePooling', (axes) => pooling(axes, 'average')),
  ...byAxes('GlobalMaxPooling', (axes) => globalPooling(axes, 'max')),
  ...byAxes('GlobalAveragePooling', (axes) => globalPooling(axes, 'average')),
  ...byAxes('ZeroPadding', zeroPadding),
  ...byAxes('Cropping', cropping),
  ...byAxes('UpSampling', upSampling),
};
