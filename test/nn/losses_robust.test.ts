import { describe, expect, test } from 'vitest';
import { grad, jit, type Tensor, tensor, vmap, zeros } from '../../src/index.ts';
import * as nn from '../../src/nn/index.ts';

const int = (values: unknown[]) => tensor(values, { dtype: 'int32' });
const far = [-1e4, 1e4, 0, 5, -5];

/** Value and gradient are finite. */
function requireFinite(name: string, loss: (x: Tensor) => Tensor, x: Tensor): void {
  expect(Number.isFinite(loss(x).item()), `${name}: value`).toBe(true);
  const slope = grad(loss)(x).dataSync();
  expect(
    slope.every((v) => Number.isFinite(v)),
    `${name}: gradient ${slope}`,
  ).toBe(true);
}

describe('losses at extremes', () => {
  const signs = tensor([1, -1, 1, -1, 1]);
  const binary = tensor([1, 0, 1, 0, 1]);
  const many = tensor([far, far]);
  const cases: Record<string, [(x: Tensor) => Tensor, Tensor]> = {
    crossEntropy: [(x) => nn.crossEntropy(x, int([0, 1])), many],
    'crossEntropy, smoothed': [(x) => nn.crossEntropy(x, int([0, 1]), { labelSmoothing: 0.1 }), many],
    focalLoss: [(x) => nn.focalLoss(x, int([0, 1])), many],
    'focalLoss, small gamma': [(x) => nn.focalLoss(x, int([0, 1]), { gamma: 0.5 }), many],
    multiMarginLoss: [(x) => nn.multiMarginLoss(x, int([0, 1])), many],
    binaryCrossEntropyWithLogits: [(x) => nn.binaryCrossEntropyWithLogits(x, binary), tensor(far)],
    'with posWeight': [
      (x) => nn.binaryCrossEntropyWithLogits(x, binary, { posWeight: tensor(3) }),
      tensor(far),
    ],
    binaryCrossEntropy: [(p) => nn.binaryCrossEntropy(p, binary), tensor([0, 1, 1, 0, 0.5])],
    sigmoidFocalLoss: [(x) => nn.sigmoidFocalLoss(x, binary), tensor(far)],
    'sigmoidFocalLoss, small gamma': [(x) => nn.sigmoidFocalLoss(x, binary, { gamma: 0.5 }), tensor(far)],
    softMarginLoss: [(x) => nn.softMarginLoss(x, signs), tensor(far)],
    logCoshLoss: [(x) => nn.logCoshLoss(x, zeros([5])), tensor(far)],
    huberLoss: [(x) => nn.huberLoss(x, zeros([5])), tensor(far)],
    gaussianNllLoss: [(x) => nn.gaussianNllLoss(x, x.mul(0), zeros([5])), tensor(far)],
    contrastiveLoss: [(x) => nn.contrastiveLoss(x, many, int([0, 1])), many],
    tripletMarginLoss: [(x) => nn.tripletMarginLoss(x, many, many), many],
    cosineEmbeddingLoss: [(x) => nn.cosineEmbeddingLoss(x, x, tensor([1, -1])), zeros([2, 3])],
    diceLoss: [(x) => nn.diceLoss(x, zeros([2, 3])), zeros([2, 3])],
    ctcLoss: [(x) => nn.ctcLoss(x.logSoftmax(-1), int([[1, 2]])), tensor([[far, far, far, far]])],
  };

  test.each(Object.entries(cases))('%s: value and gradient are finite', (name, [loss, x]) => {
    requireFinite(name, loss, x);
  });

  test('classes that are masked out by -Infinity, with weights', () => {
    const x = tensor([[1, 2, -Infinity]]);
    const loss = nn.crossEntropy(x, int([1]), { weight: tensor([1, 2, 3]) }).item();
    expect(loss).toBeCloseTo(Math.log(1 + Math.exp(-1)), 5);
    expect(nn.multiMarginLoss(x, int([1]), { weight: tensor([1, 3, 1]) }).item()).toBe(0);
  });

  test('exact values', () => {
    expect(nn.logCoshLoss(tensor([1e4]), tensor([0])).item()).toBeCloseTo(1e4 - Math.LN2, 2);
    expect(nn.binaryCrossEntropy(tensor([0]), tensor([1])).item()).toBe(100);
    expect(nn.klDiv(tensor([-1, -2]), tensor([0, 1]), { reduction: 'sum' }).item()).toBe(2);
    const logits = tensor([[1e4, -1e4]]);
    expect(nn.crossEntropy(logits, int([1]), { weight: tensor([1, 3]), reduction: 'sum' }).item()).toBe(6e4);
  });
});

