import { describe, expect, test } from 'vitest';
import { type Result, trained } from '../../support/trained.ts';

/**
 * The ladder of MNIST classifiers of the course, trained on all 60,000 images with the recipes' own settings, and the
 * accuracies that its notes print as gates. Needs the data: NABLA_DATA names the folder that has `mnist/`.
 */
const dir = process.env.NABLA_DATA;

describe.skipIf(dir === undefined)('A08', () => {
  test.each([0, 1, 2])('lenet5 reaches .985 in three epochs, seed %i', async (seed) => {
    expect((await trained('lenet5', seed)).test).toBeGreaterThanOrEqual(0.985);
  });

  test('A08-01 logistic regression: 7,850 parameters, at least .920', async () => {
    const result = await trained('mnist-lr');
    expect(result.parameters).toBe(7850);
    expect(result.test).toBeGreaterThanOrEqual(0.92);
  });

  test('A08-02 one convolution: 503,434 parameters, at least .984', async () => {
    const result = await trained('mnist-cnn-cf');
    expect(result.parameters).toBe(503_434);
    expect(result.test).toBeGreaterThanOrEqual(0.984);
  });

  test('A08-05 the gap of cnn-cf is about 0.4 % where training accuracy is about .990', async () => {
    // The notes stop at .9903 and .9862; whoever trains on widens the gap (five epochs: 1.1 %).
    const { train, test: held } = await trained('mnist-cnn-cf', 0, 2);
    expect(Math.abs(train - 0.9903)).toBeLessThan(0.003);
    expect(Math.abs(train - held - 0.004)).toBeLessThan(0.002);
  });

  test('A08-03 two convolutions: 3,274,634 parameters, at least .988', async () => {
    const result = await trained('mnist-cnn-cpcpff');
    expect(result.parameters).toBe(3_274_634);
    expect(result.test).toBeGreaterThanOrEqual(0.988);
  });

  test('A08-04 with dropout: at least .990, and no worse than without on the mean of two seeds', async () => {
    const withDropout = [
      await trained('mnist-cnn-cpcpff-dropout', 0),
      await trained('mnist-cnn-cpcpff-dropout', 1),
    ];
    const without = [await trained('mnist-cnn-cpcpff', 0), await trained('mnist-cnn-cpcpff', 1)];
    const mean = (results: readonly Result[]) => results.reduce((sum, r) => sum + r.test, 0) / results.length;
    expect(withDropout[0].test).toBeGreaterThanOrEqual(0.99);
    expect(mean(withDropout)).toBeGreaterThanOrEqual(mean(without));
  });
});
