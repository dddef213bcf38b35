import * as g from '../graph/build.ts';
import { isInteger } from '../graph/dtype.ts';
import { type Node, sizeOf } from '../graph/node.ts';
import { valuesOf } from './concrete.ts';
import { dataNode } from './evaluate.ts';
import { broadcastShapes } from './operands.ts';
import { linearIndex } from './rearrange.ts';
import { type Range, rangeOf } from './views.ts';

/**
 * What stands between the brackets of NumPy's `x[...]`, item by item: a position (the axis disappears), a range `[start, end, step?]`
 * or null (the whole axis), '...' (all axes that no other item stands for), 'newaxis' (an axis of extent 1), an array of integers, or
 * an array of bools, which stands for as many axes as it has.
 */
export type IndexItem = number | Range | '...' | 'newaxis' | Node;

/**
 * How an index is carried out: a slice of each axis, then the axes that arrays of integers stand for next to each other (`order`)
 * and merged into one (`merged`), then positions in that one.
 */
export interface IndexPlan {
  readonly name: string;
  readonly start: readonly number[];
  readonly step: readonly number[];
  readonly sliced: readonly number[];
  readonly order: readonly number[];
  readonly merged: readonly number[];
  /** The merged axis. */
  readonly axis: number;
  /** Positions by arrays, which broadcast; null without any. */
  readonly arrays: { readonly indices: readonly Node[]; readonly extents: readonly number[] } | null;
  /** The shape after positions are taken, before new axes are put in and dropped ones taken out. */
  readonly picked: readonly number[];
  readonly result: readonly number[];
}

/** An array as int32 positions. */
export function positions(name: string, indices: Node): Node {
  if (!isInteger(indices.dtype))
    throw new Error(`${name}: indices must be integers, got ${indices.dtype}; cast them to int32`);
  return g.cast(indices, 'int32');
}

/** Negative positions count from the end of an axis. */
export function fromEnd(indices: Node, extent: number): Node {
  const isNegative = g.compare('lt', indices, g.fill(0, indices));
  return g.select(isNegative, g.add(indices, g.fill(extent, indices)), indices);
}

/** Positions brought into 0..extent-1. */
export const clampTo = (indices: Node, extent: number): Node =>
  g.binary('min', g.binary('max', indices, g.fill(0, indices)), g.fill(Math.max(0, extent - 1), indices));

/** Whether positions are in 0..extent-1. */
export const isInside = (indices: Node, extent: number): Node =>
  g.binary(
    'and',
    g.compare('le', g.fill(0, indices), indices),
    g.compare('lt', indices, g.fill(extent, indices)),
  );

/** The positions, along each axis, at which a condition holds; in row-major order. Eager. */
export function nonzeroOf(name: string, condition: Node, instead?: string): Node[] {
  const { shape } = condition;
  const values = valuesOf(name, condition, instead);
  const found: number[] = [];
  for (let i = 0; i < values.length; i++) if (values[i] !== 0) found.push(i);
  let inner = sizeOf(shape);
  return shape.map((extent) => {
    const outer = inner;
    inner = extent === 0 ? 0 : outer / extent;
    const along = Int32Array.from(found, (i) => Math.floor((i % outer) / inner));
    return dataNode(along, [found.length], 'int32');
  });
}

/** An axis that stays, one that is new, one of which one position is taken, or one that an array of integers indexes. */
type Token =
  | { readonly kind: 'axis' | 'drop'; readonly axis: number }
  | { readonly kind: 'new' }
  | { readonly kind: 'array'; readonly axis: number; readonly indices: Node };

const isNode = (item: IndexItem): item is Node => typeof item === 'object' && item !== null && 'op' in item;

/** Masks as arrays of integers, '...' as whole axes. */
function expand(name: string, shape: readonly number[], items: readonly IndexItem[]): IndexItem[] {
  const text = `[${shape.join(', ')}]`;
  if (items.filter((item) => item === '...').length > 1)
    throw new Error(`${name}: '...' may stand in an index only once`);
  const consumes = (item: IndexItem): number =>
    item === '...' || item === 'newaxis' ? 0 : isNode(item) && item.dtype === 'bool' ? item.shape.length : 1;
  const used = items.reduce<number>((n, item) => n + consumes(item), 0);
  if (used > shape.length) throw new Error(`${name}: an index of ${used} axes for an array of shape ${text}`);
  const whole = new Array<null>(shape.length - used).fill(null);
  let axis = 0;
  return (items.includes('...') ? items : [...items, '...' as const]).flatMap((item): IndexItem[] => {
    if (item === '...') {
      axis += whole.length;
      return whole;
    }
    const from = axis;
    axis += consumes(item);
    if (!isNode(item)) return [item];
    if (item.dtype !== 'bool') return [positions(name, item)];
    if (item.shape.length === 0) throw new Error(`${name}: a mask needs at least one axis, got a scalar`);
    if (item.shape.some((n, i) => n !== shape[from + i]))
      throw new Error(
        `${name}: a mask of shape [${item.shape.join(', ')}] does not fit ${axis - from > 1 ? `axes ${from} to ${axis - 1}` : `axis ${from}`} of ${text}`,
      );
    return nonzeroOf(name, item);
  });
}

