import { zeros } from '../core/create.ts';
import { checkOptions } from '../core/options.ts';
import type { Tensor } from '../core/tensor.ts';
import { Module } from './module.ts';
import type { Parameter } from './parameter.ts';
import {
  elmanOf,
  gru,
  lstm,
  type RecurrentInitialOptions,
  type RecurrentKind,
  type RecurrentWeights,
  recurrentInitialKeys,
  recurrentWeights,
} from './recurrent_steps.ts';

/**
 * Hidden state and cell state of an LSTM: [batch, hidden] each from a cell, [layers directions, batch, hidden] from a
 * layer.
 */
export type LSTMState = readonly [h: Tensor, c: Tensor];

/** Options of the cells. */
export interface CellOptions extends RecurrentInitialOptions {
  /** Whether there are biases. Default true. */
  bias?: boolean;
}

const keys = ['bias', ...recurrentInitialKeys];

/** One time step of a recurrent network, with weights of its own. */
abstract class Cell extends Module implements RecurrentWeights {
  readonly weightIh: Parameter;
  readonly weightHh: Parameter;
  readonly biasIh: Parameter | null;
  readonly biasHh: Parameter | null;
  readonly #kind: RecurrentKind;

  constructor(kind: RecurrentKind, inputs: number, hidden: number, options: CellOptions) {
    super();
    this.#kind = kind;
    const weights = recurrentWeights(
      new.target.name,
      kind.gates,
      inputs,
      hidden,
      options.bias ?? true,
      options,
    );
    this.weightIh = weights.weightIh;
    this.weightHh = weights.weightHh;
    this.biasIh = weights.biasIh;
    this.biasHh = weights.biasHh;
  }

  /** The state after the input x [batch, inputs]. */
  protected next(x: Tensor, state: readonly Tensor[] | undefined): Tensor[] {
    const name = this.constructor.name;
    const [inputs, hidden] = [this.weightIh.shape[1], this.weightHh.shape[1]];
    if (x.ndim !== 2 || x.shape[1] !== inputs)
      throw new Error(`${name}: the input must be [batch, ${inputs}], got [${x.shape.join(', ')}]`);
    const before =
      state ??
      Array.from({ length: this.#kind.states }, () => zeros([x.shape[0], hidden], { dtype: x.dtype }));
    for (const part of before)
      if (String(part.shape) !== String([x.shape[0], hidden]))
        throw new Error(
          `${name}: the state for an input [${x.shape.join(', ')}] must be [${x.shape[0]}, ${hidden}], got [${part.shape.join(', ')}]`,
        );
    const { project, step } = this.#kind.begin(this);
    return step(project(x), before);
  }
}

/** One step of {@link LSTM}: x [batch, inputs] and state [h, c] to the next [h, c]. Weights as {@link LSTM}'s. */
export class LSTMCell extends Cell {
  /** @param options.bias whether there are biases, default true */
  constructor(inputs: number, hidden: number, options: CellOptions = {}) {
    checkOptions('LSTMCell', options, keys);
    super(lstm, inputs, hidden, options);
  }

  /** @param state zeros if left out */
  forward(x: Tensor, state?: LSTMState): LSTMState {
    const [h, c] = this.next(x, state);
    return [h, c];
  }
}

/** One step of {@link GRU}: x [batch, inputs] and h [batch, hidden] to the next h. Weights as {@link GRU}'s. */
export class GRUCell extends Cell {
  /** @param options.bias whether there are biases, default true */
  constructor(inputs: number, hidden: number, options: CellOptions = {}) {
    checkOptions('GRUCell', options, keys);
    super(gru, inputs, hidden, options);
  }

  /** @param h zeros if left out */
  forward(x: Tensor, h?: Tensor): Tensor {
    return this.next(x, h && [h])[0];
  }
}

/**
 * One step of {@link SimpleRNN}: x [batch, inputs] and h [batch, hidden] to the next h. Weights as {@link
 * SimpleRNN}'s.
 */
export class RNNCell extends Cell {
  /**
   * @param options.bias whether there are biases, default true
   * @param options.nonlinearity default tanh
   */
  constructor(
    inputs: number,
    hidden: number,
    options: CellOptions & { nonlinearity?: 'tanh' | 'relu' } = {},
  ) {
    checkOptions('RNNCell', options, [...keys, 'nonlinearity']);
    super(elmanOf('RNNCell', options.nonlinearity), inputs, hidden, options);
  }

  /** @param h zeros if left out */
  forward(x: Tensor, h?: Tensor): Tensor {
    return this.next(x, h && [h])[0];
  }
}
