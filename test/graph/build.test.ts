import { describe, expect, test } from 'vitest';
import * as g from '../../src/graph/build.ts';
import { type DType, dtypes, promote } from '../../src/graph/dtype.ts';
import { GraphError, windowCount } from '../../src/graph/infer.ts';
import { isOp, type Node, sizeOf, stridesOf, topological, typeText } from '../../src/graph/node.ts';
import { Interpreted } from '../support/interpreted.ts';

const float = (...shape: number[]): Node => g.input(shape, 'float32');
const int = (...shape: number[]): Node => g.input(shape, 'int32');
const bool = (...shape: number[]): Node => g.input(shape, 'bool');

const constantOf = (node: Node): number => {
  if (!isOp(node, 'constant')) throw new Error(`${node.op} is not a constant`);
  return node.attributes.value;
};

describe('constants', () => {
  test.each([
    [0.1, 'float32', Math.fround(0.1)],
    [0.1, 'float64', 0.1],
    [1.9, 'int32', 1],
    [-1.9, 'int32', -1],
    [2 ** 31, 'int32', -(2 ** 31)],
    [-1, 'uint32', 2 ** 32 - 1],
    [5, 'bool', 1],
    [0, 'bool', 0],
    [256, 'bool', 1],
  ] as const)('%d as %s is %d', (value, dtype, expected) => {
    expect(constantOf(g.constant(value, [2], dtype))).toBe(expected);
  });

  test('products and quotients of float constants are constants, rounded once', () => {
    expect(constantOf(g.mul(g.constant(0.1), g.constant(3)))).toBe(Math.fround(Math.fround(0.1) * 3));
    expect(constantOf(g.div(g.constant(1), g.constant(3)))).toBe(Math.fround(1 / 3));
    expect(constantOf(g.div(g.constant(1), g.constant(0)))).toBe(Infinity);
    expect(g.div(g.constant(1, [], 'int32'), g.constant(3, [], 'int32')).op).toBe('binary');
  });

  test('views of constants are constants', () => {
    const one = g.constant(1, [2, 3]);
    expect(g.reshape(one, [6])).toMatchObject({ op: 'constant', shape: [6] });
    expect(g.broadcast(one, [4, 2, 3], [1, 2])).toMatchObject({ op: 'constant', shape: [4, 2, 3] });
    expect(g.cast(g.constant(3, [2], 'int32'), 'float32')).toMatchObject({
      op: 'constant',
      dtype: 'float32',
    });
  });
});

describe('what does nothing is dropped', () => {
  const x = float(2, 3);
  const cases: Readonly<Record<string, () => Node>> = {
    'multiplication by 1': () => g.mul(x, g.fill(1, x)),
    'multiplication of 1': () => g.mul(g.fill(1, x), x),
    'division by 1': () => g.div(x, g.fill(1, x)),
    'cast to the same dtype': () => g.cast(x, 'float32'),
    'bitcast to the same dtype': () => g.bitcast(x, 'float32'),
    'reshape to the same shape': () => g.reshape(x, [2, 3]),
    'reshape there and back': () => g.reshape(g.reshape(x, [6]), [2, 3]),
    'identical permutation': () => g.transpose(x, [0, 1]),
    'transpose there and back': () => g.transpose(g.transpose(x, [1, 0]), [1, 0]),
    'broadcast to the same shape': () => g.broadcast(x, [2, 3], [0, 1]),
    'whole slice': () => g.slice(x, [0, 0], [1, 1], [2, 3]),
    'padding by nothing': () => g.pad(x, [0, 0], [0, 0]),
    'concat of one': () => g.concat([x], 1),
    'reduction over no axes': () => g.reduce('sum', x, []),
  };
  test.each(Object.entries(cases))('%s', (_, make) => {
    expect(make()).toBe(x);
  });

  test('views of views compose to what the two do', () => {
    const values = new Interpreted();
    const y = values.input(
      Array.from({ length: 24 }, (_, i) => i),
      [2, 3, 4],
    );
    const once = g.transpose(y, [1, 2, 0]);
    const twice = g.transpose(once, [2, 0, 1]);
    expect(twice).toBe(y);
    const other = g.transpose(once, [1, 0, 2]);
    expect(other.inputs[0]).toBe(y);
    expect(other.shape).toEqual([4, 3, 2]);
    // Element [i, j, k] of `other` is y[k, j, i].
    expect([...values.values(other)[0]].slice(0, 4)).toEqual([0, 12, 4, 16]);
    const row = values.input([1, 2], [2]);
    const wide = g.broadcast(g.broadcast(row, [2, 3], [0]), [4, 2, 3], [1, 2]);
    expect(wide.inputs[0]).toBe(row);
    expect([...values.values(wide)[0]].slice(0, 6)).toEqual([1, 1, 1, 2, 2, 2]);
  });

  test('views are not looked through once they hold a value', () => {
    const view = g.reshape(float(6), [3, 2]);
    view.stored = { dtype: 'float32', length: 6 };
    expect(g.reshape(view, [2, 3]).inputs[0]).toBe(view);
    expect(g.add(view, view).depth).toBe(0);
  });
});

