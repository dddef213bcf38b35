import { describe, expect, test } from 'vitest';
import { topological } from '../../src/graph/node.ts';
import {
  addmm,
  arange,
  bmm,
  convolve,
  correlate,
  cross,
  einsum,
  full,
  grad,
  inner,
  jit,
  jvp,
  kron,
  mm,
  mv,
  outer,
  random,
  type Tensor,
  tensor,
  tensordot,
  vdot,
  vecdot,
  zeros,
} from '../../src/index.ts';
import { expectClose } from '../support/close.ts';
import { computeOn } from '../support/device.ts';
import { casesOf } from '../support/torch_cases.ts';
import { checkTorchCases, type TorchCompute } from '../support/torch_check.ts';

const cases = casesOf('torch_products.json');

const added =
  (name: 'addmm' | 'addmv' | 'baddbmm' | 'addbmm' | 'addr'): TorchCompute =>
  ([x, a, b], { beta, alpha }) =>
    x[name](a, b, { beta, alpha });

const table: Readonly<Record<string, TorchCompute>> = {
  einsum: (operands, { equation }) => einsum(equation, ...operands),
  tensordot: ([a, b], { axes }) => tensordot(a, b, axes),
  inner: ([a, b]) => inner(a, b),
  outer: ([a, b]) => outer(a, b),
  kron: ([a, b]) => kron(a, b),
  cross: ([a, b], { axis }) => cross(a, b, axis),
  vdot: ([a, b]) => vdot(a, b),
  vecdot: ([a, b], { axis }) => vecdot(a, b, axis),
  mm: ([a, b]) => mm(a, b),
  mv: ([a, b]) => mv(a, b),
  bmm: ([a, b]) => bmm(a, b),
  addmm: added('addmm'),
  addmv: added('addmv'),
  baddbmm: added('baddbmm'),
  addbmm: added('addbmm'),
  addr: added('addr'),
  convolve: ([a, v], { mode }) => convolve(a, v, mode),
  correlate: ([a, v], { mode }) => correlate(a, v, mode),
};

test('the fixture covers every operation of the table', () => {
  expect(new Set(cases.map(({ op }) => op))).toEqual(new Set(Object.keys(table)));
});

describe.each([
  { device: 'reference', float: 'float64', rtol: 1e-10, isJitted: false },
  { device: 'cpu', float: 'float64', rtol: 1e-10, isJitted: true },
  { device: 'cpu', float: 'float32', rtol: 2e-6, isJitted: true },
] as const)('equal to PyTorch and NumPy on $device in $float, jitted: $isJitted', (way) => {
  computeOn(way.device);
  test.each(Object.keys(table))('%s', (name) => {
    checkTorchCases(
      table[name],
      cases.filter(({ op }) => op === name),
      way,
    );
  });
});

