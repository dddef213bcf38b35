import { einsum, type Tensor, where } from '../core/tensor.ts';
import * as nn from '../nn/index.ts';
import { activationOf, reluOf } from './activations.ts';
import type { Config } from './config.ts';
import { assign, type Builder, type Call, firstMask, plain, requireAxes } from './layer.ts';

/** Dense and embedding layers, activations, dropout, changes of shape. */

const dense: Builder = (config, { weights, isOld }) => {
  const names = config.flag('use_bias', true) ? ['kernel', 'bias'] : ['kernel'];
  const [kernel, bias] = weights.take(names);
  const [inputs, outputs] = requireAxes(config, kernel, 2);
  const module = new nn.Linear(inputs, outputs, { bias: bias !== undefined });
  assign(config, [
    [module.weight, kernel.transpose()],
    [module.bias, bias],
  ]);
  const activation = activationOf(config, 'activation', isOld);
  return {
    module,
    call: ({ inputs: [x] }) => activation(module.forward(x)),
    mask: firstMask,
    parts: [
      {
        path: [],
        save: () => [module.weight.value.transpose(), ...(module.bias === null ? [] : [module.bias.value])],
      },
    ],
  };
};

/** Sums of products as the equation says, `ab,bc->ac`. */
class EinsumDense extends nn.Module {
  readonly kernel: nn.Parameter;
  readonly bias: nn.Parameter | null;
  readonly #equation: string;

  constructor(equation: string, kernel: Tensor, bias: Tensor | undefined) {
    super();
    this.#equation = equation;
    this.kernel = new nn.Parameter(kernel, { name: 'kernel' });
    this.bias = bias === undefined ? null : new nn.Parameter(bias, { name: 'bias' });
  }

  forward(x: Tensor): Tensor {
    const y = einsum(this.#equation, x, this.kernel.value);
    return this.bias === null ? y : y.add(this.bias.value);
  }
}

const einsumDense: Builder = (config, { weights, isOld }) => {
  const equation = config.text('equation').replaceAll(' ', '');
  const [kernel, bias] = weights.take(config.has('bias_axes') ? ['kernel', 'bias'] : ['kernel']);
  const module = new EinsumDense(equation, kernel, bias);
  const activation = activationOf(config, 'activation', isOld);
  return {
    module,
    call: ({ inputs: [x] }) => activation(module.forward(x)),
    parts: [
      { path: [], save: () => [module.kernel, module.bias].flatMap((x) => (x === null ? [] : [x.value])) },
    ],
  };
};

const embedding: Builder = (config, { weights }) => {
  const [table] = weights.take(['embeddings']);
  const [count, dim] = requireAxes(config, table, 2);
  const module = new nn.Embedding(count, dim);
  assign(config, [[module.weight, table]]);
  const masks = config.flag('mask_zero', false);
  return {
    module,
    call: ({ inputs: [x] }) => module.forward(x.dtype === 'int32' ? x : x.cast('int32')),
    mask: ({ inputs: [x] }) => (masks ? x.ne(0) : null),
    parts: [{ path: [], save: () => [module.weight.value] }],
  };
};

const masking: Builder = (config) => {
  const value = config.number('mask_value', 0);
  return {
    module: null,
    call: ({ inputs: [x] }) => where(x.ne(value).any(-1, { keepDims: true }), x, 0),
    mask: ({ inputs: [x] }) => x.ne(value).any(-1),
  };
};

const prelu: Builder = (_, { weights }) => {
  const [alpha] = weights.take(['alpha']);
  const slopes = new nn.Parameter(alpha, { name: 'alpha' });
  const module = new KerasPReLU(slopes);
  return {
    module,
    call: ({ inputs: [x] }) => module.forward(x),
    mask: firstMask,
    parts: [{ path: [], save: () => [slopes.value] }],
  };
};

/** PReLU with a slope for each element of an example, or for each along some of its axes; that of nn has them for channels. */
class KerasPReLU extends nn.Module {
  readonly alpha: nn.Parameter;

  constructor(alpha: nn.Parameter) {
    super();
    this.alpha = alpha;
  }

