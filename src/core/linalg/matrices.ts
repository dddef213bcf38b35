import * as g from '../../graph/build.ts';
import type { DType } from '../../graph/dtype.ts';
import { factor } from '../../graph/factor.ts';
import { type Node, sizeOf } from '../../graph/node.ts';
import type { FactorKind } from '../../graph/vocabulary.ts';
import { alike, broadcastShapes } from '../operands.ts';
import { Tensor, where } from '../tensor.ts';
import { isTracing } from '../trace.ts';

/** What functions of linear algebra are made of: checks of their operands, parts of matrices, and operations with a rule. */

/** What is computed in: float64, or float32 for everything else. */
const floatOf = (dtype: DType): DType => (dtype === 'float64' ? dtype : 'float32');

/** Matrices in float32 or float64. */
export function matricesOf(name: string, a: Tensor): Tensor {
  if (a.ndim < 2)
    throw new Error(`${name}: needs a matrix or a batch of them, got shape [${a.shape.join(', ')}]`);
  return a.cast(floatOf(a.dtype));
}

/** Square matrices in float32 or float64. */
export function squareOf(name: string, a: Tensor): Tensor {
  const [rows, columns] = a.shape.slice(-2);
  if (a.ndim < 2 || rows !== columns)
    throw new Error(
      `${name}: needs square matrices, got shape [${a.shape.join(', ')}]; the last two axes must be equal`,
    );
  return matricesOf(name, a);
}

/** Two operands in float32, or float64 if one of them is. */
export function alikeFloats(a: Tensor, b: Tensor): [Tensor, Tensor] {
  const [x, y] = alike([a.node, b.node]);
  return [new Tensor(g.cast(x, floatOf(x.dtype))), new Tensor(g.cast(y, floatOf(y.dtype)))];
}

/** Rows and columns. */
export const extentsOf = (a: Tensor): readonly [number, number] => [a.shape[a.ndim - 2], a.shape[a.ndim - 1]];

/** The distance from 1 to the next number. */
export const epsilonOf = (a: Tensor): number => (a.dtype === 'float64' ? 2 ** -52 : 2 ** -23);

/** The matrices transposed: the last two axes exchanged. */
export function mT(a: Tensor): Tensor {
  const axes = a.shape.map((_, i) => i);
  return a.transpose([...axes.slice(0, -2), a.ndim - 1, a.ndim - 2]);
}

/** Whether column - row compares with k as asked, for each element of the last two axes. */
function positions(a: Tensor, kind: 'lower' | 'diagonal' | 'upper', k = 0): Tensor {
  const row = new Tensor(g.iota(a.ndim - 2, a.shape));
  const column = new Tensor(g.iota(a.ndim - 1, a.shape));
  if (kind === 'diagonal') return column.eq(row);
  return kind === 'lower' ? column.le(row.add(k)) : column.ge(row.add(k));
}

/** Zeros above diagonal k. */
export const lowerPart = (a: Tensor, k = 0): Tensor => where(positions(a, 'lower', k), a, 0);
/** Zeros below diagonal k. */
export const upperPart = (a: Tensor, k = 0): Tensor => where(positions(a, 'upper', k), a, 0);
/** Ones on the diagonal. */
export const withUnitDiagonal = (a: Tensor): Tensor => where(positions(a, 'diagonal'), 1, a);

/** The main diagonals, [..., min(rows, columns)]. */
export function diagonalOf(a: Tensor): Tensor {
  const square = block(a, Math.min(...extentsOf(a)), Math.min(...extentsOf(a)));
  return where(positions(square, 'diagonal'), square, 0).sum(-1);
}
/** Matrices [..., n, n] with the vectors [..., n] on their diagonals. */
export function diagonalMatrix(v: Tensor): Tensor {
  const spread = v.unsqueeze(-1).broadcastTo([...v.shape, v.shape[v.ndim - 1]]);
  return where(positions(spread, 'diagonal'), spread, 0);
}
export const traceOf = (a: Tensor): Tensor => diagonalOf(a).sum(-1);

/** Identity matrices in the shape of a. */
export const identityLike = (a: Tensor): Tensor => positions(a, 'diagonal').cast(a.dtype);

/** The first rows and columns; negative numbers take the last ones. */
export function block(a: Tensor, rows: number, columns: number): Tensor {
  const range = (n: number): [number | null, number | null] => (n < 0 ? [n, null] : [0, n]);
  return a.slice(...a.shape.slice(0, -2).map(() => null), range(rows), range(columns));
}

