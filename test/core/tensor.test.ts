import { describe, expect, test } from 'vitest';
import {
  arange,
  concat,
  type DType,
  einsum,
  eye,
  full,
  grad,
  linspace,
  ones,
  onesLike,
  random,
  stack,
  type Tensor,
  tensor,
  Variable,
  where,
  zeros,
  zerosLike,
} from '../../src/index.ts';
import { expectClose } from '../support/close.ts';

const int = (data: number[] | number[][]): Tensor => tensor(data, { dtype: 'int32' });
const list = (x: Tensor): number[] => [...x.dataSync()];

describe('creation', () => {
  test('from numbers and nested arrays: float32', () => {
    const x = tensor([
      [1, 2, 3],
      [4, 5, 6],
    ]);
    expect([x.dtype, x.shape, x.size, x.ndim]).toEqual(['float32', [2, 3], 6, 2]);
    expect(x.toArray()).toEqual([
      [1, 2, 3],
      [4, 5, 6],
    ]);
    expect(tensor(5).shape).toEqual([]);
    expect(tensor(0.1).item()).toBe(Math.fround(0.1));
    expect(tensor(0.1, { dtype: 'float64' }).item()).toBe(0.1);
  });

  test('booleans make bool, mixed with numbers they count', () => {
    expect(tensor([true, false]).dtype).toBe('bool');
    expect(tensor([true, false]).toArray()).toEqual([true, false]);
    expect(tensor(true).item()).toBe(1);
    expect(tensor([true, 2]).dtype).toBe('float32');
    expect(tensor([0, 2, -1], { dtype: 'bool' }).toArray()).toEqual([false, true, true]);
  });

  test.each([
    [new Float32Array([1]), 'float32'],
    [new Float64Array([1]), 'float64'],
    [new Int32Array([1]), 'int32'],
    [new Uint32Array([1]), 'uint32'],
    [new Uint8Array([1]), 'int32'],
  ] as const)('typed arrays keep their type: %o', (data, dtype) => {
    expect(tensor(data).dtype).toBe(dtype);
  });

  test('typed arrays are copied, with a shape on request', () => {
    const data = new Float32Array([1, 2, 3, 4]);
    const x = tensor(data, { shape: [2, 2] });
    data[0] = 99;
    expect(x.toArray()).toEqual([
      [1, 2],
      [3, 4],
    ]);
  });

  test('what is read is a copy', () => {
    const x = tensor([1, 2]);
    x.dataSync()[0] = 99;
    expect(list(x)).toEqual([1, 2]);
  });

  test('nothing has a shape too', () => {
    expect(tensor([]).shape).toEqual([0]);
    expect(tensor([[], []]).shape).toEqual([2, 0]);
    expect(zeros([3, 0, 2]).toArray()).toEqual([[], [], []]);
  });

  test.each([
    [() => tensor([[1, 2], [3]]), /ragged: axis 1 has 2 elements in one place and 1 in another/],
    [() => tensor([1, [2]]), /ragged/],
    [() => tensor([[1], 2]), /ragged: a number stands where axis 1 should go on/],
    [() => tensor(['a'] as never), /elements must be numbers or booleans, got string/],
    [() => tensor([null] as never), /elements must be numbers or booleans, got object/],
    [() => tensor([1, 2, 3], { shape: [2, 2] }), /3 elements do not fill the shape \[2, 2\]/],
    [
      () => tensor([1], { dtype: 'float8' as DType }),
      /there is no dtype 'float8'; dtypes are float32, float64/,
    ],
    [() => zeros([-1]), /zeros: a shape is a list of integers from 0 on, got \[-1\]/],
    [() => zeros([1.5]), /a list of integers from 0 on, got \[1.5\]/],
  ])('refused: %s', (make, message) => {
    expect(make).toThrow(message);
  });

  test('full, zeros, ones and their likes', () => {
    expect(full([2], 1.5).toArray()).toEqual([1.5, 1.5]);
    expect(full([2], true).dtype).toBe('bool');
    expect(full([2], 7, { dtype: 'bool' }).logicalNot().toArray()).toEqual([false, false]);
    expect(list(full([1], -1, { dtype: 'uint32' }))).toEqual([2 ** 32 - 1]);
    const x = int([1, 2, 3]);
    expect([zerosLike(x).dtype, list(onesLike(x))]).toEqual(['int32', [1, 1, 1]]);
    expect(ones([2], { dtype: 'float64' }).dtype).toBe('float64');
  });

  test('arange', () => {
    expect(list(arange(4))).toEqual([0, 1, 2, 3]);
    expect(arange(4).dtype).toBe('int32');
    expect(list(arange(2, 11, 3))).toEqual([2, 5, 8]);
    expect(list(arange(5, 0, -2))).toEqual([5, 3, 1]);
    expect(list(arange(3, 3))).toEqual([]);
    expect(list(arange(3, 0))).toEqual([]);
    expectClose(arange(0, 1, 0.25).dataSync(), [0, 0.25, 0.5, 0.75]);
    expect(arange(0, 1, 0.25).dtype).toBe('float32');
    expect(arange(3, undefined, 1, { dtype: 'float64' }).dtype).toBe('float64');
    expect(() => arange(0, 5, 0)).toThrow(/cannot go from 0 to 5 by 0/);
    expect(() => arange(0, Infinity)).toThrow(/cannot go/);
  });

  test('linspace has both ends exactly, for any count', () => {
    for (let n = 2; n < 120; n++) {
      for (const [from, to] of [
        [0, 1],
        [-1, 3],
        [5, -2.5],
      ]) {
        const x = linspace(from, to, n).dataSync();
        expect(x.length).toBe(n);
        expect([x[0], x[n - 1]]).toEqual([from, to]);
        expectClose(
          x,
          Array.from({ length: n }, (_, i) => from + ((to - from) * i) / (n - 1)),
          { atol: 1e-6 },
        );
      }
    }
    expect(list(linspace(3, 9, 1))).toEqual([3]);
    expect(list(linspace(3, 9, 0))).toEqual([]);
    expect(linspace(0, 10, 5, { dtype: 'int32' }).toArray()).toEqual([0, 2, 5, 7, 10]);
    expect(linspace(0, 1, 5, { dtype: 'float64' }).dtype).toBe('float64');
    expect(() => linspace(0, 1, 2.5)).toThrow(/count must be an integer >= 0, got 2.5/);
  });

  test('eye', () => {
    expect(eye(2, 3).toArray()).toEqual([
      [1, 0, 0],
      [0, 1, 0],
    ]);
    expect(eye(2, 3, { k: 1, dtype: 'int32' }).toArray()).toEqual([
      [0, 1, 0],
      [0, 0, 1],
    ]);
    expect(eye(3, 2, { k: -1 }).toArray()).toEqual([
      [0, 0],
      [1, 0],
      [0, 1],
    ]);
  });
});