describe('einsum', () => {
  const contractions = (x: Tensor) => topological([x.node]).filter(({ op }) => op === 'contract');

  test('goes the cheap way through a chain, one contraction a pair', () => {
    const [a, b, c] = [zeros([40, 2]), zeros([2, 40]), zeros([40, 3])];
    const products = contractions(einsum('ij,jk,kl->il', a, b, c));
    expect(products.map(({ shape }) => shape)).toEqual([
      [2, 3],
      [40, 3],
    ]);
    const other = contractions(einsum('ij,jk,kl->il', zeros([3, 40]), zeros([40, 2]), zeros([2, 40])));
    expect(other.map(({ shape }) => shape)).toEqual([
      [3, 2],
      [3, 40],
    ]);
  });

  test('sums an axis of one operand alone before it multiplies', () => {
    const [product] = contractions(einsum('ij,jk->k', zeros([50, 4]), zeros([4, 3])));
    expect(product.attributes).toMatchObject({ sizes: [3, 4] });
  });

  test('counts integers and bool exactly', () => {
    const a = tensor(
      [
        [1, 2],
        [3, 4],
      ],
      { dtype: 'int32' },
    );
    expect(einsum('ij,jk,kl->il', a, a, a).toArray()).toEqual([
      [37, 54],
      [81, 118],
    ]);
    expect(einsum('ii', a).dtype).toBe('int32');
    expect(einsum('i->', tensor([true, true, false])).item()).toBe(2);
  });

  test('empty axes give sums of nothing', () => {
    expect(einsum('ij,jk->ik', zeros([2, 0]), zeros([0, 3])).toArray()).toEqual([
      [0, 0, 0],
      [0, 0, 0],
    ]);
    expect(einsum('ii->i', zeros([0, 0])).shape).toEqual([0]);
    expect(einsum('ij,jk,kl->il', zeros([0, 2]), zeros([2, 2]), zeros([2, 3])).shape).toEqual([0, 3]);
  });

  test('an ellipsis that the result leaves out is summed over', () => {
    expect(einsum('...i->i', full([2, 3, 4], 1)).toArray()).toEqual([6, 6, 6, 6]);
  });

  test('second derivatives and forward mode', () => {
    const draw = (seed: number, shape: number[]) =>
      random.normal(shape, { key: random.key(seed), dtype: 'float64' });
    const [x, y, z, v] = [draw(1, [3, 3]), draw(2, [3, 4]), draw(3, [4, 3]), draw(4, [3, 3])];
    const f = (t: Tensor) => einsum('ii,ij,jk,kl->l', t, t, y, z).square().sum();
    const plain = (t: Tensor) =>
      t
        .matmul(y)
        .matmul(z)
        .mul(
          t
            .mul(
              tensor([
                [1, 0, 0],
                [0, 1, 0],
                [0, 0, 1],
              ]),
            )
            .sum(1)
            .unsqueeze(1),
        )
        .sum(0)
        .square()
        .sum();
    expectClose(f(x).dataSync(), plain(x).dataSync(), { rtol: 1e-12 });
    const along = (h: typeof f) => (t: Tensor) => grad(h)(t).mul(v).sum();
    expectClose(grad(along(f))(x).dataSync(), grad(along(plain))(x).dataSync(), { rtol: 1e-10 });
    const [, change] = jvp(grad(f), [x], [v]);
    expectClose(change.dataSync(), grad(along(f))(x).dataSync(), { rtol: 1e-10 });
  });

  const two = [zeros([2, 3]), zeros([3, 3])];
  test.each([
    ['ij,jk->il', two, /axis l of the result is in no operand/],
    ['ij,jk->iik', two, /the result repeats an axis/],
    ['ij->i', two, /names 1 operands, got 2/],
    ['i,jk->i', two, /'i' names 1 axes of an array of rank 2/],
    ['ij,ik->jk', two, /axis i is 2 and 3/],
    ['ii,jk->i', two, /axis i is 2 and 3/],
    ['i1,jk->i', two, /'i1': axes are named by single letters/],
    ['i..j,jk->i', two, /axes are named by single letters/],
    ['......,jk->i', two, /'......' has more than one ellipsis/],
    ['...ijk,jk->i', two, /'...ijk' names 3 axes of an array of rank 2/],
    ['ij,jk->......', two, /the result has more than one ellipsis/],
    ['ij->jk->i', two, /more than one '->'/],
    ['...i,...j->...ij', [zeros([2, 3]), zeros([4, 3])], /axis ...1 is 2 and 4/],
    ['', [], /needs at least one operand/],
  ])('refuses %s', (equation, operands, message) => {
    expect(() => einsum(equation, ...operands)).toThrow(message);
    expect(() => einsum(equation, ...operands)).toThrow(/^einsum '.*\(operands: /);
  });
});

describe('products of vectors', () => {
  test('a beta of 0 does not see NaN', () => {
    const [a, b] = [full([2, 2], 1), full([2, 2], 1)];
    expect(addmm(full([2, 2], NaN), a, b, { beta: 0 }).toArray()).toEqual([
      [2, 2],
      [2, 2],
    ]);
    expect(addmm(full([2, 2], 1), a, b, { beta: 2, alpha: 3 }).toArray()).toEqual([
      [8, 8],
      [8, 8],
    ]);
  });

  test('integers stay integers', () => {
    const a = arange(1, 4);
    expect(a.kron(a).dtype).toBe('int32');
    expect(a.cross(tensor([0, 1, 0], { dtype: 'int32' })).toArray()).toEqual([-3, 0, 1]);
    expect(a.convolve(a).toArray()).toEqual([1, 4, 10, 12, 9]);
    expect(jit((x: Tensor) => x.correlate(x, 'same'))(a).toArray()).toEqual([8, 14, 8]);
  });

  test.each([
    [() => tensordot(zeros([2, 3]), zeros([3, 2]), 3), /tensordot: 3 axes of \[2, 3\] and \[3, 2\]/],
    [
      () => tensordot(zeros([2, 3]), zeros([2, 3]), 1),
      /tensordot: axis 1 of \[2, 3\] and axis 0 of \[2, 3\]/,
    ],
    [
      () => tensordot(zeros([2, 3]), zeros([3, 2]), [[0, 1], [1]]),
      /2 axes of \[2, 3\] cannot be summed with 1/,
    ],
    [
      () =>
        tensordot(zeros([2, 2]), zeros([2, 2]), [
          [0, 0],
          [0, 1],
        ]),
      /an axis is named twice/,
    ],
    [() => tensordot(zeros([2]), zeros([2]), [[1], [0]]), /tensordot: axis 1 does not exist/],
    [() => inner(zeros([2, 3]), zeros([2, 4])), /inner: axis 1 of \[2, 3\] and axis 1 of \[2, 4\]/],
    [() => vdot(zeros([2]), zeros([3])), /vdot: \[2\] and \[3\] must have equally many elements/],
    [() => vecdot(zeros([2]), zeros([3])), /vecdot: shapes \[2\] and \[3\] do not broadcast/],
    [() => cross(zeros([2]), zeros([2])), /cross: axis -1 of \[2\] and of \[2\] must have extent 3/],
    [() => cross(zeros([1]), zeros([3])), /must have extent 3/],
    [() => cross(zeros([3, 2]), zeros([3]), 0), /cross: shapes/],
    [() => mm(zeros([2]), zeros([2, 3])), /mm: needs arrays of rank 2 and 2, got \[2\] and \[2, 3\]/],
    [() => mv(zeros([2, 2]), zeros([2, 3])), /mv: needs arrays of rank 2 and 1/],
    [() => bmm(zeros([2, 2, 2]), zeros([1, 2, 3])), /bmm: .* must have equally many matrices/],
    [() => convolve(zeros([2, 2]), zeros([2])), /convolve: needs two sequences .* got \[2, 2\] and \[2\]/],
    [() => correlate(zeros([0]), zeros([2])), /correlate: needs two sequences/],
    [
      () => convolve(zeros([2]), zeros([2]), 'all' as 'full'),
      /convolve: the mode must be 'full', 'same' or 'valid', got 'all'/,
    ],
  ])('refused: %s', (run, message) => {
    expect(run).toThrow(message);
  });
});
