import { describe, expect, test } from 'vitest';
import { arange, type Tensor, tensor, zeros } from '../../src/index.ts';
import * as nn from '../../src/nn/index.ts';
import { expectClose } from '../support/close.ts';
import { testLayers, wave } from './torch_layers.ts';

describe('layers of shapes', () => {
  const x = arange(24).reshape([2, 3, 4]);

  test('lay out what they get', () => {
    expect(new nn.Identity().forward(x)).toBe(x);
    expect(new nn.Flatten().forward(x).shape).toEqual([2, 12]);
    expect(new nn.Unflatten(2, [2, -1]).forward(x).shape).toEqual([2, 3, 2, 2]);
    expect(new nn.Reshape([4, 3]).forward(x).shape).toEqual([2, 4, 3]);
    expect(new nn.Reshape([-1, 2]).forward(x).at(1).at(0).toArray()).toEqual([12, 13]);
    expect(new nn.Permute([0, 2, 1]).forward(x).at(0).at(1).toArray()).toEqual([1, 5, 9]);
    expect(new nn.RepeatVector(3).forward(tensor([[1, 2]])).toArray()).toEqual([
      [
        [1, 2],
        [1, 2],
        [1, 2],
      ],
    ]);
  });

  test('Lambda calls its function, with any number of arrays', () => {
    expect(new nn.Lambda((v: Tensor) => v.add(1)).forward(tensor([1])).toArray()).toEqual([2]);
    const product = new nn.Lambda((a: Tensor, b: Tensor) => a.mul(b), { name: 'product' });
    expect(product.forward(tensor([2]), tensor([3])).toArray()).toEqual([6]);
    expect(product.name).toBe('product');
    expect(() => new nn.Lambda(3 as never)).toThrow(/Lambda: needs a function, got number/);
  });

  test('refuse what does not fit', () => {
    expect(() => new nn.Reshape([5]).forward(x)).toThrow(/Reshape\(\[5\]\): .*\[2, 3, 4\] have 12 elements/);
    expect(() => new nn.Reshape([-1, 5]).forward(x)).toThrow(/have 12 elements/);
    expect(() => new nn.RepeatVector(2).forward(x)).toThrow(/\[batch, features\], got \[2, 3, 4\]/);
    expect(() => new nn.RepeatVector(0)).toThrow(/RepeatVector: count/);
  });
});

describe('padding layers', () => {
  testLayers('ReflectionPad1d', 'ReflectionPad3d', 'ReplicationPad2d', 'CircularPad2d', 'ZeroPad3d');
  testLayers('ConstantPad2d');

  test('in every number of dimensions', () => {
    const shapes = [
      [1, 4, 1],
      [1, 4, 4, 1],
      [1, 4, 4, 4, 1],
    ];
    shapes.forEach((shape, i) => {
      const grown = shape.map((n, axis) => (axis > 0 && axis <= i + 1 ? n + 2 : n));
      for (const kind of ['ZeroPad', 'ReflectionPad', 'ReplicationPad', 'CircularPad', 'ConstantPad'])
        expect(
          new (nn as unknown as Record<string, new (n: number, v: number) => nn.Layer>)[`${kind}${i + 1}d`](
            1,
            7,
          ).forward(zeros(shape)).shape,
        ).toEqual(grown);
    });
  });

  test('refuse what does not fit', () => {
    expect(() => new nn.ZeroPad2d(1).forward(zeros([2, 2, 1]))).toThrow(
      /ZeroPad2d: the input must be \[batch/,
    );
    expect(() => new nn.ReflectionPad1d(3).forward(zeros([1, 3, 1]))).toThrow(
      /ReflectionPad1d: a border of \[3, 3\] is too wide for axis 1 of \[1, 3, 1\], which can give 2/,
    );
    expect(() => new nn.CircularPad1d([[0, 4]]).forward(zeros([1, 3, 1]))).toThrow(/can give 3 elements/);
    expect(() => new nn.ZeroPad2d(-1)).toThrow(/ZeroPad2d: padding must be/);
  });
});

describe('resolution', () => {
  testLayers('PixelShuffle', 'PixelUnshuffle', 'Upsample');

  test('unshuffling undoes shuffling', () => {
    const x = wave([2, 2, 3, 18], 1);
    expectClose(nn.pixelUnshuffle(nn.pixelShuffle(x, 3), 3).dataSync(), x.dataSync());
    expect(new nn.Upsample(2).forward(zeros([1, 3, 2])).shape).toEqual([1, 6, 2]);
  });

  test('refuses what does not fit', () => {
    expect(() => nn.pixelShuffle(zeros([1, 2, 2, 6]), 2)).toThrow(/6 channels must divide by 2² = 4/);
    expect(() => nn.pixelUnshuffle(zeros([1, 2, 3, 6]), 2)).toThrow(/2 x 3 must divide by 2/);
    expect(() => new nn.PixelShuffle(0)).toThrow(/PixelShuffle: factor/);
    expect(() => new nn.Upsample({ mode: 'bilinear' })).toThrow(/either size or scaleFactor/);
    expect(() => new nn.Upsample({ scale: 2 } as object)).toThrow(/unknown option 'scale'/);
  });
});
