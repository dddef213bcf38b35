import type { Shape } from '../../graph/node.ts';

/**
 * Calls `visit` with every multi-dimensional index of `shape` in row-major order. Rank 0 has one index, the empty one; a
 * shape with an extent of 0 has none. The array is reused between calls: copy it to keep it.
 */
export function forEachIndex(shape: Shape, visit: (index: readonly number[]) => void): void {
  if (shape.includes(0)) return;
  const index = shape.map(() => 0);
  for (;;) {
    visit(index);
    let axis = shape.length - 1;
    while (axis >= 0 && ++index[axis] === shape[axis]) index[axis--] = 0;
    if (axis < 0) return;
  }
}

/** Row-major position of `index` in an array of shape `shape`. */
export function positionOf(index: readonly number[], shape: Shape): number {
  let position = 0;
  for (let axis = 0; axis < shape.length; axis++) position = position * shape[axis] + index[axis];
  return position;
}
