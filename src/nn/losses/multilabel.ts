import { arange } from '../../core/create.ts';
import { type Tensor, where } from '../../core/tensor.ts';
import { isFloat } from '../../graph/dtype.ts';
import { softplus } from '../activations.ts';
import { type LossOptions, reduced, requireClassWeights, requireSame } from './reduction.ts';

/** Losses of examples that belong to several classes at once. */

/** Options of {@link multilabelSoftMarginLoss}. */
export interface MultilabelOptions extends LossOptions {
  /** Factors of the classes [classes]. Default: all 1. */
  weight?: Tensor;
}

/**
 * `-Σ over classes of t log σ(x) + (1 - t) log(1 - σ(x))`, divided by the number of classes, for scores x and targets t in [0, 1], both
 * [..., classes]: one loss for each example.
 *
 * @throws if shapes do not fit
 */
export function multilabelSoftMarginLoss(
  scores: Tensor,
  targets: Tensor,
  options: MultilabelOptions = {},
): Tensor {
  const name = 'multilabelSoftMarginLoss';
  requireSame(name, scores, targets, ['scores', 'targets']);
  if (scores.ndim === 0) throw new Error(`${name}: scores need a last axis of classes`);
  requireClassWeights(name, scores, options.weight);
  const each = softplus(scores).sub(scores.mul(targets.cast(scores.dtype)));
  const weighted = options.weight === undefined ? each : each.mul(options.weight.cast(each.dtype));
  return reduced(name, weighted.mean(-1), options, ['weight']);
}

/**
 * `Σ max(0, 1 - x[y] + x[i]) / classes` over the labels y of an example and the classes i that are none of them, for scores x
 * [batch, classes] and labels [batch, classes]: class numbers first, then -1, and anything after the first -1.
 *
 * @throws if shapes do not fit or labels are not integers
 */
export function multilabelMarginLoss(scores: Tensor, labels: Tensor, options: LossOptions = {}): Tensor {
  const name = 'multilabelMarginLoss';
  requireSame(name, scores, labels, ['scores', 'labels']);
  if (scores.ndim !== 2)
    throw new Error(`${name}: scores and labels must be [batch, classes], got [${scores.shape.join(', ')}]`);
  if (isFloat(labels.dtype) || labels.dtype === 'bool')
    throw new Error(
      `${name}: labels must be int32 class numbers, got ${labels.dtype}; make them with tensor(labels, { dtype: 'int32' })`,
    );
  const classes = scores.shape[1];
  const isLabel = labels.ge(0).cast('int32').cumprod(1).gt(0);
  const own = isLabel.unsqueeze(2).logicalAnd(labels.unsqueeze(2).eq(arange(classes)));
  const isOther = own.any(1).logicalNot().unsqueeze(1);
  const chosen = scores.takeAlongAxis(where(isLabel, labels, 0), 1).unsqueeze(2);
  const lacking = scores.unsqueeze(1).sub(chosen).add(1).relu();
  const counts = isLabel.unsqueeze(2).logicalAnd(isOther);
  return reduced(name, where(counts, lacking, 0).sum([1, 2]).div(classes), options);
}
