import { FormatError } from './safetensors_format.ts';

/**
 * The wire format of protocol buffers: fields are a tag (number and kind of value) and the value. Written by hand, as it is short, works in
 * browsers (where the CommonJS of protobufjs does not load) and every length is checked against what is there.
 * Described at https://protobuf.dev/programming-guides/encoding.
 */

/** One field of a message: numbers as `number` (varints of 64 bits signed, exact up to 2^53), everything else as its bytes. */
export interface Field {
  readonly number: number;
  /** 0 varint, 1 eight bytes, 2 a length and bytes, 5 four bytes. */
  readonly wire: 0 | 1 | 2 | 5;
  /** The number of a varint; 0 for others. */
  readonly value: number;
  /** The bytes of everything but varints. */
  readonly bytes: Uint8Array;
}

const nothing = new Uint8Array(0);

/** A varint at `at` and where it ends. */
function varint(bytes: Uint8Array, at: number, what: string): [value: number, end: number] {
  let [low, high] = [0, 0];
  for (let i = 0; i < 10; i++) {
    if (at + i >= bytes.length) throw new FormatError(`${what}: truncated inside of a number`);
    const byte = bytes[at + i];
    const shift = 7 * i;
    if (shift < 28) low |= (byte & 127) << shift;
    else if (shift === 28) {
      low |= (byte & 15) << 28;
      high |= (byte & 127) >> 4;
    } else high |= (byte & 127) << (shift - 32);
    if (byte < 128) return [(high | 0) * 2 ** 32 + (low >>> 0), at + i + 1];
  }
  throw new FormatError(`${what}: a number takes more than 10 bytes; the file is damaged or of another kind`);
}

/** The fields of a message in their order. */
export function* fieldsOf(bytes: Uint8Array, what: string): Generator<Field> {
  let at = 0;
  while (at < bytes.length) {
    const [tag, next] = varint(bytes, at, what);
    const [number, wire] = [Math.floor(tag / 8), tag & 7];
    if (tag < 8 || number > 2 ** 29 - 1)
      throw new FormatError(`${what}: ${tag} is no tag of a field; the file is damaged or of another kind`);
    at = next;
    if (wire === 0) {
      const [value, end] = varint(bytes, at, what);
      at = end;
      yield { number, wire, value, bytes: nothing };
      continue;
    }
    if (wire !== 1 && wire !== 2 && wire !== 5)
      throw new FormatError(
        `${what}: field ${number} has the unknown wire type ${wire}; the file is damaged or of another kind`,
      );
    let length = wire === 1 ? 8 : 4;
    if (wire === 2) [length, at] = varint(bytes, at, what);
    if (length < 0 || at + length > bytes.length)
      throw new FormatError(
        `${what}: field ${number} takes ${length} bytes, but only ${bytes.length - at} follow; the file is truncated or damaged`,
      );
    yield { number, wire, value: 0, bytes: bytes.subarray(at, at + length) };
    at += length;
  }
}

const viewOf = (bytes: Uint8Array): DataView =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

const requireWire = (field: Field, what: string, ...wires: readonly number[]): void => {
  if (!wires.includes(field.wire))
    throw new FormatError(
      `${what}: field ${field.number} has wire type ${field.wire}, not ${wires.join(' or ')}`,
    );
};

/** The integer of a field. */
export function integer(field: Field, what: string): number {
  requireWire(field, what, 0);
  return field.value;
}

/** The float of a field. */
export function float(field: Field, what: string): number {
  requireWire(field, what, 5);
  return viewOf(field.bytes).getFloat32(0, true);
}

/** The bytes of a field: a message or data. */
export function message(field: Field, what: string): Uint8Array {
  requireWire(field, what, 2);
  return field.bytes;
}

const decoder = new TextDecoder();

/** The text of a field. */
export const text = (field: Field, what: string): string => decoder.decode(message(field, what));

/** Appends the integers of a repeated field, packed or not. */
export function integers(field: Field, what: string, into: number[]): void {
  requireWire(field, what, 0, 2);
  if (field.wire === 0) {
    into.push(field.value);
    return;
  }
  let at = 0;
  while (at < field.bytes.length) {
    const [value, end] = varint(field.bytes, at, what);
    into.push(value);
    at = end;
  }
}

/** Appends the floats or doubles of a repeated field, packed or not. */
export function floats(field: Field, what: string, size: 4 | 8, into: number[]): void {
  requireWire(field, what, size === 4 ? 5 : 1, 2);
  const { bytes } = field;
  if (bytes.length % size !== 0)
    throw new FormatError(`${what}: field ${field.number} has ${bytes.length} bytes, no multiple of ${size}`);
  const view = viewOf(bytes);
  for (let at = 0; at < bytes.length; at += size)
    into.push(size === 4 ? view.getFloat32(at, true) : view.getFloat64(at, true));
}

const encoder = new TextEncoder();

/** Writes a message: each call appends a field. */
export class MessageWriter {
  #parts: Uint8Array[] = [];
  #length = 0;

  #append(part: Uint8Array): void {
    this.#parts.push(part);
    this.#length += part.length;
  }
  #varint(value: number): void {
    const out: number[] = [];
    let rest = BigInt.asUintN(64, BigInt(value));
    while (rest > 127n) {
      out.push(Number(rest & 127n) | 128);
      rest >>= 7n;
    }
    out.push(Number(rest));
    this.#append(Uint8Array.from(out));
  }
  /** An integer as a varint. */
  integer(field: number, value: number): this {
    this.#varint(field * 8);
    this.#varint(value);
    return this;
  }
  /** A float of 32 bits. */
  float(field: number, value: number): this {
    this.#varint(field * 8 + 5);
    this.#append(new Uint8Array(Float32Array.of(value).buffer));
    return this;
  }
  /** A float of 64 bits. */
  double(field: number, value: number): this {
    this.#varint(field * 8 + 1);
    this.#append(new Uint8Array(Float64Array.of(value).buffer));
    return this;
  }
  /** Bytes with their length. */
  bytes(field: number, value: Uint8Array): this {
    this.#varint(field * 8 + 2);
    this.#varint(value.length);
    this.#append(value);
    return this;
  }
  /** A text in UTF-8. */
  text(field: number, value: string): this {
    return this.bytes(field, encoder.encode(value));
  }
  /** A message. */
  message(field: number, value: MessageWriter): this {
    return this.bytes(field, value.finish());
  }
  /** Integers, packed. */
  integers(field: number, values: readonly number[]): this {
    const packed = new MessageWriter();
    for (const value of values) packed.#varint(value);
    return this.bytes(field, packed.finish());
  }
  /** All of it. */
  finish(): Uint8Array {
    const out = new Uint8Array(this.#length);
    let at = 0;
    for (const part of this.#parts) {
      out.set(part, at);
      at += part.length;
    }
    return out;
  }
}
