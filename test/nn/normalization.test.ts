import { describe, expect, test } from 'vitest';
import { zeros } from '../../src/index.ts';
import * as nn from '../../src/nn/index.ts';
import { expectClose } from '../support/close.ts';
import { casesOf, checkLayer, wave } from './torch_layers.ts';

describe('equal to PyTorch', () => {
  const layers = { LayerNorm: nn.LayerNorm, RMSNorm: nn.RMSNorm, GroupNorm: nn.GroupNorm };
  const cases = casesOf(...Object.keys(layers));
  test.each(cases.map((given) => [given.name, given] as const))('%s', (_, given) => {
    const Layer = layers[given.layer as keyof typeof layers] as unknown as new (...args: never[]) => nn.Layer;
    const layer = new Layer(...given.arguments);
    checkLayer(given, layer, ([x]) => [layer.forward(x)]);
  });
});

describe('functions', () => {
  test('layers without parameters are the functions', () => {
    const x = wave([2, 3, 4], 1);
    const same = (a: nn.Layer, y: { dataSync(): ArrayLike<number> }) =>
      expectClose(a.forward(x).dataSync(), y.dataSync(), { atol: 1e-6 });
    same(new nn.LayerNorm([3, 4], { affine: false }), nn.layerNorm(x, [3, 4]));
    same(new nn.RMSNorm(4, { affine: false }), nn.rmsNorm(x, 4));
    same(new nn.GroupNorm(2, 4, { affine: false }), nn.groupNorm(x, 2));
  });

  test('a large mean costs no precision', () => {
    const x = wave([4, 64], 2);
    const shifted = nn.layerNorm(x.add(4096), 64);
    expectClose(shifted.dataSync(), nn.layerNorm(x, 64).dataSync(), { atol: 2e-3 });
  });

  test('name what does not fit', () => {
    expect(() => nn.layerNorm(zeros([2, 3]), 4)).toThrow(
      /layerNorm: the last axes of the input must be \[4\]/,
    );
    expect(() => nn.rmsNorm(zeros([3]), [2, 3])).toThrow(/rmsNorm: the last axes.*got \[3\]/);
    expect(() => nn.groupNorm(zeros([2, 5]), 2)).toThrow(/divide by groups = 2, got \[2, 5\]/);
    expect(() => new nn.GroupNorm(2, 5)).toThrow(/GroupNorm: 5 channels must divide by groups = 2/);
    expect(() => new nn.GroupNorm(2, 4).forward(zeros([2, 6]))).toThrow(/last axis of the input must be 4/);
    expect(() => new nn.LayerNorm(0)).toThrow(/LayerNorm: sizes must be positive integers, got \[0\]/);
    expect(() => new nn.LayerNorm(3, { elementwiseAffine: true } as object)).toThrow(/unknown option/);
  });
});
