import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { type Target, wasmTarget } from '../../src/compiler/target.ts';
import type { TypedArray } from '../../src/graph/dtype.ts';
import { hostNumbers } from '../../src/graph/half.ts';
import { type Node, sizeOf, topological } from '../../src/graph/node.ts';
import { nativeTarget } from '../../src/runtime/cpu/c_compiler.ts';
import { hasFma } from '../../src/runtime/cpu/features.ts';
import { buildNative } from '../../src/runtime/cpu/native_program.ts';
import { buildWasm, heap, WasmProgram } from '../../src/runtime/cpu/wasm_program.ts';
import type { ProgramSource } from '../../src/runtime/program.ts';
import { evaluateReference } from '../../src/runtime/reference/evaluate.ts';
import { Storage } from '../../src/runtime/storage.ts';
import { expectClose } from '../support/close.ts';
import { graphText } from '../support/graph_text.ts';
import { type RandomGraph, randomGraph } from '../support/random_graph.ts';

// Random programs of the current tier on one thread and on two: the same bits, and those are right. NABLA_FUZZ and NABLA_FUZZ_SEED as in fuzz.test.ts.
const isNative = process.env.NABLA_TIER === 'native';
// Each is two objects to compile on the native tier: a fifth of them there.
const programs = Math.ceil(Number(process.env.NABLA_FUZZ ?? 2000) / (isNative ? 5 : 1));
const firstSeed = Number(process.env.NABLA_FUZZ_SEED ?? 0);
const batch = 500;

// Small arrays are worth no thread's while; here every kernel with something to divide is divided.
const target = (isNative ? nativeTarget() : null) ?? wasmTarget(hasFma(), true);
const alone: Target = { ...target, chunkWork: Number.POSITIVE_INFINITY };
const divided: Target = { ...target, chunkWork: 4 };

// A program on two threads, so that the workers of the wasm tier start, and time for them to do so.
beforeAll(() => {
  vi.stubEnv('NABLA_THREADS', '2');
  if (isNative) return;
  run(randomGraph(0, 12), divided);
  for (let seed = 1; heap().pool?.waitUntilReady() !== true && seed < 20; seed++)
    run(randomGraph(seed, 12), divided);
  expect(heap().pool?.waitUntilReady()).toBe(true);
});
afterAll(() => {
  vi.unstubAllEnvs();
});

function run(graph: RandomGraph, target: Target): { values: TypedArray[]; isDivided: boolean } {
  const outputs: readonly Node[] = graph.roots;
  const inputs = topological(outputs).filter((node) => node.op === 'input');
  const source: ProgramSource = { inputs, outputs, donations: outputs.map(() => -1) };
  const program = new WasmProgram(source, (isNative ? buildNative : buildWasm)(source, target));
  const results = program.run(
    inputs.map((node) => new Storage(node.dtype, sizeOf(node.shape), graph.data.get(node)!.slice())),
  );
  return {
    values: results.map((storage) => storage.read()),
    isDivided: program.compiled.loops.kernels.some(({ chunks }) => (chunks?.count ?? 1) > 1),
  };
}

describe('one thread and two give the same bits on random programs', () => {
  let dividedPrograms = 0;
  for (let start = firstSeed; start < firstSeed + programs; start += batch) {
    const end = Math.min(start + batch, firstSeed + programs);
    test(`seeds ${start} to ${end - 1}`, { timeout: 300_000 }, () => {
      for (let seed = start; seed < end; seed++) {
        const graph = randomGraph(seed, 12);
        const [one, two] = [run(graph, alone), run(graph, divided)];
        if (two.isDivided) dividedPrograms++;
        const expected = evaluateReference(graph.roots, (node) => graph.data.get(node)!);
        graph.roots.forEach((root, i) => {
          const where = `seed ${seed}, root ${i}`;
          const [a, b] = [one.values[i], two.values[i]];
          const wrong = Array.from(a).findIndex((value, k) => !Object.is(value, b[k]));
          if (wrong >= 0)
            throw new Error(
              `${where}: element ${wrong} is ${a[wrong]} on one thread and ${b[wrong]} on two\n${graphText([root])}`,
            );
          // Half precision as numbers: read as bits, -0 would be far from 0.
          const [actual, reference] = [b, expected.get(root)!].map((x) => hostNumbers(root.dtype, x));
          expectClose(actual, reference, { atol: graph.tolerances[i] }, where);
        });
      }
    });
  }

  test('many of them are divided', () => {
    expect(heap().threads).toBe(2);
    expect(dividedPrograms).toBeGreaterThan(programs / 2);
  });
});
