import { batchGather, batchScatter } from './batch_indexing.ts';
import { batchTuple } from './batch_tuples.ts';
import {
  broadcast,
  concat,
  contract,
  make,
  pad,
  prefix,
  reshape,
  slice,
  transpose,
  window,
} from './build.ts';
import { plainIndex } from './contraction.ts';
import { type Batching, batched, type Lifted, shared, spread } from './lifted.ts';
import { isOp, isTuple, type Node, topological } from './node.ts';
import { batchedFrom, inheritOrigin } from './origins.ts';
import type { AffineIndex, ArrayOp, Op } from './vocabulary.ts';

/**
 * Batching of graphs: from the graph that computes one example to the graph that computes all of them at once, a rule per operation. The
 * axis of the examples is always the first one. What does not depend on an example is computed once, as before.
 */

/** What stands for a node, given what stands for its operands, at least one of which is batched. */
type Rule<O extends Op> = (node: Node<O>, operands: readonly Lifted[], by: Batching) => Lifted;

/** Operations without operands are the same for every example, and results of several come with their operation. */
type Batchable = Exclude<ArrayOp, 'input' | 'constant' | 'literal' | 'iota' | 'part'>;

/** An operation element by element: its operands meet in one shape, so those that are shared are repeated. */
const elementwise = <O extends Op>(node: Node<O>, operands: readonly Lifted[], { size }: Batching): Lifted =>
  batched(
    make(
      node.op,
      node.attributes,
      operands.map((x) => spread(x, size)),
      { shape: [size, ...node.shape], dtype: node.dtype },
    ),
  );

const behind = (axes: readonly number[]): number[] => axes.map((axis) => axis + 1);

/** An operation with its axes moved by one, to which any axes before them are just more of the same. */
const overAxes = <O extends 'reduce' | 'argreduce'>(node: Node<O>, [x]: readonly Lifted[]): Lifted =>
  batched(make(node.op, { ...node.attributes, axes: behind(node.attributes.axes) } as never, [x.node]));

const rules: { readonly [O in Batchable]: Rule<O> } = {
  unary: elementwise,
  binary: elementwise,
  compare: elementwise,
  select: elementwise,
  cast: elementwise,
  bitcast: elementwise,
  alias: elementwise,
  stopGradient: elementwise,
  threefry: elementwise,
  after: (_, operands) => ({
    ...operands[0],
    node: make(
      'after',
      {},
      operands.map((x) => x.node),
    ),
  }),
  reshape: (node, [x], { size }) => batched(reshape(x.node, [size, ...node.shape])),
  transpose: ({ attributes }, [x]) => batched(transpose(x.node, [0, ...behind(attributes.permutation)])),
  broadcast: ({ attributes, shape }, [x], { size }) =>
    batched(broadcast(x.node, [size, ...shape], [0, ...behind(attributes.axes)])),
  slice: ({ attributes: { start, step }, shape }, [x], { size }) =>
    batched(slice(x.node, [0, ...start], [1, ...step], [size, ...shape])),
  pad: ({ attributes: { low, high, interior, value } }, [x]) =>
    batched(pad(x.node, [0, ...low], [0, ...high], [0, ...interior], value)),
  concat: ({ attributes }, operands, { size }) =>
    batched(
      concat(
        operands.map((x) => spread(x, size)),
        attributes.axis + 1,
      ),
    ),
  window: ({ attributes }, [x]) => batched(window(x.node, { ...attributes, axes: behind(attributes.axes) })),
  reduce: overAxes,
  argreduce: overAxes,
  prefix: ({ attributes: { kind, axis, reverse } }, [x]) => batched(prefix(kind, x.node, axis + 1, reverse)),
  contract: ({ attributes: { sizes, outRank, a, b } }, [x, y], { size }) =>
    batched(
      contract(
        {
          sizes: [size, ...sizes],
          outRank: outRank + 1,
          a: coordinates(a, x.batched),
          b: coordinates(b, y.batched),
        },
        x.node,
        y.node,
      ),
    ),
  gather: batchGather,
  scatter: batchScatter,
  // Along the last axis, which is never that of the examples.
  argsort: elementwise,
};

/** The index of a contraction's operand with an axis of examples before the others. */
const coordinates = (index: readonly AffineIndex[], isBatched: boolean): AffineIndex[] => [
  ...(isBatched ? [plainIndex(0)] : []),
  ...index.map((coordinate) => ({
    ...coordinate,
    terms: coordinate.terms.map(([axis, c]) => [axis + 1, c] as const),
  })),
];

/**
 * The graph of `roots` for `size` examples at once, given what stands for `leaves` below them: inputs of the graph of one example, for which
 * there is one array per example or another one that all of them share.
 */
export function batchGraph(
  roots: readonly Node[],
  leaves: ReadonlyMap<Node, Lifted>,
  size: number,
): Lifted[] {
  const known = new Map<Node, Lifted>(leaves);
  /** What stands for the results of operations that have several. */
  const several = new Map<Node, readonly Lifted[]>();
  const lift = (node: Node): Lifted => known.get(node) ?? shared(node);
  const by: Batching = { size, lift: (r, l) => batchGraph(r, l, size), known };
  for (const node of dependents(roots, leaves)) {
    if (isOp(node, 'part')) {
      known.set(node, several.get(node.inputs[0])?.[node.attributes.index] ?? shared(node));
      continue;
    }
    const operands = node.inputs.map(lift);
    if (operands.some((x) => x.batched)) {
      if (isTuple(node))
        several.set(
          node,
          batchedFrom(node, () => batchTuple(node, operands, by)),
        );
      else
        known.set(
          node,
          batchedFrom(node, () => (rules[node.op as Batchable] as Rule<Op>)(node, operands, by)),
        );
    } else if (operands.some((x, i) => x.node !== node.inputs[i])) {
      const inputs = operands.map((x) => x.node);
      const made = make(node.op, node.attributes, inputs, node);
      inheritOrigin(made, node);
      if (isTuple(node))
        several.set(
          node,
          node.attributes.results.map((_, index) => shared(make('part', { index }, [made]))),
        );
      else known.set(node, shared(made));
    }
  }
  return roots.map(lift);
}

/** Nodes above `leaves` that `roots` need, operands first. */
function dependents(roots: readonly Node[], leaves: ReadonlyMap<Node, Lifted>): Node[] {
  let oldest = Infinity;
  for (const leaf of leaves.keys()) oldest = Math.min(oldest, leaf.id);
  // What was there before the leaves does not depend on them, nor does what has a value.
  const below = topological(roots, (node) => leaves.has(node) || node.id < oldest || node.stored !== null);
  const reached = new Set<Node>(leaves.keys());
  return below.filter((node) => {
    if (leaves.has(node) || node.stored !== null || !node.inputs.some((x) => reached.has(x))) return false;
    reached.add(node);
    return true;
  });
}
