import { describe, expect, it } from 'vitest';
import type { BinaryOp, Buffer, Expr, Local, LoopProgram, UnaryOp } from '../../src/compiler/ir.ts';
import { binary, index, load, local, loop, store, typeOf, unary } from '../../src/compiler/ir_build.ts';
import { hostMath } from '../../src/compiler/wasm/host_math.ts';
import { printWasm } from '../../src/compiler/wasm/print.ts';
import { floatOf, spacing, ulps } from './ulp.ts';

const block = 1 << 14;

/** A function of blocks of floats, printed to wasm with `lanes` lanes. */
function compile(
  lanes: number,
  value: (x: Expr, y: Expr) => Expr,
): (x: Float32Array, y?: Float32Array) => Float32Array {
  const buffer = (argument: number): Buffer => ({
    name: `b${argument}`,
    scalar: 'f32',
    place: { kind: 'argument', argument },
  });
  const i: Local = local('i', typeOf('i32'));
  const at = index(0, [{ local: i, coefficient: 1 }]);
  const body = [store(buffer(3), at, value(load(buffer(1), at, lanes), load(buffer(2), at, lanes)))];
  const program: LoopProgram = { kernels: [{ name: 'map', body: [loop(i, 0, block, lanes, body)] }] };
  const memory = new WebAssembly.Memory({ initial: 8, maximum: 65536 });
  const module = new WebAssembly.Module(printWasm(program) as BufferSource);
  const { exports } = new WebAssembly.Instance(module, { env: { memory }, math: hostMath });
  const places = [0, 1, 2, 3].map((k) => 1024 + 4 * block * k);
  new Uint32Array(memory.buffer, 0, 4).set(places);
  const view = (k: number): Float32Array => new Float32Array(memory.buffer, places[k], block);
  return (x, y) => {
    view(1).fill(0).set(x);
    view(2)
      .fill(0)
      .set(y ?? []);
    (exports.run as (table: number) => void)(0);
    return view(3).slice(0, x.length);
  };
}

const bitsOf = (x: Float32Array): Int32Array => new Int32Array(x.buffer, x.byteOffset, x.length);

interface Case {
  readonly kind: UnaryOp;
  readonly exact: (x: number) => number;
  readonly bound: number;
  /** Arguments to sample densely, besides the whole range. */
  readonly ranges: readonly (readonly [number, number])[];
}

const cases: Case[] = [
  {
    kind: 'exp',
    exact: Math.exp,
    bound: 2,
    ranges: [
      [-104, 89],
      [-1, 1],
    ],
  },
  {
    kind: 'log',
    exact: Math.log,
    bound: 2,
    ranges: [
      [0, 4],
      [0.5, 1.5],
    ],
  },
  {
    kind: 'expm1',
    exact: Math.expm1,
    bound: 3,
    ranges: [
      [-20, 89],
      [-1, 1],
    ],
  },
  {
    kind: 'log1p',
    exact: Math.log1p,
    bound: 3,
    ranges: [
      [-1, 3],
      [-0.01, 0.01],
    ],
  },
  {
    kind: 'tanh',
    exact: Math.tanh,
    bound: 3,
    ranges: [
      [-10, 10],
      [-1, 1],
    ],
  },
  {
    kind: 'erf',
    exact: hostMath.erf,
    bound: 4,
    ranges: [
      [-5, 5],
      [-1, 1],
    ],
  },
  {
    kind: 'sigmoid',
    exact: hostMath.sigmoid,
    bound: 3,
    ranges: [
      [-104, 20],
      [-2, 2],
    ],
  },
  {
    kind: 'sin',
    exact: Math.sin,
    bound: 4,
    ranges: [
      [-1e5, 1e5],
      [-10, 10],
    ],
  },
  {
    kind: 'cos',
    exact: Math.cos,
    bound: 4,
    ranges: [
      [-1e5, 1e5],
      [-10, 10],
    ],
  },
];

/** Blocks of arguments: floats evenly spaced by their bits over everything, then by value over the ranges. */
function* samples(ranges: Case['ranges'], stride: number): Generator<Float32Array> {
  let filled = 0;
  let x = new Float32Array(block);
  for (let pattern = 0; pattern < 2 ** 32; pattern += stride) {
    x[filled++] = floatOf(pattern | 0);
    if (filled === block) {
      yield x;
      x = new Float32Array(block);
      filled = 0;
    }
  }
  yield x.subarray(0, filled);
  for (const [low, high] of ranges) {
    for (let part = 0; part < 8; part++) {
      yield Float32Array.from({ length: block }, (_, k) => low + ((high - low) * (part + k / block)) / 8);
    }
  }
}

const specials = [
  0,
  -0,
  Infinity,
  -Infinity,
  Number.NaN,
  1,
  -1,
  2 ** -149,
  -(2 ** -149),
  2 ** -126,
  3.4028234663852886e38,
  -3.4028234663852886e38,
];

