import { jit } from '../core/jit.ts';
import { checkOptions } from '../core/options.ts';
import type { Tensor } from '../core/tensor.ts';
import { Mean } from '../metrics/mean.ts';
import type { Layer } from '../nn/module.ts';
import { type Breath, breathe } from './breath.ts';
import type { Logs } from './callback.ts';
import type { State } from './state.ts';

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

/** Options of {@link evaluate}. */
export interface EvaluateOptions {
  /** Such as `nn.crossEntropy`; default none. */
  readonly loss?: BatchFunction;
  /** Such as `{ accuracy }`; default none. */
  readonly metrics?: Readonly<Record<string, BatchFunction>>;
  /** Aborting it ends the evaluation with an {@link Interrupted}. */
  readonly signal?: AbortSignal;
}

/** Checks names of metrics: they share their table with the loss. */
export function checkMetrics(name: string, metrics: Readonly<Record<string, BatchFunction>>): void {
  for (const [key, metric] of Object.entries(metrics)) {
    if (typeof metric !== 'function')
      throw new TypeError(
        `${name}: metrics.${key} must be a function of outputs and targets, got ${typeof metric}`,
      );
    if (key === 'loss') throw new Error(`${name}: a metric cannot be called 'loss'`);
  }
}

/** Means over batches, weighted by their numbers of examples. */
export class Means {
  readonly #means = new Map<string, Mean>();

  add(logs: Logs, examples: number): void {
    for (const [name, value] of Object.entries(logs)) {
      let mean = this.#means.get(name);
      if (mean === undefined) this.#means.set(name, (mean = new Mean()));
      mean.add(value, examples);
    }
  }

  get logs(): Logs {
    return Object.fromEntries([...this.#means].map(([name, mean]) => [name, mean.value]));
  }

  /** Forgets all numbers. */
  clear(): void {
    this.#means.clear();
  }

  /** The sums so far, for checkpoints in the middle of an epoch. */
  stateDict(): State {
    return Object.fromEntries([...this.#means].map(([name, mean]) => [name, mean.stateDict()]));
  }

  loadStateDict(state: Readonly<Record<string, { readonly sum: number; readonly weight: number }>>): void {
    this.#means.clear();
    for (const [name, sums] of Object.entries(state)) {
      const mean = new Mean();
      mean.loadStateDict(sums);
      this.#means.set(name, mean);
    }
  }
}

/** Names for scalars in their order: trees that jit gives back have sorted keys. */
export const namedNumbers = (names: readonly string[], scalars: readonly Tensor[]): Logs =>
  Object.fromEntries(names.map((name, i) => [name, scalars[i].item()]));

/** A function that evaluates the model, compiled once for all the times it is called. */
export function evaluator(
  model: Layer,
  options: EvaluateOptions,
): (data: Batches, breath?: Breath) => Promise<Record<string, number>> {
  const { loss, metrics = {}, signal } = options;
  checkMetrics('evaluate', metrics);
  const measured = { ...(loss === undefined ? {} : { loss }), ...metrics };
  const names = Object.keys(measured);
  const measure = jit((x: Tensor, y: Tensor): Tensor[] => {
    const outputs = model.forward(x);
    return Object.values(measured).map((f) => f(outputs, y));
  });
  return async (data, breath = breathe(signal)) => {
    const means = new Means();
    let batches = 0;
    const restoreModes = model.evalForNow();
    try {
      for (const [x, y] of data) {
        means.add(namedNumbers(names, measure(x, y)), x.shape[0]);
        batches++;
        await breath();
      }
    } finally {
      restoreModes();
    }
    if (batches === 0)
      throw new Error('evaluate: the data has no batches; a generator, for one, can be iterated only once');
    return means.logs;
  };
}

/**
 * Loss and metrics of a model on data, in evaluation mode, as means over all examples: `await evaluate(model, loader(test), {
 * loss: nn.crossEntropy, metrics: { accuracy } })` gives `{ loss, accuracy }`.
 *
 * @throws if the data is empty or an option unknown
 */
export async function evaluate(
  model: Layer,
  data: Batches,
  options: EvaluateOptions,
): Promise<Record<string, number>> {
  checkOptions('evaluate', options, ['loss', 'metrics', 'signal']);
  return evaluator(model, options)(data);
}
