import { state as generatorState } from '../core/random.ts';
import { Tensor } from '../core/tensor.ts';
import { valueAndGrad } from '../core/transforms.ts';
import type { ArrayTree } from '../data/tensor_loader.ts';
import type { Module } from '../nn/module.ts';
import { outputsOf } from './training_step.ts';

/** What happens inside of a model for one batch. */
export interface Probe {
  /** What each layer gave, by its path; what the model itself gave is `model`. */
  readonly outputs: Readonly<Record<string, Tensor>>;
  /** The gradient of the loss by each trained parameter, by its name. Empty without a loss. */
  readonly gradients: Readonly<Record<string, Tensor>>;
}

/** The first array in what a layer gave. */
function firstArray(value: unknown): Tensor | null {
  if (value instanceof Tensor) return value;
  if (typeof value !== 'object' || value === null) return null;
  for (const inner of Object.values(value)) {
    const found = firstArray(inner);
    if (found !== null) return found;
  }
  return null;
}

/**
 * Applies a model to a batch in evaluation mode and looks inside. Nothing of the model or of the default generator changes, so a training
 * that is looked at ends like one that is not. Of a layer that runs several times the last output counts, of one that gives several
 * arrays the first.
 *
 * @param x a list for a model with several inputs: the arguments of its `forward`
 * @param y for the loss; null for none
 * @param loss a scalar from what the model gives and y; null for no gradients
 */
export function probe<Y extends ArrayTree>(
  model: Module,
  x: ArrayTree,
  y: Y | null,
  loss: ((outputs: never, targets: Y) => Tensor) | null,
): Probe {
  const outputs: Record<string, Tensor> = {};
  const generator = generatorState();
  const before = generator.value;
  const restoreModes = model.evalForNow();
  const stops = model.namedModules().flatMap(([path, module]) => {
    const isInside = path !== '' && module.namedModules().length === 1;
    if (!isInside) return [];
    return module.onForward((output) => {
      const array = firstArray(output);
      if (array !== null) outputs[path] = array;
    });
  });
  const gradients: Record<string, Tensor> = {};
  try {
    const given = firstArray(outputsOf(model, x));
    if (given !== null) outputs.model = given;
    // Before another pass gives the same values as parts of a derivative.
    for (const array of Object.values(outputs)) array.dataSync();
    for (const stop of stops.splice(0)) stop();
    if (loss !== null && y !== null) {
      const [, slopes] = valueAndGrad(() => loss(outputsOf(model, x) as never, y), model);
      for (const [name, parameter] of model.namedParameters()) {
        const slope = slopes.get(parameter);
        if (slope !== undefined) gradients[name] = slope;
      }
    }
  } finally {
    for (const stop of stops) stop();
    restoreModes();
    generator.assign(before);
  }
  return { outputs, gradients };
}
