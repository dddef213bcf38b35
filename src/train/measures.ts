import { Tensor } from '../core/tensor.ts';
import type { ArrayTree } from '../data/tensor_loader.ts';
import { Metric } from '../metrics/metric.ts';
import { kindOf } from './data_forms.ts';
import { joined, type Objective, prefixOf, requireScalar } from './objective.ts';
import type { State } from './state.ts';

/** A measure made of array operations, a scalar averaged over the examples: it is compiled, and averaged over batches. */
export type MetricFunction<O = Tensor, Y = Tensor> = (outputs: O, targets: Y) => Tensor;

/** Any streaming measure of `nabla/metrics`, whatever its result. */
export type StreamingMetric<R = unknown> = Metric<R, unknown, unknown, unknown>;

/**
 * A measure: a function, an object of `nabla/metrics` such as `new F1()`, which is exact over an epoch, or its class or a function without
 * arguments, which make one.
 */
export type MetricKind<O = Tensor, Y = Tensor> =
  | MetricFunction<O, Y>
  | StreamingMetric
  | (() => StreamingMetric)
  | (new () => StreamingMetric);

/** Measures by name; those of one of several outputs under its name: `{ label: { accuracy }, size: { mae: l1Loss } }`. */
export type Metrics<O = Tensor, Y = Tensor> = {
  readonly [name: string]: MetricKind<O, Y> | { readonly [name: string]: MetricKind };
};

/** What a measure gives: numbers of functions, what `compute` gives of objects. */
type ResultOf<K> =
  K extends Metric<infer R, infer _O, infer _Y, infer _W>
    ? R
    : K extends new () => Metric<infer R, infer _O, infer _Y, infer _W>
      ? R
      : K extends () => Metric<infer R, infer _O, infer _Y, infer _W>
        ? R
        : K extends (...args: never[]) => unknown
          ? number
          : never;

/** Results by name. */
export type Results<M> = {
  readonly [K in keyof M as M[K] extends MetricKind<never, never> ? K : never]: ResultOf<M[K]>;
};

interface Entry {
  /** In logs. */
  readonly name: string;
  /** Of which output; null: all. */
  readonly output: string | null;
  readonly isWeighted: boolean;
}
interface FunctionEntry extends Entry {
  readonly measure: (outputs: unknown, targets: unknown, options?: { weights: Tensor }) => Tensor;
}
interface StreamingEntry extends Entry {
  readonly metric: StreamingMetric;
}

const isPlain = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Metric);

/** Names that trainings use themselves. */
const reserved = ['loss'];

/** The measures of a training or an evaluation. */
export class Measures {
  readonly functions: readonly FunctionEntry[];
  readonly streaming: readonly StreamingEntry[];
  readonly #name: string;
  readonly #objective: Objective | null;

  /** @throws TypeError if something is no measure, Error if a name is taken */
  constructor(
    name: string,
    objective: Objective | null,
    metrics: Metrics<never, never>,
    weightedMetrics: Metrics<never, never> = {},
  ) {
    this.#name = name;
    this.#objective = objective;
    const functions: FunctionEntry[] = [];
    const streaming: StreamingEntry[] = [];
    const seen = new Set([...reserved, ...(objective?.partNames ?? [])]);
    const add = (
      key: string,
      place: string,
      kind: unknown,
      output: string | null,
      isWeighted: boolean,
    ): void => {
      const full = output === null ? key : joined(prefixOf(output), key);
      if (seen.has(full)) throw new Error(`${name}: a metric cannot be called '${full}': that name is taken`);
      seen.add(full);
      const entry = { name: full, output, isWeighted };
      const made = kind instanceof Metric ? kind : madeBy(kind);
      if (made !== null) streaming.push({ ...entry, metric: made });
      else if (typeof kind === 'function')
        functions.push({ ...entry, measure: kind as FunctionEntry['measure'] });
      else
        throw new TypeError(
          `${name}: ${place}.${key} must be a function of outputs and targets, or a metric such as new F1(); got ${kindOf(kind)}`,
        );
    };
    for (const [place, table, isWeighted] of [
      ['metrics', metrics, false],
      ['weightedMetrics', weightedMetrics, true],
    ] as const)
      for (const [key, kind] of Object.entries(table))
        if (isPlain(kind) && Object.keys(kind).length > 0)
          for (const [inner, one] of Object.entries(kind))
            add(inner, `${place}.${key}`, one, key, isWeighted);
        else add(key, place, kind, null, isWeighted);
    this.functions = functions;
    this.streaming = streaming;
  }

