import { describe, expect, it } from 'vitest';
import type { Buffer, KernelFunction, LoopProgram } from '../../src/compiler/ir.ts';
import * as ir from '../../src/compiler/ir_build.ts';
import { programText } from '../../src/compiler/ir_text.ts';
import { hostMath } from '../../src/compiler/wasm/host_math.ts';
import { printWasm } from '../../src/compiler/wasm/print.ts';
import { Interpreter } from './ir_interpreter.ts';
import { memoryBytes, randomMemory, table, valuesIn } from './ir_memory.ts';
import { buffers, ProgramGenerator, Random } from './ir_random.ts';
import { disassemble } from './wasm_disassemble.ts';

function instantiate(
  program: LoopProgram,
  memory: WebAssembly.Memory,
): Record<string, (table: number) => void> {
  const module = new WebAssembly.Module(printWasm(program) as BufferSource);
  const { exports } = new WebAssembly.Instance(module, { env: { memory }, math: hostMath });
  return exports as Record<string, (table: number) => void>;
}

describe('printWasm', () => {
  it("gives the interpreter's memory for random programs", () => {
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 65536 });
    const first = Number(process.env.FUZZ_FROM ?? 0);
    for (let seed = first; seed < first + Number(process.env.FUZZ_COUNT ?? 400); seed++) {
      const program = new ProgramGenerator(new Random(seed)).program({ chunks: seed % 4 === 3 });
      const plain = new ArrayBuffer(memoryBytes);
      randomMemory(plain, seed);
      randomMemory(memory.buffer, seed);
      new Interpreter(plain, table).run(program);
      let failure = '';
      try {
        instantiate(program, memory).run(table);
        const [expected, actual] = [valuesIn(plain), valuesIn(memory.buffer)];
        expected.forEach((values, k) => {
          const i = values.findIndex((value, j) => !Object.is(value, actual[k][j]));
          if (i >= 0) failure ||= `${buffers[k].name}[${i}] is ${actual[k][i]}, not ${values[i]}`;
        });
      } catch (error) {
        failure = String(error);
      }
      expect(failure, `seed ${seed}: ${failure}\n${failure && programText(program)}`).toBe('');
    }
  });

  const scalarKernel = (kind: 'f32' | 'f64'): LoopProgram => {
    const buffer: Buffer = { name: 'x', scalar: kind, place: { kind: 'argument', argument: 1 } };
    const root = ir.unary('exp', ir.load(buffer, ir.index(0)));
    const kernels = [0, 1].map((n) => ({
      name: `k${n}`,
      body: [
        ir.store(
          buffer,
          ir.index(n),
          ir.binary('mul', ir.unary('tanh', root), ir.load(buffer, ir.index(n + 1))),
        ),
      ],
    }));
    return { kernels };
  };

  it('imports only the functions that f64 kernels call, none for f32', () => {
    const imported = (program: LoopProgram) =>
      WebAssembly.Module.imports(new WebAssembly.Module(printWasm(program) as BufferSource)).map(
        ({ name }) => name,
      );
    expect(imported(scalarKernel('f64')).sort()).toEqual(['exp', 'memory', 'tanh']);
    expect(imported(scalarKernel('f32'))).toEqual(['memory']);
  });

  it('exports every kernel; run calls them in order', () => {
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 65536 });
    const x = new Float64Array(memory.buffer, 1024, 3);
    new Uint32Array(memory.buffer, 0, 2).set([0, 1024]);
    const exports = instantiate(scalarKernel('f64'), memory);
    expect(Object.keys(exports).sort()).toEqual(['k0', 'k1', 'run']);
    x.set([0.5, 3, 7]);
    exports.k0(0);
    exports.k1(0);
    const apart = [...x];
    x.set([0.5, 3, 7]);
    exports.run(0);
    expect([...x]).toEqual(apart);
    expect(x[0]).toBe(Math.tanh(Math.exp(0.5)) * 3);
    expect(x[1]).toBe(Math.tanh(Math.exp(x[0])) * 7);
  });

  it('imports a shared memory on request', () => {
    const module = new WebAssembly.Module(
      printWasm(scalarKernel('f32'), { sharedMemory: true }) as BufferSource,
    );
    const shared = new WebAssembly.Memory({ initial: 1, maximum: 65536, shared: true });
    const plain = new WebAssembly.Memory({ initial: 1, maximum: 65536 });
    const wait = () => {};
    expect(() => new WebAssembly.Instance(module, { env: { memory: shared, wait } })).not.toThrow();
    expect(() => new WebAssembly.Instance(module, { env: { memory: plain, wait } })).toThrow(/shared/);
  });

  describe('for several threads', () => {
    const x: Buffer = { name: 'x', scalar: 'i32', place: { kind: 'argument', argument: 1 } };
    /** Kernel k adds 1 to the elements k and up to k + count - 1, one a chunk. */
    const kernel = (k: number, count: number): KernelFunction => {
      const variable = ir.local('chunk', ir.typeOf('i32'));
      const at = ir.index(k, [{ local: variable, coefficient: 1 }]);
      const body = [ir.store(x, at, ir.binary('add', ir.load(x, at), ir.i32Constant(1)))];
      return { name: `k${k}`, chunks: { variable, count }, body };
    };
    const program = (...counts: number[]): LoopProgram => ({ kernels: counts.map((n, k) => kernel(k, n)) });
    /** How often `run` calls the barrier. The functions are `wait`, the kernels, the barrier, `run`. */
    const barriers = (...counts: number[]): number => {
      const barrier = counts.length + 1;
      const functions = disassemble(printWasm(program(...counts), { sharedMemory: true }));
      const run = functions[counts.length + 1];
      return run.filter(({ name, immediates }) => name === 'call' && immediates[0] === barrier).length;
    };

    it('one thread runs all chunks, with and without shared memory', () => {
      for (const sharedMemory of [false, true]) {
        const memory = new WebAssembly.Memory({ initial: 1, maximum: 65536, shared: sharedMemory });
        const module = new WebAssembly.Module(printWasm(program(3, 1, 2), { sharedMemory }) as BufferSource);
        const { exports } = new WebAssembly.Instance(module, { env: { memory, wait: () => {} } });
        new Uint32Array(memory.buffer, 0, 2).set([0, 1024]);
        const run = exports.run as (table: number, thread: number, threads: number) => void;
        run(0, 0, 1);
        expect([...new Int32Array(memory.buffer, 1024, 6)]).toEqual([1, 2, 2, 1, 0, 0]);
        (exports.k0 as typeof run)(0, 0, 1);
        expect([...new Int32Array(memory.buffer, 1024, 6)]).toEqual([2, 3, 3, 1, 0, 0]);
      }
    });

    it('each thread runs every so many chunks; kernels of one chunk run on the first', () => {
      const memory = new WebAssembly.Memory({ initial: 1, maximum: 65536, shared: true });
      const module = new WebAssembly.Module(printWasm(program(5, 1), { sharedMemory: true }) as BufferSource);
      const wait = () => {
        throw new Error('nobody comes');
      };
      const { exports } = new WebAssembly.Instance(module, { env: { memory, wait } });
      new Uint32Array(memory.buffer, 0, 2).set([0, 1024]);
      const elements = new Int32Array(memory.buffer, 1024, 6);
      const call = exports.k0 as (table: number, thread: number, threads: number) => void;
      // The other two never come to the barrier at the end.
      expect(() => call(0, 1, 3)).toThrow('nobody comes');
      expect([...elements]).toEqual([0, 1, 0, 0, 1, 0]);
      (exports.k1 as typeof call)(0, 1, 3);
      expect(elements[1]).toBe(1);
      (exports.k1 as typeof call)(0, 0, 3);
      expect(elements[1]).toBe(2);
    });

    it('meets where another thread may have written what a kernel reads, and only there', () => {
      expect(barriers(1)).toBe(0);
      expect(barriers(1, 1, 1)).toBe(0);
      expect(barriers(2)).toBe(1);
      expect(barriers(1, 2)).toBe(2);
      expect(barriers(2, 1)).toBe(1);
      expect(barriers(2, 2, 1, 1, 2)).toBe(4);
      expect(barriers(1, 1, 2, 1, 1)).toBe(2);
    });

    it('has no atomic instruction without shared memory', () => {
      const code = disassemble(printWasm(program(4, 1))).flat();
      expect(code.filter(({ name }) => name.includes('atomic'))).toEqual([]);
    });
  });

  it('refuses vectors that no register holds', () => {
    const buffer: Buffer = { name: 'x', scalar: 'f32', place: { kind: 'argument', argument: 1 } };
    const body = [ir.store(buffer, ir.index(0), ir.load(buffer, ir.index(0), 8))];
    expect(() => printWasm({ kernels: [{ name: 'wide', body }] })).toThrow(/no register holds f32x8/);
  });
});
