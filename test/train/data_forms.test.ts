import { describe, expect, test } from 'vitest';
import {
  batchLoader,
  digits,
  examples,
  loader,
  stackExamples,
  stream,
  tensorLoader,
} from '../../src/data/index.ts';
import { jit, random, type Tensor, tensor, valueAndGrad } from '../../src/index.ts';
import { Accuracy, accuracy, ConfusionMatrix, F1, RocAuc } from '../../src/metrics/index.ts';
import * as nn from '../../src/nn/index.ts';
import * as optim from '../../src/optim/index.ts';
import { type Callback, type Data, evaluate, type FitOptions, fit, predict } from '../../src/train/index.ts';
import { toyImages } from './toy.ts';

const count = 22;
random.seed(5);
const x = random.normal([count, 4]);
const y = tensor(
  Array.from({ length: count }, (_, i) => (i * 7) % 3),
  { dtype: 'int32' },
);
x.dataSync();

function model3(): nn.Linear {
  random.seed(1);
  return new nn.Linear(4, 3);
}
const rows = (from: number, to: number): [Tensor, Tensor] => [x.slice([from, to]), y.slice([from, to])];
const cuts = [
  [0, 8],
  [8, 16],
  [16, 22],
] as const;
const batches = (): [Tensor, Tensor][] => cuts.map(([from, to]) => rows(from, to));

async function train(data: Data, options: Partial<FitOptions> = {}) {
  const model = model3();
  const optimizer = new optim.SGD(model, { lr: 0.1, momentum: 0.9 });
  const history = await fit(model, { data, loss: nn.crossEntropy, optimizer, epochs: 2, ...options });
  return { history, model, weights: model.weight.value.toArray() };
}

describe('fit by hand', () => {
  test('is the same bits', async () => {
    const model = model3();
    const optimizer = new optim.SGD(model, { lr: 0.1, momentum: 0.9 });
    const step = jit((images: Tensor, labels: Tensor) => {
      const [loss, grads] = valueAndGrad(() => nn.crossEntropy(model.forward(images), labels), model);
      optimizer.update(grads);
      return loss;
    });
    const means: number[] = [];
    for (let epoch = 0; epoch < 2; epoch++) {
      let sum = 0;
      for (const [images, labels] of batches()) sum += step(images, labels).item() * images.shape[0];
      means.push(sum / count);
    }
    const { history, weights } = await train(batches());
    expect(weights).toEqual(model.weight.value.toArray());
    expect(history.epochs.map(({ loss }) => loss)).toEqual(means);
  });
});

