import { isOp, type Node, sizeOf } from '../graph/node.ts';
import type { Attributes, BinaryKind, UnaryKind } from '../graph/vocabulary.ts';
import { type Affine, type Axis, affineKey, atomIndex, constantIndex, newAxis } from './affine.ts';
import { allowsEpilogue, isTiled } from './contraction_shape.ts';
import { isScalarOnly } from './expand/expansion.ts';
import { inliner } from './inline.ts';
import type { SimplifiedGraph } from './simplify.ts';

/**
 * Which nodes exist in memory, and which of them one kernel computes together. Everything else is recomputed where it
 * is read.
 */

/** A set of materialized nodes that one kernel computes. */
export interface Group {
  readonly kind: 'loops' | 'contract' | 'scatter' | 'prefix' | 'sort' | 'concat';
  /** In an order in which they can be computed. */
  readonly members: Node[];
  /** The domain, extents of 1 left out. For contractions: the output's axes. */
  readonly axes: readonly Axis[];
  /** Ids of the axes that reductions of this group remove. */
  reduced: ReadonlySet<number>;
  /** Coordinates at which each member is defined. */
  readonly at: Map<Node, readonly Affine[]>;
  /** Passes over the row that must have ended before a member's value exists. */
  readonly stage: Map<Node, number>;
  /** Groups that must run before. */
  readonly needs: Set<Group>;
}

export interface Partition {
  readonly materialized: ReadonlySet<Node>;
  readonly groups: readonly Group[];
}

const unaryCost: { readonly [K in UnaryKind]?: number } = {
  sqrt: 4,
  rsqrt: 6,
  neg: 1,
  abs: 1,
  relu: 1,
  not: 1,
  floor: 1,
  ceil: 1,
  round: 1,
  sign: 2,
};
const transcendental = 12;
const binaryCost: { readonly [K in BinaryKind]?: number } = {
  div: 4,
  rem: 4,
  pow: 2 * transcendental,
  gcd: 2 * transcendental,
  atan2: 2 * transcendental,
  hypot: transcendental,
  logaddexp: 2 * transcendental,
  zeta: 20 * transcendental,
  igamma: 20 * transcendental,
  igammac: 20 * transcendental,
};

/** Rough cost of one element in simple arithmetic operations, inputs not counted. */
function ownCost(node: Node): number {
  switch (node.op) {
    case 'unary':
      return unaryCost[(node.attributes as Attributes['unary']).kind] ?? transcendental;
    case 'binary': {
      const { kind } = node.attributes as Attributes['binary'];
      return binaryCost[kind] ?? 1;
    }
    case 'compare':
    case 'select':
    case 'cast':
      return 1;
    case 'gather':
      return 2;
    case 'threefry':
      return 6 * transcendental;
    default:
      return 0;
  }
}

/** Whether an elementwise operation is long code that runs for one element at a time. */
const isLongScalar = (node: Node): boolean =>
  (isOp(node, 'unary') || isOp(node, 'binary')) && isScalarOnly(node.attributes.kind);

const alone = new Set([
  'contract',
  'reduce',
  'argreduce',
  'prefix',
  'argsort',
  'scatter',
  'concat',
  'literal',
]);

/** Chains longer than this are cut: expressions are walked recursively. */
const deepestInline = 48;
/** Rows longer than this (elements) do not stay in the cache between the passes of one kernel. */
const longestRow = 16384;
/** Arrays that one kernel reads and writes. */
const mostBuffers = 24;

