import type { Tensor } from '../core/tensor.ts';
import { BatchNorm } from '../nn/batch_norm.ts';
import { Convolution } from '../nn/convolution.ts';
import * as nn from '../nn/index.ts';
import type { Fields } from './config.ts';

/** Configurations of Keras for modules of `nabla/nn`. */

/** A layer of Keras that does what a module does. */
export interface LayerDescription {
  readonly className: string;
  readonly fields: Fields;
  /** Whose variables it has; null for a layer that stands beside the module's. */
  readonly module: nn.Module | null;
  /** The layer's own variables, where its module has them in another shape. */
  readonly arrays?: () => Tensor[];
  /** Layers inside: those of a sequential model, or the one of a wrapper. */
  readonly inside?: readonly LayerDescription[];
}

/** A module that Keras has no layer for; the model's error lists them all. */
export class NoSuchLayer extends Error {
  override name = 'NoSuchLayer';
}

const fail = (module: nn.Module, why?: string): never => {
  throw new NoSuchLayer(`${module.constructor.name}${why === undefined ? '' : ` (${why})`}`);
};

/** Activations without parameters by Keras's names. */
const activations: readonly (readonly [new (...options: never[]) => nn.Module, string])[] = [
  [nn.ReLU, 'relu'],
  [nn.ReLU6, 'relu6'],
  [nn.Tanh, 'tanh'],
  [nn.Sigmoid, 'sigmoid'],
  [nn.SiLU, 'silu'],
  [nn.SELU, 'selu'],
  [nn.Mish, 'mish'],
  [nn.Softsign, 'softsign'],
  [nn.Hardsigmoid, 'hard_sigmoid'],
  [nn.Hardswish, 'hard_silu'],
  [nn.LogSigmoid, 'log_sigmoid'],
  [nn.Tanhshrink, 'tanh_shrink'],
];

const layer = (className: string, fields: Fields, module: nn.Module | null = null): LayerDescription[] => [
  { className, fields, module },
];
const activation = (name: string): LayerDescription[] => layer('Activation', { activation: name });

/** A padding in numbers as pairs for each axis; null for 'same' and none. */
function pairsOf(padding: nn.Padding | undefined, axes: number): [number, number][] | null {
  if (padding === undefined || padding === 0 || typeof padding === 'string') return null;
  const all = typeof padding === 'number' ? new Array<number>(axes).fill(padding) : padding;
  return all.map((side): [number, number] => (typeof side === 'number' ? [side, side] : [side[0], side[1]]));
}

const nameOf = (padding: nn.Padding | undefined): string => (padding === 'same' ? 'same' : 'valid');

/** Of one axis Keras takes a pair, of several pairs. */
const perSide = (pairs: readonly (readonly [number, number])[]): unknown =>
  pairs.length === 1 ? pairs[0] : pairs;

function convolution(module: Convolution, className: string, more: Fields): LayerDescription[] {
  const { stride = 1, dilation = 1, padding, paddingMode = 'zeros' } = module.options;
  const axes = module.weight.shape.length - 2;
  if (paddingMode !== 'zeros') return fail(module, `padding by ${paddingMode}`);
  const pairs = pairsOf(padding, axes);
  const before = pairs === null ? [] : layer(`ZeroPadding${axes}D`, { padding: perSide(pairs) });
  const fields = {
    kernel_size: module.weight.shape.slice(1, -1),
    strides: stride,
    dilation_rate: dilation,
    padding: nameOf(padding),
    use_bias: module.bias !== null,
    ...more,
  };
  return [...before, ...layer(className, fields, module)];
}

function transposed(
  module: nn.ConvTranspose1d | nn.ConvTranspose2d | nn.ConvTranspose3d,
): LayerDescription[] {
  const { stride = 1, dilation = 1, padding, outputPadding = 0, groups = 1 } = module.options;
  const kernel = module.weight.shape.slice(1, -1);
  const axes = kernel.length;
  const strides = typeof stride === 'number' ? kernel.map(() => stride) : stride;
  const dilations = typeof dilation === 'number' ? kernel.map(() => dilation) : dilation;
  if (groups !== 1) return fail(module, 'groups');
  if ([outputPadding].flat().some((n) => n !== 0)) return fail(module, 'outputPadding');
  // Keras's output ends a stride behind the last element, where the kernel is smaller than that.
  if (padding !== 'same' && kernel.some((n, i) => dilations[i] * (n - 1) + 1 < strides[i]))
    return fail(module, 'a kernel smaller than the stride');
  const pairs = pairsOf(padding, axes);
  const fields = {
    filters: module.weight.shape[axes + 1],
    kernel_size: kernel,
    strides,
    dilation_rate: dilations,
    padding: nameOf(padding),
    use_bias: module.bias !== null,
  };
  const after = pairs === null ? [] : layer(`Cropping${axes}D`, { cropping: perSide(pairs) });
  return [...layer(`Conv${axes}DTranspose`, fields, module), ...after];
}

