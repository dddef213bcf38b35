import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { DataError, garments, loader } from '../../src/data/index.ts';
import { random } from '../../src/index.ts';
import { accuracy } from '../../src/metrics/index.ts';
import * as nn from '../../src/nn/index.ts';
import * as optim from '../../src/optim/index.ts';
import { evaluate, fit } from '../../src/train/index.ts';

test('the same bytes on every machine; a larger set begins with the smaller one', () => {
  const { train, test: held } = garments({ train: 40, test: 20 });
  expect(createHash('sha256').update(train.images).digest('hex')).toBe(
    '53205c5c376192c824288972f5e6c2aad20af46bbd2e4893dc47c8f1563cb119',
  );
  expect(garments({ train: 20, test: 0 }).train.images).toEqual(train.images.subarray(0, 20 * 784));
  expect(garments({ train: 40, test: 0, seed: 1 }).train.images).not.toEqual(train.images);
  expect(held.images).not.toEqual(train.images.subarray(0, 20 * 784));
});

test('classes are balanced, images are neither empty nor full', () => {
  const { train } = garments({ train: 200, test: 0 });
  expect(train.shape).toEqual([28, 28, 1]);
  for (let c = 0; c < 10; c++) expect(train.labels.filter((label) => label === c)).toHaveLength(20);
  for (let i = 0; i < 200; i++) {
    const lit = train.images.subarray(i * 784, (i + 1) * 784).filter((v) => v > 20).length / 784;
    expect(lit).toBeGreaterThan(0.03);
    expect(lit).toBeLessThan(0.9);
  }
});

test('numbers of images are checked', () => {
  expect(() => garments({ train: -1 })).toThrow(DataError);
  expect(() => garments({ test: 1.5 })).toThrow(/garments: test: 1.5 is not a number of images/);
});

test('a linear classifier learns most of it, a hidden layer more', async () => {
  const { train, test: held } = garments({ train: 3000, test: 500 });
  const learned = async (model: nn.Layer): Promise<number> => {
    await fit(model, {
      data: loader(train, { batchSize: 50, shuffle: true }),
      loss: nn.crossEntropy,
      optimizer: new optim.Adam(model, { lr: 2e-3 }),
      epochs: 4,
    });
    return (await evaluate(model, loader(held, { batchSize: 500 }), { metrics: { accuracy } })).accuracy;
  };
  random.seed(0);
  const linear = await learned(new nn.Sequential(new nn.Flatten(), new nn.Linear(784, 10)));
  const hidden = await learned(
    new nn.Sequential(new nn.Flatten(), new nn.Linear(784, 64), new nn.ReLU(), new nn.Linear(64, 10)),
  );
  expect(linear).toBeGreaterThan(0.7);
  expect(linear).toBeLessThan(0.98);
  expect(hidden).toBeGreaterThan(linear);
});
