import { arange } from '../../core/create.ts';
import { type Tensor, where } from '../../core/tensor.ts';
import { softplus } from '../activations.ts';
import { chosen } from './classification.ts';
import { type LossOptions, reduced, requireClassWeights, requireLabels, requireSame } from './reduction.ts';

/** Losses that are zero once a margin is kept. Signs are targets -1 or 1. */

/** `max(0, 1 - t x)` of scores x and signs t: the support vector machine's. */
export function hingeLoss(scores: Tensor, signs: Tensor, options: LossOptions = {}): Tensor {
  requireSame('hingeLoss', scores, signs);
  return reduced('hingeLoss', signs.cast(scores.dtype).mul(scores).neg().add(1).relu(), options);
}

/** `max(0, 1 - t x)²` of scores x and signs t. */
export function squaredHingeLoss(scores: Tensor, signs: Tensor, options: LossOptions = {}): Tensor {
  requireSame('squaredHingeLoss', scores, signs);
  const losses = signs.cast(scores.dtype).mul(scores).neg().add(1).relu().square();
  return reduced('squaredHingeLoss', losses, options);
}

/** `log(1 + e^(-t x))` of scores x and signs t: logistic regression's. */
export function softMarginLoss(scores: Tensor, signs: Tensor, options: LossOptions = {}): Tensor {
  requireSame('softMarginLoss', scores, signs);
  return reduced('softMarginLoss', softplus(signs.cast(scores.dtype).mul(scores).neg()), options);
}

/** Options of losses with a margin. */
export interface MarginOptions extends LossOptions {
  /** What must lie between. */
  margin?: number;
}

/** `x` where the sign is 1, `max(0, margin - x)` where it is -1, for distances x. Margin default 1. */
export function hingeEmbeddingLoss(distances: Tensor, signs: Tensor, options: MarginOptions = {}): Tensor {
  requireSame('hingeEmbeddingLoss', distances, signs);
  const far = distances
    .neg()
    .add(options.margin ?? 1)
    .relu();
  return reduced('hingeEmbeddingLoss', where(signs.gt(0), distances, far), options, ['margin']);
}

/** `max(0, margin - t (a - b))`: a should rank above b where the sign t is 1, below where it is -1. Margin default 0. */
export function marginRankingLoss(
  first: Tensor,
  second: Tensor,
  signs: Tensor,
  options: MarginOptions = {},
): Tensor {
  requireSame('marginRankingLoss', first, second, ['the first scores', 'the second scores']);
  requireSame('marginRankingLoss', first, signs);
  const ahead = first.sub(second).mul(signs.cast(first.dtype));
  return reduced(
    'marginRankingLoss',
    ahead
      .neg()
      .add(options.margin ?? 0)
      .relu(),
    options,
    ['margin'],
  );
}

/** Options of {@link multiMarginLoss}. */
export interface MultiMarginOptions extends MarginOptions {
  /** Exponent, 1 (default) or 2. */
  p?: 1 | 2;
  /** Weights of the classes [classes]. Default: all 1. */
  weight?: Tensor;
}

/**
 * `Σ over j ≠ y of w[y] max(0, margin - x[y] + x[j])^p / classes` for scores x [..., classes] and labels y [...]. Margin default 1.
 *
 * @throws if shapes do not fit, or p is neither 1 nor 2
 */
export function multiMarginLoss(scores: Tensor, labels: Tensor, options: MultiMarginOptions = {}): Tensor {
  requireLabels('multiMarginLoss', scores, labels);
  requireClassWeights('multiMarginLoss', scores, options.weight);
  const { p = 1, margin = 1, weight } = options;
  if (p !== 1 && p !== 2) throw new Error(`multiMarginLoss: p must be 1 or 2, got ${String(p)}`);
  const classes = scores.shape[scores.ndim - 1];
  const lacking = scores.sub(chosen(scores, labels).unsqueeze(-1)).add(margin).relu();
  const powered = p === 1 ? lacking : lacking.square();
  const others = where(labels.unsqueeze(-1).eq(arange(classes)), 0, powered)
    .sum(-1)
    .div(classes);
  const factor =
    weight === undefined ? null : chosen(weight.cast(scores.dtype).broadcastTo(scores.shape), labels);
  const losses = factor === null ? others : others.mul(factor);
  return reduced('multiMarginLoss', losses, options, ['p', 'margin', 'weight']);
}
