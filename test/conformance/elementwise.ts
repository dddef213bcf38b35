import type { Tensor } from '../../src/index.ts';
import type { Operand, Operation, Values } from './operation.ts';

type Call = Operation['call'];

const discrete = 'gives truth values or integers, which do not change with the operand';
const flat = { gradient: discrete, jvp: discrete };

/** A function of one array of floats, where it is smooth. */
const unary = (name: string, values: Values, call: Call, more: Partial<Operation> = {}): Operation => ({
  name,
  operands: [{ shape: [2, 3], values }],
  call,
  ...more,
});

/** A function of two arrays of floats that broadcast. */
const binary = (
  name: string,
  values: readonly [Values, Values],
  call: Call,
  more: Partial<Operation> = {},
): Operation => ({
  name,
  operands: [
    { shape: [2, 3], values: values[0] },
    { shape: [3], values: values[1] },
  ],
  call,
  ...more,
});

const of = (name: string, operands: readonly Operand[], call: Call, more: Partial<Operation> = {}) => ({
  name,
  operands,
  call,
  ...more,
});

const firstParameter = 'the derivative by the first parameter is NaN, as in PyTorch it is an error';
const unknown = { gradient: firstParameter, jvp: firstParameter };
/** A first parameter that has no derivative. */
const orders: Operand = { shape: [3], dtype: 'int32', data: [2, 3, 5] };

const ints: Operand = { shape: [6], dtype: 'int32', data: [7, -7, 0, -12, 2147483647, 18] };
const divisors: Operand = { shape: [6], dtype: 'int32', data: [3, 3, 5, -8, 7, 12] };
const whole: Operand = { shape: [6], dtype: 'uint32', data: [0, 1, 13, 255, 65536, 4294967295] };
const shifts: Operand = { shape: [6], dtype: 'uint32', data: [0, 31, 4, 1, 15, 7] };
const truths: Operand = { shape: [2, 3], dtype: 'bool' };
const others: Operand = { shape: [3], dtype: 'bool' };

/** Infinities of both signs, a NaN and numbers. */
const special = (x: Tensor): Tensor => {
  const [zero, one, two] = [0, 4, 5].map((i) => x.sub(x.ravel().at(i)));
  return one.div(zero.mul(one).mul(two));
};

/** Functions by the domain on which they are tried. */
const domains: { readonly [V in Values]?: readonly (string & keyof Tensor)[] } = {
  signed: [
    'exp',
    'expm1',
    'exp2',
    'cbrt',
    'sin',
    'cos',
    'atan',
    'sinh',
    'cosh',
    'tanh',
    'asinh',
    'sigmoid',
    'erf',
    'erfc',
    'i0',
    'i1',
    'i0e',
    'i1e',
    'sinc',
    'ndtr',
    'deg2rad',
    'rad2deg',
    'neg',
    'abs',
    'sign',
    'square',
    'reciprocal',
    'relu',
  ],
  positive: ['log', 'log1p', 'log2', 'log10', 'sqrt', 'rsqrt', 'lgamma', 'digamma'],
  unit: ['tan', 'asin', 'acos', 'atanh', 'erfinv'],
  fraction: ['logit', 'ndtri', 'floor', 'ceil', 'round', 'trunc', 'frac'],
};

const unaries: readonly Operation[] = Object.entries(domains).flatMap(([values, names]) =>
  names.map((name) => unary(name, values as Values, (x) => (x[name] as () => Tensor).call(x))),
);

const furtherUnaries: readonly Operation[] = [
  unary('acosh', 'positive', (x) => x.add(1).acosh()),
  unary('lgamma: of negative numbers', 'fraction', (x) => x.sub(3).lgamma()),
  unary('digamma: of negative numbers', 'fraction', (x) => x.sub(3).digamma()),
  unary('sinc: at 0', 'signed', (x) => x.sub(x.at(0)).sinc()),
  unary('logit: with eps', 'fraction', (x) => x.logit(0.01)),
  unary('round: to places', 'fraction', (x) => x.round(1)),
  unary('modf', 'fraction', (x) => x.add(2).modf()),
  unary('polygamma', 'positive', (x) => x.polygamma(2)),
  unary('sin: of integers', 'signed', (x) => x.cast('int32').sin().mul(x)),
  unary('clip', 'distinct', (x) => x.clip(-0.6, 0.7)),
  unary('nanToNum', 'distinct', (x) =>
    x.where(x.lt(1), Infinity).where(x.gt(-1), NaN).nanToNum({ nan: 3, posinf: -2 }),
  ),
];

