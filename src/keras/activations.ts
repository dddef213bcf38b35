import { type Tensor, where } from '../core/tensor.ts';
import * as nn from '../nn/index.ts';
import { type Config, isFields } from './config.ts';

/** Activations by Keras's names. */

export type Activation = (x: Tensor) => Tensor;

/** Keras 2's line, 0.2 x + 0.5; Keras 3 has PyTorch's, x / 6 + 0.5. */
const oldHardSigmoid: Activation = (x) => nn.hardtanh(x.mul(0.2).add(0.5), 0, 1);

const byName: Readonly<Record<string, Activation>> = {
  linear: (x) => x,
  relu: nn.relu,
  relu6: nn.relu6,
  leaky_relu: (x) => nn.leakyRelu(x, 0.2),
  softmax: (x) => nn.softmax(x),
  log_softmax: (x) => nn.logSoftmax(x),
  celu: (x) => nn.celu(x),
  elu: (x) => nn.elu(x),
  selu: nn.selu,
  softplus: (x) => nn.softplus(x),
  softsign: nn.softsign,
  squareplus: (x) => x.add(x.square().add(4).sqrt()).mul(0.5),
  soft_shrink: (x) => nn.softshrink(x),
  hard_shrink: (x) => nn.hardshrink(x),
  tanh_shrink: nn.tanhshrink,
  sparse_plus: (x) => where(x.le(-1), 0, where(x.lt(1), x.add(1).square().mul(0.25), x)),
  sparse_sigmoid: (x) => nn.hardtanh(x.add(1).mul(0.5), 0, 1),
  silu: nn.silu,
  swish: nn.silu,
  gelu: (x) => nn.gelu(x),
  gelu_new: (x) => nn.gelu(x, { approximate: 'tanh' }),
  tanh: nn.tanh,
  sigmoid: nn.sigmoid,
  exponential: (x) => x.exp(),
  hard_sigmoid: nn.hardsigmoid,
  hard_silu: nn.hardswish,
  hard_swish: nn.hardswish,
  hard_tanh: (x) => nn.hardtanh(x),
  mish: nn.mish,
  log_sigmoid: nn.logSigmoid,
};

/** TensorFlow.js and Keras 2 write names of classes too, `hardSigmoid`. */
const snake = (name: string): string =>
  name
    .replace(/(.)([A-Z][a-z]+)/g, '$1_$2')
    .replace(/([a-z])([A-Z])/g, '$1_$2')
    .toLowerCase();

/**
 * The activation that a configuration names under a key.
 *
 * @param isOld whether the file is of Keras 2 or TensorFlow.js, which have another hard_sigmoid
 */
export function activationOf(config: Config, key: string, isOld: boolean, otherwise = 'linear'): Activation {
  const value = config.fields[key] ?? otherwise;
  const name =
    typeof value === 'string'
      ? value
      : isFields(value)
        ? nameOf(value)
        : config.fail(key, 'the name of an activation');
  const isParametric = isFields(value) && ['LeakyReLU', 'ELU', 'ReLU'].includes(String(value.class_name));
  if (isParametric) return parametric(value as Readonly<Record<string, unknown>>);
  const plain = snake(name);
  if (isOld && plain === 'hard_sigmoid') return oldHardSigmoid;
  if (!Object.hasOwn(byName, plain)) return config.unsupported(`activation ${JSON.stringify(name)}`);
  return byName[plain];
}

/** Functions are `{ class_name: 'function', config: 'relu' }`, layers `{ class_name: 'ReLU', config: {} }`. */
const nameOf = (value: Readonly<Record<string, unknown>>): string =>
  value.class_name === 'function' ? String(value.config) : String(value.class_name ?? '');

/** A layer with a number in the place of an activation. */
function parametric(value: Readonly<Record<string, unknown>>): Activation {
  const fields = isFields(value.config) ? value.config : {};
  const number = (key: string, other: string, otherwise: number): number =>
    Number(fields[key] ?? fields[other] ?? otherwise);
  if (value.class_name === 'LeakyReLU') {
    const slope = number('negative_slope', 'alpha', 0.3);
    return (x) => nn.leakyRelu(x, slope);
  }
  if (value.class_name === 'ELU') {
    const alpha = number('alpha', 'alpha', 1);
    return (x) => nn.elu(x, alpha);
  }
  const relu = {
    slope: number('negative_slope', 'negative_slope', 0),
    threshold: number('threshold', 'threshold', 0),
  };
  return reluOf({ ...relu, largest: typeof fields.max_value === 'number' ? fields.max_value : null });
}

/** Keras's ReLU: `x` from a threshold to a largest value, `slope (x - threshold)` below. */
export function reluOf({
  slope,
  threshold,
  largest,
}: {
  slope: number;
  threshold: number;
  largest: number | null;
}): Activation {
  return (x) => {
    const upper = largest === null ? x : where(x.gt(largest), largest, x);
    return where(x.ge(threshold), upper, slope === 0 ? 0 : x.sub(threshold).mul(slope));
  };
}