describe('data of every form', () => {
  const cut = { batchSize: 8, shuffle: false };
  const forms: [string, () => Data, Partial<FitOptions>][] = [
    ['objects as batches', () => batches().map(([x, y]) => ({ x, y })), {}],
    [
      'a function that opens a generator',
      () =>
        function* () {
          yield* batches();
        },
      {},
    ],
    [
      'a function that opens an asynchronous generator',
      () =>
        async function* () {
          yield* batches();
        },
      {},
    ],
    ['an asynchronous iterable', () => stream(batches()), {}],
    ['arrays', () => [x, y], cut],
    ['arrays by name', () => ({ x, y }), cut],
    ['a loader of arrays', () => tensorLoader([x, y], { batchSize: 8 }), {}],
    [
      'a loader of examples',
      () =>
        batchLoader(examples(Array.from({ length: count }, (_, i) => i)), {
          batchSize: 8,
          collate: (list): [Tensor, Tensor] => [
            stackExamples(list.map((i) => x.slice([i, i + 1]).dataSync())),
            y.slice([list[0], list[0] + list.length]),
          ],
        }),
      {},
    ],
  ];
  test.each(forms)('%s', async (_, data, options) => {
    const expected = await train(batches());
    const { history, weights } = await train(data(), options);
    expect(weights).toEqual(expected.weights);
    expect(history.epochs).toEqual(expected.history.epochs);
    expect(history.steps).toBe(6);
  });

  test('a dataset is loaded, arrays are shuffled, another way in each epoch', async () => {
    const images = toyImages(20);
    const flat = new nn.Sequential(new nn.Flatten(), new nn.Linear(4, 2));
    const optimizer = new optim.SGD(flat, { lr: 0 });
    const orders: string[] = [];
    const data = tensorLoader([x, y], { batchSize: 8, shuffle: true });
    for (const epoch of [0, 1]) {
      data.epoch = epoch;
      orders.push([...data].map(([, labels]) => labels.dataSync().join('')).join(''));
    }
    expect(orders[0]).not.toBe(orders[1]);
    const history = await fit(flat, { data: images, loss: nn.crossEntropy, optimizer, batchSize: 6 });
    expect(history.steps).toBe(4);
    const a = await train([x, y], { batchSize: 8, seed: 1 });
    expect((await train([x, y], { batchSize: 8, seed: 1 })).weights).toEqual(a.weights);
    expect((await train([x, y], { batchSize: 8, seed: 2 })).weights).not.toEqual(a.weights);
  });

  test('how many examples there are', async () => {
    const seen: unknown[] = [];
    const watch: Callback = { onBegin: (run) => void seen.push([run.examples, run.validationExamples]) };
    const once = { epochs: 1, callbacks: [watch] };
    await train([x, y], { ...once, validation: batches() });
    await train(loader(toyImages(9), { batchSize: 3 }), { ...once, epochs: 0 });
    await train(stream(batches()), once);
    expect(seen).toEqual([
      [22, 22],
      [9, null],
      [null, null],
    ]);
  });

  test('several inputs are the arguments of forward, or one object', async () => {
    class Sum extends nn.Module {
      a = new nn.Linear(4, 3);
      b = new nn.Linear(4, 3);
      forward(left: Tensor, right: Tensor) {
        return this.a.forward(left).add(this.b.forward(right));
      }
    }
    class Named extends Sum {
      override forward(parts: never): Tensor {
        const { left, right } = parts as { left: Tensor; right: Tensor };
        return super.forward(left, right);
      }
    }
    const result = async (Kind: typeof Sum, inputs: Tensor[] | Record<string, Tensor>) => {
      random.seed(2);
      const model = new Kind();
      const optimizer = new optim.Adam(model, { lr: 0.01 });
      const data = { x: inputs, y };
      const { epochs } = await fit(model, {
        data,
        loss: nn.crossEntropy,
        optimizer,
        batchSize: 8,
        epochs: 2,
      });
      const outputs = await predict(model, { x: inputs }, { batchSize: 5 });
      return [epochs, outputs.toArray()];
    };
    const doubled = x.mul(2);
    expect(await result(Named, { left: x, right: doubled })).toEqual(await result(Sum, [x, doubled]));
    const left = nn.input('left');
    const right = nn.input('right');
    const graph = new nn.Model([left, right], nn.apply(new nn.Add(), left, right).to(new nn.Linear(4, 3)));
    const optimizer = new optim.SGD(graph, { lr: 0.1 });
    const data: Data = { x: [x, doubled], y };
    const { epochs } = await fit(graph, {
      data,
      loss: nn.crossEntropy,
      optimizer,
      epochs: 5,
      shuffle: false,
    });
    expect(epochs[4].loss).toBeLessThan(epochs[0].loss);
  });

  test('a part held out for validation', async () => {
    const own = await train(rows(0, 15), { ...cut, validation: rows(15, 22) });
    const split = await train([x, y], { ...cut, validationSplit: 0.3 });
    expect(split.history.epochs).toEqual(own.history.epochs);
    expect(split.weights).toEqual(own.weights);
    const { train: images } = digits({ train: 40, test: 10 });
    const model = new nn.Sequential(new nn.Flatten(), new nn.Linear(784, 10));
    const seen: unknown[] = [];
    const callbacks = [
      { onBegin: (run) => void seen.push(run.examples, run.validationExamples) } as Callback,
    ];
    const optimizer = new optim.SGD(model);
    await fit(model, { data: images, validationSplit: 0.25, loss: nn.crossEntropy, optimizer, callbacks });
    expect(seen).toEqual([30, 10]);
  });

  test('data without end: epochs of some steps that go on where the last one ended', async () => {
    const endless = function* () {
      for (let i = 0; ; i++) {
        const [from, to] = cuts[i % 3];
        yield rows(from, to);
      }
    };
    const whole = await train(batches(), { epochs: 4 });
    const { history, weights } = await train(endless, { epochs: 6, stepsPerEpoch: 2 });
    expect(weights).toEqual(whole.weights);
    expect(history.steps).toBe(12);
    // Data with an end begins anew; what is left of it is not lost.
    expect((await train(batches(), { epochs: 3, stepsPerEpoch: 4 })).weights).toEqual(whole.weights);
    const validated = await train(batches(), { validation: endless, validationSteps: 3 });
    const usual = await train(batches(), { validation: batches() });
    expect(validated.history.epochs).toEqual(usual.history.epochs);
    const measured = await evaluate(usual.model, endless, { loss: nn.crossEntropy, steps: 3 });
    expect(measured.loss).toBe(usual.history.epochs[1].validationLoss);
    expect((await predict(usual.model, endless, { steps: 4 })).shape).toEqual([30, 3]);
  });

  test('validation every few steps or epochs', async () => {
    const seen: number[] = [];
    const callbacks: Callback[] = [{ onValidationEnd: (run) => void seen.push(run.step) }];
    const options = { validation: batches(), callbacks, epochs: 4 };
    await train(batches(), { ...options, validateEvery: 3 });
    await train(batches(), { ...options, validateEvery: { epochs: 2 } });
    const { history } = await train(batches(), { ...options, validateEvery: { steps: 5 } });
    expect(seen).toEqual([9, 12, 6, 12, 5, 10]);
    expect(history.epochs.map((logs) => 'validationLoss' in logs)).toEqual([false, true, false, true]);
  });

  test('initialEpoch counts epochs as done', async () => {
    const { history } = await train(batches(), { epochs: 5, initialEpoch: 3 });
    expect(history.epochs).toHaveLength(2);
    expect((await train(batches(), { epochs: 2, initialEpoch: 2 })).history.steps).toBe(0);
  });
});

