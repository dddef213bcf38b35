import { greatestCommonDivisor } from '../graph/contraction.ts';
import type { AffineIndex, Contraction } from '../graph/vocabulary.ts';

/**
 * A part of a contraction in which every division is exact and done: axis i of the whole runs over
 * `step[i] * axis + first[i]` of the part.
 */
export interface Phase {
  readonly contraction: Contraction;
  readonly step: readonly number[];
  readonly first: readonly number[];
}

/**
 * Splits the axes that occur under a divisor by residue and keeps the combinations that divide, so that no multiplication
 * by an inserted zero remains. The parts' outputs are disjoint; outputs that no part covers are 0. Null if no such
 * split exists: the divisions must then be tested where the operand is read.
 */
export function polyphase(spec: Contraction): Phase[] | null {
  const divided = [...spec.a, ...spec.b].filter((index) => index.divisor > 1);
  const period = spec.sizes.map(() => 1);
  for (const { terms, divisor } of divided)
    for (const [axis, c] of terms) {
      const p = divisor / greatestCommonDivisor(divisor, Math.abs(c));
      period[axis] = (period[axis] * p) / greatestCommonDivisor(period[axis], p);
    }
  const phases: Phase[] = [];
  const first = spec.sizes.map(() => 0);
  const visit = (axis: number) => {
    if (axis === spec.sizes.length) {
      const divides = divided.every(
        ({ terms, offset, divisor }) =>
          modulo(
            terms.reduce((sum, [a, c]) => sum + c * first[a], offset),
            divisor,
          ) === 0,
      );
      if (divides) phases.push(phaseOf(spec, period, [...first]));
      return;
    }
    for (let r = 0; r < Math.max(1, Math.min(period[axis], spec.sizes[axis])); r++) {
      first[axis] = r;
      visit(axis + 1);
    }
    first[axis] = 0;
  };
  visit(0);
  // Parts of equal output residues (two summed axes under one divisor) would have to be added to each other.
  const residues = new Set(phases.map((phase) => phase.first.slice(0, spec.outRank).join()));
  return residues.size === phases.length ? phases : null;
}

const modulo = (a: number, n: number): number => ((a % n) + n) % n;

function phaseOf(spec: Contraction, period: readonly number[], first: readonly number[]): Phase {
  const rewrite = ({ terms, offset, divisor }: AffineIndex): AffineIndex => ({
    terms: terms.map(([axis, c]) => [axis, (c * period[axis]) / divisor] as const),
    offset: terms.reduce((sum, [axis, c]) => sum + c * first[axis], offset) / divisor,
    divisor: 1,
  });
  return {
    contraction: {
      sizes: spec.sizes.map((n, axis) => Math.max(0, Math.ceil((n - first[axis]) / period[axis]))),
      outRank: spec.outRank,
      a: spec.a.map(rewrite),
      b: spec.b.map(rewrite),
    },
    step: period,
    first,
  };
}
