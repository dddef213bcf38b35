import type { Axis } from '../affine.ts';
import type { Expr, Index } from '../ir.ts';
import {
  addIndex,
  at,
  binary,
  get,
  i32Constant,
  index,
  indexOf,
  local,
  loop,
  scaleIndex,
  set,
  typeOf,
} from '../ir_build.ts';
import type { Emitter } from './emit.ts';
import type { Packing } from './pack.ts';
import { product, type TilePlan } from './tile_plan.ts';

/** Loops of a packed product over ranges, in blocks, and over the blocks of its sum. */

/** A range of rows or columns. */
export interface Range {
  readonly begin: Expr;
  readonly end: Expr;
}

export const whole = (extent: number): Range => ({ begin: i32Constant(0), end: i32Constant(extent) });

/** A loop over one axis. */
export function axisLoop(
  emitter: Emitter,
  axis: Axis,
  begin: number | Expr,
  end: number | Expr,
  body: () => void,
  step = 1,
): void {
  const variable = local(`k${axis.id}`, typeOf('i32'));
  const statements = emitter.inside([[axis.id, at(variable)]], body);
  emitter.statements.push(loop(variable, begin, end, step, statements));
}

/** A loop over the blocks of a range, of which the body learns the first element and the end. */
export function inBlocks(
  emitter: Emitter,
  name: string,
  { begin, end }: Range,
  block: number,
  body: (start: Expr, end: Expr) => void,
): void {
  if (begin.op === 'const' && end.op === 'const' && end.value - begin.value <= block) {
    body(begin, end);
    return;
  }
  const start = local(name, typeOf('i32'));
  const blockEnd = local(`${name}End`, typeOf('i32'));
  const statements = emitter.inside([], () => {
    const limit = binary('min', binary('add', get(start), i32Constant(block)), end);
    emitter.statements.push(set(blockEnd, limit));
    body(get(start), get(blockEnd));
  });
  emitter.statements.push(loop(start, begin, end, block, statements));
}

/** A loop over the blocks of the sum; the body learns how many terms lie before the block. */
export function forSumBlocks(
  emitter: Emitter,
  { sumOuter, sumCut, sumInner, chunk }: TilePlan,
  body: (packing: Packing, before: Index) => void,
): void {
  const inner = product(sumInner);
  const block = (from: Expr, to: Expr, outer: Index) => {
    const length = binary('mul', binary('sub', to, from), i32Constant(inner));
    const cut = sumCut === null ? null : { axis: sumCut, from, to };
    const before = addIndex(outer, sumCut === null ? index(0) : scaleIndex(indexOf(from), inner));
    body({ cut, inner: sumInner, length }, before);
  };
  const nest = (axes: readonly Axis[], outer: Index): void => {
    const [axis, ...rest] = axes;
    if (axis === undefined) {
      if (sumCut === null) block(i32Constant(0), i32Constant(1), outer);
      else inBlocks(emitter, 'chunk', whole(sumCut.extent), chunk, (from, to) => block(from, to, outer));
      return;
    }
    const terms = product(rest) * (sumCut?.extent ?? 1) * inner;
    const variable = local(`k${axis.id}`, typeOf('i32'));
    const statements = emitter.inside([[axis.id, at(variable)]], () =>
      nest(rest, addIndex(outer, scaleIndex(at(variable), terms))),
    );
    emitter.statements.push(loop(variable, 0, axis.extent, 1, statements));
  };
  nest(sumOuter, index(0));
}
