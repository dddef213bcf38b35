import { describe, expect, it } from 'vitest';
import type { Buffer, Expr, Local, Statement } from '../../src/compiler/ir.ts';
import * as ir from '../../src/compiler/ir_build.ts';
import { printWasm } from '../../src/compiler/wasm/print.ts';
import { disassemble, type Instruction, innermostLoops } from './wasm_disassemble.ts';

const argument = (k: number): Buffer => ({
  name: `b${k}`,
  scalar: 'f32',
  place: { kind: 'argument', argument: k },
});
const arena = (offset: number): Buffer => ({
  name: `a${offset}`,
  scalar: 'f32',
  place: { kind: 'arena', offset },
});
const i32 = ir.typeOf('i32');
const variable = (name: string): Local => ir.local(name, i32);
const at = (offset: number, ...terms: [Local, number][]) =>
  ir.index(
    offset,
    terms.map(([local, coefficient]) => ({ local, coefficient })),
  );

const kernel = (body: Statement[]): Uint8Array => printWasm({ kernels: [{ name: 'k', body }] });
const count = (code: readonly Instruction[], name: string): number =>
  code.filter((x) => x.name === name).length;
const offsets = (code: readonly Instruction[]): number[] =>
  code.filter(({ name }) => /load|store/.test(name)).map((x) => x.immediates[1]);

describe('addresses of the wasm printer', () => {
  it('a loop over arena buffers advances one pointer, which counts the rounds too', () => {
    const i = variable('i');
    const sum = ir.binary(
      'add',
      ir.load(arena(64), at(0, [i, 1]), 4),
      ir.load(arena(4096), at(0, [i, 1]), 4),
    );
    const [code] = disassemble(kernel([ir.loop(i, 0, 128, 4, [ir.store(arena(8192), at(0, [i, 1]), sum)])]));
    const [inner] = innermostLoops(code);
    expect(count(inner, 'i32.add')).toBe(1);
    expect(count(inner, 'i32.mul') + count(inner, 'i32.shl')).toBe(0);
    expect(offsets(inner)).toEqual([64, 4096, 8192]);
  });

  it('the inner loop of a matrix product has two additions, its tile at constant offsets', () => {
    const [m, n, k] = [variable('m'), variable('n'), variable('k')];
    const f32x4 = ir.typeOf('f32', 4);
    const sums = Array.from({ length: 8 }, (_, t) => ir.local(`c${t}`, f32x4));
    const cell = (row: number, half: number): Expr => {
      const a = ir.splat(ir.load(argument(1), at(row, [m, 256], [k, 4])), 4);
      return ir.binary('mul', a, ir.load(argument(2), at(4 * half, [n, 256], [k, 8]), 4));
    };
    const update = sums.map((c, t) => ir.set(c, ir.binary('add', ir.get(c), cell(t >> 1, t & 1))));
    const zero = sums.map((c) => ir.set(c, ir.constant(f32x4, 0)));
    const out = sums.map((c, t) =>
      ir.store(argument(3), at((t >> 1) * 512 + 4 * (t & 1), [m, 2048], [n, 8]), ir.get(c)),
    );
    const nest = ir.loop(m, 0, 8, 1, [ir.loop(n, 0, 64, 1, [...zero, ir.loop(k, 0, 64, 1, update), ...out])]);
    const [inner] = innermostLoops(disassemble(kernel([nest]))[0]);
    expect(count(inner, 'i32.add')).toBe(2);
    expect(count(inner, 'i32.mul') + count(inner, 'i32.shl')).toBe(0);
    expect(new Set(offsets(inner))).toEqual(new Set([0, 4, 8, 12, 16]));
  });

  it('terms that the loop does not change leave it; a local that the loop sets stays', () => {
    const [i, row, moving] = [variable('i'), variable('row'), variable('moving')];
    const load = (local: Local) => ir.load(argument(1), at(0, [local, 12], [i, 1]));
    const body = (local: Local) => [
      ir.set(moving, ir.cast('i32', ir.load(argument(3), at(0, [i, 1])))),
      ir.store(argument(2), at(0, [i, 1]), load(local)),
    ];
    const start = ir.set(row, ir.cast('i32', ir.load(argument(3), at(0))));
    const [fixed] = innermostLoops(disassemble(kernel([start, ir.loop(i, 0, 9, 1, body(row))]))[0]);
    expect(count(fixed, 'i32.mul')).toBe(0);
    const [varying] = innermostLoops(disassemble(kernel([start, ir.loop(i, 0, 9, 1, body(moving))]))[0]);
    expect(count(varying, 'i32.mul')).toBe(1);
  });

  it('accesses next to one of unknown sign share its pointer', () => {
    const [i, p] = [variable('i'), variable('p')];
    const unknown = ir.set(p, ir.cast('i32', ir.load(argument(3), at(0))));
    const four = [0, 1, 2, 3].map((n) => ir.load(argument(1), at(n, [p, 1], [i, 4])));
    const sum = four.reduce((a, b) => ir.binary('add', a, b));
    const [inner] = innermostLoops(
      disassemble(kernel([unknown, ir.loop(i, 0, 9, 1, [ir.store(argument(2), at(0, [i, 1]), sum)])]))[0],
    );
    expect(count(inner, 'i32.add')).toBe(2);
    expect(offsets(inner)).toEqual([0, 4, 8, 12, 0]);
  });

  describe('never passes below a buffer', () => {
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 65536 });
    const run = (body: Statement[]): Float32Array => {
      new Uint32Array(memory.buffer, 0, 4).set([0, 64, 8192, 16384]);
      const x = new Float32Array(memory.buffer, 64, 1024);
      x.set(Float32Array.from(x, (_, i) => i));
      new Float32Array(memory.buffer, 16384, 1).fill(-1000);
      const module = new WebAssembly.Module(kernel(body) as BufferSource);
      const { exports } = new WebAssembly.Instance(module, { env: { memory } });
      (exports.run as (table: number) => void)(0);
      return new Float32Array(memory.buffer, 8192, 8);
    };
    const p = variable('p');
    const unknown = ir.set(p, ir.cast('i32', ir.load(argument(3), at(0))));

    it('where the terms run downwards', () => {
      const i = variable('i');
      const flip = ir.load(argument(1), at(1000, [i, -125]));
      expect([...run([ir.loop(i, 0, 8, 1, [ir.store(argument(2), at(0, [i, 1]), flip)])])]).toEqual([
        1000, 875, 750, 625, 500, 375, 250, 125,
      ]);
    });

    it('where a neighbour is guarded', () => {
      const i = variable('i');
      const guarded = ir.choose(
        ir.compare('lt', ir.i32Constant(-1), ir.get(p)),
        ir.load(argument(1), at(0, [p, 1])),
        ir.load(argument(1), at(1000, [p, 1], [i, 1])),
      );
      const y = run([unknown, ir.loop(i, 0, 8, 1, [ir.store(argument(2), at(0, [i, 1]), guarded)])]);
      expect([...y]).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    });

    it('where a while loop tests what its body would prove valid, and the body never runs', () => {
      const never = ir.compare('lt', ir.load(argument(1), at(1003, [p, 1])), ir.f32Constant(0));
      const y = run([
        unknown,
        ir.store(argument(2), at(0), ir.f32Constant(5)),
        ir.whileLoop(never, [ir.store(argument(2), at(0), ir.load(argument(1), at(0, [p, 1])))]),
      ]);
      expect(y[0]).toBe(5);
    });
  });
});
