import { describe, expect, test } from 'vitest';
import { gatherSums } from '../../src/compiler/gather_sums.ts';
import * as g from '../../src/graph/build.ts';
import { plainIndex } from '../../src/graph/contraction.ts';
import { isOp, type Node, sizeOf, topological } from '../../src/graph/node.ts';
import { evaluateReference } from '../../src/runtime/reference/evaluate.ts';
import { expectClose } from '../support/close.ts';
import { Dice } from '../support/dice.ts';

const isInput = (node: Node): boolean => node.op === 'input';

/** Gathers the sums of a graph and checks that its value stays. */
function gathered(root: Node): Node {
  const [result] = gatherSums([root], isInput);
  const dice = new Dice(7);
  const data = new Map(
    topological([root, result])
      .filter(isInput)
      .map((node) => [
        node,
        Float32Array.from({ length: sizeOf(node.shape) }, () => dice.between(-8, 8) / 8),
      ]),
  );
  const value = (node: Node) => evaluateReference([node], (n) => data.get(n)!).get(node)!;
  expectClose(value(result), value(root), { rtol: 1e-6, atol: 1e-5 });
  return result;
}

const count = (root: Node, op: string): number => topological([root]).filter((n) => n.op === op).length;

const at = (row: number, rows: number, of: number, width = 4): Node =>
  g.pad(g.input([rows, width], 'float32'), [row, 0], [of - row - rows, 0]);

describe('gatherSums', () => {
  test('puts padded pieces side by side, with zeros between them', () => {
    const pieces = [at(6, 1, 9), at(0, 2, 9), at(3, 3, 9), at(2, 1, 9)];
    const result = gathered(pieces.reduce(g.add));
    expect(isOp(result, 'concat')).toBe(true);
    expect(count(result, 'pad')).toBe(0);
    expect(result.inputs.map((part) => part.shape[0])).toEqual([2, 1, 3, 1, 2]);
  });

  test('keeps what else is added, and the order of nested sums does not matter', () => {
    const other = g.input([5, 4], 'float32');
    const pieces = [at(0, 1, 5), at(1, 1, 5), at(4, 1, 5)];
    const result = gathered(g.add(g.add(pieces[0], other), g.add(pieces[1], pieces[2])));
    expect(count(result, 'concat')).toBe(1);
    expect(count(result, 'binary')).toBe(1);
  });

  test('leaves pieces alone that overlap, are few, or are padded along several axes', () => {
    const untouched = (...pieces: Node[]) => expect(count(gathered(pieces.reduce(g.add)), 'concat')).toBe(0);
    untouched(at(0, 3, 6), at(2, 2, 6), at(4, 2, 6));
    untouched(at(0, 3, 6), at(3, 3, 6));
    const corner = () => g.pad(g.input([1, 1], 'float32'), [0, 0], [2, 2]);
    untouched(corner(), corner(), corner());
  });

  test('sums products of one form in one product', () => {
    const product = (a = g.input([2, 32], 'float32')): Node =>
      g.make(
        'contract',
        {
          sizes: [32, 64, 2],
          outRank: 2,
          a: [plainIndex(2), plainIndex(0)],
          b: [plainIndex(2), plainIndex(1)],
        },
        [a, g.input([2, 64], 'float32')],
      );
    // Products that sum two terms are no tiles and stay as they are.
    const big = (a?: Node): Node => {
      const x = a ?? g.input([8, 32], 'float32');
      const y = g.input([8, 64], 'float32');
      return g.make(
        'contract',
        {
          sizes: [32, 64, 8],
          outRank: 2,
          a: [plainIndex(2), plainIndex(0)],
          b: [plainIndex(2), plainIndex(1)],
        },
        [x, y],
      );
    };
    const result = gathered([big(), big(), big(), big()].reduce(g.add));
    expect(count(result, 'contract')).toBe(1);
    expect(count(result, 'binary')).toBe(0);
    expect(count(gathered([product(), product(), product()].reduce(g.add)), 'contract')).toBe(3);
    const shared = g.input([8, 32], 'float32');
    expect(count(gathered([big(shared), big(shared), big(shared)].reduce(g.add)), 'contract')).toBe(3);
  });

  test('does not take apart a sum that somebody else reads', () => {
    const inner = [at(0, 1, 4), at(1, 1, 4)].reduce(g.add);
    const result = gathered(g.mul(g.add(g.add(inner, at(2, 1, 4)), at(3, 1, 4)), inner));
    expect(count(result, 'concat')).toBe(0);
  });

  test('takes long chains without recursion', () => {
    const x = g.input([4], 'float32');
    let sum: Node = x;
    for (let i = 0; i < 20_000; i++) sum = g.add(sum, g.input([4], 'float32'));
    expect(count(gathered(sum), 'binary')).toBe(20_000);
  });
});
