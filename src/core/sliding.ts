import * as g from '../graph/build.ts';
import type { Node } from '../graph/node.ts';
import { axisOf } from './operands.ts';

/** Windows of `sizes[i]` neighbours along axes, one window every `steps[i]` elements; the windows' axes are appended in the order given. */
export function windowsOf(
  name: string,
  x: Node,
  axes: readonly number[],
  sizes: readonly number[],
  steps: readonly number[] = axes.map(() => 1),
): Node {
  if (axes.length !== sizes.length)
    throw new Error(`${name}: ${sizes.length} sizes for ${axes.length} axes; give one for each`);
  const chosen = axes.map((axis) => axisOf(name, axis, x.shape.length));
  if (new Set(chosen).size !== chosen.length)
    throw new Error(`${name}: an axis is named twice in [${axes}]; take windows of windows instead`);
  chosen.forEach((axis, i) => {
    if (!Number.isInteger(sizes[i]) || sizes[i] < 1 || sizes[i] > x.shape[axis])
      throw new Error(
        `${name}: a window of ${sizes[i]} does not fit into axis ${axis} of [${x.shape.join(', ')}]`,
      );
    if (!Number.isInteger(steps[i]) || steps[i] < 1)
      throw new Error(`${name}: the step is an integer from 1 on, got ${steps[i]}`);
  });
  return g.window(x, { axes: chosen, size: sizes, stride: steps, dilation: chosen.map(() => 1) });
}
