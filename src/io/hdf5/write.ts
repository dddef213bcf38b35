import { FormatError, type SafetensorsDtype } from '../safetensors_format.ts';
import { lookup3 } from './lookup3.ts';

/** HDF5 files written: groups, contiguous datasets of numbers, attributes of texts and numbers. */

/** What an attribute may be. */
export type Hdf5AttributeValue = string | readonly string[] | number;

/** An array to write. */
export interface Hdf5DatasetContent {
  readonly shape: readonly number[];
  readonly dtype: SafetensorsDtype;
  /** The elements, row-major and little-endian. */
  readonly data: ArrayBufferView;
  readonly attributes?: Readonly<Record<string, Hdf5AttributeValue>>;
}

/** A group to write: datasets and other groups by name. */
export interface Hdf5GroupContent {
  readonly members: Readonly<Record<string, Hdf5GroupContent | Hdf5DatasetContent>>;
  readonly attributes?: Readonly<Record<string, Hdf5AttributeValue>>;
}

const signature = [0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a];
/** The longest body of a message. */
const longest = 0xffff;

/** Bytes that grow. */
class Writer {
  #bytes = new Uint8Array(256);
  length = 0;

  #room(size: number): number {
    const from = this.length;
    this.length += size;
    if (this.length > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(this.length, 2 * this.#bytes.length));
      larger.set(this.#bytes);
      this.#bytes = larger;
    }
    return from;
  }

  /** An unsigned integer of `size` bytes. */
  uint(value: number, size: number): this {
    const from = this.#room(size);
    let rest = value;
    for (let i = 0; i < size; i++) {
      this.#bytes[from + i] = rest % 256;
      rest = Math.floor(rest / 256);
    }
    return this;
  }

  raw(bytes: ArrayLike<number>): this {
    const from = this.#room(bytes.length);
    this.#bytes.set(bytes, from);
    return this;
  }

  /** The address that says that there is nothing. */
  nowhere(): this {
    return this.raw(new Array<number>(8).fill(255));
  }

  padTo(multiple: number): this {
    this.#room((multiple - (this.length % multiple)) % multiple);
    return this;
  }

  checksum(from: number): this {
    return this.uint(lookup3(this.#bytes.subarray(from, this.length)), 4);
  }

  /** Sets a checksum and what precedes it once that is known. */
  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.length);
  }
}

/** Kinds of numbers: class, bits, size, and the properties behind them. */
function datatypeOf(dtype: SafetensorsDtype): { size: number; bytes: Uint8Array } {
  const size = Number(/\d+/.exec(dtype)?.[0] ?? 8) / 8;
  const out = new Writer();
  const floats: Partial<Record<SafetensorsDtype, readonly number[]>> = {
    F16: [10, 5, 0, 10, 15],
    F32: [23, 8, 0, 23, 127],
    F64: [52, 11, 0, 52, 1023],
  };
  const layout = floats[dtype];
  if (layout !== undefined) {
    const [exponentAt, exponent, mantissaAt, mantissa, bias] = layout;
    // The mantissa's highest bit is implied; the sign is the highest of all.
    out
      .uint(0x11, 1)
      .uint(0x20, 1)
      .uint(8 * size - 1, 1)
      .uint(0, 1)
      .uint(size, 4);
    out.uint(0, 2).uint(8 * size, 2);
    out.uint(exponentAt, 1).uint(exponent, 1).uint(mantissaAt, 1).uint(mantissa, 1).uint(bias, 4);
    return { size, bytes: out.bytes };
  }
  // Two bytes each: NumPy, and with it h5py and Keras, does not know the type.
  if (dtype === 'BF16') return { size, bytes: out.uint(0x15, 1).uint(0, 3).uint(size, 4).bytes };
  if (dtype === 'BOOL') {
    // As h5py: an enumeration of one byte.
    const base = datatypeOf('I8').bytes;
    out.uint(0x18, 1).uint(2, 3).uint(1, 4).raw(base);
    for (const name of ['FALSE', 'TRUE']) out.raw(new TextEncoder().encode(name)).uint(0, 8 - name.length);
    return { size: 1, bytes: out.uint(0, 1).uint(1, 1).bytes };
  }
  if (!/^[IU]\d+$/.test(dtype)) throw new FormatError(`encodeHdf5: ${dtype} cannot be written`);
  out
    .uint(0x10, 1)
    .uint(dtype.startsWith('I') ? 8 : 0, 3)
    .uint(size, 4)
    .uint(0, 2)
    .uint(8 * size, 2);
  return { size, bytes: out.bytes };
}

/** Texts of so many bytes in UTF-8, filled with zeros. */
const textType = (size: number): Uint8Array =>
  new Writer().uint(0x13, 1).uint(0x11, 1).uint(0, 2).uint(size, 4).bytes;

function dataspaceOf(shape: readonly number[]): Uint8Array {
  const out = new Writer()
    .uint(2, 1)
    .uint(shape.length, 1)
    .uint(0, 1)
    .uint(shape.length === 0 ? 0 : 1, 1);
  for (const extent of shape) out.uint(extent, 8);
  return out.bytes;
}

function attributeOf(name: string, value: Hdf5AttributeValue): Uint8Array {
  const encoder = new TextEncoder();
  const space = dataspaceOf(Array.isArray(value) ? [value.length] : []);
  let type: Uint8Array;
  const data = new Writer();
  if (typeof value === 'number') {
    type = datatypeOf(Number.isInteger(value) ? 'I32' : 'F64').bytes;
    const view = new DataView(new ArrayBuffer(8));
    if (Number.isInteger(value)) view.setInt32(0, value, true);
    else view.setFloat64(0, value, true);
    data.raw(new Uint8Array(view.buffer, 0, Number.isInteger(value) ? 4 : 8));
  } else {
    const texts = (typeof value === 'string' ? [value] : value).map((text) => encoder.encode(text));
    const size = Math.max(1, ...texts.map(({ length }) => length));
    type = textType(size);
    for (const text of texts) data.raw(text).raw(new Uint8Array(size - text.length));
  }
  const encoded = encoder.encode(name);
  const out = new Writer()
    .uint(3, 1)
    .uint(0, 1)
    .uint(encoded.length + 1, 2);
  out.uint(type.length, 2).uint(space.length, 2).uint(1, 1);
  out.raw(encoded).uint(0, 1).raw(type).raw(space).raw(data.bytes);
  if (out.length > longest)
    throw new FormatError(
      `encodeHdf5: the attribute ${JSON.stringify(name.slice(0, 80))} takes ${out.length} bytes; at most ${longest} can be written`,
    );
  return out.bytes;
}

/** A link to an object, whose address is set later. */
function linkOf(name: string, address: number): Uint8Array {
  const encoded = new TextEncoder().encode(name);
  if (name === '' || name.includes('/') || encoded.length > 0xfff)
    throw new FormatError(`encodeHdf5: ${JSON.stringify(name.slice(0, 80))} cannot be a name of a member`);
  // With the set of characters, and two bytes for the length.
  return new Writer()
    .uint(1, 1)
    .uint(0x11, 1)
    .uint(1, 1)
    .uint(encoded.length, 2)
    .raw(encoded)
    .uint(address, 8).bytes;
}

const isDataset = (content: Hdf5GroupContent | Hdf5DatasetContent): content is Hdf5DatasetContent =>
  'data' in content;

/** The header of an object, from its messages. */
function headerOf(messages: readonly (readonly [type: number, body: Uint8Array])[]): Uint8Array {
  const size = messages.reduce((sum, [, body]) => sum + 4 + body.length, 0);
  const out = new Writer().raw([0x4f, 0x48, 0x44, 0x52]).uint(2, 1).uint(2, 1).uint(size, 4);
  for (const [type, body] of messages) out.uint(type, 1).uint(body.length, 2).uint(0, 1).raw(body);
  return out.checksum(0).bytes;
}

const attributesOf = (attributes: Readonly<Record<string, Hdf5AttributeValue>> = {}) =>
  Object.entries(attributes).map(([name, value]) => [0x0c, attributeOf(name, value)] as const);

/**
 * The bytes of an HDF5 file (version 2 of its beginning, which HDF5 reads from 1.8 on) with groups, arrays and attributes. BF16 becomes
 * opaque bytes, as h5py writes it.
 *
 * ```ts
 * const bytes = encodeHdf5({ members: { x: { shape: [2], dtype: 'F32', data: Float32Array.of(1, 2) } } });
 * ```
 *
 * @throws FormatError if data does not fill its shape, a name has a slash in it, or an attribute takes more than 64 KiB
 */
export function encodeHdf5(root: Hdf5GroupContent): Uint8Array {
  const out = new Writer();
  // The beginning, written once the address of the root and the length are known.
  out.raw(new Uint8Array(48));
  const write = (content: Hdf5GroupContent | Hdf5DatasetContent, path: string): number => {
    if (isDataset(content)) return writeDataset(out, content, path);
    const links = Object.entries(content.members).map(
      ([name, member]) => [0x06, linkOf(name, write(member, `${path}/${name}`))] as const,
    );
    const linkInfo = new Writer().uint(0, 1).uint(0, 1).nowhere().nowhere().bytes;
    const groupInfo = new Writer().uint(0, 2).bytes;
    const header = headerOf([
      [0x02, linkInfo],
      [0x0a, groupInfo],
      ...links,
      ...attributesOf(content.attributes),
    ]);
    out.padTo(8);
    const at = out.length;
    out.raw(header);
    return at;
  };
  const rootAddress = write(root, '');
  const bytes = out.padTo(8).bytes;
  const head = new Writer().raw(signature).uint(2, 1).uint(8, 1).uint(8, 1).uint(0, 1);
  head.uint(0, 8).nowhere().uint(bytes.length, 8).uint(rootAddress, 8).checksum(0);
  bytes.set(head.bytes);
  return bytes.slice();
}

function writeDataset(out: Writer, content: Hdf5DatasetContent, path: string): number {
  const { shape, dtype, data, attributes } = content;
  const type = datatypeOf(dtype);
  const count = shape.reduce((product, extent) => product * extent, 1);
  if (
    !shape.every((extent) => Number.isSafeInteger(extent) && extent >= 0) ||
    count * type.size !== data.byteLength
  )
    throw new FormatError(
      `encodeHdf5: ${path}: ${dtype} [${shape.join(', ')}] takes ${count * type.size} bytes, the data has ${data.byteLength}`,
    );
  out.padTo(8);
  const dataAt = out.length;
  out.raw(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  // Of nothing there is no address.
  const layout = new Writer().uint(3, 1).uint(1, 1);
  if (data.byteLength === 0) layout.nowhere();
  else layout.uint(dataAt, 8);
  layout.uint(data.byteLength, 8);
  // Space is taken at once, and no value fills it.
  const fill = new Writer().uint(3, 1).uint(0x0a, 1).bytes;
  const header = headerOf([
    [0x01, dataspaceOf(shape)],
    [0x03, type.bytes],
    [0x05, fill],
    [0x08, layout.bytes],
    ...attributesOf(attributes),
  ]);
  out.padTo(8);
  const at = out.length;
  out.raw(header);
  return at;
}
