import { type Node, sizeOf } from '../graph/node.ts';
import type { AffineIndex, Attributes, Op } from '../graph/vocabulary.ts';
import {
  type Affine,
  addAffine,
  affineKey,
  atomIndex,
  constantIndex,
  divAffine,
  flattenIndex,
  newDynamic,
  rangeOf,
  scaleAffine,
  unflattenIndex,
} from './affine.ts';
import type { Condition, KernelExpr } from './kernel.ts';

/**
 * Expresses an element of a node as a kernel expression at given coordinates, by going down through elementwise operations and
 * views to nodes that exist in memory. Views become index arithmetic and disappear.
 */
export interface Inlining {
  /** Nodes that are read from memory. */
  readonly isMaterialized: (node: Node) => boolean;
  /** A value that the kernel under construction already has for a node at these coordinates, if any. */
  readonly resolve: (node: Node, at: readonly Affine[]) => KernelExpr | null;
}

type ViewRule<O extends Op> = (
  node: Node<O>,
  at: readonly Affine[],
  go: (input: Node, at: readonly Affine[]) => KernelExpr,
) => KernelExpr;

/** What the index of a contraction's operand demands before the operand may be read. */
export function operandAccess(
  index: readonly AffineIndex[],
  shape: readonly number[],
  axes: readonly Affine[],
): { at: Affine[]; conditions: Condition[] } {
  const conditions: Condition[] = [];
  const at = index.map(({ terms, offset, divisor }, dimension) => {
    let sum = constantIndex(offset);
    for (const [axis, c] of terms) sum = addAffine(sum, scaleAffine(axes[axis], c));
    if (divisor > 1) conditions.push({ kind: 'divides', index: sum, divisor });
    const bounded = inside(sum, shape[dimension] * divisor - (divisor - 1));
    if (bounded !== null) conditions.push(bounded);
    return divAffine(sum, divisor);
  });
  return { at, conditions };
}

/** The condition that an index lies in 0..extent-1, or null if it always does. */
export function inside(index: Affine, extent: number): Condition | null {
  const [low, high] = rangeOf(index);
  return low >= 0 && high < extent ? null : { kind: 'inside', index, extent };
}

export const guard = (conditions: readonly Condition[], x: KernelExpr, otherwise = 0): KernelExpr =>
  conditions.length === 0 ? x : { op: 'guard', dtype: x.dtype, conditions, x, otherwise };

const views: { readonly [O in Op]?: ViewRule<O> } = {
  alias: (node, at, go) => go(node.inputs[0], at),
  stopGradient: (node, at, go) => go(node.inputs[0], at),
  after: (node, at, go) => go(node.inputs[0], at),
  transpose: (node, at, go) => {
    const inner = new Array<Affine>(at.length);
    node.attributes.permutation.forEach((axis, i) => {
      inner[axis] = at[i];
    });
    return go(node.inputs[0], inner);
  },
  broadcast: (node, at, go) =>
    go(
      node.inputs[0],
      node.attributes.axes.map((axis) => at[axis]),
    ),
  reshape: (node, at, go) => {
    const [x] = node.inputs;
    return go(x, reshapeIndex(at, node.shape, x.shape));
  },
  slice: (node, at, go) => {
    const { start, step } = node.attributes;
    return go(
      node.inputs[0],
      at.map((i, d) => addAffine(scaleAffine(i, step[d]), constantIndex(start[d]))),
    );
  },
  pad: (node, at, go) => {
    const { low, interior, value } = node.attributes;
    const [x] = node.inputs;
    if (sizeOf(x.shape) === 0) return { op: 'const', dtype: node.dtype, value };
    const conditions: Condition[] = [];
    const inner = at.map((i, d) => {
      const shifted = addAffine(i, constantIndex(-low[d]));
      const step = interior[d] + 1;
      const bounded = inside(shifted, (x.shape[d] - 1) * step + 1);
      if (bounded !== null) conditions.push(bounded);
      if (step > 1) conditions.push({ kind: 'divides', index: shifted, divisor: step });
      return divAffine(shifted, step);
    });
    return guard(conditions, go(x, inner), value);
  },
  window: (node, at, go) => {
    const { axes, stride, dilation } = node.attributes;
    const rank = node.inputs[0].shape.length;
    const inner = at.slice(0, rank).map((i, d) => {
      const w = axes.indexOf(d);
      return w < 0 ? i : addAffine(scaleAffine(i, stride[w]), scaleAffine(at[rank + w], dilation[w]));
    });
    return go(node.inputs[0], inner);
  },
  gather: (node, at, go) => {
    const { axis } = node.attributes;
    const [x, indices] = node.inputs;
    const rank = indices.shape.length;
    const extent = x.shape[axis];
    const position = go(indices, at.slice(axis, axis + rank));
    const clamped = clamp(position, extent);
    return go(x, [...at.slice(0, axis), atomIndex(newDynamic(extent, clamped)), ...at.slice(axis + rank)]);
  },
};

