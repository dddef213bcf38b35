import { describe, expect, test } from 'vitest';
import { flatten } from '../../src/core/tree.ts';

class Leaf {
  readonly name: string;
  constructor(name: string) {
    this.name = name;
  }
}
const isLeaf = (value: unknown): value is Leaf => value instanceof Leaf;
const [a, b, c] = ['a', 'b', 'c'].map((name) => new Leaf(name));

describe('flatten', () => {
  test('leaves in the order of sorted keys, and back', () => {
    const tree = { z: [a, { y: b }], m: 5, k: c, s: 'text', n: null, u: undefined };
    const { leaves, rebuild } = flatten(tree, isLeaf);
    expect(leaves.map((leaf) => leaf.name)).toEqual(['c', 'a', 'b']);
    expect(rebuild([1, 2, 3])).toEqual({ z: [2, { y: 3 }], m: 5, k: 1, s: 'text', n: null, u: undefined });
  });

  test('a tree of one leaf, of none, empty ones', () => {
    expect(flatten(a, isLeaf).rebuild([7])).toBe(7);
    expect(flatten(3, isLeaf)).toMatchObject({ leaves: [] });
    expect(flatten([], isLeaf).rebuild([])).toEqual([]);
    expect(flatten({}, isLeaf).rebuild([])).toEqual({});
  });

  test('the order in which keys were written does not matter', () => {
    expect(flatten({ x: a, y: b }, isLeaf).structure).toBe(flatten({ y: b, x: a }, isLeaf).structure);
  });

  test('different trees have different structures', () => {
    const trees: unknown[] = [
      a,
      [a],
      [[a]],
      { a },
      { b: a },
      [a, 1],
      [a, -1],
      [a, '1'],
      [a, true],
      [a, 'true'],
      [a, 0],
      [a, -0],
      [a, null],
      [a, undefined],
      [a, 'null'],
      [a, 1n],
      [a, NaN],
      [a, 'x', 'y'],
      [a, 'x,string:"y"'],
      [a, 'x,string:y'],
      [a, ['x', 'y']],
      [a, []],
      [a, {}],
      [a, '*'],
      [a, b],
      { 'a":*,"b': a },
      { a, b },
    ];
    const structures = trees.map((tree) => flatten(tree, isLeaf).structure);
    expect(new Set(structures).size).toBe(trees.length);
  });

  test('the same leaf twice counts twice', () => {
    expect(flatten([a, a], isLeaf).leaves).toEqual([a, a]);
  });

  test('Maps keep their keys, which are equal to themselves only', () => {
    const key = new Leaf('key');
    const tree = new Map<unknown, unknown>([
      [key, a],
      ['text', [b, 5]],
    ]);
    const { leaves, rebuild, structure } = flatten(tree, isLeaf);
    expect(leaves).toEqual([a, b]);
    expect(rebuild([1, 2])).toEqual(
      new Map<unknown, unknown>([
        [key, 1],
        ['text', [2, 5]],
      ]),
    );
    expect(flatten(new Map(tree), isLeaf).structure).toBe(structure);
    const others = [new Map([[new Leaf('key'), a]]), new Map([[key, a]]), { key: a }, new Map([['key', a]])];
    expect(new Set(others.map((other) => flatten(other, isLeaf).structure)).size).toBe(4);
  });

  test.each([
    [new Set(), /jit: a Set cannot be part of a tree of arrays; use plain objects and arrays/],
    [new Float32Array(2), /a Float32Array cannot/],
    [Promise.resolve(), /a Promise cannot/],
    [() => 1, /a function cannot be part of a tree/],
    [{ deep: [new Date(0)] }, /a Date cannot/],
  ])('refused: %o', (value, message) => {
    expect(() => flatten(value, isLeaf, 'jit')).toThrow(message);
  });
});
