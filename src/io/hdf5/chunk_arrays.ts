import { type Cursor, nowhere, type Source } from './source.ts';

/** The two kinds of arrays that say where chunks are: of fixed length, and growing along one axis. */

/** Takes one element of an index. */
type Each = (element: Cursor, index: number) => void;

/** Reads elements that follow each other from a cursor on. */
function readElements(cursor: Cursor, count: number, size: number, first: number, each: Each): void {
  if (!(count * size <= cursor.left))
    cursor.source.fail(`damaged: ${cursor.what} has no room for ${count} elements`);
  for (let i = 0; i < count; i++) {
    cursor.source.spend();
    each(cursor.part(size), first + i);
  }
}

/** Reads elements in pages, each with a checksum behind it; a page that was never written is left out. */
function readPages(
  cursor: Cursor,
  count: number,
  perPage: number,
  size: number,
  first: number,
  isWritten: (page: number) => boolean,
  each: Each,
): void {
  for (let page = 0, at = 0; at < count; page++, at += perPage) {
    const here = Math.min(perPage, count - at);
    cursor.source.spend();
    if (!isWritten(page)) {
      cursor.take(here * size + 4);
      continue;
    }
    const start = cursor.at;
    readElements(cursor, here, size, first + at, each);
    cursor.checksum(start);
  }
}

const hasBit = (bits: Uint8Array, i: number): boolean => ((bits[i >> 3] >> (7 - (i & 7))) & 1) !== 0;

/** Calls `each` with every element of a fixed array. */
export function fixedArrayElements(source: Source, address: number, elementSize: number, each: Each): void {
  const what = 'an index of chunks';
  const head = source.signed(address, 'FAHD', what);
  head.version(0);
  head.u8();
  requireSize(source, head.u8(), elementSize);
  const perPage = 2 ** Math.min(52, head.u8());
  const count = head.length();
  const data = head.offset();
  head.checksum();
  if (data === nowhere) return;
  const block = source.signed(data, 'FADB', what);
  block.version(0);
  block.u8();
  if (block.offset() !== address) source.fail(`damaged: a block of ${what} belongs elsewhere`);
  if (count <= perPage) {
    readElements(block, count, elementSize, 0, each);
    block.checksum();
    return;
  }
  const written = block.raw(Math.ceil(Math.ceil(count / perPage) / 8));
  block.checksum();
  readPages(block, count, perPage, elementSize, 0, (page) => hasBit(written, page), each);
}

/**
 * Calls `each` with every element of an extensible array: some stand in its index block, others in data blocks, whose addresses
 * stand in the index block or in super blocks, each with twice the elements of the one before the last.
 */
export function extensibleArrayElements(
  source: Source,
  address: number,
  elementSize: number,
  each: Each,
): void {
  const what = 'an index of chunks';
  const head = source.signed(address, 'EAHD', what);
  head.version(0);
  head.u8();
  requireSize(source, head.u8(), elementSize);
  const bits = head.u8();
  const inIndex = head.u8();
  const leastElements = head.u8();
  const leastPointers = head.u8();
  const perPage = 2 ** Math.min(52, head.u8());
  for (let i = 0; i < 6; i++) head.length();
  const index = head.offset();
  head.checksum();
  if (index === nowhere) return;
  const isPower = (n: number): boolean => n > 0 && Number.isInteger(Math.log2(n));
  if (bits > 64 || !isPower(leastElements) || !isPower(leastPointers))
    source.fail(`damaged: the sizes of ${what} are not powers of two`);
  const blockOffsetSize = Math.ceil(bits / 8);
  const { offsetSize } = source.layout;
  const blockCount = (superBlock: number): number => 2 ** Math.floor(superBlock / 2);
  const blockElements = (superBlock: number): number => 2 ** Math.floor((superBlock + 1) / 2) * leastElements;

  const readBlock = (at: number, elements: number, first: number, written: Uint8Array | null): void => {
    if (at === nowhere) return;
    const block = source.signed(at, 'EADB', what);
    block.version(0);
    block.u8();
    if (block.offset() !== address) source.fail(`damaged: a block of ${what} belongs elsewhere`);
    block.take(blockOffsetSize);
    if (elements <= perPage) {
      readElements(block, elements, elementSize, first, each);
      block.checksum();
      return;
    }
    block.checksum();
    const isWritten = (page: number): boolean => written === null || hasBit(written, page);
    readPages(block, elements, perPage, elementSize, first, isWritten, each);
  };

  const root = source.signed(index, 'EAIB', what);
  root.version(0);
  root.u8();
  if (root.offset() !== address) source.fail(`damaged: a block of ${what} belongs elsewhere`);
  readElements(root, inIndex, elementSize, 0, each);
  let first = inIndex;
  let superBlock = 0;
  for (let left = 2 * (leastPointers - 1); left > 0; superBlock++)
    for (let i = 0; i < blockCount(superBlock); i++, left--) {
      source.spend();
      const elements = blockElements(superBlock);
      readBlock(root.offset(), elements, first, null);
      first += elements;
    }
  const superBlocks = 1 + bits - Math.log2(leastElements);
  for (; superBlock < superBlocks; superBlock++) {
    source.spend();
    const at = root.offset();
    const [blocks, elements] = [blockCount(superBlock), blockElements(superBlock)];
    if (at !== nowhere) {
      const block = source.signed(at, 'EASB', what);
      block.version(0);
      block.u8();
      if (block.offset() !== address) source.fail(`damaged: a block of ${what} belongs elsewhere`);
      block.take(blockOffsetSize);
      const pages = elements > perPage ? Math.ceil(elements / perPage) : 0;
      const maskSize = Math.ceil(pages / 8);
      const masks = block.raw(blocks * maskSize);
      if (!(blocks * offsetSize <= block.left))
        source.fail(`damaged: ${what} has no room for ${blocks} blocks`);
      for (let i = 0; i < blocks; i++) {
        source.spend();
        const written = pages > 0 ? masks.subarray(i * maskSize, (i + 1) * maskSize) : null;
        readBlock(block.offset(), elements, first + i * elements, written);
      }
      block.checksum();
    }
    first += blocks * elements;
  }
  root.checksum();
}

function requireSize(source: Source, found: number, expected: number): void {
  if (found !== expected)
    source.fail(`damaged: an index of chunks has elements of ${found} bytes instead of ${expected}`);
}
