import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { planDot } from '../../src/compiler/lower/dot.ts';
import { wasmTarget } from '../../src/compiler/target.ts';
import * as g from '../../src/graph/build.ts';
import { plainIndex } from '../../src/graph/contraction.ts';
import { type Node, sizeOf } from '../../src/graph/node.ts';
import { nativeProblem } from '../../src/runtime/cpu/native.ts';
import { buildNative } from '../../src/runtime/cpu/native_program.ts';
import { buildWasm, WasmProgram } from '../../src/runtime/cpu/wasm_program.ts';
import { evaluateReference } from '../../src/runtime/reference/evaluate.ts';
import { Storage } from '../../src/runtime/storage.ts';
import { expectClose } from '../support/close.ts';
import { Dice } from '../support/dice.ts';

const cache = mkdtempSync(join(tmpdir(), 'nabla-test-'));
process.env.NABLA_CACHE = cache;
afterAll(() => rmSync(cache, { recursive: true, force: true }));

const builders = [['wasm', buildWasm] as const, ['native', buildNative] as const].filter(
  ([tier]) => tier === 'wasm' || nativeProblem() === null,
);

/** Compares a program with the interpreter; returns how many of its kernels are products along the sum. */
function check(root: Node, inputs: readonly Node[], build: typeof buildWasm): number {
  const dice = new Dice(sizeOf(root.shape));
  const data = inputs.map((n) =>
    Float32Array.from({ length: sizeOf(n.shape) }, () => dice.between(-8, 8) / 8),
  );
  const source = { inputs, outputs: [root], donations: [-1] };
  const artifact = build(source);
  const [result] = new WasmProgram(source, artifact).run(
    data.map((d) => new Storage('float32', d.length, d)),
  );
  const expected = evaluateReference([root], (n) => data[inputs.indexOf(n)]).get(root)!;
  expectClose(result.read(), expected, { rtol: 1e-5, atol: 2e-4 });
  return artifact.compiled.kernels.filter(
    (k) => k.kind === 'contract' && planDot(k, wasmTarget(false)) !== null,
  ).length;
}

/** x [rows, sum] times the transpose of w [columns, sum]. */
function product(rows: number, columns: number, sum: number, batch = 1): { root: Node; inputs: Node[] } {
  const x = g.input([batch, rows, sum], 'float32');
  const w = g.input([batch, columns, sum], 'float32');
  const spec = {
    sizes: [batch, rows, columns, sum],
    outRank: 3,
    a: [plainIndex(0), plainIndex(1), plainIndex(3)],
    b: [plainIndex(0), plainIndex(2), plainIndex(3)],
  };
  return { root: g.make('contract', spec, [x, w]), inputs: [x, w] };
}

describe.each(builders)('products of few rows along the sum, %s', (_, build) => {
  test.each([
    [1, 48, 400],
    [2, 10, 300],
    [5, 7, 133],
    [6, 84, 16],
    [7, 12, 600],
    [13, 31, 517],
    [16, 64, 512],
  ])('[%d, sum] by [%d, sum] over %d terms', (rows, columns, sum) => {
    const { root, inputs } = product(rows, columns, sum);
    expect(check(root, inputs, build)).toBe(1);
  });

  test('batches of them', () => {
    const { root, inputs } = product(3, 40, 100, 4);
    expect(check(root, inputs, build)).toBe(1);
  });

  test('with what follows the sum', () => {
    const { root, inputs } = product(2, 33, 200);
    const bias = g.input([33], 'float32');
    const shifted = g.add(root, g.broadcast(bias, root.shape, [2]));
    expect(check(g.unary('relu', shifted), [...inputs, bias], build)).toBe(1);
  });

  test('windows of an image of a few pixels', () => {
    const x = g.input([1, 4, 4, 32], 'float32');
    const w = g.input([24, 3, 3, 32], 'float32');
    const window = (axis: number, tap: number) => ({
      terms: [[axis, 1] as const, [tap, 1] as const],
      offset: -1,
      divisor: 1,
    });
    const spec = {
      sizes: [1, 4, 4, 24, 3, 3, 32],
      outRank: 4,
      a: [plainIndex(0), window(1, 4), window(2, 5), plainIndex(6)],
      b: [plainIndex(3), plainIndex(4), plainIndex(5), plainIndex(6)],
    };
    expect(check(g.make('contract', spec, [x, w]), [x, w], build)).toBe(0);
    const wide = g.input([24, 3, 3, 64], 'float32');
    const image = g.input([1, 4, 4, 64], 'float32');
    const long = { ...spec, sizes: [1, 4, 4, 24, 3, 3, 64] };
    expect(check(g.make('contract', long, [image, wide]), [image, wide], build)).toBe(1);
  });

  test('more rows, or an operand that lies otherwise, are for the tile', () => {
    const many = product(17, 64, 512);
    expect(check(many.root, many.inputs, build)).toBe(0);
    const x = g.input([4, 64], 'float32');
    const w = g.input([64, 32], 'float32');
    const spec = {
      sizes: [4, 32, 64],
      outRank: 2,
      a: [plainIndex(0), plainIndex(2)],
      b: [plainIndex(2), plainIndex(1)],
    };
    expect(check(g.make('contract', spec, [x, w]), [x, w], build)).toBe(0);
  });
});
