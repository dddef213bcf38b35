import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { digits, kFolds, loader, trainValidationTestSplit } from '../../src/data/index.ts';
import {
  arange,
  grad,
  jit,
  linalg,
  linspace,
  oneHot,
  random,
  type Tensor,
  tensor,
  Variable,
  valueAndGrad,
} from '../../src/index.ts';
import { accuracy, correctByClass, formatPredictions } from '../../src/metrics/index.ts';
import * as nn from '../../src/nn/index.ts';
import * as optim from '../../src/optim/index.ts';
import {
  type Callback,
  crossValidate,
  earlyStopping,
  evaluate,
  fit,
  printPredictions,
  smooth,
} from '../../src/train/index.ts';
import { expectClose, finiteDifference } from '../support/close.ts';

const double = (values: number | number[] | number[][]): Tensor => tensor(values, { dtype: 'float64' });
const list = (t: Tensor): number[] => [...t.dataSync()];

/** Checks a loss of predictions (to scalar) against its formula and the formula's slope. */
function expectLoss(loss: (p: Tensor) => Tensor, formula: (p: Float64Array) => number, at: number[]): void {
  expectClose([loss(double(at)).item()], [formula(Float64Array.from(at))], { rtol: 1e-9 });
  const slope = finiteDifference(formula, Float64Array.from(at), 1e-6);
  expectClose(list(grad(loss)(double(at))), slope, { rtol: 1e-6, atol: 1e-8 });
}

