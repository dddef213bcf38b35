import { type Affine, type Axis, constantIndex } from '../affine.ts';
import { fewColumns, fewRows, longestSum } from '../contraction_shape.ts';
import type { ContractKernel, KernelExpr, LoopKernel } from '../kernel.ts';
import type { Target } from '../target.ts';
import { mergeAxes } from './merge_axes.ts';
import { coefficientOf } from './vectorize.ts';

/**
 * How the tile reads an operand: from panels into which it has been packed, or where it lies in memory. In place, the rows of a tile
 * are either a constant stride apart, or each has a start of its own.
 */
export type Access = 'packed' | 'strided' | 'separate';

/**
 * A dense product as the five loops of Goto and van de Geijn (2008): columns, sum, rows in blocks that fit the caches; within
 * a block the operands are packed in the order in which a register tile consumes them, unless they lie well as they are.
 * Packing evaluates whatever expression the operand is, so that windows, padding and elementwise producers cost no
 * array of their own.
 */
export interface TilePlan {
  readonly kernel: ContractKernel;
  readonly rows: number;
  readonly columns: number;
  /** Rows and vectors of the register tile. */
  readonly tileRows: number;
  readonly tileVectors: number;
  readonly rowAccess: Access;
  /** Given: packed by a kernel that ran before. */
  readonly columnAccess: 'packed' | 'given' | 'strided';
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
  /** All rows fit in one packed block: it is packed once, before the columns. */
  readonly packsRowsFirst: boolean;
  /** Tiles go along the rows of the output, not down its columns. */
  readonly goesAlongRows: boolean;
}

export const product = (axes: readonly Axis[]): number => axes.reduce((n, axis) => n * axis.extent, 1);
export const roundUp = (n: number, to: number): number => Math.ceil(n / to) * to;

/** Terms of a sum that are further apart (in elements) than this are cheaper to pack: the processor does not fetch them ahead. */
const farApart = 64;
/** Elements a multiple of this many apart compete for the same few places of the first-level cache. */
const cacheWay = 1024;
/** So many of them can be there together. */
const cacheWays = 8;
/** Starts that a tile with separate rows can keep in registers. */
const mostSeparate = 8;
/** Accumulators that keep multiply-and-add units busy. */
const leastAccumulators = 8;
/** With short sums and long rows, writing the output takes most of the time: along its rows, not from page to page. */
const shortSum = 128;
const longRow = 512;
/** A block of rows may be this many times larger if it is packed only once. */
const largerOnce = 4;

export function planTile(source: ContractKernel, target: Target): TilePlan {
  const kernel = mergeContractAxes(source);
  const [rows, columns, sum] = [kernel.m, kernel.n, kernel.k].map(product);
  const tileVectors = Math.min(target.tileVectors, Math.ceil(columns / target.lanes));
  const mostRows = tileVectors === 1 ? target.narrowRows : target.tileRows;
  const inPlace = rowsInPlace(kernel, columns, mostRows, tileVectors);
  const { access: rowAccess, tileRows } = inPlace ?? {
    access: 'packed' as const,
    tileRows: balanced(rows, mostRows),
  };
  const nr = tileVectors * target.lanes;
  const columnAccess = columnsInPlace(kernel, rows, tileRows, nr) ? 'strided' : 'packed';

  let inner = kernel.k.length;
  let innerSize = 1;
  // What follows the sum in the tile store needs the whole sum; otherwise packed blocks that fit the first-level cache are better.
  const isFollowed = sum <= longestSum && kernel.outputs.some((o) => o.value.op !== 'result');
  const limit = isFollowed || rowAccess !== 'packed' ? longestSum : target.sumBlock;
  while (inner > 0 && innerSize * kernel.k[inner - 1].extent <= limit) innerSize *= kernel.k[--inner].extent;
  const cut = inner > 0 ? kernel.k[inner - 1] : null;
  const most = Math.max(1, Math.floor(limit / innerSize));
  const chunk = cut === null ? 1 : Math.ceil(cut.extent / Math.ceil(cut.extent / most));
  const sumLength = innerSize * chunk;
  const fit = (elements: number, of: number, step: number) =>
    Math.min(roundUp(of, step), Math.max(step, Math.floor(elements / sumLength / step) * step));
  const packsRowsFirst =
    rowAccess === 'packed' &&
    columnAccess === 'packed' &&
    roundUp(rows, tileRows) * sumLength <= largerOnce * target.rowBlockElements;
  return {
    kernel,
    rows,
    columns,
    tileRows,
    tileVectors,
    rowAccess,
    columnAccess,
    sumOuter: cut === null ? [] : kernel.k.slice(0, inner - 1),
    sumCut: cut,
    chunk,
    sumInner: kernel.k.slice(inner),
    sumLength,
    rowBlock: packsRowsFirst ? roundUp(rows, tileRows) : fit(target.rowBlockElements, rows, tileRows),
    // With the rows packed, a block of columns need only stay in the cache until all rows have met it.
    columnBlock: fit(packsRowsFirst ? target.rowBlockElements : target.columnBlockElements, columns, nr),
    packsRowsFirst,
    goesAlongRows: sum <= shortSum && columns >= longRow,
  };
}

