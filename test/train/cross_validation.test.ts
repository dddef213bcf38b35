import { expect, test } from 'vitest';
import {
  batchLoader,
  countOf,
  digits,
  examples,
  kFolds,
  loader,
  pick,
  subset,
  timeSeriesFolds,
} from '../../src/data/index.ts';
import { random, tensor } from '../../src/index.ts';
import { accuracy } from '../../src/metrics/index.ts';
import * as nn from '../../src/nn/index.ts';
import * as optim from '../../src/optim/index.ts';
import {
  type Callback,
  crossValidate,
  earlyStopping,
  evaluate,
  fit,
  Interrupted,
  learningCurve,
} from '../../src/train/index.ts';

/** Two classes of points in the plane, some on the wrong side. */
function points(count: number) {
  const x = random.normal([count, 2], { key: random.key(1) });
  const noise = random.normal([count], { key: random.key(2) }).mul(0.5);
  return { x, y: x.at(0, 1).add(noise).gt(0).cast('int32') };
}

const build = () => {
  const model = new nn.Linear(2, 2);
  return { model, optimizer: new optim.SGD(model, { lr: 0.5 }) };
};
const options = { loss: nn.crossEntropy, metrics: { accuracy }, epochs: 3, batchSize: 10 };

test('five turns, each with a fresh model; mean and spread', async () => {
  const data = points(50);
  const weights: number[][] = [];
  const { turns, mean, std, table } = await crossValidate(
    () => {
      const begin = build();
      weights.push([...begin.model.weight.value.dataSync()]);
      return begin;
    },
    data,
    { ...options, seed: 4 },
  );
  expect(turns.map(({ fold }) => fold)).toEqual(kFolds(50, 5, { seed: 4 }));
  expect(new Set(weights.map(String)).size).toBe(5);
  expect(Object.keys(mean)).toEqual([
    ...['loss', 'accuracy', 'validationLoss', 'validationAccuracy', 'testLoss', 'testAccuracy'],
  ]);
  const tested = turns.map(({ logs }) => logs.testAccuracy);
  const average = tested.reduce((s, x) => s + x, 0) / 5;
  expect(mean.testAccuracy).toBeCloseTo(average, 12);
  expect(std.testAccuracy).toBeCloseTo(Math.sqrt(tested.reduce((s, x) => s + (x - average) ** 2, 0) / 4), 12);
  expect(mean.testAccuracy).toBeGreaterThan(0.7);
  expect(table.split('\n').map((line) => line.trim().split(/ +/)[0])).toEqual([
    'turn',
    '1',
    '2',
    '3',
    '4',
    '5',
    'mean',
    'std',
  ]);
  // Once more, the same.
  expect((await crossValidate(build, data, { ...options, seed: 4 })).mean).toEqual(mean);
});

test('a turn is a fit by hand', async () => {
  const { train } = digits({ train: 30, test: 0 });
  const linear = () => {
    const model = new nn.Sequential(new nn.Flatten(), new nn.Linear(784, 10));
    return { model, optimizer: new optim.SGD(model, { lr: 0.1 }) };
  };
  const { turns } = await crossValidate(linear, train, { ...options, k: 3 });
  const [{ fold, turn, logs }] = turns;
  random.seed(turn.seed);
  const { model, optimizer } = linear();
  await fit(model, {
    data: loader(subset(train, fold.train), { batchSize: 10, shuffle: true, seed: turn.seed }),
    ...{ optimizer, epochs: 3, loss: nn.crossEntropy },
  });
  const held = loader(subset(train, fold.test), { batchSize: 10 });
  const byHand = await evaluate(model, held, { loss: nn.crossEntropy, metrics: { accuracy } });
  expect([logs.testLoss, logs.testAccuracy]).toEqual([byHand.loss, byHand.accuracy]);
});

test('the test part is read after the training, never in it', async () => {
  const events: string[] = [];
  const note: Callback = { onEpochEnd: () => void events.push('epoch') };
  const data = examples(Array.from({ length: 20 }, (_, i) => i));
  const names = new Map<number, string>();
  const folds = timeSeriesFolds(20, 1, { testSize: 5, validation: true });
  for (const [name, part] of Object.entries(folds[0])) for (const i of part as Int32Array) names.set(i, name);
  await crossValidate(() => ({ ...build(), callbacks: [note] }), data, {
    ...{ loss: nn.crossEntropy, epochs: 2, folds },
    batches: (part, { shuffle, seed }) =>
      batchLoader(part, {
        ...{ shuffle, seed, batchSize: 5 },
        collate: (list) => {
          events.push(...new Set(list.map((i) => names.get(i) as string)));
          return [
            tensor(list.map((i) => [i, 1])),
            tensor(
              list.map((i) => i % 2),
              { dtype: 'int32' },
            ),
          ];
        },
      }),
  });
  const fitting = ['train', 'train', 'validation', 'epoch'];
  expect(events).toEqual([...fitting, ...fitting, 'train', 'train', 'validation', 'test']);
});

test('early stopping by the validation part', async () => {
  const { turns } = await crossValidate(
    () => ({ ...build(), callbacks: [earlyStopping({ patience: 1, minDelta: 10 })] }),
    points(30),
    { ...options, epochs: 9, k: 3 },
  );
  expect(turns.map(({ epochs }) => epochs)).toEqual([2, 2, 2]);
});

test('without validation; stratified', async () => {
  const data = points(40);
  const stratify = data.y.dataSync();
  const { turns, mean } = await crossValidate(build, data, { ...options, k: 4, validation: false, stratify });
  expect(mean.validationLoss).toBeUndefined();
  const ones = turns.map(({ fold }) => pick(data, fold.test).y.sum().item());
  expect(Math.max(...ones) - Math.min(...ones)).toBeLessThanOrEqual(1);
  expect(turns.every(({ fold }) => fold.train.length === 30)).toBe(true);
});

test('a learning curve: with more examples the gap between training and validation closes', async () => {
  const data = points(200);
  const curve = await learningCurve(build, data, { ...options, sizes: [4, 0.25, 1], k: 4, epochs: 30 });
  expect(curve.map((point) => point.examples)).toEqual([4, 38, 150]);
  const gaps = curve.map(({ mean }) => mean.validationLoss - mean.loss);
  expect(gaps[0]).toBeGreaterThan(gaps[1]);
  expect(gaps[1]).toBeGreaterThan(gaps[2]);
  expect(curve[2].mean.validationAccuracy).toBeGreaterThan(curve[0].mean.validationAccuracy);
  expect(curve[0].std.validationLoss).toBeGreaterThan(0);
  await expect(learningCurve(build, data, { ...options, sizes: [151], k: 4 })).rejects.toThrow(
    '1 to 150 examples',
  );
});

test('what makes no sense is told', async () => {
  const data = points(10);
  const folds = kFolds(countOf(data), 3);
  await expect(crossValidate(build, data, { ...options, folds, k: 3 })).rejects.toThrow('leave out k');
  await expect(crossValidate(build, [1, 2, 3, 4, 5], options)).rejects.toThrow('give the option batches');
  await expect(crossValidate(build, data, { ...options, fols: 3 } as never)).rejects.toThrow("'fols'");
  await expect(crossValidate(build, data, { epochs: 1 } as never)).rejects.toThrow('loss is missing');
  await expect(crossValidate(build, data, { ...options, signal: AbortSignal.abort() })).rejects.toThrow(
    Interrupted,
  );
});
