import { checkOptions } from '../core/options.ts';
import { stack, type Tensor } from '../core/tensor.ts';
import type { Gradients } from '../core/transforms.ts';
import { requireNumber } from './group.ts';

/** Bounds for gradients, between `valueAndGrad` and `optimizer.update`. */

/** Options of {@link gradNorm} and {@link clipGradNorm}. */
export interface GradNormOptions {
  /** The p of the norm; Infinity for the largest size. Default 2. */
  normType?: number;
}

/**
 * The norm of all gradients as one vector, `(Σ |g|ᵖ)^(1/p)`; computed from the norms of the single ones, as PyTorch does.
 *
 * @throws if there are no gradients, or normType is not above 0
 */
export function gradNorm(grads: Gradients, options: GradNormOptions = {}): Tensor {
  checkOptions('gradNorm', options, ['normType']);
  return normOf('gradNorm', grads, options.normType ?? 2);
}

function normOf(name: string, grads: Gradients, normType: number): Tensor {
  if (grads.size === 0) throw new Error(`${name}: there are no gradients`);
  if (typeof normType !== 'number' || !(normType > 0))
    throw new Error(`${name}: normType must be above 0, got ${normType}`);
  const parts = [...grads.values()];
  const dtype = parts.some((part) => part.dtype === 'float64') ? 'float64' : 'float32';
  const norms = parts.map((part) => part.cast(dtype).flatten().norm(normType));
  return norms.length === 1 ? norms[0] : stack(norms).norm(normType);
}

/**
 * Scales all gradients by one factor such that their norm is at most `maxNorm`: by `min(1, maxNorm / (norm + 1e-6))`. The direction
 * stays. Pascanu, Mikolov, Bengio (2013).
 *
 * ```ts
 * optimizer.update(optim.clipGradNorm(grads, 1));
 * ```
 *
 * @throws if maxNorm is negative or normType not above 0
 */
export function clipGradNorm(grads: Gradients, maxNorm: number, options: GradNormOptions = {}): Gradients {
  checkOptions('clipGradNorm', options, ['normType']);
  requireNumber('clipGradNorm', 'maxNorm', maxNorm, 0, Number.MAX_VALUE);
  if (grads.size === 0) return grads;
  const norm = normOf('clipGradNorm', grads, options.normType ?? 2);
  const factor = norm.add(1e-6).reciprocal().mul(maxNorm).minimum(1);
  return new Map(
    [...grads].map(([variable, gradient]) => [variable, gradient.mul(factor.cast(gradient.dtype))]),
  );
}

/**
 * Every element of every gradient within [-clipValue, clipValue].
 *
 * @throws if clipValue is negative
 */
export function clipGradValue(grads: Gradients, clipValue: number): Gradients {
  requireNumber('clipGradValue', 'clipValue', clipValue, 0, Number.MAX_VALUE);
  return new Map([...grads].map(([variable, gradient]) => [variable, gradient.clip(-clipValue, clipValue)]));
}
