import { describe, expect, it } from 'vitest';
import { printC } from '../../src/compiler/c/print.ts';
import type { Buffer, Expr, Statement } from '../../src/compiler/ir.ts';
import * as ir from '../../src/compiler/ir_build.ts';

// What the text means is tested by compiling it: test/runtime/native.test.ts.

const x: Buffer = { name: 'x', scalar: 'f32', place: { kind: 'argument', argument: 1 } };
const y: Buffer = { name: 'y', scalar: 'f32', place: { kind: 'arena', offset: 128 } };
const own: Buffer = { name: 'own', scalar: 'f32', place: { kind: 'thread', offset: 256, stride: 64 } };
const i = ir.local('i', ir.typeOf('i32'));

const printed = (...body: Statement[]): string => printC({ kernels: [{ name: 'kernel', body }] });
const storing = (value: Expr): string => printed(ir.store(x, ir.index(0), value));

/** The places of all kernels, in the order of the program. */
const places = (text: string): string[] =>
  (text.match(/struct place places\[\] = \{([^;]*)\};/)?.[1] ?? '')
    .split('\n')
    .map((line) => line.trim().replace(/,$/, ''))
    .filter((line) => line !== '' && line !== '{0, 0, 0}');

describe('printC', () => {
  it('reads no header and keeps all functions but the entry to itself', () => {
    const text = storing(ir.unary('exp', ir.load(x, ir.index(0), 8)));
    expect(text).not.toContain('#include');
    const functions = text.split('\n').filter((line) => /^\S.*\) \{$/.test(line));
    expect(functions.length).toBeGreaterThan(3);
    expect(functions.filter((line) => !/^(INLINE|FUNCTION|static) /.test(line))).toEqual([]);
    expect(text.match(/visibility\("default"\)/g)).toHaveLength(1);
  });

  it('addresses arguments, the arena and the memory of a thread by bytes', () => {
    const at = ir.index(3, [{ local: i, coefficient: 5 }]);
    const sum = ir.binary('add', ir.load(x, at), ir.load(y, at));
    const text = printed(ir.loop(i, 0, 9, 1, [ir.store(own, at, sum)]));
    expect(text).toContain('for (i64 i_0 = 0; i_0 < 9; i_0 += 1)');
    const number = (place: string) => places(text).indexOf(place);
    expect(places(text)).toHaveLength(3);
    // Element 3 is the first that is touched.
    expect(text).toContain(`(b${number('{1, 12, 0}')} + i_0 * 20)`);
    expect(text).toContain(`(b${number('{0, 140, 0}')} + i_0 * 20)`);
    expect(text).toContain(`(b${number('{0, 268, 64}')} + i_0 * 20)`);
  });

  it('sums what changes in outer loops first, whatever the order of the terms', () => {
    const outer = ir.local('outer', ir.typeOf('i32'));
    const at = ir.index(0, [
      { local: i, coefficient: 1 },
      { local: outer, coefficient: 100 },
    ]);
    const copy = ir.store(y, at, ir.load(x, at));
    const text = printed(ir.loop(outer, 0, 4, 1, [ir.loop(i, 0, 100, 1, [copy])]));
    expect(text).toMatch(/\(b1 \+ outer_\d \* 400 \+ i_\d \* 4\)/);
  });

  it('defines each type and helper once, however many kernels use it', () => {
    const body = [ir.store(x, ir.index(0), ir.unary('tanh', ir.load(x, ir.index(0), 16)))];
    const text = printC({ kernels: [1, 2, 3].map((n) => ({ name: `kernel${n}`, body })) });
    expect(text.match(/f32x16 tanh_f32x16\(/g)).toHaveLength(1);
    expect(text.match(/typedef f32 f32x16 /g)).toHaveLength(1);
    expect(text.match(/tanh_f32x16\(\(\*/g)).toHaveLength(1);
  });

  it('gives kernels that differ in their places and names one function', () => {
    const copy = (from: Buffer, to: Buffer, n: number) => {
      const v = ir.local(`v${n}`, ir.typeOf('f32'));
      return [ir.set(v, ir.load(from, ir.index(7))), ir.store(to, ir.index(7), ir.get(v))];
    };
    const bodies = [copy(x, y, 1), copy(y, x, 22), copy(x, own, 3)];
    const text = printC({ kernels: bodies.map((body, n) => ({ name: `kernel${n}`, body })) });
    expect(text.match(/^static ALONE void k\d+\(/gm)).toHaveLength(1);
    expect(text).toContain('{k0, 1, 0},\n  {k0, 1, 2},\n  {k0, 1, 4},\n');
    const [atX, atY, atOwn] = ['{1, 28, 0}', '{0, 156, 0}', '{0, 284, 64}'];
    expect(places(text)).toEqual([atX, atY, atY, atX, atX, atOwn]);
  });

  it('fuses a product and a sum only where the loop IR says so', () => {
    const a = ir.load(x, ir.index(0), 16);
    expect(storing(ir.multiplyAdd(a, a, a))).toContain('= fma_f32x16(');
    expect(storing(ir.binary('add', ir.binary('mul', a, a), a))).not.toContain('fma');
  });

  it('compares against a number once', () => {
    const a = ir.load(x, ir.index(0), 4);
    const zero = ir.constant(a.type, 0);
    const relu = storing(ir.binary('max', a, zero));
    expect(relu).toContain('max_bound_f32x4(');
    expect(storing(ir.binary('max', zero, a)).replace(/\s/g, '')).toBe(relu.replace(/\s/g, ''));
    // Zeros are compared strictly where the bound is the lower one of them.
    expect(storing(ir.binary('max', a, ir.constant(a.type, -0)))).toContain('max_bound_strict_f32x4(');
    expect(storing(ir.binary('min', a, zero))).toContain('min_bound_strict_f32x4(');
    expect(storing(ir.binary('max', a, a))).toContain('max_f32x4(');
  });

  it('writes constants that C reads as the same value', () => {
    const written = (value: number): string => storing(ir.f32Constant(value)).match(/= (\S+);\n\}/)![1];
    expect(written(1)).toBe('1.0f');
    expect(written(-0)).toBe('(-0.0f)');
    expect(written(Number.NaN)).toBe('__builtin_nanf("")');
    expect(written(-Infinity)).toBe('(-__builtin_inff())');
    expect(Math.fround(Number.parseFloat(written(0.1)))).toBe(Math.fround(0.1));
    expect(written(2 ** 100)).toBe('1.2676506002282294e+30f');
  });

  it('lists kernels with their number of chunks', () => {
    const body = [ir.store(x, ir.index(0), ir.f32Constant(1))];
    const variable = ir.local('chunk', ir.typeOf('i32'));
    const text = printC({
      kernels: [
        { name: 'one', body },
        { name: 'seven', chunks: { variable, count: 7 }, body },
      ],
    });
    expect(text).toContain('{k0, 1, 0},\n  {k0, 7, 1},');
  });

  it('keeps names and comments from leaving their place', () => {
    const odd = ir.local('a b*/', ir.typeOf('f32'));
    const text = printC({
      kernels: [
        {
          name: 'first\nint second;',
          body: [
            ir.comment('one\\\nint two;'),
            ir.set(odd, ir.f32Constant(2)),
            ir.store(x, ir.index(0), ir.get(odd)),
          ],
        },
      ],
    });
    expect(text).not.toMatch(/^\s*int /m);
    expect(text).toContain('a_b__0 = 2.0f;');
  });

  it('refuses vectors of other lengths', () => {
    expect(() => storing(ir.load(x, ir.index(0), 3))).toThrow(/no vector of 3 lanes \(f32x3\)/);
    expect(() => storing(ir.load(x, ir.index(0), 32))).toThrow(/2, 4, 8 or 16/);
  });
});
