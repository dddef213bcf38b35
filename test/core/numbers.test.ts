import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { type DType, full, grad, jit, type Tensor, tensor, where } from '../../src/index.ts';
import { computeOn } from '../support/device.ts';

// Every sentence of docs/decisions/numbers.md, on the interpreter, eagerly and jitted (natively in the project of that name).

const page = readFileSync(new URL('../../docs/decisions/numbers.md', import.meta.url), 'utf8');
const sentences = [...page.matchAll(/^- (.*)$/gm)].map(([, sentence]) => sentence);

const { NaN: nan, POSITIVE_INFINITY: inf } = Number;
const least = 2 ** -149;
const most = 3.4028234663852886e38;
const low = -(2 ** 31);
const high = 2 ** 31 - 1;
const top = 2 ** 32 - 1;

type Data = number | boolean | readonly (number | boolean | readonly number[])[];
const of = (dtype: DType) => (data: Data) => tensor(data as number[], { dtype });
const f32 = of('float32');
const f64 = of('float64');
const i32 = of('int32');
const u32 = of('uint32');
const bool = of('bool');

interface Example {
  readonly given: readonly Tensor[];
  readonly f: (...x: Tensor[]) => Tensor;
  readonly gives: unknown;
  readonly dtype?: DType;
}
const example = (given: readonly Tensor[], f: Example['f'], gives: unknown, dtype?: DType): Example => ({
  given,
  f,
  gives,
  dtype,
});
const gradient = (f: (x: Tensor) => Tensor) => grad((x: Tensor) => f(x).sum()) as (x: Tensor) => Tensor;

