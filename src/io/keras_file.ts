import { checkOptions } from '../core/options.ts';
import { fromData, type Tensor } from '../core/tensor.ts';
import { type Hdf5Dataset, Hdf5Group, looksLikeHdf5, openHdf5 } from './hdf5/file.ts';
import { shownPath } from './hdf5/source.ts';
import { parseJson as parseBounded } from './json.ts';
import { readBytes } from './load.ts';
import { type NarrowOptions, narrowKeys, valuesOf } from './narrow_numbers.ts';
import { FormatError } from './safetensors_format.ts';
import { looksZipped, readZip } from './zip.ts';

/**
 * Files of Keras: weights and, in files of whole models, the configuration. Three kinds exist: `.keras` archives (Keras 3, and 2
 * from 2.12 on), `.weights.h5` (what is in such an archive), and the older `.h5` of weights or whole models.
 */

/** Weights as files of the newer kind have them: by the attributes that lead to them. */
export interface KerasNode {
  /** What the layer is called; null in files that do not say so. */
  readonly name: string | null;
  /** The variables of the object itself, in its order. */
  readonly variables: readonly Tensor[];
  readonly children: ReadonlyMap<string, KerasNode>;
}

/** Weights of one layer as files of the older kind have them: in a list, with names. */
export interface KerasLayerWeights {
  readonly layer: string;
  readonly arrays: readonly (readonly [name: string, array: Tensor])[];
}

/** What a file of Keras holds. */
export interface KerasFile {
  /** `{ class_name, config }` of the model; null in files of weights alone. */
  readonly config: unknown;
  /** Of the Keras that wrote the file, `3.15.1`; null if it does not say so. */
  readonly version: string | null;
  readonly weights:
    | { readonly kind: 'tree'; readonly root: KerasNode }
    | { readonly kind: 'layers'; readonly layers: readonly KerasLayerWeights[] };
}

/** Objects inside of each other. */
const deepest = 64;

/**
 * Reads a file of Keras of any kind from its bytes or its path.
 *
 * @throws ReadError if there is no such file; FormatError if it is damaged or of another kind
 */
export async function readKerasFile(
  source: string | Uint8Array,
  name = 'readKerasFile',
  options: NarrowOptions = {},
): Promise<KerasFile> {
  const file = typeof source === 'string' ? source : name;
  const bytes = typeof source === 'string' ? await readBytes(source) : source;
  if (looksZipped(bytes)) return readArchive(bytes, file, options);
  if (looksLikeHdf5(bytes)) return readHdf5(bytes, file, options);
  throw new FormatError(`${file}: not a file of Keras: it is neither a .keras archive nor an HDF5 file`);
}

async function readArchive(bytes: Uint8Array, file: string, options: NarrowOptions): Promise<KerasFile> {
  const entries = readZip(bytes, file);
  const find = (name: string) => entries.find((entry) => entry.name === name);
  const config = find('config.json');
  const weights = find('model.weights.h5');
  if (config === undefined || weights === undefined)
    throw new FormatError(
      `${file}: not a .keras archive: it has no ${config === undefined ? 'config.json' : 'model.weights.h5'}`,
    );
  const parsed = parseJson(new TextDecoder().decode(await config.read()), `${file}: config.json`);
  const inside = await readHdf5(await weights.read(), `${file}: model.weights.h5`, options);
  const metadata = await find('metadata.json')?.read();
  return { ...inside, config: parsed, version: metadata === undefined ? null : versionIn(metadata) };
}

/** What the metadata of an archive say; they do without. */
function versionIn(metadata: Uint8Array): string | null {
  try {
    const { keras_version: version } = JSON.parse(new TextDecoder().decode(metadata)) as Record<
      string,
      unknown
    >;
    return typeof version === 'string' ? version : null;
  } catch {
    return null;
  }
}

function parseJson(text: string, what: string): unknown {
  try {
    return parseBounded(text);
  } catch (error) {
    throw new FormatError(`${what} is not JSON: ${(error as Error).message.slice(0, 200)}`);
  }
}

async function readHdf5(bytes: Uint8Array, file: string, options: NarrowOptions): Promise<KerasFile> {
  const root = openHdf5(bytes, file);
  const config = root.texts('model_config')?.[0];
  const parsed = config === undefined ? null : parseJson(config, `${file}: the attribute model_config`);
  const version =
    root.attribute('keras_version')?.kind === 'texts' ? (root.texts('keras_version')?.[0] ?? null) : null;
  const group = root.get('model_weights') ?? root;
  if (group instanceof Hdf5Group && group.attributeNames().some((name) => /^layer_names0?$/.test(name)))
    return {
      config: parsed,
      version,
      weights: { kind: 'layers', layers: await readLayers(group, file, options) },
    };
  // Keras 2.13 had another name for the layers.
  const isTree = ['layers', '_layer_checkpoint_dependencies', 'vars'].some(
    (name) => root.get(name) !== undefined,
  );
  if (!isTree)
    throw new FormatError(
      `${file}: an HDF5 file, but not of Keras: it has neither layer_names nor layers; openHdf5 reads others`,
    );
  return {
    config: parsed,
    version,
    weights: { kind: 'tree', root: await readNode(root, file, options, new Set()) },
  };
}

