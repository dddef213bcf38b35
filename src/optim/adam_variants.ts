import { type Tensor, where } from '../core/tensor.ts';
import { type CommonOptions, type ParameterSource, requireBetas, requireNumber } from './group.ts';
import { correction, firstMoment, secondMoment } from './moments.ts';
import { Optimizer, penalized, type SlotKind, type Slots, shrunk, type UpdateScalars } from './optimizer.ts';

/** Variants of Adam: Adamax, NAdam, RAdam. */

/** Options of {@link Adamax}. */
export interface AdamaxOptions extends CommonOptions {
  /** Learning rate. Default 2e-3. */
  lr?: CommonOptions['lr'];
  /** Decay rates of the average of the gradient and of its largest size. Default [0.9, 0.999]. */
  betas?: readonly [number, number];
  /** Added to the denominator. Default 1e-8. */
  eps?: number;
  /** Adds weightDecay · parameter to the gradient. Default 0. */
  weightDecay?: number;
}

function checkMoments(
  name: string,
  { betas, eps, weightDecay }: { betas: readonly [number, number]; eps: number; weightDecay: number },
): void {
  requireBetas(name, betas);
  requireNumber(name, 'eps', eps, 0, Number.MAX_VALUE);
  requireNumber(name, 'weightDecay', weightDecay, 0, Number.MAX_VALUE);
}

/**
 * Adam with the largest instead of the mean square: `m ← m + (1 - β1) (g - m)`, `u ← max(β2 u, |g| + eps)`,
 * `p ← p - lr / (1 - β1ᵗ) · m / u`. Kingma, Ba (2014), section 7.1.
 */
export class Adamax extends Optimizer<Required<AdamaxOptions>> {
  /** @throws if an option is unknown or out of range */
  constructor(source: ParameterSource<AdamaxOptions>, options: AdamaxOptions = {}) {
    super(source, { lr: 2e-3, betas: [0.9, 0.999], eps: 1e-8, weightDecay: 0, maximize: false }, options);
  }

  protected override check(settings: Required<AdamaxOptions>, name: string): void {
    checkMoments(name, settings);
  }

  protected slotsOf(): Record<string, SlotKind> {
    return { firstMoment: {}, largest: {} };
  }

  protected step(
    parameter: Tensor,
    gradient: Tensor,
    slots: Slots,
    { lr, step }: UpdateScalars,
    { betas, eps, weightDecay }: Required<AdamaxOptions>,
  ): Tensor {
    const g = penalized(parameter, gradient, weightDecay);
    const first = firstMoment(slots, g, betas[0]);
    const largest = slots.largest.value.mul(betas[1]).maximum(g.abs().add(eps));
    slots.largest.assign(largest);
    return parameter.sub(first.div(largest).mul(lr.div(correction(betas[0], step))));
  }
}

/** Options of {@link RAdam}. */
export interface RAdamOptions extends CommonOptions {
  /** Learning rate. Default 1e-3; NAdam 2e-3. */
  lr?: CommonOptions['lr'];
  /** Decay rates of the averages of the gradient and of its square. Default [0.9, 0.999]. */
  betas?: readonly [number, number];
  /** Added to the denominator. Default 1e-8. */
  eps?: number;
  /** Adds weightDecay · parameter to the gradient. Default 0. */
  weightDecay?: number;
  /** Shrinks the parameter by lr · weightDecay instead. Default false. */
  decoupledWeightDecay?: boolean;
}

/** Options of {@link NAdam}. */
export interface NAdamOptions extends RAdamOptions {
  /** How fast the momentum rises to its full size. Default 4e-3. */
  momentumDecay?: number;
}

/**
 * Adam with Nesterov's momentum, at update t with μₜ = β1 (1 - 0.96^(t momentumDecay) / 2):
 *
 *     m ← m + (1 - β1) (g - m),   v ← β2 v + (1 - β2) g²,   d = √(v / (1 - β2ᵗ)) + eps
 *     p ← p - lr (1 - μₜ) / (1 - μ1…μₜ) · g / d - lr μₜ₊₁ / (1 - μ1…μₜ₊₁) · m / d
 *
 * Dozat (2016).
 */
export class NAdam extends Optimizer<Required<NAdamOptions>> {
  /** @throws if an option is unknown or out of range */
  constructor(source: ParameterSource<NAdamOptions>, options: NAdamOptions = {}) {
    const defaults: Required<NAdamOptions> = {
      lr: 2e-3,
      betas: [0.9, 0.999],
      eps: 1e-8,
      weightDecay: 0,
      momentumDecay: 4e-3,
      decoupledWeightDecay: false,
      maximize: false,
    };
    super(source, defaults, options);
  }

  protected override check(settings: Required<NAdamOptions>, name: string): void {
    checkMoments(name, settings);
    requireNumber(name, 'momentumDecay', settings.momentumDecay, 0, Number.MAX_VALUE);
  }

  protected slotsOf(): Record<string, SlotKind> {
    return { firstMoment: {}, secondMoment: {}, momentumProduct: { start: 1, scalar: true } };
  }