/** Decides what is materialized, and counts the readers of every node (through what is inlined). */
export function materialize(
  graph: SimplifiedGraph,
  isInput: (node: Node) => boolean,
): { chosen: Set<Node>; demand: ReadonlyMap<Node, number> } {
  const { nodes, outputs } = graph;
  const stored = epilogues(graph, isInput);
  const cost = new Map<Node, number>();
  const depth = new Map<Node, number>();
  const deep = new Set<Node>();
  for (const node of nodes) {
    const stops = isInput(node) || alone.has(node.op) || stored.has(node);
    cost.set(node, stops ? 0 : node.inputs.reduce((sum, i) => sum + cost.get(i)!, ownCost(node)));
    const below = stops ? 0 : 1 + node.inputs.reduce((d, i) => Math.max(d, depth.get(i)!), 0);
    const isDeep = below >= deepestInline;
    if (isDeep) deep.add(node);
    depth.set(node, isDeep ? 0 : below);
  }
  const chosen = new Set<Node>(nodes.filter((n) => isInput(n) || alone.has(n.op) || stored.has(n)));
  for (const output of outputs) chosen.add(output);
  // Long code for single elements: a kernel's member of its own, not inlined into tiles and other elements' loops.
  for (const node of nodes) if (!isInput(node) && isLongScalar(node)) chosen.add(node);
  // Sorting reads in no order that an expression could follow.
  for (const node of nodes) if (node.op === 'argsort') chosen.add(node.inputs[0]);
  const demand = new Map<Node, number>(nodes.map((n) => [n, 0]));
  const expanded = new Set<Node>();
  for (let i = nodes.length - 1; i >= 0; i--) {
    const node = nodes[i];
    if (!chosen.has(node)) {
      const price = cost.get(node)!;
      const repeats = demand.get(node)! > 1 || expanded.has(node);
      const elementwise = ownCost(node) > 0;
      // The edges of a padded array would be tested again for every window that contains them.
      if (node.op === 'pad' && expanded.has(node)) chosen.add(node);
      if (deep.has(node) || (elementwise && repeats && price >= 2)) chosen.add(node);
    }
    const mine = chosen.has(node) ? 1 : demand.get(node)!;
    for (const input of node.inputs) {
      demand.set(input, demand.get(input)! + mine);
      if (repeatsOperand(node, input) || (expanded.has(node) && !chosen.has(node))) expanded.add(input);
    }
  }
  return { chosen, demand };
}

/**
 * Sums of a contraction and something else that several others read, such as a layer's output before its nonlinearity, where nobody
 * reads the contraction itself: they are stored in its place, which costs nothing.
 */
function epilogues({ nodes, outputs }: SimplifiedGraph, isInput: (node: Node) => boolean): Set<Node> {
  const readers = new Map<Node, number>();
  const count = (node: Node): unknown => readers.set(node, (readers.get(node) ?? 0) + 1);
  outputs.forEach(count);
  for (const node of nodes) if (!isInput(node)) node.inputs.forEach(count);
  const isOwn = (node: Node): boolean =>
    !isInput(node) && isOp(node, 'contract') && readers.get(node) === 1 && allowsEpilogue(node);
  return new Set(
    nodes.filter(
      (node) => !isInput(node) && node.op === 'binary' && readers.get(node)! > 1 && node.inputs.some(isOwn),
    ),
  );
}

/** Whether `node` reads elements of `input` several times. */
function repeatsOperand(node: Node, input: Node): boolean {
  if (node.op === 'broadcast' || node.op === 'window' || node.op === 'gather')
    return sizeOf(node.shape) > 1.5 * sizeOf(input.shape);
  if (!isOp(node, 'contract')) return node.op === 'argsort';
  const { sizes, a, b } = node.attributes;
  const index = input === node.inputs[0] ? a : b;
  const axes = new Set(index.flatMap((i) => i.terms.map(([axis]) => axis)));
  // Divisions are exact: of the terms under a divisor q only one in q reads anything.
  const reads = [...axes].reduce((n, axis) => n * sizes[axis], 1) / index.reduce((n, i) => n * i.divisor, 1);
  const isOuterProduct = !isTiled(node) && sizes.some((size, axis) => size > 1 && !axes.has(axis));
  return isOuterProduct || reads > 1.5 * sizeOf(input.shape);
}

const squeezed = (shape: readonly number[]): number[] => shape.filter((n) => n !== 1);

const equalExtents = (axes: readonly Axis[], shape: readonly number[]): boolean =>
  axes.length === shape.length && axes.every((axis, i) => axis.extent === shape[i]);

/** Coordinates of an array whose extents other than 1 are the given axes. */
export function coordinates(shape: readonly number[], axes: readonly Axis[]): Affine[] {
  let next = 0;
  return shape.map((n) => (n === 1 ? constantIndex(0) : atomIndex(axes[next++])));
}

const isReduction = (node: Node): node is Node<'reduce'> | Node<'argreduce'> =>
  node.op === 'reduce' || node.op === 'argreduce';

