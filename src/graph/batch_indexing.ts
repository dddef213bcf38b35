import { add, binary, constant, fill, gather, iota, mul, reshape, scatter, transpose } from './build.ts';
import { type Batching, batched, type Lifted, moveAxis, spread } from './lifted.ts';
import type { Node } from './node.ts';

/** Batching of reads and writes at computed positions. */

/**
 * Positions in an axis of `extent` elements of each example, [size, ..], as positions in the examples' axes one after the other. They are
 * clamped first: a position outside must not get into another example.
 */
function linear(indices: Node, extent: number, size: number): Node {
  const inside = binary('min', binary('max', indices, fill(0, indices)), fill(extent - 1, indices));
  return add(
    inside,
    mul(iota(0, indices.shape), constant(extent, [size, ...indices.shape.slice(1)], 'int32')),
  );
}

export function batchGather(
  node: Node<'gather'>,
  [x, indices]: readonly Lifted[],
  { size }: Batching,
): Lifted {
  const { axis } = node.attributes;
  if (!indices.batched) return batched(gather(x.node, indices.node, axis + 1));
  if (!x.batched) return batched(moveAxis(gather(x.node, indices.node, axis), axis, 0));
  const extent = x.node.shape[axis + 1];
  const rows = moveAxis(x.node, axis + 1, 1);
  const picked = gather(
    reshape(rows, [size * extent, ...rows.shape.slice(2)]),
    linear(indices.node, extent, size),
    0,
  );
  return batched(transpose(picked, insertion(picked.shape.length, indices.node.shape.length - 1, axis)));
}

export function batchScatter(
  node: Node<'scatter'>,
  [indices, updates]: readonly Lifted[],
  { size }: Batching,
): Lifted {
  const { kind, axis } = node.attributes;
  const { shape } = node;
  if (!indices.batched) return batched(scatter(kind, indices.node, updates.node, [size, ...shape], axis + 1));
  const extent = shape[axis];
  const rest = shape.filter((_, i) => i !== axis);
  const given = spread(updates, size);
  const order = insertion(given.shape.length, indices.node.shape.length - 1, axis);
  const rows = scatter(
    kind,
    linear(indices.node, extent, size),
    transpose(given, invert(order)),
    [size * extent, ...rest],
    0,
  );
  return batched(moveAxis(reshape(rows, [size, extent, ...rest]), 1, axis + 1));
}

/** The permutation that moves `count` axes, which follow the first one, behind the `before` axes that follow them. */
function insertion(rank: number, count: number, before: number): number[] {
  const axes = Array.from({ length: rank }, (_, i) => i);
  return [
    0,
    ...axes.slice(1 + count, 1 + count + before),
    ...axes.slice(1, 1 + count),
    ...axes.slice(1 + count + before),
  ];
}

function invert(permutation: readonly number[]): number[] {
  const inverse = new Array<number>(permutation.length);
  permutation.forEach((axis, i) => {
    inverse[axis] = i;
  });
  return inverse;
}
