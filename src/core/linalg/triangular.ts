import { checkOptions } from '../options.ts';
import type { Tensor } from '../tensor.ts';
import {
  algorithm,
  alikeFloats,
  lowerPart,
  matricesOf,
  mT,
  type Rule,
  sameBatch,
  squareOf,
  upperPart,
  withRule,
  withUnitDiagonal,
} from './matrices.ts';

/** For each side of the diagonal: a x = b, of which a change of x is the solution for b' - a' x. */
const rules: { readonly [side in 'lower' | 'upper']: Rule } = { lower: ruleOf(true), upper: ruleOf(false) };

function ruleOf(lower: boolean): Rule {
  const part = lower ? lowerPart : upperPart;
  return {
    name: 'solveTriangular',
    tangents: ([x], [a], _, [da, db]) => {
      const moved = da && part(da).matmul(x);
      const change = db === null ? moved!.neg() : moved === null ? db : db.sub(moved);
      return [solveTriangle(a, change, lower)];
    },
    cotangents: ([x], [a], _, [ct]) => {
      const back = solveTriangle(mT(a), ct!, !lower);
      return [part(back.matmul(mT(x))).neg(), back];
    },
  };
}

/** a x = b for a triangle of a [..., n, n] and b [..., n, k] with the same leading axes and dtype. */
export function solveTriangle(a: Tensor, b: Tensor, lower: boolean): Tensor {
  const values = algorithm(lower ? 'solveLower' : 'solveUpper', a, b);
  return withRule(rules[lower ? 'lower' : 'upper'], values, [a, b])[0];
}

/** x a = b for the same. */
export const solveTriangleLeft = (a: Tensor, b: Tensor, lower: boolean): Tensor =>
  mT(solveTriangle(mT(a), mT(b), !lower));

/**
 * Runs a solver of matrix equations on what users give: b may be a vector, [n] or one for each of a batch of matrices; leading axes
 * broadcast; right sides of one matrix are put side by side.
 */
export function solveWith(
  name: string,
  a: Tensor,
  b: Tensor,
  solver: (a: Tensor, b: Tensor) => Tensor,
): Tensor {
  const [x, y] = alikeFloats(squareOf(name, a), b);
  const n = x.shape[x.ndim - 1];
  const batch = x.shape.slice(0, -2);
  const vectors =
    y.ndim === 1 || (y.ndim === x.ndim - 1 && y.shape.every((extent, i) => extent === [...batch, n][i]));
  const columns = vectors ? y.unsqueeze(-1) : y;
  if (columns.ndim < 2 || columns.shape[columns.ndim - 2] !== n)
    throw new Error(
      `${name}: a right side of shape [${b.shape.join(', ')}] does not fit matrices [${a.shape.join(', ')}]; it needs ${n} rows: ` +
        `[..., ${n}, k], or [${[...batch, n].join(', ')}] for vectors`,
    );
  let result: Tensor;
  if (x.ndim === 2 && columns.ndim > 2) {
    // [..., n, k] as [n, ... k]: one matrix with more columns.
    const leading = columns.shape.slice(0, -2).map((_, i) => i);
    const rank = columns.ndim;
    const side = columns.transpose([rank - 2, ...leading, rank - 1]);
    const solved = solver(x, side.reshape([n, columns.size / Math.max(1, n)])).reshape(side.shape);
    result = solved.transpose([...leading.map((i) => i + 1), 0, rank - 1]);
  } else result = solver(...sameBatch(name, x, columns));
  return vectors ? result.squeeze(-1) : result;
}

/** Options of `solveTriangular`. */
export interface SolveTriangularOptions {
  /** Reads the lower triangle; default false: the upper one. */
  lower?: boolean;
  /** Solves with the transposed matrix. Default false. */
  transpose?: boolean;
  /** Takes the diagonal as ones, without reading it. Default false. */
  unitDiagonal?: boolean;
}

/**
 * The solution x of a x = b for triangular a [..., n, n], of which one triangle is read, by substitution; b is [..., n, k], or vectors:
 * [n], or [..., n] with just the leading axes of a. Leading axes broadcast. A 0 on the diagonal gives infinity or NaN.
 *
 * @throws if a is not square or b does not fit
 */
export function solveTriangular(a: Tensor, b: Tensor, options: SolveTriangularOptions = {}): Tensor {
  checkOptions('solveTriangular', options, ['lower', 'transpose', 'unitDiagonal']);
  const { lower = false, transpose = false, unitDiagonal = false } = options;
  const matrices = squareOf('solveTriangular', a);
  const whole = unitDiagonal ? withUnitDiagonal(matrices) : matrices;
  return solveWith('solveTriangular', transpose ? mT(whole) : whole, b, (x, y) =>
    solveTriangle(x, y, lower !== transpose),
  );
}

/** a^-1 b for positive definite matrices from their Cholesky factor l, a = l transpose(l); shapes as in solveTriangular. */
export const choleskySolve = (l: Tensor, b: Tensor): Tensor =>
  solveWith('choleskySolve', matricesOf('choleskySolve', l), b, (x, y) =>
    solveTriangle(mT(x), solveTriangle(x, y, true), false),
  );
