import { describe, expect, it } from 'vitest';
import type { TypedArray } from '../../../src/graph/dtype.ts';
import type { FactorKind } from '../../../src/graph/vocabulary.ts';
import { factorize } from '../../../src/runtime/linalg/factorize.ts';
import { Dice } from '../../support/dice.ts';

/** A matrix as rows of numbers: identities are checked in the plainest way. */
type Rows = number[][];

const rowsOf = (data: TypedArray, m: number, n: number, which = 0): Rows =>
  Array.from({ length: m }, (_, i) => Array.from({ length: n }, (_, j) => data[which * m * n + i * n + j]));
const flat = (a: Rows): number[] => a.flat();
const transposed = (a: Rows, n: number): Rows => Array.from({ length: n }, (_, j) => a.map((row) => row[j]));
const product = (a: Rows, b: Rows, n: number): Rows =>
  a.map((row) => Array.from({ length: n }, (_, j) => row.reduce((sum, x, k) => sum + x * b[k][j], 0)));
const identity = (n: number): Rows =>
  Array.from({ length: n }, (_, i) => Array.from({ length: n }, (_, j) => (i === j ? 1 : 0)));
const size = (a: Rows): number => Math.max(1e-300, ...flat(a).map(Math.abs));

function expectClose(got: Rows, wanted: Rows, tolerance: number): void {
  expect(got.length).toBe(wanted.length);
  const [x, y] = [flat(got), flat(wanted)];
  expect(x.length).toBe(y.length);
  const off = Math.max(
    0,
    ...x.map((value, i) => (Number.isNaN(value - y[i]) ? Infinity : Math.abs(value - y[i]))),
  );
  expect(off).toBeLessThanOrEqual(tolerance);
}

const dice = new Dice(5);
const random = (m: number, n: number): Rows =>
  Array.from({ length: m }, () => Array.from({ length: n }, () => dice.fraction() * 4 - 2));
const symmetric = (n: number): Rows => {
  const a = random(n, n);
  return a.map((row, i) => row.map((x, j) => x + a[j][i]));
};
const positive = (n: number): Rows => {
  const a = random(n, n);
  return product(a, transposed(a, n), n).map((row, i) => row.map((x, j) => x + (i === j ? 0.5 : 0)));
};

const run = (kind: FactorKind, ...operands: readonly [Rows, number, number][]): TypedArray[] =>
  factorize(
    kind,
    operands.map(([a, m, n]) => ({ data: Float64Array.from(flat(a)), shape: [m, n] })),
  );

const sizes = [0, 1, 2, 3, 4, 5, 7, 8, 16, 17, 33, 40];
const rectangles = [
  ...sizes.map((n) => [n, n]),
  [0, 3],
  [3, 0],
  [1, 6],
  [6, 1],
  [5, 3],
  [3, 5],
  [40, 9],
  [9, 37],
  [20, 70],
];

function checkLu(a: Rows, m: number, n: number): void {
  const k = Math.min(m, n);
  const [packed, permutation, sign] = run('lu', [a, m, n]);
  const both = rowsOf(packed, m, n);
  const l = both.map((row, i) => Array.from({ length: k }, (_, j) => (j < i ? row[j] : i === j ? 1 : 0)));
  const u = both.slice(0, k).map((row, i) => row.map((x, j) => (j < i ? 0 : x)));
  expectClose(
    product(l, u, n),
    Array.from(permutation, (i) => a[i]),
    1e-13 * size(a) * Math.max(1, k),
  );
  expect(flat(l).every((x) => Math.abs(x) <= 1)).toBe(true);
  const later = (i: number) => Array.from(permutation.subarray(i)).filter((x) => x < permutation[i]).length;
  const inversions = Array.from(permutation, (_, i) => later(i)).reduce((sum, x) => sum + x, 0);
  expect(sign[0]).toBe(inversions % 2 === 0 ? 1 : -1);
}

function checkQr(a: Rows, m: number, n: number): void {
  const k = Math.min(m, n);
  const [qData, rData] = run('qr', [a, m, n]);
  const [q, r] = [rowsOf(qData, m, k), rowsOf(rData, k, n)];
  expectClose(product(q, r, n), a, 1e-13 * size(a) * Math.max(1, k));
  expectClose(product(transposed(q, k), q, k), identity(k), 1e-13 * Math.max(1, k));
  expect(r.flatMap((row, i) => row.slice(0, i)).every((x) => x === 0)).toBe(true);
}

