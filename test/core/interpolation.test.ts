import { describe, expect, test } from 'vitest';
import {
  arange,
  full,
  grad,
  gridSample,
  interp,
  interpolate,
  jit,
  polyfit,
  polyval,
  type Tensor,
  tensor,
  unwrap,
  vmap,
  zeros,
} from '../../src/index.ts';
import { expectClose } from '../support/close.ts';
import { computeOn } from '../support/device.ts';
import { casesOf } from '../support/torch_cases.ts';
import { checkTorchCases, type TorchCompute } from '../support/torch_check.ts';

const cases = casesOf('torch_interpolate.json');

const table: Readonly<Record<string, TorchCompute>> = {
  interpolate: ([x], options) => interpolate(x, options),
  gridSample: ([x, grid], options) => gridSample(x, grid, options),
  interp: ([x, xp, fp], options) => interp(x, xp, fp, options),
  unwrap: ([x], options) => unwrap(x, options),
  polyval: ([p, x]) => polyval(p, x),
  polyfit: ([x, y], { degree }) => polyfit(x, y, degree),
};

test('the fixture covers every operation of the table', () => {
  expect(new Set(cases.map(({ op }) => op))).toEqual(new Set(Object.keys(table)));
});

describe.each([
  { device: 'reference', float: 'float64', rtol: 1e-9, isJitted: false },
  { device: 'cpu', float: 'float64', rtol: 1e-9, isJitted: true },
  { device: 'cpu', float: 'float32', rtol: 5e-5, isJitted: true },
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

describe('sizes', () => {
  test('the same size changes nothing; a constant stays one', () => {
    const x = arange(24).reshape([1, 4, 6, 1]).cast('float32');
    for (const mode of ['nearest', 'bilinear', 'bicubic'] as const) {
      expectClose(interpolate(x, { size: [4, 6], mode }).dataSync(), x.dataSync(), { atol: 1e-6 });
      const same = interpolate(full([1, 3, 5, 2], 2.5), { size: [8, 7], mode });
      expectClose(same.dataSync(), new Array(8 * 7 * 2).fill(2.5), { atol: 1e-6 });
    }
  });

  test('integers stay integers by nearest, become float32 otherwise', () => {
    const x = arange(4).reshape([1, 4, 1]);
    expect(interpolate(x, { scaleFactor: 2 }).dtype).toBe('int32');
    expect(interpolate(x, { scaleFactor: 2 }).flatten().toArray()).toEqual([0, 0, 1, 1, 2, 2, 3, 3]);
    expect(interpolate(x, { scaleFactor: 2, mode: 'linear' }).dtype).toBe('float32');
  });

  test('a whole factor by nearest takes every element equally often', () => {
    for (const n of [3, 7, 10, 49]) {
      const out = interpolate(arange(n).reshape([1, n, 1]), { size: n * 3 });
      expect(out.flatten().toArray()).toEqual(Array.from({ length: 3 * n }, (_, i) => Math.floor(i / 3)));
    }
  });
});

describe('points', () => {
  test('interp at the points themselves, at equal positions, of one point', () => {
    const [xp, fp] = [tensor([0, 1, 1, 2]), tensor([5, 6, 8, 9])];
    expect(interp(tensor([0, 1, 2, 1.5, 0.5]), xp, fp).toArray()).toEqual([5, 8, 9, 8.5, 5.5]);
    expect(interp(tensor([-1, 0, 3]), tensor([0]), tensor([4]), { left: 1 }).toArray()).toEqual([1, 4, 4]);
    expect(interp(tensor(NaN), xp, fp).item()).toBeNaN();
    expect(interp(arange(3), arange(3), arange(3).mul(2)).dtype).toBe('float32');
  });

  test('under vmap and jit, and differentiated twice', () => {
    const xs = tensor(
      [
        [0.1, 0.6],
        [1.2, 1.9],
      ],
      { dtype: 'float64' },
    );
    const [xp, fp] = [tensor([0, 0.5, 2], { dtype: 'float64' }), tensor([1, 3, 2], { dtype: 'float64' })];
    const f = jit(vmap((x: Tensor) => interp(x, xp, fp)));
    expectClose(f(xs).dataSync(), interp(xs, xp, fp).dataSync());
    const second = grad((x: Tensor) => grad((t: Tensor) => interp(t, xp, fp).square().sum())(x).sum());
    expectClose(second(xs).dataSync(), [2 * 16, 2 / 2.25, 2 / 2.25, 2 / 2.25], { rtol: 1e-12 });
  });

  test('polyfit finds the polynomial that made the points', () => {
    const p = tensor([2, -1, 0.5], { dtype: 'float64' });
    const x = arange(10).cast('float64');
    expectClose(polyfit(x, polyval(p, x), 2).dataSync(), p.dataSync(), { atol: 1e-10 });
    expectClose(polyfit(zeros([3]), full([3], 2), 1).dataSync(), [0, 2], { atol: 1e-6 });
    expect(
      polyval(zeros([0]), x)
        .sum()
        .item(),
    ).toBe(0);
  });

  test('unwrap of a long ramp', () => {
    const phase = arange(100).cast('float64').mul(0.9);
    const wrapped = phase.mod(2 * Math.PI);
    expectClose(unwrap(wrapped).dataSync(), phase.dataSync(), { atol: 1e-11 });
    expect(unwrap(zeros([2, 1])).shape).toEqual([2, 1]);
  });
});

test.each([
  [
    () => interpolate(zeros([2, 3]), { size: 2 }),
    'interpolate: needs [batch, ...space, channels], got [2, 3]',
  ],
  [() => interpolate(zeros([1, 3, 1]), {}), 'interpolate: give either size or scaleFactor'],
  [() => interpolate(zeros([1, 3, 1]), { size: 2, scaleFactor: 2 }), 'give either size or scaleFactor'],
  [
    () => interpolate(zeros([1, 3, 1]), { size: [2, 2] }),
    'size must be 1 positive numbers for [1, 3, 1], got [2, 2]',
  ],
  [
    () => interpolate(zeros([1, 3, 1]), { size: 1.5 }),
    'cannot make 1.5 of 3 elements along axis 1 of [1, 3, 1]',
  ],
  [() => interpolate(zeros([1, 3, 1]), { scaleFactor: 0.1 }), 'cannot make 0 of 3 elements'],
  [() => interpolate(zeros([1, 0, 1]), { size: 2 }), 'cannot make 2 of 0 elements'],
  [
    () => interpolate(zeros([1, 3, 1]), { size: 2, mode: 'bicubic' }),
    'mode bicubic is for 2 space axes, [1, 3, 1] has 1',
  ],
  [() => interpolate(zeros([1, 3, 1]), { size: 2, mode: 'cubic' as 'linear' }), "there is no mode 'cubic'"],
  [
    () => gridSample(zeros([1, 2, 2, 1]), zeros([2, 1, 1, 2])),
    'gridSample: needs [batch, height, width, channels]',
  ],
  [() => gridSample(zeros([1, 0, 2, 1]), zeros([1, 1, 1, 2])), 'gridSample: the images are empty'],
  [
    () => gridSample(zeros([1, 2, 2, 1]), zeros([1, 1, 1, 2]), { mode: 'cubic' as 'nearest' }),
    "mode must be 'bilinear' or 'nearest', got 'cubic'",
  ],
  [
    () => gridSample(zeros([1, 2, 2, 1]), zeros([1, 1, 1, 2]), { paddingMode: 'wrap' as 'zeros' }),
    "paddingMode must be 'zeros', 'border' or 'reflection', got 'wrap'",
  ],
  [() => interp(zeros([1]), zeros([2]), zeros([3])), 'interp: xp and fp must be vectors of one length'],
  [() => interp(zeros([1]), zeros([0]), zeros([0])), 'at least one element, got [0] and [0]'],
  [
    () => polyval(zeros([2, 2]), zeros([1])),
    'polyval: coefficients are a vector, the highest power first, got [2, 2]',
  ],
  [
    () => polyfit(zeros([3]), zeros([2]), 1),
    'polyfit: x must be a vector and y have as many rows, got [3] and [2]',
  ],
  [() => polyfit(zeros([2]), zeros([2]), 2), 'polyfit: 2 points do not determine 3 coefficients'],
  [() => polyfit(zeros([2]), zeros([2]), 0.5), 'polyfit: the degree must be an integer >= 0, got 0.5'],
  [() => unwrap(zeros([2]), { period: 0 }), 'unwrap: the period must be > 0, got 0'],
])('refused: %s', (run, message) => {
  expect(run).toThrow(message);
});
