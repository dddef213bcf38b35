import { describe, expect, test } from 'vitest';
import { jit, jvp, type Tensor, tensor, vjp, vmap } from '../../src/index.ts';
import { expectClose } from '../support/close.ts';

// Forward mode against reverse mode, several examples at once against one by one, for functions of elements.

const names = [
  'tan',
  'asin',
  'acos',
  'atan',
  'sinh',
  'cosh',
  'asinh',
  'atanh',
  'exp2',
  'log2',
  'log10',
  'cbrt',
  'erfc',
  'erfinv',
  'lgamma',
  'digamma',
  'i0',
  'i1',
  'i0e',
  'i1e',
  'sinc',
  'ndtr',
  'ndtri',
  'logit',
  'trunc',
  'frac',
  'deg2rad',
  'reciprocal',
  'square',
  'sigmoid',
  'nanToNum',
  'isfinite',
  'signbit',
  'bitwiseNot',
  'popcount',
] as const;
const pairs = [
  'atan2',
  'hypot',
  'logaddexp',
  'logaddexp2',
  'xlogy',
  'xlog1py',
  'copysign',
  'ldexp',
  'fmax',
  'fmin',
  'mod',
  'fmod',
  'floorDivide',
  'heaviside',
  'pow',
  'isclose',
  'gcd',
  'lcm',
  'leftShift',
  'bitwiseXor',
  'logicalXor',
  'nextafter',
] as const;
const onIntegers = new Set<string>(['bitwiseNot', 'popcount', 'gcd', 'lcm', 'leftShift', 'bitwiseXor']);
const onlySingle = new Set<string>(['nextafter']);

const given = (name: string, numbers: readonly number[]): Tensor =>
  onIntegers.has(name)
    ? tensor(
        numbers.map((n) => Math.round(10 * n)),
        { dtype: 'int32' },
      )
    : tensor([...numbers], { dtype: onlySingle.has(name) ? 'float32' : 'float64' });

const cases = [
  ...names.map((name) => ({ name, f: (x: Tensor) => x[name]() as Tensor })),
  ...pairs.map((name) => ({
    name,
    f: (x: Tensor) => x[name](x.flip(0).add(onIntegers.has(name) ? 1 : 0.0625)),
  })),
  { name: 'polygamma', f: (x: Tensor) => x.polygamma(2) },
  { name: 'zeta', f: (x: Tensor) => tensor(2.5, { dtype: 'float64' }).zeta(x) },
  { name: 'lerp', f: (x: Tensor) => x.lerp(x.mul(2), x) },
  { name: 'clip', f: (x: Tensor) => x.clip(0.2, x.flip(0)) },
];

describe.each(cases)('$name', ({ name, f }) => {
  const rows = [
    [0.125, 0.75, 0.5],
    [0.25, 0.3125, 0.875],
  ];

  test('several examples at once', () => {
    const together = vmap(f)(given(name, rows.flat()).reshape([2, 3])) as Tensor;
    const jitted = jit((x: Tensor) => vmap(f)(x) as Tensor)(given(name, rows.flat()).reshape([2, 3]));
    const expected = rows.flatMap((row) => [...f(given(name, row)).dataSync()]);
    expectClose(together.dataSync(), expected, { rtol: 1e-14, atol: 1e-15 });
    expectClose(jitted.dataSync(), expected, { rtol: 1e-13, atol: 1e-14 });
  });

  if (onIntegers.has(name)) return;

  test('forward against reverse mode', () => {
    const x = given(name, rows[0]);
    const out = f(x);
    if (out.dtype === 'bool') {
      expect(out.shape).toEqual([3]);
      return;
    }
    const direction = tensor([0.5, -1, 2], { dtype: x.dtype });
    const weights = tensor([1, 0.25, -0.5], { dtype: x.dtype });
    const [, tangent] = jvp(f, [x], [direction]) as [Tensor, Tensor];
    const [, pullback] = vjp(f, x);
    const gradient = pullback(weights) as unknown as Tensor;
    const forward = tangent.mul(weights).sum().item();
    expectClose([forward], [gradient.mul(direction).sum().item()], { rtol: 1e-12, atol: 1e-12 });
  });
});