function checkEigh(a: Rows, n: number): void {
  const [values, vectors] = run('eigh', [a, n, n]);
  const v = rowsOf(vectors, n, n);
  const scaled = v.map((row) => row.map((x, j) => x * values[j]));
  expectClose(product(scaled, transposed(v, n), n), a, 1e-13 * size(a) * Math.max(1, n));
  expectClose(product(transposed(v, n), v, n), identity(n), 1e-13 * Math.max(1, n));
  for (let i = 1; i < n; i++) expect(values[i]).toBeGreaterThanOrEqual(values[i - 1]);
}

function checkSvd(a: Rows, m: number, n: number): TypedArray {
  const k = Math.min(m, n);
  const [uData, s, vtData] = run('svd', [a, m, n]);
  const [u, vt] = [rowsOf(uData, m, k), rowsOf(vtData, k, n)];
  const scaled = u.map((row) => row.map((x, j) => x * s[j]));
  expectClose(product(scaled, vt, n), a, 1e-13 * size(a) * Math.max(1, k));
  expectClose(product(transposed(u, k), u, k), identity(k), 1e-13 * Math.max(1, k));
  expectClose(product(vt, transposed(vt, n), k), identity(k), 1e-13 * Math.max(1, k));
  for (let i = 0; i < k; i++) {
    expect(s[i]).toBeGreaterThanOrEqual(0);
    if (i > 0) expect(s[i]).toBeLessThanOrEqual(s[i - 1]);
  }
  return s;
}

