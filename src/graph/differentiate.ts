import { cast } from './build.ts';
import { accumulate, type Change, type Differentiation, derivatives } from './derivatives.ts';
import { isHalf } from './half.ts';
import { isOp, isTuple, type Node } from './node.ts';
import { derivedFrom } from './origins.ts';
import { tupleDerivatives } from './tuple_derivatives.ts';
import type { ArrayOp, TupleOp } from './vocabulary.ts';

/** Differentiation of graphs: one walk forwards, one backwards, by the rules of the operations. */

/** Nodes from `leaves` up to `roots`: those through which a change can pass. */
function between(roots: readonly Node[], leaves: ReadonlySet<Node>): Node[] {
  const reached = new Set<Node>(leaves);
  const seen = new Set<Node>(roots);
  const stack = [...seen];
  while (stack.length > 0) {
    const node = stack.pop()!;
    if (leaves.has(node)) continue;
    for (const next of node.inputs) {
      if (seen.has(next)) continue;
      seen.add(next);
      stack.push(next);
    }
  }
  const order = [...seen].sort((a, b) => a.id - b.id);
  return order.filter((node) => {
    if (!reached.has(node) && !leaves.has(node) && node.inputs.some((i) => reached.has(i))) reached.add(node);
    return reached.has(node);
  });
}

/** Forward mode: the tangents of `roots` for given tangents of some leaves. */
export function pushForward(roots: readonly Node[], tangents: ReadonlyMap<Node, Node>): Change[] {
  const known = new Map<Node, Change>(tangents);
  /** Changes of the results of operations that have several. */
  const several = new Map<Node, readonly Change[]>();
  for (const node of between(roots, new Set(tangents.keys()))) {
    if (known.has(node)) continue;
    if (isOp(node, 'part')) {
      known.set(node, several.get(node.inputs[0])?.[node.attributes.index] ?? null);
      continue;
    }
    const changes = node.inputs.map((i) => known.get(i) ?? null);
    if (changes.every((c) => c === null)) known.set(node, null);
    else if (isTuple(node))
      several.set(
        node,
        derivedFrom(node, () => tupleDerivatives[node.op].tangents(node as never, changes, both)),
      );
    else
      known.set(
        node,
        derivedFrom(node, () => derivatives[node.op as SingleOp].tangent(node as never, changes, both)),
      );
  }
  return roots.map((root) => known.get(root) ?? null);
}

/** A sum of changes in the dtype of what changes: sums of 16-bit floats are float32. */
const fitted = (change: Change, { dtype }: Node): Change =>
  change !== null && isHalf(dtype) ? cast(change, dtype) : change;

/** Reverse mode: the cotangents of `leaves` for given cotangents of `roots`. */
export function pullBack(
  roots: readonly Node[],
  cotangents: readonly Change[],
  leaves: readonly Node[],
): Change[] {
  const known = new Map<Node, Change>();
  const several = new Map<Node, Change[]>();
  roots.forEach((root, i) => {
    known.set(root, fitted(accumulate(known.get(root) ?? null, cotangents[i]), root));
  });
  const targets = new Set(leaves);
  const path = between(roots, targets);
  const onPath = new Set(path);
  for (const node of path.reverse()) {
    if (targets.has(node)) continue;
    const ct = known.get(node) ?? null;
    const cts = several.get(node);
    if (ct === null && cts === undefined) continue;
    if (isOp(node, 'part')) {
      const [whole] = node.inputs as readonly Node<TupleOp>[];
      const list = several.get(whole) ?? whole.attributes.results.map(() => null);
      list[node.attributes.index] = accumulate(list[node.attributes.index], ct);
      several.set(whole, list);
      continue;
    }
    const changes = derivedFrom(node, () =>
      isTuple(node)
        ? tupleDerivatives[node.op].cotangents(node as never, cts!, both)
        : derivatives[node.op as SingleOp].cotangents(node as never, ct!, both),
    );
    node.inputs.forEach((input, i) => {
      const change = changes[i] ?? null;
      if (change !== null && onPath.has(input))
        known.set(input, fitted(accumulate(known.get(input) ?? null, change), input));
    });
  }
  return leaves.map((leaf) => known.get(leaf) ?? null);
}

type SingleOp = Exclude<ArrayOp, 'part'>;

const both: Differentiation = { pushForward, pullBack };
