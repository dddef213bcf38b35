import { resolve } from 'node:path';
import { isDemonstration } from '../recipes/index.ts';
import { Interrupted } from '../train/errors.ts';
import { hyperband, successiveHalving } from '../train/search/halving.ts';
import { formatTrials } from '../train/search/results.ts';
import type { SearchResult } from '../train/search/runner.ts';
import { type Grid, gridSearch, randomSearch } from '../train/search/search.ts';
import type { Trial } from '../train/search/trial.ts';
import { UsageError } from './errors.ts';
import { findRecipe, optionOf } from './run_folder.ts';
import { spaceOf } from './search_space.ts';
import { print, type Terminal } from './terminal.ts';

/** Ways to search. */
export const searchMethods = ['random', 'grid', 'halving', 'hyperband'] as const;

/** Options of `nabla search`. */
export interface SearchFlags {
  method?: (typeof searchMethods)[number];
  trials?: number;
  epochs?: number;
  jobs?: number;
  monitor?: string;
  seed?: number;
  timeout?: number;
  data?: string;
  out?: string;
}

/**
 * `nabla search <recipe> lr=1e-4..1e-1 batch-size=32,64`: trains the recipe with many settings, in processes of their own, and compares
 * them on examples held out of the training set. The test set is left alone. A search that was interrupted goes on when it is called again.
 *
 * @throws errors of usage, of the disk; an Error when no trial ended well
 */
export async function searchCommand(
  name: string,
  terms: readonly string[],
  flags: SearchFlags,
  terminal: Terminal,
): Promise<void> {
  const recipe = findRecipe(name);
  if (isDemonstration(recipe)) throw new UsageError(`search: ${name} has nothing to train`);
  const asked = spaceOf(recipe, terms);
  if (Object.keys(asked).length === 0)
    throw new UsageError(
      `search: say what to vary, such as nabla search ${name} lr=1e-4..1e-1 batch-size=32,64`,
    );
  const { method = 'random', trials = 10, seed = 0, jobs, timeout, monitor = 'validationLoss' } = flags;
  const presets = Object.entries(recipe.settings ?? {}).map(([key, { default: value }]) => [key, value]);
  const data = flags.data === undefined ? null : resolve(flags.data);
  const space = { recipe: recipe.name, data, ...Object.fromEntries(presets), ...asked };
  const epochs = flags.epochs ?? recipe.defaults(flags.data, Object.fromEntries(presets)).epochs;
  const folder = flags.out ?? `runs/search-${recipe.name}`;
  const varied = Object.keys(asked);
  const show = (trial: Trial): string =>
    varied.map((key) => `${optionOf(key).slice(2)} ${short(trial.settings[key])}`).join(', ');
  const options = {
    ...{ monitor, seed, folder, signal: terminal.signal },
    ...(jobs === undefined ? {} : { concurrency: jobs }),
    ...(timeout === undefined ? {} : { timeout }),
    onTrial: (trial: Trial): void => {
      const result =
        trial.status === 'done'
          ? `${monitor} ${short(trial.metrics[monitor])}`
          : `${trial.status}: ${trial.error}`;
      print(
        terminal,
        `trial ${trial.number} (${show(trial)}), ${trial.budget} epochs: ${result}, ${trial.seconds.toFixed(1)} s`,
      );
    },
  };
  print(
    terminal,
    `search by ${method} for ${recipe.name}, up to ${epochs} epochs a trial; the test set is left alone; ${folder}`,
  );
  const module = new URL(import.meta.url.replace(/search(\.[jt]s)$/, 'search_trial$1'));
  let found: SearchResult<Trial['settings']>;
  try {
    if (method === 'grid')
      found = await gridSearch(module, { ...options, space: space as Grid, budget: epochs });
    else if (method === 'halving')
      found = await successiveHalving(module, { ...options, space, maxBudget: epochs, trials });
    else if (method === 'hyperband')
      found = await hyperband(module, { ...options, space, maxBudget: epochs });
    else found = await randomSearch(module, { ...options, space, trials, budget: epochs });
  } catch (error) {
    if (error instanceof Interrupted)
      throw new Interrupted('interrupted; the same command goes on with the trials that are left');
    throw error;
  }
  print(terminal);
  print(terminal, formatTrials(found.trials, { settings: varied }));
  if (found.best === null) throw new Error(`search: no trial ended well; see ${folder}/search.csv`);
  const { settings } = found.best;
  const choice = varied.map((key) => `${optionOf(key)} ${settings[key]}`).join(' ');
  print(terminal);
  print(
    terminal,
    `the best: nabla train ${recipe.name} ${choice} --epochs ${found.best.budget}${flags.data === undefined ? '' : ` --data ${flags.data}`}`,
  );
}

const short = (value: unknown): string =>
  typeof value === 'number' && !Number.isInteger(value)
    ? String(Number(value.toPrecision(4)))
    : String(value);
