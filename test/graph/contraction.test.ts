import { describe, expect, test } from 'vitest';
import { contract, reduce } from '../../src/graph/build.ts';
import { plainIndex, transposeContraction } from '../../src/graph/contraction.ts';
import { pullBack } from '../../src/graph/differentiate.ts';
import { windowCount } from '../../src/graph/infer.ts';
import { isOp, type Node, sizeOf, topological } from '../../src/graph/node.ts';
import type { AffineIndex, Contraction } from '../../src/graph/vocabulary.ts';
import { Dice } from '../support/dice.ts';
import { dot, Interpreted } from '../support/interpreted.ts';

// Contractions are closed under differentiation. The reference for a derivative is linearity itself: the change for the unit vector
// e_i is the contraction applied to e_i. Small integers, so equality is exact.

interface Convolution {
  readonly spec: Contraction;
  readonly image: readonly number[];
  readonly filter: readonly number[];
  readonly text: string;
}

/**
 * A one-dimensional convolution in full generality: batch, groups, stride, dilation of the filter and of the image (the
 * divisor), uneven and negative padding.
 */
function randomConvolution(seed: number): Convolution | null {
  const dice = new Dice(seed);
  const [n, groups, channels, outputs] = [1, 1, 1, 1].map(() => dice.between(1, 2));
  const extent = dice.between(4, 8);
  const taps = dice.between(1, 3);
  const stride = dice.between(1, 3);
  const dilation = dice.between(1, 2);
  const spread = dice.pick([1, 1, 2]);
  const [before, after] = [dice.between(-1, 2), dice.between(-1, 2)];
  const space = windowCount((extent - 1) * spread + 1 + before + after, taps, stride, dilation);
  if (space <= 0) return null;
  // Axes: batch, group, output, position | channel, tap.
  const position: AffineIndex = {
    terms: [
      [3, stride],
      [5, dilation],
    ],
    offset: -before,
    divisor: spread,
  };
  return {
    spec: {
      sizes: [n, groups, outputs, space, channels, taps],
      outRank: 4,
      a: [plainIndex(0), plainIndex(1), plainIndex(4), position],
      b: [plainIndex(1), plainIndex(2), plainIndex(4), plainIndex(5)],
    },
    image: [n, groups, channels, extent],
    filter: [groups, outputs, channels, taps],
    text: JSON.stringify({
      n,
      groups,
      channels,
      outputs,
      extent,
      taps,
      stride,
      dilation,
      spread,
      before,
      after,
    }),
  };
}

const unit = (size: number, i: number): Float64Array =>
  Float64Array.from({ length: size }, (_, j) => (i === j ? 1 : 0));

/** The change of one operand for a change of the output, one unit vector at a time. */
function byLinearity(
  spec: Contraction,
  which: 'a' | 'b',
  values: Interpreted,
  a: Node,
  b: Node,
  cotangent: Node,
): number[] {
  const operand = which === 'a' ? a : b;
  const size = sizeOf(operand.shape);
  return Array.from({ length: size }, (_, i) => {
    const e = values.input(unit(size, i), operand.shape);
    const column = which === 'a' ? contract(spec, e, b) : contract(spec, a, e);
    const [y, ct] = values.values(column, cotangent);
    return dot(y, ct);
  });
}

/** Checks both transposes of a contraction, and to `order` - 1 their transposes in turn; returns how many were checked. */
function checkTransposes(
  spec: Contraction,
  values: Interpreted,
  a: Node,
  b: Node,
  order: number,
  dice: Dice,
  text: string,
): number {
  const cotangent = values.integers(dice, spec.sizes.slice(0, spec.outRank));
  let checked = 0;
  for (const which of ['a', 'b'] as const) {
    const transposed = transposeContraction(spec, which, a.shape, b.shape);
    const other = which === 'a' ? b : a;
    const change = contract(transposed, cotangent, other);
    const path = `${text} d/d${which} (${order} more)`;
    expect(change.shape, path).toEqual((which === 'a' ? a : b).shape);
    const [actual] = values.values(change);
    expect([...actual], path).toEqual(byLinearity(spec, which, values, a, b, cotangent));
    checked++;
    if (order > 1) checked += checkTransposes(transposed, values, cotangent, other, order - 1, dice, path);
  }
  return checked;
}

