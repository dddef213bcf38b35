import { join } from 'node:path';
import { seed as seedDefault } from '../core/random.ts';
import { subset } from '../data/dataset.ts';
import { splitPositions } from '../data/splits.ts';
import {
  type AnyValues,
  batches,
  isDemonstration,
  isImages,
  measuresOf,
  type Part,
  type RecipeData,
} from '../recipes/index.ts';
import type { Logs } from '../train/callback.ts';
import { checkpoints } from '../train/checkpoints.ts';
import { csvLog } from '../train/csv_log.ts';
import { fit } from '../train/fit.ts';
import { learningRate } from '../train/learning_rate.ts';
import type { TrialContext } from '../train/search/trial.ts';
import { UsageError } from './errors.ts';
import { evaluationBatch } from './report.ts';
import { findRecipe } from './run_folder.ts';

/** Settings of a trial: the recipe's, and where it finds what it needs. */
type TrialSettings = Readonly<Record<string, number | string | null>> & {
  readonly recipe: string;
  readonly data: string | null;
};

/**
 * One trial of `nabla search`, in a process of its own: trains a recipe with these settings for `context.budget` epochs, and measures it on
 * examples that are held out of the training set. With checkpoints in the trial's folder it goes on where an earlier call has ended.
 */
export async function trial(settings: TrialSettings, context: TrialContext): Promise<Logs> {
  const { recipe: name, data: dir, lr, batchSize, ...own } = settings;
  const recipe = findRecipe(name);
  if (isDemonstration(recipe)) throw new UsageError(`search: ${name} has nothing to train`);
  const values = own as AnyValues;
  const defaults = recipe.defaults(dir ?? undefined, values);
  const { train, validation } = heldOut(await recipe.data(dir ?? undefined, values));
  const { loss, metrics } = measuresOf(recipe, values);
  const { rate } = recipe;
  const first = typeof lr === 'number' ? lr : defaults.lr;
  seedDefault(context.seed);
  const model = recipe.model(values);
  const { epochs } = await fit(model, {
    data: batches(train, {
      batchSize: typeof batchSize === 'number' ? batchSize : defaults.batchSize,
      ...{ shuffle: true, seed: context.seed },
      ...(recipe.augment === undefined ? {} : { augment: recipe.augment }),
    }),
    validation: batches(validation, { batchSize: evaluationBatch }),
    ...{ loss, metrics, epochs: context.budget },
    optimizer: recipe.optimizer(model, first, values),
    callbacks: [
      ...(rate === undefined ? [] : [learningRate((done) => rate(first, done))]),
      ...(context.folder === null
        ? []
        : [
            csvLog(join(context.folder, 'metrics.csv')),
            checkpoints(join(context.folder, 'checkpoints'), { resume: true }),
          ]),
    ],
  });
  return epochs[epochs.length - 1];
}

/** What to train on, and the recipe's validation set; if it has none but the test set, a fifth of the training set instead. */
export function heldOut({ train, validation, test }: RecipeData): { train: Part; validation: Part } {
  if (validation !== undefined && validation !== test) return { train, validation };
  const [kept, held] = splitPositions(train.count, [0.8, 0.2]);
  return { train: partOf(train, kept), validation: partOf(train, held) };
}

function partOf(part: Part, positions: Int32Array): Part {
  if (isImages(part)) return subset(part, positions);
  const rows = <A extends Float32Array | Int32Array>(from: A, width: number): A =>
    from.filter((_, i) => isWanted[Math.floor(i / width)] === 1) as A;
  const isWanted = new Uint8Array(part.count);
  for (const position of positions) isWanted[position] = 1;
  return {
    ...part,
    count: positions.length,
    inputs: rows(part.inputs, part.width),
    targets: rows(part.targets, part.targets.length / part.count),
  };
}
