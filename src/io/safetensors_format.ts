import { isCount, isRecord, parseJson, shown } from './json.ts';

/**
 * The safetensors file format, bytes only: 8 bytes with the length of the header (little-endian uint64), the header as
 * JSON padded with spaces, then the elements of all tensors, little-endian, without gaps.
 * Described at https://github.com/huggingface/safetensors.
 */

/** Bytes that are not a well-formed file of the format they should be in. The message says what is wrong where. */
export class FormatError extends Error {
  override name = 'FormatError';
}

/** Element types of the format, in the order in which files store them: wide ones first, so that all are aligned. */
export const safetensorsDtypes = [
  'U64',
  'I64',
  'F64',
  'F32',
  'U32',
  'I32',
  'BF16',
  'F16',
  'U16',
  'I16',
  'F8_E4M3',
  'F8_E5M2',
  'I8',
  'U8',
  'BOOL',
] as const;

/** An element type of the format. */
export type SafetensorsDtype = (typeof safetensorsDtypes)[number];

const bytesOf: Record<SafetensorsDtype, number> = {
  U64: 8,
  I64: 8,
  F64: 8,
  F32: 4,
  U32: 4,
  I32: 4,
  BF16: 2,
  F16: 2,
  U16: 2,
  I16: 2,
  F8_E4M3: 1,
  F8_E5M2: 1,
  I8: 1,
  U8: 1,
  BOOL: 1,
};

/** One named tensor. */
export interface SafetensorsEntry {
  readonly name: string;
  readonly dtype: SafetensorsDtype;
  readonly shape: readonly number[];
  /** The elements, row-major; any typed array, of which the bytes count (little-endian). */
  readonly data: ArrayBufferView;
}

/** A decoded file. */
export interface SafetensorsFile {
  /** In the order of the data; `data` are views of the file's bytes, not aligned to their elements. */
  readonly entries: readonly (SafetensorsEntry & { readonly data: Uint8Array })[];
  /** The free texts of the header's `__metadata__`. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** The longest header that readers of the format accept. */
const headerLimit = 100_000_000;
const metadataKey = '__metadata__';

const sizeOf = (shape: readonly number[]): number => shape.reduce((product, extent) => product * extent, 1);
const rankOf = (dtype: SafetensorsDtype): number => safetensorsDtypes.indexOf(dtype);

/**
 * The bytes of a safetensors file, laid out as the reference implementation does: tensors by falling element size and
 * then by name, the header padded to a multiple of eight bytes.
 *
 * @param entries tensors with distinct names
 * @param metadata free texts, default none
 * @throws FormatError when a name occurs twice or is `__metadata__`, or a shape does not fit its data
 */
export function encodeSafetensors(
  entries: readonly SafetensorsEntry[],
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  const fail = (what: string): never => {
    throw new FormatError(`encodeSafetensors: ${what}`);
  };
  const sorted = [...entries].sort(
    (a, b) => rankOf(a.dtype) - rankOf(b.dtype) || (a.name < b.name ? -1 : a.name > b.name ? 1 : 0),
  );
  // The fields are joined by hand: an object would put names that look like integers first.
  const fields: string[] = [];
  if (Object.keys(metadata).length > 0) fields.push(`"${metadataKey}":${JSON.stringify(metadata)}`);
  const names = new Set<string>();
  let end = 0;
  for (const { name, dtype, shape, data } of sorted) {
    if (name === metadataKey) fail(`a tensor must not be called ${metadataKey}`);
    if (names.has(name)) fail(`two tensors are called ${JSON.stringify(name)}`);
    names.add(name);
    const size = sizeOf(shape) * bytesOf[dtype];
    if (!shape.every((extent) => Number.isSafeInteger(extent) && extent >= 0) || size !== data.byteLength) {
      fail(
        `${JSON.stringify(name)}: ${dtype} [${shape.join(', ')}] takes ${size} bytes, the data has ${data.byteLength}`,
      );
    }
    const offsets = [end, (end += size)];
    fields.push(`${JSON.stringify(name)}:${JSON.stringify({ dtype, shape, data_offsets: offsets })}`);
  }
  const json = new TextEncoder().encode(`{${fields.join(',')}}`);
  const header = Math.ceil(json.length / 8) * 8;
  if (header > headerLimit) fail(`the header takes ${header} bytes; readers accept at most ${headerLimit}`);
  const bytes = new Uint8Array(8 + header + end);
  new DataView(bytes.buffer).setUint32(0, header, true);
  bytes.fill(0x20, 8, 8 + header);
  bytes.set(json, 8);
  let offset = 8 + header;
  for (const { data } of sorted) {
    bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), offset);
    offset += data.byteLength;
  }
  return bytes;
}

