import { broadcast, reshape } from '../graph/build.ts';
import type { Node } from '../graph/node.ts';
import { axisOf } from './operands.ts';
import { rearrange } from './rearrange.ts';
import { flattenOf } from './views.ts';

/** Copies of arrays and of elements. */

const checkCount = (name: string, count: number): void => {
  if (!Number.isInteger(count) || count < 0)
    throw new Error(`${name}: counts are integers from 0 on, got ${count}`);
};

/** The whole array side by side, `counts[i]` times along axis i; missing axes or counts are 1 in front. */
export function tileOf(x: Node, counts: readonly number[]): Node {
  for (const count of counts) checkCount('tile', count);
  const rank = Math.max(x.shape.length, counts.length);
  const times = [...new Array<number>(rank - counts.length).fill(1), ...counts];
  const shape = [...new Array<number>(rank - x.shape.length).fill(1), ...x.shape];
  const spread = broadcast(
    reshape(x, shape),
    shape.flatMap((n, i) => [times[i], n]),
    shape.map((_, i) => 2 * i + 1),
  );
  return reshape(
    spread,
    shape.map((n, i) => times[i] * n),
  );
}

/** Each element `counts` times in a row along an axis; without an axis, of the flattened array. */
export function repeatOf(x: Node, counts: number | readonly number[], axis: number | undefined): Node {
  if (axis === undefined) return repeatOf(flattenOf(x), counts, 0);
  const a = axisOf('repeat', axis, x.shape.length);
  const extent = x.shape[a];
  const list = typeof counts === 'number' ? [counts] : counts;
  for (const count of list) checkCount('repeat', count);
  if (list.length === 1) {
    const [before, after] = [x.shape.slice(0, a + 1), x.shape.slice(a + 1)];
    const spread = broadcast(
      x,
      [...before, list[0], ...after],
      x.shape.map((_, i) => (i <= a ? i : i + 1)),
    );
    return reshape(spread, [...x.shape.slice(0, a), extent * list[0], ...after]);
  }
  if (list.length !== extent)
    throw new Error(
      `repeat: ${list.length} counts for the ${extent} elements of axis ${axis} of [${x.shape.join(', ')}]; give one, or one for each`,
    );
  return rearrange(
    x,
    a,
    list.flatMap((count, i) => new Array<number>(count).fill(i)),
  );
}
