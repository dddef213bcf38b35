import type { Node } from '../../graph/node.ts';
import type { Axis } from '../affine.ts';
import { dotRows } from '../contraction_shape.ts';
import type { Buffer, Expr, Index, Local, Statement } from '../ir.ts';
import {
  addIndex,
  at,
  binary,
  constant,
  fold,
  get,
  index,
  indexValue,
  load,
  local,
  loop,
  multiplyAdd,
  set,
  typeOf,
} from '../ir_build.ts';
import type { ContractKernel, KernelExpr } from '../kernel.ts';
import type { Target } from '../target.ts';
import { type Chunks, chunksOf, type KernelBody } from './chunks.ts';
import { Emitter } from './emit.ts';
import { bindRows } from './rows.ts';
import { axisLoop } from './sum_blocks.ts';
import { alongAxes, besidesAxes, mergeContractAxes, plainLoad, product, rowOffsets } from './tile_plan.ts';
import { coefficientOf } from './vectorize.ts';

/**
 * Products of very few rows whose operands are both contiguous along the sum: a batch of one through a layer whose weights lie
 * output by output. Vectors run along the sum and are folded at its end, so that the weights are read once, where they lie:
 * packing them would cost more than the products.
 */
export interface DotPlan {
  readonly kernel: ContractKernel;
  readonly rows: number;
  readonly columns: number;
  /** Rows that are summed side by side, one group after the other. */
  readonly groups: readonly number[];
  /** Columns that are summed side by side. */
  readonly width: number;
}

/** Rows of a group. */
const mostHeight = 6;
/** More rows than a group has need sums so long that folding the vectors does not count. */
const longSum = 512;

/** Columns side by side: each is a stream of memory of its own. */
const mostWidth = 8;

export function planDot(source: ContractKernel, target: Target): DotPlan | null {
  const kernel = mergeContractAxes(source);
  const { a, b, m, n, k } = kernel;
  const [rows, columns] = [product(m), product(n)];
  const sum = k[k.length - 1];
  const isAlongSum = (operand: KernelExpr) => {
    const read = plainLoad(operand);
    return read !== null && coefficientOf(read.index, sum.id) === 1;
  };
  if (rows > dotRows || n.length > 1 || sum.extent < target.lanes) return null;
  if (rows > mostHeight && product(k) < longSum) return null;
  if (!isAlongSum(a) || !isAlongSum(b)) return null;
  const registers = (target.tileRows + 1) * target.tileVectors + 1;
  const count = Math.ceil(rows / mostHeight);
  const groups = Array.from(
    { length: count },
    (_, i) => Math.floor(((i + 1) * rows) / count) - Math.floor((i * rows) / count),
  );
  const height = Math.max(...groups);
  let width = Math.max(1, Math.min(mostWidth, columns, Math.floor((registers - height - 1) / height)));
  while (columns % width !== 0) width--;
  return { kernel, rows, columns, groups, width };
}

export function lowerDot(plan: DotPlan, bufferOf: (node: Node) => Buffer, target: Target): KernelBody {
  const body: Statement[] = [];
  const chunks = new DotNest(plan, new Emitter(bufferOf, body), bufferOf, target).build();
  return chunks === null ? { body } : { body, chunks };
}

class DotNest {
  readonly #plan: DotPlan;
  readonly #emitter: Emitter;
  readonly #bufferOf: (node: Node) => Buffer;
  readonly #target: Target;

  constructor(plan: DotPlan, emitter: Emitter, bufferOf: (node: Node) => Buffer, target: Target) {
    this.#plan = plan;
    this.#emitter = emitter;
    this.#bufferOf = bufferOf;
    this.#target = target;
  }

