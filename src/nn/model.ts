import type { Tensor } from '../core/tensor.ts';
import { Module } from './module.ts';

/** Models as graphs of layers: with several inputs and outputs, branches and layers that occur twice. */

/** What a step of a graph is: a module, or a function for what needs none. */
type GraphStep = ((...inputs: never[]) => unknown) | { forward(...inputs: never[]): unknown };
type ResultOf<S> = S extends (...inputs: never[]) => infer R
  ? R
  : S extends { forward(...inputs: never[]): infer R }
    ? R
    : never;

let created = 0;

/** A value that a graph will have when it runs: an input, or the result of a step. It knows how it comes about, not what it is. */
export class GraphValue<T = Tensor> {
  /** In order of creation, which is an order of computation. */
  readonly id: number = ++created;
  readonly name: string;
  /** Null for inputs. */
  readonly step: GraphStep | null;
  /** Values of the graph, and others that are handed to the step as they are. */
  readonly inputs: readonly unknown[];
  /** Of what type the value will be; nothing is stored. */
  declare readonly type?: T;

  constructor(name: string, step: GraphStep | null, inputs: readonly unknown[]) {
    this.name = name;
    this.step = step;
    this.inputs = inputs;
  }

  /** What a layer or a function makes of this value: `image.to(new nn.Conv2d(3, 8, 3)).to((x) => x.relu())`. */
  to<R>(step: ((x: T) => R) | { forward(x: T): R }): GraphValue<R> {
    return apply(step, this) as GraphValue<R>;
  }
}

/** An input of a graph. @param name for messages */
export const input = (name = 'input'): GraphValue => new GraphValue(name, null, []);

/**
 * What a layer or a function will make of several values: `apply(new nn.Concatenate(), a, b)`. Arguments that are no values
 * of a graph, such as options, are handed on as they are.
 */
export function apply<S extends GraphStep>(step: S, ...inputs: readonly unknown[]): GraphValue<ResultOf<S>> {
  if (typeof step !== 'function' && typeof (step as { forward?: unknown } | null)?.forward !== 'function')
    throw new TypeError(`apply: needs a layer or a function, got ${String(step)}`);
  if (!inputs.some((value) => value instanceof GraphValue))
    throw new Error('apply: none of the arguments is a value of a graph; begin with nn.input()');
  const name = typeof step === 'function' ? step.name || 'function' : step.constructor.name;
  return new GraphValue(name, step, inputs);
}

/** Outputs of a graph: a value, or an array or object of them. */
export type GraphOutputs =
  | GraphValue<unknown>
  | readonly GraphOutputs[]
  | { readonly [name: string]: GraphOutputs };

/** What a graph's outputs are when it has run. */
export type GraphResult<O> =
  O extends GraphValue<infer T> ? T : { -readonly [K in keyof O]: GraphResult<O[K]> };

/**
 * A model given by its inputs and outputs. Everything that leads from the ones to the others belongs to it; a layer that was
 * applied twice is one layer. Values may be part of several models, which then share their layers: a second model that ends
 * earlier gives the features of the first.
 *
 * ```ts
 * const image = nn.input('image');
 * const place = nn.input('place');
 * const features = image.to(new nn.Conv2d(1, 8, 3)).to((x) => x.relu().flatten(1));
 * const both = nn.apply(new nn.Concatenate(), features, place);
 * const model = new nn.Model([image, place], { label: both.to(new nn.Linear(5410, 10)), size: both.to(new nn.Linear(5410, 1)) });
 * const { label, size } = model.forward(x, p);
 * ```
 *
 * Layers are named by numbers in the order in which they were applied: `0.weight`.
 */
export class Model<O extends GraphOutputs = GraphValue> extends Module {
  readonly #inputs: readonly GraphValue[];
  readonly #outputs: O;
  /** All values but the inputs, in an order of computation. */
  readonly #steps: readonly GraphValue<unknown>[];
  readonly #layers: readonly Module[];

  /** @throws if an output depends on an input that is not listed */
  constructor(inputs: GraphValue | readonly GraphValue[], outputs: O) {
    super();
    this.#inputs = inputs instanceof GraphValue ? [inputs] : [...inputs];
    this.#outputs = outputs;
    const reached = new Set<GraphValue<unknown>>(this.#inputs);
    const pending = valuesOf(outputs);
    if (pending.length === 0) throw new Error('Model: there are no outputs');
    for (let value = pending.pop(); value !== undefined; value = pending.pop()) {
      if (reached.has(value)) continue;
      if (value.step === null)
        throw new Error(
          `Model: an output depends on '${value.name}', which is not among the inputs ${this.#inputs.map(({ name }) => `'${name}'`).join(', ')}`,
        );
      reached.add(value);
      for (const before of value.inputs) if (before instanceof GraphValue) pending.push(before);
    }
    const given = new Set<GraphValue<unknown>>(this.#inputs);
    this.#steps = [...reached].filter((value) => !given.has(value)).sort((a, b) => a.id - b.id);
    this.#layers = [...new Set(this.#steps.flatMap(({ step }) => (step instanceof Module ? [step] : [])))];
  }

  /** What the model is made of, for who writes it down in another form: inputs, steps in an order of computation, outputs. */
  get graph(): {
    readonly inputs: readonly GraphValue[];
    readonly steps: readonly GraphValue<unknown>[];
    readonly outputs: O;
  } {
    return { inputs: this.#inputs, steps: this.#steps, outputs: this.#outputs };
  }

  protected override members(): Iterable<readonly [string, unknown]> {
    return this.#layers.map((layer, i) => [String(i), layer] as const);
  }

  /** @throws if there are more or fewer arrays than inputs */
  forward(...inputs: Tensor[]): GraphResult<O> {
    if (inputs.length !== this.#inputs.length)
      throw new Error(
        `Model: needs ${this.#inputs.length} inputs (${this.#inputs.map(({ name }) => name).join(', ')}), got ${inputs.length}`,
      );
    const known = new Map<GraphValue<unknown>, unknown>(this.#inputs.map((value, i) => [value, inputs[i]]));
    for (const value of this.#steps) {
      const given = value.inputs.map((x) => (x instanceof GraphValue ? known.get(x) : x));
      const step = value.step as ((...all: unknown[]) => unknown) | { forward(...all: unknown[]): unknown };
      known.set(value, typeof step === 'function' ? step(...given) : step.forward(...given));
    }
    const results = (outputs: GraphOutputs): unknown => {
      if (outputs instanceof GraphValue) return known.get(outputs);
      if (Array.isArray(outputs)) return outputs.map(results);
      return Object.fromEntries(Object.entries(outputs).map(([name, value]) => [name, results(value)]));
    };
    return results(this.#outputs) as GraphResult<O>;
  }
}

function valuesOf(outputs: GraphOutputs): GraphValue<unknown>[] {
  if (outputs instanceof GraphValue) return [outputs];
  if (typeof outputs !== 'object' || outputs === null)
    throw new TypeError(`Model: outputs are values of a graph, got ${String(outputs)}`);
  return Object.values(outputs).flatMap(valuesOf);
}
