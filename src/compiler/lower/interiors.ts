import type { Condition, KernelExpr, LoopKernel } from '../kernel.ts';
import { visitDynamic, visitIndices } from './merge_axes.ts';

/** Where the windows of a kernel do not touch the borders: loops over those positions need no tests. */

/** Axes that are divided in three, the innermost: each multiplies the code. */
const mostAxes = 2;

/**
 * For outer axes that the conditions under a kernel's reductions are about: the positions `[first, end)` at which those hold
 * whatever the other axes are, if they are most of the axis and not all of it.
 */
export function interiorsOf({ axes, reduced, reductions }: LoopKernel): Map<number, [number, number]> {
  const conditions: Condition[] = [];
  const seen = new Set<KernelExpr>();
  const visit = (x: KernelExpr): void => {
    if (seen.has(x)) return;
    seen.add(x);
    if (x.op === 'guard') conditions.push(...x.conditions);
    visitIndices(x, (index) => visitDynamic(index, visit), visit);
  };
  for (const { value } of reductions) visit(value);
  const interiors = new Map<number, [number, number]>();
  for (let i = axes.length - 1; i >= 0 && interiors.size < mostAxes; i--) {
    const { id, extent } = axes[i];
    if (reduced.has(id)) continue;
    let [low, high] = [0, extent];
    for (const condition of conditions) {
      const holds = condition.kind === 'inside' ? whereInside(condition, id) : null;
      if (holds === null) continue;
      const [first, end] = [Math.max(0, holds[0]), Math.min(extent, holds[1])];
      if (2 * (end - first) < extent) continue;
      [low, high] = [Math.max(low, first), Math.min(high, end)];
    }
    if (high > low && high - low < extent) interiors.set(id, [low, high]);
  }
  return interiors;
}

/** The values `[first, end)` of an axis for which `0 <= index < extent`, whatever the other axes are; null if it does not occur. */
function whereInside({ index, extent }: Condition & { kind: 'inside' }, id: number): [number, number] | null {
  let factor = 0;
  let [low, high] = [index.offset, index.offset];
  for (const [atom, c] of index.terms) {
    if (atom.id === id) factor = c;
    else if (c > 0) high += c * (atom.extent - 1);
    else low += c * (atom.extent - 1);
  }
  if (factor === 0) return null;
  // factor * axis + low >= 0 and factor * axis + high < extent
  const bounds = [-low / factor, (extent - 1 - high) / factor].sort((a, b) => a - b);
  return [Math.ceil(bounds[0]), Math.floor(bounds[1]) + 1];
}
