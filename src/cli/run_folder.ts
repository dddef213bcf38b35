import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { reasonOf, WriteError, writeFileAtomically } from '../io/atomic.ts';
import { readBytes } from '../io/load.ts';
import { makeFolder } from '../io/make_folder.ts';
import {
  type AnyValues,
  type Demonstration,
  isDemonstration,
  type Recipe,
  type RecipeSettings,
  recipes,
  type TrainingRecipe,
  valuesOf,
} from '../recipes/index.ts';
import { RunFolderError, UsageError } from './errors.ts';
import { version } from './version.ts';

/**
 * Where a run keeps its files. A new run never writes into the folder of another: without `--out` it takes the first free one of
 * runs/<recipe>, runs/<recipe>-2, runs/<recipe>-3, ...; with `--out` the folder must be new or empty.
 */

/** What a run is: written to its folder as config.json before the training starts. */
export interface RunConfig extends RecipeSettings {
  recipe: string;
  /** Folder of data, null for the recipe's own choice. */
  data: string | null;
  /** Values of the recipe's own settings, if it has some. */
  settings?: AnyValues;
  /** How often checkpoints are written, as the user said it. Absent: after each epoch. */
  checkpointEvery?: string;
}

/** What was shown: config.json of a demonstration. */
export interface ShownConfig {
  recipe: string;
  settings: AnyValues;
}

/** What the user has said about a run on the command line; `own` are the recipe's own settings. */
export type GivenSettings = Partial<RecipeSettings> & { data?: string; own?: AnyValues };

const names = {
  config: 'config.json',
  model: 'model.safetensors',
  checkpoints: 'checkpoints',
  metrics: 'metrics.csv',
  report: 'report.html',
  output: 'output.txt',
} as const;

/** The paths of a run's files. */
export const runFiles = (folder: string): { readonly [file in keyof typeof names]: string } => ({
  config: join(folder, names.config),
  model: join(folder, names.model),
  checkpoints: join(folder, names.checkpoints),
  metrics: join(folder, names.metrics),
  report: join(folder, names.report),
  output: join(folder, names.output),
});

/**
 * The recipe of a name.
 *
 * @throws UsageError that names all recipes
 */
export function findRecipe(name: string): Recipe {
  const recipe = recipes.find((candidate) => candidate.name === name);
  if (recipe === undefined)
    throw new UsageError(
      `there is no recipe '${name}'; recipes are ${recipes.map((r) => r.name).join(', ')}`,
    );
  return recipe;
}

/** The folder that the n-th run of a recipe takes by itself, from 1 on. */
const usualFolder = (recipe: string, n: number): string => join('runs', n === 1 ? recipe : `${recipe}-${n}`);

/** Entries that count: the hidden remains of a write that was killed do not. */
const contents = (folder: string): string[] => {
  try {
    return readdirSync(folder).filter((name) => !name.startsWith('.'));
  } catch (error) {
    throw new RunFolderError(`cannot use ${folder} as a run folder: ${reasonOf(error)}`);
  }
};

/**
 * The folder of a run to go on with, or null if there is none: `out` if given, else the newest of the recipe's folders.
 *
 * @throws RunFolderError if `out` has something else in it
 */
export function folderToResume(recipe: string, out: string | undefined): string | null {
  if (out === undefined) {
    let newest: string | null = null;
    for (let n = 1; ; n++) {
      const folder = usualFolder(recipe, n);
      if (!existsSync(folder)) return newest;
      if (existsSync(runFiles(folder).config)) newest = folder;
    }
  } else if (existsSync(out)) {
    if (existsSync(runFiles(out).config)) return out;
    if (contents(out).length > 0)
      throw new RunFolderError(
        `${out} holds other files, but no run: there is no ${names.config} to resume from`,
      );
  }
  return null;
}

/**
 * Makes the folder of a new run.
 *
 * @throws RunFolderError if `out` is taken, WriteError if it cannot be made
 */
export function newFolder(recipe: string, out: string | undefined): string {
  if (out !== undefined) {
    makeFolder(out);
    if (existsSync(runFiles(out).config))
      throw new RunFolderError(
        `${out} already holds a run; add --resume to go on with it, or choose another --out`,
      );
    if (contents(out).length > 0) throw new RunFolderError(`${out} is not empty; choose another --out`);
    return out;
  }
  makeFolder('runs');
  for (let n = 1; ; n++) {
    const folder = usualFolder(recipe, n);
    try {
      // Fails for a folder that exists, also if another process has made it this moment.
      mkdirSync(folder);
      return folder;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST')
        throw new WriteError(folder, reasonOf(error), error);
    }
  }
}

