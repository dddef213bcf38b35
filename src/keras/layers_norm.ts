import { fromData, type Tensor } from '../core/tensor.ts';
import { FormatError } from '../io/index.ts';
import { BatchNorm } from '../nn/batch_norm.ts';
import * as nn from '../nn/index.ts';
import { standardize } from '../nn/normalization.ts';
import type { Config } from './config.ts';
import { assign, type Builder, firstMask, requireAxes } from './layer.ts';

/** Layers that normalize. */

/** Batch normalization of arrays with any number of axes: a configuration does not say how many there are. */
class BatchNormalization extends BatchNorm {
  constructor(channels: number, options: nn.BatchNormOptions) {
    super([2, 3, 4, 5], channels, options);
  }
}

const batchNormalization: Builder = (config, { weights }) => {
  const [scales, shifts] = [config.flag('scale', true), config.flag('center', true)];
  const axes = config.has('axis') ? config.integers('axis') : [-1];
  if (axes.length !== 1) return config.unsupported('several axes');
  if (config.flag('renorm', false)) return config.unsupported('renorm');
  const names = [...(scales ? ['gamma'] : []), ...(shifts ? ['beta'] : []), 'moving_mean', 'moving_variance'];
  const arrays = weights.take(names);
  const [mean, variance] = arrays.slice(-2);
  const gamma = scales ? arrays[0] : undefined;
  const beta = shifts ? arrays[scales ? 1 : 0] : undefined;
  const [channels] = requireAxes(config, mean, 1);
  const module = new BatchNormalization(channels, {
    eps: config.number('epsilon', 1e-3),
    momentum: 1 - config.number('momentum', 0.99),
  });
  assign(config, [
    [module.weight, gamma],
    [module.bias, beta],
    [module.runningMean, mean],
    [module.runningVar, variance],
  ]);
  // What Keras does not have stays at 1 and at 0.
  if (!scales && module.weight !== null) module.weight.trainable = false;
  if (!shifts && module.bias !== null) module.bias.trainable = false;
  return {
    module,
    call: ({ inputs: [x] }) => {
      const axis = axes[0] < 0 ? axes[0] + x.ndim : axes[0];
      if (axis === x.ndim - 1) return module.forward(x);
      return module.forward(x.moveaxis(axis, -1)).moveaxis(-1, axis);
    },
    mask: firstMask,
    parts: [
      {
        path: [],
        save: () =>
          [
            scales ? module.weight : null,
            shifts ? module.bias : null,
            module.runningMean,
            module.runningVar,
          ].flatMap((variable) => (variable === null ? [] : [variable.value])),
      },
    ],
  };
};

/** What a normalization over some axes multiplies by and adds. */
class KerasNorm extends nn.Module {
  readonly weight: nn.Parameter | null;
  readonly bias: nn.Parameter | null;
  readonly #normalize: (x: Tensor) => Tensor;
  readonly #axes: readonly number[];

  constructor(
    weight: Tensor | undefined,
    bias: Tensor | undefined,
    axes: readonly number[],
    normalize: (x: Tensor) => Tensor,
  ) {
    super();
    this.weight = weight === undefined ? null : new nn.Parameter(weight, { name: 'weight' });
    this.bias = bias === undefined ? null : new nn.Parameter(bias, { name: 'bias' });
    this.#axes = axes;
    this.#normalize = normalize;
  }

