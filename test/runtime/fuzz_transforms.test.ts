import { describe, expect, test } from 'vitest';
import { isFloat, type TypedArray } from '../../src/graph/dtype.ts';
import { isHalf } from '../../src/graph/half.ts';
import { type Node, sizeOf, topological } from '../../src/graph/node.ts';
import { compile } from '../../src/runtime/evaluate.ts';
import { evaluateReference } from '../../src/runtime/reference/evaluate.ts';
import { Storage } from '../../src/runtime/storage.ts';
import { expectClose } from '../support/close.ts';
import { Dice } from '../support/dice.ts';
import { graphText } from '../support/graph_text.ts';
import { inDouble } from '../support/in_double.ts';
import { type RandomGraph, randomGraph } from '../support/random_graph.ts';
import { shrink } from '../support/shrink.ts';
import { type Program, transformed } from '../support/transformed.ts';

// Gradients, tangents, batches, loops and choices of random programs, nested, compiled on the current tier against interpreted. What
// fails is shrunk before it is shown. NABLA_FUZZ sets the number of plain random programs (fuzz.test.ts), of which a fifth are here;
// NABLA_FUZZ_SEED the first seed.
const programs = Math.ceil(Number(process.env.NABLA_FUZZ ?? 2000) / 5);
const firstSeed = Number(process.env.NABLA_FUZZ_SEED ?? 0);
const batch = 50;
process.env.NABLA_THREADS = '1';

const interpreted = ({ roots, data }: Program): TypedArray[] => {
  const values = evaluateReference(roots, (node) => data.get(node)!);
  return roots.map((root) => values.get(root)!);
};

function compiled({ roots, data }: Program): TypedArray[] {
  const inputs = [...data.keys()];
  const program = compile({ inputs, outputs: roots, donations: roots.map(() => -1) });
  const results = program.run(
    inputs.map((node) => new Storage(node.dtype, sizeOf(node.shape), data.get(node)!.slice())),
  );
  return results.map((storage) => storage.read());
}

/** Inputs away from the grid on which ties, kinks and jumps lie: there, derivatives hang on the last bit. */
function generic({ roots, data }: RandomGraph, seed: number): Program {
  const dice = new Dice(seed + 0x30000);
  const moved = new Map(
    [...data].map(([node, values]) => [
      node,
      isFloat(node.dtype) ? values.map((x: number) => x + 0.05 * (dice.fraction() + 0.01)) : values,
    ]),
  );
  return { roots, data: moved };
}

/** How far the values of a program in single precision are from those in double: how much rounding matters to it. */
function tolerancesOf(single: Program, double: Program): number[] | null {
  const [a, b] = [interpreted(single), interpreted(double)];
  const tolerances = a.map((values, i) => {
    let [scale, error] = [1, 0];
    for (let k = 0; k < values.length; k++) {
      scale = Math.max(scale, Math.abs(values[k]));
      error = Math.max(error, Math.abs(values[k] - b[i][k]));
    }
    return isFloat(single.roots[i].dtype) ? 1e-4 * scale + 100 * error : 0;
  });
  // Infinities and NaN are the plain random programs' affair; values that rounding has taken over show nothing.
  return tolerances.every((t) => Number.isFinite(t) && t < 1) ? tolerances : null;
}

function difference(program: Program, tolerances: readonly number[]): string | null {
  const expected = interpreted(program);
  try {
    compiled(program).forEach((values, i) => {
      expectClose(values, expected[i], { atol: tolerances[i] ?? tolerances[0] }, `root ${i}`);
    });
    return null;
  } catch (error) {
    return (error as Error).message;
  }
}

/** Checks the program of a seed; false if there is nothing to check. */
function check(seed: number): boolean {
  const graph = randomGraph(seed, 8);
  // Rounding to a half is a jump, which multiplies the last bit; the plain random programs know by how much.
  if (topological(graph.roots).some(({ dtype }) => isHalf(dtype))) return false;
  const twin = inDouble(graph);
  if (twin === null) return false;
  const single = transformed(generic(graph, seed), new Dice(seed + 0x40000));
  const double = transformed(generic(twin, seed), new Dice(seed + 0x40000));
  if (single === null || double === null) return false;
  const tolerances = tolerancesOf(single.program, double.program);
  if (tolerances === null) return false;
  const problem = difference(single.program, tolerances);
  if (problem === null) return true;
  const most = Math.max(...tolerances);
  const small = shrink(
    single.program,
    (p) =>
      difference(
        p,
        p.roots.map(() => most),
      ) !== null,
  );
  throw new Error(
    `seed ${seed}, ${single.names.join(', ')}: ${problem}\nshrunk: ${difference(
      small,
      small.roots.map(() => most),
    )}\n${graphText(small.roots)}\n` + `of\n${graphText(single.program.roots)}`,
  );
}

describe('transformed random programs: compiled equals interpreted', () => {
  for (let start = firstSeed; start < firstSeed + programs; start += batch) {
    const end = Math.min(start + batch, firstSeed + programs);
    test(`seeds ${start} to ${end - 1}`, { timeout: 600_000 }, () => {
      let checked = 0;
      for (let seed = start; seed < end; seed++) checked += Number(check(seed));
      if (end - start === batch) expect(checked).toBeGreaterThan(batch / 5);
    });
  }
});

describe('shrinking', () => {
  test('finds the node that fails', () => {
    const graph = randomGraph(11, 12);
    const wrong = (roots: readonly Node[]) => topological(roots).some((node) => node.op === 'reduce');
    let seed = 11;
    let program: Program = graph;
    while (!wrong(program.roots)) program = randomGraph(++seed, 12);
    const small = shrink(program, ({ roots }) => wrong(roots));
    expect(topological(small.roots).filter((node) => node.op !== 'input').length).toBeLessThanOrEqual(2);
  });
});
