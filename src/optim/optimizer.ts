import { full } from '../core/create.ts';
import { type Tensor, tensor } from '../core/tensor.ts';
import { guarded, isTracing } from '../core/trace.ts';
import type { Gradients } from '../core/transforms.ts';
import { settle, Variable } from '../core/variable.ts';
import {
  type CommonOptions,
  groupsOf,
  type ParameterGroup,
  type ParameterSource,
  requireNumber,
} from './group.ts';

/** State of one parameter by name, such as its momentum; dtypes are the parameter's. */
export type Slots = Record<string, Variable>;

/** How a part of a parameter's state begins: filled with `start` (default 0), in the parameter's shape or as a scalar. */
export interface SlotKind {
  readonly start?: number;
  readonly scalar?: boolean;
}

/** What an update rule knows besides the parameter: scalars of the parameter's dtype. */
export interface UpdateScalars {
  /** Learning rate. */
  readonly lr: Tensor;
  /** Number of this update: 1 for the first. */
  readonly step: Tensor;
}

/** Parameters that have received their state at the same time count their updates together. */
interface Entry<S extends Required<CommonOptions>> {
  readonly name: string;
  readonly group: ParameterGroup<S>;
  readonly slots: Slots;
  readonly steps: Variable;
}

const stateVariable = (name: string, value: Tensor): Variable =>
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
 *
 * Groups have options of their own: `new optim.SGD([{ params: model.body }, { params: model.head, lr: 0.1 }], { lr: 0.01 })`.
 *
 * A subclass's `slotsOf`, `check` and `step` get the settings of the parameter's group; the first two are called by the
 * constructor, before fields of the subclass exist.
 */
export abstract class Optimizer<S extends Required<CommonOptions> = Required<CommonOptions>> {
  /** Parameters by their settings: one group, unless several were given. */
  readonly groups: readonly ParameterGroup<S>[];
  readonly #entries = new Map<Variable, Entry<S>>();
  readonly #updates: Variable;
  #lr: number;
  /** Rates of the groups over `#lr`. */
  readonly #shares: readonly number[];
  /** Changes whenever other variables take over a part of the state: what is compiled for the old ones is then void. */
  #layout = 0;

