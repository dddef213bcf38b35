import type { DType, TypedArray } from '../graph/dtype.ts';
import { isHalf } from '../graph/half.ts';
import type { Node } from '../graph/node.ts';
import { sizeOf } from '../graph/node.ts';
import { laziest, type NestedArray, nodeOf, type Operand, raw } from './array_base.ts';
import { MultipliableArray } from './array_products.ts';
import { convert, fromNested, fromTyped } from './convert.ts';
import { einsumOf } from './einsum.ts';
import { whereOf } from './elementwise.ts';
import { dataNode, realize } from './evaluate.ts';
import { united } from './operands.ts';
import { noteCreated } from './scope.ts';
import { isTracing } from './trace.ts';
import * as views from './views.ts';

export { type Axis, laziest, type NestedArray, type Operand } from './array_base.ts';
export type { ReduceOptions } from './array_reductions.ts';

/**
 * An immutable n-dimensional array, lazily evaluated: operations record a graph, and reading a value (`item`, `toArray`,
 * `dataSync`, printing) compiles and runs what it needs. Operands broadcast as in NumPy; dtypes promote
 * bool < int32, uint32 < float32 < float64.
 */
export class Tensor extends MultipliableArray {
  constructor(node: Node) {
    super(node);
    if (node.depth > laziest && !isTracing()) realize([node]);
    noteCreated(this);
  }
  protected override wrap(node: Node): Tensor {
    return new Tensor(node);
  }
}

/** A tensor that holds data which exists already; `data` is not copied and must not change. */
export const fromData = (data: TypedArray, shape: readonly number[], dtype: DType): Tensor =>
  new Tensor(dataNode(data, shape, dtype));

/**
 * An array from a number, nested arrays, or a typed array (with `shape`, else one axis). float32 by default; typed arrays keep
 * their type (Uint8Array and Uint16Array become int32), booleans become bool. Elements are numbers whatever the dtype; for the bits of
 * float16 and bfloat16 see `fromBits`. Data is copied.
 *
 * @throws if nested arrays are ragged, or the data does not fill the shape
 */
export function tensor(
  data: NestedArray | readonly unknown[] | TypedArray,
  options: { dtype?: DType; shape?: readonly number[] } = {},
): Tensor {
  const [flat, found, natural] = ArrayBuffer.isView(data)
    ? fromTyped(data as TypedArray)
    : fromNested(data as NestedArray);
  const dtype = options.dtype ?? natural;
  const shape = options.shape ?? found;
  if (sizeOf(shape) !== flat.length)
    throw new Error(`tensor: ${flat.length} elements do not fill the shape [${shape.join(', ')}]`);
  const copy = convert(flat, dtype);
  return fromData(copy, [...shape], dtype);
}

/**
 * An array of float16 or bfloat16 from the bit patterns of its elements, as `bits()` gives them (with `shape`, else one axis). Data is
 * copied.
 *
 * @throws if the data are no Uint16Array, or do not fill the shape
 */
export function fromBits(
  bits: Uint16Array,
  options: { dtype: 'float16' | 'bfloat16'; shape?: readonly number[] },
): Tensor {
  const { dtype, shape = [bits.length] } = options;
  if (!(bits instanceof Uint16Array) || !isHalf(dtype))
    throw new TypeError(
      `fromBits: makes float16 or bfloat16 of a Uint16Array, got ${String(dtype)}; use tensor() for numbers`,
    );
  if (sizeOf(shape) !== bits.length)
    throw new Error(`fromBits: ${bits.length} elements do not fill the shape [${shape.join(', ')}]`);
  return fromData(bits.slice(), [...shape], dtype);
}

/** Elements of `a` where the condition holds, of `b` elsewhere; all three broadcast. */
export const where = (condition: Tensor, a: Operand, b: Operand): Tensor =>
  new Tensor(whereOf(nodeOf('where', condition), raw(a), raw(b)));

const nodesOf = (name: string, parts: readonly Tensor[]): Node[] => {
  if (!Array.isArray(parts)) throw new TypeError(`${name}: takes a list of arrays, such as [a, b]`);
  return parts.map((part) => nodeOf(name, part));
};
/** Joins arrays along an existing axis. */
export const concat = (parts: readonly Tensor[], axis = 0): Tensor =>
  new Tensor(views.concatOf(united(nodesOf('concat', parts)), axis));
/** Joins arrays of one shape along a new axis. */
export const stack = (parts: readonly Tensor[], axis = 0): Tensor =>
  new Tensor(views.stackOf(united(nodesOf('stack', parts)), axis));

/**
 * Sums of products of any number of arrays by named axes: `einsum('ij,jk->ik', a, b)` is a matrix product. An axis that the result does
 * not name is summed over, one that an operand repeats is its diagonal, `...` stands for further axes, which broadcast. Without `->`
 * the result has the axes of `...`, then those that occur once, in alphabetical order. As NumPy's einsum.
 *
 * @throws if names do not fit the shapes, or extents of one name differ (1 repeats)
 */
export const einsum = (equation: string, ...operands: Tensor[]): Tensor =>
  new Tensor(
    einsumOf(
      equation,
      operands.map((o) => nodeOf('einsum', o)),
    ),
  );
