import { describe, expect, it, test, vi } from 'vitest';
import { eye, grad, jit, linalg, stack, type Tensor, tensor, vmap, zeros } from '../../../src/index.ts';
import { qr as qrAlgorithm } from '../../../src/runtime/linalg/qr.ts';
import { expectClose } from '../../support/close.ts';
import { Dice } from '../../support/dice.ts';

vi.mock(import('../../../src/runtime/linalg/qr.ts'), async (original) => {
  const module = await original();
  return { ...module, qr: vi.fn(module.qr) };
});

const dice = new Dice(23);
const random = (...shape: number[]): Tensor =>
  tensor(
    Array.from({ length: shape.reduce((n, x) => n * x, 1) }, () => dice.fraction() * 2 - 1),
    { dtype: 'float64', shape },
  );
const double = (data: number[][] | number[]): Tensor => tensor(data, { dtype: 'float64' });
const near = (a: Tensor, b: Tensor, atol = 1e-10): void => {
  expect(a.shape).toEqual(b.shape);
  expectClose(a.dataSync(), b.dataSync(), { atol });
};

describe('linear algebra', () => {
  it('multiplies factors back, batched', () => {
    const a = random(2, 3, 5, 3);
    const mT = (x: Tensor): Tensor => x.transpose([0, 1, 3, 2]);
    const [p, l, u] = linalg.lu(a);
    near(p.matmul(l).matmul(u), a);
    const [q, r] = linalg.qr(a);
    near(q.matmul(r), a);
    const [left, s, vT] = linalg.svd(a);
    near(left.mul(s.unsqueeze(-2)).matmul(vT), a);
    const [w, v] = linalg.eigh(mT(a).matmul(a));
    near(w.flip(-1).sqrt(), s);
    near(v.mul(w.unsqueeze(-2)).matmul(mT(v)), mT(a).matmul(a));
    near(linalg.pinv(a).matmul(a), eye(3, 3, { dtype: 'float64' }).broadcastTo([2, 3, 3, 3]));
  });

  it('takes integers, bool and halves as float32, and mixes dtypes', () => {
    const a = tensor(
      [
        [2, 1],
        [1, 3],
      ],
      { dtype: 'int32' },
    );
    expect(linalg.det(a).dtype).toBe('float32');
    expect(linalg.det(a).item()).toBeCloseTo(5, 5);
    expect(linalg.cholesky(a.cast('float16')).dtype).toBe('float32');
    const mixed = linalg.solve(a, double([1, 2]));
    expect(mixed.dtype).toBe('float64');
    expectClose(mixed.dataSync(), [0.2, 0.6], { atol: 1e-15 });
    expect(linalg.matrixRank(a).dtype).toBe('int32');
  });

  it('runs an algorithm once, however many of its results are read', () => {
    const calls = vi.mocked(qrAlgorithm).mock.calls;
    const before = calls.length;
    const [q, r] = linalg.qr(random(4, 3));
    q.dataSync();
    r.dataSync();
    expect(calls.length).toBe(before + 1);
    const both = jit((x: Tensor) => [...linalg.qr(x), linalg.qr(x)[1].abs()]);
    both(random(4, 3));
    expect(calls.length).toBe(before + 2);
  });

  it('knows empty matrices', () => {
    const none = zeros([0, 0]);
    expect(linalg.det(none).item()).toBe(1);
    expect(linalg.slogdet(none).map((x) => x.item())).toEqual([1, 0]);
    expect(linalg.inverse(none).shape).toEqual([0, 0]);
    expect(linalg.cholesky(zeros([0, 3, 3])).shape).toEqual([0, 3, 3]);
    expect(linalg.solve(none, zeros([0])).shape).toEqual([0]);
    expect(linalg.solve(eye(3), zeros([3, 0])).shape).toEqual([3, 0]);
    expect(linalg.qr(zeros([3, 0])).map((x) => x.shape)).toEqual([
      [3, 0],
      [0, 0],
    ]);
    expect(linalg.lu(zeros([0, 2])).map((x) => x.shape)).toEqual([
      [0, 0],
      [0, 0],
      [0, 2],
    ]);
    expect(linalg.svd(zeros([2, 0])).map((x) => x.shape)).toEqual([[2, 0], [0], [0, 0]]);
    expect(linalg.eigvalsh(none).shape).toEqual([0]);
    expect(linalg.pinv(zeros([2, 0])).shape).toEqual([0, 2]);
    expect(linalg.matrixRank(zeros([2, 0])).item()).toBe(0);
    expect(linalg.matrixExp(none).shape).toEqual([0, 0]);
    expect(linalg.matrixNorm(none).item()).toBe(0);
    expect(linalg.vander(zeros([2]), { columns: 0 }).shape).toEqual([2, 0]);
  });

  it('gives infinities and NaN for what does not exist, and throws nothing', () => {
    const singular = double([
      [1, 2],
      [2, 4],
    ]);
    expect([...linalg.inverse(singular).dataSync()].some(Number.isFinite)).toBe(false);
    expect(linalg.det(singular).item()).toBeCloseTo(0, 12);
    expect(linalg.slogdet(singular).map((x) => x.item() + 0)).toEqual([0, -Infinity]);
    expect(linalg.cond(singular).item()).toBeGreaterThan(1e15);
    expect(
      linalg
        .cond(
          double([
            [1, 0],
            [0, 0],
          ]),
        )
        .item(),
    ).toBe(Infinity);
    expect(linalg.matrixRank(singular).item()).toBe(1);
    expect([...linalg.cholesky(singular.neg()).dataSync()]).toEqual([NaN, 0, NaN, NaN]);
    expect([
      ...linalg
        .eigvalsh(
          double([
            [NaN, 1],
            [1, 2],
          ]),
        )
        .dataSync(),
    ]).toEqual([NaN, NaN]);
    expect(
      Number.isNaN(
        linalg
          .matrixExp(
            double([
              [1e7, 0],
              [0, 1],
            ]),
          )
          .at(0)
          .at(0)
          .item(),
      ),
    ).toBe(true);
  });

  it('exponentiates rotations and large negative matrices', () => {
    const turn = double([
      [0, -1],
      [1, 0],
    ]);
    near(
      linalg.matrixExp(turn.mul(Math.PI / 3)),
      double([
        [0.5, -Math.sqrt(0.75)],
        [Math.sqrt(0.75), 0.5],
      ]),
      1e-14,
    );
    near(
      linalg.matrixExp(
        double([
          [-1000, 0],
          [0, 1],
        ]),
      ),
      double([
        [0, 0],
        [0, Math.E],
      ]),
      1e-12,
    );
    near(
      linalg.matrixExp(zeros([2, 3, 3]).cast('float64')),
      eye(3, 3, { dtype: 'float64' }).broadcastTo([2, 3, 3]),
    );
  });

  it('finds the shortest of many solutions, and the best where there is none', () => {
    const { solution, residuals, rank, singularValues } = linalg.lstsq(
      double([
        [1, 1],
        [1, 1],
        [0, 0],
      ]),
      double([1, 3, 2]),
    );
    expectClose(solution.dataSync(), [1, 1], { atol: 1e-14 });
    expect(residuals.item()).toBeCloseTo(6, 12);
    expect(rank.item()).toBe(1);
    expectClose(singularValues.dataSync(), [2, 0], { atol: 1e-14 });
  });

  it('differentiates functions of the space of a repeated eigenvalue', () => {
    // The projection onto the space of the eigenvalue 1, which is twofold: P' = (P A' (I - P) + (I - P) A' P) / (1 - 4).
    const a = double([
      [1, 0, 0],
      [0, 1, 0],
      [0, 0, 4],
    ]);
    const weight = random(3, 3);
    const projection = (x: Tensor): Tensor => {
      const v = linalg.eigh(x)[1].slice(null, [0, 2]);
      return v.matmul(v.T).mul(weight).sum();
    };
    const both = weight.add(weight.T).mul(0.5).toArray() as number[][];
    const off = (i: number, j: number): number => ((i === 2) !== (j === 2) ? both[i][j] / -3 : 0);
    near(grad(projection)(a), double([0, 1, 2].map((i) => [0, 1, 2].map((j) => off(i, j)))));
    const s = (x: Tensor): Tensor => linalg.svd(x)[1].sum();
    near(grad(s)(eye(3, 3, { dtype: 'float64' })), eye(3, 3, { dtype: 'float64' }));
    expect([...grad((x: Tensor) => linalg.vectorNorm(x))(zeros([3])).dataSync()]).toEqual([0, 0, 0]);
  });

  it('differentiates determinants of singular matrices', () => {
    const a = double([
      [1, 2, 3],
      [4, 5, 6],
      [7, 8, 9],
    ]);
    near(
      grad((x: Tensor) => linalg.det(x))(a),
      double([
        [-3, 6, -3],
        [6, -12, 6],
        [-3, 6, -3],
      ]),
      1e-12,
    );
    near(grad((x: Tensor) => linalg.det(x))(zeros([3, 3]).cast('float64')), zeros([3, 3]).cast('float64'));
  });

  const [matrices, rights] = [random(3, 4, 4).add(eye(4, 4, { dtype: 'float64' }).mul(3)), random(3, 4, 2)];
  const positive = matrices.matmul(matrices.transpose([0, 2, 1]));
  const batched: Readonly<Record<string, (a: Tensor) => Tensor>> = {
    cholesky: (a) => linalg.cholesky(a),
    lu: (a) => linalg.lu(a)[2],
    solve: (a) => linalg.solve(a, a.slice(null, [0, 1])),
    qr: (a) => linalg.qr(a)[0],
    eigh: (a) => linalg.eigh(a)[1],
    svd: (a) => linalg.svd(a)[0],
    det: (a) => linalg.det(a),
    pinv: (a) => linalg.pinv(a),
    matrixExp: (a) => linalg.matrixExp(a.mul(0.1)),
  };
  test.each(Object.entries(batched))('vmap of %s and of its gradient', (_, f) => {
    const each = (g: (a: Tensor) => Tensor): Tensor => stack([0, 1, 2].map((i) => g(positive.at(i))));
    near(vmap(f)(positive), each(f));
    const slope = grad((a: Tensor) => f(a).sin().sum());
    near(vmap(slope)(positive), each(slope), 1e-9);
    near(grad((a: Tensor) => vmap(f)(a).sin().sum())(positive), each(slope), 1e-9);
  });

  it('vmap over right sides keeps one matrix', () => {
    const a = matrices.at(0);
    near(vmap((b: Tensor) => linalg.solve(a, b))(rights), linalg.solve(a, rights));
  });

  test.each([
    [() => linalg.cholesky(zeros([2, 3])), /cholesky: needs square matrices, got shape \[2, 3\]/],
    [() => linalg.qr(zeros([3])), /qr: needs a matrix or a batch of them, got shape \[3\]/],
    [
      () => linalg.solve(eye(3), zeros([2, 3])),
      /solve: a right side of shape \[2, 3\] does not fit matrices \[3, 3\]; it needs 3 rows/,
    ],
    [
      () => linalg.solve(zeros([2, 3, 3]), zeros([4, 3, 1])),
      /solve: shapes \[2\] and \[4\] do not broadcast/,
    ],
    [() => linalg.luSolve(eye(3), zeros([3]), zeros([3])), /luSolve: the permutation must be int32\[3\]/],
    [() => linalg.lstsq(zeros([3, 2]), zeros([2])), /lstsq: a right side of shape \[2\] does not fit/],
    [() => linalg.matrixPower(eye(2), 0.5), /matrixPower: the power must be an integer, got 0.5/],
    [() => linalg.matrixNorm(eye(2), 3), /matrixNorm: there is no order 3/],
    [() => linalg.norm(eye(2), 'fro', { axis: 0 }), /norm: order fro is for two axes, got 1/],
    [() => linalg.norm(zeros([2, 2, 2]), 1), /norm: order 1 is for one or two axes, got 3/],
    [() => linalg.vectorNorm(zeros([0]), -Infinity), /vectorNorm: order -Infinity of \[0\], which is empty/],
    [() => linalg.multiDot([eye(2)]), /multiDot: needs at least two arrays, got 1/],
    [() => linalg.multiDot([eye(2), zeros([3, 2])]), /multiDot: \[2, 2\] x \[3, 2\]: array 1 needs 2 rows/],
    [() => linalg.multiDot([eye(2), zeros([2]), eye(2)]), /arrays must be matrices/],
    [
      () => linalg.cholesky(eye(2), { uper: true } as never),
      /cholesky: unknown option 'uper'; options are upper/,
    ],
    [() => linalg.norm(eye(2), 1, { axes: 1 } as never), /norm: unknown option 'axes'/],
    [() => linalg.vander(tensor(1)), /vander: needs a vector, got a scalar/],
    [() => linalg.vander(zeros([2]), { columns: 1.5 }), /vander: the number of columns/],
  ])('refused: %s', (run, message) => {
    expect(run).toThrow(message);
  });
});
