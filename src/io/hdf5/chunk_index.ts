import { leavesOf } from './btree1.ts';
import { eachRecord } from './btree2.ts';
import { extensibleArrayElements, fixedArrayElements } from './chunk_arrays.ts';
import { countOf } from './dataspace.ts';
import { type Cursor, nowhere, type Source } from './source.ts';

/** Where the chunks of a dataset are. */

/** One chunk in the file. */
export interface Chunk {
  /** Its first element. */
  readonly origin: readonly number[];
  readonly address: number;
  /** Bytes that it takes in the file. */
  readonly size: number;
  /** Which filters were left out for it. */
  readonly skipped: number;
}

/** What every index has to know. */
export interface Chunking {
  /** The extents of a chunk. */
  readonly chunk: readonly number[];
  readonly elementSize: number;
  readonly shape: readonly number[];
  readonly largest: readonly number[];
  readonly isFiltered: boolean;
}

/** Bytes of a whole chunk. */
const bytesOf = ({ chunk, elementSize }: Chunking): number => countOf(chunk) * elementSize;

/** The chunks of a B-tree of version 1, which layouts of version 3 have. */
export function chunksInBtree1(source: Source, chunking: Chunking, address: number): Chunk[] {
  const whole = bytesOf(chunking);
  const leaves = leavesOf(source, address, 1, (node) => {
    const size = node.u32();
    const skipped = node.u32();
    const origin = chunking.shape.map(() => node.uint(8));
    node.take(8);
    return { size, skipped, origin };
  });
  return leaves.map(({ key, address: at }) => {
    if (!chunking.isFiltered && key.size !== whole)
      source.fail(`damaged: a chunk has ${key.size} bytes instead of ${whole}`);
    return { ...key, address: at };
  });
}

/** The chunks of a layout of version 4 or 5, from its description of the index on. */
export function chunksInLayout4(
  source: Source,
  chunking: Chunking,
  layout: Cursor,
  version: number,
  flags: number,
): Chunk[] {
  const { chunk, shape, largest, isFiltered } = chunking;
  const whole = bytesOf(chunking);
  const { offsetSize, lengthSize } = source.layout;
  // How many bytes the size of a compressed chunk takes.
  const sizeBytes =
    version > 4 ? lengthSize : Math.min(8, 1 + Math.floor((Math.floor(Math.log2(whole)) + 8) / 8));
  const kind = layout.u8();
  const grid = (extents: readonly number[]): number[] => extents.map((n, i) => Math.ceil(n / chunk[i]));
  const chunks: Chunk[] = [];

  /** The origin of a chunk by its number, the last axis running fastest, and the first of `order` slowest. */
  const originOf = (index: number, counts: readonly number[], order: readonly number[]): number[] => {
    const origin = new Array<number>(counts.length).fill(0);
    let rest = index;
    for (let i = order.length - 1; i >= 0; i--) {
      const axis = order[i];
      if (i === 0) origin[axis] = rest * chunk[axis];
      else {
        origin[axis] = (rest % counts[axis]) * chunk[axis];
        rest = Math.floor(rest / counts[axis]);
      }
    }
    return origin;
  };
  const readElement = (element: Cursor, origin: readonly number[]): void => {
    const address = element.offset();
    const size = isFiltered ? element.uint(sizeBytes) : whole;
    const skipped = isFiltered ? element.u32() : 0;
    if (address !== nowhere) chunks.push({ origin, address, size, skipped });
  };
  const inOrder = shape.map((_, axis) => axis);

  if (kind === 1) {
    const size = flags & 2 ? layout.length() : whole;
    const skipped = flags & 2 ? layout.u32() : 0;
    const address = layout.offset();
    if (address !== nowhere) chunks.push({ origin: shape.map(() => 0), address, size, skipped });
  } else if (kind === 2) {
    const address = layout.offset();
    const counts = grid(shape);
    const count = address === nowhere ? 0 : countOf(counts);
    if (count > 0) source.cursor(address, count * whole, 'the chunks');
    for (let i = 0; i < count; i++) {
      source.spend();
      chunks.push({
        origin: originOf(i, counts, inOrder),
        address: address + i * whole,
        size: whole,
        skipped: 0,
      });
    }
  } else if (kind === 3 || kind === 4) {
    const elementSize = offsetSize + (isFiltered ? sizeBytes + 4 : 0);
    layout.take(kind === 3 ? 1 : 5);
    const address = layout.offset();
    if (address === nowhere) return chunks;
    const counts = grid(largest);
    // The axis that grows without end, which only extensible arrays have, runs slowest.
    const endless = largest.indexOf(Infinity);
    const order =
      kind === 4 && endless > 0 ? [endless, ...inOrder.filter((axis) => axis !== endless)] : inOrder;
    const read = kind === 3 ? fixedArrayElements : extensibleArrayElements;
    read(source, address, elementSize, (element, index) =>
      readElement(element, originOf(index, counts, order)),
    );
  } else if (kind === 5) {
    layout.take(6);
    const address = layout.offset();
    if (address !== nowhere)
      eachRecord(source, address, [isFiltered ? 11 : 10], (record) => {
        const at = record.offset();
        const size = isFiltered ? record.uint(sizeBytes) : whole;
        const skipped = isFiltered ? record.u32() : 0;
        const origin = shape.map((_, axis) => record.uint(8) * chunk[axis]);
        chunks.push({ origin, address: at, size, skipped });
      });
  } else source.fail(`its chunks have an index of kind ${kind}, which cannot be read`);
  return chunks;
}
