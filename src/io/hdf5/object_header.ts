import { Cursor, nowhere, type Source } from './source.ts';

/** What is known about an object: a list of messages, in one block or in several. */

/** Kinds of messages that are read. */
export const messages = {
  dataspace: 0x01,
  linkInfo: 0x02,
  datatype: 0x03,
  oldFill: 0x04,
  fill: 0x05,
  link: 0x06,
  externalFiles: 0x07,
  layout: 0x08,
  filters: 0x0b,
  attribute: 0x0c,
  continuation: 0x10,
  symbolTable: 0x11,
  attributeInfo: 0x15,
} as const;

/** One message of an object header. */
export interface Message {
  readonly type: number;
  /** Whether the body stands elsewhere, and here is only where. */
  readonly shared: boolean;
  /** Where the body begins in the file, and its length. */
  readonly from: number;
  readonly length: number;
}

/** A cursor on the body of a message. */
export const bodyOf = (source: Source, { from, length }: Message, what: string): Cursor =>
  new Cursor(source, from, from + length, what);

/**
 * All messages of the object header at an address, of either version.
 *
 * @throws FormatError if it is damaged
 */
export function readObjectHeader(source: Source, address: number): Message[] {
  if (address === nowhere) return source.fail('damaged: an object has no address');
  const what = 'the object header';
  const first = source.cursor(address, 16, what);
  const { view } = source;
  return view.getUint32(first.at, true) === 0x5244484f
    ? readVersion2(source, address)
    : readVersion1(source, first, address);
}

function readVersion1(source: Source, head: Cursor, address: number): Message[] {
  head.version(1);
  head.take(1);
  const count = head.u16();
  head.take(4);
  const size = head.u32();
  const found: Message[] = [];
  const blocks = [source.cursor(address + 16, size, 'the object header')];
  const seen = new Set<number>();
  for (let block = blocks.shift(); block !== undefined; block = blocks.shift()) {
    if (seen.has(block.start)) source.fail('damaged: the object header leads in a circle');
    seen.add(block.start);
    while (block.left >= 8 && found.length < count) {
      source.spend();
      const type = block.u16();
      const length = block.u16();
      const flags = block.u8();
      block.take(3);
      const body = block.part(length, 'a message of the object header');
      found.push({ type, shared: (flags & 2) !== 0, from: body.start, length });
      if (type === messages.continuation) {
        const at = body.offset();
        blocks.push(source.cursor(at, body.length(), 'a continuation of the object header'));
      }
    }
  }
  return found;
}

function readVersion2(source: Source, address: number): Message[] {
  const head = source.signed(address, 'OHDR', 'the object header');
  head.version(2);
  const flags = head.u8();
  if (flags & 0x20) head.take(16);
  if (flags & 0x10) head.take(4);
  const size = head.uint(1 << (flags & 3));
  const found: Message[] = [];
  const continuations: [address: number, length: number][] = [];
  const readMessages = (block: Cursor): void => {
    const headLength = flags & 4 ? 6 : 4;
    while (block.left >= headLength) {
      source.spend();
      const type = block.u8();
      const length = block.u16();
      const shared = (block.u8() & 2) !== 0;
      if (flags & 4) block.take(2);
      const body = block.part(length, 'a message of the object header');
      found.push({ type, shared, from: body.start, length });
      if (type === messages.continuation) continuations.push([body.offset(), body.length()]);
    }
  };
  readMessages(head.part(size));
  head.checksum();
  const seen = new Set<number>();
  for (let next = continuations.shift(); next !== undefined; next = continuations.shift()) {
    const [at, length] = next;
    if (seen.has(at)) source.fail('damaged: the object header leads in a circle');
    seen.add(at);
    source.cursor(at, length, 'a continuation of the object header');
    const block = source.signed(at, 'OCHK', 'a continuation of the object header');
    if (length < 8) source.fail(`damaged: a continuation of the object header has only ${length} bytes`);
    readMessages(block.part(length - 8));
    block.checksum();
  }
  return found;
}

/**
 * A cursor on the body of a message, wherever it stands: a datatype that was given a name is a message of another object.
 */
export function resolvedBody(source: Source, message: Message, what: string): Cursor {
  const body = bodyOf(source, message, what);
  return message.shared ? sharedBody(source, body, message.type, what) : body;
}

/** The body of a message that stands in another object's header, from what says where. */
export function sharedBody(source: Source, reference: Cursor, type: number, what: string): Cursor {
  const version = reference.version(1, 2, 3);
  const kind = reference.u8();
  if (version === 3 && kind !== 2)
    return source.fail(`${what} is in the heap of shared messages, which cannot be read`);
  if (version === 1) reference.take(6);
  const other = readObjectHeader(source, reference.offset()).find((message) => message.type === type);
  if (other === undefined || other.shared) return source.fail(`damaged: ${what} is not where it should be`);
  return bodyOf(source, other, what);
}
