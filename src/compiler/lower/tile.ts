import type { Node } from '../../graph/node.ts';
import type { Affine, Axis } from '../affine.ts';
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
import type { KernelExpr } from '../kernel.ts';
import type { Target } from '../target.ts';
import { type Chunks, chunksOf, type KernelBody } from './chunks.ts';
import { Emitter } from './emit.ts';
import { overTerms, type Packing, packPanels } from './pack.ts';
import { bindRows } from './rows.ts';
import { axisLoop, forSumBlocks, inBlocks, type Range, whole } from './sum_blocks.ts';
import {
  alongAxes,
  besidesAxes,
  product,
  roundUp,
  rowOffsets,
  type TilePlan,
  widestExtract,
} from './tile_plan.ts';
import { allowsPartial, isVectorizable } from './vectorize.ts';

/** Products of many rows and columns as loop IR: packing, the register tile, what follows it. */

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
 * Into how many chunks rows or columns are divided, and how many a chunk then has at least: every chunk packs the other operand for
 * itself, which costs as much as the products of about twelve columns. Powers of two, as the numbers of processors mostly are.
 */
const divisions = [
  [16, 512],
  [8, 256],
  [4, 128],
  [2, 48],
] as const;

const mostChunks = (extent: number): number => divisions.find(([n, least]) => extent >= n * least)?.[0] ?? 1;

/** How the rows or columns of a product without batch axes are divided. */
function division({ rows, columns, tileRows, tileVectors, kernel }: TilePlan, target: Target) {
  const work = rows * columns * product(kernel.k);
  const byRows = rows >= columns;
  const [extent, tile] = byRows ? [rows, tileRows] : [columns, target.lanes * tileVectors];
  const chunkWork = Math.max(target.chunkWork, work / mostChunks(extent));
  return { byRows, chunks: chunksOf(extent, tile, work, chunkWork) };
}

/** Into how many chunks the rows of a product are divided. */
export function rowChunks(plan: TilePlan, target: Target): number {
  const { byRows, chunks } = division(plan, target);
  return byRows && plan.kernel.batch.length === 0 ? (chunks?.count ?? 1) : 1;
}

/** Given a term of the sum, where its rows or columns are. */
type Reader = (term: Index) => (position: number) => Expr;

