import { spawnSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Worker, WorkerOptions } from 'node:worker_threads';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Buffer, Expr, KernelFunction, LoopProgram, Statement } from '../../src/compiler/ir.ts';
import * as ir from '../../src/compiler/ir_build.ts';
import { programText } from '../../src/compiler/ir_text.ts';
import { hostMath } from '../../src/compiler/wasm/host_math.ts';
import { printWasm } from '../../src/compiler/wasm/print.ts';
import { controlBytes, type ThreadedRun, ThreadPool, threadCount } from '../../src/runtime/cpu/threads.ts';
import { Interpreter } from '../compiler/ir_interpreter.ts';
import { memoryBytes, randomMemory, table, valuesIn } from '../compiler/ir_memory.ts';
import { ProgramGenerator, Random } from '../compiler/ir_random.ts';
import { buildPackage } from '../support/build_package.ts';

const pools: ThreadPool[] = [];

function newPool(threads: number): ThreadPool {
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 65536, shared: true });
  const pool = new ThreadPool(memory, threads);
  pools.push(pool);
  return pool;
}

afterEach(() => {
  for (const pool of pools.splice(0)) pool.dispose();
});

function load(pool: ThreadPool, program: LoopProgram): ThreadedRun {
  const module = new WebAssembly.Module(printWasm(program, { sharedMemory: true }) as BufferSource);
  const { memory, wait } = pool;
  const { exports } = new WebAssembly.Instance(module, { env: { memory, wait }, math: hostMath });
  return pool.add(
    module,
    exports,
    program.kernels.map(({ chunks }) => chunks?.count ?? 1),
  );
}

const argument = (k: number): Buffer => ({
  name: `x${k}`,
  scalar: 'i32',
  place: { kind: 'argument', argument: k },
});
const [x, y] = [argument(1), argument(2)];
const chunk = ir.local('chunk', ir.typeOf('i32'));
const at = ir.index(0, [{ local: chunk, coefficient: 1 }]);
const kernel = (count: number, body: readonly Statement[]): KernelFunction => ({
  name: 'k',
  chunks: { variable: chunk, count },
  body,
});
/** x[chunk] = x[chunk] + 1 */
const increment = kernel(4, [ir.store(x, at, ir.binary('add', ir.load(x, at), ir.i32Constant(1)))]);
const places = [0, 2048, 4096];
const elements = (pool: ThreadPool, k: number, count: number): Int32Array =>
  new Int32Array(pool.memory.buffer, places[k], count);
const fillTable = (pool: ThreadPool): void =>
  new Uint32Array(pool.memory.buffer, table, places.length).set(places);

