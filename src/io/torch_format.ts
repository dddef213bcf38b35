import { isCount } from './json.ts';
import {
  PickleDict,
  PickleGlobal,
  type PickleWorld,
  type PlainValue,
  parsePickle,
  plainValue,
} from './pickle.ts';
import { FormatError, type SafetensorsDtype } from './safetensors_format.ts';
import { extentOf, gather, sizeOf } from './strided.ts';
import { looksZipped, readZip } from './zip.ts';

/**
 * Files of `torch.save`, bytes only: zip archives (since 1.6) with a pickle and one file for each storage, and the legacy form, five
 * pickles one after the other with the storages at the end. Described by torch/serialization.py.
 */

/** A tensor of a file: its elements row by row, little-endian, whatever strides it was saved with. */
export class TorchArray {
  readonly dtype: SafetensorsDtype;
  readonly shape: readonly number[];
  readonly data: Uint8Array;

  constructor(dtype: SafetensorsDtype, shape: readonly number[], data: Uint8Array) {
    this.dtype = dtype;
    this.shape = shape;
    this.data = data;
  }
}

/** What tensors are views of. */
class Storage {
  readonly key: string;
  /** Null: bytes of any type. */
  readonly dtype: SafetensorsDtype | null;
  /** Where it begins in the storage of that key, and how many elements it has. */
  readonly offset: number;
  readonly size: number;

  constructor(key: string, dtype: SafetensorsDtype | null, offset: number, size: number) {
    this.key = key;
    this.dtype = dtype;
    this.offset = offset;
    this.size = size;
  }
}

class View {
  readonly storage: Storage;
  readonly dtype: SafetensorsDtype;
  readonly offset: number;
  readonly shape: readonly number[];
  readonly strides: readonly number[];

  constructor(
    storage: Storage,
    dtype: SafetensorsDtype,
    offset: number,
    shape: readonly number[],
    strides: readonly number[],
  ) {
    this.storage = storage;
    this.dtype = dtype;
    this.offset = offset;
    this.shape = shape;
    this.strides = strides;
  }
}

const storageTypes: Readonly<Record<string, SafetensorsDtype | null>> = {
  FloatStorage: 'F32',
  DoubleStorage: 'F64',
  HalfStorage: 'F16',
  BFloat16Storage: 'BF16',
  LongStorage: 'I64',
  IntStorage: 'I32',
  ShortStorage: 'I16',
  CharStorage: 'I8',
  ByteStorage: 'U8',
  BoolStorage: 'BOOL',
  UntypedStorage: null,
};
const dtypes: Readonly<Record<string, SafetensorsDtype>> = {
  float32: 'F32',
  float64: 'F64',
  float16: 'F16',
  bfloat16: 'BF16',
  int64: 'I64',
  int32: 'I32',
  int16: 'I16',
  int8: 'I8',
  uint64: 'U64',
  uint32: 'U32',
  uint16: 'U16',
  uint8: 'U8',
  bool: 'BOOL',
  float8_e4m3fn: 'F8_E4M3',
  float8_e5m2: 'F8_E5M2',
};
const widthOf = (dtype: SafetensorsDtype): number =>
  dtype === 'BOOL' ? 1 : dtype.startsWith('F8') ? 1 : dtype === 'BF16' ? 2 : Number(dtype.slice(1)) / 8;

const areCounts = (value: unknown): value is number[] =>
  Array.isArray(value) && value.length <= 64 && value.every(isCount);