describe('ctcLoss', () => {
  test('sums over all ways to spell, counted one by one', () => {
    const [frames, classes] = [4, 3];
    const p = Array.from({ length: frames }, (_, i) => {
      const row = [1 + i, 2, 3 + (i % 2)];
      const sum = row.reduce((a, b) => a + b);
      return row.map((v) => v / sum);
    });
    for (const target of [[1], [1, 2], [2, 2], [1, 2, 1], []]) {
      let total = 0;
      for (let code = 0; code < classes ** frames; code++) {
        const path = Array.from({ length: frames }, (_, i) => Math.floor(code / classes ** i) % classes);
        const spelled = path.filter((c, i) => c !== 0 && c !== path[i - 1]);
        if (String(spelled) === String(target)) total += path.reduce((q, c, i) => q * p[i][c], 1);
      }
      const targets = int([target]).reshape([1, target.length]);
      const loss = nn.ctcLoss(tensor([p]).log(), targets, { reduction: 'sum' });
      expect(loss.item()).toBeCloseTo(-Math.log(total), 5);
    }
  });

  test('targets that do not fit have an infinite loss, or none with zeroInfinity', () => {
    const x = zeros([2, 2, 3]).logSoftmax(-1);
    const targets = int([
      [1, 1],
      [1, 2],
    ]);
    const each = nn.ctcLoss(x, targets, { reduction: 'none' }).toArray() as number[];
    expect(each[0]).toBe(Infinity);
    expect(each[1]).toBeCloseTo(2 * Math.log(3), 5);
    const loss = (y: Tensor) => nn.ctcLoss(y, targets, { reduction: 'sum', zeroInfinity: true });
    expect(loss(x).item()).toBeCloseTo(2 * Math.log(3), 5);
    const slope = grad(loss)(x).dataSync();
    expect([...slope.slice(0, 6)]).toEqual([0, 0, 0, 0, 0, 0]);
  });

  test('explains what does not fit', () => {
    const x = zeros([1, 4, 3]);
    expect(() => nn.ctcLoss(x, zeros([1, 2]))).toThrow(/integer targets \[batch, labels\], got .* float32/);
    expect(() => nn.ctcLoss(x, int([[1]]), { blank: 3 })).toThrow(/blank must be a class from 0 to 2, got 3/);
    expect(() => nn.ctcLoss(x, int([[1]]), { inputLengths: [5] })).toThrow(
      /inputLengths must be 1 integers from 0 to 4, got \[5\]/,
    );
  });
});

describe('transforms', () => {
  test('losses of single examples under vmap are those without reduction', () => {
    const x = tensor([
      [1, -2, 0.5],
      [0.25, 3, -1],
    ]);
    const labels = int([2, 0]);
    const t = tensor([
      [0, 1, 1],
      [1, 0, 1],
    ]);
    const none = { reduction: 'none' } as const;
    const pairs: [(a: Tensor, b: Tensor) => Tensor, Tensor, Tensor][] = [
      [
        (a, b) => nn.crossEntropy(a, b, { labelSmoothing: 0.1 }),
        labels,
        nn.crossEntropy(x, labels, { ...none, labelSmoothing: 0.1 }),
      ],
      [(a, b) => nn.multiMarginLoss(a, b), labels, nn.multiMarginLoss(x, labels, none)],
      [
        (a, b) => nn.binaryCrossEntropyWithLogits(a, b),
        t,
        nn.binaryCrossEntropyWithLogits(x, t, none).mean(1),
      ],
      [
        (a, b) => nn.binaryCrossEntropy(a.sigmoid(), b),
        t,
        nn.binaryCrossEntropy(x.sigmoid(), t, none).mean(1),
      ],
      [(a, b) => nn.huberLoss(a, b), t, nn.huberLoss(x, t, none).mean(1)],
      [(a, b) => nn.tripletMarginLoss(a, b, a.mul(2)), t, nn.tripletMarginLoss(x, t, x.mul(2), none)],
    ];
    const run = jit(() => pairs.map(([loss, b]) => vmap(loss)(x, b)));
    run().forEach((found, i) => {
      const expected = pairs[i][2].dataSync();
      found.dataSync().forEach((v, k) => {
        expect(v).toBeCloseTo(expected[k], 5);
      });
    });
  });

  test('ctcLoss differentiates under vmap', () => {
    const x = tensor([far.map((v) => v / 1e4), [1, 0, -1, 2, 0.5], [0, 0, 1, 1, 2]]);
    const loss = (y: Tensor) => nn.ctcLoss(y.logSoftmax(-1).unsqueeze(0), int([[1, 3]]));
    const single = grad(loss)(x).dataSync();
    const both = vmap(grad(loss))(tensor([x.toArray(), x.toArray()])).dataSync();
    both.forEach((v, i) => {
      expect(v).toBeCloseTo(single[i % 15], 5);
    });
  });
});

describe('wrong input', () => {
  test('shapes, labels, options', () => {
    const x = zeros([2, 3]);
    const labels = int([0, 1]);
    expect(() => nn.crossEntropy(x, labels, { weight: zeros([2]) })).toThrow(
      /one number per class, \[3\], got \[2\]/,
    );
    expect(() => nn.crossEntropy(x, labels, { labelSmoothing: 2 })).toThrow(
      /labelSmoothing must be from 0 to 1/,
    );
    expect(() => nn.crossEntropy(x, x, { ignoreIndex: 1 })).toThrow(/the labels are probabilities/);
    expect(() => nn.crossEntropy(x, labels, { smoothing: 1 } as object)).toThrow(
      /unknown option 'smoothing'/,
    );
    expect(() => nn.l1Loss(x, zeros([3]))).toThrow(/\[2, 3\] and targets \[3\] must have one shape/);
    expect(() => nn.huberLoss(x, x, { delta: 0 })).toThrow(/delta must be positive, got 0/);
    expect(() => nn.gaussianNllLoss(x, x, zeros([4, 2, 3]))).toThrow(
      /must broadcast to predictions \[2, 3\]/,
    );
    expect(() => nn.multiMarginLoss(x, labels, { p: 3 as 1 })).toThrow(/p must be 1 or 2, got 3/);
    expect(() => nn.focalLoss(x, labels, { gamma: -1 })).toThrow(/gamma must be a number from 0 on/);
    expect(() => nn.diceLoss(zeros([3]), zeros([3]))).toThrow(/\[examples, ...\], got \[3\]/);
    expect(() => nn.klDiv(x, x, { reduction: 'max' as 'sum' })).toThrow(/'mean', 'sum' or 'none', got 'max'/);
  });
});