  /**
   * @param source a module (frozen parameters are updated once they are unfrozen), a variable, a list or object of variables, or a
   * list of groups
   * @param defaults all options of the optimizer with their defaults
   * @param options what the user chose for all groups
   * @throws if there is nothing to optimize, or an option is unknown or out of range
   */
  constructor(source: ParameterSource<Partial<S>>, defaults: S, options: Partial<S>) {
    const name = this.constructor.name;
    const lr = options.lr ?? defaults.lr;
    this.groups = groupsOf(name, source, defaults, options);
    for (const { settings } of this.groups) this.check(settings, name);
    if (typeof lr === 'number') requireNumber(name, 'lr', lr, 0, Number.MAX_VALUE);
    this.#lr = typeof lr === 'number' ? lr : Number.NaN;
    this.#shares = this.groups.map((group) => (group.lr === this.#lr ? 1 : group.lr / this.#lr));
    this.#updates = stateVariable('updates', full([], 0, { dtype: 'int32' }));
    this.#enter(
      this.groups.flatMap(({ names }) => [...names.keys()].filter((variable) => variable.trainable)),
    );
  }

  /**
   * Learning rate, or where it is a schedule, the rate of the next update. Setting it affects jitted steps, too, without compiling
   * them again; groups with a rate of their own keep its ratio to this one.
   *
   * @throws when set, if it is not a positive number or 0, a schedule decides, or a function is being jitted
   */
  get lr(): number {
    if (!Number.isNaN(this.#lr)) return this.#lr;
    return (this.groups.find((group) => group.isScheduled) ?? this.groups[0]).rateAt(this.#updates).item();
  }
  set lr(value: number) {
    requireNumber(this.constructor.name, 'lr', value, 0, Number.MAX_VALUE);
    if (Number.isNaN(this.#lr))
      throw new Error(
        `${this.constructor.name}: lr follows a schedule, so it cannot be set; make the optimizer with a number`,
      );
    if (this.#shares.includes(Infinity))
      throw new Error(
        `${this.constructor.name}: the rates of groups have no ratio to the common lr, which was 0; set groups[i].lr`,
      );
    this.groups.forEach((group, i) => {
      if (!group.isScheduled) group.lr = value * this.#shares[i];
    });
    this.#lr = value;
  }

  /**
   * Updates the parameters that `grads` has gradients for, as `valueAndGrad(f, model)` gives them. The others stay.
   *
   * @throws if a gradient is for a variable that this optimizer was not given
   */
  update(grads: Gradients): void {
    const name = this.constructor.name;
    for (const variable of grads.keys())
      if (this.#groupOf(variable) === undefined)
        throw new Error(
          `${name}.update: there is a gradient for '${variable.name}' [${variable.shape.join(', ')}], which this optimizer was not given`,
        );
    this.#enter([...grads.keys()].filter((variable) => !this.#entries.has(variable)));
    guarded(() => this.#layout);
    const entries = [...grads].map(([variable, gradient]) => ({
      variable,
      gradient,
      ...(this.#entries.get(variable) as Entry<S>),
    }));
    const rates = new Map(this.groups.map((group) => [group, group.rateAt(this.#updates)]));
    if (this.#isScheduled) this.#updates.assign(this.#updates.value.add(1));
    for (const steps of new Set(entries.map((entry) => entry.steps))) steps.assign(steps.value.add(1));
    for (const { variable, gradient, slots, steps, group } of entries) {
      const lr = (rates.get(group) as Tensor).cast(variable.dtype);
      const scalars = { lr, step: steps.value.cast(variable.dtype) };
      const direction = group.settings.maximize ? gradient.neg() : gradient;
      variable.assign(this.step(variable.value, direction, slots, scalars, group.settings));
    }
    // Otherwise each update would make the graph of the next one longer.
    if (!isTracing())
      settle([
        ...(this.#isScheduled ? [this.#updates] : []),
        ...entries.flatMap(({ variable, slots, steps }) => [variable, steps, ...Object.values(slots)]),
      ]);
  }

  /** Checks the settings of a group, in the name of `name`; rates are checked already. */
  protected check(_settings: S, _name: string): void {}

  /** The state that a parameter of a group with these settings has. */
  protected abstract slotsOf(settings: S): Record<string, SlotKind>;

  /** The parameter after an update; assigns the slots' new contents. `gradient` points away from where to go. */
  protected abstract step(
    parameter: Tensor,
    gradient: Tensor,
    slots: Slots,
    scalars: UpdateScalars,
    settings: S,
  ): Tensor;

  /**
   * Everything that later updates depend on, by name: `lr` (and `groups.i.lr` where there are several groups), or `updates` where
   * a schedule decides, and of each parameter the number of its updates and its state, such as `conv1.weight.firstMoment`.
   */
  stateDict(): Record<string, Tensor> {
    const own = [...this.#entries.values()].flatMap(({ name, slots, steps }): [string, Variable][] => [
      [`${name}.step`, steps],
      ...Object.entries(slots).map(([slot, variable]): [string, Variable] => [`${name}.${slot}`, variable]),
    ]);
    const cells: [string, Variable][] = this.#isScheduled ? [['updates', this.#updates], ...own] : own;

    settle(cells.map(([, variable]) => variable));
    const rates = this.#rateNames().map(([key, rate]) => [key, tensor(rate, { dtype: 'float64' })] as const);
    return Object.fromEntries([
      ...rates,
      ...cells.map(([name, variable]) => [name, variable.value] as const),
    ]);
  }

  /**
   * Restores what `stateDict` gave. All or nothing: on an error nothing has changed.
   *
   * @throws if names or shapes are not those of this optimizer
   */
  loadStateDict(state: Record<string, Tensor>): void {
    const needed = new Map<string, { variable: Variable; shape: readonly number[] }>();
    for (const { names, settings } of this.groups)
      for (const [variable, name] of names) {
        needed.set(`${name}.step`, { variable, shape: [] });
        for (const [slot, { scalar }] of Object.entries(this.slotsOf(settings)))
          needed.set(`${name}.${slot}`, { variable, shape: scalar === true ? [] : variable.shape });
      }
    const commons = [...this.#rateNames().map(([key]) => key), ...(this.#isScheduled ? ['updates'] : [])];
    const problems = commons.flatMap((key) => (state[key] === undefined ? [`missing: ${key}`] : []));
    const held = [...needed].flatMap(([key, { variable }]) => (key in state ? [variable] : []));
    const required = new Set([...this.#entries.keys(), ...held]);
    for (const [key, { variable, shape }] of needed) {
      if (!required.has(variable)) continue;
      if (state[key] === undefined) problems.push(`missing: ${key}`);
      else if (String(state[key].shape) !== String(shape))
        problems.push(`${key} has shape [${state[key].shape.join(', ')}], needed is [${shape.join(', ')}]`);
    }
    for (const key of Object.keys(state))
      if (!commons.includes(key) && !needed.has(key)) problems.push(`unexpected: ${key}`);
    if (problems.length > 0)
      throw new Error(
        `loadStateDict: does not fit this ${this.constructor.name}: ${problems.slice(0, 8).join('; ')}`,
      );
    if ('lr' in state) this.#lr = state.lr.item();
    this.groups.forEach((group, i) => {
      if (!group.isScheduled) group.lr = (state[`groups.${i}.lr`] ?? state.lr).item();
    });
    if (this.#isScheduled) this.#updates.assign(state.updates.cast('int32'));
    this.#enter([...required].filter((variable) => !this.#entries.has(variable)));
    const counts = new Map<Variable, number>();
    for (const variable of required) {
      const { name, slots } = this.#entries.get(variable) as Entry<S>;
      for (const [slot, cell] of Object.entries(slots))
        cell.assign(state[`${name}.${slot}`].cast(cell.dtype));
      counts.set(variable, state[`${name}.step`].item());
    }
    this.#setCounts(counts);
  }

  get #isScheduled(): boolean {
    return this.groups.some((group) => group.isScheduled);
  }

  /** Rates in the state dict: the common one, and those of groups where there are several. */
  #rateNames(): [string, number][] {
    const common: [string, number][] = Number.isNaN(this.#lr) ? [] : [['lr', this.#lr]];
    if (this.groups.length === 1) return this.groups[0].isScheduled ? [] : [['lr', this.groups[0].lr]];
    const own = this.groups.flatMap((group, i): [string, number][] =>
      group.isScheduled ? [] : [[`groups.${i}.lr`, group.lr]],
    );
    return [...common, ...own];
  }

  #groupOf(variable: Variable): ParameterGroup<S> | undefined {
    return this.groups.find(({ names }) => names.has(variable));
  }

  /** Sets the numbers of updates; parameters that shared a counter part where their numbers differ. */
  #setCounts(counts: ReadonlyMap<Variable, number>): void {
    const assigned = new Map<Variable, Map<number, Variable>>();
    for (const [variable, count] of counts) {
      const entry = this.#entries.get(variable) as Entry<S>;
      const value = tensor(count, { dtype: 'int32' });
      const byCount = assigned.get(entry.steps) ?? new Map<number, Variable>();
      assigned.set(entry.steps, byCount);
      if (byCount.size === 0) {
        entry.steps.assign(value);
        byCount.set(count, entry.steps);
      } else if (!byCount.has(count)) byCount.set(count, stateVariable('step', value));
      const steps = byCount.get(count) as Variable;
      if (steps === entry.steps) continue;
      this.#entries.set(variable, { ...entry, steps });
      this.#layout++;
    }
  }

  #enter(variables: readonly Variable[]): void {
    if (variables.length === 0) return;
    const steps = stateVariable('step', full([], 0, { dtype: 'int32' }));
    for (const variable of variables) {
      const group = this.#groupOf(variable) as ParameterGroup<S>;
      const name = group.names.get(variable) as string;
      const slots = Object.entries(this.slotsOf(group.settings)).map(
        ([slot, { start = 0, scalar = false }]): [string, Variable] => [
          slot,
          stateVariable(
            `${name}.${slot}`,
            full(scalar ? [] : variable.shape, start, { dtype: variable.dtype }),
          ),
        ],
      );
      this.#entries.set(variable, { name, group, slots: Object.fromEntries(slots), steps });
    }
  }
}

/** The gradient of the objective with `weightDecay / 2 · |p|²` added to it. */
export const penalized = (parameter: Tensor, gradient: Tensor, weightDecay: number): Tensor =>
  weightDecay === 0 ? gradient : gradient.add(parameter.mul(weightDecay));

/** The parameter after decoupled weight decay: (1 - lr weightDecay) p. */
export const shrunk = (parameter: Tensor, lr: Tensor, weightDecay: number): Tensor =>
  weightDecay === 0 ? parameter : parameter.mul(lr.mul(-weightDecay).add(1));
