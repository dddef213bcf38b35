import { describe, expect, test } from 'vitest';
import { concat, einsum, grad, ones, random, type Tensor, tensor, vjp, zeros } from '../../src/index.ts';
import * as nn from '../../src/nn/index.ts';
import { expectClose } from '../support/close.ts';

const draw = (shape: number[], seed = 0): Tensor => random.normal(shape, { key: random.key(seed) });
const numbers = (x: Tensor): number[] => [...x.dataSync()].map(Number);
const count = (model: nn.Module): number =>
  model.parameters().reduce((sum, parameter) => sum + parameter.value.size, 0);
const dot = (a: Tensor, b: Tensor): number => a.mul(b).sum().item();

/** Convolution [height, width, in] by loops over [out, kh, kw, in], with zeros around. */
function convolveByLoops(
  x: number[][][],
  weight: number[][][][],
  {
    stride = 1,
    before = 0,
    after = 0,
    dilation = 1,
  }: { stride?: number; before?: number; after?: number; dilation?: number } = {},
): number[][][] {
  const [h, w] = [x.length, x[0].length];
  const [kh, kw] = [weight[0].length, weight[0][0].length];
  const size = (n: number, k: number) =>
    Math.floor((n + before + after - dilation * (k - 1) - 1) / stride) + 1;
  return Array.from({ length: size(h, kh) }, (_, i) =>
    Array.from({ length: size(w, kw) }, (_, j) =>
      weight.map((filter) => {
        let sum = 0;
        for (let a = 0; a < kh; a++)
          for (let b = 0; b < kw; b++) {
            const pixel = x[i * stride + a * dilation - before]?.[j * stride + b * dilation - before];
            if (pixel !== undefined) for (let c = 0; c < pixel.length; c++) sum += pixel[c] * filter[a][b][c];
          }
        return sum;
      }),
    ),
  );
}

