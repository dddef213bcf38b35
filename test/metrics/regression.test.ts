import { describe, expect, test } from 'vitest';
import { tensor } from '../../src/index.ts';
import {
  MeanAbsoluteError,
  MedianAbsoluteError,
  maxError,
  meanAbsoluteError,
  meanAbsolutePercentageError,
  medianAbsoluteError,
  pearsonCorrelation,
  R2,
  r2,
  SpearmanCorrelation,
  spearmanCorrelation,
} from '../../src/metrics/index.ts';

describe('errors of regression', () => {
  test('tensors, scalars, several outputs', () => {
    expect(meanAbsoluteError(tensor([1, 2]), tensor([2, 4]))).toBe(1.5);
    expect(meanAbsoluteError(tensor(1), tensor(3))).toBe(2);
    expect(maxError(tensor([[1, 2]]), tensor([[2, 5]]), { multioutput: 'raw' })).toEqual([1, 3]);
    expect(maxError([1, 2, 9], [1, 3, 1], { weights: [1, 1, 0] })).toBe(1);
    expect(medianAbsoluteError([0, 0, 0], [1, 2, 9], { weights: [1, 1, 4] })).toBe(9);
  });

  test('edges', () => {
    expect(new MeanAbsoluteError().compute()).toBeNaN();
    expect(new MedianAbsoluteError().compute()).toBeNaN();
    expect(new R2().compute()).toBeNaN();
    expect(r2([1], [1])).toBeNaN();
    expect(r2([1, 2], [1, 1])).toBe(0);
    expect(r2([1, 1], [1, 1])).toBe(1);
    expect(meanAbsoluteError([NaN], [1])).toBeNaN();
    expect(medianAbsoluteError([NaN, 1, 2], [1, 1, 1])).toBeNaN();
    expect(meanAbsolutePercentageError([1], [0])).toBe(2 ** 52);
  });

  test('a large offset costs no digits', () => {
    const x = Float64Array.from({ length: 100 }, (_, i) => 1e9 + i);
    const y = x.map((value) => value + 0.5);
    expect(r2(x, y)).toBeCloseTo(1 - 25 / 83325, 12);
    expect(pearsonCorrelation(x, y)).toBeCloseTo(1, 12);
  });

  test('errors', () => {
    expect(() => r2([1, 2], [1])).toThrow('R2: outputs [2] and targets [1] must have the same shape');
    expect(() => r2([[[1]]], [[[1]]])).toThrow('flatten further axes');
    expect(() => new MeanAbsoluteError({ multioutput: 'variance' })).toThrow(
      'multioutput must be one of uniform, raw',
    );
    const metric = new R2().update([1], [1]);
    expect(() => metric.update([[1, 2]], [[1, 2]])).toThrow('examples have 2 outputs, those before had 1');
    expect(() => metric.merge(new R2().update([[1, 2]], [[1, 2]]))).toThrow('have 2 outputs');
    expect(() => r2([[1], [1, 2]], [[1], [1]])).toThrow(
      'lists must be of equal lengths; [0] has shape [1], [1] has [2]',
    );
  });
});

test('correlation of constants is NaN, of ranks only the order counts', () => {
  expect(pearsonCorrelation([1, 1], [1, 2])).toBeNaN();
  expect(spearmanCorrelation([1, 10, 100], [1, 2, 3])).toBeCloseTo(1, 12);
  expect(spearmanCorrelation([1, NaN], [1, 2])).toBeNaN();
  expect(new SpearmanCorrelation().compute()).toBeNaN();
});
