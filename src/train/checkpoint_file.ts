import { writeFileAtomically } from '../io/atomic.ts';
import { decodeTensors, readBytes } from '../io/load.ts';
import { FormatError } from '../io/safetensors_format.ts';
import { encodeTensors } from '../io/save.ts';
import { nodeModule } from '../runtime/node_modules.ts';
import { putTogether, type State, takeApart } from './state.ts';

/**
 * A state as a safetensors file: its arrays are tensors, so that every program that reads the format finds the weights, and the rest is
 * JSON in the header. The header holds a SHA-256 of the whole file, in which its own 64 digits count as zeros: whoever reads the file
 * knows that it is whole.
 */

const format = 'nabla checkpoint 2';
const unknownHash = '0'.repeat(64);
/** Where the digits begin: after the length of the header, `{"__metadata__":{` and the key. */
const hashStart = 8 + '{"__metadata__":{"sha256":"'.length;

const hashOf = (bytes: Uint8Array): string =>
  nodeModule('node:crypto', 'checkpoints').createHash('sha256').update(bytes).digest('hex');

/**
 * Writes a state, atomically.
 *
 * @throws WriteError if the file cannot be written, TypeError if the state has something in it that cannot be saved
 */
export async function writeState(path: string, state: State): Promise<void> {
  const { json, tensors } = takeApart(state);
  const bytes = await encodeTensors(tensors, { sha256: unknownHash, format, state: json });
  bytes.set(new TextEncoder().encode(hashOf(bytes)), hashStart);
  await writeFileAtomically(path, bytes);
}

/**
 * Reads a state and checks that not a bit of the file has changed.
 *
 * @throws ReadError if there is no such file, FormatError if it is damaged or something else
 */
export async function readState(path: string): Promise<State> {
  const bytes = await readBytes(path);
  const found = new TextDecoder().decode(bytes.subarray(hashStart, hashStart + unknownHash.length));
  const { tensors, metadata } = decodeTensors(bytes, path, { keepHalf: true });
  if (metadata.format !== format || metadata.sha256 === undefined)
    throw new FormatError(
      metadata.format?.startsWith('nabla checkpoint') === true
        ? `${path}: is a checkpoint of another version of nabla (${metadata.format}, needed is ${format})`
        : `${path}: is not a checkpoint of a training`,
    );
  bytes.set(new TextEncoder().encode(unknownHash), hashStart);
  if (found !== metadata.sha256 || hashOf(bytes) !== found)
    throw new FormatError(
      `${path}: is damaged: its contents do not have the checksum that it was written with`,
    );
  try {
    return putTogether(metadata.state, tensors);
  } catch (error) {
    throw new FormatError(`${path}: ${(error as Error).message}`);
  }
}
