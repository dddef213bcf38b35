import { checkOptions } from '../../core/options.ts';
import { nodeModule } from '../../runtime/node_modules.ts';
import { type Direction, directionOf, type Logs } from '../callback.ts';
import { DivergenceError, Interrupted } from '../errors.ts';
import { runInProcess, TrialFailure } from './process.ts';
import { formatTrials, type Goal, type Plan, sortTrials, TrialFiles } from './results.ts';
import type { Job, Measured, Trial, TrialFunction } from './trial.ts';

/** How trials are run; of every search. */
export interface SearchOptions<Settings = Trial['settings']> {
  /** The number that is to be good. Default `validationLoss`. */
  readonly monitor?: string;
  /** Whether less or more of it is better. Default `auto`: less, where its name says loss or error. */
  readonly mode?: Direction;
  /** Of the settings that are drawn and of the trials' seeds. Default 0. */
  readonly seed?: number;
  /** Trials at the same time, each in a process of its own. Default: half the processors, of a function 1. */
  readonly concurrency?: number;
  /** The module's function. Default `trial`. */
  readonly name?: string;
  /** Seconds after which a process is ended, and its trial has failed. Default: never. */
  readonly timeout?: number;
  /** Where `search.json` and `search.csv` are kept, and each trial has a folder; a search that finds its trials there goes on with those that are left. */
  readonly folder?: string;
  /** Aborting it ends all processes, and the search with an Interrupted. */
  readonly signal?: AbortSignal;
  /** Called with each trial as it ends, those of an earlier session not included. */
  onTrial?(trial: Trial<Settings>): void;
}

/** Names of {@link SearchOptions}. */
export const searchOptions = [
  'monitor',
  'mode',
  'seed',
  'concurrency',
  'name',
  'timeout',
  'folder',
  'signal',
  'onTrial',
] as const;

/** What a search found. */
export interface SearchResult<Settings = Trial['settings']> {
  /** The best trial that ended well (of halving: among those of the largest budget); null if there is none. */
  readonly best: Trial<Settings> | null;
  /** All trials, the best first, those without a score last. */
  readonly trials: readonly Trial<Settings>[];
  /** {@link trials} as a table. */
  readonly table: string;
}

/** Runs trials, at most so many at a time, and remembers what came out. */
export class TrialRunner {
  readonly goal: Goal;
  readonly #name: string;
  readonly #trial: TrialFunction | string;
  readonly #options: SearchOptions;
  readonly #concurrency: number;
  /** Of each process, so that all together have as many as there are processors. */
  readonly #threads: number;
  readonly #files: TrialFiles | null;
  readonly #ended = new Map<string, Trial>();

  /**
   * @param name whom messages speak for
   * @param plan what makes this search another one than others
   * @throws errors for options that make no sense
   */
  constructor(name: string, trial: TrialFunction | string | URL, plan: Plan, options: SearchOptions) {
    const { monitor = 'validationLoss', mode = 'auto', timeout, folder, seed = 0 } = options;
    if (/^test/i.test(monitor))
      throw new Error(
        `${name}: a search by '${monitor}' would leave no examples to test the choice with; monitor what is measured on the validation set`,
      );
    const isFunction = typeof trial === 'function';
    if (!isFunction && typeof trial !== 'string' && !(trial instanceof URL))
      throw new TypeError(`${name}: the trial must be a function, or the URL of a module that exports one`);
    const { concurrency = isFunction ? 1 : usualConcurrency() } = options;
    if (!Number.isInteger(concurrency) || concurrency < 1)
      throw new RangeError(`${name}: concurrency must be an integer from 1 on, got ${concurrency}`);
    if (isFunction && (concurrency > 1 || timeout !== undefined))
      throw new Error(
        `${name}: a function cannot be run in other processes; for concurrency and timeout export it from a module, and give new URL('./that-module.js', import.meta.url)`,
      );
    if (timeout !== undefined && !(timeout > 0))
      throw new RangeError(`${name}: timeout must be a number of seconds above 0, got ${timeout}`);
    this.goal = { monitor, mode: directionOf(monitor, mode) };
    this.#name = name;
    this.#trial = isFunction ? trial : String(trial);
    this.#options = options;
    this.#concurrency = concurrency;
    this.#threads = isFunction ? 1 : Math.min(8, Math.max(1, Math.floor(processors() / concurrency)));
    this.#files = folder === undefined ? null : new TrialFiles(folder, { ...plan, seed }, this.goal);
  }

