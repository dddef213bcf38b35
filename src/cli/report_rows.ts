import { jit } from '../core/jit.ts';
import type { Tensor } from '../core/tensor.ts';
import { confusionMatrix, formatConfusion } from '../metrics/confusion.ts';
import { f1, precision, recall } from '../metrics/precision.ts';
import { r2, rootMeanSquaredError } from '../metrics/regression.ts';
import type { Layer } from '../nn/module.ts';
import { batches, type Samples, type Task, type TaskName } from '../recipes/index.ts';
import { evaluate } from '../train/evaluate.ts';
import { print, type Terminal } from './terminal.ts';

/** Outputs of a model for all examples, row-major, in evaluation mode. */
async function outputsOf(model: Layer, part: Samples, batchSize: number): Promise<Float32Array> {
  const apply = jit((x: Tensor) => model.forward(x));
  const outputs: Float32Array[] = [];
  const restoreModes = model.evalForNow();
  try {
    for (const [x] of batches(part, { batchSize })) outputs.push((await apply(x).data()) as Float32Array);
  } finally {
    restoreModes();
  }
  return Float32Array.from(outputs.flatMap((rows) => [...rows]));
}

/**
 * Applies a model to a test set of rows of numbers and prints its loss, its metrics, and what belongs to its task: a confusion matrix, a
 * table of labels, or errors of a regression.
 */
export async function reportRows(
  model: Layer,
  test: Samples,
  { task, loss, metrics }: Task & { readonly task: TaskName },
  batchSize: number,
  terminal: Terminal,
): Promise<void> {
  const { signal } = terminal;
  const results = await evaluate(model, batches(test, { batchSize }), { loss, metrics, signal });
  const words = (name: string): string => name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
  for (const [name, value] of Object.entries(results))
    if (name !== 'loss') print(terminal, `test ${words(name)} ${value.toFixed(4)}`);
  print(terminal, `test loss ${results.loss.toFixed(4)}`);
  const outputs = await outputsOf(model, test, batchSize);
  const { outputs: width, targets, count } = test;
  const column = (values: ArrayLike<number>, k: number): number[] =>
    Array.from({ length: count }, (_, i) => values[i * width + k]);
  const yes = (values: readonly number[], limit: number): number[] => values.map((v) => (v > limit ? 1 : 0));
  switch (task) {
    case 'multiclass': {
      const predictions = Array.from({ length: count }, (_, i) => {
        const row = outputs.subarray(i * width, (i + 1) * width);
        return row.indexOf(Math.max(...row));
      });
      print(terminal);
      print(terminal, formatConfusion(confusionMatrix(targets, predictions, width)));
      return;
    }
    case 'binary':
      print(terminal);
      print(
        terminal,
        formatConfusion(confusionMatrix(yes(column(targets, 0), 0.5), yes(column(outputs, 0), 0), 2)),
      );
      return;
    case 'multilabel': {
      print(terminal);
      const labels = test.names?.outputs ?? Array.from({ length: width }, (_, k) => `label ${k}`);
      const size = Math.max(...labels.map((label) => label.length));
      print(terminal, `${' '.repeat(size)}  precision  recall      F1  examples`);
      labels.forEach((label, k) => {
        const [predicted, true_] = [yes(column(outputs, k), 0), yes(column(targets, k), 0.5)];
        const cells = [precision, recall, f1].map((measure) => measure(predicted, true_).toFixed(4));
        const examples = true_.reduce((sum, v) => sum + v, 0);
        print(
          terminal,
          `${label.padEnd(size)}  ${cells[0].padStart(9)}  ${cells[1].padStart(6)}  ${cells[2].padStart(6)}  ${String(examples).padStart(8)}`,
        );
      });
      return;
    }
    case 'regression':
      print(
        terminal,
        `test root mean squared error ${Number(rootMeanSquaredError(outputs, targets)).toFixed(4)}`,
      );
      print(terminal, `test R2 ${Number(r2(outputs, targets)).toFixed(4)}`);
  }
}
