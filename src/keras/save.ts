import { zeros } from '../core/create.ts';
import { checkOptions } from '../core/options.ts';
import type { Tensor } from '../core/tensor.ts';
import { isHalf } from '../graph/half.ts';
import {
  encodeHdf5,
  encodeZip,
  type Hdf5DatasetContent,
  type Hdf5GroupContent,
  writeFileAtomically,
} from '../io/index.ts';
import { dtypeInFiles } from '../io/save.ts';
import * as nn from '../nn/index.ts';
import { partsOf } from './build.ts';
import { isFields } from './config.ts';
import { describeGraph, graphConfig } from './graph_config.ts';
import { KerasModel } from './model.ts';
import { unitsOf } from './modules.ts';
import { type LayerDescription, NoSuchLayer, sequenceFor } from './to_config.ts';
import { attributesOf } from './weights.ts';

/** How a model is written for Keras. */
export interface SaveKerasOptions {
  /**
   * The shape of one example, `[28, 28, 1]`, or of a Model with several inputs that of each, `[[28, 28, 1], [2]]`. Needed for a Sequential
   * and a Model, not for a model that {@link loadKeras} read, and not for weights alone.
   */
  inputShape?: readonly number[] | readonly (readonly number[])[];
  /** What Keras calls the model. Default 'sequential', 'functional', or as it was. */
  name?: string;
}

/** The version of Keras whose files are written. */
const kerasVersion = '3.15.1';

/** Variables with the attributes that lead to them. */
type Parts = readonly { readonly path: readonly string[]; readonly arrays: readonly Tensor[] }[];

async function datasetOf(array: Tensor): Promise<Hdf5DatasetContent> {
  const data = isHalf(array.dtype) ? array.bits() : await array.data();
  // NumPy has no bfloat16: Keras reads it from two bytes each and the attribute.
  const attributes = array.dtype === 'bfloat16' ? { attributes: { dtype: 'bfloat16' } } : {};
  return { shape: array.shape, dtype: dtypeInFiles(array.dtype), data, ...attributes };
}

/** Groups while they are put together. */
interface Growing {
  readonly groups: Map<string, Growing>;
  arrays: readonly Tensor[];
}

async function weightsFile(parts: Parts): Promise<Uint8Array> {
  const root: Growing = { groups: new Map(), arrays: [] };
  for (const { path, arrays } of parts) {
    let at = root;
    for (const name of [...path, 'vars']) {
      let next = at.groups.get(name);
      if (next === undefined) {
        next = { groups: new Map(), arrays: [] };
        at.groups.set(name, next);
      }
      at = next;
    }
    at.arrays = arrays;
  }
  const content = async ({ groups, arrays }: Growing): Promise<Hdf5GroupContent> => {
    const members: [string, Hdf5GroupContent | Hdf5DatasetContent][] = [];
    for (const [name, group] of groups) members.push([name, await content(group)]);
    for (const [i, array] of arrays.entries()) members.push([String(i), await datasetOf(array)]);
    return { members: Object.fromEntries(members) };
  };
  return encodeHdf5(await content(root));
}

/** The variables of layers in a sequential model. */
function partsIn(layers: readonly LayerDescription[]): Parts {
  const attributes = attributesOf(layers);
  return layers.flatMap((layer, i) =>
    partsOfLayer(layer).map(({ path, arrays }) => ({ path: ['layers', attributes[i], ...path], arrays })),
  );
}

function partsOfLayer({ className, module, arrays, inside }: LayerDescription): Parts {
  if (inside !== undefined) {
    if (className === 'Sequential') return partsIn(inside);
    return partsOfLayer(inside[0]).map((part) => ({ ...part, path: ['layer', ...part.path] }));
  }
  if (arrays !== undefined) return [{ path: [], arrays: arrays() }];
  return module === null ? [] : (unitsOf(module) ?? []).flatMap((unit) => [...unit.save()]);
}

/** What Keras calls an object in a configuration. */
const asObject = (className: string, config: object, module = 'keras.layers'): object => ({
  module,
  class_name: className,
  config,
  registered_name: null,
});

function layerObject({ className, fields, inside }: LayerDescription, name: string): object {
  if (className === 'Sequential') return sequentialObject(inside ?? [], name, []);
  const wrapped = inside === undefined ? {} : { layer: layerObject(inside[0], attributesOf(inside)[0]) };
  return asObject(className, { name, trainable: true, ...fields, ...wrapped });
}

function sequentialObject(
  layers: readonly LayerDescription[],
  name: string,
  first: readonly object[],
): object {
  const names = attributesOf(layers);
  const objects = layers.map((layer, i) => layerObject(layer, names[i]));
  return asObject('Sequential', { name, trainable: true, layers: [...first, ...objects] }, 'keras');
}

/** The modules of any model that are layers of Keras, as a sequential model would have them. */
function partsOfModules(model: nn.Module): Parts {
  const layers: { className: string; parts: Parts }[] = [];
  const taken: string[] = [];
  for (const [path, module] of model.namedModules()) {
    if (taken.some((outer) => path.startsWith(`${outer}.`))) continue;
    const units = unitsOf(module);
    if (units === null) continue;
    taken.push(path);
    for (const unit of units) layers.push({ className: unit.classes[0], parts: unit.save() });
  }
  const attributes = attributesOf(layers);
  return layers.flatMap(({ parts }, i) =>
    parts.map(({ path, arrays }) => ({ path: ['layers', attributes[i], ...path], arrays })),
  );
}