/** The configuration of a new run: what the user has given, and the recipe's defaults. */
export function newConfig(recipe: TrainingRecipe, given: GivenSettings): RunConfig {
  const own = valuesOf(recipe.name, recipe.settings, given.own);
  const defaults = recipe.defaults(given.data, own);
  return {
    recipe: recipe.name,
    data: given.data ?? null,
    epochs: given.epochs ?? defaults.epochs,
    batchSize: given.batchSize ?? defaults.batchSize,
    lr: given.lr ?? defaults.lr,
    seed: given.seed ?? defaults.seed,
    ...(recipe.settings === undefined ? {} : { settings: own }),
  };
}

/**
 * The configuration of a run to go on with: its own, with the number of epochs and the place of the data from the command line.
 *
 * @throws RunFolderError if something else is given that differs
 */
export function resumedConfig(
  folder: string,
  stored: RunConfig,
  recipe: string,
  given: GivenSettings,
): RunConfig {
  const conflict = (what: string, has: unknown, wanted: unknown) =>
    new RunFolderError(
      `${folder} is a run with ${what} ${has}, which cannot go on with ${what} ${wanted}; start a new one without --resume`,
    );
  if (stored.recipe !== recipe) throw conflict('recipe', stored.recipe, recipe);
  for (const [key, flag] of [
    ['batchSize', '--batch-size'],
    ['lr', '--lr'],
    ['seed', '--seed'],
  ] as const)
    if (given[key] !== undefined && given[key] !== stored[key]) throw conflict(flag, stored[key], given[key]);
  for (const [key, value] of Object.entries(given.own ?? {}))
    if (value !== stored.settings?.[key]) throw conflict(optionOf(key), stored.settings?.[key], value);
  if (given.data !== undefined && stored.data === null) throw conflict('--data', 'not given', given.data);
  return { ...stored, epochs: given.epochs ?? stored.epochs, data: given.data ?? stored.data };
}

/** How a setting is typed: `hiddenUnits` is `--hidden-units`. */
export const optionOf = (name: string): string =>
  `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;

/** Writes config.json. */
export const writeConfig = (folder: string, config: RunConfig | ShownConfig): Promise<void> =>
  writeFileAtomically(runFiles(folder).config, `${JSON.stringify({ ...config, nabla: version }, null, 2)}\n`);

/** A run folder's recipe, with what config.json says about it. */
export type StoredRun =
  | { readonly recipe: TrainingRecipe; readonly config: RunConfig }
  | { readonly recipe: Demonstration; readonly config: ShownConfig };

/**
 * Reads config.json.
 *
 * @throws RunFolderError if there is none or it is damaged
 * @throws UsageError if its recipe is none that there is
 */
export async function readRun(folder: string): Promise<StoredRun> {
  const { config: path } = runFiles(folder);
  if (!existsSync(path)) throw new RunFolderError(`${folder} is not a run folder: it has no ${names.config}`);
  let config: Partial<RunConfig>;
  try {
    config = JSON.parse(new TextDecoder().decode(await readBytes(path)));
  } catch (error) {
    throw new RunFolderError(`${path} cannot be read: ${(error as Error).message}`);
  }
  const wrong = (what: string) => new RunFolderError(`${path} is not the configuration of a run: ${what}`);
  if (typeof config.recipe !== 'string') throw wrong('it names no recipe');
  const recipe = findRecipe(config.recipe);
  let settings: AnyValues;
  try {
    settings = valuesOf(recipe.name, recipe.settings, config.settings);
  } catch (error) {
    throw wrong((error as Error).message);
  }
  const stored = { ...config, recipe: config.recipe, ...(recipe.settings === undefined ? {} : { settings }) };
  if (isDemonstration(recipe)) return { recipe, config: { ...stored, settings } };
  if (![config.epochs, config.batchSize, config.lr, config.seed].every((n) => typeof n === 'number'))
    throw wrong('recipe, epochs, batchSize, lr and seed must be there');
  return { recipe, config: stored as RunConfig };
}

/**
 * Reads config.json of a training.
 *
 * @throws RunFolderError if it is damaged, or a demonstration's
 */
export async function readConfig(folder: string): Promise<RunConfig> {
  const { recipe, config } = await readRun(folder);
  if (isDemonstration(recipe)) throw new RunFolderError(`${folder} is a demonstration: there is no training`);
  return config as RunConfig;
}
