import { describe, expect, test } from 'vitest';
import { grad, random, type Tensor, tensor, zeros } from '../../src/index.ts';
import * as nn from '../../src/nn/index.ts';
import { expectClose } from '../support/close.ts';
import { casesOf, checkLayer, wave } from './torch_layers.ts';

describe('activations as in PyTorch', () => {
  test.each(casesOf('activation').map((given) => [given.name, given] as const))('%s', (name, given) => {
    type Activation = new (...args: never[]) => nn.Layer;
    const layers: Readonly<Record<string, unknown>> = { ...nn };
    const Layer = layers[name.split(' ')[0]] as Activation;
    const layer = new Layer(...given.arguments).eval();
    checkLayer(given, layer, ([x]) => [layer.forward(x.mul(12))]);
  });

  test('are exact, with finite derivatives, far from 0', () => {
    const x = tensor([-1000, -90, 90, 1000]);
    expectClose(nn.logSigmoid(x).dataSync(), [-1000, -90, 0, 0], { atol: 1e-38 });
    for (const f of [nn.logSigmoid, nn.mish, nn.celu, nn.selu, nn.hardswish]) {
      const slope = grad((y: Tensor) => f(y).sum())(x);
      expect([...slope.dataSync()].every(Number.isFinite)).toBe(true);
    }
    expectClose(nn.mish(x).dataSync(), [0, 0, 90, 1000], { atol: 1e-30 });
    expectClose(nn.celu(x).dataSync(), [-1, -1, 90, 1000]);
    expectClose(nn.selu(x).slice([0, 1]).dataSync(), [-1.7580993], { rtol: 1e-6 });
  });
});

describe('RReLU', () => {
  test('draws slopes in training, for negative elements only', () => {
    random.seed(0);
    const layer = new nn.RReLU(0.1, 0.3);
    const slopes = layer
      .forward(wave([400], 0).abs().neg().sub(0.1))
      .div(wave([400], 0).abs().neg().sub(0.1));
    expect(slopes.min().item()).toBeGreaterThanOrEqual(0.0999);
    expect(slopes.max().item()).toBeLessThanOrEqual(0.3001);
    expect(slopes.std().item()).toBeGreaterThan(0.03);
    expect(layer.forward(tensor([3, 5])).toArray()).toEqual([3, 5]);
  });
});

test('names what does not fit', () => {
  expect(() => nn.glu(zeros([2, 3]))).toThrow(/glu: axis -1 of \[2, 3\] must exist and be even/);
  expect(() => nn.hardtanh(zeros([2]), 1, -1)).toThrow(/lower bound must be below the upper/);
  expect(() => new nn.PReLU(3).forward(zeros([2, 4]))).toThrow(/PReLU\(3\): the last axis/);
  expect(() => new nn.PReLU(0)).toThrow(/count must be a positive integer/);
  expect(() => nn.rrelu(zeros([2]), 0.5, 0.1)).toThrow(/lowest slope/);
});
