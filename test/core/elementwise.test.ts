import { describe, expect, test } from 'vitest';
import { ArithmeticArray } from '../../src/core/array_arithmetic.ts';
import { ElementwiseArray } from '../../src/core/array_elementwise.ts';
import * as nabla from '../../src/index.ts';
import { grad, type Operand, type Tensor, tensor } from '../../src/index.ts';
import { expectClose, finiteDifference } from '../support/close.ts';
import { computeOn, devices } from '../support/device.ts';

// Methods and free functions of elements: values on plain numbers, special values, promotion, errors, derivatives of compositions.

const double = (values: readonly number[]) => tensor([...values], { dtype: 'float64' });
const list = (x: Tensor): unknown => x.toArray();
const { NaN: nan, POSITIVE_INFINITY: inf } = Number;

describe.each(devices)('on %s', (device) => {
  computeOn(device);

  test('rounding', () => {
    const x = tensor([-2.5, -1.5, -0.5, -0, 0.5, 1.5, 2.75, inf, nan]);
    expect(list(x.trunc())).toEqual([-2, -1, -0, -0, 0, 1, 2, inf, nan]);
    expect(list(x.round())).toEqual([-2, -2, -0, -0, 0, 2, 3, inf, nan]);
    expect(list(x.floor())).toEqual([-3, -2, -1, -0, 0, 1, 2, inf, nan]);
    expect(list(x.ceil())).toEqual([-2, -1, -0, -0, 1, 2, 3, inf, nan]);
    expect(list(tensor([-2.5, 2.75]).frac())).toEqual([-0.5, 0.75]);
    const [rest, whole] = tensor([-2.5, 2.75, -inf]).modf();
    expect([list(rest), list(whole)]).toEqual([
      [-0.5, 0.75, 0],
      [-2, 2, -inf],
    ]);
    expect(list(double([1.2345, -27.5]).round(2))).toEqual([1.23, -27.5]);
    expect(list(double([1234, -27.5]).round(-2))).toEqual([1200, -0]);
    expect(list(tensor([3, -4], { dtype: 'int32' }).trunc())).toEqual([3, -4]);
    expect(list(tensor([3, -4], { dtype: 'int32' }).frac())).toEqual([0, 0]);
    expect(() => x.round(0.5)).toThrow('round: decimals must be an integer, got 0.5');
  });

  test.each(['float32', 'float64'] as const)('kinds of numbers in %s', (dtype) => {
    const x = tensor([-inf, -1, -0, 0, 1, inf, nan], { dtype });
    expect(list(x.isnan())).toEqual([false, false, false, false, false, false, true]);
    expect(list(x.isinf())).toEqual([true, false, false, false, false, true, false]);
    expect(list(x.isposinf())).toEqual([false, false, false, false, false, true, false]);
    expect(list(x.isneginf())).toEqual([true, false, false, false, false, false, false]);
    expect(list(x.isfinite())).toEqual([false, true, true, true, true, false, false]);
    expect(list(x.slice([0, 6]).signbit())).toEqual([true, true, true, false, false, false]);
    const most = dtype === 'float32' ? 3.4028234663852886e38 : Number.MAX_VALUE;
    expect(list(x.nanToNum())).toEqual([-most, -1, -0, 0, 1, most, 0]);
    expect(list(x.nanToNum({ nan: 7, posinf: 8, neginf: 9 }))).toEqual([9, -1, -0, 0, 1, 8, 7]);
    expect(list(x.copysign(-0).slice([0, 6]))).toEqual([-inf, -1, -0, -0, -1, -inf]);
    expect(list(x.heaviside(0.5))).toEqual([0, 0, 0.5, 0.5, 1, 1, nan]);
    expect(list(x.fmax(0.5))).toEqual([0.5, 0.5, 0.5, 0.5, 1, inf, 0.5]);
    expect(list(x.maximum(0.5))).toEqual([0.5, 0.5, 0.5, 0.5, 1, inf, nan]);
    expect(list(x.clip(-1, 1))).toEqual([-1, -1, -0, 0, 1, 1, nan]);
  });

  test('integers have none of the special values', () => {
    const x = tensor([-1, 0, 5], { dtype: 'int32' });
    expect(list(x.isnan())).toEqual([false, false, false]);
    expect(list(x.isinf())).toEqual([false, false, false]);
    expect(list(x.isfinite())).toEqual([true, true, true]);
    expect(list(x.signbit())).toEqual([true, false, false]);
    expect(x.nanToNum().dtype).toBe('int32');
  });

  test('bits', () => {
    const x = tensor([0, 1, -1, 12, -(2 ** 31)], { dtype: 'int32' });
    expect(list(x.popcount())).toEqual([0, 1, 32, 2, 1]);
    expect(list(x.bitwiseNot())).toEqual([-1, -2, 0, -13, 2 ** 31 - 1]);
    expect(list(x.rightShift(1))).toEqual([0, 0, -1, 6, -(2 ** 30)]);
    expect(list(x.leftShift(1))).toEqual([0, 2, -2, 24, 0]);
    const u = tensor([2 ** 32 - 1, 6], { dtype: 'uint32' });
    expect(list(u.popcount())).toEqual([32, 2]);
    expect(list(u.rightShift(31))).toEqual([1, 0]);
    const p = tensor([true, true, false]);
    const q = tensor([true, false, false]);
    expect(list(p.bitwiseXor(q))).toEqual([false, true, false]);
    expect(list(p.logicalXor(q))).toEqual([false, true, false]);
    expect(list(tensor([0, 2, nan]).logicalXor(1))).toEqual([true, false, false]);
    expect(() => tensor([1.5]).bitwiseAnd(1)).toThrow('bitwiseAnd: needs int32, uint32 or bool, got float32');
    expect(() => tensor([1.5]).popcount()).toThrow('popcount: needs int32');
  });

  test('closeness', () => {
    const x = tensor([1, 1, 0, inf, nan, inf]);
    const y = tensor([1.000001, 1.1, 1e-9, inf, nan, -inf]);
    expect(list(x.isclose(y))).toEqual([true, false, true, true, false, false]);
    expect(list(x.isclose(y, { rtol: 0.2, equalNaN: true }))).toEqual([true, true, true, true, true, false]);
    expect(tensor([1, 2]).allclose(tensor([1, 2.000001]))).toBe(true);
    expect(tensor([1, 2]).allclose(3)).toBe(false);
    expect(tensor([1, 2]).arrayEqual(tensor([1, 2]))).toBe(true);
    expect(tensor([1, 2]).arrayEqual(tensor([[1, 2]]))).toBe(false);
    expect(tensor([1, nan]).arrayEqual(tensor([1, nan]))).toBe(false);
  });

  test('division rounded down, as Python has it', () => {
    const pairs = [
      [7, 2],
      [-7, 2],
      [7, -2],
      [1, 0.1],
      [6, 0.1],
      [-1, inf],
      [1, inf],
      [5, 0],
      [-5, 0],
      [0, 3],
    ];
    const [a, b] = [0, 1].map((i) => double(pairs.map((pair) => pair[i])));
    expect(list(a.floorDivide(b))).toEqual([3, -4, -4, 9, 59, -1, 0, inf, -inf, 0]);
    expect(list(a.slice([0, 3]).mod(b.slice([0, 3])))).toEqual([1, 1, -1]);
    expect(list(a.slice([0, 3]).fmod(b.slice([0, 3])))).toEqual([1, -1, 1]);
  });

  test('neighbours', () => {
    const x = tensor([1, -1, 0, 0, 3.4028234663852886e38, 5, nan]);
    const y = tensor([2, -2, 1, -1, inf, 5, 1]);
    expect(list(x.nextafter(y))).toEqual([1 + 2 ** -23, -1 - 2 ** -23, 2 ** -149, -(2 ** -149), inf, 5, nan]);
    expect(() => double([1]).nextafter(2)).toThrow('nextafter: is for float32, got float64');
  });

  test('integers and bool become what they are computed in', () => {
    const int = tensor([1, 2], { dtype: 'int32' });
    expect(int.exp().dtype).toBe('float32');
    expect(int.atan2(2).dtype).toBe('float32');
    expect(int.floorDivide(2).dtype).toBe('int32');
    expect(tensor([true]).neg().dtype).toBe('int32');
    expect(list(tensor([true, false]).add(true))).toEqual([2, 1]);
    expect(tensor([1.5], { dtype: 'float16' }).sinh().dtype).toBe('float32');
    expect(() => tensor([1.5]).gcd(2)).toThrow('gcd: needs integers, got float32 and 2');
    expect(list(tensor([4, 6], { dtype: 'int32' }).lcm(10))).toEqual([20, 30]);
  });

  test('interpolation is exact at both ends', () => {
    const [a, b] = [double([1e16, 0.1]), double([1, 0.7])];
    expect(list(a.lerp(b, 0))).toEqual([1e16, 0.1]);
    expect(list(a.lerp(b, 1))).toEqual([1, 0.7]);
    expect(list(double([1]).addcmul(double([2]), 3, { value: 0.5 }))).toEqual([4]);
    expect(list(double([1]).addcdiv(3, 4))).toEqual([1.75]);
  });

  test('sinc is exactly 0 at the integers', () => {
    expect(list(tensor([0, 1, 2, -7, 1e6]).sinc().abs())).toEqual([1, 0, 0, 0, 0]);
  });

  test('bad orders of polygamma', () => {
    expect(() => tensor([1]).polygamma(-1)).toThrow(
      'polygamma: the order must be an integer from 0 to 100, got -1',
    );
  });
});

