import { crc32 } from './crc32.ts';
import { deflateRaw, inflateRaw } from './inflate.ts';
import { FormatError } from './safetensors_format.ts';

/**
 * Zip archives of whole files in memory, also those with zip64 fields: stored or deflated entries, no encryption, one
 * disk. Described in PKWARE's APPNOTE.TXT.
 */

/** One file in an archive. */
export interface ZipEntry {
  readonly name: string;
  /** Bytes when unpacked. */
  readonly size: number;
  /**
   * The contents: of a stored entry a view of the archive's bytes.
   *
   * @throws FormatError if they are damaged
   */
  read(): Promise<Uint8Array>;
}

const localSignature = 0x04034b50;
const centralSignature = 0x02014b50;
const endSignature = 0x06054b50;
const end64Signature = 0x06064b50;
const locator64Signature = 0x07064b50;
/** No deflate stream unpacks to more than this many times its size. */
const mostPacking = 1032;

/** Whether bytes begin as a zip archive does. */
export const looksZipped = (bytes: Uint8Array): boolean =>
  bytes.length >= 4 && bytes[0] === 0x50 && bytes[1] === 0x4b && bytes[2] <= 5 && bytes[3] <= 6;

/**
 * The entries of an archive, in the order of its directory, without folders. All sizes and places are checked against the
 * file before anything is unpacked; contents are checked, by their checksums, when they are read.
 *
 * @param name what error messages call the archive
 * @throws FormatError that says what is wrong
 */
export function readZip(bytes: Uint8Array, name = 'readZip'): ZipEntry[] {
  const fail = (what: string): never => {
    throw new FormatError(`${name}: ${what}`);
  };
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const long = (at: number): number => view.getUint32(at + 4, true) * 2 ** 32 + view.getUint32(at, true);
  const end = findEnd(view);
  if (end < 0) return fail('not a zip archive, or truncated: it has no end of a central directory');
  let count = view.getUint16(end + 10, true);
  let length = view.getUint32(end + 12, true);
  let start = view.getUint32(end + 16, true);
  if (view.getUint16(end + 4, true) !== 0 && view.getUint16(end + 4, true) !== 0xffff)
    fail('a zip archive of several disks cannot be read');
  if (end >= 20 && view.getUint32(end - 20, true) === locator64Signature) {
    const at = long(end - 20 + 8);
    if (at + 56 > end || view.getUint32(at, true) !== end64Signature)
      return fail('damaged: the zip64 end of the central directory is not where it should be');
    count = long(at + 32);
    length = long(at + 40);
    start = long(at + 48);
  }
  if (start + length > end)
    return fail(
      `truncated: its central directory would take bytes ${start} to ${start + length}, but must end before ${end}`,
    );
  // Each entry of the directory takes at least 46 bytes.
  if (count * 46 > length)
    return fail(`damaged: ${count} entries do not fit a central directory of ${length} bytes`);

  const entries: ZipEntry[] = [];
  const places: [from: number, to: number, name: string][] = [];
  const names = new Set<string>();
  let at = start;
  for (let i = 0; i < count; i++) {
    if (at + 46 > start + length || view.getUint32(at, true) !== centralSignature)
      return fail(`damaged: entry ${i} of the central directory is not where it should be`);
    const nameLength = view.getUint16(at + 28, true);
    const extraLength = view.getUint16(at + 30, true);
    const next = at + 46 + nameLength + extraLength + view.getUint16(at + 32, true);
    if (next > start + length) return fail(`damaged: entry ${i} reaches beyond the central directory`);
    const entry = new TextDecoder().decode(bytes.subarray(at + 46, at + 46 + nameLength));
    const shown = JSON.stringify(entry);
    const flags = view.getUint16(at + 8, true);
    const method = view.getUint16(at + 10, true);
    const checksum = view.getUint32(at + 16, true);
    const wide = wideFields(view, at, nameLength, extraLength);
    if (wide === null) return fail(`damaged: ${shown} lacks its zip64 sizes`);
    const { size, packed, local } = wide;
    at = next;
    if (entry.endsWith('/')) continue;
    if (names.has(entry)) return fail(`two entries are called ${shown}`);
    names.add(entry);
    if (flags & 1) return fail(`${shown} is encrypted`);
    if (method !== 0 && method !== 8)
      return fail(
        `${shown} is compressed by method ${method}; only stored (0) and deflated (8) entries can be read`,
      );
    if (local + 30 > start || view.getUint32(local, true) !== localSignature)
      return fail(`damaged: ${shown} is not at byte ${local}, where the directory says`);
    const from = local + 30 + view.getUint16(local + 26, true) + view.getUint16(local + 28, true);
    if (from + packed > start)
      return fail(`truncated: ${shown} would take bytes ${from} to ${from + packed} of ${start}`);
    if (method === 0 && size !== packed)
      return fail(`damaged: ${shown} is stored, but ${packed} bytes should be ${size}`);
    if (size > packed * mostPacking + 64)
      return fail(`damaged: ${shown} would unpack from ${packed} to ${size} bytes, more than deflate can`);
    places.push([local, from + packed, entry]);
    entries.push({
      name: entry,
      size,
      read: () =>
        contents(bytes.subarray(from, from + packed), { method, size, checksum }, `${name}: ${shown}`),
    });
  }
  // Archives with overlapping entries unpack to far more than they hold.
  places.sort((a, b) => a[0] - b[0]);
  places.forEach(([from, , entry], i) => {
    if (i > 0 && from < places[i - 1][1])
      fail(`damaged: ${JSON.stringify(entry)} overlaps ${JSON.stringify(places[i - 1][2])}`);
  });
  return entries;
}

