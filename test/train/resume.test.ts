import { describe, expect, test } from 'vitest';
import { loader, stream } from '../../src/data/index.ts';
import { arange, random, type Tensor } from '../../src/index.ts';
import { accuracy, CohenKappa, ConfusionMatrix, F1 } from '../../src/metrics/index.ts';
import * as nn from '../../src/nn/index.ts';
import * as optim from '../../src/optim/index.ts';
import {
  type Callback,
  type FitOptions,
  fit,
  type History,
  type Part,
  type Run,
  type State,
} from '../../src/train/index.ts';
import { putTogether, takeApart } from '../../src/train/state.ts';
import { toyImages, toyModel } from './toy.ts';

/** What a training remembers, in memory. */
interface Memory {
  state: Readonly<Record<string, State>>;
  tensors: Readonly<Record<string, Readonly<Record<string, Tensor>>>>;
}

const remember = (run: Run): Memory => ({
  state: {
    epoch: run.epoch,
    step: run.step,
    batch: run.batch,
    history: structuredClone(run.history),
    parts: Object.fromEntries([...run.parts].map(([name, part]) => [name, part.stateDict()])),
  },
  tensors: {
    model: run.model.stateDict(),
    optimizer: run.optimizer.stateDict(),
    random: { state: random.state().value },
  },
});

const recall = (run: Run, { state, tensors }: Memory): void => {
  run.model.loadStateDict(tensors.model);
  run.optimizer.loadStateDict(tensors.optimizer);
  random.state().assign(tensors.random.state);
  Object.assign(run, { epoch: state.epoch, step: state.step, batch: state.batch });
  run.history = structuredClone(state.history) as unknown as Run['history'];
  run.restored = { parts: state.parts as Record<string, State>, callbacks: {} };
};

type Data = FitOptions['data'];
type More = Partial<FitOptions>;
const images = () => loader(toyImages(40), { batchSize: 8, shuffle: true });

/** Trains for three epochs of five steps; remembers each place between two steps, or starts from one. */
async function train(data: () => Data, more: () => More, from: Memory | null = null) {
  const model = toyModel(from === null ? 1 : 77);
  const places: Memory[] = [];
  const memory: Callback = {
    restore: (run) => void (from === null || recall(run, from)),
    afterStep: (run) => void places.push(remember(run)),
    afterEpoch: (run) => void places.push(remember(run)),
  };
  const history: History = await fit(model, {
    data: data(),
    // Sums of floating point numbers depend on the order, which goes on from epoch to epoch.
    validation: loader(toyImages(20), { batchSize: 7, shuffle: true }),
    loss: nn.crossEntropy,
    optimizer: new optim.Adam(model, { lr: 0.02 }),
    epochs: 3,
    metrics: { accuracy },
    callbacks: [memory],
    ...more(),
  });
  return { history, places, weights: Object.values(model.stateDict()).map((t) => t.toArray()) };
}

describe('fit goes on in the middle of an epoch', () => {
  const batches = [...images()];
  const cases: [string, () => Data, (() => More)?][] = [
    ['a loader', images],
    ['an array of batches', () => batches],
    ['an iterable that begins anew', () => ({ [Symbol.iterator]: () => batches[Symbol.iterator]() })],
    ['a function that opens a generator', () => (epoch) => (epoch === 1 ? batches.toReversed() : batches)],
    ['a stream', () => stream(batches).shuffle(3, { seed: 4 })],
    [
      'arrays, cut into shuffled batches',
      () => ({ x: random.normal([40, 2, 2, 1], { key: random.key(4) }), y: arange(40).mod(2).cast('int32') }),
      () => ({ batchSize: 8, shuffle: true }),
    ],
    ['two batches for each update', images, () => ({ accumulate: 2 })],
    ['epochs that are shorter than passes', images, () => ({ stepsPerEpoch: 3 })],
    [
      'epochs that are longer than passes, of a stream',
      () => stream(batches).repeat(),
      () => ({ stepsPerEpoch: 7 }),
    ],
    ['epochs that are longer than passes, of a list', () => batches, () => ({ stepsPerEpoch: 7 })],
    ['validation in the middle of epochs', images, () => ({ validateEvery: { steps: 2 } })],
    [
      'metrics that are exact over an epoch, shared with the validation',
      images,
      () => ({
        metrics: {
          accuracy,
          f1: new F1(),
          confusion: new ConfusionMatrix({ classes: 2 }),
          kappa: () => new CohenKappa({ classes: 2 }),
        },
      }),
    ],
    [
      'bounds on gradients and weights of classes',
      images,
      () => ({ clipNorm: 0.1, classWeights: { 0: 1, 1: 3 } }),
    ],
  ];
  test.each(cases)('from every place, with %s', async (_, data, more = () => ({})) => {
    const whole = await train(data, more);
    expect(whole.places.length).toBeGreaterThanOrEqual(12);
    for (const place of whole.places) {
      const { history, weights } = await train(data, more, place);
      const where = `epoch ${place.state.epoch}, batch ${place.state.batch}`;
      expect(history.epochs, where).toEqual(whole.history.epochs);
      expect([history.steps, history.stopped], where).toEqual([whole.history.steps, whole.history.stopped]);
      expect(weights, where).toEqual(whole.weights);
    }
  });
});

describe('states', () => {
  test('every number comes back with the same bits, arrays under names of their places', () => {
    const numbers = [0, -0, Number.NaN, Infinity, -Infinity, 0.1 + 0.2, 5e-324, 1.7976931348623157e308];
    const weight = random.normal([2]);
    const bias = random.normal([3]);
    const state = { numbers, deep: { weight, list: [null, true, 'x', { bias }] }, 'deep.weight': weight };
    const { json, tensors } = takeApart(state);
    expect(Object.keys(tensors)).toEqual(['deep.weight', 'deep.list.3.bias', 'deep.weight#2']);
    const back = putTogether(json, tensors) as typeof state;
    expect(back.numbers.map((x, i) => Object.is(x, numbers[i]))).toEqual(numbers.map(() => true));
    expect(back.deep.weight).toBe(weight);
    expect(back).toEqual(state);
  });

  test('refuses what it could not put back, saying where it is', () => {
    const bad = (value: unknown) => () => takeApart({ parts: { mine: [value] } } as State);
    expect(bad(() => 1)).toThrow("'parts.mine.0' cannot be saved");
    expect(bad(new Float32Array(2))).toThrow("'parts.mine.0' cannot be saved");
    expect(bad(new Map())).toThrow("'parts.mine.0' cannot be saved");
    expect(bad({ $tensor: 'x' })).toThrow('rename it');
    expect(() => putTogether('{"x":{"$tensor":"x"}}', {})).toThrow('the array x is missing');
  });

  test('a part of one kind and of another', () => {
    const model = toyModel();
    const parts: Part[] = [
      model,
      new optim.Adam(model),
      new optim.ExponentialAverage(model),
      new optim.ReduceOnPlateau({ lr: 1 }),
    ];
    for (const part of parts) {
      const { json, tensors } = takeApart(part.stateDict());
      part.loadStateDict(putTogether(json, tensors) as never);
    }
  });
});