  forward(x: Tensor): Tensor {
    return nn.prelu(x, this.alpha.value);
  }
}

/** A layer that does something in training only. */
const noise =
  (make: (config: Config) => nn.Layer): Builder =>
  (config) => {
    const module = make(config);
    return { module, call: ({ inputs: [x] }) => module.forward(x), mask: firstMask };
  };

/** The shape of one example, in which one extent may be -1. */
const reshape: Builder = (config) => {
  const shape = config.integers('target_shape');
  return plain((x) => x.reshape([x.shape[0], ...shape]));
};

const permute: Builder = (config) => {
  const axes = config.integers('dims');
  if ([...axes].sort((a, b) => a - b).some((axis, i) => axis !== i + 1))
    config.fail('dims', 'the axes from 1 on in some order');
  return plain((x) => x.transpose([0, ...axes]));
};

const softmax: Builder = (config) => {
  const axes = config.has('axis') ? config.integers('axis') : [-1];
  if (axes.length !== 1) return config.unsupported('several axes');
  return plain((x) => x.softmax(axes[0]), true);
};

const slopeOf = (config: Config, otherwise: number): number =>
  config.number('negative_slope', config.maybeNumber('alpha') ?? otherwise);

/** `x scale + offset`. */
const rescaling: Builder = (config) => {
  const scale = config.fields.scale;
  const offset = config.fields.offset ?? 0;
  if (typeof scale !== 'number' || typeof offset !== 'number') return config.unsupported('scales by channel');
  return plain((x) => (x.dtype.startsWith('float') ? x : x.cast('float32')).mul(scale).add(offset), true);
};

const flatten: Builder = (config) => {
  config.requireChannelsLast();
  return plain((x) => (x.ndim === 1 ? x.unsqueeze(1) : x.flatten(1)));
};

/** Applies a layer to every step of time: [batch, time, ...] as [batch time, ...]. */
const timeDistributed: Builder = (config, { weights, build }) => {
  const inner = build(config.layer('layer'), weights.inside('layer'));
  const call = ({ inputs: [x], options, operands }: Call): Tensor => {
    const [batch, time, ...rest] = x.shape;
    const steps = x.reshape([batch * time, ...rest]);
    const y = inner.call({
      inputs: [steps],
      masks: [null],
      operands: [steps, ...operands.slice(1)],
      options,
    });
    if (Array.isArray(y)) return config.unsupported('a layer with several outputs');
    const one = y as Tensor;
    return one.reshape([batch, time, ...one.shape.slice(1)]);
  };
  const parts = (inner.parts ?? []).map(({ path, save }) => ({ path: ['layer', ...path], save }));
  return { module: inner.module, call, mask: firstMask, parts };
};

/** Builders by Keras's names of classes. */
export const coreLayers: Readonly<Record<string, Builder>> = {
  Dense: dense,
  EinsumDense: einsumDense,
  Embedding: embedding,
  Masking: masking,
  PReLU: prelu,
  TimeDistributed: timeDistributed,
  Activation: (config, { isOld }) => plain(activationOf(config, 'activation', isOld), true),
  ReLU: (config) =>
    plain(
      reluOf({
        slope: config.number('negative_slope', 0),
        threshold: config.number('threshold', 0),
        largest: config.maybeNumber('max_value'),
      }),
      true,
    ),
  LeakyReLU: (config) => {
    const slope = slopeOf(config, 0.3);
    return plain((x) => nn.leakyRelu(x, slope), true);
  },
  ELU: (config) => {
    const alpha = config.number('alpha', 1);
    return plain((x) => nn.elu(x, alpha), true);
  },
  ThresholdedReLU: (config) => {
    const theta = config.number('theta', 1);
    return plain((x) => nn.threshold(x, theta, 0), true);
  },
  Softmax: softmax,
  Dropout: noise((config) => new nn.Dropout(config.number('rate'))),
  AlphaDropout: noise((config) => new nn.AlphaDropout(config.number('rate'))),
  GaussianDropout: noise((config) => new nn.GaussianDropout(config.number('rate'))),
  GaussianNoise: noise((config) => new nn.GaussianNoise(config.number('stddev'))),
  SpatialDropout1D: noise((config) => new nn.Dropout1d(config.number('rate'))),
  SpatialDropout2D: noise((config) => {
    config.requireChannelsLast();
    return new nn.Dropout2d(config.number('rate'));
  }),
  SpatialDropout3D: noise((config) => {
    config.requireChannelsLast();
    return new nn.Dropout3d(config.number('rate'));
  }),
  ActivityRegularization: () => plain((x) => x, true),
  Identity: () => plain((x) => x, true),
  Flatten: flatten,
  Reshape: reshape,
  Permute: permute,
  RepeatVector: (config) => {
    const count = config.number('n');
    return plain((x) => x.unsqueeze(1).broadcastTo([x.shape[0], count, x.shape[1]]));
  },
  Rescaling: rescaling,
};