describe('f32 math', () => {
  for (const { kind, exact, bound, ranges } of cases) {
    it(`${kind} is within ${bound} ulp, the same for scalars and vectors`, () => {
      const scalar = compile(1, (x) => unary(kind, x));
      const vector = compile(4, (x) => unary(kind, x));
      let worst = 0;
      let where = 0;
      let different = 0;
      for (const x of samples(ranges, 20011)) {
        const y = vector(x);
        const single = bitsOf(scalar(x));
        const bits = bitsOf(y);
        for (let k = 0; k < x.length; k++) {
          const distance = ulps(y[k], exact(x[k]));
          if (distance > worst) {
            worst = distance;
            where = x[k];
          }
          if (bits[k] !== single[k] && !Number.isNaN(y[k])) different++;
        }
      }
      expect(worst, `at ${where}`).toBeLessThan(bound);
      expect(different).toBe(0);
    });

    it(`${kind} at zeros, infinities, NaN and the ends of the range`, () => {
      const y = compile(4, (x) => unary(kind, x))(Float32Array.from(specials));
      specials.forEach((x, k) => {
        const value = exact(Math.fround(x));
        if (Math.abs(value) <= 2 ** -149 || !Number.isFinite(value))
          expect(y[k], `${kind}(${x})`).toBe(Math.fround(value));
        else expect(ulps(y[k], value), `${kind}(${x})`).toBeLessThan(bound);
      });
    });
  }

  it('sin and cos are within 4 ulp at the floats next to the multiples of pi / 2 below 1e5', () => {
    const multiples = Array.from({ length: 63661 }, (_, n) => (n + 1) * (Math.PI / 2));
    const around = multiples.flatMap((x) => {
      const nearest = Math.fround(x);
      const gap = spacing(nearest);
      return [nearest - gap, nearest, nearest + gap];
    });
    const [sine, cosine] = [compile(4, (x) => unary('sin', x)), compile(4, (x) => unary('cos', x))];
    let worst = 0;
    for (let start = 0; start < around.length; start += block) {
      const x = Float32Array.from(around.slice(start, start + block));
      const [s, c] = [sine(x), cosine(x)];
      for (let k = 0; k < x.length; k++) {
        worst = Math.max(worst, ulps(s[k], Math.sin(x[k])), ulps(c[k], Math.cos(x[k])));
      }
    }
    expect(worst).toBeLessThan(4);
  });

  const both = (kind: BinaryOp, x: Float32Array, y: Float32Array): Float32Array => {
    const scalar = compile(1, (a, b) => binary(kind, a, b))(x, y);
    const vector = compile(4, (a, b) => binary(kind, a, b))(x, y);
    expect(bitsOf(vector)).toEqual(bitsOf(scalar));
    return scalar;
  };

  /** Floats of any bits, and floats of moderate size; a fixed sequence. */
  function randomPairs(moderate: number): [Float32Array, Float32Array] {
    let state = 12345;
    const next = (): number => (state = (Math.imul(state, 1664525) + 1013904223) | 0);
    const draw = (): number => (next() & 1 ? floatOf(next()) : (next() / 2 ** 31) * moderate);
    const list = (): Float32Array => Float32Array.from({ length: block }, draw);
    return [list(), list()];
  }

  it('pow is within 1 ulp', () => {
    for (const moderate of [3, 40, 1000]) {
      const [x, y] = randomPairs(moderate);
      const z = both('pow', x, y);
      z.forEach((value, k) => {
        expect(ulps(value, hostMath.pow(x[k], y[k])), `${x[k]} ** ${y[k]}`).toBeLessThan(1);
      });
    }
  });

  it("pow and rem follow C's special cases", () => {
    const values = [...specials, 0.5, -0.5, 2, -2, 3, -3, 2 ** 24, 2 ** 24 + 2, 2 ** 25, 1e30, -1e30];
    const pairs = values.flatMap((x) => values.map((y) => [x, y] as const));
    const [x, y] = [Float32Array.from(pairs.map(([a]) => a)), Float32Array.from(pairs.map(([, b]) => b))];
    const [power, rest] = [both('pow', x, y), both('rem', x, y)];
    pairs.forEach(([a, b], k) => {
      expect(power[k], `${a} ** ${b}`).toBe(Math.fround(hostMath.pow(x[k], y[k])));
      expect(rest[k], `${a} % ${b}`).toBe(x[k] % y[k]);
    });
  });

  it('rem is exact', () => {
    for (const moderate of [3, 1000]) {
      const [x, y] = randomPairs(moderate);
      both('rem', x, y).forEach((value, k) => {
        expect(value, `${x[k]} % ${y[k]}`).toBe(x[k] % y[k]);
      });
    }
  });
});
