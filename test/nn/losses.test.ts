import { describe, expect, test } from 'vitest';
import { grad, type Tensor, tensor, zeros } from '../../src/index.ts';
import * as nn from '../../src/nn/index.ts';

const int = (values: unknown[]) => tensor(values, { dtype: 'int32' });
const logits = tensor([
  [1, 2, 3],
  [0, 0, 0],
]);

describe('crossEntropy', () => {
  const first = Math.log(Math.exp(1) + Math.exp(2) + Math.exp(3)) - 3;

  test('mean, sum and single losses', () => {
    const labels = int([2, 0]);
    expect(nn.crossEntropy(logits, labels).item()).toBeCloseTo((first + Math.log(3)) / 2, 6);
    expect(nn.crossEntropy(logits, labels, { reduction: 'sum' }).item()).toBeCloseTo(first + Math.log(3), 6);
    const each = nn.crossEntropy(logits, labels, { reduction: 'none' });
    expect(each.shape).toEqual([2]);
    expect((each.toArray() as number[])[0]).toBeCloseTo(first, 6);
  });

  test('equals nllLoss of logSoftmax, and the loss of one-hot probabilities', () => {
    const value = nn.crossEntropy(logits, int([1, 2])).item();
    expect(nn.nllLoss(nn.logSoftmax(logits), int([1, 2])).item()).toBe(value);
    expect(
      nn
        .crossEntropy(
          logits,
          tensor([
            [0, 1, 0],
            [0, 0, 1],
          ]),
        )
        .item(),
    ).toBeCloseTo(value, 6);
  });

  test('the gradient is softmax - one-hot, over the batch', () => {
    const g = grad((x: Tensor) => nn.crossEntropy(x, int([2, 0])))(logits).dataSync();
    const p = [1, 2, 3].map((v) => Math.exp(v - 3 - first));
    [p[0], p[1], p[2] - 1, 1 / 3 - 1, 1 / 3, 1 / 3].forEach((v, i) => {
      expect(g[i]).toBeCloseTo(v / 2, 6);
    });
  });

  test('huge logits give no NaN', () => {
    const far = tensor([[1e4, -1e4]]);
    expect(nn.crossEntropy(far, int([1])).item()).toBe(2e4);
    expect([...grad((x: Tensor) => nn.crossEntropy(x, int([1])))(far).dataSync()]).toEqual([1, -1]);
  });

  test('labels of more axes: one for each position', () => {
    expect(nn.crossEntropy(zeros([2, 4, 5]), zeros([2, 4], { dtype: 'int32' })).item()).toBeCloseTo(
      Math.log(5),
      6,
    );
  });

  test('explains wrong labels', () => {
    expect(() => nn.crossEntropy(logits, tensor([2, 0]))).toThrow(
      /labels must be int32 class numbers, got float32/,
    );
    expect(() => nn.crossEntropy(logits, int([1]))).toThrow(/need labels of shape \[2\], got \[1\]/);
    expect(() => nn.crossEntropy(logits, int([1, 1]), { reduction: 'max' as 'sum' })).toThrow(
      /'mean', 'sum' or 'none'/,
    );
  });
});

describe('other losses', () => {
  test('mseLoss', () => {
    expect(nn.mseLoss(tensor([1, 2]), tensor([3, 5])).item()).toBe(6.5);
    expect(() => nn.mseLoss(zeros([2, 1]), zeros([2]))).toThrow(
      /\[2, 1\] and targets \[2\] must have one shape/,
    );
  });

  test('binaryCrossEntropyWithLogits', () => {
    const [x, t] = [
      [-40, -1, 0, 2, 40],
      [1, 0, 0.5, 1, 1],
    ];
    const expected = x.map((v, i) => Math.log1p(Math.exp(-Math.abs(v))) + Math.max(v, 0) - t[i] * v);
    const mean = expected.reduce((a, b) => a + b) / 5;
    expect(nn.binaryCrossEntropyWithLogits(tensor(x), tensor(t)).item()).toBeCloseTo(mean, 5);
    const g = grad((v: Tensor) => nn.binaryCrossEntropyWithLogits(v, tensor(t), { reduction: 'sum' }))(
      tensor(x),
    );
    x.forEach((v, i) => {
      expect(g.dataSync()[i]).toBeCloseTo(1 / (1 + Math.exp(-v)) - t[i], 6);
    });
  });
});
