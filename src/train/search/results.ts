import { reasonOf, removeTemporaries, WriteError, writeFileAtomically } from '../../io/atomic.ts';
import { nodeModule } from '../../runtime/node_modules.ts';
import type { Logs } from '../callback.ts';
import type { Trial } from './trial.ts';

/** Whether less or more of a quantity is better. */
export interface Goal {
  readonly monitor: string;
  readonly mode: 'min' | 'max';
}

/** The monitored number of a trial; NaN for one that has none. */
export const scoreOf = (trial: Trial, { monitor }: Goal): number =>
  trial.status === 'done' ? trial.metrics[monitor] : Number.NaN;

/** The best first; then those with the larger budget, the lower number; those without a score at the end. */
export function sortTrials<T extends Trial>(trials: readonly T[], goal: Goal): T[] {
  const sign = goal.mode === 'min' ? 1 : -1;
  const key = (trial: T): number => {
    const score = scoreOf(trial, goal);
    return Number.isNaN(score) ? Number.POSITIVE_INFINITY : sign * score;
  };
  return [...trials].sort((a, b) => {
    const [x, y] = [key(a), key(b)];
    return x === y ? b.budget - a.budget || a.number - b.number : x - y;
  });
}

const columnsOf = (trials: readonly Trial[]) => ({
  settings: [...new Set(trials.flatMap((trial) => Object.keys(trial.settings)))],
  metrics: [...new Set(trials.flatMap((trial) => Object.keys(trial.metrics)))],
});

/** Trials as CSV, a line for each, in their order. */
export function trialsToCsv(trials: readonly Trial[]): string {
  const { settings, metrics } = columnsOf(trials);
  const quoted = (cell: unknown): string => {
    const text = cell === undefined || cell === null ? '' : String(cell);
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  const rows = [
    ['trial', 'budget', 'status', ...settings, ...metrics, 'seed', 'seconds', 'error'],
    ...trials.map((t) => [
      ...[t.number, t.budget, t.status],
      ...settings.map((name) => t.settings[name]),
      ...metrics.map((name) => t.metrics[name]),
      ...[t.seed, t.seconds.toFixed(3), t.error],
    ]),
  ];
  return `${rows.map((row) => row.map(quoted).join()).join('\n')}\n`;
}

/**
 * A table of trials for people, in their order.
 *
 * @param options.settings those that are shown. Default all
 */
export function formatTrials(
  trials: readonly Trial[],
  options: { readonly settings?: readonly string[] } = {},
): string {
  const { settings: all, metrics } = columnsOf(trials);
  const { settings = all } = options;
  const text = (value: unknown): string =>
    typeof value === 'number' && !Number.isInteger(value)
      ? String(Number(value.toPrecision(4)))
      : String(value ?? '');
  const rows = [
    ['trial', ...settings, 'budget', ...metrics, 'seconds', ''],
    ...trials.map((t) => [
      String(t.number),
      ...settings.map((name) => text(t.settings[name])),
      text(t.budget),
      ...metrics.map((name) => text(t.metrics[name])),
      t.seconds.toFixed(1),
      t.status === 'done' ? '' : `${t.status}${t.error === null ? '' : `: ${t.error}`}`,
    ]),
  ];
  const last = rows[0].length - 1;
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  return rows
    .map((row) =>
      row
        .map((cell, i) => (i === last ? cell : cell.padStart(widths[i])))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** What a search was about: another one must not go on in its folder. */
export type Plan = Readonly<Record<string, unknown>>;

/** Trials that have ended, in a folder: `search.json` to go on with, `search.csv` to read. Both are always whole. */
export class TrialFiles {
  readonly #folder: string;
  readonly #plan: Plan;
  readonly #goal: Goal;
  #writing: Promise<void> = Promise.resolve();

  constructor(folder: string, plan: Plan, goal: Goal) {
    this.#folder = folder;
    this.#plan = plan;
    this.#goal = goal;
  }

  /** @throws Error when the folder has the trials of another search, or a file that is none */
  async read(): Promise<Trial[]> {
    const { mkdir, readFile } = nodeModule('node:fs/promises', 'search');
    const { join } = nodeModule('node:path', 'search');
    const path = join(this.#folder, 'search.json');
    try {
      await mkdir(this.#folder, { recursive: true });
      await removeTemporaries(this.#folder, (name) => name.startsWith('search.'));
    } catch (error) {
      throw new WriteError(this.#folder, reasonOf(error), error);
    }
    let text: string;
    try {
      text = await readFile(path, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
      throw new Error(`search: cannot read ${path}: ${reasonOf(error)}`, { cause: error });
    }
    let found: { readonly plan: Plan; readonly trials: readonly Trial[] };
    try {
      found = JSON.parse(text);
      if (typeof found.plan !== 'object' || !Array.isArray(found.trials)) throw new Error('it has no trials');
    } catch (error) {
      throw new Error(
        `search: ${path} is no file of a search (${(error as Error).message}); choose another folder`,
      );
    }
    for (const key of Object.keys(this.#plan)) {
      const [now, before] = [this.#plan, found.plan].map((plan) => JSON.stringify(plan[key]));
      if (now !== before)
        throw new Error(
          `search: ${this.#folder} has the trials of another search: its ${key} is ${before}, now it is ${now}; choose another folder`,
        );
    }
    // Numbers that JSON does not have are words there.
    return found.trials.map((trial) => ({ ...trial, metrics: numbersOf(trial.metrics) }));
  }

  /** Writes all trials; calls may overlap. */
  write(trials: readonly Trial[]): Promise<void> {
    const { join } = nodeModule('node:path', 'search');
    const json = JSON.stringify(
      { plan: this.#plan, trials },
      (_, value) => (typeof value === 'number' && !Number.isFinite(value) ? String(value) : value),
      1,
    );
    const csv = trialsToCsv(sortTrials(trials, this.#goal));
    const writing = this.#writing.then(async () => {
      await writeFileAtomically(join(this.#folder, 'search.json'), `${json}\n`);
      await writeFileAtomically(join(this.#folder, 'search.csv'), csv);
    });
    this.#writing = writing.catch(() => {});
    return writing;
  }
}

const numbersOf = (metrics: Logs): Logs =>
  Object.fromEntries(Object.entries(metrics).map(([name, value]) => [name, Number(value)]));
