import { FormatError } from '../safetensors_format.ts';
import { lookup3 } from './lookup3.ts';

/** An address that says that there is nothing. */
export const nowhere = -1;

/** How many structures one operation may look at, beyond what the file's size allows. */
const spareSteps = 4096;

/** What a file says about itself at its beginning, and the options of its reader. */
export interface Layout {
  /** Bytes of an address, 2 to 8. */
  readonly offsetSize: number;
  /** Bytes of a length, 2 to 8. */
  readonly lengthSize: number;
  /** Where address 0 is. */
  readonly base: number;
  /** Whether checksums are compared. */
  readonly checksums: boolean;
}

/** The bytes of an HDF5 file as seen from one object in it, whose path the messages of errors name. Every read is checked. */
export class Source {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly file: string;
  readonly path: string;
  readonly layout: Layout;
  #steps = 0;

  constructor(bytes: Uint8Array, file: string, path: string, layout: Layout) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.file = file;
    this.path = path;
    this.layout = layout;
  }

  /** The same file seen from another object. */
  at(path: string): Source {
    return new Source(this.bytes, this.file, path, this.layout);
  }

  fail(what: string): never {
    throw new FormatError(`${this.file}: ${shownPath(this.path)}: ${what}`);
  }

  /** Begins an operation: what it may look at is counted from here. */
  begin(): this {
    this.#steps = 0;
    return this;
  }

  /**
   * Counts steps of an operation. Structures of a sound file do not overlap, so there are fewer of them than bytes.
   *
   * @throws FormatError when there are more: the file leads in circles, or to one place in many ways
   */
  spend(steps = 1): void {
    this.#steps += steps;
    if (this.#steps > this.bytes.length + spareSteps)
      this.fail('damaged: it has more entries than the file has bytes');
  }

  /** A cursor on `length` bytes at an address of the file. */
  cursor(address: number, length: number, what: string): Cursor {
    const from = address + this.layout.base;
    if (!(address >= 0 && length >= 0 && from + length <= this.bytes.length))
      this.fail(
        address === nowhere
          ? `damaged: ${what} has no address`
          : `truncated or damaged: ${what} would take bytes ${from} to ${from + length} of ${this.bytes.length}`,
      );
    return new Cursor(this, from, from + length, what);
  }

  /** A cursor from an address to the end of the file, behind a signature of four letters. */
  signed(address: number, signature: string, what: string): Cursor {
    const cursor = this.cursor(address, this.bytes.length - this.layout.base - address, what);
    const found = cursor.text(4);
    if (found !== signature)
      this.fail(
        `damaged: ${what} at byte ${address + this.layout.base} must begin with ${signature}, not ${JSON.stringify(found)}`,
      );
    return cursor;
  }
}

/** The beginning of a long path. */
export function shownPath(path: string): string {
  return path.length > 160 ? `${path.slice(0, 150)}...` : path;
}

/** Reads one structure of a file from its beginning to its end. */
export class Cursor {
  readonly source: Source;
  readonly start: number;
  readonly end: number;
  readonly what: string;
  /** The next byte, counted in the file. */
  at: number;

  constructor(source: Source, start: number, end: number, what: string) {
    this.source = source;
    this.start = start;
    this.end = end;
    this.what = what;
    this.at = start;
  }

  /** Bytes that are left. */
  get left(): number {
    return this.end - this.at;
  }

  /** Passes `length` bytes and says where they began. */
  take(length: number): number {
    const from = this.at;
    if (!(length >= 0 && from + length <= this.end))
      this.source.fail(
        `damaged: ${this.what} at byte ${this.start} needs ${length} bytes more than the ${this.end - from} that are left for it`,
      );
    this.at = from + length;
    return from;
  }

  u8(): number {
    return this.source.view.getUint8(this.take(1));
  }

  u16(): number {
    return this.source.view.getUint16(this.take(2), true);
  }

  u32(): number {
    return this.source.view.getUint32(this.take(4), true);
  }

  /** An unsigned integer of 0 to 8 bytes; beyond 2⁵³ the nearest double, which fits no file. */
  uint(size: number): number {
    const from = this.take(size);
    let value = 0;
    for (let i = size - 1; i >= 0; i--) value = value * 256 + this.source.bytes[from + i];
    return value;
  }

  /** An address, or {@link nowhere}. */
  offset(): number {
    const { offsetSize } = this.source.layout;
    const value = this.uint(offsetSize);
    // All bits set, at the precision of doubles.
    return value >= 256 ** offsetSize - 1 ? nowhere : value;
  }

  length(): number {
    return this.uint(this.source.layout.lengthSize);
  }

  raw(length: number): Uint8Array {
    const from = this.take(length);
    return this.source.bytes.subarray(from, from + length);
  }

  /** Text of `length` bytes, up to its first zero. */
  text(length: number): string {
    return textOf(this.raw(length));
  }

  /** Text up to a zero, with bytes behind it to a multiple of `multiple`. */
  terminated(multiple = 1): string {
    const { bytes } = this.source;
    let to = this.at;
    while (to < this.end && bytes[to] !== 0) to++;
    const length = to - this.at + 1;
    return this.text(Math.ceil(length / multiple) * multiple);
  }

  /** A part of this structure as a cursor of its own. */
  part(length: number, what = this.what): Cursor {
    const from = this.take(length);
    return new Cursor(this.source, from, from + length, what);
  }

  /** Reads a version. */
  version(...known: readonly number[]): number {
    const found = this.u8();
    if (!known.includes(found))
      this.source.fail(
        `${this.what} has version ${found}; ${known.length > 1 ? 'versions' : 'version'} ${known.join(', ')} can be read`,
      );
    return found;
  }

  /** Reads a checksum of everything from the beginning on, or from byte `from` of the file, and compares it. */
  checksum(from = this.start): void {
    const to = this.at;
    const stored = this.u32();
    const { bytes, layout } = this.source;
    if (layout.checksums && lookup3(bytes.subarray(from, to)) !== stored)
      this.source.fail(`damaged: the checksum of ${this.what} at byte ${from} is wrong`);
  }
}

const decoder = new TextDecoder();

/** Text of bytes up to the first zero. */
export function textOf(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return decoder.decode(end < 0 ? bytes : bytes.subarray(0, end));
}
