import { input } from '../../graph/build.ts';
import type { Node } from '../../graph/node.ts';
import type { Axis } from '../affine.ts';
import type { Buffer, Expr, Index, Statement } from '../ir.ts';
import {
  at,
  compare,
  constant,
  get,
  i32Constant,
  ifThen,
  index,
  local,
  loop,
  set,
  shuffle,
  typeOf,
} from '../ir_build.ts';
import type { KernelExpr, LoopKernel } from '../kernel.ts';
import type { Target } from '../target.ts';
import { chunksOf, type KernelBody } from './chunks.ts';
import { Emitter, scalarOf } from './emit.ts';
import { mapExpr } from './merge_axes.ts';
import { allowsPartial, coefficientOf, isVectorizable, vectorAxis } from './vectorize.ts';
import { workOf } from './work.ts';

/**
 * Maps that read along one axis and write along another, such as the copy of a transposed matrix: square blocks are read in vectors,
 * turned in registers and written in vectors.
 */

/** A map whose reads go along `rows` where its writes go along `columns`. */
interface Turn {
  readonly rows: Axis;
  readonly columns: Axis;
  /** The outputs with results of `of` in the place of loads that are turned. */
  readonly outputs: LoopKernel['outputs'];
  readonly loads: readonly { readonly of: Node; readonly load: KernelExpr }[];
}

/** The statements of such a map; null for all other kernels. */
export function lowerTurned(
  kernel: LoopKernel,
  bufferOf: (node: Node) => Buffer,
  target: Target,
): KernelBody | null {
  const { lanes } = target;
  if (kernel.reductions.length > 0 || kernel.axes.length < 2 || !allowsPartial(kernel)) return null;
  if (vectorAxis(kernel, lanes) !== null) return null;
  const turn = turnOf(kernel, lanes);
  return turn === null ? null : new TurnedMap(kernel, turn, bufferOf, target).build();
}

function turnOf(kernel: LoopKernel, lanes: number): Turn | null {
  const { axes, outputs } = kernel;
  const columns = axes.find((axis) => outputs.every((o) => coefficientOf(o.index, axis.id) === 1));
  if (columns === undefined || columns.extent < lanes) return null;
  for (const rows of axes) {
    if (rows === columns || rows.extent < lanes) continue;
    const loads: { of: Node; load: KernelExpr }[] = [];
    const known = new Map<KernelExpr, KernelExpr>();
    let fits = true;
    const turned = (x: KernelExpr): KernelExpr => {
      let result = known.get(x);
      if (result !== undefined) return result;
      const c = x.op === 'load' ? coefficientOf(x.index, columns.id) : 0;
      // What is read under a condition cannot be read beforehand.
      if (x.op === 'guard') result = x;
      else if (x.op !== 'load' || c === 0 || c === 1) result = mapExpr(x, (i) => i, turned);
      else {
        fits &&= coefficientOf(x.index, rows.id) === 1 && isVectorizable(x, rows.id);
        fits &&= x.index.terms.every(([atom]) => atom.kind === 'axis');
        const of = input([], x.dtype);
        loads.push({ of, load: x });
        result = { op: 'result', dtype: x.dtype, of };
      }
      known.set(x, result);
      return result;
    };
    const values = outputs.map((o) => ({ ...o, value: turned(o.value) }));
    if (fits && loads.length === 1 && values.every((o) => isVectorizable(o.value, columns.id)))
      return { rows, columns, outputs: values, loads };
  }
  return null;
}

class TurnedMap {
  readonly #kernel: LoopKernel;
  readonly #turn: Turn;
  readonly #bufferOf: (node: Node) => Buffer;
  readonly #target: Target;
  readonly #top: Statement[] = [];
  readonly #emitter: Emitter;

  constructor(kernel: LoopKernel, turn: Turn, bufferOf: (node: Node) => Buffer, target: Target) {
    this.#kernel = kernel;
    this.#turn = turn;
    this.#bufferOf = bufferOf;
    this.#target = target;
    this.#emitter = new Emitter(bufferOf, this.#top);
  }

