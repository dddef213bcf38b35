import type { Tensor } from '../core/tensor.ts';
import { type CommonOptions, type ParameterSource, requireBetas, requireNumber } from './group.ts';
import { Optimizer, type SlotKind, type Slots, shrunk, type UpdateScalars } from './optimizer.ts';

/** Options of {@link Lion}. */
export interface LionOptions extends CommonOptions {
  /** Learning rate, 3 to 10 times smaller than Adam's. Default 1e-4. */
  lr?: CommonOptions['lr'];
  /** Shares of the past: in the direction of the step, and in the average that is kept. Default [0.9, 0.99]. */
  betas?: readonly [number, number];
  /** Shrinks the parameter by lr · weightDecay. Default 0. */
  weightDecay?: number;
}

/**
 * `p ← (1 - lr weightDecay) p - lr sign(β1 m + (1 - β1) g)`, then `m ← β2 m + (1 - β2) g`. Chen et al., "Symbolic discovery of
 * optimization algorithms" (2023).
 */
export class Lion extends Optimizer<Required<LionOptions>> {
  /** @throws if an option is unknown or out of range */
  constructor(source: ParameterSource<LionOptions>, options: LionOptions = {}) {
    super(source, { lr: 1e-4, betas: [0.9, 0.99], weightDecay: 0, maximize: false }, options);
  }

  protected override check({ betas, weightDecay }: Required<LionOptions>, name: string): void {
    requireBetas(name, betas);
    requireNumber(name, 'weightDecay', weightDecay, 0, Number.MAX_VALUE);
  }

  protected slotsOf(): Record<string, SlotKind> {
    return { momentum: {} };
  }

  protected step(
    parameter: Tensor,
    gradient: Tensor,
    slots: Slots,
    { lr }: UpdateScalars,
    { betas, weightDecay }: Required<LionOptions>,
  ): Tensor {
    const m = slots.momentum.value;
    const blend = (beta: number): Tensor => m.mul(beta).add(gradient.mul(1 - beta));
    slots.momentum.assign(blend(betas[1]));
    return shrunk(parameter, lr, weightDecay).sub(blend(betas[0]).sign().mul(lr));
  }
}
