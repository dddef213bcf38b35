import { describe, expect, test, vi } from 'vitest';
import {
  checkNumerics,
  concat,
  type DType,
  debug,
  fromBits,
  grad,
  hessian,
  jit,
  jvp,
  linalg,
  NumericsError,
  ones,
  random,
  scan,
  Tensor,
  tensor,
  Variable,
  valueAndGrad,
  vmap,
  where,
  whileLoop,
  zeros,
} from '../../src/index.ts';
import { expectClose } from '../support/close.ts';
import { Dice } from '../support/dice.ts';

const kinds = ['float16', 'bfloat16'] as const;
type Half = (typeof kinds)[number];

/** Bits of exponent and fraction. */
const format = { float16: [5, 10], bfloat16: [8, 7] } as const;

/** The value of a bit pattern, from the definition of IEEE 754. */
function valueBehind(kind: Half, bits: number): number {
  const [e, f] = format[kind];
  const bias = 2 ** (e - 1) - 1;
  const sign = bits >> 15 ? -1 : 1;
  const exponent = (bits >> f) & (2 ** e - 1);
  const fraction = (bits & (2 ** f - 1)) / 2 ** f;
  if (exponent === 2 ** e - 1) return fraction === 0 ? sign * Infinity : NaN;
  return sign * (exponent === 0 ? fraction * 2 ** (1 - bias) : (1 + fraction) * 2 ** (exponent - bias));
}

const everything = Uint16Array.from({ length: 65536 }, (_, i) => i);
const valuesOf = (kind: Half): Float32Array =>
  Float32Array.from(everything, (bits) => valueBehind(kind, bits));
const ladders = { float16: valuesOf('float16'), bfloat16: valuesOf('bfloat16') };

/** The bits nearest to a number, by search in the values of all bits: ties to the even one. */
function nearest(kind: Half, x: number): number {
  const ladder = ladders[kind];
  if (Number.isNaN(x)) return kind === 'float16' ? 0x7e00 : 0x7fc0;
  const sign = x < 0 || Object.is(x, -0) ? 0x8000 : 0;
  const size = Math.abs(x);
  const [e, f] = format[kind];
  const infinity = (2 ** e - 1) << f;
  // Past the last number comes what would be the next one, if exponents went on: from the middle on it is infinity.
  const step = (i: number): number => (i === infinity ? 2 ** (2 ** (e - 1)) : ladder[i]);
  let [low, high] = [0, infinity];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (step(middle) <= size) low = middle;
    else high = middle;
  }
  if (size >= step(infinity)) return sign | infinity;
  const [below, above] = [size - step(low), step(high) - size];
  return sign | (below < above || (below === above && low % 2 === 0) ? low : high);
}

/** Numbers at which rounding may go wrong: around every tie, subnormal, largest and smallest ones, and anywhere. */
function trials(kind: Half): Float32Array {
  const ladder = ladders[kind];
  const [e, f] = format[kind];
  const infinity = (2 ** e - 1) << f;
  const list: number[] = [
    0,
    -0,
    Infinity,
    -Infinity,
    NaN,
    65519.996,
    65520,
    65504,
    1e38,
    3.4028234663852886e38,
  ];
  const word = new Int32Array(1);
  const float = new Float32Array(word.buffer);
  for (let i = 0; i < infinity; i++) {
    float[0] =
      i + 1 === infinity ? ladder[i] + (ladder[i] - ladder[i - 1]) / 2 : (ladder[i] + ladder[i + 1]) / 2;
    const middle = word[0];
    for (const shift of [-1, 0, 1]) {
      word[0] = middle + shift;
      list.push(i % 2 === 0 ? float[0] : -float[0]);
    }
  }
  const dice = new Dice(5);
  for (let i = 0; i < 20_000; i++) {
    word[0] = dice.between(-(2 ** 31), 2 ** 31 - 1);
    list.push(float[0]);
  }
  for (let i = 1; i < 200; i++)
    list.push(i * 2 ** -149, 2 ** -24 / i, 2 ** -133 / i, 2 ** -14 - i * 2 ** -37);
  return Float32Array.from(list);
}

