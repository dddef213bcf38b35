import { describe, expect, test } from 'vitest';
import { compileGraph } from '../../src/compiler/compile.ts';
import { wasmTarget } from '../../src/compiler/target.ts';
import * as g from '../../src/graph/build.ts';
import { plainIndex } from '../../src/graph/contraction.ts';
import type { Node } from '../../src/graph/node.ts';

// That the values are right is tested with the tile, on all targets: test/runtime/tile.test.ts, wide_targets.test.ts.

/** x [rows, sum] times the transpose of w [columns, sum]. */
function product(x: Node, w: Node): Node {
  const spec = {
    sizes: [x.shape[0], w.shape[0], x.shape[1]],
    outRank: 2,
    a: [plainIndex(0), plainIndex(2)],
    b: [plainIndex(1), plainIndex(2)],
  };
  return g.make('contract', spec, [x, w]);
}

const matrix = (rows: number, columns: number): Node => g.input([rows, columns], 'float32');

function kinds(outputs: readonly Node[], inputs: readonly Node[], isParallel: boolean): string[] {
  const request = { inputs, outputs, donations: outputs.map(() => -1) };
  return compileGraph(request, wasmTarget(true, isParallel)).kernels.map((k) => k.kind);
}

describe('columns packed beforehand', () => {
  test('once for products of several arrays with one matrix', () => {
    const [x, y, z, w] = [matrix(32, 256), matrix(32, 256), matrix(32, 256), matrix(64, 256)];
    const list = kinds([product(x, w), product(y, w), product(z, w)], [x, y, z, w], false);
    expect(list).toEqual(['pack', 'contract', 'contract', 'contract']);
  });

  test('not for matrices that only look alike', () => {
    const [x, y, v, w] = [matrix(32, 256), matrix(32, 256), matrix(64, 256), matrix(64, 256)];
    expect(kinds([product(x, v), product(y, w)], [x, y, v, w], false)).toEqual(['contract', 'contract']);
  });

  test('for a product whose rows threads share, unless each has many', () => {
    const w = matrix(256, 256);
    const few = matrix(512, 256);
    expect(kinds([product(few, w)], [few, w], true)).toEqual(['pack', 'contract']);
    expect(kinds([product(few, w)], [few, w], false)).toEqual(['contract']);
    const many = matrix(16384, 256);
    expect(kinds([product(many, w)], [many, w], true)).toEqual(['contract']);
  });
});
