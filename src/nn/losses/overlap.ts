import type { Tensor } from '../../core/tensor.ts';
import { type LossOptions, reduced, requireSame } from './reduction.ts';

/** Losses of segmentations: predicted probabilities and masks [examples, ...]; each example is one region, over all its elements. */

/** Options of {@link diceLoss}. */
export interface DiceOptions extends LossOptions {
  /** Added above and below, so that empty regions have loss 0. Default 1. */
  smooth?: number;
}

/** Options of {@link tverskyLoss}. */
export interface TverskyOptions extends DiceOptions {
  /** Weight of what is predicted but not there. Default 0.5. */
  alpha?: number;
  /** Weight of what is there but not predicted. Default 0.5. */
  beta?: number;
}

/** Sums over all axes but the first: of p t, of p, of t. */
function regions(name: string, probabilities: Tensor, targets: Tensor): Tensor[] {
  requireSame(name, probabilities, targets);
  if (probabilities.ndim < 2)
    throw new Error(
      `${name}: predictions must be [examples, ...], got [${probabilities.shape.join(', ')}]; unsqueeze(0) makes it one example`,
    );
  const t = targets.cast(probabilities.dtype);
  return [probabilities.mul(t), probabilities, t].map((x) => x.flatten(1).sum(1));
}

/**
 * `1 - (2 Σ p t + smooth) / (Σ p + Σ t + smooth)` for each example. Milletari, Navab, Ahmadi (2016), with plain sums below.
 *
 * @throws if shapes differ
 */
export function diceLoss(probabilities: Tensor, targets: Tensor, options: DiceOptions = {}): Tensor {
  const [both, predicted, there] = regions('diceLoss', probabilities, targets);
  const { smooth = 1 } = options;
  const overlap = both.mul(2).add(smooth).div(predicted.add(there).add(smooth));
  return reduced('diceLoss', overlap.neg().add(1), options, ['smooth']);
}

/**
 * `1 - (TP + smooth) / (TP + alpha FP + beta FN + smooth)` with TP = Σ p t, FP = Σ p (1 - t), FN = Σ (1 - p) t, for each example:
 * alpha = beta = 1/2 is like dice, 1 like intersection over union. Salehi, Erdogmus, Gholipour (2017).
 *
 * @throws if shapes differ
 */
export function tverskyLoss(probabilities: Tensor, targets: Tensor, options: TverskyOptions = {}): Tensor {
  const [both, predicted, there] = regions('tverskyLoss', probabilities, targets);
  const { smooth = 1, alpha = 0.5, beta = 0.5 } = options;
  const wrong = predicted.sub(both).mul(alpha).add(there.sub(both).mul(beta));
  const index = both.add(smooth).div(both.add(wrong).add(smooth));
  return reduced('tverskyLoss', index.neg().add(1), options, ['smooth', 'alpha', 'beta']);
}
