import type { Expr, Local, Statement } from '../ir.ts';
import { binary, get, i32Constant, local, typeOf } from '../ir_build.ts';

/** Division of a kernel into chunks that threads share. Only shapes decide: results are the same for any number of threads. */

/** A kernel as statements, with its chunks if it has several. */
export interface KernelBody {
  readonly body: readonly Statement[];
  readonly chunks?: { readonly variable: Local; readonly count: number };
}

/** More chunks than this balance no better. */
const most = 64;

export interface Chunks {
  readonly variable: Local;
  readonly count: number;
  /** First element of the running chunk, and the end of it. */
  readonly begin: Expr;
  readonly end: Expr;
}

/**
 * Cuts the range 0..extent-1, a multiple of `step` at a time, into chunks of at least `chunkWork` simple operations.
 *
 * @param work operations for the whole range
 */
export function chunksOf(extent: number, step: number, work: number, chunkWork: number): Chunks | null {
  const wanted = Math.min(most, Math.floor(work / chunkWork), Math.floor(extent / step));
  if (!(wanted >= 2)) return null;
  const size = Math.ceil(extent / step / wanted) * step;
  const count = Math.ceil(extent / size);
  if (count < 2) return null;
  const variable = local('chunk', typeOf('i32'));
  const begin = binary('mul', get(variable), i32Constant(size));
  const end =
    extent % size === 0
      ? binary('add', begin, i32Constant(size))
      : binary('min', binary('add', begin, i32Constant(size)), i32Constant(extent));
  return { variable, count, begin, end };
}
