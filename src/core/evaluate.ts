import { type Node, topological } from '../graph/node.ts';
import { evaluate } from '../runtime/evaluate.ts';
import type { Storage } from '../runtime/storage.ts';
import { isTracing } from './trace.ts';

/**
 * Computes the given nodes now, together, and remembers the results in them. Outside of transforms the graph below is let go,
 * so that its memory can be reclaimed; inside it is kept, because a derivative may still walk it.
 */
export function realize(nodes: readonly Node[]): void {
  const pending = [...new Set(nodes)].filter((node) => node.stored === null);
  if (pending.length === 0) return;
  assertConcrete(pending);
  const results = evaluate(pending);
  pending.forEach((node, i) => {
    node.stored = results[i];
    if (!isTracing() && !node.kept) node.inputs = [];
  });
}

/** The value of a node, computed if need be. */
export function storageOf(node: Node): Storage {
  if (node.stored === null) realize([node]);
  return node.stored as Storage;
}

/** Values of arguments of a function that is being traced by jit do not exist yet. */
function assertConcrete(nodes: readonly Node[]): void {
  for (const node of topological(nodes, (n) => n.stored !== null)) {
    if (node.op === 'input' && node.stored === null) {
      throw new Error(
        'jit: the value of an array was asked for while the function is being traced, where arrays have shapes but no values yet. ' +
          'Use where(), select on arrays instead of if, or move the reading (item, data, print) out of the jitted function.',
      );
    }
  }
}
