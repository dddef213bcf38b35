import { isOp, type Node, sizeOf } from '../graph/node.ts';
import type { Attributes, Contraction } from '../graph/vocabulary.ts';
import {
  type Affine,
  type Atom,
  type Axis,
  addAffine,
  affineKey,
  atomIndex,
  constantIndex,
  flattenIndex,
  newAxis,
  scaleAffine,
} from './affine.ts';
import { isTiled, leastRun } from './contraction_shape.ts';
import { guard, type Inliner, inliner, operandAccess } from './inline.ts';
import type { ContractKernel, Kernel, KernelExpr, LoopKernel, Output, Reduction } from './kernel.ts';
import { mapExpr } from './lower/merge_axes.ts';
import { isContiguous } from './lower/vectorize.ts';
import { coordinates, type Group, type Partition } from './partition.ts';
import { polyphase } from './polyphase.ts';
import { prefixKernel } from './prefix_kernel.ts';

/** Turns groups of nodes into kernels. */

/**
 * @param escapes whether a node's value is needed outside of its group, and must be written
 */
export function buildKernels(
  group: Group,
  { materialized }: Partition,
  escapes: (node: Node) => boolean,
): Kernel[] {
  const name = group.members
    .map((n) => ('kind' in n.attributes ? (n.attributes as { kind: string }).kind : n.op))
    .join('_');
  switch (group.kind) {
    case 'loops':
      return [loopsKernel(name, group, materialized, escapes)];
    case 'contract':
      return contractKernels(name, group, materialized, escapes);
    case 'concat':
      return concatKernels(group.members[0] as Node<'concat'>, materialized);
    case 'scatter': {
      const node = group.members[0] as Node<'scatter'>;
      return [scatterKernel(node, materialized)];
    }
    case 'prefix':
      return [prefixKernel(group.members[0] as Node<'prefix'>, materialized)];
    case 'sort':
      return [{ kind: 'sort', name, node: group.members[0], source: group.members[0].inputs[0] }];
  }
}

/** An inliner that knows the values which a group's kernel computes, recorded in `values` as they come to exist. */
function groupInliner(
  materialized: ReadonlySet<Node>,
  at: ReadonlyMap<Node, readonly Affine[]>,
  values: ReadonlyMap<Node, KernelExpr>,
): Inliner {
  return inliner({
    isMaterialized: (n) => materialized.has(n),
    resolve: (n, coordinatesOfUse) => {
      const value = values.get(n);
      if (value === undefined) return null;
      const own = at.get(n)!;
      return coordinatesOfUse.every((x, i) => affineKey(x) === affineKey(own[i])) ? value : null;
    },
  });
}

function loopsKernel(
  name: string,
  group: Group,
  materialized: ReadonlySet<Node>,
  escapes: (node: Node) => boolean,
): LoopKernel {
  const values = new Map<Node, KernelExpr>();
  const { read, define } = groupInliner(materialized, group.at, values);
  const reductions: Reduction[] = [];
  const outputs: Output[] = [];
  for (const node of group.members) {
    const at = group.at.get(node)!;
    let value: KernelExpr;
    if (isOp(node, 'reduce') || isOp(node, 'argreduce')) {
      const [x] = node.inputs;
      const inner = coordinates(x.shape, group.axes);
      const { axes } = node.attributes;
      reductions.push({
        node,
        kind: isOp(node, 'argreduce')
          ? node.attributes.kind === 'max'
            ? 'argmax'
            : 'argmin'
          : (node as Node<'reduce'>).attributes.kind,
        value: read(x, inner),
        position: flattenIndex(
          axes.map((a) => inner[a]),
          axes.map((a) => x.shape[a]),
        ),
      });
      value = { op: 'result', dtype: node.dtype, of: node };
    } else value = define(node, at);
    values.set(node, value);
    if (escapes(node)) {
      const reduces = isOp(node, 'reduce') || isOp(node, 'argreduce');
      const used = new Set(at.flatMap((x) => x.terms.map(([atom]) => atom.id)));
      const full = !reduces && [...group.reduced].some((id) => used.has(id));
      // A reduced axis of extent 0 or a scalar member leaves no trace in the coordinates: it is of the outer level.
      outputs.push({ node, value, index: flattenIndex(at, node.shape), level: full ? 'full' : 'outer' });
    }
  }
  return { kind: 'loops', name, axes: group.axes, reduced: group.reduced, reductions, outputs };
}

