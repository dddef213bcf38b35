import { input, make } from './build.ts';
import { type Node, topological } from './node.ts';
import { inheritOrigin } from './origins.ts';
import type { Body, Op } from './vocabulary.ts';

/** Graphs that control flow runs: cut out of what a function recorded, and put in again. */

/** A body with the nodes of other graphs that it reads, which its caller passes as the first inputs. */
export interface Closure {
  readonly body: Body;
  readonly captured: readonly Node[];
}

/**
 * The graph between `inputs` and `outputs`. Nodes that do not depend on the inputs and were there before `first` (the id of the first
 * node of the recording) are not part of it: they become additional inputs, before the others.
 */
export function closureOf(inputs: readonly Node[], outputs: readonly Node[], first: number): Closure {
  const own = new Set(inputs);
  const outside = (node: Node) =>
    own.has(node) ||
    node.stored !== null ||
    (node.id < first && node.op !== 'constant' && node.op !== 'iota');
  const reached = topological(outputs, outside);
  const captured = reached.filter((node) => !own.has(node) && outside(node));
  const placeholders = captured.map((node) => input(node.shape, node.dtype));
  const replaced = new Map<Node, Node>(captured.map((node, i) => [node, placeholders[i]]));
  const body = { inputs: [...placeholders, ...inputs], outputs: rebuild(outputs, replaced, own) };
  return { body, captured };
}

/** The body's results for given inputs, as part of another graph. */
export function instantiate({ inputs, outputs }: Body, given: readonly Node[]): Node[] {
  return rebuild(outputs, new Map(inputs.map((node, i) => [node, given[i]])));
}

/** The graph of `roots` with some nodes replaced; what does not depend on them stays as it is. */
export function rebuild(
  roots: readonly Node[],
  replaced: ReadonlyMap<Node, Node>,
  ends: ReadonlySet<Node> = new Set(),
): Node[] {
  const made = new Map<Node, Node>(replaced);
  const stop = (node: Node) => replaced.has(node) || ends.has(node) || node.stored !== null;
  for (const node of topological(roots, stop)) {
    if (made.has(node)) continue;
    if (stop(node) || node.inputs.every((i) => made.get(i) === i)) {
      made.set(node, node);
      continue;
    }
    const inputs = node.inputs.map((i) => made.get(i)!);
    const copy = make(node.op as Op, node.attributes as never, inputs, node);
    inheritOrigin(copy, node);
    made.set(node, copy);
  }
  return roots.map((root) => made.get(root)!);
}
