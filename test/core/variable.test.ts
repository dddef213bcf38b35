import { describe, expect, test } from 'vitest';
import { settle } from '../../src/core/variable.ts';
import { arange, ones, type Tensor, tensor, Variable, zeros } from '../../src/index.ts';

const list = (x: Tensor): number[] => [...x.dataSync()];

describe('Variable', () => {
  test('holds an array of fixed shape and dtype', () => {
    const v = new Variable(tensor([1, 2]), { name: 'weight' });
    expect([v.name, v.shape, v.dtype, v.trainable]).toEqual(['weight', [2], 'float32', true]);
    v.assign(tensor([3, 4]));
    expect(list(v.value)).toEqual([3, 4]);
    v.value = v.value.add(1);
    expect(list(v.value)).toEqual([4, 5]);
    expect(new Variable(tensor(1)).name).toBe('variable');
    expect(new Variable(tensor(1), { trainable: false }).trainable).toBe(false);
    expect(String(v)).toBe("Variable 'weight' tensor([4, 5])");
  });

  test('refuses other shapes and dtypes, and keeps its content', () => {
    const v = new Variable(zeros([2, 3]), { name: 'weight' });
    expect(() => v.assign(zeros([3, 2]))).toThrow(
      "Variable 'weight': cannot assign float32[3, 2] to a variable of float32[2, 3]",
    );
    expect(() => v.assign(zeros([2, 3], { dtype: 'float64' }))).toThrow(/cannot assign float64\[2, 3\]/);
    expect(() => {
      v.value = arange(6).reshape([2, 3]);
    }).toThrow(/cannot assign int32\[2, 3\]/);
    expect(list(v.value)).toEqual([0, 0, 0, 0, 0, 0]);
  });

  test('a tensor read from it does not change with it', () => {
    const v = new Variable(tensor([1]));
    const before = v.value;
    const double = v.value.mul(2);
    v.assign(tensor([10]));
    expect([list(before), list(double), list(v.value)]).toEqual([[1], [2], [10]]);
  });

  test('two variables of one array are independent', () => {
    const x = tensor([1, 2]);
    const [a, b] = [new Variable(x), new Variable(x)];
    a.assign(a.value.add(1));
    expect([list(a.value), list(b.value), list(x)]).toEqual([
      [2, 3],
      [1, 2],
      [1, 2],
    ]);
  });

  test('eager updates that nobody reads stay correct and shallow', () => {
    const v = new Variable(zeros([2]));
    for (let i = 0; i < 3000; i++) v.assign(v.value.add(1));
    expect(v.node.depth).toBeLessThan(1000);
    expect(list(v.value)).toEqual([3000, 3000]);
  });

  test('settle computes contents at once and lets the graph go', () => {
    const [a, b] = [new Variable(ones([2])), new Variable(ones([2]))];
    a.assign(a.value.add(1));
    b.assign(a.value.mul(b.value));
    settle([a, b]);
    for (const v of [a, b]) {
      expect(v.node.stored).not.toBe(null);
      expect(v.node.inputs).toEqual([]);
    }
    expect(list(b.value)).toEqual([2, 2]);
  });
});
