import { fromData, type Tensor } from '../core/tensor.ts';
import { nodeModule } from '../runtime/node_modules.ts';
import { type NarrowOptions, valuesOf } from './narrow_numbers.ts';
import { decodeSafetensors } from './safetensors_format.ts';
import type { Stateful } from './save.ts';

/** A file could not be read. */
export class ReadError extends Error {
  override name = 'ReadError';
  /** The path that was to be read. */
  readonly path: string;

  constructor(path: string, reason: string, cause: unknown) {
    super(`cannot read ${path}: ${reason}`, { cause });
    this.path = path;
  }
}

const reasons: Record<string, string> = {
  ENOENT: 'there is no such file',
  ENOTDIR: 'a part of the path is a file, not a folder',
  EISDIR: 'it is a folder',
  EACCES: 'no permission to read it',
};

/**
 * The bytes of a file.
 *
 * @throws ReadError that says why not
 */
export async function readBytes(path: string): Promise<Uint8Array> {
  const { readFile } = nodeModule('node:fs/promises', `load ${path}`);
  try {
    return await readFile(path);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new ReadError(path, (code !== undefined && reasons[code]) || message, error);
  }
}

/** What a safetensors file holds. */
export interface LoadedTensors {
  tensors: Record<string, Tensor>;
  metadata: Readonly<Record<string, string>>;
}

/**
 * Reads a safetensors file. Narrow number types become the nearest wider type of the library without loss, see valuesOf; with
 * `keepHalf`, F16 and BF16 stay float16 and bfloat16.
 *
 * @throws ReadError if there is no such file, FormatError if it is damaged or of another kind
 */
export const loadTensors = async (path: string, options: NarrowOptions = {}): Promise<LoadedTensors> =>
  decodeTensors(await readBytes(path), path, options);

/** What {@link loadTensors} makes of the bytes of a file. `path` is what errors call it. */
export function decodeTensors(bytes: Uint8Array, path: string, options: NarrowOptions = {}): LoadedTensors {
  const { entries, metadata } = decodeSafetensors(bytes, path);
  const tensors = entries.map((entry): [string, Tensor] => {
    const { data, dtype } = valuesOf(entry, options, path);
    return [entry.name, fromData(data, entry.shape, dtype)];
  });
  return { tensors: Object.fromEntries(tensors), metadata };
}

/**
 * Sets a model's parameters and buffers from a safetensors file. All or nothing.
 *
 * @throws ReadError if there is no such file, FormatError if it is damaged, Error if names or shapes are not those of the model
 */
export async function load(model: Pick<Stateful, 'loadStateDict'>, path: string): Promise<void> {
  const { tensors } = await loadTensors(path);
  try {
    model.loadStateDict(tensors);
  } catch (error) {
    throw new Error(`${path}: ${(error as Error).message}`, { cause: error });
  }
}
