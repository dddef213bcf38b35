import { describe, expect, test } from 'vitest';
import type { Target } from '../../src/compiler/target.ts';
import { wasmTarget } from '../../src/compiler/target.ts';
import * as g from '../../src/graph/build.ts';
import { plainIndex, transposeContraction } from '../../src/graph/contraction.ts';
import { isOp, type Node, sizeOf } from '../../src/graph/node.ts';
import { hasFma } from '../../src/runtime/cpu/features.ts';
import { buildWasm, WasmProgram } from '../../src/runtime/cpu/wasm_program.ts';
import { evaluateReference } from '../../src/runtime/reference/evaluate.ts';
import { Storage } from '../../src/runtime/storage.ts';
import { expectClose } from '../support/close.ts';
import { Dice } from '../support/dice.ts';

/** Blocks so small that small arrays have several of them, in every direction. */
const tinyBlocks = (fma: boolean): Target => ({
  ...wasmTarget(fma),
  sumBlock: 12,
  rowBlockElements: 120,
  columnBlockElements: 240,
});

function check(root: Node, inputs: readonly Node[], target: Target, seed: number): string[] {
  const dice = new Dice(seed);
  const data = inputs.map((n) =>
    Float32Array.from({ length: sizeOf(n.shape) }, () => dice.between(-8, 8) / 8),
  );
  const source = { inputs, outputs: [root], donations: [-1] };
  const artifact = buildWasm(source, target);
  const [result] = new WasmProgram(source, artifact).run(
    data.map((d) => new Storage('float32', d.length, d)),
  );
  const expected = evaluateReference([root], (n) => data[inputs.indexOf(n)]).get(root)!;
  expectClose(result.read(), expected, { rtol: 1e-5, atol: 1e-4 });
  return artifact.compiled.kernels.map((k) => k.kind);
}

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

describe.each([
  ['blocks of the machine', wasmTarget],
  ['tiny blocks', tinyBlocks],
] as const)('the packed tile with %s', (_, target) => {
  test('multiplies matrices of awkward sizes, in any layout', () => {
    const dice = new Dice(7);
    let tiled = 0;
    for (let i = 0; i < 60; i++) {
      const [m, n, k] = [0, 0, 0].map(() => dice.pick([7, 8, 9, 12, 17, 24, 31, 33, 40]));
      const a = g.input(dice.chance(0.5) ? [m, k] : [k, m], 'float32');
      const b = g.input(dice.chance(0.5) ? [k, n] : [n, k], 'float32');
      const left = a.shape[0] === m && a.shape[1] === k ? a : g.transpose(a, [1, 0]);
      const right = b.shape[0] === k && b.shape[1] === n ? b : g.transpose(b, [1, 0]);
      const kinds = check(matmul(left, right), [a, b], target(i % 2 === 0 && hasFma()), i);
      if (kinds.includes('contract')) tiled++;
    }
    expect(tiled).toBeGreaterThan(20);
  });

  test('adds bias, activation and residual in its store', () => {
    for (const [m, n, k] of [
      [37, 29, 24],
      [8, 16, 64],
      [130, 6, 25],
    ]) {
      const [a, b] = [g.input([m, k], 'float32'), g.input([k, n], 'float32')];
      const [bias, residual] = [g.input([n], 'float32'), g.input([m, n], 'float32')];
      const sum = g.add(matmul(a, b), g.broadcast(bias, [m, n], [1]));
      const root = g.add(g.unary('relu', sum), residual);
      const kinds = check(root, [a, b, bias, residual], target(hasFma()), m);
      expect(kinds).toEqual(['contract']);
    }
  });

  test('convolves with stride, dilation and padding, forward and backward', () => {
    const dice = new Dice(11);
    let tiled = 0;
    for (let i = 0; i < 40; i++) {
      const [kernel, stride, dilation, pad] = [
        dice.between(1, 4),
        dice.between(1, 3),
        dice.between(1, 2),
        dice.between(0, 3),
      ];
      const [size, channels, filters] = [
        dice.between(7, 12),
        dice.pick([1, 3, 4, 8, 17]),
        dice.pick([4, 6, 8, 16]),
      ];
      const out = Math.floor((size + 2 * pad - dilation * (kernel - 1) - 1) / stride) + 1;
      if (out < 1) continue;
      const x = g.input([2, size, size, channels], 'float32');
      const w = g.input([filters, kernel, kernel, channels], 'float32');
      const y = g.input([2, out, out, filters], 'float32');
      const spatial = (axis: number) => ({
        terms: [
          [1 + axis, stride],
          [4 + axis, dilation],
        ] as [number, number][],
        offset: -pad,
        divisor: 1,
      });
      const conv = g.contract(
        {
          sizes: [2, out, out, filters, kernel, kernel, channels],
          outRank: 4,
          a: [plainIndex(0), spatial(0), spatial(1), plainIndex(6)],
          b: [plainIndex(3), plainIndex(4), plainIndex(5), plainIndex(6)],
        },
        x,
        w,
      );
      const kinds = check(conv, [x, w], target(i % 2 === 0 && hasFma()), i);
      if (kinds.includes('contract')) tiled++;
      if (!isOp(conv, 'contract')) continue;
      for (const which of ['a', 'b'] as const) {
        const spec = transposeContraction(conv.attributes, which, x.shape, w.shape);
        const other = which === 'a' ? w : x;
        check(g.contract(spec, y, other), [y, other], target(i % 2 === 0 && hasFma()), i);
      }
    }
    expect(tiled).toBeGreaterThan(15);
  });

  test('runs over batches', () => {
    const [a, b] = [g.input([3, 2, 9, 14], 'float32'), g.input([3, 2, 14, 11], 'float32')];
    const root = g.contract(
      {
        sizes: [3, 2, 9, 11, 14],
        outRank: 4,
        a: [0, 1, 2, 4].map(plainIndex),
        b: [0, 1, 4, 3].map(plainIndex),
      },
      a,
      b,
    );
    check(root, [a, b], target(hasFma()), 3);
  });
});