/** Parts of a concatenation that one kernel writes. */
const mostParts = 8;

/** Writes each part to its place in the whole; neighbours of one shape share their loops. */
function concatKernels(node: Node<'concat'>, materialized: ReadonlySet<Node>): Kernel[] {
  const { axis } = node.attributes;
  const kernels: (LoopKernel & { outputs: Output[] })[] = [];
  let before = '';
  let from = 0;
  for (const part of node.inputs) {
    if (sizeOf(part.shape) > 0) {
      const shape = part.shape.join();
      const last = kernels[kernels.length - 1];
      const twin = shape === before && last.outputs.length < mostParts ? last : null;
      const axes = twin?.axes ?? part.shape.filter((n) => n !== 1).map(newAxis);
      const at = coordinates(part.shape, axes);
      const { read } = inliner({ isMaterialized: (n) => materialized.has(n), resolve: () => null });
      const moved = at.map((x, i) => (i === axis ? addAffine(x, constantIndex(from)) : x));
      const index = flattenIndex(moved, node.shape);
      const output: Output = { node, value: read(part, at), index, level: 'outer' };
      const rest = { name: 'concat', reduced: new Set<number>(), reductions: [] };
      if (twin === null) kernels.push({ kind: 'loops', ...rest, axes, outputs: [output] });
      else twin.outputs.push(output);
      before = shape;
    }
    from += part.shape[axis];
  }
  return kernels;
}

function scatterKernel(node: Node<'scatter'>, materialized: ReadonlySet<Node>): Kernel {
  const [indices, updates] = node.inputs;
  const { axis } = node.attributes;
  const axes = updates.shape.filter((n) => n !== 1).map(newAxis);
  const at = coordinates(updates.shape, axes);
  const { read } = inliner({ isMaterialized: (n) => materialized.has(n), resolve: () => null });
  const rank = indices.shape.length;
  const position = read(indices, at.slice(axis, axis + rank));
  const row = atomIndex({ kind: 'dynamic', id: newAxis(1).id, extent: node.shape[axis], value: position });
  return {
    kind: 'scatter',
    name: `scatter_${node.attributes.kind}`,
    node,
    axes,
    index: flattenIndex([...at.slice(0, axis), row, ...at.slice(axis + rank)], node.shape),
    value: read(updates, at),
  };
}

/** One kernel for each phase; where phases leave outputs uncovered, one more that treats the sum there as 0. */
function contractKernels(
  name: string,
  group: Group,
  materialized: ReadonlySet<Node>,
  escapes: (node: Node) => boolean,
): Kernel[] {
  const node = group.members[0] as Node<'contract'>;
  const spec = node.attributes;
  const kernels: Kernel[] = [];
  const phases = polyphase(spec);
  const parts = phases ?? [
    { contraction: spec, step: spec.sizes.map(() => 1), first: spec.sizes.map(() => 0) },
  ];
  const covered = parts.reduce(
    (n, { contraction }) => n + sizeOf(contraction.sizes.slice(0, spec.outRank)),
    0,
  );
  if (covered < sizeOf(node.shape)) kernels.push(emptySum(name, group, materialized, escapes));
  const { read } = inliner({ isMaterialized: (n) => materialized.has(n), resolve: () => null });
  // Phases of one shape share their loops if nothing is left to sum: the transpose of pooling writes all of a window at once.
  const shared = new Map<string, { axes: readonly Axis[]; outputs: Output[] }>();
  for (const { contraction, step, first } of parts) {
    if (sizeOf(contraction.sizes.slice(0, spec.outRank)) === 0) continue;
    const isSum = contraction.sizes.slice(spec.outRank).some((size) => size !== 1);
    const twin = isSum ? undefined : shared.get(contraction.sizes.join());
    const axes = twin?.axes ?? contraction.sizes.map(newAxis);
    const whole = axes
      .slice(0, spec.outRank)
      .map((axis, i) => addAffine(scaleAffine(atomIndex(axis), step[i]), constantIndex(first[i])));
    const operands = operandExpressions(node, contraction, axes, read);
    const outputs = epilogue(group, whole, materialized, escapes);
    if (!isSum) {
      const single = productOf(node, operands);
      const direct = outputs.map((output) => ({ ...output, value: replaceResult(output.value, single) }));
      if (twin !== undefined) twin.outputs.push(...direct);
      else {
        shared.set(contraction.sizes.join(), { axes, outputs: direct });
        kernels.push({
          kind: 'loops',
          name,
          axes: solidAxes(axes),
          reduced: new Set(),
          reductions: [],
          outputs: direct,
        });
      }
      continue;
    }
    const tiled =
      isTiled(node) && phases !== null
        ? contractKernel(name, node, contraction, axes, operands, outputs)
        : null;
    kernels.push(tiled ?? writtenOut(name, node, axes, spec.outRank, operands, outputs));
  }
  return kernels;
}

