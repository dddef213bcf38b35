import * as g from '../graph/build.ts';
import { type Node, sizeOf } from '../graph/node.ts';
import { clampTo, isInside, positions } from './index_plan.ts';

/** Blocks of known size at positions that are values. */

const textOf = (shape: readonly number[]): string => `[${shape.join(', ')}]`;

/** Start positions, one for each axis, brought to where a block of the given size fits. */
function startsOf(
  name: string,
  x: Node,
  given: readonly (Node | number)[],
  sizes: readonly number[],
): Node[] {
  if (given.length !== x.shape.length || sizes.length !== x.shape.length)
    throw new Error(
      `${name}: ${given.length} positions and a block of shape ${textOf(sizes)} for an array of shape ${textOf(x.shape)}; give one for each axis`,
    );
  return given.map((start, axis) => {
    const room = x.shape[axis] - sizes[axis];
    if (!Number.isInteger(sizes[axis]) || sizes[axis] < 0 || room < 0)
      throw new Error(`${name}: a block of shape ${textOf(sizes)} does not fit into ${textOf(x.shape)}`);
    if (typeof start === 'number') {
      if (!Number.isInteger(start)) throw new Error(`${name}: positions are integers, got ${start}`);
      return g.constant(Math.min(room, Math.max(0, start)), [], 'int32');
    }
    if (start.shape.length !== 0)
      throw new Error(`${name}: a position is a scalar array or a number, got shape ${textOf(start.shape)}`);
    return clampTo(positions(name, start), room + 1);
  });
}

const spread = (start: Node, count: number): Node => g.broadcast(start, [count], []);

/** The block of shape `sizes` that begins at `starts`. */
export function dynamicSliceOf(x: Node, given: readonly (Node | number)[], sizes: readonly number[]): Node {
  const starts = startsOf('dynamicSlice', x, given, sizes);
  if (sizeOf(sizes) === 0) return g.constant(0, sizes, x.dtype);
  return starts.reduce(
    (block, start, axis) =>
      sizes[axis] === x.shape[axis]
        ? block
        : g.gather(block, g.add(spread(start, sizes[axis]), g.iota(0, [sizes[axis]])), axis),
    x,
  );
}

/** `x` with the block that begins at `starts` replaced by `block`, which has x's dtype. */
export function dynamicUpdateOf(x: Node, block: Node, given: readonly (Node | number)[]): Node {
  const starts = startsOf('dynamicUpdateSlice', x, given, block.shape);
  if (sizeOf(block.shape) === 0) return x;
  let [grown, here]: [Node, Node | null] = [block, null];
  starts.forEach((start, axis) => {
    const [extent, size] = [x.shape[axis], block.shape[axis]];
    if (size === extent) return;
    const at = g.sub(g.iota(0, [extent]), spread(start, extent));
    grown = g.gather(grown, at, axis);
    const inside = g.broadcast(isInside(at, size), x.shape, [axis]);
    here = here === null ? inside : g.binary('and', here, inside);
  });
  return here === null ? grown : g.select(here, grown, x);
}
