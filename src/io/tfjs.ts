import { checkOptions } from '../core/options.ts';
import { fromData, type Tensor } from '../core/tensor.ts';
import { isCount, isRecord, shown } from './json.ts';
import { readBytes } from './load.ts';
import { type NarrowOptions, narrowKeys, valuesOf } from './narrow_numbers.ts';
import { FormatError, type SafetensorsDtype } from './safetensors_format.ts';
import { besideFile, readJson } from './sharded.ts';
import { sizeOf } from './strided.ts';

/**
 * TensorFlow.js models: `model.json` with the topology and a manifest of weights, and files of their bytes. Weights are read;
 * the topology is given as it is.
 */

const dtypes: Readonly<Record<string, SafetensorsDtype>> = {
  float32: 'F32',
  float16: 'F16',
  int32: 'I32',
  uint16: 'U16',
  uint8: 'U8',
  bool: 'BOOL',
};
const widths: Partial<Record<SafetensorsDtype, number>> = { F32: 4, F16: 2, I32: 4, U16: 2, U8: 1, BOOL: 1 };

interface WeightSpec {
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype: string;
  /** Weights stored as small integers: value = stored scale + min; or as float16. */
  readonly stored: string;
  readonly scale: number;
  readonly min: number;
}

function specOf(value: unknown, path: string): WeightSpec {
  const fail = (what: string): never => {
    throw new FormatError(`${path}: weightsManifest: ${what}`);
  };
  if (!isRecord(value) || typeof value.name !== 'string') return fail('a weight has no name');
  const name = JSON.stringify(value.name);
  const { shape, dtype, quantization } = value;
  if (!Array.isArray(shape) || shape.length > 64 || !shape.every(isCount))
    return fail(`${name}: the shape ${shown(shape)} is not a list of non-negative integers`);
  if (typeof dtype !== 'string' || !Object.hasOwn(dtypes, dtype))
    return fail(`${name}: the dtype ${shown(dtype)} cannot be read; ${Object.keys(dtypes).join(', ')} can`);
  const plain = { name: value.name, shape, dtype, stored: dtype, scale: 1, min: 0 };
  if (quantization === undefined) return plain;
  if (!isRecord(quantization)) return fail(`${name}: its quantization is not an object`);
  const { dtype: stored, scale = 1, min = 0, original_dtype: original } = quantization;
  const isKnown =
    dtype === 'float32' && (original === undefined || original === 'float32') && typeof stored === 'string';
  if (!isKnown || !['uint8', 'uint16', 'float16'].includes(stored))
    return fail(`${name}: quantization of ${dtype} to ${shown(stored)} cannot be read`);
  if (
    stored !== 'float16' &&
    (typeof quantization.scale !== 'number' || typeof quantization.min !== 'number')
  )
    return fail(`${name}: its quantization has no scale or no min`);
  return {
    ...plain,
    stored,
    scale: stored === 'float16' ? 1 : Number(scale),
    min: stored === 'float16' ? 0 : Number(min),
  };
}

function tensorOf(spec: WeightSpec, data: Uint8Array, path: string, options: NarrowOptions): Tensor {
  const entry = { name: spec.name, dtype: dtypes[spec.stored], shape: spec.shape, data };
  const values = valuesOf(entry, spec.stored === spec.dtype ? options : {}, path);
  if (spec.stored === spec.dtype || spec.stored === 'float16')
    return fromData(values.data, spec.shape, values.dtype);
  const scaled = Float32Array.from(values.data, (stored: number) => stored * spec.scale + spec.min);
  return fromData(scaled, spec.shape, 'float32');
}

/** What is in a TensorFlow.js model. */
export interface TfjsModel {
  /** By name, with TensorFlow's layouts: kernels [...space, in, out], dense kernels [in, out]. */
  readonly weights: Record<string, Tensor>;
  /** `modelTopology` of the file as it is; null if there is none. */
  readonly topology: unknown;
}

/**
 * Reads the weights of a TensorFlow.js model (layers or graph) from `model.json` and the files beside it, quantized ones
 * (uint8, uint16, float16) as float32.
 *
 * @throws ReadError if a file is missing; FormatError if one is damaged, or does not hold what the manifest says
 */
export async function loadTfjs(path: string, options: NarrowOptions = {}): Promise<TfjsModel> {
  checkOptions('loadTfjs', options, narrowKeys);
  const model = await readJson(path);
  const manifest = model.weightsManifest;
  if (!Array.isArray(manifest))
    throw new FormatError(`${path}: not a TensorFlow.js model: it has no weightsManifest`);
  const weights = new Map<string, Tensor>();
  for (const group of manifest) {
    const { paths, weights: listed } = isRecord(group) ? group : {};
    if (!Array.isArray(paths) || !paths.every((p) => typeof p === 'string') || !Array.isArray(listed))
      throw new FormatError(`${path}: weightsManifest: a group has no paths or no weights`);
    const specs = listed.map((value) => specOf(value, path));
    const shards: Uint8Array[] = [];
    for (const shard of paths) shards.push(await readBytes(besideFile(path, shard)));
    const size = shards.reduce((sum, { length }) => sum + length, 0);
    const lengths = specs.map(({ shape, stored }) => sizeOf(shape) * (widths[dtypes[stored]] ?? 0));
    const needed = lengths.reduce((sum, length) => sum + length, 0);
    if (needed !== size)
      throw new FormatError(
        `${path}: the weights in ${paths.join(', ')} take ${needed} bytes, the files have ${size}`,
      );
    const bytes = new Uint8Array(size);
    let at = 0;
    for (const shard of shards) {
      bytes.set(shard, at);
      at += shard.length;
    }
    at = 0;
    for (const [i, spec] of specs.entries()) {
      if (weights.has(spec.name))
        throw new FormatError(
          `${path}: weightsManifest: two weights are called ${JSON.stringify(spec.name)}`,
        );
      weights.set(spec.name, tensorOf(spec, bytes.subarray(at, at + lengths[i]), path, options));
      at += lengths[i];
    }
  }
  return { weights: Object.fromEntries(weights), topology: model.modelTopology ?? null };
}