/** Ids of the axes of `domain` (the squeezed shape of x) that a reduction of x removes. */
function reducedAxes(node: Node<'reduce'> | Node<'argreduce'>, domain: readonly Axis[]): Set<number> {
  const ids = new Set<number>();
  let next = 0;
  node.inputs[0].shape.forEach((n, i) => {
    if (n === 1) return;
    if (node.attributes.axes.includes(i)) ids.add(domain[next].id);
    next++;
  });
  return ids;
}

/** Partitions a simplified graph into groups, each of which becomes one kernel (or a few, for contractions with phases). */
export function partition(graph: SimplifiedGraph, isInput: (node: Node) => boolean): Partition {
  const { chosen: materialized, demand } = materialize(graph, isInput);
  const groupOf = new Map<Node, Group>();
  const groups: Group[] = [];
  const readers = new Map<Node, Group[]>();
  for (const node of graph.nodes) {
    if (!materialized.has(node) || isInput(node) || node.op === 'literal' || sizeOf(node.shape) === 0)
      continue;
    const sources = materializedSources(node, materialized);
    const joined = join(node, sources, groupOf, readers, materialized, demand);
    const group = joined ?? newGroup(node);
    if (joined === null) groups.push(group);
    groupOf.set(node, group);
    for (const source of sources) {
      const producer = groupOf.get(source);
      if (producer !== undefined && producer !== group) group.needs.add(producer);
      const list = readers.get(source) ?? [];
      if (!list.includes(group)) readers.set(source, [...list, group]);
    }
  }
  return { materialized, groups: inOrder(groups) };
}

/** Materialized nodes that the definition of `node` reads, through whatever is inlined. */
export function materializedSources(node: Node, materialized: ReadonlySet<Node>): Set<Node> {
  const found = new Set<Node>();
  const seen = new Set<Node>();
  const stack = [...node.inputs];
  while (stack.length > 0) {
    const next = stack.pop()!;
    if (seen.has(next)) continue;
    seen.add(next);
    if (materialized.has(next)) found.add(next);
    else stack.push(...next.inputs);
  }
  return found;
}

function newGroup(node: Node): Group {
  const kind = isOp(node, 'contract')
    ? 'contract'
    : node.op === 'argsort'
      ? 'sort'
      : node.op === 'concat' || node.op === 'prefix' || node.op === 'scatter'
        ? node.op
        : 'loops';
  const axes = squeezed(isReduction(node) ? node.inputs[0].shape : node.shape).map(newAxis);
  const reduced = isReduction(node) ? reducedAxes(node, axes) : new Set<number>();
  const group: Group = {
    kind,
    members: [],
    axes,
    reduced,
    at: new Map(),
    stage: new Map(),
    needs: new Set(),
  };
  admit(group, node, outerAxes(group), 0);
  return group;
}

const outerAxes = (group: Group): Axis[] => group.axes.filter((axis) => !group.reduced.has(axis.id));

function admit(group: Group, node: Node, axes: readonly Axis[], stage: number): void {
  group.members.push(node);
  group.at.set(node, coordinates(node.shape, axes));
  group.stage.set(node, stage);
}

/** Puts `node` into a group that computes one of its operands, or shares one with it, if one kernel can do both. */
function join(
  node: Node,
  sources: ReadonlySet<Node>,
  groupOf: ReadonlyMap<Node, Group>,
  readers: ReadonlyMap<Node, readonly Group[]>,
  materialized: ReadonlySet<Node>,
  demand: ReadonlyMap<Node, number>,
): Group | null {
  if (alone.has(node.op) && !isReduction(node)) return null;
  const producers = new Set<Group>();
  const siblings = new Set<Group>();
  for (const source of sources) {
    const producer = groupOf.get(source);
    if (producer !== undefined) producers.add(producer);
    if (sizeOf(source.shape) > 1) for (const reader of readers.get(source) ?? []) siblings.add(reader);
  }
  const needed = [...producers];
  for (const group of [...needed.reverse(), ...[...siblings].filter((s) => !producers.has(s))]) {
    if (group.kind !== 'loops' && !(group.kind === 'contract' && producers.has(group))) continue;
    if (group.members.length + sources.size > mostBuffers) continue;
    // A tile store is no place for what needs many arrays, such as an optimizer's update: one reader, one pass.
    if (group.kind === 'contract' && group.members.some((m) => sources.has(m) && demand.get(m)! > 1))
      continue;
    if (needed.some((other) => other !== group && dependsOn(other, group))) continue;
    if (admitIfFits(node, group, materialized)) return group;
  }
  return null;
}

