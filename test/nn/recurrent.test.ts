import { describe, expect, test } from 'vitest';
import { random, type Tensor, tensor, zeros } from '../../src/index.ts';
import * as nn from '../../src/nn/index.ts';
import { expectClose } from '../support/close.ts';
import { casesOf, checkLayer, wave } from './torch_layers.ts';

type Options = nn.RecurrentOptions & { nonlinearity?: 'tanh' | 'relu' };
type Make<M> = new (inputs: number, hidden: number, options?: Options) => M;

describe('equal to PyTorch', () => {
  test.each(casesOf('LSTM').map((given) => [given.name, given] as const))('%s', (_, given) => {
    const layer = new (nn.LSTM as Make<nn.LSTM>)(
      ...(given.arguments as unknown as [number, number, Options]),
    );
    const { lengths } = given;
    checkLayer(given, layer, ([x, h, c]) => {
      const [output, state] = layer.forward(x, h && [h, c], lengths && { lengths });
      return [output, ...state];
    });
  });

  test.each(casesOf('GRU', 'SimpleRNN').map((given) => [given.name, given] as const))('%s', (_, given) => {
    const Layer = given.layer === 'GRU' ? nn.GRU : nn.SimpleRNN;
    const layer = new (Layer as Make<nn.GRU | nn.SimpleRNN>)(
      ...(given.arguments as unknown as [number, number, Options]),
    );
    const { lengths } = given;
    checkLayer(given, layer, ([x, h]) => layer.forward(x, h, lengths && { lengths }));
  });

  test.each(casesOf('LSTMCell').map((given) => [given.name, given] as const))('%s', (_, given) => {
    const cell = new nn.LSTMCell(...(given.arguments as unknown as [number, number]));
    checkLayer(given, cell, ([x, h, c]) => cell.forward(x, [h, c]));
  });

  test.each(casesOf('GRUCell', 'RNNCell').map((given) => [given.name, given] as const))('%s', (_, given) => {
    const Cell = given.layer === 'GRUCell' ? nn.GRUCell : nn.RNNCell;
    const cell = new (Cell as Make<nn.GRUCell | nn.RNNCell>)(
      ...(given.arguments as unknown as [number, number, Options]),
    );
    checkLayer(given, cell, ([x, h]) => [cell.forward(x, h)]);
  });
});

