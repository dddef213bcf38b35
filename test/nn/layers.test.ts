import { describe, expect, test } from 'vitest';
import { grad, random, type Tensor, tensor, zeros } from '../../src/index.ts';
import * as nn from '../../src/nn/index.ts';

/** Counts 1, 2, 3, ... in a shape, scaled. */
function counting(shape: number[], scale = 1): Tensor {
  const size = shape.reduce((n, extent) => n * extent, 1);
  return tensor(
    Float32Array.from({ length: size }, (_, i) => (i + 1) * scale),
    { shape },
  );
}
const numbers = (x: Tensor): number[] => [...x.dataSync()];

describe('Linear', () => {
  test('x Wᵀ + b over the last axis', () => {
    const layer = new nn.Linear(2, 3);
    layer.loadStateDict({
      weight: tensor([
        [1, 2],
        [3, 4],
        [5, 6],
      ]),
      bias: tensor([10, 20, 30]),
    });
    expect(
      layer
        .forward(
          tensor([
            [1, 1],
            [0, 2],
          ]),
        )
        .toArray(),
    ).toEqual([
      [13, 27, 41],
      [14, 28, 42],
    ]);
    expect(layer.forward(tensor([1, 1])).toArray()).toEqual([13, 27, 41]);
    expect(layer.forward(zeros([4, 5, 2])).shape).toEqual([4, 5, 3]);
    expect(new nn.Linear(2, 3, { bias: false }).bias).toBeNull();
  });

  test('names the shapes that do not fit', () => {
    expect(() => new nn.Linear(784, 10).forward(zeros([2, 28, 28, 1]))).toThrow(
      /Linear\(784, 10\): the last axis of the input must be 784, got \[2, 28, 28, 1\]; flatten/,
    );
    expect(() => new nn.Linear(0, 3)).toThrow(/inputs must be a positive integer/);
    expect(() => new nn.Linear(1, 3, { biased: true } as object)).toThrow(/unknown option 'biased'/);
  });
});

