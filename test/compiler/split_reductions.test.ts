import { describe, expect, test } from 'vitest';
import { compileGraph } from '../../src/compiler/compile.ts';
import { wasmTarget } from '../../src/compiler/target.ts';
import * as g from '../../src/graph/build.ts';
import { type Node, sizeOf } from '../../src/graph/node.ts';
import { Dice } from '../support/dice.ts';
import { checkOn, runOn, wideTargets } from '../support/wide_targets.ts';

const targets = { 'wasm: 4 lanes': wasmTarget(false), ...wideTargets };

/** Enough work for each element that small arrays are worth dividing. */
function costly(x: Node): Node {
  let y = g.mul(g.fill(0.25, x), x);
  for (let i = 0; i < 6; i++) y = g.unary('neg', g.unary('abs', y));
  return g.unary('exp', y);
}
const overRows = (x: Node, shape: readonly number[]): Node =>
  g.broadcastAlong(x, shape, [...shape.keys()].slice(0, -1));

/** Statistics of a batch and what is done with them: two reductions, one after the other, then a map. */
function normalized(x: Node): Node[] {
  const rows = [...x.shape.keys()].slice(0, -1);
  const mean = g.mul(g.reduce('sum', x, rows), g.constant(1 / 512, [x.shape[x.shape.length - 1]]));
  const centered = g.sub(x, overRows(mean, x.shape));
  const spread = g.reduce('sum', costly(centered), rows);
  return [g.div(centered, overRows(spread, x.shape)), g.add(mean, spread)];
}

const shapes = [
  [12, 5, 12, 20],
  [256, 40],
  [6, 101, 18],
];

describe.each(Object.entries(targets))('%s', (_, target) => {
  test.each(shapes.map((shape) => [shape]))('columns of %j', (shape) => {
    const x = g.input(shape, 'float32');
    const rows = [...shape.keys()].slice(0, -1);
    const y = costly(x);
    const sum = g.reduce('sum', y, rows);
    checkOn([y, g.mul(sum, sum), g.reduce('max', y, rows)], [x], target, 3);
    checkOn(normalized(x), [x], target, 4);
  });

  test('everything, and few rows', () => {
    const x = g.input([3, 64, 52], 'float32');
    checkOn([g.reduce('sum', costly(x), [0, 1, 2]), g.reduce('min', x, [0, 1, 2])], [x], target, 5);
    checkOn([g.reduce('prod', costly(g.mul(g.fill(1e-3, x), x)), [1, 2])], [x], target, 6);
    const n = g.cast(g.mul(g.fill(1000, x), costly(x)), 'int32');
    checkOn([g.reduce('sum', n, [0, 1, 2]), g.reduce('max', n, [1, 2])], [x], target, 7);
  });
});

test('the parts follow from shapes: threads share them, and one thread gives the same bits', () => {
  const x = g.input([16, 8, 8, 32], 'float32');
  const outputs = [g.reduce('sum', costly(x), [0, 1, 2]), ...normalized(x)];
  const dice = new Dice(1);
  const data = [Float32Array.from({ length: sizeOf(x.shape) }, () => dice.between(-8, 8) / 8)];
  const target = wideTargets['AVX-512: 16 lanes, tile 14x32'];
  const shared = { ...target, chunkWork: 65536 };
  const { loops } = compileGraph({ inputs: [x], outputs, donations: [-1, -1, -1] }, shared);
  const chunks = loops.kernels.map((k) => k.chunks?.count ?? 1);
  // Parts of the sums and their combination, twice; then the map, which is little work.
  expect(chunks.map((n) => n >= 8)).toEqual([true, false, true, false, false]);
  const one = runOn(outputs, [x], data, target);
  runOn(outputs, [x], data, shared).forEach((result, i) => {
    expect(result).toEqual(one[i]);
  });
});

test('rows that threads share already stay whole', () => {
  const x = g.input([250, 120], 'float32');
  const sum = g.reduce('sum', costly(x), [1]);
  const outputs = [g.div(costly(x), g.broadcastAlong(sum, x.shape, [1]))];
  const { kernels } = compileGraph({ inputs: [x], outputs, donations: [-1] }, wasmTarget(false));
  expect(kernels.length).toBe(1);
});
