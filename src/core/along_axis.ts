import * as g from '../graph/build.ts';
import { isFloat } from '../graph/dtype.ts';
import { type Node, sizeOf } from '../graph/node.ts';
import { clampTo, fromEnd, isInside, positions } from './index_plan.ts';
import { axisOf, broadcastShapes, computable, valueLike } from './operands.ts';
import { linearIndex } from './rearrange.ts';
import { combine, scatterInto, type UpdateKind, writable } from './scattering.ts';

/** Positions along one axis, given for each place of the other axes. */

/** How PyTorch's scatter_reduce combines. */
export type ScatterReduction = 'sum' | 'prod' | 'mean' | 'amax' | 'amin';

const textOf = (shape: readonly number[]): string => `[${shape.join(', ')}]`;

/** The array to write into or read from must have as many axes as the indices, and reach as far on those that are not indexed. */
function checkReach(name: string, x: Node, indices: Node, axis: number): void {
  const fits =
    x.shape.length === indices.shape.length && indices.shape.every((n, i) => i === axis || n <= x.shape[i]);
  if (!fits)
    throw new Error(
      `${name}: indices of shape ${textOf(indices.shape)} reach over an array of shape ${textOf(x.shape)}; ranks must be equal and extents at most the array's but on axis ${axis}`,
    );
  if (x.shape[axis] === 0 && sizeOf(indices.shape) > 0)
    throw new Error(`${name}: axis ${axis} of ${textOf(x.shape)} is empty`);
}

/** Row-major positions in `x` of the elements (.., indices[..], ..). */
function linearOf(indices: Node, shape: readonly number[], axis: number): Node {
  return linearIndex(
    shape.map((_, i) => (i === axis ? indices : g.iota(i, indices.shape))),
    shape,
  );
}

/** `out[.., i, ..] = x[.., indices[.., i, ..], ..]`, indices clamped, negative ones from the end. */
export function gatherAlong(name: string, x: Node, given: Node, axis: number): Node {
  const a = axisOf(name, axis, x.shape.length);
  const indices = positions(name, given);
  checkReach(name, x, indices, a);
  if (sizeOf(indices.shape) === 0) return g.constant(0, indices.shape, x.dtype);
  const inside = clampTo(fromEnd(indices, x.shape[a]), x.shape[a]);
  return g.gather(g.reshape(x, [sizeOf(x.shape)]), linearOf(inside, x.shape, a), 0);
}

/** NumPy's broadcasting of indices against the axes that are not indexed. */
export function broadcastIndices(name: string, x: Node, indices: Node, axis: number): Node {
  const a = axisOf(name, axis, x.shape.length);
  if (indices.shape.length !== x.shape.length)
    throw new Error(
      `${name}: indices of shape ${textOf(indices.shape)} need as many axes as the array of shape ${textOf(x.shape)}`,
    );
  const shape = x.shape.map((n, i) => (i === a ? indices.shape[i] : n));
  const met = broadcastShapes(name, indices.shape, shape);
  return g.broadcastTo(indices, met);
}

/** Writes `source`, of the shape of the indices or broadcast to it, to (.., indices[..], ..). Indices outside are dropped. */
export function scatterAlong(
  name: string,
  kind: UpdateKind,
  target: Node,
  axis: number,
  given: Node,
  source: Node | number | boolean,
): Node {
  const x = writable(kind, target);
  const a = axisOf(name, axis, x.shape.length);
  const indices = positions(name, given);
  const value = valueLike(name, x, source);
  checkReach(name, x, indices, a);
  const count = sizeOf(indices.shape);
  if (count === 0) return x;
  const updates = g.reshape(sourceFor(name, value, indices.shape), [count]);
  const wrapped = fromEnd(indices, x.shape[a]);
  const linear = linearOf(clampTo(wrapped, x.shape[a]), x.shape, a);
  const kept = g.select(isInside(wrapped, x.shape[a]), linear, g.fill(-1, linear));
  const flat = scatterInto(kind, g.reshape(x, [sizeOf(x.shape)]), g.reshape(kept, [count]), updates, 0);
  return g.reshape(flat, x.shape);
}

