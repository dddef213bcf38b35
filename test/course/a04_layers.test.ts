import { describe, expect, test } from 'vitest';
import {
  concat,
  einsum,
  grad,
  ones,
  random,
  type Tensor,
  tensor,
  valueAndGrad,
  vjp,
  zeros,
} from '../../src/index.ts';
import * as nn from '../../src/nn/index.ts';
import * as optim from '../../src/optim/index.ts';
import { expectClose } from '../support/close.ts';
import { multiplications } from '../support/multiplications.ts';

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
  test('A04-01 dense layer: g(XW + b), S_in S_out + S_out parameters, S_in S_out multiplications', () => {
    for (const [inputs, outputs] of [
      [1, 1],
      [2, 4],
      [500, 32],
    ]) {
      const layer = new nn.Linear(inputs, outputs);
      const { parameters, flops } = nn.summarize(layer, [1, inputs]);
      expect(parameters).toBe(inputs * outputs + outputs);
      expect(multiplications([layer.forward(zeros([1, inputs]))])).toBe(inputs * outputs);
      // With the additions, and those of the bias.
      expect(flops).toBe(2 * inputs * outputs + outputs);
    }
    const layer = new nn.Linear(3, 2);
    const w = [
      [1, -2, 0.5],
      [0, 3, -1],
    ];
    layer.loadStateDict({ weight: tensor(w), bias: tensor([0.5, -1]) });
    const a = [
      [1, 2, 4],
      [0, -1, 2],
    ];
    // One example: g(W a + b); a batch: g(X Wᵀ + b), W as rows of units.
    const byHand = a.map((row) =>
      w.map((unit, i) => Math.tanh(unit.reduce((sum, v, k) => sum + v * row[k], [0.5, -1][i]))),
    );
    expectClose(numbers(layer.forward(tensor(a)).tanh()), byHand.flat(), { rtol: 1e-6 });
    expectClose(numbers(layer.forward(tensor(a[0])).tanh()), byHand[0], { rtol: 1e-6 });
    expectClose(
      numbers(
        tensor(a)
          .matmul(tensor(w).transpose())
          .add(tensor([0.5, -1]))
          .tanh(),
      ),
      byHand.flat(),
      { rtol: 1e-6 },
    );
  });

  describe('merges', () => {
    const a = tensor([[1, -2, 3]]);
    const b = tensor([[4, 5, -6]]);
    const c = tensor([[0, 1, 2]]);

    test('A04-09 Add', () => {
      expect(new nn.Add().forward(a, b, c).toArray()).toEqual([[5, 4, -1]]);
      expect(() => new nn.Add().forward(a)).toThrow(/two arrays or more/);
      expect(() => new nn.Add().forward(a, zeros([1, 2]))).toThrow();
    });

    test('A04-10 Subtract', () => {
      expect(new nn.Subtract().forward(a, b).toArray()).toEqual([[-3, -7, 9]]);
    });

    test('A04-11 Multiply', () => {
      expect(new nn.Multiply().forward(a, b).toArray()).toEqual([[4, -10, -18]]);
      // Each input's gradient is the other one.
      expect(grad((x: Tensor) => new nn.Multiply().forward(x, b).sum())(a).toArray()).toEqual([[4, 5, -6]]);
    });

    test('A04-12 Average', () => {
      expect(new nn.Average().forward(a, b).toArray()).toEqual([[2.5, 1.5, -1.5]]);
      expectClose(numbers(new nn.Average().forward(a, b, c)), [5 / 3, 4 / 3, -1 / 3], { rtol: 1e-6 });
    });

    test('A04-13 Maximum', () => {
      expect(new nn.Maximum().forward(a, b, c).toArray()).toEqual([[4, 5, 3]]);
    });

    test('A04-14 Concatenate, and in place of the sum of a residual block', () => {
      expect(new nn.Concatenate().forward(a, b).toArray()).toEqual([[1, -2, 3, 4, 5, -6]]);
      expect(new nn.Concatenate(0).forward(a, b).shape).toEqual([2, 3]);
      const x = draw([1, 4, 4, 3]);
      const inner = new nn.Conv2d(3, 5, 3, { padding: 'same' });
      const joined = new nn.Concatenate().forward(x, inner.forward(x));
      expect(joined.shape).toEqual([1, 4, 4, 8]);
      expect(joined.slice(null, null, null, [0, 3]).toArray()).toEqual(x.toArray());
      expect(() => new nn.Concatenate().forward(a, zeros([2, 3]))).toThrow();
    });

    test('A04-15 Dot', () => {
      expect(new nn.Dot().forward(a, b).toArray()).toEqual([[1 * 4 - 2 * 5 - 3 * 6]]);
      const cosine = new nn.Dot({ normalize: true }).forward(a, b).item();
      expect(cosine).toBeCloseTo(-24 / Math.sqrt(14 * 77), 6);
      // [batch, 2, 3] and [batch, 4, 3]: each vector of the one with each of the other.
      const [x, y] = [draw([5, 2, 3], 1), draw([5, 4, 3], 2)];
      expectClose(numbers(new nn.Dot().forward(x, y)), numbers(einsum('nik,njk->nij', x, y)), { atol: 1e-6 });
    });
  });

  test('A04-16 Embedding: (32, 10) to (32, 10, 64) of 1000 symbols; [[4], [20]] to [[.25, .1], [.6, −.2]]', () => {
    const layer = new nn.Embedding(1000, 64);
    expect(count(layer)).toBe(64_000);
    const indices = random.randint([32, 10], 0, 1000, { key: random.key(0) });
    expect(layer.forward(indices).shape).toEqual([32, 10, 64]);
    const table = new nn.Embedding(21, 2);
    const rows = Array.from({ length: 21 }, () => [0, 0]);
    rows[4] = [0.25, 0.1];
    rows[20] = [0.6, -0.2];
    table.loadStateDict({ weight: tensor(rows) });
    const looked = table.forward(tensor([[4], [20]], { dtype: 'int32' }));
    expect(looked.shape).toEqual([2, 1, 2]);
    expectClose(numbers(looked), [0.25, 0.1, 0.6, -0.2], { rtol: 1e-7 });
    // It is the product of one-hot rows with the table, and only the rows that were looked up have a gradient.
    const hot = tensor([[4, 20].map((k) => Array.from({ length: 21 }, (_, i) => (i === k ? 1 : 0)))]).reshape(
      [2, 21],
    );
    expectClose(numbers(hot.matmul(table.weight.value)), numbers(looked));
    const [, grads] = valueAndGrad(() => table.forward(tensor([4, 20, 4], { dtype: 'int32' })).sum(), table);
    const byRow = grads.get(table.weight)!.sum(1).toArray() as number[];
    expect(byRow.map((v, i) => [i, v]).filter(([, v]) => v !== 0)).toEqual([
      [4, 4],
      [20, 2],
    ]);
  });

  test('A04-17 Flatten: a picture row by row, without parameters', () => {
    const layer = new nn.Flatten();
    expect(count(layer)).toBe(0);
    const x = tensor([
      [
        [1, 2],
        [3, 4],
      ],
      [
        [5, 6],
        [7, 8],
      ],
    ]);
    expect(layer.forward(x).toArray()).toEqual([
      [1, 2, 3, 4],
      [5, 6, 7, 8],
    ]);
    expect(layer.forward(zeros([32, 15, 15, 64])).shape).toEqual([32, 14_400]);
  });

  test('A04-18 ZeroPad2d (1, 1): a frame of zeros', () => {
    const framed = new nn.ZeroPad2d([1, 1]).forward(
      tensor([
        [
          [[1], [2]],
          [[3], [4]],
        ],
      ]),
    );
    expect(framed.shape).toEqual([1, 4, 4, 1]);
    expect(framed.reshape([4, 4]).toArray()).toEqual([
      [0, 0, 0, 0],
      [0, 1, 2, 0],
      [0, 3, 4, 0],
      [0, 0, 0, 0],
    ]);
  });

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

  test('A04-30 batch normalization: γ (x − μ) / √(σ² + ε) + β of the batch in training, of moving averages after it', () => {
    const layer = new nn.BatchNorm1d(2, { eps: 1e-3, momentum: 0.1 });
    layer.loadStateDict({ ...layer.stateDict(), weight: tensor([2, 0.5]), bias: tensor([1, -1]) });
    const batch = [
      [1, 10],
      [3, 30],
      [5, 80],
    ];
    const column = (k: number) => batch.map((row) => row[k]);
    const mean = (values: number[]) => values.reduce((a, b) => a + b) / values.length;
    const spread = (values: number[], divisor: number) =>
      values.reduce((sum, v) => sum + (v - mean(values)) ** 2, 0) / divisor;
    const [gamma, beta] = [
      [2, 0.5],
      [1, -1],
    ];
    layer.train();
    const normalized = batch.map((row) =>
      row.map(
        (v, k) => (gamma[k] * (v - mean(column(k)))) / Math.sqrt(spread(column(k), 3) + 1e-3) + beta[k],
      ),
    );
    expectClose(numbers(layer.forward(tensor(batch))), normalized.flat(), { rtol: 1e-5, atol: 1e-5 });
    // The averages move a tenth of the way from 0 and 1; their variance is that of the sample.
    const moved = [0, 1].map((k) => [0.1 * mean(column(k)), 0.9 + 0.1 * spread(column(k), 2)]);
    expectClose(numbers(layer.runningMean!.value), [moved[0][0], moved[1][0]], { rtol: 1e-6 });
    expectClose(numbers(layer.runningVar!.value), [moved[0][1], moved[1][1]], { rtol: 1e-6 });
    layer.eval();
    const fixed = batch.map((row) =>
      row.map((v, k) => (gamma[k] * (v - moved[k][0])) / Math.sqrt(moved[k][1] + 1e-3) + beta[k]),
    );
    expectClose(numbers(layer.forward(tensor(batch))), fixed.flat(), { rtol: 1e-5, atol: 1e-5 });
    // After training an example alone gives what it gives among others; while training it does not.
    expectClose(numbers(layer.forward(tensor([batch[1]]))), fixed[1], { rtol: 1e-5 });
    // Whatever shift and positive scale comes in, the same goes out, but for ε.
    layer.train();
    const x = draw([64, 2], 5);
    expectClose(numbers(layer.forward(x.mul(7).add(3))), numbers(layer.forward(x)), { atol: 5e-3 });
  });

  test('A04-31 layer normalization: over the features of each example and step, before the activation of an RNN', () => {
    const layer = new nn.LayerNorm(6);
    const x = draw([3, 4, 6], 1).mul(5).add(2);
    const y = layer.forward(x);
    expectClose(numbers(y.mean(-1)), Array(12).fill(0), { atol: 1e-5 });
    expectClose(numbers(y.square().mean(-1)), Array(12).fill(1), { atol: 1e-4 });
    // Each step of each example on its own: no batch is needed, and training is as evaluation.
    expectClose(numbers(layer.forward(x.slice([1, 2], [2, 3]))), numbers(y.slice([1, 2], [2, 3])), {
      atol: 1e-6,
    });
    layer.eval();
    expect(numbers(layer.forward(x))).toEqual(numbers(y));
    // A recurrence whose weights are far too large: it saturates without, and goes on with normalization.
    const [input, recurrent] = [draw([6, 6], 2).mul(10), draw([6, 6], 3).mul(10)];
    const run = (normalize: (a: Tensor) => Tensor): number => {
      let h = zeros([3, 6]);
      for (let t = 0; t < 4; t++) h = normalize(x.at(t, 1).matmul(input).add(h.matmul(recurrent))).tanh();
      return h.abs().gt(0.999).cast('float32').mean().item();
    };
    expect(run((a) => a)).toBeGreaterThan(0.8);
    expect(run((a) => layer.forward(a))).toBeLessThan(0.1);
  });

  test('A04-32 local response normalization divides by the squares of neighbouring channels', () => {
    const x = [1, 2, -3, 0.5, 4];
    const [size, alpha, beta, k] = [3, 0.2, 0.75, 2];
    const byHand = x.map((v, i) => {
      const squares = [i - 1, i, i + 1].reduce((sum, c) => sum + (x[c] ?? 0) ** 2, 0);
      return v / (k + (alpha / size) * squares) ** beta;
    });
    const layer = new nn.LocalResponseNorm(size, { alpha, beta, k });
    expect(count(layer)).toBe(0);
    expectClose(numbers(layer.forward(tensor(x).reshape([1, 1, 1, 5]))), byHand, { rtol: 1e-6 });
    // Only the channels of the same pixel count.
    const two = tensor([...x, ...x.map((v) => 9 * v)]).reshape([1, 2, 1, 5]);
    expectClose(numbers(layer.forward(two)).slice(0, 5), byHand, { rtol: 1e-6 });
  });

  test('A04-33 residual block: zero F is the identity; a projection where shapes change; or joined instead of added', () => {
    const inner = () =>
      new nn.Sequential(
        new nn.Conv2d(4, 4, 3, { padding: 'same' }),
        new nn.ReLU(),
        new nn.Conv2d(4, 4, 3, { padding: 'same' }),
      );
    const x = draw([2, 5, 5, 4]);
    const block = new nn.Residual(inner());
    const f = block.inner as nn.Sequential;
    expectClose(numbers(block.forward(x)), numbers(f.forward(x).add(x)), { atol: 1e-6 });
    nn.initialize(block, { weightInit: nn.init.zeros, biasInit: nn.init.zeros });
    expect(numbers(block.forward(x))).toEqual(numbers(x));
    // The gradient goes around as well: zero weights do not stop it.
    expect(numbers(grad((input: Tensor) => block.forward(input).sum())(x))).toEqual(Array(200).fill(1));
    const down = new nn.Conv2d(4, 8, 3, { stride: 2, padding: 1 });
    expect(() => new nn.Residual(down).forward(x)).toThrow(/give a shortcut/);
    const shortcut = new nn.Conv2d(4, 8, 1, { stride: 2 });
    const projected = new nn.Residual(down, { shortcut }).forward(x);
    expectClose(numbers(projected), numbers(down.forward(x).add(shortcut.forward(x))), { atol: 1e-6 });
    const joined = new nn.Concatenate().forward(x, f.forward(x));
    expect(joined.shape).toEqual([2, 5, 5, 8]);
    expect(numbers(joined.slice(null, null, null, [4, 8]))).toEqual(Array(200).fill(0));
  });

  test('A04-34 squeeze and excitation: a factor from 0 to 1 for each channel, by the means of all', () => {
    const layer = new nn.SqueezeExcitation(16, 4);
    expect(count(layer)).toBe(16 * 4 + 4 + 4 * 16 + 16);
    const x = draw([2, 5, 6, 16]);
    const factors = layer.forward(x).div(x);
    const first = factors.slice(null, [0, 1], [0, 1]);
    expectClose(numbers(factors.sub(first).abs().max()), [0], { atol: 1e-4 });
    expect(factors.min().item()).toBeGreaterThan(0);
    expect(factors.max().item()).toBeLessThan(1);
    const means = x.mean([1, 2]);
    const byHand = layer.excite.forward(layer.squeeze.forward(means).relu()).sigmoid();
    expectClose(numbers(first.reshape([2, 16])), numbers(byHand), { atol: 1e-4 });
    nn.initialize(layer, { weightInit: nn.init.zeros, biasInit: nn.init.zeros });
    expect(numbers(layer.forward(x))).toEqual(numbers(x.mul(0.5)));
  });

  test('A04-35 SimpleRNN, LSTM, GRU: gates by number of weights, stacked, in both directions; TimeDistributed, RepeatVector', () => {
    const x = draw([3, 7, 5], 1);
    // A cell of g gates: g (h i + h h) weights and, as in PyTorch, two biases.
    for (const [make, gates] of [
      [(o: object) => new nn.SimpleRNN(5, 4, o), 1],
      [(o: object) => new nn.LSTM(5, 4, o), 4],
      [(o: object) => new nn.GRU(5, 4, o), 3],
    ] as const) {
      const cell = (inputs: number) => gates * (4 * inputs + 4 * 4 + 2 * 4);
      expect(count(make({}))).toBe(cell(5));
      expect(count(make({ layers: 3 }))).toBe(cell(5) + 2 * cell(4));
      const both = make({ layers: 2, bidirectional: true });
      expect(count(both)).toBe(2 * cell(5) + 2 * cell(8));
      expect((both.forward(x) as [Tensor, unknown])[0].shape).toEqual([3, 7, 8]);
    }
    // h <- tanh(W x + U h + b), step by step.
    const rnn = new nn.SimpleRNN(5, 4);
    const [outputs] = rnn.forward(x);
    const { weightIh, weightHh, biasIh, biasHh } = rnn.cells[0];
    let h = zeros([3, 4]);
    for (let t = 0; t < 7; t++) {
      h = x
        .at(t, 1)
        .matmul(weightIh.value.transpose())
        .add(h.matmul(weightHh.value.transpose()))
        .add(biasIh!.value)
        .add(biasHh!.value)
        .tanh();
      expectClose(numbers(outputs.at(t, 1)), numbers(h), { atol: 1e-5 });
    }
    // The second half of a bidirectional layer's features is the sequence read from its end.
    const both = new nn.GRU(5, 4, { bidirectional: true });
    const backwards = new nn.GRU(5, 4);
    const state = both.stateDict();
    const own = Object.keys(backwards.stateDict());
    const reverse = Object.keys(state).filter((name) => !own.includes(name));
    backwards.loadStateDict(Object.fromEntries(own.map((name, i) => [name, state[reverse[i]]])));
    const [read] = backwards.forward(x.flip(1));
    expectClose(numbers(both.forward(x)[0].slice(null, null, [4, 8])), numbers(read.flip(1)), { atol: 1e-5 });
    const dense = new nn.Linear(5, 2);
    const distributed = new nn.TimeDistributed(dense).forward(x);
    expect(distributed.shape).toEqual([3, 7, 2]);
    expectClose(numbers(distributed.at(4, 1)), numbers(dense.forward(x.at(4, 1))), { atol: 1e-6 });
    const repeated = new nn.RepeatVector(6).forward(x.at(0, 1));
    expect(repeated.shape).toEqual([3, 6, 5]);
    for (let t = 0; t < 6; t++) expect(numbers(repeated.at(t, 1))).toEqual(numbers(x.at(0, 1)));
  });

  test('A04-36 gating: a second map of the input decides how much of the first passes', () => {
    const x = draw([3, 5]);
    const layer = new nn.GatedLinear(5, 2);
    expectClose(
      numbers(layer.forward(x)),
      numbers(layer.value.forward(x).mul(layer.gate.forward(x).sigmoid())),
      { atol: 1e-6 },
    );
    const gateAt = (bias: number) =>
      layer.loadStateDict({
        ...layer.stateDict(),
        'gate.weight': zeros([2, 5]),
        'gate.bias': tensor([bias, bias]),
      });
    gateAt(100);
    expectClose(numbers(layer.forward(x)), numbers(layer.value.forward(x)), { atol: 1e-6 });
    gateAt(-100);
    expectClose(numbers(layer.forward(x)), Array(6).fill(0), { atol: 1e-6 });
    // A highway: what does not pass the transformation goes around it.
    const highway = new nn.Highway(5, { gateBias: -100 });
    expectClose(numbers(highway.forward(x)), numbers(x), { atol: 1e-6 });
  });

  test('A04-37 noisy dense layer: noise in training until it is drawn anew, with a size that is learned; none after', () => {
    random.seed(0);
    const layer = new nn.NoisyLinear(6, 3);
    expect(count(layer)).toBe(2 * (6 * 3 + 3));
    const x = draw([4, 6]);
    layer.train();
    const first = numbers(layer.forward(x));
    expect(numbers(layer.forward(x))).toEqual(first);
    layer.resample();
    expect(numbers(layer.forward(x))).not.toEqual(first);
    // On the mean over many draws it is the layer without noise.
    layer.eval();
    const still = numbers(layer.forward(x));
    expectClose(still, numbers(x.matmul(layer.weight.value.transpose()).add(layer.bias.value)), {
      atol: 1e-6,
    });
    layer.train();
    const sums = still.map(() => 0);
    for (let i = 0; i < 400; i++) {
      layer.resample();
      numbers(layer.forward(x)).forEach((v, k) => {
        sums[k] += v / 400;
      });
    }
    expectClose(sums, still, { atol: 0.15 });
    const [, grads] = valueAndGrad(() => layer.forward(x).square().sum(), layer);
    expect(grads.get(layer.weightSigma)!.abs().sum().item()).toBeGreaterThan(0);
  });

  test('A04-38 activations: the table of formulas and derivatives', () => {
    const logistic = (v: number) => 1 / (1 + Math.exp(-v));
    const [alpha, scale] = [1.6732632423543772, 1.0507009873554805];
    const table: Record<string, [(x: Tensor) => Tensor, (v: number) => number, (v: number) => number]> = {
      sigmoid: [nn.sigmoid, logistic, (v) => logistic(v) * (1 - logistic(v))],
      tanh: [nn.tanh, Math.tanh, (v) => 1 - Math.tanh(v) ** 2],
      relu: [nn.relu, (v) => Math.max(0, v), (v) => (v > 0 ? 1 : 0)],
      softplus: [nn.softplus, (v) => Math.log(1 + Math.exp(v)), logistic],
      'leaky ReLU': [(x) => nn.leakyRelu(x, 0.1), (v) => Math.max(0.1 * v, v), (v) => (v > 0 ? 1 : 0.1)],
      ELU: [nn.elu, (v) => (v > 0 ? v : Math.exp(v) - 1), (v) => (v > 0 ? 1 : Math.exp(v))],
      SELU: [
        nn.selu,
        (v) => scale * (v > 0 ? v : alpha * (Math.exp(v) - 1)),
        (v) => scale * (v > 0 ? 1 : alpha * Math.exp(v)),
      ],
      'hard threshold': [(x) => x.heaviside(1), (v) => (v >= 0 ? 1 : 0), () => 0],
    };
    const points = [-5, -1.5, -0.3, 0.2, 1, 4];
    for (const [name, [f, formula, derivative]] of Object.entries(table)) {
      expectClose(numbers(f(tensor(points))), points.map(formula), { rtol: 1e-5, atol: 1e-6 }, name);
      const slopes = numbers(grad((x: Tensor) => f(x).sum())(tensor(points)));
      expectClose(slopes, points.map(derivative), { rtol: 1e-5, atol: 1e-6 }, `derivative of ${name}`);
    }
    expect(tensor([0]).heaviside(1).item()).toBe(1);
    // Softmax: exp(x) / Σ exp(x), with the Jacobian diag(p) - p pᵀ.
    const row = [1, -2, 0.5];
    const total = row.reduce((sum, v) => sum + Math.exp(v), 0);
    const p = row.map((v) => Math.exp(v) / total);
    expectClose(numbers(nn.softmax(tensor(row))), p, { rtol: 1e-6 });
    for (let k = 0; k < 3; k++) {
      const slopes = numbers(grad((x: Tensor) => nn.softmax(x).at(k))(tensor(row)));
      expectClose(
        slopes,
        p.map((q, i) => p[k] * ((i === k ? 1 : 0) - q)),
        { atol: 1e-6 },
      );
    }
  });

  test('A04-39 L2 on layers and embeddings: λ Σ w² in the loss, 2 λ w in the gradient, of those that are named only', () => {
    const model = new nn.Sequential(new nn.Embedding(4, 3), new nn.Flatten(), new nn.Linear(6, 2));
    const embedding = model.layers[0] as nn.Embedding;
    const squares = (x: Tensor) => x.square().sum().item();
    const [table, weight] = [embedding.weight.value, (model.layers[2] as nn.Linear).weight.value];
    expect(nn.l2Penalty(model, 0.1).item()).toBeCloseTo(0.1 * (squares(table) + squares(weight)), 5);
    expect(nn.l2Penalty(embedding, 0.1).item()).toBeCloseTo(0.1 * squares(table), 5);
    const x = tensor([[0, 1]], { dtype: 'int32' });
    const y = tensor([1], { dtype: 'int32' });
    const plain = valueAndGrad(() => nn.crossEntropy(model.forward(x), y), model);
    const penalized = valueAndGrad(
      () => nn.crossEntropy(model.forward(x), y).add(nn.l2Penalty(embedding, 0.1)),
      model,
    );
    expect(penalized[0].item() - plain[0].item()).toBeCloseTo(0.1 * squares(table), 5);
    for (const parameter of model.parameters()) {
      const difference = penalized[1].get(parameter)!.sub(plain[1].get(parameter)!);
      const expected = parameter === embedding.weight ? table.mul(0.2) : zeros([...parameter.shape]);
      expectClose(numbers(difference), numbers(expected), { atol: 1e-6 });
    }
    // It is weight decay, for SGD.
    const decayed = (weightDecay: number, strength: number): number[] => {
      const layer = new nn.Linear(2, 1, { bias: false });
      layer.loadStateDict({ weight: tensor([[3, -2]]) });
      const [, grads] = valueAndGrad(
        () =>
          layer
            .forward(tensor([[1, 1]]))
            .sum()
            .add(nn.l2Penalty(layer, strength)),
        layer,
      );
      new optim.SGD(layer, { lr: 0.1, weightDecay }).update(grads);
      return numbers(layer.weight.value);
    };
    expectClose(decayed(0, 0.25), decayed(0.5, 0), { atol: 1e-6 });
  });

  test('A04-42 Gaussian noise: of the given deviation in training, nothing after; the gradient passes', () => {
    random.seed(1);
    const layer = new nn.GaussianNoise(0.3);
    expect(count(layer)).toBe(0);
    const x = draw([200, 100]);
    layer.train();
    const noise = layer.forward(x).sub(x);
    expect(noise.mean().item()).toBeCloseTo(0, 2);
    expect(noise.square().mean().sqrt().item()).toBeCloseTo(0.3, 2);
    expect(numbers(layer.forward(x)).slice(0, 10)).not.toEqual(numbers(layer.forward(x)).slice(0, 10));
    expect(numbers(grad((input: Tensor) => layer.forward(input).sum())(ones([3])))).toEqual([1, 1, 1]);
    layer.eval();
    expect(numbers(layer.forward(x))).toEqual(numbers(x));
  });
});
