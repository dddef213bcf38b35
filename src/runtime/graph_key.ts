import { attributeKey } from '../graph/key.ts';
import { type Node, topological } from '../graph/node.ts';
import type { ProgramSource } from './program.ts';

/**
 * A text that is equal for graphs of equal structure: operations, attributes, shapes and dtypes, whatever the values of
 * the inputs.
 */
export function graphKey({ inputs, outputs }: ProgramSource): string {
  const given = new Set(inputs);
  const numbers = new Map<Node, number>();
  const parts: string[] = [];
  for (const node of topological(outputs, (n) => given.has(n))) {
    numbers.set(node, numbers.size);
    const type = `${node.dtype}[${node.shape}]`;
    if (given.has(node)) parts.push(`in:${type}`);
    else parts.push(`${node.op}${attributeKey(node)}(${node.inputs.map((i) => numbers.get(i))})${type}`);
  }
  return `${parts.join(';')}>${outputs.map((o) => numbers.get(o))}`;
}