describe('conv2d', () => {
  // Written out as loops: the definition.
  function direct(
    x: Tensor,
    w: Tensor,
    stride: number[],
    pad: number[][],
    dilation: number[],
    groups: number,
  ): number[] {
    const [n, h, wd, c] = x.shape;
    const [o, kh, kw, cg] = w.shape;
    const [xs, ws] = [x.dataSync(), w.dataSync()];
    const oh = Math.floor((h + pad[0][0] + pad[0][1] - dilation[0] * (kh - 1) - 1) / stride[0]) + 1;
    const ow = Math.floor((wd + pad[1][0] + pad[1][1] - dilation[1] * (kw - 1) - 1) / stride[1]) + 1;
    const out: number[] = [];
    for (let b = 0; b < n; b++)
      for (let y = 0; y < oh; y++)
        for (let z = 0; z < ow; z++)
          for (let f = 0; f < o; f++) {
            let sum = 0;
            for (let i = 0; i < kh; i++)
              for (let j = 0; j < kw; j++)
                for (let k = 0; k < cg; k++) {
                  const [p, q] = [
                    y * stride[0] + i * dilation[0] - pad[0][0],
                    z * stride[1] + j * dilation[1] - pad[1][0],
                  ];
                  if (p < 0 || p >= h || q < 0 || q >= wd) continue;
                  const channel = Math.floor(f / (o / groups)) * cg + k;
                  sum += xs[((b * h + p) * wd + q) * c + channel] * ws[((f * kh + i) * kw + j) * cg + k];
                }
            out.push(sum);
          }
    return out;
  }

  test.each([
    {
      stride: 1,
      padding: 0,
      dilation: 1,
      groups: 1,
      pad: [
        [0, 0],
        [0, 0],
      ],
    },
    {
      stride: [2, 1],
      padding: [1, 2],
      dilation: 1,
      groups: 2,
      pad: [
        [1, 1],
        [2, 2],
      ],
    },
    {
      stride: 2,
      padding: 'same',
      dilation: [1, 2],
      groups: 1,
      pad: [
        [1, 1],
        [2, 2],
      ],
    },
    {
      stride: 1,
      padding: 'valid',
      dilation: 2,
      groups: 2,
      pad: [
        [0, 0],
        [0, 0],
      ],
    },
  ] as const)('stride $stride, padding $padding, dilation $dilation, groups $groups', (options) => {
    const { pad, ...rest } = options;
    const x = counting([2, 7, 5, 4], 0.01);
    const w = counting([6, 3, 3, 4 / options.groups], 0.1);
    const y = nn.conv2d(x, w, rest);
    const pair = (v: number | readonly number[]) => (typeof v === 'number' ? [v, v] : [...v]);
    const expected = direct(
      x,
      w,
      pair(options.stride),
      pad.map((p) => [...p]),
      pair(options.dilation),
      options.groups,
    );
    expect(y.size).toBe(expected.length);
    numbers(y).forEach((v, i) => {
      expect(v).toBeCloseTo(expected[i], 2);
    });
  });

  test('same padding keeps the size, divided by the stride and rounded up', () => {
    const w = zeros([1, 4, 3, 1]);
    expect(nn.conv2d(zeros([1, 7, 9, 1]), w, { padding: 'same' }).shape).toEqual([1, 7, 9, 1]);
    expect(nn.conv2d(zeros([1, 7, 9, 1]), w, { padding: 'same', stride: 2 }).shape).toEqual([1, 4, 5, 1]);
  });

  test('Conv2d adds its bias; Conv1d works over time', () => {
    const layer = new nn.Conv2d(1, 2, 2);
    layer.loadStateDict({ weight: counting([2, 2, 2, 1]), bias: tensor([100, 200]) });
    expect(numbers(layer.forward(counting([1, 2, 2, 1])))).toEqual([130, 270]);
    const line = new nn.Conv1d(1, 1, 4, { bias: false });
    line.loadStateDict({ weight: tensor([[[1], [2], [0], [-1]]]) });
    const x = tensor([1, 4, -1, 0, 2, -2, 1, 3, 3, 1]).reshape([1, 10, 1]);
    expect(numbers(line.forward(x))).toEqual([9, 0, 1, 3, -5, -3, 6]);
  });

  test('refuses what does not fit', () => {
    const layer = new nn.Conv2d(3, 4, 3);
    expect(() => layer.forward(zeros([8, 8, 3]))).toThrow(
      /Conv2d: the input must be \[batch, height, width, channels\], got \[8, 8, 3\]/,
    );
    expect(() => layer.forward(zeros([1, 8, 8, 2]))).toThrow(/last axis must have 3 channels/);
    expect(() => layer.forward(zeros([1, 2, 2, 3]))).toThrow(/larger than the padded input/);
    expect(() => new nn.Conv2d(3, 4, 3, { groups: 2 })).toThrow(/must divide by groups = 2/);
    expect(() => new nn.Conv2d(3, 4, [3])).toThrow(/kernel must be an integer, or 2 of them/);
    expect(() => new nn.Conv2d(3, 4, 3, { stride: 0 })).toThrow(/stride/);
    expect(() => new nn.Conv2d(3, 4, 3, { pading: 1 } as object)).toThrow(/unknown option 'pading'/);
    expect(() => nn.conv2d(zeros([1, 4, 4, 1]), zeros([1, 2, 2, 1]), { padding: 'full' as 'same' })).toThrow(
      /'same' or 'valid', got 'full'/,
    );
  });
});

