import { FormatError } from '../io/index.ts';
import { type Config, Unsupported } from './config.ts';
import { describeModel, isModel } from './description.ts';
import type { Builder, BuiltLayer } from './layer.ts';
import { attentionLayers } from './layers_attention.ts';
import { coreLayers } from './layers_core.ts';
import { imageLayers } from './layers_images.ts';
import { mergeLayers } from './layers_merge.ts';
import { normLayers } from './layers_norm.ts';
import { recurrentLayers } from './layers_recurrent.ts';
import { spaceLayers } from './layers_space.ts';
import { KerasModel } from './model.ts';
import { attributesOf, type WeightSource } from './weights.ts';

const builders: Readonly<Record<string, Builder>> = {
  ...coreLayers,
  ...spaceLayers,
  ...normLayers,
  ...mergeLayers,
  ...recurrentLayers,
  ...attentionLayers,
  ...imageLayers,
};

/** The classes of Keras's layers that {@link loadKeras} builds. */
export const kerasLayers: readonly string[] = [...Object.keys(builders), 'InputLayer'].sort();

/** Models and wrappers inside of each other. */
export const deepestModel = 32;

/**
 * Builds a model with its weights.
 *
 * @throws FormatError that lists everything that is not supported, or says what is wrong
 */
export function buildModel(
  config: Config,
  weights: WeightSource,
  isOld: boolean,
  file: string,
  raw: unknown,
): KerasModel {
  const missing: string[] = [];
  const named = <T>(act: () => T): T => {
    try {
      return act();
    } catch (error) {
      if (!(error instanceof FormatError) || error.message.startsWith(`${file}: `)) throw error;
      throw new FormatError(`${file}: ${error.message}`);
    }
  };

  const buildLayer = (layer: Config, source: WeightSource, depth: number): BuiltLayer => {
    if (depth > deepestModel)
      throw new FormatError(`models and wrappers lie inside of each other more than ${deepestModel} deep`);
    if (isModel(layer.className)) return nested(build(layer, source, depth + 1));
    const builder = Object.hasOwn(builders, layer.className) ? builders[layer.className] : undefined;
    if (builder === undefined) throw new Unsupported(`${layer.className} ${JSON.stringify(layer.name)}`);
    return builder(layer, {
      weights: source,
      isOld,
      build: (inner, from) => buildLayer(inner, from, depth + 1),
    });
  };

  const build = (model: Config, source: WeightSource, depth: number): KerasModel => {
    const description = describeModel(model);
    const configs = description.layers.map((layer) => layer.config);
    const sources = source.layers(configs);
    const layers = new Map<string, BuiltLayer>();
    for (const [i, layer] of configs.entries()) {
      if (layer.className === 'InputLayer') continue;
      try {
        layers.set(layer.name, buildLayer(layer, sources[i], depth));
      } catch (error) {
        // What follows is looked at too, so that one error names everything. Its weights are looked for by name.
        if (error instanceof FormatError) throw error;
        // Our module does not take the settings that the file has.
        if (!(error instanceof Unsupported))
          throw new FormatError(
            `the layer ${JSON.stringify(layer.name.slice(0, 80))} (${layer.className}): ${(error as Error).message}`,
            { cause: error },
          );
        missing.push(error.message);
        layers.set(layer.name, { module: null, call: () => [] });
      }
    }
    return new KerasModel(description, layers, depth === 0 ? raw : null);
  };

  return named(() => {
    const model = build(config, weights, 0);
    if (missing.length > 0)
      throw new FormatError(`these layers of Keras are not supported: ${missing.join('; ')}`);
    return model.eval();
  });
}

/** A model as a layer of another. */
function nested(model: KerasModel): BuiltLayer {
  return {
    module: model,
    call: ({ inputs, masks }) => model.run(inputs, masks).values,
    run: ({ inputs, masks }) => model.run(inputs, masks),
    parts: partsOf(model),
  };
}

/** The variables of a model's layers with the attributes that lead to them. */
export function partsOf(model: KerasModel): NonNullable<BuiltLayer['parts']> {
  const attributes = attributesOf(model.layerClasses);
  const byName = new Map(model.layerClasses.map(({ name }, i) => [name, attributes[i]]));
  return [...model.layers].flatMap(([name, { parts = [] }]) =>
    parts.map(({ path, save }) => ({ path: ['layers', byName.get(name)!, ...path], save })),
  );
}
