import type { Node } from '../../graph/node.ts';
import { type Axis, constantIndex } from '../affine.ts';
import { longestSum } from '../contraction_shape.ts';
import type { Buffer, Expr, Index, Local, Statement } from '../ir.ts';
import {
  addIndex,
  at,
  binary,
  compare,
  constant,
  extract,
  get,
  i32Constant,
  ifThen,
  index,
  indexValue,
  load,
  local,
  loop,
  multiplyAdd,
  scaleIndex,
  set,
  splat,
  store,
  typeOf,
} from '../ir_build.ts';
import type { ContractKernel, KernelExpr, LoopKernel } from '../kernel.ts';
import type { Target } from '../target.ts';
import { type Chunks, chunksOf, type KernelBody } from './chunks.ts';
import { Emitter } from './emit.ts';
import { mergeAxes } from './merge_axes.ts';
import { type Packing, packPanels } from './pack.ts';
import { bindRows } from './rows.ts';
import { isVectorizable } from './vectorize.ts';

/**
 * A dense product as the five loops of Goto and van de Geijn (2008): columns, sum, rows in blocks that fit the caches; within
 * a block both operands are packed in the order in which a register tile consumes them. Packing evaluates whatever expression
 * the operand is, so that windows, padding and elementwise producers cost no array of their own.
 */
export interface TilePlan {
  readonly kernel: ContractKernel;
  readonly rows: number;
  readonly columns: number;
  /** Axes of the sum that are looped over block by block. */
  readonly sumOuter: readonly Axis[];
  /** The axis of the sum that is cut into chunks, if any. */
  readonly sumCut: Axis | null;
  readonly chunk: number;
  /** Axes of the sum that lie in every block whole. */
  readonly sumInner: readonly Axis[];
  /** Longest sum of a block. */
  readonly sumLength: number;
  readonly rowBlock: number;
  readonly columnBlock: number;
}

const product = (axes: readonly Axis[]): number => axes.reduce((n, axis) => n * axis.extent, 1);
const roundUp = (n: number, to: number): number => Math.ceil(n / to) * to;

export function planTile(source: ContractKernel, target: Target): TilePlan {
  const kernel = mergeContractAxes(source);
  const [rows, columns, sum] = [kernel.m, kernel.n, kernel.k].map(product);
  let inner = kernel.k.length;
  let innerSize = 1;
  // What follows the sum in the tile store needs the whole sum; otherwise blocks that fit the first-level cache are better.
  const followed = kernel.outputs.some((o) => o.value.op !== 'result');
  const limit = followed && sum <= longestSum ? longestSum : target.sumBlock;
  while (inner > 0 && innerSize * kernel.k[inner - 1].extent <= limit) innerSize *= kernel.k[--inner].extent;
  const cut = inner > 0 ? kernel.k[inner - 1] : null;
  const most = Math.max(1, Math.floor(limit / innerSize));
  const chunk = cut === null ? 1 : Math.ceil(cut.extent / Math.ceil(cut.extent / most));
  const sumLength = innerSize * chunk;
  const nr = target.tileVectors * target.lanes;
  const fit = (elements: number, of: number, step: number) =>
    Math.min(roundUp(of, step), Math.max(step, Math.floor(elements / sumLength / step) * step));
  return {
    kernel,
    rows,
    columns,
    sumOuter: cut === null ? [] : kernel.k.slice(0, inner - 1),
    sumCut: cut,
    chunk,
    sumInner: kernel.k.slice(inner),
    sumLength,
    rowBlock: fit(target.rowBlockElements, rows, target.tileRows),
    columnBlock: fit(target.columnBlockElements, columns, nr),
  };
}

/** Bytes of scratch memory: packed rows, packed columns, the last vectors of a tile that reaches over the edge. */
export function tileScratch(plan: TilePlan, { lanes, tileRows }: Target): [number, number, number] {
  // Packing may write up to a vector past the end.
  return [
    (plan.rowBlock * plan.sumLength + lanes) * 4,
    (plan.columnBlock * plan.sumLength + lanes) * 4,
    lanes > widestExtract ? tileRows * lanes * 4 : 0,
  ];
}

/** Vectors with more lanes than this are taken apart by way of memory. */
const widestExtract = 4;

