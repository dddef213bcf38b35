import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { Buffer, Expr, Index, KernelFunction, Local, Scalar, Statement } from '../../src/compiler/ir.ts';
import * as ir from '../../src/compiler/ir_build.ts';
import { programText } from '../../src/compiler/ir_text.ts';
import { hostMath } from '../../src/compiler/wasm/host_math.ts';
import { type Compiler, findCompiler } from '../../src/runtime/cpu/c_compiler.ts';
import { loadNative, loadNativeAsync } from '../../src/runtime/cpu/native.ts';
import { Interpreter } from '../compiler/ir_interpreter.ts';
import { memoryBytes, randomMemory, table, valuesIn } from '../compiler/ir_memory.ts';
import {
  buffers,
  bytesOfScalar,
  length,
  ProgramGenerator,
  Random,
  randomValue,
} from '../compiler/ir_random.ts';
import { widen } from '../compiler/widen.ts';

const cache = mkdtempSync(join(tmpdir(), 'nabla-test-'));
process.env.NABLA_CACHE = cache;
afterAll(() => rmSync(cache, { recursive: true, force: true }));

/** The compilers to test with: gcc and clang, or those in NABLA_TEST_CC (separated by commas). */
const commands = (process.env.NABLA_TEST_CC ?? 'gcc,clang').split(',');
const compilerOf = (command: string): Compiler | string => {
  const before = process.env.NABLA_CC;
  process.env.NABLA_CC = command;
  const compiler = findCompiler();
  if (before === undefined) delete process.env.NABLA_CC;
  else process.env.NABLA_CC = before;
  return compiler;
};
const compilers = commands.map((command) => ({ command, compiler: compilerOf(command) }));

/** Far enough apart for vectors that reach beyond the end. */
const places = [64, 25600, 27392, 30336, 32128, 33920];

const bufferAddress = ({ place }: (typeof buffers)[number]): number =>
  place.kind === 'argument'
    ? places[place.argument]
    : places[0] + (place.kind === 'arena' ? place.offset : 0);

/** Memory with random contents, the same for the same seed. */
function fill(memory: ArrayBuffer, seed: number): void {
  new Uint8Array(memory).fill(0);
  const random = new Random(seed);
  const view = new DataView(memory);
  places.forEach((place, k) => {
    view.setUint32(table + 4 * k, place, true);
  });
  for (const buffer of buffers) {
    const base = bufferAddress(buffer);
    const size = bytesOfScalar(buffer.scalar);
    for (let i = 0; i < length; i++) {
      const value = randomValue(random, buffer.scalar);
      if (buffer.scalar === 'f32') view.setFloat32(base + size * i, value, true);
      else if (buffer.scalar === 'f64') view.setFloat64(base + size * i, value, true);
      else if (buffer.scalar === 'bool') view.setUint8(base + i, value);
      else view.setInt32(base + size * i, value, true);
    }
  }
}

/** The first element of a buffer that differs; every NaN is one. */
function difference(expected: ArrayBuffer, actual: ArrayBuffer): string {
  const [left, right] = [new DataView(expected), new DataView(actual)];
  for (const buffer of buffers) {
    const base = bufferAddress(buffer);
    const size = bytesOfScalar(buffer.scalar);
    for (let i = 0; i < length; i++) {
      const read = (view: DataView): number => {
        if (buffer.scalar === 'f32') return view.getFloat32(base + size * i, true);
        if (buffer.scalar === 'f64') return view.getFloat64(base + size * i, true);
        return buffer.scalar === 'bool' ? view.getUint8(base + i) : view.getUint32(base + size * i, true);
      };
      const [a, b] = [read(left), read(right)];
      if (!Object.is(a, b)) return `${buffer.name}[${i}] is ${b}, not ${a}`;
    }
  }
  return '';
}