function tokensOf(name: string, shape: readonly number[], items: readonly IndexItem[]): Token[] {
  const hasArrays = items.some(isNode);
  let axis = 0;
  return items.map((item): Token => {
    if (item === 'newaxis') return { kind: 'new' };
    const here = axis++;
    if (isNode(item)) return { kind: 'array', axis: here, indices: item };
    if (typeof item !== 'number') return { kind: 'axis', axis: here };
    const at = item < 0 ? item + shape[here] : item;
    if (!Number.isInteger(item) || at < 0 || at >= shape[here])
      throw new Error(`${name}: index ${item} is outside of axis ${here} of [${shape.join(', ')}]`);
    // Beside arrays a number is one, too: NumPy's rule, which decides where the axes of the arrays go.
    return hasArrays
      ? { kind: 'array', axis: here, indices: g.constant(at, [], 'int32') }
      : { kind: 'drop', axis: here };
  });
}

/** Plans an index for arrays of a shape. */
export function planIndex(name: string, shape: readonly number[], given: readonly IndexItem[]): IndexPlan {
  const items = expand(name, shape, given);
  const tokens = tokensOf(name, shape, items);
  const ofAxis = items.filter((item) => item !== 'newaxis');
  const ranges = shape.map((extent, i) => {
    const item = ofAxis[i];
    if (isNode(item) || item === null) return { start: 0, step: 1, count: extent };
    if (typeof item === 'number') {
      const isDropped = tokens.some((t) => t.kind === 'drop' && t.axis === i);
      return isDropped
        ? { start: item < 0 ? item + extent : item, step: 1, count: 1 }
        : { start: 0, step: 1, count: extent };
    }
    return rangeOf(name, item as Range, extent, i);
  });
  const sliced = ranges.map((r) => r.count);
  const arrays = tokens.filter((t) => t.kind === 'array');
  const first = tokens.findIndex((t) => t.kind === 'array');
  const areTogether = arrays.every((t, i) => tokens[first + i] === t);
  // Arrays that stand together leave their axes in their place, arrays that do not put them in front.
  const place = areTogether && first > 0 ? first : 0;
  const extentsOf = (list: readonly Token[]): number[] =>
    list.flatMap((t) => (t.kind === 'new' ? [1] : t.kind === 'axis' ? [sliced[t.axis]] : []));
  const axesOf = (list: readonly Token[]): number[] =>
    list.flatMap((t) => (t.kind === 'axis' || t.kind === 'drop' ? [t.axis] : []));
  const [before, after] = [tokens.slice(0, place), tokens.slice(place)];
  const [lead, tail] = [axesOf(before), axesOf(after)];
  const extents = arrays.map((t) => sliced[t.axis]);
  const common = broadcastShapes(name, ...arrays.map((t) => t.indices.shape));
  const sizes = (axes: readonly number[]): number[] => axes.map((axis) => sliced[axis]);
  if (sizeOf(common) > 0 && extents.includes(0))
    throw new Error(`${name}: axis ${arrays[extents.indexOf(0)].axis} of [${shape.join(', ')}] is empty`);
  return {
    name,
    start: ranges.map((r) => r.start),
    step: ranges.map((r) => r.step),
    sliced,
    order: [...lead, ...arrays.map((t) => t.axis), ...tail],
    merged: arrays.length === 0 ? sliced : [...sizes(lead), sizeOf(extents), ...sizes(tail)],
    axis: lead.length,
    arrays: arrays.length === 0 ? null : { indices: arrays.map((t) => t.indices), extents },
    picked: arrays.length === 0 ? sliced : [...sizes(lead), ...common, ...sizes(tail)],
    result: [...extentsOf(before), ...common, ...extentsOf(after)],
  };
}

/** The positions of a plan's arrays in the merged axis: brought inside for reading, or -1 where they are outside for writing. */
export function mergedPositions(
  { name, arrays }: IndexPlan,
  outside: 'clamp' | 'drop',
): { linear: Node; valid: Node } {
  const { indices, extents } = arrays!;
  const common = broadcastShapes(name, ...indices.map((i) => i.shape));
  const wrapped = indices.map((index, i) => fromEnd(g.broadcastTo(index, common), extents[i]));
  const valid = wrapped
    .map((index, i) => isInside(index, extents[i]))
    .reduce((all, inside) => g.binary('and', all, inside));
  const linear = linearIndex(
    wrapped.map((index, i) => clampTo(index, extents[i])),
    extents,
  );
  return { linear: outside === 'clamp' ? linear : g.select(valid, linear, g.fill(-1, linear)), valid };
}

/** The elements that an index names. */
export function pick(x: Node, plan: IndexPlan): Node {
  const merged = g.reshape(
    g.transpose(g.slice(x, plan.start, plan.step, plan.sliced), plan.order),
    plan.merged,
  );
  if (plan.arrays === null) return g.reshape(merged, plan.result);
  return g.reshape(g.gather(merged, mergedPositions(plan, 'clamp').linear, plan.axis), plan.result);
}
