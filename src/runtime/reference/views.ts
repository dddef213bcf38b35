import { allocate, type TypedArray } from '../../graph/dtype.ts';
import { hostElement } from '../../graph/half.ts';
import { type Node, sizeOf } from '../../graph/node.ts';
import { forEachIndex, positionOf } from './index_space.ts';
import { reduction } from './scalar.ts';

/**
 * A new array whose element at each index of `node` is the element of `source` (row-major, shape `shape`) at the index that
 * `sourceIndex` gives, or `fill` where it gives null.
 */
function rearrange(
  node: Node,
  source: TypedArray,
  shape: readonly number[],
  sourceIndex: (index: readonly number[]) => readonly number[] | null,
  fill = 0,
): TypedArray {
  let written = 0;
  const out = allocate(node.dtype, sizeOf(node.shape));
  forEachIndex(node.shape, (index) => {
    const from = sourceIndex(index);
    out[written++] = from === null ? fill : source[positionOf(from, shape)];
  });
  return out;
}

/** `out.shape[i] = in.shape[permutation[i]]`. */
export function transpose(node: Node<'transpose'>, [x]: readonly TypedArray[]): TypedArray {
  const { permutation } = node.attributes;
  return rearrange(node, x, node.inputs[0].shape, (index) => {
    const from = new Array<number>(permutation.length);
    permutation.forEach((inputAxis, axis) => {
      from[inputAxis] = index[axis];
    });
    return from;
  });
}

/** Input dimension i is output dimension `axes[i]`; along the others the input repeats. */
export function broadcast(node: Node<'broadcast'>, [x]: readonly TypedArray[]): TypedArray {
  const { axes } = node.attributes;
  return rearrange(node, x, node.inputs[0].shape, (index) => axes.map((axis) => index[axis]));
}

/** `out[i] = in[start + i * step]`. */
export function slice(node: Node<'slice'>, [x]: readonly TypedArray[]): TypedArray {
  const { start, step } = node.attributes;
  return rearrange(node, x, node.inputs[0].shape, (index) =>
    index.map((i, axis) => start[axis] + i * step[axis]),
  );
}

/** Element i of an axis lands at `low + i * (interior + 1)`; negative `low` and `high` cut. */
export function pad(node: Node<'pad'>, [x]: readonly TypedArray[]): TypedArray {
  const { low, interior, value } = node.attributes;
  const { shape } = node.inputs[0];
  const source = (index: readonly number[]): number[] | null => {
    const from: number[] = [];
    for (let axis = 0; axis < shape.length; axis++) {
      const position = index[axis] - low[axis];
      const spacing = interior[axis] + 1;
      if (position < 0 || position % spacing !== 0 || position / spacing >= shape[axis]) return null;
      from.push(position / spacing);
    }
    return from;
  };
  return rearrange(node, x, shape, source, hostElement(node.dtype, value));
}

/** The operands one after the other along `axis`. */
export function concat(node: Node<'concat'>, inputs: readonly TypedArray[]): TypedArray {
  const { axis } = node.attributes;
  let written = 0;
  const out = allocate(node.dtype, sizeOf(node.shape));
  forEachIndex(node.shape, (index) => {
    let operand = 0;
    let position = index[axis];
    while (position >= node.inputs[operand].shape[axis]) position -= node.inputs[operand++].shape[axis];
    const from = index.map((i, dimension) => (dimension === axis ? position : i));
    out[written++] = inputs[operand][positionOf(from, node.inputs[operand].shape)];
  });
  return out;
}

/** `out[..i.., ..k..] = in[.., i * stride + k * dilation, ..]`, window dimensions last. */
export function slidingWindow(node: Node<'window'>, [x]: readonly TypedArray[]): TypedArray {
  const { axes, stride, dilation } = node.attributes;
  const { shape } = node.inputs[0];
  return rearrange(node, x, shape, (index) => {
    const from = index.slice(0, shape.length);
    axes.forEach((axis, w) => {
      from[axis] = index[axis] * stride[w] + index[shape.length + w] * dilation[w];
    });
    return from;
  });
}

/** `indices` clamped to the valid range of an axis of `extent` elements. */
const clampIndex = (index: number, extent: number): number => Math.min(Math.max(index, 0), extent - 1);

/** `out[.., j.., ..] = operand[.., indices[j..], ..]` along `axis`, with clamped indices. */
export function gather(node: Node<'gather'>, [x, indices]: readonly TypedArray[]): TypedArray {
  const { axis } = node.attributes;
  const [operand, indexNode] = node.inputs;
  const indexRank = indexNode.shape.length;
  return rearrange(node, x, operand.shape, (index) => {
    const chosen = indices[positionOf(index.slice(axis, axis + indexRank), indexNode.shape)];
    return [
      ...index.slice(0, axis),
      clampIndex(chosen, operand.shape[axis]),
      ...index.slice(axis + indexRank),
    ];
  });
}

/** Every update joins the element at its clamped index along `axis`. Sums in double, integers wrap. */
export function scatter(node: Node<'scatter'>, [indices, updates]: readonly TypedArray[]): TypedArray {
  const { kind, axis } = node.attributes;
  const [indexNode, updateNode] = node.inputs;
  const indexRank = indexNode.shape.length;
  const { initial, join } = reduction(kind === 'add' ? 'sum' : kind, node.dtype);
  const values = new Float64Array(sizeOf(node.shape)).fill(initial);
  let read = 0;
  forEachIndex(updateNode.shape, (index) => {
    const chosen = indices[positionOf(index.slice(axis, axis + indexRank), indexNode.shape)];
    const to = [
      ...index.slice(0, axis),
      clampIndex(chosen, node.shape[axis]),
      ...index.slice(axis + indexRank),
    ];
    const position = positionOf(to, node.shape);
    values[position] = join(values[position], updates[read++]);
  });
  const out = allocate(node.dtype, values.length);
  out.set(values);
  return out;
}
