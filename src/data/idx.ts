import { nodeModule } from '../runtime/node_modules.ts';
import { DataError } from './dataset.ts';
import { readBytes } from './files.ts';

/** Element types of IDX files. */
export type IdxType = 'uint8' | 'int8' | 'int16' | 'int32' | 'float32' | 'float64';

/** What the elements of an IDX file are read into. */
export type IdxData = Uint8Array | Int8Array | Int16Array | Int32Array | Float32Array | Float64Array;

/** The contents of an IDX file. */
export interface IdxArray {
  readonly dtype: IdxType;
  readonly shape: readonly number[];
  /** Row-major. */
  readonly data: IdxData;
}

interface Element {
  readonly code: number;
  readonly bytes: number;
  readonly create: (length: number) => IdxData;
  readonly get: (view: DataView, offset: number) => number;
  readonly set: (view: DataView, offset: number, value: number) => void;
}

// Numbers of more than one byte are big-endian.
const elements: Record<IdxType, Element> = {
  uint8: {
    code: 0x08,
    bytes: 1,
    create: (n) => new Uint8Array(n),
    get: (view, at) => view.getUint8(at),
    set: (view, at, value) => view.setUint8(at, value),
  },
  int8: {
    code: 0x09,
    bytes: 1,
    create: (n) => new Int8Array(n),
    get: (view, at) => view.getInt8(at),
    set: (view, at, value) => view.setInt8(at, value),
  },
  int16: {
    code: 0x0b,
    bytes: 2,
    create: (n) => new Int16Array(n),
    get: (view, at) => view.getInt16(at),
    set: (view, at, value) => view.setInt16(at, value),
  },
  int32: {
    code: 0x0c,
    bytes: 4,
    create: (n) => new Int32Array(n),
    get: (view, at) => view.getInt32(at),
    set: (view, at, value) => view.setInt32(at, value),
  },
  float32: {
    code: 0x0d,
    bytes: 4,
    create: (n) => new Float32Array(n),
    get: (view, at) => view.getFloat32(at),
    set: (view, at, value) => view.setFloat32(at, value),
  },
  float64: {
    code: 0x0e,
    bytes: 8,
    create: (n) => new Float64Array(n),
    get: (view, at) => view.getFloat64(at),
    set: (view, at, value) => view.setFloat64(at, value),
  },
};

const hex = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(' ');

/**
 * Decodes the bytes of an IDX file, the format of the MNIST database (LeCun, Cortes, Burges): two zero bytes, one for
 * the element type, one for the rank, the extents as big-endian uint32, the elements in row-major order. Nothing is
 * allocated before the header has been checked against the number of bytes.
 *
 * @param name what error messages call the file
 * @throws DataError on a wrong magic number, missing or surplus bytes
 */
export function decodeIdx(bytes: Uint8Array, name: string): IdxArray {
  const fail = (what: string): never => {
    throw new DataError(`${name}: ${what}`);
  };
  if (bytes.length < 4)
    fail(`not an IDX file: ${bytes.length} bytes are too few for its 4-byte magic number`);
  const dtype = (Object.keys(elements) as IdxType[]).find((type) => elements[type].code === bytes[2]);
  if (bytes[0] !== 0 || bytes[1] !== 0 || dtype === undefined) {
    throw new DataError(
      `${name}: not an IDX file: it starts with ${hex(bytes.subarray(0, 4))}, not with 00 00 and an element type 08, ` +
        `09, 0b, 0c, 0d or 0e; is it the right file, and complete?`,
    );
  }
  const rank = bytes[3];
  const header = 4 + 4 * rank;
  if (bytes.length < header) {
    fail(
      `truncated: ${bytes.length} bytes, but the header of an array of rank ${rank} alone takes ${header}`,
    );
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const shape = Array.from({ length: rank }, (_, axis) => view.getUint32(4 + 4 * axis));
  // In doubles this cannot wrap: an absurd shape gives an absurd size, which no file has.
  const size = shape.reduce((product, extent) => product * extent, 1);
  const { bytes: each, create, get } = elements[dtype];
  const expected = header + size * each;
  if (expected !== bytes.length) {
    fail(
      `${bytes.length < expected ? 'truncated' : 'trailing bytes'}: ${dtype} [${shape.join(', ')}] takes ${expected} ` +
        `bytes with its header, but there are ${bytes.length}`,
    );
  }
  if (dtype === 'uint8') return { dtype, shape, data: bytes.subarray(header) };
  const data = create(size);
  for (let i = 0; i < size; i++) data[i] = get(view, header + i * each);
  return { dtype, shape, data };
}

/**
 * Reads an IDX file, compressed by gzip or not (told by its first bytes, not by its name).
 *
 * @param path the file
 * @param expected.dtype refuse another element type
 * @param expected.rank refuse another number of axes
 * @throws DataError when the file is missing or unreadable, when it is truncated (compressed or not), has trailing
 * bytes, is not an IDX file, or not what was expected
 */
export async function readIdx(
  path: string,
  expected: { readonly dtype?: IdxType; readonly rank?: number } = {},
): Promise<IdxArray> {
  const bytes = await readBytes(path, 'readIdx');
  const array = decodeIdx(bytes, path);
  if (expected.dtype !== undefined && array.dtype !== expected.dtype) {
    throw new DataError(`${path}: the elements are ${array.dtype}, expected ${expected.dtype}`);
  }
  if (expected.rank !== undefined && array.shape.length !== expected.rank) {
    throw new DataError(
      `${path}: the array has rank ${array.shape.length} ([${array.shape.join(', ')}]), expected rank ${expected.rank}`,
    );
  }
  return array;
}

/**
 * Encodes an array as an IDX file.
 *
 * @throws DataError when the shape does not fit the data, an extent does not fit 32 bits, or the rank one byte
 */
export function encodeIdx({ dtype, shape, data }: IdxArray): Uint8Array {
  const size = shape.reduce((product, extent) => product * extent, 1);
  if (
    shape.length > 255 ||
    shape.some((extent) => !Number.isInteger(extent) || extent < 0 || extent >= 2 ** 32)
  ) {
    throw new DataError(`encodeIdx: shape [${shape.join(', ')}] is not up to 255 integers of 32 bits`);
  }
  if (size !== data.length) {
    throw new DataError(
      `encodeIdx: shape [${shape.join(', ')}] needs ${size} elements, the data has ${data.length}`,
    );
  }
  const { code, bytes: each, set } = elements[dtype];
  const header = 4 + 4 * shape.length;
  const bytes = new Uint8Array(header + size * each);
  const view = new DataView(bytes.buffer);
  bytes[2] = code;
  bytes[3] = shape.length;
  shape.forEach((extent, axis) => {
    view.setUint32(4 + 4 * axis, extent);
  });
  for (let i = 0; i < size; i++) set(view, header + i * each, data[i]);
  return bytes;
}

/** Writes an array as an IDX file, compressed by gzip when the name ends in `.gz`. */
export async function writeIdx(path: string, array: IdxArray): Promise<void> {
  const bytes = encodeIdx(array);
  const { writeFile } = nodeModule('node:fs/promises', 'writeIdx');
  const { gzipSync } = nodeModule('node:zlib', 'writeIdx');
  await writeFile(path, path.endsWith('.gz') ? gzipSync(bytes) : bytes);
}
