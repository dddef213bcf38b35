import { afterEach, describe, expect, test } from 'vitest';
import * as g from '../../src/graph/build.ts';
import { plainIndex } from '../../src/graph/contraction.ts';
import type { Node } from '../../src/graph/node.ts';
import { operationsOf, tierOf } from '../../src/runtime/tier.ts';

const program = (...outputs: Node[]) => ({ inputs: [], outputs, donations: outputs.map(() => -1) });

const product = (rows: number, columns: number, sum: number): Node =>
  g.make(
    'contract',
    {
      sizes: [rows, columns, sum],
      outRank: 2,
      a: [plainIndex(0), plainIndex(2)],
      b: [plainIndex(2), plainIndex(1)],
    },
    [g.input([rows, sum], 'float32'), g.input([sum, columns], 'float32')],
  );

describe('the tier of a program', () => {
  const before = process.env.NABLA_TIER;
  afterEach(() => {
    if (before === undefined) delete process.env.NABLA_TIER;
    else process.env.NABLA_TIER = before;
  });

  test('is native from some size on', () => {
    delete process.env.NABLA_TIER;
    expect(tierOf(program(product(64, 60, 4)))).toBe('wasm');
    expect(tierOf(program(product(128, 128, 784)))).toBe('native');
  });

  test('is what NABLA_TIER says', () => {
    process.env.NABLA_TIER = 'native';
    expect(tierOf(program(product(2, 2, 2)))).toBe('native');
    process.env.NABLA_TIER = 'wasm';
    expect(tierOf(program(product(1024, 1024, 1024)))).toBe('wasm');
    process.env.NABLA_TIER = 'gpu';
    expect(() => tierOf(program(product(2, 2, 2)))).toThrow(/NABLA_TIER=gpu is not a tier/);
  });

  test('counts what is computed, not what is given or only looked at', () => {
    const x = g.input([10, 20], 'float32');
    expect(operationsOf(program(g.transpose(x, [1, 0])))).toBe(0);
    expect(operationsOf(program(g.reduce('sum', g.unary('exp', x), [0])))).toBe(400);
    expect(operationsOf(program(product(3, 4, 5)))).toBe(60);
    const inner = g.unary('exp', x);
    expect(operationsOf({ inputs: [inner], outputs: [g.neg(inner)], donations: [-1] })).toBe(200);
  });
});
