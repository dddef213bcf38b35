import { contract, slice } from '../graph/build.ts';
import { plainIndex } from '../graph/contraction.ts';
import type { Node } from '../graph/node.ts';
import { alike } from './operands.ts';

/** Convolution and correlation of two sequences. */

/**
 * Which part of the result is returned: every overlap (`full`, n + m - 1 elements), as many elements as the longer sequence has around
 * the middle (`same`), or complete overlaps only (`valid`, |n - m| + 1 elements).
 */
export type ConvolutionMode = 'full' | 'same' | 'valid';

const reversed = (x: Node): Node => slice(x, [x.shape[0] - 1], [-1], x.shape);

function requireSequences(name: string, a: Node, v: Node): void {
  for (const x of [a, v])
    if (x.shape.length !== 1 || x.shape[0] === 0)
      throw new Error(
        `${name}: needs two sequences with one axis and at least one element, got [${a.shape.join(', ')}] and [${v.shape.join(', ')}]`,
      );
}

/** `out[k] = sum over j of a[k + j - shift] v[j]`, with a at least as long as v. */
function slide(name: string, a: Node, v: Node, mode: ConvolutionMode): Node {
  const [n, m] = [a.shape[0], v.shape[0]];
  const parts = { full: [n + m - 1, m - 1], same: [n, Math.floor(m / 2)], valid: [n - m + 1, 0] } as const;
  if (!Object.hasOwn(parts, mode))
    throw new Error(`${name}: the mode must be 'full', 'same' or 'valid', got '${String(mode)}'`);
  const [length, shift] = parts[mode];
  const [x, y] = alike([a, v]);
  const terms = [
    [0, 1],
    [1, 1],
  ] as const;
  return contract(
    { sizes: [length, m], outRank: 1, a: [{ terms, offset: -shift, divisor: 1 }], b: [plainIndex(1)] },
    x,
    y,
  );
}

/** `out[k] = sum over j of a[k - j] v[j]` (NumPy's convolve). */
export function convolveOf(a: Node, v: Node, mode: ConvolutionMode): Node {
  requireSequences('convolve', a, v);
  const [long, short] = v.shape[0] > a.shape[0] ? [v, a] : [a, v];
  return slide('convolve', long, reversed(short), mode);
}

/** `out[k] = sum over j of a[k + j] v[j]` (NumPy's correlate). */
export function correlateOf(a: Node, v: Node, mode: ConvolutionMode): Node {
  requireSequences('correlate', a, v);
  return v.shape[0] > a.shape[0] ? reversed(slide('correlate', v, a, mode)) : slide('correlate', a, v, mode);
}