describe('dtypes', () => {
  const made: Record<DType, Tensor> = {
    bool: tensor([true]),
    int32: int([1]),
    uint32: tensor([1], { dtype: 'uint32' }),
    float32: tensor([1]),
    float64: tensor([1], { dtype: 'float64' }),
    float16: tensor([1], { dtype: 'float16' }),
    bfloat16: tensor([1], { dtype: 'bfloat16' }),
  };

  test('sums of two arrays', () => {
    const expected: Record<string, string> = {
      'bool bool': 'int32',
      'bool int32': 'int32',
      'bool float32': 'float32',
      'int32 uint32': 'int32',
      'int32 float32': 'float32',
      'uint32 float32': 'float32',
      'float32 float64': 'float64',
      'int32 float64': 'float64',
    };
    for (const [pair, dtype] of Object.entries(expected)) {
      const [a, b] = pair.split(' ') as DType[];
      expect(made[a].add(made[b]).dtype, pair).toBe(dtype);
      expect(made[b].add(made[a]).dtype, pair).toBe(dtype);
    }
  });

  test('a JavaScript number takes the dtype of the array, unless it is a fraction that meets integers', () => {
    expect(made.float64.add(1).dtype).toBe('float64');
    expect(made.float32.add(1).dtype).toBe('float32');
    expect(made.float64.mul(0.1).item()).toBe(0.1);
    expect(made.int32.add(1).dtype).toBe('int32');
    expect(made.int32.add(1.5).dtype).toBe('float32');
    expect(made.uint32.add(2).dtype).toBe('uint32');
    expect(made.bool.add(1).dtype).toBe('int32');
    expect(made.bool.mul(0.5).item()).toBe(0.5);
  });

  test('division and functions of integers give float32; the rest stays', () => {
    expect(int([7]).div(2).item()).toBe(3.5);
    expect(int([7]).div(int([2])).dtype).toBe('float32');
    for (const f of ['exp', 'log', 'sin', 'sqrt', 'tanh', 'sigmoid', 'erf', 'reciprocal'] as const)
      expect(int([1])[f]().dtype, f).toBe('float32');
    for (const f of ['neg', 'abs', 'sign', 'relu', 'floor', 'ceil', 'round', 'square'] as const)
      expect(int([1])[f]().dtype, f).toBe('int32');
    expect(made.bool.neg().dtype).toBe('int32');
  });

  test('casts truncate and saturate; NaN becomes 0', () => {
    const x = tensor([1.9, -1.9, 3e9, -3e9, NaN, Infinity]);
    expect(list(x.cast('int32'))).toEqual([1, -1, 2 ** 31 - 1, -(2 ** 31), 0, 2 ** 31 - 1]);
    expect(list(x.cast('uint32'))).toEqual([1, 0, 3e9, 0, 0, 2 ** 32 - 1]);
    expect(tensor([0, 0.1, NaN, -0]).cast('bool').toArray()).toEqual([false, true, true, false]);
    expect(tensor([16777217], { dtype: 'float64' }).cast('float32').item()).toBe(16777216);
  });

  test('integers wrap at 32 bits', () => {
    expect(list(int([2 ** 31 - 1]).add(1))).toEqual([-(2 ** 31)]);
    expect(list(int([65536, 123456789]).mul(int([65536, 987654321])))).toEqual([
      0,
      Math.imul(123456789, 987654321),
    ]);
    expect(list(tensor([0], { dtype: 'uint32' }).sub(1))).toEqual([2 ** 32 - 1]);
    expect(
      int([2 ** 31 - 1, 1])
        .sum()
        .item(),
    ).toBe(-(2 ** 31));
  });
});

