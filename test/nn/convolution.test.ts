import { describe, expect, test } from 'vitest';
import { grad, type Tensor, zeros } from '../../src/index.ts';
import * as nn from '../../src/nn/index.ts';
import { expectClose } from '../support/close.ts';
import { testLayers, wave } from './torch_layers.ts';

describe('convolution', () => {
  testLayers('Conv1d', 'Conv2d', 'Conv3d');

  test('padding of every kind keeps or changes the size as it says', () => {
    const x = zeros([1, 5, 5, 1]);
    const w = zeros([1, 3, 3, 1]);
    const pairs = [
      [1, 0],
      [2, 2],
    ] as const;
    expect(nn.conv2d(x, w, { padding: pairs }).shape).toEqual([1, 4, 7, 1]);
    expect(nn.conv2d(x, w, { padding: 'same', paddingMode: 'circular' }).shape).toEqual([1, 5, 5, 1]);
    expect(nn.conv3d(zeros([1, 3, 4, 5, 2]), zeros([3, 2, 2, 2, 2])).shape).toEqual([1, 2, 3, 4, 3]);
  });

  test('refuses what does not fit', () => {
    expect(() => new nn.Conv3d(2, 3, 2).forward(zeros([1, 4, 4, 2]))).toThrow(
      /Conv3d: the input must be \[batch, depth, height, width, channels\], got \[1, 4, 4, 2\]/,
    );
    expect(() => new nn.Conv2d(1, 1, 3, { paddingMode: 'mirror' as 'reflect' })).toThrow(
      /Conv2d: paddingMode must be one of zeros, reflect, replicate, circular, got 'mirror'/,
    );
    expect(() => new nn.Conv2d(1, 1, 3, { padding: [[1, 2]] })).toThrow(
      /padding by pairs must be \[before, after\] from 0 on for each of 2 axes/,
    );
  });
});

describe('depthwise and separable convolution', () => {
  testLayers('DepthwiseConv1d', 'DepthwiseConv2d', 'SeparableConv1d', 'SeparableConv2d');

  test('refuse what does not fit', () => {
    expect(() => new nn.DepthwiseConv2d(2, 3, { groups: 2 } as object)).toThrow(/unknown option 'groups'/);
    expect(() => new nn.DepthwiseConv2d(2, 3, { multiplier: 0 })).toThrow(/DepthwiseConv2d: multiplier/);
    expect(() => new nn.SeparableConv2d(0, 3, 3)).toThrow(/SeparableConv2d: inputs/);
  });
});

describe('transposed convolution', () => {
  testLayers('ConvTranspose1d', 'ConvTranspose2d', 'ConvTranspose3d');

  test('is the gradient of convolution', () => {
    const options = { stride: 2, padding: 1, groups: 2 };
    const weight = wave([4, 3, 3, 3], 1);
    const image = wave([2, 7, 5, 6], 2);
    const ct = wave([2, 4, 3, 4], 3);
    const gradient = grad((x: Tensor) => nn.conv2d(x, weight, options).mul(ct).sum())(image);
    expectClose(nn.convTranspose2d(ct, weight, options).dataSync(), gradient.dataSync(), { atol: 1e-5 });
  });

  test("padding 'same' makes the output stride times as large", () => {
    const layer = new nn.ConvTranspose2d(1, 2, [4, 1], { stride: 3, padding: 'same' });
    expect(layer.forward(zeros([1, 5, 4, 1])).shape).toEqual([1, 15, 12, 2]);
    // The same places as in the output without cuts.
    const [x, w] = [wave([1, 4, 1], 0), wave([1, 4, 2], 1)];
    const whole = nn.convTranspose1d(x, w, { stride: 2 });
    const same = nn.convTranspose1d(x, w, { stride: 2, padding: 'same' });
    expectClose(same.dataSync(), whole.slice(null, [1, 9]).dataSync());
  });

  test('refuses what does not fit', () => {
    const layer = new nn.ConvTranspose2d(3, 2, 2);
    expect(() => layer.forward(zeros([4, 4, 3]))).toThrow(
      /ConvTranspose2d: the input must be \[batch, height, width/,
    );
    expect(() => layer.forward(zeros([1, 4, 4, 2]))).toThrow(/with the input's 2 channels as in/);
    expect(() => new nn.ConvTranspose1d(2, 2, 3, { outputPadding: 1 })).toThrow(
      /outputPadding must be less than stride or dilation, got 1/,
    );
    expect(() => new nn.ConvTranspose1d(2, 2, 3, { padding: 'same', outputPadding: 1, stride: 2 })).toThrow(
      /no meaning with padding 'same'/,
    );
    expect(() => new nn.ConvTranspose1d(3, 2, 3, { groups: 2 })).toThrow(/must divide by groups = 2/);
    const short = new nn.ConvTranspose1d(1, 1, 3, { padding: 3 });
    expect(() => short.forward(zeros([1, 2, 1]))).toThrow(/cuts the whole output away/);
  });
});
