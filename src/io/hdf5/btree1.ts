import { nowhere, type Source } from './source.ts';

/** B-trees of version 1: of the names in a group, or of the chunks of a dataset. */

/** What stands at the ends of a tree: a child's address and the key before it. */
export interface Leaf<Key> {
  readonly key: Key;
  readonly address: number;
}

/**
 * The leaves of a tree, in order.
 *
 * @param kind 0 for groups, 1 for chunks
 * @param readKey reads one key
 */
export function leavesOf<Key>(
  source: Source,
  root: number,
  kind: 0 | 1,
  readKey: (cursor: ReturnType<Source['cursor']>) => Key,
): Leaf<Key>[] {
  const leaves: Leaf<Key>[] = [];
  const seen = new Set<number>();
  const visit = (address: number, expected: number | null): void => {
    source.spend();
    if (seen.has(address)) source.fail('damaged: a B-tree leads to one node twice');
    seen.add(address);
    const node = source.signed(address, 'TREE', 'a node of a B-tree');
    const found = node.u8();
    if (found !== kind) source.fail(`damaged: a B-tree should be of kind ${kind}, not ${found}`);
    const level = node.u8();
    if (expected !== null && level !== expected)
      source.fail(`damaged: a node of a B-tree is at level ${level} instead of ${expected}`);
    const count = node.u16();
    node.offset();
    node.offset();
    for (let i = 0; i < count; i++) {
      source.spend();
      const key = readKey(node);
      const child = node.offset();
      if (level === 0) leaves.push({ key, address: child });
      else visit(child, level - 1);
    }
  };
  if (root !== nowhere) visit(root, null);
  return leaves;
}
