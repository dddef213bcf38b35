import type { Shape } from './node.ts';
import type { AffineIndex, Contraction } from './vocabulary.ts';

/** A coordinate that is one whole axis. */
export const plainIndex = (axis: number): AffineIndex => ({ terms: [[axis, 1]], offset: 0, divisor: 1 });

const isPlain = (index: AffineIndex): boolean =>
  index.terms.length === 1 && index.terms[0][1] === 1 && index.offset === 0 && index.divisor === 1;

/** Mutable affine form over axes named by numbers, used while axes are being replaced. */
interface Form {
  terms: Map<number, number>;
  offset: number;
  divisor: number;
}

const toForm = ({ terms, offset, divisor }: AffineIndex): Form => ({
  terms: new Map(terms),
  offset,
  divisor,
});

/** Puts (replacement) in the place of `axis`: (c * (form / q) + rest) / d = (c * form + q * rest) / (q * d). */
function substitute(target: Form, axis: number, replacement: Form): void {
  const coefficient = target.terms.get(axis);
  if (coefficient === undefined) return;
  target.terms.delete(axis);
  const q = replacement.divisor;
  if (q !== 1) {
    for (const [other, c] of target.terms) target.terms.set(other, c * q);
    target.offset *= q;
    target.divisor *= q;
  }
  for (const [other, c] of replacement.terms) {
    const sum = (target.terms.get(other) ?? 0) + coefficient * c;
    if (sum === 0) target.terms.delete(other);
    else target.terms.set(other, sum);
  }
  target.offset += coefficient * replacement.offset;
}

/**
 * The contraction that gives the change of one operand from the change of the output and the other operand (in this
 * order): contractions are closed under differentiation. For each coordinate of the operand,
 * `i = (sum of c * axis + offset) / q` is solved for one of its axes, which then disappears in favour of i.
 *
 * @throws if a coordinate has no axis that can be solved for without losing a bound; contractions built by this library
 * (einsum, convolutions, windows and their derivatives) always have one.
 */
export function transposeContraction(
  spec: Contraction,
  which: 'a' | 'b',
  aShape: Shape,
  bShape: Shape,
): Contraction {
  const [operand, other] = which === 'a' ? [spec.a, spec.b] : [spec.b, spec.a];
  const [operandShape, otherShape] = which === 'a' ? [aShape, bShape] : [bShape, aShape];
  const axes = spec.sizes.length;
  const fresh = (dimension: number) => axes + dimension;
  const changed: Form[] = spec.sizes.slice(0, spec.outRank).map((_, axis) => toForm(plainIndex(axis)));
  const kept: Form[] = other.map(toForm);
  const pending: (Form | null)[] = operand.map(toForm);
  const eliminated = new Set<number>();

  const eliminate = (axis: number, replacement: Form) => {
    eliminated.add(axis);
    for (const form of [...changed, ...kept, ...pending])
      if (form !== null) substitute(form, axis, replacement);
  };

  // Axes that are whole dimensions first: they only change their name, and may occur in other coordinates.
  operand.forEach((index, dimension) => {
    const axis = index.terms[0]?.[0];
    if (!isPlain(index) || eliminated.has(axis)) return;
    if (operandShape[dimension] !== spec.sizes[axis] && !isBounded(spec, other, otherShape, axis)) return;
    pending[dimension] = null;
    eliminate(axis, { terms: new Map([[fresh(dimension), 1]]), offset: 0, divisor: 1 });
  });

  pending.forEach((form, dimension) => {
    if (form === null) return;
    const candidates = [...form.terms.keys()].filter(
      (axis) => axis < axes && !eliminated.has(axis) && isBounded(spec, other, otherShape, axis),
    );
    if (candidates.length === 0) {
      throw new Error(
        `contract: no axis of coordinate ${dimension} of operand ${which.toUpperCase()} can be solved for; write the operand's index with an axis of the output`,
      );
    }
    // Axes of the output first: a strided window then keeps its few taps as the sum, with an exact division that the polyphase
    // lowering turns into no work, instead of a sum over every position of the output.
    const outputs = candidates.filter((axis) => axis < spec.outRank);
    const solved = (outputs.length > 0 ? outputs : candidates).reduce((best, axis) =>
      Math.abs(form.terms.get(axis)!) < Math.abs(form.terms.get(best)!) ? axis : best,
    );
    const c = form.terms.get(solved)!;
    const sign = c > 0 ? 1 : -1;
    const replacement: Form = {
      terms: new Map([[fresh(dimension), sign * form.divisor]]),
      offset: -sign * form.offset,
      divisor: Math.abs(c),
    };
    for (const [axis, coefficient] of form.terms)
      if (axis !== solved) replacement.terms.set(axis, -sign * coefficient);
    pending[dimension] = null;
    eliminate(solved, replacement);
  });

  return renumber(spec, eliminated, operandShape, changed, kept);
}

/**
 * Whether the range of an axis is enforced by the forms that remain when it is replaced: it is a dimension of the output (the
 * change has that extent), or a whole dimension of the other operand.
 */
const isBounded = (
  spec: Contraction,
  other: readonly AffineIndex[],
  otherShape: Shape,
  axis: number,
): boolean =>
  axis < spec.outRank ||
  other.some(
    (index, d) => isPlain(index) && index.terms[0][0] === axis && otherShape[d] === spec.sizes[axis],
  );

/** Numbers the axes anew: the operand's dimensions as outputs, then the axes that are left. */
function renumber(
  spec: Contraction,
  eliminated: ReadonlySet<number>,
  operandShape: Shape,
  changed: readonly Form[],
  kept: readonly Form[],
): Contraction {
  const axes = spec.sizes.length;
  const names = new Map<number, number>();
  operandShape.forEach((_, dimension) => {
    names.set(axes + dimension, dimension);
  });
  const sizes = [...operandShape];
  spec.sizes.forEach((size, axis) => {
    if (eliminated.has(axis)) return;
    names.set(axis, sizes.length);
    sizes.push(size);
  });
  const finish = (form: Form): AffineIndex => simplify(form, names);
  return { sizes, outRank: operandShape.length, a: changed.map(finish), b: kept.map(finish) };
}

function simplify({ terms, offset, divisor }: Form, names: ReadonlyMap<number, number>): AffineIndex {
  let common = Math.abs(divisor);
  for (const value of [offset, ...terms.values()]) common = greatestCommonDivisor(common, Math.abs(value));
  return {
    terms: [...terms].map(([axis, c]) => [names.get(axis)!, c / common] as const).sort((x, y) => x[0] - y[0]),
    offset: offset / common,
    divisor: divisor / common,
  };
}

export function greatestCommonDivisor(a: number, b: number): number {
  while (b !== 0) [a, b] = [b, a % b];
  return a;
}
