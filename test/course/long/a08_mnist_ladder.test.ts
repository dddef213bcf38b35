import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { trainCommand } from '../../../src/cli/train.ts';
import { load } from '../../../src/io/index.ts';
import { batches, measuresOf, type Part, valuesOf } from '../../../src/recipes/index.ts';
import { evaluate } from '../../../src/train/index.ts';
import { training } from '../../support/recipes.ts';

/**
 * The ladder of MNIST classifiers of the course, trained on all 60,000 images with the recipes' own settings, and the
 * accuracies that its notes print as gates. Needs the data: NABLA_DATA names the folder that has `mnist/`.
 */
const dir = process.env.NABLA_DATA;

interface Result {
  readonly parameters: number;
  readonly train: number;
  readonly test: number;
}

const known = new Map<string, Promise<Result>>();

/** Trains a recipe, once for each name and seed. */
function trained(name: string, seed = 0, epochs?: number): Promise<Result> {
  const key = `${name} ${seed} ${epochs}`;
  let result = known.get(key);
  if (result === undefined) known.set(key, (result = run(name, seed, epochs)));
  return result;
}

/** `nabla train` with the recipe's own settings, then both accuracies of the model that it left. */
async function run(name: string, seed: number, epochs?: number): Promise<Result> {
  const folder = join(mkdtempSync(join(tmpdir(), 'nabla-long-')), 'run');
  const stream = { isTTY: false, columns: 80, write: (text: string) => process.stdout.write(text) };
  const terminal = { stdout: stream, stderr: stream, env: process.env, signal: new AbortController().signal };
  await trainCommand(name, { data: dir, seed, epochs, out: folder }, terminal);
  const recipe = training(name);
  const own = valuesOf(name, recipe.settings);
  const data = await recipe.data(dir, own);
  const model = recipe.model(own);
  await load(model, join(folder, 'model.safetensors'));
  const { metrics } = measuresOf(recipe, own);
  const measure = async (part: Part) =>
    (await evaluate(model, batches(part, { batchSize: 500 }), { metrics })).accuracy;
  const parameters = model.parameters().reduce((n, p) => n + p.value.size, 0);
  const measured = { parameters, train: await measure(data.train), test: await measure(data.test) };
  console.log(name, 'seed', seed, measured);
  return measured;
}

describe.skipIf(dir === undefined)('A08', () => {
  test.each([0, 1, 2])('lenet5 reaches .985 in three epochs, seed %i', async (seed) => {
    expect((await trained('lenet5', seed)).test).toBeGreaterThanOrEqual(0.985);
  });

  test('A08-01 logistic regression: 7,850 parameters, at least .920', async () => {
    const result = await trained('mnist-lr');
    expect(result.parameters).toBe(7850);
    expect(result.test).toBeGreaterThanOrEqual(0.92);
  });

  test('A08-02 one convolution: 503,434 parameters, at least .984', async () => {
    const result = await trained('mnist-cnn-cf');
    expect(result.parameters).toBe(503_434);
    expect(result.test).toBeGreaterThanOrEqual(0.984);
  });

  test('A08-05 the gap of cnn-cf is about 0.4 % where training accuracy is about .990', async () => {
    // The notes stop at .9903 and .9862; whoever trains on widens the gap (five epochs: 1.1 %).
    const { train, test: held } = await trained('mnist-cnn-cf', 0, 2);
    expect(Math.abs(train - 0.9903)).toBeLessThan(0.003);
    expect(Math.abs(train - held - 0.004)).toBeLessThan(0.002);
  });

  test('A08-03 two convolutions: 3,274,634 parameters, at least .988', async () => {
    const result = await trained('mnist-cnn-cpcpff');
    expect(result.parameters).toBe(3_274_634);
    expect(result.test).toBeGreaterThanOrEqual(0.988);
  });

  test('A08-04 with dropout: at least .990, and no worse than without on the mean of two seeds', async () => {
    const withDropout = [
      await trained('mnist-cnn-cpcpff-dropout', 0),
      await trained('mnist-cnn-cpcpff-dropout', 1),
    ];
    const without = [await trained('mnist-cnn-cpcpff', 0), await trained('mnist-cnn-cpcpff', 1)];
    const mean = (results: readonly Result[]) => results.reduce((sum, r) => sum + r.test, 0) / results.length;
    expect(withDropout[0].test).toBeGreaterThanOrEqual(0.99);
    expect(mean(withDropout)).toBeGreaterThanOrEqual(mean(without));
  });
});