describe('ThreadPool', () => {
  it('gives the same bits for 1, 2, 3 and 4 threads, those of the interpreter, for random programs', () => {
    const arena = 1024;
    const isParallel = ({ kernels }: LoopProgram): boolean =>
      kernels.some(({ chunks }) => (chunks?.count ?? 1) > 1);
    const threaded = [2, 3, 4].map(newPool);
    for (const pool of threaded) expect(controlBytes(pool.threads)).toBeLessThanOrEqual(arena);
    const count = Number(process.env.FUZZ_COUNT ?? 150);
    let parallel = 0;
    for (let seed = 0; seed < count; seed++) {
      const program = new ProgramGenerator(new Random(seed)).program({
        chunks: true,
        doubleFunctions: false,
      });
      const plain = new ArrayBuffer(memoryBytes);
      randomMemory(plain, seed, arena);
      new Interpreter(plain, table).run(program);
      const expected = valuesIn(plain, arena);
      for (const pool of threaded) {
        randomMemory(pool.memory.buffer, seed, arena);
        const run = load(pool, program);
        if (isParallel(program) && pool.waitUntilReady()) parallel++;
        run(table);
        const failure = `seed ${seed}, ${pool.threads} threads\n`;
        const actual = valuesIn(pool.memory.buffer, arena);
        const same = expected.every((values, k) =>
          values.every((value, i) => Object.is(value, actual[k][i])),
        );
        expect(same, same ? '' : failure + programText(program)).toBe(true);
      }
    }
    expect(parallel).toBeGreaterThan(count);
  });

  it('runs functions of f64, which workers do not have, on the calling thread', () => {
    const pool = newPool(2);
    fillTable(pool);
    const z: Buffer = { name: 'z', scalar: 'f64', place: { kind: 'argument', argument: 1 } };
    const run = load(pool, { kernels: [kernel(3, [ir.store(z, at, ir.unary('exp', ir.load(z, at)))])] });
    expect(pool.waitUntilReady()).toBe(false);
    run(table);
    expect([...new Float64Array(pool.memory.buffer, places[1], 4)]).toEqual([1, 1, 1, 0]);
  });

  it('thousands of tiny kernels, each of which needs what all threads wrote in the one before', () => {
    const [n, rounds] = [8, 2000];
    const next: Expr = ir.binary('rem', ir.indexValue(ir.addIndex(at, ir.index(1))), ir.i32Constant(n));
    const step = (from: Buffer, to: Buffer): KernelFunction => {
      const right = ir.load(from, { offset: 0, terms: [], dynamic: [next] });
      return kernel(n, [ir.store(to, at, ir.binary('add', ir.load(from, at), right))]);
    };
    // Some on the first thread alone.
    const alone = { name: 'alone', body: [ir.store(x, ir.index(0), ir.load(x, ir.index(3)))] };
    const kernels = Array.from({ length: rounds }, (_, k) =>
      k % 7 === 6 ? alone : k % 2 === 0 ? step(x, y) : step(y, x),
    );
    let [a, b] = [Array.from({ length: n }, (_, i) => i * i + 1), new Array<number>(n).fill(0)];
    for (let call = 0; call < 3; call++) {
      kernels.forEach((_, k) => {
        if (k % 7 === 6) a[0] = a[3];
        else if (k % 2 === 0) b = a.map((v, i) => (v + a[(i + 1) % n]) | 0);
        else a = b.map((v, i) => (v + b[(i + 1) % n]) | 0);
      });
    }
    for (const threads of [2, 4]) {
      const pool = newPool(threads);
      fillTable(pool);
      elements(pool, 1, n).set(Array.from({ length: n }, (_, i) => i * i + 1));
      const run = load(pool, { kernels });
      expect(pool.waitUntilReady()).toBe(true);
      for (let call = 0; call < 3; call++) run(table);
      expect([...elements(pool, 1, n)]).toEqual(a);
      expect([...elements(pool, 2, n)]).toEqual(b);
    }
  });

  it('runs a program on the calling thread until the workers are ready', () => {
    const pool = newPool(2);
    fillTable(pool);
    const run = load(pool, { kernels: [increment] });
    run(table);
    expect([...elements(pool, 1, 5)]).toEqual([1, 1, 1, 1, 0]);
    expect(pool.waitUntilReady()).toBe(true);
    run(table);
    expect([...elements(pool, 1, 5)]).toEqual([2, 2, 2, 2, 0]);
  });

  it('starts no worker for programs that one thread runs', () => {
    const pool = newPool(2);
    fillTable(pool);
    const run = load(pool, { kernels: [{ ...increment, chunks: { variable: chunk, count: 1 } }] });
    expect(pool.waitUntilReady()).toBe(false);
    run(table);
    expect([...elements(pool, 1, 2)]).toEqual([1, 0]);
  });

  it('runs single kernels', () => {
    const pool = newPool(3);
    fillTable(pool);
    const copy = kernel(4, [ir.store(y, at, ir.load(x, at))]);
    const run = load(pool, { kernels: [increment, copy] });
    expect(pool.waitUntilReady()).toBe(true);
    for (let i = 0; i < 100; i++) {
      run(table, 0);
      run(table, 1);
      expect([...elements(pool, 2, 5)]).toEqual([i + 1, i + 1, i + 1, i + 1, 0]);
    }
  });

  it('workers see memory that was added after they started', () => {
    const pool = newPool(2);
    fillTable(pool);
    const run = load(pool, { kernels: [increment] });
    expect(pool.waitUntilReady()).toBe(true);
    run(table);
    for (let round = 1; round <= 20; round++) {
      const address = pool.memory.buffer.byteLength + 4096;
      pool.memory.grow(3);
      new Uint32Array(pool.memory.buffer, table, 2)[1] = address;
      run(table);
      expect([...new Int32Array(pool.memory.buffer, address, 5)]).toEqual([1, 1, 1, 1, 0]);
    }
  });

  it('keeps many programs apart', () => {
    const pool = newPool(2);
    fillTable(pool);
    const runs = Array.from({ length: 60 }, (_, k) =>
      load(pool, {
        kernels: [kernel(3, [ir.store(x, at, ir.indexValue(ir.addIndex(at, ir.index(10 * k))))])],
      }),
    );
    expect(pool.waitUntilReady()).toBe(true);
    for (let k = 59; k >= 0; k--) {
      runs[k](table);
      expect([...elements(pool, 1, 3)]).toEqual([10 * k, 10 * k + 1, 10 * k + 2]);
    }
  });

  describe('when something goes wrong', () => {
    /** Reads far outside of the memory in one chunk. */
    const trapping = (which: number): LoopProgram => {
      const outside = ir.load(x, ir.index(2 ** 28));
      const bad = ir.ifThen(ir.compare('eq', ir.get(chunk), ir.i32Constant(which)), [
        ir.store(x, at, outside),
      ]);
      return { kernels: [increment, kernel(2, [bad]), increment] };
    };

    it.each([
      [1, /failed while running on 2 threads: worker thread 1: RuntimeError: memory access out of bounds/],
      [0, /failed while running on 2 threads: memory access out of bounds/],
    ])(
      'a trap in the part of thread %i is an error, and later programs run on one thread',
      (which, message) => {
        const pool = newPool(2);
        fillTable(pool);
        const run = load(pool, trapping(which));
        expect(pool.waitUntilReady()).toBe(true);
        expect(() => run(table)).toThrow(message);
        expect(pool.waitUntilReady()).toBe(false);
        elements(pool, 1, 5).fill(0);
        load(pool, { kernels: [increment] })(table);
        expect([...elements(pool, 1, 5)]).toEqual([1, 1, 1, 1, 0]);
      },
    );

    /** A pool of three threads with its workers, ready for commands. */
    const poolWithWorkers = (): { pool: ThreadPool; run: ThreadedRun; workers: Worker[] } => {
      const threads = process.getBuiltinModule('node:worker_threads');
      const workers: Worker[] = [];
      const original = threads.Worker;
      threads.Worker = class extends original {
        constructor(text: string, options: WorkerOptions) {
          super(text, options);
          workers.push(this);
        }
      };
      try {
        const pool = newPool(3);
        fillTable(pool);
        const run = load(pool, { kernels: [increment, increment] });
        expect(pool.waitUntilReady()).toBe(true);
        expect(workers.length).toBe(2);
        return { pool, run, workers };
      } finally {
        threads.Worker = original;
      }
    };

    it('a worker that is killed while programs run is an error, not a hang', () => {
      const { pool, run, workers } = poolWithWorkers();
      run(table);
      void workers[1].terminate();
      // Calls may still find the worker alive, but not for long.
      const untilError = (): void => {
        for (let i = 0; i < 1e6; i++) run(table);
      };
      expect(untilError).toThrow(/failed while running on 3 threads: a worker thread has ended unexpectedly/);
      elements(pool, 1, 5).fill(0);
      run(table);
      expect([...elements(pool, 1, 5)]).toEqual([2, 2, 2, 2, 0]);
    });

    it('a worker that is killed while nothing runs is a warning', async () => {
      const { pool, run, workers } = poolWithWorkers();
      const warning = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
      try {
        await workers[0].terminate();
        expect(warning.mock.calls).toHaveLength(1);
        expect(warning.mock.calls[0][0]).toMatch(/worker thread 1 ended with code 1; .* one thread/);
        run(table);
        expect([...elements(pool, 1, 5)]).toEqual([2, 2, 2, 2, 0]);
      } finally {
        warning.mockRestore();
      }
    });

    it('threads that cannot be started are a warning, and programs run on one thread', () => {
      const threads = process.getBuiltinModule('node:worker_threads');
      const original = threads.Worker;
      const warning = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
      threads.Worker = class {
        constructor() {
          throw new Error('not allowed here');
        }
      } as unknown as typeof original;
      try {
        const pool = newPool(2);
        fillTable(pool);
        load(pool, { kernels: [increment] })(table);
        expect([...elements(pool, 1, 5)]).toEqual([1, 1, 1, 1, 0]);
        expect(warning.mock.calls).toHaveLength(1);
        expect(warning.mock.calls[0][0]).toMatch(/cannot be started \(not allowed here\).* one thread/);
      } finally {
        threads.Worker = original;
        warning.mockRestore();
      }
    });
  });
});