  forward(x: Tensor): Tensor {
    const y = this.#normalize(x);
    // Along these axes and no other: [3, 1, 5] for axes 1 and 3 of four.
    const axes = resolved(this.#axes, x.ndim);
    const shape = Array.from({ length: x.ndim }, (_, i) => (axes.includes(i) ? x.shape[i] : 1));
    const scaled = this.weight === null ? y : y.mul(this.weight.value.reshape(shape));
    return this.bias === null ? scaled : scaled.add(this.bias.value.reshape(shape));
  }

  saved(): Tensor[] {
    return [this.weight, this.bias].flatMap((variable) => (variable === null ? [] : [variable.value]));
  }
}

const resolved = (axes: readonly number[], rank: number): number[] =>
  axes.map((axis) => (axis < 0 ? axis + rank : axis)).sort((a, b) => a - b);

/** Reads gamma and beta, as far as there are any, and makes the layer. */
function affine(
  weights: Parameters<Builder>[1]['weights'],
  [scales, shifts]: readonly [boolean, boolean],
  axes: readonly number[],
  normalize: (x: Tensor) => Tensor,
): ReturnType<Builder> {
  const taken = weights.take([...(scales ? ['gamma|scale'] : []), ...(shifts ? ['beta'] : [])]);
  const module = new KerasNorm(
    scales ? taken[0] : undefined,
    shifts ? taken[scales ? 1 : 0] : undefined,
    axes,
    normalize,
  );
  return {
    module,
    call: ({ inputs: [x] }) => module.forward(x),
    mask: firstMask,
    parts: [{ path: [], save: () => module.saved() }],
  };
}

const axesOf = (config: Config): number[] => (config.has('axis') ? config.integers('axis') : [-1]);

const layerNormalization: Builder = (config, { weights }) => {
  if (config.flag('rms_scaling', false)) return config.unsupported('rms_scaling');
  const axes = axesOf(config);
  const eps = config.number('epsilon', 1e-3);
  const flags = [config.flag('scale', true), config.flag('center', true)] as const;
  return affine(weights, flags, axes, (x) => standardize(x, resolved(axes, x.ndim), eps));
};

const rmsNormalization: Builder = (config, { weights }) => {
  const axes = axesOf(config);
  const eps = config.number('epsilon', 1e-6);
  return affine(weights, [true, false], axes, (x) => {
    const mean = x.square().mean(resolved(axes, x.ndim), { keepDims: true });
    return x.mul(mean.add(eps).rsqrt());
  });
};

const groupNormalization: Builder = (config, { weights }) => {
  const groups = config.number('groups', 32);
  const axes = axesOf(config);
  if (axes.length !== 1 || axes[0] !== -1) return config.unsupported('an axis that is not the last');
  const eps = config.number('epsilon', 1e-3);
  const flags = [config.flag('scale', true), config.flag('center', true)] as const;
  return affine(weights, flags, [-1], (x) =>
    nn.groupNorm(x, groups === -1 ? x.shape[x.ndim - 1] : groups, { eps }),
  );
};

const unitNormalization: Builder = (config) => {
  const axes = axesOf(config);
  return {
    module: null,
    call: ({ inputs: [x] }) =>
      x.mul(x.square().sum(resolved(axes, x.ndim), { keepDims: true }).maximum(1e-12).rsqrt()),
    mask: firstMask,
  };
};

/** `(x - mean) / √variance` with numbers that are no parameters. */
class KerasNormalization extends nn.Module {
  readonly mean: nn.Buffer;
  readonly variance: nn.Buffer;
  readonly count: nn.Buffer | null;
  readonly #inverts: boolean;
  readonly #axes: readonly number[];

  constructor(
    mean: Tensor,
    variance: Tensor,
    count: Tensor | null,
    axes: readonly number[],
    inverts: boolean,
  ) {
    super();
    this.mean = new nn.Buffer(mean, { name: 'mean' });
    this.variance = new nn.Buffer(variance, { name: 'variance' });
    this.count = count === null ? null : new nn.Buffer(count, { name: 'count' });
    this.#axes = axes;
    this.#inverts = inverts;
  }

  forward(given: Tensor): Tensor {
    const x = given.dtype.startsWith('float') ? given : given.cast('float32');
    const axes = resolved(this.#axes, x.ndim);
    const shape = Array.from({ length: x.ndim }, (_, i) => (axes.includes(i) ? x.shape[i] : 1));
    const spread = (values: Tensor): Tensor =>
      values.size === 1 ? values.reshape([]) : values.reshape(shape);
    const mean = spread(this.mean.value);
    const deviation = spread(this.variance.value).sqrt().maximum(1e-7);
    return this.#inverts ? x.mul(deviation).add(mean) : x.sub(mean).div(deviation);
  }
}

const numbers = (config: Config, key: string): Tensor => {
  const flat = [config.fields[key]].flat(8);
  if (!flat.every((n) => typeof n === 'number')) return config.fail(key, 'numbers');
  return fromData(Float32Array.from(flat as number[]), [flat.length], 'float32');
};

const normalization: Builder = (config, { weights }) => {
  const axes = config.fields.axis === null ? [] : axesOf(config);
  const inverts = config.flag('invert', false);
  if (config.has('mean')) {
    const module = new KerasNormalization(
      numbers(config, 'mean'),
      numbers(config, 'variance'),
      null,
      axes,
      inverts,
    );
    return { module, call: ({ inputs: [x] }) => module.forward(x), mask: firstMask };
  }
  const [mean, variance, count] = weights.take(['mean', 'variance', 'count']);
  if (!mean.dtype.startsWith('float') || String(mean.shape) !== String(variance.shape))
    throw new FormatError(`Normalization ${JSON.stringify(config.name)}: mean and variance differ in shape`);
  const module = new KerasNormalization(mean, variance, count, axes, inverts);
  return {
    module,
    call: ({ inputs: [x] }) => module.forward(x),
    mask: firstMask,
    parts: [{ path: [], save: () => [module.mean.value, module.variance.value, count] }],
  };
};

/** Builders by Keras's names of classes. */
export const normLayers: Readonly<Record<string, Builder>> = {
  BatchNormalization: batchNormalization,
  LayerNormalization: layerNormalization,
  RMSNormalization: rmsNormalization,
  GroupNormalization: groupNormalization,
  UnitNormalization: unitNormalization,
  Normalization: normalization,
};
