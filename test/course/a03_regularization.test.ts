import { describe, expect, test } from 'vitest';
import { eye, grad, jit, linalg, random, scan, type Tensor, where } from '../../src/index.ts';
import { expectClose } from '../support/close.ts';

/** A regression problem: 40 examples, 6 features of which the last is the first with some noise, in double precision. */
function regression(noise = 0.02) {
  const normal = (shape: number[], seed: number) =>
    random.normal(shape, { key: random.key(seed) }).cast('float64');
  const free = normal([40, 5], 1);
  const twin = free
    .at(0, 1)
    .add(normal([40], 2).mul(noise))
    .unsqueeze(1);
  const x = linalg
    .multiDot([free, eye(5, 6, { dtype: 'float64' })])
    .add(twin.matmul(eye(1, 6, { k: 5, dtype: 'float64' })));
  const y = free
    .at(0, 1)
    .mul(2)
    .sub(free.at(1, 1))
    .add(normal([40], 3).mul(0.3));
  return { x, y };
}

/** Columns of x that are orthonormal. */
const orthonormal = () => ({ ...regression(), x: linalg.qr(regression().x)[0] });

const ridge = (x: Tensor, y: Tensor, lambda: number): Tensor =>
  linalg.solve(
    x.T.matmul(x).add(eye(x.shape[1], x.shape[1], { dtype: 'float64' }).mul(lambda)),
    x.T.matmul(y),
  );

const list = (t: Tensor): number[] => [...t.dataSync()];
const norm = (t: Tensor): number => Math.sqrt(t.square().sum().item());

