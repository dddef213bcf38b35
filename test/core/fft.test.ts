import { describe, expect, test } from 'vitest';
import { arange, fft, grad, jit, random, stack, type Tensor, tensor, vmap, zeros } from '../../src/index.ts';
import { expectClose } from '../support/close.ts';
import { computeOn } from '../support/device.ts';
import { casesOf } from '../support/torch_cases.ts';
import { checkTorchCases, type TorchCompute } from '../support/torch_check.ts';

const cases = casesOf('torch_fft.json');
const names = [
  'fft',
  'ifft',
  'rfft',
  'irfft',
  'fft2',
  'ifft2',
  'rfft2',
  'irfft2',
  'fftn',
  'ifftn',
  'rfftn',
  'irfftn',
] as const;

const computed =
  (name: (typeof names)[number]): TorchCompute =>
  ([re, im], options) => {
    const x = im === undefined ? re : { re, im };
    const result = (fft[name] as (x: Tensor | fft.Complex, options: object) => Tensor | fft.Complex)(
      x,
      options,
    );
    return 're' in result ? stack([result.re, result.im], -1) : result;
  };
const table: Readonly<Record<string, TorchCompute>> = Object.fromEntries(
  names.map((name) => [name, computed(name)]),
);

test('the fixture covers every transform', () => {
  expect(new Set(cases.map(({ op }) => op))).toEqual(new Set(names));
});

