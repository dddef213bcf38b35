import type { AffineIndex, Contraction } from '../../src/graph/vocabulary.ts';
import type { Dice } from './dice.ts';

/** A contraction with the shapes of operands that fit it. */
export interface ContractionCase {
  readonly contraction: Contraction;
  readonly a: readonly number[];
  readonly b: readonly number[];
}

/** A coordinate over axes that still go by their names. */
interface NamedIndex {
  readonly terms: readonly (readonly [axis: string, coefficient: number])[];
  readonly offset?: number;
  readonly divisor?: number;
}

/** An operand: one coordinate and extent for each dimension. */
type Operand = readonly { readonly index: NamedIndex; readonly extent: number }[];

const alone = (axis: string, extent: number) => ({ index: { terms: [[axis, 1] as const] }, extent });

/** Numbers the axes (output axes first, each group in a random order) and sometimes exchanges the operands. */
function assemble(
  dice: Dice,
  sizes: Readonly<Record<string, number>>,
  output: readonly string[],
  a: Operand,
  b: Operand,
): ContractionCase {
  const summed = Object.keys(sizes).filter((axis) => !output.includes(axis));
  const order = [...dice.shuffled(output), ...dice.shuffled(summed)];
  const number = ({ terms, offset = 0, divisor = 1 }: NamedIndex): AffineIndex => ({
    terms: terms.map(([axis, coefficient]) => [order.indexOf(axis), coefficient] as const),
    offset,
    divisor,
  });
  const [first, second] = dice.chance(0.3) ? [b, a] : [a, b];
  return {
    contraction: {
      sizes: order.map((axis) => sizes[axis]),
      outRank: output.length,
      a: first.map(({ index }) => number(index)),
      b: second.map(({ index }) => number(index)),
    },
    a: first.map(({ extent }) => extent),
    b: second.map(({ extent }) => extent),
  };
}

/** Any einsum of two operands, the first of shape `shape`: each of its axes is batch, free or summed. */
export function randomEinsum(dice: Dice, shape: readonly number[]): ContractionCase {
  const sizes: Record<string, number> = {};
  const a = shape.map((extent, i) => {
    sizes[`a${i}`] = extent;
    return alone(`a${i}`, extent);
  });
  const shared = dice.subset(Object.keys(sizes), 0.6);
  // A free axis stays in the output, a shared one is batch (stays) or summed, and one of A alone may be summed too.
  const output = Object.keys(sizes).filter((axis) => dice.chance(shared.includes(axis) ? 0.35 : 0.9));
  const own = Array.from({ length: dice.between(0, 2) }, (_, i) => `b${i}`);
  for (const axis of own) {
    sizes[axis] = dice.chance(0.1) ? dice.pick([0, 9, 17]) : dice.between(1, 6);
    if (dice.chance(0.95)) output.push(axis);
  }
  const b = dice.shuffled([...shared, ...own]).map((axis) => alone(axis, sizes[axis]));
  return assemble(dice, sizes, output, a, b);
}

/** A matrix product with extents that reach past register tiles and vector widths. */
export function randomMatmul(dice: Dice): ContractionCase {
  const extent = () => dice.pick([1, 2, 3, 4, 5, 7, 8, 9, 13, 16, 17, 31]);
  const sizes = { m: extent(), n: extent(), k: extent() };
  const a = dice.shuffled([alone('m', sizes.m), alone('k', sizes.k)]);
  const b = dice.shuffled([alone('k', sizes.k), alone('n', sizes.n)]);
  return assemble(dice, sizes, ['m', 'n'], a, b);
}

/**
 * A convolution in one to three dimensions with stride, dilation, padding (also negative) and groups, channels last: the
 * forward pass, the gradient by the images (exact division by the stride) or the gradient by the filters.
 */
