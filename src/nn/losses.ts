import { arange } from '../core/create.ts';
import { checkOptions } from '../core/options.ts';
import { type Tensor, where } from '../core/tensor.ts';
import { isFloat } from '../graph/dtype.ts';
import { softplus } from './activations.ts';

/** What becomes of the losses of the single examples or elements: their mean (default), their sum, or nothing. */
export interface LossOptions {
  reduction?: 'mean' | 'sum' | 'none';
}

function reduced(name: string, losses: Tensor, options: LossOptions): Tensor {
  checkOptions(name, options, ['reduction']);
  const { reduction = 'mean' } = options;
  if (reduction === 'mean') return losses.mean();
  if (reduction === 'sum') return losses.sum();
  if (reduction === 'none') return losses;
  throw new Error(`${name}: reduction must be 'mean', 'sum' or 'none', got '${String(reduction)}'`);
}

function requireSame(name: string, predictions: Tensor, targets: Tensor): void {
  if (String(predictions.shape) !== String(targets.shape) || predictions.ndim !== targets.ndim)
    throw new Error(
      `${name}: predictions [${predictions.shape.join(', ')}] and targets [${targets.shape.join(', ')}] must have one shape; ` +
        'reshape or broadcast one of them',
    );
}

/** `-log p[label]` for each example, from log-probabilities [..., classes] and labels [...]. */
function negativeLogLikelihood(name: string, logProbabilities: Tensor, labels: Tensor): Tensor {
  const classes = logProbabilities.shape[logProbabilities.ndim - 1];
  const expected = logProbabilities.shape.slice(0, -1);
  if (logProbabilities.ndim === 0 || String(labels.shape) !== String(expected))
    throw new Error(
      `${name}: logits [${logProbabilities.shape.join(', ')}] need labels of shape [${expected.join(', ')}], got [${labels.shape.join(', ')}]`,
    );
  if (isFloat(labels.dtype) || labels.dtype === 'bool')
    throw new Error(
      `${name}: labels must be int32 class numbers, got ${labels.dtype}; make them with tensor(labels, { dtype: 'int32' })`,
    );
  // A comparison instead of a gather: it fuses with what makes the logits, in both directions.
  const chosen = labels.unsqueeze(-1).eq(arange(classes));
  return where(chosen, logProbabilities, 0).sum(-1).neg();
}

/**
 * Cross-entropy of logits [..., classes] (unnormalized log-probabilities, classes last, unlike PyTorch's axis 1) with labels [...]
 * of class numbers: `-log softmax(logits)[label]`, or with target probabilities of the logits' shape:
 * `-Σ target log softmax(logits)`; averaged over examples. A label outside of 0 .. classes-1 counts as loss 0.
 *
 * @throws if shapes do not fit, or labels are floats that are not probabilities of every class
 */
export function crossEntropy(logits: Tensor, labels: Tensor, options: LossOptions = {}): Tensor {
  const logProbabilities = logits.logSoftmax(-1);
  const soft = isFloat(labels.dtype) && logits.ndim > 0 && String(labels.shape) === String(logits.shape);
  const losses = soft
    ? labels.mul(logProbabilities).sum(-1).neg()
    : negativeLogLikelihood('crossEntropy', logProbabilities, labels);
  return reduced('crossEntropy', losses, options);
}

/** Negative log-likelihood of log-probabilities [..., classes] and labels [...]: crossEntropy after logSoftmax. */
export const nllLoss = (logProbabilities: Tensor, labels: Tensor, options: LossOptions = {}): Tensor =>
  reduced('nllLoss', negativeLogLikelihood('nllLoss', logProbabilities, labels), options);

/** Mean of (prediction - target)². The shapes must be equal: nothing is broadcast. */
export function mseLoss(predictions: Tensor, targets: Tensor, options: LossOptions = {}): Tensor {
  requireSame('mseLoss', predictions, targets);
  return reduced('mseLoss', predictions.sub(targets).square(), options);
}

/**
 * Cross-entropy of independent yes/no predictions from logits: `-t log σ(x) - (1 - t) log(1 - σ(x))`, computed as
 * `softplus(x) - t x`, which is exact for logits of any size. Targets are probabilities in the shape of the logits.
 */
export function binaryCrossEntropyWithLogits(
  logits: Tensor,
  targets: Tensor,
  options: LossOptions = {},
): Tensor {
  requireSame('binaryCrossEntropyWithLogits', logits, targets);
  return reduced('binaryCrossEntropyWithLogits', softplus(logits).sub(logits.mul(targets)), options);
}
