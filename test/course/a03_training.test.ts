import { describe, expect, test } from 'vitest';
import { digits, loader, normalize, shapes, subset, trainValidationTestSplit } from '../../src/data/index.ts';
import { eye, grad, jit, oneHot, random, type Tensor, tensor, valueAndGrad } from '../../src/index.ts';
import { accuracy } from '../../src/metrics/index.ts';
import * as nn from '../../src/nn/index.ts';
import * as optim from '../../src/optim/index.ts';
import { distributions, evaluate, fit, randomSearch } from '../../src/train/index.ts';
import { expectClose } from '../support/close.ts';

const list = (t: Tensor): number[] => [...t.dataSync()];
const variance = (t: Tensor): number => t.var().item();

describe('A03 initialization', () => {
  // Large enough for a variance within 1 %: 120,000 weights, of deviation √2 / √120,000 relative to it.
  const shape = [300, 400];
  const near = (weights: Tensor, expected: number) => {
    expect(Math.abs(variance(weights) / expected - 1)).toBeLessThan(0.02);
    expect(Math.abs(weights.mean().item())).toBeLessThan(5 * Math.sqrt(expected / 120_000));
  };

  test('A03-19 Glorot, uniform and normal: variance 2 / (fan in + fan out)', () => {
    random.seed(1);
    near(nn.init.glorotUniform(shape), 2 / 700);
    near(nn.init.glorotNormal(shape), 2 / 700);
    expect(nn.init.glorotUniform(shape).abs().max().item()).toBeLessThanOrEqual(Math.sqrt(6 / 700));
    // Of a convolution the kernel counts, too.
    near(nn.init.glorotNormal([40, 10, 10, 30]), 2 / (3000 + 4000));
  });

  test('A03-20 He: variance 2 / fan in, which keeps signals alive through layers of ReLU; of embeddings, too', () => {
    random.seed(2);
    near(nn.init.heNormal(shape), 2 / 400);
    near(nn.init.heUniform(shape), 2 / 400);
    const through = (init: (shape: readonly number[]) => Tensor) => {
      let x = random.normal([100, 200]);
      for (let layer = 0; layer < 12; layer++) x = x.matmul(init([200, 200]).T).relu();
      return x.square().mean().item();
    };
    const kept = through(nn.init.heNormal);
    expect(kept).toBeGreaterThan(0.2);
    expect(kept).toBeLessThan(5);
    expect(through(nn.init.glorotNormal)).toBeLessThan(0.01);
    // An embedding's vectors are drawn as any weight [words, features] is.
    const words = new nn.Embedding(300, 400);
    words.weight.assign(nn.init.heNormal([300, 400]));
    near(words.weight.value, 2 / 400);
    expect(words.forward(tensor([0, 7, 299], { dtype: 'int32' })).shape).toEqual([3, 400]);
  });

  test('A03-21 LeCun: variance 1 / fan in, which keeps the variance of a linear layer', () => {
    random.seed(3);
    near(nn.init.lecunNormal(shape), 1 / 400);
    near(nn.init.lecunUniform(shape), 1 / 400);
    const y = random.normal([500, 400]).matmul(nn.init.lecunNormal(shape).T);
    expect(Math.abs(variance(y) - 1)).toBeLessThan(0.1);
  });

  test('A03-22 orthogonal: QᵀQ = I, so recurrent steps keep the norm', () => {
    random.seed(4);
    const q = nn.init.orthogonal([30, 30]);
    expectClose(list(q.T.matmul(q)), list(eye(30)), { atol: 1e-5 });
    let state = random.normal([30]);
    const before = state.norm().item();
    for (let t = 0; t < 100; t++) state = q.matmul(state);
    expect(state.norm().item() / before).toBeCloseTo(1, 3);
    // Any other one lets it explode or vanish.
    let other = random.normal([30]);
    const w = random.normal([30, 30]).mul(0.1);
    for (let t = 0; t < 100; t++) other = w.matmul(other);
    expect(other.norm().item()).toBeLessThan(1e-10);
    const tall = nn.init.orthogonal([40, 12]);
    expectClose(list(tall.T.matmul(tall)), list(eye(12)), { atol: 1e-5 });
  });

  test('A03-23 break all symmetries: hidden units that begin alike stay alike', () => {
    const x = random.normal([32, 2], { key: random.key(5) });
    const y = x.at(0, 1).mul(x.at(1, 1)).gt(0).cast('int32');
    const trained = (start: 'same' | 'random') => {
      random.seed(6);
      const model = new nn.Sequential(new nn.Linear(2, 8), new nn.Tanh(), new nn.Linear(8, 2));
      const parameters = model.parameters();
      if (start === 'same') {
        const [w1, b1, w2, b2] = parameters;
        w1.assign(nn.init.constant(w1.shape, 0.3));
        w2.assign(nn.init.constant(w2.shape, 0.1));
        for (const b of [b1, b2]) b.assign(nn.init.zeros(b.shape));
      }
      const optimizer = new optim.Adam(model, { lr: 0.05 });
      const step = jit(() => {
        const [loss, grads] = valueAndGrad(() => nn.crossEntropy(model.forward(x), y), model);
        optimizer.update(grads);
        return loss;
      });
      for (let i = 0; i < 200; i++) step();
      return { hidden: parameters[0].value.toArray() as number[][], loss: step().item() };
    };
    const alike = trained('same');
    for (const row of alike.hidden) expectClose(row, alike.hidden[0], { atol: 1e-6 });
    // They have learned something, all the same; the loss shows that it is one unit.
    expect(alike.hidden[0][0]).not.toBeCloseTo(0.3, 2);
    const apart = trained('random');
    expect(new Set(apart.hidden.map(([a]) => a.toFixed(3))).size).toBeGreaterThan(6);
    expect(apart.loss).toBeLessThan(alike.loss / 3);
    // From zeros not even that: no gradient reaches the first layer.
    const zero = new nn.Sequential(new nn.Linear(2, 8), new nn.Tanh(), new nn.Linear(8, 2));
    for (const p of zero.parameters()) p.assign(nn.init.zeros(p.shape));
    const grads = valueAndGrad(() => nn.crossEntropy(zero.forward(x), y), zero)[1];
    for (const p of zero.parameters().slice(0, 3))
      expect(list(grads.get(p) as Tensor).every((g) => g === 0)).toBe(true);
  });
});