class TileNest {
  readonly #plan: TilePlan;
  readonly #emitter: Emitter;
  readonly #bufferOf: (node: Node) => Buffer;
  readonly #packedRows: Buffer;
  readonly #packedColumns: Buffer;
  readonly #edge: Buffer;
  readonly #target: Target;
  readonly #isSplit: boolean;
  /** Where a tile that is read in place begins. */
  readonly #rowStart = local('rowStart', typeOf('i32'));
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
    this.#packedColumns = plan.kernel.packed === undefined ? packedColumns : bufferOf(plan.kernel.packed);
    this.#edge = edge;
    this.#target = target;
    this.#isSplit = plan.sumCut !== null;
  }

  /** Builds the loops; returns the chunks, if the product was divided: by batch, else by rows or columns. */
  build(): Chunks | null {
    const { kernel, rows, columns } = this.#plan;
    const { chunkWork } = this.#target;
    const [first, ...others] = kernel.batch;
    const work = rows * columns * product(kernel.k) * product(kernel.batch);
    const nest = (axes: readonly Axis[], r: Range, c: Range): void => {
      const [axis, ...rest] = axes;
      if (axis === undefined) this.#columns(r, c);
      else axisLoop(this.#emitter, axis, 0, axis.extent, () => nest(rest, r, c));
    };
    if (first !== undefined) {
      const chunks = chunksOf(first.extent, 1, work, chunkWork);
      axisLoop(this.#emitter, first, chunks?.begin ?? 0, chunks?.end ?? first.extent, () =>
        nest(others, whole(rows), whole(columns)),
      );
      return chunks;
    }
    const { byRows, chunks } = division(this.#plan, this.#target);
    nest(
      [],
      byRows ? (chunks ?? whole(rows)) : whole(rows),
      byRows ? whole(columns) : (chunks ?? whole(columns)),
    );
    return chunks;
  }

  /** Columns, sum, rows; or, with rows that are packed once, sum, rows, columns. */
  #columns(rows: Range, columns: Range): void {
    const { columnBlock, packsRowsFirst } = this.#plan;
    if (packsRowsFirst) {
      this.#sum((packing, before) => {
        this.#packRows(packing, rows.begin, rows.end);
        inBlocks(this.#emitter, 'column', columns, columnBlock, (begin, end) => {
          this.#packColumns(packing, begin, end);
          this.#tiles(packing, before, rows, { begin, end });
        });
      });
      return;
    }
    inBlocks(this.#emitter, 'column', columns, columnBlock, (begin, end) => {
      this.#sum((packing, before) => {
        this.#packColumns(packing, begin, end);
        inBlocks(this.#emitter, 'row', rows, this.#plan.rowBlock, (rowStart, rowEnd) => {
          this.#packRows(packing, rowStart, rowEnd);
          this.#tiles(packing, before, { begin: rowStart, end: rowEnd }, { begin, end });
        });
      });
    });
  }

  /** A loop over the blocks of the sum; the body learns how many terms lie before. */
  #sum(body: (packing: Packing, before: Index) => void): void {
    const first = (value: number) => {
      if (this.#isSplit) this.#emitter.statements.push(set(this.#isFirst, constant(typeOf('bool'), value)));
    };
    first(1);
    forSumBlocks(this.#emitter, this.#plan, (packing, before) => {
      body(packing, before);
      first(0);
    });
  }

  #packRows(packing: Packing, from: Expr, to: Expr): void {
    const { kernel, rows, rowAccess, tileRows } = this.#plan;
    if (rowAccess !== 'packed') return;
    const panels = { operand: kernel.a, axes: kernel.m, total: rows, width: tileRows };
    packPanels(this.#emitter, {
      ...panels,
      from,
      to,
      into: this.#packedRows,
      packing,
      lanes: this.#target.lanes,
    });
  }

  #packColumns(packing: Packing, from: Expr, to: Expr): void {
    const { kernel, columns, columnAccess, tileVectors } = this.#plan;
    if (columnAccess !== 'packed') return;
    const { lanes } = this.#target;
    const panels = { operand: kernel.b, axes: kernel.n, total: columns, width: lanes * tileVectors };
    packPanels(this.#emitter, { ...panels, from, to, into: this.#packedColumns, packing, lanes });
  }

  /** All tiles of a block, the rows of a column of tiles innermost or the columns of a row of tiles. */
  #tiles(packing: Packing, before: Index, rows: Range, columns: Range): void {
    const { tileRows, tileVectors, goesAlongRows } = this.#plan;
    const i32 = typeOf('i32');
    const down = {
      position: local('i', i32),
      panel: local('aPanel', i32),
      first: i32Constant(0) as Expr,
      range: rows,
      width: tileRows,
    };
    const nr = this.#target.lanes * tileVectors;
    const first = this.#firstPanel(packing, before, columns.begin);
    const along = {
      position: local('j', i32),
      panel: local('bPanel', i32),
      first,
      range: columns,
      width: nr,
    };
    const [outer, inner] = goesAlongRows ? [down, along] : [along, down];
    const nest = ({ position, panel, first, range, width }: typeof down, body: () => void): void => {
      const { statements } = this.#emitter;
      const inside = this.#emitter.inside([], () => {
        body();
        const length = binary('mul', packing.length, i32Constant(width));
        this.#emitter.statements.push(set(panel, binary('add', get(panel), length)));
      });
      statements.push(set(panel, first), loop(position, range.begin, range.end, width, inside));
    };
    nest(outer, () => {
      const early = goesAlongRows
        ? this.#rowReader(packing, down.panel, down.position)
        : this.#columnReader(packing, along.panel, along.position);
      nest(inner, () => {
        const late = goesAlongRows
          ? this.#columnReader(packing, along.panel, along.position)
          : this.#rowReader(packing, down.panel, down.position);
        const [rowsOf, columnsOf] = goesAlongRows ? [early, late] : [late, early];
        this.#tile(packing, rowsOf, columnsOf, down.position, rows.end, along.position);
      });
    });
  }

  /** Where the panels of a block begin: those that others have packed lie in one place for the whole product. */
  #firstPanel(packing: Packing, before: Index, column: Expr): Expr {
    const { columnAccess, columns, tileVectors } = this.#plan;
    if (columnAccess !== 'given') return i32Constant(0);
    const all = roundUp(columns, this.#target.lanes * tileVectors);
    return binary('add', indexValue(scaleIndex(before, all)), binary('mul', column, packing.length));
  }

  /** Axes that the innermost loops run through. */
  #summed({ cut, inner }: Packing): readonly Axis[] {
    return cut === null ? inner : [cut.axis, ...inner];
  }

  /** An index without its constant and its terms along the innermost sum, kept in a register of the present level. */
  #start(x: Affine, packing: Packing): Local {
    const start = local('start', typeOf('i32'));
    this.#emitter.statements.push(
      set(start, indexValue(this.#emitter.index(besidesAxes(x, this.#summed(packing))))),
    );
    return start;
  }

  /** Where vector v of the columns of a term lies. */
  #columnReader(packing: Packing, panel: Local, column: Local): Reader {
    const { kernel, columnAccess, tileVectors } = this.#plan;
    const { lanes } = this.#target;
    if (columnAccess !== 'strided') {
      const nr = lanes * tileVectors;
      return (term) => {
        const at0 = addIndex(at(panel), scaleIndex(term, nr));
        return (v) => load(this.#packedColumns, addIndex(at0, index(v * lanes)), lanes);
      };
    }
    const operand = kernel.b as KernelExpr & { op: 'load' };
    let start: Local | null = null;
    this.#emitter.statements.push(
      ...this.#emitter.inside(bindRows(this.#emitter, kernel.n, at(column), null), () => {
        start = this.#start(operand.index, packing);
      }),
    );
    return this.#inPlace(operand, packing, [start!], (v) => v * lanes, lanes);
  }

  /** Where row r of a term lies. */
  #rowReader(packing: Packing, panel: Local, row: Local): Reader {
    const { kernel, rows, rowAccess, tileRows } = this.#plan;
    if (rowAccess === 'packed') {
      return (term) => {
        const at0 = addIndex(at(panel), scaleIndex(term, tileRows));
        return (r) => load(this.#packedRows, addIndex(at0, index(r)));
      };
    }
    const operand = kernel.a as KernelExpr & { op: 'load' };
    const { statements } = this.#emitter;
    const startAt = (position: Index): Local => {
      let start: Local | null = null;
      const body = this.#emitter.inside(bindRows(this.#emitter, kernel.m, position, null), () => {
        start = this.#start(operand.index, packing);
      });
      statements.push(...body);
      return start!;
    };
    if (rowAccess === 'strided') {
      // A tile that would reach over the end begins earlier.
      const latest = i32Constant(rows - tileRows);
      const isWhole = rows % tileRows === 0;
      statements.push(set(this.#rowStart, isWhole ? get(row) : binary('min', get(row), latest)));
      const offsets = rowOffsets(this.#plan);
      return this.#inPlace(operand, packing, [startAt(at(this.#rowStart))], (r) => offsets[r]);
    }
    const starts = Array.from({ length: tileRows }, (_, r) => {
      const position = local('clamped', typeOf('i32'));
      const unclamped = indexValue(addIndex(at(row), index(r)));
      statements.push(set(position, binary('min', unclamped, i32Constant(rows - 1))));
      return startAt(at(position));
    });
    return this.#inPlace(operand, packing, starts, () => 0);
  }

  /** Elements of an operand where they lie: at the starts given, or at offsets from one start. */
  #inPlace(
    operand: KernelExpr & { op: 'load' },
    packing: Packing,
    starts: readonly Local[],
    offset: (position: number) => number,
    lanes = 1,
  ): Reader {
    const buffer = this.#bufferOf(operand.source);
    const along = alongAxes(operand.index, this.#summed(packing));
    const element = (at: Index, position: number): Expr => {
      const count = Math.min(lanes, this.#plan.columns - position * lanes);
      const away = index(operand.index.offset + offset(position));
      return load(buffer, addIndex(at, away), lanes, lanes > 1 ? count : 1);
    };
    return () => {
      const term = this.#emitter.index(along);
      if (starts.length > 1) return (r) => element(addIndex(at(starts[r]), term), r);
      const here = local('here', typeOf('i32'));
      this.#emitter.statements.push(set(here, indexValue(addIndex(at(starts[0]), term))));
      return (position) => element(at(here), position);
    };
  }

  /** One register tile: multiply and add along the sum, then store. */
  #tile(packing: Packing, rowsOf: Reader, columnsOf: Reader, row: Local, rowEnd: Expr, column: Local): void {
    const { columnAccess, rowAccess, tileRows, tileVectors } = this.#plan;
    const { lanes, fma } = this.#target;
    const vector = typeOf('f32', lanes);
    const { statements } = this.#emitter;
    const accumulators = Array.from({ length: tileRows }, (_, r) =>
      Array.from({ length: tileVectors }, (_, v) => local(`c${r}${v}`, vector)),
    );
    for (const c of accumulators.flat()) statements.push(set(c, constant(vector, 0)));
    const b = Array.from({ length: tileVectors }, (_, v) => local(`b${v}`, vector));
    // One term a round: unrolled further, V8 spills the accumulators.
    const round = (term: Index): void => {
      const [rowAt, columnAt] = [rowsOf(term), columnsOf(term)];
      const body = this.#emitter.statements;
      b.forEach((register, v) => {
        body.push(set(register, columnAt(v)));
      });
      accumulators.forEach((line, r) => {
        const a = local(`a${r}`, vector);
        body.push(set(a, splat(rowAt(r), lanes)));
        line.forEach((c, v) => {
          const sum = fma
            ? multiplyAdd(get(a), get(b[v]), get(c))
            : binary('add', get(c), binary('mul', get(a), get(b[v])));
          body.push(set(c, sum));
        });
      });
    };
    if (rowAccess === 'packed' && columnAccess !== 'strided') {
      const p = local('p', typeOf('i32'));
      const body = this.#emitter.inside([], () => round(at(p)));
      statements.push(loop(p, 0, packing.length, 1, body));
    } else overTerms(this.#emitter, packing, 0, round);
    this.#store(accumulators, row, rowEnd, column);
  }

  /** Writes a tile: whole, or the part of it that lies inside of the output. */
  #store(accumulators: readonly Local[][], row: Local, rowEnd: Expr, column: Local): void {
    const { rows, columns, rowAccess, tileRows, tileVectors } = this.#plan;
    const nr = this.#target.lanes * tileVectors;
    const isStrided = rowAccess === 'strided';
    const first = isStrided ? this.#rowStart : row;
    const lines = (count: number): Statement[] => {
      const byRows = (checked: boolean) =>
        this.#emitter.inside([], () => {
          accumulators.forEach((line, r) => {
            const position = addIndex(at(first), index(r));
            const body = this.#emitter.inside([], () => this.#line(line, r, position, column, count));
            if (!checked || r === (isStrided ? tileRows - 1 : 0)) this.#emitter.statements.push(...body);
            else {
              // A tile that began earlier has rows at its head that are done already.
              const isNew = isStrided
                ? compare('le', get(row), indexValue(position))
                : compare('lt', indexValue(position), rowEnd);
              this.#emitter.statements.push(ifThen(isNew, body));
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
    const anew = all();
    this.#adds = true;
    statements.push(ifThen(get(this.#isFirst), anew, all()));
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
    const fits = kernel.outputs.every((o) => isVectorizable(o.value, n.id, memo));
    const wide = fits ? Math.floor(count / lanes) : 0;
    const rest = fits && allowsPartial(kernel) ? count - wide * lanes : 0;
    const vectors = (from: number, to: number, part?: number) => {
      this.#emitter.vectorize({ id: n.id, lanes, ...(part === undefined ? {} : { count: part }) });
      const body = this.#emitter.inside([...rowAxes, ...others, [n.id, at(column)]], () => {
        this.#emitter.define(kernel.node, accumulators.map(get));
        for (let v = from; v < to; v++) this.#write(v, true);
      });
      this.#emitter.vectorize(null);
      this.#emitter.statements.push(...body);
    };
    if (wide > 0) vectors(0, wide);
    if (rest > 0) vectors(wide, wide + 1, rest);
    for (let lane = wide * lanes + rest; lane < count; lane++) {
      const position = [n.id, addIndex(at(column), index(lane))] as const;
      const body = this.#emitter.inside([...rowAxes, ...others, position], () => {
        this.#emitter.define(kernel.node, [this.#lane(accumulators, line, lane)]);
        this.#write(0, false);
      });
      this.#emitter.statements.push(...body);
    }
    this.#emitter.forget(kernel.node);
  }

  /** One lane of a line of the tile, by way of memory where vectors are long. */
  #lane(accumulators: readonly Local[], line: number, lane: number): Expr {
    const { lanes } = this.#target;
    const accumulator = accumulators[Math.floor(lane / lanes)];
    if (lanes <= widestExtract) return extract(get(accumulator), lane % lanes);
    const kept = local('lane', typeOf('f32'));
    this.#emitter.statements.push(
      store(this.#edge, index(line * lanes), get(accumulator)),
      set(kept, load(this.#edge, index(line * lanes + (lane % lanes)))),
    );
    return get(kept);
  }

  #write(part: number, isVector: boolean): void {
    const { outputs } = this.#plan.kernel;
    const { statements } = this.#emitter;
    const writes: Statement[] = [];
    for (const output of outputs) {
      const buffer = this.#bufferOf(output.node);
      const position = this.#emitter.index(output.index, part);
      let value = this.#emitter.emit(output.value, part, isVector);
      if (this.#adds) value = binary('add', this.#emitter.load(buffer, position, value.type.lanes), value);
      else if (outputs.length > 1 && value.op !== 'local') {
        const kept = local('v', value.type);
        statements.push(set(kept, value));
        value = get(kept);
      }
      writes.push(this.#emitter.store(buffer, position, value));
    }
    statements.push(...writes);
  }
}
