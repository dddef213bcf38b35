import { isOp, type Node } from './node.ts';

/** The attributes of a node as a text, equal for equal attributes; JSON would confuse the infinities, NaN and -0. */
export function attributeKey(node: Node): string {
  if (isOp(node, 'literal')) return `{${node.attributes.data}}`;
  if (isOp(node, 'constant')) return numberKey(node.attributes.value);
  const text = JSON.stringify(node.attributes);
  return isOp(node, 'pad') ? text + numberKey(node.attributes.value) : text;
}

const numberKey = (value: number): string => (Object.is(value, -0) ? '-0' : String(value));