describe('elementwise', () => {
  test('broadcasting', () => {
    const column = tensor([[10], [20]]);
    expect(column.add(tensor([1, 2, 3])).toArray()).toEqual([
      [11, 12, 13],
      [21, 22, 23],
    ]);
    expect(zeros([4, 1, 3]).add(ones([2, 1])).shape).toEqual([4, 2, 3]);
    expect(zeros([0, 3]).add(ones([1, 3])).shape).toEqual([0, 3]);
    expect(zeros([0]).add(ones([1])).shape).toEqual([0]);
    expect(() => zeros([2, 3]).add(zeros([2]))).toThrow(
      'add: shapes [2, 3] and [2] do not broadcast; aligned at the right, extents must be equal or 1',
    );
    expect(() => zeros([0]).add(zeros([3]))).toThrow(/do not broadcast/);
  });

  test('floor division and remainder have the sign of the divisor, as in Python', () => {
    const a = [7, -7, 7, -7, 6, 0];
    const b = [3, 3, -3, -3, -3, 5];
    const expectedQuotient = [2, -3, -3, 2, -2, 0];
    const expectedRest = [1, 2, -2, -1, 0, 0];
    expect(list(int(a).floorDivide(int(b)))).toEqual(expectedQuotient);
    expect(list(int(a).mod(int(b)))).toEqual(expectedRest);
    expect(list(tensor(a).floorDivide(tensor(b)))).toEqual(expectedQuotient);
    expect(list(tensor(a).mod(tensor(b))).map((v) => v + 0)).toEqual(expectedRest);
    expect(list(int([5, -5]).floorDivide(0))).toEqual([0, 0]);
    expect(list(int([5]).mod(0))).toEqual([0]);
  });

  test('powers', () => {
    expect(list(tensor([-2, 3]).pow(2))).toEqual([4, 9]);
    expect(list(tensor([-2, 3]).pow(3))).toEqual([-8, 27]);
    expect(list(tensor([4, 9]).pow(0.5))).toEqual([2, 3]);
    expect(list(int([2, -3]).pow(3))).toEqual([8, -27]);
    expect(int([2]).pow(0.5).dtype).toBe('float32');
    expect(list(tensor([0, 2]).pow(tensor([0, -1])))).toEqual([1, 0.5]);
  });

  test('NaN goes through arithmetic and extremes, and compares false', () => {
    const x = tensor([NaN, 1]);
    expect(list(x.maximum(0))).toEqual([NaN, 1]);
    expect(list(x.minimum(tensor([0, NaN])))).toEqual([NaN, NaN]);
    expect(list(x.relu())).toEqual([NaN, 1]);
    expect(list(x.clip(0, 0.5))).toEqual([NaN, 0.5]);
    expect(x.eq(x).toArray()).toEqual([false, true]);
    expect(x.ne(x).toArray()).toEqual([true, false]);
    expect(x.lt(2).toArray()).toEqual([false, true]);
    expect(x.ge(0).toArray()).toEqual([false, true]);
    expect(list(x.mul(0))).toEqual([NaN, 0]);
  });

  test('comparisons and logic', () => {
    const x = tensor([1, 2, 3]);
    expect(x.gt(2).toArray()).toEqual([false, false, true]);
    expect(x.ge(2).toArray()).toEqual([false, true, true]);
    expect(x.le(tensor([3, 2, 1])).toArray()).toEqual([true, true, false]);
    expect(x.gt(1).logicalAnd(x.lt(3)).toArray()).toEqual([false, true, false]);
    expect(x.eq(1).logicalOr(x.eq(3)).toArray()).toEqual([true, false, true]);
    expect(x.eq(1).logicalNot().toArray()).toEqual([false, true, true]);
    expect(x.logicalAnd(tensor([0, 5, 0])).toArray()).toEqual([false, true, false]);
  });

  test('rounding: half to even', () => {
    expect(list(tensor([0.5, 1.5, 2.5, -0.4, -1.5]).round()).map((v) => v + 0)).toEqual([0, 2, 2, 0, -2]);
  });

  test('clip is the identity between its bounds, both included, to its derivative too', () => {
    const x = tensor([-1, 0, 0.5, 1, 2]);
    expect(list(x.clip(0, 1))).toEqual([0, 0, 0.5, 1, 1]);
    expect(list(x.clip(null, 1))).toEqual([-1, 0, 0.5, 1, 1]);
    expect(list(grad((v: Tensor) => v.clip(0, 1).sum())(x))).toEqual([0, 1, 1, 1, 0]);
  });

  test('where', () => {
    const x = tensor([1, 2, 3]);
    expect(list(where(x.gt(1), x, 0))).toEqual([0, 2, 3]);
    expect(where(tensor([[true], [false]]), x, x.neg()).toArray()).toEqual([
      [1, 2, 3],
      [-1, -2, -3],
    ]);
    expect(where(tensor([true, false]), 1, 0).dtype).toBe('float32');
    expect(where(tensor([true, false]), int([1, 1]), 0.5).toArray()).toEqual([1, 0.5]);
    expect(list(x.where(x.lt(3), -1))).toEqual([1, 2, -1]);
  });

  test.each([
    [undefined, /operands are arrays, numbers or booleans, got undefined/],
    [null, /got null/],
    ['2', /got 2/],
    [[1, 2], /got Array; .*tensor\(\) for numbers and JavaScript arrays/],
    [new Variable(zeros([2])), /got Variable; use the value of a Variable/],
  ])('an operand that is none: %o', (operand, message) => {
    expect(() => zeros([2]).add(operand as never)).toThrow(message);
    expect(() => where(zeros([2]), operand as never, 1)).toThrow(message);
  });
});

