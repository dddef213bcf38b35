import { type Node, sizeOf } from '../../graph/node.ts';
import type { Axis } from '../affine.ts';
import type { Buffer, Expr, Statement } from '../ir.ts';
import { at, constant, i32Constant, index, load, local, loop, set, store, typeOf } from '../ir_build.ts';
import type { KernelExpr, ScatterKernel } from '../kernel.ts';
import type { Target } from '../target.ts';
import { combine, identityOf } from './accumulators.ts';
import { chunksOf, type KernelBody } from './chunks.ts';
import { Emitter, scalarOf } from './emit.ts';
import { coefficientOf, isVectorizable, readsOnlyWords } from './vectorize.ts';

/** The reduction that joins updates. */
const joinOf = ({ node }: ScatterKernel) => (node.attributes.kind === 'add' ? 'sum' : node.attributes.kind);

/**
 * What stands where nothing arrives everywhere, then one update after the other in row-major order, so that sums are reproducible. Where updates are rows of
 * neighbours, as for an embedding, rows are added in vectors, and threads share the columns.
 */
export function lowerScatter(
  kernel: ScatterKernel,
  bufferOf: (node: Node) => Buffer,
  target: Target,
): KernelBody {
  const columns = columnsOf(kernel);
  return columns === null
    ? { body: elementwise(kernel, bufferOf) }
    : inRows(kernel, columns, bufferOf, target);
}

/** Columns that a thread works on at least: memory is read in longer runs than vectors. */
const shortestRun = 64;

/** The axis along which updates and the elements they go to are neighbours, if rows of the result are as long as it. */
function columnsOf({ axes, index: place, value, node }: ScatterKernel): Axis | null {
  const axis = axes[axes.length - 1];
  if (axis === undefined || axis.extent === 1 || node.dtype === 'bool' || !readsOnlyWords(value)) return null;
  const target: KernelExpr = { op: 'load', dtype: node.dtype, source: node, index: place };
  if (coefficientOf(place, axis.id) !== 1) return null;
  if (!isVectorizable(target, axis.id) || !isVectorizable(value, axis.id)) return null;
  const isRows = place.terms.every(([atom, c]) => atom.id === axis.id || c % axis.extent === 0);
  return isRows && place.offset % axis.extent === 0 && sizeOf(node.shape) % axis.extent === 0 ? axis : null;
}

function inRows(
  kernel: ScatterKernel,
  columns: Axis,
  bufferOf: (node: Node) => Buffer,
  { lanes, chunkWork }: Target,
): KernelBody {
  const { axes, node } = kernel;
  const { extent, id } = columns;
  const top: Statement[] = [];
  const buffer = bufferOf(node);
  const scalar = scalarOf[node.dtype];
  const emitter = new Emitter(bufferOf, top);
  const rest = extent % lanes;
  const updates = axes.reduce((n, axis) => n * axis.extent, 1);
  const chunks = rest === 0 ? chunksOf(extent, Math.max(lanes, shortestRun), 2 * updates, chunkWork) : null;
  /** Whole vectors of the columns of a chunk, then a part of one. */
  const alongColumns = (body: () => void): void => {
    const begin: Expr = chunks?.begin ?? i32Constant(0);
    const end: Expr = chunks?.end ?? i32Constant(extent - rest);
    if (extent >= lanes) {
      const column = local(`i${id}`, typeOf('i32'));
      emitter.vectorize({ id, lanes });
      const statements = emitter.inside([[id, at(column)]], body);
      emitter.statements.push(loop(column, begin, end, lanes, statements));
    }
    if (rest > 0) {
      emitter.vectorize({ id, lanes, count: rest });
      const statements = emitter.inside([[id, index(extent - rest)]], body);
      emitter.statements.push(...statements);
    }
    emitter.vectorize(null);
  };

  const row = local('row', typeOf('i32'));
  const join = joinOf(kernel);
  const start = constant(typeOf(scalar, lanes), identityOf(join, scalar));
  const starts = emitter.inside([], () => {
    alongColumns(() => {
      const place = emitter.index({ offset: 0, terms: [[columns, 1]] });
      const here = { ...place, terms: [...place.terms, { local: row, coefficient: extent }] };
      emitter.statements.push(emitter.store(buffer, here, start));
    });
  });
  top.push(loop(row, 0, sizeOf(node.shape) / extent, 1, starts));

  const places = clamped(kernel);
  const nest = ([axis, ...others]: readonly Axis[]): void => {
    if (axis === columns) {
      alongColumns(() => {
        const place = emitter.index(places);
        const update = emitter.emit(kernel.value, 0, true);
        const joined = combine(join, emitter.load(buffer, place, lanes), update);
        emitter.statements.push(emitter.store(buffer, place, joined));
      });
      return;
    }
    const variable = local(`i${axis.id}`, typeOf('i32'));
    const body = emitter.inside([[axis.id, at(variable)]], () => nest(others));
    emitter.statements.push(loop(variable, 0, axis.extent, 1, body));
  };
  nest(axes);
  return chunks === null ? { body: top } : { body: top, chunks };
}

function elementwise(kernel: ScatterKernel, bufferOf: (node: Node) => Buffer): Statement[] {
  const top: Statement[] = [];
  const target = bufferOf(kernel.node);
  const type = typeOf(scalarOf[kernel.node.dtype]);
  const join = joinOf(kernel);
  const start = constant(type, identityOf(join, type.scalar));
  const i = local('i', typeOf('i32'));
  top.push(loop(i, 0, sizeOf(kernel.node.shape), 1, [store(target, at(i), start)]));
  const emitter = new Emitter(bufferOf, top);
  const nest = (axes: readonly Axis[]): void => {
    const [axis, ...rest] = axes;
    if (axis === undefined) {
      // An index outside names the nearest element, as gather reads it.
      const place = local('place', typeOf('i32'));
      emitter.statements.push(set(place, emitter.position(clamped(kernel))));
      const joined = combine(join, load(target, at(place)), emitter.emit(kernel.value));
      emitter.statements.push(store(target, at(place), joined));
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
