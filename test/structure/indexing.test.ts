import { expect, test } from 'vitest';
import type { CompiledProgram } from '../../src/compiler/compile.ts';
import { jit, type Tensor, tensor, zeros } from '../../src/index.ts';
import { watchCompilations } from '../../src/runtime/evaluate.ts';

// What indexing costs: the kinds of the kernels of a program.

function kernelsOf(f: (...arrays: Tensor[]) => Tensor, ...shapes: number[][]): string[] {
  const programs: CompiledProgram[] = [];
  const at = tensor(Int32Array.from({ length: 40 }, (_, i) => (7 * i) % 90));
  const row = tensor(Int32Array.from([3]), { shape: [] });
  watchCompilations(
    (compiled) => programs.push(compiled),
    () => jit(f)(...shapes.map((shape) => zeros(shape)), at, row).dataSync(),
  );
  return programs.flatMap((program) => program.kernels.map((k) => k.kind));
}

test.each<[string, (...arrays: Tensor[]) => Tensor, number[][], string[]]>([
  ['a slice set', (x) => x.update([2, 50], [null, null, 2]).set(1), [[100, 30]], ['loops']],
  ['points read', (x, at) => x.index(at, at.mod(30)).add(1), [[100, 30]], ['loops']],
  ['a triangle of a sum', (x) => x.add(1).tril(), [[30, 30]], ['loops']],
  ['a trace', (x) => x.trace(), [[30, 30]], ['loops']],
  // Positions, the number of the last update of each row, the rows.
  [
    'rows set',
    (x, v, at) => x.update(at).set(v),
    [
      [100, 30],
      [40, 30],
    ],
    ['loops', 'scatter', 'loops'],
  ],
  // Ten steps, cut once: expressions may not grow without end.
  ['binary search', (x, v) => x.searchsorted(v), [[1000], [500]], ['loops', 'loops']],
])('%s', (_, f, shapes, kinds) => {
  expect(kernelsOf(f, ...shapes)).toEqual(kinds);
});
