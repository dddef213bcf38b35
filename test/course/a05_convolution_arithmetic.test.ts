import { describe, expect, test } from 'vitest';
import { traceConvolution, traceMaxPool } from '../../examples/sliding_windows.ts';
import { windows } from '../../src/core/spatial.ts';
import {
  concat,
  grad,
  jit,
  ones,
  random,
  type Tensor,
  tensor,
  Variable,
  valueAndGrad,
  vjp,
  zeros,
} from '../../src/index.ts';
import * as nn from '../../src/nn/index.ts';
import * as optim from '../../src/optim/index.ts';
import { expectClose } from '../support/close.ts';
import { multiplications } from '../support/multiplications.ts';

type Matrix = number[][];

/** A matrix as an image of one channel, and back. */
const image = (rows: Matrix): Tensor => tensor(rows).reshape([1, rows.length, rows[0].length, 1]);
const matrix = (x: Tensor): Matrix => x.reshape([x.shape[1], x.shape[2]]).toArray() as Matrix;
const filter = (rows: Matrix): Tensor => tensor(rows).reshape([1, rows.length, rows[0].length, 1]);
const convolve = (x: Matrix, kernel: Matrix, options = {}): Matrix =>
  matrix(nn.conv2d(image(x), filter(kernel), options));
const transposed = (rows: Matrix): Matrix => rows[0].map((_, j) => rows.map((row) => row[j]));

const verticalEdges = [
  [1, 0, -1],
  [1, 0, -1],
  [1, 0, -1],
];
const six = [
  [3, 0, 1, 2, 7, 4],
  [1, 5, 8, 9, 3, 1],
  [2, 7, 2, 5, 1, 3],
  [0, 1, 3, 1, 7, 8],
  [4, 2, 1, 6, 2, 8],
  [2, 4, 5, 2, 3, 9],
];
const palermo = Array.from({ length: 6 }, () => [10, 10, 10, 0, 0, 0]);
const five = [
  [3, 3, 2, 1, 0],
  [0, 0, 1, 3, 1],
  [3, 1, 2, 2, 3],
  [2, 0, 0, 2, 2],
  [2, 0, 0, 0, 1],
];
const three = [
  [0, 1, 2],
  [2, 2, 0],
  [0, 1, 2],
];
const four = [
  [1, 3, 0, 8],
  [2, 9, 2, 3],
  [0, -2, 1, 3],
  [2, 5, 8, 4],
];
const line = [1, 4, -1, 0, 2, -2, 1, 3, 3, 1];
const signal = (values: number[]): Tensor => tensor(values).reshape([1, values.length, 1]);

