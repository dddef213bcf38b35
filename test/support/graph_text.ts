import type { TypedArray } from '../../src/graph/dtype.ts';
import { type Node, topological, typeText } from '../../src/graph/node.ts';

/** A listing of a program, one node a line, for the message of a failed comparison. */
export function graphText(roots: readonly Node[]): string {
  const nodes = topological(roots);
  const names = new Map(nodes.map((node, i) => [node, `%${i}`]));
  const plain = (_: string, value: unknown): unknown =>
    ArrayBuffer.isView(value) ? [...(value as TypedArray)] : value;
  return nodes
    .map((node) => {
      const operands = node.inputs.map((input) => names.get(input)).join(', ');
      const root = roots.includes(node) ? '  <- root' : '';
      return `${names.get(node)} = ${node.op}(${operands}) ${JSON.stringify(node.attributes, plain)} : ${typeText(node.dtype, node.shape)}${root}`;
    })
    .join('\n');
}
