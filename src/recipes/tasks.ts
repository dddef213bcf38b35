import type { Tensor } from '../core/tensor.ts';
import { accuracy } from '../metrics/accuracy.ts';
import { binaryCrossEntropyWithLogits, crossEntropy, mseLoss } from '../nn/losses/index.ts';
import type { BatchFunction } from '../train/evaluate.ts';
import type { TrainingRecipe } from './recipe.ts';
import type { AnyValues } from './settings.ts';

/**
 * Kinds of predictions and what goes with each (Géron: Hands-On Machine Learning, tables 10-1 and 10-2). Models give logits, without the
 * last activation, which the losses contain.
 *
 * | task       | outputs           | last activation | loss                 |
 * | ---------- | ----------------- | --------------- | -------------------- |
 * | binary     | 1                 | logistic        | cross-entropy        |
 * | multilabel | 1 for each label  | logistic        | cross-entropy        |
 * | multiclass | 1 for each class  | softmax         | cross-entropy        |
 * | regression | 1 for each number | none            | mean squared error   |
 */
export type TaskName = 'binary' | 'multilabel' | 'multiclass' | 'regression';

/** What a task is measured by. */
export interface Task {
  readonly loss: BatchFunction;
  readonly metrics: Readonly<Record<string, BatchFunction>>;
}

/** Yes where the logit is above 0, that is, the probability above a half: outputs and targets [batch, labels]. */
const right = (logits: Tensor, targets: Tensor): Tensor => logits.gt(0).eq(targets.gt(0.5));
const share = (hits: Tensor): Tensor => hits.cast('float32').mean();

/** The tasks by name. */
export const tasks: Readonly<Record<TaskName, Task>> = {
  binary: {
    loss: binaryCrossEntropyWithLogits,
    metrics: { accuracy: (logits, targets) => share(right(logits, targets)) },
  },
  multilabel: {
    loss: binaryCrossEntropyWithLogits,
    metrics: {
      accuracy: (logits, targets) => share(right(logits, targets)),
      // Of all labels of an example.
      allRight: (logits, targets) => share(right(logits, targets).all(-1)),
    },
  },
  multiclass: { loss: crossEntropy, metrics: { accuracy } },
  regression: {
    loss: mseLoss,
    metrics: { meanAbsoluteError: (outputs, targets) => outputs.sub(targets).abs().mean() },
  },
};

/** What the model of a recipe is trained for and measured by. */
export function measuresOf(recipe: TrainingRecipe, own: AnyValues): Task & { readonly task: TaskName } {
  const task = recipe.task?.(own) ?? 'multiclass';
  return { ...tasks[task], ...(recipe.loss === undefined ? {} : { loss: recipe.loss(own) }), task };
}
