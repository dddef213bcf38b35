import { describe, expect, test } from 'vitest';
import { digits, loader, take } from '../../src/data/index.ts';
import { random, tensor } from '../../src/index.ts';
import { r2 } from '../../src/metrics/index.ts';
import * as nn from '../../src/nn/index.ts';
import {
  deepSawtooth,
  hiddenUnits,
  parityOfNands,
  parityTerms,
  pieces,
  shallowSawtooth,
} from '../../src/recipes/depth.ts';
import { gradientNorms, type Stack, slopeOfNorms, stepOnSquares } from '../../src/recipes/gradients.ts';
import { batches, isImages, measuresOf, type TrainingRecipe, valuesOf } from '../../src/recipes/index.ts';
import { fires, learnPerceptron, novikoffBound, separablePoints } from '../../src/recipes/perceptron.ts';
import { corners, decide, nand, xorOfNands } from '../../src/recipes/xor.ts';
import { evaluate, fit, learningRate } from '../../src/train/index.ts';
import { training } from '../support/recipes.ts';

const parametersOf = (model: nn.Module): number =>
  model.parameters().reduce((sum, parameter) => sum + parameter.value.size, 0);

/** Trains a recipe with its own settings and data, and gives the model and what it reaches on the test set. */
async function learned(name: string, settings: Record<string, number | string> = {}, epochs?: number) {
  const recipe: TrainingRecipe = training(name);
  const own = valuesOf(name, recipe.settings, settings);
  const { train, test: held } = await recipe.data(undefined, own);
  const usual = recipe.defaults(undefined, own);
  random.seed(usual.seed);
  const model = recipe.model(own);
  const { loss, metrics } = measuresOf(recipe, own);
  await fit(model, {
    data: batches(train, { batchSize: usual.batchSize, shuffle: true }),
    loss,
    optimizer: recipe.optimizer(model, usual.lr, own),
    epochs: epochs ?? usual.epochs,
    callbacks: recipe.rate === undefined ? [] : [learningRate((done) => recipe.rate!(usual.lr, done))],
  });
  return {
    model,
    held,
    results: await evaluate(model, batches(held, { batchSize: 500 }), { loss, metrics }),
  };
}

