import { describe, expect, test } from 'vitest';
import { jit, tensor } from '../../src/index.ts';
import {
  Accuracy,
  accuracy,
  BalancedAccuracy,
  CohenKappa,
  ConfusionMatrix,
  confusionMatrix,
  F1,
  FBeta,
  f1,
  hammingLoss,
  jaccard,
  MatthewsCorrelation,
  Precision,
  precision,
  Recall,
  recall,
  TopKAccuracy,
  topKAccuracy,
} from '../../src/metrics/index.ts';

const scores = tensor([
  [0.1, 0.7, 0.2],
  [0.5, 0.5, 0],
  [0, 0.1, 0.9],
  [0.3, 0.4, 0.3],
]);
const labels = tensor([1, 1, 2, 0], { dtype: 'int32' });

describe('accuracy', () => {
  test('weights, in jit', () => {
    const weights = tensor([1, 2, 3, 2]);
    expect(jit((w: typeof weights) => accuracy(scores, labels, { weights: w }))(weights).item()).toBe(0.5);
    expect(new Accuracy().update(scores, labels, { weights }).compute()).toBe(0.5);
    expect(() => accuracy(scores, labels, { weights: tensor([1]) })).toThrow(
      'shape of the labels, [4], got [1]',
    );
  });

  test('topKAccuracy: of equal scores the first ones count, as a function and as a class', () => {
    const expected = [0.5, 1, 1];
    for (const [i, k] of [1, 2, 3].entries()) {
      expect(
        jit((s: typeof scores, l: typeof labels) => topKAccuracy(s, l, { k }))(scores, labels).item(),
      ).toBe(expected[i]);
      expect(new TopKAccuracy({ k }).update(scores, labels).compute()).toBe(expected[i]);
    }
    expect(topKAccuracy(scores, labels, { k: 1 }).item()).toBe(accuracy(scores, labels).item());
    expect(topKAccuracy(scores, labels).item()).toBe(1);
    expect(() => topKAccuracy(scores, labels, { k: 0 })).toThrow('k must be an integer from 1 on, got 0');
    expect(() => topKAccuracy(scores, tensor([1]))).toThrow('need labels of shape [4], got [1]');
    expect(() => new TopKAccuracy().update(scores, [0, 1, 2, 3])).toThrow('label 3 is 3');
  });

  test('ignores a label, reads images, thresholds', () => {
    const pixels = [
      [0, 1],
      [255, 1],
    ];
    const predicted = [
      [0, 0],
      [1, 1],
    ];
    expect(new Accuracy({ ignoreIndex: 255 }).update(predicted, pixels).compute()).toBe(2 / 3);
    expect(jaccard(predicted, pixels, { ignoreIndex: 255, average: 'none' })).toEqual([0.5, 0.5]);
    expect(new Accuracy({ threshold: 0.3 }).update([0.2, 0.4], [0, 1]).compute()).toBe(1);
    expect(new Accuracy().compute()).toBeNaN();
  });
});

describe('precision, recall and their kin', () => {
  test('take scores of classes, or of class 1 with a threshold', () => {
    expect(precision(scores, labels, { average: 'none' })).toEqual([0, 0.5, 1]);
    expect(recall([0.2, 0.9, 0.6], [0, 1, 1], { threshold: 0.7 })).toBe(0.5);
    expect(recall(scores, labels, { positive: 1 })).toBe(0.5);
    expect(precision(scores, labels, { average: 'none', classes: 5, zeroDivision: 1 })).toEqual([
      0, 0.5, 1, 1, 1,
    ]);
  });

  test('NaN for 0 / 0 is left out of averages', () => {
    const options = { classes: 4, zeroDivision: NaN } as const;
    expect(f1([0, 1, 1], [0, 1, 1], { ...options, average: 'macro' })).toBe(1);
    expect(f1([0, 1, 1], [0, 1, 1], { ...options, average: 'none' })).toEqual([1, 1, NaN, NaN]);
    expect(new F1({ ...options, average: 'weighted' }).compute()).toBeNaN();
  });

  test('errors say what to do', () => {
    expect(() => precision([0, 1, 2], [0, 1, 1])).toThrow(
      "Precision: 3 classes need the option average: 'macro', 'micro', 'weighted' or 'none'",
    );
    expect(() => precision([0.5], [1])).toThrow('scores of class 1 need the option threshold');
    expect(() => precision([0, 1], [0, 1, 1])).toThrow('outputs [2] do not fit labels [3]');
    expect(() => recall([0, 3], [0, 1], { classes: 3, average: 'macro' })).toThrow('class 3 is out of range');
    expect(() => recall([0, 2 ** 30], [0, 1], { average: 'macro' })).toThrow('give the number of classes');
    expect(() => recall([[1, 0]], [[1, 2]], { multilabel: true, average: 'macro' })).toThrow(
      'must be 0 or 1',
    );
    expect(() => recall([1], [1], { multilabel: true })).toThrow('need targets [examples, labels]');
    expect(() => recall([1], [1], { weights: [-1] })).toThrow('weight 0 is -1');
    expect(() => recall([1], [1], { weights: [1, 2] })).toThrow('weights [2], expected one for each of 1');
    expect(() => new FBeta({ beta: -1 })).toThrow('beta must be');
    expect(() => new Precision({ average: 'mean' as 'macro' })).toThrow('average must be one of');
    expect(() => new Recall({ clases: 2 } as object)).toThrow("unknown option 'clases'");
    expect(() => new Recall({ classes: 0 })).toThrow('classes must be an integer from 1 on');
    expect(() => new Recall().merge(new Precision() as unknown as Recall)).toThrow(
      'Recall.merge: needs another Recall, got Precision',
    );
    const one = new Recall();
    expect(() => one.merge(one)).toThrow('got itself');
  });
});

describe('agreement', () => {
  test('edges', () => {
    expect(new MatthewsCorrelation().compute()).toBe(0);
    expect(new BalancedAccuracy().compute()).toBeNaN();
    expect(new CohenKappa({ classes: 2 }).update([1, 1], [1, 1]).compute()).toBeNaN();
    expect(new CohenKappa({ classes: 3 }).update(scores, labels).compute()).toBeCloseTo(0.2, 12);
    expect(hammingLoss([[0.7, 0.2]], [[1, 1]], { multilabel: true })).toBe(0.5);
    expect(() => new CohenKappa({ classes: 2, distance: 'cubic' as 'linear' })).toThrow('distance must be');
  });
});

describe('ConfusionMatrix', () => {
  test('normalized, weighted, with a label that does not count', () => {
    expect(confusionMatrix([0, 0, 1], [0, 1, 1], 2, { normalize: 'true', weights: [1, 3, 2] })).toEqual([
      [0.25, 0.75],
      [0, 1],
    ]);
    expect(
      new ConfusionMatrix({ classes: 2, ignoreIndex: -1 }).update([0, 1, 1], [0, -1, 0]).compute(),
    ).toEqual([
      [1, 1],
      [0, 0],
    ]);
    expect(() => confusionMatrix([0], [0], 1, { normalize: 'rows' as 'true' })).toThrow(
      "'true', 'predicted' or 'all'",
    );
    const two = new ConfusionMatrix({ classes: 2 });
    expect(() => two.merge(new ConfusionMatrix({ classes: 3 }))).toThrow('2 and 3 classes');
    expect(() => two.update([2], [0])).toThrow('integers from 0 to 1');
  });
});
