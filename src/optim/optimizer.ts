import { full } from '../core/create.ts';
import { type Tensor, tensor } from '../core/tensor.ts';
import { currentTracer, guarded, isTracing } from '../core/trace.ts';
import type { Gradients, VariableSource } from '../core/transforms.ts';
import { settle, Variable } from '../core/variable.ts';
import type { DType } from '../graph/dtype.ts';

/** State of one parameter by name, such as its momentum; shapes and dtypes are the parameter's. */
export type Slots = Record<string, Variable>;

/** What an update rule knows besides the parameter: scalars of the parameter's dtype. */
export interface UpdateScalars {
  /** Learning rate. */
  readonly lr: Tensor;
  /** Number of this update: 1 for the first. */
  readonly step: Tensor;
}

/** Parameters that have received their state at the same time count their updates together. */
interface Entry {
  readonly name: string;
  readonly slots: Slots;
  readonly steps: Variable;
}

const slotVariable = (name: string, value: Tensor): Variable =>
  new Variable(value, { name, trainable: false });

/**
 * Moves parameters against their gradients. A subclass says which state a parameter has and how one update changes both; the
 * state lives in variables, so that `jit` carries it:
 *
 * ```ts
 * const step = jit((x: Tensor, y: Tensor) => {
 *   const [loss, grads] = valueAndGrad(() => nn.crossEntropy(model.forward(x), y), model);
 *   optimizer.update(grads);
 *   return loss;
 * });
 * ```
 */
export abstract class Optimizer {
  readonly #names = new Map<Variable, string>();
  readonly #entries = new Map<Variable, Entry>();
  readonly #slotNames: readonly string[];
  readonly #lr: Variable;
  #lrNumber: number;
  /** Changes whenever other variables take over a part of the state: what is compiled for the old ones is then void. */
  #layout = 0;

  /**
   * @param source a module (frozen parameters are updated once they are unfrozen), a variable, or a list or object of variables
   * @param lr learning rate
   * @param slotNames of the state that each parameter has; it starts as zeros
   * @throws if there is nothing to optimize, or lr is not a positive number or 0
   */
  constructor(source: VariableSource, lr: number, slotNames: readonly string[]) {
    const name = this.constructor.name;
    const named = namedVariables(source);
    if (named.length === 0) throw new Error(`${name}: there are no variables to optimize`);
    for (const [key, variable] of named) {
      if (!variable.dtype.startsWith('float'))
        throw new Error(`${name}: '${key}' is ${variable.dtype}; only float variables can be optimized`);
      this.#names.set(variable, key);
    }
    requireRate(name, lr);
    this.#slotNames = slotNames;
    const widest: DType = named.some(([, v]) => v.dtype === 'float64') ? 'float64' : 'float32';
    this.#lrNumber = lr;
    this.#lr = slotVariable('lr', tensor(lr, { dtype: widest }));
    this.#enter(named.flatMap(([, variable]) => (variable.trainable ? [variable] : [])));
  }

  /** Learning rate. Setting it affects jitted steps, too, without compiling them again. */
  get lr(): number {
    return this.#lrNumber;
  }
  set lr(value: number) {
    const name = this.constructor.name;
    requireRate(name, value);
    if (currentTracer() !== null)
      throw new Error(
        `${name}: set lr outside of the jitted function; inside it would happen once, while recording`,
      );
    this.#lrNumber = value;
    this.#lr.assign(tensor(value, { dtype: this.#lr.dtype }));
  }