/** Where the end of the central directory begins, or -1: it is followed by a comment of at most 65535 bytes. */
function findEnd(view: DataView): number {
  const last = view.byteLength - 22;
  for (let at = last; at >= Math.max(0, last - 0xffff); at--)
    if (
      view.getUint32(at, true) === endSignature &&
      at + 22 + view.getUint16(at + 20, true) <= view.byteLength
    )
      return at;
  return -1;
}

/** Sizes and place of an entry of the directory, from its zip64 fields where the plain ones are full. */
function wideFields(
  view: DataView,
  at: number,
  nameLength: number,
  extraLength: number,
): { size: number; packed: number; local: number } | null {
  const fields = [at + 24, at + 20, at + 42].map((place) => view.getUint32(place, true));
  if (fields.includes(0xffffffff)) {
    let extra = at + 46 + nameLength;
    const end = extra + extraLength;
    while (extra + 4 <= end && view.getUint16(extra, true) !== 1)
      extra += 4 + view.getUint16(extra + 2, true);
    if (extra + 4 > end) return null;
    let value = extra + 4;
    const limit = Math.min(end, value + view.getUint16(extra + 2, true));
    for (let i = 0; i < 3; i++) {
      if (fields[i] !== 0xffffffff) continue;
      if (value + 8 > limit) return null;
      fields[i] = view.getUint32(value + 4, true) * 2 ** 32 + view.getUint32(value, true);
      value += 8;
    }
  }
  const [size, packed, local] = fields;
  return { size, packed, local };
}

async function contents(
  packed: Uint8Array,
  { method, size, checksum }: { method: number; size: number; checksum: number },
  name: string,
): Promise<Uint8Array> {
  let data = packed;
  if (method === 8)
    try {
      data = await inflateRaw(packed, size);
    } catch (error) {
      throw new FormatError(`${name}: ${(error as Error).message}`, { cause: error });
    }
  if (crc32(data) !== checksum) throw new FormatError(`${name} is damaged: its checksum differs`);
  return data;
}

/**
 * An archive of files with distinct names.
 *
 * @param options.compress whether to deflate; default false: stored
 * @throws FormatError when names repeat, or sizes pass 4 GiB
 */
export async function encodeZip(
  files: readonly { readonly name: string; readonly bytes: Uint8Array }[],
  options: { compress?: boolean } = {},
): Promise<Uint8Array> {
  const names = new Set<string>();
  const parts: Uint8Array[] = [];
  const directory: Uint8Array[] = [];
  let at = 0;
  for (const { name, bytes } of files) {
    if (names.has(name)) throw new FormatError(`encodeZip: two files are called ${JSON.stringify(name)}`);
    names.add(name);
    const text = new TextEncoder().encode(name);
    if (text.length > 0xffff) throw new FormatError(`encodeZip: a name of ${text.length} bytes is too long`);
    const data = options.compress ? await deflateRaw(bytes) : bytes;
    const header = new Uint8Array(46 + text.length);
    const view = new DataView(header.buffer);
    view.setUint32(0, centralSignature, true);
    view.setUint16(4, 20, true);
    view.setUint16(6, 20, true);
    // Names are UTF-8; the date is the first that the format knows, so that equal files give equal archives.
    view.setUint16(8, 0x800, true);
    view.setUint16(10, options.compress ? 8 : 0, true);
    view.setUint16(14, 0x21, true);
    view.setUint32(16, crc32(bytes), true);
    view.setUint32(20, data.length, true);
    view.setUint32(24, bytes.length, true);
    view.setUint16(28, text.length, true);
    view.setUint32(42, at, true);
    header.set(text, 46);
    // The local header has the same fields from the version to the length of the name.
    const local = new Uint8Array(30 + text.length);
    new DataView(local.buffer).setUint32(0, localSignature, true);
    local.set(header.subarray(6, 30), 4);
    local.set(text, 30);
    parts.push(local, data);
    directory.push(header);
    at += local.length + data.length;
    if (at > 0xfffffffe || bytes.length > 0xfffffffe)
      throw new FormatError('encodeZip: archives of more than 4 GiB are not written');
  }
  if (files.length > 0xfffe) throw new FormatError(`encodeZip: ${files.length} files are more than 65534`);
  const end = new Uint8Array(22);
  const view = new DataView(end.buffer);
  view.setUint32(0, endSignature, true);
  view.setUint16(8, files.length, true);
  view.setUint16(10, files.length, true);
  view.setUint32(
    12,
    directory.reduce((sum, { length }) => sum + length, 0),
    true,
  );
  view.setUint32(16, at, true);
  return joined([...parts, ...directory, end]);
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}
