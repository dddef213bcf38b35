import { describe, expect, it } from 'vitest';
import { eye, grad, jit, jvp, linalg, type Tensor, tensor } from '../../../src/index.ts';
import { Dice } from '../../support/dice.ts';

/** Derivatives of every function of linear algebra against differences, in float64: both modes, and second ones in three ways. */

type Scalar = (a: Tensor) => Tensor;

const dice = new Dice(17);
const random = (...shape: number[]): Tensor =>
  tensor(
    Array.from({ length: shape.reduce((n, x) => n * x, 1) }, () => dice.fraction() * 2 - 1),
    { dtype: 'float64', shape },
  );

const mT = (a: Tensor): Tensor =>
  a.transpose([...a.shape.slice(0, -2).map((_, i) => i), a.ndim - 1, a.ndim - 2]);
const positive = (a: Tensor): Tensor =>
  a.matmul(mT(a)).add(eye(a.shape[a.ndim - 2], undefined, { dtype: 'float64' }));
const regular = (a: Tensor): Tensor =>
  a.add(eye(a.shape[a.ndim - 1], undefined, { dtype: 'float64' }).mul(3));
const symmetric = (a: Tensor): Tensor => a.add(mT(a));
/** A sum with a weight of its own for each element. */
const weighted = (x: Tensor): Tensor => x.mul(weights(x.size).reshape(x.shape)).sum();
const weights = (count: number): Tensor =>
  tensor(
    Array.from({ length: count }, (_, i) => Math.sin(i + 1)),
    { dtype: 'float64' },
  );

const right = random(4, 2);
const batchOfRight = random(2, 4, 3);
const low = random(6, 3);

const cases: Readonly<Record<string, readonly [Scalar, Tensor]>> = {
  cholesky: [(a) => weighted(linalg.cholesky(positive(a))), random(4, 4)],
  'cholesky, upper, a batch': [
    (a) => weighted(linalg.cholesky(positive(a), { upper: true })),
    random(2, 3, 3),
  ],
  choleskySolve: [(a) => weighted(linalg.choleskySolve(regular(a), right)), random(4, 4)],
  'lu, square': [
    (a) =>
      linalg
        .lu(a)
        .slice(1)
        .map(weighted)
        .reduce((x, y) => x.add(y)),
    random(4, 4),
  ],
  'lu, wide': [
    (a) =>
      linalg
        .lu(a)
        .slice(1)
        .map(weighted)
        .reduce((x, y) => x.add(y)),
    random(3, 5),
  ],
  'lu, tall, a batch': [
    (a) =>
      linalg
        .lu(a)
        .slice(1)
        .map(weighted)
        .reduce((x, y) => x.add(y)),
    random(2, 5, 3),
  ],
  luSolve: [(a) => weighted(linalg.luSolve(...linalg.luFactor(a), right)), random(4, 4)],
  'solve, by the matrix': [(a) => weighted(linalg.solve(regular(a), right)), random(4, 4)],
  'solve, by the right side': [
    (b) => weighted(linalg.solve(regular(right.matmul(mT(right))), b).square()),
    random(4, 3),
  ],
  'solve, by both, a vector': [(a) => weighted(linalg.solve(regular(a), a.sum(1))), random(4, 4)],
  'solve, one matrix for a batch': [(a) => weighted(linalg.solve(regular(a), batchOfRight)), random(4, 4)],
  'solve, a batch of matrices': [(a) => weighted(linalg.solve(regular(a), right)), random(2, 4, 4)],
  'solveTriangular, upper': [(a) => weighted(linalg.solveTriangular(regular(a), right)), random(4, 4)],
  'solveTriangular, lower, transposed': [
    (a) =>
      weighted(linalg.solveTriangular(regular(a), a.slice(null, [0, 2]), { lower: true, transpose: true })),
    random(4, 4),
  ],
  'solveTriangular, unit diagonal': [
    (a) => weighted(linalg.solveTriangular(a, right, { lower: true, unitDiagonal: true })),
    random(4, 4),
  ],
  inverse: [(a) => weighted(linalg.inverse(regular(a))), random(2, 3, 3)],
  det: [(a) => weighted(linalg.det(a)), random(2, 4, 4)],
  'det, 2 x 2, singular': [
    (a) => linalg.det(a),
    tensor(
      [
        [1, 2],
        [2, 4],
      ],
      { dtype: 'float64' },
    ),
  ],
  'det, 5 x 5': [(a) => linalg.det(a), random(5, 5)],
  'det, 4 x 4, of rank 2': [(a) => linalg.det(a).add(weighted(a.sin())), random(4, 2).matmul(random(2, 4))],
  'det, 3 x 3, of rank 1': [(a) => linalg.det(a).add(weighted(a.sin())), random(3, 1).matmul(random(1, 3))],
  slogdet: [(a) => weighted(linalg.slogdet(a)[1].square()), random(2, 4, 4)],
  'qr, square': [
    (a) =>
      linalg
        .qr(a)
        .map(weighted)
        .reduce((x, y) => x.add(y)),
    random(4, 4),
  ],
  'qr, tall': [
    (a) =>
      linalg
        .qr(a)
        .map(weighted)
        .reduce((x, y) => x.add(y)),
    random(5, 3),
  ],
  'qr, wide, a batch': [
    (a) =>
      linalg
        .qr(a)
        .map(weighted)
        .reduce((x, y) => x.add(y)),
    random(2, 3, 5),
  ],
  eigh: [
    (a) => {
      const [w, v] = linalg.eigh(symmetric(a));
      return weighted(w.sin()).add(weighted(v));
    },
    random(4, 4),
  ],
  'eigvalsh, a batch': [(a) => weighted(linalg.eigvalsh(symmetric(a)).exp()), random(2, 3, 3)],
  'svd, square': [
    (a) =>
      linalg
        .svd(a)
        .map(weighted)
        .reduce((x, y) => x.add(y)),
    random(4, 4),
  ],
  'svd, tall': [
    (a) =>
      linalg
        .svd(a)
        .map(weighted)
        .reduce((x, y) => x.add(y)),
    random(5, 3),
  ],
  'svd, wide, a batch': [
    (a) =>
      linalg
        .svd(a)
        .map(weighted)
        .reduce((x, y) => x.add(y)),
    random(2, 3, 4),
  ],
  svdvals: [(a) => weighted(linalg.svdvals(a).log()), random(5, 3)],
  'pinv, tall': [(a) => weighted(linalg.pinv(a)), random(5, 3)],
  'pinv, wide': [(a) => weighted(linalg.pinv(a)), random(3, 5)],
  'pinv, rank 3 of 6': [(a) => weighted(linalg.pinv(low.matmul(a))), random(3, 6)],
  'lstsq, tall': [(a) => weighted(linalg.lstsq(a, right).solution), random(4, 3)],
  'lstsq, wide, residuals': [
    (a) => {
      const { solution, residuals } = linalg.lstsq(a.slice(null, [0, 3]), a.slice(null, [3, 5]));
      return weighted(solution).add(weighted(residuals));
    },
    random(4, 5),
  ],
  'matrixPower 5': [(a) => weighted(linalg.matrixPower(a, 5)), random(3, 3)],
  'matrixPower -2': [(a) => weighted(linalg.matrixPower(regular(a), -2)), random(3, 3)],
  matrixExp: [(a) => weighted(linalg.matrixExp(a)), random(3, 3)],
  'matrixExp, squared back': [(a) => weighted(linalg.matrixExp(a.mul(12))).mul(1e-3), random(2, 2)],
  'norm fro': [(a) => linalg.matrixNorm(a), random(3, 4)],
  'norm nuc': [(a) => weighted(linalg.matrixNorm(a, 'nuc')), random(2, 3, 4)],
  'norm 2': [(a) => linalg.matrixNorm(a, 2), random(3, 4)],
  'norm -2': [(a) => linalg.matrixNorm(a, -2), random(3, 4)],
  'norm 1': [(a) => linalg.matrixNorm(a.sin(), 1), random(3, 4)],
  'norm infinity': [(a) => linalg.matrixNorm(a.sin(), Infinity), random(3, 4)],
  'vectorNorm 3': [(a) => weighted(linalg.vectorNorm(a, 3, { axis: 1 })), random(3, 4)],
  cond: [(a) => linalg.cond(regular(a)), random(3, 3)],
  'cond fro': [(a) => linalg.cond(regular(a), 'fro'), random(3, 3)],
  multiDot: [(a) => weighted(linalg.multiDot([a, mT(a), a])), random(3, 2)],
  vander: [(a) => weighted(linalg.vander(a, { columns: 4, decreasing: true })), random(3)],
};