  /** Builds the loops; returns the chunks, if the columns were divided. */
  build(): Chunks | null {
    const { kernel, rows, columns, width } = this.#plan;
    const work = rows * columns * product(kernel.k);
    const chunks = kernel.batch.length === 0 ? chunksOf(columns, width, work, this.#target.chunkWork) : null;
    const nest = (axes: readonly Axis[]): void => {
      const [axis, ...rest] = axes;
      if (axis !== undefined) axisLoop(this.#emitter, axis, 0, axis.extent, () => nest(rest));
      else this.#columns(chunks?.begin ?? 0, chunks?.end ?? columns);
    };
    nest(kernel.batch);
    return chunks;
  }

  #columns(begin: number | Expr, end: number | Expr): void {
    const { kernel, width } = this.#plan;
    const [n] = kernel.n;
    const column = local('column', typeOf('i32'));
    const first = kernel.m.map((axis) => [axis.id, index(0)] as const);
    const body: Statement[] = [];
    let row = 0;
    for (const height of this.#plan.groups) {
      // Writing binds the axes anew: each group is a level of its own.
      body.push(
        ...this.#emitter.inside([...first, [n.id, at(column)]], () => this.#sums(column, row, height)),
      );
      row += height;
    }
    this.#emitter.statements.push(loop(column, begin, end, width, body));
  }

  /** Some rows of some columns: the sums, then what follows them. */
  #sums(column: Local, row: number, height: number): void {
    const { kernel, rows, width } = this.#plan;
    const { lanes } = this.#target;
    const vector = typeOf('f32', lanes);
    const accumulators = Array.from({ length: height }, (_, r) =>
      Array.from({ length: width }, (_, c) => local(`s${r}_${c}`, vector)),
    );
    for (const sum of accumulators.flat()) this.#emitter.statements.push(set(sum, constant(vector, 0)));
    const [a, b] = [kernel.a, kernel.b] as (KernelExpr & { op: 'load' })[];
    const [startA, startB] = [this.#start(a), this.#start(b)];
    const offsets = rowOffsets({ kernel, tileRows: rows }).slice(row, row + height);
    const stride = coefficientOf(b.index, kernel.n[0].id);
    const last = kernel.k[kernel.k.length - 1];
    const whole = Math.floor(last.extent / lanes) * lanes;
    const round = (count: number) => {
      const { statements } = this.#emitter;
      const read = (operand: typeof a, start: Local, offset: number): Expr => {
        const along = this.#emitter.index(alongAxes(operand.index, kernel.k));
        const away = index(operand.index.offset + offset);
        return load(this.#bufferOf(operand.source), addIndex(addIndex(at(start), along), away), lanes, count);
      };
      const lines = offsets.map((offset) => {
        const line = local('x', vector);
        statements.push(set(line, read(a, startA, offset)));
        return get(line);
      });
      for (let c = 0; c < width; c++) {
        const weights = local('w', vector);
        statements.push(set(weights, read(b, startB, c * stride)));
        lines.forEach((line, r) => {
          const sum = accumulators[r][c];
          const more = this.#target.fma
            ? multiplyAdd(line, get(weights), get(sum))
            : binary('add', get(sum), binary('mul', line, get(weights)));
          statements.push(set(sum, more));
        });
      }
    };
    const nest = (axes: readonly Axis[]): void => {
      const [axis, ...rest] = axes;
      if (axis !== last) {
        axisLoop(this.#emitter, axis, 0, axis.extent, () => nest(rest));
        return;
      }
      axisLoop(this.#emitter, last, 0, whole, () => round(lanes), lanes);
      if (whole === last.extent) return;
      const tail = this.#emitter.inside([[last.id, index(whole)]], () => round(last.extent - whole));
      this.#emitter.statements.push(...tail);
    };
    nest(kernel.k);
    accumulators.forEach((line, r) => {
      line.forEach((sum, c) => {
        this.#write(row + r, addIndex(at(column), index(c)), sum);
      });
    });
  }

  /** Where the first term of the first row and column lies, without the constant. */
  #start({ index: x }: KernelExpr & { op: 'load' }): Local {
    const start = local('start', typeOf('i32'));
    const value = indexValue(this.#emitter.index(besidesAxes(x, this.#plan.kernel.k)));
    this.#emitter.statements.push(set(start, value));
    return start;
  }

  #write(row: number, column: Index, sum: Local): void {
    const { kernel } = this.#plan;
    const { outputs, node } = kernel;
    const total = local('total', typeOf('f32'));
    this.#emitter.statements.push(set(total, fold('add', get(sum))));
    const bound = [
      ...bindRows(this.#emitter, kernel.m, index(row), outputs),
      [kernel.n[0].id, column] as const,
    ];
    const body = this.#emitter.inside(bound, () => {
      this.#emitter.define(node, [get(total)]);
      const values = outputs.map((output) => {
        const value = local('v', typeOf('f32'));
        const result = this.#emitter.emit(output.value);
        if (result.type !== value.type) return result;
        this.#emitter.statements.push(set(value, result));
        return get(value);
      });
      outputs.forEach((output, i) => {
        const position = this.#emitter.index(output.index);
        this.#emitter.statements.push(this.#emitter.store(this.#bufferOf(output.node), position, values[i]));
      });
      this.#emitter.forget(node);
    });
    this.#emitter.statements.push(...body);
  }
}
