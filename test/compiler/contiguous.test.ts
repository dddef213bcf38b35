import { describe, expect, test } from 'vitest';
import { visitStatements } from '../../src/compiler/c/unit.ts';
import { compileGraph } from '../../src/compiler/compile.ts';
import { visitAccesses } from '../../src/compiler/ir_visit.ts';
import { wasmTarget } from '../../src/compiler/target.ts';
import * as g from '../../src/graph/build.ts';
import { plainIndex, transposeContraction } from '../../src/graph/contraction.ts';
import { isOp, type Node } from '../../src/graph/node.ts';
import { checkOn, wideTargets } from '../support/wide_targets.ts';

const targets = { 'wasm: 4 lanes': wasmTarget(false), ...wideTargets };

/** Each channel with its own 3x3 filter; channels of images are neighbours, those of filters are not. */
function depthwise(x: Node, w: Node, stride: number): Node {
  const [batch, height, width, channels] = x.shape;
  const out = (n: number) => Math.floor((n - 1) / stride) + 1;
  const spatial = (axis: number) => ({
    terms: [
      [1 + axis, stride],
      [4 + axis, 1],
    ] as [number, number][],
    offset: -1,
    divisor: 1,
  });
  return g.contract(
    {
      sizes: [batch, out(height), out(width), channels, 3, 3],
      outRank: 4,
      a: [plainIndex(0), spatial(0), spatial(1), plainIndex(3)],
      b: [plainIndex(3), plainIndex(4), plainIndex(5)],
    },
    x,
    w,
  );
}

describe.each(Object.entries(targets))('%s', (_, target) => {
  test.each([
    [1, 16],
    [2, 16],
    [1, 37],
    [2, 5],
    [3, 64],
  ])('depthwise convolution, stride %i, %i channels: forward and both gradients', (stride, channels) => {
    const x = g.input([2, 9, 10, channels], 'float32');
    const w = g.input([channels, 3, 3], 'float32');
    const y = depthwise(x, w, stride);
    const dy = g.input(y.shape, 'float32');
    if (!isOp(y, 'contract')) throw new Error('a contraction is expected');
    const gradient = (which: 'a' | 'b') =>
      g.contract(transposeContraction(y.attributes, which, x.shape, w.shape), dy, which === 'a' ? w : x);
    checkOn([y, gradient('a'), gradient('b')], [x, w, dy], target, channels);
  });
});

test('the loops of a depthwise convolution go along the channels in vectors', () => {
  const x = g.input([2, 9, 10, 32], 'float32');
  const w = g.input([32, 3, 3], 'float32');
  const { loops } = compileGraph(
    { inputs: [x, w], outputs: [depthwise(x, w, 1)], donations: [-1] },
    wasmTarget(false),
  );
  const lanes: number[] = [];
  const last = loops.kernels[loops.kernels.length - 1];
  visitAccesses(last.body, (a) => lanes.push(a.op === 'load' ? a.type.lanes : a.value.type.lanes), false);
  expect(new Set(lanes)).toEqual(new Set([4]));
});

test('inside of an image, windows are not tested', () => {
  const x = g.input([3, 16, 16, 32], 'float32');
  const w = g.input([32, 3, 3], 'float32');
  const { loops } = compileGraph(
    { inputs: [x, w], outputs: [depthwise(x, w, 1)], donations: [-1] },
    wasmTarget(false),
  );
  const last = loops.kernels[loops.kernels.length - 1];
  const seen = new Map<string, number>();
  visitStatements(last.body, ({ op }) => seen.set(op, (seen.get(op) ?? 0) + 1));
  // Rows and columns at the borders know which of their loads fall outside, too.
  expect(seen.get('if')).toBeUndefined();
  // Loops over inner rows, images (of inner rows and of both outer ones), inner columns of each, and channels nine times.
  expect(seen.get('for')).toBe(1 + 3 + 3 + 9);
});