/** An int32 expression brought into 0..extent-1. */
function clamp(x: KernelExpr, extent: number): KernelExpr {
  const limit = (value: number): KernelExpr => ({ op: 'const', dtype: 'int32', value });
  const positive: KernelExpr = { op: 'binary', dtype: 'int32', kind: 'max', a: x, b: limit(0) };
  return { op: 'binary', dtype: 'int32', kind: 'min', a: positive, b: limit(extent - 1) };
}

/** Coordinates under another shape of the same elements. Extents of 1 that come and go need no arithmetic. */
function reshapeIndex(at: readonly Affine[], from: readonly number[], to: readonly number[]): Affine[] {
  const solid = (shape: readonly number[]) => shape.flatMap((n, i) => (n === 1 ? [] : [i]));
  const [a, b] = [solid(from), solid(to)];
  if (a.length === b.length && a.every((axis, i) => from[axis] === to[b[i]])) {
    const result: Affine[] = to.map(() => constantIndex(0));
    b.forEach((axis, i) => {
      result[axis] = at[a[i]];
    });
    return result;
  }
  return unflattenIndex(flattenIndex(at, from), to);
}

export interface Inliner {
  /** The value of a node at coordinates. Equal requests give identical expressions. */
  readonly read: (node: Node, at: readonly Affine[]) => KernelExpr;
  /** The definition of an elementwise operation or view at coordinates, even if it is materialized elsewhere. */
  readonly define: (node: Node, at: readonly Affine[]) => KernelExpr;
}

/** An inliner for one kernel. */
export function inliner({ isMaterialized, resolve }: Inlining): Inliner {
  const known = new Map<string, KernelExpr>();

  const go = (node: Node, at: readonly Affine[]): KernelExpr => {
    const key = `${node.id}|${at.map(affineKey).join(',')}`;
    let result = known.get(key);
    if (result === undefined) {
      result = resolve(node, at) ?? (isMaterialized(node) ? load(node, at) : expand(node, at));
      known.set(key, result);
    }
    return result;
  };

  const load = (node: Node, at: readonly Affine[]): KernelExpr => ({
    op: 'load',
    dtype: node.dtype,
    source: node,
    index: flattenIndex(at, node.shape),
  });

  const expand = (node: Node, at: readonly Affine[]): KernelExpr => {
    const { dtype } = node;
    const input = (i: number) => go(node.inputs[i], at);
    switch (node.op) {
      case 'constant':
        return { op: 'const', dtype, value: (node.attributes as Attributes['constant']).value };
      case 'iota':
        return { op: 'index', dtype, index: at[(node.attributes as Attributes['iota']).axis] };
      case 'unary':
        return { op: 'unary', dtype, kind: (node.attributes as Attributes['unary']).kind, x: input(0) };
      case 'binary':
        return {
          op: 'binary',
          dtype,
          kind: (node.attributes as Attributes['binary']).kind,
          a: input(0),
          b: input(1),
        };
      case 'compare':
        return {
          op: 'compare',
          dtype,
          kind: (node.attributes as Attributes['compare']).kind,
          a: input(0),
          b: input(1),
        };
      case 'select':
        return { op: 'select', dtype, condition: input(0), a: input(1), b: input(2) };
      case 'cast':
        return { op: 'cast', dtype, x: input(0) };
      case 'bitcast':
        return { op: 'bitcast', dtype, x: input(0) };
      case 'threefry':
        return {
          op: 'threefry',
          dtype,
          word: (node.attributes as Attributes['threefry']).word,
          inputs: node.inputs.map((_, i) => input(i)),
        };
      default: {
        const rule = views[node.op] as ViewRule<Op> | undefined;
        if (rule === undefined)
          throw new Error(`compiler: ${node.op} must be materialized before it can be read`);
        return rule(node, at, go);
      }
    }
  };
  return { read: go, define: expand };
}