describe('pooling', () => {
  const x = tensor([
    [1, 3, 0, 8],
    [2, 9, 2, 3],
    [0, -2, 1, 3],
    [2, 5, 8, 4],
  ]).reshape([1, 4, 4, 1]);

  test('maximum and mean of windows', () => {
    expect(numbers(nn.maxPool2d(x, 2))).toEqual([9, 8, 5, 8]);
    expect(numbers(nn.avgPool2d(x, 2))).toEqual([3.75, 3.25, 1.25, 4]);
    expect(nn.maxPool2d(x, 3, { stride: 1 }).shape).toEqual([1, 2, 2, 1]);
    expect(new nn.MaxPool2d([4, 2]).forward(x).toArray()).toEqual([[[[9], [8]]]]);
    expect(numbers(new nn.AvgPool1d(2).forward(tensor([1, 3, 5]).reshape([1, 3, 1])))).toEqual([2]);
  });

  test('padding counts as minus infinity for the maximum, as zeros for the mean', () => {
    const negative = tensor([-1, -2, -3, -4]).reshape([1, 2, 2, 1]);
    expect(numbers(nn.maxPool2d(negative, 2, { padding: 1, stride: 2 }))).toEqual([-1, -2, -3, -4]);
    expect(numbers(nn.avgPool2d(negative, 2, { padding: 1, stride: 2 }))).toEqual([-0.25, -0.5, -0.75, -1]);
    expect(() => nn.maxPool2d(negative, 2, { padding: 2 })).toThrow(/at most half of the window/);
    expect(() => nn.maxPool2d(negative, 3)).toThrow(/larger than the input/);
  });

  test('the gradient goes to the first of equal maxima', () => {
    const flat = zeros([1, 2, 2, 1]);
    expect(numbers(grad((v: Tensor) => nn.maxPool2d(v, 2).sum())(flat))).toEqual([1, 0, 0, 0]);
  });
});

describe('Dropout', () => {
  test('keeps the expectation, drops about the share p, and is the identity in evaluation', () => {
    random.seed(3);
    const layer = new nn.Dropout(0.25);
    const y = numbers(layer.forward(zeros([4000]).add(1)));
    const kept = y.filter((v) => v !== 0);
    expect(new Set(kept)).toEqual(new Set([Math.fround(1 / 0.75)]));
    // Five standard deviations of a binomial of 4000 draws.
    expect(Math.abs(kept.length - 3000)).toBeLessThan(5 * Math.sqrt(4000 * 0.25 * 0.75));
    const x = counting([5]);
    expect(layer.eval().forward(x)).toBe(x);
    expect(() => new nn.Dropout(1.5)).toThrow(/probability/);
  });

  test('gradient is that of the elements that were kept', () => {
    random.seed(4);
    const slope = numbers(grad((v: Tensor) => nn.dropout(v, 0.5).sum())(zeros([100])));
    expect(new Set(slope)).toEqual(new Set([0, 2]));
  });
});

