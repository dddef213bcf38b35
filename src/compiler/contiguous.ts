import { input } from '../graph/build.ts';
import {
  type Affine,
  type Axis,
  addAffine,
  affineKey,
  atomIndex,
  constantIndex,
  scaleAffine,
} from './affine.ts';
import type { KernelExpr, LoopKernel, Output } from './kernel.ts';
import { mapExpr } from './lower/merge_axes.ts';
import { coefficientOf, vectorAxis } from './lower/vectorize.ts';

/**
 * Small arrays in the order of large ones. A depthwise convolution reads images whose channels are neighbours, and filters whose
 * channels are not: with a copy of the filters in the other order (or, for their gradient, a sum that is stored in the
 * other order first), the loops over the images go along the channels in whole vectors.
 */

/** A kernel has at least as many points for each element that is copied. */
const worthwhile = 8;
/** Axes shorter than this, and kernels of fewer points, are not worth it. */
const shortest = 4;
const fewestPoints = 4096;

/** The kernel, with others before and after it that copy; alone where it needs none or none help. */
export function contiguous(kernel: LoopKernel, lanes: number): readonly LoopKernel[] {
  if (sizeOf(kernel.axes) < fewestPoints || vectorAxis(kernel, lanes) !== null) return [kernel];
  for (let i = kernel.axes.length - 1; i >= 0; i--) {
    const axis = kernel.axes[i];
    if (kernel.reduced.has(axis.id) || axis.extent < shortest) continue;
    const changed = along(kernel, axis);
    if (changed !== null && vectorAxis(changed.kernel, lanes) === axis)
      return [...changed.before, changed.kernel, ...changed.after];
  }
  return [kernel];
}

interface Changed {
  readonly before: readonly LoopKernel[];
  readonly kernel: LoopKernel;
  readonly after: readonly LoopKernel[];
}

/** A kernel whose arrays are contiguous along an axis, or null where large arrays are not. */
function along(kernel: LoopKernel, axis: Axis): Changed | null {
  const points = sizeOf(kernel.axes);
  const outer = [...kernel.axes.filter((a) => a !== axis && !kernel.reduced.has(a.id)), axis];
  const before: LoopKernel[] = [];
  const after: LoopKernel[] = [];
  const copies = new Map<string, KernelExpr>();
  let fits = true;

  const copied = (x: KernelExpr & { op: 'load' }): KernelExpr => {
    const c = coefficientOf(x.index, axis.id);
    if (c === 0 || c === 1) return x;
    const axes = kernel.axes.filter((a) => a !== axis && coefficientOf(x.index, a.id) !== 0);
    axes.push(axis);
    if (x.index.terms.some(([atom]) => atom.kind !== 'axis') || worthwhile * sizeOf(axes) > points) {
      fits = false;
      return x;
    }
    const key = `${x.source.id}|${affineKey(x.index)}`;
    let copy = copies.get(key);
    if (copy === undefined) {
      const shape = axes.map((a) => a.extent);
      const node = input(shape, x.dtype, `copy of ${x.source.id}`);
      before.push(copying(kernel, axes, { node, value: x, index: flat(axes), level: 'full' }));
      copy = { op: 'load', dtype: x.dtype, source: node, index: flat(axes) };
      copies.set(key, copy);
    }
    return copy;
  };

  const known = new Map<KernelExpr, KernelExpr>();
  const expr = (x: KernelExpr): KernelExpr => {
    let result = known.get(x);
    if (result === undefined) {
      // What an index reads from memory is left as it is; along the axis it must not vary anyway.
      result = x.op === 'load' ? copied(x) : mapExpr(x, (index) => index, expr);
      known.set(x, result);
    }
    return result;
  };

  const reductions = kernel.reductions.map((r) => ({ ...r, value: expr(r.value) }));
  const outputs = kernel.outputs.map((o): Output => {
    const value = expr(o.value);
    if (coefficientOf(o.index, axis.id) === 1) return { ...o, value };
    if (o.level === 'full' || worthwhile * sizeOf(outer) > points) {
      fits = false;
      return o;
    }
    const node = input(
      outer.map((a) => a.extent),
      o.node.dtype,
      `${o.node.id} in another order`,
    );
    const index = flat(outer);
    const load: KernelExpr = { op: 'load', dtype: o.node.dtype, source: node, index };
    after.push(copying(kernel, outer, { ...o, value: load, level: 'full' }));
    return { node, value, index, level: 'outer' };
  });
  if (!fits) return null;
  const rows = kernel.axes.filter((a) => kernel.reduced.has(a.id));
  return { before, kernel: { ...kernel, axes: [...outer, ...rows], reductions, outputs }, after };
}

const copying = ({ name }: LoopKernel, axes: readonly Axis[], output: Output): LoopKernel => ({
  kind: 'loops',
  name: `${name}_order`,
  axes,
  reduced: new Set(),
  reductions: [],
  outputs: [output],
});

const sizeOf = (axes: readonly Axis[]): number => axes.reduce((n, { extent }) => n * extent, 1);

/** Row-major position. */
const flat = (axes: readonly Axis[]): Affine =>
  axes.reduce((sum, axis) => addAffine(scaleAffine(sum, axis.extent), atomIndex(axis)), constantIndex(0));