const binaries: readonly Operation[] = [
  binary('add', ['signed', 'signed'], (x, y) => x.add(y)),
  binary('sub', ['signed', 'signed'], (x, y) => x.sub(y)),
  binary('mul', ['signed', 'signed'], (x, y) => x.mul(y)),
  binary('div', ['signed', 'signed'], (x, y) => x.div(y)),
  binary('pow', ['positive', 'signed'], (x, y) => x.pow(y)),
  binary('pow: to a number', ['signed', 'signed'], (x, y) => x.pow(3).mul(y)),
  binary('floorDivide', ['positive', 'fraction'], (x, y) => x.floorDivide(y)),
  binary('mod', ['positive', 'unit'], (x, y) => x.add(0.05).mod(y)),
  binary('fmod', ['positive', 'unit'], (x, y) => x.add(0.05).fmod(y)),
  binary('maximum', ['signed', 'fraction'], (x, y) => x.maximum(y)),
  binary('minimum', ['signed', 'fraction'], (x, y) => x.minimum(y)),
  binary('fmax', ['signed', 'fraction'], (x, y) => x.fmax(y)),
  binary('fmin', ['signed', 'fraction'], (x, y) => x.fmin(y)),
  binary('atan2', ['signed', 'signed'], (x, y) => x.atan2(y)),
  binary('hypot', ['signed', 'signed'], (x, y) => x.hypot(y)),
  binary('logaddexp', ['signed', 'signed'], (x, y) => x.logaddexp(y)),
  binary('logaddexp2', ['signed', 'signed'], (x, y) => x.logaddexp2(y)),
  binary('xlogy', ['signed', 'positive'], (x, y) => x.xlogy(y)),
  binary('xlog1py', ['signed', 'positive'], (x, y) => x.xlog1py(y)),
  of('zeta: by its second parameter', [orders, { shape: [2, 3], values: 'positive' }], (s, q) => s.zeta(q)),
  of('gammainc: by x', [orders, { shape: [2, 3], values: 'positive' }], (a, x) => a.gammainc(x)),
  of('gammaincc: by x', [orders, { shape: [2, 3], values: 'positive' }], (a, x) => a.gammaincc(x)),
  binary('zeta', ['positive', 'positive'], (s, q) => s.add(1).zeta(q), { without: unknown }),
  binary('gammainc', ['positive', 'positive'], (a, x) => a.gammainc(x), { without: unknown }),
  binary('gammaincc', ['positive', 'positive'], (a, x) => a.gammaincc(x), { without: unknown }),
  of('heaviside', [{ shape: [3], dtype: 'int32', data: [-2, 0, 3] }, { shape: [2, 3] }], (x, y) =>
    x.heaviside(y),
  ),
  binary('ldexp', ['signed', 'signed'], (x, y) => x.ldexp(y)),
  binary('copysign', ['signed', 'signed'], (x, y) => x.copysign(y)),
  binary('nextafter', ['signed', 'signed'], (x, y) => x.cast('float32').nextafter(y.cast('float32')), {
    without: flat,
  }),
  of('lerp', [{ shape: [2, 3] }, { shape: [3] }, { shape: [2, 1], values: 'fraction' }], (x, y, w) =>
    x.lerp(y, w),
  ),
  of('addcmul', [{ shape: [2, 3] }, { shape: [3] }, { shape: [2, 1] }], (x, a, b) =>
    x.addcmul(a, b, { value: -0.5 }),
  ),
  of('addcdiv', [{ shape: [2, 3] }, { shape: [3] }, { shape: [2, 1] }], (x, a, b) => x.addcdiv(a, b)),
  of('clip: between arrays', [{ shape: [2, 3] }, { shape: [3], values: 'unit' }], (x, low) =>
    x.clip(low, low.add(0.8)),
  ),
];