describe('reductions', () => {
  const x = tensor([
    [1, 2, 3],
    [4, 5, 6],
  ]);

  test('over all, one, several axes; negative axes; kept axes', () => {
    expect(x.sum().item()).toBe(21);
    expect(x.sum().shape).toEqual([]);
    expect(list(x.sum(0))).toEqual([5, 7, 9]);
    expect(list(x.sum(-1))).toEqual([6, 15]);
    expect(x.sum([0, 1]).item()).toBe(21);
    expect(x.sum([1, 0], { keepDims: true }).shape).toEqual([1, 1]);
    expect(x.max(1, { keepDims: true }).toArray()).toEqual([[3], [6]]);
    expect(list(x.min(0))).toEqual([1, 2, 3]);
    expect(list(x.prod(1))).toEqual([6, 120]);
    expect(list(x.mean(0))).toEqual([2.5, 3.5, 4.5]);
    expect(list(x.sum([]))).toEqual(list(x));
  });

  test('the mean of ones is one, for any count', () => {
    for (let n = 1; n < 300; n++) expect(ones([n]).mean().item(), `n ${n}`).toBe(1);
  });

  test('variance and deviation', () => {
    expectClose(x.var(1).dataSync(), [2 / 3, 2 / 3], { rtol: 1e-6 });
    expectClose(x.var(1, { correction: 1 }).dataSync(), [1, 1], { rtol: 1e-6 });
    expect(x.std(undefined, { keepDims: true }).shape).toEqual([1, 1]);
    expect(tensor([5]).var(0, { correction: 1 }).item()).toBe(NaN);
  });

  test('bools count; all and any', () => {
    const b = x.gt(2);
    expect([b.sum().dtype, b.sum().item()]).toEqual(['int32', 4]);
    expect(b.mean().item()).toBeCloseTo(2 / 3, 6);
    expect(b.all(1).toArray()).toEqual([false, true]);
    expect(b.any(1).toArray()).toEqual([true, true]);
    expect(zeros([0]).all().item()).toBe(1);
    expect(zeros([0]).any().item()).toBe(0);
  });

  test('nothing: sum 0, product 1, mean NaN, no maximum', () => {
    const none = zeros([0, 3]);
    expect(list(none.sum(0))).toEqual([0, 0, 0]);
    expect(list(none.prod(0))).toEqual([1, 1, 1]);
    expect(none.sum(1).shape).toEqual([0]);
    expect(list(none.mean(0))).toEqual([NaN, NaN, NaN]);
    expect(none.max(1).shape).toEqual([0]);
    expect(() => none.max(0)).toThrow('max: axis 0 of [0, 3] is empty: there is no maximum');
    expect(() => none.argmin()).toThrow(/argmin: \[0, 3\] is empty/);
  });

  test('NaN wins extremes', () => {
    const y = tensor([
      [1, NaN, 3],
      [1, 5, 5],
    ]);
    expect(list(y.max(1))).toEqual([NaN, 5]);
    expect(list(y.argmax(1))).toEqual([1, 1]);
    expect(list(y.argmin(1))).toEqual([1, 0]);
    expect(y.sum().item()).toBe(NaN);
  });

  test('argmax: the first one, int32, over the flattened array without an axis', () => {
    expect(x.argmax().item()).toBe(5);
    expect(x.argmax().dtype).toBe('int32');
    expect(list(tensor([3, 1, 3]).argmax(0))).toEqual([0]);
    expect(x.argmin(0, { keepDims: true }).shape).toEqual([1, 3]);
  });

  test('axes that do not exist or repeat', () => {
    expect(() => x.sum(2)).toThrow('axis 2 does not exist in an array of rank 2');
    expect(() => x.sum(-3)).toThrow(/axis -3/);
    expect(() => x.mean(0.5)).toThrow(/axis 0.5/);
    expect(() => x.sum([0, -2])).toThrow(/named twice/);
    expect(() => tensor(1).softmax()).toThrow(/axis -1 does not exist in an array of rank 0/);
  });

  test('softmax, logSoftmax and logsumexp do not overflow', () => {
    const big = tensor([
      [1000, 1000, -1000],
      [-1000, -1000, -1000],
    ]);
    expect(big.softmax().toArray()).toEqual([
      [0.5, 0.5, 0],
      [Math.fround(1 / 3), Math.fround(1 / 3), Math.fround(1 / 3)],
    ]);
    expectClose(big.logsumexp(1).dataSync(), [1000 + Math.LN2, -1000 + Math.log(3)], { rtol: 1e-6 });
    expectClose(big.logSoftmax().dataSync().slice(0, 2), [-Math.LN2, -Math.LN2], { rtol: 1e-6 });
    expect(list(tensor([-Infinity, -Infinity]).logsumexp())).toEqual([-Infinity]);
    expect(list(tensor([Infinity, 1]).logsumexp())).toEqual([Infinity]);
    expect(big.logsumexp(1, { keepDims: true }).shape).toEqual([2, 1]);
    expect(tensor(3).logsumexp().item()).toBe(3);
    expect(list(tensor([0, -Infinity]).softmax())).toEqual([1, 0]);
  });
});

