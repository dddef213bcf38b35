import { expect, test } from 'vitest';
import { digits, loader } from '../../src/data/index.ts';
import { random } from '../../src/index.ts';
import { accuracy } from '../../src/metrics/index.ts';
import * as nn from '../../src/nn/index.ts';
import * as optim from '../../src/optim/index.ts';
import { LeNet5 } from '../../src/recipes/lenet5.ts';
import { evaluate, fit } from '../../src/train/index.ts';

/** Accuracy on 1,000 generated digits after three epochs on 5,000 others. */
async function learned(model: nn.Layer): Promise<number> {
  const { train, test: held } = digits({ train: 5000, test: 1000, seed: 3 });
  await fit(model, {
    data: loader(train, { batchSize: 64, shuffle: true, seed: 1 }),
    loss: nn.crossEntropy,
    optimizer: new optim.Adam(model, { lr: 2e-3 }),
    epochs: 3,
  });
  const result = await evaluate(model, loader(held, { batchSize: 500 }), { metrics: { accuracy } });
  return result.accuracy;
}

test('generated digits tell a linear classifier from a convolutional network', async () => {
  random.seed(0);
  const linear = await learned(new nn.Sequential(new nn.Flatten(), new nn.Linear(784, 10)));
  const convolutional = await learned(new LeNet5());
  expect(linear).toBeGreaterThan(0.6);
  expect(linear).toBeLessThan(0.92);
  expect(convolutional).toBeGreaterThan(0.94);
  expect(convolutional - linear).toBeGreaterThan(0.05);
});
