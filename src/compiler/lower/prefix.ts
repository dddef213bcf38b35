import { type Node, sizeOf } from '../../graph/node.ts';
import type { Buffer, Expr, Local, Statement } from '../ir.ts';
import {
  addIndex,
  at,
  binary,
  cast,
  compare,
  constant,
  get,
  i32Constant,
  ifThen,
  index,
  local,
  loop,
  scaleIndex,
  set,
  typeOf,
} from '../ir_build.ts';
import type { PrefixKernel } from '../kernel.ts';
import type { Target } from '../target.ts';
import { combine, identityOf } from './accumulators.ts';
import { chunksOf, type KernelBody } from './chunks.ts';
import { Emitter, scalarOf } from './emit.ts';

/** Bytes of a cache line: several vectors of neighbouring columns run along together, so that each line is read once. */
const lineBytes = 64;
/** Simple operations for an element. */
const elementWork = 4;
/** Sums in float32 of more terms than this are made of blocks. */
const longestRun = 512;

/**
 * Running reductions: an accumulator goes along the axis, in vectors over the columns where there are enough of them. Rows, or
 * columns, are shared by threads.
 *
 * A sum in float32 that only ever grew would lose what it adds: scalar ones are kept in float64; in vectors, where float64 has fewer
 * lanes, each block of terms is summed by itself and added to the sum of the blocks before.
 */
export function lowerPrefix(
  kernel: PrefixKernel,
  bufferOf: (node: Node) => Buffer,
  { lanes, chunkWork }: Target,
): KernelBody {
  const { node, rows, columns } = kernel;
  const top: Statement[] = [];
  const emitter = new Emitter(bufferOf, top);
  const buffer = bufferOf(node);
  const vectors = Math.max(2, lineBytes / (4 * lanes));
  const width = vectors * lanes;
  const inLines = columns.extent - (columns.extent % width);
  const inVectors = columns.extent - (columns.extent % lanes);

  const work = elementWork * sizeOf(node.shape);
  const byRows = chunksOf(rows.extent, 1, work, chunkWork);
  const byColumns = chunksOf(inLines, width, work, chunkWork);
  const dividesRows = (byRows?.count ?? 0) >= (byColumns?.count ?? 0);
  const chunks = dividesRows ? byRows : byColumns;

  /** Columns from..to, `parts` vectors of `size` lanes at a time. */
  const overColumns = (from: Expr | number, to: Expr | number, parts: number, size: number): void => {
    if (from === to) return;
    emitter.vectorize(size === 1 ? null : { id: columns.id, lanes: size });
    const column = local('column', typeOf('i32'));
    const body = emitter.inside([[columns.id, at(column)]], () => run(kernel, emitter, buffer, parts, size));
    emitter.statements.push(loop(column, from, to, parts * size, body));
  };
  const rest = (): void => {
    overColumns(inLines, inVectors, 1, lanes);
    overColumns(inVectors, columns.extent, 1, 1);
  };
  const row = local('row', typeOf('i32'));
  const body = emitter.inside([[rows.id, at(row)]], () => {
    if (chunks === null || dividesRows) {
      overColumns(0, inLines, vectors, lanes);
      rest();
      return;
    }
    overColumns(chunks.begin, chunks.end, vectors, lanes);
    const isLast = compare('eq', get(chunks.variable), i32Constant(chunks.count - 1));
    emitter.statements.push(ifThen(isLast, emitter.inside([], rest)));
  });
  top.push(
    loop(row, (dividesRows && chunks?.begin) || 0, (dividesRows && chunks?.end) || rows.extent, 1, body),
  );
  return chunks === null ? { body: top } : { body: top, chunks };
}

/** Sizes of the blocks of a sum and of the blocks in these: each sum has some hundred terms at most. */
const blocksOf = (extent: number): number[] =>
  extent <= longestRun
    ? []
    : extent <= 2 ** 16
      ? [2 ** 8]
      : [2 ** 7 * 2 ** Math.ceil(Math.log2(extent) / 3), 2 ** 7];

/** One pass along the axis, for `parts` vectors of columns. */
function run(kernel: PrefixKernel, emitter: Emitter, buffer: Buffer, parts: number, lanes: number): void {
  const { node, along, value } = kernel;
  const { kind, reverse } = node.attributes;
  const scalar = scalarOf[node.dtype];
  const isSum = kind === 'sum' && node.dtype === 'float32';
  const kept = typeOf(isSum && lanes === 1 ? 'f64' : scalar, lanes);
  const start = constant(kept, identityOf(kind, kept.scalar));
  const registers = (name: string) => Array.from({ length: parts }, () => local(name, kept));
  const plus = (a: readonly Local[] | null, b: readonly Local[], part: number): Expr =>
    a === null ? get(b[part]) : binary('add', get(a[part]), get(b[part]));

  /** Runs over from..to, whose elements come after what adds up to `before`; gives registers with their own total. */
  const pass = (
    from: Expr | number,
    to: Expr | number,
    [size, ...smaller]: readonly number[],
    before: readonly Local[] | null,
  ): readonly Local[] => {
    const totals = registers('total');
    emitter.statements.push(...totals.map((total) => set(total, start)));
    if (size === undefined) {
      const i = local('i', typeOf('i32'));
      const position = reverse ? addIndex(index(along.extent - 1), scaleIndex(at(i), -1)) : at(i);
      const step = emitter.inside([[along.id, position]], () => {
        totals.forEach((total, part) => {
          const element = cast(kept.scalar, emitter.emit(value, part, true));
          emitter.statements.push(set(total, combine(kind, get(total), element)));
          const result = cast(scalar, plus(before, totals, part));
          emitter.statements.push(emitter.store(buffer, emitter.index(kernel.index, part), result, part));
        });
      });
      emitter.statements.push(loop(i, from, to, 1, step));
      return totals;
    }
    const block = local('block', typeOf('i32'));
    const end = binary('min', binary('add', get(block), i32Constant(size)), i32Constant(along.extent));
    const body = emitter.inside([], () => {
      const base = registers('base');
      emitter.statements.push(...base.map((b, part) => set(b, plus(before, totals, part))));
      const own = pass(get(block), end, smaller, base);
      emitter.statements.push(...totals.map((t, part) => set(t, binary('add', get(t), get(own[part])))));
    });
    emitter.statements.push(loop(block, from, to, size, body));
    return totals;
  };
  pass(0, along.extent, isSum && lanes > 1 ? blocksOf(along.extent) : [], null);
}