const solidAxes = (axes: readonly Axis[]): Axis[] => axes.filter((axis) => axis.extent !== 1);

/** One term of a contraction. */
function productOf(node: Node, [a, b]: readonly [KernelExpr, KernelExpr]): KernelExpr {
  const isOne = (x: KernelExpr) => x.op === 'const' && x.value === 1;
  if (isOne(a)) return b;
  return isOne(b) ? a : { op: 'binary', dtype: node.dtype, kind: 'mul', a, b };
}

function operandExpressions(
  node: Node<'contract'>,
  { a, b }: Contraction,
  axes: readonly Axis[],
  read: Inliner['read'],
): [KernelExpr, KernelExpr] {
  const at = axes.map(atomIndex);
  const operand = (index: Attributes['contract']['a'], x: Node) => {
    const access = operandAccess(index, x.shape, at);
    return guard(access.conditions, read(x, access.at));
  };
  return [operand(a, node.inputs[0]), operand(b, node.inputs[1])];
}

/** The outputs of a contraction's group, in terms of coordinates of the whole output. */
function epilogue(
  group: Group,
  whole: readonly Affine[],
  materialized: ReadonlySet<Node>,
  escapes: (node: Node) => boolean,
): Output[] {
  const [node] = group.members;
  const values = new Map<Node, KernelExpr>();
  // Members were placed along the group's own axes; here the same places are coordinates of the phase.
  const solid = whole.filter((_, i) => node.shape[i] !== 1);
  const at = new Map(
    group.members.map((member) => {
      let next = 0;
      return [member, member.shape.map((n) => (n === 1 ? constantIndex(0) : solid[next++]))] as const;
    }),
  );
  const { define } = groupInliner(materialized, at, values);
  const outputs: Output[] = [];
  for (const member of group.members) {
    const value: KernelExpr =
      member === node ? { op: 'result', dtype: node.dtype, of: node } : define(member, at.get(member)!);
    values.set(member, value);
    if (escapes(member))
      outputs.push({
        node: member,
        value,
        index: flattenIndex(at.get(member)!, member.shape),
        level: 'outer',
      });
  }
  return outputs;
}

/** What the group's outputs are where the sum is empty. Covered places are overwritten by the phases that follow. */
function emptySum(
  name: string,
  group: Group,
  materialized: ReadonlySet<Node>,
  escapes: (node: Node) => boolean,
): LoopKernel {
  const [node] = group.members;
  const axes = node.shape.map(newAxis);
  const outputs = epilogue(group, axes.map(atomIndex), materialized, escapes).map((output) => ({
    ...output,
    value: replaceResult(output.value, { op: 'const', dtype: node.dtype, value: 0 }),
  }));
  return {
    kind: 'loops',
    name: `${name}_empty`,
    axes: axes.filter((a) => a.extent !== 1),
    reduced: new Set(),
    reductions: [],
    outputs,
  };
}

/** The same expression with another value in the place of the contraction's result. */
function replaceResult(root: KernelExpr, by: KernelExpr): KernelExpr {
  const known = new Map<KernelExpr, KernelExpr>();
  const affine = (x: Affine): Affine => ({
    offset: x.offset,
    terms: x.terms.map(([atom, c]) => [inAtom(atom), c] as const),
  });
  const inAtom = (atom: Atom): Atom => {
    if (atom.kind === 'axis') return atom;
    return atom.kind === 'dynamic'
      ? { ...atom, value: visit(atom.value as KernelExpr) }
      : { ...atom, x: affine(atom.x) };
  };
  const visit = (x: KernelExpr): KernelExpr => {
    let result = known.get(x);
    if (result === undefined) known.set(x, (result = x.op === 'result' ? by : mapExpr(x, affine, visit)));
    return result;
  };
  return visit(root);
}