/** Neighbouring axes of one role that all indices run through become one axis. */
function mergeContractAxes(kernel: ContractKernel): ContractKernel {
  const value: KernelExpr = { op: 'binary', dtype: kernel.node.dtype, kind: 'mul', a: kernel.a, b: kernel.b };
  const loops: LoopKernel = {
    kind: 'loops',
    name: kernel.name,
    axes: [...kernel.batch, ...kernel.m, ...kernel.n, ...kernel.k],
    reduced: new Set(kernel.k.map((axis) => axis.id)),
    reductions: [{ node: kernel.node, kind: 'sum', value, position: constantIndex(0) }],
    outputs: kernel.outputs,
  };
  const roles = new Map<number, string>();
  for (const role of ['batch', 'm', 'n', 'k'] as const)
    for (const axis of kernel[role]) roles.set(axis.id, role);
  const merged = mergeAxes(loops, roles);
  const { a, b } = merged.reductions[0].value as KernelExpr & { op: 'binary' };
  const list = (role: string) => merged.axes.filter((axis) => roles.get(axis.id) === role);
  return {
    ...kernel,
    a,
    b,
    outputs: merged.outputs,
    batch: list('batch'),
    m: list('m'),
    n: list('n'),
    k: list('k'),
  };
}

export function lowerTile(
  plan: TilePlan,
  bufferOf: (node: Node) => Buffer,
  [packedRows, packedColumns, edge]: readonly Buffer[],
  target: Target,
): KernelBody {
  const body: Statement[] = [];
  const emitter = new Emitter(bufferOf, body);
  const chunks = new TileNest(plan, emitter, bufferOf, { packedRows, packedColumns, edge }, target).build();
  return chunks === null ? { body } : { body, chunks };
}

/**
 * Rows or columns that a chunk has at least: every chunk packs the other operand for itself, which costs about as much as the
 * products of twenty rows.
 */
const leastInChunk = 192;

/** A range of rows or columns. */
interface Range {
  readonly begin: Expr;
  readonly end: Expr;
}

const whole = (extent: number): Range => ({ begin: i32Constant(0), end: i32Constant(extent) });

class TileNest {
  readonly #plan: TilePlan;
  readonly #emitter: Emitter;
  readonly #bufferOf: (node: Node) => Buffer;
  readonly #packedRows: Buffer;
  readonly #packedColumns: Buffer;
  readonly #edge: Buffer;
  readonly #target: Target;
  readonly #isSplit: boolean;
  /** Whether what is being written adds to the sum of earlier blocks. */
  #adds = false;
  /** 1 while the first block of the sum is done: later ones add to what is there. */
  readonly #isFirst = local('first', typeOf('bool'));

  constructor(
    plan: TilePlan,
    emitter: Emitter,
    bufferOf: (node: Node) => Buffer,
    { packedRows, packedColumns, edge }: { packedRows: Buffer; packedColumns: Buffer; edge: Buffer },
    target: Target,
  ) {
    this.#plan = plan;
    this.#emitter = emitter;
    this.#bufferOf = bufferOf;
    this.#packedRows = packedRows;
    this.#packedColumns = packedColumns;
    this.#edge = edge;
    this.#target = target;
    this.#isSplit = plan.sumCut !== null;
  }