describe('views', () => {
  const x = arange(24).reshape([2, 3, 4]);

  test('reshape', () => {
    expect(x.reshape([4, -1]).shape).toEqual([4, 6]);
    expect(x.reshape([-1]).shape).toEqual([24]);
    expect(x.flatten().shape).toEqual([24]);
    expect(x.flatten(1).shape).toEqual([2, 12]);
    expect(x.flatten(0, 1).shape).toEqual([6, 4]);
    expect(tensor(1).flatten().shape).toEqual([1]);
    expect(tensor([5]).reshape([]).item()).toBe(5);
    expect(() => x.reshape([5, 5])).toThrow(
      'reshape: [2, 3, 4] has 24 elements and cannot become [5, 5]; at most one extent may be -1',
    );
    expect(() => x.reshape([-1, -1])).toThrow(/at most one/);
    expect(() => x.reshape([-1, 5])).toThrow(/cannot become/);
    expect(() => x.flatten(2, 1)).toThrow(/start axis 2 lies behind/);
  });

  test('transpose', () => {
    expect(x.T.shape).toEqual([4, 3, 2]);
    expect(x.transpose([0, 2, 1]).shape).toEqual([2, 4, 3]);
    expect(x.transpose([-1, 0, 1]).at(1).toArray()).toEqual([
      [1, 5, 9],
      [13, 17, 21],
    ]);
    expect(() => x.transpose([0, 1])).toThrow(/must name each of the 3 axes of \[2, 3, 4\] once/);
    expect(() => x.transpose([0, 1, 1])).toThrow(/once/);
  });

  test('slices are those of Python, for every start, end and step', () => {
    // Python's slice(start, end, step).indices(n), from its documentation.
    const python = (n: number, start: number | null, end: number | null, step: number): number[] => {
      const clamp = (i: number, low: number, high: number) =>
        Math.min(high, Math.max(low, i < 0 ? i + n : i));
      const out: number[] = [];
      if (step > 0) {
        const [from, to] = [start === null ? 0 : clamp(start, 0, n), end === null ? n : clamp(end, 0, n)];
        for (let i = from; i < to; i += step) out.push(i);
      } else {
        const from = start === null ? n - 1 : clamp(start, -1, n - 1);
        const to = end === null ? -1 : clamp(end, -1, n - 1);
        for (let i = from; i > to; i += step) out.push(i);
      }
      return out;
    };
    for (const n of [0, 1, 4]) {
      const line = arange(n);
      const positions = [null, -6, -4, -1, 0, 1, 3, 4, 6];
      for (const start of positions)
        for (const end of positions)
          for (const step of [-3, -2, -1, 1, 2, 3])
            expect(list(line.slice([start, end, step])), `${n}[${start}:${end}:${step}]`).toEqual(
              python(n, start, end, step),
            );
    }
  });

  test('slices of several axes; errors', () => {
    expect(x.slice([0, 1], null, [1, -1]).toArray()).toEqual([
      [
        [1, 2],
        [5, 6],
        [9, 10],
      ],
    ]);
    expect(x.slice([1, 2]).shape).toEqual([1, 3, 4]);
    expect(x.slice(null, [null, null, -1]).at(0).at(0).toArray()).toEqual([8, 9, 10, 11]);
    expect(() => x.slice([0, 2, 0])).toThrow(/step on axis 0 must be an integer other than 0, got 0/);
    expect(() => x.slice([0.5, 2])).toThrow(/positions on axis 0 must be integers or null, got 0.5/);
    expect(() => x.slice(null, null, null, null)).toThrow(/4 ranges for an array of shape \[2, 3, 4\]/);
  });

  test('at, flip, squeeze, unsqueeze, broadcastTo, pad', () => {
    expect(x.at(-1).shape).toEqual([3, 4]);
    expect(x.at(2, 1).at(1).toArray()).toEqual([20, 21, 22, 23]);
    expect(() => x.at(3, 1)).toThrow('at: index 3 is outside of axis 1 of [2, 3, 4]');
    expect(list(arange(3).flip())).toEqual([2, 1, 0]);
    expect(x.flip([0, 2]).at(0).at(0).toArray()).toEqual([15, 14, 13, 12]);
    expect(zeros([0, 2]).flip().shape).toEqual([0, 2]);
    expect(zeros([1, 3, 1]).squeeze().shape).toEqual([3]);
    expect(zeros([1, 3, 1]).squeeze(-1).shape).toEqual([1, 3]);
    expect(() => zeros([1, 3]).squeeze(1)).toThrow('squeeze: axis 1 of [1, 3] has extent 3, not 1');
    expect(zeros([3]).unsqueeze(0).shape).toEqual([1, 3]);
    expect(zeros([3]).unsqueeze(-1).shape).toEqual([3, 1]);
    expect(() => zeros([3]).unsqueeze(2)).toThrow(/axis 2/);
    expect(
      tensor([[1], [2]])
        .broadcastTo([2, 2])
        .toArray(),
    ).toEqual([
      [1, 1],
      [2, 2],
    ]);
    expect(() => zeros([3]).broadcastTo([2])).toThrow(/cannot become \[2\]/);
    expect(list(tensor([1, 2]).pad([[1, 2]], 9))).toEqual([9, 1, 2, 9, 9]);
    expect(list(tensor([1, 2, 3]).pad([[-1, 0]]))).toEqual([2, 3]);
    expect(() => tensor([1]).pad([])).toThrow(/0 widths for an array of shape \[1\]/);
  });

  test('take', () => {
    const rows = tensor([
      [1, 2],
      [3, 4],
      [5, 6],
    ]);
    expect(rows.take([2, 0, -1]).toArray()).toEqual([
      [5, 6],
      [1, 2],
      [5, 6],
    ]);
    expect(rows.take(int([[1], [0]]), 1).shape).toEqual([3, 2, 1]);
    expect(rows.take([]).shape).toEqual([0, 2]);
    expect(list(rows.take([99, -99]).at(0))).toEqual([5, 6]);
    expect(() => rows.take(tensor([0.5]))).toThrow(/indices must be integers, got float32/);
    expect(() => rows.take(tensor([true, false, true]))).toThrow(/indices must be integers, got bool/);
  });

  test('concat and stack', () => {
    expect(concat([zeros([1, 2]), ones([2, 2])]).toArray()).toEqual([
      [0, 0],
      [1, 1],
      [1, 1],
    ]);
    expect(concat([int([1]), tensor([1.5])]).dtype).toBe('float32');
    expect(concat([tensor([true]), tensor([false])]).dtype).toBe('bool');
    expect(concat([zeros([2, 0]), ones([2, 1])], -1).shape).toEqual([2, 1]);
    expect(stack([zeros([2]), ones([2])], -1).toArray()).toEqual([
      [0, 1],
      [0, 1],
    ]);
    expect(stack([tensor(1), tensor(2)]).toArray()).toEqual([1, 2]);
    expect(() => concat([])).toThrow(/at least one array/);
    expect(() => stack([])).toThrow(/at least one array/);
    expect(() => concat([zeros([2]), zeros([2, 2])])).toThrow(/must be equal but for axis 0/);
    expect(() => concat([tensor(1)])).toThrow(/axis 0 does not exist/);
  });

  test('argsort: stable, NaN last, along any axis', () => {
    expect(list(tensor([3, NaN, 1, 2, 1]).argsort())).toEqual([2, 4, 3, 0, 1]);
    const m = tensor([
      [3, 1],
      [2, 5],
      [1, 3],
    ]);
    expect(m.argsort(0).toArray()).toEqual([
      [2, 0],
      [1, 2],
      [0, 1],
    ]);
    expect(zeros([2, 0]).argsort().shape).toEqual([2, 0]);
  });

  test('rank 7', () => {
    const deep = arange(2 * 1 * 3 * 1 * 2 * 2 * 2).reshape([2, 1, 3, 1, 2, 2, 2]);
    const turned = deep.transpose([6, 5, 4, 3, 2, 1, 0]);
    expect(turned.shape).toEqual([2, 2, 2, 1, 3, 1, 2]);
    expect(turned.transpose().sub(deep).abs().max().item()).toBe(0);
    expect(deep.sum([0, 2, 4, 6]).shape).toEqual([1, 1, 2]);
  });
});

