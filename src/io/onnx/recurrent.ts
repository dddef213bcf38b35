import { scan } from '../../core/control.ts';
import { arange, zeros } from '../../core/create.ts';
import { stack, type Tensor, where } from '../../core/tensor.ts';
import type { Call, Operators } from './call.ts';
import { activations } from './elementwise.ts';
import { Value } from './value.ts';

/** The recurrent operators of ONNX. Their gates lie one below the other in W [directions, gates hidden, inputs] and R. */

type Activation = (x: Tensor) => Tensor;

/** Weights of one direction. */
interface Weights {
  /** [hidden, gates hidden] */
  readonly recurrent: Tensor;
  /** The bias of the recurrent product, [gates hidden], or null. */
  readonly bias: Tensor | null;
  /** Weights from the cell to the gates, [3 hidden], or null. */
  readonly peephole: Tensor | null;
  readonly hidden: number;
  readonly act: readonly Activation[];
  readonly afterReset: boolean;
}

/** One step: the next state from what the input contributes [batch, gates hidden] and the state. */
type Step = (projected: Tensor, state: readonly Tensor[], weights: Weights) => Tensor[];

interface Kind {
  readonly gates: number;
  readonly states: number;
  readonly defaults: readonly string[];
  readonly step: Step;
}

const gate = (x: Tensor, k: number, hidden: number, count = 1): Tensor =>
  x.narrow(x.ndim - 1, k * hidden, count * hidden);
const plus = (x: Tensor, bias: Tensor | null): Tensor => (bias === null ? x : x.add(bias));

/** i, o, f, c: C' = f C + i c, H' = o h(C'). */
const lstm: Step = (projected, [h, c], { recurrent, bias, peephole, hidden, act }) => {
  const [f, g, last] = act;
  const all = plus(projected.add(h.matmul(recurrent)), bias);
  const seen = (k: number, at: number, cell: Tensor): Tensor =>
    peephole === null ? gate(all, k, hidden) : gate(all, k, hidden).add(cell.mul(gate(peephole, at, hidden)));
  const next = f(seen(2, 2, c))
    .mul(c)
    .add(f(seen(0, 0, c)).mul(g(gate(all, 3, hidden))));
  return [f(seen(1, 1, next)).mul(last(next)), next];
};

/** z, r, h: H' = (1 - z) h + z H. */
const gru: Step = (projected, [h], { recurrent, bias, hidden, act, afterReset }) => {
  const [f, g] = act;
  const zr = plus(
    gate(projected, 0, hidden, 2).add(h.matmul(gate(recurrent, 0, hidden, 2))),
    bias && gate(bias, 0, hidden, 2),
  );
  const [update, reset] = [f(gate(zr, 0, hidden)), f(gate(zr, 1, hidden))];
  const [weight, offset] = [gate(recurrent, 2, hidden), bias && gate(bias, 2, hidden)];
  const past = afterReset
    ? reset.mul(plus(h.matmul(weight), offset))
    : plus(reset.mul(h).matmul(weight), offset);
  const candidate = g(gate(projected, 2, hidden).add(past));
  return [candidate.add(update.mul(h.sub(candidate)))];
};

const rnn: Step = (projected, [h], { recurrent, bias, act }) => [
  act[0](plus(projected.add(h.matmul(recurrent)), bias)),
];

