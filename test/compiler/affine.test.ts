import { describe, expect, test } from 'vitest';
import {
  type Affine,
  addAffine,
  atomIndex,
  constantIndex,
  divAffine,
  flattenIndex,
  modAffine,
  newAxis,
  sameAffine,
  scaleAffine,
  unflattenIndex,
} from '../../src/compiler/affine.ts';

/** The value of an index for given values of its axes. */
function evaluated(index: Affine, at: ReadonlyMap<number, number>): number {
  return index.terms.reduce((sum, [atom, c]) => {
    if (atom.kind === 'dynamic') throw new Error('not expected here');
    if (atom.kind === 'axis') return sum + c * at.get(atom.id)!;
    const x = evaluated(atom.x, at);
    return sum + c * (atom.kind === 'div' ? Math.floor(x / atom.by) : x % atom.by);
  }, index.offset);
}

describe('affine indices', () => {
  test('a reshape to other extents and back is the position itself', () => {
    for (const shape of [[5, 5, 16], [2, 3, 4, 5], [400], [7, 1, 6], [1, 25, 16]]) {
      const size = shape.reduce((n, extent) => n * extent, 1);
      const flat = atomIndex(newAxis(size));
      expect(sameAffine(flattenIndex(unflattenIndex(flat, shape), shape), flat)).toBe(true);
    }
  });

  test('rows of any length, counted in blocks of rows', () => {
    const [row, column] = [newAxis(12), newAxis(7)];
    const flat = addAffine(scaleAffine(atomIndex(row), 7), atomIndex(column));
    expect(sameAffine(divAffine(flat, 28), divAffine(atomIndex(row), 4))).toBe(true);
    const back = flattenIndex(unflattenIndex(flat, [3, 4, 7]), [3, 4, 7]);
    expect(sameAffine(back, flat)).toBe(true);
    for (let i = 0; i < 12; i++) {
      for (let j = 0; j < 7; j++) {
        const at = new Map([
          [row.id, i],
          [column.id, j],
        ]);
        expect(evaluated(divAffine(flat, 28), at)).toBe(Math.floor((7 * i + j) / 28));
        expect(evaluated(modAffine(flat, 28), at)).toBe((7 * i + j) % 28);
        expect(evaluated(modAffine(flat, 14), at)).toBe((7 * i + j) % 14);
      }
    }
  });

  test('also where the position is made of several axes', () => {
    const [row, column] = [newAxis(8), newAxis(50)];
    const flat = addAffine(scaleAffine(atomIndex(row), 50), atomIndex(column));
    expect(sameAffine(flattenIndex(unflattenIndex(flat, [8, 5, 10]), [8, 5, 10]), flat)).toBe(true);
  });

  test('a quotient of a quotient is one quotient', () => {
    const x = atomIndex(newAxis(1000));
    expect(sameAffine(divAffine(divAffine(x, 6), 7), divAffine(x, 42))).toBe(true);
  });

  test('whatever is rejoined has the value that it had', () => {
    const [a, b] = [newAxis(6), newAxis(35)];
    const x = addAffine(addAffine(scaleAffine(atomIndex(a), 35), atomIndex(b)), constantIndex(3));
    const parts = [modAffine(x, 4), modAffine(divAffine(x, 4), 5), divAffine(x, 20)];
    // In the order of the parts, in another order, and with a part that belongs to no other.
    for (const [order, shape] of [
      [
        [2, 1, 0],
        [99, 5, 4],
      ],
      [
        [1, 2, 0],
        [5, 99, 4],
      ],
      [
        [0, 1, 0],
        [4, 5, 4],
      ],
    ]) {
      const coordinates = order.map((i) => parts[i]);
      const flat = flattenIndex(coordinates, shape);
      for (let i = 0; i < 6; i++)
        for (let j = 0; j < 35; j++) {
          const at = new Map([
            [a.id, i],
            [b.id, j],
          ]);
          const expected = coordinates.reduce((sum, c, k) => sum * shape[k] + evaluated(c, at), 0);
          expect(evaluated(flat, at)).toBe(expected);
        }
    }
  });
});