describe('products', () => {
  const naive = (a: number[][], b: number[][]): number[][] =>
    a.map((row) => b[0].map((_, j) => row.reduce((sum, v, k) => sum + v * b[k][j], 0)));

  test('matmul of matrices, vectors and batches', () => {
    const a = [
      [1, 2, 3],
      [4, 5, 6],
    ];
    const b = [
      [1, 0],
      [2, -1],
      [0, 3],
    ];
    expect(tensor(a).matmul(tensor(b)).toArray()).toEqual(naive(a, b));
    expect(
      tensor(a)
        .matmul(tensor([1, 1, 1]))
        .toArray(),
    ).toEqual([6, 15]);
    expect(tensor([1, 1]).matmul(tensor(a)).toArray()).toEqual([5, 7, 9]);
    expect(
      tensor([1, 2])
        .dot(tensor([3, 4]))
        .item(),
    ).toBe(11);
    expect(zeros([5, 2, 3]).matmul(zeros([3, 4])).shape).toEqual([5, 2, 4]);
    expect(zeros([5, 1, 2, 3]).matmul(zeros([6, 3, 4])).shape).toEqual([5, 6, 2, 4]);
    expect(
      zeros([2, 0])
        .matmul(zeros([0, 3]))
        .toArray(),
    ).toEqual([
      [0, 0, 0],
      [0, 0, 0],
    ]);
    expect(
      tensor([true, true])
        .dot(tensor([true, true]))
        .item(),
    ).toBe(2);
    expect(
      int([1, 2])
        .matmul(tensor([0.5, 0.5]))
        .item(),
    ).toBe(1.5);
  });

  test('batches that repeat: values and derivatives', () => {
    const a = random.normal([1, 2, 3], { key: random.key(1), dtype: 'float64' });
    const b = random.normal([4, 3, 2], { key: random.key(2), dtype: 'float64' });
    const product = a.matmul(b);
    for (let i = 0; i < 4; i++)
      expectClose(product.at(i).dataSync(), a.at(0).matmul(b.at(i)).dataSync(), { rtol: 1e-12 });
    const [da, db] = grad((x: Tensor, y: Tensor) => x.matmul(y).sum(), { argnums: [0, 1] })(a, b);
    // d sum / da[i, k] = sum over batches and columns of b[k, :]; d / db[n, k, j] = sum over rows of a[:, k].
    expectClose(da.dataSync(), b.sum([0, 2]).broadcastTo([1, 2, 3]).dataSync(), { rtol: 1e-12 });
    expectClose(db.dataSync(), a.sum(1).reshape([1, 3, 1]).broadcastTo([4, 3, 2]).dataSync(), {
      rtol: 1e-12,
    });
  });

  test('matmul errors', () => {
    expect(() => zeros([32, 784]).matmul(zeros([785, 10]))).toThrow(
      'matmul: inner sizes differ: [32, 784] x [785, 10]; the last axis of the first must equal the last but one axis of the second',
    );
    expect(() => zeros([2]).matmul(zeros([3]))).toThrow(/the only axis of the second/);
    expect(() => zeros([2]).matmul(tensor(1))).toThrow(/a scalar has no axis to sum over; use mul/);
    expect(() => zeros([2, 2, 3]).matmul(zeros([3, 3, 2]))).toThrow(
      /matmul: shapes \[2\] and \[3\] do not broadcast/,
    );
  });

  test('einsum', () => {
    const a = arange(6).reshape([2, 3]).cast('float32');
    const b = arange(12).reshape([3, 4]).cast('float32');
    expect(einsum('ij,jk->ik', a, b).toArray()).toEqual(a.matmul(b).toArray());
    expect(einsum('ij,jk', a, b).toArray()).toEqual(a.matmul(b).toArray());
    expect(einsum('ij->ji', a).toArray()).toEqual(a.T.toArray());
    expect(einsum('ba', a).toArray()).toEqual(a.T.toArray());
    expect(einsum('ij->', a).item()).toBe(15);
    expect(einsum('ij->j', a).toArray()).toEqual([3, 5, 7]);
    expect(einsum('i,j->ij', tensor([1, 2]), tensor([3, 4])).toArray()).toEqual([
      [3, 4],
      [6, 8],
    ]);
    expect(einsum('ij,kl->k', a, b).toArray()).toEqual([6, 22, 38].map((v) => v * 15));
    expect(einsum('b i j, b j k -> b i k', zeros([5, 2, 3]), zeros([5, 3, 4])).shape).toEqual([5, 2, 4]);
  });

  test('the derivative of an einsum that sums an axis of one operand alone', () => {
    const a = random.normal([2, 3], { key: random.key(3), dtype: 'float64' });
    const b = random.normal([3, 4], { key: random.key(4), dtype: 'float64' });
    const [da, db] = grad((x: Tensor, y: Tensor) => einsum('ij,kl->k', x, y).square().sum(), {
      argnums: [0, 1],
    })(a, b);
    const f = (x: Tensor, y: Tensor) => x.sum().mul(y.sum(1)).square().sum();
    const [ea, eb] = grad(f, { argnums: [0, 1] })(a, b);
    expectClose(da.dataSync(), ea.dataSync(), { rtol: 1e-12 });
    expectClose(db.dataSync(), eb.dataSync(), { rtol: 1e-12 });
  });
});