describe('A03 dropout, inputs and targets', () => {
  test('A03-18 dropout: a share p of zeros, the rest 1 / (1 - p) as large, so the mean stays; in evaluation nothing', () => {
    random.seed(7);
    const x = random.uniform([200, 500], { low: 0.5, high: 1.5 });
    // .2, .3, .5, .75, and "keep .8", which is p = .2.
    for (const p of [0.2, 0.3, 0.5, 0.75, 1 - 0.8]) {
      const layer = new nn.Dropout(p);
      const out = layer.forward(x);
      const zeros = out.eq(0).cast('float32').mean().item();
      expect(Math.abs(zeros - p)).toBeLessThan(5 * Math.sqrt((p * (1 - p)) / 100_000));
      const [before, after] = [list(x), list(out)];
      expectClose(
        after.filter((v) => v !== 0),
        before.filter((_, i) => after[i] !== 0).map((v) => v / (1 - p)),
        { rtol: 1e-6 },
      );
      // Five deviations of a mean of x² p / (1 - p).
      expect(Math.abs(out.mean().item() - x.mean().item())).toBeLessThan(
        5 * Math.sqrt((1.1 * p) / (1 - p) / 100_000),
      );
      layer.eval();
      expect(list(layer.forward(x).sub(x)).every((d) => d === 0)).toBe(true);
      layer.train();
      expect(list(layer.forward(x).sub(out)).some((d) => d !== 0)).toBe(true);
    }
    // The gradient goes where the signal went.
    random.seed(8);
    const g = grad((v: Tensor) => nn.dropout(v, 0.5).sum())(x);
    expect(new Set(list(g))).toEqual(new Set([0, 2]));
  });

  test('A03-30 inputs scaled to 0..1, standardized by (x - μ) / σ, or less the mean of each channel', () => {
    const { train } = shapes({ train: 60, test: 0, side: 16 });
    const [[raw]] = [...loader(train, { batchSize: 60 })];
    expect(raw.min().item()).toBeGreaterThanOrEqual(0);
    expect(raw.max().item()).toBeLessThanOrEqual(1);
    expect(list(raw)[0]).toBeCloseTo(train.images[0] / 255, 6);
    const mean = list(raw.mean([0, 1, 2]));
    const std = list(raw.std([0, 1, 2]));
    const [[standard]] = [...loader(train, { batchSize: 60, mean, std })];
    expectClose(list(standard.mean([0, 1, 2])), [0, 0, 0], { atol: 1e-5 });
    expectClose(list(standard.std([0, 1, 2])), [1, 1, 1], { atol: 1e-5 });
    const [[centred]] = [...loader(train, { batchSize: 60, mean })];
    expectClose(list(centred.mean([0, 1, 2])), [0, 0, 0], { atol: 1e-5 });
    expectClose(list(centred.std([0, 1, 2])), std, { atol: 1e-5 });
    expectClose(list(normalize({ mean, std })(raw, random.key(0))), list(standard), { atol: 1e-5 });

    // It helps: inputs with a large mean make a valley of the bowl, in which descent along the gradient crawls.
    const x = random.normal([64, 3], { key: random.key(1) });
    const y = x.matmul(tensor([[1], [2], [-1]]));
    const after = (inputs: Tensor) => {
      random.seed(9);
      const model = new nn.Linear(3, 1);
      const optimizer = new optim.SGD(model, { lr: 0.02 });
      const step = jit(() => {
        const [loss, grads] = valueAndGrad(() => nn.mseLoss(model.forward(inputs), y), model);
        optimizer.update(grads);
        return loss;
      });
      for (let i = 0; i < 150; i++) step();
      return step().item();
    };
    expect(after(x.sub(x.mean(0)))).toBeLessThan(0.02 * after(x.add(3)));
  });

  test('A03-31 one-hot encoding: one bit for each label', () => {
    const labels = tensor([2, 0, 3], { dtype: 'int32' });
    const hot = oneHot(labels, 4);
    expect(hot.toArray()).toEqual([[0, 0, 1, 0], [1, 0, 0, 0], [0, 0, 0, 1]]); // biome-ignore format: a table
    expect(list(hot.argmax(-1))).toEqual([2, 0, 3]);
    expect(list(hot.sum(-1))).toEqual([1, 1, 1]);
    expect(list(oneHot(tensor([4], { dtype: 'int32' }), 4))).toEqual([0, 0, 0, 0]);
  });
});