  build(): KernelBody {
    const { rows, columns } = this.#turn;
    const { lanes, chunkWork } = this.#target;
    const others = this.#kernel.axes.filter((axis) => axis !== rows && axis !== columns);
    const work = workOf(this.#kernel);
    // Threads share the first of the other axes, or the blocks of columns where there is none.
    const [first] = others;
    const whole = columns.extent - (columns.extent % lanes);
    const chunks =
      first === undefined
        ? chunksOf(whole, lanes, work, chunkWork)
        : chunksOf(first.extent, 1, work, chunkWork);
    const nest = ([axis, ...rest]: readonly Axis[]): void => {
      if (axis === undefined) {
        this.#blocks(first === undefined ? chunks : null);
        return;
      }
      const variable = local(`i${axis.id}`, typeOf('i32'));
      const body = this.#emitter.inside([[axis.id, at(variable)]], () => nest(rest));
      const [begin, end] = axis === first && chunks !== null ? [chunks.begin, chunks.end] : [0, axis.extent];
      this.#emitter.statements.push(loop(variable, begin, end, 1, body));
    };
    nest(others);
    return chunks === null ? { body: this.#top } : { body: this.#top, chunks };
  }

  /** All blocks of columns and rows; the last ones may be parts of squares. */
  #blocks(chunks: ReturnType<typeof chunksOf>): void {
    const { rows, columns } = this.#turn;
    const { lanes } = this.#target;
    const overRows = (here: Index, count: number): void => {
      const rest = rows.extent % lanes;
      const row = local(`i${rows.id}`, typeOf('i32'));
      const square = this.#emitter.inside([], () => this.#block(at(row), lanes, here, count));
      this.#emitter.statements.push(loop(row, 0, rows.extent - rest, lanes, square));
      if (rest > 0) this.#block(index(rows.extent - rest), rest, here, count);
    };
    const rest = columns.extent % lanes;
    const column = local(`i${columns.id}`, typeOf('i32'));
    const body = this.#emitter.inside([], () => overRows(at(column), lanes));
    const [begin, end] = [chunks?.begin ?? 0, chunks?.end ?? columns.extent - rest];
    this.#emitter.statements.push(loop(column, begin, end, lanes, body));
    if (rest === 0) return;
    const last = this.#emitter.inside([], () => overRows(index(columns.extent - rest), rest));
    const isLast =
      chunks === null ? null : compare('eq', get(chunks.variable), i32Constant(chunks.count - 1));
    this.#emitter.statements.push(...(isLast === null ? last : [ifThen(isLast, last)]));
  }

  /** One block: a vector of rows for each column is read and turned into a vector of columns for each row. */
  #block(row: Index, rowCount: number, column: Index, columnCount: number): void {
    const { rows, columns, loads, outputs } = this.#turn;
    const { lanes } = this.#target;
    const emitter = this.#emitter;
    const part = (count: number) => (count < lanes ? { count } : {});
    const shifted = (from: Index, by: number) => ({ ...from, offset: from.offset + by });
    const turned = loads.map(({ load }) => {
      const type = typeOf(scalarOf[load.dtype], lanes);
      emitter.vectorize({ id: rows.id, lanes, ...part(rowCount) });
      const lines = Array.from({ length: lanes }, (_, c): Expr => {
        const line = local('line', type);
        let value: Expr = constant(type, 0);
        if (c < columnCount) {
          const statements = emitter.inside(
            [
              [rows.id, row],
              [columns.id, shifted(column, c)],
            ],
            () => {
              value = emitter.emit(load, 0, true);
            },
          );
          emitter.statements.push(...statements);
        }
        emitter.statements.push(set(line, value));
        return get(line);
      });
      emitter.vectorize(null);
      return transposed(emitter.statements, lines);
    });
    for (let r = 0; r < rowCount; r++) {
      emitter.vectorize({ id: columns.id, lanes, ...part(columnCount) });
      const statements = emitter.inside(
        [
          [rows.id, shifted(row, r)],
          [columns.id, column],
        ],
        () => {
          loads.forEach(({ of }, i) => {
            emitter.define(of, [turned[i][r]]);
          });
          // Values first: an output may take the place of an array that another output reads.
          const stores = outputs.map(({ node, value, index: place }) => {
            const result = local('v', typeOf(scalarOf[node.dtype], lanes));
            emitter.statements.push(set(result, emitter.emit(value, 0, true)));
            return emitter.store(this.#bufferOf(node), emitter.index(place), get(result));
          });
          emitter.statements.push(...stores);
          for (const { of } of loads) emitter.forget(of);
        },
      );
      emitter.statements.push(...statements);
      emitter.vectorize(null);
    }
  }
}

/** A square block turned over its diagonal: each round interleaves the first half of the lines with the second. */
export function transposed(statements: Statement[], lines: readonly Expr[]): Expr[] {
  const half = lines.length / 2;
  const interleaved = (from: number): number[] =>
    Array.from({ length: lines.length }, (_, lane) => from + (lane >> 1) + (lane % 2) * lines.length);
  let current = [...lines];
  for (let round = 1; round < lines.length; round *= 2) {
    current = Array.from({ length: lines.length }, (_, i) => {
      const [a, b] = [current[i >> 1], current[(i >> 1) + half]];
      const register = local('turn', a.type);
      statements.push(set(register, shuffle(a, b, interleaved(i % 2 === 0 ? 0 : half))));
      return get(register);
    });
  }
  return current;
}