/** A source may be larger than the indices (its first elements count, as in PyTorch) or broadcast to them. */
function sourceFor(name: string, value: Node, shape: readonly number[]): Node {
  if (value.shape.length === shape.length && value.shape.every((n, i) => n >= shape[i]))
    return g.slice(
      value,
      shape.map(() => 0),
      shape.map(() => 1),
      shape,
    );
  const shift = shape.length - value.shape.length;
  if (shift < 0 || value.shape.some((n, i) => n !== 1 && n !== shape[i + shift]))
    throw new Error(
      `${name}: a source of shape ${textOf(value.shape)} does not cover indices of shape ${textOf(shape)}`,
    );
  return g.broadcastTo(value, shape);
}

/** PyTorch's scatter_reduce: the updates of an element combined, with the element itself or (not `includeSelf`) in its place. */
export function scatterReduceAlong(
  target: Node,
  axis: number,
  indices: Node,
  source: Node,
  reduction: ScatterReduction,
  includeSelf: boolean,
): Node {
  const x = computable(target);
  const name = 'scatterReduce';
  if (!['sum', 'prod', 'mean', 'amax', 'amin'].includes(reduction))
    throw new Error(`${name}: there is no reduction '${reduction}'; there are sum, prod, mean, amax, amin`);
  const scatter = (kind: UpdateKind, into: Node, value: Node | number) =>
    scatterAlong(name, kind, into, axis, indices, value);
  if (reduction === 'mean' && !isFloat(x.dtype))
    throw new Error(`${name}: the mean of ${x.dtype} has fractions; cast the array to float32`);
  const touched = scatter('add', g.constant(0, x.shape, 'int32'), 1);
  const isTouched = g.compare('lt', g.fill(0, touched), touched);
  const kind = ({ sum: 'add', mean: 'add', prod: 'mul', amax: 'max', amin: 'min' } as const)[reduction];
  // An element that does not count gives way to the first update that meets it, in sums and products to what changes nothing.
  const start = includeSelf
    ? x
    : kind === 'add' || kind === 'mul'
      ? g.select(isTouched, g.fill(kind === 'add' ? 0 : 1, x), x)
      : scatter('set', x, source);
  const combined = scatter(kind, start, source);
  if (reduction !== 'mean') return combined;
  const self = g.fill(includeSelf ? 1 : 0, touched);
  const count = g.binary('max', g.add(touched, self), g.fill(1, touched));
  return g.div(combined, g.cast(count, x.dtype));
}

/** Combines `source` [.., m, ..] with the slices of `x` at the positions `given` [m] of an axis. */
export function indexInto(
  name: string,
  kind: UpdateKind,
  target: Node,
  axis: number,
  given: Node,
  source: Node | number | boolean,
): Node {
  const x = writable(kind, target);
  const a = axisOf(name, axis, x.shape.length);
  const indices = positions(name, given);
  if (indices.shape.length !== 1)
    throw new Error(`${name}: indices must be a vector, got shape ${textOf(indices.shape)}`);
  const value = valueLike(name, x, source);
  const [count] = indices.shape;
  const shape = x.shape.map((n, i) => (i === a ? count : n));
  const shift = shape.length - value.shape.length;
  if (shift < 0 || value.shape.some((n, i) => n !== 1 && n !== shape[i + shift]))
    throw new Error(
      `${name}: a source of shape ${textOf(value.shape)} does not fit ${count} slices of ${textOf(x.shape)}; it must have or broadcast to ${textOf(shape)}`,
    );
  const wrapped = fromEnd(indices, x.shape[a]);
  const kept = g.select(isInside(wrapped, x.shape[a]), wrapped, g.fill(-1, wrapped));
  return scatterInto(kind, x, kept, g.broadcastTo(value, shape), a);
}

/** `x` where the mask does not hold, `value` where it does. */
export function maskedFillOf(x: Node, mask: Node, given: Node | number | boolean): Node {
  if (mask.dtype !== 'bool')
    throw new Error(
      `maskedFill: the mask must be bool, got ${mask.dtype}; compare first, for example with ne(0)`,
    );
  const value = valueLike('maskedFill', x, given);
  const shape = broadcastShapes('maskedFill', x.shape, mask.shape);
  return g.select(
    g.broadcastTo(mask, shape),
    combine('set', x, g.broadcastTo(value, shape)),
    g.broadcastTo(x, shape),
  );
}
