import { type Node, sizeOf } from '../graph/node.ts';
import { atomIndex, flattenIndex, newAxis, unflattenIndex } from './affine.ts';
import { inliner } from './inline.ts';
import type { PrefixKernel } from './kernel.ts';
import { isVectorizable } from './lower/vectorize.ts';

/**
 * The kernel of a running reduction. The axes behind the running one become columns, all of them or the last one alone, if their
 * elements are neighbours in every operand; the others are rows.
 */
export function prefixKernel(node: Node<'prefix'>, materialized: ReadonlySet<Node>): PrefixKernel {
  const { axis } = node.attributes;
  const last = node.shape.findLastIndex((extent) => extent !== 1);
  for (const from of [axis + 1, last]) {
    if (from <= axis) continue;
    const kernel = withColumns(node, from, materialized);
    const { value, index, columns } = kernel;
    const own = { op: 'load', dtype: node.dtype, source: node, index } as const;
    if (isVectorizable(value, columns.id) && isVectorizable(own, columns.id)) return kernel;
  }
  return withColumns(node, node.shape.length, materialized);
}

/** The dimensions from `from` on as columns. */
function withColumns(node: Node<'prefix'>, from: number, materialized: ReadonlySet<Node>): PrefixKernel {
  const { kind, axis } = node.attributes;
  const { shape } = node;
  const rowShape = [...shape.slice(0, axis), ...shape.slice(axis + 1, from)];
  const columnShape = shape.slice(from);
  const [rows, along, columns] = [sizeOf(rowShape), shape[axis], sizeOf(columnShape)].map(newAxis);
  const row = unflattenIndex(atomIndex(rows), rowShape);
  const at = [
    ...row.slice(0, axis),
    atomIndex(along),
    ...row.slice(axis),
    ...unflattenIndex(atomIndex(columns), columnShape),
  ];
  const { read } = inliner({ isMaterialized: (n) => materialized.has(n), resolve: () => null });
  return {
    kind: 'prefix',
    name: `prefix_${kind}`,
    node,
    rows,
    along,
    columns,
    index: flattenIndex(at, shape),
    value: read(node.inputs[0], at),
  };
}