describe('activations', () => {
  const points = [-30, -2, -0.5, 0, 0.5, 2, 30];
  const phi = (x: number) => 0.5 * (1 + erf(x / Math.SQRT2));
  // Abramowitz and Stegun 7.1.26, good to 1.5e-7.
  const erf = (x: number) => {
    const t = 1 / (1 + 0.3275911 * Math.abs(x));
    const p =
      t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
    return Math.sign(x) * (1 - p * Math.exp(-x * x));
  };
  const cases: [string, (x: Tensor) => Tensor, (x: number) => number][] = [
    ['relu', nn.relu, (x) => Math.max(x, 0)],
    ['tanh', nn.tanh, Math.tanh],
    ['sigmoid', nn.sigmoid, (x) => 1 / (1 + Math.exp(-x))],
    ['leakyRelu', nn.leakyRelu, (x) => (x > 0 ? x : 0.01 * x)],
    ['elu', nn.elu, (x) => (x > 0 ? x : Math.expm1(x))],
    ['gelu', nn.gelu, (x) => x * phi(x)],
    ['silu', nn.silu, (x) => x / (1 + Math.exp(-x))],
    ['softplus', nn.softplus, (x) => Math.log1p(Math.exp(-Math.abs(x))) + Math.max(x, 0)],
  ];

  test.each(cases)('%s: values, and derivatives that are finite and right', (_, f, expected) => {
    const y = numbers(f(tensor(points)));
    const slopes = numbers(grad((x: Tensor) => f(x).sum())(tensor(points)));
    points.forEach((x, i) => {
      expect(y[i]).toBeCloseTo(expected(x), 5);
      const h = 1e-4;
      if (x !== 0) expect(slopes[i]).toBeCloseTo((expected(x + h) - expected(x - h)) / (2 * h), 3);
    });
  });

  test('softplus, and so the binary cross-entropy, has slope ½ at 0', () => {
    expect(grad((x: Tensor) => nn.softplus(x))(tensor(0)).item()).toBe(0.5);
  });

  test('very large arguments give no NaN', () => {
    for (const [name, f] of cases) {
      const far = tensor([-1e4, 1e4]);
      const all = [...numbers(f(far)), ...numbers(grad((x: Tensor) => f(x).sum())(far))];
      expect(all.every(Number.isFinite), name).toBe(true);
    }
  });

  test('layers do what the functions do', () => {
    const x = tensor([[-1, 0.5, 2]]);
    const pairs: [nn.Layer, Tensor][] = [
      [new nn.ReLU(), nn.relu(x)],
      [new nn.Tanh(), nn.tanh(x)],
      [new nn.Sigmoid(), nn.sigmoid(x)],
      [new nn.Softmax(), nn.softmax(x)],
      [new nn.LogSoftmax(0), nn.logSoftmax(x, 0)],
      [new nn.LeakyReLU(0.2), nn.leakyRelu(x, 0.2)],
      [new nn.ELU(2), nn.elu(x, 2)],
      [new nn.GELU({ approximate: 'tanh' }), nn.gelu(x, { approximate: 'tanh' })],
      [new nn.SiLU(), nn.silu(x)],
      [new nn.Softplus(3), nn.softplus(x, 3)],
      [new nn.Flatten(0), x.flatten()],
    ];
    for (const [layer, expected] of pairs)
      expect(layer.forward(x).toArray(), layer.constructor.name).toEqual(expected.toArray());
  });
});

describe('init', () => {
  test('fans of a channels-last weight', () => {
    expect(nn.init.fans([16, 5, 5, 6])).toEqual({ fanIn: 150, fanOut: 400 });
    expect(() => nn.init.fans([3])).toThrow(/two axes/);
  });

  test('bounds and deviations', () => {
    random.seed(0);
    const shape = [40, 5, 5, 4];
    const deviation = (x: Tensor) => x.std().item();
    const extreme = (x: Tensor) => x.abs().max().item();
    const bound = 1 / Math.sqrt(100);
    expect(extreme(nn.init.layerDefault(shape))).toBeLessThanOrEqual(Math.fround(bound));
    expect(extreme(nn.init.layerDefault(shape))).toBeGreaterThan(0.99 * bound);
    expect(extreme(nn.init.kaimingUniform(shape, { a: Math.sqrt(5) }))).toBeCloseTo(bound, 3);
    expect(deviation(nn.init.kaimingNormal(shape, { nonlinearity: 'relu' }))).toBeCloseTo(
      Math.sqrt(2 / 100),
      2,
    );
    expect(extreme(nn.init.xavierUniform(shape))).toBeCloseTo(Math.sqrt(6 / 1100), 3);
    expect(deviation(nn.init.xavierNormal(shape))).toBeCloseTo(Math.sqrt(2 / 1100), 2);
    expect(extreme(nn.init.truncatedNormal(shape, 0, 0.1))).toBeLessThanOrEqual(Math.fround(0.2));
    // Standard deviation of a normal cut at ±2: 0.8796.
    expect(deviation(nn.init.truncatedNormal(shape, 0, 0.1))).toBeCloseTo(0.08796, 2);
  });

  test('the seed of the default generator fixes a model', () => {
    const make = (seed: number) => {
      random.seed(seed);
      const model = new nn.Sequential(new nn.Conv2d(1, 2, 3), new nn.Linear(2, 3));
      return Object.values(model.stateDict()).map((t) => t.toArray());
    };
    expect(make(7)).toEqual(make(7));
    expect(make(7)).not.toEqual(make(8));
  });
});
