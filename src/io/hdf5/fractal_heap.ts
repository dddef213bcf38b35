import { bytesFor, eachRecord } from './btree2.ts';
import { Cursor, nowhere, type Source } from './source.ts';

/** Where large groups keep their links, and objects with many attributes those: blocks in a table whose rows double in size. */
export class FractalHeap {
  readonly #source: Source;
  readonly #address: number;
  readonly #offsetSize: number;
  readonly #lengthSize: number;
  readonly #hugeTree: number;
  readonly #width: number;
  readonly #startSize: number;
  readonly #largestDirect: number;
  readonly #root: number;
  readonly #rootRows: number;
  readonly #hasChecksums: boolean;
  /** Places of huge objects by number, once one was asked for. */
  #huge: Map<number, readonly [address: number, length: number]> | undefined;

  constructor(source: Source, address: number) {
    this.#source = source;
    this.#address = address;
    const head = source.signed(address, 'FRHP', 'a fractal heap');
    head.version(0);
    head.take(2);
    const filters = head.u16();
    this.#hasChecksums = (head.u8() & 2) !== 0;
    const largestManaged = head.u32();
    head.length();
    this.#hugeTree = head.offset();
    head.length();
    head.offset();
    for (let i = 0; i < 8; i++) head.length();
    this.#width = head.u16();
    this.#startSize = head.length();
    this.#largestDirect = head.length();
    const bits = head.u16();
    head.u16();
    this.#root = head.offset();
    this.#rootRows = head.u16();
    if (filters > 0) source.fail('it has attributes or links in a compressed heap, which cannot be read');
    head.checksum();
    const isPower = (n: number): boolean => Number.isInteger(Math.log2(n));
    if (!isPower(this.#width) || !isPower(this.#startSize) || !isPower(this.#largestDirect) || bits > 64)
      source.fail('damaged: the sizes of a fractal heap are not powers of two');
    if (this.#largestDirect < this.#startSize)
      source.fail('damaged: the largest block of a fractal heap is smaller than its first');
    this.#offsetSize = Math.ceil(bits / 8);
    this.#lengthSize = Math.min(bytesFor(this.#largestDirect), bytesFor(largestManaged));
  }

  /** The object that an identifier names. */
  object(id: Cursor): Cursor {
    const source = this.#source;
    source.spend();
    const head = id.u8();
    const type = (head >> 4) & 3;
    if (head >> 6 !== 0) source.fail('damaged: an identifier in a fractal heap has an unknown version');
    if (type === 0) return this.#managed(id.uint(this.#offsetSize), id.uint(this.#lengthSize));
    if (type === 2) return id.part((head & 15) + 1, 'a tiny object of a fractal heap');
    if (type !== 1) return source.fail('damaged: an identifier in a fractal heap has an unknown type');
    const number = id.uint(Math.min(id.left, source.layout.lengthSize));
    const place = this.#hugeObjects().get(number);
    if (place === undefined) return source.fail(`damaged: a fractal heap has no huge object ${number}`);
    return source.cursor(place[0], place[1], 'a huge object of a fractal heap');
  }

  #hugeObjects(): Map<number, readonly [number, number]> {
    if (this.#huge !== undefined) return this.#huge;
    const found = new Map<number, readonly [number, number]>();
    eachRecord(this.#source, this.#hugeTree, [1], (record) => {
      const address = record.offset();
      const length = record.length();
      found.set(record.length(), [address, length]);
    });
    this.#huge = found;
    return found;
  }

  /** An object in a block: found by going down the table. */
  #managed(offset: number, length: number): Cursor {
    const source = this.#source;
    let block = this.#root;
    let blockStart = 0;
    let rows = this.#rootRows;
    const rowSize = (row: number): number => this.#startSize * 2 ** Math.max(0, row - 1);
    const directRows = Math.log2(this.#largestDirect / this.#startSize) + 2;
    // A root without rows is a block with objects, of the first size.
    for (let depth = 0; rows > 0; depth++) {
      source.spend();
      if (depth > 16) source.fail('damaged: a fractal heap is too deep');
      const node = source.signed(block, 'FHIB', 'an indirect block of a fractal heap');
      node.version(0);
      node.offset();
      if (node.uint(this.#offsetSize) !== blockStart)
        source.fail('damaged: a block of a fractal heap is not where it should be');
      const entries = node.at;
      node.take(rows * this.#width * source.layout.offsetSize);
      node.checksum();
      let row = 0;
      let rowStart = blockStart;
      while (row < rows && offset >= rowStart + rowSize(row) * this.#width)
        rowStart += rowSize(row++) * this.#width;
      if (row >= rows) return source.fail(`damaged: a fractal heap ends before its offset ${offset}`);
      const column = Math.floor((offset - rowStart) / rowSize(row));
      const at = entries + (row * this.#width + column) * source.layout.offsetSize;
      block = new Cursor(source, at, node.end, 'an indirect block of a fractal heap').offset();
      blockStart = rowStart + column * rowSize(row);
      if (row < directRows) return this.#inBlock(block, blockStart, rowSize(row), offset, length);
      rows = Math.log2(rowSize(row) / (this.#startSize * this.#width)) + 1;
    }
    return this.#inBlock(block, 0, this.#startSize, offset, length);
  }

  #inBlock(block: number, start: number, size: number, offset: number, length: number): Cursor {
    const source = this.#source;
    const what = 'a block of a fractal heap';
    if (block === nowhere) return source.fail(`damaged: ${what} has no address`);
    const head = source.signed(block, 'FHDB', what);
    head.version(0);
    if (head.offset() !== this.#address || head.uint(this.#offsetSize) !== start)
      source.fail(`damaged: ${what} belongs elsewhere`);
    const first = head.at - head.start + (this.#hasChecksums ? 4 : 0);
    const at = offset - start;
    if (!(at >= first && at + length <= size))
      source.fail(`damaged: an object of ${length} bytes at ${at} does not fit ${what} of ${size} bytes`);
    return source.cursor(block + at, length, 'an object of a fractal heap');
  }
}
