import { type Tensor, where } from '../../core/tensor.ts';
import { stopGradient } from '../../core/transforms.ts';
import { softplus } from '../activations.ts';
import { type LossOptions, reduced, requireSame } from './reduction.ts';

/** Losses of predicted numbers. Predictions and targets have one shape: nothing is broadcast. */

/** Mean of (prediction - target)². The shapes must be equal: nothing is broadcast. */
export function mseLoss(predictions: Tensor, targets: Tensor, options: LossOptions = {}): Tensor {
  requireSame('mseLoss', predictions, targets);
  return reduced('mseLoss', predictions.sub(targets).square(), options);
}

/** Mean of |prediction - target|. */
export function l1Loss(predictions: Tensor, targets: Tensor, options: LossOptions = {}): Tensor {
  requireSame('l1Loss', predictions, targets);
  return reduced('l1Loss', predictions.sub(targets).abs(), options);
}

/** Options of {@link huberLoss}. */
export interface HuberOptions extends LossOptions {
  /** Differences up to it count squared. Default 1. */
  delta?: number;
}

/**
 * `d² / 2` for differences |d| up to delta, `delta (|d| - delta / 2)` beyond. Huber (1964).
 *
 * @throws if shapes differ or delta is not positive
 */
export function huberLoss(predictions: Tensor, targets: Tensor, options: HuberOptions = {}): Tensor {
  requireSame('huberLoss', predictions, targets);
  const { delta = 1 } = options;
  if (!(delta > 0)) throw new Error(`huberLoss: delta must be positive, got ${delta}`);
  const d = predictions.sub(targets);
  const size = d.abs();
  const losses = where(size.le(delta), d.square().mul(0.5), size.sub(delta / 2).mul(delta));
  return reduced('huberLoss', losses, options, ['delta']);
}

/** Options of {@link smoothL1Loss}. */
export interface SmoothL1Options extends LossOptions {
  /** Differences up to it count squared; 0 gives l1Loss. Default 1. */
  beta?: number;
}

/**
 * `d² / (2 beta)` for differences |d| below beta, `|d| - beta / 2` beyond: huberLoss / beta. Girshick (2015).
 *
 * @throws if shapes differ or beta is negative
 */
export function smoothL1Loss(predictions: Tensor, targets: Tensor, options: SmoothL1Options = {}): Tensor {
  requireSame('smoothL1Loss', predictions, targets);
  const { beta = 1 } = options;
  if (!(beta >= 0)) throw new Error(`smoothL1Loss: beta must be a number from 0 on, got ${beta}`);
  const d = predictions.sub(targets);
  const size = d.abs();
  const losses = beta === 0 ? size : where(size.lt(beta), d.square().mul(0.5 / beta), size.sub(beta / 2));
  return reduced('smoothL1Loss', losses, options, ['beta']);
}

/** `log cosh(d)` of the difference d, computed as `d + log(1 + e^(-2d)) - log 2`, which does not overflow. */
export function logCoshLoss(predictions: Tensor, targets: Tensor, options: LossOptions = {}): Tensor {
  requireSame('logCoshLoss', predictions, targets);
  const d = predictions.sub(targets);
  return reduced('logCoshLoss', d.add(softplus(d.mul(-2))).sub(Math.LN2), options);
}

/** Options of {@link gaussianNllLoss}. */
export interface GaussianNllOptions extends LossOptions {
  /** Adds the constant log(2π) / 2. Default false. */
  full?: boolean;
  /** Variances count as at least this much. Default 1e-6. */
  eps?: number;
}

/**
 * Negative log-likelihood of targets under N(prediction, variance): `(log v + (x - t)² / v) / 2` with v the variance, or eps where it is
 * less (gradients pass as if it were not). Variances have the shape of the predictions or broadcast to it. Nix, Weigend (1994).
 *
 * @throws if shapes do not fit or eps is not positive
 */
export function gaussianNllLoss(
  predictions: Tensor,
  targets: Tensor,
  variances: Tensor,
  options: GaussianNllOptions = {},
): Tensor {
  requireSame('gaussianNllLoss', predictions, targets);
  const { full = false, eps = 1e-6 } = options;
  if (!(eps > 0)) throw new Error(`gaussianNllLoss: eps must be positive, got ${eps}`);
  const v = variances.add(stopGradient(variances.maximum(eps).sub(variances)));
  const losses = predictions.sub(targets).square().div(v).add(v.log()).mul(0.5);
  if (String(losses.shape) !== String(predictions.shape))
    throw new Error(
      `gaussianNllLoss: variances [${variances.shape.join(', ')}] must broadcast to predictions [${predictions.shape.join(', ')}]`,
    );
  const whole = full ? losses.add(Math.log(2 * Math.PI) / 2) : losses;
  return reduced('gaussianNllLoss', whole, options, ['full', 'eps']);
}

/** Options of {@link poissonNllLoss}. */
export interface PoissonNllOptions extends LossOptions {
  /** Predictions are logarithms of the rates. Default true. */
  logInput?: boolean;
  /** Adds Stirling's approximation of log t! for targets above 1. Default false. */
  full?: boolean;
  /** Added to the rate under the logarithm without logInput. Default 1e-8. */
  eps?: number;
}

/** Negative log-likelihood of counts t, without log t!: `e^x - t x`, or `x - t log(x + eps)` without logInput. */
export function poissonNllLoss(
  predictions: Tensor,
  targets: Tensor,
  options: PoissonNllOptions = {},
): Tensor {
  requireSame('poissonNllLoss', predictions, targets);
  const { logInput = true, full = false, eps = 1e-8 } = options;
  const t = targets.cast(predictions.dtype);
  let losses = logInput
    ? predictions.exp().sub(t.mul(predictions))
    : predictions.sub(t.mul(predictions.add(eps).log()));
  if (full) {
    const large = where(t.gt(1), t, 2);
    const stirling = large
      .mul(large.log())
      .sub(large)
      .add(
        large
          .mul(2 * Math.PI)
          .log()
          .mul(0.5),
      );
    losses = losses.add(where(t.gt(1), stirling, 0));
  }
  return reduced('poissonNllLoss', losses, options, ['logInput', 'full', 'eps']);
}
