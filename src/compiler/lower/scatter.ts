import { type Node, sizeOf } from '../../graph/node.ts';
import type { Axis } from '../affine.ts';
import type { Buffer, Statement } from '../ir.ts';
import { at, binary, constant, load, local, loop, set, store, typeOf } from '../ir_build.ts';
import type { KernelExpr, ScatterKernel } from '../kernel.ts';
import { Emitter, scalarOf } from './emit.ts';

/** Zeros everywhere, then one update after the other in row-major order, so that sums are reproducible. */
export function lowerScatter(kernel: ScatterKernel, bufferOf: (node: Node) => Buffer): Statement[] {
  const top: Statement[] = [];
  const target = bufferOf(kernel.node);
  const type = typeOf(scalarOf[kernel.node.dtype]);
  const i = local('i', typeOf('i32'));
  top.push(loop(i, 0, sizeOf(kernel.node.shape), 1, [store(target, at(i), constant(type, 0))]));
  const emitter = new Emitter(bufferOf, top);
  const nest = (axes: readonly Axis[]): void => {
    const [axis, ...rest] = axes;
    if (axis === undefined) {
      // An index outside names the nearest element, as gather reads it.
      const place = local('place', typeOf('i32'));
      emitter.statements.push(set(place, emitter.position(clamped(kernel))));
      const sum = binary('add', load(target, at(place)), emitter.emit(kernel.value));
      emitter.statements.push(store(target, at(place), sum));
      return;
    }
    const variable = local(`i${axis.id}`, typeOf('i32'));
    const body = emitter.inside([[axis.id, at(variable)]], () => nest(rest));
    emitter.statements.push(loop(variable, 0, axis.extent, 1, body));
  };
  nest(kernel.axes);
  return top;
}

function clamped(kernel: ScatterKernel): ScatterKernel['index'] {
  const limit = (value: number): KernelExpr => ({ op: 'const', dtype: 'int32', value });
  const terms = kernel.index.terms.map(([atom, c]) => {
    if (atom.kind !== 'dynamic') return [atom, c] as const;
    const positive: KernelExpr = {
      op: 'binary',
      dtype: 'int32',
      kind: 'max',
      a: atom.value as KernelExpr,
      b: limit(0),
    };
    const value: KernelExpr = {
      op: 'binary',
      dtype: 'int32',
      kind: 'min',
      a: positive,
      b: limit(atom.extent - 1),
    };
    return [{ ...atom, value }, c] as const;
  });
  return { offset: kernel.index.offset, terms };
}
