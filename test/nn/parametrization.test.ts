import { describe, expect, test } from 'vitest';
import { jit, random, tensor, valueAndGrad, zeros } from '../../src/index.ts';
import * as nn from '../../src/nn/index.ts';
import { expectClose } from '../support/close.ts';
import { casesOf, checkLayer, wave } from './torch_layers.ts';

describe('weightNorm', () => {
  test('as in PyTorch', () => {
    const [given] = casesOf('weightNorm');
    const layer = nn.weightNorm(new nn.Linear(3, 2));
    checkLayer(given, layer, ([x]) => [layer.forward(x)]);
  });

  test('does not change what a layer computes at first, and trains length and direction', () => {
    const layer = new nn.Conv2d(2, 3, 2);
    const x = wave([1, 3, 3, 2], 0);
    const before = layer.forward(x).dataSync();
    nn.weightNorm(layer);
    expectClose(layer.forward(x).dataSync(), before, { atol: 1e-6 });
    expect(layer.parameters().map(({ shape }) => shape)).toEqual([[3, 1, 1, 1], [3, 2, 2, 2], [3]]);
    const { layers, parameters } = nn.summarize(layer, [1, 3, 3, 2]);
    expect(layers).toHaveLength(1);
    expect(parameters).toBe(3 + 24 + 3);
  });

  test('refuses what is not there', () => {
    expect(() => nn.weightNorm(new nn.ReLU())).toThrow(/weightNorm: ReLU has no parameter 'weight'/);
    expect(() => nn.weightNorm(new nn.Linear(2, 2), { axis: 2 })).toThrow(/no axis 2 in \[2, 2\]/);
    expect(() => nn.spectralNorm(new nn.Linear(2, 2), { steps: 0 })).toThrow(/spectralNorm: steps/);
  });
});

describe('spectralNorm', () => {
  test('as in PyTorch', () => {
    const [given] = casesOf('spectralNorm');
    const layer = nn.spectralNorm(new nn.Linear(3, 2)).eval();
    const norm = layer.weight as unknown as nn.SpectralNorm;
    norm.u.assign(tensor([0.6, -0.8]));
    norm.v.assign(tensor([1, 2, 2]).div(3));
    checkLayer(given, layer, ([x]) => [layer.forward(x)]);
  });

  test('makes the largest singular value 1, also while the weight moves in compiled steps', () => {
    random.seed(3);
    const layer = nn.spectralNorm(new nn.Linear(4, 3, { bias: false }));
    const norm = layer.weight as unknown as nn.SpectralNorm;
    const largest = () => {
      const w = norm.value;
      // The trace of a high power of wᵀw is dominated by the largest singular value.
      let power = w.transpose().matmul(w);
      for (let i = 0; i < 5; i++) power = power.matmul(power);
      return power.trace().item() ** (1 / 64);
    };
    expect(largest()).toBeCloseTo(1, 1);
    const step = jit(() => {
      const y = layer.forward(wave([2, 4], 1));
      norm.weight.assign(norm.weight.value.add(0.01));
      return y;
    });
    const before = [...norm.u.value.dataSync()];
    for (let i = 0; i < 6; i++) step();
    expect([...norm.u.value.dataSync()]).not.toEqual(before);
    expect(largest()).toBeCloseTo(1, 1);
    const [, gradients] = valueAndGrad(() => layer.forward(wave([2, 4], 1)).sum(), layer);
    expect([...gradients.keys()]).toEqual([norm.weight]);
    layer.eval();
    const kept = [...norm.u.value.dataSync()];
    layer.forward(zeros([1, 4])).dataSync();
    expect([...norm.u.value.dataSync()]).toEqual(kept);
  });
});
