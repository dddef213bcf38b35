import { describe, expect, test } from 'vitest';
import { trained } from '../../support/trained.ts';

/**
 * Networks that the course names with an accuracy, trained on all images with the recipes' own settings. Needs the data: NABLA_DATA names
 * the folder that has `mnist/` and `fashion-mnist/`.
 */
const dir = process.env.NABLA_DATA;

describe.skipIf(dir === undefined)('A06 and A08', () => {
  test.each([0, 1])('A06-08 the MLP of Keras: 101,770 parameters, at least .975, seed %i', async (seed) => {
    const result = await trained('mnist-mlp', seed);
    expect(result.parameters).toBe(101_770);
    expect(result.test).toBeGreaterThanOrEqual(0.975);
  });

  test.each([0, 1])('A08-07 convolutions as in a Keras notebook: at least .99, seed %i', async (seed) => {
    expect((await trained('mnist-cnn-keras', seed)).test).toBeGreaterThanOrEqual(0.99);
  });

  test.each([0, 1])('A08-21 a plain CNN on Fashion-MNIST: at least .90, seed %i', async (seed) => {
    expect((await trained('fashion-cnn', seed)).test).toBeGreaterThanOrEqual(0.9);
  });
});
