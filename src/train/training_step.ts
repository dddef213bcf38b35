import { jit } from '../core/jit.ts';
import { type Tensor, where } from '../core/tensor.ts';
import { type Gradients, valueAndGrad } from '../core/transforms.ts';
import type { Variable } from '../core/variable.ts';
import type { ArrayTree } from '../data/tensor_loader.ts';
import type { Module } from '../nn/module.ts';
import { regularized } from '../nn/regularizers.ts';
import { GradientAccumulator } from '../optim/accumulation.ts';
import { clipGradNorm, clipGradValue, gradNorm } from '../optim/clipping.ts';
import type { Optimizer } from '../optim/optimizer.ts';
import { type ReadBatch, typesOf } from './data_forms.ts';
import type { Means } from './means.ts';
import type { Measures } from './measures.ts';
import type { Objective, ObjectiveValue } from './objective.ts';

/** What the model makes of inputs: a list of them are the arguments of `forward`. */
export function outputsOf(model: Module, x: ArrayTree): unknown {
  const forward = model.forward.bind(model) as (...inputs: unknown[]) => unknown;
  return Array.isArray(x) ? forward(...x) : forward(x);
}

/** Scalars of a batch, in the order of names, with the weights that they have in means where it is not the number of examples. */
export interface Scalars {
  readonly values: readonly Tensor[];
  readonly totals: readonly (Tensor | null)[];
}

/** Loss and measures of a batch, to be compiled. */
export function scalarsOf(
  objective: Objective | null,
  measures: Measures,
  outputs: unknown,
  { y, weights }: { y: ArrayTree | null; weights: ArrayTree | null },
  objectiveValue: ObjectiveValue | null,
): Scalars {
  const own =
    objective === null || objectiveValue === null ? [] : [objectiveValue.loss, ...objectiveValue.parts];
  const total = objective?.totalWeight(y, weights) ?? null;
  return {
    values: [...own, ...measures.scalars(outputs, y, weights)],
    totals: [...own.map((_, i) => (i === 0 ? total : null)), ...measures.totalWeights(y, weights)],
  };
}

/** Names of what {@link scalarsOf} gives. */
export const scalarNames = (objective: Objective | null, measures: Measures): string[] => [
  ...(objective === null ? [] : ['loss', ...objective.partNames]),
  ...measures.functions.map(({ name }) => name),
];

/** Adds the numbers of a batch to means, and gives them by name. */
export function take(
  names: readonly string[],
  { values, totals }: Scalars,
  examples: number,
  means: readonly Means[],
): Record<string, number> {
  const logs: Record<string, number> = {};
  for (const [i, name] of names.entries()) {
    logs[name] = values[i].item();
    const weight = totals[i]?.item() ?? examples;
    if (weight > 0) for (const mean of means) mean.add({ [name]: logs[name] }, weight);
  }
  return logs;
}

/** Says in errors of layers and losses which batch it was. */
export function withBatch<T>(name: string, where: string, { x, y, weights }: ReadBatch, body: () => T): T {
  try {
    return body();
  } catch (error) {
    if (
      !(error instanceof Error) ||
      ![Error, TypeError, RangeError].some((kind) => error.constructor === kind)
    )
      throw error;
    const given = `x ${typesOf(x)}, y ${typesOf(y)}${weights === null ? '' : `, weights ${typesOf(weights)}`}`;
    const message = error.message.startsWith(`${name}: `)
      ? error.message.slice(name.length + 2)
      : error.message;
    throw new Error(`${name}: ${message} (${where}: ${given})`, { cause: error });
  }
}

/** How gradients become updates. */
export interface StepOptions {
  /** Gradients of so many batches make one update. */
  readonly accumulate: number;
  readonly clipNorm: number | null;
  readonly clipValue: number | null;
  /** Recorded after each update. */
  readonly afterUpdate: (() => void) | null;
  /** Leaves out batches whose loss or gradients are not finite. */
  readonly isGuarded: boolean;
}

