import { jit } from '../core/jit.ts';
import { checkOptions } from '../core/options.ts';
import { concat, Tensor } from '../core/tensor.ts';
import { flatten } from '../core/tree.ts';
import type { ArrayTree } from '../data/tensor_loader.ts';
import type { Module } from '../nn/module.ts';
import { regularized } from '../nn/regularizers.ts';
import { type Breath, breathe } from './breath.ts';
import { type Data, openData, readBatch, type Source, typesOf } from './data_forms.ts';
import { Feed } from './feed.ts';
import { Means } from './means.ts';
import { Measures, type MetricKind, type Metrics, numbersIn, type Results } from './measures.ts';
import { Objective, type ObjectiveOptions } from './objective.ts';
import { outputsOf, type Scalars, scalarNames, scalarsOf, take, withBatch } from './training_step.ts';

/** A scalar from a model's outputs and the targets of a batch, averaged over its examples. */
export type BatchFunction = (outputs: Tensor, targets: Tensor) => Tensor;

/**
 * Batches that can be iterated again and again. `length` is their number, if known. A loader that shuffles has an `epoch`
 * that `fit` sets.
 */
export interface Batches extends Iterable<readonly [x: Tensor, y: Tensor]> {
  readonly length?: number;
  epoch?: number;
  /** The place after the last batch given out, as plain JSON. */
  state?(): unknown;
  /** Lets the next iteration begin at such a place, with the rest of its epoch. */
  restore?(state: never): void;
}

/** What a model's forward gives; an array where its type does not say. */
export type OutputsOf<M> = M extends { forward(...inputs: never[]): infer O }
  ? unknown extends O
    ? Tensor
    : O
  : never;

/** Options of {@link evaluate}. */
export interface EvaluateOptions<O = Tensor, Y = Tensor, Ms = Metrics<O, Y>> extends ObjectiveOptions<O, Y> {
  /** Such as `{ accuracy, f1: new F1() }`; default none. */
  readonly metrics?: Ms & Metrics<O, Y>;
  /** Metrics that count examples by the weights of the data and of the classes: functions get them as `{ weights }`. */
  readonly weightedMetrics?: Metrics<O, Y>;
  /** Examples per batch, where the data is arrays or a dataset. Default 32. */
  readonly batchSize?: number;
  /** Batches to measure on, for data without end. Default: all. */
  readonly steps?: number;
  /** Aborting it ends the evaluation with an {@link Interrupted}. */
  readonly signal?: AbortSignal;
}

const objectiveNames = ['loss', 'lossWeights', 'classWeights', 'weightedMean', 'penalty'] as const;
const evaluateNames = [...objectiveNames, 'metrics', 'weightedMetrics', 'batchSize', 'steps', 'signal'];

/** What was measured. */
export interface Evaluation {
  /** Loss, single losses and metrics that are functions. */
  readonly means: Readonly<Record<string, number>>;
  /** What the other metrics give. */
  readonly results: Readonly<Record<string, unknown>>;
}

/** The numbers of an evaluation, or of an epoch. */
export const logsOf = ({ means, results }: Evaluation): Record<string, number> => ({
  ...means,
  ...numbersIn(results),
});