describe('A06', () => {
  test('A06-01 the perceptron learns what a line separates, within the bound of Novikoff', () => {
    for (let seed = 0; seed < 20; seed++) {
      const { inputs, labels, line } = separablePoints(80, 0.05, seed);
      const unit = learnPerceptron(inputs, labels);
      expect(unit.mistakes.at(-1)).toBe(0);
      expect(inputs.map((x) => fires(unit, x))).toEqual(labels);
      const total = unit.mistakes.reduce((sum, n) => sum + n, 0);
      expect(total).toBeLessThanOrEqual(novikoffBound(line, inputs));
    }
    // The rule by hand: one mistake at (2, 1), labelled 0, where zero weights say 1.
    const once = learnPerceptron([[2, 1]], [0], { rate: 0.5 });
    expect([once.weights, once.bias, once.mistakes]).toEqual([[-1, -0.5], -0.5, [1, 0]]);
    // What no line separates is never learned: exclusive or.
    const never = learnPerceptron(corners, [0, 1, 1, 0], { passes: 200 });
    expect(never.mistakes).toHaveLength(200);
    expect(Math.min(...never.mistakes)).toBeGreaterThan(0);
    // The threshold itself counts as firing.
    expect(fires({ weights: [1, 1], bias: -2 }, [1, 1])).toBe(1);
  });

  test('A06-02 NAND is one threshold unit; XOR is none: 14 of the 16 functions of two bits are', () => {
    expect(corners.map((corner) => fires(nand, corner))).toEqual([1, 1, 1, 0]);
    const impossible: string[] = [];
    for (let code = 0; code < 16; code++) {
      const outputs = corners.map((_, i) => (code >> (3 - i)) & 1);
      const verdict = decide(outputs);
      if ('unit' in verdict) {
        expect(corners.map((corner) => fires(verdict.unit, corner))).toEqual(outputs);
        continue;
      }
      impossible.push(outputs.join(''));
      // Any weights: the conditions s (w·x + b) > 0 (a unit that fires at 0 exactly can fire a little above it as well),
      // with these multipliers, add up to 0 > 0.
      const { multipliers } = verdict;
      expect(Math.min(...multipliers)).toBeGreaterThanOrEqual(0);
      expect(Math.max(...multipliers)).toBeGreaterThan(0);
      const sign = (i: number) => multipliers[i] * (outputs[i] === 1 ? 1 : -1);
      for (const coefficient of [(k: number) => corners[k][0], (k: number) => corners[k][1], () => 1])
        expect(corners.reduce((sum, _, i) => sum + sign(i) * coefficient(i), 0)).toBe(0);
    }
    expect(impossible).toEqual(['0110', '1001']);
  });

  test('A06-03 four NANDs make XOR; a hidden layer learns it', async () => {
    expect(corners.map(([a, b]) => xorOfNands(a, b))).toEqual([0, 1, 1, 0]);
    const { model, results } = await learned('xor-mlp');
    expect(results.accuracy).toBe(1);
    const logits = model.forward(tensor(corners.map((corner) => [...corner])));
    expect([...logits.gt(0).dataSync()].map(Number)).toEqual([0, 1, 1, 0]);
  });

  test('A06-04 the MLP of 2-4-3 units has 12 + 15 = 27 parameters, and tells irises apart', async () => {
    const { model, results } = await learned('iris-mlp');
    const { layers, parameters } = nn.summarize(model, [1, 2]);
    expect(layers.map((layer) => layer.parameters).filter((n) => n > 0)).toEqual([12, 15]);
    expect(parameters).toBe(27);
    expect(layers.at(-1)?.output).toEqual([1, 3]);
    expect(results.accuracy).toBeGreaterThan(0.93);
  });

  test('A06-05 logistic regression becomes a network: 784-10 has 7,850 parameters, 784-h-10 has 795 h + 10 and learns more', async () => {
    const recipe = training('mnist-network');
    for (const hidden of [1, 20, 100, 512])
      expect(parametersOf(recipe.model({ hidden }))).toBe(785 * hidden + 10 * (hidden + 1));
    expect(parametersOf(recipe.model({ hidden: 0 }))).toBe(7850);
    const { train, test: held } = digits({ train: 3000, test: 500 });
    const accuracyOf = async (hidden: number): Promise<number> => {
      random.seed(0);
      const model = recipe.model({ hidden });
      const { loss, metrics } = measuresOf(recipe, { hidden });
      const data = loader(train, { batchSize: 100, shuffle: true });
      await fit(model, { data, loss, optimizer: recipe.optimizer(model, 3e-3, { hidden }), epochs: 5 });
      return (await evaluate(model, loader(held, { batchSize: 500 }), { metrics })).accuracy;
    };
    const [regression, network] = [await accuracyOf(0), await accuracyOf(100)];
    expect(regression).toBeGreaterThan(0.6);
    expect(network).toBeGreaterThan(regression + 0.05);
  });

  test('A06-06 a regression MLP: one output without activation, MSE, or Huber where there are outliers', async () => {
    const { model, held, results } = await learned('regression-mlp');
    if (isImages(held)) throw new Error('rows of numbers are expected');
    const parts = [...(model as nn.Sequential).layers];
    expect(parts.filter((part) => part instanceof nn.Linear).map((part) => part.weight.shape)).toEqual([
      [50, 5],
      [50, 50],
      [1, 50],
    ]);
    expect(parts.at(-1)).toBeInstanceOf(nn.Linear);
    const outputs = model.forward(tensor(held.inputs, { shape: [held.count, held.width] })).dataSync();
    expect(Math.min(...outputs)).toBeLessThan(0);
    expect(r2([...outputs], [...held.targets])).toBeGreaterThan(0.9);
    // The noise alone has a variance of 1 / 4.9²; no model can be below.
    expect(results.loss).toBeGreaterThan(1 / 4.9 ** 2);
    expect(results.loss).toBeLessThan(2 / 4.9 ** 2);
    // A fifth of the targets far off: squares follow them, Huber's loss does not.
    const withOutliers = async (loss: string): Promise<number> =>
      (await learned('regression-mlp', { loss, outliers: 0.2 }, 8)).results.meanAbsoluteError;
    expect(await withOutliers('huber')).toBeLessThan(0.8 * (await withOutliers('mse')));
    // One to five hidden layers of 10 to 100 units, ReLU or SELU.
    const recipe = training('regression-mlp');
    for (const [layers, units, parameters] of [
      [1, 10, 71],
      [5, 100, 41_101],
    ]) {
      const own = valuesOf('regression-mlp', recipe.settings, { layers, units, activation: 'selu' });
      expect(parametersOf(recipe.model(own))).toBe(parameters);
    }
  });

  test('A06-07 binary, multilabel and multiclass: number of outputs, last activation and loss of each', async () => {
    // What goes into the table's losses: logits of two examples.
    const logits = [
      [1.2, -0.4, 0.3],
      [-2, 0.5, 0.1],
    ];
    const logistic = (v: number) => 1 / (1 + Math.exp(-v));
    const recipe = training('classification-mlp');
    const lossOf = (task: string) => measuresOf(recipe, valuesOf('', recipe.settings, { task })).loss;
    const entropy = (p: number, t: number) => -t * Math.log(p) - (1 - t) * Math.log(1 - p);
    const yes = [
      [1, 0, 1],
      [0, 0, 1],
    ];
    const independent =
      logits.flatMap((row, i) => row.map((v, k) => entropy(logistic(v), yes[i][k]))).reduce((a, b) => a + b) /
      6;
    expect(lossOf('multilabel')(tensor(logits), tensor(yes)).item()).toBeCloseTo(independent, 5);
    expect(lossOf('binary')(tensor(logits.map((row) => [row[0]])), tensor([[1], [0]])).item()).toBeCloseTo(
      (entropy(logistic(1.2), 1) + entropy(logistic(-2), 0)) / 2,
      5,
    );
    const share = (row: number[], k: number) =>
      Math.exp(row[k]) / row.reduce((sum, v) => sum + Math.exp(v), 0);
    expect(lossOf('multiclass')(tensor(logits), tensor([2, 1], { dtype: 'int32' })).item()).toBeCloseTo(
      -(Math.log(share(logits[0], 2)) + Math.log(share(logits[1], 1))) / 2,
      5,
    );
    for (const [task, outputs] of [
      ['binary', 1],
      ['multilabel', 3],
      ['multiclass', 3],
    ] as const) {
      const { model, results } = await learned('classification-mlp', { task }, 8);
      expect(model.forward(tensor([[0, 0]])).shape).toEqual([1, outputs]);
      expect(results.accuracy, task).toBeGreaterThan(0.93);
    }
  });

  test('A06-08 the MLP of Keras: 100,480 + 1,290 = 101,770 parameters, and dropout in training only', () => {
    const recipe = training('mnist-mlp');
    const { layers, parameters } = nn.summarize(recipe.model({}), [1, 28, 28, 1]);
    expect(layers.map((layer) => layer.parameters).filter((n) => n > 0)).toEqual([100_480, 1_290]);
    expect(parameters).toBe(101_770);
    expect(recipe.defaults(undefined, {})).toMatchObject({ epochs: 5, batchSize: 32, lr: 1e-3 });
    const model = recipe.model({}) as nn.Sequential;
    const dropout = model.layers.find((layer) => layer instanceof nn.Dropout)!;
    expect(dropout.p).toBe(0.2);
    const { images } = take(digits({ train: 1, test: 0 }).train, 1);
    const x = tensor(Float32Array.from(images, (v) => v / 255)).reshape([1, 28, 28, 1]);
    const twice = () => [model.forward(x).toArray(), model.forward(x).toArray()];
    model.train();
    const [first, second] = twice();
    expect(first).not.toEqual(second);
    model.eval();
    const [third, fourth] = twice();
    expect(third).toEqual(fourth);
  });

  test('A06-09 gradients vanish exponentially: the measured slope of their logarithm is that of the theory', () => {
    const slope = (stack: Partial<Stack>): number => {
      const norms = gradientNorms({ depth: 30, width: 64, activation: 'linear', gain: 1, seed: 0, ...stack });
      return slopeOfNorms(norms);
    };
    // A linear layer of gain g multiplies the gradient by g, in the square mean.
    for (const gain of [0.25, 0.5, 0.8]) expect(slope({ gain })).toBeCloseTo(Math.log10(gain), 1);
    // The derivative of the logistic function is at most 1/4.
    const logistic = slope({ activation: 'sigmoid' });
    expect(logistic).toBeLessThan(Math.log10(0.25) + 0.02);
    expect(logistic).toBeGreaterThan(-0.8);
    // Where weights keep the length of what passes, tanh loses a little at each layer, ReLU nothing.
    const tanh = slope({ activation: 'tanh' });
    expect(tanh).toBeLessThan(-0.01);
    expect(tanh).toBeGreaterThan(-0.1);
    expect(Math.abs(slope({ activation: 'relu', gain: Math.SQRT2 }))).toBeLessThan(0.03);
    // Exponential: a line fits the logarithm; each half has the same slope.
    const norms = gradientNorms({ depth: 40, width: 64, activation: 'sigmoid', gain: 1, seed: 1 });
    expect(slopeOfNorms(norms.slice(20))).toBeCloseTo(slopeOfNorms(norms.slice(0, 21)), 1);
    expect(norms[0] / norms[40]).toBeLessThan(1e-20);
    // The same matrix again and again, as in time: its largest factors take over, and tanh saturates no more.
    expect(slope({ gain: 0.5, shared: true })).toBeLessThan(-0.2);
  });

  test('A06-10 deep networks use fewer units: 2 k for the sawtooth of 2^k pieces, 4 (n - 1) for parity', () => {
    for (let k = 1; k <= 8; k++) {
      const [deep, shallow] = [deepSawtooth(k), shallowSawtooth(k)];
      expect([hiddenUnits(deep), hiddenUnits(shallow)]).toEqual([2 * k, 2 ** k]);
      expect([pieces(deep, k), pieces(shallow, k)]).toEqual([2 ** k, 2 ** k]);
      const x = tensor(Array.from({ length: 513 }, (_, i) => [i / 512]));
      expect(deep.forward(x).toArray()).toEqual(shallow.forward(x).toArray());
    }
    // One hidden layer of n units has at most n + 1 pieces, whatever its weights; on a grid as fine as this some may be missed, none invented.
    random.seed(4);
    for (const n of [1, 3, 7]) {
      const model = new nn.Sequential(new nn.Linear(1, n), new nn.ReLU(), new nn.Linear(n, 1)).eval();
      const xs = Array.from({ length: 2001 }, (_, i) => -4 + i / 250);
      const ys = [...model.forward(tensor(xs.map((x) => [x]))).dataSync()];
      const bends = ys.slice(2).map((y, i) => Math.abs(y - 2 * ys[i + 1] + ys[i]) > 1e-5);
      // A bend between two places shows at both.
      const seen = bends.filter((isBend, i) => isBend && !bends[i - 1]).length;
      expect(seen).toBeLessThanOrEqual(n);
    }
    for (let n = 2; n <= 8; n++) {
      expect(parityTerms(n)).toBe(2 ** (n - 1));
      for (let input = 0; input < 2 ** n; input++) {
        const bits = Array.from({ length: n }, (_, i) => (input >> i) & 1);
        expect(parityOfNands(bits)).toBe(bits.reduce((sum, bit) => sum + bit, 0) % 2);
      }
    }
    expect(4 * (10 - 1)).toBeLessThan(parityTerms(10));
  });

  test('A06-11 gradients explode: the slope is positive, a step diverges, and clipping keeps it', () => {
    const stack: Stack = { depth: 20, width: 64, activation: 'linear', gain: 2, seed: 0 };
    expect(slopeOfNorms(gradientNorms(stack))).toBeCloseTo(Math.log10(2), 1);
    expect(slopeOfNorms(gradientNorms({ ...stack, activation: 'relu', gain: 2 * Math.SQRT2 }))).toBeCloseTo(
      Math.log10(2),
      1,
    );
    // Squashing bounds what comes out, not the gradient.
    expect(slopeOfNorms(gradientNorms({ ...stack, activation: 'tanh' }))).toBeGreaterThan(0.02);
    const { before, after, clipped } = stepOnSquares(stack, 1e-3, 1);
    expect(before).toBeGreaterThan(1e9);
    expect(Number.isFinite(after)).toBe(false);
    expect(clipped).toBeLessThan(before);
    expect(clipped).toBeGreaterThan(0.9 * before);
  });
});
