import { checkOptions } from '../core/options.ts';
import type { Tensor } from '../core/tensor.ts';
import { settle, type Variable } from '../core/variable.ts';
import { FormatError, type KerasFile, type KerasNode, readKerasFile } from '../io/index.ts';
import type { Module } from '../nn/index.ts';
import { deepestModel } from './build.ts';
import { type Config, layerConfig } from './config.ts';
import { describeModel, isModel } from './description.ts';
import { weightsOf } from './load.ts';
import { type Unit, unitsOf } from './modules.ts';
import { ListWeights, snakeCase, TreeWeights, type WeightSource } from './weights.ts';

/** How a file of Keras fits a model. */
export interface LoadKerasIntoOptions {
  /**
   * Which layer of the file a module's weights come from, by the paths of modules: `{ 'blocks.0': 'conv2d_3' }`. Others follow in order.
   * Default: none, all are in order.
   */
  layers?: Readonly<Record<string, string>>;
}

/** A layer of the file that has variables. */
interface FileLayer {
  readonly name: string;
  /** Null where the file does not say. */
  readonly className: string | null;
  readonly source: WeightSource;
}

/** A module of the model that is a layer of Keras. */
interface Place {
  readonly path: string;
  readonly module: string;
  readonly unit: Unit;
}

/** The modules that are layers of Keras, in the order of the model; what is inside of one is a part of it. */
function placesIn(model: Module): Place[] {
  const places: Place[] = [];
  const taken: string[] = [];
  for (const [path, module] of model.namedModules()) {
    if (taken.some((outer) => outer === '' || path.startsWith(`${outer}.`))) continue;
    const units = unitsOf(module);
    if (units === null) continue;
    taken.push(path);
    for (const unit of units)
      if (unit.save().some(({ arrays }) => arrays.length > 0))
        places.push({ path, module: module.constructor.name, unit });
  }
  return places;
}

/** Layers inside of models and wrappers count on their own. */
function fromConfig(config: Config, source: WeightSource, depth = 0): FileLayer[] {
  if (depth > deepestModel)
    throw new FormatError(`models and wrappers lie inside of each other more than ${deepestModel} deep`);
  if (isModel(config.className)) {
    const { layers } = describeModel(config);
    const sources = source.layers(layers.map((layer) => layer.config));
    return layers.flatMap((layer, i) => fromConfig(layer.config, sources[i], depth + 1));
  }
  if (config.className === 'TimeDistributed')
    return fromConfig(config.layer('layer'), source.inside('layer'), depth + 1);
  return source.isEmpty() ? [] : [{ name: config.name, className: config.className, source }];
}

function layersOf(content: KerasFile, file: string): FileLayer[] {
  const source = weightsOf(content, file);
  if (content.config !== null)
    return fromConfig(layerConfig(content.config, `${file}: the configuration`), source);
  const { weights } = content;
  if (weights.kind === 'layers')
    return weights.layers
      .filter(({ arrays }) => arrays.length > 0)
      .map(({ layer, arrays }) => ({
        name: layer,
        className: null,
        source: ListWeights.of(arrays, `${file}: ${layer.slice(0, 80)}`),
      }));
  const inTree = (node: KerasNode, path: string): FileLayer[] => {
    const { children } = node;
    const layers = children.get('layers');
    return [...(layers?.children ?? [])].flatMap(([attribute, child]) => {
      const where = `${path}/layers/${attribute}`;
      if (child.children.has('layers')) return inTree(child, where);
      const one = new TreeWeights(child, where);
      return one.isEmpty() ? [] : [{ name: child.name ?? attribute, className: attribute, source: one }];
    });
  };
  return inTree(weights.root, file);
}

/** `conv2d_12` to `conv2d`: files without a configuration number the layers of a class. */
const withoutNumber = (attribute: string): string => attribute.replace(/_\d+$/, '');
const numberOf = (attribute: string): number => Number(/_(\d+)$/.exec(attribute)?.[1] ?? 0);

