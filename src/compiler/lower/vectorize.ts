import { bytesOf, type DType } from '../../graph/dtype.ts';
import type { Affine, Axis } from '../affine.ts';
import { isScalarOnly } from '../expand/expansion.ts';
import type { KernelExpr, LoopKernel } from '../kernel.ts';
import { visitIndices } from './merge_axes.ts';

/** Which axis of a kernel can be covered several lanes at a time, with contiguous loads and stores. */

/** The constant factor of an axis in an index. */
export const coefficientOf = (x: Affine, id: number): number =>
  x.terms.find(([atom]) => atom.id === id)?.[1] ?? 0;

/** Whether an index depends on an axis otherwise than by a constant coefficient. */
function hides(x: Affine, id: number): boolean {
  return x.terms.some(([atom]) => {
    if (atom.kind === 'axis') return false;
    return atom.kind === 'dynamic'
      ? dependsOn(atom.value as KernelExpr, id)
      : coefficientOf(atom.x, id) !== 0 || hides(atom.x, id);
  });
}

/** Whether a value may depend on an axis. Of a reduction's result it is assumed: it differs along the outer axes. */
function dependsOn(x: KernelExpr, id: number): boolean {
  let found = x.op === 'result';
  visitIndices(
    x,
    (index) => {
      found ||= coefficientOf(index, id) !== 0 || hides(index, id);
    },
    (operand) => {
      found ||= dependsOn(operand, id);
    },
  );
  return found;
}

/** Whether an expression can be computed for consecutive values of an axis at once. */
export function isVectorizable(x: KernelExpr, id: number, known = new Map<KernelExpr, boolean>()): boolean {
  let result = known.get(x);
  if (result !== undefined) return result;
  result = x.dtype !== 'float64';
  if (x.op === 'binary' && x.kind === 'pow' && x.dtype !== 'float32') result = false;
  if ((x.op === 'unary' || x.op === 'binary') && isScalarOnly(x.kind)) result = false;
  visitIndices(
    x,
    (index) => {
      if (hides(index, id)) result = false;
      const c = coefficientOf(index, id);
      if (x.op === 'load' && c !== 0 && c !== 1) result = false;
      if (x.op === 'guard' && c !== 0) result = false;
    },
    (operand) => {
      result &&= isVectorizable(operand, id, known);
    },
  );
  known.set(x, result);
  return result;
}

/**
 * The axis to vectorize, or null: the one along which everything is contiguous, the innermost of them that fills a vector; else one
 * that fills a part of a vector. A reduced axis must fill at least half of one, as its lanes have to be combined in the end.
 */
export function vectorAxis(kernel: LoopKernel, lanes: number): Axis | null {
  const whole = contiguousAxis(kernel, (axis) => axis.extent >= lanes);
  if (whole !== null || !allowsPartial(kernel)) return whole;
  return (
    contiguousAxis(kernel, (axis) => axis.extent > 1 && !kernel.reduced.has(axis.id)) ??
    contiguousAxis(kernel, (axis) => 2 * axis.extent >= lanes && kernel.reduced.has(axis.id))
  );
}

/** Whether parts of vectors can be read and written: all arrays have elements of 4 bytes. */
export const allowsPartial = ({
  outputs,
  reductions = [],
}: Pick<LoopKernel, 'outputs'> & Partial<Pick<LoopKernel, 'reductions'>>): boolean =>
  outputs.every(({ node, value }) => isWord(node.dtype) && readsOnlyWords(value)) &&
  reductions.every(({ value }) => readsOnlyWords(value));

const isWord = (dtype: DType): boolean => bytesOf(dtype) === 4;

/** Whether an expression reads elements of 4 bytes only. */
export function readsOnlyWords(x: KernelExpr, known = new Map<KernelExpr, boolean>()): boolean {
  let result = known.get(x);
  if (result !== undefined) return result;
  result = x.op !== 'load' || isWord(x.dtype);
  visitIndices(
    x,
    () => {},
    (operand) => {
      result &&= readsOnlyWords(operand, known);
    },
  );
  known.set(x, result);
  return result;
}

function contiguousAxis(kernel: LoopKernel, isLong: (axis: Axis) => boolean): Axis | null {
  const known = () => new Map<KernelExpr, boolean>();
  for (let i = kernel.axes.length - 1; i >= 0; i--) {
    const axis = kernel.axes[i];
    if (!isLong(axis)) continue;
    const memo = known();
    const fits = (x: KernelExpr) => isVectorizable(x, axis.id, memo);
    const isReduced = kernel.reduced.has(axis.id);
    const stores = kernel.outputs.filter((o) => !isReduced || o.level === 'full');
    const values = [...kernel.reductions.map((r) => r.value), ...stores.map((o) => o.value)];
    if (!values.every(fits) || values.some((x) => x.dtype === 'float64')) continue;
    if (stores.some((o) => coefficientOf(o.index, axis.id) !== 1 || hides(o.index, axis.id))) continue;
    if (kernel.reductions.some((r) => hides(r.position, axis.id))) continue;
    return axis;
  }
  return null;
}

/** Whether consecutive values of an axis read consecutive elements. */
export function isContiguous(x: KernelExpr, id: number): boolean {
  let reads = false;
  const visit = (e: KernelExpr): void =>
    visitIndices(
      e,
      (index) => {
        reads ||= e.op === 'load' && coefficientOf(index, id) === 1;
      },
      visit,
    );
  visit(x);
  return reads && isVectorizable(x, id);
}
