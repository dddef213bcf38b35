import type { Node } from './node.ts';

/** The name of an operation in messages: `log`, `reduce max`, `contract`. */
export function operationName(node: Node): string {
  const { kind } = node.attributes as { readonly kind?: unknown };
  if (typeof kind !== 'string') return node.op;
  return node.op === 'unary' || node.op === 'binary' ? kind : `${node.op} ${kind}`;
}
