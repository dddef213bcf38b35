import { describe, expect, test } from 'vitest';
import { compileGraph } from '../../src/compiler/compile.ts';
import { wasmTarget } from '../../src/compiler/target.ts';
import * as g from '../../src/graph/build.ts';
import { sizeOf } from '../../src/graph/node.ts';
import { Dice } from '../support/dice.ts';
import { checkOn, runOn, wideTargets } from '../support/wide_targets.ts';

const targets = { 'wasm: 4 lanes': wasmTarget(false), ...wideTargets };

describe.each(Object.entries(targets))('%s', (_, target) => {
  test.each([1, 3, 4, 8, 15, 16, 33])('updates of rows of %i elements, some to the same place', (width) => {
    const updates = g.input([6, 5, width], 'float32');
    const indices = g.input([6, 5], 'float32');
    const dice = new Dice(width);
    const data = [
      Float32Array.from({ length: sizeOf(updates.shape) }, () => dice.between(-8, 8) / 8),
      // Also outside of the nine rows that there are.
      Float32Array.from({ length: 30 }, () => dice.between(-2, 10)),
    ];
    const at = g.cast(indices, 'int32');
    const scattered = g.scatterAdd(at, g.mul(updates, updates), [9, width], 0);
    checkOn([scattered, g.unary('exp', scattered)], [updates, indices], target, data);
    const extremes = (['max', 'min'] as const).map((kind) => g.scatter(kind, at, updates, [9, width], 0));
    checkOn(extremes, [updates, indices], target, data);
  });
});

test('threads share the columns of long updates', () => {
  const updates = g.input([40, 256], 'float32');
  const indices = g.input([40], 'int32');
  const roots = [g.scatterAdd(indices, updates, [7, 256], 0)];
  const dice = new Dice(3);
  const data = [
    Float32Array.from({ length: 40 * 256 }, () => dice.between(-99, 99) / 7),
    Int32Array.from({ length: 40 }, () => dice.between(0, 6)),
  ];
  const target = wasmTarget(false);
  const divided = { ...target, chunkWork: 500 };
  const { loops } = compileGraph({ inputs: [updates, indices], outputs: roots, donations: [-1] }, divided);
  expect(loops.kernels.map((k) => k.chunks?.count ?? 1)).toEqual([4]);
  const one = runOn(roots, [updates, indices], data, target);
  expect(runOn(roots, [updates, indices], data, divided)).toEqual(one);
});
