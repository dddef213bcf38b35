import type { SafetensorsDtype } from '../safetensors_format.ts';
import { countOf } from './dataspace.ts';
import type { Datatype } from './datatype.ts';
import { GlobalHeap } from './global_heap.ts';
import { Source, textOf } from './source.ts';

/** What a dataset or an attribute holds. */
export type Hdf5Values =
  | {
      readonly kind: 'numbers';
      readonly shape: readonly number[];
      readonly dtype: SafetensorsDtype;
      /** The elements, row-major and little-endian. */
      readonly data: Uint8Array;
    }
  | {
      readonly kind: 'texts';
      readonly shape: readonly number[];
      /** The elements, row-major. */
      readonly texts: readonly string[];
    }
  | {
      readonly kind: 'opaque';
      readonly shape: readonly number[];
      /** Bytes of an element. */
      readonly size: number;
      readonly data: Uint8Array;
    }
  /** Nothing, not even an empty array: what h5py calls Empty. */
  | { readonly kind: 'nothing' };

/** Refuses types that cannot be read. */
export function requireReadable(source: Source, type: Datatype, what: string): void {
  if (type.kind === 'other')
    source.fail(`${what} holds ${type.name}, which cannot be read; numbers, booleans and texts can`);
}

/** The values that bytes stand for. @param what attribute or dataset, for messages */
export function valuesIn(
  source: Source,
  type: Datatype,
  shape: readonly number[],
  data: Uint8Array,
  what: string,
): Hdf5Values {
  requireReadable(source, type, what);
  const count = countOf(shape);
  if (count * type.size !== data.length)
    return source.fail(
      `damaged: ${what} of [${shape.join(', ')}] takes ${count * type.size} bytes, there are ${data.length}`,
    );
  if (type.kind === 'number')
    return {
      kind: 'numbers',
      shape,
      dtype: type.dtype,
      data: type.bigEndian ? swapped(data, type.size) : data,
    };
  if (type.kind === 'opaque') return { kind: 'opaque', shape, size: type.size, data };
  const texts = new Array<string>(count);
  if (type.kind === 'text') {
    for (let i = 0; i < count; i++) {
      const text = textOf(data.subarray(i * type.size, (i + 1) * type.size));
      texts[i] = type.spacePadded ? text.trimEnd() : text;
    }
    return { kind: 'texts', shape, texts };
  }
  // Each is its length, the address of a collection and a number in there.
  const { offsetSize } = source.layout;
  if (type.size !== offsetSize + 8) source.fail(`damaged: references to texts take ${type.size} bytes`);
  const heap = new GlobalHeap(source);
  // Chunks were unpacked, so their bytes are not the file's.
  const elements = new Source(data, source.file, source.path, { ...source.layout, base: 0 });
  for (let i = 0; i < count; i++) {
    const element = elements.cursor(i * type.size, type.size, what);
    const length = element.u32();
    const address = element.offset();
    const index = element.u32();
    if (length === 0 || index === 0) texts[i] = '';
    else texts[i] = textOf(heap.object(address, index).subarray(0, length));
  }
  return { kind: 'texts', shape, texts };
}

/** Numbers with the bytes of each in the other order. */
function swapped(data: Uint8Array, size: number): Uint8Array {
  const out = new Uint8Array(data.length);
  for (let at = 0; at < data.length; at += size)
    for (let i = 0; i < size; i++) out[at + i] = data[at + size - 1 - i];
  return out;
}
