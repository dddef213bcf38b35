import { describe, expect, test } from 'vitest';
import { tensor } from '../../src/index.ts';
import {
  AveragePrecision,
  auc,
  BrierScore,
  brierScore,
  CalibrationCurve,
  CalibrationError,
  calibrationCurve,
  logLoss,
  PrecisionRecallCurve,
  precisionRecallCurve,
  RocAuc,
  RocCurve,
  rocAuc,
  rocCurve,
} from '../../src/metrics/index.ts';

const scores = tensor([0.1, 0.4, 0.35, 0.8]);
const labels = tensor([0, 0, 1, 1], { dtype: 'int32' });

describe('ranking', () => {
  test('the textbook example', () => {
    expect(rocAuc(scores, labels)).toBe(0.75);
    const { falsePositiveRate, truePositiveRate, thresholds } = rocCurve(scores, labels);
    expect(falsePositiveRate).toEqual([0, 0, 0.5, 0.5, 1]);
    expect(truePositiveRate).toEqual([0, 0.5, 0.5, 1, 1]);
    expect(thresholds[0]).toBe(Infinity);
    expect(auc(falsePositiveRate, truePositiveRate)).toBe(0.75);
    expect(auc([1, 0], [1, 1])).toBe(1);
    expect(precisionRecallCurve(scores, labels).recall).toEqual([1, 1, 0.5, 0.5, 0]);
  });

  test('nothing to tell apart is NaN', () => {
    expect(rocAuc([0.1, 0.2], [1, 1])).toBeNaN();
    expect(
      rocAuc(
        [
          [1, 0, 0],
          [0, 1, 0],
        ],
        [0, 1],
        { average: 'none' },
      ),
    ).toEqual([1, 1, NaN]);
    expect(new RocAuc().compute()).toBeNaN();
    expect(new AveragePrecision().compute()).toBe(0);
  });

  test('errors', () => {
    expect(() => rocAuc([NaN], [1])).toThrow('RocAuc: score 0 is NaN');
    expect(() => rocAuc([0.1, 0.2], [1])).toThrow('outputs [2] and targets [1] do not fit');
    expect(() => rocAuc([[0, 1, 0]], [3])).toThrow('label 0 is 3; expected an integer from 0 to 2');
    expect(() => rocCurve([[0, 1, 0]], [2])).toThrow('got scores of 3');
    expect(() => new PrecisionRecallCurve().update([[0, 1, 0]], [2]).compute()).toThrow('got scores of 3');
    expect(() => new RocAuc({ multiclass: 'ovo', average: 'micro' })).toThrow("'ovo' needs average");
    expect(() => new RocAuc({ average: 'mean' as 'macro' })).toThrow('average must be one of');
    expect(() => new AveragePrecision({ multiclass: 'ovo' } as object)).toThrow(
      "unknown option 'multiclass'",
    );
    const auc3 = new RocAuc().update([[0, 1, 0]], [2]);
    expect(() => auc3.update([0.1], [0])).toThrow('outputs have 0 columns, those before had 3');
    expect(() => auc3.merge(new RocAuc().update([0.1], [0]))).toThrow('3 and 0 columns');
    expect(() => new RocCurve().merge(new RocAuc() as unknown as RocCurve)).toThrow('needs another RocCurve');
    expect(() => auc([0, 1, 0.5], [0, 0, 0])).toThrow('rise or fall throughout');
    expect(() => auc([0], [0])).toThrow('at least two');
  });
});

describe('probabilities', () => {
  test('certain and wrong is finite', () => {
    expect(logLoss([0], [1])).toBeCloseTo(52 * Math.log(2), 12);
    expect(brierScore(tensor([[0.5, 0.5]]), [1])).toBe(0.25);
    expect(new BrierScore().compute()).toBeNaN();
    expect(new CalibrationError().compute()).toBeNaN();
    expect(new CalibrationError().update([0.75, 0.75], [1, 0]).compute()).toBe(0.25);
    expect(calibrationCurve([0.25, 0.75], [0, 1], { bins: 2, weights: [1, 3] })).toEqual({
      predicted: [0.25, 0.75],
      observed: [0, 1],
      counts: [1, 3],
    });
  });

  test('errors', () => {
    expect(() => logLoss([2], [1])).toThrow(
      'LogLoss: probability 0 is 2, expected 0 to 1; of logits take softmax',
    );
    expect(() => logLoss([0.5], [2])).toThrow('label 0 is 2; expected an integer from 0 to 1');
    expect(() => logLoss([0.5], [1, 1])).toThrow('do not fit');
    expect(() => new CalibrationCurve({ bins: 0 })).toThrow('bins must be an integer from 1 on');
    expect(() => new CalibrationCurve({ strategy: 'log' as 'uniform' })).toThrow("'uniform' or 'quantile'");
    expect(() => new CalibrationError({ norm: 'l3' as 'l1' })).toThrow("'l1', 'l2' or 'max'");
  });
});
