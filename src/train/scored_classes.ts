import { jit } from '../core/jit.ts';
import { stack, Tensor } from '../core/tensor.ts';
import type { Image } from '../data/image.ts';
import type { Layer } from '../nn/module.ts';
import { picturesOf } from './array_pictures.ts';
import { breathe } from './breath.ts';
import { type Data, openData, readBatch } from './data_forms.ts';
import { Feed } from './feed.ts';

/** A wrong prediction with what it was made of. */
export interface Mistake {
  readonly label: number;
  readonly prediction: number;
  /** -log of the probability of the right class. */
  readonly loss: number;
  readonly picture: Image;
}

/** Probabilities that a classifier gives. */
export interface Scored {
  readonly labels: readonly number[];
  /** [examples, classes], row-major. */
  readonly scores: Float32Array;
  readonly classes: number;
  /** The worst first. */
  readonly mistakes: readonly Mistake[];
}

/** Whether an array is a batch of images: [batch, height, width, 1 or 3]. */
export const isPicture = (x: Tensor): boolean => x.ndim === 4 && (x.shape[3] === 1 || x.shape[3] === 3);

/** Softmax over classes; of a single output the sigmoid, as the probability of class 1. */
function probabilities(outputs: Tensor): Tensor {
  const logits = outputs.ndim === 1 ? outputs.reshape([outputs.shape[0], 1]) : outputs;
  if (logits.shape[logits.ndim - 1] > 1) return logits.softmax(-1);
  const one = logits.reshape([logits.shape[0]]).sigmoid();
  return stack([one.neg().add(1), one], -1);
}

/**
 * Applies a classifier to data in evaluation mode: probabilities of all classes for each example, and the pictures that it mistakes
 * most.
 *
 * @param most mistakes to keep; none if the data are no images
 */
export async function scoreClassifier(model: Layer, data: Data, most: number): Promise<Scored> {
  const apply = jit((x: Tensor) => probabilities(model.forward(x)));
  const breath = breathe();
  const labels: number[] = [];
  const parts: ArrayLike<number>[] = [];
  let classes = 0;
  let mistakes: Mistake[] = [];
  const feed = new Feed(openData('tensorBoard', 'the validation data', data, {}));
  const restoreModes = model.evalForNow();
  try {
    await feed.begin(null, 0, false);
    for (let value = await feed.next(), i = 1; value !== null; value = await feed.next(), i++) {
      const { x, y } = readBatch('tensorBoard', `batch ${i} of the validation data`, value);
      if (!(x instanceof Tensor && y instanceof Tensor))
        throw new TypeError(
          `tensorBoard: batch ${i} of the validation data must be an array of inputs and one of class numbers`,
        );
      const result = apply(x);
      const [scores, truth] = [await result.data(), await y.data()];
      classes = result.shape[1];
      parts.push(scores);
      const found: [label: number, prediction: number, loss: number, place: number][] = [];
      for (let i = 0; i < truth.length; i++) {
        labels.push(truth[i]);
        const row = scores.subarray(i * classes, (i + 1) * classes);
        const prediction = row.indexOf(Math.max(...row));
        if (prediction !== truth[i]) found.push([truth[i], prediction, -Math.log(row[truth[i]]), i]);
      }
      if (most > 0 && isPicture(x) && found.length > 0) {
        found.sort((a, b) => b[2] - a[2]).splice(most);
        const own = found.map(([label, prediction, loss, place]) => {
          const [picture] = picturesOf(x.slice([place, place + 1]));
          return { label, prediction, loss, picture };
        });
        mistakes = [...mistakes, ...own].sort((a, b) => b.loss - a.loss).slice(0, most);
      }
      await breath();
    }
  } finally {
    restoreModes();
    await feed.close();
  }
  const scores = new Float32Array(labels.length * classes);
  let at = 0;
  for (const part of parts) {
    scores.set(part, at);
    at += part.length;
  }
  return { labels, scores, classes, mistakes };
}
