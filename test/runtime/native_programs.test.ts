import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import * as g from '../../src/graph/build.ts';
import { sizeOf, topological } from '../../src/graph/node.ts';
import { jit, random, type Tensor, tensor, valueAndGrad } from '../../src/index.ts';
import * as nn from '../../src/nn/index.ts';
import * as optim from '../../src/optim/index.ts';
import { LeNet5 } from '../../src/recipes/lenet5.ts';
import { nativeProblem } from '../../src/runtime/cpu/native.ts';
import { buildNative } from '../../src/runtime/cpu/native_program.ts';
import { heap, WasmProgram } from '../../src/runtime/cpu/wasm_program.ts';
import { evaluateReference } from '../../src/runtime/reference/evaluate.ts';
import { Storage } from '../../src/runtime/storage.ts';
import { expectClose } from '../support/close.ts';
import { randomGraph } from '../support/random_graph.ts';

const cache = mkdtempSync(join(tmpdir(), 'nabla-test-'));
process.env.NABLA_CACHE = cache;
afterAll(() => rmSync(cache, { recursive: true, force: true }));

/** Losses of some training steps of LeNet-5. */
function losses(tier: 'wasm' | 'native'): number[] {
  process.env.NABLA_TIER = tier;
  try {
    random.seed(5);
    const model = new LeNet5();
    const optimizer = new optim.Adam(model, { lr: 1e-3 });
    const step = jit((x: Tensor, y: Tensor) => {
      const [loss, grads] = valueAndGrad(() => nn.crossEntropy(model.forward(x), y), model);
      optimizer.update(grads);
      return loss;
    });
    const x = random.uniform([32, 28, 28, 1]);
    const y = random.randint([32], 0, 10);
    return Array.from({ length: 5 }, () => step(x, y).item());
  } finally {
    delete process.env.NABLA_TIER;
  }
}

describe.skipIf(nativeProblem() !== null)('the native tier', () => {
  test('trains as the wasm tier does', { timeout: 120_000 }, () => {
    const [native, wasm] = [losses('native'), losses('wasm')];
    expectClose(native, wasm, { rtol: 1e-4 });
    expect(native[4]).toBeLessThan(native[0]);
  });

  test('keeps the places of kernels that the compiler finds equal', () => {
    process.env.NABLA_TIER = 'native';
    try {
      const round = (x: Tensor): Tensor => x.cast('bfloat16').cast('float32');
      // A float that passes through double is the same float, so both kernels are one to the C compiler.
      const twice = jit((x: Tensor, y: Tensor) => [round(x), round(y).cast('float64').cast('float32')]);
      const of = (start: number): Tensor => tensor(Array.from({ length: 12 }, (_, i) => start + i));
      const [a, b] = twice(of(1).cast('bfloat16'), of(-20).cast('bfloat16'));
      expect([a, b].map((t) => Array.from(t.dataSync()))).toEqual([of(1).toArray(), of(-20).toArray()]);
    } finally {
      delete process.env.NABLA_TIER;
    }
  });

  test('reads nothing beside an array, though it be multiplied by 0', () => {
    // Terms outside of an operand are 0: of an array whose neighbours in memory are NaN, nothing of them may show.
    const a = g.input([3], 'float32');
    const b = g.broadcast(g.input([4], 'float32'), [3, 4], [1]);
    const sum = g.contract(
      {
        sizes: [3, 4, 2],
        outRank: 1,
        a: [
          {
            terms: [
              [1, 3],
              [2, 2],
              [0, -2],
            ],
            offset: -1,
            divisor: 1,
          },
        ],
        b: [
          { terms: [[2, 2]], offset: 4, divisor: 1 },
          { terms: [[0, 2]], offset: 2, divisor: 1 },
        ],
      },
      a,
      b,
    );
    const source = { inputs: [a, b.inputs[0]], outputs: [sum], donations: [-1] };
    const program = new WasmProgram(source, buildNative(source));
    const surroundings = new Storage('float32', 48, new Float32Array(48).fill(NaN).fill(1, 24, 27));
    const part = heap().part('float32', 3);
    part.show(surroundings, 8);
    const other = new Storage('float32', 4, new Float32Array(4).fill(1));
    expect([...program.run([part.storage, other])[0].read()]).toEqual([0, 0, 0]);
  });

  test('agrees with the interpreter on random programs', { timeout: 120_000 }, () => {
    for (let seed = 0; seed < 30; seed++) {
      const graph = randomGraph(seed, 12);
      const inputs = topological(graph.roots).filter((node) => node.op === 'input');
      const source = { inputs, outputs: graph.roots, donations: graph.roots.map(() => -1) };
      const results = new WasmProgram(source, buildNative(source)).run(
        inputs.map((node) => new Storage(node.dtype, sizeOf(node.shape), graph.data.get(node)!.slice())),
      );
      const expected = evaluateReference(graph.roots, (node) => graph.data.get(node)!);
      graph.roots.forEach((root, i) => {
        expectClose(
          results[i].read(),
          expected.get(root)!,
          { atol: graph.tolerances[i] },
          `seed ${seed}, root ${i}`,
        );
      });
    }
  });
});

test('an unknown tier is refused', () => {
  process.env.NABLA_TIER = 'fortran';
  try {
    expect(() => jit((x: Tensor) => x.add(1))(random.uniform([2]))).toThrow(
      /NABLA_TIER=fortran is not a tier/,
    );
  } finally {
    delete process.env.NABLA_TIER;
  }
});
