import { arange } from '../../core/create.ts';
import { checkOptions } from '../../core/options.ts';
import { type Tensor, where } from '../../core/tensor.ts';
import { isFloat } from '../../graph/dtype.ts';
import {
  type LossOptions,
  reduced,
  reductionOf,
  requireArrays,
  requireClassWeights,
  requireLabels,
  requireSame,
} from './reduction.ts';

/** Losses of predictions of one class among several. */

/** Options of {@link nllLoss}. */
export interface NllOptions extends LossOptions {
  /** Weights of the classes [classes]. The mean is then divided by the sum of the labels' weights. Default: all 1. */
  weight?: Tensor;
  /** Examples with this label count neither in sums nor in means. Default: none (PyTorch: -100). */
  ignoreIndex?: number | null;
}

/** Options of {@link crossEntropy}. */
export interface CrossEntropyOptions extends NllOptions {
  /** Share of the target that goes to all classes evenly, 0 to 1. Default 0. Szegedy et al. (2015). */
  labelSmoothing?: number;
}

/** `x[label]` for each row of x [..., classes], 0 for labels that are no class. */
export function chosen(scores: Tensor, labels: Tensor): Tensor {
  // A comparison instead of a gather: it fuses with what makes the scores, in both directions.
  const isChosen = labels.unsqueeze(-1).eq(arange(scores.shape[scores.ndim - 1]));
  return where(isChosen, scores, 0).sum(-1);
}

/** Losses of log-probabilities by labels, reduced with the weights that count. */
function likelihood(
  name: string,
  logProbabilities: Tensor,
  labels: Tensor,
  { weight, ignoreIndex = null, labelSmoothing = 0, ...options }: CrossEntropyOptions,
): Tensor {
  const reduction = reductionOf(name, options);
  const weighted =
    weight === undefined ? logProbabilities : logProbabilities.mul(weight.cast(logProbabilities.dtype));
  let losses = chosen(weighted, labels).neg();
  if (labelSmoothing > 0) losses = losses.mul(1 - labelSmoothing).sub(weighted.mean(-1).mul(labelSmoothing));
  // Labels counted from 1, for one, must not go unnoticed: a compiled program cannot throw, but NaN is seen at once.
  const isClass = labels.ge(0).logicalAnd(labels.lt(logProbabilities.shape[logProbabilities.ndim - 1]));
  losses = where(isClass, losses, Number.NaN);
  const counts = ignoreIndex === null ? null : labels.ne(ignoreIndex);
  if (counts !== null) losses = where(counts, losses, 0);
  if (reduction === 'none') return losses;
  if (reduction === 'sum') return losses.sum();
  if (weight === undefined && counts === null) return losses.mean();
  const shares =
    weight === undefined
      ? labels.mul(0).add(1).cast(losses.dtype)
      : chosen(weight.cast(losses.dtype).broadcastTo(logProbabilities.shape), labels);
  return losses.sum().div((counts === null ? shares : where(counts, shares, 0)).sum());
}

/**
 * Cross-entropy of logits [..., classes] (unnormalized log-probabilities, classes last, unlike PyTorch's axis 1) with labels [...]
 * of class numbers: `-log softmax(logits)[label]`, or with target probabilities of the logits' shape:
 * `-Σ target log softmax(logits)`; averaged over examples. A label outside of 0 .. classes-1 makes the loss NaN unless it is
 * `ignoreIndex` (PyTorch throws).
 *
 * @throws if shapes do not fit, labels are floats that are not probabilities of every class, or an option is out of range
 */
export function crossEntropy(logits: Tensor, labels: Tensor, options: CrossEntropyOptions = {}): Tensor {
  const name = 'crossEntropy';
  checkOptions(name, options, ['reduction', 'weight', 'ignoreIndex', 'labelSmoothing']);
  const { weight, ignoreIndex = null, labelSmoothing = 0 } = options;
  if (!(labelSmoothing >= 0 && labelSmoothing <= 1))
    throw new Error(`${name}: labelSmoothing must be from 0 to 1, got ${labelSmoothing}`);
  requireArrays(name, { logits, labels });
  requireClassWeights(name, logits, weight);
  const logProbabilities = logits.logSoftmax(-1);
  const soft = isFloat(labels.dtype) && logits.ndim > 0 && String(labels.shape) === String(logits.shape);
  if (!soft) {
    requireLabels(name, logits, labels);
    return likelihood(name, logProbabilities, labels, options);
  }
  if (ignoreIndex !== null)
    throw new Error(`${name}: ignoreIndex is for class numbers, the labels are probabilities`);
  const classes = logits.shape[logits.ndim - 1];
  const targets =
    labelSmoothing === 0 ? labels : labels.mul(1 - labelSmoothing).add(labelSmoothing / classes);
  const terms = targets.mul(logProbabilities);
  const losses = (weight === undefined ? terms : terms.mul(weight.cast(terms.dtype))).sum(-1).neg();
  return reduced(name, losses, { reduction: reductionOf(name, options) });
}

