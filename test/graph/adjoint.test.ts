import { describe, expect, test } from 'vitest';
import * as g from '../../src/graph/build.ts';
import { pullBack, pushForward } from '../../src/graph/differentiate.ts';
import type { Node } from '../../src/graph/node.ts';
import type { Op } from '../../src/graph/vocabulary.ts';
import { Dice } from '../support/dice.ts';
import { dot, Interpreted } from '../support/interpreted.ts';
import {
  type ContractionCase,
  randomConvolution,
  randomEinsum,
  randomMatmul,
} from '../support/random_contraction.ts';

// The test of a transpose rule: <A x, y> = <x, A' y> for random x and y. All numbers are small integers, for which both sides are
// exact in double: they must be equal, not close.

/** A linear map applied to fresh inputs, with the input that it is linear in (contract: one of two). */
interface Case {
  readonly x: Node;
  readonly out: Node;
}
type Draw = (dice: Dice, values: Interpreted) => Case;

const shapeOf = (dice: Dice, least = 0, most = 4): number[] =>
  Array.from({ length: dice.between(least, most) }, () => (dice.chance(0.05) ? 0 : dice.between(1, 6)));

const each = <T>(shape: readonly number[], draw: (extent: number, axis: number) => T): T[] => shape.map(draw);

function draw(build: (dice: Dice, x: Node) => Node, least = 0, most = 4): Draw {
  return (dice, values) => {
    const x = values.integers(dice, shapeOf(dice, least, most));
    return { x, out: build(dice, x) };
  };
}

const contractionOf =
  (make: (dice: Dice) => ContractionCase): Draw =>
  (dice, values) => {
    const { contraction, a, b } = make(dice);
    const [left, right] = [values.integers(dice, a), values.integers(dice, b)];
    return { x: dice.chance(0.5) ? left : right, out: g.contract(contraction, left, right) };
  };

const indicesInto = (dice: Dice, values: Interpreted, extent: number): Node => {
  const shape = shapeOf(dice, 0, 2);
  const count = shape.reduce((n, e) => n * e, 1);
  // Some outside, which are clamped.
  const list = Array.from({ length: count }, () => dice.between(-2, extent + 1));
  return values.input(list, shape, 'int32');
};

/** Every structurally linear operation: a rule in the derivative table that is not elementwise. */
const linear: { readonly [name: string]: readonly [Op, Draw] } = {
  reshape: [
    'reshape',
    draw((dice, x) =>
      g.reshape(x, dice.chance(0.5) ? [x.shape.reduce((n, e) => n * e, 1)] : [1, ...x.shape]),
    ),
  ],
  transpose: ['transpose', draw((dice, x) => g.transpose(x, dice.shuffled(x.shape.map((_, i) => i))))],
  broadcast: [
    'broadcast',
    (dice, values) => {
      const shape = shapeOf(dice, 1, 4);
      const axes = dice.subset(shape.map((_, i) => i));
      const x = values.integers(
        dice,
        axes.map((axis) => shape[axis]),
      );
      return { x, out: g.broadcast(x, shape, axes) };
    },
  ],
  'slice with positive and negative steps': [
    'slice',
    draw((dice, x) => {
      const step = each(x.shape, () => dice.pick([1, 2, 3, -1, -2, -3]));
      const start = each(x.shape, (extent) => dice.between(0, Math.max(0, extent - 1)));
      const count = each(x.shape, (extent, axis) => {
        const room = step[axis] > 0 ? extent - 1 - start[axis] : start[axis];
        const most = Math.floor(room / Math.abs(step[axis])) + 1;
        return extent === 0 || dice.chance(0.05) ? 0 : dice.between(1, most);
      });
      return g.slice(x, start, step, count);
    }),
  ],
  'pad with cuts and interior': [
    'pad',
    draw((dice, x) => {
      const interior = each(x.shape, () => dice.pick([0, 0, 1, 2]));
      const grown = each(x.shape, (extent, axis) => extent + Math.max(0, extent - 1) * interior[axis]);
      const low = each(grown, (extent) => dice.between(-Math.min(2, extent), 2));
      const high = each(grown, (extent, axis) =>
        dice.between(-Math.min(2, Math.max(0, extent + low[axis])), 2),
      );
      return g.pad(x, low, high, interior);
    }),
  ],
  'window with overlaps and gaps': [
    'window',
    draw((dice, x) => {
      const axes = dice.subset(
        x.shape.map((_, i) => i),
        0.7,
      );
      return g.window(x, {
        axes,
        size: axes.map(() => dice.between(1, 3)),
        stride: axes.map(() => dice.between(1, 3)),
        dilation: axes.map(() => dice.between(1, 2)),
      });
    }),
  ],
  'reduce sum': ['reduce', draw((dice, x) => g.reduce('sum', x, dice.subset(x.shape.map((_, i) => i))))],
  'prefix sum': [
    'prefix',
    draw((dice, x) => g.prefix('sum', x, dice.between(0, x.shape.length - 1), dice.chance(0.5)), 1),
  ],
  concat: [
    'concat',
    (dice, values) => {
      const shape = shapeOf(dice, 1, 3);
      const axis = dice.between(0, shape.length - 1);
      const part = () => values.integers(dice, shape.with(axis, dice.between(0, 4)));
      const x = part();
      // The same operand twice: its changes add up. An operand that is not differentiated: a change of zeros.
      return { x, out: g.concat(dice.shuffled([x, part(), x]), axis) };
    },
  ],
  select: [
    'select',
    draw((dice, x) => {
      const condition = g.compare(
        'lt',
        g.iota(0, [7, ...x.shape]),
        g.fill(dice.between(0, 7), g.iota(0, [7, ...x.shape])),
      );
      const wide = g.broadcast(
        x,
        [7, ...x.shape],
        x.shape.map((_, i) => i + 1),
      );
      return dice.chance(0.5)
        ? g.select(condition, wide, g.fill(0, wide))
        : g.select(condition, g.neg(wide), wide);
    }),
  ],
  gather: [
    'gather',
    (dice, values) => {
      const shape = shapeOf(dice, 1, 3);
      const axis = dice.between(0, shape.length - 1);
      shape[axis] = dice.between(1, 4);
      const x = values.integers(dice, shape);
      return { x, out: g.gather(x, indicesInto(dice, values, shape[axis]), axis) };
    },
  ],
  'scatter: sums': [
    'scatter',
    (dice, values) => {
      const shape = shapeOf(dice, 1, 3);
      const axis = dice.between(0, shape.length - 1);
      shape[axis] = dice.between(1, 4);
      const indices = indicesInto(dice, values, shape[axis]);
      const x = values.integers(dice, [...shape.slice(0, axis), ...indices.shape, ...shape.slice(axis + 1)]);
      return { x, out: g.scatterAdd(indices, x, shape, axis) };
    },
  ],
  alias: ['alias', draw((_, x) => g.alias(x))],
  'cast to double': [
    'cast',
    (dice, values) => {
      const x = values.input([1, -2, 3], [3], 'float32');
      return { x, out: g.cast(x, dice.pick(['float64', 'float64'])) };
    },
  ],
  'contract: any einsum': ['contract', contractionOf((dice) => randomEinsum(dice, shapeOf(dice, 0, 3)))],
  'contract: matrix product': ['contract', contractionOf(randomMatmul)],
  'contract: convolutions and their gradients': ['contract', contractionOf(randomConvolution)],
};

