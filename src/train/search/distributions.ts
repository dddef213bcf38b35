import { foldIn, type HostKey, keyOf } from '../../core/threefry.ts';
import { Draws } from '../../data/draws.ts';

/** The value of a hyperparameter. */
export type Setting = number | string | boolean | null;

/** What a hyperparameter is drawn from. Its own fields say which distribution it is, as plain JSON. */
export interface Distribution<Value extends Setting = Setting> {
  readonly kind: string;
  sample(draws: Draws): Value;
}

function checkRange(name: string, low: number, high: number, least = Number.NEGATIVE_INFINITY): void {
  if (!Number.isFinite(low) || !Number.isFinite(high) || low > high || low < least)
    throw new RangeError(
      `distributions.${name}: needs ${least > Number.NEGATIVE_INFINITY ? `${least} <= ` : ''}low <= high, got ${low} and ${high}`,
    );
}

/** Numbers between two, each equally likely: for dropout rates, momentum. */
export function uniform(low: number, high: number): Distribution<number> {
  checkRange('uniform', low, high);
  return { kind: 'uniform', ...{ low, high }, sample: (draws) => draws.between(low, high) };
}

/** Numbers between two whose logarithm is uniform: as many from 1e-4 to 1e-3 as from 1e-3 to 1e-2. For learning rates, penalties. */
export function logUniform(low: number, high: number): Distribution<number> {
  checkRange('logUniform', low, high);
  if (!(low > 0)) throw new RangeError(`distributions.logUniform: low must be above 0, got ${low}`);
  const [a, b] = [Math.log(low), Math.log(high)];
  return {
    kind: 'logUniform',
    ...{ low, high },
    sample: (draws) => Math.min(high, Math.max(low, Math.exp(draws.between(a, b)))),
  };
}

/**
 * Integers from `low` to `high`, both included, each equally likely; with `log`, small ones are as likely as large ones by their
 * logarithm: for numbers of layers, of units.
 */
export function int(low: number, high: number, { log = false } = {}): Distribution<number> {
  checkRange('int', low, high, log ? 1 : undefined);
  if (!Number.isSafeInteger(low) || !Number.isSafeInteger(high))
    throw new RangeError(`distributions.int: needs integers, got ${low} and ${high}`);
  const [a, b] = [Math.log(low), Math.log(high + 1)];
  return {
    kind: 'int',
    ...{ low, high, log },
    sample: (draws) =>
      log
        ? Math.min(high, Math.floor(Math.exp(draws.between(a, b)) + 1e-12))
        : low + draws.below(high - low + 1),
  };
}

/** One of these values, each equally likely. */
export function choice<const Value extends Setting>(values: readonly Value[]): Distribution<Value> {
  if (values.length === 0) throw new RangeError('distributions.choice: there are no values to choose from');
  return {
    kind: 'choice',
    ...{ values: [...values] },
    sample: (draws) => values[draws.below(values.length)],
  };
}

/** For each hyperparameter a distribution, a list of values (each equally likely), or the one value that it has. */
export type Space = Readonly<Record<string, Distribution | readonly Setting[] | Setting>>;

type Widened<Value> = Value extends number ? number : Value extends boolean ? boolean : Value;

type ValueOf<Entry> =
  Entry extends Distribution<infer Value>
    ? Value
    : Entry extends readonly (infer Value)[]
      ? Value
      : Widened<Entry>;

/** What a trial gets of a {@link Space}. */
export type SettingsOf<S extends Space> = { readonly [Name in keyof S]: ValueOf<S[Name]> };

const isDistribution = (entry: Space[string]): entry is Distribution =>
  typeof entry === 'object' && entry !== null && 'sample' in entry;

/** @throws TypeError for what is no space */
export function checkSpace(name: string, space: Space, { isGrid = false } = {}): void {
  if (typeof space !== 'object' || space === null || Object.keys(space).length === 0)
    throw new TypeError(`${name}: space must say what is to be searched, such as { lr: [0.1, 0.01] }`);
  for (const [key, entry] of Object.entries(space)) {
    if (isDistribution(entry) && isGrid)
      throw new TypeError(
        `${name}: space.${key} is a distribution, of which a grid would have infinitely many values; give a list, or use randomSearch`,
      );
    const values = isDistribution(entry) ? [] : Array.isArray(entry) ? entry : [entry];
    const wrong = values.find((v) => v !== null && !['number', 'string', 'boolean'].includes(typeof v));
    if (wrong !== undefined || (Array.isArray(entry) && entry.length === 0))
      throw new TypeError(
        `${name}: space.${key} must be a distribution, a value, or a list of values (numbers, strings, booleans, null), got ${JSON.stringify(entry)}`,
      );
  }
}

/** Every combination of the listed values; the last name varies fastest. */
export function gridOf(space: Space): Record<string, Setting>[] {
  let grid: Record<string, Setting>[] = [{}];
  for (const [name, entry] of Object.entries(space)) {
    const values = (Array.isArray(entry) ? entry : [entry]) as Setting[];
    grid = grid.flatMap((settings) => values.map((value) => ({ ...settings, [name]: value })));
  }
  return grid;
}

/** Settings number `number` of a space: a function of the seed and the number alone. */
export function sampleSpace(space: Space, seed: number, number: number): Record<string, Setting> {
  const key = trialKey(seed, number);
  return Object.fromEntries(
    Object.entries(space).map(([name, entry], i) => {
      if (isDistribution(entry)) return [name, entry.sample(new Draws(key, i))];
      return [name, Array.isArray(entry) ? entry[new Draws(key, i).below(entry.length)] : (entry as Setting)];
    }),
  );
}

/** The seed of trial `number`: below 2^31, another one for each. */
export const trialSeed = (seed: number, number: number): number => foldIn(trialKey(seed, number), 1)[0] >>> 1;

const trialKey = (seed: number, number: number): HostKey => foldIn(keyOf(seed), number);
