import { batchGraph } from '../../src/graph/batching.ts';
import { input } from '../../src/graph/build.ts';
import { allocate, type TypedArray } from '../../src/graph/dtype.ts';
import { batched, type Lifted, spread } from '../../src/graph/lifted.ts';
import { type Node, sizeOf } from '../../src/graph/node.ts';
import { evaluateReference } from '../../src/runtime/reference/evaluate.ts';

/** A graph of one example made into one of several, with what it must compute: that of the examples one after the other. */
export interface ExamplesProblem {
  /** The roots for all examples, the examples along the first axis. */
  readonly roots: readonly Node[];
  /** Whether any of the roots depends on an example. */
  readonly depends: readonly boolean[];
  /** What stands for the inputs that are batched. */
  readonly leaves: ReadonlyMap<Node, Lifted>;
  readonly data: ReadonlyMap<Node, TypedArray>;
  /** By the interpreter, an example at a time. */
  readonly expected: readonly TypedArray[];
}

const joined = (node: Node, arrays: readonly TypedArray[]): TypedArray => {
  const size = sizeOf(node.shape);
  const out = allocate(node.dtype, arrays.length * size);
  arrays.forEach((array, i) => {
    out.set(array, i * size);
  });
  return out;
};

/** Batches the inputs in `examples`, which has the data of each example; the data of the other inputs is in `data`. */
export function examplesProblem(
  roots: readonly Node[],
  examples: ReadonlyMap<Node, readonly TypedArray[]>,
  data: ReadonlyMap<Node, TypedArray>,
  size: number,
): ExamplesProblem {
  const leaves = new Map<Node, Lifted>();
  const all = new Map(data);
  for (const [node, arrays] of examples) {
    const together = input([size, ...node.shape], node.dtype);
    leaves.set(node, batched(together));
    all.set(together, joined(node, arrays));
  }
  const lifted = batchGraph(roots, leaves, size);
  const each = Array.from({ length: size }, (_, i) =>
    evaluateReference(roots, (node) => examples.get(node)?.[i] ?? data.get(node)!),
  );
  return {
    roots: lifted.map((x) => spread(x, size)),
    depends: lifted.map((x) => x.batched),
    leaves,
    data: all,
    expected: roots.map((root) =>
      joined(
        root,
        each.map((values) => values.get(root)!),
      ),
    ),
  };
}
