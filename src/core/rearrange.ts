import * as g from '../graph/build.ts';
import type { Node } from '../graph/node.ts';
import { stridesOf } from '../graph/node.ts';

/** Positions along an axis that are known when the graph is made. */

/** A stretch of positions that follow each other by a constant step of -1, 0 or 1. */
interface Run {
  readonly from: number;
  readonly step: number;
  count: number;
}

/** Cuts a list of positions into runs, as long as possible from left to right. */
function runsOf(positions: readonly number[]): Run[] {
  const runs: Run[] = [];
  for (const position of positions) {
    const last = runs.at(-1);
    if (last !== undefined) {
      const by = position - (last.from + (last.count - 1) * last.step);
      if (last.count === 1 && Math.abs(by) <= 1) {
        runs[runs.length - 1] = { from: last.from, step: by, count: 2 };
        continue;
      }
      if (last.count > 1 && by === last.step) {
        last.count++;
        continue;
      }
    }
    runs.push({ from: position, step: 1, count: 1 });
  }
  return runs;
}

/** More pieces than this are read by a list of positions instead of being cut out one by one. */
const mostPieces = 16;

/** `count` elements of an axis from `start` by `step`, the other axes whole. */
export function sliceAxis(x: Node, axis: number, start: number, count: number, step = 1): Node {
  return g.slice(
    x,
    x.shape.map((_, i) => (i === axis ? start : 0)),
    x.shape.map((_, i) => (i === axis ? step : 1)),
    x.shape.map((n, i) => (i === axis ? count : n)),
  );
}

/** `out[.., i, ..] = x[.., positions[i], ..]` for positions known now, all of which exist: few long runs become views. */
export function rearrange(x: Node, axis: number, positions: readonly number[]): Node {
  const runs = runsOf(positions);
  if (runs.length === 0) return sliceAxis(x, axis, 0, 0);
  if (runs.length > mostPieces) {
    const list = g.literal(Int32Array.from(positions), [positions.length], 'int32');
    return g.gather(x, list, axis);
  }
  const pieces = runs.map(({ from, step, count }) => {
    if (step !== 0) return sliceAxis(x, axis, from, count, step);
    return g.broadcastTo(
      sliceAxis(x, axis, from, 1),
      x.shape.map((n, i) => (i === axis ? count : n)),
    );
  });
  return g.concat(pieces, axis);
}

/** Row-major positions of all elements of `shape`, as an int32 array of that shape. */
export function linearPositions(shape: readonly number[]): Node {
  return g.positionAlong(
    shape,
    shape.map((_, i) => i),
  );
}

/** The sum of positions along single axes times the strides of `shape`: row-major positions of an array of that shape. */
export function linearIndex(indices: readonly Node[], shape: readonly number[]): Node {
  const strides = stridesOf(shape);
  return indices
    .map((index, i) => (strides[i] === 1 ? index : g.mul(index, g.fill(strides[i], index))))
    .reduce((sum, term) => g.add(sum, term));
}