describe.each(kinds)('%s', (dtype) => {
  test('every bit pattern has its value, and comes back from it', () => {
    const half = fromBits(everything, { dtype });
    const values = valuesOf(dtype);
    expect(half.dataSync()).toEqual(values);
    const float = jit((x: Tensor) => x.cast('float32'))(half);
    expect(float.dtype).toBe('float32');
    expect(float.dataSync()).toEqual(values);
    const back = jit((x: Tensor) => x.cast(dtype))(float);
    const isNumber = (i: number) => !Number.isNaN(values[i]);
    const expected = everything.map((bits, i) =>
      isNumber(i) ? bits : dtype === 'float16' ? 0x7e00 : 0x7fc0,
    );
    expect(back.bits()).toEqual(expected);
    // There and back in one kernel, and on one by one in odd positions.
    expect(jit((x: Tensor) => x.cast('float32').cast(dtype))(half).bits()).toEqual(expected);
  });

  test('views keep every bit, of NaNs too', () => {
    const half = fromBits(everything, { dtype, shape: [256, 256] });
    const turned = jit((x: Tensor) => x.transpose())(half).bits();
    expect(turned).toEqual(everything.map((_, i) => (i % 256) * 256 + (i >> 8)));
    const joined = jit((x: Tensor) => concat([x.reshape([-1]), x.reshape([-1]).slice([0, 3])]))(half);
    expect(joined.dtype).toBe(dtype);
    expect(joined.bits().subarray(65530)).toEqual(
      Uint16Array.of(65530, 65531, 65532, 65533, 65534, 65535, 0, 1, 2),
    );
  });

  test('float32 is rounded to the nearest, ties to even', () => {
    const numbers = trials(dtype);
    const expected = Uint16Array.from(numbers, (x) => nearest(dtype, x));
    expect(tensor(numbers, { dtype }).bits()).toEqual(expected);
    const cast = (x: Tensor) => x.cast(dtype);
    expect(jit(cast)(tensor(numbers)).bits()).toEqual(expected);
    expect(cast(tensor(numbers)).bits()).toEqual(expected);
    // A vector holds some of them, the rest is done one by one.
    expect(jit(cast)(tensor(numbers.slice(0, 37))).bits()).toEqual(expected.slice(0, 37));
  });

  test('casts to and from every dtype', () => {
    const numbers = [0, 1, -2, 3.75, 100, -0.4, 300];
    const half = tensor(numbers, { dtype });
    const read = (to: DType) => jit((x: Tensor) => x.cast(to))(half).toArray();
    expect(read('int32')).toEqual([0, 1, -2, 3, 100, 0, 300]);
    expect(read('uint32')).toEqual([0, 1, 0, 3, 100, 0, 300]);
    expect(read('bool')).toEqual([false, true, true, true, true, true, true]);
    expect(read('float64')).toEqual(half.toArray());
    for (const from of ['int32', 'uint32', 'float64', 'bool'] as const) {
      const given = tensor([0, 1, 77, 1000], { dtype: from });
      const expected = given.toArray() as (number | boolean)[];
      expect(jit((x: Tensor) => x.cast(dtype))(given).toArray()).toEqual(
        expected.map((x) => valueBehind(dtype, nearest(dtype, Number(x)))),
      );
    }
    const other = dtype === 'float16' ? 'bfloat16' : 'float16';
    expect(jit((x: Tensor) => x.cast(other))(half).bits()).toEqual(
      Uint16Array.from(half.dataSync(), (x) => nearest(other, x)),
    );
  });

  test('computing gives float32', () => {
    const a = tensor([1, 2, 3, 4], { dtype });
    const b = tensor([0.5, 0.25, 4, 8], { dtype });
    const f = (x: Tensor, y: Tensor) => [
      x.add(y),
      x.mul(2),
      x.mul(1),
      x.div(y),
      x.neg(),
      x.exp(),
      x.floor(),
      x.sum(),
      x.max(),
      x.mean(),
      x.reshape([2, 2]).matmul(y.reshape([2, 2])),
      x.mul(tensor([1, 2, 3, 4])),
    ];
    const float = (x: Tensor) => x.cast('float32');
    const results = jit(f)(a, b);
    const expected = jit(f)(float(a), float(b));
    results.forEach((x, i) => {
      expect(x.dtype, String(i)).toBe('float32');
      expect(x.dataSync()).toEqual(expected[i].dataSync());
    });
    expect(a.add(tensor([1, 2, 3, 4], { dtype: 'float64' })).dtype).toBe('float64');
    expect(a.lt(b).toArray()).toEqual([false, false, true, true]);
    expect(a.eq(1).toArray()).toEqual([true, false, false, false]);
    expect(a.argmax().item()).toBe(3);
  });

  test('products in tiles, whose packing widens', () => {
    const [a, b] = [random.normal([70, 50]), random.normal([50, 90])].map((x) => x.cast(dtype));
    const product = jit((x: Tensor, y: Tensor) => x.matmul(y));
    const expected = product(a.cast('float32'), b.cast('float32'));
    expectClose(product(a, b).dataSync(), expected.dataSync(), { atol: 1e-4 });
  });

  test('a variable holds it, and jit updates it', () => {
    const state = new Variable(zeros([3], { dtype }));
    const step = jit((x: Tensor) => {
      state.value = state.value.add(x).cast(dtype);
      return state.value.sum();
    });
    for (let i = 0; i < 3; i++) step(tensor([0.5, 1, 2]));
    expect(state.value.dtype).toBe(dtype);
    expect(state.value.toArray()).toEqual([1.5, 3, 6]);
  });

  test('moving keeps the dtype', () => {
    const x = tensor(
      [
        [1, 2, 3],
        [4, 5, 6],
      ],
      { dtype },
    );
    const y = zeros([2, 3], { dtype });
    const mask = tensor([
      [true, false, true],
      [false, true, false],
    ]);
    const f = (a: Tensor, b: Tensor, m: Tensor) => [
      where(m, a, b),
      where(m, a, 0.5),
      a.transpose(),
      concat([a, b]),
      a.slice(null, [0, 2]),
      a.pad([
        [1, 0],
        [0, 1],
      ]),
      a.take([1, 0, 1]),
    ];
    const float = (a: Tensor) => a.cast('float32');
    const expected = f(float(x), float(y), mask);
    jit(f)(x, y, mask).forEach((result, i) => {
      expect(result.dtype, String(i)).toBe(dtype);
      expect(result.toArray()).toEqual(expected[i].toArray());
    });
    expect(where(mask, x, float(x)).dtype).toBe('float32');
    expect(concat([x, float(x)]).dtype).toBe('float32');
  });

  test('gradients have the dtype of what they are taken by', () => {
    const x = tensor([1, 2, 3], { dtype });
    const f = (a: Tensor) => a.mul(a).sum();
    const [value, slope] = jit(valueAndGrad(f))(x);
    expect(value.item()).toBe(14);
    expect(slope.dtype).toBe(dtype);
    expect(slope.toArray()).toEqual([2, 4, 6]);
    // Through a cast, from float32 to float32.
    const through = grad((a: Tensor) => a.cast(dtype).mul(3).sum())(tensor([1, 2]));
    expect(through.dtype).toBe('float32');
    expect(through.toArray()).toEqual([3, 3]);
    // Used twice as it is stored, and spread.
    const twice = grad((a: Tensor) =>
      concat([a, a])
        .add(a.reshape([3, 1]))
        .sum(),
    )(x);
    expect(twice.dtype).toBe(dtype);
    expect(twice.toArray()).toEqual([12, 12, 12]);
  });

  test('what people see', () => {
    const x = tensor([1.5, -2], { dtype });
    expect(String(x)).toBe(`tensor([ 1.5, -2.0], ${dtype})`);
    expect(x.slice([0, 1]).item()).toBe(1.5);
    expect(ones([2], { dtype }).bits()).toEqual(Uint16Array.from([1, 1], (n) => nearest(dtype, n)));
    expect(() => tensor([1]).bits()).toThrow(/bits: is for float16 and bfloat16, got float32/);
    expect(() => fromBits(new Uint16Array(3), { dtype, shape: [2] })).toThrow(/3 elements do not fill/);
    expect(() => fromBits(new Uint16Array(3), { dtype: 'float32' as Half })).toThrow(/use tensor\(\)/);
  });
});