/** Whether `group` needs `other`, directly or through others. */
function dependsOn(group: Group, other: Group): boolean {
  const seen = new Set<Group>();
  const stack = [group];
  while (stack.length > 0) {
    const next = stack.pop()!;
    if (next === other) return true;
    if (seen.has(next)) continue;
    seen.add(next);
    stack.push(...next.needs);
  }
  return false;
}

function admitIfFits(node: Node, group: Group, materialized: ReadonlySet<Node>): boolean {
  const shape = squeezed(node.shape);
  if (isReduction(node)) {
    if (group.kind !== 'loops' || !equalExtents(group.axes, squeezed(node.inputs[0].shape))) return false;
    const reduced = reducedAxes(node, group.axes);
    const known = group.reduced;
    const same = known.size === reduced.size && [...reduced].every((id) => known.has(id));
    // A group without reductions can become one with: its members are then written along the way.
    if (!same && group.members.some(isReduction)) return false;
    const before = group.reduced;
    group.reduced = reduced;
    const stage = probe(node, node.inputs[0], group.axes, group, materialized);
    if (stage === null || (stage > 0 && !hasShortRow(group))) {
      group.reduced = before;
      return false;
    }
    admit(group, node, outerAxes(group), stage + 1);
    return true;
  }
  if (group.kind === 'contract' && isLongScalar(node)) return false;
  if (group.kind === 'contract' && !allowsEpilogue(group.members[0] as Node<'contract'>)) return false;
  const outer = outerAxes(group);
  const levels = equalExtents(outer, shape) ? [outer] : [];
  if (group.kind === 'loops' && group.reduced.size > 0 && equalExtents(group.axes, shape))
    levels.unshift([...group.axes]);
  for (const axes of levels) {
    const stage = probe(node, node, axes, group, materialized);
    if (stage === null) continue;
    const full = axes.length === group.axes.length && group.reduced.size > 0;
    if (full && stage > 0 && !hasShortRow(group)) continue;
    // An outer-level value is computed between passes.
    admit(group, node, axes, stage);
    return true;
  }
  return false;
}

/** Whether the reduced axes are the last ones and few enough elements: later passes find the row in the cache. */
function hasShortRow(group: Group): boolean {
  const firstReduced = group.axes.findIndex((axis) => group.reduced.has(axis.id));
  const row = group.axes.slice(firstReduced);
  return (
    row.every((axis) => group.reduced.has(axis.id)) &&
    row.reduce((n, axis) => n * axis.extent, 1) <= longestRow
  );
}

/**
 * The number of passes after which `value`, read along `axes`, is known; null if the group cannot give it because it is needed at
 * coordinates other than those at which it is being computed.
 */
function probe(
  node: Node,
  value: Node,
  axes: readonly Axis[],
  group: Group,
  materialized: ReadonlySet<Node>,
): number | null {
  let stage = 0;
  let fits = true;
  const members = group.at;
  const { read, define } = inliner({
    isMaterialized: (n) => materialized.has(n),
    resolve: (n, at) => {
      const own = members.get(n);
      if (own === undefined) return null;
      if (at.some((x, i) => affineKey(x) !== affineKey(own[i]))) fits = false;
      stage = Math.max(stage, group.stage.get(n)!);
      return { op: 'const', dtype: n.dtype, value: 0 };
    },
  });
  const at = coordinates(value.shape, axes);
  if (value === node) define(node, at);
  else read(value, at);
  return fits ? stage : null;
}

/** Groups so that each follows those it needs, otherwise in order of their first members. */
function inOrder(groups: readonly Group[]): Group[] {
  const result: Group[] = [];
  const done = new Set<Group>();
  const visit = (group: Group) => {
    const stack: Group[] = [group];
    while (stack.length > 0) {
      const top = stack[stack.length - 1];
      if (done.has(top)) {
        stack.pop();
        continue;
      }
      const waiting = [...top.needs].filter((n) => !done.has(n));
      if (waiting.length === 0) {
        done.add(top);
        result.push(top);
        stack.pop();
      } else stack.push(...waiting);
    }
  };
  for (const group of groups) visit(group);
  return result;
}