/** What a file of torch.save may name: tensors, their storages and types, and plain containers. */
function worldOf(name: string): PickleWorld {
  const fail = (what: string): never => {
    throw new FormatError(`${name}: ${what}`);
  };
  // Calls copy what they are given; a small file could have a long list copied again and again.
  let copied = 0;
  const copying = (count: number): void => {
    copied += count;
    if (copied > 10_000_000) fail('its sets and dictionaries are made of too many items');
  };
  const view = (args: readonly unknown[], dtype?: SafetensorsDtype): View => {
    const [storage, offset, shape, strides] = args;
    if (!(storage instanceof Storage) || !isCount(offset) || !areCounts(shape) || !areCounts(strides))
      return fail('a tensor is not described by a storage, an offset, a shape and strides');
    if (shape.length !== strides.length)
      return fail(`a tensor of shape [${shape.join(', ')}] has strides [${strides.join(', ')}]`);
    const type = dtype ?? storage.dtype ?? fail('a tensor of an untyped storage has no dtype');
    return new View(storage, type, offset, shape, strides);
  };
  const globals = new Map<string, ((args: readonly unknown[]) => unknown) | null>([
    ['torch._utils._rebuild_tensor', (args) => view(args)],
    ['torch._utils._rebuild_tensor_v2', (args) => view(args)],
    [
      'torch._utils._rebuild_tensor_v3',
      (args) => {
        const type = args[6];
        if (!(type instanceof PickleGlobal)) return fail('a tensor has no dtype');
        return view(args, dtypes[type.name.slice('torch.'.length)] ?? fail(`a tensor is ${type.name}`));
      },
    ],
    ['torch._utils._rebuild_parameter', (args) => args[0] ?? null],
    ['torch._utils._rebuild_parameter_with_state', (args) => args[0] ?? null],
    ['torch.Size', (args) => args[0] ?? []],
    ['torch.device', (args) => args[0] ?? null],
    ['collections.OrderedDict', (args) => dictionary(args)],
    ...['builtins', '__builtin__'].map((module): [string, (args: readonly unknown[]) => unknown] => [
      `${module}.set`,
      ([items]) => {
        if (!Array.isArray(items)) return [];
        copying(items.length);
        return [...items];
      },
    ]),
    ...Object.keys(storageTypes).flatMap((type): [string, null][] => [
      [`torch.${type}`, null],
      [`torch.storage.${type}`, null],
      [`torch.cuda.${type}`, null],
    ]),
    ...Object.keys(dtypes).map((type): [string, null] => [`torch.${type}`, null]),
  ]);
  const dictionary = (args: readonly unknown[]): PickleDict => {
    const dict = new PickleDict();
    const pairs = args[0] ?? [];
    if (!Array.isArray(pairs)) fail('an OrderedDict is made of something that is no list');
    else {
      copying(pairs.length);
      for (const pair of pairs) {
        if (!Array.isArray(pair) || pair.length !== 2)
          fail('an OrderedDict is made of something else than pairs');
        dict.entries.set(pair[0], pair[1]);
      }
    }
    return dict;
  };
  return {
    globals,
    remedy:
      'nothing of a file is executed, so only tensors, numbers, texts and containers of them can be read; save model.state_dict() instead of the model',
    persistent: (id) => storageOf(id, fail),
  };
}

/** ('storage', type, key, location, size, and in legacy files null or (key of the view, offset, size)). */
function storageOf(id: unknown, fail: (what: string) => never): Storage {
  if (!Array.isArray(id) || id.length < 5 || id[0] !== 'storage')
    return fail('a reference to something that is no storage');
  const [, type, key, , size, part] = id;
  const short = type instanceof PickleGlobal ? type.name.slice(type.name.lastIndexOf('.') + 1) : '';
  if (!(short in storageTypes)) return fail('a storage has no type');
  if ((typeof key !== 'string' && typeof key !== 'number') || !isCount(size))
    return fail('a storage has no key or no size');
  const dtype = storageTypes[short];
  if (part === null || part === undefined) return new Storage(String(key), dtype, 0, size);
  if (!Array.isArray(part) || !isCount(part[1]) || !isCount(part[2]) || part[1] + part[2] > size)
    return fail(`storage ${key} has a view that does not lie in it`);
  return new Storage(String(key), dtype, part[1], part[2]);
}

/**
 * What a file of `torch.save` holds, without executing anything: dictionaries as objects, lists and tuples as arrays,
 * tensors as TorchArray (one that occurs several times is one object).
 *
 * @param name what error messages call the file
 * @throws FormatError that names what is wrong, and any class or function that is not plain data
 */
export async function decodeTorch(bytes: Uint8Array, name = 'decodeTorch'): Promise<PlainValue<TorchArray>> {
  const { value, storages } = looksZipped(bytes) ? await readArchive(bytes, name) : readLegacy(bytes, name);
  // Views of a storage may overlap, and strides of zero repeat it; a small file could ask for any amount of memory.
  let budget = 16 * bytes.length + 2 ** 26;
  return plainValue(value, name, (leaf) => {
    if (leaf instanceof View) {
      budget -= sizeOf(leaf.shape) * widthOf(leaf.dtype);
      if (!(budget >= 0))
        throw new FormatError(
          `${name}: its tensors take far more memory than the file has bytes; clone() expanded tensors before saving them`,
        );
      return arrayOf(leaf, storages, name);
    }
    // A storage by itself: one axis.
    const storage = leaf as Storage;
    return arrayOf(new View(storage, storage.dtype ?? 'U8', 0, [storage.size], [1]), storages, name);
  });
}

/** Bytes of a storage by its key. */
type Storages = (key: string) => Uint8Array | undefined;

function arrayOf(
  { storage, dtype, offset, shape, strides }: View,
  storages: Storages,
  name: string,
): TorchArray {
  const bytes = storages(storage.key);
  const what = `${name}: a tensor of shape [${shape.join(', ')}]`;
  if (bytes === undefined) throw new FormatError(`${what} needs storage ${storage.key}, which is missing`);
  const width = widthOf(dtype);
  const begin = storage.offset * (storage.dtype === null ? 1 : width);
  const limit = begin + storage.size * (storage.dtype === null ? 1 : width);
  const extent = extentOf(shape, strides, offset);
  if (limit > bytes.length || (extent !== null && begin + (extent.last + 1) * width > limit))
    throw new FormatError(
      `${what}, strides [${strides.join(', ')}] and offset ${offset} reaches beyond storage ${storage.key} of ${bytes.length} bytes`,
    );
  return new TorchArray(dtype, shape, gather(bytes.subarray(begin, limit), width, shape, strides, offset));
}