  /** Builds the loops; returns the chunks, if the product was divided: by batch, else by rows or columns. */
  build(): Chunks | null {
    const { kernel, rows, columns } = this.#plan;
    const { chunkWork, lanes, tileRows, tileVectors } = this.#target;
    const [first, ...others] = kernel.batch;
    const work = rows * columns * product(kernel.k) * product(kernel.batch);
    const nest = (axes: readonly Axis[], r: Range, c: Range): void => {
      const [axis, ...rest] = axes;
      if (axis === undefined) this.#columns(r, c);
      else this.#axisLoop(axis, 0, axis.extent, () => nest(rest, r, c));
    };
    if (first !== undefined) {
      const chunks = chunksOf(first.extent, 1, work, chunkWork);
      this.#axisLoop(first, chunks?.begin ?? 0, chunks?.end ?? first.extent, () =>
        nest(others, whole(rows), whole(columns)),
      );
      return chunks;
    }
    const byRows = rows >= columns;
    const step = roundUp(leastInChunk, byRows ? tileRows : lanes * tileVectors);
    const chunks = chunksOf(byRows ? rows : columns, step, work, chunkWork);
    nest(
      [],
      byRows ? (chunks ?? whole(rows)) : whole(rows),
      byRows ? whole(columns) : (chunks ?? whole(columns)),
    );
    return chunks;
  }

  #axisLoop(axis: Axis, begin: number | Expr, end: number | Expr, body: () => void): void {
    const variable = local(`k${axis.id}`, typeOf('i32'));
    const statements = this.#emitter.inside([[axis.id, at(variable)]], body);
    this.#emitter.statements.push(loop(variable, begin, end, 1, statements));
  }

  /** A loop over the blocks of a range, of which the body learns the first element and the end. */
  #blocks(name: string, { begin, end }: Range, block: number, body: (start: Expr, end: Expr) => void): void {
    if (begin.op === 'const' && end.op === 'const' && end.value - begin.value <= block) {
      body(begin, end);
      return;
    }
    const start = local(name, typeOf('i32'));
    const blockEnd = local(`${name}End`, typeOf('i32'));
    const statements = this.#emitter.inside([], () => {
      const limit = binary('min', binary('add', get(start), i32Constant(block)), end);
      this.#emitter.statements.push(set(blockEnd, limit));
      body(get(start), get(blockEnd));
    });
    this.#emitter.statements.push(loop(start, begin, end, block, statements));
  }

  #columns(rows: Range, columns: Range): void {
    this.#blocks('column', columns, this.#plan.columnBlock, (start, end) => {
      if (this.#isSplit) this.#emitter.statements.push(set(this.#isFirst, constant(typeOf('bool'), 1)));
      this.#sum(start, end, rows);
    });
  }

  #sum(columnStart: Expr, columnEnd: Expr, rows: Range): void {
    const { sumOuter, sumCut, sumInner, chunk } = this.#plan;
    const inner = product(sumInner);
    const block = (from: Expr, to: Expr) => {
      const length = binary('mul', binary('sub', to, from), i32Constant(inner));
      const packing: Packing = {
        cut: sumCut === null ? null : { axis: sumCut, from, to },
        inner: sumInner,
        length,
      };
      this.#block(packing, columnStart, columnEnd, rows);
      if (this.#isSplit) this.#emitter.statements.push(set(this.#isFirst, constant(typeOf('bool'), 0)));
    };
    const nest = (axes: readonly Axis[]): void => {
      const [axis, ...rest] = axes;
      if (axis !== undefined) this.#axisLoop(axis, 0, axis.extent, () => nest(rest));
      else if (sumCut === null) block(i32Constant(0), i32Constant(1));
      else this.#blocks('chunk', whole(sumCut.extent), chunk, block);
    };
    nest(sumOuter);
  }

  #block(packing: Packing, columnStart: Expr, columnEnd: Expr, rowRange: Range): void {
    const { kernel, rows, rowBlock, columns } = this.#plan;
    const { lanes, tileRows, tileVectors } = this.#target;
    const nr = lanes * tileVectors;
    packPanels(this.#emitter, {
      operand: kernel.b,
      axes: kernel.n,
      total: columns,
      from: columnStart,
      to: columnEnd,
      width: nr,
      into: this.#packedColumns,
      packing,
      lanes,
    });
    this.#blocks('row', rowRange, rowBlock, (rowStart, rowEnd) => {
      packPanels(this.#emitter, {
        operand: kernel.a,
        axes: kernel.m,
        total: rows,
        from: rowStart,
        to: rowEnd,
        width: tileRows,
        into: this.#packedRows,
        packing,
        lanes,
      });
      this.#tiles(packing.length, rowStart, rowEnd, columnStart, columnEnd);
    });
  }

  #tiles(length: Expr, rowStart: Expr, rowEnd: Expr, columnStart: Expr, columnEnd: Expr): void {
    const { lanes, tileRows, tileVectors } = this.#target;
    const nr = lanes * tileVectors;
    const [column, row] = [local('j', typeOf('i32')), local('i', typeOf('i32'))];
    const [panelB, panelA] = [local('bPanel', typeOf('i32')), local('aPanel', typeOf('i32'))];
    const advance = (panel: Local, width: number) =>
      set(panel, binary('add', get(panel), binary('mul', length, i32Constant(width))));
    const columnBody = this.#emitter.inside([], () => {
      const here = this.#emitter.statements;
      here.push(set(panelA, i32Constant(0)));
      const rowBody = this.#emitter.inside([], () => {
        this.#tile(length, panelA, panelB, row, rowEnd, column);
        this.#emitter.statements.push(advance(panelA, tileRows));
      });
      here.push(loop(row, rowStart, rowEnd, tileRows, rowBody), advance(panelB, nr));
    });
    this.#emitter.statements.push(
      set(panelB, i32Constant(0)),
      loop(column, columnStart, columnEnd, nr, columnBody),
    );
  }

  /** One register tile: multiply and add along the sum, then store. */
  #tile(length: Expr, panelA: Local, panelB: Local, row: Local, rowEnd: Expr, column: Local): void {
    const { lanes, fma, tileRows, tileVectors } = this.#target;
    const nr = lanes * tileVectors;
    const vector = typeOf('f32', lanes);
    const { statements } = this.#emitter;
    const accumulators = Array.from({ length: tileRows }, (_, r) =>
      Array.from({ length: tileVectors }, (_, v) => local(`c${r}${v}`, vector)),
    );
    for (const c of accumulators.flat()) statements.push(set(c, constant(vector, 0)));
    const p = local('p', typeOf('i32'));
    // One term a round: unrolled further, V8 spills the accumulators.
    const body: Statement[] = [];
    const b = Array.from({ length: tileVectors }, (_, v) => local(`b${v}`, vector));
    b.forEach((register, v) => {
      const position = addIndex(at(panelB), addIndex(scaleIndex(at(p), nr), index(v * lanes)));
      body.push(set(register, load(this.#packedColumns, position, lanes)));
    });
    accumulators.forEach((line, r) => {
      const position = addIndex(at(panelA), addIndex(scaleIndex(at(p), tileRows), index(r)));
      const a = local(`a${r}`, vector);
      body.push(set(a, splat(load(this.#packedRows, position), lanes)));
      line.forEach((c, v) => {
        const sum = fma
          ? multiplyAdd(get(a), get(b[v]), get(c))
          : binary('add', get(c), binary('mul', get(a), get(b[v])));
        body.push(set(c, sum));
      });
    });
    statements.push(loop(p, 0, length, 1, body));
    this.#store(accumulators, row, rowEnd, column);
  }

  /** Writes a tile: whole, or the part of it that lies inside of the output. */
  #store(accumulators: readonly Local[][], row: Local, rowEnd: Expr, column: Local): void {
    const { rows, columns } = this.#plan;
    const { lanes, tileRows, tileVectors } = this.#target;
    const nr = lanes * tileVectors;
    const lines = (count: number): Statement[] => {
      const byRows = (checked: boolean) =>
        this.#emitter.inside([], () => {
          accumulators.forEach((line, r) => {
            const body = this.#emitter.inside([], () =>
              this.#line(line, r, addIndex(at(row), index(r)), column, count),
            );
            if (!checked || r === 0) this.#emitter.statements.push(...body);
            else {
              const isInside = compare('lt', indexValue(addIndex(at(row), index(r))), rowEnd);
              this.#emitter.statements.push(ifThen(isInside, body));
            }
          });
        });
      if (rows % tileRows === 0) return byRows(false);
      if (rows < tileRows) return byRows(true);
      const isWhole = compare('le', indexValue(addIndex(at(row), index(tileRows))), rowEnd);
      return [ifThen(isWhole, byRows(false), byRows(true))];
    };
    const tail = columns % nr;
    const all = (): Statement[] => {
      if (tail === 0) return lines(nr);
      if (columns < nr) return lines(tail);
      const isWhole = compare('le', indexValue(addIndex(at(column), index(nr))), i32Constant(columns));
      return [ifThen(isWhole, lines(nr), lines(tail))];
    };
    const { statements } = this.#emitter;
    if (!this.#isSplit) {
      statements.push(...all());
      return;
    }
    const first = all();
    this.#adds = true;
    statements.push(ifThen(get(this.#isFirst), first, all()));
    this.#adds = false;
  }

  /** `count` columns of one row of the tile. */
  #line(accumulators: readonly Local[], line: number, row: Index, column: Local, count: number): void {
    const { kernel } = this.#plan;
    const { lanes } = this.#target;
    const n = kernel.n[kernel.n.length - 1];
    // Several column axes are contiguous in the output: the last one stands for all of them.
    const others = kernel.n.slice(0, -1).map((axis) => [axis.id, index(0)] as const);
    const rowAxes = bindRows(this.#emitter, kernel.m, row, kernel.outputs);
    const memo = new Map<KernelExpr, boolean>();
    const wide = kernel.outputs.every((o) => isVectorizable(o.value, n.id, memo))
      ? Math.floor(count / lanes)
      : 0;
    if (wide > 0) {
      this.#emitter.vectorize({ id: n.id, lanes });
      const body = this.#emitter.inside([...rowAxes, ...others, [n.id, at(column)]], () => {
        this.#emitter.define(kernel.node, accumulators.map(get));
        for (let v = 0; v < wide; v++) this.#write(v, lanes);
      });
      this.#emitter.vectorize(null);
      this.#emitter.statements.push(...body);
    }
    const bind = (from: number) => [
      ...rowAxes,
      ...others,
      [n.id, addIndex(at(column), index(from))] as const,
    ];
    if (lanes > widestExtract) this.#edgeOfLine(accumulators, line, wide, count, bind, memo);
    else
      for (let lane = wide * lanes; lane < count; lane++) {
        const body = this.#emitter.inside(bind(lane), () => {
          const accumulator = accumulators[Math.floor(lane / lanes)];
          this.#emitter.define(kernel.node, [extract(get(accumulator), lane % lanes)]);
          this.#write(0, 1);
        });
        this.#emitter.statements.push(...body);
      }
    this.#emitter.forget(kernel.node);
  }

  /** The columns behind the last whole vector, in shorter and shorter vectors that are read back from memory. */
  #edgeOfLine(
    accumulators: readonly Local[],
    line: number,
    wide: number,
    count: number,
    bind: (from: number) => (readonly [number, Index])[],
    memo: Map<KernelExpr, boolean>,
  ): void {
    const { kernel } = this.#plan;
    const { lanes } = this.#target;
    const n = kernel.n[kernel.n.length - 1];
    const fits = kernel.outputs.every((o) => isVectorizable(o.value, n.id, memo));
    for (let vector = wide; vector * lanes < count; vector++) {
      this.#emitter.statements.push(store(this.#edge, index(line * lanes), get(accumulators[vector])));
      const end = Math.min(lanes, count - vector * lanes);
      let piece = fits ? lanes / 2 : 1;
      for (let from = 0; from < end; from += piece) {
        while (from + piece > end) piece /= 2;
        const width = piece;
        if (width > 1) this.#emitter.vectorize({ id: n.id, lanes: width });
        const body = this.#emitter.inside(bind(vector * lanes + from), () => {
          const kept = local('edge', typeOf('f32', width));
          this.#emitter.statements.push(set(kept, load(this.#edge, index(line * lanes + from), width)));
          this.#emitter.define(kernel.node, [get(kept)]);
          this.#write(0, width);
        });
        this.#emitter.vectorize(null);
        this.#emitter.statements.push(...body);
      }
    }
  }

  #write(part: number, lanes: number): void {
    const { outputs } = this.#plan.kernel;
    const { statements } = this.#emitter;
    const writes: Statement[] = [];
    for (const output of outputs) {
      const buffer = this.#bufferOf(output.node);
      const position = this.#emitter.index(output.index, part);
      let value = this.#emitter.emit(output.value, part, lanes > 1);
      if (this.#adds) value = binary('add', load(buffer, position, lanes), value);
      else if (outputs.length > 1 && value.op !== 'local') {
        const kept = local('v', value.type);
        statements.push(set(kept, value));
        value = get(kept);
      }
      writes.push(store(buffer, position, value));
    }
    statements.push(...writes);
  }
}
