import { checkOptions } from '../core/options.ts';
import { type Tensor, tensor } from '../core/tensor.ts';
import { currentTracer } from '../core/trace.ts';
import type { VariableSource } from '../core/transforms.ts';
import { Variable } from '../core/variable.ts';
import type { DType } from '../graph/dtype.ts';

/** A rate that depends on the number of updates so far: 0 before the first. See `schedules`. */
export type RateFunction = (step: Tensor) => Tensor;

/** Options that every optimizer has. */
export interface CommonOptions {
  /** Learning rate: a number, or a schedule such as `schedules.cosine(0.1, 1000)`, which the optimizer itself then follows. */
  lr?: number | RateFunction;
  /** Goes along the gradients instead of against them. Default false. */
  maximize?: boolean;
}

/** Parameters with options of their own; what is not given is as for the other groups. */
export type GroupOptions<O> = { readonly params: VariableSource } & O;

/** What an optimizer moves: a module, a variable, variables in a list or object, or a list of groups of such. */
export type ParameterSource<O> = VariableSource | readonly GroupOptions<O>[];

/** Parameters that are updated with the same settings. */
export class ParameterGroup<S extends Required<CommonOptions>> {
  /** The parameters and their names. */
  readonly names: ReadonlyMap<Variable, string>;
  /** All options of the group. */
  readonly settings: S;
  readonly #owner: string;
  readonly #rate: Variable | null;
  #lr: number;

  /** @throws if lr is not a positive number, 0 or a function */
  constructor(owner: string, names: ReadonlyMap<Variable, string>, settings: S) {
    const { lr } = settings;
    this.names = names;
    this.settings = settings;
    this.#owner = owner;
    if (typeof lr === 'function') {
      this.#lr = Number.NaN;
      this.#rate = null;
      return;
    }
    requireNumber(owner, 'lr', lr, 0, Number.MAX_VALUE);
    const widest: DType = [...names.keys()].some((v) => v.dtype === 'float64') ? 'float64' : 'float32';
    this.#lr = lr;
    this.#rate = new Variable(tensor(lr, { dtype: widest }), { name: 'lr', trainable: false });
  }

  /** Whether the rate follows a schedule, and cannot be set. */
  get isScheduled(): boolean {
    return this.#rate === null;
  }

  /** Learning rate of this group, NaN where it follows a schedule. Setting it affects jitted steps without compiling them again. */
  get lr(): number {
    return this.#lr;
  }
  set lr(value: number) {
    const rate = this.#rate;
    if (rate === null)
      throw new Error(
        `${this.#owner}: lr follows a schedule, so it cannot be set; make the optimizer with a number`,
      );
    requireNumber(this.#owner, 'lr', value, 0, Number.MAX_VALUE);
    if (currentTracer() !== null)
      throw new Error(
        `${this.#owner}: set lr outside of the jitted function; inside it would happen once, while recording`,
      );
    this.#lr = value;
    rate.assign(tensor(value, { dtype: rate.dtype }));
  }

  /** The rate as an array, after `updates` updates. */
  rateAt(updates: Variable): Tensor {
    const { lr } = this.settings;
    if (typeof lr !== 'function') return (this.#rate as Variable).value;
    const wide = [...this.names.keys()].some((v) => v.dtype === 'float64');
    const rate = lr(updates.value.cast(wide ? 'float64' : 'float32'));
    if (rate?.shape?.length !== 0)
      throw new Error(`${this.#owner}: the schedule lr must return a scalar array`);
    return rate;
  }
}

/**
 * The groups that a source describes, each with all options: its own, else the common ones, else the defaults.
 *
 * @throws if there is nothing to optimize, something is listed twice or is no float, or an option is unknown
 */
export function groupsOf<S extends Required<CommonOptions>>(
  owner: string,
  source: ParameterSource<Partial<S>>,
  defaults: S,
  options: Partial<S>,
): ParameterGroup<S>[] {
  const keys = Object.keys(defaults);
  checkOptions(owner, options, keys);
  const common = { ...defaults, ...given(options) };
  const listed = isGroups(source)
    ? source.map((group, i) => {
        const { params, ...own } = group;
        checkOptions(`${owner}: group ${i}`, own, keys);
        const named = namedVariables(params).map(([name, v]) => [`${i}.${name}`, v] as const);
        return { named, settings: { ...common, ...given(own as object) } };
      })
    : [{ named: namedVariables(source as VariableSource), settings: common }];
  if (listed.every(({ named }) => named.length === 0))
    throw new Error(`${owner}: there are no variables to optimize`);
  const seen = new Set<Variable>();
  return listed.map(({ named, settings }, i) => {
    for (const [key, variable] of named) {
      if (!variable.dtype.startsWith('float'))
        throw new Error(`${owner}: '${key}' is ${variable.dtype}; only float variables can be optimized`);
      if (seen.has(variable)) throw new Error(`${owner}: '${key}' of group ${i} is in another group, too`);
    }
    const names = new Map(named.map(([name, variable]) => [variable, name]));
    for (const variable of names.keys()) seen.add(variable);
    return new ParameterGroup(owner, names, settings);
  });
}

/** Options that are not undefined. */
const given = <T extends object>(options: T): Partial<T> =>
  Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Partial<T>;

const isGroups = <O>(source: ParameterSource<O>): source is readonly GroupOptions<O>[] =>
  Array.isArray(source) && source.some((part) => !(part instanceof Variable));

/** Modules name their parameters; other sources go by key or number. */
export function namedVariables(source: VariableSource): [string, Variable][] {
  if (source instanceof Variable) return [['0', source]];
  if (Array.isArray(source)) return numbered(source);
  if (typeof source !== 'object' || source === null)
    throw new TypeError(
      `optim: parameters must be a module or variables, got ${source === null ? 'null' : typeof source}`,
    );
  if (isNaming(source)) return source.namedParameters();
  if ('parameters' in source && typeof source.parameters === 'function') return numbered(source.parameters());
  return Object.entries(source as Record<string, Variable>);
}

const numbered = (variables: readonly Variable[]): [string, Variable][] =>
  variables.map((variable, i) => [String(i), variable]);

const isNaming = (source: object): source is { namedParameters(): [string, Variable][] } =>
  'namedParameters' in source && typeof source.namedParameters === 'function';

/** Checks an option of an optimizer to be a number from `low` to `high`. */
export function requireNumber(name: string, what: string, value: number, low: number, high: number): void {
  if (typeof value !== 'number' || !(value >= low && value <= high))
    throw new Error(
      `${name}: ${what} must be a number ${high === Number.MAX_VALUE ? `from ${low} on` : `from ${low} to ${high}`}, got ${value}`,
    );
}

/** Checks the decay rates of two averages. */
export function requireBetas(name: string, betas: readonly [number, number]): void {
  if (!Array.isArray(betas) || betas.length !== 2 || !betas.every((b) => b >= 0 && b < 1))
    throw new Error(`${name}: betas must be two numbers from 0 to below 1, got ${JSON.stringify(betas)}`);
}
