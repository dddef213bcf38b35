import { describe, expect, it } from 'vitest';
import type { Buffer } from '../../src/compiler/ir.ts';
import * as ir from '../../src/compiler/ir_build.ts';
import { expressionText, programText } from '../../src/compiler/ir_text.ts';

const i32 = ir.typeOf('i32');
const [i, j] = [ir.local('i', i32), ir.local('j', i32)];
const x: Buffer = { name: 'x', scalar: 'f32', place: { kind: 'argument', argument: 1 } };
const v = ir.get(ir.local('v', ir.typeOf('f32')));

describe('constructors of the loop IR', () => {
  it('merge index terms and take sums apart', () => {
    const sum = ir.addIndex(
      ir.index(3, [{ local: i, coefficient: 4 }]),
      ir.index(2, [{ local: i, coefficient: -4 }], [ir.get(j)]),
    );
    expect(sum).toEqual({ offset: 5, terms: [{ local: j, coefficient: 1 }], dynamic: [] });
    const value = ir.binary('mul', ir.binary('add', ir.get(i), ir.i32Constant(2)), ir.i32Constant(3));
    expect(ir.indexOf(value)).toEqual({ offset: 6, terms: [{ local: i, coefficient: 3 }], dynamic: [] });
    expect(ir.indexValue(ir.index(0, [{ local: i, coefficient: 1 }]))).toEqual(ir.get(i));
  });

  it('fold only what is exact', () => {
    expect(ir.binary('mul', v, ir.f32Constant(1))).toBe(v);
    expect(ir.binary('add', v, ir.f32Constant(-0))).toBe(v);
    // -0 + 0 is 0, and NaN * 0 is NaN.
    expect(ir.binary('add', v, ir.f32Constant(0)).op).toBe('binary');
    expect(ir.binary('mul', v, ir.f32Constant(0)).op).toBe('binary');
    expect(ir.binary('add', ir.f32Constant(16777216), ir.f32Constant(1))).toEqual(ir.f32Constant(16777216));
    const u32 = (value: number) => ir.constant(ir.typeOf('u32'), value);
    expect(ir.binary('sub', u32(1), u32(2))).toEqual(u32(2 ** 32 - 1));
    expect(ir.binary('div', ir.i32Constant(-7), ir.i32Constant(2))).toEqual(ir.i32Constant(-3));
    expect(ir.binary('div', ir.i32Constant(7), ir.i32Constant(0))).toEqual(ir.i32Constant(0));
  });

  it('refuse what has no meaning, naming the types', () => {
    const wide = ir.splat(v, 4);
    expect(() => ir.binary('add', v, wide)).toThrow(/add of f32 and f32x4/);
    expect(() => ir.binary('xor', v, v)).toThrow(/xor does not apply to f32/);
    expect(() => ir.unary('exp', ir.get(i))).toThrow(/exp does not apply to i32/);
    expect(() => ir.select(ir.compare('lt', v, v), wide, wide)).toThrow(/condition of type bool/);
    expect(() => ir.constant(ir.typeOf('u32'), -1)).toThrow(/-1 is not a u32/);
    expect(() => ir.set(i, v)).toThrow(/i of type i32 set to a value of type f32/);
    expect(() => ir.index(0, [], [v])).toThrow(/needs an i32 scalar, got f32/);
    expect(() => ir.extract(wide, 4)).toThrow(/no lane 4/);
    expect(() => ir.loop(i, 0, 4, 0, [])).toThrow(/step 0/);
    expect(() => ir.store(x, ir.index(0), ir.get(i))).toThrow(/store of i32 into x of f32/);
  });
});

describe('text of the loop IR', () => {
  it('shows loops, accesses and expressions', () => {
    const at = ir.index(1, [{ local: i, coefficient: 4 }]);
    const body = [
      ir.comment('doubles'),
      ir.loop(i, 0, ir.get(j), 2, [
        ir.store(x, at, ir.binary('mul', ir.load(x, at, 4), ir.constant(ir.typeOf('f32', 4), 2))),
      ]),
      ir.ifThen(ir.compare('lt', ir.get(i), ir.get(j)), [ir.set(i, ir.get(j))]),
    ];
    expect(programText({ kernels: [{ name: 'scale', body }] })).toBe(
      [
        'kernel 0 scale {',
        '  // doubles',
        '  for i from 0 to j by 2 {',
        '    x[4*i + 1:4] = (x[4*i + 1:4] * f32x4(2))',
        '  }',
        '  if (i < j) {',
        '    i: i32 = j',
        '  }',
        '}',
        '',
      ].join('\n'),
    );
    expect(expressionText(ir.fold('max', ir.unary('exp', ir.splat(v, 4))))).toBe('fold_max(exp(f32x4(v)))');
  });
});
