import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { trainCommand } from '../../src/cli/train.ts';
import { load } from '../../src/io/index.ts';
import { batches, measuresOf, type Part, valuesOf } from '../../src/recipes/index.ts';
import { evaluate } from '../../src/train/index.ts';
import { training } from './recipes.ts';

/** The folder of real data: NABLA_DATA. */
const dir = process.env.NABLA_DATA;

/** What a training has reached. */
export interface Result {
  readonly parameters: number;
  readonly train: number;
  readonly test: number;
}

const known = new Map<string, Promise<Result>>();

/** Trains a recipe on real data with its own settings, once for each name and seed. */
export function trained(name: string, seed = 0, epochs?: number): Promise<Result> {
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
