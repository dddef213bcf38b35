import { leavesOf } from './btree1.ts';
import { eachRecord } from './btree2.ts';
import { FractalHeap } from './fractal_heap.ts';
import { bodyOf, type Message, messages } from './object_header.ts';
import { Cursor, nowhere, type Source } from './source.ts';

/** What a name in a group leads to. */
export type Link =
  | { readonly kind: 'hard'; readonly address: number }
  /** A path, from the group or with a slash at its beginning from the root. */
  | { readonly kind: 'soft'; readonly target: string }
  /** Into another file, which is never followed. */
  | { readonly kind: 'external' };

/** The links of a group, in the order in which the file has them. */
export function readLinks(source: Source, header: readonly Message[]): Map<string, Link> {
  const links = new Map<string, Link>();
  const add = (name: string, link: Link): void => {
    source.spend();
    if (links.has(name)) source.fail(`damaged: two members are called ${JSON.stringify(name.slice(0, 80))}`);
    links.set(name, link);
  };
  for (const message of header)
    if (message.type === messages.symbolTable) {
      const body = bodyOf(source, message, 'the symbol table');
      readSymbolTable(source, body.offset(), body.offset(), add);
    } else if (message.type === messages.link) readLink(bodyOf(source, message, 'a link'), add);
    else if (message.type === messages.linkInfo) {
      const body = bodyOf(source, message, 'the links');
      body.version(0);
      const flags = body.u8();
      if (flags & 1) body.take(8);
      const heapAddress = body.offset();
      const tree = body.offset();
      if (heapAddress === nowhere) continue;
      const heap = new FractalHeap(source, heapAddress);
      eachRecord(source, tree, [5, 6], (record, type) => {
        record.take(type === 5 ? 4 : 8);
        readLink(heap.object(record), add);
      });
    }
  return links;
}

/** The links of a group of the old kind: names in a local heap, a B-tree of tables of them. */
function readSymbolTable(
  source: Source,
  tree: number,
  heapAddress: number,
  add: (name: string, link: Link) => void,
): void {
  const heap = source.signed(heapAddress, 'HEAP', 'a local heap');
  heap.version(0);
  heap.take(3);
  const size = heap.length();
  heap.length();
  const names = source.cursor(heap.offset(), size, 'the names of a group');
  const text = (at: number): string => {
    if (!(at < size)) source.fail(`damaged: a name is at ${at} in a heap of ${size} bytes`);
    return new Cursor(source, names.start + at, names.end, 'the names of a group').terminated();
  };
  for (const { address } of leavesOf(source, tree, 0, (node) => node.length())) {
    const table = source.signed(address, 'SNOD', 'a symbol table');
    table.version(1);
    table.take(1);
    const count = table.u16();
    for (let i = 0; i < count; i++) {
      const name = text(table.offset());
      const target = table.offset();
      const kind = table.u32();
      table.take(4);
      const scratch = table.part(16);
      add(
        name,
        kind === 2 ? { kind: 'soft', target: text(scratch.u32()) } : { kind: 'hard', address: target },
      );
    }
  }
}

/** Reads one link message. */
function readLink(body: Cursor, add: (name: string, link: Link) => void): void {
  body.version(1);
  const flags = body.u8();
  const type = flags & 8 ? body.u8() : 0;
  if (flags & 4) body.take(8);
  if (flags & 16) body.take(1);
  const name = body.text(body.uint(1 << (flags & 3)));
  if (type === 0) add(name, { kind: 'hard', address: body.offset() });
  else if (type === 1) add(name, { kind: 'soft', target: body.text(body.u16()) });
  else add(name, { kind: 'external' });
}
