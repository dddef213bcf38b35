import { describe, expect, test } from 'vitest';
import { concat, einsum, grad, type Tensor, tensor, zeros } from '../../src/index.ts';
import * as nn from '../../src/nn/index.ts';
import { expectClose } from '../support/close.ts';
import { casesOf, checkLayer, layerOf, wave } from './torch_layers.ts';

test.each(casesOf('Bilinear').map((given) => [given.name, given] as const))(
  '%s as in PyTorch',
  (_, given) => {
    const layer = layerOf<nn.Bilinear>(given);
    checkLayer(given, layer, ([a, b]) => [layer.forward(a, b)]);
  },
);

test('Bilinear names what does not fit', () => {
  const layer = new nn.Bilinear(3, 4, 2);
  expect(() => layer.forward(zeros([2, 3]), zeros([3, 4]))).toThrow(
    /Bilinear\(3, 4, 2\): inputs must be \[..., 3\] and \[..., 4\], else alike, got \[2, 3\] and \[3, 4\]/,
  );
  expect(() => new nn.Bilinear(3, 0, 2)).toThrow(/Bilinear: inputs2/);
  expect(layer.forward(wave([3], 0), wave([4], 1)).shape).toEqual([2]);
});

describe('merge layers', () => {
  const [a, b, c] = [wave([2, 3], 0), wave([2, 3], 1), wave([2, 3], 2)];

  test('elementwise', () => {
    expectClose(new nn.Add().forward(a, b, c).dataSync(), a.add(b).add(c).dataSync());
    expectClose(new nn.Subtract().forward(a, b).dataSync(), a.sub(b).dataSync());
    expectClose(new nn.Multiply().forward(a, b, c).dataSync(), a.mul(b).mul(c).dataSync());
    const mean = a.add(b).add(c).div(3);
    expectClose(new nn.Average().forward(a, b, c).dataSync(), mean.dataSync(), { atol: 1e-6 });
    expectClose(new nn.Maximum().forward(a, b, c).dataSync(), a.maximum(b).maximum(c).dataSync());
    expectClose(new nn.Minimum().forward(a, b, c).dataSync(), a.minimum(b).minimum(c).dataSync());
    expect(() => new nn.Add().forward(a)).toThrow(/Add: needs two arrays or more, got 1/);
  });

  test('Concatenate, by channels unless said otherwise', () => {
    expectClose(new nn.Concatenate().forward(a, b, c).dataSync(), concat([a, b, c], 1).dataSync());
    expect(new nn.Concatenate(0).forward(a, b).shape).toEqual([4, 3]);
    expect(() => new nn.Concatenate().forward()).toThrow(/Concatenate: needs arrays/);
  });

  test('Dot', () => {
    const dots = new nn.Dot().forward(a, b);
    expect(dots.shape).toEqual([2, 1]);
    expectClose(dots.dataSync(), a.mul(b).sum(1).dataSync(), { atol: 1e-6 });
    const [x, y] = [wave([2, 4, 3], 3), wave([2, 3, 5], 4)];
    const all = new nn.Dot({ axes: [2, 1] }).forward(x, y);
    expectClose(all.dataSync(), einsum('nax,nxb->nab', x, y).dataSync(), { atol: 1e-6 });
    const cosines = new nn.Dot({ normalize: true }).forward(a, a.mul(-3));
    expectClose(cosines.dataSync(), [-1, -1], { atol: 1e-6 });
    const slopes = grad((v: Tensor) => new nn.Dot({ normalize: true }).forward(v, a).sum())(zeros([2, 3]));
    expect([...slopes.dataSync()].every(Number.isFinite)).toBe(true);
    expect(() => new nn.Dot().forward(a, zeros([2, 4]))).toThrow(/agree in the batch and in axes 1 and 1/);
    expect(() => new nn.Dot({ axes: 0 }).forward(a, b)).toThrow(/must exist and not be the batch/);
  });
});

test('TimeDistributed applies its layer to each step', () => {
  const layer = new nn.TimeDistributed(new nn.Conv1d(2, 3, 2));
  const x = wave([2, 4, 5, 2], 5);
  const y = layer.forward(x);
  expect(y.shape).toEqual([2, 4, 4, 3]);
  expectClose(y.at(2, 1).dataSync(), layer.layer.forward(x.at(2, 1)).dataSync(), { atol: 1e-6 });
  expect(layer.namedParameters().map(([name]) => name)).toEqual(['layer.weight', 'layer.bias']);
  expect(() => layer.forward(tensor([1]))).toThrow(/TimeDistributed: the input must be \[batch, time/);
});
