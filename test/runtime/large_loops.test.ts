import { describe, expect, test } from 'vitest';
import * as g from '../../src/graph/build.ts';
import { type Node, sizeOf } from '../../src/graph/node.ts';
import { WasmProgram } from '../../src/runtime/cpu/wasm_program.ts';
import { evaluateReference } from '../../src/runtime/reference/evaluate.ts';
import { Storage } from '../../src/runtime/storage.ts';
import { expectClose } from '../support/close.ts';
import { Dice } from '../support/dice.ts';

/**
 * Arrays long enough for everything that loops do only when they are long: unrolled vectors, tails of all lengths, partial sums
 * in blocks, several passes over a row.
 */
function check(roots: readonly Node[], inputs: readonly Node[], seed: number, rtol = 2e-5): string[] {
  const dice = new Dice(seed);
  const data = inputs.map((n) =>
    n.dtype === 'int32'
      ? Int32Array.from({ length: sizeOf(n.shape) }, () => dice.between(-50, 50))
      : Float32Array.from({ length: sizeOf(n.shape) }, () => dice.between(-64, 64) / 32),
  );
  const program = new WasmProgram({ inputs, outputs: roots, donations: roots.map(() => -1) });
  const results = program.run(inputs.map((n, i) => new Storage(n.dtype, data[i].length, data[i])));
  const expected = evaluateReference(roots, (n) => data[inputs.indexOf(n)]);
  roots.forEach((root, i) => {
    expectClose(results[i].read(), expected.get(root)!, { rtol, atol: 1e-4 });
  });
  return program.compiled.kernels.map((k) => k.name);
}

const shapes = [
  [1, 4099],
  [3, 1030],
  [5, 67],
  [64, 64],
  [1030, 3],
  [2050, 17],
  [70, 33],
  [7, 16, 129],
  [40, 5, 20],
];

describe('long loops', () => {
  test.each(shapes.map((shape) => [shape]))('reductions of %j over every set of axes', (shape) => {
    const x = g.input(shape, 'float32');
    const axes = shape.map((_, i) => i);
    const sets = [
      axes,
      ...axes.map((a) => [a]),
      ...(shape.length === 3
        ? [
            [0, 1],
            [0, 2],
            [1, 2],
          ]
        : []),
    ];
    sets.forEach((set, i) => {
      const roots = (['sum', 'max', 'min'] as const).map((kind) => g.reduce(kind, x, set));
      roots.push(g.argreduce('max', x, set), g.argreduce('min', x, set));
      check(roots, [x], i);
      const n = g.input(shape, 'int32');
      check([g.reduce('sum', n, set), g.reduce('max', n, set), g.argreduce('min', n, set)], [n], i);
    });
  });

  test.each(shapes.map((shape) => [shape]))('softmax and normalization of the last axis of %j', (shape) => {
    const x = g.input(shape, 'float32');
    const last = [shape.length - 1];
    const spread = (r: Node) => g.broadcastAlong(r, shape, last);
    const e = g.unary('exp', g.sub(x, spread(g.reduce('max', x, last))));
    const softmax = g.div(e, spread(g.reduce('sum', e, last)));
    const names = check([softmax], [x], 1);
    expect(names).toHaveLength(1);
    const count = g.constant(1 / shape[shape.length - 1], shape.slice(0, -1));
    const mean = g.mul(g.reduce('sum', x, last), count);
    const centred = g.sub(x, spread(mean));
    const variance = g.mul(g.reduce('sum', g.mul(centred, centred), last), count);
    const scale = g.unary('rsqrt', g.add(variance, g.fill(1e-5, variance)));
    check([g.mul(centred, spread(scale)), mean, variance], [x], 2, 2e-4);
  });

  test.each(shapes.map((shape) => [shape]))('a masked array and its column sums, %j', (shape) => {
    const [x, y] = [g.input(shape, 'float32'), g.input(shape, 'float32')];
    const masked = g.select(g.compare('lt', g.fill(0, x), x), y, g.fill(0, y));
    const names = check(
      [
        masked,
        g.reduce(
          'sum',
          masked,
          shape.slice(1).map((_, i) => i),
        ),
      ],
      [x, y],
      3,
    );
    // Sums of many rows are done in parts, and the parts are added by a second kernel.
    expect(new Set(names)).toEqual(new Set(['select_sum']));
    expect(names.length).toBeLessThanOrEqual(2);
  });

  test('sums of a million equal terms are right to 2e-5, where one running sum is off by 1e-2', () => {
    const n = 2 ** 20;
    const x = new Float32Array(n).fill(0.1);
    for (const shape of [[n], [n / 4, 4], [n / 32, 32]]) {
      const node = g.input(shape, 'float32');
      const root = g.reduce('sum', node, [0]);
      const program = new WasmProgram({ inputs: [node], outputs: [root], donations: [-1] });
      const [sum] = program.run([new Storage('float32', n, x)]);
      const exact = Math.fround(0.1) * shape[0];
      for (const value of sum.read()) expect(Math.abs(value / exact - 1)).toBeLessThan(2e-5);
    }
  });

  test('chains of operations as long as a program', () => {
    const x = g.input([5], 'float32');
    let y: Node = x;
    for (let i = 0; i < 20_000; i++)
      y = i % 3 === 0 ? g.transpose(g.reshape(y, [5]), [0]) : g.mul(g.add(y, g.fill(1, y)), g.fill(0.5, y));
    check([y], [x], 4);
  });
});
