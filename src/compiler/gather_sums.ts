import { add, fill, make, reshape } from '../graph/build.ts';
import { plainIndex } from '../graph/contraction.ts';
import { isFloat } from '../graph/dtype.ts';
import { attributeKey } from '../graph/key.ts';
import { isOp, type Node, sizeOf, topological } from '../graph/node.ts';
import type { AffineIndex, Op } from '../graph/vocabulary.ts';
import { isTiled } from './contraction_shape.ts';

/**
 * Long sums of like terms, which the derivative of an unrolled loop is full of, in one piece. The gradient of an array that is read
 * slice by slice is a sum of padded pieces: put side by side. The gradient of a weight that every step uses is a sum of
 * products: one product whose sum runs through all steps.
 */
export function gatherSums(outputs: readonly Node[], isInput: (node: Node) => boolean): readonly Node[] {
  const order = topological(outputs, isInput);
  const readers = new Map<Node, number>();
  const count = (node: Node) => readers.set(node, (readers.get(node) ?? 0) + 1);
  outputs.forEach(count);
  for (const node of order) if (!isInput(node)) node.inputs.forEach(count);

  const isSum = (node: Node) =>
    !isInput(node) && isOp(node, 'binary') && node.attributes.kind === 'add' && isFloat(node.dtype);
  const inside = new Set<Node>();
  for (const node of order)
    if (isSum(node)) for (const x of node.inputs) if (isSum(x) && readers.get(x) === 1) inside.add(x);

  const replaced = new Map<Node, Node>();
  for (const node of order) {
    if (isInput(node)) {
      replaced.set(node, node);
      continue;
    }
    if (inside.has(node)) continue;
    const gathered = isSum(node) ? gather(termsOf(node, inside).map((term) => replaced.get(term)!)) : null;
    if (gathered !== null) {
      replaced.set(node, gathered);
      continue;
    }
    // Sums that stay are rebuilt from the inside out, without recursion.
    for (const sum of [...sumsOf(node, inside)].reverse()) {
      const inputs = sum.inputs.map((i) => replaced.get(i)!);
      const same = inputs.every((input, i) => input === sum.inputs[i]) && sum.stored === null;
      replaced.set(sum, same ? sum : make(sum.op as Op, sum.attributes as never, inputs, sum));
    }
  }
  return outputs.map((output) => replaced.get(output)!);
}

/** A node with the sums inside of it, outermost first. */
function sumsOf(root: Node, inside: ReadonlySet<Node>): Node[] {
  const found = [root];
  for (let i = 0; i < found.length; i++) for (const x of found[i].inputs) if (inside.has(x)) found.push(x);
  return found;
}

/** What a tree of sums adds up, from left to right. */
function termsOf(root: Node, inside: ReadonlySet<Node>): Node[] {
  const terms: Node[] = [];
  const stack = [root];
  while (stack.length > 0) {
    const node = stack.pop()!;
    if (node === root || inside.has(node)) stack.push(node.inputs[1], node.inputs[0]);
    else terms.push(node);
  }
  return terms;
}

/** Fewer terms of a kind are as well added one by one. */
const fewTerms = 3;

/** The sum of terms of which some have been joined, or null if none can be. */
function gather(terms: readonly Node[]): Node | null {
  const kinds = new Map<string, Node[]>();
  for (const term of terms) {
    const key = kindOf(term);
    kinds.set(key, [...(kinds.get(key) ?? []), term]);
  }
  const rest: Node[] = [];
  const joined: Node[] = [];
  for (const [key, list] of kinds) {
    const whole =
      key === '' || list.length < fewTerms
        ? null
        : key.startsWith('pad')
          ? sideBySide(list)
          : inOneProduct(list);
    if (whole === null) rest.push(...list);
    else joined.push(whole);
  }
  return joined.length === 0 ? null : [...joined, ...rest].reduce(add);
}

/** Terms with equal keys may be joined. */
function kindOf(term: Node): string {
  if (term.stored !== null) return '';
  const padded = paddedAxis(term);
  if (padded !== null) return `pad ${padded}`;
  if (!isOp(term, 'contract') || !isTiled(term)) return '';
  const [a, b] = term.inputs;
  if (sizeOf(a.shape) + sizeOf(b.shape) > sizeOf(term.shape)) return '';
  return `contract ${attributeKey(term)} ${a.shape} ${b.shape}`;
}

/** The only axis along which an array is zero-padded, if there is one. */
function paddedAxis(node: Node): number | null {
  if (!isOp(node, 'pad')) return null;
  const { low, high, interior, value } = node.attributes;
  const axes = low.flatMap((n, axis) => (n !== 0 || high[axis] !== 0 || interior[axis] !== 0 ? [axis] : []));
  if (axes.length !== 1 || value !== 0) return null;
  const [axis] = axes;
  return low[axis] >= 0 && high[axis] >= 0 && interior[axis] === 0 ? axis : null;
}

/** Zero-padded pieces that do not overlap, as one array. */
function sideBySide(terms: readonly Node[]): Node | null {
  const pads = terms as readonly Node<'pad'>[];
  const axis = paddedAxis(pads[0])!;
  const start = (pad: Node<'pad'>) => pad.attributes.low[axis];
  const sorted = [...pads].sort((a, b) => start(a) - start(b));
  const { shape, dtype } = pads[0];
  const parts: Node[] = [];
  let end = 0;
  const zeros = (extent: number) => {
    if (extent > 0) parts.push(fill(0, { shape: shape.map((n, i) => (i === axis ? extent : n)), dtype }));
  };
  for (const pad of sorted) {
    if (start(pad) < end) return null;
    zeros(start(pad) - end);
    parts.push(pad.inputs[0]);
    end = start(pad) + pad.inputs[0].shape[axis];
  }
  zeros(shape[axis] - end);
  return make('concat', { axis }, parts);
}

/** Products of one form as one product of stacked operands, summed over the stack as well. */
function inOneProduct(terms: readonly Node[]): Node | null {
  const products = terms as readonly Node<'contract'>[];
  // With a common operand it is the others that should be added.
  for (const operand of [0, 1])
    if (new Set(products.map((p) => p.inputs[operand])).size < products.length) return null;
  const { sizes, outRank, a, b } = products[0].attributes;
  const stacked = (operand: number) => {
    const parts = products.map((p) => p.inputs[operand]);
    return make(
      'concat',
      { axis: 0 },
      parts.map((x) => reshape(x, [1, ...x.shape])),
    );
  };
  const along = (index: readonly AffineIndex[]): AffineIndex[] => [
    plainIndex(outRank),
    ...index.map((i) => ({
      ...i,
      terms: i.terms.map(([axis, c]) => [axis < outRank ? axis : axis + 1, c] as const),
    })),
  ];
  return make(
    'contract',
    {
      sizes: [...sizes.slice(0, outRank), products.length, ...sizes.slice(outRank)],
      outRank,
      a: along(a),
      b: along(b),
    },
    [stacked(0), stacked(1)],
  );
}