/** Objects of the world in a parsed value, each once. */
function* objectsIn(value: unknown): Generator<object> {
  const seen = new Set<object>();
  const rest: unknown[] = [value];
  while (rest.length > 0) {
    const next = rest.pop();
    if (typeof next !== 'object' || next === null || seen.has(next)) continue;
    seen.add(next);
    if (Array.isArray(next)) for (const item of next) rest.push(item);
    else if (next instanceof PickleDict) for (const item of next.entries.values()) rest.push(item);
    else yield next;
  }
}

async function readArchive(bytes: Uint8Array, name: string): Promise<{ value: unknown; storages: Storages }> {
  const entries = new Map(readZip(bytes, name).map((entry) => [entry.name, entry]));
  const pickles = [...entries.keys()].filter((key) => /^[^/]*\/?data\.pkl$/.test(key));
  if (pickles.length !== 1)
    throw new FormatError(`${name}: not a file of torch.save: the archive has no data.pkl`);
  const root = pickles[0].slice(0, -'data.pkl'.length);
  if (entries.has(`${root}constants.pkl`))
    throw new FormatError(
      `${name}: a TorchScript program (torch.jit.save), not plain data; save model.state_dict() instead`,
    );
  const order = entries.get(`${root}byteorder`);
  if (order !== undefined && new TextDecoder().decode(await order.read()) === 'big')
    throw new FormatError(`${name}: written on a big-endian machine, which cannot be read`);
  const { value } = parsePickle(await entries.get(pickles[0])!.read(), name, worldOf(name));
  const keys = new Set<string>();
  for (const object of objectsIn(value))
    keys.add(object instanceof View ? object.storage.key : object instanceof Storage ? object.key : '');
  const read = new Map<string, Uint8Array>();
  for (const key of keys) {
    const entry = entries.get(`${root}data/${key}`);
    if (entry !== undefined) read.set(key, await entry.read());
  }
  return { value, storages: (key) => read.get(key) };
}

/** 0x1950a86a20f9469cfc6c, which legacy files begin with. */
const legacyMagic = 0x1950a86a20f9469cfc6cn;

function readLegacy(bytes: Uint8Array, name: string): { value: unknown; storages: Storages } {
  const fail = (what: string): never => {
    throw new FormatError(`${name}: ${what}`);
  };
  if (bytes.length < 2 || bytes[0] !== 0x80)
    return fail('not a file of torch.save: neither a zip archive nor a pickle');
  const plain: PickleWorld = { globals: new Map(), remedy: 'the file is damaged, or not of torch.save' };
  const magic = parsePickle(bytes, name, plain);
  if (magic.value !== legacyMagic)
    return fail('a pickle, but not of torch.save: it does not begin with the number that PyTorch writes');
  const version = parsePickle(bytes, name, plain, magic.end);
  if (version.value !== 1001)
    return fail(`version ${String(version.value)} of torch.save is not known; 1001 is`);
  const system = parsePickle(bytes, name, plain, version.end);
  if (!(system.value instanceof PickleDict) || system.value.entries.get('little_endian') !== true)
    return fail('written on a big-endian machine, or damaged');

  // Sizes of storages stand with their tensors, as files give only counts of elements.
  const world = worldOf(name);
  const widths = new Map<string, number>();
  const main = parsePickle(
    bytes,
    name,
    {
      ...world,
      persistent: (id) => {
        const storage = storageOf(id, fail);
        widths.set(storage.key, storage.dtype === null ? 1 : widthOf(storage.dtype));
        return storage;
      },
    },
    system.end,
  );
  const keys = parsePickle(bytes, name, plain, main.end);
  if (!Array.isArray(keys.value)) return fail('damaged: the list of its storages is missing');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const storages = new Map<string, Uint8Array>();
  let at = keys.end;
  for (const key of keys.value.map(String)) {
    const width = widths.get(key);
    if (width === undefined)
      return fail(`damaged: no tensor uses its storage ${JSON.stringify(key.slice(0, 50))}`);
    if (at + 8 > bytes.length) return fail(`truncated: storage ${key} is missing`);
    const length = (view.getUint32(at + 4, true) * 2 ** 32 + view.getUint32(at, true)) * width;
    at += 8;
    if (at + length > bytes.length)
      return fail(`truncated: storage ${key} takes ${length} bytes, but ${bytes.length - at} follow`);
    storages.set(key, bytes.subarray(at, at + length));
    at += length;
  }
  return { value: main.value, storages: (key) => storages.get(key) };
}
