import { zeros } from '../core/create.ts';
import { checkOptions } from '../core/options.ts';
import { normal } from '../core/random.ts';
import { concat, stack, Tensor, tensor, where } from '../core/tensor.ts';
import { stopGradient } from '../core/transforms.ts';
import { flatten, type Tree } from '../core/tree.ts';
import { isInteger } from '../graph/dtype.ts';
import { dropout } from './dropout.ts';
import { Module } from './module.ts';
import { Parameter } from './parameter.ts';
import type { LSTMState } from './recurrent_cells.ts';
import {
  elmanOf,
  gru,
  lstm,
  type RecurrentInitialOptions,
  type RecurrentKind,
  type RecurrentStep,
  type RecurrentWeights,
  recurrentInitialKeys,
  recurrentWeights,
} from './recurrent_steps.ts';

/** Options of LSTM, GRU and SimpleRNN. */
export interface RecurrentOptions extends RecurrentInitialOptions {
  /** Networks on top of each other, each fed with the outputs of the one below. Default 1. */
  layers?: number;
  /** Whether a second network in each layer reads the sequence from its end; outputs are joined. Default false. */
  bidirectional?: boolean;
  /** Probability of dropout on the outputs of each layer but the last, in training. Default 0. */
  dropout?: number;
  /** Default true. */
  bias?: boolean;
  /**
   * What a sequence begins with where the call gives no state: `zeros` (default), `learned`: parameters `first.N` [layers
   * directions, hidden], one for each array of the state, first 0; or `sampled`: in training draws of N(0, initialStd²), so
   * that the network learns to forget where it began (Zimmermann et al., 2012), in evaluation zeros.
   */
  initial?: 'zeros' | 'learned' | 'sampled';
  /** Deviation of a sampled initial state. Default 1. */
  initialStd?: number;
}

/** What a recurrent layer may be told about its input. */
export interface SequenceOptions {
  /**
   * How many steps of each sequence are real: integers [batch]. Outputs behind the end of a sequence are 0, its final
   * state is that after its last real step, and the reverse direction begins there. Default: all.
   */
  lengths?: Tensor | readonly number[];
  /**
   * Which steps are real: bool [batch, time]. At others the state stays as it is and the output is 0, wherever they lie.
   * Instead of lengths.
   */
  mask?: Tensor;
}

/**
 * A state for the next piece of a sequence whose gradient does not reach back into this one: truncated backpropagation
 * through time. `state = nn.detachState(state)` between the pieces; trees of arrays stay as they are.
 */
export function detachState<S extends Tree<Tensor>>(state: S): S {
  const { leaves, rebuild } = flatten<Tensor>(state, (x): x is Tensor => x instanceof Tensor, 'detachState');
  return rebuild(leaves.map((part) => stopGradient(part))) as S;
}

const keys = ['layers', 'bidirectional', 'dropout', 'bias', 'initial', 'initialStd', ...recurrentInitialKeys];

/** What LSTM, GRU and SimpleRNN have in common: the way of the states through time, layers and directions. */
abstract class Recurrent extends Module {
  /** Weights of layer l in direction d (0 forward, 1 reverse) at `l directions + d`, the order of the states. */
  readonly cells: readonly RecurrentWeights[];
  /** Learned initial states [layers directions, hidden], one for each array of the state; empty for others. */
  readonly first: readonly Parameter[];
  readonly #initialStd: number;
  readonly #kind: RecurrentKind;
  /** 2 if it reads sequences from their ends, too. */
  readonly directions: 1 | 2;
  readonly #dropout: number;

  constructor(kind: RecurrentKind, inputs: number, hidden: number, options: RecurrentOptions) {
    super();
    const name = new.target.name;
    const { layers = 1, bidirectional = false, dropout: p = 0, bias = true } = options;
    if (!Number.isInteger(layers) || layers < 1)
      throw new Error(`${name}: layers must be a positive integer, got ${layers}`);
    if (!(p >= 0 && p <= 1)) throw new Error(`${name}: dropout must be a probability from 0 to 1, got ${p}`);
    const { initial = 'zeros', initialStd = 1 } = options;
    if (!['zeros', 'learned', 'sampled'].includes(initial))
      throw new Error(`${name}: initial must be 'zeros', 'learned' or 'sampled', got '${String(initial)}'`);
    if (!(initialStd >= 0 && initialStd < Infinity))
      throw new Error(`${name}: initialStd must be a number from 0 on, got ${initialStd}`);
    this.#initialStd = initial === 'sampled' ? initialStd : 0;
    this.#kind = kind;
    this.directions = bidirectional ? 2 : 1;
    this.#dropout = p;
    const directions = this.directions;
    this.cells = Array.from({ length: layers * directions }, (_, i) =>
      recurrentWeights(
        name,
        kind.gates,
        i < directions ? inputs : hidden * directions,
        hidden,
        bias,
        options,
      ),
    );
    this.first =
      initial === 'learned'
        ? Array.from(
            { length: kind.states },
            (_, k) => new Parameter(zeros([this.cells.length, hidden]), { name: `first.${k}` }),
          )
        : [];
  }