/** What one batch gave. */
export interface BatchResult {
  readonly scalars: Scalars;
  /** What the model made of it, if some measure needs that. */
  readonly outputs: unknown;
  /** Whether loss and gradients are finite, if that is watched. */
  readonly isSound: boolean;
}

/** What is compiled for a training. */
interface Programs {
  readonly batch: (batch: Given) => { scalars: Scalars; outputs: unknown; finite: Tensor | null };
  /** Null where a batch is an update. */
  readonly update: (() => void) | null;
}

/** Forward, backward and update of a model, compiled: as one program, or as two where several batches make one update. */
export class TrainingStep {
  readonly #model: Module;
  readonly #compile: () => Programs;
  readonly #inOne: boolean;
  #programs: Programs | null = null;
  /** Whose gradients are added up. */
  #parameters: readonly Variable[] = [];

  constructor(
    model: Module,
    objective: Objective,
    measures: Measures,
    optimizer: Optimizer,
    options: StepOptions,
  ) {
    this.#model = model;
    this.#inOne = options.accumulate === 1 && !options.isGuarded;
    this.#compile = () => programsOf(model, objective, measures, optimizer, options, this.#inOne);
  }

  /** Computes the gradient of a batch, and where a batch is an update, makes it. */
  batch({ x, y, weights, examples }: ReadBatch): BatchResult {
    const { scalars, outputs, finite } = this.#now().batch({ x, y, weights, examples });
    return { scalars, outputs, isSound: finite === null || finite.item() !== 0 };
  }

  /** Makes the update of the batches since the last one. */
  update(): void {
    this.#now().update?.();
  }

  /** The programs for the parameters that are trained now: sums of gradients are theirs alone. */
  #now(): Programs {
    if (!this.#inOne) {
      const parameters = this.#model.parameters();
      const former = this.#parameters;
      if (parameters.length !== former.length || parameters.some((p, i) => p !== former[i]))
        this.#programs = null;
      this.#parameters = parameters;
    }
    return (this.#programs ??= this.#compile());
  }
}

function programsOf(
  model: Module,
  objective: Objective,
  measures: Measures,
  optimizer: Optimizer,
  { clipNorm, clipValue, afterUpdate, isGuarded }: StepOptions,
  inOne: boolean,
): Programs {
  const update = (grads: Gradients): void => {
    const bounded = clipValue === null ? grads : clipGradValue(grads, clipValue);
    optimizer.update(clipNorm === null ? bounded : clipGradNorm(bounded, clipNorm));
    afterUpdate?.();
  };
  const sums = inOne ? null : new GradientAccumulator(model);
  const batch = jit(({ x, y, weights, examples }: Given) => {
    const buffers = isGuarded ? model.buffers().map((buffer) => [buffer, buffer.value] as const) : [];
    const [[loss, { parts, outputs }], grads] = valueAndGrad(
      (): [Tensor, { parts: readonly Tensor[]; outputs: unknown }] => {
        const [made, penalty] = regularized(model, () => outputsOf(model, x));
        const { loss: value, parts: single } = objective.evaluate(made, y, weights, penalty);
        return [value, { parts: single, outputs: made }];
      },
      model,
    );
    const finite = isGuarded ? loss.isfinite().logicalAnd(gradNorm(grads).isfinite()) : null;
    const total = objective.totalWeight(y, weights) ?? examples;
    if (sums === null) update(grads);
    else if (finite === null) sums.add(grads, total);
    else {
      for (const [buffer, before] of buffers) buffer.assign(where(finite, buffer.value, before));
      const kept = new Map([...grads].map(([variable, grad]) => [variable, where(finite, grad, 0)]));
      sums.add(kept, where(finite, total, 0).cast('float32'));
    }
    return {
      scalars: scalarsOf(objective, measures, outputs, { y, weights }, { loss, parts }),
      outputs: measures.needsOutputs ? outputs : null,
      finite,
    };
  });
  return { batch, update: sums === null ? null : jit(() => update(sums.take())) };
}

interface Given {
  readonly x: ArrayTree;
  readonly y: ArrayTree | null;
  readonly weights: ArrayTree | null;
  readonly examples: number;
}
