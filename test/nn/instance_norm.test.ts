import { expect, test } from 'vitest';
import { zeros } from '../../src/index.ts';
import * as nn from '../../src/nn/index.ts';
import { expectClose } from '../support/close.ts';
import { casesOf, checkLayer, layerOf, testLayers, wave } from './torch_layers.ts';

testLayers('LocalResponseNorm');

const instances = casesOf('InstanceNorm1d', 'InstanceNorm2d', 'InstanceNorm3d');
test.each(instances.map((given) => [given.name, given] as const))('%s as in PyTorch', (_, given) => {
  const layer = layerOf<nn.InstanceNorm2d>(given);
  checkLayer(given, layer, ([x]) => {
    layer.train();
    const outputs = [0, 1].map((step) => layer.forward(x.mul(Math.sqrt(step + 1)).add(step)));
    const statistics = [layer.runningMean, layer.runningVar].flatMap((buffer) =>
      buffer ? [buffer.value] : [],
    );
    return [...outputs, ...statistics, layer.eval().forward(x)];
  });
});

test('instance normalization is group normalization with a group for each channel', () => {
  const x = wave([2, 3, 4, 3], 2);
  expectClose(nn.instanceNorm(x).dataSync(), nn.groupNorm(x, 3).dataSync(), { atol: 1e-5 });
});

test('names what does not fit', () => {
  expect(() => new nn.InstanceNorm2d(3).forward(zeros([1, 2, 2, 4]))).toThrow(
    /InstanceNorm2d\(3\): the input must have 4 axes, the last of them 3 channels, got \[1, 2, 2, 4\]/,
  );
  expect(() => new nn.InstanceNorm1d(3).forward(zeros([4, 1, 3]))).toThrow(/more than one place/);
  expect(() => new nn.InstanceNorm1d(0)).toThrow(/channels must be a positive integer/);
  expect(() => new nn.InstanceNorm1d(1, { momentum: 2 })).toThrow(/momentum must be from 0 to 1/);
  expect(() => nn.instanceNorm(zeros([2, 3]))).toThrow(/\[batch, ...space, channels\], got \[2, 3\]/);
  expect(() => new nn.LocalResponseNorm(0)).toThrow(/LocalResponseNorm: size/);
  expect(() => nn.localResponseNorm(zeros([3]), 2)).toThrow(/localResponseNorm: the input must be/);
});
