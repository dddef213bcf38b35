import { describe, expect, test } from 'vitest';
import { zeros } from '../../src/index.ts';
import * as nn from '../../src/nn/index.ts';
import { expectClose } from '../support/close.ts';
import { casesOf, checkLayer, wave } from './torch_layers.ts';

describe('adaptive pooling', () => {
  const cases = casesOf('AdaptiveAvgPool1d', 'AdaptiveAvgPool2d');
  test.each(cases.map((given) => [given.name, given] as const))('%s as in PyTorch', (_, given) => {
    const [size] = given.arguments as unknown as [number];
    const layer =
      given.layer === 'AdaptiveAvgPool1d' ? new nn.AdaptiveAvgPool1d(size) : new nn.AdaptiveAvgPool2d(size);
    checkLayer(given, layer, ([x]) => [layer.forward(x)]);
  });

  test('functions are the layers', () => {
    const x = wave([2, 5, 3], 0);
    expectClose(nn.adaptiveAvgPool1d(x, 2).dataSync(), new nn.AdaptiveAvgPool1d(2).forward(x).dataSync());
    const image = x.unsqueeze(0);
    expectClose(
      nn.adaptiveAvgPool2d(image, [1, 2]).dataSync(),
      new nn.AdaptiveAvgPool2d([1, 2]).forward(image).dataSync(),
    );
  });

  test('names what does not fit', () => {
    expect(() => nn.adaptiveAvgPool2d(zeros([2, 4, 4]), 2)).toThrow(
      /input must be \[batch, height, width, channels\]/,
    );
    expect(() => nn.adaptiveAvgPool2d(zeros([2, 4, 0, 3]), 2)).toThrow(/no elements to average/);
    expect(() => new nn.AdaptiveAvgPool2d(0)).toThrow(/AdaptiveAvgPool2d: the output size must be/);
  });
});

test('global pooling leaves batch and channels', () => {
  const x = wave([2, 3, 4, 5], 1);
  expect(new nn.GlobalAvgPool2d().forward(x).shape).toEqual([2, 5]);
  expectClose(nn.globalAvgPool2d(x).at(1, 1).dataSync(), x.at(1, 3).mean([1, 2]).dataSync(), { atol: 1e-6 });
  expectClose(new nn.GlobalMaxPool2d().forward(x).at(1).dataSync(), x.at(1).max([0, 1]).dataSync());
  const sequence = x.at(0, 1);
  expectClose(new nn.GlobalAvgPool1d().forward(sequence).dataSync(), sequence.mean(1).dataSync());
  expectClose(new nn.GlobalMaxPool1d().forward(sequence).dataSync(), sequence.max(1).dataSync());
  expect(() => nn.globalAvgPool2d(sequence)).toThrow(/globalAvgPool2d: the input must be/);
  expect(() => nn.globalMaxPool1d(x)).toThrow(/globalMaxPool1d: the input must be/);
});