/** Multiply and sum as an ordinary reduction. */
function writtenOut(
  name: string,
  node: Node<'contract'>,
  axes: readonly Axis[],
  outRank: number,
  operands: readonly [KernelExpr, KernelExpr],
  outputs: readonly Output[],
): LoopKernel {
  const reduced = axes.slice(outRank);
  return {
    kind: 'loops',
    name,
    axes: solidAxes(axes),
    reduced: new Set(solidAxes(reduced).map((axis) => axis.id)),
    reductions: [{ node, kind: 'sum', value: productOf(node, operands), position: constantIndex(0) }],
    outputs,
  };
}

/** Sorts the axes by role. Null if the innermost axis of the output is not a column: no tile then. */
function contractKernel(
  name: string,
  node: Node<'contract'>,
  { sizes, outRank, a: indexA, b: indexB }: Contraction,
  axes: readonly Axis[],
  [first, second]: readonly [KernelExpr, KernelExpr],
  outputs: readonly Output[],
): ContractKernel | null {
  const using = (index: Contraction['a']) => new Set(index.flatMap((i) => i.terms.map(([axis]) => axis)));
  const [inA, inB] = [using(indexA), using(indexB)];
  const solid = (axis: number) => sizes[axis] !== 1;
  const outer = sizes
    .map((_, axis) => axis)
    .slice(0, outRank)
    .filter(solid);
  const last = outer[outer.length - 1];
  if (last === undefined || (inA.has(last) && inB.has(last))) return null;
  const swap = !inB.has(last);
  const [rows, columns] = swap ? [inB, inA] : [inA, inB];
  const pick = (list: readonly number[]) => list.map((axis) => axes[axis]);
  const batch = outer.filter((axis) => inA.has(axis) && inB.has(axis));
  const n = outer.filter((axis) => columns.has(axis) && !rows.has(axis));
  // The columns must be the innermost axes of the output, so that a row of the tile is contiguous in it.
  if (n.some((axis, i) => axis !== outer[outer.length - n.length + i])) return null;
  const m = outer.filter((axis) => !batch.includes(axis) && !n.includes(axis));
  const sum = sizes
    .map((_, axis) => axis)
    .slice(outRank)
    .filter(solid);
  if (n.length === 0 || sum.length === 0) return null;
  // A phase of a strided axis leaves gaps between the columns.
  let stride = 1;
  for (const axis of [...n].reverse()) {
    const contiguous = outputs.every(({ index }) =>
      index.terms.some(([atom, c]) => atom.id === axes[axis].id && c === stride),
    );
    if (!contiguous) return null;
    stride *= sizes[axis];
  }
  const [a, b] = swap ? [second, first] : [first, second];
  const k = contiguousLast(pick(sum), a, b);
  // A single row is only for products along the sum.
  if (m.length === 0 && !readAlongSum(a, b, k)) return null;
  return { kind: 'contract', name, node, batch: pick(batch), m: pick(m), n: pick(n), k, a, b, outputs };
}

/** Whether both operands are read in the order of the last axis of the sum. */
const readAlongSum = (a: KernelExpr, b: KernelExpr, k: readonly Axis[]): boolean => {
  const last = k[k.length - 1];
  return last.extent >= leastRun && [a, b].every((x) => x.op === 'load' && isContiguous(x, last.id));
};

/** The order of summation is free: an axis along which an operand is contiguous goes last, so that packing can follow it. */
function contiguousLast(axes: readonly Axis[], a: KernelExpr, b: KernelExpr): readonly Axis[] {
  for (const operand of [a, b]) {
    const along = axes.filter((axis) => axis.extent >= 4 && isContiguous(operand, axis.id));
    const longest = along.reduce<Axis | null>(
      (best, axis) => (best === null || axis.extent > best.extent ? axis : best),
      null,
    );
    if (longest !== null) return [...axes.filter((axis) => axis !== longest), longest];
  }
  return axes;
}