/**
 * Negative log-likelihood of log-probabilities [..., classes] and labels [...]: crossEntropy after logSoftmax.
 *
 * @throws if shapes do not fit, or labels are not integers
 */
export function nllLoss(logProbabilities: Tensor, labels: Tensor, options: NllOptions = {}): Tensor {
  checkOptions('nllLoss', options, ['reduction', 'weight', 'ignoreIndex']);
  requireLabels('nllLoss', logProbabilities, labels);
  requireClassWeights('nllLoss', logProbabilities, options.weight);
  return likelihood('nllLoss', logProbabilities, labels, options);
}

/** Options of {@link klDiv}. */
export interface KlDivOptions {
  /** `batchmean` is the sum over the first axis's extent, the divergence as it is defined. Default `mean`, over all elements. */
  reduction?: 'mean' | 'batchmean' | 'sum' | 'none';
  /** Targets are log-probabilities, too. Default false. */
  logTarget?: boolean;
}

/**
 * Kullback-Leibler divergence of targets from predictions, both in the same shape: `t (log t - x)` for each element, where x are
 * log-probabilities and 0 log 0 = 0. As in PyTorch, the mean is over elements; `batchmean` gives the divergence per example.
 */
export function klDiv(logProbabilities: Tensor, targets: Tensor, options: KlDivOptions = {}): Tensor {
  checkOptions('klDiv', options, ['reduction', 'logTarget']);
  requireSame('klDiv', logProbabilities, targets);
  const { reduction = 'mean', logTarget = false } = options;
  const losses = logTarget
    ? targets.exp().mul(targets.sub(logProbabilities))
    : targets.xlogy(targets).sub(targets.mul(logProbabilities));
  if (reduction !== 'batchmean') return reduced('klDiv', losses, { reduction });
  if (losses.ndim === 0) throw new Error("klDiv: 'batchmean' needs a first axis of examples");
  return losses.sum().div(losses.shape[0]);
}

/** Options of {@link focalLoss}. */
export interface FocalOptions extends LossOptions {
  /** How much examples that are right already are played down. Default 2. */
  gamma?: number;
  /** Weights of the classes [classes]. Default: all 1. */
  weight?: Tensor;
}

/**
 * Cross-entropy that looks away from easy examples: `-w[y] (1 - p)^γ log p` with p = softmax(logits)[label], for logits
 * [..., classes] and labels [...]; the mean is over examples. Lin et al. (2017). For independent yes/no predictions see
 * {@link sigmoidFocalLoss}.
 *
 * @throws if shapes do not fit, labels are not integers, or gamma is negative
 */
export function focalLoss(logits: Tensor, labels: Tensor, options: FocalOptions = {}): Tensor {
  const { gamma = 2, weight } = options;
  requireGamma('focalLoss', gamma);
  requireLabels('focalLoss', logits, labels);
  requireClassWeights('focalLoss', logits, weight);
  const logP = logits.logSoftmax(-1);
  const terms = weight === undefined ? logP : logP.mul(weight.cast(logP.dtype));
  const losses = chosen(terms, labels)
    .neg()
    .mul(modulation(chosen(logP, labels).expm1().neg(), gamma));
  return reduced('focalLoss', losses, options, ['gamma', 'weight']);
}

export function requireGamma(name: string, gamma: number): void {
  if (!(gamma >= 0)) throw new Error(`${name}: gamma must be a number from 0 on, got ${gamma}`);
}

/** `share^γ`, with a derivative that stays finite where the share is 0. */
export function modulation(share: Tensor, gamma: number): Tensor {
  if (gamma === 0) return share.mul(0).add(1);
  return (gamma < 1 ? share.maximum(1e-30) : share).pow(gamma);
}
