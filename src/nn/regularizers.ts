import { checkOptions } from '../core/options.ts';
import { Tensor } from '../core/tensor.ts';
import { guarded } from '../core/trace.ts';
import type { Module } from './module.ts';
import { activityPenalty, elasticNetPenalty } from './penalties.ts';

/** `l1 Σ |x| + l2 Σ x²`, or any scalar of x. */
export type Regularizer = { readonly l1?: number; readonly l2?: number } | ((x: Tensor) => Tensor);

/** Regularizers of a layer by the names of its parameters, and of what it computes (`activity`, divided by the size of the batch). */
export interface Regularizers {
  readonly activity?: Regularizer;
  readonly [parameter: string]: Regularizer | undefined;
}

const chosen = new WeakMap<Module, Regularizers>();
const versions = new WeakMap<Module, number>();
const listening = new WeakSet<Module>();
/** Where what layers compute leaves its penalties: one list for each `regularized` in progress. */
const collectors: Tensor[][] = [];

/**
 * Has a layer's parameters or outputs penalized: `fit` and `evaluate` add it to the loss, and `regularized` gives it to loops of one's own. A second call
 * replaces the first one's.
 *
 * ```ts
 * nn.regularize(new nn.Linear(784, 128), { weight: { l2: 1e-4 }, bias: { l1: 1e-5 }, activity: { l1: 1e-6 } });
 * ```
 *
 * As in Keras l2 is not halved: its gradient is 2 l2 w.
 *
 * @returns the layer
 * @throws if there is no parameter of a name, or a strength is negative
 */
export function regularize<M extends Module>(layer: M, regularizers: Regularizers): M {
  const names = layer.namedParameters().map(([name]) => name);
  for (const [name, one] of Object.entries(regularizers)) {
    if (name !== 'activity' && !names.includes(name))
      throw new Error(
        `regularize: ${layer.constructor.name} has no parameter '${name}'; regularizers are for ${[...names, 'activity'].join(', ')}`,
      );
    if (typeof one === 'function') continue;
    checkOptions(`regularize: ${name}`, one ?? {}, ['l1', 'l2']);
    for (const [what, strength] of Object.entries(one ?? {}))
      if (!(strength >= 0 && strength < Infinity))
        throw new Error(`regularize: ${name}: ${what} must be a number from 0 on, got ${strength}`);
  }
  if (regularizers.activity !== undefined && !listening.has(layer)) {
    listening.add(layer);
    layer.onForward((output) => {
      const { activity } = chosen.get(layer) ?? {};
      const collector = collectors.at(-1);
      if (activity === undefined || collector === undefined) return;
      if (!(output instanceof Tensor))
        throw new Error(
          `regularize: ${layer.constructor.name} gives no array, so its activity has no penalty`,
        );
      collector.push(typeof activity === 'function' ? activity(output) : activityPenalty(output, activity));
    });
  }
  chosen.set(layer, { ...regularizers });
  versions.set(layer, (versions.get(layer) ?? 0) + 1);
  return layer;
}

/**
 * Runs `body`, and adds up the penalties of all layers inside of a model that {@link regularize} knows: of their parameters, and of what they
 * compute in `body`. To be added to a loss, inside of `valueAndGrad`:
 *
 * ```ts
 * const [loss, penalty] = nn.regularized(model, () => nn.crossEntropy(model.forward(x), y));
 * return penalty === null ? loss : loss.add(penalty);
 * ```
 *
 * @returns what `body` gives, and the penalty, a scalar; null where there is none
 */
export function regularized<R>(model: Module, body: () => R): [result: R, penalty: Tensor | null] {
  const layers = model.namedModules().map(([, layer]) => layer);
  guarded(() => layers.reduce((sum, layer) => sum + (versions.get(layer) ?? 0), 0));
  const terms: Tensor[] = [];
  collectors.push(terms);
  let result: R;
  try {
    result = body();
  } finally {
    collectors.pop();
  }
  for (const layer of layers) {
    const regularizers = chosen.get(layer);
    if (regularizers === undefined) continue;
    const parameters = new Map(layer.namedParameters());
    for (const [name, one] of Object.entries(regularizers)) {
      const parameter = parameters.get(name);
      if (parameter === undefined || one === undefined) continue;
      const { l1 = 0, l2 = 0 } = typeof one === 'function' ? {} : one;
      terms.push(
        typeof one === 'function' ? one(parameter.value) : elasticNetPenalty([parameter], { l1, l2 }),
      );
    }
  }
  return [result, terms.length === 0 ? null : terms.reduce((a, b) => a.add(b))];
}