  /** Puts back what an earlier session in the folder had. */
  async restore(): Promise<void> {
    for (const trial of (await this.#files?.read()) ?? []) this.#ended.set(keyOf(trial), trial);
  }

  /**
   * Runs those jobs that have not been run; gives all their trials, in the order of the jobs.
   *
   * @throws Interrupted when the signal is aborted; then no process is left
   */
  async run(jobs: readonly Job[]): Promise<Trial[]> {
    const waiting = jobs.filter((job) => !this.#ended.has(keyOf(job)));
    const { signal } = this.#options;
    const stop = new AbortController();
    const onAbort = (): void => stop.abort();
    signal?.addEventListener('abort', onAbort);
    if (signal?.aborted) stop.abort();
    const problems: unknown[] = [];
    const work = async (): Promise<void> => {
      for (;;) {
        const job = stop.signal.aborted ? undefined : waiting.shift();
        if (job === undefined) return;
        try {
          const trial = await this.#runOne(job, stop.signal);
          // What was ended from here has not ended by itself: it will be run again.
          if (stop.signal.aborted && trial.status !== 'done') return;
          this.#ended.set(keyOf(job), trial);
          await this.#files?.write([...this.#ended.values()]);
          this.#options.onTrial?.(trial);
        } catch (problem) {
          // Not the trial's: the disk is full, or the caller's function threw.
          problems.push(problem);
          stop.abort();
        }
      }
    };
    await Promise.all(Array.from({ length: Math.min(this.#concurrency, waiting.length) }, work));
    signal?.removeEventListener('abort', onAbort);
    if (problems.length > 0) throw problems[0];
    if (stop.signal.aborted) throw new Interrupted(`${this.#name}: interrupted`);
    return jobs.map((job) => this.#ended.get(keyOf(job)) as Trial);
  }

  async #runOne(job: Job, signal: AbortSignal): Promise<Trial> {
    const { name = 'trial', timeout = null } = this.#options;
    const start = performance.now();
    const end = (status: Trial['status'], metrics: Logs, error: string | null): Trial => ({
      ...{ number: job.number, settings: job.settings, seed: job.seed, budget: job.budget },
      ...{ status, metrics, error, seconds: (performance.now() - start) / 1000 },
    });
    try {
      const folder = await this.#folderOf(job);
      const measured =
        typeof this.#trial === 'string'
          ? await runInProcess(this.#trial, name, job, folder, signal, timeout, this.#threads)
          : await this.#trial(job.settings, {
              ...{ number: job.number, seed: job.seed, budget: job.budget },
              ...{ folder, signal },
            });
      const metrics = this.#check(measured);
      const score = metrics[this.goal.monitor];
      return Number.isFinite(score)
        ? end('done', metrics, null)
        : end('diverged', metrics, `${this.goal.monitor} is ${score}`);
    } catch (error) {
      const isDivergence =
        error instanceof DivergenceError || (error instanceof TrialFailure && error.isDivergence);
      const message = error instanceof Error ? error.message : String(error);
      return end(isDivergence ? 'diverged' : 'failed', {}, message);
    }
  }

  /** What a trial measured, by name. */
  #check(measured: Measured): Logs {
    const { monitor } = this.goal;
    if (typeof measured === 'number') return { [monitor]: measured };
    if (typeof measured !== 'object' || measured === null)
      throw new Error(
        `the trial must give a number, or numbers by name, such as { ${monitor}: 0.1 }; got ${measured}`,
      );
    const wrong = Object.entries(measured).find(([, value]) => typeof value !== 'number');
    if (wrong !== undefined)
      throw new Error(`the trial's ${wrong[0]} must be a number, got ${typeof wrong[1]}`);
    const seen = Object.keys(measured).find((key) => /^test/i.test(key));
    if (seen !== undefined)
      throw new Error(
        `the trial reports ${seen}: it must not look at the test set, which is to judge the choice; report what is measured on the validation set`,
      );
    if (!(monitor in measured))
      throw new Error(
        `the trial has no ${monitor}, but ${Object.keys(measured).join(', ')}; choose monitor among these`,
      );
    return measured;
  }

  async #folderOf(job: Job): Promise<string | null> {
    const { folder } = this.#options;
    if (folder === undefined) return null;
    const { mkdir } = nodeModule('node:fs/promises', 'search');
    const { join, resolve } = nodeModule('node:path', 'search');
    const own = join(resolve(folder), `trial-${String(job.number).padStart(4, '0')}`);
    await mkdir(own, { recursive: true });
    return own;
  }

  /** What was found among trials. */
  result<Settings>(trials: readonly Trial[], isCandidate: (trial: Trial) => boolean): SearchResult<Settings> {
    const sorted = sortTrials(trials, this.goal);
    const best = sorted.find((trial) => trial.status === 'done' && isCandidate(trial)) ?? null;
    return {
      best: best as Trial<Settings> | null,
      trials: sorted as unknown as Trial<Settings>[],
      table: formatTrials(sorted),
    };
  }
}

const keyOf = ({ number, budget }: Job): string => `${number} ${budget}`;

const processors = (): number => nodeModule('node:os', 'search').availableParallelism();

const usualConcurrency = (): number => Math.max(1, Math.floor(processors() / 2));

/** Options of a search that has others besides {@link SearchOptions}. */
export function checkSearchOptions(name: string, options: object, own: readonly string[]): void {
  if (typeof options !== 'object' || options === null) throw new TypeError(`${name}: options are missing`);
  checkOptions(name, options, [...searchOptions, ...own]);
}
