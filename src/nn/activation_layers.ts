import type { Tensor } from '../core/tensor.ts';
import * as functions from './activations.ts';
import { Module } from './module.ts';

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

/** Joins the axes from `start` (default 1: all but the batch) to `end` into one. */
export class Flatten extends Module {
  readonly start: number;
  readonly end: number;

  constructor(start = 1, end = -1) {
    super();
    this.start = start;
    this.end = end;
  }

  forward(x: Tensor): Tensor {
    return x.flatten(this.start, this.end);
  }
}
