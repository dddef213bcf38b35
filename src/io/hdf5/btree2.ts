import { Cursor, nowhere, type Source } from './source.ts';

/** Bytes that hold numbers up to `limit`. */
export const bytesFor = (limit: number): number => Math.floor(Math.log2(Math.max(1, limit)) / 8) + 1;

/** What a node has besides records: signature, version, type and checksum. */
const overhead = 10;

/**
 * Calls `each` with every record of a B-tree of version 2, in order.
 *
 * @param types of records that are expected
 */
export function eachRecord(
  source: Source,
  address: number,
  types: readonly number[],
  each: (record: Cursor, type: number) => void,
): void {
  const head = source.signed(address, 'BTHD', 'the header of a B-tree');
  head.version(0);
  const type = head.u8();
  if (!types.includes(type))
    source.fail(`damaged: a B-tree should have records of type ${types.join(' or ')}, not ${type}`);
  const nodeSize = head.u32();
  const recordSize = head.u16();
  const depth = head.u16();
  head.take(2);
  const root = head.offset();
  const rootRecords = head.u16();
  head.length();
  head.checksum();
  if (recordSize === 0 || depth > 32 || nodeSize < overhead + recordSize)
    source.fail(
      `damaged: a B-tree of depth ${depth} with records of ${recordSize} bytes in nodes of ${nodeSize}`,
    );

  // How many records a node of each level and all below may have decides how many bytes their counts take.
  const most = [Math.floor((nodeSize - overhead) / recordSize)];
  const all = [most[0]];
  const countSize = bytesFor(most[0]);
  const totalSizes = [0];
  for (let level = 1; level <= depth; level++) {
    const pointer = source.layout.offsetSize + countSize + totalSizes[level - 1];
    most.push(Math.floor((nodeSize - overhead - pointer) / (recordSize + pointer)));
    all.push((most[level] + 1) * all[level - 1] + most[level]);
    totalSizes.push(bytesFor(all[level]));
  }

  const seen = new Set<number>();
  const visit = (at: number, count: number, level: number): void => {
    source.spend();
    if (seen.has(at)) source.fail('damaged: a B-tree leads to one node twice');
    seen.add(at);
    if (!(count <= most[level]))
      source.fail(`damaged: a node of a B-tree has ${count} records, at most it can have ${most[level]}`);
    const node = source.signed(at, level === 0 ? 'BTLF' : 'BTIN', 'a node of a B-tree');
    node.version(0);
    if (node.u8() !== type) source.fail('damaged: the nodes of a B-tree have different types');
    const records = node.take(count * recordSize);
    const record = (i: number): Cursor =>
      new Cursor(source, records + i * recordSize, records + (i + 1) * recordSize, 'a record of a B-tree');
    const children: [address: number, count: number][] = [];
    if (level > 0)
      for (let i = 0; i <= count; i++) {
        children.push([node.offset(), node.uint(countSize)]);
        node.uint(totalSizes[level - 1]);
      }
    node.checksum();
    for (let i = 0; i <= count; i++) {
      source.spend();
      if (level > 0) visit(children[i][0], children[i][1], level - 1);
      if (i < count) each(record(i), type);
    }
  };
  if (root !== nowhere && rootRecords > 0) visit(root, rootRecords, depth);
}