// Derivatives to the third order of everything that is composed of nodes, against central differences of the order below.
const smooth: Readonly<Record<string, { f: (x: Tensor) => Tensor; at: readonly number[] }>> = {
  sinc: { f: (x) => x.sinc(), at: [-1, -0.2, 0, 0.1, 0.2, 0.6, 1, 2.3] },
  polygamma: { f: (x) => x.polygamma(1), at: [-2.4, -0.6, 0.7, 3.5] },
  digamma: { f: (x) => x.digamma(), at: [-2.4, -0.6, 0.7, 3.5] },
  xlogy: { f: (x) => x.xlogy(x.add(1)), at: [0, 0.5, 2] },
  'xlogy of itself': { f: (x) => x.xlogy(x), at: [0.5, 2] },
  xlog1py: { f: (x) => x.xlog1py(x), at: [0, -0.5, 2] },
  logit: { f: (x) => x.logit(), at: [0.2, 0.7] },
  'logaddexp of equals': { f: (x) => x.logaddexp(1), at: [1, 0.5, 3] },
  logaddexp2: { f: (x) => x.logaddexp2(1), at: [1, -2, 3] },
  ndtr: { f: (x) => x.ndtr(), at: [-2, 0, 1.5] },
  ndtri: { f: (x) => x.ndtri(), at: [0.2, 0.5, 0.9] },
  lerp: { f: (x) => x.lerp(x.mul(x), x), at: [0.2, 0.7] },
  ldexp: { f: (x) => x.ldexp(x), at: [-1.5, 0.25, 2] },
  copysign: { f: (x) => x.mul(x).copysign(x), at: [-1.5, 0.5] },
  atan2: { f: (x) => x.atan2(x.sub(2)), at: [-1.5, 0.5, 3] },
  hypot: { f: (x) => x.hypot(1), at: [-1.5, 0, 3] },
  acosh: { f: (x) => x.acosh(), at: [1.5, 3] },
  lgamma: { f: (x) => x.lgamma(), at: [-1.5, 0.5, 1, 2, 5] },
  i1: { f: (x) => x.i1(), at: [-3, 0.5, 9] },
  frac: { f: (x) => x.frac().square(), at: [-1.25, 0.5, 2.75] },
  mod: { f: (x) => x.mod(0.7).square(), at: [-1.25, 0.5, 2.75] },
};

