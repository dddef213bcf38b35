import type { Tensor } from '../core/tensor.ts';
import { guarded } from '../core/trace.ts';
import { settle, Variable } from '../core/variable.ts';
import { intercept, observeGradient } from './hooks.ts';
import { Buffer } from './parameter.ts';

/** Arrays by name: what a model knows, as `stateDict` gives it and files hold it. */
export type StateDict = Record<string, Tensor>;

/** A module that maps one array to one array: what `Sequential` chains and `fit` trains. */
export interface Layer extends Module {
  forward(x: Tensor): Tensor;
}

/** How names of a state dict differ from those of a model. */
export interface StateDifference {
  /** In the model only. */
  missing: string[];
  /** In the state dict only. */
  unexpected: string[];
}

/**
 * A part of a model: parameters, other modules, and `forward`, which computes with them. Whatever is in a field of the
 * class, directly or in an array or plain object, is found by itself, in the order of declaration, and named by its path:
 * `conv1.weight`, `blocks.0.bias`.
 *
 * ```ts
 * class Classifier extends nn.Module {
 *   hidden = new nn.Linear(784, 128);
 *   out = new nn.Linear(128, 10);
 *   forward(x: Tensor) { return this.out.forward(this.hidden.forward(x).relu()); }
 * }
 * ```
 *
 * Variables are parameters unless they are a {@link Buffer}. Private `#fields` are invisible to the search.
 */
export abstract class Module {
  #training = true;

  /** What the module computes. Call it as an ordinary method. */
  abstract forward(...inputs: never[]): unknown;

  /** Fields to search, by name. Containers override it to leave their own field out of the names. */
  protected members(): Iterable<readonly [name: string, value: unknown]> {
    return Object.entries(this);
  }

