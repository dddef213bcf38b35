import type { Node } from '../graph/node.ts';
import { axisOf } from './operands.ts';
import { sliceAxis } from './rearrange.ts';
import { at, sliceTo } from './views.ts';

/** Arrays cut into parts along an axis. */

const checkParts = (name: string, parts: number): void => {
  if (!Number.isInteger(parts) || parts < 1)
    throw new Error(`${name}: the number of parts is an integer from 1 on, got ${parts}`);
};

const cut = (x: Node, axis: number, extents: readonly number[]): Node[] => {
  let from = 0;
  return extents.map((extent) => {
    const part = sliceAxis(x, axis, from, extent);
    from += extent;
    return part;
  });
};

/** Parts before, between and after positions, which are Python's slice bounds. */
function splitAt(x: Node, axis: number, positions: readonly number[]): Node[] {
  const bounds = [0, ...positions, null];
  return bounds.slice(1).map((end, i) =>
    sliceTo(
      x,
      x.shape.map((_, k) => (k === axis ? ([bounds[i], end] as const) : null)),
    ),
  );
}

/** `count` parts whose extents differ by one at most, the longer ones first; or parts at positions. */
export function arraySplitOf(x: Node, parts: number | readonly number[], axis: number): Node[] {
  const a = axisOf('arraySplit', axis, x.shape.length);
  if (typeof parts !== 'number') return splitAt(x, a, parts);
  checkParts('arraySplit', parts);
  const [least, longer] = [Math.floor(x.shape[a] / parts), x.shape[a] % parts];
  return cut(
    x,
    a,
    Array.from({ length: parts }, (_, i) => least + (i < longer ? 1 : 0)),
  );
}

/** `count` equal parts, or parts at positions. */
export function splitOf(x: Node, parts: number | readonly number[], axis: number): Node[] {
  const a = axisOf('split', axis, x.shape.length);
  if (typeof parts === 'number') checkParts('split', parts);
  if (typeof parts === 'number' && x.shape[a] % parts !== 0)
    throw new Error(
      `split: axis ${axis} of [${x.shape.join(', ')}] cannot be cut into ${parts} equal parts; arraySplit() and chunk() allow unequal ones`,
    );
  return arraySplitOf(x, parts, a);
}

/** Parts of extent ceil(n / count), the last of which may be shorter; fewer than `count` if they suffice. */
export function chunkOf(x: Node, count: number, axis: number): Node[] {
  const a = axisOf('chunk', axis, x.shape.length);
  checkParts('chunk', count);
  const extent = x.shape[a];
  if (extent === 0) return Array.from({ length: count }, () => x);
  const size = Math.ceil(extent / count);
  return cut(
    x,
    a,
    Array.from({ length: Math.ceil(extent / size) }, (_, i) => Math.min(size, extent - i * size)),
  );
}

/** The arrays at all positions of an axis, which disappears. */
export function unstackOf(x: Node, axis: number): Node[] {
  const a = axisOf('unstack', axis, x.shape.length);
  return Array.from({ length: x.shape[a] }, (_, i) => at(x, i, a));
}

/** A stretch of an axis. */
export function narrowOf(x: Node, axis: number, start: number, length: number): Node {
  const a = axisOf('narrow', axis, x.shape.length);
  const from = start < 0 ? start + x.shape[a] : start;
  if (![start, length].every(Number.isInteger) || from < 0 || length < 0 || from + length > x.shape[a])
    throw new Error(
      `narrow: ${length} elements from ${start} on do not exist on axis ${axis} of [${x.shape.join(', ')}]`,
    );
  return sliceAxis(x, a, from, length);
}