describe('transposeContraction', () => {
  test('first and second derivatives of 80 random convolutions', () => {
    let convolutions = 0;
    let checked = 0;
    for (let seed = 0; convolutions < 80; seed++) {
      const convolution = randomConvolution(seed);
      if (convolution === null) continue;
      convolutions++;
      const dice = new Dice(seed);
      const values = new Interpreted();
      const [a, b] = [values.integers(dice, convolution.image), values.integers(dice, convolution.filter)];
      checked += checkTransposes(convolution.spec, values, a, b, 2, dice, convolution.text);
    }
    expect(checked).toBe(80 * 6);
  });

  test('third derivatives of a strided, dilated, grouped one', () => {
    for (let seed = 100; seed < 104; seed++) {
      const convolution = randomConvolution(seed);
      if (convolution === null) continue;
      const dice = new Dice(seed);
      const values = new Interpreted();
      const [a, b] = [values.integers(dice, convolution.image), values.integers(dice, convolution.filter)];
      expect(checkTransposes(convolution.spec, values, a, b, 3, dice, convolution.text)).toBe(14);
    }
  });

  /** Two-dimensional, as layers build it: image [n, h, w, c], filter [o, kh, kw, c]. */
  function layer(
    extent: number,
    taps: number,
    stride: number,
    padding: number,
    dilation = 1,
  ): { spec: Contraction; values: Interpreted; a: Node; b: Node } {
    const space = windowCount(extent + 2 * padding, taps, stride, dilation);
    const spatial = (out: number, tap: number): AffineIndex => ({
      terms: [
        [out, stride],
        [tap, dilation],
      ],
      offset: -padding,
      divisor: 1,
    });
    const spec: Contraction = {
      sizes: [1, space, space, 3, taps, taps, 2],
      outRank: 4,
      a: [plainIndex(0), spatial(1, 4), spatial(2, 5), plainIndex(6)],
      b: [plainIndex(3), plainIndex(4), plainIndex(5), plainIndex(6)],
    };
    const values = new Interpreted();
    const dice = new Dice(1);
    return {
      spec,
      values,
      a: values.integers(dice, [1, extent, extent, 2]),
      b: values.integers(dice, [3, taps, taps, 2]),
    };
  }

  test.each([1, 2, 3, 4])('the image gradient at stride %i sums over taps, not over positions', (stride) => {
    const { spec, a, b } = layer(13, 5, stride, 2);
    const transposed = transposeContraction(spec, 'a', a.shape, b.shape);
    // Output: the image. Summed: filters and taps. The stride is an exact division of the output gradient's positions.
    expect(transposed.sizes.slice(0, 4)).toEqual([1, 13, 13, 2]);
    expect([...transposed.sizes.slice(4)].sort()).toEqual([3, 5, 5]);
    expect(transposed.a.map((index) => index.divisor)).toEqual([1, stride, stride, 1]);
    expect(transposed.b.every((index) => index.divisor === 1)).toBe(true);
  });

  test('the filter gradient sums over batch and positions, without divisions', () => {
    const { spec, a, b } = layer(12, 3, 2, 1);
    const transposed = transposeContraction(spec, 'b', a.shape, b.shape);
    expect(transposed.sizes.slice(0, 4)).toEqual([3, 3, 3, 2]);
    expect([...transposed.sizes.slice(4)].sort()).toEqual([1, 6, 6]);
    expect([...transposed.a, ...transposed.b].every((index) => index.divisor === 1)).toBe(true);
  });

  test('a contraction with itself: both operands contribute', () => {
    const { spec, values } = layer(5, 5, 1, 0);
    const x = values.input(
      Array.from({ length: 50 }, (_, i) => (i % 7) - 3),
      [1, 5, 5, 2],
    );
    const both = contract({ ...spec, sizes: [1, 1, 1, 1, 5, 5, 2] }, x, x);
    const [change] = pullBack([reduce('sum', both, [0, 1, 2, 3])], [values.input([1], [])], [x]);
    const [actual, original] = values.values(change!, x);
    // d/dx sum x^2 = 2 x
    expect([...actual]).toEqual([...original].map((v) => 2 * v));
  });

  test('a coordinate that has no axis has no transpose, and the error says so', () => {
    const spec: Contraction = {
      sizes: [3],
      outRank: 1,
      a: [{ terms: [], offset: 1, divisor: 1 }],
      b: [plainIndex(0)],
    };
    expect(() => transposeContraction(spec, 'a', [4], [3])).toThrow(/no axis of coordinate 0 of operand A/);
  });

  test('derivatives of contractions are contractions: no views, no padding', () => {
    const { spec, values, a, b } = layer(9, 3, 2, 1);
    const out = contract(spec, a, b);
    const cotangent = values.integers(new Dice(2), out.shape);
    const changes = pullBack([out], [cotangent], [a, b]);
    const made = topological(
      changes.filter((c) => c !== null),
      (node) => node === a || node === b || node === cotangent,
    ).filter((node) => !isOp(node, 'input'));
    expect(made.map((node) => node.op)).toEqual(['contract', 'contract']);
  });
});
