import { FormatError, type KerasFile, loadTfjs, readKerasFile } from '../io/index.ts';
import { buildModel } from './build.ts';
import { isFields, layerConfig } from './config.ts';
import type { KerasModel } from './model.ts';
import { ListWeights, TreeWeights, type WeightSource } from './weights.ts';

/** Weights of files with a list for each layer. */
class LayerLists implements WeightSource {
  readonly #lists: ReadonlyMap<string, ListWeights>;
  readonly #file: string;

  constructor(layers: Extract<KerasFile['weights'], { kind: 'layers' }>['layers'], file: string) {
    this.#file = file;
    this.#lists = new Map(
      layers.map(({ layer, arrays }) => [layer, ListWeights.of(arrays, `${file}: ${layer.slice(0, 80)}`)]),
    );
  }

  inside(): WeightSource {
    return this;
  }

  layers(layers: readonly { readonly name: string }[]): WeightSource[] {
    return layers.map(({ name }) => this.#lists.get(name) ?? new ListWeights([], `${this.#file}: ${name}`));
  }

  take(): never {
    throw new FormatError(`${this.#file}: a model has no variables of its own`);
  }

  isEmpty(): boolean {
    return [...this.#lists.values()].every((list) => list.isEmpty());
  }

  unused(): string[] {
    return [...this.#lists.values()].flatMap((list) => list.unused());
  }
}

/** The weights of a file for a model. */
export const weightsOf = ({ weights }: KerasFile, file: string): TreeWeights | LayerLists =>
  weights.kind === 'tree' ? new TreeWeights(weights.root, file) : new LayerLists(weights.layers, file);

function requireUsed(names: readonly string[], file: string): void {
  if (names.length > 0)
    throw new FormatError(
      `${file}: no layer has these variables: ${names
        .slice(0, 8)
        .map((name) => name.slice(0, 80))
        .join(', ')}${names.length > 8 ? `, and ${names.length - 8} more` : ''}`,
    );
}

/**
 * A model of Keras from its file: a `.keras` archive of Keras 3 (or 2.12 and later), or an older `.h5` with the whole model. Nothing of
 * it is executed.
 *
 * ```ts
 * const model = await loadKeras('model.keras');
 * const y = model.forward(x); // images [batch, height, width, channels], as Keras's
 * ```
 *
 * The model is in evaluation mode; `model.train()` ends that. Sequential and functional models are built, of the layers that
 * `kerasLayers` lists. 'same' padding, 'causal' padding, masks (Embedding with mask_zero, Masking), the gates' order, both kinds of GRU and
 * Keras 2's other hard_sigmoid are as in Keras.
 *
 * @param source a path, or the bytes of a file
 * @throws ReadError if there is no such file; FormatError if it is damaged, holds weights alone (see loadKerasInto), or has layers
 * that are not supported, which one error lists
 */
export async function loadKeras(source: string | Uint8Array): Promise<KerasModel> {
  const file = typeof source === 'string' ? source : 'loadKeras';
  const content = await readKerasFile(source, 'loadKeras');
  if (content.config === null)
    throw new FormatError(
      `${file}: it holds weights without a model; loadKerasInto(model, file) sets those of a model of yours`,
    );
  const config = layerConfig(content.config, `${file}: the configuration`);
  const weights = weightsOf(content, file);
  const isOld = Number.parseInt(content.version ?? '3', 10) < 3;
  const model = buildModel(config, weights, isOld, file, content.config);
  if (weights instanceof LayerLists) requireUsed(weights.unused(), file);
  return model;
}

/**
 * A TensorFlow.js layers model from its `model.json` and the files of weights beside it: as {@link loadKeras}.
 *
 * @throws ReadError if a file is missing; FormatError if one is damaged, it is a graph model, or has layers that are not supported
 */
export async function loadTfjsModel(path: string): Promise<KerasModel> {
  const { weights, topology } = await loadTfjs(path);
  const model = isFields(topology) && isFields(topology.model_config) ? topology.model_config : topology;
  if (!isFields(model) || typeof model.class_name !== 'string')
    throw new FormatError(
      `${path}: not a layers model: its topology has no class_name; of graph models, loadTfjs gives the weights`,
    );
  const config = layerConfig(model, `${path}: the topology`);
  const list = ListWeights.of(Object.entries(weights), path);
  const built = buildModel(config, list, true, path, model);
  requireUsed(list.unused(), path);
  return built;
}