export function randomConvolution(dice: Dice): ContractionCase {
  const rank = dice.pick([1, 1, 2, 2, 2, 3]);
  const [groups, channels, filters] = dice.pick([
    [1, dice.between(1, 4), dice.between(1, 5)],
    [dice.between(2, 3), dice.between(1, 2), dice.between(1, 2)],
    [dice.between(1, 6), 1, 1],
  ]);
  const sizes: Record<string, number> = { n: dice.between(1, 2), g: groups, c: channels, m: filters };
  const axes = Array.from({ length: rank }, (_, i) => {
    const taps = dice.between(1, 3);
    const stride = dice.between(1, 3);
    const dilation = dice.pick([1, 1, 2]);
    const padding = dice.between(-1, 2);
    const extent = dice.between(rank === 3 ? 2 : 1, rank === 1 ? 12 : 6);
    const reach = extent + 2 * padding - dilation * (taps - 1) - 1;
    // Now and then one output more than fits: its windows lie partly outside and read zeros.
    const count = Math.max(0, Math.floor(reach / stride) + 1) + (dice.chance(0.2) ? 1 : 0);
    return { o: `o${i}`, i: `i${i}`, k: `k${i}`, taps, stride, dilation, padding, extent, count };
  });
  const grouped = (inner: string, within: number) => ({
    index: { terms: [['g', within] as const, [inner, 1] as const] },
    extent: groups * within,
  });
  const filter: Operand = [
    grouped('m', filters),
    ...axes.map(({ k, taps }) => alone(k, taps)),
    alone('c', channels),
  ];
  const image: Operand = [
    alone('n', sizes.n),
    ...axes.map(({ o, k, stride, dilation, padding, extent }) => ({
      index: { terms: [[o, stride] as const, [k, dilation] as const], offset: -padding },
      extent,
    })),
    grouped('c', channels),
  ];
  for (const { k, taps } of axes) sizes[k] = taps;
  const form = dice.pick(['forward', 'image gradient', 'filter gradient']);
  if (form === 'image gradient') {
    for (const { i, extent } of axes) sizes[i] = extent;
    const cotangent: Operand = [
      alone('n', sizes.n),
      ...axes.map(({ i, k, stride, dilation, padding, count }) => ({
        index: { terms: [[i, 1] as const, [k, -dilation] as const], offset: padding, divisor: stride },
        extent: count,
      })),
      grouped('m', filters),
    ];
    return assemble(dice, sizes, ['n', ...axes.map(({ i }) => i), 'g', 'c'], cotangent, filter);
  }
  for (const { o, count } of axes) sizes[o] = count;
  if (form === 'forward') {
    return assemble(dice, sizes, ['n', ...axes.map(({ o }) => o), 'g', 'm'], image, filter);
  }
  const cotangent: Operand = [
    alone('n', sizes.n),
    ...axes.map(({ o, count }) => alone(o, count)),
    grouped('m', filters),
  ];
  return assemble(dice, sizes, ['g', 'm', ...axes.map(({ k }) => k), 'c'], image, cotangent);
}

/** Coordinates without any system: random coefficients, offsets and divisors, so that much falls outside of the operands. */
export function randomAffine(dice: Dice): ContractionCase {
  const names = Array.from({ length: dice.between(1, 5) }, (_, i) => `x${i}`);
  const sizes = Object.fromEntries(names.map((axis) => [axis, dice.between(1, 4)]));
  const operand = (): Operand => {
    const used = dice.shuffled(dice.subset(names, 0.75));
    const dimensions: (readonly [string, number])[][] = Array.from({ length: dice.between(0, 3) }, () => []);
    if (dimensions.length > 0) {
      for (const axis of used) dice.pick(dimensions).push([axis, dice.pick([1, 1, 2, 3, -1, -2])]);
    }
    return dimensions.map((terms) => ({
      index: { terms, offset: dice.between(-3, 4), divisor: dice.pick([1, 1, 1, 2, 3]) },
      extent: dice.between(1, 6),
    }));
  };
  return assemble(dice, sizes, dice.subset(names, 0.6), operand(), operand());
}