describe('factorize', () => {
  it('cholesky: L is lower triangular and L transpose(L) = A', () => {
    for (const n of sizes) {
      const a = positive(n);
      const l = rowsOf(run('cholesky', [a, n, n])[0], n, n);
      expectClose(product(l, transposed(l, n), n), a, 1e-13 * size(a) * Math.max(1, n));
      expect(l.every((row, i) => row[i] > 0 && row.slice(i + 1).every((x) => x === 0))).toBe(true);
    }
  });

  it('cholesky reads the lower triangle only, and gives NaN where a matrix is not positive definite', () => {
    const [l] = run('cholesky', [
      [
        [4, Number.NaN],
        [2, 5],
      ],
      2,
      2,
    ]);
    expect([...l]).toEqual([2, 0, 1, 2]);
    for (const a of [
      [
        [1, 2],
        [2, 1],
      ],
      [
        [1, 1],
        [1, 1],
      ],
      [
        [0, 0],
        [0, 0],
      ],
      [
        [Number.NaN, 0],
        [0, 1],
      ],
    ])
      expect([...run('cholesky', [a, 2, 2])[0]]).toEqual([Number.NaN, 0, Number.NaN, Number.NaN]);
  });

  it('lu: P A = L U, pivots are largest, for every shape', () => {
    for (const [m, n] of rectangles) checkLu(random(m, n), m, n);
  });

  it('lu of singular matrices still multiplies up to them', () => {
    checkLu(
      [
        [0, 0],
        [0, 0],
      ],
      2,
      2,
    );
    checkLu(
      [
        [1, 2, 3],
        [2, 4, 6],
        [1, 1, 1],
      ],
      3,
      3,
    );
    checkLu(
      [
        [0, 1, 2],
        [0, 3, 4],
        [0, 5, 6],
      ],
      3,
      3,
    );
    const thin = random(40, 3);
    checkLu(product(thin, random(3, 40), 40), 40, 40);
  });

  it('qr: Q R = A with orthonormal columns and LAPACK signs, for every shape', () => {
    for (const [m, n] of rectangles) checkQr(random(m, n), m, n);
    checkQr(
      [
        [0, 0],
        [0, 0],
        [0, 0],
      ],
      3,
      2,
    );
    checkQr(
      [
        [1, 1],
        [1, 1],
        [1, 1],
      ],
      3,
      2,
    );
    const [q, r] = run('qr', [
      [
        [3, 1],
        [4, 2],
      ],
      2,
      2,
    ]);
    expectClose(
      [[...q], [...r]],
      [
        [-0.6, -0.8, -0.8, 0.6],
        [-5, -2.2, 0, 0.4],
      ],
      1e-15,
    );
  });

  it('eigh: V diagonal(w) transpose(V) = A with ascending w and orthonormal V', () => {
    for (const n of sizes) checkEigh(symmetric(n), n);
    checkEigh(identity(6), 6);
    checkEigh(
      random(5, 5).map((row) => row.map(() => 1)),
      5,
    );
    checkEigh(
      random(5, 5).map((row) => row.map(() => 0)),
      5,
    );
    const thin = random(20, 2);
    checkEigh(product(thin, transposed(thin, 2), 20), 20);
    // Graded from 1 to 1e-15.
    checkEigh(
      symmetric(16).map((row, i) => row.map((x, j) => x * 10 ** -Math.max(i, j))),
      16,
    );
  });

  it('eigh knows eigenvalues in closed form, and signs of vectors', () => {
    const n = 12;
    const a = identity(n).map((row, i) => row.map((_, j) => (i === j ? 2 : Math.abs(i - j) === 1 ? -1 : 0)));
    const [values, vectors] = run('eigh', [a, n, n]);
    const known = Array.from(values, (_, i) => 2 - 2 * Math.cos((Math.PI * (i + 1)) / (n + 1)));
    expectClose([[...values]], [known], 1e-13);
    for (const column of transposed(rowsOf(vectors, n, n), n)) {
      const top = Math.max(...column.map(Math.abs));
      expect(column.find((x) => Math.abs(x) > top * (1 - 1e-9))).toBeGreaterThan(0);
    }
    // The upper triangle is not read.
    expect(
      [
        ...run('eigh', [
          [
            [2, Number.NaN],
            [1, 2],
          ],
          2,
          2,
        ])[0],
      ].map((x) => x.toFixed(12)),
    ).toEqual(['1.000000000000', '3.000000000000']);
  });

  it('svd: U diagonal(s) V^T = A with descending s and orthonormal U and V, for every shape', () => {
    for (const [m, n] of rectangles) checkSvd(random(m, n), m, n);
  });

  it('svd of matrices without full rank, graded and ill-conditioned ones', () => {
    for (const [m, n, rank] of [
      [6, 6, 2],
      [12, 5, 1],
      [5, 12, 3],
      [33, 33, 20],
    ]) {
      const s = checkSvd(product(random(m, rank), random(rank, n), n), m, n);
      expect([...s].filter((x) => x > 1e-12 * s[0]).length).toBe(rank);
    }
    expect([
      ...checkSvd(
        random(4, 3).map((row) => row.map(() => 0)),
        4,
        3,
      ),
    ]).toEqual([0, 0, 0]);
    checkSvd(identity(9), 9, 9);
    // Zeros on the diagonal of a bidiagonal matrix.
    checkSvd(
      [
        [1, 2, 0, 0],
        [0, 0, 3, 0],
        [0, 0, 0, 4],
        [0, 0, 0, 0],
      ],
      4,
      4,
    );
    checkSvd(
      random(20, 20).map((row, i) => row.map((x) => x * 10 ** -i)),
      20,
      20,
    );
    // Sparse integers: many zeros on the way.
    for (let i = 0; i < 60; i++) {
      const sparse = random(16, 16).map((row) => row.map((x) => (dice.chance(0.8) ? 0 : Math.round(2 * x))));
      checkSvd(sparse, 16, 16);
      checkEigh(
        sparse.map((row, j) => row.map((x, k) => x + sparse[k][j])),
        16,
      );
    }
    // Repeated singular values, exact up to rounding: shifts must be accurate for steps to come to an end.
    const stubborn = ['-+-++-', '-++-+-', '++-+-+', '-+-+++', '-----+', '----++'];
    checkSvd(
      stubborn.map((row) => Array.from(row, (sign) => (sign === '+' ? 1 : -1))),
      6,
      6,
    );
    for (let i = 0; i < 200; i++) {
      const signs = random(6, 6).map((row) => row.map(Math.sign));
      checkSvd(signs, 6, 6);
    }
    // The Hilbert matrix of order 8 has condition 1.5258e10.
    const hilbert = identity(8).map((row, i) => row.map((_, j) => 1 / (i + j + 1)));
    const s = checkSvd(hilbert, 8, 8);
    expect(s[0] / s[7] / 1.5257575538060041e10).toBeCloseTo(1, 5);
  });

  it('solves triangular systems, of which it reads one triangle', () => {
    for (const n of sizes)
      for (const columns of [0, 1, 2, 5, 19]) {
        const full = random(n, n).map((row, i) =>
          row.map((x, j) => (i === j ? 3 + Math.abs(x) : x / (n + 1))),
        );
        const b = random(n, columns);
        for (const kind of ['solveLower', 'solveUpper'] as const) {
          const x = rowsOf(run(kind, [full, n, n], [b, n, columns])[0], n, columns);
          const triangle = full.map((row, i) =>
            row.map((value, j) => ((kind === 'solveLower' ? j <= i : j >= i) ? value : 0)),
          );
          expectClose(product(triangle, x, columns), b, 1e-13 * Math.max(1, n));
        }
      }
    expect([...run('solveLower', [[[0]], 1, 1], [[[1, 0]], 1, 2])[0]]).toEqual([Infinity, Number.NaN]);
  });

  it('adjugate: A adj(A) = det(A), the transposed cofactors of singular matrices', () => {
    for (const n of [1, 2, 3, 6]) {
      const a = random(n, n);
      const adjugate = rowsOf(run('adjugate', [a, n, n])[0], n, n);
      const scaled = product(a, adjugate, n);
      const determinant = scaled[0][0];
      expectClose(
        scaled,
        identity(n).map((row) => row.map((x) => x * determinant)),
        1e-11,
      );
    }
    expect([...run('adjugate', [[], 0, 0])[0]]).toEqual([]);
    expect([...run('adjugate', [[[0]], 1, 1])[0]]).toEqual([1]);
    expect(
      [
        ...run('adjugate', [
          [
            [1, 2],
            [3, 4],
          ],
          2,
          2,
        ])[0],
      ].map((x) => Math.round(x * 1e9) / 1e9),
    ).toEqual([4, -2, -3, 1]);
    // Singular: cofactors by hand.
    const [singular] = run('adjugate', [
      [
        [1, 2, 3],
        [4, 5, 6],
        [7, 8, 9],
      ],
      3,
      3,
    ]);
    expectClose([[...singular]], [[-3, 6, -3, 6, -12, 6, -3, 6, -3]], 1e-12);
    expect(
      [
        ...run('adjugate', [
          [
            [1, 1, 1],
            [1, 1, 1],
            [1, 1, 1],
          ],
          3,
          3,
        ])[0],
      ].every((x) => x === 0),
    ).toBe(true);
  });

  it('works on each matrix of a batch, in the dtype of its operands', () => {
    const matrices = [0, 1, 2, 3, 4, 5].map(() => positive(3));
    const data = Float32Array.from(matrices.flatMap(flat));
    const [l] = factorize('cholesky', [{ data, shape: [2, 3, 3, 3] }]);
    expect(l).toBeInstanceOf(Float32Array);
    matrices.forEach((a, i) => {
      const factor = rowsOf(l, 3, 3, i);
      expectClose(product(factor, transposed(factor, 3), 3), a, 3e-6 * size(a));
    });
    const [packed, permutation, sign] = factorize('lu', [{ data, shape: [6, 3, 3] }]);
    expect([packed, permutation, sign].map((x) => x.constructor.name)).toEqual([
      'Float32Array',
      'Int32Array',
      'Float32Array',
    ]);
    expect([packed.length, permutation.length, sign.length]).toEqual([54, 18, 6]);
    for (const kind of ['cholesky', 'lu', 'qr', 'eigh', 'svd'] as const)
      for (const out of factorize(kind, [{ data: new Float32Array(0), shape: [0, 3, 3] }]))
        expect(out.length).toBe(0);
    // An empty matrix has the sign of an empty product, for each of a batch.
    expect([...factorize('lu', [{ data: new Float32Array(0), shape: [2, 0, 0] }])[2]]).toEqual([1, 1]);
  });

  it('gives NaN for what is not finite, and comes to an end', () => {
    for (const bad of [Number.NaN, Infinity, -Infinity]) {
      const a = positive(5);
      a[3][1] = bad;
      for (const kind of ['eigh', 'svd', 'qr'] as const)
        expect([...run(kind, [a, 5, 5])[0]].every(Number.isNaN)).toBe(true);
      if (Number.isNaN(bad)) expect([...run('lu', [a, 5, 5])[0]].some(Number.isNaN)).toBe(true);
    }
  });

  it('survives elements near the ends of the range of doubles', () => {
    for (const scale of [1e-200, 1e200]) {
      const tiny = (a: Rows): Rows => a.map((row) => row.map((x) => x * scale));
      checkQr(tiny(random(6, 4)), 6, 4);
      checkSvd(tiny(random(6, 4)), 6, 4);
      checkEigh(tiny(symmetric(6)), 6);
    }
  });
});
