import { full } from '../core/create.ts';
import { checkOptions } from '../core/options.ts';
import type { Tensor } from '../core/tensor.ts';
import type { Variable } from '../core/variable.ts';
import { Module } from './module.ts';

/** Terms that are added to a loss: `nn.mseLoss(y, t).add(nn.l2Penalty(model, 1e-4))`. */

/** Parameters to penalize or constrain: a model's trained ones, or a list. */
export type ParameterList = Module | readonly Variable[];

/** Which parameters of a model are meant, by name. Default: those with two axes or more, so no biases. */
export interface ChoiceOptions {
  choose?: (name: string, parameter: Variable) => boolean;
}

/** The parameters that a list and a choice mean. */
export function chosenParameters(name: string, source: ParameterList, options: ChoiceOptions): Variable[] {
  checkOptions(name, options, ['choose']);
  const { choose = (_, parameter) => parameter.shape.length >= 2 } = options;
  const found =
    source instanceof Module
      ? source.namedParameters().flatMap(([key, p]) => (p.trainable && choose(key, p) ? [p] : []))
      : options.choose === undefined
        ? [...source]
        : source.filter((p) => choose(p.name, p));
  if (found.length === 0) throw new Error(`${name}: there are no parameters that it applies to`);
  return found;
}

const total = (terms: readonly Tensor[]): Tensor => terms.reduce((a, b) => a.add(b));

function requireStrength(name: string, strengths: Readonly<Record<string, number>>): void {
  for (const [what, value] of Object.entries(strengths))
    if (!(value >= 0 && value < Infinity))
      throw new Error(`${name}: ${what} must be a number from 0 on, got ${value}`);
}

/** `strength Σ |w|`: draws small weights to zero (LASSO). Tibshirani (1996). */
export function l1Penalty(source: ParameterList, strength: number, options: ChoiceOptions = {}): Tensor {
  return penalty('l1Penalty', source, { l1: strength, l2: 0 }, options);
}

/** `strength Σ w²` (ridge). Its gradient is 2 strength w: weightDecay = 2 strength of SGD. Hoerl, Kennard (1970). */
export function l2Penalty(source: ParameterList, strength: number, options: ChoiceOptions = {}): Tensor {
  return penalty('l2Penalty', source, { l1: 0, l2: strength }, options);
}

/** `l1 Σ |w| + l2 Σ w²`. Zou, Hastie (2005). */
export function elasticNetPenalty(
  source: ParameterList,
  strengths: { l1: number; l2: number },
  options: ChoiceOptions = {},
): Tensor {
  checkOptions('elasticNetPenalty', strengths, ['l1', 'l2']);
  return penalty('elasticNetPenalty', source, strengths, options);
}

function penalty(
  name: string,
  source: ParameterList,
  { l1, l2 }: { l1: number; l2: number },
  options: ChoiceOptions,
): Tensor {
  requireStrength(name, { l1, l2 });
  const values = chosenParameters(name, source, options).map(({ value }) => value);
  return weighed(l1, l2, values);
}

/** l1 Σ |x| + l2 Σ x² over all arrays. */
function weighed(l1: number, l2: number, values: readonly Tensor[]): Tensor {
  const sizes = l1 === 0 ? [] : [total(values.map((x) => x.abs().sum())).mul(l1)];
  const squares = l2 === 0 ? [] : [total(values.map((x) => x.square().sum())).mul(l2)];
  const terms = [...sizes, ...squares];
  return terms.length === 0 ? full([], 0, { dtype: values[0].dtype }) : total(terms);
}

/**
 * The same of activations [batch, ...], per example: `(l1 Σ |a| + l2 Σ a²) / batch`. Take them where they are computed, and add the
 * result to the loss.
 */
export function activityPenalty(activations: Tensor, strengths: { l1?: number; l2?: number }): Tensor {
  checkOptions('activityPenalty', strengths, ['l1', 'l2']);
  const { l1 = 0, l2 = 0 } = strengths;
  requireStrength('activityPenalty', { l1, l2 });
  if (activations.ndim === 0)
    throw new Error('activityPenalty: the activations need a first axis of examples');
  return weighed(l1, l2, [activations]).div(activations.shape[0]);
}

/**
 * Keeps the mean activity of units near `rho`: `Σ rho log(rho / m) + (1 - rho) log((1 - rho) / (1 - m))` over units, m being the
 * mean of activations between 0 and 1 over all axes but the last (the sparse autoencoder's). Ng (2011).
 *
 * @throws if rho is not between 0 and 1
 */
export function sparsityPenalty(activations: Tensor, rho = 0.05): Tensor {
  if (!(rho > 0 && rho < 1)) throw new Error(`sparsityPenalty: rho must be between 0 and 1, got ${rho}`);
  if (activations.ndim < 2)
    throw new Error(
      `sparsityPenalty: activations must be [..., units], got [${activations.shape.join(', ')}]`,
    );
  const units = activations.shape[activations.ndim - 1];
  const mean = activations
    .reshape([-1, units])
    .mean(0)
    .clip(1e-7, 1 - 1e-7);
  const on = mean.log().neg().add(Math.log(rho)).mul(rho);
  const off = mean
    .neg()
    .log1p()
    .neg()
    .add(Math.log1p(-rho))
    .mul(1 - rho);
  return on.add(off).sum();
}