const partsOfKeras = (model: KerasModel): Parts =>
  partsOf(model).map(({ path, save }) => ({ path, arrays: save() }));

/** The archive of a model. */
async function archiveOf(model: nn.Module, options: SaveKerasOptions): Promise<Uint8Array> {
  const [config, parts] = model instanceof KerasModel ? fromKeras(model) : fromModules(model, options);
  const text = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));
  const saved = new Date().toISOString().slice(0, 19).replace('T', '@');
  const metadata = { keras_version: kerasVersion, date_saved: saved };
  return encodeZip([
    { name: 'metadata.json', bytes: text(metadata) },
    { name: 'config.json', bytes: text(config) },
    { name: 'model.weights.h5', bytes: await weightsFile(parts) },
  ]);
}

function fromKeras(model: KerasModel): [config: unknown, parts: Parts] {
  const { config } = model;
  if (!isFields(config) || typeof config.module !== 'string')
    throw new Error(
      `saveKeras: ${model.name} comes from a file of Keras 2 or TensorFlow.js, whose configuration .keras files cannot have; save its weights in a .weights.h5`,
    );
  // The optimizer stays behind.
  const { compile_config: _, ...rest } = config;
  return [rest, partsOfKeras(model)];
}

/** The shapes of examples for a number of inputs. */
function shapesFor(count: number, given: SaveKerasOptions['inputShape']): (readonly number[])[] {
  if (given === undefined)
    throw new Error('saveKeras: needs the shape of one example: { inputShape: [28, 28, 1] }');
  const isList = given.length > 0 && given.every((shape) => Array.isArray(shape));
  const shapes = isList ? (given as readonly (readonly number[])[]) : [given as readonly number[]];
  if (shapes.length !== count)
    throw new Error(
      `saveKeras: inputShape must have a shape for each of ${count} inputs, got ${JSON.stringify(given)}`,
    );
  return [...shapes];
}

function fromModules(model: nn.Module, { inputShape, name }: SaveKerasOptions): [object, Parts] {
  const restore = model.evalForNow();
  try {
    if (model instanceof nn.Model) {
      const graph = describeGraph(model, shapesFor(model.graph.inputs.length, inputShape));
      const config = graphConfig(graph, name ?? 'functional', layerObject);
      const parts = partsIn(graph.layers.map(({ description }) => description));
      return [asObject('Functional', config, 'keras.src.models.functional'), parts];
    }
    if (!(model instanceof nn.Sequential))
      throw new Error(
        `saveKeras: ${model.constructor.name} is neither an nn.Sequential, nor an nn.Model, nor a model that loadKeras read, so there is no configuration for Keras; save its weights in a .weights.h5`,
      );
    const [shape] = shapesFor(1, inputShape);
    const dtype = model.layers[0] instanceof nn.Embedding ? 'int32' : 'float32';
    const layers = sequenceFor(model, zeros([1, ...shape], { dtype }));
    const input = asObject('InputLayer', { batch_shape: [null, ...shape], dtype, name: 'input_layer' });
    return [sequentialObject(layers, name ?? 'sequential', [input]), partsIn(layers)];
  } catch (error) {
    if (!(error instanceof NoSuchLayer)) throw error;
    throw new Error(`saveKeras: Keras has no layer for these modules: ${error.message}`, { cause: error });
  } finally {
    restore();
  }
}

const keys = ['inputShape', 'name'];

/**
 * The bytes of a file for Keras 3; see {@link saveKeras}.
 *
 * @param kind `keras` for an archive with configuration and weights, `weights` for weights alone
 */
export async function encodeKeras(
  model: nn.Module,
  kind: 'keras' | 'weights' = 'keras',
  options: SaveKerasOptions = {},
): Promise<Uint8Array> {
  checkOptions('encodeKeras', options, keys);
  if (kind === 'keras') return archiveOf(model, options);
  return weightsFile(model instanceof KerasModel ? partsOfKeras(model) : partsOfModules(model));
}

/**
 * Saves a model for Keras 3, atomically: in a `.keras` archive with its configuration, or in a `.weights.h5` its weights alone.
 *
 * ```ts
 * await saveKeras(model, 'model.keras', { inputShape: [28, 28, 1] }); // keras.models.load_model('model.keras')
 * ```
 *
 * Archives are of models that {@link loadKeras} read from a `.keras` file, with the weights that they have now, and of an
 * `nn.Sequential` or `nn.Model` of modules (not functions) that Keras has layers for; Linear becomes Dense, padding by numbers a layer of its own. Weights
 * alone are of any model: its Linear, Conv, BatchNorm, LSTM and so on in their order, as a sequential model of Keras with the same layers
 * loads them.
 *
 * @throws Error if Keras has no layer for a module (one error lists them all), or the path ends otherwise; WriteError if the file
 * cannot be written
 */
export async function saveKeras(
  model: nn.Module,
  path: string,
  options: SaveKerasOptions = {},
): Promise<void> {
  checkOptions('saveKeras', options, keys);
  const kind = path.endsWith('.keras') ? 'keras' : path.endsWith('.weights.h5') ? 'weights' : null;
  if (kind === null) throw new Error(`saveKeras: ${path} must end in .keras or .weights.h5`);
  await writeFileAtomically(path, await encodeKeras(model, kind, options));
}