test('every method takes half precision as it takes the float32 of the same values', () => {
  const names = new Set<string>();
  for (let level: object = Tensor.prototype; level !== Object.prototype; level = Object.getPrototypeOf(level))
    for (const name of Object.getOwnPropertyNames(level)) names.add(name);
  for (const name of ['constructor', 'dispose', 'bits', 'dtype', 'node', 'self', 'wrap', 'print', 'toString'])
    names.delete(name);
  const half = tensor(
    [
      [4.5, 1, 3],
      [1, 6, 2],
      [3, 2, 5],
    ],
    { dtype: 'float16' },
  );
  const float = half.cast('float32');
  const call = (x: Tensor, name: string, given: readonly unknown[]): unknown => {
    const member: unknown = Reflect.get(x, name);
    return typeof member === 'function' ? member.apply(x, given) : member;
  };
  const numbers = (value: unknown): number[] => {
    if (value instanceof Tensor) return [...value.dataSync()];
    if (ArrayBuffer.isView(value)) return [...(value as Float32Array)];
    if (typeof value === 'object' && value !== null) return Object.values(value).flatMap(numbers);
    return typeof value === 'number' ? [value] : [];
  };
  let compared = 0;
  for (const name of names)
    for (const [ofHalf, ofFloat] of [
      [[], []],
      [[1], [1]],
      [[half], [float]],
      [[0.5], [0.5]],
      [[[3, 3]], [[3, 3]]],
    ]) {
      let expected: unknown;
      try {
        expected = call(float, name, ofFloat);
      } catch {
        continue; // It takes other arguments.
      }
      if (expected instanceof Promise) continue;
      const actual = call(half, name, ofHalf);
      const isMoved = actual instanceof Tensor && actual.dtype === 'float16';
      if (expected instanceof Tensor && actual instanceof Tensor && !isMoved)
        expect(actual.dtype, name).toBe(expected.dtype);
      expectClose(numbers(actual), numbers(expected), { rtol: 1e-5, atol: 1e-5 }, name);
      compared++;
    }
  expect(compared).toBeGreaterThan(200);
});