/**
 * Takes a safetensors file apart. Everything is checked: the header's length against the file's, the JSON, every field,
 * and that the tensors cover the data exactly, with no overlap, no hole and no surplus.
 *
 * @param bytes the whole file
 * @param name what error messages call it
 * @throws FormatError that says what is wrong
 */
export function decodeSafetensors(bytes: Uint8Array, name = 'decodeSafetensors'): SafetensorsFile {
  const fail = (what: string): never => {
    throw new FormatError(`${name}: ${what}`);
  };
  if (bytes.length < 8)
    fail(`not a safetensors file: ${bytes.length} bytes are too few for the header's length`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = view.getUint32(4, true) * 2 ** 32 + view.getUint32(0, true);
  if (length > headerLimit) {
    fail(
      `not a safetensors file: its header would take ${length} bytes, more than the limit of ${headerLimit}`,
    );
  }
  const start = 8 + length;
  if (start > bytes.length)
    fail(`truncated: the header takes ${length} bytes, but only ${bytes.length - 8} follow`);
  const header = parseHeader(bytes.subarray(8, start), fail);
  let metadata: Record<string, string> = {};
  const entries: { name: string; dtype: SafetensorsDtype; shape: number[]; offsets: [number, number] }[] = [];
  for (const [key, value] of Object.entries(header)) {
    if (key === metadataKey) metadata = checkMetadata(value, fail);
    else entries.push({ name: key, ...checkEntry(key, value, fail) });
  }
  entries.sort((a, b) => a.offsets[0] - b.offsets[0] || a.offsets[1] - b.offsets[1]);
  let end = 0;
  for (const entry of entries) {
    const [from, to] = entry.offsets;
    if (from !== end) {
      fail(
        `${JSON.stringify(entry.name)} begins at byte ${from} of the data, but what precedes it ends at ${end}: ` +
          `${from < end ? 'tensors overlap' : 'there is a hole'}`,
      );
    }
    end = to;
  }
  if (start + end !== bytes.length) {
    fail(
      `${start + end > bytes.length ? 'truncated' : 'trailing bytes'}: the tensors take ${end} bytes, ` +
        `but ${bytes.length - start} follow the header`,
    );
  }
  return {
    metadata,
    entries: entries.map(({ name: entry, dtype, shape, offsets: [from, to] }) => ({
      name: entry,
      dtype,
      shape,
      data: bytes.subarray(start + from, start + to),
    })),
  };
}

type Fail = (what: string) => never;

function parseHeader(bytes: Uint8Array, fail: Fail): Record<string, unknown> {
  if (bytes[0] !== 0x7b) return fail('not a safetensors file: the header does not start with {');
  let header: unknown;
  try {
    header = parseJson(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    return fail(`the header is not JSON in UTF-8: ${(error as Error).message}`);
  }
  return isRecord(header) ? header : fail('the header is not a JSON object');
}

function checkMetadata(value: unknown, fail: Fail): Record<string, string> {
  if (!isRecord(value) || !Object.values(value).every((text) => typeof text === 'string')) {
    return fail(`${metadataKey} is not an object of texts`);
  }
  return value as Record<string, string>;
}

/** Axes of an array; as in NumPy 2. */
const mostAxes = 64;

function checkEntry(
  key: string,
  value: unknown,
  fail: Fail,
): { dtype: SafetensorsDtype; shape: number[]; offsets: [number, number] } {
  const name = JSON.stringify(key);
  if (!isRecord(value)) return fail(`${name} is not described by an object`);
  const { dtype, shape, data_offsets: offsets } = value;
  if (!safetensorsDtypes.includes(dtype as SafetensorsDtype)) {
    return fail(`${name}: unknown dtype ${shown(dtype)}; known are ${safetensorsDtypes.join(', ')}`);
  }
  if (!Array.isArray(shape) || shape.length > mostAxes || !shape.every(isCount)) {
    return fail(
      `${name}: the shape ${shown(shape)} is not a list of non-negative integers, at most ${mostAxes}`,
    );
  }
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isCount) || offsets[1] < offsets[0]) {
    return fail(`${name}: the data_offsets ${shown(offsets)} are not a range [begin, end]`);
  }
  const size = sizeOf(shape) * bytesOf[dtype as SafetensorsDtype];
  if (offsets[1] - offsets[0] !== size) {
    return fail(
      `${name}: ${dtype} [${shape.join(', ')}] takes ${size} bytes, but its data_offsets span ${offsets[1] - offsets[0]}`,
    );
  }
  return { dtype: dtype as SafetensorsDtype, shape, offsets: [offsets[0], offsets[1]] };
}