describe('A03 choosing and averaging models', () => {
  test('A03-32 search over filters, architecture, optimizer, rate, dropout and batch size, without the test set', async () => {
    const { train: all } = digits({ train: 300, test: 0 });
    const parts = trainValidationTestSplit(all, { seed: 3, stratify: true });
    // Whoever looks at the test set before the choice is made gets this.
    let isChosen = false;
    const sealed = new Proxy(parts.test, {
      get(target, name) {
        if (!isChosen) throw new Error(`the test set was looked at (${String(name)})`);
        return Reflect.get(target, name);
      },
    });
    expect(() => sealed.images).toThrow('was looked at');
    const space = {
      filters: [2, 4],
      architecture: ['one convolution', 'a hidden layer'],
      optimizer: ['SGD', 'Adam', 'RMSprop'],
      lr: distributions.logUniform(1e-3, 3e-1),
      dropout: distributions.uniform(0, 0.5),
      batchSize: [10, 20, 45],
    } as const;
    const build = (s: { filters: number; architecture: string; dropout: number }) =>
      s.architecture === 'one convolution'
        ? new nn.Sequential(
            new nn.Conv2d(1, s.filters, 5, { stride: 4 }),
            new nn.ReLU(),
            new nn.Flatten(),
            new nn.Dropout(s.dropout),
            new nn.Linear(36 * s.filters, 10),
          )
        : new nn.Sequential(
            new nn.Flatten(),
            new nn.Linear(784, 8 * s.filters),
            new nn.ReLU(),
            new nn.Dropout(s.dropout),
            new nn.Linear(8 * s.filters, 10),
          );
    const models = new Map<number, nn.Module>();
    const { best, trials, table } = await randomSearch(
      async (s, { seed, number, budget }) => {
        random.seed(seed);
        const model = build(s);
        models.set(number, model);
        const make = { SGD: optim.SGD, Adam: optim.Adam, RMSprop: optim.RMSprop }[s.optimizer];
        const { epochs } = await fit(model, {
          data: loader(parts.train, { batchSize: s.batchSize, shuffle: true, seed }),
          validation: loader(parts.validation, { batchSize: 60 }),
          ...{ loss: nn.crossEntropy, metrics: { accuracy }, epochs: budget },
          optimizer: new make(model, { lr: s.lr }),
        });
        return epochs[budget - 1];
      },
      { space, trials: 6, budget: 10, monitor: 'validationAccuracy', seed: 1 },
    );
    expect(trials).toHaveLength(6);
    for (const { settings } of trials) expect(Object.keys(settings)).toEqual(Object.keys(space));
    const scores = trials.map((t) => (t.status === 'done' ? t.metrics.validationAccuracy : -1));
    expect(best?.metrics.validationAccuracy).toBe(Math.max(...scores));
    expect(scores).toEqual([...scores].sort((a, b) => b - a));
    expect(Math.max(...scores)).toBeGreaterThan(Math.min(...scores));
    expect(table.split('\n')).toHaveLength(7);
    // A trial that reports what it measured on the test set has failed; by its numbers nothing is chosen.
    const peeking = await randomSearch(async () => ({ validationLoss: 0, testLoss: 0 }), {
      space,
      trials: 1,
    });
    expect([peeking.best, peeking.trials[0].status]).toEqual([null, 'failed']);
    // Once, at the end, for the one that was chosen.
    isChosen = true;
    const model = models.get(best?.number ?? -1) as nn.Sequential;
    const final = await evaluate(model, loader(subset(sealed, [...Array(60).keys()]), { batchSize: 60 }), {
      metrics: { accuracy },
    });
    expect(final.accuracy).toBeGreaterThan(0.4);
  }, 60_000);

  test('A03-33 model averaging: of predictions and of weights', async () => {
    // Noise of each model is averaged away: the mean of regressions is never worse than they are on average.
    const x = random.normal([24, 4], { key: random.key(11) });
    const truth = x.sum(1, { keepDims: true }).sin();
    const held = random.normal([200, 4], { key: random.key(12) });
    const heldTruth = held.sum(1, { keepDims: true }).sin();
    const models: nn.Sequential[] = [];
    for (let i = 0; i < 4; i++) {
      random.seed(i);
      const model = new nn.Sequential(new nn.Linear(4, 16), new nn.Tanh(), new nn.Linear(16, 1));
      await fit(model, {
        data: [[x, truth.add(random.normal([24, 1]).mul(0.3))]],
        ...{ loss: nn.mseLoss, optimizer: new optim.Adam(model, { lr: 0.02 }), epochs: 150 },
      });
      models.push(model);
    }
    const risk = (m: nn.Module & { forward(x: Tensor): Tensor }) =>
      nn.mseLoss(m.forward(held), heldTruth).item();
    const together = new nn.Ensemble(models);
    const average = models.reduce((s, m) => s + risk(m), 0) / 4;
    expect(risk(together)).toBeLessThan(0.9 * average);
    // Exactly: by how much the models differ from their mean (Krogh, Vedelsby: ambiguity).
    const spread =
      models.reduce((s, m) => s + nn.mseLoss(m.forward(held), together.forward(held)).item(), 0) / 4;
    expect(risk(together)).toBeCloseTo(average - spread, 4);
    expect(nn.countParameters(together)).toBe(4 * nn.countParameters(models[0]));

    // Of classifiers probabilities are averaged, or votes counted.
    const scores = [[2, 0, 0], [0, 1, 0], [0, 1, 0]].map((row) => tensor([row])); // biome-ignore format: a table
    const fixed = scores.map((z) => new nn.Lambda((x: Tensor) => x.mul(0).add(z)));
    const zero = tensor([[0, 0, 0]]);
    const mean = new nn.Ensemble(fixed, { combine: 'probabilities' }).forward(zero).exp();
    const expected = scores
      .map((z) => list(z.softmax(-1)))
      .reduce((a, b) => a.map((v, i) => v + b[i] / 3), [0, 0, 0]);
    expectClose(list(mean), expected, { rtol: 1e-5 });
    expectClose(list(new nn.Ensemble(fixed, { combine: 'vote' }).forward(zero)), [1 / 3, 2 / 3, 0], {
      rtol: 1e-6,
    });
    expect(() => new nn.Ensemble([])).toThrow('no models');
    expect(() => new nn.Ensemble(fixed, { combine: 'sum' as never })).toThrow("got 'sum'");

    // Weights: of linear models the mean of the weights is the mean of the predictions.
    const lines = [1, 2, 3].map((seed) => {
      random.seed(seed);
      return new nn.Linear(4, 2);
    });
    const soup = new nn.Linear(4, 2);
    nn.averageWeights(soup, lines);
    expectClose(list(soup.forward(held)), list(new nn.Ensemble(lines).forward(held)), { atol: 1e-5 });
    expect(() => nn.averageWeights(soup, [lines[0], new nn.Linear(4, 3)])).toThrow(
      'model 1 has weight [3, 4]',
    );
    expect(() => nn.averageWeights(soup, [])).toThrow('no models');
    // And along one training: around the optimum steps of a constant rate jump about, and their mean lies nearer to it.
    const w = new nn.Linear(4, 1, { bias: false });
    const optimizer = new optim.SGD(w, { lr: 0.15 });
    const averaged = new optim.StochasticWeightAverage(w);
    const target = tensor([[1], [-1], [2], [0.5]]);
    const step = jit((rows: Tensor, noise: Tensor) => {
      optimizer.update(valueAndGrad(() => nn.mseLoss(w.forward(rows), rows.matmul(target).add(noise)), w)[1]);
    });
    for (let i = 0; i < 300; i++) {
      const key = random.key(500 + i);
      step(random.normal([4, 4], { key }), random.normal([4, 1], { key: random.foldIn(key, 1) }));
      if (i >= 100) averaged.update();
    }
    const away = () => w.weight.value.sub(target.T).norm().item();
    const last = away();
    expect(averaged.use(away)).toBeLessThan(0.5 * last);
    expect(away()).toBe(last);
  });
});
