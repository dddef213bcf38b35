import { describe, expect, test } from 'vitest';
import { compileGraph } from '../../src/compiler/compile.ts';
import { visitAccesses } from '../../src/compiler/ir_visit.ts';
import { wasmTarget } from '../../src/compiler/target.ts';
import * as g from '../../src/graph/build.ts';
import { type Node, sizeOf } from '../../src/graph/node.ts';
import { Dice } from '../support/dice.ts';
import { checkOn, wideTargets } from '../support/wide_targets.ts';

const along = (x: Node, shape: readonly number[]): Node => g.broadcastAlong(x, shape, [shape.length - 1]);

function softmax(x: Node): Node {
  const last = [x.shape.length - 1];
  const e = g.unary('exp', g.sub(x, along(g.reduce('max', x, last), x.shape)));
  return g.div(e, along(g.reduce('sum', e, last), x.shape));
}

/** Numbers with ties, zeros of both signs, infinities and NaN in some rows. */
function awkward(shape: readonly number[], seed: number): Float32Array {
  const dice = new Dice(seed);
  return Float32Array.from({ length: sizeOf(shape) }, () =>
    dice.chance(0.03)
      ? dice.pick([Number.NaN, -Infinity, Infinity, -0])
      : dice.chance(0.5)
        ? dice.between(-2, 2)
        : dice.between(-80, 80) / 8,
  );
}

const targets = { 'wasm: 4 lanes': wasmTarget(false), ...wideTargets };
const lengths = [2, 3, 5, 7, 8, 10, 15, 16, 17, 31, 33, 64, 67, 100, 130, 300];

describe.each(Object.entries(targets))('%s', (_, target) => {
  test.each(lengths)('rows of %i elements', (length) => {
    const shape = [3, 4, length];
    const [x, y] = [g.input(shape, 'float32'), g.input(shape, 'float32')];
    const mean = g.mul(g.reduce('sum', g.mul(x, y), [2]), g.fill(1 / length, g.reduce('sum', x, [2])));
    const centered = g.sub(x, along(mean, shape));
    const norm = g.mul(centered, along(g.unary('exp', g.neg(mean)), shape));
    checkOn([softmax(x), norm, g.reduce('min', x, [2])], [x, y], target, length);
    // A row axis that is not the whole row.
    checkOn([g.reduce('sum', g.mul(x, y), [1, 2]), g.reduce('max', x, [0, 2])], [x, y], target, length);
  });

  test.each(lengths)('extremes of %i elements and their positions', (length) => {
    const x = g.input([40, length], 'float32');
    const n = g.cast(x, 'int32');
    const roots = [x, n].flatMap((of) => [
      g.argreduce('max', of, [1]),
      g.argreduce('min', of, [1]),
      g.reduce('max', of, [1]),
      g.reduce('min', of, [1]),
      g.argreduce('max', of, [0, 1]),
    ]);
    checkOn(roots, [x], target, [awkward(x.shape, length)]);
    checkOn([g.argreduce('max', x, [1])], [x], target, [new Float32Array(40 * length).fill(-Infinity)]);
  });
});

test('short rows are read once, without single elements', () => {
  const x = g.input([128, 67], 'float32');
  const target = wideTargets['AVX-512: 16 lanes, tile 14x32'];
  const { loops } = compileGraph({ inputs: [x], outputs: [softmax(x)], donations: [-1] }, target);
  const seen: string[] = [];
  for (const kernel of loops.kernels)
    visitAccesses(kernel.body, ({ index }) => seen.push(`${index.offset}`), false);
  // Five vectors, the last one of three lanes, each loaded once and stored once.
  expect(seen.sort()).toEqual(['0', '0', '16', '16', '32', '32', '48', '48', '64', '64']);
});