describe('A01 what is learned, and what is made small', () => {
  test('A01-01 supervised learning has x and y, unsupervised x alone, reinforcement states, actions and rewards', () => {
    const guide = readFileSync(new URL('../../docs/guide.md', import.meta.url), 'utf8');
    for (const kind of ['**Supervised**', '**Unsupervised**', '**Reinforcement**'])
      expect(guide).toContain(kind);
    const descend = (source: Variable[], loss: () => Tensor, steps: number, lr: number): void => {
      const optimizer = new optim.SGD(source, { lr });
      const step = jit(() => optimizer.update(valueAndGrad(loss, source)[1]));
      for (let i = 0; i < steps; i++) step();
    };
    // x and y: the slope of y = 3x.
    const x = tensor([-1, 0, 1, 2]);
    const slope = new Variable(tensor(0));
    descend([slope], () => nn.mseLoss(slope.value.mul(x), x.mul(3)), 100, 0.1);
    expect(slope.value.item()).toBeCloseTo(3, 4);
    // x alone: the middles of two clusters (k-means by gradient).
    const points = tensor([-2.1, -2, -1.9, 4.9, 5, 5.1]);
    const means = new Variable(tensor([0, 1]));
    descend([means], () => points.unsqueeze(1).sub(means.value).square().min(1).mean(), 200, 0.5);
    expectClose(
      [...means.value.dataSync()].sort((a, b) => a - b),
      [-2, 5],
      { atol: 1e-3 },
    );
    // State-action pairs: in state s the action s is rewarded, and nobody says so; the policy gradient.
    random.seed(0);
    const logits = new Variable(tensor([[0, 0], [0, 0]])); // biome-ignore format: a table
    const states = arange(64).remainder(2).cast('int32');
    descend(
      [logits],
      () => {
        const scores = logits.value.take(states, 0);
        const actions = random.categorical(scores);
        const reward = actions.eq(states).cast('float32');
        return nn.crossEntropy(scores, actions, { reduction: 'none' }).mul(reward.sub(0.5)).mean();
      },
      300,
      0.5,
    );
    const policy = list(logits.value.softmax(-1));
    expect(policy[0]).toBeGreaterThan(0.9);
    expect(policy[3]).toBeGreaterThan(0.9);
  });

  test('A01-02 empirical risk: the mean loss over the examples; its minimum for a linear model is the closed form', async () => {
    const x = random.normal([40, 3], { key: random.key(1) });
    const y = x
      .matmul(tensor([[1], [-2], [0.5]]))
      .add(0.3)
      .add(random.normal([40, 1], { key: random.key(2) }).mul(0.1));
    random.seed(3);
    const model = new nn.Linear(3, 1);
    const before = await evaluate(model, [[x, y]], { loss: nn.mseLoss });
    const errors = model.forward(x).sub(y).square();
    expect(before.loss).toBeCloseTo(list(errors).reduce((s, e) => s + e, 0) / 40, 5);
    await fit(model, {
      data: [[x, y]],
      loss: nn.mseLoss,
      optimizer: new optim.SGD(model, { lr: 0.2 }),
      epochs: 150,
    });
    const withOnes = nnConcat(x);
    const best = linalg.lstsq(withOnes, y.cast('float64')).solution;
    expectClose([...list(model.weight.value), ...list(model.bias?.value ?? tensor([]))], list(best), {
      atol: 1e-4,
    });
  });

  test('A01-03 squared error: ‖y - f‖², its mean, and the gradient 2 (f - y)', () => {
    const y = [1, -2, 0.5];
    const sum = (p: Float64Array) => p.reduce((s, v, i) => s + (y[i] - v) ** 2, 0);
    expectLoss((p) => nn.mseLoss(p, double(y), { reduction: 'sum' }), sum, [0.3, 0.4, 2]);
    expectLoss(
      (p) => nn.mseLoss(p, double(y)),
      (p) => sum(p) / 3,
      [0.3, 0.4, 2],
    );
    const at = [0.3, 0.4, 2];
    expectClose(
      list(grad((p: Tensor) => nn.mseLoss(p, double(y), { reduction: 'sum' }))(double(at))),
      at.map((v, i) => 2 * (v - y[i])),
      { rtol: 1e-12 },
    );
  });

  test('A01-04 negative log-likelihood: of a Gaussian it is the squared error up to constants', () => {
    const y = [1, -2, 0.5, 3];
    const likelihood = (p: Tensor) => nn.gaussianNllLoss(p, double(y), double([1, 1, 1, 1]), { full: true });
    const minusLogP = (p: Float64Array) =>
      p.reduce((s, v, i) => s - Math.log(Math.exp(-((v - y[i]) ** 2) / 2) / Math.sqrt(2 * Math.PI)), 0) / 4;
    expectLoss(likelihood, minusLogP, [0.3, 0.4, 2, 2.5]);
    for (const at of [
      [0, 0, 0, 0],
      [1, 2, 3, 4],
    ]) {
      const half = nn.mseLoss(double(at), double(y)).item() / 2;
      expect(likelihood(double(at)).item() - half).toBeCloseTo(Math.log(2 * Math.PI) / 2, 12);
    }
  });

  test('A01-05 Huber: .125, .5, 2.5 for errors of .5, 1, 3; its gradient is bounded by delta', () => {
    const huber = (e: number, delta?: number) =>
      nn.huberLoss(double([e]), double([0]), delta === undefined ? {} : { delta }).item();
    expect([0.5, 1, 3].map((e) => huber(e))).toEqual([0.125, 0.5, 2.5]);
    expect([huber(-3), huber(1, 2), huber(3, 2)]).toEqual([2.5, 0.5, 4]);
    const slopes = grad((p: Tensor) => nn.huberLoss(p, double([0, 0, 0, 0]), { reduction: 'sum' }))(
      double([-9, -0.5, 0.25, 3]),
    );
    expect(list(slopes)).toEqual([-1, -0.5, 0.25, 1]);
  });

  test('A01-06 binary cross-entropy: -y ln p - (1 - y) ln(1 - p), from probabilities and from logits', () => {
    const y = [1, 0, 1, 0];
    const formula = (p: Float64Array) =>
      p.reduce((s, v, i) => s - y[i] * Math.log(v) - (1 - y[i]) * Math.log(1 - v), 0) / 4;
    const at = [0.9, 0.2, 0.4, 0.7];
    expectLoss((p) => nn.binaryCrossEntropy(p, double(y)), formula, at);
    const logits = double(at.map((p) => Math.log(p / (1 - p))));
    expect(nn.binaryCrossEntropyWithLogits(logits, double(y)).item()).toBeCloseTo(
      formula(Float64Array.from(at)),
      12,
    );
    // The gradient by the logit is p - y.
    const slope = grad((z: Tensor) => nn.binaryCrossEntropyWithLogits(z, double(y), { reduction: 'sum' }))(
      logits,
    );
    expectClose(
      list(slope),
      at.map((p, i) => p - y[i]),
      { atol: 1e-12 },
    );
  });

  const scores = [[2, -1, 0.5], [0.1, 0.2, -3], [-1, 4, 1]]; // biome-ignore format: a table
  const labels = [0, 2, 1];

  test('A01-07 categorical cross-entropy of one-hot targets: -Σ y ln p', () => {
    const targets = oneHot(tensor(labels, { dtype: 'int32' }), 3, { dtype: 'float64' });
    const formula = (z: Float64Array) => {
      let sum = 0;
      labels.forEach((label, i) => {
        const row = [...z.slice(3 * i, 3 * i + 3)].map(Math.exp);
        sum -= Math.log(row[label] / row.reduce((a, b) => a + b, 0));
      });
      return sum / 3;
    };
    expectLoss((z) => nn.crossEntropy(z.reshape([3, 3]), targets), formula, scores.flat());
  });

  test('A01-08 sparse categorical cross-entropy: labels as integers give what one-hot vectors give', () => {
    const integers = tensor(labels, { dtype: 'int32' });
    const hot = oneHot(integers, 3, { dtype: 'float64' });
    const [a, b] = [integers, hot].map((target) =>
      valueAndGrad((z: Tensor) => nn.crossEntropy(z, target))(double(scores)),
    );
    expect(a[0].item()).toBeCloseTo(b[0].item(), 14);
    expectClose(list(a[1]), list(b[1]), { atol: 1e-15 });
  });

  test('A01-09 cross-entropy from logits of ±10,000 is finite; written out naively it is NaN', () => {
    const logits = tensor([[1e4, -1e4, 0], [-1e4, 1e4, 1e4]]); // biome-ignore format: a table
    const wrong = tensor([1, 0], { dtype: 'int32' });
    const hot = oneHot(wrong, 3);
    const safe = valueAndGrad((z: Tensor) => nn.crossEntropy(z, wrong))(logits);
    expect(safe[0].item()).toBeCloseTo(20_000, 0);
    expectClose(list(safe[1]), [0.5, -0.5, 0, -0.5, 0.25, 0.25], { atol: 1e-6 });
    const naive = valueAndGrad((z: Tensor) => {
      const p = z.exp().div(z.exp().sum(1, { keepDims: true }));
      return hot.mul(p.log()).sum(1).neg().mean();
    })(logits);
    expect(naive[0].item()).toBeNaN();
    expect(list(naive[1]).some(Number.isNaN)).toBe(true);
    // Also with a softmax that does not overflow: the logarithm of 0 is what breaks.
    const half = valueAndGrad((z: Tensor) => hot.mul(z.softmax(1).log()).sum(1).neg().mean())(logits);
    expect(Number.isFinite(half[0].item())).toBe(false);
  });

  test('A01-10 Kullback-Leibler: KL(.1‖.5) = .36806 of coins, KL(N(1, .25)‖N(0, 1)) = .81815', () => {
    expect(nn.bernoulliKl(0.1, double([0.5])).item()).toBeCloseTo(0.36806, 5);
    expect(nn.gaussianKl(double([1]), double([Math.log(0.25)])).item()).toBeCloseTo(0.81815, 5);
    // The general one, of lists of probabilities, and by its definition as an integral.
    const general = nn.klDiv(double([[0.5, 0.5]]).log(), double([[0.1, 0.9]]), { reduction: 'batchmean' });
    expect(general.item()).toBeCloseTo(0.36806, 5);
    const density = (x: number, mean: number, variance: number) =>
      Math.exp(-((x - mean) ** 2) / (2 * variance)) / Math.sqrt(2 * Math.PI * variance);
    let integral = 0;
    for (let x = -6; x < 8; x += 0.001) {
      const p = density(x, 1, 0.25);
      integral += 0.001 * (p > 0 ? p * Math.log(p / density(x, 0, 1)) : 0);
    }
    expect(integral).toBeCloseTo(0.81815, 5);
    // None between equals; more, the further apart; the penalty of sparse autoencoders is the one of coins.
    expect(nn.bernoulliKl(0.3, double([0.3])).item()).toBeCloseTo(0, 12);
    expect(nn.gaussianKl(double([0]), double([0])).item()).toBe(0);
    const active = double([[0.4, 0.2], [0.6, 0.4]]); // biome-ignore format: a table
    const expected = [0.5, 0.3].reduce((s, q) => s + nn.bernoulliKl(0.05, double([q])).item(), 0);
    expect(nn.sparsityPenalty(active, 0.05).item()).toBeCloseTo(expected, 10);
    expectClose([nn.bernoulliKl(1, double([0.25])).item()], [Math.log(4)], { rtol: 1e-12 });
    expect(() => nn.gaussianKl(double([0, 1]), double([0]))).toThrow('same shape');
  });
});

