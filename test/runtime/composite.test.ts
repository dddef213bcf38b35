import { describe, expect, test } from 'vitest';
import type { CompiledProgram } from '../../src/compiler/compile.ts';
import { isOp, topological } from '../../src/graph/node.ts';
import {
  checkpoint,
  grad,
  jit,
  random,
  scan,
  type Tensor,
  tensor,
  Variable,
  valueAndGrad,
  zeros,
} from '../../src/index.ts';
import { heap } from '../../src/runtime/cpu/wasm_program.ts';
import { watchCompilations } from '../../src/runtime/evaluate.ts';
import { prepareControl } from '../../src/runtime/prepare_control.ts';

const scansOf = (tensors: readonly Tensor[]) => {
  const nodes = prepareControl(
    tensors.map((t) => t.node),
    (node) => node.stored !== null,
  );
  return topological(nodes, (node) => node.stored !== null).filter((node) => isOp(node, 'scan'));
};

const recurrent = (w: Tensor, xs: Tensor) =>
  scan((h: Tensor, x: Tensor) => [h.mul(w).add(x).tanh(), h.sum()], zeros([3]), xs);

describe('loops of one graph', () => {
  test('a gradient runs the loop once forwards and once back', () => {
    const loss = (w: Tensor, xs: Tensor) => {
      const [h, sums] = recurrent(w, xs);
      return h.square().sum().add(sums.square().sum());
    };
    const [value, gradient] = valueAndGrad(loss)(tensor(0.5), random.normal([6, 3], { key: random.key(1) }));
    const scans = scansOf([value, gradient]);
    expect(scans.map((s) => s.attributes.reverse)).toEqual([false, true]);
    // The carry, the sums that the loss reads, and what the way back reads: h before and after each step.
    expect(scans[0].attributes.results.length).toBe(4);
  });

  test('outputs that nobody reads are not computed; equal loops are one', () => {
    const [w, xs] = [tensor(0.5), random.normal([6, 3], { key: random.key(1) })];
    const [[h], [again, sums]] = [recurrent(w, xs), recurrent(w, xs)];
    expect(scansOf([h])[0].attributes.results.length).toBe(1);
    expect(scansOf([h, again.add(sums.sum())]).length).toBe(1);
    expect(scansOf([h, recurrent(w.add(1), xs)[0]]).length).toBe(2);
    // Over the same arrays from the same start, but with other steps.
    const along = (step: (h: Tensor, x: Tensor) => Tensor) =>
      scan((c: Tensor, x: Tensor) => [step(c, x), null], zeros([3]), xs)[0];
    const [added, multiplied] = [along((c, x) => c.add(x)), along((c, x) => c.add(x.mul(2)))];
    expect(scansOf([added, multiplied]).length).toBe(2);
    expect(multiplied.sub(added.mul(2)).abs().max().item()).toBeLessThan(1e-5);
  });

  test('a loop updates what it carries in place', () => {
    const programs: CompiledProgram[] = [];
    const run = jit(
      (xs: Tensor) => scan((c: Tensor, x: Tensor) => [c.mul(0.5).add(x), null], zeros([64]), xs)[0],
    );
    watchCompilations(
      (program) => programs.push(program),
      () => run(zeros([5, 64])).dataSync(),
    );
    const body = programs.find((p) => p.inputArguments.length === 2 && p.kernels.length === 1)!;
    expect(body.outputs).toEqual([{ kind: 'input', input: 0 }]);
  });

  test('a long loop leaves no memory behind', () => {
    const run = jit(
      (x: Tensor) =>
        scan(
          (c: Tensor) => {
            // A loop in the loop, so that programs inside of programs give their memory back too.
            const [inner] = scan((d: Tensor) => [d.mul(0.9), null], c, null, { length: 2 });
            return [inner.add(x), inner.sum()];
          },
          x,
          null,
          { length: 300 },
        )[0],
    );
    const x = zeros([4096]);
    run(x).dispose();
    const before = heap().usage().live;
    run(x).dispose();
    expect(heap().usage().live - before).toBeLessThan(2 * 4096 * 4);
  });
});

describe('checkpoint', () => {
  const width = 64;
  const layers = 12;
  const weights = Array.from(
    { length: layers },
    (_, i) => new Variable(random.normal([width, width], { key: random.key(i) }).mul(0.1)),
  );
  const block = (w: Variable) => (x: Tensor) => {
    let y = x.matmul(w.value).sin();
    for (let k = 0; k < 3; k++) y = y.matmul(w.value).tanh();
    return y;
  };
  const arena = (wrap: (f: (x: Tensor) => Tensor) => (x: Tensor) => Tensor): number => {
    let bytes = 0;
    const run = jit(
      (x: Tensor) =>
        grad(() => weights.reduce((y, w) => wrap(block(w))(y), x).sum(), weights).get(weights[0])!,
    );
    watchCompilations(
      (program) => {
        bytes += program.memory.arenaBytes;
      },
      () => run(zeros([256, width])).dataSync(),
    );
    return bytes;
  };
  test('needs less memory: the blocks are computed anew, each when its turn comes', () => {
    const [stored, anew] = [arena((f) => f), arena(checkpoint)];
    expect(anew).toBeLessThan(0.55 * stored);
  });
});
