import { expect, test } from 'vitest';
import { loader, stream } from '../../src/data/index.ts';
import { random } from '../../src/index.ts';
import * as nn from '../../src/nn/index.ts';
import * as optim from '../../src/optim/index.ts';
import { learningRateCurve } from '../../src/train/index.ts';
import { toyImages, toyModel } from './toy.ts';

const everything = (model: nn.Module, optimizer: optim.Adam) =>
  [...Object.values(model.stateDict()), ...Object.values(optimizer.stateDict()), random.state().value].map(
    (t) => t.toArray(),
  );

test('suggests a rate that trains, and leaves everything as it was', async () => {
  const model = toyModel().eval();
  const optimizer = new optim.Adam(model, { lr: 0.123 });
  const before = everything(model, optimizer);
  const options = { loss: nn.crossEntropy, optimizer, from: 1e-5, to: 10, steps: 40 };
  const { rates, losses, suggestion } = await learningRateCurve(model, {
    ...options,
    data: loader(toyImages(20), { batchSize: 5, shuffle: true }),
  });
  expect(everything(model, optimizer)).toEqual(before);
  expect(model.training).toBe(false);
  expect(rates[0]).toBe(1e-5);
  expect(losses).toHaveLength(rates.length);
  expect(suggestion).toBeGreaterThan(1e-4);
  expect(suggestion).toBeLessThan(10);
});

test('takes data of other forms, and says what is wrong', async () => {
  const model = toyModel();
  const optimizer = new optim.Adam(model);
  const batches = [...loader(toyImages(20), { batchSize: 5 })];
  const options = { loss: nn.crossEntropy, optimizer, steps: 5 };
  const sync = await learningRateCurve(model, { ...options, data: batches });
  random.seed(1);
  toyModel();
  expect((await learningRateCurve(model, { ...options, data: stream(batches) })).rates).toEqual(sync.rates);
  await expect(learningRateCurve(model, { ...options, data: [] })).rejects.toThrow(
    'learningRateCurve: the data has no batches',
  );
  await expect(learningRateCurve(model, { ...options, data: batches, epochs: 3 } as never)).rejects.toThrow(
    /unknown option 'epochs'/,
  );
  await expect(learningRateCurve(model, { data: batches, optimizer } as never)).rejects.toThrow(
    'the option loss is missing',
  );
  await expect(learningRateCurve(model, { ...options, data: batches, from: 1, to: 0.1 })).rejects.toThrow(
    /rates must be positive and rise/,
  );
});