/** x with a column of ones, in double precision. */
const nnConcat = (x: Tensor): Tensor =>
  x.cast('float64').pad([[0, 0], [0, 1]], { value: 1 }); // biome-ignore format: a table

describe('A01 parts of the data', () => {
  test('A01-18 training, validation and test set: 60, 20 and 20 % at random, disjoint, reproducible', () => {
    const data = { x: arange(1000).reshape([500, 2]), y: arange(500) };
    const ids = (seed: number) =>
      Object.values(trainValidationTestSplit(data, { seed })).map(({ y }) => list(y));
    const parts = ids(7);
    expect(parts.map((part) => part.length)).toEqual([300, 100, 100]);
    expect(new Set(parts.flat()).size).toBe(500);
    expect(ids(7)).toEqual(parts);
    expect(ids(8)).not.toEqual(parts);
    // At random: neither the first 300, nor sorted.
    expect(Math.max(...parts[0])).toBeGreaterThan(450);
    expect(parts[0]).not.toEqual([...parts[0]].sort((a, b) => a - b));
    const { x, y } = trainValidationTestSplit(data, { seed: 7 }).test;
    expect(list(x.at(0, 1))).toEqual(list(y.mul(2)));
  });

  test('A01-19 five folds in turn: three to train, one to validate, one to test; then the mean', async () => {
    const folds = kFolds(10, 5, { shuffle: false });
    const names = (positions: Int32Array) =>
      [...new Set([...positions].map((i) => Math.floor(i / 2) + 1))].join(' ');
    expect(folds.map((f) => [names(f.train), names(f.validation), names(f.test)])).toEqual([
      ['1 2 3', '4', '5'],
      ['2 3 4', '5', '1'],
      ['3 4 5', '1', '2'],
      ['4 5 1', '2', '3'],
      ['5 1 2', '3', '4'],
    ]);
    const x = random.normal([50, 2], { key: random.key(5) });
    const data = { x, y: x.sum(1).gt(0).cast('int32') };
    const { turns, mean } = await crossValidate(
      () => {
        const model = new nn.Linear(2, 2);
        return { model, optimizer: new optim.SGD(model, { lr: 1 }) };
      },
      data,
      { loss: nn.crossEntropy, metrics: { accuracy }, epochs: 5, batchSize: 10 },
    );
    expect(turns.map(({ fold }) => [fold.train, fold.validation, fold.test].map((p) => p.length))).toEqual(
      Array(5).fill([30, 10, 10]),
    );
    expect(turns.flatMap(({ fold }) => [...fold.test]).sort((a, b) => a - b)).toEqual(list(arange(50)));
    const accuracies = turns.map(({ logs }) => logs.testAccuracy);
    expect(mean.testAccuracy).toBeCloseTo(accuracies.reduce((s, a) => s + a, 0) / 5, 12);
    expect(mean.testAccuracy).toBeGreaterThan(0.85);
  });
});