describe('A05', () => {
  test('A05-01 vertical edge detector gives [[−5,−4,0,8],[−10,−2,2,3],[0,−2,−4,−7],[−3,−2,−3,−16]]', () => {
    expect(convolve(six, verticalEdges)).toEqual([
      [-5, -4, 0, 8],
      [-10, -2, 2, 3],
      [0, -2, -4, -7],
      [-3, -2, -3, -16],
    ]);
  });

  test('A05-02 the flag of 10s and 0s gives rows [0, 30, 30, 0]', () => {
    expect(convolve(palermo, verticalEdges)).toEqual(Array.from({ length: 4 }, () => [0, 30, 30, 0]));
    // The detector is blind to horizontal edges.
    expect(convolve(transposed(palermo), verticalEdges)).toEqual(
      Array.from({ length: 4 }, () => [0, 0, 0, 0]),
    );
  });

  test('A05-03 gradient descent recovers the vertical edge filter from pairs of images', () => {
    const kernel = new Variable(zeros([1, 3, 3, 1]));
    const optimizer = new optim.SGD(kernel, { lr: 0.05 });
    const truth = filter(verticalEdges);
    const step = jit((x: Tensor) => {
      const target = nn.conv2d(x, truth);
      const [loss, gradients] = valueAndGrad(() => nn.mseLoss(nn.conv2d(x, kernel.value), target), kernel);
      optimizer.update(gradients);
      return loss;
    });
    const losses = Array.from({ length: 150 }, (_, i) =>
      step(random.normal([8, 6, 6, 1], { key: random.key(i) })).item(),
    );
    const error = kernel.value.sub(truth).abs().max().item();
    expect(losses[0]).toBeGreaterThan(3);
    expect(error).toBeLessThan(1e-3);
    expect(
      convolve(palermo, kernel.value.reshape([3, 3]).toArray() as Matrix)[0].map((v) => Math.round(v) + 0),
    ).toEqual([0, 30, 30, 0]);
  });

  test('A05-04 Sobel and its transpose find the edges of their direction', () => {
    const sobel = [
      [1, 0, -1],
      [2, 0, -2],
      [1, 0, -1],
    ];
    // A bright square: left and right edges by one filter, upper and lower edges by the other.
    const square = Array.from({ length: 8 }, (_, i) =>
      Array.from({ length: 8 }, (_, j) => (i >= 2 && i < 6 && j >= 2 && j < 6 ? 1 : 0)),
    );
    const across = convolve(square, sobel);
    expect(across[2]).toEqual([-4, -4, 0, 0, 4, 4]);
    expect(across.map((row) => row[0])).toEqual([-1, -3, -4, -4, -3, -1]);
    expect(convolve(square, transposed(sobel))).toEqual(transposed(across));
    // The length of the gradient does not care which way the image lies.
    const strength = (rows: Matrix) =>
      nn
        .conv2d(image(rows), filter(sobel))
        .square()
        .add(nn.conv2d(image(rows), filter(transposed(sobel))).square())
        .sqrt();
    expectClose(strength(square).dataSync(), strength(transposed(square)).transpose([0, 2, 1, 3]).dataSync());
    // A flat image has no edges; a ramp has the same one everywhere: 8 per unit of slope.
    const flat = Array.from({ length: 5 }, () => [7, 7, 7, 7, 7]);
    expect(convolve(flat, sobel).flat()).toEqual(Array(9).fill(0));
    const ramp = Array.from({ length: 5 }, () => [0, 1, 2, 3, 4]);
    expect(convolve(ramp, sobel).flat()).toEqual(Array(9).fill(-8));
  });

  test('A05-05 conv1d gives [9, 0, 1, 3, −5, −3, 6], with the only kernel that does: [1, 2, 0, −1]', () => {
    const output = [9, 0, 1, 3, -5, -3, 6];
    const kernel = tensor([1, 2, 0, -1]).reshape([1, 4, 1]);
    expect([...nn.conv1d(signal(line), kernel).dataSync()]).toEqual(output);
    // Seven equations for four numbers: the windows as rows. Their normal equations have one solution, and it fits exactly.
    const rows = windows('windows', signal(line).cast('float64'), [4], {
      stride: [1],
      dilation: [1],
      padding: [[0, 0]],
    }).reshape([7, 4]);
    const normal = concat(
      [rows.T.matmul(rows), rows.T.matmul(tensor(output, { dtype: 'float64' })).reshape([4, 1])],
      1,
    );
    const solved = eliminate(normal.toArray() as Matrix);
    expectClose(solved, [1, 2, 0, -1], { atol: 1e-9 });
  });

  test('A05-06 max-pool 1d of size 2 on the same input gives [4, 0, 2, 3, 3]', () => {
    expect([...nn.maxPool1d(signal(line), 2).dataSync()]).toEqual([4, 0, 2, 3, 3]);
  });

  test('A05-07 the sliding filter and the sliding pool, position by position', () => {
    const steps = traceConvolution(five, three, { padding: 1, stride: 2 });
    const whole = convolve(five, three, { padding: 1, stride: 2 });
    expect(steps.map(({ value }) => value)).toEqual(whole.flat());
    // The first window hangs over the upper left corner, the last over the lower right one.
    expect(steps[0]).toEqual({
      row: 0,
      column: 0,
      window: [
        [0, 0, 0],
        [0, 3, 3],
        [0, 0, 0],
      ],
      value: 6,
    });
    expect(steps[8].window).toEqual([
      [2, 2, 0],
      [0, 1, 0],
      [0, 0, 0],
    ]);
    for (const { window, value } of steps)
      expect(window.flat().reduce((sum, v, i) => sum + v * three.flat()[i], 0)).toBe(value);
    const pooled = traceMaxPool(four, 2);
    expect(pooled.map(({ value }) => value)).toEqual([9, 8, 5, 8]);
    for (const { window, value } of pooled) expect(Math.max(...window.flat())).toBe(value);
  });

  test('A05-08 pooling is invariant to shifts inside of its cells', () => {
    const places = [
      [0, 0],
      [2, 4],
      [6, 2],
    ];
    const dots = (shift: readonly [number, number]): Tensor => {
      const rows = Array.from({ length: 8 }, () => new Array<number>(8).fill(0));
      places.forEach(([i, j], k) => {
        rows[i + shift[0]][j + shift[1]] = k + 1;
      });
      return image(rows);
    };
    const still = matrix(nn.maxPool2d(dots([0, 0]), 2));
    for (const shift of [
      [0, 1],
      [1, 0],
      [1, 1],
    ] as const) {
      expect(matrix(nn.maxPool2d(dots(shift), 2))).toEqual(still);
      expect(matrix(dots(shift))).not.toEqual(matrix(dots([0, 0])));
    }
    // A convolution moves with its input instead.
    const blurred = (x: Tensor) => nn.conv2d(x, ones([1, 3, 3, 1]), { padding: 1 });
    expect(matrix(blurred(dots([0, 1])))).not.toEqual(matrix(blurred(dots([0, 0]))));
    expect(matrix(blurred(dots([0, 1])).slice(null, null, [1, null]))).toEqual(
      matrix(blurred(dots([0, 0])).slice(null, null, [0, -1])),
    );
  });

  test('A05-09 padding 1 and stride 2 give [[6,17,3],[8,17,13],[6,4,4]]', () => {
    expect(convolve(five, three, { padding: 1, stride: 2 })).toEqual([
      [6, 17, 3],
      [8, 17, 13],
      [6, 4, 4],
    ]);
    expect(convolve(five, three)).toEqual([
      [12, 12, 17],
      [10, 17, 19],
      [9, 6, 14],
    ]);
  });

  test('A05-10 its four questions: the filter, of width 3, with padding 1 and stride 2, and no other', () => {
    const answers: number[][] = [];
    for (let padding = 0; padding <= 3; padding++)
      for (let stride = 1; stride <= 3; stride++) {
        const out = convolve(five, three, { padding, stride });
        if (JSON.stringify(out) === '[[6,17,3],[8,17,13],[6,4,4]]') answers.push([padding, stride]);
      }
    expect(answers).toEqual([[1, 2]]);
    const layer = new nn.Conv2d(1, 1, 3, { padding: 1, stride: 2, bias: false });
    layer.weight.assign(filter(three));
    expect(layer.weight.shape).toEqual([1, 3, 3, 1]);
    expect(matrix(layer.forward(image(five)))).toEqual(convolve(five, three, { padding: 1, stride: 2 }));
  });

  test('A05-11 max-pool 3×3 with stride 1 gives [[3,3,3],[3,3,3],[3,2,3]]', () => {
    expect(matrix(nn.maxPool2d(image(five), 3, { stride: 1 }))).toEqual([
      [3, 3, 3],
      [3, 3, 3],
      [3, 2, 3],
    ]);
  });

  test('A05-12 average-pool 3×3 with stride 1 gives [[1.7,1.7,1.7],[1.0,1.2,1.8],[1.1,.8,1.3]]', () => {
    const pooled = matrix(nn.avgPool2d(image(five), 3, { stride: 1 }));
    expect(pooled.map((row) => row.map((v) => v.toFixed(1)))).toEqual([
      ['1.7', '1.7', '1.7'],
      ['1.0', '1.2', '1.8'],
      ['1.1', '0.8', '1.3'],
    ]);
    // The means of the nine numbers of each window, exactly.
    expectClose(
      pooled.flat(),
      [15, 15, 15, 9, 11, 16, 10, 7, 12].map((sum) => sum / 9),
      { rtol: 1e-6 },
    );
  });

  test('A05-13 max-pool 2×2 gives [[9,8],[5,8]]', () => {
    expect(matrix(nn.maxPool2d(image(four), 2))).toEqual([
      [9, 8],
      [5, 8],
    ]);
  });

  test('A05-14 average-pool 2×2 gives [[3.75,3.25],[1.25,4]]', () => {
    expect(matrix(nn.avgPool2d(image(four), 2))).toEqual([
      [3.75, 3.25],
      [1.25, 4],
    ]);
  });

  test('A05-15 output sizes: formulas, shapes and counting agree', () => {
    for (let n = 1; n <= 13; n++)
      for (let f = 1; f <= 5; f++)
        for (let p = 0; p <= 2; p++)
          for (let s = 1; s <= 4; s++)
            for (let dilation = 1; dilation <= 2; dilation++) {
              const reach = dilation * (f - 1) + 1;
              let count = 0;
              for (let at = -p; at + reach <= n + p; at += s) count++;
              if (count === 0) {
                expect(() =>
                  nn.conv1d(zeros([1, n, 1]), zeros([1, f, 1]), { stride: s, padding: p, dilation }),
                ).toThrow(/larger than/);
                continue;
              }
              expect(Math.floor((n + 2 * p - reach) / s) + 1).toBe(count);
              const out = nn.conv1d(zeros([2, n, 3]), zeros([4, f, 3]), { stride: s, padding: p, dilation });
              expect(out.shape).toEqual([2, count, 4]);
              if (dilation > 1 || p > f / 2) continue;
              // The forms of the course: n - f + 1, n + 2p - f + 1, (n + 2p - f) / s + 1 (with total padding P = 2p: n + P - f).
              if (s === 1 && p === 0) expect(count).toBe(n - f + 1);
              if (s === 1) expect(count).toBe(n + 2 * p - f + 1);
              if ((n + 2 * p - f) % s === 0) expect(count).toBe((n + 2 * p - f) / s + 1);
              expect(nn.maxPool1d(zeros([2, n, 3]), f, { stride: s, padding: p }).shape).toEqual([
                2,
                count,
                3,
              ]);
            }
    // In two dimensions each axis goes its own way.
    expect(
      nn.conv2d(zeros([1, 28, 20, 1]), zeros([6, 5, 3, 1]), { stride: [2, 1], padding: [2, 0] }).shape,
    ).toEqual([1, 14, 18, 6]);
  });

  test('A05-16 ten 3×3×3 filters have 280 parameters, whatever the size of the image', () => {
    const layer = new nn.Conv2d(3, 10, 3);
    for (const size of [8, 32, 1000]) {
      const summary = nn.summarize(layer, [1, size, size, 3]);
      expect(summary.parameters).toBe(280);
      expect(summary.layers[0].output).toEqual([1, size - 2, size - 2, 10]);
    }
  });

  test('A05-17 parameters Kw·Kh·Din·Dout + Dout, multiplications Kw·Kh·Din·Dout·Ow·Oh', () => {
    for (const [kh, kw, din, dout, h, w, stride] of [
      [3, 3, 1, 1, 7, 7, 1],
      [5, 5, 3, 6, 32, 32, 1],
      [1, 1, 192, 16, 28, 28, 1],
      [3, 5, 4, 8, 20, 17, 2],
    ]) {
      const layer = new nn.Conv2d(din, dout, [kh, kw], { stride });
      const oh = Math.floor((h - kh) / stride) + 1;
      const ow = Math.floor((w - kw) / stride) + 1;
      const { parameters, flops, layers } = nn.summarize(layer, [1, h, w, din]);
      expect(parameters).toBe(kw * kh * din * dout + dout);
      expect(layers[0].output).toEqual([1, oh, ow, dout]);
      expect(multiplications([layer.forward(zeros([1, h, w, din]))])).toBe(kw * kh * din * dout * ow * oh);
      // A multiplication and an addition each, and the bias.
      expect(flops).toBe(2 * kw * kh * din * dout * ow * oh + ow * oh * dout);
    }
  });

  test('A05-18 7×7 to 5×5: 1225 weights dense, 9 as a filter; four maps have a tensor 3×3×1×4 of 36', () => {
    const dense = new nn.Linear(49, 25, { bias: false });
    const convolution = new nn.Conv2d(1, 1, 3, { bias: false });
    expect([dense.weight.value.size, convolution.weight.value.size]).toEqual([1225, 9]);
    expect(Math.round(1225 / 9)).toBe(136);
    const x = random.normal([1, 7, 7, 1], { key: random.key(1) });
    expect(convolution.forward(x).shape).toEqual([1, 5, 5, 1]);
    expect(dense.forward(x.flatten(1)).shape).toEqual([1, 25]);
    const maps = new nn.Conv2d(1, 4, 3, { bias: false });
    // [out, kh, kw, in] here; the course writes [kh, kw, in, out].
    expect(maps.weight.shape).toEqual([4, 3, 3, 1]);
    expect(maps.weight.value.size).toBe(36);
    // The dense layer with the filter's numbers in the right places does the same, in 1225 of them.
    const [, pullback] = vjp((image: Tensor) => convolution.forward(image).flatten(1), x);
    const rows = Array.from({ length: 25 }, (_, i) =>
      pullback(tensor(Array.from({ length: 25 }, (_, j) => (i === j ? 1 : 0))).reshape([1, 25])).reshape([
        1, 49,
      ]),
    );
    dense.weight.assign(concat(rows));
    expectClose(dense.forward(x.flatten(1)).dataSync(), convolution.forward(x).dataSync(), { atol: 1e-6 });
  });

  test('A05-19 LeNet: C1 has 5×5 filters, S4 to C5 has 16·5·5·120 = 48,000 weights', () => {
    const c1 = new nn.Conv2d(1, 6, 5);
    expect(c1.weight.shape).toEqual([6, 5, 5, 1]);
    const c5 = new nn.Conv2d(16, 120, 5, { bias: false });
    expect(c5.weight.value.size).toBe(48_000);
    // On a 5×5 map the convolution is a dense layer of the same weights.
    const dense = new nn.Linear(16 * 5 * 5, 120, { bias: false });
    expect(dense.weight.value.size).toBe(48_000);
    dense.weight.assign(c5.weight.value.reshape([120, 400]));
    const s4 = random.normal([2, 5, 5, 16], { key: random.key(3) });
    expect(c5.forward(s4).shape).toEqual([2, 1, 1, 120]);
    expectClose(c5.forward(s4).dataSync(), dense.forward(s4.flatten(1)).dataSync(), { atol: 1e-5 });
  });

  test('A05-20 the first layer 784 to 20 has 15,680 weights, 784 to 64 has 50,176', () => {
    for (const [outputs, weights] of [
      [20, 15_680],
      [64, 50_176],
    ]) {
      const layer = new nn.Linear(784, outputs, { bias: false });
      expect(nn.summarize(layer, [1, 784]).parameters).toBe(weights);
      expect(multiplications([layer.forward(zeros([1, 784]))])).toBe(weights);
    }
  });

  test('A05-21 an image of 100x100 fully connected with 1,000 neurons has ten million connections', () => {
    const layer = new nn.Linear(100 * 100, 1000, { bias: false });
    expect(layer.weight.value.size).toBe(10_000_000);
    expect(multiplications([layer.forward(zeros([1, 100, 100]).flatten(1))])).toBe(10_000_000);
  });

  test('A05-22 one 5x5 filter against two of 3x3: the same field of view for 18C² instead of 25C² weights and multiplications', () => {
    const c = 8;
    const options = { bias: false };
    const one = new nn.Conv2d(c, c, 5, { ...options, padding: 2 });
    const two = new nn.Sequential(
      new nn.Conv2d(c, c, 3, { ...options, padding: 1 }),
      new nn.Conv2d(c, c, 3, { ...options, padding: 1 }),
    );
    const x = zeros([1, 16, 16, c]);
    expect(nn.summarize(one, [...x.shape]).parameters).toBe(25 * c * c);
    expect(nn.summarize(two, [...x.shape]).parameters).toBe(18 * c * c);
    expect(multiplications([one.forward(x)])).toBe(16 * 16 * 25 * c * c);
    expect(multiplications([two.forward(x)])).toBe(16 * 16 * 18 * c * c);
    expect(fieldOf((y) => one.forward(y), [1, 16, 16, c])).toEqual([5, 5]);
    expect(fieldOf((y) => two.forward(y), [1, 16, 16, c])).toEqual([5, 5]);
  });

  test('A05-23 a convolution as a sparse 16×4 matrix: same values, and the gradient of a shared weight is the sum', () => {
    // Rows are pixels of the 4×4 image, columns the positions of the 3×3 kernel. Rows 13 to 16, which some prints of
    // the matrix damage, are (0,0,w20,0), (0,0,w21,w20), (0,0,w22,w21), (0,0,0,w22).
    const names = [
      ['00', '', '', ''],
      ['01', '00', '', ''],
      ['02', '01', '', ''],
      ['', '02', '', ''],
      ['10', '', '00', ''],
      ['11', '10', '01', '00'],
      ['12', '11', '02', '01'],
      ['', '12', '', '02'],
      ['20', '', '10', ''],
      ['21', '20', '11', '10'],
      ['22', '21', '12', '11'],
      ['', '22', '', '12'],
      ['', '', '20', ''],
      ['', '', '21', '20'],
      ['', '', '22', '21'],
      ['', '', '', '22'],
    ];
    const kernel = [
      [2, -1, 3],
      [5, 7, -4],
      [1, 6, -2],
    ];
    const dense = tensor(
      names.map((row) => row.map((name) => (name === '' ? 0 : kernel[+name[0]][+name[1]]))),
    );
    const x = Array.from({ length: 4 }, (_, i) =>
      Array.from({ length: 4 }, (_, j) => ((3 * i + 5 * j) % 7) - 2),
    );
    const out = nn.conv2d(image(x), filter(kernel));
    expect(tensor(x.flat()).matmul(dense).toArray()).toEqual([...out.dataSync()]);
    // Backward, to the image: the matrix itself, on the change of the output.
    const change = tensor([1, -2, 3, 5]);
    const [, toImage] = vjp((i: Tensor) => nn.conv2d(i, filter(kernel)).flatten(), image(x));
    expect([...toImage(change).dataSync()]).toEqual(dense.matmul(change).toArray());
    // To the weights: each entry of the matrix has its own gradient; those of one weight are added.
    const entries = grad((m: Tensor) => tensor(x.flat()).matmul(m).mul(change).sum())(
      dense,
    ).toArray() as Matrix;
    const [, toKernel] = vjp((k: Tensor) => nn.conv2d(image(x), k).flatten(), filter(kernel));
    const shared = matrix(toKernel(change));
    for (let i = 0; i < 3; i++)
      for (let j = 0; j < 3; j++) {
        const own = names.flatMap((row, r) =>
          row.flatMap((name, c) => (name === `${i}${j}` ? [entries[r][c]] : [])),
        );
        expect(own.length).toBe(4);
        expect(shared[i][j]).toBe(own.reduce((sum, v) => sum + v, 0));
      }
  });

  test('A05-24 inception: 120,422,400 multiplications, with a 1×1 reduction to 16 channels 12,443,648', () => {
    const x = zeros([1, 28, 28, 192]);
    const direct = new nn.Conv2d(192, 32, 5, { padding: 2 });
    const reduce = new nn.Conv2d(192, 16, 1);
    const after = new nn.Conv2d(16, 32, 5, { padding: 2 });
    const wide = direct.forward(x);
    const narrow = after.forward(reduce.forward(x));
    expect([wide.shape, narrow.shape]).toEqual([
      [1, 28, 28, 32],
      [1, 28, 28, 32],
    ]);
    expect(multiplications([wide])).toBe(120_422_400);
    expect(multiplications([narrow])).toBe(12_443_648);
  });

  test('A05-25 receptive fields: (k - 1) times the strides before, added up, is what the gradient sees', () => {
    const layers: [kernel: number, stride: number, dilation: number][][] = [
      [[3, 1, 1]],
      [
        [3, 1, 1],
        [3, 1, 1],
      ],
      [
        [5, 2, 1],
        [3, 1, 1],
        [3, 2, 1],
      ],
      [
        [3, 1, 1],
        [3, 1, 2],
        [3, 1, 4],
      ],
    ];
    const fields = layers.map((stack) => {
      let [field, jump] = [1, 1];
      for (const [kernel, stride, dilation] of stack) {
        field += (kernel - 1) * dilation * jump;
        jump *= stride;
      }
      const net = new nn.Sequential(
        ...stack.map(
          ([kernel, stride, dilation]) =>
            new nn.Conv2d(1, 1, kernel, { stride, dilation, padding: dilation }),
        ),
      );
      expect(fieldOf((x) => net.forward(x), [1, 41, 41, 1])).toEqual([field, field]);
      return field;
    });
    expect(fields).toEqual([3, 5, 13, 15]);
  });
});