describe('A04', () => {
  test('A04-19 Conv1d gives [9, 0, 1, 3, −5, −3, 6], and sums over channels', () => {
    const layer = new nn.Conv1d(1, 1, 4);
    layer.loadStateDict({ weight: tensor([1, 2, 0, -1]).reshape([1, 4, 1]), bias: tensor([0]) });
    const line = [1, 4, -1, 0, 2, -2, 1, 3, 3, 1];
    expect(numbers(layer.forward(tensor(line).reshape([1, 10, 1])))).toEqual([9, 0, 1, 3, -5, -3, 6]);
    const [x, w] = [draw([9, 1, 3], 1), draw([2, 4, 1, 3], 2)];
    const expected = convolveByLoops(x.toArray() as number[][][], w.toArray() as number[][][][], {
      stride: 2,
    });
    expectClose(
      numbers(nn.conv1d(x.reshape([1, 9, 3]), w.reshape([2, 4, 3]), { stride: 2 })),
      expected.flat(3),
      { atol: 1e-5 },
    );
  });

  test('A04-20 Conv2d: n×n×c by f filters gives (n − f + 1)² values of each; bias and activation', () => {
    for (const [n, f, channels, filters] of [
      [6, 3, 1, 1],
      [7, 3, 3, 10],
      [8, 5, 2, 4],
    ]) {
      const layer = new nn.Conv2d(channels, filters, f);
      expect(count(layer)).toBe(f * f * channels * filters + filters);
      const x = draw([n, n, channels], n);
      const y = layer.forward(x.reshape([1, n, n, channels])).relu();
      expect(y.shape).toEqual([1, n - f + 1, n - f + 1, filters]);
      const sums = convolveByLoops(
        x.toArray() as number[][][],
        layer.weight.value.toArray() as number[][][][],
      );
      const bias = numbers(layer.bias!.value);
      expectClose(
        numbers(y),
        sums.flatMap((row) => row.flatMap((pixel) => pixel.map((v, k) => Math.max(0, v + bias[k])))),
        { atol: 1e-5 },
      );
    }
  });

  test('A04-21 padding: valid, same = (f − 1) / 2, explicit and asymmetric; TensorFlow’s SAME gives ⌈in / stride⌉', () => {
    const weight = (f: number) => draw([1, f, 1], f);
    for (const f of [1, 3, 5, 7]) {
      const x = draw([1, 12, 1], 3);
      const same = nn.conv1d(x, weight(f), { padding: 'same' });
      expect(same.shape[1]).toBe(12);
      expect(numbers(same)).toEqual(numbers(nn.conv1d(x, weight(f), { padding: (f - 1) / 2 })));
      expect(nn.conv1d(x, weight(f), { padding: 'valid' }).shape[1]).toBe(12 - f + 1);
    }
    for (let n = 1; n <= 14; n++)
      for (let f = 1; f <= 6; f++)
        for (let stride = 1; stride <= 4; stride++) {
          const x = draw([1, n, 1], n);
          const out = nn.conv1d(x, weight(f), { padding: 'same', stride });
          expect(out.shape[1]).toBe(Math.ceil(n / stride));
          // What is missing is divided, the odd one goes to the end.
          const total = Math.max(0, (Math.ceil(n / stride) - 1) * stride + f - n);
          const pair: [number, number] = [Math.floor(total / 2), total - Math.floor(total / 2)];
          expect(numbers(out)).toEqual(numbers(nn.conv1d(x, weight(f), { padding: [pair], stride })));
        }
    // One side only: a causal convolution sees nothing of the future.
    const causal = (x: Tensor) => nn.conv1d(x, weight(3), { padding: [[2, 0]] });
    const x = draw([1, 8, 1], 5);
    const changed = concat([x.slice(null, [0, 5]), x.slice(null, [5, null]).add(1)], 1);
    expect(numbers(causal(changed)).slice(0, 5)).toEqual(numbers(causal(x)).slice(0, 5));
    expect(numbers(causal(changed))[5]).not.toBe(numbers(causal(x))[5]);
    const rows = draw([6, 5, 1], 7);
    const kernel = draw([1, 3, 3, 1], 8);
    expectClose(
      numbers(
        nn.conv2d(rows.reshape([1, 6, 5, 1]), kernel, {
          padding: [
            [2, 1],
            [2, 1],
          ],
        }),
      ),
      convolveByLoops(rows.toArray() as number[][][], kernel.toArray() as number[][][][], {
        before: 2,
        after: 1,
      }).flat(3),
      { atol: 1e-5 },
    );
  });

  test('A04-22 stride: ⌊(n + 2p − f) / s⌋ + 1; where it does not divide, the last pixels are not seen', () => {
    for (const [n, p, f, s] of [
      [7, 0, 3, 2],
      [6, 0, 3, 2],
      [5, 1, 3, 2],
      [28, 2, 5, 3],
      [227, 0, 11, 4],
    ]) {
      const layer = new nn.Conv2d(1, 1, f, { stride: s, padding: p });
      const out = Math.floor((n + 2 * p - f) / s) + 1;
      expect(layer.forward(zeros([1, n, n, 1])).shape).toEqual([1, out, out, 1]);
    }
    // (6 - 3) / 2 is not whole: the last row and column have no gradient.
    const seen = grad((x: Tensor) => nn.conv2d(x, ones([1, 3, 3, 1]), { stride: 2 }).sum())(
      zeros([1, 6, 6, 1]),
    );
    expect(seen.sum([0, 2, 3]).toArray()).toEqual([6, 6, 12, 6, 6, 0]);
  });

  test('A04-23 a 1×1 convolution is a dense layer at each pixel', () => {
    const convolution = new nn.Conv2d(8, 3, 1);
    const dense = new nn.Linear(8, 3);
    dense.loadStateDict({
      weight: convolution.weight.value.reshape([3, 8]),
      bias: convolution.bias!.value,
    });
    expect(count(convolution)).toBe(count(dense));
    const x = draw([2, 5, 4, 8]);
    expectClose(numbers(convolution.forward(x)), numbers(dense.forward(x)), { atol: 1e-6 });
  });

  test('A04-24 a transposed convolution is the adjoint of the convolution; with stride k it upsamples k×k', () => {
    const double = (x: Tensor) => x.cast('float64');
    for (const [n, f, stride, padding, dilation] of [
      [7, 3, 1, 0, 1],
      [9, 3, 2, 1, 1],
      [8, 2, 2, 0, 1],
      [11, 3, 2, 2, 2],
    ]) {
      const options = { stride, padding, dilation };
      const x = double(draw([2, n, n, 3], 1));
      const weight = double(draw([4, f, f, 3], 2));
      const y = nn.conv2d(x, weight, options);
      const u = double(draw([...y.shape], 3));
      // [out, kh, kw, in] of the one is [in, kh, kw, out] of the other.
      const back = nn.convTranspose2d(u, weight, {
        ...options,
        outputPadding: (n + 2 * padding - dilation * (f - 1) - 1) % stride,
      });
      expect(back.shape).toEqual(x.shape);
      expect(dot(y, u)).toBeCloseTo(dot(x, back), 8);
      const [, pullback] = vjp((input: Tensor) => nn.conv2d(input, weight, options), x);
      expectClose(numbers(pullback(u)), numbers(back), { atol: 1e-10 });
    }
    for (const k of [2, 3]) {
      const x = tensor([1, 2, 3, 4]).reshape([1, 2, 2, 1]);
      const up = nn.convTranspose2d(x, ones([1, k, k, 1]), { stride: k });
      expect(numbers(up)).toEqual(numbers(new nn.Upsample(k).forward(x)));
    }
  });

  test('A04-25 a dilated convolution is one with zeros in its kernel', () => {
    for (const dilation of [2, 3]) {
      const [x, kernel] = [draw([1, 12, 11, 2], 1), draw([3, 3, 3, 2], 2)];
      const size = 2 * dilation + 1;
      const stuffed = Array.from({ length: 3 }, (_, o) =>
        Array.from({ length: size }, (_, i) =>
          Array.from({ length: size }, (_, j) =>
            i % dilation === 0 && j % dilation === 0
              ? (kernel.toArray() as number[][][][])[o][i / dilation][j / dilation]
              : [0, 0],
          ),
        ),
      );
      const dilated = nn.conv2d(x, kernel, { dilation });
      expect(dilated.shape).toEqual([1, 12 - size + 1, 11 - size + 1, 3]);
      expectClose(numbers(dilated), numbers(nn.conv2d(x, tensor(stuffed))), { atol: 1e-5 });
    }
  });

  test('A04-26 a depthwise separable 3×3 convolution of 16 to 32 channels has 656 weights, a full one 4608', () => {
    const separable = new nn.SeparableConv2d(16, 32, 3, { bias: false });
    expect(separable.namedParameters().map(([, p]) => p.value.size)).toEqual([3 * 3 * 16, 16 * 32]);
    expect(count(separable)).toBe(656);
    expect(count(new nn.Conv2d(16, 32, 3, { bias: false }))).toBe(4608);
    // It is a full convolution whose kernel for each pair of channels is the one's filter times a number.
    const depthwise = separable.depthwise.weight.value.reshape([16, 3, 3]);
    const pointwise = separable.pointwise.weight.value.reshape([32, 16]);
    const full = einsum('cij,oc->oijc', depthwise, pointwise);
    const x = draw([2, 6, 7, 16]);
    expectClose(numbers(separable.forward(x)), numbers(nn.conv2d(x, full)), { atol: 1e-5 });
  });

  test('A04-27 max and average pooling: by loops, without parameters; who is the gradient’s', () => {
    const x = draw([1, 7, 7, 2], 4);
    const at = x.toArray() as number[][][][];
    for (const [f, s] of [
      [2, 2],
      [3, 1],
      [3, 2],
    ]) {
      const size = Math.floor((7 - f) / s) + 1;
      const pool = (reduce: (values: number[]) => number): number[] => {
        const out: number[] = [];
        for (let i = 0; i < size; i++)
          for (let j = 0; j < size; j++)
            for (let c = 0; c < 2; c++) {
              const values: number[] = [];
              for (let a = 0; a < f; a++)
                for (let b = 0; b < f; b++) values.push(at[0][i * s + a][j * s + b][c]);
              out.push(reduce(values));
            }
        return out;
      };
      const [largest, mean] = [new nn.MaxPool2d(f, { stride: s }), new nn.AvgPool2d(f, { stride: s })];
      expect([count(largest), count(mean)]).toEqual([0, 0]);
      expect(numbers(largest.forward(x))).toEqual(pool((values) => Math.max(...values)));
      expectClose(
        numbers(mean.forward(x)),
        pool((values) => values.reduce((a, b) => a + b) / values.length),
        { atol: 1e-6 },
      );
    }
    const block = tensor([1, 5, 2, 3]).reshape([1, 2, 2, 1]);
    const by = (pool: (x: Tensor) => Tensor) => numbers(grad((input: Tensor) => pool(input).sum())(block));
    expect(by((input) => nn.maxPool2d(input, 2))).toEqual([0, 1, 0, 0]);
    expect(by((input) => nn.avgPool2d(input, 2))).toEqual([0.25, 0.25, 0.25, 0.25]);
  });

  test('A04-28 upsampling by (2, 2) repeats rows and columns; its gradient sums the copies', () => {
    const up = new nn.Upsample({ scaleFactor: [2, 2] });
    const x = tensor([1, 2, 3, 4]).reshape([1, 2, 2, 1]);
    expect(up.forward(x).reshape([4, 4]).toArray()).toEqual([
      [1, 1, 2, 2],
      [1, 1, 2, 2],
      [3, 3, 4, 4],
      [3, 3, 4, 4],
    ]);
    expect(up.forward(zeros([8, 7, 7, 16])).shape).toEqual([8, 14, 14, 16]);
    const [, pullback] = vjp((input: Tensor) => up.forward(input), x);
    expect(numbers(pullback(tensor(Array.from({ length: 16 }, (_, i) => i)).reshape([1, 4, 4, 1])))).toEqual([
      0 + 1 + 4 + 5,
      2 + 3 + 6 + 7,
      8 + 9 + 12 + 13,
      10 + 11 + 14 + 15,
    ]);
  });

  test('A04-29 global average pooling of 14×14 maps is one number each', () => {
    const layer = new nn.GlobalAvgPool2d();
    expect(count(layer)).toBe(0);
    const x = draw([2, 14, 14, 5]);
    const pooled = layer.forward(x);
    expect(pooled.shape).toEqual([2, 5]);
    expectClose(numbers(pooled), numbers(nn.avgPool2d(x, 14)), { atol: 1e-6 });
    expectClose(numbers(pooled), numbers(x.mean([1, 2])), { atol: 1e-6 });
    // Any size of picture goes in.
    expect(layer.forward(zeros([2, 9, 3, 5])).shape).toEqual([2, 5]);
  });
});
