import type { KernelExpr, LoopKernel } from '../kernel.ts';
import { visitDynamic, visitIndices } from './merge_axes.ts';

/** Rough number of simple operations of a kernel. */
export function workOf({ axes, reductions, outputs }: LoopKernel): number {
  const seen = new Set<KernelExpr>();
  let cost = 0;
  const visit = (x: KernelExpr): void => {
    if (seen.has(x)) return;
    seen.add(x);
    cost += x.op === 'threefry' ? 100 : x.op === 'unary' ? 8 : 1;
    visitIndices(x, (index) => visitDynamic(index, visit), visit);
  };
  for (const { value } of [...reductions, ...outputs]) visit(value);
  return axes.reduce((n, axis) => n * axis.extent, cost);
}
