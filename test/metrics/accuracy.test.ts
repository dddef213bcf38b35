import { expect, test } from 'vitest';
import { tensor, zeros } from '../../src/index.ts';
import { accuracy, Mean } from '../../src/metrics/index.ts';

test('accuracy: share of examples whose largest output is the label', () => {
  const outputs = tensor([
    [1, 2],
    [3, 0],
    [5, 5],
    [-2, -1],
  ]);
  expect(accuracy(outputs, tensor([1, 1, 0, 1], { dtype: 'int32' })).item()).toBe(0.75);
  expect(() => accuracy(outputs, zeros([3]))).toThrow(/need labels of shape \[4\], got \[3\]/);
});

test('Mean weighs batches by their size', () => {
  const mean = new Mean();
  expect(mean.value).toBeNaN();
  mean.add(0.5, 4);
  mean.add(1, 1);
  expect(mean.value).toBe(0.6);
  expect(mean.weight).toBe(5);
});