function run(call: Call, kind: Kind): Tensor[] {
  const batchFirst = call.int('layout', 0) === 1;
  const x = batchFirst ? call.tensor(0).swapaxes(0, 1) : call.tensor(0);
  const [w, r] = [call.tensor(1), call.tensor(2)];
  const direction = call.string('direction', 'forward');
  const count = direction === 'bidirectional' ? 2 : 1;
  const hidden = r.shape[2];
  if (x.ndim !== 3 || w.ndim !== 3 || r.ndim !== 3 || w.shape[0] !== count || r.shape[0] !== count)
    call.fail(`X, W and R must have three axes, W and R first ${count} for the direction ${direction}`);
  if (w.shape[1] !== kind.gates * hidden || r.shape[1] !== kind.gates * hidden || w.shape[2] !== x.shape[2])
    call.fail('W and R do not fit each other or X');
  if (call.int('input_forget', 0) !== 0 || call.floats('clip') !== null || call.node.attributes.has('clip'))
    call.fail('input_forget and clip are not supported');
  const [length, batch] = x.shape;
  const names = call.strings('activations') ?? Array.from({ length: count }, () => kind.defaults).flat();
  const [alphas, betas] = [call.floats('activation_alpha') ?? [], call.floats('activation_beta') ?? []];
  const act = names.map((name, i): Activation => {
    const f = activations[name.toLowerCase()] ?? call.fail(`the activation ${name} is not supported`);
    return (y) => f(y, alphas[i], betas[i]);
  });
  const lengths = call.optional(4);
  const valid =
    lengths === null
      ? null
      : arange(length)
          .reshape([length, 1, 1])
          .lt(lengths.reshape([1, batch, 1]));
  const initial = (index: number, d: number): Tensor => {
    const given = call.optional(index);
    if (given === null) return zeros([batch, hidden], { dtype: x.dtype });
    return batchFirst ? given.at(d, 1) : given.at(d);
  };
  const bias = call.optional(3);
  const peepholes = kind.states === 2 ? call.optional(7) : null;
  const rows = kind.gates * hidden;
  const directions = Array.from({ length: count }, (_, d) => {
    const own = bias?.at(d) ?? null;
    const projected = plus(x.matmul(w.at(d).transpose()), own?.narrow(0, 0, rows) ?? null);
    const per = kind.defaults.length;
    const weights: Weights = {
      recurrent: r.at(d).transpose(),
      bias: own?.narrow(0, rows, rows) ?? null,
      peephole: peepholes?.at(d) ?? null,
      hidden,
      act: act.slice(d * per, (d + 1) * per),
      afterReset: call.int('linear_before_reset', 0) !== 0,
    };
    const begin = Array.from({ length: kind.states }, (_, i) => initial(5 + i, d));
    const reverse = direction === 'reverse' || d === 1;
    const sequences: Record<string, Tensor> = valid === null ? { projected } : { projected, valid };
    const [last, outputs] = scan(
      (state: Tensor[], element: Record<string, Tensor>): [Tensor[], Tensor] => {
        const next = kind.step(element.projected, state, weights);
        if (valid === null) return [next, next[0]];
        // Beyond the end of a sequence the state stays, and the output is 0.
        const kept = next.map((s, i) => where(element.valid, s, state[i]));
        return [kept, where(element.valid, next[0], 0)];
      },
      begin,
      sequences,
      { reverse },
    );
    return { last, outputs };
  });
  // [length, directions, batch, hidden], or with the batch first.
  const all = stack(
    directions.map(({ outputs }) => outputs),
    1,
  );
  const lasts = Array.from({ length: kind.states }, (_, i) =>
    stack(
      directions.map(({ last }) => last[i]),
      batchFirst ? 1 : 0,
    ),
  );
  return [batchFirst ? all.transpose([2, 0, 1, 3]) : all, ...lasts];
}

const kinds = {
  RNN: { gates: 1, states: 1, defaults: ['Tanh'], step: rnn },
  GRU: { gates: 3, states: 1, defaults: ['Sigmoid', 'Tanh'], step: gru },
  LSTM: { gates: 4, states: 2, defaults: ['Sigmoid', 'Tanh', 'Tanh'], step: lstm },
} satisfies Record<string, Kind>;

export const recurrent: Operators = {
  RNN: (call) => run(call, kinds.RNN),
  GRU: (call) => run(call, kinds.GRU),
  LSTM: (call) => run(call, kinds.LSTM),
  /** A loop over the elements of arrays, whose body is a graph. */
  Scan: (call) => scanned(call),
};

function scanned(call: Call): Tensor[] {
  const body = call.graph('body');
  const sequencesCount = call.int('num_scan_inputs', 0);
  const states = call.inputs.length - sequencesCount;
  const outputs = body.outputs.length - states;
  if (call.opset < 9 || sequencesCount < 1 || states < 0 || outputs < 0)
    call.fail('its body does not fit its inputs');
  const axes = (name: string, count: number): readonly number[] =>
    call.ints(name) ?? new Array<number>(count).fill(0);
  const [inAxes, outAxes] = [axes('scan_input_axes', sequencesCount), axes('scan_output_axes', outputs)];
  const [inBack, outBack] = [
    axes('scan_input_directions', sequencesCount),
    axes('scan_output_directions', outputs),
  ];
  const turned = (x: Tensor, back: number): Tensor => (back === 1 ? x.flip(0) : x);
  const sequences = inAxes.map((axis, i) => turned(call.tensor(states + i).moveaxis(axis, 0), inBack[i]));
  const [last, made] = scan(
    (state: Tensor[], elements: Tensor[]): [Tensor[], Tensor[]] => {
      const results = call.run(body, [...state, ...elements].map(Value.of)).map((v) => v.tensor);
      return [results.slice(0, states), results.slice(states)];
    },
    Array.from({ length: states }, (_, i) => call.tensor(i)),
    sequences,
  );
  return [...last, ...made.map((y, i) => turned(y, outBack[i]).moveaxis(0, outAxes[i]))];
}