  /** Whether outputs are needed outside of the compiled step. */
  get needsOutputs(): boolean {
    return this.streaming.length > 0;
  }

  /** Measures of functions on a batch, in their order; to be compiled. */
  scalars(outputs: unknown, targets: unknown, weights: ArrayTree | null): Tensor[] {
    return this.functions.map((entry) => {
      const own = this.#weightsOf(entry, targets, weights);
      const [o, t] = this.#of(entry, outputs, targets);
      const value = own === null ? entry.measure(o, t) : entry.measure(o, t, { weights: own });
      return requireScalar(this.#name, `the metric ${entry.name}`, value);
    });
  }

  /** Takes a batch into the streaming measures. */
  update(outputs: unknown, targets: unknown, weights: ArrayTree | null): void {
    for (const entry of this.streaming) {
      const own = this.#weightsOf(entry, targets, weights);
      const [o, t] = this.#of(entry, outputs, targets);
      if (own === null) entry.metric.update(o, t);
      else entry.metric.update(o, t, { weights: own });
    }
  }

  /** Begins anew. */
  reset(): void {
    for (const { metric } of this.streaming) metric.reset();
  }

  /** What the streaming measures have seen, by name, for checkpoints in the middle of an epoch. */
  stateDict(): State {
    return Object.fromEntries(
      this.streaming.map(({ name, metric }) => [
        name,
        { kind: metric.constructor.name, seen: metric.stateDict() as State },
      ]),
    );
  }

  /** @throws Error if the checkpoint was saved with other measures */
  loadStateDict(state: Readonly<Record<string, { readonly kind: string; readonly seen: State }>>): void {
    const named = (measures: readonly (readonly [string, string])[]): string =>
      measures.map(([name, kind]) => `${name}: ${kind}`).join(', ') || 'none';
    const now = named(this.streaming.map(({ name, metric }) => [name, metric.constructor.name]));
    const then = named(Object.entries(state).map(([name, { kind }]) => [name, kind]));
    if (now !== then)
      throw new Error(
        `${this.#name}: the checkpoint was saved in the middle of an epoch with the metrics ${then}; now they are ${now}`,
      );
    for (const { name, metric } of this.streaming) metric.loadStateDict(state[name].seen as never);
  }

  /** What the streaming measures have found, by name. */
  results(): Record<string, unknown> {
    return Object.fromEntries(this.streaming.map(({ name, metric }) => [name, metric.compute()]));
  }

  /** By how much a batch counts for weighted functions. */
  totalWeights(targets: unknown, weights: ArrayTree | null): (Tensor | null)[] {
    return this.functions.map(
      (entry) => this.#weightsOf(entry, targets, weights)?.cast('float32').sum() ?? null,
    );
  }

  #weightsOf({ output, isWeighted }: Entry, targets: unknown, weights: ArrayTree | null): Tensor | null {
    if (!isWeighted) return null;
    if (this.#objective !== null) return this.#objective.weights(output ?? '', targets, weights);
    return weights instanceof Tensor ? weights : null;
  }

  #of({ output, name }: Entry, outputs: unknown, targets: unknown): [unknown, unknown] {
    if (output === null) return [outputs, targets];
    const take = (what: string, tree: unknown): unknown => {
      const part =
        isPlain(tree) || Array.isArray(tree) ? (tree as Record<string, unknown>)[output] : undefined;
      if (part === undefined)
        throw new Error(`${this.#name}: ${name} is of ${output}, but ${what} have none: got ${kindOf(tree)}`);
      return part;
    };
    return [take('the outputs of the model', outputs), take('the targets', targets)];
  }
}

/** The metric that a function without arguments, or a class, makes; null for other functions. */
function madeBy(kind: unknown): StreamingMetric | null {
  if (typeof kind !== 'function') return null;
  if (kind.prototype instanceof Metric) return new (kind as unknown as new () => StreamingMetric)();
  if (kind.length > 0) return null;
  try {
    const made: unknown = kind();
    return made instanceof Metric ? made : null;
  } catch {
    // A function of outputs and targets that does not say how many arguments it has.
    return null;
  }
}

/** Numbers in results, as logs have them: lists and objects of numbers by position and key (`f1.0`), nothing of matrices. */
export function numbersIn(results: Readonly<Record<string, unknown>>): Record<string, number> {
  const found: Record<string, number> = {};
  for (const [name, result] of Object.entries(results)) {
    if (typeof result === 'number') found[name] = result;
    else if (typeof result === 'object' && result !== null)
      for (const [key, value] of Object.entries(result))
        if (typeof value === 'number') found[`${name}.${key}`] = value;
  }
  return found;
}