  /** Outputs [batch, time, hidden directions] and final states [layers directions, batch, hidden]. */
  protected run(
    x: Tensor,
    initial: readonly Tensor[] | null | undefined,
    options: SequenceOptions,
  ): [output: Tensor, state: Tensor[]] {
    const name = this.constructor.name;
    checkOptions(name, options, ['lengths', 'mask']);
    const inputs = this.cells[0].weightIh.shape[1];
    if (x.ndim !== 3 || x.shape[2] !== inputs)
      throw new Error(`${name}: the input must be [batch, time, ${inputs}], got [${x.shape.join(', ')}]`);
    const [batch, time] = x.shape;
    if (time === 0) throw new Error(`${name}: the input [${x.shape.join(', ')}] has no time step`);
    const first = this.#initial(initial, batch, x);
    const inside = insideOf(name, options, batch, time);
    const finals: Tensor[][] = [];
    let sequence = x;
    for (let at = 0; at < this.cells.length; at += this.directions) {
      const isLast = at + this.directions >= this.cells.length;
      const parts: Tensor[][] = [];
      for (let direction = 0; direction < this.directions; direction++) {
        const cell = this.#kind.begin(this.cells[at + direction]);
        const state = first.map((part) => part[at + direction]);
        const [outputs, final] = through(cell, sequence, state, inside, direction === 1);
        parts.push(outputs);
        finals.push(final);
      }
      sequence = concat(
        parts.map((steps) => stack(steps, 1)),
        2,
      );
      if (!isLast && this.#dropout > 0 && this.training) sequence = dropout(sequence, this.#dropout);
    }
    return [sequence, first.map((_, k) => stack(finals.map((final) => final[k])))];
  }

  /** For each array of the state its part for each cell. */
  #initial(given: readonly Tensor[] | null | undefined, batch: number, x: Tensor): Tensor[][] {
    const hidden = this.cells[0].weightHh.shape[1];
    const count = this.cells.length;
    if (!given && this.first.length > 0)
      return this.first.map(({ value }) =>
        this.cells.map((_, i) => value.at(i).cast(x.dtype).broadcastTo([batch, hidden])),
      );
    if (!given && this.#initialStd > 0 && this.training)
      return Array.from({ length: this.#kind.states }, () =>
        this.cells.map(() => normal([batch, hidden], { std: this.#initialStd }).cast(x.dtype)),
      );
    if (!given) {
      const nothing = zeros([batch, hidden], { dtype: x.dtype });
      return Array.from({ length: this.#kind.states }, () => this.cells.map(() => nothing));
    }
    return given.map((part) => {
      if (String(part.shape) !== String([count, batch, hidden]))
        throw new Error(
          `${this.constructor.name}: the initial state for an input [${x.shape.join(', ')}] must be ` +
            `[${count}, ${batch}, ${hidden}] (layers and directions, batch, hidden), got [${part.shape.join(', ')}]`,
        );
      return this.cells.map((_, i) => part.at(i));
    });
  }
}

/** For each step for which sequences it is real, as bool [batch, 1]; null if all are. */
function insideOf(
  name: string,
  { lengths, mask }: SequenceOptions,
  batch: number,
  time: number,
): Tensor[] | null {
  if (mask !== undefined) {
    if (lengths !== undefined) throw new Error(`${name}: give either lengths or a mask`);
    if (mask.dtype !== 'bool' || String(mask.shape) !== String([batch, time]))
      throw new Error(
        `${name}: the mask must be bool [${batch}, ${time}], true at real steps, got ${mask.dtype} [${mask.shape.join(', ')}]`,
      );
    return Array.from({ length: time }, (_, t) => mask.at(t, 1).unsqueeze(1));
  }
  if (lengths === undefined) return null;
  if (!(lengths instanceof Tensor) && !lengths.every((n) => Number.isInteger(n) && n >= 0 && n <= time))
    throw new Error(`${name}: lengths must be integers from 0 to ${time}, got [${lengths.join(', ')}]`);
  const counts = lengths instanceof Tensor ? lengths : tensor([...lengths], { dtype: 'int32' });
  if (String(counts.shape) !== String([batch]) || !isInteger(counts.dtype))
    throw new Error(
      `${name}: lengths must be int32 [${batch}], one for each sequence, got ${counts.dtype} [${counts.shape.join(', ')}]`,
    );
  const column = counts.reshape([batch, 1]);
  return Array.from({ length: time }, (_, t) => column.gt(t));
}

/** One network through a sequence [batch, time, inputs]: its output at each step, and its state after the last. */
function through(
  { project, step }: RecurrentStep,
  sequence: Tensor,
  initial: readonly Tensor[],
  inside: readonly Tensor[] | null,
  reverse: boolean,
): [outputs: Tensor[], state: Tensor[]] {
  const time = sequence.shape[1];
  // One product for all steps; then time leads, so that what one step reads is contiguous.
  const projected = project(sequence).transpose([1, 0, 2]);
  const outputs = new Array<Tensor>(time);
  let state = [...initial];
  for (let i = 0; i < time; i++) {
    const t = reverse ? time - 1 - i : i;
    const next = step(projected.at(t), state);
    if (inside === null) {
      state = next;
      outputs[t] = next[0];
    } else {
      // In reverse, a sequence stays at its initial state until its own end is reached.
      state = next.map((part, k) => where(inside[t], part, state[k]));
      outputs[t] = where(inside[t], next[0], 0);
    }
  }
  return [outputs, state];
}

/**
 * Long short-term memory over sequences [batch, time, inputs]: per step `i, f, o = σ(...)`, `g = tanh(...)` of
 * `W_ih x + b_ih + W_hh h + b_hh`, `c' = f c + i g`, `h' = o tanh(c')`. Hochreiter and Schmidhuber (1997).
 *
 * Weights are PyTorch's: `cells.N.weightIh` [4 hidden, inputs], `weightHh` [4 hidden, hidden], `biasIh` and `biasHh`
 * [4 hidden] with gates in the order i, f, g, o, all first U(-1/√hidden, 1/√hidden); N counts layers and in them
 * directions. The batch is always first, unlike PyTorch's default. The loop over time is unrolled where it is
 * recorded: under `jit` another length is another program.
 *
 * ```ts
 * const [output, [h, c]] = new nn.LSTM(8, 32).forward(x);
 * ```
 */
export class LSTM extends Recurrent {
  /**
   * @param inputs features of a step
   * @param hidden features of the state
   * @throws if a size or option is out of range
   */
  constructor(inputs: number, hidden: number, options: RecurrentOptions = {}) {
    checkOptions('LSTM', options, keys);
    super(lstm, inputs, hidden, options);
  }

  /**
   * @param state first [h, c], each [layers directions, batch, hidden]; by the option `initial` if left out. To go on with a
   * sequence in pieces, give the last one back, through {@link detachState} for truncated backpropagation.
   * @returns the outputs of the last layer [batch, time, directions hidden] and the final [h, c]
   * @throws if a shape does not fit
   */
  forward(
    x: Tensor,
    state?: LSTMState | null,
    options: SequenceOptions = {},
  ): [output: Tensor, state: LSTMState] {
    const [output, [h, c]] = this.run(x, state, options);
    return [output, [h, c]];
  }
}

/**
 * Gated recurrent units over sequences [batch, time, inputs]: per step `r, z = σ(W_ih x + b_ih + W_hh h + b_hh)`, `n
 * = tanh(W_in x + b_in + r (W_hn h + b_hn))`, `h' = (1 - z) n + z h`. Cho et al. (2014). Weights are PyTorch's, gates
 * in the order r, z, n; otherwise as {@link LSTM}, with one array h as the state.
 */
export class GRU extends Recurrent {
  /** As LSTM's. */
  constructor(inputs: number, hidden: number, options: RecurrentOptions = {}) {
    checkOptions('GRU', options, keys);
    super(gru, inputs, hidden, options);
  }

  /** As LSTM's, with h [layers directions, batch, hidden] as the state. */
  forward(x: Tensor, h?: Tensor | null, options: SequenceOptions = {}): [output: Tensor, h: Tensor] {
    const [output, [final]] = this.run(x, h && [h], options);
    return [output, final];
  }
}

/**
 * The plain recurrent network over sequences [batch, time, inputs], PyTorch's `RNN`: per step `h' = tanh(W_ih x +
 * b_ih + W_hh h + b_hh)`, or relu instead of tanh. Elman (1990). Otherwise as {@link LSTM}, with one array h as the
 * state.
 */
export class SimpleRNN extends Recurrent {
  /**
   * As LSTM's.
   *
   * @param options.nonlinearity default tanh
   */
  constructor(
    inputs: number,
    hidden: number,
    options: RecurrentOptions & { nonlinearity?: 'tanh' | 'relu' } = {},
  ) {
    checkOptions('SimpleRNN', options, [...keys, 'nonlinearity']);
    super(elmanOf('SimpleRNN', options.nonlinearity), inputs, hidden, options);
  }

  /** As LSTM's, with h [layers directions, batch, hidden] as the state. */
  forward(x: Tensor, h?: Tensor | null, options: SequenceOptions = {}): [output: Tensor, h: Tensor] {
    const [output, [final]] = this.run(x, h && [h], options);
    return [output, final];
  }
}