/** Height and width of the part of the input that the middle of the output depends on: where its gradient is not zero. */
function fieldOf(net: (x: Tensor) => Tensor, shape: number[]): [number, number] {
  const x = random.normal(shape, { key: random.key(1) });
  const gradient = grad((x: Tensor) => {
    const y = net(x);
    return y
      .at(0)
      .at(y.shape[1] >> 1)
      .at(y.shape[2] >> 1)
      .sum();
  })(x);
  const seen = gradient.abs().sum(3).at(0).gt(0);
  const extent = (axis: number) => seen.any(axis).cast('int32').sum().item();
  return [extent(1), extent(0)];
}

/** Solves the equations of an augmented matrix; throws where there is not one solution. */
function eliminate(rows: Matrix): number[] {
  const n = rows.length;
  const m = rows.map((row) => [...row]);
  for (let k = 0; k < n; k++) {
    const pivot = m
      .slice(k)
      .reduce((best, row, i) => (Math.abs(row[k]) > Math.abs(m[best][k]) ? k + i : best), k);
    [m[k], m[pivot]] = [m[pivot], m[k]];
    if (Math.abs(m[k][k]) < 1e-9) throw new Error('the equations do not have one solution');
    for (let i = 0; i < n; i++) {
      if (i === k) continue;
      const factor = m[i][k] / m[k][k];
      m[i] = m[i].map((v, j) => v - factor * m[k][j]);
    }
  }
  return m.map((row, i) => row[n] / row[i]);
}