const integers: readonly Operation[] = [
  of('add: of integers', [ints, divisors], (x, y) => x.add(y)),
  of('mul: of integers', [whole, shifts], (x, y) => x.mul(y)),
  of('pow: of integers', [divisors, { shape: [6], dtype: 'int32' }], (x, y) => x.pow(y)),
  of('floorDivide: of integers', [ints, divisors], (x, y) => x.floorDivide(y)),
  of('mod: of integers', [ints, divisors], (x, y) => x.mod(y)),
  of('fmod: of integers', [ints, divisors], (x, y) => x.fmod(y)),
  of('abs: of integers', [ints], (x) => x.abs()),
  of('gcd', [ints, divisors], (x, y) => x.gcd(y)),
  of('lcm', [{ ...ints, data: [7, -7, 0, -12, 4, 18] }, divisors], (x, y) => x.lcm(y)),
  of('bitwiseAnd', [whole, shifts], (x, y) => x.bitwiseAnd(y)),
  of('bitwiseOr', [whole, shifts], (x, y) => x.bitwiseOr(y)),
  of('bitwiseXor', [ints, divisors], (x, y) => x.bitwiseXor(y)),
  of('bitwiseXor: of bool', [truths, others], (x, y) => x.bitwiseXor(y)),
  of('bitwiseNot', [ints], (x) => x.bitwiseNot()),
  of('leftShift', [whole, shifts], (x, y) => x.leftShift(y)),
  of('rightShift', [whole, shifts], (x, y) => x.rightShift(y)),
  of('rightShift: of signed integers', [ints, { ...shifts, dtype: 'int32' }], (x, y) => x.rightShift(y)),
  of('popcount', [whole], (x) => x.popcount()),
];

const comparisons: readonly Operation[] = [
  ...(['eq', 'ne', 'lt', 'le', 'gt', 'ge'] as const).flatMap((name) => [
    of(name, [{ shape: [2, 3] }, { shape: [3] }], (x, y) => [x[name](y), x[name](x.at(0))], {
      without: flat,
    }),
    of(`${name}: of integers`, [whole, shifts], (x, y) => x[name](y)),
  ]),
  ...(['logicalAnd', 'logicalOr', 'logicalXor'] as const).map((name) =>
    of(name, [truths, others], (x, y) => x[name](y)),
  ),
  of('logicalNot', [ints], (x) => x.logicalNot()),
  binary('isclose', ['signed', 'signed'], (x, y) => x.isclose(y, { atol: 0.5 }), { without: flat }),
  ...(['isnan', 'isinf', 'isposinf', 'isneginf', 'isfinite'] as const).map((name) =>
    unary(name, 'distinct', (x) => special(x)[name](), { without: flat }),
  ),
  unary('signbit', 'signed', (x) => [x.signbit(), x.mul(0).signbit()], { without: flat }),
];

const conversions: readonly Operation[] = [
  unary('cast', 'signed', (x) => x.cast('float64').exp().cast(x.dtype)),
  unary('cast: to half precision', 'signed', (x) => x.cast('float16').mul(2).cast(x.dtype), {
    withoutDifferences: 'half precision rounds small differences away',
  }),
  unary('cast: to integers', 'signed', (x) => [x.cast('int32'), x.cast('bool'), x.abs().cast('uint32')], {
    without: flat,
  }),
  of('cast: of integers', [ints], (x) => [x.cast('float32'), x.cast('uint32'), x.cast('bool')]),
];

/** Arithmetic, mathematical functions, comparisons, logic, bits. */
export const elementwiseOperations: readonly Operation[] = [
  ...unaries,
  ...furtherUnaries,
  ...binaries,
  ...integers,
  ...comparisons,
  ...conversions,
];