/** Tiles of nearly equal height. */
const balanced = (rows: number, most: number): number => Math.ceil(rows / Math.ceil(rows / most));

/** An element of an array at an index of axes only, or null. */
export function plainLoad(x: KernelExpr): (KernelExpr & { op: 'load' }) | null {
  return x.op === 'load' && x.dtype === 'float32' && x.index.terms.every(([atom]) => atom.kind === 'axis')
    ? x
    : null;
}

/** How rows can be read where they lie and how many a tile then has; null if packing them is better or needed. */
function rowsInPlace(
  { a, m, k }: ContractKernel,
  columns: number,
  most: number,
  vectors: number,
): { access: 'strided' | 'separate'; tileRows: number } | null {
  const operand = plainLoad(a);
  if (operand === null || columns > fewColumns || isFarApart(operand, k)) return null;
  const last = m[m.length - 1];
  if (coefficientOf(operand.index, last.id) % cacheWay === 0 && Math.min(most, last.extent) > cacheWays)
    return null;
  if (m.length === 1) return { access: 'strided', tileRows: balanced(last.extent, most) };
  const tileRows = wholeRows(m, most);
  if (tileRows * vectors >= leastAccumulators || tileRows === most) return { access: 'strided', tileRows };
  if (most <= mostSeparate) return { access: 'separate', tileRows: most };
  return columns <= fewColumns / 2 ? { access: 'separate', tileRows: mostSeparate } : null;
}

/** The most rows, at most `most`, of which each tile has a whole part of the last axes: a run of one axis, all of those behind it. */
function wholeRows(m: readonly Axis[], most: number): number {
  let rows = 1;
  for (let i = m.length - 1; i >= 0; i--) {
    let part = Math.min(m[i].extent, Math.floor(most / rows));
    while (m[i].extent % part !== 0) part--;
    rows *= part;
    if (part < m[i].extent) break;
  }
  return rows;
}

/** How far behind the first row of a tile the others lie, where that is the same for all tiles. */
export function rowOffsets({ kernel: { a, m }, tileRows }: Pick<TilePlan, 'kernel' | 'tileRows'>): number[] {
  const { index } = a as KernelExpr & { op: 'load' };
  return Array.from({ length: tileRows }, (_, row) => {
    let [offset, rest] = [0, row];
    for (let i = m.length - 1; i >= 0; i--) {
      const position = i === 0 ? rest : rest % m[i].extent;
      offset += position * coefficientOf(index, m[i].id);
      rest = (rest - position) / m[i].extent;
    }
    return offset;
  });
}

/** Whether the vectors of a tile can be read where they lie. */
function columnsInPlace({ b, n, k }: ContractKernel, rows: number, tileRows: number, width: number): boolean {
  const operand = plainLoad(b);
  const last = n[n.length - 1];
  if (operand === null || coefficientOf(operand.index, last.id) !== 1) return false;
  const isSingle = n.length === 1 && last.extent < width;
  if (last.extent % width !== 0 && !isSingle) return false;
  return rows <= tileRows || (rows <= fewRows && !isFarApart(operand, k));
}

/** Whether consecutive terms of a sum lie far from each other. */
const isFarApart = ({ index }: KernelExpr & { op: 'load' }, k: readonly Axis[]): boolean =>
  Math.abs(coefficientOf(index, k[k.length - 1].id)) > farApart;

/** Bytes of scratch memory: packed rows, packed columns, the last vectors of a tile that reaches over the edge. */
export function tileScratch(plan: TilePlan, { lanes }: Target): [number, number, number] {
  // Packing may write up to a vector past the end.
  const packed = (access: Access | 'given', block: number) =>
    access === 'packed' ? (block * plan.sumLength + lanes) * 4 : 0;
  return [
    packed(plan.rowAccess, plan.rowBlock),
    packed(plan.columnAccess, plan.columnBlock),
    lanes > widestExtract ? plan.tileRows * lanes * 4 : 0,
  ];
}

/** Vectors with more lanes than this are taken apart by way of memory. */
export const widestExtract = 4;

/** The part of an index that runs through the given axes, without the constant. */
export const alongAxes = (x: Affine, axes: readonly Axis[]): Affine => ({
  offset: 0,
  terms: x.terms.filter(([atom]) => axes.some((axis) => axis.id === atom.id)),
});

/** The part of an index that runs through all other axes, without the constant. */
export const besidesAxes = (x: Affine, axes: readonly Axis[]): Affine => ({
  offset: 0,
  terms: x.terms.filter(([atom]) => !axes.some((axis) => axis.id === atom.id)),
});

/** Neighbouring axes of one role that all indices run through become one axis. */
export function mergeContractAxes(kernel: ContractKernel): ContractKernel {
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
