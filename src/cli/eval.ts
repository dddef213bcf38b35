import { existsSync } from 'node:fs';
import { load } from '../io/load.ts';
import { isDemonstration, isImages, type TrainingRecipe } from '../recipes/index.ts';
import { pageOf, show } from './demonstrate.ts';
import { RunFolderError } from './errors.ts';
import { reportRecipe } from './report.ts';
import { type RunConfig, readRun, runFiles } from './run_folder.ts';
import { print, type Terminal } from './terminal.ts';

/**
 * `nabla eval <run folder>`: loads the run's model and prints how good it is on the test set: for pictures accuracy, confusion matrix and
 * worst mistakes. A demonstration is computed and shown again.
 *
 * @throws RunFolderError if it is no run folder, or the run is not complete
 */
export async function evalCommand(
  folder: string,
  flags: { data?: string },
  terminal: Terminal,
): Promise<void> {
  if (!existsSync(folder)) throw new RunFolderError(`there is no folder ${folder}`);
  const stored = await readRun(folder);
  if (isDemonstration(stored.recipe))
    return show(stored.recipe, stored.config.settings ?? {}, pageOf(terminal));
  const { recipe, config } = stored as { recipe: TrainingRecipe; config: RunConfig };
  const own = config.settings ?? {};
  const { model: path } = runFiles(folder);
  if (!existsSync(path))
    throw new RunFolderError(
      `the run ${folder} is not complete: it has no model yet; finish it with: nabla train ${config.recipe} --out ${folder} --resume`,
    );
  const model = recipe.model(own);
  await load(model, path);
  const { test } = await recipe.data(flags.data ?? config.data ?? undefined, own);
  print(
    terminal,
    `${recipe.name}, ${config.epochs} epochs, seed ${config.seed}; ${test.count.toLocaleString('en-US')} test ${isImages(test) ? 'images' : 'examples'}`,
  );
  await reportRecipe(recipe, own, model, test, terminal);
}
