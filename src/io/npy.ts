import { checkOptions } from '../core/options.ts';
import { fromData, type Tensor } from '../core/tensor.ts';
import { isHalf } from '../graph/half.ts';
import { writeFileAtomically } from './atomic.ts';
import { readBytes } from './load.ts';
import { type NarrowOptions, narrowKeys, valuesOf } from './narrow_numbers.ts';
import { decodeNpy, encodeNpy } from './npy_format.ts';
import { FormatError } from './safetensors_format.ts';
import { dtypeInFiles } from './save.ts';
import { encodeZip, looksZipped, readZip } from './zip.ts';

/** Arrays in NumPy's files: one in `.npy`, several by name in `.npz`. */

/**
 * An array from the bytes of an NPY file. Types that the library does not have become the nearest that hold them, see
 * valuesOf.
 *
 * @param name what error messages call the file
 * @throws FormatError if it is damaged, of another kind, or its numbers do not fit
 */
export function fromNpy(bytes: Uint8Array, name = 'fromNpy', options: NarrowOptions = {}): Tensor {
  checkOptions('fromNpy', options, narrowKeys);
  const { dtype, shape, data } = decodeNpy(bytes, name);
  const values = valuesOf({ name: 'array', dtype, shape, data }, options, name);
  return fromData(values.data, shape, values.dtype);
}

/**
 * Arrays by name from the bytes of an NPZ file, stored or compressed (in browsers through DecompressionStream).
 *
 * @throws FormatError as fromNpy
 */
export async function fromNpz(
  bytes: Uint8Array,
  name = 'fromNpz',
  options: NarrowOptions = {},
): Promise<Record<string, Tensor>> {
  if (!looksZipped(bytes)) throw new FormatError(`${name}: not an NPZ file: it is no zip archive`);
  const arrays: [string, Tensor][] = [];
  for (const entry of readZip(bytes, name)) {
    if (!entry.name.endsWith('.npy'))
      throw new FormatError(
        `${name}: ${JSON.stringify(entry.name)} is no array: NPZ files hold .npy files only`,
      );
    const array = fromNpy(await entry.read(), `${name}: ${JSON.stringify(entry.name)}`, options);
    arrays.push([entry.name.slice(0, -'.npy'.length), array]);
  }
  return Object.fromEntries(arrays);
}

/**
 * Reads an NPY file: `const x = await loadNpy('x.npy')`.
 *
 * @throws ReadError if there is no such file; FormatError as fromNpy
 */
export const loadNpy = async (path: string, options: NarrowOptions = {}): Promise<Tensor> =>
  fromNpy(await readBytes(path), path, options);

/**
 * Reads an NPZ file: `const { x, y } = await loadNpz('data.npz')`.
 *
 * @throws ReadError if there is no such file; FormatError as fromNpy
 */
export const loadNpz = async (path: string, options: NarrowOptions = {}): Promise<Record<string, Tensor>> =>
  fromNpz(await readBytes(path), path, options);

/**
 * The bytes of an NPY file with an array.
 *
 * @throws FormatError for bfloat16, which NumPy does not have
 */
export async function toNpy(array: Tensor): Promise<Uint8Array> {
  const data = isHalf(array.dtype) ? array.bits() : await array.data();
  return encodeNpy(dtypeInFiles(array.dtype), array.shape, data);
}

/**
 * The bytes of an NPZ file with arrays by name.
 *
 * @param options.compress whether to deflate them, as numpy.savez_compressed; default false, as numpy.savez
 */
export async function toNpz(
  arrays: Readonly<Record<string, Tensor>>,
  options: { compress?: boolean } = {},
): Promise<Uint8Array> {
  checkOptions('toNpz', options, ['compress']);
  const files: { name: string; bytes: Uint8Array }[] = [];
  for (const [name, array] of Object.entries(arrays))
    files.push({ name: `${name}.npy`, bytes: await toNpy(array) });
  return encodeZip(files, options);
}

/**
 * Writes an array as an NPY file, atomically; `numpy.load` reads it.
 *
 * @throws WriteError if the file cannot be written; FormatError for bfloat16, which NumPy does not have
 */
export const saveNpy = async (array: Tensor, path: string): Promise<void> =>
  writeFileAtomically(path, await toNpy(array));

/** Writes arrays by name as an NPZ file, atomically. As {@link saveNpy}; options as {@link toNpz}. */
export const saveNpz = async (
  arrays: Readonly<Record<string, Tensor>>,
  path: string,
  options: { compress?: boolean } = {},
): Promise<void> => writeFileAtomically(path, await toNpz(arrays, options));
