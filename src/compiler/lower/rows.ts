import type { Affine, Axis } from '../affine.ts';
import type { Expr, Index } from '../ir.ts';
import { at, binary, get, i32Constant, index, indexOf, indexValue, local, set, typeOf } from '../ir_build.ts';
import type { KernelExpr, Output } from '../kernel.ts';
import type { Emitter } from './emit.ts';
import { visitIndices } from './merge_axes.ts';

/**
 * Coordinates of a row-major position over several axes. Where all readers run through the axes as one, the last axis takes the
 * whole position and nothing is divided.
 */
export function bindRows(
  emitter: Emitter,
  axes: readonly Axis[],
  position: Index,
  outputs: readonly Output[] | null,
): (readonly [number, Index])[] {
  const last = axes[axes.length - 1];
  if (axes.length === 1) return [[last.id, position]];
  if (outputs?.every((o) => runsThroughAll(o, axes)))
    return axes.map((axis) => [axis.id, axis === last ? position : index(0)] as const);
  const flat = local('flat', typeOf('i32'));
  emitter.statements.push(set(flat, indexValue(position)));
  let rest: Expr = get(flat);
  const bound: (readonly [number, Index])[] = [];
  for (let i = axes.length - 1; i >= 0; i--) {
    const { id, extent } = axes[i];
    if (i === 0) {
      bound.push([id, indexOf(rest)]);
      break;
    }
    const [quotient, remainder] = [local('div', typeOf('i32')), local('mod', typeOf('i32'))];
    const by = i32Constant(extent);
    const product = binary('mul', get(quotient), by);
    emitter.statements.push(
      set(quotient, binary('div', rest, by)),
      set(remainder, binary('sub', rest, product)),
    );
    bound.push([id, at(remainder)]);
    rest = get(quotient);
  }
  return bound;
}

function runsThroughAll(output: Output, axes: readonly Axis[]): boolean {
  let fits = true;
  const seen = new Set<KernelExpr>();
  const check = (x: Affine) => {
    const c = (axis: Axis) => x.terms.find(([atom]) => atom.id === axis.id)?.[1] ?? 0;
    for (let i = 0; i + 1 < axes.length; i++)
      if (c(axes[i]) !== c(axes[i + 1]) * axes[i + 1].extent) fits = false;
    for (const [atom] of x.terms) if (atom.kind !== 'axis') fits = false;
  };
  const visit = (e: KernelExpr): void => {
    if (seen.has(e)) return;
    seen.add(e);
    visitIndices(e, check, visit);
  };
  check(output.index);
  visit(output.value);
  return fits;
}
