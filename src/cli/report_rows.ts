import { jit } from '../core/jit.ts';
import type { Tensor } from '../core/tensor.ts';
import { confusionMatrix, formatConfusion } from '../metrics/confusion.ts';
import { f1, precision, recall } from '../metrics/precision.ts';
import { r2, rootMeanSquaredError } from '../metrics/regression.ts';
import type { Layer } from '../nn/module.ts';
import { batches, type Samples, type Task, type TaskName } from '../recipes/index.ts';
import { evaluate } from '../train/evaluate.ts';
import { classReport } from '../train/report_classes.ts';
import type { TestReport } from '../train/report_page.ts';
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

/** Cross-entropy of an example: the logarithm of the sum of exponentials of its logits, less the logit of its class. */
function lossOf(logits: ArrayLike<number>, label: number): number {
  const all = Array.from(logits);
  const most = Math.max(...all);
  return most + Math.log(all.reduce((sum, logit) => sum + Math.exp(logit - most), 0)) - all[label];
}

/**
 * Applies a model to a test set of rows of numbers and prints its loss, its metrics, and what belongs to its task: a confusion matrix, a
 * table of labels, or errors of a regression.
 *
 * @returns the same for report.html
 */
export async function reportRows(
  model: Layer,
  test: Samples,
  { task, loss, metrics }: Task & { readonly task: TaskName },
  batchSize: number,
  terminal: Terminal,
): Promise<TestReport> {
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
  const row = (i: number) => outputs.subarray(i * width, (i + 1) * width);
  /** The numbers of a short row. */
  const textOf = (i: number): string | null => {
    if (test.width > 8) return null;
    const numbers = Array.from(test.inputs.subarray(i * test.width, (i + 1) * test.width));
    return numbers.map((value) => Number(value.toPrecision(3))).join(', ');
  };
  const yes = (values: readonly number[], limit: number): number[] => values.map((v) => (v > limit ? 1 : 0));
  switch (task) {
    case 'multiclass': {
      const predictions = Array.from({ length: count }, (_, i) => row(i).indexOf(Math.max(...row(i))));
      print(terminal);
      print(terminal, formatConfusion(confusionMatrix(targets, predictions, width)));
      return classReport(
        { labels: [...targets], predictions, losses: predictions.map((_, i) => lossOf(row(i), targets[i])) },
        { data: test.name, classes: width, textOf, ...(test.names && { names: test.names.outputs }) },
      );
    }
    case 'binary': {
      const [labels, logits] = [yes(column(targets, 0), 0.5), column(outputs, 0)];
      const predictions = yes(logits, 0);
      print(terminal);
      print(terminal, formatConfusion(confusionMatrix(labels, predictions, 2)));
      const losses = logits.map((logit, i) => lossOf([0, logit], labels[i]));
      return classReport({ labels, predictions, losses }, { data: test.name, classes: 2, textOf });
    }
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
      return {
        kind: 'labels',
        data: test.name,
        labels: labels.map((name, k) => ({
          name,
          targets: yes(column(targets, k), 0.5),
          predictions: yes(column(outputs, k), 0),
        })),
      };
    }
    case 'regression':
      print(
        terminal,
        `test root mean squared error ${Number(rootMeanSquaredError(outputs, targets)).toFixed(4)}`,
      );
      print(terminal, `test R2 ${Number(r2(outputs, targets)).toFixed(4)}`);
      return {
        kind: 'regression',
        data: test.name,
        outputs: Array.from({ length: width }, (_, k) => ({
          name: test.names?.outputs[k] ?? (width === 1 ? 'output' : `output ${k}`),
          targets: column(targets, k),
          predictions: column(outputs, k),
        })),
      };
  }
}
