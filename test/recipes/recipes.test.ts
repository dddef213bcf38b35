import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { jit, random, type Tensor, tensor, valueAndGrad, zeros } from '../../src/index.ts';
import * as nn from '../../src/nn/index.ts';
import { isDemonstration, recipes, valuesOf } from '../../src/recipes/index.ts';
import { LeNet5 } from '../../src/recipes/lenet5.ts';
import { training as find } from '../support/recipes.ts';

describe('recipes', () => {
  test.each([
    ['lenet5', 61_706],
    ['mnist-lr', 7_850],
    ['mnist-cnn-cf', 503_434],
    ['mnist-cnn-cpcpff', 3_274_634],
    ['mnist-cnn-cpcpff-dropout', 3_274_634],
  ])('%s has %i parameters and gives ten logits', (name, parameters) => {
    const model = find(name).model({});
    const { layers, parameters: count } = nn.summarize(model, [2, 28, 28, 1]);
    expect(count).toBe(parameters);
    expect(layers.at(-1)?.output).toEqual([2, 10]);
  });

  test('names are distinct, settings sensible; the ladder uses batches of 100', () => {
    expect(new Set(recipes.map((recipe) => recipe.name)).size).toBe(recipes.length);
    for (const recipe of recipes) {
      expect(recipe.name).toMatch(/^[a-z][a-z0-9-]*$/);
      expect(recipe.summary).not.toContain('\n');
      const own = valuesOf(recipe.name, recipe.settings);
      if (isDemonstration(recipe)) continue;
      const { epochs, batchSize, lr, seed } = recipe.defaults(undefined, own);
      expect(epochs).toBeGreaterThan(0);
      expect(lr).toBeGreaterThan(0);
      expect(seed).toBe(0);
      if (/^mnist-(lr|cnn-c)/.test(recipe.name)) expect(batchSize).toBe(100);
    }
  });

  test('pictures are generated where there is no folder, and read from files where there is', async () => {
    const { train, test: held } = await find('lenet5').data(undefined, {});
    expect([train.name, train.count, held.count]).toEqual(['digits train', 10_000, 2_000]);
    await expect(find('mnist-lr').data('/nowhere', {})).rejects.toThrow(/no such folder: \/nowhere/);
  });

  test('dropout changes the dropout rung in training only', () => {
    random.seed(0);
    const model = find('mnist-cnn-cpcpff-dropout').model({});
    const dropped = model.namedModules().filter(([, module]) => module instanceof nn.Dropout);
    expect(dropped).toHaveLength(1);
    expect((dropped[0][1] as nn.Dropout).p).toBe(0.5);
  });
});

interface Digest {
  first: number[];
  sum: number;
  magnitude: number;
  mixed: number;
}
interface Fixture {
  labels: number[];
  lr: number;
  parameters: Record<string, { shape: number[]; scale: number; frequency: number; phase: number }>;
  logits: number[];
  losses: number[];
  gradients: Record<string, Digest>;
  after3: Record<string, Digest>;
}

describe('LeNet-5 takes the way of PyTorch', () => {
  const fixture: Fixture = JSON.parse(
    readFileSync(new URL('../fixtures/torch_lenet.json', import.meta.url), 'utf8'),
  );
  const fromFormula = (shape: number[], element: (i: number) => number) => {
    const size = shape.reduce((n, extent) => n * extent, 1);
    return tensor(
      Float32Array.from({ length: size }, (_, i) => element(i)),
      { shape },
    );
  };
  const x = fromFormula([4, 28, 28, 1], (i) => 0.5 + 0.5 * Math.sin(0.37 * i + 0.001 * i * i));
  const y = tensor(fixture.labels, { dtype: 'int32' });
  const make = () => {
    const model = new LeNet5();
    const formulas = Object.entries(fixture.parameters).map(([name, { shape, scale, frequency, phase }]) => [
      name,
      fromFormula(shape, (i) => scale * Math.sin(frequency * i + phase)),
    ]);
    model.loadStateDict(Object.fromEntries(formulas));
    return model;
  };
  /** Equal within the rounding of float32, which grows with the number and size of what is added up. */
  function expectDigest(name: string, value: Tensor, digest: Digest, tolerance: number) {
    const data = [...value.dataSync()];
    const total = (f: (v: number, i: number) => number) => data.reduce((sum, v, i) => sum + f(v, i), 0);
    const limit = tolerance * (digest.magnitude + 1e-3);
    const near = (actual: number, expected: number, what: string) =>
      expect(Math.abs(actual - expected), `${name}: ${what}`).toBeLessThan(limit);
    near(
      total((v) => v),
      digest.sum,
      'sum',
    );
    near(total(Math.abs), digest.magnitude, 'magnitude');
    near(
      total((v, i) => v * Math.cos(i)),
      digest.mixed,
      'mixed',
    );
    for (const [i, v] of digest.first.entries()) near(data[i], v, `element ${i}`);
  }

  test('logits, loss and gradients', () => {
    const model = make();
    const logits = [...model.forward(x).dataSync()];
    for (const [i, v] of fixture.logits.entries()) expect(logits[i]).toBeCloseTo(v, 4);
    const [loss, grads] = valueAndGrad(() => nn.crossEntropy(model.forward(x), y), model);
    expect(loss.item()).toBeCloseTo(fixture.losses[0], 5);
    for (const [name, parameter] of model.namedParameters())
      expectDigest(name, grads.get(parameter) ?? zeros([]), fixture.gradients[name], 1e-4);
  });

  test('three steps of Adam, compiled', () => {
    const model = make();
    const optimizer = find('lenet5').optimizer(model, fixture.lr, {});
    const step = jit((images: Tensor, labels: Tensor) => {
      const [loss, grads] = valueAndGrad(() => nn.crossEntropy(model.forward(images), labels), model);
      optimizer.update(grads);
      return loss;
    });
    for (let t = 0; t < 3; t++) expect(step(x, y).item()).toBeCloseTo(fixture.losses[t], 4);
    for (const [name, parameter] of model.namedParameters())
      expectDigest(name, parameter.value, fixture.after3[name], 1e-4);
  });
});
