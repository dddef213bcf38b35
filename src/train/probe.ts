import { state as generatorState } from '../core/random.ts';
import { Tensor } from '../core/tensor.ts';
import { valueAndGrad } from '../core/transforms.ts';
import type { Layer } from '../nn/module.ts';
import type { BatchFunction } from './evaluate.ts';

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
 */
export function probe(model: Layer, x: Tensor, y: Tensor | null, loss: BatchFunction | null): Probe {
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
    outputs.model = model.forward(x);
    // Before another pass gives the same values as parts of a derivative.
    for (const array of Object.values(outputs)) array.dataSync();
    for (const stop of stops.splice(0)) stop();
    if (loss !== null && y !== null) {
      const [, slopes] = valueAndGrad(() => loss(model.forward(x), y), model);
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
