import { existsSync } from 'node:fs';
import { load } from '../io/load.ts';
import { RunFolderError } from './errors.ts';
import { reportTest } from './report.ts';
import { findRecipe, readConfig, runFiles } from './run_folder.ts';
import { print, type Terminal } from './terminal.ts';

/**
 * `nabla eval <run folder>`: loads the run's model and prints its accuracy on the test set, the confusion matrix and its worst
 * mistakes.
 *
 * @throws RunFolderError if it is no run folder, or the run is not complete
 */
export async function evalCommand(
  folder: string,
  flags: { data?: string },
  terminal: Terminal,
): Promise<void> {
  if (!existsSync(folder)) throw new RunFolderError(`there is no folder ${folder}`);
  const config = await readConfig(folder);
  const recipe = findRecipe(config.recipe);
  const { model: path } = runFiles(folder);
  if (!existsSync(path))
    throw new RunFolderError(
      `the run ${folder} is not complete: it has no model yet; finish it with: nabla train ${config.recipe} --out ${folder} --resume`,
    );
  const model = recipe.model();
  await load(model, path);
  const { test } = await recipe.data(flags.data ?? config.data ?? undefined);
  print(
    terminal,
    `${recipe.name}, ${config.epochs} epochs, seed ${config.seed}; ${test.count.toLocaleString('en-US')} test images`,
  );
  await reportTest(model, test, terminal);
}
