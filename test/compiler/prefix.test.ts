import { describe, expect, test } from 'vitest';
import { compileGraph } from '../../src/compiler/compile.ts';
import { wasmTarget } from '../../src/compiler/target.ts';
import * as g from '../../src/graph/build.ts';
import { type Node, sizeOf } from '../../src/graph/node.ts';
import type { PrefixKind } from '../../src/graph/vocabulary.ts';
import { Dice } from '../support/dice.ts';
import { checkOn, runOn, wideTargets } from '../support/wide_targets.ts';

const targets = { 'wasm: 4 lanes': wasmTarget(false), ...wideTargets };
const kinds: readonly PrefixKind[] = ['sum', 'prod', 'max', 'min'];

describe.each(Object.entries(targets))('%s', (_, target) => {
  test.each([
    [[7], 0],
    [[3, 9], 0],
    [[3, 9], 1],
    [[2, 5, 37], 1],
    [[4, 3, 2, 9], 1],
    [[2, 3, 65, 1], 0],
    [[600, 4], 0],
  ] as const)('running reductions of [%s] along %i', (shape, axis) => {
    const x = g.input(shape, 'float32');
    const roots = kinds.flatMap((kind) => [
      g.prefix(kind, g.mul(x, x), axis, false),
      g.unary('tanh', g.prefix(kind, x, axis, true)),
    ]);
    checkOn(roots, [x], target, 5);
  });
});

test('operands that are no neighbours: transposed, repeated, gathered', () => {
  const x = g.input([6, 20], 'float32');
  const row = g.input([20], 'float32');
  const roots: Node[] = [
    g.prefix('sum', g.transpose(x, [1, 0]), 0),
    g.prefix('sum', g.broadcast(row, [5, 20], [1]), 0),
    g.prefix('sum', g.broadcast(row, [5, 20, 8], [1]), 0),
    g.prefix('max', g.gather(x, g.cast(row, 'int32'), 1), 0),
    g.prefix('sum', g.pad(x, [1, 2], [2, 3]), 0, true),
  ];
  for (const target of Object.values(targets)) checkOn(roots, [x, row], target, 3);
});

test('threads share rows or columns; the results are the same', () => {
  const target = wasmTarget(false);
  const divided = { ...target, chunkWork: 1000 };
  const counts = ([shape, axis]: readonly [readonly number[], number]) => {
    const x = g.input(shape, 'float32');
    const roots = [g.prefix('sum', x, axis)];
    const dice = new Dice(3);
    const data = [Float32Array.from({ length: sizeOf(shape) }, () => dice.between(-99, 99) / 7)];
    const { loops } = compileGraph({ inputs: [x], outputs: roots, donations: [-1] }, divided);
    expect(runOn(roots, [x], data, divided)).toEqual(runOn(roots, [x], data, target));
    return loops.kernels.map((k) => k.chunks?.count ?? 1);
  };
  expect(counts([[20, 100], 1])).toEqual([7]);
  expect(counts([[30, 133], 0])).toEqual([8]);
  expect(counts([[2, 3], 0])).toEqual([1]);
});

test('a float32 sum of 100,000 terms is off by less than 1e-5, in vectors too', () => {
  const n = 100_000;
  const data = [new Float32Array(n).fill(0.1)];
  const x = g.input([n], 'float32');
  const wide = g.broadcast(x, [n, 4], [0]);
  const column = g.slice(g.prefix('sum', wide, 0), [n - 3, 0], [1, 1], [3, 4]);
  const [single, several] = runOn([g.prefix('sum', x, 0), column], [x], data, wasmTarget(false));
  const exact = n * Math.fround(0.1);
  expect(Math.abs(single[n - 1] / exact - 1)).toBeLessThan(1e-7);
  for (const sum of several.slice(8)) expect(Math.abs(sum / exact - 1)).toBeLessThan(1e-5);
});