  protected step(
    parameter: Tensor,
    gradient: Tensor,
    slots: Slots,
    { lr, step }: UpdateScalars,
    settings: Required<NAdamOptions>,
  ): Tensor {
    const { betas, eps, weightDecay, momentumDecay, decoupledWeightDecay } = settings;
    const g = decoupledWeightDecay ? gradient : penalized(parameter, gradient, weightDecay);
    const p = decoupledWeightDecay ? shrunk(parameter, lr, weightDecay) : parameter;
    const momentumAt = (t: Tensor): Tensor =>
      t
        .mul(momentumDecay * Math.log(0.96))
        .exp()
        .mul(-0.5 * betas[0])
        .add(betas[0]);
    const [now, next] = [momentumAt(step), momentumAt(step.add(1))];
    const product = slots.momentumProduct.value.mul(now);
    slots.momentumProduct.assign(product);
    const first = firstMoment(slots, g, betas[0]);
    const denominator = secondMoment(slots, g, betas[1]).div(correction(betas[1], step)).sqrt().add(eps);
    const ofGradient = lr.mul(now.neg().add(1)).div(product.neg().add(1));
    const ofMoment = lr.mul(next).div(product.mul(next).neg().add(1));
    return p.sub(g.div(denominator).mul(ofGradient)).sub(first.div(denominator).mul(ofMoment));
  }
}

/**
 * Adam whose division by √v waits until v's variance is bounded. With ρ∞ = 2 / (1 - β2) - 1 and ρₜ = ρ∞ - 2 t β2ᵗ / (1 - β2ᵗ), at
 * update t:
 *
 *     p ← p - lr / (1 - β1ᵗ) · m · r √(1 - β2ᵗ) / (√v + eps)   where ρₜ > 5,
 *         r = √((ρₜ - 4) (ρₜ - 2) ρ∞ / ((ρ∞ - 4) (ρ∞ - 2) ρₜ))
 *     p ← p - lr / (1 - β1ᵗ) · m                               elsewhere
 *
 * Liu et al. (2019).
 */
export class RAdam extends Optimizer<Required<RAdamOptions>> {
  /** @throws if an option is unknown or out of range */
  constructor(source: ParameterSource<RAdamOptions>, options: RAdamOptions = {}) {
    const defaults: Required<RAdamOptions> = {
      lr: 1e-3,
      betas: [0.9, 0.999],
      eps: 1e-8,
      weightDecay: 0,
      decoupledWeightDecay: false,
      maximize: false,
    };
    super(source, defaults, options);
  }

  protected override check(settings: Required<RAdamOptions>, name: string): void {
    checkMoments(name, settings);
    if (settings.betas[1] === 0) throw new Error(`${name}: the second of betas must be above 0`);
  }

  protected slotsOf(): Record<string, SlotKind> {
    return { firstMoment: {}, secondMoment: {} };
  }

  protected step(
    parameter: Tensor,
    gradient: Tensor,
    slots: Slots,
    { lr, step }: UpdateScalars,
    { betas, eps, weightDecay, decoupledWeightDecay }: Required<RAdamOptions>,
  ): Tensor {
    const g = decoupledWeightDecay ? gradient : penalized(parameter, gradient, weightDecay);
    const p = decoupledWeightDecay ? shrunk(parameter, lr, weightDecay) : parameter;
    const first = firstMoment(slots, g, betas[0]).mul(lr.div(correction(betas[0], step)));
    const root = secondMoment(slots, g, betas[1]).sqrt().add(eps);
    const limit = 2 / (1 - betas[1]) - 1;
    const length = approximatedLength(betas[1], step);
    const isBounded = length.gt(5);
    // Where it is not chosen, the root must not become NaN.
    const safe = where(isBounded, length, 6);
    const r = safe
      .sub(4)
      .mul(safe.sub(2))
      .div(safe)
      .mul(limit / ((limit - 4) * (limit - 2)))
      .sqrt();
    const adaptive = r.mul(correction(betas[1], step).sqrt());
    return p.sub(where(isBounded, first.mul(adaptive).div(root), first));
  }
}

/**
 * ρₜ = 2 / (1 - β) - 1 - 2 t βᵗ / (1 - βᵗ). For small x = -t log β the difference of two numbers near 2 / (1 - β) would leave few
 * digits; with x / (eˣ - 1) = 1 - x/2 + x²/12 - x⁴/720 + … it becomes a constant plus t minus small terms.
 */
function approximatedLength(beta: number, step: Tensor): Tensor {
  const slope = -Math.log(beta);
  const x = step.mul(slope);
  const square = x.mul(x);
  const terms = square
    .mul(-1 / 1209600)
    .add(1 / 30240)
    .mul(square)
    .sub(1 / 720)
    .mul(square)
    .add(1 / 12)
    .mul(square);
  const limit = 2 / (1 - beta) - 1;
  const near = step.add(limit - 2 / slope).sub(terms.mul(2 / slope));
  const far = step.mul(2).div(x.expm1()).neg().add(limit);
  return where(x.lt(1), near, far);
}