describe('A03', () => {
  test('A03-15 ridge: the penalty λ‖w‖² has the closed form (XᵀX + λI)⁻¹Xᵀy, and shrinks by 1 / (1 + λ) where X is orthonormal', () => {
    const { x, y } = regression();
    const lambda = 0.7;
    const loss = (w: Tensor) => x.matmul(w).sub(y).square().sum().add(w.square().sum().mul(lambda));
    const w = ridge(x, y, lambda);
    expectClose(list(grad(loss)(w)), [0, 0, 0, 0, 0, 0], { atol: 1e-9 });
    const descend = jit(
      (w: Tensor) =>
        scan((c: Tensor) => [c.sub(grad(loss)(c).mul(0.004)), null], w, null, { length: 4000 })[0],
    );
    expectClose(list(descend(w.mul(0))), list(w), { atol: 1e-6 });
    const { x: q } = orthonormal();
    const plain = ridge(q, y, 0);
    for (const l of [0.1, 1, 9]) expectClose(list(ridge(q, y, l)), list(plain.div(1 + l)), { rtol: 1e-10 });
    // More penalty, smaller weights.
    const norms = [0, 0.01, 0.1, 1, 10, 100].map((l) => norm(ridge(x, y, l)));
    norms.slice(1).forEach((n, i) => {
      expect(n).toBeLessThan(norms[i]);
    });
  });

  test('A03-16 LASSO: the penalty λ‖w‖₁ makes weights exactly zero, by proximal steps and by coordinates', () => {
    const { x, y } = regression(0.5);
    const soft = (v: Tensor, t: number) => where(v.abs().gt(t), v.sub(v.sign().mul(t)), 0);
    const lasso = (x: Tensor, lambda: number) => {
      // A proximal step: down the gradient of the squares, then towards zero by as much as the penalty allows.
      const rate = 1 / (2 * linalg.eigvalsh(x.T.matmul(x)).max().item());
      const squares = (w: Tensor) => x.matmul(w).sub(y).square().sum();
      const run = jit(
        (w: Tensor) =>
          scan((c: Tensor) => [soft(c.sub(grad(squares)(c).mul(rate)), rate * lambda), null], w, null, {
            length: 20_000,
          })[0],
      );
      return run(x.at(0).mul(0));
    };
    /** Coordinate descent, in plain numbers. */
    const byCoordinates = (x: Tensor, lambda: number): number[] => {
      const [columns, target] = [x.T.toArray() as number[][], list(y)];
      const w = columns.map(() => 0);
      for (let round = 0; round < 2000; round++)
        columns.forEach((column, j) => {
          const rest = target.map(
            (t, i) => t - columns.reduce((s, c, k) => (k === j ? s : s + c[i] * w[k]), 0),
          );
          const rho = column.reduce((s, c, i) => s + c * rest[i], 0);
          const size = column.reduce((s, c) => s + c * c, 0);
          w[j] = (Math.sign(rho) * Math.max(0, Math.abs(rho) - lambda / 2)) / size;
        });
      return w;
    };
    const w = list(lasso(x, 12));
    expectClose(w, byCoordinates(x, 12), { atol: 1e-6 });
    expect(w.filter((v) => v === 0).length).toBeGreaterThanOrEqual(3);
    expect(Math.abs(w[0]) + Math.abs(w[5])).toBeGreaterThan(0.5);
    // Ridge makes weights small, never zero.
    expect(list(ridge(x, y, 12)).every((v) => v !== 0)).toBe(true);
    // Where X is orthonormal, each weight moves towards zero by λ / 2.
    const { x: q } = orthonormal();
    expectClose(list(lasso(q, 1)), list(soft(ridge(q, y, 0), 0.5)), { atol: 1e-9 });
    // Beyond the largest correlation nothing is left.
    const most = 2 * x.T.matmul(y).abs().max().item();
    expect(list(lasso(x, most)).every((v) => v === 0)).toBe(true);
    expect(list(lasso(x, 0.98 * most)).some((v) => v !== 0)).toBe(true);
  });

  test('A03-17 the same weights three ways: a bound on the norm, a Gaussian prior, eigenvalues shifted by λ', () => {
    const { x, y } = regression();
    const lambda = 2;
    const w = ridge(x, y, lambda);
    // Lagrange: among all weights no longer than w, none fits better; where the bound holds, the gradient of the fit is -2λw.
    const fit = (v: Tensor) => x.matmul(v).sub(y).square().sum();
    expectClose(list(grad(fit)(w)), list(w.mul(-2 * lambda)), { rtol: 1e-8 });
    const bound = norm(w);
    const projected = jit(
      (v: Tensor) =>
        scan(
          (c: Tensor) => {
            const next = c.sub(grad(fit)(c).mul(0.002));
            const length = next.square().sum().sqrt();
            return [next.mul(length.reciprocal().mul(bound).minimum(1)), null];
          },
          v,
          null,
          { length: 5000 },
        )[0],
    );
    expectClose(list(projected(w.mul(0))), list(w), { atol: 1e-6 });

    // Bayes: noise of variance s², weights drawn with variance s² / λ; the mode of the posterior, and its mean.
    const s2 = 0.09;
    const logPosterior = (v: Tensor) =>
      fit(v)
        .div(-2 * s2)
        .sub(
          v
            .square()
            .sum()
            .div((2 * s2) / lambda),
        );
    expectClose(list(grad(logPosterior)(w)), [0, 0, 0, 0, 0, 0], { atol: 1e-6 });

    // Linear algebra: XᵀX + λI has the eigenvectors of XᵀX, and eigenvalues that are larger by λ: the nearly singular one is harmless.
    const gram = x.T.matmul(x);
    const shifted = gram.add(eye(6, 6, { dtype: 'float64' }).mul(lambda));
    const [values, vectors] = linalg.eigh(gram);
    expectClose(list(linalg.eigvalsh(shifted)), list(values.add(lambda)), { rtol: 1e-10 });
    const filtered = vectors.matmul(vectors.T.matmul(x.T.matmul(y)).div(values.add(lambda)));
    expectClose(list(filtered), list(w), { rtol: 1e-8 });
    const condition = (v: Tensor) => v.max().item() / v.min().item();
    expect(condition(values)).toBeGreaterThan(1000);
    expect(condition(values.add(lambda))).toBeLessThan(100);
  });
});
