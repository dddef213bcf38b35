import { describe, expect, it } from 'vitest';
import type { Buffer, LoopProgram } from '../../src/compiler/ir.ts';
import * as ir from '../../src/compiler/ir_build.ts';
import { programText } from '../../src/compiler/ir_text.ts';
import { hostMath } from '../../src/compiler/wasm/host_math.ts';
import { printWasm } from '../../src/compiler/wasm/print.ts';
import { Interpreter } from './ir_interpreter.ts';
import { buffers, bytesOfScalar, length, ProgramGenerator, Random, randomValue } from './ir_random.ts';

// Arguments lie low in memory, so that a pointer below its buffer wraps around and traps.
const table = 16;
const places = [64, 24576, 25856, 28352, 29568, 30784];
const pageBytes = 65536;

const bufferAddress = ({ place }: (typeof buffers)[number]): number =>
  place.kind === 'argument' ? places[place.argument] : places[0] + place.offset;

/** Memory with random contents, the same for the same seed. */
function fill(memory: ArrayBuffer, seed: number): void {
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

/** All elements of all buffers; every NaN is one. */
function contents(memory: ArrayBuffer): number[][] {
  const view = new DataView(memory);
  return buffers.map((buffer) => {
    const base = bufferAddress(buffer);
    const size = bytesOfScalar(buffer.scalar);
    return Array.from({ length }, (_, i) => {
      const at = base + size * i;
      if (buffer.scalar === 'f32') return view.getFloat32(at, true);
      if (buffer.scalar === 'f64') return view.getFloat64(at, true);
      return buffer.scalar === 'bool' ? view.getUint8(at) : view.getUint32(at, true);
    });
  });
}

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
      const program = new ProgramGenerator(new Random(seed)).program();
      const plain = new ArrayBuffer(pageBytes);
      fill(plain, seed);
      fill(memory.buffer, seed);
      new Interpreter(plain, table).run(program);
      let failure = '';
      try {
        instantiate(program, memory).run(table);
        const [expected, actual] = [contents(plain), contents(memory.buffer)];
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
    expect(() => new WebAssembly.Instance(module, { env: { memory: shared } })).not.toThrow();
    expect(() => new WebAssembly.Instance(module, { env: { memory: plain } })).toThrow(/shared/);
  });

  it('refuses vectors that no register holds', () => {
    const buffer: Buffer = { name: 'x', scalar: 'f32', place: { kind: 'argument', argument: 1 } };
    const body = [ir.store(buffer, ir.index(0), ir.load(buffer, ir.index(0), 8))];
    expect(() => printWasm({ kernels: [{ name: 'wide', body }] })).toThrow(/no register holds f32x8/);
  });
});
