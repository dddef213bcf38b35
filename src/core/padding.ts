import * as g from '../graph/build.ts';
import type { Node } from '../graph/node.ts';
import { rearrange } from './rearrange.ts';

/**
 * What lies beyond an edge. For `1 2 3`: constant `0 0|1 2 3|0 0`, edge (replicate) `1 1|1 2 3|3 3`, reflect `3 2|1 2 3|2 1`,
 * symmetric `2 1|1 2 3|3 2`, wrap (circular) `2 3|1 2 3|1 2`.
 */
export type PadMode = 'constant' | 'edge' | 'replicate' | 'reflect' | 'symmetric' | 'wrap' | 'circular';

/** `[before, after]` for each axis, one such pair for all axes, or one number for all sides. */
export type PadWidths = number | readonly [number, number] | readonly (readonly [number, number])[];

/** One pair for each axis. */
export function padWidthsOf(widths: PadWidths, shape: readonly number[]): (readonly [number, number])[] {
  const list: (readonly [number, number])[] =
    typeof widths === 'number'
      ? shape.map(() => [widths, widths])
      : typeof widths[0] === 'number'
        ? shape.map(() => widths as readonly [number, number])
        : [...(widths as readonly (readonly [number, number])[])];
  if (list.length !== shape.length)
    throw new Error(`pad: ${list.length} widths for an array of shape [${shape.join(', ')}]`);
  for (const pair of list)
    if (!Array.isArray(pair) || pair.length !== 2 || !pair.every(Number.isInteger))
      throw new Error(`pad: widths are pairs of integers [before, after], got ${JSON.stringify(pair)}`);
  return list;
}

const modulo = (i: number, n: number): number => ((i % n) + n) % n;

/** Where the element at position i, in or outside of 0..n-1, comes from. */
const sources: { readonly [M in Exclude<PadMode, 'constant'>]: (i: number, n: number) => number } = {
  edge: (i, n) => Math.min(n - 1, Math.max(0, i)),
  replicate: (i, n) => Math.min(n - 1, Math.max(0, i)),
  reflect: (i, n) => {
    const at = modulo(i, Math.max(1, 2 * n - 2));
    return at < n ? at : 2 * n - 2 - at;
  },
  symmetric: (i, n) => {
    const at = modulo(i, 2 * n);
    return at < n ? at : 2 * n - 1 - at;
  },
  wrap: modulo,
  circular: modulo,
};

/** Adds elements before and after along each axis. Constants may have negative widths, which cut. */
export function padOf(x: Node, given: PadWidths, mode: PadMode, value: number): Node {
  const widths = padWidthsOf(given, x.shape);
  if (mode === 'constant') {
    widths.forEach(([before, after], i) => {
      if (x.shape[i] + before + after < 0)
        throw new Error(`pad: [${before}, ${after}] cuts more than axis ${i} of [${x.shape.join(', ')}] has`);
    });
    return g.pad(
      x,
      widths.map((w) => w[0]),
      widths.map((w) => w[1]),
      widths.map(() => 0),
      value,
    );
  }
  const source = sources[mode];
  if (source === undefined)
    throw new Error(
      `pad: there is no mode '${mode}'; there are constant, edge, replicate, reflect, symmetric, wrap, circular`,
    );
  return widths.reduce((padded, [before, after], axis) => {
    const extent = x.shape[axis];
    if (before === 0 && after === 0) return padded;
    if (before < 0 || after < 0)
      throw new Error(
        `pad: mode '${mode}' takes widths from 0 on, got [${before}, ${after}]; cut with slice()`,
      );
    if (extent === 0)
      throw new Error(
        `pad: axis ${axis} of [${x.shape.join(', ')}] is empty: mode '${mode}' has nothing to copy`,
      );
    const positions = Array.from({ length: before + extent + after }, (_, i) => source(i - before, extent));
    return rearrange(padded, axis, positions);
  }, x);
}