const inner = (x: Tensor, y: Tensor): number => x.mul(y).sum().item();
const step = 1e-5;

function expectClose(got: number, wanted: number, scale: number): void {
  expect(Number.isFinite(got)).toBe(true);
  expect(Math.abs(got - wanted)).toBeLessThanOrEqual(2e-7 * (scale + Math.abs(wanted)));
}

describe('derivatives of linear algebra', () => {
  for (const [name, [f, x]] of Object.entries(cases))
    it(name, () => {
      const [v, w] = [random(...x.shape), random(...x.shape)];
      const around = (g: (y: Tensor) => number): number =>
        (g(x.add(v.mul(step))) - g(x.sub(v.mul(step)))) / (2 * step);
      const first = grad(f);
      const slope = first(x);
      const scale = Math.sqrt(inner(slope, slope) * inner(v, v));
      const difference = around((y) => f(y).item());
      expectClose(inner(slope, v), difference, scale);
      expectClose(jvp(f, [x], [v])[1].item(), difference, scale);
      const compiled = jit(first)(x);
      expect(compiled.sub(slope).abs().max().item()).toBeLessThanOrEqual(
        1e-10 * (1 + slope.abs().max().item()),
      );

      const curved = around((y) => inner(first(y), w));
      const reverse = grad((y: Tensor) => first(y).mul(w).sum())(x);
      const size = Math.sqrt(inner(reverse, reverse) * inner(v, v));
      expectClose(inner(reverse, v), curved, size);
      expectClose(inner(jvp(first, [x], [v])[1], w), curved, size);
      expectClose(inner(grad((y: Tensor) => jvp(f, [y], [v])[1])(x), w), curved, size);
    });
});
