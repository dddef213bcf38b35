import { broadcast, transpose } from './build.ts';
import type { Node } from './node.ts';
import type { ResultType } from './vocabulary.ts';

/** What the rules of batching work on: nodes of the graph of one example, in the graph of all examples. */

/** What stands for a node of one example: one array per example, along a first axis of its own, or one that all of them share. */
export interface Lifted {
  readonly node: Node;
  readonly batched: boolean;
}

/** Batching of whole graphs, for rules of operations that run graphs of their own. */
export interface Batching {
  /** How many examples there are. */
  readonly size: number;
  /** What stands for `roots`, given what stands for some nodes below them. */
  readonly lift: (roots: readonly Node[], leaves: ReadonlyMap<Node, Lifted>) => Lifted[];
  /** What has been lifted so far in the graph around the operation. */
  readonly known: ReadonlyMap<Node, Lifted>;
}

export const batched = (node: Node): Lifted => ({ node, batched: true });
export const shared = (node: Node): Lifted => ({ node, batched: false });

/** The array with the axis of the examples first; one that they share is repeated. */
export const spread = ({ node, batched: is }: Lifted, size: number): Node =>
  is
    ? node
    : broadcast(
        node,
        [size, ...node.shape],
        node.shape.map((_, axis) => axis + 1),
      );

/** Moves one axis to another place; the others keep their order. */
export function moveAxis(x: Node, from: number, to: number): Node {
  const order = x.shape.map((_, axis) => axis).filter((axis) => axis !== from);
  order.splice(to, 0, from);
  return transpose(x, order);
}

/** The type of one result per example. */
export const stackedType = ({ shape, dtype }: ResultType, size: number): ResultType => ({
  shape: [size, ...shape],
  dtype,
});