describe('metrics', () => {
  test('objects are exact over an epoch, whatever the batches', async () => {
    const model = model3();
    const options = {
      loss: nn.crossEntropy,
      metrics: {
        accuracy,
        auc: new RocAuc(),
        exact: Accuracy,
        confusion: () => new ConfusionMatrix({ classes: 3 }),
      },
    };
    const small = await evaluate(model, [x, y], { ...options, batchSize: 3 });
    const large = await evaluate(model, [x, y], { ...options, batchSize: 22 });
    expect(small.auc).toEqual(large.auc);
    expect(small.confusion).toEqual(large.confusion);
    expect(new RocAuc().update(model.forward(x), y).compute()).toBeCloseTo(small.auc as number, 12);
    expect(small.confusion.flat().reduce((a, b) => a + b)).toBe(count);
    expect(Object.keys(small)).toEqual(['loss', 'accuracy', 'auc', 'exact', 'confusion']);
    const right = small.confusion.reduce((sum, row, i) => sum + row[i], 0);
    expect(small.accuracy).toBeCloseTo(right / count, 6);
  });

  test('in fit they are of the epoch; numbers are logged, matrices are results', async () => {
    const metrics = { f1: new F1({ average: 'none' }), confusion: new ConfusionMatrix({ classes: 3 }) };
    const seen: unknown[] = [];
    const callbacks: Callback[] = [{ onEpochEnd: (run) => void seen.push(run.results.validationConfusion) }];
    const { history, model } = await train(batches(), { metrics, callbacks, validation: batches() });
    expect(Object.keys(history.epochs[1])).toEqual([
      ...['loss', 'f1.0', 'f1.1', 'f1.2'],
      ...['validationLoss', 'validationF1.0', 'validationF1.1', 'validationF1.2'],
    ]);
    const after = await evaluate(model, [x, y], {
      metrics: { confusion: new ConfusionMatrix({ classes: 3 }) },
    });
    expect(history.results.validationConfusion).toEqual(after.confusion);
    expect(seen[1]).toEqual(after.confusion);
    const total = (matrix: unknown) => (matrix as number[][]).flat().reduce((a, b) => a + b);
    expect(total(history.results.confusion)).toBe(count);
    expect(history.results.confusion).not.toEqual(after.confusion);
  });

  test('a validation in the middle of an epoch does not disturb them', async () => {
    const plain = await train(batches(), { metrics: { f1: new F1({ average: 'macro' }) } });
    for (const f1 of [new F1({ average: 'macro' }), () => new F1({ average: 'macro' })]) {
      const options = { validation: rows(3, 9), batchSize: 2, validateEvery: { steps: 2 }, metrics: { f1 } };
      const { history } = await train(batches(), options);
      expect(history.epochs.map((logs) => logs.f1)).toEqual(plain.history.epochs.map((logs) => logs.f1));
      expect(history.epochs[1].validationF1).not.toBe(history.epochs[1].f1);
    }
  });

  test('weighted ones count examples by their weights', async () => {
    const model = model3();
    const weights = tensor(Array.from({ length: count }, (_, i) => (i < 11 ? 0 : 1)));
    const options = {
      metrics: { accuracy },
      weightedMetrics: { weighted: accuracy, f1: new F1({ average: 'macro' }) },
    };
    const measured = (await evaluate(model, { x, y, weights }, { ...options, batchSize: 4 })) as Record<
      string,
      number
    >;
    const half = (await evaluate(model, [x.slice([11, 22]), y.slice([11, 22])], {
      metrics: { weighted: accuracy, f1: new F1({ average: 'macro' }) },
    })) as Record<string, unknown>;
    expect(measured.weighted).toBeCloseTo(half.weighted as number, 6);
    expect(measured.f1).toBeCloseTo(half.f1 as number, 12);
    expect(measured.accuracy).toBeCloseTo(
      (await evaluate(model, [x, y], { metrics: { accuracy } })).accuracy,
      6,
    );
  });

  test('of one output among several', async () => {
    class Two extends nn.Module {
      body = new nn.Linear(4, 3);
      forward(x: Tensor) {
        const label = this.body.forward(x);
        return { label, size: label.sum(-1) };
      }
    }
    const model = new Two();
    const data: Data = { x, y: { label: y, size: x.sum(-1) } };
    const loss = { label: nn.crossEntropy, size: nn.mseLoss };
    const metrics = { label: { accuracy, f1: new F1({ average: 'macro' }) }, size: { error: nn.l1Loss } };
    const optimizer = new optim.Adam(model);
    const { epochs } = await fit(model, { data, loss, metrics, optimizer });
    expect(Object.keys(epochs[0])).toEqual([
      'loss',
      'labelLoss',
      'sizeLoss',
      'labelAccuracy',
      'sizeError',
      'labelF1',
    ]);
    await expect(
      fit(model, { data, loss, metrics: { label: { accuracy }, extent: { error: nn.l1Loss } }, optimizer }),
    ).rejects.toThrow(/extentError is of extent, but the outputs of the model have none/);
  });

  test('names that are taken, and what is no metric', async () => {
    await expect(train(batches(), { metrics: { accuracy }, weightedMetrics: { accuracy } })).rejects.toThrow(
      "fit: a metric cannot be called 'accuracy': that name is taken",
    );
    await expect(train(batches(), { metrics: { f1: 'f1' as never } })).rejects.toThrow(
      'fit: metrics.f1 must be a function of outputs and targets, or a metric such as new F1(); got a string',
    );
    const vector = (outputs: Tensor) => outputs.sum(-1);
    await expect(train(batches(), { metrics: { vector } })).rejects.toThrow(
      /^fit: the metric vector must be a scalar, got shape \[8\]; take its mean\(\) or sum\(\) \(batch 1 of epoch 1/,
    );
  });
});

describe('predict', () => {
  test('joins the outputs of all batches', async () => {
    const model = new nn.Sequential(model3(), new nn.Dropout(0.5));
    const whole = model.eval().forward(x).toArray();
    model.train();
    for (const data of [
      x,
      [x],
      [x, y],
      { x },
      { x, y },
      batches(),
      tensorLoader(x, { batchSize: 4 }),
      stream(batches()),
    ])
      expect((await predict(model, data as Data)).toArray()).toEqual(whole);
    expect((await predict(model, x, { batchSize: 5 })).toArray()).toEqual(whole);
    expect(model.training).toBe(true);
    const images = await predict(new nn.Flatten(), toyImages(5));
    expect(images.shape).toEqual([5, 4]);
  });

  test('a model of which only the type Module is known gives an array', async () => {
    const model: nn.Module = model3();
    const optimizer = new optim.SGD(model, { lr: 0.1 });
    const { epochs } = await fit(model, { data: [x, y], loss: nn.crossEntropy, optimizer });
    expect(epochs[0].loss).toBeGreaterThan(0);
    expect((await predict(model, x)).shape).toEqual([count, 3]);
    // Types of arguments come from the model, those of results from the metrics.
    const own = { accuracy, largest: (outputs: Tensor) => outputs.max() };
    const sums = await evaluate(model, [x, y], { metrics: { sum: (o, t) => o.sum().add(t.sum()), ...own } });
    const numbers: number[] = [sums.accuracy, sums.largest, sums.sum];
    expect(numbers.every(Number.isFinite)).toBe(true);
  });

  test('trees of outputs, and what has no axis of examples', async () => {
    class Many extends nn.Module {
      forward(x: Tensor) {
        return { sums: x.sum(-1), both: [x, x.mul(2)] };
      }
    }
    const { sums, both } = await predict(new Many(), x, { batchSize: 7 });
    expect(sums.shape).toEqual([count]);
    expect(both.map((part) => part.shape)).toEqual([
      [count, 4],
      [count, 4],
    ]);
    class Total extends nn.Module {
      forward = (x: Tensor) => x.sum();
    }
    await expect(predict(new Total(), x)).rejects.toThrow(
      /outputs of batches are joined along their first axis/,
    );
    await expect(predict(new Many(), [])).rejects.toThrow(/predict: the data has no batches/);
    await expect(predict(new Many(), x, { batch: 3 } as never)).rejects.toThrow(/unknown option 'batch'/);
  });
});

describe('errors say what is wrong', () => {
  const refused: [string, () => unknown, Partial<FitOptions>, string | RegExp][] = [
    [
      'numbers as data',
      () => 5,
      {},
      'fit: the data must be a loader or other iterable of batches, a function that opens one, arrays [x, y] or { x, y }, or a dataset; got a number',
    ],
    ['x alone', () => ({ x }), {}, 'fit: the data has no targets; give [x, y] or { x, y }'],
    ['one tensor', () => x, {}, 'fit: the data has no targets'],
    [
      'JavaScript arrays',
      () => ({ x: [[1, 2]], y: [1] }),
      {},
      'fit: the data.x has no arrays; make them with tensor()',
    ],
    ['different numbers', () => [x, y.slice([0, 7])], {}, 'must have one size; got [22, 4], [7]'],
    [
      'a batch that is a number',
      () => [1, 2],
      {},
      'fit: batch 1 of epoch 1 must be [x, y], [x, y, weights] or { x, y, weights }, got a number',
    ],
    ['a batch without targets', () => [[x]], {}, 'batch 1 of epoch 1 must be [x, y]'],
    [
      'a function that opens nothing',
      () => () => 3,
      {},
      'fit: the data gave a number; it must give an iterable of batches',
    ],
    ['an empty list', () => [], {}, 'fit: the data has no batches in epoch 1'],
    [
      'an empty batch',
      () => [[x.slice([0, 0]), y.slice([0, 0])]],
      {},
      'fit: batch 1 of epoch 1 has no examples: x is float32[0, 4]',
    ],
    [
      'shapes that do not fit',
      () => [
        [x, y],
        [x.slice([0, 3]), y.slice([0, 4])],
      ],
      {},
      /^fit: crossEntropy: logits \[3, 3\] need labels of shape \[3\], got \[4\] \(batch 2 of epoch 1: x float32\[3, 4\], y int32\[4\]\)$/,
    ],
    [
      'a loss that is no scalar',
      () => [x, y],
      { loss: (o) => o.sum(-1) },
      'fit: the loss must be a scalar, got shape [22]; take its mean() or sum()',
    ],
    [
      'a loss that is a number',
      () => [x, y],
      { loss: () => 1 as never },
      'fit: the loss must be an array, a scalar, got a number',
    ],
    ['no loss', () => [x, y], { loss: undefined as never }, 'fit: the option loss is missing'],
    [
      'batchSize for batches',
      () => batches(),
      { batchSize: 3 },
      'fit: batchSize is for arrays; the data comes in batches already',
    ],
    ['shuffle for batches', () => batches(), { shuffle: true }, 'fit: shuffle is for arrays'],
    [
      'a split of batches',
      () => batches(),
      { validationSplit: 0.2 },
      'fit: validationSplit is for arrays and datasets',
    ],
    [
      'a split that is too large',
      () => [x, y],
      { validationSplit: 1.2 },
      'validationSplit must be a number between 0 and 1',
    ],
    ['a split without examples', () => [x, y], { validationSplit: 0.99 }, 'leaves a part without any'],
    [
      'two validations',
      () => [x, y],
      { validationSplit: 0.2, validation: batches() },
      'there are both validation and validationSplit',
    ],
    [
      'validateEvery alone',
      () => [x, y],
      { validateEvery: 2 },
      'fit: validateEvery needs the option validation',
    ],
    [
      'validateEvery of hours',
      () => [x, y],
      { validation: batches(), validateEvery: { hours: 1 } as never },
      'validateEvery must be a number of epochs, { epochs: n } or { steps: n }, got {"hours":1}',
    ],
    ['no accumulation', () => [x, y], { accumulate: 0 }, 'fit: accumulate must be a positive integer, got 0'],
    ['no bound', () => [x, y], { clipNorm: 0 }, 'fit: clipNorm must be a positive number, got 0'],
    [
      'no optimizer',
      () => [x, y],
      { optimizer: 'adam' as never },
      'fit: optimizer must be an optimizer, such as new optim.Adam(model), got a string',
    ],
    ['an empty validation', () => [x, y], { validation: [] }, 'fit: the validation data has no batches'],
  ];
  test.each(refused)('%s', async (_, data, options, message) => {
    await expect(train(data() as Data, { batchSize: undefined as never, ...options })).rejects.toThrow(
      message,
    );
  });

  test('models that cannot be trained', async () => {
    const run = (model: nn.Module, source: nn.Module = new nn.Linear(4, 3)) =>
      fit(model as nn.Linear, { data: [x, y], loss: nn.crossEntropy, optimizer: new optim.SGD(source) });
    await expect(run(new nn.ReLU())).rejects.toThrow('fit: the model has no parameters to train');
    await expect(run(model3().freeze())).rejects.toThrow('fit: all 2 parameters of the model are frozen');
    await expect(run({} as never)).rejects.toThrow('fit: the model must be a module');
    await expect(run(model3())).rejects.toThrow(
      /SGD.update: there is a gradient for 'weight' \[3, 4\], which this optimizer was not given/,
    );
  });
});
