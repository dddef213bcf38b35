import { inflateRaw } from '../inflate.ts';
import { bodyOf, type Message, messages } from './object_header.ts';
import type { Source } from './source.ts';

/** What chunks go through on their way into a file, and back. */

/** One step of a pipeline. */
export interface Filter {
  readonly id: number;
  readonly values: readonly number[];
}

const deflate = 1;
const shuffle = 2;
const fletcher32 = 3;
const lzf = 32000;
const readable: readonly number[] = [deflate, shuffle, fletcher32, lzf];
const names: Readonly<Record<number, string>> = {
  4: 'szip',
  5: 'nbit',
  6: 'scaleoffset',
  32001: 'blosc',
  32015: 'zstd',
};

/** No deflate stream unpacks to more than this many times its size. LZF's limit is lower. */
export const mostPacking = 1032;

/** The filters of a dataset, in the order in which they were applied. */
export function readFilters(source: Source, header: readonly Message[]): Filter[] {
  const message = header.find(({ type }) => type === messages.filters);
  if (message === undefined) return [];
  const body = bodyOf(source, message, 'the filters');
  const version = body.version(1, 2);
  const count = body.u8();
  if (version === 1) body.take(6);
  return Array.from({ length: count }, () => {
    const id = body.u16();
    const nameLength = version === 1 || id >= 256 ? body.u16() : 0;
    body.u16();
    const valueCount = body.u16();
    body.take(version === 1 ? Math.ceil(nameLength / 8) * 8 : nameLength);
    const values = Array.from({ length: valueCount }, () => body.u32());
    if (version === 1 && valueCount % 2 === 1) body.take(4);
    if (!readable.includes(id))
      source.fail(
        `it is compressed by ${names[id] ?? `filter ${id}`}; gzip, lzf, shuffle and fletcher32 can be read`,
      );
    return { id, values };
  });
}

/**
 * Takes back what the filters did to a chunk.
 *
 * @param skipped bit i is set if filter i was left out for this chunk
 * @param size bytes of the chunk before all filters
 */
export async function unfiltered(
  source: Source,
  stored: Uint8Array,
  filters: readonly Filter[],
  skipped: number,
  size: number,
): Promise<Uint8Array> {
  const used = filters.filter((_, i) => ((skipped >>> i) & 1) === 0);
  // Sizes before each filter: only those of compression are not known, and they end what can be computed.
  const sizes: number[] = [];
  let next = size;
  for (const { id } of used) {
    sizes.push(next);
    next = id === fletcher32 ? next + 4 : id === shuffle ? next : Number.NaN;
  }
  let bytes = stored;
  for (let i = used.length - 1; i >= 0; i--) {
    const { id, values } = used[i];
    if (id === fletcher32) bytes = withoutChecksum(source, bytes);
    else if (id === shuffle) bytes = unshuffled(bytes, values[0] ?? 1);
    else {
      if (Number.isNaN(sizes[i])) source.fail('a chunk is compressed twice, which cannot be read');
      if (sizes[i] > bytes.length * mostPacking + 64)
        source.fail(
          `damaged: a chunk would unpack from ${bytes.length} to ${sizes[i]} bytes, more than compression can`,
        );
      bytes = id === lzf ? unpackLzf(source, bytes, sizes[i]) : await inflated(source, bytes, sizes[i]);
    }
  }
  if (bytes.length !== size) source.fail(`damaged: a chunk has ${bytes.length} bytes instead of ${size}`);
  return bytes;
}

/** A zlib stream: two bytes of header, the deflate stream, four bytes of checksum. */
async function inflated(source: Source, bytes: Uint8Array, size: number): Promise<Uint8Array> {
  if (bytes.length < 6 || (bytes[0] & 15) !== 8 || ((bytes[0] << 8) | bytes[1]) % 31 !== 0 || bytes[1] & 32)
    source.fail('damaged: a compressed chunk is no zlib stream');
  let out: Uint8Array;
  try {
    out = await inflateRaw(bytes.subarray(2, bytes.length - 4), size);
  } catch (error) {
    return source.fail(`damaged: a compressed chunk cannot be unpacked: ${(error as Error).message}`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (source.layout.checksums && view.getUint32(bytes.length - 4) !== adler32(out))
    source.fail('damaged: the checksum of a compressed chunk is wrong');
  return out;
}

/** The checksum of zlib streams, RFC 1950. */
function adler32(bytes: Uint8Array): number {
  let [a, b] = [1, 0];
  for (let at = 0; at < bytes.length; ) {
    // So many that b stays below 2³².
    const to = Math.min(bytes.length, at + 5552);
    for (; at < to; at++) {
      a += bytes[at];
      b += a;
    }
    a %= 65521;
    b %= 65521;
  }
  return b * 65536 + a;
}

/** Puts bytes back that were sorted by their place in the element. */
function unshuffled(bytes: Uint8Array, elementSize: number): Uint8Array {
  const count = Math.floor(bytes.length / Math.max(1, elementSize));
  if (elementSize <= 1 || count <= 1) return bytes;
  // Not slice, which of a Node Buffer is no copy.
  const out = new Uint8Array(bytes);
  for (let byte = 0, at = 0; byte < elementSize; byte++)
    for (let i = 0; i < count; i++) out[i * elementSize + byte] = bytes[at++];
  return out;
}

/** Checks and removes the checksum behind a chunk: Fletcher's sums over 16-bit words, high byte first. */
function withoutChecksum(source: Source, bytes: Uint8Array): Uint8Array {
  if (bytes.length < 4) return source.fail('damaged: a chunk is too short for its checksum');
  const data = bytes.subarray(0, bytes.length - 4);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let [a, b] = [0, 0];
  for (let at = 0; at < data.length; at += 2) {
    const word = (data[at] << 8) | (at + 1 < data.length ? data[at + 1] : 0);
    a = (a + word) % 65535;
    b = (b + a) % 65535;
  }
  const stored = view.getUint32(data.length, true);
  // Sums may be stored as 65535 instead of 0.
  const [high, low] = [(stored >>> 16) % 65535, (stored & 0xffff) % 65535];
  if (source.layout.checksums && (high !== b || low !== a))
    source.fail('damaged: the checksum of a chunk is wrong');
  return data;
}

/** Unpacks h5py's own compression: runs of plain bytes, and copies of what came before. LibLZF by Marc Lehmann. */
function unpackLzf(source: Source, bytes: Uint8Array, size: number): Uint8Array {
  const out = new Uint8Array(size);
  const fail = (): never => source.fail('damaged: a chunk compressed by lzf cannot be unpacked');
  let [at, to] = [0, 0];
  while (at < bytes.length) {
    const control = bytes[at++];
    if (control < 32) {
      const length = control + 1;
      if (at + length > bytes.length || to + length > size) fail();
      out.set(bytes.subarray(at, at + length), to);
      at += length;
      to += length;
      continue;
    }
    let length = control >> 5;
    if (length === 7) length += bytes[at++] ?? 0;
    const from = to - (((control & 31) << 8) | (bytes[at++] ?? 0)) - 1;
    length += 2;
    if (at > bytes.length || from < 0 || to + length > size) fail();
    for (let i = 0; i < length; i++) out[to++] = out[from + i];
  }
  return to === size ? out : fail();
}