  /**
   * Updates the parameters that `grads` has gradients for, as `valueAndGrad(f, model)` gives them. The others stay.
   *
   * @throws if a gradient is for a variable that this optimizer was not given
   */
  update(grads: Gradients): void {
    const name = this.constructor.name;
    for (const variable of grads.keys())
      if (!this.#names.has(variable))
        throw new Error(
          `${name}.update: there is a gradient for '${variable.name}' [${variable.shape.join(', ')}], which this optimizer was not given`,
        );
    this.#enter([...grads.keys()].filter((variable) => !this.#entries.has(variable)));
    guarded(() => this.#layout);
    const entries = [...grads].map(([variable, gradient]) => ({
      variable,
      gradient,
      ...(this.#entries.get(variable) as Entry),
    }));
    for (const steps of new Set(entries.map((entry) => entry.steps))) steps.assign(steps.value.add(1));
    for (const { variable, gradient, slots, steps } of entries) {
      const scalars = { lr: this.#lr.value.cast(variable.dtype), step: steps.value.cast(variable.dtype) };
      variable.assign(this.step(variable.value, gradient, slots, scalars));
    }
    // Otherwise each update would make the graph of the next one longer.
    if (!isTracing())
      settle(entries.flatMap(({ variable, slots, steps }) => [variable, steps, ...Object.values(slots)]));
  }

  /** The parameter after an update; assigns the slots' new contents. */
  protected abstract step(parameter: Tensor, gradient: Tensor, slots: Slots, scalars: UpdateScalars): Tensor;

  /**
   * Everything that later updates depend on, by name: `lr`, and of each parameter the number of its updates and its state, such
   * as `conv1.weight.firstMoment`.
   */
  stateDict(): Record<string, Tensor> {
    const cells = [...this.#entries.values()].flatMap(({ name, slots, steps }) => [
      [`${name}.step`, steps] as const,
      ...Object.entries(slots).map(([slot, variable]) => [`${name}.${slot}`, variable] as const),
    ]);
    settle(cells.map(([, variable]) => variable));
    const lr = tensor(this.#lrNumber, { dtype: 'float64' });
    return { lr, ...Object.fromEntries(cells.map(([name, variable]) => [name, variable.value])) };
  }

  /**
   * Restores what `stateDict` gave. All or nothing: on an error nothing has changed.
   *
   * @throws if names or shapes are not those of this optimizer
   */
  loadStateDict(state: Record<string, Tensor>): void {
    const slotNames = this.#slotNames;
    const expected = new Map<string, Variable>();
    for (const [variable, name] of this.#names)
      for (const slot of ['step', ...slotNames]) expected.set(`${name}.${slot}`, variable);
    const problems: string[] = [];
    if (state.lr === undefined) problems.push('missing: lr');
    const held = [...this.#names].filter(([, name]) =>
      ['step', ...slotNames].some((slot) => `${name}.${slot}` in state),
    );
    const required = [...this.#names].filter(
      (entry) => this.#entries.has(entry[0]) || held.some(([variable]) => variable === entry[0]),
    );
    for (const [variable, name] of required)
      for (const slot of ['step', ...slotNames]) {
        const key = `${name}.${slot}`;
        const shape = slot === 'step' ? [] : variable.shape;
        if (state[key] === undefined) problems.push(`missing: ${key}`);
        else if (String(state[key].shape) !== String(shape))
          problems.push(`${key} has shape [${state[key].shape.join(', ')}], needed is [${shape.join(', ')}]`);
      }
    for (const key of Object.keys(state))
      if (key !== 'lr' && !expected.has(key)) problems.push(`unexpected: ${key}`);
    if (problems.length > 0)
      throw new Error(
        `loadStateDict: does not fit this ${this.constructor.name}: ${problems.slice(0, 8).join('; ')}`,
      );
    this.lr = state.lr.item();
    this.#enter(required.flatMap(([variable]) => (this.#entries.has(variable) ? [] : [variable])));
    for (const [variable, name] of required) {
      const { slots } = this.#entries.get(variable) as Entry;
      for (const slot of slotNames) slots[slot].assign(state[`${name}.${slot}`].cast(variable.dtype));
    }
    this.#setCounts(new Map(required.map(([variable, name]) => [variable, state[`${name}.step`].item()])));
  }

  /** Sets the numbers of updates; parameters that shared a counter part where their numbers differ. */
  #setCounts(counts: ReadonlyMap<Variable, number>): void {
    const assigned = new Map<Variable, Map<number, Variable>>();
    for (const [variable, count] of counts) {
      const entry = this.#entries.get(variable) as Entry;
      const value = tensor(count, { dtype: 'int32' });
      const byCount = assigned.get(entry.steps) ?? new Map<number, Variable>();
      assigned.set(entry.steps, byCount);
      if (byCount.size === 0) {
        entry.steps.assign(value);
        byCount.set(count, entry.steps);
      } else if (!byCount.has(count)) byCount.set(count, slotVariable('step', value));
      const steps = byCount.get(count) as Variable;
      if (steps === entry.steps) continue;
      this.#entries.set(variable, { ...entry, steps });
      this.#layout++;
    }
  }

  #enter(variables: readonly Variable[]): void {
    if (variables.length === 0) return;
    const steps = slotVariable('step', full([], 0, { dtype: 'int32' }));
    for (const variable of variables) {
      const name = this.#names.get(variable) as string;
      const slots = this.#slotNames.map((slot): [string, Variable] => [
        slot,
        slotVariable(`${name}.${slot}`, full(variable.shape, 0, { dtype: variable.dtype })),
      ]);
      this.#entries.set(variable, { name, slots: Object.fromEntries(slots), steps });
    }
  }
}

function requireRate(name: string, lr: number): void {
  requireNumber(name, 'lr', lr, 0, Number.MAX_VALUE);
}

/** Checks an option of an optimizer to be a number from `low` to `high`. */
export function requireNumber(name: string, what: string, value: number, low: number, high: number): void {
  if (typeof value !== 'number' || !(value >= low && value <= high))
    throw new Error(
      `${name}: ${what} must be a number ${high === Number.MAX_VALUE ? `from ${low} on` : `from ${low} to ${high}`}, got ${value}`,
    );
}

/** Modules name their parameters; other sources go by key or number. */
function namedVariables(source: VariableSource): [string, Variable][] {
  if (source instanceof Variable) return [['0', source]];
  if (Array.isArray(source)) return numbered(source);
  if (isNaming(source)) return source.namedParameters();
  if ('parameters' in source && typeof source.parameters === 'function') return numbered(source.parameters());
  return Object.entries(source as Record<string, Variable>);
}

const numbered = (variables: readonly Variable[]): [string, Variable][] =>
  variables.map((variable, i) => [String(i), variable]);

const isNaming = (source: object): source is { namedParameters(): [string, Variable][] } =>
  'namedParameters' in source && typeof source.namedParameters === 'function';
