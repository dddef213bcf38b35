import { describe, expect, test } from 'vitest';
import { Draws } from '../../src/data/draws.ts';
import { Ink } from '../../src/data/ink.ts';
import { glyphs, smoothCurve } from '../../src/data/strokes.ts';

describe('strokes', () => {
  test('every digit has several forms, drawn on the paper', () => {
    expect(glyphs).toHaveLength(10);
    for (const forms of glyphs) {
      expect(forms.length).toBeGreaterThanOrEqual(3);
      for (const [x, y] of forms.flat(3)) {
        expect(Math.abs(x - 35)).toBeLessThanOrEqual(35);
        expect(Math.abs(y - 50)).toBeLessThanOrEqual(50);
      }
    }
  });

  test('a run after a corner starts where the one before ended', () => {
    for (const stroke of glyphs.flat(2)) {
      for (let i = 1; i < stroke.length; i++) expect(stroke[i][0]).toEqual(stroke[i - 1].at(-1));
    }
  });

  test('the smooth curve passes through its knots and is straight where they are in line', () => {
    const knots = [0, 0, 1, 2, 5, 2, 6, 0];
    const line: number[] = [];
    smoothCurve(knots, 4, line);
    expect(line).toHaveLength(2 * (1 + 3 * 4));
    for (let knot = 0; knot < 4; knot++) {
      expect(line[8 * knot]).toBeCloseTo(knots[2 * knot], 12);
      expect(line[8 * knot + 1]).toBeCloseTo(knots[2 * knot + 1], 12);
    }
    const straight: number[] = [];
    smoothCurve([0, 0, 1, 2, 4, 8], 3, straight);
    for (let i = 0; i < straight.length; i += 2) expect(straight[i + 1]).toBeCloseTo(2 * straight[i], 12);
  });
});

describe('Ink', () => {
  test('covers the pixels nearer to the segment than the pen radius, and fades over the edge', () => {
    const ink = new Ink(9, 12);
    ink.segment(3, 4.5, 2, 9, 4.5, 2, 1);
    const at = (row: number, column: number): number => ink.coverage(row * 12 + column, 1);
    expect(at(4, 6)).toBe(1);
    expect(at(2, 6)).toBeCloseTo(0.5, 12);
    expect(at(1, 6)).toBe(0);
    expect(at(4, 0)).toBe(0);
    // 1.5 beyond the round end: half a pixel inside.
    expect(at(4, 10)).toBe(1);
    ink.clear();
    expect(at(4, 6)).toBe(0);
  });
});

describe('Draws', () => {
  const draws = new Draws([1, 2], 3);

  test('uniform and bell-shaped numbers have their moments', () => {
    const uniform = Array.from({ length: 20_000 }, () => draws.between(-1, 3));
    const bell = Array.from({ length: 20_000 }, () => draws.bell(2));
    const mean = (values: number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
    expect(Math.min(...uniform)).toBeGreaterThanOrEqual(-1);
    expect(Math.max(...uniform)).toBeLessThan(3);
    expect(mean(uniform)).toBeCloseTo(1, 1);
    expect(mean(bell)).toBeCloseTo(0, 1);
    expect(Math.sqrt(mean(bell.map((value) => value * value)))).toBeCloseTo(2, 1);
    expect(Math.max(...bell)).toBeLessThanOrEqual(6);
  });

  test('below() takes every value about equally often', () => {
    const counts = new Array(7).fill(0);
    for (let i = 0; i < 7000; i++) counts[draws.below(7)]++;
    for (const count of counts) expect(Math.abs(count - 1000)).toBeLessThan(150);
  });

  test('streams repeat and differ', () => {
    const words = (stream: number): number[] => {
      const source = new Draws([1, 2], stream);
      return Array.from({ length: 5 }, () => source.word());
    };
    expect(words(3)).toEqual(words(3));
    expect(words(3)).not.toEqual(words(4));
  });
});