describe('reading', () => {
  test('item needs one element', () => {
    expect(tensor([[7]]).item()).toBe(7);
    expect(() => zeros([2]).item()).toThrow('item: needs an array with one element, got shape [2]');
    expect(() => zeros([0]).item()).toThrow(/\[0\]/);
  });

  test('data is the same, later', async () => {
    expect([...(await tensor([1, 2]).data())]).toEqual([1, 2]);
  });

  test('a long chain that nobody reads stays correct', () => {
    let x = zeros([3]);
    for (let i = 0; i < 10_000; i++) x = x.add(1);
    expect(list(x)).toEqual([10_000, 10_000, 10_000]);
  });

  test('printing', () => {
    expect(
      String(
        tensor([
          [1.5, -2],
          [3, NaN],
        ]),
      ),
    ).toBe('tensor([[ 1.5, -2.0],\n        [ 3.0,  nan]])');
    expect(String(tensor(5))).toBe('tensor(5)');
    expect(String(int([1, 20]))).toBe('tensor([ 1, 20], int32)');
    expect(String(tensor([true, false]))).toBe('tensor([ true, false], bool)');
    expect(String(tensor([1e-7, 1]))).toBe('tensor([1.0000e-7, 1.0000e+0])');
    expect(String(tensor([Infinity, -Infinity]))).toBe('tensor([ inf, -inf])');
    expect(String(zeros([0]))).toBe('tensor([])');
    expect(String(zeros([2, 0]))).toBe('tensor([[],\n        []])');
    expect(String(tensor([0.1, 0.25]))).toBe('tensor([0.10, 0.25])');
    expect(String(arange(2000))).toBe('tensor([   0,    1,    2, ..., 1997, 1998, 1999], int32)');
    expect(String(zeros([1, 1, 2]))).toBe('tensor([[[0, 0]]])');
    expect(String(ones([2, 1, 1]))).toBe('tensor([[[1]],\n\n        [[1]]])');
  });

  test('printing what has many elements on short axes', () => {
    expect(String(zeros([6, 6, 6, 6, 6, 6, 6])).length).toBeGreaterThan(6 ** 7);
  });
});
