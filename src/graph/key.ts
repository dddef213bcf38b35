import type { DType } from './dtype.ts';
import { isOp, isTuple, type Node, topological } from './node.ts';
import type { Body, TupleOp } from './vocabulary.ts';

/** The attributes of a node as a text, equal for equal attributes; JSON would confuse the infinities, NaN and -0. */
export function attributeKey(node: Node): string {
  if (isOp(node, 'literal')) return `{${node.attributes.data}}`;
  if (isOp(node, 'constant')) return numberKey(node.attributes.value);
  if (isTuple(node)) return tupleKey(node);
  const text = JSON.stringify(node.attributes);
  return isOp(node, 'pad') ? text + numberKey(node.attributes.value) : text;
}

const numberKey = (value: number): string => (Object.is(value, -0) ? '-0' : String(value));

/** Rules of derivatives do not count: they have no part in the value. */
function tupleKey(node: Node<TupleOp>): string {
  const settings = Object.entries(node.attributes).map(([name, value]) => {
    if (name === 'rule') return '';
    if (name === 'body' || name === 'condition') return `${name}{${bodyKey(value as Body)}}`;
    if (name === 'branches') return (value as readonly Body[]).map((b) => `{${bodyKey(b)}}`).join();
    return `${name}:${JSON.stringify(value)}`;
  });
  return settings.join();
}

const bodyKeys = new WeakMap<Body, string>();

function bodyKey(body: Body): string {
  let key = bodyKeys.get(body);
  if (key === undefined) bodyKeys.set(body, (key = graphText(body.inputs, body.outputs)));
  return key;
}

/** Dtypes of numbers that compute as they are stored. */
const isLiftable = (dtype: DType): boolean => dtype === 'float32' || dtype === 'float64';

/**
 * A text that is equal for graphs of equal structure: operations, attributes, shapes and dtypes, whatever the values of
 * the inputs; and, where a list for them is given, of numbers: constants of float32 and float64, which are appended to it in the order of the text.
 */
export function graphText(
  inputs: readonly Node[],
  outputs: readonly Node[],
  numbersFound: Node<'constant'>[] | null = null,
): string {
  const given = new Map(inputs.map((node, i) => [node, i]));
  const numbers = new Map<Node, number>();
  const parts: string[] = [];
  for (const node of topological(outputs, (n) => given.has(n))) {
    numbers.set(node, numbers.size);
    const type = `${node.dtype}[${node.shape}]`;
    const position = given.get(node);
    if (position !== undefined) parts.push(`in${position}:${type}`);
    else if (numbersFound !== null && isOp(node, 'constant') && isLiftable(node.dtype)) {
      numbersFound.push(node);
      parts.push(`number${type}`);
    } else parts.push(`${node.op}${attributeKey(node)}(${node.inputs.map((i) => numbers.get(i))})${type}`);
  }
  return `${parts.join(';')}>${outputs.map((o) => numbers.get(o))}`;
}
