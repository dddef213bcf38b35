import { concat, Tensor } from '../core/tensor.ts';
import { FormatError } from '../io/index.ts';
import { activationOf } from './activations.ts';
import type { Config } from './config.ts';
import { type Builder, type Building, type BuiltLayer, type Call, firstMask, requireAxes } from './layer.ts';
import { KerasBidirectional, KerasRecurrent, type RecurrentSettings, sequenceOf } from './recurrent.ts';
import type { WeightSource } from './weights.ts';

/** SimpleRNN, LSTM, GRU and Bidirectional. */

const gates = { SimpleRNN: 1, LSTM: 4, GRU: 3 } as const;

/** What a recurrent layer gives. */
const returnsOf = (config: Config): { sequences: boolean; state: boolean } => ({
  sequences: config.flag('return_sequences', false),
  state: config.flag('return_state', false),
});

/** Makes a network. */
function recurrentOf(config: Config, weights: WeightSource, isOld: boolean): KerasRecurrent {
  const kind = config.className as RecurrentSettings['kind'];
  if (!Object.hasOwn(gates, kind)) return config.unsupported('as a recurrent layer');
  if (config.flag('stateful', false)) return config.unsupported('stateful');
  const usesBias = config.flag('use_bias', true);
  const [kernel, recurrent, bias] = weights
    .inside('cell')
    .take(['kernel', 'recurrent_kernel', ...(usesBias ? ['bias'] : [])]);
  const rows = requireAxes(config, kernel, 2)[1];
  const [units, columns] = requireAxes(config, recurrent, 2);
  const resetAfter = kind === 'GRU' && config.flag('reset_after', bias?.ndim === 2);
  const biasShape = resetAfter ? [2, rows] : [rows];
  const fits = rows === units * gates[kind] && columns === rows;
  if (!fits || (bias !== undefined && String(bias.shape) !== String(biasShape)))
    throw new FormatError(
      `${kind} ${JSON.stringify(config.name)}: kernels [${kernel.shape.join(', ')}] and [${recurrent.shape.join(', ')}]${bias ? ` and a bias [${bias.shape.join(', ')}]` : ''} do not fit each other`,
    );
  return new KerasRecurrent(kernel, recurrent, bias, {
    kind,
    activation: activationOf(config, 'activation', isOld, 'tanh'),
    gate: kind === 'SimpleRNN' ? (x) => x : activationOf(config, 'recurrent_activation', isOld, 'sigmoid'),
    backwards: config.flag('go_backwards', false),
    resetAfter,
    zeroOutput: config.flag('zero_output_for_mask', false),
    dropout: config.number('dropout', 0),
    recurrentDropout: config.number('recurrent_dropout', 0),
  });
}

const partOf = (module: KerasRecurrent, path: readonly string[]) => ({
  path: [...path, 'cell'],
  save: (): Tensor[] => [
    module.kernel.value,
    module.recurrentKernel.value,
    ...(module.bias === null ? [] : [module.bias.value]),
  ],
});

/** The state that a call gives: by name, or behind the sequence. */
function initialOf({ options, inputs }: Call): readonly Tensor[] | null {
  const named = options.initial_state;
  const given = named === undefined || named === null ? inputs.slice(1) : [named].flat();
  const arrays = given.filter((x) => x instanceof Tensor);
  return arrays.length > 0 ? arrays : null;
}

const recurrent: Builder = (config, { weights, isOld }: Building): BuiltLayer => {
  const module = recurrentOf(config, weights, isOld);
  const { sequences, state } = returnsOf(config);
  return {
    module,
    call: (call) => {
      const result = module.forward(call.inputs[0], firstMask(call), initialOf(call));
      const output = sequences ? sequenceOf(result) : result.outputs[result.outputs.length - 1];
      return state ? [output, ...result.states] : output;
    },
    mask: (call) => (sequences ? firstMask(call) : null),
    parts: [partOf(module, [])],
  };
};

const bidirectional: Builder = (config, { weights, isOld }) => {
  const inner = config.layer('layer');
  const forward = recurrentOf(inner, weights.inside('forward_layer'), isOld);
  const backwards = !inner.flag('go_backwards', false);
  const backward = recurrentOf(
    config.has('backward_layer') ? config.layer('backward_layer') : inner,
    weights.inside('backward_layer'),
    isOld,
  );
  const turned = new KerasRecurrent(
    backward.kernel.value,
    backward.recurrentKernel.value,
    backward.bias?.value,
    {
      ...backward.settings,
      backwards,
    },
  );
  const module = new KerasBidirectional(forward, turned);
  const { sequences, state } = returnsOf(inner);
  const mode = config.fields.merge_mode === null ? null : config.text('merge_mode', 'concat');
  const merge = (a: Tensor, b: Tensor): Tensor | Tensor[] => {
    if (mode === null) return [a, b];
    if (mode === 'concat') return concat([a, b], -1);
    if (mode === 'sum') return a.add(b);
    if (mode === 'mul') return a.mul(b);
    return mode === 'ave'
      ? a.add(b).mul(0.5)
      : config.fail('merge_mode', "'concat', 'sum', 'mul', 'ave' or null");
  };
  return {
    module,
    call: (call) => {
      const results = module.forward(call.inputs[0], firstMask(call), initialOf(call));
      // The network that reads from the end gives its outputs in that order; here they are back in time's.
      const [a, b] = results.map((result, i) =>
        sequences ? sequenceOf(result, i === 1) : result.outputs[result.outputs.length - 1],
      );
      const merged = merge(a, b);
      if (!state) return merged;
      return [merged, results.map(({ states }) => states)].flat(2);
    },
    mask: (call) => (sequences ? firstMask(call) : null),
    parts: [partOf(forward, ['forward_layer']), partOf(turned, ['backward_layer'])],
  };
};

/** Builders by Keras's names of classes. */
export const recurrentLayers: Readonly<Record<string, Builder>> = {
  SimpleRNN: recurrent,
  LSTM: recurrent,
  GRU: recurrent,
  CuDNNLSTM: (config) => config.unsupported('its biases are of cuDNN'),
  CuDNNGRU: (config) => config.unsupported('its biases are of cuDNN'),
  Bidirectional: bidirectional,
};