describe('threadCount', () => {
  afterEach(() => {
    vi.unstubAllEnvs();
  });

  it('is NABLA_THREADS, or what the machine has up to 8', () => {
    vi.stubEnv('NABLA_THREADS', '3');
    expect(threadCount()).toBe(3);
    vi.stubEnv('NABLA_THREADS', '');
    const available = process.getBuiltinModule('node:os').availableParallelism();
    expect(threadCount()).toBe(Math.min(available, 8));
  });

  it.each(['0', '1.5', 'two', '-1', '65'])('refuses %s', (text) => {
    vi.stubEnv('NABLA_THREADS', text);
    expect(() => threadCount()).toThrow(`NABLA_THREADS=${text} is not a number of threads`);
  });
});

describe('processes, from built files', () => {
  let built = '';

  beforeAll(() => {
    built = buildPackage('threads');
  });
  afterAll(() => rmSync(built, { recursive: true, force: true }));

  it('uses next to no processor time while workers are idle, and ends by itself', () => {
    const program = `
      import { ThreadPool } from './dist/runtime/cpu/threads.js';
      import { printWasm } from './dist/compiler/wasm/print.js';
      import * as ir from './dist/compiler/ir_build.js';
      const memory = new WebAssembly.Memory({ initial: 1, maximum: 65536, shared: true });
      const pool = new ThreadPool(memory, 4);
      const chunk = ir.local('chunk', ir.typeOf('i32'));
      const x = { name: 'x', scalar: 'i32', place: { kind: 'argument', argument: 1 } };
      const at = ir.index(0, [{ local: chunk, coefficient: 1 }]);
      const kernels = [{ name: 'k', chunks: { variable: chunk, count: 4 }, body: [ir.store(x, at, ir.get(chunk))] }];
      const module = new WebAssembly.Module(printWasm({ kernels }, { sharedMemory: true }));
      const { exports } = new WebAssembly.Instance(module, { env: { memory, wait: pool.wait } });
      const run = pool.add(module, exports, [4]);
      new Uint32Array(memory.buffer, 16, 2).set([0, 2048]);
      const ready = pool.waitUntilReady();
      for (let i = 0; i < 100; i++) run(16);
      const result = [...new Int32Array(memory.buffer, 2048, 4)];
      await new Promise((resolve) => setTimeout(resolve, 200));
      const [before, start] = [process.cpuUsage(), performance.now()];
      await new Promise((resolve) => setTimeout(resolve, 1000));
      const { user, system } = process.cpuUsage(before);
      const busy = (user + system) / 1000 / (performance.now() - start);
      console.log(JSON.stringify({ ready, result, busy }));
    `;
    writeFileSync(join(built, 'idle.mjs'), program);
    const child = spawnSync(process.execPath, [join(built, 'idle.mjs')], {
      encoding: 'utf8',
      timeout: 50_000,
    });
    expect(child.stderr).toBe('');
    expect(child.status).toBe(0);
    const { ready, result, busy } = JSON.parse(child.stdout);
    expect(ready).toBe(true);
    expect(result).toEqual([0, 1, 2, 3]);
    // Processors in use. Three workers that spun would keep one or more.
    expect(busy).toBeLessThan(0.3);
  });

  it('trains a network to the same bits on 1, 2 and 4 threads', () => {
    const program = `
      import { createHash } from 'node:crypto';
      import { jit, random, valueAndGrad } from './dist/index.js';
      import * as nn from './dist/nn/index.js';
      import * as optim from './dist/optim/index.js';
      import { heap } from './dist/runtime/cpu/wasm_program.js';
      random.seed(5);
      const model = new nn.Sequential(
        new nn.Conv2d(1, 6, 5), new nn.ReLU(), new nn.MaxPool2d(2), new nn.Flatten(), new nn.Linear(864, 64), new nn.ReLU(),
        new nn.Linear(64, 10),
      );
      const optimizer = new optim.Adam(model, { lr: 1e-3 });
      const step = jit((x, y) => {
        const [loss, grads] = valueAndGrad(() => nn.crossEntropy(model.forward(x), y), model);
        optimizer.update(grads);
        return loss;
      });
      const [x, y] = [random.uniform([64, 28, 28, 1]), random.randint([64], 0, 10)];
      step(x, y).item();
      const ready = heap().pool?.waitUntilReady() ?? false;
      for (let i = 0; i < 5; i++) step(x, y).item();
      const hash = createHash('sha256');
      let count = 0;
      for (const { value } of model.parameters()) {
        const data = value.dataSync();
        hash.update(Buffer.from(data.slice().buffer));
        count += data.length;
      }
      console.log(JSON.stringify({ ready, count, hash: hash.digest('hex') }));
    `;
    writeFileSync(join(built, 'train.mjs'), program);
    const results = ['1', '2', '4'].map((NABLA_THREADS) => {
      const child = spawnSync(process.execPath, [join(built, 'train.mjs')], {
        encoding: 'utf8',
        timeout: 50_000,
        env: { ...process.env, NABLA_TIER: 'wasm', NABLA_THREADS },
      });
      expect(child.stderr).toBe('');
      return JSON.parse(child.stdout);
    });
    expect(results.map(({ ready }) => ready)).toEqual([false, true, true]);
    expect(results[0].count).toBe(6 * 26 + 865 * 64 + 65 * 10);
    expect(new Set(results.map(({ hash }) => hash)).size).toBe(1);
  });
});
