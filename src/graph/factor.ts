import { parts } from './build.ts';
import { isFloat } from './dtype.ts';
import { GraphError } from './infer.ts';
import { type Node, sameShape, typeText } from './node.ts';
import type { FactorKind, ResultType } from './vocabulary.ts';

/** Extents that the results of an algorithm are made of. */
interface Extents {
  readonly batch: readonly number[];
  readonly rows: number;
  readonly columns: number;
  /** The smaller one. */
  readonly least: number;
}

type Results = (extents: Extents, operands: readonly Node[]) => readonly (readonly number[])[];

const resultsOf: { readonly [K in FactorKind]: Results } = {
  cholesky: (_, [a]) => [a.shape],
  lu: ({ batch, rows }, [a]) => [a.shape, [...batch, rows], batch],
  qr: ({ batch, rows, columns, least }) => [
    [...batch, rows, least],
    [...batch, least, columns],
  ],
  eigh: ({ batch, rows }, [a]) => [[...batch, rows], a.shape],
  svd: ({ batch, rows, columns, least }) => [
    [...batch, rows, least],
    [...batch, least],
    [...batch, least, columns],
  ],
  solveLower: (_, [, b]) => [b.shape],
  solveUpper: (_, [, b]) => [b.shape],
  adjugate: (_, [a]) => [a.shape],
};

const anyShape: ReadonlySet<FactorKind> = new Set(['lu', 'qr', 'svd']);

/**
 * The results of an algorithm of linear algebra on float matrices; all operands have the same leading axes. It has no derivative: rules
 * of custom operations give one.
 */
export function factor(kind: FactorKind, operands: readonly Node[]): Node[] {
  const [a, b] = operands;
  const rank = a.shape.length;
  const [rows, columns] = [a.shape[rank - 2], a.shape[rank - 1]];
  const problem = (text: string) =>
    new GraphError(
      `${kind}: ${text} (operands: ${operands.map((x) => typeText(x.dtype, x.shape)).join(' and ')})`,
    );
  if (rank < 2 || !isFloat(a.dtype)) throw problem('needs matrices of floats');
  if (rows !== columns && !anyShape.has(kind)) throw problem('needs square matrices');
  const batch = a.shape.slice(0, -2);
  if (b !== undefined && (!sameShape(b.shape.slice(0, -1), [...batch, rows]) || b.dtype !== a.dtype))
    throw problem('needs a right side with as many rows, the same leading axes and dtype');
  const shapes = resultsOf[kind]({ batch, rows, columns, least: Math.min(rows, columns) }, operands);
  const results = shapes.map(
    (shape, i): ResultType => ({ shape, dtype: kind === 'lu' && i === 1 ? 'int32' : a.dtype }),
  );
  return parts('factor', { results, kind }, operands);
}