const pools: readonly (readonly [new (...options: never[]) => nn.Module, string])[] = [
  [nn.MaxPool1d, 'MaxPooling1D'],
  [nn.MaxPool2d, 'MaxPooling2D'],
  [nn.MaxPool3d, 'MaxPooling3D'],
  [nn.AvgPool1d, 'AveragePooling1D'],
  [nn.AvgPool2d, 'AveragePooling2D'],
  [nn.AvgPool3d, 'AveragePooling3D'],
];
const plainLayers: readonly (readonly [new (...options: never[]) => nn.Module, string])[] = [
  [nn.GlobalAvgPool1d, 'GlobalAveragePooling1D'],
  [nn.GlobalAvgPool2d, 'GlobalAveragePooling2D'],
  [nn.GlobalAvgPool3d, 'GlobalAveragePooling3D'],
  [nn.GlobalMaxPool1d, 'GlobalMaxPooling1D'],
  [nn.GlobalMaxPool2d, 'GlobalMaxPooling2D'],
  [nn.GlobalMaxPool3d, 'GlobalMaxPooling3D'],
  [nn.Identity, 'Identity'],
];
const dropouts: readonly (readonly [new (...options: never[]) => { readonly p: number }, string])[] = [
  [nn.Dropout, 'Dropout'],
  [nn.Dropout1d, 'SpatialDropout1D'],
  [nn.Dropout2d, 'SpatialDropout2D'],
  [nn.Dropout3d, 'SpatialDropout3D'],
  [nn.AlphaDropout, 'AlphaDropout'],
  [nn.GaussianDropout, 'GaussianDropout'],
];

function pooling(module: nn.MaxPool2d | nn.AvgPool2d, className: string): LayerDescription[] {
  const { stride, padding = 0, ceilMode = false } = module.options;
  const { dilation = 1 } = module.options as nn.MaxPoolOptions;
  if ([padding].flat().some((n) => n !== 0) || ceilMode || [dilation].flat().some((n) => n !== 1))
    return fail(module, 'padding, ceilMode or dilation');
  return layer(className, { pool_size: module.kernel, strides: stride ?? module.kernel, padding: 'valid' });
}

/** Axes of the last extents of an array, from its end. */
const lastAxes = (count: number): number[] => Array.from({ length: count }, (_, i) => i - count);

/**
 * The layers of Keras that do what a module does to an array of a shape.
 *
 * @throws NoSuchLayer
 */
