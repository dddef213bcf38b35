import { checkOptions } from '../core/options.ts';
import { Tensor } from '../core/tensor.ts';
import { FormatError } from './safetensors_format.ts';
import type { Stateful } from './save.ts';
import { loadTorchFile, type TorchValue, tensorsIn } from './torch.ts';
import { namesInModel } from './torch_names.ts';

/** How a checkpoint of PyTorch fits a model. */
export interface LoadTorchOptions {
  /**
   * What the model calls a name of the file, as a function or a table; null (or undefined from a function: unchanged) leaves a
   * tensor out. Names inside of PyTorch's modules are translated after it. Default: nothing is renamed.
   */
  rename?: ((name: string) => string | null | undefined) | Readonly<Record<string, string | null>>;
  /**
   * Where in the file the state dict is, `state_dict` or `ema.model`. Default: the file itself, or what it has under
   * `state_dict`, `model_state_dict` or `model`.
   */
  part?: string;
  /**
   * Linear layers after a flattened image, by the names that the model has, with the image's shape [channels, ...space]:
   * `{ fc1: [16, 5, 5] }`. PyTorch flattens channels first, the library last, so their columns are put in the other order.
   * Default: none.
   */
  flattened?: Readonly<Record<string, readonly number[]>>;
  /**
   * Whether a parameter of three or more axes is a kernel, which is stored with its channels last. By default each is that has
   * the shape of one, except in a module of class Bilinear.
   */
  isKernel?: (name: string, shape: readonly number[]) => boolean;
  /** false to allow missing and unexpected names, which are returned. Default true. */
  strict?: boolean;
}

/** What loadTorch needs of a model; every Module has it. */
export interface TorchTarget extends Pick<Stateful, 'stateDict'> {
  loadStateDict(
    state: Record<string, Tensor>,
    options?: { strict?: boolean },
  ): { missing: string[]; unexpected: string[] };
  namedModules?(): readonly (readonly [name: string, module: object])[];
}

const keys = ['rename', 'part', 'flattened', 'isKernel', 'strict'];

/**
 * Sets a model's parameters and buffers from a checkpoint of PyTorch (`torch.save(model.state_dict(), path)`, zip or
 * legacy), read without executing anything: `await loadTorch(model, 'resnet20.th')`. Names are translated, see
 * namesInModel; kernels go from [out, in, ...space] to [out, ...space, in]; Linear, norms, embeddings, attention and the
 * gates of LSTM and GRU have PyTorch's layout already. Counts of batches that old files lack stay as they are. All or
 * nothing.
 *
 * @returns names that are missing in the file, and unexpected ones in it; both empty unless `strict` is false
 * @throws ReadError if there is no such file; FormatError if it is damaged or holds more than plain data; Error if names or
 * shapes are not those of the model
 */
export async function loadTorch(
  model: TorchTarget,
  path: string,
  options: LoadTorchOptions = {},
): Promise<{ missing: string[]; unexpected: string[] }> {
  checkOptions('loadTorch', options, keys);
  return loadTorchState(model, stateIn(await loadTorchFile(path), options.part, path), options, path);
}

/**
 * Sets a model's parameters and buffers from tensors with PyTorch's names and layouts, from wherever they come (safetensors
 * files of PyTorch, {@link fromTorch}); as {@link loadTorch}.
 *
 * @param file what error messages call their source
 */