const rounds = 60;

describe("<A x, y> = <x, A' y>", () => {
  test.each(Object.keys(linear))('%s', (name) => {
    const [op, make] = linear[name];
    let seen = 0;
    let elements = 0;
    for (let seed = 0; seed < rounds; seed++) {
      const dice = new Dice(seed);
      const values = new Interpreted();
      const { x, out } = make(dice, values);
      const y = values.integers(dice, out.shape);
      if (out.op === op) seen++;
      const [change] = pullBack([out], [y], [x]);
      if (change === null) {
        // Only where nothing of x reaches the result.
        expect(out === x || out.shape.includes(0) || x.shape.includes(0), `seed ${seed}`).toBe(true);
        continue;
      }
      expect(change.shape).toEqual(x.shape);
      expect(change.dtype).toBe(x.dtype);
      const direction = values.integers(dice, x.shape);
      const tangent =
        x.dtype === 'float64' ? pushForward([out], new Map([[x, direction]]))[0] : g.cast(x, out.dtype);
      const [ax, t, back] = values.values(tangent!, x.dtype === 'float64' ? direction : x, change);
      expect(dot(ax, values.data.get(y)!), `seed ${seed}`).toBe(dot(t, back));
      elements += ax.length;
    }
    // The builder drops operations that do nothing; most draws must be the real thing.
    expect(seen).toBeGreaterThan(rounds / 3);
    expect(elements).toBeGreaterThan(rounds);
  });

  test('the tangent of a linear map is the map itself', () => {
    for (const [op, make] of Object.values(linear)) {
      for (let seed = 0; seed < 20; seed++) {
        const dice = new Dice(seed);
        const values = new Interpreted();
        const { x, out } = make(dice, values);
        // concat has another operand here, which does not change.
        if (x.dtype !== 'float64' || out.op !== op || op === 'concat') continue;
        // In the direction of x itself, a linear map changes by its value.
        const [tangent] = pushForward([out], new Map([[x, x]]));
        const [value, change] = values.values(out, tangent!);
        expect([...change], `${op}, seed ${seed}`).toEqual([...value]);
      }
    }
  });

  test('padding with a value other than zero: its tangent pads with zeros', () => {
    const values = new Interpreted();
    const x = values.input([1, 2], [2]);
    const out = g.pad(x, [1], [2], [1], 7);
    const [tangent] = pushForward([out], new Map([[x, x]]));
    expect(values.values(out, tangent!).map((v) => [...v])).toEqual([
      [7, 1, 7, 2, 7, 7],
      [0, 1, 0, 2, 0, 0],
    ]);
  });
});
