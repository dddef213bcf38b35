import { jit } from '../core/jit.ts';
import { Tensor } from '../core/tensor.ts';
import { crossEntropy } from '../nn/losses/index.ts';
import type { Layer } from '../nn/module.ts';
import { breathe } from './breath.ts';
import { type Data, openData, readBatch } from './data_forms.ts';
import { Feed } from './feed.ts';
import { withBatch } from './training_step.ts';

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
export async function classify(model: Layer, data: Data, signal?: AbortSignal): Promise<Classified> {
  const measure = jit((x: Tensor, y: Tensor) => {
    const logits = model.forward(x);
    return [logits.argmax(-1), crossEntropy(logits, y, { reduction: 'none' })];
  });
  const breath = breathe(signal);
  const result = { labels: [] as number[], predictions: [] as number[], losses: [] as number[] };
  const feed = new Feed(openData('classify', 'the data', data, {}));
  const restoreModes = model.evalForNow();
  try {
    await feed.begin(null, 0, false);
    for (let value = await feed.next(), i = 1; value !== null; value = await feed.next(), i++) {
      const batch = readBatch('classify', `batch ${i}`, value);
      const { x, y } = batch;
      if (!(x instanceof Tensor && y instanceof Tensor))
        throw new TypeError(`classify: batch ${i} must be an array of inputs and one of labels`);
      const [predictions, losses] = withBatch('classify', `batch ${i}`, batch, () => measure(x, y));
      for (const [list, values] of [
        [result.labels, y],
        [result.predictions, predictions],
        [result.losses, losses],
      ] as const)
        for (const number of await values.data()) list.push(number);
      await breath();
    }
  } finally {
    restoreModes();
    await feed.close();
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
