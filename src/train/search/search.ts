import {
  checkSpace,
  gridOf,
  type Setting,
  type SettingsOf,
  type Space,
  sampleSpace,
  trialSeed,
} from './distributions.ts';
import { checkSearchOptions, type SearchOptions, type SearchResult, TrialRunner } from './runner.ts';
import type { TrialFunction } from './trial.ts';

/** Lists of values. */
export type Grid = Readonly<Record<string, readonly Setting[] | Setting>>;

/** Options of {@link gridSearch}. */
export interface GridSearchOptions<S extends Grid> extends SearchOptions<SettingsOf<S>> {
  /** The values of each hyperparameter. */
  readonly space: S;
  /** What each trial may spend, such as epochs: its `context.budget`. Default 1. */
  readonly budget?: number;
}

/**
 * Tries every combination of values.
 *
 * ```ts
 * const { best, table } = await gridSearch(new URL('./trial.js', import.meta.url), {
 *   space: { lr: [0.1, 0.01], dropout: [0, 0.5] }, folder: 'runs/grid', concurrency: 4,
 * });
 * ```
 *
 * The trial is a function of settings and {@link TrialContext} that trains, validates, and gives `{ validationLoss, ... }`: exported
 * as `trial` from a module whose URL is given, it runs in processes of its own, several at a time; given itself, in this one. A trial that
 * throws, is killed or diverges is reported, and does not end the search. With `folder`, a search that was interrupted or killed goes
 * on where it was. Trials are functions of settings and seed, so results do not depend on `concurrency`. Whoever reports something
 * named `test...` has failed: the test set is for the end, for the best trial alone.
 *
 * @throws TypeError or RangeError for options that make no sense, Interrupted when the signal is aborted, WriteError
 */
export async function gridSearch<const S extends Grid>(
  trial: TrialFunction<SettingsOf<S>> | string | URL,
  options: GridSearchOptions<S>,
): Promise<SearchResult<SettingsOf<S>>> {
  checkSearchOptions('gridSearch', options, ['space', 'budget']);
  checkSpace('gridSearch', options.space, { isGrid: true });
  const grid = gridOf(options.space);
  return runAll('gridSearch', trial as TrialFunction | string | URL, grid, options);
}

/** Options of {@link randomSearch}. */
export interface RandomSearchOptions<S extends Space> extends SearchOptions<SettingsOf<S>> {
  /** What each hyperparameter is drawn from. */
  readonly space: S;
  /** How many trials. Default 10. Another number later goes on with more. */
  readonly trials?: number;
  /** What each trial may spend, such as epochs: its `context.budget`. Default 1. */
  readonly budget?: number;
}

/**
 * Tries settings that are drawn at random, which finds good ones sooner than a grid where few hyperparameters matter (Bergstra, Bengio:
 * "Random search for hyper-parameter optimization", 2012). Trials and options are as in {@link gridSearch}.
 *
 * ```ts
 * await randomSearch(trial, { space: { lr: distributions.logUniform(1e-4, 1e-1), units: [16, 32] }, trials: 20 });
 * ```
 *
 * @throws TypeError or RangeError for options that make no sense, Interrupted when the signal is aborted, WriteError
 */
export async function randomSearch<const S extends Space>(
  trial: TrialFunction<SettingsOf<S>> | string | URL,
  options: RandomSearchOptions<S>,
): Promise<SearchResult<SettingsOf<S>>> {
  checkSearchOptions('randomSearch', options, ['space', 'trials', 'budget']);
  checkSpace('randomSearch', options.space);
  const { trials = 10, seed = 0 } = options;
  if (!Number.isInteger(trials) || trials < 1)
    throw new RangeError(`randomSearch: trials must be an integer from 1 on, got ${trials}`);
  const drawn = Array.from({ length: trials }, (_, number) => sampleSpace(options.space, seed, number));
  return runAll('randomSearch', trial as TrialFunction | string | URL, drawn, options);
}

async function runAll<S extends Space>(
  name: string,
  trial: TrialFunction | string | URL,
  list: readonly Readonly<Record<string, Setting>>[],
  options: GridSearchOptions<Grid> | RandomSearchOptions<Space>,
): Promise<SearchResult<SettingsOf<S>>> {
  const { seed = 0, budget = 1, space } = options;
  if (!(budget > 0)) throw new RangeError(`${name}: budget must be above 0, got ${budget}`);
  const runner = new TrialRunner(name, trial, { search: name, space }, options as SearchOptions);
  await runner.restore();
  const jobs = list.map((settings, number) => ({ number, settings, seed: trialSeed(seed, number), budget }));
  return runner.result(await runner.run(jobs), () => true);
}