export function loadTorchState(
  model: TorchTarget,
  given: Readonly<Record<string, Tensor>>,
  options: LoadTorchOptions = {},
  file = 'loadTorchState',
): { missing: string[]; unexpected: string[] } {
  checkOptions('loadTorchState', options, keys);
  const own = model.stateDict();
  const renamed = rename(given, options.rename, file);
  const names = namesInModel([...renamed.keys()], (name) => Object.hasOwn(own, name));
  const state = new Map<string, Tensor>();
  for (const [name, tensor] of renamed) {
    const ours = names.get(name)!;
    if (state.has(ours)) throw new Error(`${file}: two tensors are ${ours} of the model; rename one of them`);
    state.set(ours, tensor);
  }
  const isKernel = kernelsOf(model, options.isKernel);
  const flattened = { ...options.flattened };
  for (const [name, tensor] of state) {
    const shape = own[name]?.shape;
    if (shape === undefined) continue;
    const layer = name.replace(/\.?weight$/, '');
    if (name.endsWith('weight') && Object.hasOwn(flattened, layer)) {
      state.set(name, channelsLast(tensor, flattened[layer], layer, file));
      delete flattened[layer];
    } else if (tensor.ndim >= 3 && tensor.ndim === shape.length && isKernel(name, tensor.shape)) {
      const moved = tensor.moveaxis(1, -1);
      // A parameter of another kind has its shape as it is.
      if (String(moved.shape) === String(shape) || String(tensor.shape) !== String(shape))
        state.set(name, moved);
    }
  }
  const [layer] = Object.keys(flattened);
  if (layer !== undefined)
    throw new Error(`${file}: flattened: the file has no ${layer}.weight, or the model has no ${layer}`);
  for (const [name, value] of Object.entries(own))
    if (name.endsWith('batchesTracked') && !state.has(name)) state.set(name, value);
  try {
    return model.loadStateDict(Object.fromEntries(state), { strict: options.strict ?? true });
  } catch (error) {
    throw new Error(`${file}: ${(error as Error).message}`, { cause: error });
  }
}

function rename(
  given: Readonly<Record<string, Tensor>>,
  table: LoadTorchOptions['rename'],
  file: string,
): Map<string, Tensor> {
  const renamed = new Map<string, Tensor>();
  const to = typeof table === 'function' ? table : (name: string) => table?.[name];
  if (typeof table === 'object')
    for (const name of Object.keys(table))
      if (!Object.hasOwn(given, name)) throw new Error(`${file}: rename: the file has no ${name}`);
  for (const [name, tensor] of Object.entries(given)) {
    const other = to(name);
    if (other === null) continue;
    if (renamed.has(other ?? name)) throw new Error(`${file}: rename: two tensors become ${other ?? name}`);
    renamed.set(other ?? name, tensor);
  }
  return renamed;
}

/** Which parameters are kernels. */
function kernelsOf(model: TorchTarget, given: LoadTorchOptions['isKernel']): NonNullable<typeof given> {
  if (given !== undefined) return given;
  const bilinear = new Set<string>();
  for (const [name, module] of model.namedModules?.() ?? [])
    if (module.constructor.name === 'Bilinear') bilinear.add(name === '' ? 'weight' : `${name}.weight`);
  return (name) => /(^|\.)weight$/.test(name) && !bilinear.has(name);
}

/** Columns of a matrix over a flattened image [channels, ...space] in the order of [...space, channels]. */
function channelsLast(weight: Tensor, image: readonly number[], layer: string, file: string): Tensor {
  const [out, features] = weight.shape;
  if (weight.ndim !== 2 || image.reduce((product, n) => product * n, 1) !== features)
    throw new Error(
      `${file}: flattened: ${layer}.weight is [${weight.shape.join(', ')}], which is no [out, features] with an image of [${image.join(', ')}] as its features`,
    );
  return weight
    .reshape([out, ...image])
    .moveaxis(1, -1)
    .reshape([out, features]);
}

/** The tensors of a state dict in a file. */
function stateIn(value: TorchValue, part: string | undefined, file: string): Record<string, Tensor> {
  if (part !== undefined) {
    let at = value;
    for (const key of part.split('.')) {
      if (!isDictionary(at) || !Object.hasOwn(at, key))
        throw new Error(
          `${file}: there is no ${part}${isDictionary(at) ? `; at ${key} there are ${listed(at)}` : ''}`,
        );
      at = at[key];
    }
    return tensorsIn(at, file);
  }
  if (!isDictionary(value))
    throw new FormatError(`${file}: it holds no state dict, which is a dictionary by names`);
  if (!Object.values(value).some((item) => item instanceof Tensor))
    for (const key of ['state_dict', 'model_state_dict', 'model'])
      if (Object.hasOwn(value, key) && isDictionary(value[key])) return tensorsIn(value[key], file);
  return tensorsIn(value, file);
}

const isDictionary = (value: TorchValue): value is { readonly [key: string]: TorchValue } =>
  typeof value === 'object' &&
  value !== null &&
  !Array.isArray(value) &&
  !(value instanceof Tensor) &&
  !(value instanceof Uint8Array);

const listed = (of: object): string => Object.keys(of).slice(0, 8).join(', ') || 'no names';
