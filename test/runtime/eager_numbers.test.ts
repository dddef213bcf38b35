import { describe, expect, test } from 'vitest';
import { jit, random, type Tensor, tensor, valueAndGrad, where } from '../../src/index.ts';

// Eager operations with numbers that change: after some compilations the numbers are handed in. Nobody may see a difference.

const list = (x: Tensor): number[] => [...x.dataSync()];
/** Bits, so that -0 and NaN count. */
const bits = (x: Tensor): number[] => [...new Uint32Array((x.dataSync() as Float32Array).slice().buffer)];

const numbers = [
  0.1,
  0,
  -0,
  1,
  -1,
  2,
  0.5,
  3,
  1e-30,
  1e30,
  Number.POSITIVE_INFINITY,
  Number.NaN,
  1 / 3,
  7,
  -2.5,
  100,
];

describe('numbers in eager operations', () => {
  const x = random.normal([37], { key: random.key(1) });
  x.dataSync();
  const uses: readonly [string, (y: Tensor, n: number) => Tensor][] = [
    ['mul', (y, n) => y.mul(n)],
    ['add and fused products', (y, n) => y.mul(n).add(y.mul(y)).sub(n)],
    ['div', (y, n) => y.div(n)],
    ['divided', (y, n) => tensor(1).mul(n).div(y)],
    ['pow', (y, n) => y.abs().pow(n)],
    ['min and max', (y, n) => y.maximum(n).minimum(2 * n)],
    ['where', (y, n) => where(y.gt(n), y, n)],
    ['clip', (y, n) => y.clip(-n, n)],
    ['sums', (y, n) => y.mul(n).sum().add(n)],
    [
      'products',
      (y, n) =>
        y
          .add(n)
          .reshape([37, 1])
          .matmul(y.reshape([1, 37]))
          .sum(0),
    ],
    ['softmax', (y, n) => y.div(n).sub(y.div(n).max()).exp()],
    ['no array at all', (_, n) => tensor(0).mul(0).add(n)],
  ];

  test.each(uses)('%s: the bits of jit', (_, f) => {
    const expected = numbers.map((n) => bits(jit((y: Tensor) => f(y, n))(x)));
    for (let round = 0; round < 2; round++) expect(numbers.map((n) => bits(f(x, n)))).toEqual(expected);
  });

  test('other dtypes, integers among them', () => {
    const double = tensor([1, 2, 3], { dtype: 'float64' });
    const integer = tensor([1, 2, 3], { dtype: 'int32' });
    for (let n = 0; n < 20; n++) {
      expect(list(double.mul(n + 0.1).add(0.7))).toEqual([1, 2, 3].map((v) => v * (n + 0.1) + 0.7));
      expect(list(integer.mul(n).add(1))).toEqual([1, 2, 3].map((v) => v * n + 1));
      expect(list(integer.div(n + 1))).toEqual([1, 2, 3].map((v) => Math.fround(v / (n + 1))));
    }
  });

  test('a number that is a result as it is', () => {
    for (let n = 0; n < 20; n++) {
      const [value, slope] = valueAndGrad((y: Tensor) => y.mul(n + 0.5))(tensor(2));
      expect([slope.item(), value.item(), slope.item()]).toEqual([n + 0.5, 2 * n + 1, n + 0.5]);
    }
  });

  test('kept results keep their numbers', () => {
    const kept = Array.from({ length: 30 }, (_, n) => tensor([1, 2]).mul(n + 0.5));
    for (const y of kept) y.dataSync();
    expect(kept.map(list)).toEqual(kept.map((_, n) => [n + 0.5, 2 * (n + 0.5)]));
  });

  test('few programs are made for many numbers', () => {
    const compile = WebAssembly.Module;
    let modules = 0;
    WebAssembly.Module = class extends compile {
      constructor(bytes: BufferSource) {
        super(bytes);
        modules++;
      }
    } as typeof WebAssembly.Module;
    try {
      const y = tensor([1, 2, 3, 4, 5]);
      for (let i = 0; i < 200; i++)
        expect(
          y
            .mul(i)
            .sub(2 * i)
            .sum()
            .item(),
        ).toBe(5 * i);
    } finally {
      WebAssembly.Module = compile;
    }
    expect(modules).toBeGreaterThan(0);
    expect(modules).toBeLessThanOrEqual(10);
  });
});
