import type { TypedArray } from '../../src/graph/dtype.ts';
import { isOp, Node, topological } from '../../src/graph/node.ts';
import type { RandomGraph } from './random_graph.ts';

/**
 * The same program with float64 in place of float32 everywhere, in which rounding hides nothing; null for programs that look
 * at the bits of floats.
 */
export function inDouble(graph: RandomGraph): RandomGraph | null {
  const twins = new Map<Node, Node>();
  const data = new Map<Node, TypedArray>();
  for (const node of topological(graph.roots)) {
    if (node.op === 'bitcast') return null;
    const isSingle = node.dtype === 'float32';
    const attributes =
      isSingle && isOp(node, 'literal') ? { data: Float64Array.from(node.attributes.data) } : node.attributes;
    const inputs = node.inputs.map((input) => twins.get(input)!);
    const twin = new Node(node.op, attributes, inputs, node.shape, isSingle ? 'float64' : node.dtype);
    twins.set(node, twin);
    const values = graph.data.get(node);
    if (values !== undefined) data.set(twin, isSingle ? Float64Array.from(values) : values);
  }
  return { ...graph, roots: graph.roots.map((root) => twins.get(root)!), data };
}