/** Measures a model, by programs that are compiled once for all evaluations. */
export class Evaluator {
  readonly #model: Module;
  readonly #name: string;
  readonly #measures: Measures;
  readonly #names: readonly string[];
  readonly #measure: (batch: { x: ArrayTree; y: ArrayTree | null; weights: ArrayTree | null }) => {
    scalars: Scalars;
    outputs: unknown;
  };

  constructor(name: string, model: Module, objective: Objective | null, measures: Measures) {
    this.#name = name;
    this.#model = model;
    this.#measures = measures;
    this.#names = scalarNames(objective, measures);
    this.#measure = jit(({ x, y, weights }) => {
      const [outputs, penalty] = regularized(model, () => outputsOf(model, x));
      const value = objective?.evaluate(outputs, y, weights, penalty) ?? null;
      return {
        scalars: scalarsOf(objective, measures, outputs, { y, weights }, value),
        outputs: measures.needsOutputs ? outputs : null,
      };
    });
  }

  /**
   * Means over all examples, in evaluation mode.
   *
   * @param steps at most so many batches
   */
  async on(source: Source, what: string, breath: Breath, steps: number | null = null): Promise<Evaluation> {
    const means = new Means();
    const measures = this.#measures;
    measures.reset();
    const feed = new Feed(source, steps);
    const restoreModes = this.#model.evalForNow();
    let batches = 0;
    try {
      await feed.begin(null, 0, false);
      for (let value = await feed.next(); value !== null; value = await feed.next()) {
        const where = `batch ${++batches} of ${what}`;
        const batch = readBatch(this.#name, where, value);
        const { x, y, weights } = batch;
        const { scalars, outputs } = withBatch(this.#name, where, batch, () =>
          this.#measure({ x, y, weights }),
        );
        take(this.#names, scalars, batch.examples, [means]);
        if (measures.needsOutputs)
          withBatch(this.#name, where, batch, () => measures.update(outputs, y, weights));
        await breath();
      }
    } finally {
      restoreModes();
      await feed.close();
    }
    if (batches === 0) throw noBatches(this.#name, what);
    return { means: means.logs, results: measures.results() };
  }
}

const noBatches = (name: string, what: string): Error =>
  new Error(`${name}: ${what} has no batches; a generator, for one, can be iterated only once`);

/**
 * Loss and metrics of a model on data, in evaluation mode, as means over all examples: `await evaluate(model, loader(test), {
 * loss: nn.crossEntropy, metrics: { accuracy } })` gives `{ loss, accuracy }`. Metrics that are objects, such as `new
 * ConfusionMatrix()`, are exact over all batches, and give what their `compute` gives. Several losses also give one number each:
 * `{ loss, labelLoss, sizeLoss }`.
 *
 * @throws if the data is empty, a batch or an option is not what it should be, or an option is unknown
 */
export async function evaluate<
  M extends Module,
  Y = Tensor,
  Ms extends Metrics<OutputsOf<M>, Y> = Record<never, never>,
>(
  model: M,
  data: Data,
  options: EvaluateOptions<OutputsOf<M>, Y, Ms>,
): Promise<{ readonly loss: number } & Results<Ms>> {
  checkOptions('evaluate', options, evaluateNames);
  const { metrics = {}, weightedMetrics = {}, batchSize, steps, signal } = options;
  requireCount('evaluate', 'steps', steps);
  const objective = options.loss === undefined ? null : new Objective('evaluate', options as never);
  const measures = new Measures('evaluate', objective, metrics as never, weightedMetrics as never);
  const source = openData('evaluate', 'the data', data, { batchSize });
  const evaluator = new Evaluator('evaluate', model, objective, measures);
  const { means, results } = await evaluator.on(source, 'the data', breathe(signal), steps ?? null);
  return { ...means, ...results } as unknown as { readonly loss: number } & Results<Ms>;
}

/** Options of {@link predict}. */
export interface PredictOptions {
  /** Examples per batch, where the data is arrays or a dataset. Default 32. */
  readonly batchSize?: number;
  /** Batches to predict, for data without end. Default: all. */
  readonly steps?: number;
  /** Aborting it ends it with an {@link Interrupted}. */
  readonly signal?: AbortSignal;
}

/**
 * What a model makes of data, in evaluation mode, in one piece: the outputs of all batches joined along the first axis, a tree like
 * those of `forward`. Besides the {@link Data} of `fit` it takes inputs alone: an array, an object of arrays by name (`{ x: [a, b] }` for
 * several arguments of `forward`), batches that are arrays or `[x]`. Targets and weights are ignored. Shuffled data gives shuffled outputs.
 *
 * @throws if the data is empty, or outputs have no axis of examples
 */
export async function predict<M extends Module>(
  model: M,
  data: Data<unknown> | ArrayTree,
  options: PredictOptions = {},
): Promise<OutputsOf<M>> {
  checkOptions('predict', options, ['batchSize', 'steps', 'signal']);
  const { batchSize, steps, signal } = options;
  requireCount('predict', 'steps', steps);
  const source = openData('predict', 'the data', data, { batchSize }, true);
  const forward = jit((x: ArrayTree): unknown => outputsOf(model, x));
  const feed = new Feed(source, steps ?? null);
  const breath = breathe(signal);
  const batches: Tensor[][] = [];
  let rebuild: (leaves: readonly Tensor[]) => unknown = () => null;
  const restoreModes = model.evalForNow();
  try {
    await feed.begin(null, 0, false);
    for (let value = await feed.next(); value !== null; value = await feed.next()) {
      const where = `batch ${batches.length + 1}`;
      const batch = readBatch('predict', where, value, true);
      const outputs = flatten(
        withBatch('predict', where, batch, () => forward(batch.x)),
        (leaf): leaf is Tensor => leaf instanceof Tensor,
        'predict',
      );
      if (outputs.leaves.some((leaf) => leaf.ndim === 0))
        throw new Error(
          `predict: the model gives ${typesOf(outputs.leaves)}; outputs of batches are joined along their first axis, so each must have one`,
        );
      batches.push(outputs.leaves);
      ({ rebuild } = outputs);
      await breath();
    }
  } finally {
    restoreModes();
    await feed.close();
  }
  if (batches.length === 0) throw noBatches('predict', 'the data');
  const joined = batches[0].map((first, i) =>
    batches.length === 1
      ? first
      : concat(
          batches.map((leaves) => leaves[i]),
          0,
        ),
  );
  return rebuild(joined) as OutputsOf<M>;
}

/** @throws Error unless it is undefined or a positive integer */
export function requireCount(name: string, option: string, value: number | undefined): void {
  if (value !== undefined && (!Number.isInteger(value) || value < 1))
    throw new Error(`${name}: ${option} must be a positive integer, got ${value}`);
}

export type { MetricKind };
