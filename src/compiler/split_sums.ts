import { contract, reduce } from '../graph/build.ts';
import { isOp, type Node } from '../graph/node.ts';
import type { AffineIndex } from '../graph/vocabulary.ts';
import { isTiled } from './contraction_shape.ts';

/**
 * Small products of very long sums, such as the filter gradient of a convolution, which sums over all positions of all images: the
 * sum is cut into parts that threads can share, and the parts are added in a fixed order.
 */
const longSum = 8192;
const smallOutput = 65536;
/** Parts of a sum, best first. */
const parts = [8, 4, 6, 5, 7, 3, 2];

export function splitSums(node: Node): Node {
  if (!isOp(node, 'contract') || !isTiled(node)) return node;
  const { sizes, outRank, a, b } = node.attributes;
  const size = (from: number, to: number) => sizes.slice(from, to).reduce((n, extent) => n * extent, 1);
  if (size(outRank, sizes.length) < longSum || size(0, outRank) > smallOutput) return node;
  let longest = outRank;
  for (let axis = outRank; axis < sizes.length; axis++) if (sizes[axis] > sizes[longest]) longest = axis;
  // The outermost axis that divides: parts are then whole images, and their windows stay together.
  for (let axis = outRank; axis < sizes.length; axis++) {
    const count = parts.find((n) => sizes[axis] % n === 0 && sizes[axis] >= n);
    if (count === undefined || (sizes[axis] < 2 * count && axis !== longest)) continue;
    const length = sizes[axis] / count;
    const rewrite = (index: readonly AffineIndex[]): AffineIndex[] =>
      index.map((i) => ({
        ...i,
        terms: i.terms.flatMap(([old, c]) =>
          old === axis ? [[0, c * length] as const, [old + 1, c] as const] : [[old + 1, c] as const],
        ),
      }));
    const spec = {
      sizes: [count, ...sizes.map((extent, i) => (i === axis ? length : extent))],
      outRank: outRank + 1,
      a: rewrite(a),
      b: rewrite(b),
    };
    return reduce('sum', contract(spec, node.inputs[0], node.inputs[1]), [0]);
  }
  return node;
}
