import type { Tensor } from '../core/tensor.ts';
import * as functions from './activations.ts';
import { constant } from './init.ts';
import { Module } from './module.ts';
import { Parameter } from './parameter.ts';

/** {@link functions.relu} as a layer. */
export class ReLU extends Module {
  forward(x: Tensor): Tensor {
    return x.relu();
  }
}

/** {@link functions.tanh} as a layer. */
export class Tanh extends Module {
  forward(x: Tensor): Tensor {
    return x.tanh();
  }
}

/** {@link functions.sigmoid} as a layer. */
export class Sigmoid extends Module {
  forward(x: Tensor): Tensor {
    return x.sigmoid();
  }
}

/** {@link functions.softmax} as a layer. Not before crossEntropy, which takes logits. */
export class Softmax extends Module {
  readonly axis: number;

  constructor(axis = -1) {
    super();
    this.axis = axis;
  }

  forward(x: Tensor): Tensor {
    return x.softmax(this.axis);
  }
}

/** {@link functions.logSoftmax} as a layer. */
export class LogSoftmax extends Module {
  readonly axis: number;

  constructor(axis = -1) {
    super();
    this.axis = axis;
  }

  forward(x: Tensor): Tensor {
    return x.logSoftmax(this.axis);
  }
}

/** {@link functions.leakyRelu} as a layer. */
export class LeakyReLU extends Module {
  readonly slope: number;

  constructor(slope = 0.01) {
    super();
    this.slope = slope;
  }

  forward(x: Tensor): Tensor {
    return functions.leakyRelu(x, this.slope);
  }
}

/** {@link functions.elu} as a layer. */
export class ELU extends Module {
  readonly alpha: number;

  constructor(alpha = 1) {
    super();
    this.alpha = alpha;
  }

  forward(x: Tensor): Tensor {
    return functions.elu(x, this.alpha);
  }
}

/** {@link functions.gelu} as a layer. */
export class GELU extends Module {
  readonly approximate: 'none' | 'tanh';

  constructor(options: { approximate?: 'none' | 'tanh' } = {}) {
    super();
    this.approximate = options.approximate ?? 'none';
  }

  forward(x: Tensor): Tensor {
    return functions.gelu(x, { approximate: this.approximate });
  }
}

/** {@link functions.silu} as a layer. */
export class SiLU extends Module {
  forward(x: Tensor): Tensor {
    return functions.silu(x);
  }
}

/** {@link functions.softplus} as a layer. */
export class Softplus extends Module {
  readonly beta: number;

  constructor(beta = 1) {
    super();
    this.beta = beta;
  }

  forward(x: Tensor): Tensor {
    return functions.softplus(x, this.beta);
  }
}

/** {@link functions.softmin} as a layer. */
export class Softmin extends Module {
  readonly axis: number;

  constructor(axis = -1) {
    super();
    this.axis = axis;
  }

  forward(x: Tensor): Tensor {
    return functions.softmin(x, this.axis);
  }
}

/** {@link functions.logSigmoid} as a layer. */
export class LogSigmoid extends Module {
  forward(x: Tensor): Tensor {
    return functions.logSigmoid(x);
  }
}

/** {@link functions.relu6} as a layer. */
export class ReLU6 extends Module {
  forward(x: Tensor): Tensor {
    return functions.relu6(x);
  }
}

/** {@link functions.hardsigmoid} as a layer. */
export class Hardsigmoid extends Module {
  forward(x: Tensor): Tensor {
    return functions.hardsigmoid(x);
  }
}

/** {@link functions.hardswish} as a layer. */
export class Hardswish extends Module {
  forward(x: Tensor): Tensor {
    return functions.hardswish(x);
  }
}

/** {@link functions.selu} as a layer. */
export class SELU extends Module {
  forward(x: Tensor): Tensor {
    return functions.selu(x);
  }
}

/** {@link functions.mish} as a layer. */
export class Mish extends Module {
  forward(x: Tensor): Tensor {
    return functions.mish(x);
  }
}

/** {@link functions.softsign} as a layer. */
export class Softsign extends Module {
  forward(x: Tensor): Tensor {
    return functions.softsign(x);
  }
}

/** {@link functions.tanhshrink} as a layer. */
export class Tanhshrink extends Module {
  forward(x: Tensor): Tensor {
    return functions.tanhshrink(x);
  }
}

/** {@link functions.celu} as a layer. */
export class CELU extends Module {
  readonly alpha: number;

  constructor(alpha = 1) {
    super();
    this.alpha = alpha;
  }

  forward(x: Tensor): Tensor {
    return functions.celu(x, this.alpha);
  }
}

/** {@link functions.softshrink} as a layer. */
export class Softshrink extends Module {
  readonly lambda: number;

  constructor(lambda = 0.5) {
    super();
    this.lambda = lambda;
  }

  forward(x: Tensor): Tensor {
    return functions.softshrink(x, this.lambda);
  }
}

/** {@link functions.hardshrink} as a layer. */
export class Hardshrink extends Module {
  readonly lambda: number;

  constructor(lambda = 0.5) {
    super();
    this.lambda = lambda;
  }

  forward(x: Tensor): Tensor {
    return functions.hardshrink(x, this.lambda);
  }
}

/** {@link functions.glu} as a layer. */
export class GLU extends Module {
  readonly axis: number;

  constructor(axis = -1) {
    super();
    this.axis = axis;
  }

  forward(x: Tensor): Tensor {
    return functions.glu(x, this.axis);
  }
}

/** {@link functions.hardtanh} as a layer. */
export class Hardtanh extends Module {
  readonly low: number;
  readonly high: number;

  constructor(low = -1, high = 1) {
    super();
    this.low = low;
    this.high = high;
  }

  forward(x: Tensor): Tensor {
    return functions.hardtanh(x, this.low, this.high);
  }
}

/** {@link functions.threshold} as a layer. */
export class Threshold extends Module {
  readonly least: number;
  readonly value: number;

  constructor(least: number, value: number) {
    super();
    this.least = least;
    this.value = value;
  }

  forward(x: Tensor): Tensor {
    return functions.threshold(x, this.least, this.value);
  }
}

/** {@link functions.prelu} as a layer, with learned slopes: `weight` [count]. */
export class PReLU extends Module {
  readonly weight: Parameter;

  /**
   * @param count 1 for all channels (default), or the number of channels, the last axis
   * @param slope first value, default 0.25
   */
  constructor(count = 1, slope = 0.25) {
    super();
    if (!Number.isInteger(count) || count < 1)
      throw new Error(`PReLU: count must be a positive integer, got ${count}`);
    this.weight = new Parameter(constant([count], slope), { name: 'weight' });
  }

  forward(x: Tensor): Tensor {
    const [count] = this.weight.shape;
    if (count !== 1 && x.shape[x.ndim - 1] !== count)
      throw new Error(
        `PReLU(${count}): the last axis of the input must be ${count}, got [${x.shape.join(', ')}]`,
      );
    return functions.prelu(x, this.weight.value);
  }
}

/** {@link functions.rrelu} as a layer: random slopes in training, their mean in evaluation. */
export class RReLU extends Module {
  readonly low: number;
  readonly high: number;

  constructor(low = 1 / 8, high = 1 / 3) {
    super();
    this.low = low;
    this.high = high;
  }

  forward(x: Tensor): Tensor {
    return functions.rrelu(x, this.low, this.high, this.training);
  }
}
