import { expect, test } from 'vitest';
import { compileGraph } from '../../src/compiler/compile.ts';
import { writesOf } from '../../src/compiler/plan.ts';
import { wasmTarget } from '../../src/compiler/target.ts';
import * as g from '../../src/graph/build.ts';
import { plainIndex } from '../../src/graph/contraction.ts';
import { checkOn } from '../support/wide_targets.ts';

test('a layer is stored with its bias, and what follows is computed from that again', () => {
  const [x, w, b] = [[32, 40], [40, 48], [48]].map((shape) => g.input(shape, 'float32'));
  const spec = {
    sizes: [32, 48, 40],
    outRank: 2,
    a: [plainIndex(0), plainIndex(2)],
    b: [plainIndex(2), plainIndex(1)],
  };
  const sum = g.add(g.contract(spec, x, w), g.broadcast(b, [32, 48], [1]));
  const half = g.mul(g.fill(0.5, sum), sum);
  const smooth = g.mul(half, g.unary('erf', sum));
  // Read again after all of it, as a gradient does.
  const later = g.mul(half, g.broadcastAlong(g.reduce('sum', smooth, [0]), sum.shape, [0]));
  const outputs = [smooth, later];
  const target = wasmTarget(false);
  const { kernels } = compileGraph({ inputs: [x, w, b], outputs, donations: [-1, -1] }, target);
  expect(kernels[0].kind).toBe('contract');
  expect(writesOf(kernels[0]).map((node) => node.op)).toEqual(['binary']);
  const written = kernels.flatMap(writesOf).filter((node) => node.shape.length === 2);
  // The sum and the results, but no half.
  expect(written.length).toBe(3);
  checkOn(outputs, [x, w, b], target, 1);
});