/** Examples by the first words of their sentence. */
const examples: Readonly<Record<string, readonly Example[]>> = {
  'float32 and float64 are IEEE 754': [
    example([f32([1, 16777216, 1]), f32([2 ** -24, 1, 3 * 2 ** -24])], (x, y) => x.add(y), [
      1,
      16777216,
      1 + 2 ** -22,
    ]),
    example([f32([1, 2]), f32([3, 7])], (x, y) => x.div(y), [Math.fround(1 / 3), Math.fround(2 / 7)]),
    example([f64([1, 2]), f64([3, 7])], (x, y) => x.div(y), [1 / 3, 2 / 7]),
    example([f32([2, 3])], (x) => x.sqrt(), [Math.fround(Math.SQRT2), Math.fround(Math.sqrt(3))]),
    example([f64([2, 3])], (x) => x.sqrt(), [Math.SQRT2, Math.sqrt(3)]),
  ],
  'Numbers too large become infinite': [
    example([f32([most, -most, 2 ** -126, -(2 ** -126)])], (x) => x.mul(f32([2, 2, 0.5, 2 ** -30])), [
      inf,
      -inf,
      2 ** -127,
      -0,
    ]),
    example([f32([least, least, -least])], (x) => x.add(f32([least, 0, least])), [2 * least, least, 0]),
    example([f64([5e-324, 1e308])], (x) => x.mul(2), [1e-323, inf]),
    example([f32([-104, 88.8, -100])], (x) => x.exp(), [0, inf, 27 * least]),
  ],
  'A number by 0 is infinite': [
    example([f32([1, -1, 1, 0, nan])], (x) => x.div(f32([0, 0, -0, 0, 0])), [inf, -inf, -inf, nan, nan]),
    example([f64([1, -1])], (x) => x.div(f64([-0, 0])), [-inf, -inf]),
  ],
  'Infinity less infinity': [
    example([f32([inf, 0, nan, inf])], (x) => x.sub(f32([inf, 1, 1, -inf])), [nan, -1, nan, inf]),
    example([f32([inf, 0, nan])], (x) => x.mul(f32([0, inf, 0])), [nan, nan, nan]),
  ],
  '0 and -0 are equal': [
    example([f32([0, -0])], (x) => x.eq(f32([-0, 0])), [true, true]),
    example([f32([0, -0])], (x) => x.neg(), [-0, 0]),
    example([f32([-0, 0.5, -0.25, -0])], (x) => x.round(), [-0, 0, -0, -0]),
    example([f32([-1, -0, 0])], (x) => x.mul(f32([0, 5, 5])), [-0, -0, 0]),
    example([f32([-0, 0])], (x) => x.sqrt(), [-0, 0]),
    example([f32([-0, -0, 0])], (x) => x.add(f32([0, -0, -0])), [0, -0, 0]),
    example([f32([-0])], (x) => x.abs(), [0]),
    example([f64([-0.5, -0])], (x) => x.ceil(), [-0, -0]),
  ],
  'NaN is not equal to': [
    example([f32([nan, nan, 1])], (x) => x.eq(f32([nan, 1, nan])), [false, false, false]),
    example([f32([nan, nan, 1])], (x) => x.ne(f32([nan, 1, nan])), [true, true, true]),
    example([f32([nan, nan, 1])], (x) => x.lt(f32([nan, 1, nan])), [false, false, false]),
    example([f64([nan, nan, 1])], (x) => x.ge(f64([nan, 1, nan])), [false, false, false]),
  ],
  'maximum, minimum, max, min, relu': [
    example([f32([nan, 1, inf])], (x) => x.maximum(f32([1, nan, 2])), [nan, nan, inf]),
    example([f32([nan, 1, inf])], (x) => x.minimum(f32([1, nan, 2])), [nan, nan, 2]),
    example([f32([1, nan, 3])], (x) => x.max(), nan),
    example([f64([1, nan, 3])], (x) => x.min(), nan),
    example(
      [
        f32([
          [1, nan, 3, 4, 5],
          [1, 2, 3, 4, 5],
        ]),
      ],
      (x) => x.min(1),
      [nan, 1],
    ),
    example([f32([nan, -1])], (x) => x.relu(), [nan, 0]),
    example([f32([nan, -3])], (x) => x.sign(), [nan, -1]),
    example([f32([nan, -3])], (x) => x.clip(-1, 1), [nan, -1]),
    example([f32([nan, -3])], (x) => x.abs(), [nan, 3]),
    example([f32([nan, 1, nan])], (x) => x.fmax(f32([1, nan, nan])), [1, 1, nan]),
    example([f32([nan, 1, nan])], (x) => x.fmin(f32([1, nan, nan])), [1, 1, nan]),
  ],
  'argmax and argmin take': [
    example([f32([1, nan, 9, nan])], (x) => x.argmax(), 1),
    example([f32([1, nan, 0, nan])], (x) => x.argmin(), 1),
    example([f32([2, nan, -inf, 1])], (x) => x.sort(), [-inf, 1, 2, nan]),
  ],
  'round takes halves': [
    example([f32([-2.5, -1.5, 0.5, 1.5, 2.5])], (x) => x.round(), [-2, -2, 0, 2, 2]),
    example([f64([inf, -inf, nan, 2 ** 53 + 2])], (x) => x.round(), [inf, -inf, nan, 2 ** 53 + 2]),
    example([f32([inf, nan])], (x) => x.floor(), [inf, nan]),
    example([f32([-inf, nan, -1.5])], (x) => x.trunc(), [-inf, nan, -1]),
  ],
  'fmod has the sign': [
    example([f32([-7, 7, 5.5, 1e30])], (x) => x.fmod(f32([3, -3, 2, 7])), [
      -1,
      1,
      1.5,
      Math.fround(1e30) % 7,
    ]),
    example([f32([-7, 7, 6])], (x) => x.mod(f32([3, -3, -3])), [2, -2, 0]),
    example([f32([-7, 7, 6])], (x) => x.floorDivide(f32([3, -3, -3])), [-3, -3, -2]),
    example([f64([1, inf, 5])], (x) => x.fmod(f64([0, 2, inf])), [nan, nan, 5]),
  ],
  'pow follows C': [
    example([f32([nan, 0, 1, 1, -1, -8])], (x) => x.pow(f32([0, 0, nan, inf, inf, 1 / 3])), [
      1,
      1,
      1,
      1,
      1,
      nan,
    ]),
    example([f64([nan, 0, 1, 1, -1, -8])], (x) => x.pow(f64([0, 0, nan, inf, inf, 1 / 3])), [
      1,
      1,
      1,
      1,
      1,
      nan,
    ]),
    example([f32([0, -0, -2, -2])], (x) => x.pow(f32([-1, -1, 3, 4])), [inf, -inf, -8, 16]),
  ],
  'Functions have the limits': [
    example([f32([-inf, inf])], (x) => x.exp(), [0, inf]),
    example([f32([0, -1, inf, -0])], (x) => x.log(), [-inf, nan, inf, -inf]),
    example([f32([-inf, inf])], (x) => x.tanh(), [-1, 1]),
    example([f32([-inf, inf])], (x) => x.erf(), [-1, 1]),
    example([f32([inf, -inf])], (x) => x.sin(), [nan, nan]),
    example([f64([inf, -inf])], (x) => x.cos(), [nan, nan]),
    example([f32([-1, 2])], (x) => x.acos(), [Math.fround(Math.PI), nan]),
    example([f32([0, -3, 171])], (x) => x.lgamma(), [inf, inf, Math.fround(706.5730622457874)]),
    example([f32([1, -1, 2])], (x) => x.atanh(), [inf, -inf, nan]),
    example([f32([-0, 0])], (x) => x.atan2(f32([-1, -0])), [Math.fround(-Math.PI), Math.fround(Math.PI)]),
  ],
  'int32 and uint32 wrap modulo': [
    example([i32([high, low])], (x) => x.add(i32([1, -1])), [low, high]),
    example([i32([65536, 123456789])], (x) => x.mul(i32([65536, 987654321])), [
      0,
      Math.imul(123456789, 987654321),
    ]),
    example([u32([0, 5])], (x) => x.sub(u32([1, 7])), [top, 2 ** 32 - 2]),
    example([i32([low])], (x) => x.neg(), [low]),
    example([i32([low])], (x) => x.abs(), [low]),
    example([u32([1])], (x) => x.neg(), [top]),
    example([i32([3, 2])], (x) => x.pow(i32([21, 40])), [(3 ** 21) | 0, 0]),
    example([i32([high, high, 3])], (x) => x.sum(), 1),
    example([u32([65536, 65537])], (x) => x.prod(), 65536),
  ],
  'div of integers is true division': [
    example([i32([7, -7, 1])], (x) => x.div(i32([2, 2, 0])), [3.5, -3.5, inf], 'float32'),
    example([i32([7, -7, 7, -7])], (x) => x.floorDivide(i32([2, 2, -2, -2])), [3, -4, -4, 3], 'int32'),
    example([i32([7, -7, 7, -7])], (x) => x.mod(i32([2, 2, -2, -2])), [1, 1, -1, -1], 'int32'),
    example([i32([7, -7, 7, -7])], (x) => x.fmod(i32([2, 2, -2, -2])), [1, -1, 1, -1], 'int32'),
    example([u32([top, 7])], (x) => x.floorDivide(u32([2, 3])), [high, 2], 'uint32'),
  ],
  'floorDivide, mod and fmod of integers by 0': [
    example([i32([7, -7, 0])], (x) => x.floorDivide(0), [0, 0, 0]),
    example([i32([7, -7, 0])], (x) => x.mod(0), [0, 0, 0]),
    example([u32([7, 0])], (x) => x.fmod(0), [0, 0]),
    example([i32([low])], (x) => x.floorDivide(-1), [low]),
    example([i32([low])], (x) => x.fmod(-1), [0]),
  ],
  'Integers to a negative power': [
    example([i32([2, 1, -1, -1, 0])], (x) => x.pow(i32([-1, -5, -3, -2, -1])), [0, 1, -1, 1, 0]),
    example([i32([0, 5])], (x) => x.pow(0), [1, 1]),
  ],
  'Shift counts are taken': [
    example([i32([1, -8, low])], (x) => x.leftShift(i32([33, 32, 1])), [2, -8, 0]),
    example([i32([-8, -1, 64])], (x) => x.rightShift(i32([1, 31, 34])), [-4, -1, 16]),
    example([u32([top, 2 ** 31])], (x) => x.rightShift(31), [1, 1]),
  ],
  'bool counts as int32': [
    example([bool([true, true])], (x) => x.add(bool([true, false])), [2, 1], 'int32'),
    example([bool([true, false])], (x) => x.neg(), [-1, 0], 'int32'),
    example([bool([true, false])], (x) => x.lt(bool([true, true])), [false, true], 'bool'),
    example([bool([true, false])], (x) => x.bitwiseNot(), [false, true], 'bool'),
    example([bool([true, false])], (x) => x.bitwiseAnd(bool([true, true])), [true, false], 'bool'),
  ],
  'Floats become integers': [
    example([f32([1.9, -1.9, 3e9, -3e9, nan, inf, -inf, -0.5])], (x) => x.cast('int32'), [
      1,
      -1,
      high,
      low,
      0,
      high,
      low,
      0,
    ]),
    example([f32([1.9, -1.9, 5e9, 3e9, nan, inf])], (x) => x.cast('uint32'), [1, 0, top, 3e9, 0, top]),
    example([f64([2147483646.9, -2147483648.9, 4e9, nan])], (x) => x.cast('int32'), [high - 1, low, high, 0]),
    example([f64([4294967295.5, -0.9, 1e10])], (x) => x.cast('uint32'), [top, 0, top]),
  ],
  'Between int32 and uint32': [
    example([i32([-1, low])], (x) => x.cast('uint32'), [top, 2 ** 31]),
    example([u32([top, 2 ** 31])], (x) => x.cast('int32'), [-1, low]),
  ],
  'Integers and float64 become float32': [
    example([i32([16777217, 16777219, high])], (x) => x.cast('float32'), [16777216, 16777220, 2 ** 31]),
    example([u32([top, 16777217])], (x) => x.cast('float32'), [2 ** 32, 16777216]),
    example([f64([1 + 2 ** -24, 1 + 3 * 2 ** -24, 1e39, 1e-46])], (x) => x.cast('float32'), [
      1,
      1 + 2 ** -22,
      inf,
      0,
    ]),
    example([i32([high]), u32([top])], (x) => x.cast('float64'), [high]),
  ],
  'To bool, 0 and -0 are false': [
    example([f32([0, -0, nan, least, inf])], (x) => x.cast('bool'), [false, false, true, true, true]),
    example([i32([0, -5])], (x) => x.cast('bool'), [false, true]),
    example([bool([true, false])], (x) => x.cast('float64'), [1, 0]),
  ],
  'JavaScript numbers become integers': [
    example([i32([2 ** 31, 2 ** 32 + 5, -1.9, nan, inf])], (x) => x.add(0), [low, 5, -1, 0, 0]),
    example([u32([-1, 2 ** 32 + 5])], (x) => x.add(0), [top, 5]),
    example([i32([1])], (x) => x.add(2 ** 32 + 5), [6], 'int32'),
    example([i32([1])], (x) => x.mul(full([1], 2 ** 32 + 5, { dtype: 'int32' })), [5]),
    example([i32([1])], (x) => x.mul(full([1], nan, { dtype: 'int32' })), [0]),
  ],
  'Two arrays meet': [
    example([bool([true]), i32([1])], (x, y) => x.add(y), [2], 'int32'),
    example([i32([1]), f32([1])], (x, y) => x.add(y), [2], 'float32'),
    example([u32([1]), f32([1])], (x, y) => x.add(y), [2], 'float32'),
    example([f32([1]), f64([1])], (x, y) => x.add(y), [2], 'float64'),
    example([i32([-1]), u32([top])], (x, y) => x.add(y), [-2], 'int32'),
  ],
  'A JavaScript number takes': [
    example([f32([1])], (x) => x.mul(0.1), [Math.fround(0.1)], 'float32'),
    example([f64([1])], (x) => x.mul(0.1), [0.1], 'float64'),
    example([i32([1])], (x) => x.mul(2), [2], 'int32'),
    example([i32([1])], (x) => x.mul(0.5), [0.5], 'float32'),
    example([i32([1])], (x) => x.lt(inf), [true], 'bool'),
    example([u32([1])], (x) => x.add(nan), [nan], 'float32'),
    example([bool([true])], (x) => x.add(1), [2], 'int32'),
  ],
  'Functions of integers': [
    example([i32([0])], (x) => x.exp(), [1], 'float32'),
    example([i32([4])], (x) => x.sqrt(), [2], 'float32'),
    example([i32([1, 2])], (x) => x.mean(), 1.5, 'float32'),
    example([i32([-4])], (x) => x.abs().floor().round().ceil().sign().neg(), [-1], 'int32'),
  ],
  'The sum of nothing': [
    example([f32([])], (x) => x.sum(), 0),
    example([f32([])], (x) => x.prod(), 1),
    example([bool([])], (x) => x.all(), true),
    example([bool([])], (x) => x.any(), false),
  ],
  'Sums of floats are added in blocks': [0, 1].map((axis) =>
    // A million times the float32 next to 0.1; added one by one the error is 1e-3.
    example(
      [f32([0.1])],
      (x) =>
        x
          .add(
            tensor(new Float32Array(axis === 0 ? 2 ** 20 : 2 ** 21)).reshape(
              axis === 0 ? [2 ** 20, 1] : [2, 2 ** 20],
            ),
          )
          .sum(axis)
          .div(2 ** 20 * Math.fround(0.1))
          .sub(1)
          .abs()
          .lt(2e-5),
      axis === 0 ? [true] : [true, true],
    ),
  ),
  'Sums of integers are exact': [
    example([i32([16777216, 1, 1])], (x) => x.sum(), 16777218),
    example([bool([true, true, true])], (x) => x.sum(), 3, 'int32'),
  ],
  'The same program gives': [
    example(
      [f32([1.5, 2.5, -3])],
      (x) => {
        const values = tensor(Float32Array.from({ length: 5000 }, (_, i) => Math.sin(i)));
        const once = () => values.mul(x.sum()).exp().sum();
        return once().eq(once());
      },
      true,
    ),
  ],
  'Derivatives where there is none': [
    example(
      [f32([0])],
      gradient((x) => x.abs()),
      [0],
    ),
    example(
      [f32([0])],
      gradient((x) => x.relu()),
      [0],
    ),
    example(
      [f32([0])],
      gradient((x) => x.sign()),
      [0],
    ),
    example(
      [f32([1])],
      gradient((x) => x.maximum(1)),
      [0.5],
    ),
    example(
      [f32([1])],
      gradient((x) => x.minimum(1)),
      [0.5],
    ),
    example(
      [f32([-1, 0, 1, 2])],
      gradient((x) => x.clip(-1, 1)),
      [1, 1, 1, 0],
    ),
    example(
      [f32([3, 1, 3])],
      gradient((x) => x.max()),
      [1, 0, 0],
    ),
    example(
      [f32([3, 1, 1])],
      gradient((x) => x.min()),
      [0, 1, 0],
    ),
  ],
  'Rounding, comparisons, integers': [
    example(
      [f32([0.3, 1.7])],
      gradient((x) => x.floor().add(x.round()).add(x.ceil()).add(x.trunc())),
      [0, 0],
    ),
    example(
      [f32([0.3])],
      gradient((x) => x.lt(1).cast('float32').mul(3)),
      [0],
    ),
    example(
      [f32([2.5])],
      gradient((x) => x.cast('int32').bitwiseAnd(1).cast('float32').add(x)),
      [1],
    ),
  ],
  'The branch that where does not take': [
    example(
      [f32([-1, 4])],
      gradient((x) => where(x.gt(0), x.square(), x.exp())),
      [Math.fround(Math.exp(-1)), 8],
    ),
    example(
      [f32([-1, 4])],
      gradient((x) => where(x.gt(0), x.sqrt(), 0)),
      [nan, 0.25],
    ),
    example(
      [f32([-1, 4])],
      gradient((x) => where(x.gt(0), where(x.gt(0), x, 1).sqrt(), 0)),
      [0, 0.25],
    ),
  ],
};

