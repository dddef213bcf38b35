import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { take } from '../../src/data/index.ts';
import { random } from '../../src/index.ts';
import {
  batches,
  isDemonstration,
  isImages,
  measuresOf,
  type Part,
  recipes,
  type TrainingRecipe,
  valuesOf,
} from '../../src/recipes/index.ts';
import { type Callback, checkpoints, fit, type History, learningRate } from '../../src/train/index.ts';

/** `--resume` of every recipe: two epochs of a few examples, killed in the middle of the second. */

const trainings = recipes.filter((recipe): recipe is TrainingRecipe => !isDemonstration(recipe));
const few = (part: Part): Part => (isImages(part) ? take(part, 12) : part);

interface Parts {
  readonly train: Part;
  readonly test: Part;
}

async function train(
  recipe: TrainingRecipe,
  { train: part, test: held }: Parts,
  seed: number,
  more: (stepsPerEpoch: number) => Callback[],
) {
  const own = valuesOf(recipe.name, recipe.settings);
  const data = batches(part, {
    batchSize: Math.ceil(part.count / 3),
    shuffle: true,
    ...(recipe.augment === undefined ? {} : { augment: recipe.augment }),
  });
  random.seed(seed);
  const model = recipe.model(own);
  const { lr } = recipe.defaults(undefined, own);
  const { rate } = recipe;
  const { loss, metrics } = measuresOf(recipe, own);
  const training: Promise<History> = fit(model, {
    data,
    validation: batches(held, { batchSize: 50 }),
    loss,
    metrics,
    optimizer: recipe.optimizer(model, seed === 1 ? lr : 1, own),
    epochs: 2,
    callbacks: [
      ...(rate === undefined ? [] : [learningRate((done: number) => rate(lr, done))]),
      ...more(data.length),
    ],
  });
  const history = await training;
  return {
    history: history.epochs,
    weights: Object.values(model.stateDict()).map((tensor) =>
      Buffer.from(tensor.dataSync().buffer).toString('hex'),
    ),
  };
}

test.each(trainings.map((recipe): [string, TrainingRecipe] => [recipe.name, recipe]))(
  '%s goes on to the same weights',
  async (_, recipe) => {
    const folder = mkdtempSync(join(tmpdir(), 'nabla-recipe-'));
    try {
      const { train: first, test: held } = await recipe.data(
        undefined,
        valuesOf(recipe.name, recipe.settings),
      );
      const data: Parts = { train: few(first), test: few(held) };
      const whole = await train(recipe, data, 1, () => []);
      const dying = train(recipe, data, 1, (steps) => [
        checkpoints(folder, { every: { steps: steps + 1 }, keepBest: 0, keepLast: 1 }),
        {
          onStep: (run) => {
            if (run.step === steps + 2) throw new Error('killed');
          },
        },
      ]);
      await expect(dying).rejects.toThrow('killed');
      const resumed = await train(recipe, data, 2, () => [
        checkpoints(folder, { resume: true, every: 99, keepBest: 0, saveFinal: false }),
      ]);
      expect(resumed.history).toEqual(whole.history);
      expect(resumed.weights.length).toBe(whole.weights.length);
      resumed.weights.forEach((weights, i) => {
        expect(weights === whole.weights[i]).toBe(true);
      });
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
);
