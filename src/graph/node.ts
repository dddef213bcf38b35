import type { DType } from './dtype.ts';
import { noteOrigin, recording } from './origins.ts';
import type { Attributes, Op, TupleOp } from './vocabulary.ts';

export type Shape = readonly number[];

/** Whatever the runtime keeps for a node that has been evaluated. The graph only asks whether it is there. */
export interface StoredValue {
  readonly dtype: DType;
  readonly length: number;
}

let counter = 0;

/**
 * One operation of the tensor graph. Immutable but for `stored`: evaluation memoizes its result here, and every
 * later walk treats the node as an input.
 */
export class Node<O extends Op = Op> {
  /** Creation order, hence a topological order. */
  readonly id = ++counter;
  /** Longest chain of unevaluated operations below; bounds how far laziness may go. */
  readonly depth: number;
  stored: StoredValue | null = null;
  /** A derivative may still be taken through this node: evaluation must not let its operands go. */
  kept = false;
  /** How many variables have it as their content. */
  cells = 0;
  /** Results that share most of their graph with this one and are worth computing along with it. */
  companions: readonly Node[] | null = null;
  readonly op: O;
  readonly attributes: Attributes[O];
  inputs: readonly Node[];
  readonly shape: Shape;
  readonly dtype: DType;

  constructor(op: O, attributes: Attributes[O], inputs: readonly Node[], shape: Shape, dtype: DType) {
    this.op = op;
    this.attributes = attributes;
    this.inputs = inputs;
    this.shape = shape;
    this.dtype = dtype;
    let depth = 0;
    for (const input of inputs) if (input.stored === null && input.depth >= depth) depth = input.depth + 1;
    this.depth = depth;
    if (recording) noteOrigin(this);
  }
}

const tupleOps: { readonly [O in TupleOp]: true } = {
  custom: true,
  checkpoint: true,
  scan: true,
  while: true,
  cond: true,
  factor: true,
};

/** Whether a node stands for several results. */
export const isTuple = (node: Node): node is Node<TupleOp> => node.op in tupleOps;

/** Narrows a node to one operation. */
export const isOp = <O extends Op>(node: Node, op: O): node is Node<O> => node.op === op;

export function sizeOf(shape: Shape): number {
  let size = 1;
  for (const extent of shape) size *= extent;
  return size;
}

/** Row-major strides in elements. */
export function stridesOf(shape: Shape): number[] {
  const strides = new Array<number>(shape.length);
  let stride = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    strides[i] = stride;
    stride *= shape[i];
  }
  return strides;
}

export function sameShape(a: Shape, b: Shape): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** `float32[128, 10]`, as error messages and dumps show an array's type. */
export const typeText = (dtype: DType, shape: Shape): string => `${dtype}[${shape.join(', ')}]`;

/**
 * Nodes that `roots` need, inputs before users. The walk (without recursion: graphs are deep) stops at nodes for which
 * `stop` holds; those are included. Creation order is a topological order, so a sort by id is all it takes.
 */
export function topological(roots: readonly Node[], stop: (node: Node) => boolean = () => false): Node[] {
  const seen = new Set<Node>(roots);
  const stack = [...seen];
  while (stack.length > 0) {
    const node = stack.pop()!;
    if (stop(node)) continue;
    for (const input of node.inputs) {
      if (seen.has(input)) continue;
      seen.add(input);
      stack.push(input);
    }
  }
  return [...seen].sort((a, b) => a.id - b.id);
}