/**
 * Sets parameters and buffers of a model of yours from a file of Keras of any kind: weights or a whole model. Modules and layers are
 * matched in order: Linear with Dense, Conv2d with Conv2D, LSTM with LSTM or (if it reads both ways) Bidirectional, each layer of a
 * recurrent stack with one of Keras, BatchNorm with its moving statistics, MultiHeadAttention of equal sizes. Layouts are converted. In
 * `.weights.h5`, where only layers of one class have an order, the first Linear is the first Dense, and so on. All or nothing.
 *
 * ```ts
 * await loadKerasInto(model, 'model.weights.h5');
 * ```
 *
 * @throws ReadError if there is no such file; FormatError if it is damaged, or its layers are others than those of the model
 */
export async function loadKerasInto(
  model: Module,
  source: string | Uint8Array,
  options: LoadKerasIntoOptions = {},
): Promise<void> {
  checkOptions('loadKerasInto', options, ['layers']);
  const file = typeof source === 'string' ? source : 'loadKerasInto';
  const content = await readKerasFile(source, 'loadKerasInto');
  const places = placesIn(model);
  const layers = layersOf(content, file);
  const listed = (): string =>
    `the model has ${places.map(({ path, module }) => `${path || 'itself'} (${module})`).join(', ') || 'no layers'}; ` +
    `the file has ${layers.map(({ name, className }) => (className === null ? name : `${name} (${className})`)).join(', ') || 'no layers'}`;
  const fail = (what: string): never => {
    const text = listed();
    throw new FormatError(`${file}: ${what}; ${text.length > 600 ? `${text.slice(0, 600)}...` : text}`);
  };

  const isNumbered = content.config === null && content.weights.kind === 'tree';
  const left = [...layers];
  const take = (place: Place): FileLayer => {
    const named = options.layers?.[place.path];
    const fits = ({ className }: FileLayer): boolean =>
      className === null ||
      place.unit.classes.some((name) =>
        isNumbered
          ? snakeCase(name) === withoutNumber(className) || snakeCase(name) === className
          : name === className,
      );
    let at =
      named === undefined
        ? isNumbered
          ? firstOf(left, fits)
          : 0
        : left.findIndex(({ name }) => name === named);
    if (named === undefined && !isNumbered && reserved.size > 0)
      at = left.findIndex(({ name }) => !reserved.has(name));
    const found = left[at];
    if (found === undefined)
      return fail(
        named === undefined
          ? `there is no layer for ${place.path} (${place.module})`
          : `layers: there is no ${JSON.stringify(named)} for ${place.path}, or it is another's already`,
      );
    if (!fits(found))
      return fail(
        `${place.path} (${place.module}) cannot take the weights of ${found.name} (${found.className})`,
      );
    left.splice(at, 1);
    return found;
  };
  const reserved = new Set(Object.values(options.layers ?? {}));
  for (const path of Object.keys(options.layers ?? {}))
    if (!places.some((place) => place.path === path)) fail(`layers: the model has no ${path}`);

  const matched = places.map((place) => [place, take(place)] as const);
  if (left.length > 0) {
    const names = left.map(({ name }) => name).join(', ');
    fail(`nothing takes the weights of ${names.slice(0, 200)}`);
  }
  const values: (readonly [Variable, Tensor])[] = [];
  for (const [place, layer] of matched)
    for (const [variable, value] of converted(place, layer, file)) {
      if (String(variable.shape) !== String(value.shape))
        fail(
          `${place.path} (${place.module}) has a variable [${variable.shape.join(', ')}], ${layer.name} gives [${value.shape.join(', ')}]`,
        );
      values.push([variable, value.cast(variable.dtype)]);
    }
  for (const [variable, value] of values) variable.assign(value);
  settle(values.map(([variable]) => variable));
}

/** The first layer of a class by the number that the file gives it. */
function firstOf(layers: readonly FileLayer[], fits: (layer: FileLayer) => boolean): number {
  let best = -1;
  for (const [i, layer] of layers.entries())
    if (fits(layer) && (best < 0 || numberOf(layer.className!) < numberOf(layers[best].className!))) best = i;
  return best;
}

function converted({ path, module, unit }: Place, { name, source }: FileLayer, file: string) {
  try {
    return unit.load(source);
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    const where = `${file}: ${path} (${module}) from ${name}`;
    throw new FormatError(`${where}: ${error.message.replace(`${file}: `, '')}`);
  }
}
