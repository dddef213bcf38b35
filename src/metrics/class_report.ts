import { read, requireSameShape, type Values } from './values.ts';

/**
 * How many examples of each class were predicted rightly: `counts[c]` of class c.
 *
 * @param predictions class numbers, as are `labels`, in the same shape
 * @param classes how many there are; default as many as occur
 * @throws RangeError if shapes differ or something is no class number
 */
export function correctByClass(predictions: Values, labels: Values, classes?: number): number[] {
  const [given, wanted] = [read('correctByClass', predictions), read('correctByClass', labels)];
  requireSameShape('correctByClass', given, wanted);
  const [predicted, truth] = [Array.from(given.data), Array.from(wanted.data)];
  const all = [...predicted, ...truth];
  const bad = all.find((c) => !(Number.isInteger(c) && c >= 0 && (classes === undefined || c < classes)));
  if (bad !== undefined)
    throw new RangeError(
      `correctByClass: ${bad} is no class${classes === undefined ? '' : ` of 0 to ${classes - 1}`}; give class numbers, such as logits.argmax(-1)`,
    );
  const counts = new Array<number>(classes ?? all.reduce((most, c) => Math.max(most, c + 1), 0)).fill(0);
  predicted.forEach((c, i) => {
    if (c === truth[i]) counts[c]++;
  });
  return counts;
}

/**
 * What to look at first when a classifier does not learn: some predictions beside the truth, and how many are right in each class. One
 * that says the same of everything is seen at once.
 *
 * ```
 * Step 200: training accuracy 0.1270
 * sample pred: [2 2 2 2 2 2 2 2]
 * sample true: [1 9 2 3 2 5 9 3]
 * correct predictions by class: [0 0 125 0 0 0 0 0 0 0]
 * ```
 *
 * @param options.samples how many predictions are shown. Default 20
 * @throws RangeError as {@link correctByClass}, or if there are no examples
 */
export function formatPredictions(
  step: number,
  predictions: Values,
  labels: Values,
  options: { readonly samples?: number; readonly classes?: number } = {},
): string {
  const { samples = 20, classes } = options;
  const counts = correctByClass(predictions, labels, classes);
  const [predicted, truth] = [
    read('formatPredictions', predictions).data,
    read('formatPredictions', labels).data,
  ];
  if (truth.length === 0) throw new RangeError('formatPredictions: there are no examples');
  const right = counts.reduce((sum, count) => sum + count, 0);
  const list = (values: ArrayLike<number>): string => `[${Array.from(values).join(' ')}]`;
  return [
    `Step ${step}: training accuracy ${(right / truth.length).toFixed(4)}`,
    `sample pred: ${list(Array.from(predicted).slice(0, samples))}`,
    `sample true: ${list(Array.from(truth).slice(0, samples))}`,
    `correct predictions by class: ${list(counts)}`,
  ].join('\n');
}