/** (a + transpose(a)) / 2 */
export const symmetricPart = (a: Tensor): Tensor => a.add(mT(a)).mul(0.5);

/** Multiplies the columns by the elements of vectors: a diagonal(v). */
export const scaleColumns = (a: Tensor, v: Tensor): Tensor => a.mul(v.unsqueeze(-2));
/** Multiplies the rows by the elements of vectors: diagonal(v) a. */
export const scaleRows = (a: Tensor, v: Tensor): Tensor => a.mul(v.unsqueeze(-1));

/** 1 / x, and 0 where the condition holds. */
export const inverseUnless = (condition: Tensor, x: Tensor): Tensor =>
  where(condition, 0, where(condition, 1, x).reciprocal());

/** Both operands with the same leading axes. */
export function sameBatch(name: string, a: Tensor, b: Tensor): [Tensor, Tensor] {
  const batch = broadcastShapes(name, a.shape.slice(0, -2), b.shape.slice(0, -2));
  return [a.broadcastTo([...batch, ...a.shape.slice(-2)]), b.broadcastTo([...batch, ...b.shape.slice(-2)])];
}

/** Rows of a [..., m, n] in the order of `permutation` [..., m]: out[i] = a[permutation[i]], or back: out[permutation[i]] = a[i]. */
export function permuteRows(a: Tensor, permutation: Tensor, back = false): Tensor {
  const [m, n] = extentsOf(a);
  const count = sizeOf(a.shape.slice(0, -2));
  if (count * m === 0) return a;
  const start = g.mul(g.iota(0, [count, m]), g.constant(m, [count, m], 'int32'));
  const rows = g.reshape(g.add(g.reshape(permutation.node, [count, m]), start), [count * m]);
  const flat = g.reshape(a.node, [count * m, n]);
  const moved = back ? g.scatterAdd(rows, flat, flat.shape, 0) : g.gather(flat, rows, 0);
  return new Tensor(g.reshape(moved, a.shape));
}

/** The results of an algorithm, as constants to every derivative. */
export const algorithm = (kind: FactorKind, ...operands: readonly Tensor[]): Tensor[] =>
  factor(
    kind,
    operands.map((x) => g.stopGradient(x.node)),
  ).map((node) => new Tensor(node));

type Change = Tensor | null;

/** A derivative over arrays; see CustomRule. It must not refer to arrays but those that it is given. */
export interface Rule {
  readonly name: string;
  readonly tangents: (
    results: readonly Tensor[],
    operands: readonly Tensor[],
    extras: readonly Tensor[],
    changes: readonly Change[],
  ) => readonly Change[];
  /** Needed where `tangents` uses the very operation whose rule this is; else it is transposed. */
  readonly cotangents?: Rule['tangents'];
}

const tensorsOf = (nodes: readonly Node[]): Tensor[] => nodes.map((node) => new Tensor(node));

const overNodes =
  (rule: Rule['tangents']) =>
  (
    results: readonly Node[],
    operands: readonly Node[],
    extras: readonly Node[],
    changes: readonly (Node | null)[],
  ): (Node | null)[] => {
    const given = changes.map((change) => change && new Tensor(change));
    return rule(tensorsOf(results), tensorsOf(operands), tensorsOf(extras), given).map(
      (x) => x?.node ?? null,
    );
  };

/** Values whose derivative by `operands` is that of a rule. `values` and `extras` must be constants to derivatives. */
export function withRule(
  rule: Rule,
  values: readonly Tensor[],
  operands: readonly Tensor[],
  extras: readonly Tensor[] = [],
): Tensor[] {
  const nodes = g.parts(
    'custom',
    {
      results: values.map(({ shape, dtype }) => ({ shape, dtype })),
      operands: operands.length,
      rule: {
        name: rule.name,
        tangents: overNodes(rule.tangents),
        cotangents: rule.cotangents ? overNodes(rule.cotangents) : null,
      },
    },
    [...values, ...operands, ...extras].map((x) => x.node),
  );
  // Outside of transforms each result would be read alone: the algorithm is to run once for all of them.
  if (!isTracing() && nodes.length > 1) for (const node of nodes) node.companions = nodes;
  return tensorsOf(nodes);
}

/** The array as a constant to derivatives. */
export const constantly = (a: Tensor): Tensor => new Tensor(g.stopGradient(a.node));
