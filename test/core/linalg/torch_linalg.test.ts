import { describe, expect, test } from 'vitest';
import { concat, linalg, type Tensor } from '../../../src/index.ts';
import { computeOn } from '../../support/device.ts';
import { casesOf } from '../../support/torch_cases.ts';
import { checkTorchCase, type TorchCompute } from '../../support/torch_check.ts';

// Values and gradients of linear algebra against torch.linalg.

const flat = (...results: Tensor[]): Tensor => concat(results.map((x) => x.reshape([-1])));
/** Orders of norms: JSON has no infinity. */
const orderOf = (order: unknown): never =>
  (typeof order === 'string' && order.endsWith('Infinity') ? Number(order) : order) as never;

const table: Readonly<Record<string, TorchCompute>> = {
  cholesky: ([a], { upper }) => linalg.cholesky(a, { upper }),
  choleskySolve: ([a, b]) => linalg.choleskySolve(a, b),
  cond: ([a], { order }) => linalg.cond(a, orderOf(order)),
  det: ([a]) => linalg.det(a),
  eigh: ([a]) => {
    const [w, v] = linalg.eigh(a);
    return flat(w, v.abs());
  },
  eigvalsh: ([a]) => linalg.eigvalsh(a),
  inverse: ([a]) => linalg.inverse(a),
  lstsq: ([a, b]) => linalg.lstsq(a, b).solution,
  lu: ([a]) => flat(...linalg.lu(a)),
  luSolve: ([a, b]) => linalg.luSolve(...linalg.luFactor(a), b),
  matrixExp: ([a]) => linalg.matrixExp(a),
  matrixNorm: ([a], { order, axis, keepDims }) => linalg.matrixNorm(a, orderOf(order), { axis, keepDims }),
  matrixPower: ([a], { n }) => linalg.matrixPower(a, n),
  multiDot: (arrays) => linalg.multiDot(arrays),
  norm: ([a], { order, axis }) => linalg.norm(a, orderOf(order), { axis }),
  pinv: ([a], { rtol }) => linalg.pinv(a, { rtol }),
  qr: ([a]) => flat(...linalg.qr(a)),
  residuals: ([a, b]) => linalg.lstsq(a, b).residuals,
  slogdet: ([a]) => flat(...linalg.slogdet(a)),
  solve: ([a, b]) => linalg.solve(a, b),
  svd: ([a]) => {
    const [u, s, vT] = linalg.svd(a);
    return flat(u.abs(), s, vT.abs());
  },
  svdvals: ([a]) => linalg.svdvals(a),
  solveTriangular: ([a, b], options) => linalg.solveTriangular(a, b, options),
  vander: ([x], { columns }) => linalg.vander(x, { columns }),
  vectorNorm: ([x], { order, axis, keepDims }) => linalg.vectorNorm(x, orderOf(order), { axis, keepDims }),
};

const cases = casesOf('torch_linalg.json');
/** The algorithms are the same code on every tier, and compiling natively takes its time: two cases of each function there. */
const tried = cases.filter(
  (torch) =>
    process.env.NABLA_TIER !== 'native' ||
    cases
      .filter(({ op }) => op === torch.op)
      .slice(1, 3)
      .includes(torch),
);

test('the fixture covers every function of the table', () => {
  expect(new Set(cases.map(({ op }) => op))).toEqual(new Set(Object.keys(table)));
  expect(cases.length).toBeGreaterThan(300);
});

describe.each([
  { device: 'cpu', isJitted: false, float: 'float64', rtol: 2e-8 },
  { device: 'cpu', isJitted: true, float: 'float32', rtol: 1e-3 },
  { device: 'reference', isJitted: false, float: 'float64', rtol: 2e-8 },
] as const)(
  'equal to torch.linalg on $device in $float, jitted: $isJitted',
  ({ device, isJitted, float, rtol }) => {
    computeOn(device);
    test.each(tried.map((torch) => [torch.name, torch] as const))('%s', (_, torch) => {
      checkTorchCase(table[torch.op], torch, { float, rtol, isJitted });
    });
  },
);