  /** This module and all those inside, each once, with their paths (this one's is empty). */
  namedModules(): [name: string, module: Module][] {
    const found = new Map<Module, string>([[this, '']]);
    for (const [name, value] of this.#search())
      if (value instanceof Module && !found.has(value)) found.set(value, name);
    return [...found].map(([module, name]) => [name, module]);
  }

  /** All variables under their first names: a variable that occurs twice (tied weights) is listed once. */
  namedVariables(): [name: string, variable: Variable][] {
    const found = new Map<Variable, string>();
    for (const [name, value] of this.#search())
      if (value instanceof Variable && !found.has(value)) found.set(value, name);
    return [...found].map(([variable, name]) => [name, variable]);
  }

  /** Every parameter, frozen ones included, with its name. */
  namedParameters(): [name: string, parameter: Variable][] {
    return this.namedVariables().filter(([, variable]) => !(variable instanceof Buffer));
  }

  /** The parameters that are trained, in the order of declaration: all but the frozen ones. */
  parameters(): Variable[] {
    return this.namedParameters().flatMap(([, parameter]) => (parameter.trainable ? [parameter] : []));
  }

  /** State that is saved but not trained, with its names. */
  namedBuffers(): [name: string, buffer: Buffer][] {
    return this.namedVariables().filter((entry): entry is [string, Buffer] => entry[1] instanceof Buffer);
  }

  /** State that is saved but not trained. */
  buffers(): Buffer[] {
    return this.namedBuffers().map(([, buffer]) => buffer);
  }

  /** The content of every parameter (frozen or not) and buffer by name. */
  stateDict(): StateDict {
    const variables = this.namedVariables();
    settle(variables.map(([, variable]) => variable));
    return Object.fromEntries(variables.map(([name, variable]) => [name, variable.value]));
  }

  /**
   * Sets parameters and buffers from a state dict; floats are converted to the variable's float type. All or nothing: on
   * an error no variable has changed.
   *
   * @param options.strict false to allow missing and unexpected names, which are returned
   * @throws if names are missing or unexpected (when strict), or a shape or kind of number differs
   */
  loadStateDict(state: StateDict, options: { strict?: boolean } = {}): StateDifference {
    const all = [...this.#search()].filter((e): e is [string, Variable] => e[1] instanceof Variable);
    const known = new Map(all);
    // Tied weights have several names; any of them will do.
    const given = new Set(all.flatMap(([name, variable]) => (name in state ? [variable] : [])));
    const missing = this.namedVariables().flatMap(([name, variable]) => (given.has(variable) ? [] : [name]));
    const unexpected = Object.keys(state).filter((name) => !known.has(name));
    const problems: string[] = [];
    const values: [Variable, Tensor][] = [];
    for (const [name, tensor] of Object.entries(state)) {
      const variable = known.get(name);
      if (variable === undefined) continue;
      const sameShape =
        String(tensor.shape) === String(variable.shape) && tensor.ndim === variable.shape.length;
      const floats = [tensor.dtype, variable.dtype].every((dtype) => dtype.startsWith('float'));
      if (!sameShape) {
        problems.push(
          `${name} has shape [${tensor.shape.join(', ')}], the model needs [${variable.shape.join(', ')}]`,
        );
      } else if (tensor.dtype !== variable.dtype && !floats) {
        problems.push(`${name} is ${tensor.dtype}, the model needs ${variable.dtype}`);
      } else values.push([variable, tensor.cast(variable.dtype)]);
    }
    if (options.strict !== false) {
      if (missing.length > 0) problems.push(`missing: ${listed(missing)}`);
      if (unexpected.length > 0) problems.push(`unexpected: ${listed(unexpected)}`);
    }
    if (problems.length > 0)
      throw new Error(`loadStateDict: does not fit ${this.constructor.name}: ${problems.join('; ')}`);
    for (const [variable, value] of values) variable.assign(value);
    settle(values.map(([variable]) => variable));
    return { missing, unexpected };
  }

  /** Whether layers such as dropout behave as in training. True at first. A jitted function is compiled for each mode that it meets. */
  get training(): boolean {
    return guarded(() => this.#training);
  }

  /** Switches this module and all inside to training mode, or with false to evaluation. */
  train(mode = true): this {
    for (const [, module] of this.namedModules()) module.#training = mode;
    return this;
  }

  /** Switches this module and all inside to evaluation: dropout and the like become the identity. */
  eval(): this {
    return this.train(false);
  }

  /** Switches to evaluation, and gives a function that puts every module inside back into the mode that it was in. */
  evalForNow(): () => void {
    const modes = this.namedModules().map(([, module]) => [module, module.#training] as const);
    this.eval();
    return () => {
      for (const [module, mode] of modes) module.#training = mode;
    };
  }

  /**
   * Calls `listener` with what each `forward` gives and what it was given, until the function that comes back is called.
   * What the listener returns, unless undefined, takes the place of the output.
   *
   * In a jitted function listeners run while it is compiled, on arrays that have no values yet: give what they collect back
   * as results, or print it with `debug.print`. Subscribe before the function's first call; from then on it is compiled anew
   * when the listeners of a module change that had some when it was compiled.
   *
   * ```ts
   * const outputs: Tensor[] = [];
   * const stop = model.conv1.onForward((output) => void outputs.push(output as Tensor));
   * ```
   */
  onForward(listener: (output: ReturnType<this['forward']>, ...inputs: unknown[]) => unknown): () => void {
    return intercept(this, (call, inputs) => {
      const output = call(inputs) as ReturnType<this['forward']>;
      return listener(output, ...inputs) ?? output;
    });
  }

  /**
   * Calls `listener` with the gradient of what `forward` gave, a tree like it, whenever a derivative is taken in reverse
   * mode, until the function that comes back is called. What it returns, unless undefined, takes the gradient's place: to
   * clip it, say. Under `jit` as {@link onForward}.
   */
  onBackward(listener: (gradient: ReturnType<this['forward']>) => unknown): () => void {
    return intercept(this, (call, inputs) =>
      observeGradient(call(inputs), listener as (g: unknown) => unknown),
    );
  }

  /** Excludes all parameters inside from gradients, and so from training. */
  freeze(): this {
    for (const [, parameter] of this.namedParameters()) parameter.trainable = false;
    return this;
  }

  /** Undoes freeze. */
  unfreeze(): this {
    for (const [, parameter] of this.namedParameters()) parameter.trainable = true;
    return this;
  }

  /** Modules and variables inside, under each of their names. */
  *#search(): Generator<[name: string, value: Module | Variable]> {
    // A module may point back to one that holds it: what is being searched is not entered again.
    const inside = new Set<unknown>([this]);
    yield* visitAll(this.members(), '');

    function* visitAll(
      entries: Iterable<readonly [string, unknown]>,
      prefix: string,
    ): Generator<[string, Module | Variable]> {
      for (const [name, value] of entries) yield* visit(value, prefix === '' ? name : `${prefix}.${name}`);
    }
    function* visit(value: unknown, name: string): Generator<[string, Module | Variable]> {
      if (value instanceof Variable) yield [name, value];
      if (value instanceof Variable || !isContainer(value) || inside.has(value)) return;
      inside.add(value);
      if (value instanceof Module) yield [name, value];
      yield* visitAll(value instanceof Module ? value.members() : Object.entries(value), name);
      inside.delete(value);
    }
  }
}

function isContainer(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false;
  if (value instanceof Module || Array.isArray(value)) return true;
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** The first names of a long list. */
function listed(names: readonly string[]): string {
  const most = 8;
  const rest = names.length - most;
  return names.slice(0, most).join(', ') + (rest > 0 ? ` and ${rest} more` : '');
}
