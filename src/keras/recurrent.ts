import { zeros } from '../core/create.ts';
import { stack, type Tensor, where } from '../core/tensor.ts';
import * as nn from '../nn/index.ts';
import type { Activation } from './activations.ts';

/** Recurrent networks with Keras's layouts, gates and conventions. */

/** What sort of network it is, and its functions. */
export interface RecurrentSettings {
  readonly kind: 'SimpleRNN' | 'LSTM' | 'GRU';
  readonly activation: Activation;
  /** For gates. */
  readonly gate: Activation;
  /** Whether it reads the sequence from its end. Outputs are in the order in which they are computed. */
  readonly backwards: boolean;
  /** Of a GRU: whether the reset gate comes after the product with the state, as in cuDNN. */
  readonly resetAfter: boolean;
  /** Whether outputs of steps that are not real are 0, not those before. */
  readonly zeroOutput: boolean;
  /** Dropout of inputs and of states, with one mask for all steps. */
  readonly dropout: number;
  readonly recurrentDropout: number;
}

/** What a network makes of a sequence. */
export interface RecurrentResult {
  /** One for each step, in the order of computation: [batch, units]. */
  readonly outputs: readonly Tensor[];
  /** After the last step. */
  readonly states: readonly Tensor[];
}

/**
 * SimpleRNN, LSTM or GRU as Keras has them: `kernel` [inputs, gates units], `recurrentKernel` [units, gates units], gates of an LSTM in
 * the order i, f, c, o, of a GRU z, r, h; `bias` [gates units], of a GRU with the reset gate after the product [2, gates units].
 */
export class KerasRecurrent extends nn.Module {
  readonly kernel: nn.Parameter;
  readonly recurrentKernel: nn.Parameter;
  readonly bias: nn.Parameter | null;
  readonly settings: RecurrentSettings;

  constructor(
    kernel: Tensor,
    recurrentKernel: Tensor,
    bias: Tensor | undefined,
    settings: RecurrentSettings,
  ) {
    super();
    this.kernel = new nn.Parameter(kernel, { name: 'kernel' });
    this.recurrentKernel = new nn.Parameter(recurrentKernel, { name: 'recurrentKernel' });
    this.bias = bias === undefined ? null : new nn.Parameter(bias, { name: 'bias' });
    this.settings = settings;
  }

  get units(): number {
    return this.recurrentKernel.shape[0];
  }

  /** How many arrays the state has. */
  get states(): number {
    return this.settings.kind === 'LSTM' ? 2 : 1;
  }

  /**
   * @param x [batch, time, inputs]
   * @param mask which steps are real, bool [batch, time]
   * @param initial the state to begin with, zeros if left out
   */
  forward(x: Tensor, mask: Tensor | null = null, initial: readonly Tensor[] | null = null): RecurrentResult {
    const [batch, time] = x.shape;
    const { settings, units } = this;
    if (x.ndim !== 3 || x.shape[2] !== this.kernel.shape[0] || time === 0)
      throw new Error(
        `${settings.kind}: the input must be [batch, time, ${this.kernel.shape[0]}] with a step, got [${x.shape.join(', ')}]`,
      );
    const nothing = zeros([batch, units], { dtype: x.dtype });
    let states: readonly Tensor[] = initial ?? Array.from({ length: this.states }, () => nothing);
    const drops = (p: number, size: number): Tensor | null =>
      this.training && p > 0 ? nn.dropout(zeros([batch, size], { dtype: x.dtype }).add(1), p) : null;
    const [inputDrop, stateDrop] = [
      drops(settings.dropout, x.shape[2]),
      drops(settings.recurrentDropout, units),
    ];
    const inputBias =
      this.bias === null ? null : this.bias.value.ndim === 2 ? this.bias.value.at(0) : this.bias.value;
    const product = (inputDrop === null ? x : x.mul(inputDrop.unsqueeze(1))).matmul(this.kernel.value);
    const projected = inputBias === null ? product : product.add(inputBias);
    const step = this.#step();
    const outputs: Tensor[] = [];
    for (let i = 0; i < time; i++) {
      const t = settings.backwards ? time - 1 - i : i;
      const dropped = stateDrop === null ? states : [states[0].mul(stateDrop), ...states.slice(1)];
      const next = step(projected.at(t, 1), dropped, states);
      if (mask === null) {
        states = next;
        outputs.push(next[0]);
        continue;
      }
      const real = mask.at(t, 1).unsqueeze(1);
      const before = settings.zeroOutput ? nothing : (outputs[i - 1] ?? nothing);
      outputs.push(where(real, next[0], before));
      states = next.map((part, k) => where(real, part, states[k]));
    }
    return { outputs, states };
  }

