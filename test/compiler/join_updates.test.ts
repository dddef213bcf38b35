import { describe, expect, test } from 'vitest';
import { compileGraph } from '../../src/compiler/compile.ts';
import { wasmTarget } from '../../src/compiler/target.ts';
import { jit } from '../../src/core/jit.ts';
import { tensor } from '../../src/core/tensor.ts';
import { Variable } from '../../src/core/variable.ts';
import * as g from '../../src/graph/build.ts';
import type { Node } from '../../src/graph/node.ts';

const array = (size: number): Node => g.input([size], 'float32');

function compiled(outputs: readonly Node[], inputs: readonly Node[], donations: readonly number[]) {
  return compileGraph({ inputs, outputs, donations }, wasmTarget(true, true));
}

describe('small updates of state', () => {
  test('are one kernel with a chunk for each', () => {
    const [a, b, c] = [array(10), array(20), array(1_000_000)];
    const outputs = [g.add(a, a), g.unary('exp', b), g.neg(c)];
    const program = compiled(outputs, [a, b, c], [0, 1, 2]);
    expect(program.kernels.map((k) => k.kind)).toEqual(['loops', 'updates']);
    expect(program.loops.kernels[1].chunks?.count).toBe(2);
    expect(program.outputs.every((place) => place.kind === 'input')).toBe(true);
  });

  test('stay apart from results, and from what the program reads again', () => {
    const [a, b] = [array(10), array(10)];
    expect(compiled([g.add(a, a), g.neg(b)], [a, b], [0, -1]).kernels.map((k) => k.kind)).toEqual([
      'loops',
      'loops',
    ]);
    const next = g.unary('exp', a);
    const outputs = [next, g.reduce('sum', next, [0]), g.neg(b)];
    expect(compiled(outputs, [a, b], [0, -1, 1]).kernels.some((k) => k.kind === 'updates')).toBe(false);
  });

  test('that read what another one changes do not overwrite it', () => {
    const [a, b] = [array(10), array(20)];
    const outputs = [g.add(a, g.slice(b, [0], [1], [10])), g.neg(b)];
    const program = compiled(outputs, [a, b], [0, 1]);
    expect(program.kernels.map((k) => k.kind)).toEqual(['updates']);
    expect(program.outputs.map((place) => place.kind)).toEqual(['input', 'new']);
    // A single number is read at the place at which it is written: a learning rate that changes along with the weights.
    const rate = g.input([], 'float32');
    const weights = [g.mul(a, g.broadcast(rate, [10], [])), g.neg(rate)];
    const scaled = compiled(weights, [a, rate], [0, 1]);
    expect(scaled.kernels.map((k) => k.kind)).toEqual(['updates']);
    expect(scaled.outputs.map((place) => place.kind)).toEqual(['input', 'new']);
  });

  test('see the state before the step', () => {
    const [a, b] = [new Variable(tensor([1, 2])), new Variable(tensor([10, 20, 30]))];
    const step = jit(() => {
      const [x, y] = [a.value, b.value];
      a.assign(x.add(y.sum()));
      b.assign(y.add(x.sum()));
    });
    step();
    step();
    expect(a.value.toArray()).toEqual([130, 131]);
    expect(b.value.toArray()).toEqual([136, 146, 156]);
  });
});
