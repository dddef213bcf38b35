import { fill, make, transpose } from '../graph/build.ts';
import { attributeKey } from '../graph/key.ts';
import { type Node, sizeOf, topological } from '../graph/node.ts';
import type { Op } from '../graph/vocabulary.ts';
import { absorbOperandTransposes, transposedContraction } from './absorb_transposes.ts';
import { gatherSums } from './gather_sums.ts';
import { orientColumns } from './orient.ts';
import { padOperands } from './pad_operands.ts';
import { splitSums } from './split_sums.ts';

/**
 * The graph as the compiler wants it: identities gone, equal subgraphs shared, nothing unused, evaluated nodes as inputs.
 */
export interface SimplifiedGraph {
  readonly nodes: readonly Node[];
  readonly outputs: readonly Node[];
}

/**
 * @param isInput nodes whose value is given; the walk ends there
 */
export function simplify(given: readonly Node[], isInput: (node: Node) => boolean): SimplifiedGraph {
  const outputs = gatherSums(given, isInput);
  const replaced = new Map<Node, Node>();
  /** The node of the new graph that is equal to a given one; what a rewriting made below it comes first. */
  const share = (made: Node): Node => {
    const inputs = made.inputs.map((input) => (placed.has(input) ? input : share(input)));
    const isSame = inputs.every((input, i) => input === made.inputs[i]);
    const node = isSame ? made : make(made.op as Op, made.attributes as never, inputs, made);
    const key = `${node.op}|${node.dtype}|${node.shape}|${attributeKey(node)}|${node.inputs.map((i) => i.id)}`;
    const existing = known.get(key);
    if (existing !== undefined) return existing;
    known.set(key, node);
    place(node);
    return node;
  };
  const place = (node: Node) => {
    placed.add(node);
    nodes.push(node);
  };
  const placed = new Set<Node>();
  const known = new Map<string, Node>();
  const nodes: Node[] = [];
  const order = topological(outputs, isInput);
  const readers = new Map<Node, number>();
  const count = (node: Node) => readers.set(node, (readers.get(node) ?? 0) + 1);
  outputs.forEach(count);
  for (const node of order) if (!isInput(node)) node.inputs.forEach(count);
  for (const node of order) {
    if (isInput(node)) {
      replaced.set(node, node);
      place(node);
      continue;
    }
    if (node.op === 'alias' || node.op === 'stopGradient') {
      replaced.set(node, replaced.get(node.inputs[0])!);
      continue;
    }
    if (node.op === 'contract' && node.inputs.some((x) => sizeOf(x.shape) === 0)) {
      // Of an operand without elements, every term lies outside.
      replaced.set(node, share(fill(0, node)));
      continue;
    }
    const inputs = node.inputs.map((i) => replaced.get(i)!);
    const same = inputs.every((input, i) => input === node.inputs[i]) && node.stored === null;
    const plain = same ? node : make(node.op as Op, node.attributes as never, inputs, node);
    const isOnlyReader = () => readers.get(node.inputs[0]) === 1;
    const absorbed = absorbOperandTransposes(transposedContraction(plain, isOnlyReader), isInput);
    const padded = padOperands(absorbed);
    const oriented = orientColumns(padded);
    const made =
      oriented === null ? splitSums(padded) : transpose(splitSums(oriented.node), oriented.permutation);
    replaced.set(node, share(made));
  }
  const finals = outputs.map((o) => replaced.get(o)!);
  const used = new Set(topological(finals, isInput));
  return { nodes: nodes.filter((n) => used.has(n)), outputs: finals };
}
