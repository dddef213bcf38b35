import { jit } from '../core/jit.ts';
import { checkOptions } from '../core/options.ts';
import type { Tensor } from '../core/tensor.ts';
import { formatPredictions } from '../metrics/class_report.ts';
import type { Callback, Run } from './callback.ts';
import type { Batches } from './evaluate.ts';

/** Options of {@link printPredictions}. */
export interface PrintPredictionsOptions {
  /** Examples of the training set that are predicted, such as a loader of the first 1,000. */
  readonly training: Batches;
  /** Of these only the accuracy is shown. Default none. */
  readonly validation?: Batches;
  /** Steps between two printouts. Default 100. */
  readonly every?: number;
  /** Predictions shown. Default 20. */
  readonly samples?: number;
  /** Takes the text. Default the console. */
  readonly print?: (text: string) => void;
}

/**
 * Prints every so many steps what the classifier (of outputs [batch, classes]) says of some training examples, how many are right in each class, and the
 * validation accuracy: the debugging that comes before all dashboards. See `formatPredictions`.
 *
 * @throws TypeError or RangeError for options that make no sense
 */
export function printPredictions(options: PrintPredictionsOptions): Callback {
  checkOptions('printPredictions', options, ['training', 'validation', 'every', 'samples', 'print']);
  const { training, validation, every = 100, samples = 20, print = (text) => console.log(text) } = options;
  if (!Number.isInteger(every) || every < 1)
    throw new RangeError(`printPredictions: every must be an integer from 1 on, got ${every}`);
  let predict: ((x: Tensor) => Tensor) | null = null;
  const predictions = (run: Run, data: Batches) => {
    predict ??= jit((x: Tensor) => run.model.forward(x));
    const result = { predicted: [] as number[], truth: [] as number[], classes: 0 };
    const restoreModes = run.model.evalForNow();
    try {
      for (const [x, y] of data) {
        const outputs = predict(x);
        result.classes = outputs.shape[1];
        result.predicted.push(...outputs.argmax(-1).dataSync());
        result.truth.push(...y.dataSync());
      }
    } finally {
      restoreModes();
    }
    return result;
  };
  return {
    name: 'printPredictions',
    onStep(run) {
      if (run.step % every !== 0) return;
      const { predicted, truth, classes } = predictions(run, training);
      print(formatPredictions(run.step, predicted, truth, { samples, classes }));
      if (validation === undefined) return;
      const held = predictions(run, validation);
      const right = held.predicted.filter((c, i) => c === held.truth[i]).length;
      print(`Step ${run.step}: val accuracy ${(right / held.truth.length).toFixed(4)}`);
    },
  };
}