/** A list of names that is an attribute, or several where it was too long for one. */
function namesIn(group: Hdf5Group, name: string): string[] {
  const whole = group.texts(name);
  if (whole !== undefined) return [...whole];
  const all: string[] = [];
  for (let i = 0; ; i++) {
    const part = group.texts(`${name}${i}`);
    if (part === undefined) return all;
    for (const text of part) all.push(text);
  }
}

async function readLayers(
  group: Hdf5Group,
  file: string,
  options: NarrowOptions,
): Promise<KerasLayerWeights[]> {
  const layers: KerasLayerWeights[] = [];
  const seen = new Set<number>();
  const names = namesIn(group, 'layer_names');
  if (group.get('top_level_model_weights') !== undefined) names.push('top_level_model_weights');
  for (const layer of names) {
    const inside = group.group(layer);
    requireNew(inside, seen, file);
    const arrays: [string, Tensor][] = [];
    for (const name of namesIn(inside, 'weight_names')) {
      const dataset = inside.dataset(name);
      requireNew(dataset, seen, file);
      arrays.push([name, await tensorOf(dataset, file, options)]);
    }
    layers.push({ layer, arrays });
  }
  return layers;
}

/** Keras gives every object one name. Files where some have several could be read forever, or fill the memory. */
function requireNew(object: Hdf5Group | Hdf5Dataset, seen: Set<number>, file: string): void {
  if (seen.has(object.address))
    throw new FormatError(`${file}: ${shownPath(object.path)}: is also in the file under another name`);
  seen.add(object.address);
}

async function readNode(
  group: Hdf5Group,
  file: string,
  options: NarrowOptions,
  seen: Set<number>,
  depth = 0,
): Promise<KerasNode> {
  requireNew(group, seen, file);
  if (depth > deepest)
    throw new FormatError(`${file}: ${shownPath(group.path)}: more than ${deepest} objects deep`);
  const children = new Map<string, KerasNode>();
  for (const name of group.names()) {
    if (name === 'vars' || (depth === 0 && name === 'optimizer')) continue;
    const child = group.get(name);
    if (child instanceof Hdf5Group) {
      const called = depth === 0 && name === '_layer_checkpoint_dependencies' ? 'layers' : name;
      children.set(called, await readNode(child, file, options, seen, depth + 1));
    }
  }
  const vars = group.get('vars');
  if (!(vars instanceof Hdf5Group)) return { name: null, variables: [], children };
  const numbers = vars.names().sort((a, b) => Number(a) - Number(b));
  const variables: Tensor[] = [];
  for (const [i, name] of numbers.entries()) {
    if (name !== String(i)) {
      // Some layers name their variables, such as those with quantized weights.
      throw new FormatError(
        `${file}: ${shownPath(vars.path)} has ${JSON.stringify(name.slice(0, 80))} where variable ${i} should be`,
      );
    }
    const dataset = vars.dataset(name);
    requireNew(dataset, seen, file);
    variables.push(await tensorOf(dataset, file, options));
  }
  return { name: vars.texts('name')?.[0] ?? null, variables, children };
}

async function tensorOf(dataset: Hdf5Dataset, file: string, options: NarrowOptions): Promise<Tensor> {
  const values = await dataset.read();
  const where = `${file}: ${shownPath(dataset.path)}`;
  // NumPy has no bfloat16, so Keras says in an attribute what two bytes are.
  if (values.kind === 'opaque' && values.size === 2 && dataset.texts('dtype')?.[0] === 'bfloat16') {
    const { shape, data } = values;
    const converted = valuesOf({ name: shownPath(dataset.path), dtype: 'BF16', shape, data }, options, file);
    return fromData(converted.data, shape, converted.dtype);
  }
  if (values.kind !== 'numbers') throw new FormatError(`${where}: holds ${values.kind} instead of numbers`);
  const { shape, dtype, data } = values;
  const converted = valuesOf({ name: shownPath(dataset.path), dtype, shape, data }, options, file);
  return fromData(converted.data, shape, converted.dtype);
}

/**
 * The weights in a file of Keras, whichever of its kinds it is, by the names that the file has, with Keras's layouts: dense kernels
 * [in, out], kernels [...space, in, out].
 *
 * In `.keras` archives and `.weights.h5` names are paths of attributes and numbers: `layers/dense/vars/0`. In older `.h5` files they
 * are those of the variables, behind the layer's: `dense/dense/kernel:0`. What the optimizer knows is left out.
 *
 * ```ts
 * const weights = await loadKerasWeights('model.keras');
 * ```
 *
 * @param source a path, or the bytes of a file
 * @param options as of loadTensors
 * @throws ReadError if there is no such file; FormatError if it is damaged or of another kind
 */
export async function loadKerasWeights(
  source: string | Uint8Array,
  options: NarrowOptions = {},
): Promise<Record<string, Tensor>> {
  checkOptions('loadKerasWeights', options, narrowKeys);
  const { weights } = await readKerasFile(source, 'loadKerasWeights', options);
  const named: [string, Tensor][] = [];
  if (weights.kind === 'layers')
    for (const { layer, arrays } of weights.layers)
      for (const [name, array] of arrays) named.push([`${layer}/${name}`, array]);
  else {
    const visit = (node: KerasNode, path: string): void => {
      for (const [i, array] of node.variables.entries()) named.push([`${path}vars/${i}`, array]);
      for (const [name, child] of node.children) visit(child, `${path}${name}/`);
    };
    visit(weights.root, '');
  }
  return Object.fromEntries(named);
}