/** Few and noisy examples of whether a point is above a wave. */
function wave(count: number, seed: number, noise: number) {
  const x = random.uniform([count, 2], { low: -2, high: 2, key: random.key(seed) });
  const shift = random.normal([count], { key: random.key(seed + 1) }).mul(noise);
  return { x, y: x.at(1, 1).add(shift).gt(x.at(0, 1).mul(2).sin()).cast('int32') };
}

const mlp = (units: number, drop = 0) =>
  new nn.Sequential(
    new nn.Linear(2, units),
    new nn.ReLU(),
    ...(drop > 0 ? [new nn.Dropout(drop)] : []),
    new nn.Linear(units, units),
    new nn.ReLU(),
    ...(drop > 0 ? [new nn.Dropout(drop)] : []),
    new nn.Linear(units, 2),
  );

describe('A01 too much and too little', () => {
  const few = wave(30, 1, 0.6);
  const held = wave(400, 21, 0.6);
  const options = { loss: nn.crossEntropy, metrics: { accuracy } };
  const whole = { batchSize: 400, shuffle: false };
  const train = (model: nn.Module, data = few, epochs = 200, callbacks: Callback[] = [], weightDecay = 0) =>
    fit(model as nn.Sequential, {
      ...{ ...options, ...whole, data, validation: held, epochs, callbacks },
      optimizer: new optim.AdamW(model, { lr: 0.01, weightDecay }),
    });

  test('A01-20 the validation set watches: training ends when it has not improved, the best epoch is known', async () => {
    random.seed(1);
    const patience = 8;
    const model = mlp(32);
    const { epochs, stopped } = await train(model, few, 300, [
      earlyStopping({ patience, restoreBest: true }),
    ]);
    const losses = epochs.map((logs) => logs.validationLoss);
    const best = losses.indexOf(Math.min(...losses));
    expect(epochs.length).toBe(best + 1 + patience);
    expect(epochs.length).toBeLessThan(300);
    expect(stopped).toContain('validationLoss');
    // The model is that of the best epoch again.
    const now = await evaluate(model, held, { ...options, batchSize: 400 });
    expect(now.loss).toBeCloseTo(losses[best], 5);
    // The training loss went on falling: it does not tell.
    expect(epochs.at(-1)?.loss).toBeLessThan(epochs[best].loss);
  });

  test('A01-21 overfitting, underfitting, and six remedies: each makes the validation loss smaller', async () => {
    const final = async (model: nn.Module) =>
      (await evaluate(model as nn.Sequential, held, { ...options, batchSize: 400 })).loss;
    random.seed(1);
    const overfitted = mlp(32);
    const history = await train(overfitted);
    const [worst] = [await final(overfitted)];
    // By heart, and wrong on what is new: overfitting.
    expect(history.epochs.at(-1)?.accuracy).toBe(1);
    expect(worst).toBeGreaterThan(1);
    // Too simple for the wave, even with plenty of examples: underfitting, on both alike.
    random.seed(1);
    const line = new nn.Sequential(new nn.Linear(2, 2));
    const plenty = wave(400, 41, 0);
    await train(line, plenty);
    const able = mlp(32);
    await train(able, plenty);
    const risks = [line, able].map((m) => nn.crossEntropy(m.forward(plenty.x), plenty.y).item());
    expect(risks[0]).toBeGreaterThan(5 * risks[1]);
    expect(
      Math.abs((await evaluate(line, wave(400, 81, 0), { ...options, batchSize: 400 })).loss - risks[0]),
    ).toBeLessThan(0.1);

    const remedies: Record<string, () => Promise<number>> = {
      'more data': async () => {
        const model = mlp(32);
        await train(model, wave(400, 61, 0.6));
        return final(model);
      },
      simplify: async () => {
        const model = mlp(3);
        await train(model);
        return final(model);
      },
      'early stopping': async () => {
        const model = mlp(32);
        await train(model, few, 200, [earlyStopping({ patience: 4, restoreBest: true })]);
        return final(model);
      },
      regularize: async () => {
        const model = mlp(32);
        await train(model, few, 200, [], 3);
        return final(model);
      },
      'model averaging': async () => {
        const models = [mlp(32), mlp(32), mlp(32)];
        for (const model of models) await train(model);
        return final(new nn.Ensemble(models, { combine: 'probabilities' }));
      },
      dropout: async () => {
        const model = mlp(32, 0.5);
        await train(model);
        return final(model);
      },
    };
    expect(Object.keys(remedies)).toHaveLength(6);
    for (const [name, remedy] of Object.entries(remedies)) {
      random.seed(1);
      expect(await remedy(), name).toBeLessThan(worst * 0.95);
    }
  });

  test('A01-22 parameters per example: 1,209,866 / 50,000 = 24.2', () => {
    const model = new nn.Sequential(
      new nn.Flatten(),
      new nn.Linear(28 * 28 * 3, 512),
      new nn.ReLU(),
      new nn.Linear(512, 10),
    );
    expect(nn.countParameters(model)).toBe(1_209_866);
    expect(nn.parameterRatio(model, 50_000).toFixed(1)).toBe('24.2');
    expect(Math.floor(nn.parameterRatio(model, 50_000))).toBe(24);
    expect(nn.summarize(model, [1, 28, 28, 3]).parameters).toBe(1_209_866);
    model.freeze();
    expect(nn.countParameters(model, { trainableOnly: true })).toBe(0);
    expect(() => nn.parameterRatio(model, 0)).toThrow('examples must be');
  });

  test('A01-23 the curve of steps is noisy; smoothed as TensorBoard does it, one sees where it goes', async () => {
    random.seed(2);
    const { train: images } = digits({ train: 400, test: 0 });
    const model = new nn.Sequential(new nn.Flatten(), new nn.Linear(784, 10));
    const raw: number[] = [];
    const note: Callback = { onStep: (_, { logs }) => void raw.push(logs.loss) };
    await fit(model, {
      ...{
        loss: nn.crossEntropy,
        optimizer: new optim.SGD(model, { lr: 0.05 }),
        epochs: 2,
        callbacks: [note],
      },
      data: loader(images, { batchSize: 4, shuffle: true }),
    });
    expect(raw).toHaveLength(200);
    const curve = smooth(raw, 0.9);
    const rough = (values: readonly number[]) =>
      values.slice(1).reduce((s, v, i) => s + (v - values[i]) ** 2, 0) / (values.length - 1);
    expect(rough(curve)).toBeLessThan(rough(raw) / 20);
    // The exponential moving average, divided by the weight that it has had so far.
    let average = 0;
    raw.forEach((value, i) => {
      average = 0.9 * average + 0.1 * value;
      expect(curve[i]).toBeCloseTo(average / (1 - 0.9 ** (i + 1)), 10);
    });
    expect(curve[0]).toBeCloseTo(raw[0], 12);
    expect(curve.at(-1)).toBeLessThan(curve[20]);
  });

  test('A01-24 basic debugging: predictions beside the truth, how many are right in each class', async () => {
    // A thousand examples of which 127 are predicted rightly: the lines that the course shows for step 200.
    const truth = [1, 9, 2, 3, 2, 5, 9, 3, 3, 1, 3, 3, 2, 8, 7, 4, 4, 1, 2, 8];
    const labels = [...truth, ...Array(121).fill(2), 9, 9, ...Array(857).fill(4)];
    const said = labels.map((_, i) => (i === 141 || i === 142 ? 9 : 2));
    expect(formatPredictions(200, said, labels, { classes: 10 })).toBe(
      [
        'Step 200: training accuracy 0.1270',
        `sample pred: [${Array(20).fill(2).join(' ')}]`,
        'sample true: [1 9 2 3 2 5 9 3 3 1 3 3 2 8 7 4 4 1 2 8]',
        'correct predictions by class: [0 0 125 0 0 0 0 0 0 2]',
      ].join('\n'),
    );
    expect(correctByClass([0, 0, 0], [0, 0, 1])).toEqual([2, 0]);
    expect(() => correctByClass([0.5], [0])).toThrow('0.5 is no class');
    expect(() => formatPredictions(1, [], [])).toThrow('no examples');

    // In a training that does not learn: logistic regression by a rate that is far too small, then one that does.
    const { train: images, test: others } = digits({ train: 200, test: 100 });
    const lines: string[] = [];
    for (const lr of [1e-6, 0.1]) {
      random.seed(5);
      const model = new nn.Sequential(new nn.Flatten(), new nn.Linear(784, 10));
      await fit(model, {
        data: loader(images, { batchSize: 20 }),
        ...{ loss: nn.crossEntropy, optimizer: new optim.SGD(model, { lr }), epochs: 6 },
        callbacks: [
          printPredictions({
            training: loader(images, { batchSize: 100 }),
            validation: loader(others, { batchSize: 100 }),
            every: 30,
            print: (text) => void lines.push(...text.split('\n')),
          }),
        ],
      });
    }
    expect(lines).toHaveLength(20);
    expect(lines.filter((_, i) => i % 5 === 0).map((line) => line.slice(0, line.lastIndexOf(' ')))).toEqual(
      [30, 60, 30, 60].map((n) => `Step ${n}: training accuracy`),
    );
    expect(lines[4]).toMatch(/^Step 30: val accuracy 0\.\d{4}$/);
    expect(lines[3]).toMatch(/^correct predictions by class: \[\d+( \d+){9}\]$/);
    const at = (i: number) => Number(lines[i].split(' ').at(-1));
    expect(at(5)).toBeLessThan(0.3);
    expect(at(15)).toBeGreaterThan(0.6);
    const counts = (i: number) =>
      lines[i]
        .match(/\[(.*)\]/)?.[1]
        .split(' ')
        .map(Number) as number[];
    expect(counts(18).reduce((s, n) => s + n, 0) / 200).toBeCloseTo(at(15), 4);
    expect(counts(18).filter((n) => n > 0).length).toBeGreaterThan(7);
    expect(() => printPredictions({ training: [], every: 0 })).toThrow('every must be');
  });

  test('A01-25 a shallow network approximates any function: sine and step to a mean squared error below .001', () => {
    const x = linspace(-1, 1, 100).reshape([100, 1]);
    const error = (y: Tensor, units: number, steps = 3000, steep = 8) => {
      random.seed(4);
      // Weights wide enough for bends within the interval.
      const [w, b] = [
        random.normal([1, units]).mul(steep),
        random.uniform([units], { low: -steep, high: steep }),
      ];
      const parameters = [w, b, random.normal([units, 1]).mul(0.1), tensor([0])].map((t) => new Variable(t));
      const [w1, b1, w2, b2] = parameters;
      const optimizer = new optim.Adam(parameters, { lr: optim.schedules.cosine(0.05, steps) });
      const loss = () =>
        nn.mseLoss(x.matmul(w1.value).add(b1.value).tanh().matmul(w2.value).add(b2.value), y);
      const step = jit(() => {
        const [value, grads] = valueAndGrad(loss, parameters);
        optimizer.update(grads);
        return value;
      });
      for (let i = 0; i < steps; i++) step();
      return loss().item();
    };
    const sine = x.mul(2 * Math.PI).sin();
    const jump = x.gt(0).cast('float32');
    expect(error(sine, 30)).toBeLessThan(1e-3);
    expect(error(jump, 30, 3000, 25)).toBeLessThan(1e-3);
    // One unit is not enough for a sine, few are better, many are good.
    const [one, three, many] = [1, 3, 30].map((units) => error(sine, units, 600));
    expect(one).toBeGreaterThan(0.1);
    expect(three).toBeLessThan(one);
    expect(many).toBeLessThan(three);
  });
});
