import { describe, expect, test } from 'vitest';
import { type Tensor, tensor, zeros } from '../../src/index.ts';
import * as nn from '../../src/nn/index.ts';
import { expectClose } from '../support/close.ts';
import { casesOf, checkLayer, testLayers, wave } from './torch_layers.ts';

describe('pooling', () => {
  testLayers('MaxPool1d', 'MaxPool2d', 'MaxPool3d', 'AvgPool1d', 'AvgPool2d', 'AvgPool3d');
  testLayers('LPPool1d', 'LPPool2d');
  testLayers('AdaptiveAvgPool3d', 'AdaptiveMaxPool1d', 'AdaptiveMaxPool2d', 'AdaptiveMaxPool3d');

  test('refuses what does not fit', () => {
    const x = zeros([1, 4, 4, 1]);
    expect(() => nn.maxPool3d(x, 2)).toThrow(/maxPool3d: the input must be \[batch, depth, height, width/);
    expect(() => nn.maxPool2d(x, 2, { countIncludePad: true } as object)).toThrow(/unknown option/);
    expect(() => nn.avgPool2d(x, 2, { dilation: 2 } as object)).toThrow(/unknown option 'dilation'/);
    expect(() => nn.avgPool2d(x, 2, { padding: 2 })).toThrow(/avgPool2d: padding must be at most half/);
    expect(() => nn.lpPool2d(x, 0, 2)).toThrow(/lpPool2d: the power must be positive, got 0/);
    expect(() => new nn.AdaptiveMaxPool2d([2, 0])).toThrow(/AdaptiveMaxPool2d: the output size/);
    expect(() => nn.adaptiveMaxPool1d(zeros([1, 0, 2]), 2)).toThrow(/no elements to choose from/);
  });

  test('global pooling of volumes', () => {
    const x = wave([2, 2, 3, 4, 2], 1);
    expectClose(new nn.GlobalAvgPool3d().forward(x).dataSync(), x.mean([1, 2, 3]).dataSync());
    expectClose(new nn.GlobalMaxPool3d().forward(x).dataSync(), x.max([1, 2, 3]).dataSync());
    expect(() => nn.globalAvgPool3d(zeros([1, 2, 2, 2]))).toThrow(/globalAvgPool3d: the input must be/);
  });
});

describe('unpooling', () => {
  type Pair = [
    (x: Tensor, kernel: number) => { values: Tensor; indices: Tensor },
    (x: Tensor, i: Tensor, size: number[]) => Tensor,
  ];
  const pairs: Readonly<Record<string, Pair>> = {
    maxUnpool1d: [nn.maxPool1dWithIndices, nn.maxUnpool1d],
    maxUnpool2d: [nn.maxPool2dWithIndices, nn.maxUnpool2d],
    maxUnpool3d: [nn.maxPool3dWithIndices, nn.maxUnpool3d],
  };
  test.each(casesOf(...Object.keys(pairs)).map((given) => [given.name, given] as const))(
    '%s as in PyTorch',
    (_, given) => {
      const [pool, unpool] = pairs[given.layer];
      const [kernel, size] = given.arguments as unknown as [number, number[]];
      checkLayer(given, null, ([x]) => {
        const { values, indices } = pool(x, kernel);
        return [values, indices.cast('float32'), unpool(values.mul(2), indices, size)];
      });
    },
  );

  test('places are found with padding, too', () => {
    const { values, indices } = nn.maxPool1dWithIndices(tensor([[[-1], [-2], [-5]]]), 2, { padding: 1 });
    expect(values.toArray()).toEqual([[[-1], [-2]]]);
    expect(indices.toArray()).toEqual([[[0], [1]]]);
    expect(() => nn.maxUnpool1d(values, values, 3)).toThrow(/maxUnpool1d: indices must be int32 \[1, 2, 1\]/);
  });
});
