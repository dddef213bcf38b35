import { eachRecord } from './btree2.ts';
import { type Dataspace, readDataspace } from './dataspace.ts';
import { type Datatype, readDatatype } from './datatype.ts';
import { FractalHeap } from './fractal_heap.ts';
import { bodyOf, type Message, messages, sharedBody } from './object_header.ts';
import { type Cursor, nowhere, type Source } from './source.ts';

/** An attribute: where its bytes are, and what they mean. */
export interface Attribute {
  readonly space: Dataspace;
  readonly type: Datatype;
  readonly data: Uint8Array;
}

/**
 * The attributes of an object by name, each as a function that reads it: one that cannot be read is no obstacle to others.
 */
export function readAttributes(source: Source, header: readonly Message[]): Map<string, () => Attribute> {
  const attributes = new Map<string, () => Attribute>();
  const add = (body: Cursor): void => {
    source.spend();
    const { name, read } = readAttribute(body);
    attributes.set(name, read);
  };
  for (const message of header)
    if (message.type === messages.attribute) {
      const body = bodyOf(source, message, 'an attribute');
      add(message.shared ? sharedBody(source, body, messages.attribute, 'an attribute') : body);
    } else if (message.type === messages.attributeInfo) {
      const body = bodyOf(source, message, 'the attributes');
      body.version(0);
      const flags = body.u8();
      if (flags & 1) body.take(2);
      const heapAddress = body.offset();
      const tree = body.offset();
      if (heapAddress === nowhere) continue;
      const heap = new FractalHeap(source, heapAddress);
      eachRecord(source, tree, [8], (record) => add(heap.object(record.part(8, 'an identifier in a heap'))));
    }
  return attributes;
}

function readAttribute(body: Cursor): { name: string; read: () => Attribute } {
  const version = body.version(1, 2, 3);
  const flags = body.u8();
  const [nameSize, typeSize, spaceSize] = [body.u16(), body.u16(), body.u16()];
  if (version === 3) body.take(1);
  const padded = (size: number): number => (version === 1 ? Math.ceil(size / 8) * 8 : size);
  const { source } = body;
  const name = body.text(padded(nameSize));
  const what = `the attribute ${JSON.stringify(name.slice(0, 80))}`;
  const type = body.part(padded(typeSize), what);
  const space = body.part(padded(spaceSize), what);
  const isShared = (bit: number): boolean => version > 1 && (flags & bit) !== 0;
  return {
    name,
    read: () => ({
      type: readDatatype(isShared(1) ? sharedBody(source, type, messages.datatype, what) : type),
      space: readDataspace(isShared(2) ? sharedBody(source, space, messages.dataspace, what) : space),
      data: source.bytes.subarray(body.at, body.end),
    }),
  };
}
