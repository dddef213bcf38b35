import { checkSpace, type SettingsOf, type Space, sampleSpace, trialSeed } from './distributions.ts';
import { sortTrials } from './results.ts';
import { checkSearchOptions, type SearchOptions, type SearchResult, TrialRunner } from './runner.ts';
import type { Trial, TrialFunction } from './trial.ts';

/** Options of {@link hyperband}. */
export interface HyperbandOptions<S extends Space> extends SearchOptions<SettingsOf<S>> {
  /** What each hyperparameter is drawn from. */
  readonly space: S;
  /** What the last trials may spend, such as epochs. */
  readonly maxBudget: number;
  /** What the first trials may spend, at least. Default 1. */
  readonly minBudget?: number;
  /** One of so many trials goes on, with so many times the budget. Default 3. */
  readonly reduction?: number;
}

/** Options of {@link successiveHalving}. */
export interface HalvingOptions<S extends Space> extends HyperbandOptions<S> {
  /** How many trials begin. Default: so many that one is left at the end. */
  readonly trials?: number;
}

/** A round of halving: so many trials with such a budget. */
interface Rung {
  readonly count: number;
  readonly budget: number;
}

/**
 * Begins many trials with a small budget, and gives more to the better ones only: of `n` trials with a budget `b` the best third goes on
 * with `3 b`, until the budget is `maxBudget` (Jamieson, Talwalkar: "Non-stochastic best arm identification and hyperparameter
 * optimization", 2015). A trial that goes on is called again with the larger `context.budget`; with checkpoints in `context.folder` it need
 * not begin anew. Budgets are `maxBudget / 3^k`, rounded. Otherwise as {@link gridSearch}. Trials that failed do not go on.
 *
 * @throws TypeError or RangeError for options that make no sense, Interrupted when the signal is aborted, WriteError
 */
export async function successiveHalving<const S extends Space>(
  trial: TrialFunction<SettingsOf<S>> | string | URL,
  options: HalvingOptions<S>,
): Promise<SearchResult<SettingsOf<S>>> {
  checkSearchOptions('successiveHalving', options, [...own, 'trials']);
  const { reduction, halvings } = checkBudgets('successiveHalving', options);
  const { trials = Math.ceil(reduction ** halvings - 1e-9) } = options;
  if (!Number.isInteger(trials) || trials < 1)
    throw new RangeError(`successiveHalving: trials must be an integer from 1 on, got ${trials}`);
  const brackets = [rungs(trials, halvings, options.maxBudget, reduction)];
  return runBrackets('successiveHalving', trial as TrialFunction | string | URL, brackets, options);
}

/**
 * Several {@link successiveHalving} with other compromises between many trials and large budgets, from the boldest to one that gives
 * everyone `maxBudget`, each of about the same cost: for when small budgets may mislead (Li, Jamieson, DeSalvo, Rostamizadeh, Talwalkar:
 * "Hyperband", 2018). With S + 1 brackets the one of s halvings begins `ceil((S + 1) reduction^s / (s + 1))` trials.
 *
 * @throws TypeError or RangeError for options that make no sense, Interrupted when the signal is aborted, WriteError
 */
export async function hyperband<const S extends Space>(
  trial: TrialFunction<SettingsOf<S>> | string | URL,
  options: HyperbandOptions<S>,
): Promise<SearchResult<SettingsOf<S>>> {
  checkSearchOptions('hyperband', options, own);
  const { reduction, halvings } = checkBudgets('hyperband', options);
  const brackets = Array.from({ length: halvings + 1 }, (_, i) => {
    const s = halvings - i;
    const count = Math.ceil(((halvings + 1) * reduction ** s) / (s + 1) - 1e-9);
    return rungs(count, s, options.maxBudget, reduction);
  });
  return runBrackets('hyperband', trial as TrialFunction | string | URL, brackets, options);
}

const own = ['space', 'maxBudget', 'minBudget', 'reduction'];

/** Checks, and gives how often the budget can grow by the factor. */
function checkBudgets(
  name: string,
  { space, maxBudget, minBudget = 1, reduction = 3 }: HyperbandOptions<Space>,
): { reduction: number; halvings: number } {
  checkSpace(name, space);
  if (!(minBudget >= 1 && maxBudget >= minBudget && maxBudget < Infinity))
    throw new RangeError(`${name}: needs 1 <= minBudget <= maxBudget, got ${minBudget} and ${maxBudget}`);
  if (!(reduction > 1 && reduction < Infinity))
    throw new RangeError(`${name}: reduction must be above 1, got ${reduction}`);
  return { reduction, halvings: Math.floor(Math.log(maxBudget / minBudget) / Math.log(reduction) + 1e-9) };
}

function rungs(trials: number, halvings: number, maxBudget: number, reduction: number): Rung[] {
  return Array.from({ length: halvings + 1 }, (_, i) => ({
    count: Math.max(1, Math.floor(trials / reduction ** i + 1e-9)),
    budget: Math.max(1, Math.round(maxBudget / reduction ** (halvings - i))),
  }));
}

async function runBrackets<S extends Space>(
  name: string,
  trial: TrialFunction | string | URL,
  brackets: readonly (readonly Rung[])[],
  options: HyperbandOptions<Space>,
): Promise<SearchResult<SettingsOf<S>>> {
  const { seed = 0, space } = options;
  const runner = new TrialRunner(name, trial, { search: name, space }, options as SearchOptions);
  await runner.restore();
  const all: Trial[] = [];
  let first = 0;
  for (const bracket of brackets) {
    let numbers = Array.from({ length: bracket[0].count }, (_, i) => first + i);
    first += numbers.length;
    for (const [i, { budget }] of bracket.entries()) {
      const jobs = numbers.map((number) => ({
        ...{ number, settings: sampleSpace(space, seed, number), seed: trialSeed(seed, number), budget },
      }));
      const ended = await runner.run(jobs);
      all.push(...ended);
      numbers = sortTrials(ended, runner.goal)
        .filter((t) => t.status === 'done')
        .slice(0, bracket[i + 1]?.count)
        .map((t) => t.number);
    }
  }
  const largest = all.reduce((most, t) => (t.status === 'done' ? Math.max(most, t.budget) : most), 0);
  return runner.result(all, (t) => t.budget === largest);
}
