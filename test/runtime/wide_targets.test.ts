import { describe, expect, test } from 'vitest';
import { compileGraph } from '../../src/compiler/compile.ts';
import * as g from '../../src/graph/build.ts';
import { plainIndex } from '../../src/graph/contraction.ts';
import { type Node, sizeOf } from '../../src/graph/node.ts';
import { Dice } from '../support/dice.ts';
import { checkOn, runOn, wideTargets } from '../support/wide_targets.ts';

const matmul = (a: Node, b: Node): Node =>
  g.contract(
    {
      sizes: [a.shape[0], b.shape[1], a.shape[1]],
      outRank: 2,
      a: [plainIndex(0), plainIndex(2)],
      b: [plainIndex(2), plainIndex(1)],
    },
    a,
    b,
  );

describe.each(Object.entries(wideTargets))('%s', (_, target) => {
  test('products of all layouts and awkward sizes, with what follows them', () => {
    const dice = new Dice(5);
    for (let i = 0; i < 24; i++) {
      const [m, n, k] = [0, 0, 0].map(() => dice.pick([5, 13, 14, 16, 17, 28, 31, 33, 47, 50]));
      const a = g.input(dice.chance(0.5) ? [m, k] : [k, m], 'float32');
      const b = g.input(dice.chance(0.5) ? [k, n] : [n, k], 'float32');
      const left = a.shape[0] === m && a.shape[1] === k ? a : g.transpose(a, [1, 0]);
      const right = b.shape[0] === k && b.shape[1] === n ? b : g.transpose(b, [1, 0]);
      const bias = g.input([n], 'float32');
      const sum = g.add(matmul(left, right), g.broadcast(bias, [m, n], [1]));
      checkOn([dice.chance(0.5) ? g.unary('relu', sum) : matmul(left, right)], [a, b, bias], target, i);
    }
  });

  test('convolutions and their windows', () => {
    const dice = new Dice(9);
    for (let i = 0; i < 8; i++) {
      const [size, channels, filters, pad] = [
        dice.between(6, 9),
        dice.pick([1, 3, 8]),
        dice.pick([5, 16]),
        dice.between(0, 2),
      ];
      const out = size + 2 * pad - 2;
      const x = g.input([2, size, size, channels], 'float32');
      const w = g.input([filters, 3, 3, channels], 'float32');
      const spatial = (axis: number) => ({
        terms: [
          [1 + axis, 1],
          [4 + axis, 1],
        ] as [number, number][],
        offset: -pad,
        divisor: 1,
      });
      const root = g.contract(
        {
          sizes: [2, out, out, filters, 3, 3, channels],
          outRank: 4,
          a: [plainIndex(0), spatial(0), spatial(1), plainIndex(6)],
          b: [plainIndex(3), plainIndex(4), plainIndex(5), plainIndex(6)],
        },
        x,
        w,
      );
      checkOn([root], [x, w], target, i);
    }
  });

  test('maps, reductions and rows', () => {
    for (const shape of [
      [3, 70],
      [65, 5],
      [9, 4, 33],
    ]) {
      const x = g.input(shape, 'float32');
      const last = [shape.length - 1];
      const e = g.unary('exp', g.sub(x, g.broadcastAlong(g.reduce('max', x, last), shape, last)));
      const softmax = g.div(e, g.broadcastAlong(g.reduce('sum', e, last), shape, last));
      checkOn([softmax, g.reduce('sum', g.mul(x, x), [0]), g.argreduce('max', x, [0])], [x], target, 2);
    }
  });

  test('chunks in any order give what one piece gives', () => {
    const x = g.input([40, 64], 'float32');
    const w = g.input([64, 400], 'float32');
    const y = g.unary('relu', matmul(x, w));
    const roots = [y, g.reduce('sum', y, [1]), g.mul(x, x)];
    const divided = { ...target, chunkWork: 500 };
    const compiled = compileGraph({ inputs: [x, w], outputs: roots, donations: [-1, -1, -1] }, divided);
    expect(compiled.loops.kernels.filter((k) => (k.chunks?.count ?? 1) > 1).length).toBeGreaterThan(1);
    const dice = new Dice(1);
    const data = [x, w].map((n) =>
      Float32Array.from({ length: sizeOf(n.shape) }, () => dice.between(-8, 8) / 8),
    );
    const whole = runOn(roots, [x, w], data, target);
    const parts = runOn(roots, [x, w], data, divided);
    parts.forEach((part, i) => {
      expect(part).toEqual(whole[i]);
    });
  });
});