  /** What one step does with its projected input, the state with dropout and the state without. */
  #step(): (projected: Tensor, dropped: readonly Tensor[], states: readonly Tensor[]) => Tensor[] {
    const { activation, gate, resetAfter, kind } = this.settings;
    const { units } = this;
    const kernel = this.recurrentKernel.value;
    const part = (x: Tensor, k: number): Tensor => x.slice(null, [k * units, (k + 1) * units]);
    if (kind === 'SimpleRNN') return (x, [h]) => [activation(x.add(h.matmul(kernel)))];
    if (kind === 'LSTM')
      return (x, [h], [, c]) => {
        const gates = x.add(h.matmul(kernel));
        const [input, forget, output] = [0, 1, 3].map((k) => gate(part(gates, k)));
        const cell = forget.mul(c).add(input.mul(activation(part(gates, 2))));
        return [output.mul(activation(cell)), cell];
      };
    const between = (update: Tensor, h: Tensor, candidate: Tensor): Tensor[] => [
      candidate.add(update.mul(h.sub(candidate))),
    ];
    if (resetAfter) {
      const bias = this.bias?.value.ndim === 2 ? this.bias.value.at(1) : null;
      return (x, [dropped], [h]) => {
        const product = dropped.matmul(kernel);
        const inner = bias === null ? product : product.add(bias);
        const [update, reset] = [0, 1].map((k) => gate(part(x, k).add(part(inner, k))));
        return between(update, h, activation(part(x, 2).add(reset.mul(part(inner, 2)))));
      };
    }
    const [forGates, forCandidate] = [
      kernel.slice(null, [0, 2 * units]),
      kernel.slice(null, [2 * units, 3 * units]),
    ];
    return (x, [dropped], [h]) => {
      const inner = dropped.matmul(forGates);
      const [update, reset] = [0, 1].map((k) => gate(part(x, k).add(part(inner, k))));
      return between(update, h, activation(part(x, 2).add(reset.mul(dropped).matmul(forCandidate))));
    };
  }
}

/** Two networks over one sequence. */
export class KerasBidirectional extends nn.Module {
  readonly forwardLayer: KerasRecurrent;
  readonly backwardLayer: KerasRecurrent;

  constructor(forwardLayer: KerasRecurrent, backwardLayer: KerasRecurrent) {
    super();
    this.forwardLayer = forwardLayer;
    this.backwardLayer = backwardLayer;
  }

  /** The results of both. */
  forward(
    x: Tensor,
    mask: Tensor | null = null,
    initial: readonly Tensor[] | null = null,
  ): [forward: RecurrentResult, backward: RecurrentResult] {
    const half = initial === null ? 0 : initial.length / 2;
    return [
      this.forwardLayer.forward(x, mask, initial?.slice(0, half) ?? null),
      this.backwardLayer.forward(x, mask, initial?.slice(half) ?? null),
    ];
  }
}

/** Outputs of all steps as one array [batch, time, units]. */
export const sequenceOf = ({ outputs }: RecurrentResult, reversed = false): Tensor => {
  const whole = stack([...outputs], 1);
  return reversed ? whole.flip(1) : whole;
};
