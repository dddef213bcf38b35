/** A whole number that users can choose. */
export interface IntegerSetting {
  readonly kind: 'integer';
  readonly summary: string;
  readonly default: number;
  /** The smallest and the largest value, both possible. */
  readonly range: readonly [least: number, most: number];
}

/** A number that users can choose. */
export interface NumberSetting {
  readonly kind: 'number';
  readonly summary: string;
  readonly default: number;
  /** The smallest and the largest value, both possible. */
  readonly range: readonly [least: number, most: number];
}

/** One of several words. */
export interface ChoiceSetting<T extends string = string> {
  readonly kind: 'choice';
  readonly summary: string;
  readonly default: T;
  readonly choices: readonly T[];
}

/** What users can choose about a recipe, beyond what all have in common; `--<name>` on the command line. */
export type Setting = IntegerSetting | NumberSetting | ChoiceSetting;

/** Settings by name. */
export type Settings = Readonly<Record<string, Setting>>;

/** The values of settings: `Values<typeof settings>` gives each its type. */
export type Values<S extends Settings = Settings> = {
  readonly [name in keyof S]: S[name] extends ChoiceSetting<infer T> ? T : number;
};

/** Values of settings that are not known in particular. */
export type AnyValues = Readonly<Record<string, number | string>>;

/** Declares a whole number between two bounds, both possible. */
export const integer = (
  summary: string,
  preset: number,
  range: readonly [number, number],
): IntegerSetting => ({
  kind: 'integer',
  summary,
  default: preset,
  range,
});

/** Declares a number between two bounds, both possible. */
export const number = (summary: string, preset: number, range: readonly [number, number]): NumberSetting => ({
  kind: 'number',
  summary,
  default: preset,
  range,
});

/** Declares a choice; the first word is the default. */
export const choice = <const T extends string>(
  summary: string,
  choices: readonly [T, ...T[]],
): ChoiceSetting<T> => ({ kind: 'choice', summary, default: choices[0], choices });

/** What is wrong with a value, or null: `must be an integer from 1 to 100`. */
export function objection(setting: Setting, value: unknown): string | null {
  if (setting.kind === 'choice')
    return setting.choices.some((word) => word === value)
      ? null
      : `must be one of ${setting.choices.join(', ')}`;
  const [least, most] = setting.range;
  const isRight =
    typeof value === 'number' &&
    (setting.kind === 'integer' ? Number.isSafeInteger(value) : Number.isFinite(value)) &&
    value >= least &&
    value <= most;
  const what = setting.kind === 'integer' ? 'an integer' : 'a number';
  return isRight ? null : `must be ${what} from ${least} to ${most}`;
}

/** The value that a text means; whether it is a possible one, {@link objection} tells. */
export const readValue = (setting: Setting, text: string): number | string =>
  setting.kind === 'choice' ? text : text.trim() === '' ? Number.NaN : Number(text);

/**
 * All values of settings: those given, else the defaults.
 *
 * @param name whom a message speaks for
 * @throws RangeError when a value is not possible, or of no setting
 */
export function valuesOf<S extends Settings>(
  name: string,
  settings: S | undefined,
  given: Readonly<Record<string, unknown>> = {},
): Values<S> {
  const known: Settings = settings ?? {};
  for (const key of Object.keys(given))
    if (!(key in known))
      throw new RangeError(
        `${name}: there is no setting '${key}'; settings are ${Object.keys(known).join(', ') || 'none'}`,
      );
  const values = Object.entries(known).map(([key, setting]) => {
    const value = given[key] ?? setting.default;
    const problem = objection(setting, value);
    if (problem !== null) throw new RangeError(`${name}: ${key} ${problem}, got ${JSON.stringify(value)}`);
    return [key, value];
  });
  return Object.fromEntries(values) as Values<S>;
}
