import type { Tensor } from '../core/tensor.ts';

/**
 * Intersection over union of each box of one list with each of another: [n, 4] and [m, 4] give [n, m]. A box is its corners [x1, y1, x2, y2] with
 * x1 <= x2 and y1 <= y2. Boxes without area have 0 with everything. Made of array operations: it differentiates and compiles.
 *
 * @throws if the shapes are others
 */
export function boxIou(a: Tensor, b: Tensor): Tensor {
  for (const boxes of [a, b])
    if (boxes.ndim !== 2 || boxes.shape[1] !== 4)
      throw new Error(`boxIou: boxes must have shape [n, 4], got [${boxes.shape.join(', ')}]`);
  const corners = (boxes: Tensor, from: number): Tensor => boxes.slice(null, [from, from + 2]);
  const [low, high] = [
    corners(a, 0).expandDims(1).maximum(corners(b, 0).expandDims(0)),
    corners(a, 2).expandDims(1).minimum(corners(b, 2).expandDims(0)),
  ];
  const area = (boxes: Tensor): Tensor => corners(boxes, 2).sub(corners(boxes, 0)).prod(-1);
  const intersection = high.sub(low).maximum(0).prod(-1);
  const union = area(a).expandDims(1).add(area(b).expandDims(0)).sub(intersection);
  // A quotient of zeros would be NaN.
  return intersection.div(union.maximum(1e-30));
}