export function layersFor(module: nn.Module, x: Tensor): LayerDescription[] {
  if (module instanceof nn.Linear)
    return layer('Dense', { units: module.weight.shape[0], use_bias: module.bias !== null }, module);
  if (module instanceof nn.DepthwiseConv1d || module instanceof nn.DepthwiseConv2d)
    return convolution(module, `DepthwiseConv${module.weight.shape.length - 2}D`, {
      depth_multiplier: module.weight.shape[0] / module.channels,
    });
  if (module instanceof Convolution)
    return convolution(module, `Conv${module.weight.shape.length - 2}D`, {
      filters: module.weight.shape[0],
      groups: module.options.groups ?? 1,
    });
  if (module instanceof nn.SeparableConv1d || module instanceof nn.SeparableConv2d) {
    const { depthwise, pointwise } = module;
    const axes = depthwise.weight.shape.length - 2;
    const parts = convolution(depthwise, `SeparableConv${axes}D`, {
      depth_multiplier: depthwise.weight.shape[0] / depthwise.channels,
      filters: pointwise.weight.shape[0],
      use_bias: pointwise.bias !== null,
    });
    return parts.map((part) => (part.module === null ? part : { ...part, module }));
  }
  for (const Class of [nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d])
    if (module instanceof Class) return transposed(module);
  if (module instanceof BatchNorm) {
    if (module.runningMean === null) return fail(module, 'without running statistics');
    if (module.momentum === null) return fail(module, 'momentum null');
    const affine = module.weight !== null;
    return layer(
      'BatchNormalization',
      { epsilon: module.eps, momentum: 1 - module.momentum, scale: affine, center: module.bias !== null },
      module,
    );
  }
  if (module instanceof nn.LayerNorm)
    return layer(
      'LayerNormalization',
      {
        axis: module.shape.length === 1 ? -1 : lastAxes(module.shape.length),
        epsilon: module.eps,
        scale: module.weight !== null,
        center: module.bias !== null,
      },
      module,
    );
  if (module instanceof nn.GroupNorm)
    return layer(
      'GroupNormalization',
      {
        groups: module.groups,
        epsilon: module.eps,
        scale: module.weight !== null,
        center: module.bias !== null,
      },
      module,
    );
  if (module instanceof nn.RMSNorm) {
    if (module.weight === null) return fail(module, 'without weight');
    const axis = module.shape.length === 1 ? -1 : lastAxes(module.shape.length);
    return layer('RMSNormalization', { axis, epsilon: module.eps ?? 2 ** -23 }, module);
  }
  if (module instanceof nn.Embedding) {
    const [count, dim] = module.weight.shape;
    return layer('Embedding', { input_dim: count, output_dim: dim }, module);
  }
  if (module instanceof nn.PReLU) {
    const { weight } = module;
    const shared = Array.from({ length: x.ndim - 1 }, (_, i) => i + 1);
    const shape = [...shared.slice(1).map(() => 1), weight.shape[0]];
    const fields = { shared_axes: weight.shape[0] === 1 ? shared : shared.slice(0, -1) };
    return [{ className: 'PReLU', fields, module, arrays: () => [weight.value.reshape(shape)] }];
  }
  if (module instanceof nn.LeakyReLU) return layer('LeakyReLU', { negative_slope: module.slope });
  if (module instanceof nn.ELU) return layer('ELU', { alpha: module.alpha });
  if (module instanceof nn.Softmax) return layer('Softmax', { axis: module.axis });
  if (module instanceof nn.LogSoftmax)
    return module.axis === -1 ? activation('log_softmax') : fail(module, 'another axis than the last');
  if (module instanceof nn.GELU)
    return module.approximate === 'none' ? activation('gelu') : fail(module, "approximate 'tanh'");
  if (module instanceof nn.Softplus)
    return module.beta === 1 ? activation('softplus') : fail(module, `beta ${module.beta}`);
  if (module instanceof nn.CELU)
    return module.alpha === 1 ? activation('celu') : fail(module, `alpha ${module.alpha}`);
  if (module instanceof nn.Hardtanh)
    return module.low === -1 && module.high === 1 ? activation('hard_tanh') : fail(module, 'other bounds');
  for (const [Class, name] of activations) if (module instanceof Class) return activation(name);
  for (const [Class, name] of dropouts)
    if (module instanceof Class) return layer(name, { rate: (module as { readonly p: number }).p });
  if (module instanceof nn.GaussianNoise) return layer('GaussianNoise', { stddev: module.std });
  for (const [Class, name] of pools)
    if (module instanceof Class) return pooling(module as unknown as nn.MaxPool2d, name);
  for (const [Class, name] of plainLayers) if (module instanceof Class) return layer(name, {});
  for (const [i, Class] of [nn.ZeroPad1d, nn.ZeroPad2d, nn.ZeroPad3d].entries())
    if (module instanceof Class)
      return layer(`ZeroPadding${i + 1}D`, {
        padding: perSide(
          pairsOf(module.padding, i + 1) ?? Array.from({ length: i + 1 }, () => [0, 0] as const),
        ),
      });
  if (module instanceof nn.Flatten) {
    const isWhole = module.start === 1 && (module.end === -1 || module.end === x.ndim - 1);
    return isWhole ? layer('Flatten', {}) : fail(module, 'of some axes');
  }
  if (module instanceof nn.Reshape)
    return layer('Reshape', { target_shape: module.forward(x).shape.slice(1) });
  if (module instanceof nn.Unflatten)
    return layer('Reshape', { target_shape: module.forward(x).shape.slice(1) });
  if (module instanceof nn.Permute)
    return module.order[0] === 0
      ? layer('Permute', { dims: module.order.slice(1) })
      : fail(module, 'that moves the batch');
  if (module instanceof nn.RepeatVector) return layer('RepeatVector', { n: module.count });
  if (module instanceof nn.TimeDistributed) {
    const [batch, time, ...rest] = x.shape;
    const inside = layersFor(module.layer, x.reshape([batch * time, ...rest]));
    if (inside.length !== 1) return fail(module, `of ${module.layer.constructor.name}`);
    return [{ className: 'TimeDistributed', fields: {}, module: null, inside }];
  }
  if (module instanceof nn.Sequential)
    return [{ className: 'Sequential', fields: {}, module: null, inside: sequenceFor(module, x) }];
  return fail(module);
}

/**
 * The layers of Keras for those of a sequence, in order.
 *
 * @throws NoSuchLayer that lists every module without one
 */
export function sequenceFor(model: nn.Sequential, first: Tensor): LayerDescription[] {
  const missing: string[] = [];
  const found: LayerDescription[] = [];
  let x = first;
  for (const [i, step] of model.layers.entries()) {
    if (typeof step === 'function') {
      missing.push(`${i}: a function`);
      x = step(x);
      continue;
    }
    try {
      for (const description of layersFor(step, x)) found.push(description);
    } catch (error) {
      if (!(error instanceof NoSuchLayer)) throw error;
      missing.push(`${i}: ${error.message}`);
    }
    x = step.forward(x);
  }
  if (missing.length > 0) throw new NoSuchLayer(missing.join('; '));
  return found;
}