test('transforms and control flow carry half precision as it is', () => {
  const x = tensor(
    [
      [1, 2],
      [3, 4],
    ],
    { dtype: 'float16' },
  );
  const seen = (value: Tensor) => [value.dtype, value.toArray()];
  expect(seen(vmap((row: Tensor) => row.flip())(x))).toEqual([
    'float16',
    [
      [2, 1],
      [4, 3],
    ],
  ]);
  expect(seen(vmap(grad((row: Tensor) => row.mul(row).sum()))(x))).toEqual([
    'float16',
    [
      [2, 4],
      [6, 8],
    ],
  ]);
  const product = (rows: Tensor) =>
    scan(
      (c: Tensor, row: Tensor): [Tensor, Tensor] => [c.mul(row).cast('float16'), c],
      ones([2], { dtype: 'float16' }),
      rows,
    );
  expect(product(x).map(seen)).toEqual([
    ['float16', [3, 8]],
    [
      'float16',
      [
        [1, 1],
        [1, 2],
      ],
    ],
  ]);
  expect(seen(grad((rows: Tensor) => product(rows)[0].sum())(x))).toEqual([
    'float16',
    [
      [3, 4],
      [1, 2],
    ],
  ]);
  const grown = jit((a: Tensor) =>
    whileLoop(
      (c: Tensor) => c.sum().lt(100),
      (c: Tensor) => c.mul(2).cast('float16'),
      a,
    ),
  );
  expect(seen(grown(x))).toEqual([
    'float16',
    [
      [16, 32],
      [48, 64],
    ],
  ]);
  const [value, change] = jvp((a: Tensor) => a.transpose().mul(3), [x], [x]);
  expect(seen(value)).toEqual([
    'float32',
    [
      [3, 9],
      [6, 12],
    ],
  ]);
  expect(seen(change)).toEqual([
    'float32',
    [
      [3, 9],
      [6, 12],
    ],
  ]);
  expect(seen(hessian((a: Tensor) => a.mul(a).mul(a).sum())(x.at(0)))).toEqual([
    'float16',
    [
      [6, 0],
      [0, 12],
    ],
  ]);
  expect(linalg.det(x).dtype).toBe('float32');
});

test('a dtype that does not exist is refused', () => {
  for (const make of [
    () => tensor([1]).cast('float8' as DType),
    () => zeros([2], { dtype: 'int64' as DType }),
    () => tensor([1], { dtype: 'half' as DType }),
  ])
    expect(make).toThrow(/there is no dtype '(float8|int64|half)'; dtypes are float32, .*bfloat16/);
});

test('printing and checking for NaN see values, not bits', () => {
  const lines: string[] = [];
  const log = vi.spyOn(console, 'log').mockImplementation((line) => void lines.push(line));
  debug.print('{}', tensor([1.5], { dtype: 'bfloat16' }));
  log.mockRestore();
  expect(lines).toEqual(['tensor([1.5], bfloat16)']);
  const overflow = checkNumerics((x: Tensor) => x.cast('float16').mul(1));
  expect(() => overflow(tensor([1e6]))).toThrow(NumericsError);
  expect(overflow(tensor([2])).toArray()).toEqual([2]);
});

test('double precision and integers become halves by way of float32', () => {
  // Nearer to 1 + 2^-10 than to 1, but as a float32 it is the tie between them, which goes to the even one.
  const x = 1 + 2 ** -11 + 2 ** -40;
  expect(tensor([x], { dtype: 'float64' }).cast('float16').item()).toBe(1);
  expect(tensor([x], { dtype: 'float16' }).item()).toBe(1);
});