test('every sentence has examples, and every example a sentence', () => {
  for (const start of Object.keys(examples))
    expect(
      sentences.filter((sentence) => sentence.startsWith(start)),
      start,
    ).toHaveLength(1);
  const bare = sentences.filter(
    (sentence) => !Object.keys(examples).some((start) => sentence.startsWith(start)),
  );
  expect(bare).toEqual([]);
});

const ways = [
  { device: 'reference', isJitted: false },
  { device: 'cpu', isJitted: false },
  { device: 'cpu', isJitted: true },
] as const;

test('the maximum of nothing', () => {
  expect(() => f32([]).max()).toThrow('there is no maximum');
  expect(() => i32([]).min()).toThrow('there is no minimum');
});

describe.each(ways)('on $device, jitted: $isJitted', ({ device, isJitted }) => {
  computeOn(device);
  test.each(Object.entries(examples))('%s', (_, list) => {
    const compute = (...given: Tensor[]): Tensor[] => {
      let next = 0;
      return list.map(({ given: own, f }) => {
        const mine = given.slice(next, next + own.length);
        next += own.length;
        return f(...mine);
      });
    };
    // One program for all examples of a sentence: native code compiles for a while.
    const results = (isJitted ? jit(compute) : compute)(...list.flatMap(({ given }) => given));
    list.forEach(({ gives, dtype, f }, i) => {
      expect(results[i].toArray(), String(f)).toEqual(gives);
      if (dtype !== undefined) expect(results[i].dtype, String(f)).toBe(dtype);
    });
  });
});