describe('broadcastTo', () => {
  test.each([
    [[3], [2, 3]],
    [
      [2, 1],
      [2, 3],
    ],
    [
      [1, 1],
      [2, 3],
    ],
    [[], [2, 3]],
    [[1], [0]],
    [
      [2, 1, 3],
      [2, 5, 3],
    ],
  ])('[%s] to [%s] repeats as NumPy does', (from, to) => {
    const values = new Interpreted();
    const x = values.input(
      Array.from({ length: sizeOf(from) }, (_, i) => i + 1),
      from,
    );
    const wide = g.broadcastTo(x, to);
    const [out] = values.values(wide);
    const shift = to.length - from.length;
    const [strides, own] = [stridesOf(to), stridesOf(from)];
    const expected = Array.from({ length: sizeOf(to) }, (_, i) => {
      let position = 0;
      from.forEach((extent, axis) => {
        const index = Math.floor(i / strides[axis + shift]) % to[axis + shift];
        position += (extent === 1 ? 0 : index) * own[axis];
      });
      return position + 1;
    });
    expect([...out]).toEqual(expected);
  });
});

describe('operand checks name the operation and the operands', () => {
  const cases: readonly (readonly [string, () => Node, RegExp])[] = [
    [
      'binary shapes',
      () => g.add(float(2), float(3)),
      /binary: add needs operands of one shape and dtype \(operands: float32\[2\] and float32\[3\]\)/,
    ],
    ['binary dtypes', () => g.add(float(2), int(2)), /float32\[2\] and int32\[2\]/],
    ['bool arithmetic', () => g.add(bool(2), bool(2)), /add is not defined for bool/],
    ['bitwise float', () => g.binary('xor', float(1), float(1)), /xor is not defined for float32/],
    ['shift of bool', () => g.binary('shl', bool(1), bool(1)), /shl needs integers/],
    ['exp of int', () => g.unary('exp', int(2)), /exp needs a float operand; cast it first/],
    ['not of float', () => g.unary('not', float(2)), /not is not defined for float32/],
    ['neg of bool', () => g.neg(bool(2)), /neg is not defined for bool/],
    ['select condition', () => g.select(float(2), float(2), float(2)), /condition must be bool/],
    ['select shapes', () => g.select(bool(3), float(2), float(2)), /one shape/],
    ['bitcast width', () => g.bitcast(g.input([1], 'float64'), 'int32'), /float64 is not a 32-bit dtype/],
    ['reshape', () => g.reshape(float(2, 3), [4]), /reshape: cannot become \[4\]/],
    ['negative extents', () => g.reshape(float(2, 3), [-2, -3]), /extents must be integers >= 0/],
    ['permutation', () => g.transpose(float(2, 3), [0, 0]), /not a permutation/],
    ['broadcast', () => g.broadcast(float(2), [3], [0]), /do not place the operand/],
    ['slice beyond', () => g.slice(float(4), [2], [1], [3]), /3 elements from 2 by 1 leave axis 0/],
    ['slice before', () => g.slice(float(4), [1], [-1], [3]), /leave axis 0/],
    ['slice by 0', () => g.slice(float(4), [1], [0], [1]), /leave axis 0/],
    ['pad to less than nothing', () => g.pad(float(2), [-2], [-1]), /do not fit/],
    ['concat', () => g.concat([float(2, 3), float(3, 2)], 0), /equal extents but on axis 0/],
    ['window', () => g.window(float(4), { axes: [0], size: [2], stride: [0], dilation: [1] }), /start at 1/],
    ['reduce axes', () => g.reduce('sum', float(2, 3), [1, 0]), /must be ascending and exist/],
    ['sum of bool', () => g.reduce('sum', bool(2), [0]), /sum is not defined for bool/],
    ['max of nothing', () => g.reduce('max', float(0, 2), [0]), /max over an empty axis has no value/],
    ['argmax of nothing', () => g.argreduce('max', float(0), [0]), /over an empty axis/],
    [
      'contract of bool',
      () => g.contract({ sizes: [2], outRank: 0, a: [], b: [] }, bool(), bool()),
      /numbers of one dtype/,
    ],
    [
      'contract rank',
      () => g.contract({ sizes: [2], outRank: 0, a: [], b: [] }, float(2), float()),
      /operand A has rank 1, its index has 0 coordinates/,
    ],
    ['gather index', () => g.gather(float(2), float(2), 0), /indices must be int32/],
    ['gather from nothing', () => g.gather(float(0), int(2), 0), /axis 0 is empty/],
    [
      'scatter',
      () => g.scatterAdd(int(3), float(2), [4], 0),
      /updates must be float32\[3\] and indices int32/,
    ],
    ['scatter of bool', () => g.scatter('max', int(2), bool(2), [4], 0), /max is not defined for bool/],
    ['prefix axis', () => g.prefix('sum', float(2), 1), /there is no axis 1/],
    ['prefix of bool', () => g.prefix('max', bool(2), 0), /max is not defined for bool; cast it first/],
    ['argsort', () => g.argsort(float()), /needs an axis/],
    ['iota', () => g.iota(1, [3]), /axis 1 is not in 0..0/],
    ['literal', () => g.literal(new Float32Array(3), [2], 'float32'), /3 elements do not fill float32\[2\]/],
    ['threefry', () => g.threefry('xor', [int(1), int(1)], [int(1), int(1)]), /must be uint32/],
  ];
  test.each(cases)('%s', (_, make, message) => {
    expect(make).toThrow(message);
    expect(make).toThrow(GraphError);
  });
});

