import { jit } from '../core/jit.ts';
import type { Tensor } from '../core/tensor.ts';
import { crossEntropy } from '../nn/losses/index.ts';
import type { Layer } from '../nn/module.ts';
import { breathe } from './breath.ts';
import type { Batches } from './evaluate.ts';

/** What a classifier makes of data, in the order of the data. */
export interface Classified {
  readonly labels: readonly number[];
  /** The class with the largest output. */
  readonly predictions: readonly number[];
  /** Cross-entropy: large where the model is sure of something wrong. */
  readonly losses: readonly number[];
}

/**
 * Applies a classifier (x to logits [batch, classes]) to every example, in evaluation mode.
 *
 * @param signal ends it with an Interrupted when aborted
 */
export async function classify(model: Layer, data: Batches, signal?: AbortSignal): Promise<Classified> {
  const measure = jit((x: Tensor, y: Tensor) => {
    const logits = model.forward(x);
    return [logits.argmax(-1), crossEntropy(logits, y, { reduction: 'none' })];
  });
  const breath = breathe(signal);
  const result = { labels: [] as number[], predictions: [] as number[], losses: [] as number[] };
  const restoreModes = model.evalForNow();
  try {
    for (const [x, y] of data) {
      const [predictions, losses] = measure(x, y);
      result.labels.push(...(await y.data()));
      result.predictions.push(...(await predictions.data()));
      result.losses.push(...(await losses.data()));
      await breath();
    }
  } finally {
    restoreModes();
  }
  return result;
}

/** Positions of the wrong predictions, those with the largest loss first. */
export const worstMistakes = ({ labels, predictions, losses }: Classified, most: number): number[] =>
  labels
    .map((_, i) => i)
    .filter((i) => labels[i] !== predictions[i])
    .sort((a, b) => losses[b] - losses[a])
    .slice(0, most);
