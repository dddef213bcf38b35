import { checkOptions } from '../core/options.ts';
import type { Tensor } from '../core/tensor.ts';
import { nodeModule } from '../runtime/node_modules.ts';
import { isRecord, parseJson } from './json.ts';
import { loadTensors, readBytes } from './load.ts';
import { type NarrowOptions, narrowKeys } from './narrow_numbers.ts';
import { FormatError } from './safetensors_format.ts';

/**
 * A JSON object in a file.
 *
 * @throws ReadError if there is no such file, FormatError if it is no JSON object in UTF-8
 */
export async function readJson(path: string): Promise<Record<string, unknown>> {
  const bytes = await readBytes(path);
  let value: unknown;
  try {
    value = parseJson(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    throw new FormatError(`${path}: not JSON in UTF-8: ${(error as Error).message}`, { cause: error });
  }
  if (!isRecord(value)) throw new FormatError(`${path}: not a JSON object`);
  return value;
}

/**
 * The path of a file that another one names, in that one's folder.
 *
 * @throws FormatError if the name leads out of the folder
 */
export function besideFile(path: string, name: string): string {
  const { dirname, isAbsolute, join, normalize } = nodeModule('node:path', 'load');
  const inside = normalize(name);
  if (name === '' || name.includes('\0') || isAbsolute(inside) || inside.split(/[\\/]/)[0] === '..')
    throw new FormatError(`${path}: names the file ${JSON.stringify(name)}, which is not in its folder`);
  return join(dirname(path), inside);
}

/**
 * Reads a safetensors model in several files: `model.safetensors.index.json`, which says in its `weight_map` which tensor
 * is in which file beside it. Every tensor must be where it says, and files must hold nothing else.
 *
 * @throws ReadError if a file is missing; FormatError if one is damaged, or does not hold what the index says
 */
export async function loadSharded(
  path: string,
  options: NarrowOptions = {},
): Promise<{ tensors: Record<string, Tensor>; metadata: Readonly<Record<string, unknown>> }> {
  checkOptions('loadSharded', options, narrowKeys);
  const index = await readJson(path);
  const map = index.weight_map;
  if (!isRecord(map) || !Object.values(map).every((file) => typeof file === 'string'))
    throw new FormatError(`${path}: its weight_map is not an object that names a file for each tensor`);
  const found = new Map<string, Tensor>();
  for (const file of new Set(Object.values(map) as string[])) {
    const { tensors } = await loadTensors(besideFile(path, file), options);
    for (const [name, tensor] of Object.entries(tensors)) {
      if (!Object.hasOwn(map, name) || map[name] !== file)
        throw new FormatError(`${path}: ${file} holds ${JSON.stringify(name)}, which the index does not say`);
      found.set(name, tensor);
    }
  }
  const names = Object.keys(map);
  const missing = names.filter((name) => !found.has(name));
  if (missing.length > 0)
    throw new FormatError(
      `${path}: missing in the files that should hold them: ${missing.slice(0, 8).join(', ')}${missing.length > 8 ? ` and ${missing.length - 8} more` : ''}`,
    );
  return {
    tensors: Object.fromEntries(names.map((name) => [name, found.get(name)!])),
    metadata: isRecord(index.metadata) ? index.metadata : {},
  };
}
