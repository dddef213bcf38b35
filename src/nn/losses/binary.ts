import { customJvp } from '../../core/custom.ts';
import type { Tensor } from '../../core/tensor.ts';
import { softplus } from '../activations.ts';
import { modulation, requireGamma } from './classification.ts';
import { type LossOptions, reduced, requireSame } from './reduction.ts';

/** Losses of independent yes/no predictions: targets are probabilities in the shape of the predictions. */

/** Options of {@link binaryCrossEntropy}. */
export interface BinaryCrossEntropyOptions extends LossOptions {
  /** Factors of the losses, in a shape that broadcasts to theirs. The mean is still over the number of elements. */
  weight?: Tensor;
}

/** Options of {@link binaryCrossEntropyWithLogits}. */
export interface BinaryLogitsOptions extends BinaryCrossEntropyOptions {
  /** Factors of the losses of positive targets, in a shape that broadcasts: n_negative / n_positive balances classes. */
  posWeight?: Tensor;
}

const weighted = (losses: Tensor, weight: Tensor | undefined): Tensor =>
  weight === undefined ? losses : losses.mul(weight.cast(losses.dtype));

/** The derivative by p is (p - t) / (p (1 - p)), whose denominator is kept from 0 as PyTorch does it. */
const entropyOfProbabilities = customJvp(
  (p: Tensor, t: Tensor): Tensor =>
    t
      .mul(p.log().maximum(-100))
      .add(t.neg().add(1).mul(p.neg().log1p().maximum(-100)))
      .neg(),
  ([p, t], [dp, dt]) => {
    const byP = p.sub(t).div(p.mul(p.neg().add(1)).maximum(1e-12));
    const byT = p.neg().log1p().maximum(-100).sub(p.log().maximum(-100));
    return byP.mul(dp).add(byT.mul(dt));
  },
);

/**
 * `-t log p - (1 - t) log(1 - p)` of probabilities p, with logarithms of at least -100 as in PyTorch. Where there are logits,
 * {@link binaryCrossEntropyWithLogits} is exact.
 *
 * @throws if shapes differ
 */
export function binaryCrossEntropy(
  probabilities: Tensor,
  targets: Tensor,
  options: BinaryCrossEntropyOptions = {},
): Tensor {
  requireSame('binaryCrossEntropy', probabilities, targets);
  const losses = entropyOfProbabilities(probabilities, targets.cast(probabilities.dtype));
  return reduced('binaryCrossEntropy', weighted(losses, options.weight), options, ['weight']);
}

/**
 * Cross-entropy of independent yes/no predictions from logits: `-t log σ(x) - (1 - t) log(1 - σ(x))`, computed as
 * `softplus(x) - t x`, which is exact for logits of any size. With posWeight w: `-w t log σ(x) - (1 - t) log(1 - σ(x))`. Targets are
 * probabilities in the shape of the logits.
 *
 * @throws if shapes differ
 */
export function binaryCrossEntropyWithLogits(
  logits: Tensor,
  targets: Tensor,
  options: BinaryLogitsOptions = {},
): Tensor {
  requireSame('binaryCrossEntropyWithLogits', logits, targets);
  return reduced(
    'binaryCrossEntropyWithLogits',
    weighted(entropyOfLogits(logits, targets, options.posWeight), options.weight),
    options,
    ['weight', 'posWeight'],
  );
}

function entropyOfLogits(logits: Tensor, targets: Tensor, posWeight?: Tensor): Tensor {
  if (posWeight === undefined) return softplus(logits).sub(logits.mul(targets));
  const factor = posWeight.cast(logits.dtype).sub(1).mul(targets).add(1);
  return targets
    .neg()
    .add(1)
    .mul(logits)
    .add(factor.mul(softplus(logits.neg())));
}

/** Options of {@link sigmoidFocalLoss}. */
export interface SigmoidFocalOptions extends LossOptions {
  /** Weight of positive targets; negative ones have 1 - alpha. Default 0.25; null for none. */
  alpha?: number | null;
  /** How much predictions that are right already are played down. Default 2. */
  gamma?: number;
}

/**
 * `α (1 - q)^γ` times the cross-entropy of logits, q being the probability of the target: torchvision's sigmoid_focal_loss, except
 * that the default reduction is the mean. Lin et al. (2017).
 *
 * @throws if shapes differ or gamma is negative
 */
export function sigmoidFocalLoss(logits: Tensor, targets: Tensor, options: SigmoidFocalOptions = {}): Tensor {
  requireSame('sigmoidFocalLoss', logits, targets);
  const { alpha = 0.25, gamma = 2 } = options;
  requireGamma('sigmoidFocalLoss', gamma);
  const rest = targets.neg().add(1);
  const wrong = logits.neg().sigmoid().mul(targets).add(logits.sigmoid().mul(rest));
  const losses = entropyOfLogits(logits, targets).mul(modulation(wrong, gamma));
  const balanced = alpha === null ? losses : losses.mul(targets.mul(alpha).add(rest.mul(1 - alpha)));
  return reduced('sigmoidFocalLoss', balanced, options, ['alpha', 'gamma']);
}