describe.each([
  { device: 'reference', float: 'float64', rtol: 1e-10, isJitted: false },
  { device: 'cpu', float: 'float64', rtol: 1e-10, isJitted: true },
  { device: 'cpu', float: 'float32', rtol: 3e-6, isJitted: true },
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

describe('long transforms', () => {
  // Products of small factors, of two primes, primes, and twice a large prime.
  test.each([1000, 4096, 6561, 8633, 4099, 2 * 4099, 30030])(
    'of a wave of length %d: one peak; back again',
    (n) => {
      const [frequency, phase] = [Math.floor(n / 7) + 3, 0.4];
      const wave = Float64Array.from({ length: n }, (_, j) =>
        Math.cos((2 * Math.PI * ((frequency * j) % n)) / n + phase),
      );
      for (const [dtype, atol] of [
        ['float64', 1e-9],
        ['float32', 2e-3],
      ] as const) {
        const x = tensor(wave, { dtype });
        const { re, im } = fft.rfft(x);
        const expected = new Float64Array(Math.floor(n / 2) + 1);
        expected[frequency] = (n / 2) * Math.cos(phase);
        expectClose(re.dataSync(), expected, { atol }, 'real part');
        expected[frequency] = (n / 2) * Math.sin(phase);
        expectClose(im.dataSync(), expected, { atol }, 'imaginary part');
        expectClose(fft.irfft({ re, im }, { n }).dataSync(), wave, { atol: atol / 200 }, 'back');
      }
    },
  );

  test('float32 is as accurate as rounding allows', () => {
    for (const n of [65536, 5003]) {
      const x = random.normal([n], { key: random.key(1), dtype: 'float64' });
      const [exact, single] = [x, x.cast('float32')].map((t) => fft.fft(t));
      for (const part of ['re', 'im'] as const) {
        const error = single[part].sub(exact[part]).square().mean().sqrt().item() / Math.sqrt(n);
        expect(error).toBeLessThan(6e-7);
      }
    }
  });
});

describe('transforms', () => {
  const draw = (seed: number, shape: number[]) =>
    random.normal(shape, { key: random.key(seed), dtype: 'float64' });

  test('a product of transforms is a circular convolution', () => {
    const [a, b] = [draw(1, [12]), draw(2, [12])];
    const product = fft.irfft(fft.multiply(fft.rfft(a), fft.rfft(b)));
    const circular = a
      .convolve(b)
      .pad([[0, 1]])
      .reshape([2, 12])
      .sum(0);
    expectClose(product.dataSync(), circular.dataSync(), { atol: 1e-12 });
    const real = fft.multiply(a, b);
    expectClose(real.re.dataSync(), a.mul(b).dataSync());
    expect(real.im.abs().sum().item()).toBe(0);
    expectClose(fft.multiply(a, fft.fft(b)).im.dataSync(), a.mul(fft.fft(b).im).dataSync());
  });

  test('under vmap, jit, and differentiated twice', () => {
    const x = draw(3, [4, 70]);
    const power = (t: Tensor) => {
      const { re, im } = fft.fft(t);
      return re
        .square()
        .add(im.square())
        .sum()
        .mul(1 / 70);
    };
    // Parseval: the sum of squares, whose derivatives are known.
    expectClose(vmap(power)(x).dataSync(), x.square().sum(1).dataSync(), { rtol: 1e-12 });
    expectClose(jit(vmap(grad(power)))(x).dataSync(), x.mul(2).dataSync(), { rtol: 1e-10, atol: 1e-12 });
    const v = draw(4, [70]);
    const second = grad((t: Tensor) => grad(power)(t).mul(v).sum())(x.at(0));
    expectClose(second.dataSync(), v.mul(2).dataSync(), { rtol: 1e-10, atol: 1e-12 });
  });

  test('of no arrays', () => {
    expect(fft.fft(zeros([2, 0, 4])).re.shape).toEqual([2, 0, 4]);
    expect(fft.irfft(zeros([0, 3])).toArray()).toEqual([]);
  });

  test('integers become float32, bool too', () => {
    const { re, im } = fft.fft(arange(4));
    expect(re.dtype).toBe('float32');
    expectClose(re.dataSync(), [6, -2, -2, -2], { atol: 1e-6 });
    expectClose(im.dataSync(), [0, 2, 0, -2], { atol: 1e-6 });
    expect(fft.rfft(tensor([true, false])).re.toArray()).toEqual([1, 1]);
  });
});

describe('frequencies and shifts', () => {
  test('as NumPy has them', () => {
    expectClose(fft.fftfreq(5).dataSync(), [0, 0.2, 0.4, -0.4, -0.2], { atol: 1e-7 });
    expectClose(fft.fftfreq(4, 0.5).dataSync(), [0, 0.5, -1, -0.5]);
    expectClose(fft.rfftfreq(5).dataSync(), [0, 0.2, 0.4], { atol: 1e-7 });
    expectClose(fft.rfftfreq(2).dataSync(), [0, 0.5]);
    expect(fft.rfftfreq(1).toArray()).toEqual([0]);
    expect(fft.fftshift(arange(5)).toArray()).toEqual([3, 4, 0, 1, 2]);
    expect(fft.ifftshift(arange(5)).toArray()).toEqual([2, 3, 4, 0, 1]);
    expect(fft.fftshift(arange(6).reshape([2, 3])).toArray()).toEqual([
      [5, 3, 4],
      [2, 0, 1],
    ]);
    expect(fft.fftshift(arange(6).reshape([2, 3]), 1).toArray()).toEqual([
      [2, 0, 1],
      [5, 3, 4],
    ]);
    const pair = { re: arange(3), im: arange(3).neg() };
    expect(fft.ifftshift(fft.fftshift(pair, [0])).im.toArray()).toEqual([0, -1, -2]);
  });
});

test.each([
  [
    () => fft.fft(zeros([2, 0])),
    'fft.fft: the length of a transform must be an integer >= 1, got 0 along axis 1 of [2, 0]',
  ],
  [() => fft.fft(zeros([4]), { n: 2.5 }), 'must be an integer >= 1, got 2.5'],
  [() => fft.fft(zeros([4]), { axis: 1 }), 'fft.fft: axis 1 does not exist'],
  [() => fft.fft(tensor(1)), 'fft.fft: axis -1 does not exist'],
  [
    () => fft.ifft(zeros([4]), { norm: 'none' as 'ortho' }),
    "fft.ifft: norm must be 'backward', 'ortho' or 'forward', got 'none'",
  ],
  [() => fft.irfft(zeros([1])), 'fft.irfft: the length of the result must be an integer >= 1, got 0; give n'],
  [
    () => fft.rfft({ re: zeros([2]), im: zeros([2]) } as unknown as Tensor),
    'fft.rfft: needs a real array, not a pair; use fft.fft',
  ],
  [
    () => fft.fft({ re: zeros([2]) } as fft.Complex),
    'fft.fft: needs an array, or a pair { re, im } of arrays',
  ],
  [() => fft.fft({ re: zeros([2]), im: zeros([3]) }), 'fft.fft: shapes [2] and [3] do not broadcast'],
  [() => fft.fft2(zeros([4])), 'fft.fft2: axis -2 does not exist'],
  [() => fft.fftn(zeros([4, 4]), { axes: [0, 0] }), 'fft.fftn: axes [0, 0] must differ'],
  [() => fft.fftn(zeros([4, 4]), { axes: [0], s: [2, 2] }), 'as many as lengths s [2,2]'],
  [() => fft.fftfreq(0), 'fft.fftfreq: n must be an integer >= 1, got 0'],
  [() => fft.fftshift(zeros([2]), 1), 'fft.fftshift: axis 1 does not exist'],
])('refused: %s', (run, message) => {
  expect(run).toThrow(message);
});
