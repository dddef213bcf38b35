import { isOp, type Node, sizeOf, topological } from '../../src/graph/node.ts';
import type { Tensor } from '../../src/index.ts';

/**
 * Multiplications with addition in all contractions (matrix products, convolutions) that arrays need, as their graphs say before
 * anything is computed; padding is counted as if it were data. What `known` needs counts as computed already.
 */
export function multiplications(arrays: readonly Tensor[], known: readonly Tensor[] = []): number {
  const nodes = (tensors: readonly Tensor[]): Node[] => topological(tensors.map((t) => t.node));
  const before = new Set(nodes(known));
  let count = 0;
  for (const node of nodes(arrays))
    if (!before.has(node) && isOp(node, 'contract')) count += sizeOf(node.attributes.sizes);
  return count;
}