describe('types', () => {
  test('promotion: bool < int32, uint32 < float32 < float64', () => {
    const order: readonly DType[] = ['bool', 'int32', 'uint32', 'float16', 'bfloat16', 'float32', 'float64'];
    const meets: Record<DType, readonly DType[]> = {
      bool: ['bool', 'int32', 'uint32', 'float32', 'float32', 'float32', 'float64'],
      int32: ['int32', 'int32', 'int32', 'float32', 'float32', 'float32', 'float64'],
      uint32: ['uint32', 'int32', 'uint32', 'float32', 'float32', 'float32', 'float64'],
      float16: ['float32', 'float32', 'float32', 'float32', 'float32', 'float32', 'float64'],
      bfloat16: ['float32', 'float32', 'float32', 'float32', 'float32', 'float32', 'float64'],
      float32: ['float32', 'float32', 'float32', 'float32', 'float32', 'float32', 'float64'],
      float64: ['float64', 'float64', 'float64', 'float64', 'float64', 'float64', 'float64'],
    };
    for (const a of dtypes)
      for (const b of dtypes) expect(promote(a, b), `${a} ${b}`).toBe(meets[a][order.indexOf(b)]);
  });

  test('window counts by brute force', () => {
    for (let extent = 0; extent < 9; extent++)
      for (let size = 1; size < 5; size++)
        for (let stride = 1; stride < 4; stride++)
          for (let dilation = 1; dilation < 4; dilation++) {
            let count = 0;
            for (let at = 0; at + (size - 1) * dilation < extent; at += stride) count++;
            expect(windowCount(extent, size, stride, dilation)).toBe(count);
          }
  });

  test('sizes, strides, text', () => {
    expect([sizeOf([]), sizeOf([2, 0]), sizeOf([2, 3])]).toEqual([1, 0, 6]);
    expect(stridesOf([2, 3, 4])).toEqual([12, 4, 1]);
    expect(typeText('int32', [2, 3])).toBe('int32[2, 3]');
  });

  test('topological lists inputs before users, each once, and stops where told', () => {
    const x = float(2);
    const y = g.neg(x);
    const z = g.add(y, g.mul(y, x));
    const order = topological([z, y]);
    expect(order.length).toBe(4);
    for (const node of order)
      for (const operand of node.inputs) expect(order.indexOf(operand)).toBeLessThan(order.indexOf(node));
    expect(topological([z], (node) => node === y || node.op === 'binary')).toEqual([z]);
  });
});
