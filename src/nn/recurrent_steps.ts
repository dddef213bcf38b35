import type { Tensor } from '../core/tensor.ts';
import { type Initializer, uniform } from './init.ts';
import { type InitialOptions, initialKeys, made } from './initial.ts';
import { Parameter } from './parameter.ts';

/** The arithmetic of one time step of recurrent networks, for cells and for layers over whole sequences. */

/** Weights of one recurrent cell, in PyTorch's layout: the rows of its gates lie one below the other. */
export interface RecurrentWeights {
  /** [gates hidden, inputs] */
  readonly weightIh: Parameter;
  /** [gates hidden, hidden] */
  readonly weightHh: Parameter;
  /** [gates hidden] */
  readonly biasIh: Parameter | null;
  /** [gates hidden] */
  readonly biasHh: Parameter | null;
}

/** How recurrent layers and cells begin; weights of all gates are made as one, [gates hidden, ...]. Default U(-1/√hidden, 1/√hidden). */
export interface RecurrentInitialOptions extends InitialOptions {
  /** First weight from state to state, such as `nn.init.orthogonal`; `weightInit` is that of inputs, `biasInit` that of both biases. */
  recurrentInit?: Initializer;
}

export const recurrentInitialKeys = [...initialKeys, 'recurrentInit'] as const;

/** A cell with its weights read, ready to go through a sequence. */
export interface RecurrentStep {
  /**
   * What an input contributes to the gates: [..., inputs] to [..., gates hidden]. It does not depend on the state, so
   * one product serves all steps.
   */
  readonly project: (x: Tensor) => Tensor;
  /**
   * The next state, arrays [batch, hidden], from that contribution [batch, gates hidden] and the state; the first is
   * the output.
   */
  readonly step: (projected: Tensor, state: readonly Tensor[]) => Tensor[];
}

/** What one recurrent network differs by from another. */
export interface RecurrentKind {
  readonly gates: number;
  /** Arrays in its state. */
  readonly states: number;
  readonly begin: (weights: RecurrentWeights) => RecurrentStep;
}

/**
 * Weights of a cell, from U(-1/√hidden, 1/√hidden) where the options say nothing else.
 *
 * @throws if a size is not a positive integer, or an initializer makes another shape
 */
export function recurrentWeights(
  name: string,
  gates: number,
  inputs: number,
  hidden: number,
  bias: boolean,
  { weightInit, recurrentInit, biasInit }: RecurrentInitialOptions = {},
): RecurrentWeights {
  for (const [what, n] of Object.entries({ inputs, hidden }))
    if (!Number.isInteger(n) || n < 1)
      throw new Error(`${name}: ${what} must be a positive integer, got ${n}`);
  const bound = 1 / Math.sqrt(hidden);
  const usual: Initializer = (shape) => uniform(shape, -bound, bound);
  const first = (parameter: string, shape: number[], initializer = usual) =>
    new Parameter(made(name, initializer, shape), { name: parameter });
  const rows = gates * hidden;
  return {
    weightIh: first('weightIh', [rows, inputs], weightInit),
    weightHh: first('weightHh', [rows, hidden], recurrentInit),
    biasIh: bias ? first('biasIh', [rows], biasInit) : null,
    biasHh: bias ? first('biasHh', [rows], biasInit) : null,
  };
}

const affine = (x: Tensor, transposed: Tensor, bias: Tensor | null): Tensor => {
  const product = x.matmul(transposed);
  return bias === null ? product : product.add(bias);
};

/** Columns of gate `k` of an array [batch, gates hidden]. */
const gate = (all: Tensor, k: number, hidden: number): Tensor =>
  all.slice(null, [k * hidden, (k + 1) * hidden]);

/** Both biases of a network in which they only ever occur added. */
const sumOfBiases = ({ biasIh, biasHh }: RecurrentWeights): Tensor | null =>
  biasIh === null || biasHh === null ? null : biasIh.value.add(biasHh.value);

/**
 * Long short-term memory: `i, f, o = σ(...)`, `g = tanh(...)` of `W_ih x + b_ih + W_hh h + b_hh` in the order i, f,
 * g, o; `c' = f c + i g`, `h' = o tanh(c')`. The state is [h, c]. Hochreiter and Schmidhuber (1997), with the forget
 * gate of Gers et al. (2000).
 */
export const lstm: RecurrentKind = {
  gates: 4,
  states: 2,
  begin: (weights) => {
    const [fromInput, fromHidden] = [weights.weightIh.value.transpose(), weights.weightHh.value.transpose()];
    const bias = sumOfBiases(weights);
    const hidden = weights.weightHh.shape[1];
    return {
      project: (x) => affine(x, fromInput, bias),
      step: (projected, [h, c]) => {
        const gates = projected.add(h.matmul(fromHidden));
        const input = gate(gates, 0, hidden).sigmoid();
        const forget = gate(gates, 1, hidden).sigmoid();
        const candidate = gate(gates, 2, hidden).tanh();
        const output = gate(gates, 3, hidden).sigmoid();
        const cell = forget.mul(c).add(input.mul(candidate));
        return [output.mul(cell.tanh()), cell];
      },
    };
  },
};

/**
 * Gated recurrent unit: `r, z = σ(W_ih x + b_ih + W_hh h + b_hh)`, `n = tanh(W_in x + b_in + r (W_hn h + b_hn))` in
 * the order r, z, n; `h' = (1 - z) n + z h`. Cho et al. (2014), with the reset gate after the product as in cuDNN and
 * PyTorch.
 */
export const gru: RecurrentKind = {
  gates: 3,
  states: 1,
  begin: (weights) => {
    const [fromInput, fromHidden] = [weights.weightIh.value.transpose(), weights.weightHh.value.transpose()];
    const [biasIh, biasHh] = [weights.biasIh?.value ?? null, weights.biasHh?.value ?? null];
    const hidden = weights.weightHh.shape[1];
    return {
      project: (x) => affine(x, fromInput, biasIh),
      step: (projected, [h]) => {
        const recurrent = affine(h, fromHidden, biasHh);
        const sum = (k: number) => gate(projected, k, hidden).add(gate(recurrent, k, hidden));
        const [reset, update] = [sum(0).sigmoid(), sum(1).sigmoid()];
        const candidate = gate(projected, 2, hidden)
          .add(reset.mul(gate(recurrent, 2, hidden)))
          .tanh();
        return [candidate.add(update.mul(h.sub(candidate)))];
      },
    };
  },
};

/** The plain recurrent network: `h' = tanh(W_ih x + b_ih + W_hh h + b_hh)`, or relu of it. Elman (1990). */
export const elman = (nonlinearity: 'tanh' | 'relu'): RecurrentKind => ({
  gates: 1,
  states: 1,
  begin: (weights) => {
    const [fromInput, fromHidden] = [weights.weightIh.value.transpose(), weights.weightHh.value.transpose()];
    const bias = sumOfBiases(weights);
    return {
      project: (x) => affine(x, fromInput, bias),
      step: (projected, [h]) => {
        const sum = projected.add(h.matmul(fromHidden));
        return [nonlinearity === 'relu' ? sum.relu() : sum.tanh()];
      },
    };
  },
});

/** The kind for PyTorch's option `nonlinearity`, checked. */
export function elmanOf(name: string, nonlinearity: 'tanh' | 'relu' = 'tanh'): RecurrentKind {
  if (nonlinearity !== 'tanh' && nonlinearity !== 'relu')
    throw new Error(`${name}: nonlinearity must be 'tanh' or 'relu', got '${String(nonlinearity)}'`);
  return elman(nonlinearity);
}