/** Runs kernels on arguments, f32 unless given otherwise, and returns them. */
function onArguments(
  compiler: Compiler,
  kernels: readonly KernelFunction[],
  values: readonly (Float32Array | Float64Array | Uint32Array)[],
  threads = 1,
): (Float32Array | Float64Array | Uint32Array)[] {
  const memory = new WebAssembly.Memory({ initial: 4, maximum: 65536 });
  const arenaBytes = 65536;
  let address = 1024 + arenaBytes;
  const addresses = [1024];
  const views = values.map((value) => {
    const view = new (value.constructor as Float32ArrayConstructor)(memory.buffer, address, value.length);
    view.set(value as Float32Array);
    addresses.push(address);
    address += Math.ceil(value.byteLength / 64) * 64;
    return view;
  });
  new Uint32Array(memory.buffer, table, addresses.length).set(addresses);
  loadNative({ kernels }, compiler).run(memory, table, threads);
  return views.map((view) => view.slice());
}

const argument = (number: number, scalar: Scalar = 'f32'): Buffer => ({
  name: `argument${number}`,
  scalar,
  place: { kind: 'argument', argument: number },
});

const i32 = ir.typeOf('i32');

describe.each(compilers)('native code by $command', ({ compiler }) => {
  if (typeof compiler === 'string') {
    it.skip(compiler, () => {});
    return;
  }

  // Programs in one unit, because a compiler takes as long to start as for a small program.
  const perUnit = 20;
  const first = Number(process.env.FUZZ_FROM ?? 0);
  const count = Number(process.env.FUZZ_COUNT ?? perUnit);
  const units = Array.from({ length: Math.ceil(count / perUnit) }, (_, unit) =>
    Array.from({ length: Math.min(perUnit, count - unit * perUnit) }, (_, i) => first + unit * perUnit + i),
  );
  const timeout = 120_000 + 1000 * count;

  it("gives the interpreter's memory for random programs, for 1, 2 and 4 threads", { timeout }, () => {
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 65536 });
    const plain = new ArrayBuffer(memoryBytes);
    for (const seeds of units) {
      const programs = seeds.map((seed) =>
        new ProgramGenerator(new Random(seed)).program({ chunks: seed % 2 === 1, doubleFunctions: false }),
      );
      const native = loadNative({ kernels: programs.flatMap(({ kernels }) => kernels) }, compiler);
      let start = 0;
      programs.forEach((program, i) => {
        const seed = seeds[i];
        randomMemory(plain, seed);
        new Interpreter(plain, table).run(program);
        const expected = valuesIn(plain);
        const last = start + program.kernels.length;
        for (const threads of [1, 2, 4]) {
          randomMemory(memory.buffer, seed);
          native.run(memory, table, threads, start, last);
          const actual = valuesIn(memory.buffer);
          const which = expected.findIndex((values, k) => values.some((x, j) => !Object.is(x, actual[k][j])));
          const failure = which >= 0 ? `${buffers[which].name} differs, ${threads} threads` : '';
          expect(failure, `seed ${seed}: ${failure}\n${failure && programText(program)}`).toBe('');
        }
        start = last;
      });
    }
  });

  it.each([2, 4])(
    "gives the interpreter's memory for random programs, %d times 4 lanes",
    { timeout },
    (factor) => {
      const memory = new WebAssembly.Memory({ initial: 1, maximum: 65536 });
      const plain = new ArrayBuffer(memoryBytes);
      for (const seeds of units) {
        const programs = seeds.map((seed) => widen(new ProgramGenerator(new Random(seed)).program(), factor));
        const native = loadNative({ kernels: programs.flatMap(({ kernels }) => kernels) }, compiler);
        let start = 0;
        programs.forEach((program, i) => {
          const seed = seeds[i];
          fill(plain, seed);
          fill(memory.buffer, seed);
          new Interpreter(plain, table).run(program);
          native.run(memory, table, 1, start, (start += program.kernels.length));
          const failure = difference(plain, memory.buffer);
          expect(failure, `seed ${seed}: ${failure}\n${failure && programText(program)}`).toBe('');
        });
      }
    },
  );

  it.each([
    ['f32', 2],
    ['f32', 4],
    ['f32', 8],
    ['f32', 16],
    ['f64', 2],
    ['f64', 4],
    ['f64', 8],
  ] as const)('multiplies and adds %s vectors of %d lanes', (scalar, lanes) => {
    const at = ir.index(0);
    const [a, b, c] = [1, 2, 3].map((n) => ir.load(argument(n, scalar), at, lanes));
    const body = [ir.store(argument(4, scalar), at, ir.multiplyAdd(a, b, c))];
    const of = (f: (lane: number) => number): Float32Array | Float64Array =>
      new (scalar === 'f32' ? Float32Array : Float64Array)(
        Array.from({ length: lanes }, (_, lane) => f(lane)),
      );
    // Exact in either way of rounding, but for the last lane, whose product loses its last bit when it is rounded.
    const e = scalar === 'f32' ? 2 ** -12 : 2 ** -27;
    const last = (lane: number): boolean => lane === lanes - 1;
    const result = onArguments(
      compiler,
      [{ name: 'fma', body }],
      [
        of((lane) => (last(lane) ? 1 + e : lane + 1)),
        of((lane) => (last(lane) ? 1 + e : 0.5 - lane)),
        of((lane) => (last(lane) ? -(1 + 2 * e) : 3 * lane)),
        of(() => 0),
      ],
    )[3];
    expect([...result.slice(0, -1)]).toEqual(
      Array.from({ length: lanes - 1 }, (_, lane) => (lane + 1) * (0.5 - lane) + 3 * lane),
    );
    const hasFma = compiler.macros.has('__FMA__') || compiler.macros.has('__aarch64__');
    expect(result[lanes - 1]).toBe(hasFma ? e * e : 0);
  });

  it.each([
    ['f32', 2],
    ['f32', 4],
    ['f32', 8],
    ['f32', 16],
    ['f64', 2],
    ['f64', 4],
    ['f64', 8],
  ] as const)('orders zeros and NaN of %s vectors of %d lanes as the loop IR does', (scalar, lanes) => {
    const corners = [0, -0, 1, -1, Infinity, -Infinity, Number.NaN];
    const left = corners.flatMap((a) => corners.map(() => a));
    const right = corners.flatMap(() => corners);
    while (left.length % lanes !== 0) {
      left.push(2);
      right.push(3);
    }
    const n = left.length;
    const vector = ir.typeOf(scalar, lanes);
    const [a, b] = [ir.local('a', vector), ir.local('b', vector)];
    const i = ir.local('i', i32);
    const chosen = (condition: boolean, x: number, y: number): number => (condition ? x : y);
    const kinds: [value: Expr, expected: (a: number, b: number) => number][] = [
      [
        ir.select(ir.compare('lt', ir.get(a), ir.get(b)), ir.get(b), ir.get(a)),
        (x, y) => chosen(x < y, y, x),
      ],
      [
        ir.select(ir.compare('lt', ir.get(b), ir.get(a)), ir.get(b), ir.get(a)),
        (x, y) => chosen(y < x, y, x),
      ],
      [
        ir.select(ir.compare('lt', ir.get(a), ir.get(b)), ir.get(a), ir.get(b)),
        (x, y) => chosen(x < y, x, y),
      ],
      [ir.binary('max', ir.get(a), ir.get(b)), Math.max],
      [ir.binary('min', ir.get(a), ir.get(b)), Math.min],
      ...[0, -0, 1].flatMap((bound): typeof kinds => [
        [ir.binary('max', ir.get(a), ir.constant(vector, bound)), (x) => Math.max(x, bound)],
        [ir.binary('min', ir.constant(vector, bound), ir.get(a)), (x) => Math.min(x, bound)],
      ]),
    ];
    const body = [
      ir.loop(i, 0, n, lanes, [
        ir.set(a, ir.load(argument(1, scalar), ir.at(i), lanes)),
        ir.set(b, ir.load(argument(2, scalar), ir.at(i), lanes)),
        ...kinds.map(([value], k) =>
          ir.store(argument(3, scalar), ir.index(k * n, [{ local: i, coefficient: 1 }]), value),
        ),
      ]),
    ];
    const of = (values: number[]) => new (scalar === 'f32' ? Float32Array : Float64Array)(values);
    const values = [of(left), of(right), of(new Array<number>(n * kinds.length).fill(0))];
    const result = onArguments(compiler, [{ name: 'corners', body }], values)[2];
    const expected = kinds.flatMap(([, f]) => left.map((x, j) => f(x, right[j])));
    expect([...result]).toEqual(expected);
  });

  it('rounds a product before it is added, where the loop IR does not say fma', () => {
    const at = ir.index(0);
    const [a, c] = [1, 2].map((n) => ir.load(argument(n), at, 4));
    const body = [ir.store(argument(2), at, ir.binary('add', ir.binary('mul', a, a), c))];
    const e = 2 ** -12;
    const values = [new Float32Array(4).fill(1 + e), new Float32Array(4).fill(-(1 + 2 * e))];
    expect([...onArguments(compiler, [{ name: 'separate', body }], values)[1]]).toEqual([0, 0, 0, 0]);
  });

  it('computes functions of doubles to the last bits', () => {
    const kinds = ['exp', 'log', 'expm1', 'log1p', 'sin', 'cos', 'tanh', 'erf', 'sigmoid'] as const;
    const inputs = Float64Array.from([
      ...[0, -0, 1, -1, 0.5, -0.25, 1e-9, -1e-9, 3, -7.5, 20, -20, 700, -700, 1e5],
      ...[Infinity, -Infinity, Number.NaN, 1e-300, 2 ** 40],
    ]);
    const n = inputs.length;
    const [i, x, y] = [ir.local('i', i32), argument(1, 'f64'), argument(2, 'f64')];
    const kernels = kinds.map((kind, k) => ({
      name: kind,
      body: [
        ir.loop(i, 0, n, 1, [
          ir.store(y, ir.index(k * n, [{ local: i, coefficient: 1 }]), ir.unary(kind, ir.load(x, ir.at(i)))),
        ]),
      ],
    }));
    const [, result] = onArguments(compiler, kernels, [inputs, new Float64Array(n * kinds.length)]);
    kinds.forEach((kind, k) => {
      inputs.forEach((input, j) => {
        const [expected, actual] = [hostMath[kind](input), result[k * n + j]];
        const name = `${kind}(${input})`;
        if (!Number.isFinite(expected) || expected === 0) expect(actual, name).toBe(expected);
        else expect(Math.abs(actual / expected - 1), name).toBeLessThan(4 * 2 ** -52);
      });
    });
  });

  it('gives the same bits for 1, 2 and 4 threads', () => {
    const [lanes, chunkRows, chunks] = [8, 3, 41];
    const n = lanes * chunkRows * chunks;
    const [x, y, z, total] = [argument(1), argument(2), argument(3), argument(4)];
    const own: Buffer = {
      name: 'own',
      scalar: 'f32',
      place: { kind: 'thread', offset: 256, stride: 64 * chunkRows },
    };
    const each = (
      name: string,
      body: (at: Index, row: Local) => Statement[],
      after: (chunk: Local) => Statement[] = () => [],
    ): KernelFunction => {
      const [chunk, row] = [ir.local('chunk', i32), ir.local('row', i32)];
      const at = ir.index(0, [
        { local: chunk, coefficient: lanes * chunkRows },
        { local: row, coefficient: lanes },
      ]);
      const loop = ir.loop(row, 0, chunkRows, 1, body(at, row));
      return { name, chunks: { variable: chunk, count: chunks }, body: [loop, ...after(chunk)] };
    };
    const vector = ir.typeOf('f32', lanes);
    const sum = ir.local('sum', ir.typeOf('f32'));
    const i = ir.local('i', i32);
    const kernels: KernelFunction[] = [
      // Through memory of the thread.
      each(
        'through',
        (at, row) => [
          ir.store(
            own,
            ir.index(0, [{ local: row, coefficient: lanes }]),
            ir.unary('exp', ir.load(x, at, lanes)),
          ),
        ],
        (chunk) => {
          const row = ir.local('row', i32);
          const from = ir.index(0, [{ local: row, coefficient: lanes }]);
          const to = ir.index(0, [
            { local: chunk, coefficient: lanes * chunkRows },
            { local: row, coefficient: lanes },
          ]);
          return [ir.loop(row, 0, chunkRows, 1, [ir.store(y, to, ir.load(own, from, lanes))])];
        },
      ),
      {
        name: 'total',
        body: [
          ir.set(sum, ir.f32Constant(0)),
          ir.loop(i, 0, n, 1, [ir.set(sum, ir.binary('add', ir.get(sum), ir.load(y, ir.at(i))))]),
          ir.store(total, ir.index(0), ir.get(sum)),
        ],
      },
      each('normalize', (at) => [
        ir.store(
          z,
          at,
          ir.binary('div', ir.load(y, at, lanes), ir.splat(ir.load(total, ir.index(0)), lanes)),
        ),
      ]),
      each('shift', (at) => [
        ir.store(z, at, ir.binary('sub', ir.load(z, at, lanes), ir.constant(vector, 0.125))),
      ]),
    ];
    const values = [
      Float32Array.from({ length: n }, (_, k) => Math.sin(k)),
      new Float32Array(n),
      new Float32Array(n),
      new Float32Array(1),
    ];
    const serial = onArguments(compiler, kernels, values);
    expect(serial[2].every((value) => value > -0.125 && value < 0)).toBe(true);
    // Often enough for threads to come late, early and never.
    for (let round = 0; round < 200; round++) {
      for (const threads of [2, 4]) {
        const parallel = onArguments(compiler, kernels, values, threads);
        expect(parallel).toEqual(serial);
      }
    }
  });

  it.each([false, true])('finds a memory again after it has grown (shared: %s)', (shared) => {
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 65536, shared });
    const x = argument(1, 'u32');
    const increment = ir.binary('add', ir.load(x, ir.index(0)), ir.constant(ir.typeOf('u32'), 1));
    const program = { kernels: [{ name: 'increment', body: [ir.store(x, ir.index(0), increment)] }] };
    const native = loadNative(program, compiler);
    new Uint32Array(memory.buffer, table, 2).set([0, 1024]);
    native.run(memory, table);
    memory.grow(500);
    native.run(memory, table);
    expect(new Uint32Array(memory.buffer)[256]).toBe(2);
    const far = 480 * 65536;
    new Uint32Array(memory.buffer, table, 2).set([0, far]);
    native.run(memory, table);
    expect(new Uint32Array(memory.buffer)[far / 4]).toBe(1);
  });

  it('compiles in the background as well, runs a part of the kernels, and programs of none', async () => {
    const x = argument(1);
    const kernels = [2, 3, 5].map((factor) => ({
      name: `times${factor}`,
      body: [ir.store(x, ir.index(0), ir.binary('mul', ir.load(x, ir.index(0)), ir.f32Constant(factor)))],
    }));
    const native = await loadNativeAsync({ kernels }, compiler);
    const memory = new WebAssembly.Memory({ initial: 1 });
    new Uint32Array(memory.buffer, table, 2).set([0, 1024]);
    const value = new Float32Array(memory.buffer, 1024, 1);
    value[0] = 1;
    native.run(memory, table, 1, 1, 3);
    expect(value[0]).toBe(15);
    native.run(memory, table);
    expect(value[0]).toBe(450);
    loadNative({ kernels: [] }, compiler).run(memory, table);
    expect(value[0]).toBe(450);
  });
});