describe('LSTM', () => {
  test('goes on with a sequence from the state of its first part', () => {
    const layer = new nn.LSTM(2, 3, { layers: 2 });
    const x = wave([2, 5, 2], 0);
    const [whole, [h, c]] = layer.forward(x);
    const [first, middle] = layer.forward(x.slice(null, [0, 2]));
    const [second, [h2, c2]] = layer.forward(x.slice(null, [2, null]), middle);
    expectClose(first.dataSync(), whole.slice(null, [0, 2]).dataSync(), { atol: 1e-6 });
    expectClose(second.dataSync(), whole.slice(null, [2, null]).dataSync(), { atol: 1e-6 });
    expectClose([...h2.dataSync(), ...c2.dataSync()], [...h.dataSync(), ...c.dataSync()], { atol: 1e-6 });
  });

  test('is its cell, step by step', () => {
    const layer = new nn.LSTM(2, 3);
    const cell = new nn.LSTMCell(2, 3);
    for (const name of ['weightIh', 'weightHh', 'biasIh', 'biasHh'] as const)
      cell[name]!.assign(layer.cells[0][name]!.value);
    const x = wave([2, 4, 2], 1);
    let state: nn.LSTMState | undefined;
    for (let t = 0; t < 4; t++) state = cell.forward(x.at(t, 1), state);
    const [output, [h, c]] = layer.forward(x);
    expectClose(h.at(0).dataSync(), state![0].dataSync(), { atol: 1e-6 });
    expectClose(c.at(0).dataSync(), state![1].dataSync(), { atol: 1e-6 });
    expectClose(output.at(3, 1).dataSync(), state![0].dataSync(), { atol: 1e-6 });
  });

  test('lengths may be an array; what lies behind an end is not read', () => {
    const layer = new nn.LSTM(2, 3, { bidirectional: true });
    const x = wave([2, 4, 2], 2);
    const other = x.mul(tensor([1, 1, 5, 5]).reshape([1, 4, 1]));
    const lengths = tensor([2, 0], { dtype: 'int32' });
    const [y, [h]] = layer.forward(x, null, { lengths });
    const [z, [g]] = layer.forward(other, null, { lengths: [2, 0] });
    expectClose(y.dataSync(), z.dataSync());
    expectClose(h.dataSync(), g.dataSync());
    expect(y.at(1).toArray()).toEqual(zeros([4, 6]).toArray());
    // An empty sequence stays at its initial state.
    expect(h.at(1, 1).toArray()).toEqual(zeros([2, 3]).toArray());
  });

  test('drops outputs between layers, in training only', () => {
    random.seed(3);
    const layer = new nn.LSTM(2, 4, { layers: 2, dropout: 0.5 });
    const x = wave([2, 3, 2], 3);
    const outputs = (): number[] => [...layer.forward(x)[0].dataSync()];
    expect(outputs()).not.toEqual(outputs());
    layer.eval();
    expect(outputs()).toEqual(outputs());
    const one = new nn.LSTM(2, 4, { dropout: 0.9 });
    expect([...one.forward(x)[0].dataSync()]).toEqual([...one.eval().forward(x)[0].dataSync()]);
  });

  test('begins within 1/√hidden', () => {
    random.seed(0);
    const layer = new nn.LSTM(5, 64);
    const parameters = layer.namedParameters();
    expect(parameters.map(([name, { shape }]) => [name, [...shape]])).toEqual([
      ['cells.0.weightIh', [256, 5]],
      ['cells.0.weightHh', [256, 64]],
      ['cells.0.biasIh', [256]],
      ['cells.0.biasHh', [256]],
    ]);
    for (const [, { value }] of parameters) {
      const top = value.abs().max().item();
      expect(top).toBeLessThanOrEqual(1 / 8);
      expect(top).toBeGreaterThan(0.9 / 8);
    }
  });

  test('names what does not fit', () => {
    const layer = new nn.LSTM(2, 3, { layers: 2 });
    const x = zeros([4, 5, 2]);
    const wrong = (run: () => unknown): string => {
      try {
        run();
      } catch (error) {
        return (error as Error).message;
      }
      return '';
    };
    expect(wrong(() => layer.forward(zeros([4, 2])))).toMatch(/LSTM: the input must be \[batch, time, 2\]/);
    expect(wrong(() => layer.forward(zeros([4, 0, 2])))).toMatch(/has no time step/);
    const state: Tensor = zeros([1, 4, 3]);
    expect(wrong(() => layer.forward(x, [state, state]))).toMatch(/must be \[2, 4, 3\].*got \[1, 4, 3\]/);
    expect(wrong(() => layer.forward(x, null, { lengths: [1, 2, 3, 6] }))).toMatch(/integers from 0 to 5/);
    expect(wrong(() => layer.forward(x, null, { lengths: [1, 2] }))).toMatch(/one for each sequence/);
    expect(wrong(() => layer.forward(x, null, { lengths: zeros([4]) }))).toMatch(/got float32 \[4\]/);
    expect(wrong(() => new nn.LSTM(0, 3))).toMatch(/LSTM: inputs must be a positive integer/);
    expect(wrong(() => new nn.GRU(1, 3, { layers: 0 }))).toMatch(/GRU: layers/);
    expect(wrong(() => new nn.GRU(1, 3, { dropout: 2 }))).toMatch(/GRU: dropout/);
    expect(wrong(() => new nn.GRU(1, 3, { hidden: 2 } as object))).toMatch(/unknown option 'hidden'/);
    expect(wrong(() => new nn.SimpleRNN(1, 3, { nonlinearity: 'sin' as 'tanh' }))).toMatch(
      /'tanh' or 'relu'/,
    );
    expect(wrong(() => new nn.LSTMCell(2, 3).forward(zeros([2, 3])))).toMatch(/LSTMCell: the input must be/);
    expect(wrong(() => new nn.GRUCell(2, 3).forward(zeros([2, 2]), zeros([1, 3])))).toMatch(
      /must be \[2, 3\]/,
    );
  });
});
