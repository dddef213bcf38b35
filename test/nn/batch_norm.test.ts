import { describe, expect, test } from 'vitest';
import { jit, type Tensor, valueAndGrad, zeros } from '../../src/index.ts';
import * as nn from '../../src/nn/index.ts';
import { expectClose } from '../support/close.ts';
import { casesOf, checkLayer, wave } from './torch_layers.ts';

describe('equal to PyTorch', () => {
  const cases = casesOf('BatchNorm1d', 'BatchNorm2d');
  test.each(cases.map((given) => [given.name, given] as const))('%s', (_, given) => {
    const [channels, options] = given.arguments as unknown as [number, nn.BatchNormOptions];
    const Layer = given.layer === 'BatchNorm1d' ? nn.BatchNorm1d : nn.BatchNorm2d;
    const layer = new Layer(channels, options);
    const { steps } = given.call as unknown as { steps: number };
    checkLayer(given, layer, ([x]) => {
      layer.train();
      const outputs = Array.from({ length: steps }, (_, step) =>
        layer.forward(x.mul(Math.sqrt(step + 1)).add(step)),
      );
      const { runningMean, runningVar } = layer;
      const statistics = runningMean && runningVar ? [runningMean.value, runningVar.value] : [];
      layer.eval();
      return [...outputs, ...statistics, layer.forward(x)];
    });
    expect(layer.batchesTracked?.value.item() ?? steps).toBe(steps);
  });
});

describe('BatchNorm2d', () => {
  test('statistics are buffers: saved, not trained', () => {
    const layer = new nn.BatchNorm2d(3);
    expect(layer.namedParameters().map(([name]) => name)).toEqual(['weight', 'bias']);
    expect(layer.namedBuffers().map(([name]) => name)).toEqual([
      'runningMean',
      'runningVar',
      'batchesTracked',
    ]);
    expect(new nn.BatchNorm2d(3, { affine: false, trackRunningStats: false }).namedVariables()).toEqual([]);
  });

  test('a jitted training step keeps its statistics, evaluation leaves them alone', () => {
    const layer = new nn.BatchNorm2d(2);
    const step = jit((x: Tensor) => valueAndGrad(() => layer.forward(x).square().mean(), layer)[0]);
    const x = wave([3, 2, 2, 2], 1);
    for (let i = 0; i < 200; i++) step(x);
    expect(layer.batchesTracked?.value.item()).toBe(200);
    expectClose(layer.runningMean!.value.dataSync(), x.mean([0, 1, 2]).dataSync(), { atol: 1e-5 });
    const sample = x.var([0, 1, 2], { correction: 1 });
    expectClose(layer.runningVar!.value.dataSync(), sample.dataSync(), { atol: 1e-5 });
    layer.eval();
    step(x.add(7));
    expect(layer.batchesTracked?.value.item()).toBe(200);
    expectClose(layer.runningMean!.value.dataSync(), x.mean([0, 1, 2]).dataSync(), { atol: 1e-5 });
  });

  test('a layer of 3d normalizes over depth, too', () => {
    const y = new nn.BatchNorm3d(2).forward(wave([2, 3, 2, 2, 2], 2));
    expectClose(y.mean([0, 1, 2, 3]).dataSync(), [0, 0], { atol: 1e-6 });
    expectClose(y.var([0, 1, 2, 3]).dataSync(), [1, 1], { atol: 1e-3 });
  });

  test('names what does not fit', () => {
    expect(() => new nn.BatchNorm2d(3).forward(zeros([2, 4, 4, 2]))).toThrow(
      /BatchNorm2d\(3\): the input must have 4 axes, the last of them 3 channels, got \[2, 4, 4, 2\]/,
    );
    expect(() => new nn.BatchNorm1d(3).forward(zeros([1, 3]))).toThrow(
      /more than one value for each channel/,
    );
    expect(new nn.BatchNorm1d(3).eval().forward(zeros([1, 3])).shape).toEqual([1, 3]);
    expect(() => new nn.BatchNorm1d(0)).toThrow(/channels must be a positive integer/);
    expect(() => new nn.BatchNorm1d(2, { momentum: 2 })).toThrow(/momentum must be from 0 to 1/);
  });
});
