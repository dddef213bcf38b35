import { beforeEach, describe, expect, test } from 'vitest';
import { grad, random, type Tensor, tensor, valueAndGrad, zeros } from '../../src/index.ts';
import * as nn from '../../src/nn/index.ts';
import { expectClose } from '../support/close.ts';
import { wave } from './torch_layers.ts';

beforeEach(() => {
  random.seed(5);
});

describe('masks', () => {
  test('at the end are lengths', () => {
    const layer = new nn.LSTM(2, 3, { bidirectional: true, layers: 2 });
    const x = wave([2, 4, 2], 0);
    const mask = tensor([
      [1, 1, 0, 0],
      [1, 1, 1, 1],
    ]).ne(0);
    const [y, [h, c]] = layer.forward(x, null, { mask });
    const [z, [g, d]] = layer.forward(x, null, { lengths: [2, 4] });
    for (const [a, b] of [
      [y, z],
      [h, g],
      [c, d],
    ])
      expectClose(a.dataSync(), b.dataSync());
  });

  test('in the middle and at the front skip steps', () => {
    const layer = new nn.GRU(2, 3);
    const x = wave([1, 4, 2], 1);
    const mask = tensor([[0, 1, 0, 1]]).ne(0);
    const [y, h] = layer.forward(x, null, { mask });
    const [short, last] = layer.forward(x.take([1, 3], 1));
    expectClose(h.dataSync(), last.dataSync(), { atol: 1e-6 });
    expectClose(y.take([1, 3], 1).dataSync(), short.dataSync(), { atol: 1e-6 });
    expect(y.take([0, 2], 1).abs().sum().item()).toBe(0);
  });

  test('what does not fit is named', () => {
    const layer = new nn.SimpleRNN(2, 3);
    const x = zeros([1, 4, 2]);
    expect(() => layer.forward(x, null, { mask: zeros([1, 4]) })).toThrow(
      /SimpleRNN: the mask must be bool \[1, 4\], true at real steps, got float32 \[1, 4\]/,
    );
    const mask = zeros([1, 4]).ne(0);
    expect(() => layer.forward(x, null, { mask, lengths: [2] })).toThrow(/either lengths or a mask/);
  });
});

describe('initial states', () => {
  const x = wave([3, 2, 2], 2);

  test('learned ones are parameters that receive gradients and begin at zero', () => {
    const layer = new nn.LSTM(2, 4, { layers: 2, initial: 'learned' });
    expect(layer.namedParameters().map(([name]) => name)).toContain('first.1');
    expect(layer.first.map(({ shape }) => shape)).toEqual([
      [2, 4],
      [2, 4],
    ]);
    const [h, c] = layer.first.map((_, k) => wave([2, 4], k));
    layer.first[0].assign(h);
    layer.first[1].assign(c);
    const given = [h, c].map((part) => part.unsqueeze(1).broadcastTo([2, 3, 4])) as unknown as nn.LSTMState;
    expectClose(layer.forward(x)[0].dataSync(), layer.forward(x, given)[0].dataSync());
    const [, gradients] = valueAndGrad(() => layer.forward(x)[0].sum(), layer);
    const direct = grad((first: Tensor) => layer.forward(x, [first, given[1]])[0].sum())(given[0]);
    expectClose(gradients.get(layer.first[0])!.dataSync(), direct.sum(1).dataSync(), { atol: 1e-5 });
  });

  test('sampled ones differ from call to call, in training only', () => {
    const layer = new nn.GRU(2, 4, { initial: 'sampled', initialStd: 2 });
    const run = () => [...layer.forward(x)[0].dataSync()];
    expect(run()).not.toEqual(run());
    layer.eval();
    expect(run()).toEqual([...layer.forward(x, zeros([1, 3, 4]))[0].dataSync()]);
    expect(() => new nn.GRU(2, 4, { initial: 'ones' as 'zeros' })).toThrow(/'zeros', 'learned' or 'sampled'/);
    expect(() => new nn.GRU(2, 4, { initial: 'sampled', initialStd: -1 })).toThrow(/initialStd/);
  });
});

test('detachState cuts the gradient between pieces, not the values', () => {
  const layer = new nn.LSTM(2, 3);
  const [first, second] = [wave([1, 2, 2], 3), wave([1, 2, 2], 4)];
  const loss = (cut: boolean) => (a: Tensor) => {
    const [, state] = layer.forward(a);
    return layer.forward(second, cut ? nn.detachState(state) : state)[0].sum();
  };
  expect(loss(true)(first).item()).toBe(loss(false)(first).item());
  expect(grad(loss(true))(first).abs().sum().item()).toBe(0);
  expect(grad(loss(false))(first).abs().sum().item()).toBeGreaterThan(0);
});