test.each(Object.entries(smooth))('%s differentiates to the third order', (_, { f, at }) => {
  let derivative = (x: Tensor): Tensor => f(x);
  for (let order = 1; order <= 3; order++) {
    const below = derivative;
    derivative = grad((x: Tensor) => below(x).sum()) as (x: Tensor) => Tensor;
    const expected = finiteDifference(
      (x) =>
        below(double([...x]))
          .sum()
          .item(),
      Float64Array.from(at),
      1e-4,
    );
    expectClose(derivative(double(at)).dataSync(), expected, { rtol: 2e-5, atol: 2e-5 }, `order ${order}`);
  }
});

describe('free functions', () => {
  const layers = [ElementwiseArray.prototype, ArithmeticArray.prototype];
  const methods = layers
    .flatMap((layer) => Object.getOwnPropertyNames(layer))
    .filter((name) => !['constructor', 'where', 'cast', 'polygamma', 'arrayEqual'].includes(name));
  type Functions = Readonly<Record<string, (...operands: unknown[]) => unknown>>;
  const free = nabla as unknown as Functions;
  const forIntegers = [
    'bitwiseAnd',
    'bitwiseOr',
    'bitwiseXor',
    'bitwiseNot',
    'leftShift',
    'rightShift',
    'popcount',
    'gcd',
    'lcm',
  ];
  const others: Readonly<Record<string, readonly unknown[]>> = {
    clip: [0, 0.6],
    clamp: [0, 0.6],
    lerp: [2, 0.25],
    addcmul: [2, 3],
    addcdiv: [2, 3],
    logit: [0.1],
    round: [1],
  };

  test('there are many', () => expect(methods.length).toBeGreaterThan(100));

  test.each(methods)('%s gives what the method gives, for arrays and for numbers', (name) => {
    const isForIntegers = forIntegers.includes(name);
    const x = isForIntegers ? tensor([5, 6], { dtype: 'int32' }) : tensor([0.5, 0.75]);
    const method = (x as unknown as Functions)[name];
    const rest = others[name] ?? (method.length > 0 ? [isForIntegers ? 3 : 0.25] : []);
    expect(String(free[name](x, ...rest))).toBe(String(method.apply(x, [...rest])));
    if (isForIntegers) return;
    const scalar = tensor(0.5) as unknown as Functions;
    expect(String(free[name](0.5, ...rest))).toBe(String(scalar[name](...rest)));
  });

  test('with other orders of operands', () => {
    expect(String(nabla.polygamma(1, 0.5))).toBe(String(tensor(0.5).polygamma(1)));
    expect(nabla.arrayEqual(tensor([1]), tensor([1]))).toBe(true);
  });

  test('a number first takes the dtype of the array beside it', () => {
    const x = tensor([1, 2], { dtype: 'int32' });
    const two: Operand = 2;
    expect(nabla.sub(two, x).dtype).toBe('int32');
    expect(nabla.sub(2.5, x).toArray()).toEqual([1.5, 0.5]);
    expect(nabla.atan2(1, double([2])).dtype).toBe('float64');
    expect(nabla.sub(2, 3).item()).toBe(-1);
  });
});
