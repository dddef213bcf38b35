import { checkOptions } from '../../core/options.ts';
import { Tensor } from '../../core/tensor.ts';
import { isFloat } from '../../graph/dtype.ts';

/** What becomes of the losses of the single examples or elements: their mean (default), their sum, or nothing. */
export interface LossOptions {
  reduction?: 'mean' | 'sum' | 'none';
}

/** The chosen reduction. */
export function reductionOf(name: string, options: LossOptions): 'mean' | 'sum' | 'none' {
  const { reduction = 'mean' } = options;
  if (reduction === 'mean' || reduction === 'sum' || reduction === 'none') return reduction;
  throw new Error(`${name}: reduction must be 'mean', 'sum' or 'none', got '${String(reduction)}'`);
}

/** Checks the options, of which `more` are the loss's own, and reduces. */
export function reduced(
  name: string,
  losses: Tensor,
  options: LossOptions,
  more: readonly string[] = [],
): Tensor {
  checkOptions(name, options, ['reduction', ...more]);
  const reduction = reductionOf(name, options);
  if (reduction === 'none') return losses;
  return reduction === 'mean' ? losses.mean() : losses.sum();
}

const text = (x: Tensor): string => `[${x.shape.join(', ')}]`;

/** Checks that arguments are arrays: `requireArrays(name, { logits, labels })`. */
export function requireArrays(name: string, given: Readonly<Record<string, unknown>>): void {
  for (const [what, value] of Object.entries(given))
    if (!(value instanceof Tensor))
      throw new TypeError(
        `${name}: ${what} must be an array, got ${value === null ? 'null' : typeof value}; tensor() makes one`,
      );
}

/** Checks that two arrays have one shape. */
export function requireSame(
  name: string,
  predictions: Tensor,
  targets: Tensor,
  what: readonly [string, string] = ['predictions', 'targets'],
): void {
  requireArrays(name, { [what[0]]: predictions, [what[1]]: targets });
  if (String(predictions.shape) !== String(targets.shape) || predictions.ndim !== targets.ndim)
    throw new Error(
      `${name}: ${what[0]} ${text(predictions)} and ${what[1]} ${text(targets)} must have one shape; ` +
        'reshape or broadcast one of them',
    );
}

/** Checks labels [...] of class numbers for scores [..., classes]. */
export function requireLabels(name: string, scores: Tensor, labels: Tensor): void {
  requireArrays(name, { logits: scores, labels });
  const expected = scores.shape.slice(0, -1);
  if (scores.ndim === 0 || String(labels.shape) !== String(expected))
    throw new Error(
      `${name}: logits ${text(scores)} need labels of shape [${expected.join(', ')}], got ${text(labels)}`,
    );
  if (isFloat(labels.dtype) || labels.dtype === 'bool')
    throw new Error(
      `${name}: labels must be int32 class numbers, got ${labels.dtype}; make them with tensor(labels, { dtype: 'int32' })`,
    );
}

/** Checks weights of classes. */
export function requireClassWeights(name: string, scores: Tensor, weight: Tensor | undefined): void {
  const classes = scores.shape[scores.ndim - 1];
  if (weight !== undefined && String(weight.shape) !== String([classes]))
    throw new Error(`${name}: weight must have one number per class, [${classes}], got ${text(weight)}`);
}
