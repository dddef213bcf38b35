import { describe, expect, test } from 'vitest';
import { compileGraph } from '../../src/compiler/compile.ts';
import { visitAccesses } from '../../src/compiler/ir_visit.ts';
import { wasmTarget } from '../../src/compiler/target.ts';
import * as g from '../../src/graph/build.ts';
import { sizeOf } from '../../src/graph/node.ts';
import { Dice } from '../support/dice.ts';
import { checkOn, runOn, wideTargets } from '../support/wide_targets.ts';

const targets = { 'wasm: 4 lanes': wasmTarget(false), ...wideTargets };
const sizes = [
  [16, 32],
  [33, 18],
  [50, 31],
  [17, 64],
  [5, 40],
];

describe.each(Object.entries(targets))('%s', (_, target) => {
  test.each(sizes)(
    'a transposed matrix of %i rows and %i columns, and what is done with it',
    (rows, columns) => {
      const x = g.input([rows, columns], 'float32');
      const [y, b] = [g.input([columns, rows], 'float32'), g.input([rows], 'float32')];
      const turned = g.transpose(x, [1, 0]);
      const sum = g.add(g.mul(turned, g.unary('exp', y)), g.broadcast(b, y.shape, [1]));
      checkOn([g.unary('neg', turned), sum], [x, y, b], target, rows);
      checkOn([g.mul(g.cast(turned, 'int32'), g.cast(y, 'int32'))], [x, y], target, rows);
    },
  );

  test.each(sizes)('stacks of matrices, %i rows and %i columns', (rows, columns) => {
    const x = g.input([3, rows, 2, columns], 'float32');
    checkOn([g.unary('abs', g.transpose(x, [2, 3, 0, 1]))], [x], target, 2);
    checkOn([g.unary('abs', g.transpose(x, [0, 3, 2, 1]))], [x], target, 2);
    const padded = g.pad(g.transpose(x, [0, 2, 3, 1]), [0, 1, 0, 2], [0, 0, 1, 0], [0, 0, 0, 0], 3);
    checkOn([padded], [x], target, 2);
  });
});

test('blocks are read and written in vectors; threads share them', () => {
  const x = g.input([64, 96], 'float32');
  const roots = [g.unary('neg', g.transpose(x, [1, 0]))];
  const target = wideTargets['AVX-512: 16 lanes, tile 14x32'];
  const divided = { ...target, chunkWork: 3000 };
  const { loops } = compileGraph({ inputs: [x], outputs: roots, donations: [-1] }, divided);
  const lanes: number[] = [];
  for (const { body } of loops.kernels)
    visitAccesses(body, (a) => lanes.push(a.op === 'load' ? a.type.lanes : a.value.type.lanes), false);
  expect(lanes).toEqual(new Array(32).fill(16));
  expect(loops.kernels[0].chunks?.count).toBe(4);
  const dice = new Dice(1);
  const data = [Float32Array.from({ length: sizeOf(x.shape) }, () => dice.between(-9, 9))];
  expect(runOn(roots, [x], data, divided)).toEqual(runOn(roots, [x], data, target));
});
