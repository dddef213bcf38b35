import { allocate, type TypedArray, viewOf } from '../../graph/dtype.ts';
import { hostElement } from '../../graph/half.ts';
import { isOp, isTuple, type Node, sizeOf, topological, typeText } from '../../graph/node.ts';
import type { ArrayOp, Op } from '../../graph/vocabulary.ts';
import { evaluateTuple } from './control.ts';
import { forEachIndex } from './index_space.ts';
import { argreduce, argsort, contract, prefix, reduce } from './reductions.ts';
import { binaryFunction, castFunction, compareFunction, unaryFunction } from './scalar.ts';
import { threefry2x32 } from './threefry2x32.ts';
import { broadcast, concat, gather, pad, scatter, slice, slidingWindow, transpose } from './views.ts';

type Rule<O extends Op> = (node: Node<O>, inputs: readonly TypedArray[]) => TypedArray;

/** One entry for each operation that computes something: adding one to the vocabulary does not compile without it. */
type Rules = { readonly [O in Exclude<ArrayOp, 'input' | 'part'>]: Rule<O> };

/** A new array of the node's dtype and size with element i = `element(i)`; storing rounds floats and wraps integers. */
function fill(node: Node, element: (i: number) => number): TypedArray {
  const out = allocate(node.dtype, sizeOf(node.shape));
  for (let i = 0; i < out.length; i++) out[i] = element(i);
  return out;
}

const same = (_: Node, [x]: readonly TypedArray[]): TypedArray => x;

const rules: Rules = {
  constant: (node) => {
    const element = hostElement(node.dtype, node.attributes.value);
    return fill(node, () => element);
  },
  literal: (node) => node.attributes.data,
  iota: (node) => {
    const out = allocate(node.dtype, sizeOf(node.shape));
    let written = 0;
    forEachIndex(node.shape, (index) => {
      out[written++] = index[node.attributes.axis];
    });
    return out;
  },
  unary: (node, [x]) => {
    const f = unaryFunction(node.attributes.kind, node.dtype);
    return fill(node, (i) => f(x[i]));
  },
  binary: (node, [a, b]) => {
    const f = binaryFunction(node.attributes.kind, node.dtype);
    return fill(node, (i) => f(a[i], b[i]));
  },
  compare: (node, [a, b]) => {
    const f = compareFunction(node.attributes.kind);
    return fill(node, (i) => f(a[i], b[i]));
  },
  select: (node, [condition, whenTrue, whenFalse]) =>
    fill(node, (i) => (condition[i] !== 0 ? whenTrue[i] : whenFalse[i])),
  cast: (node, [x]) => {
    const f = castFunction(node.inputs[0].dtype, node.dtype);
    return fill(node, (i) => f(x[i]));
  },
  // Through the bytes, never through numbers: a number would lose the bits of a NaN.
  bitcast: (node, [x]) => viewOf(node.dtype, x.slice().buffer, 0, x.length),
  alias: same,
  stopGradient: same,
  after: same,
  reshape: same,
  transpose,
  broadcast,
  slice,
  pad,
  concat,
  window: slidingWindow,
  reduce,
  argreduce,
  prefix,
  contract,
  gather,
  scatter,
  argsort,
  threefry: (node, [k0, k1, c0, c1]) => {
    const { word } = node.attributes;
    return fill(node, (i) => {
      const [first, second] = threefry2x32(k0[i], k1[i], c0[i], c1[i]);
      if (word === 'xor') return first ^ second;
      return word === 'first' ? first : second;
    });
  },
};

function evaluateNode(node: Node, inputs: readonly TypedArray[]): TypedArray {
  // The table pairs each name with the node of that name; the type system cannot follow the lookup.
  const rule = rules[node.op as keyof Rules] as Rule<Op>;
  return rule(node, inputs);
}

/**
 * Evaluates `roots` one node at a time with plain loops over plain numbers: the definition of every operation, against which
 * the compiler is tested. Each element is computed in double precision and rounded when it is stored in the node's
 * dtype; sums are kept in double until their end; integers wrap at 32 bits.
 *
 * `dataOf` gives the data (row-major, of the node's dtype) of nodes that are `stored` or of op `input`. The result holds the
 * value of every node that was visited, roots included, so that a disagreement can be traced to the first node that
 * differs. Values may share memory with each other and with inputs: do not write to them.
 *
 * Throws where `dataOf` gives an array of the wrong length, or an operation meets a dtype on which it has no meaning.
 */
export function evaluateReference(
  roots: readonly Node[],
  dataOf: (node: Node) => TypedArray,
): Map<Node, TypedArray> {
  const isGiven = (node: Node): boolean => node.stored !== null || node.op === 'input';
  const values = new Map<Node, TypedArray>();
  /** The results of operations that have several. */
  const several = new Map<Node, readonly TypedArray[]>();
  for (const node of topological(roots, isGiven)) {
    if (isTuple(node)) {
      const inputs = node.inputs.map((input) => values.get(input)!);
      several.set(node, evaluateTuple(node, inputs, dataOf, evaluateReference));
      continue;
    }
    if (isOp(node, 'part') && !isGiven(node)) {
      values.set(node, several.get(node.inputs[0])![node.attributes.index]);
      continue;
    }
    const value = isGiven(node)
      ? dataOf(node)
      : evaluateNode(
          node,
          node.inputs.map((input) => values.get(input)!),
        );
    if (value.length !== sizeOf(node.shape)) {
      throw new Error(
        `evaluateReference: ${node.op} of type ${typeText(node.dtype, node.shape)} needs ${sizeOf(node.shape)} elements, got ` +
          `${value.length}; check the node's shape or the data that dataOf gives for it`,
      );
    }
    values.set(node, value);
  }
  return values;
}
