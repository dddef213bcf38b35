import { describe, expect, it } from 'vitest';
import { erf } from '../../src/graph/erf.ts';

describe('erf', () => {
  // mpmath.erf with 30 digits.
  const golden: [number, number][] = [
    [1e-300, 1.1283791670955126e-300],
    [1e-20, 1.1283791670955125e-20],
    [1e-8, 1.1283791670955126e-8],
    [0.01, 0.011283415555849618],
    [0.25, 0.27632639016823696],
    [0.5, 0.5204998778130465],
    [1, 0.8427007929497149],
    [1.5, 0.9661051464753108],
    [1.999999, 0.9953222443519261],
    [2, 0.9953222650189527],
    [2.5, 0.999593047982555],
    [3, 0.9999779095030014],
    [4, 0.9999999845827421],
    [5, 0.9999999999984626],
    [5.9, 0.9999999999999999],
    [6.5, 1],
  ];

  it('agrees with high-precision values to 1e-15 and is odd', () => {
    for (const [x, value] of golden) {
      expect(Math.abs(erf(x) - value) / value).toBeLessThan(1e-15);
      expect(erf(-x)).toBe(-erf(x));
    }
  });

  it('keeps zeros, infinities and NaN', () => {
    expect(Object.is(erf(0), 0)).toBe(true);
    expect(Object.is(erf(-0), -0)).toBe(true);
    expect(erf(Infinity)).toBe(1);
    expect(erf(-Infinity)).toBe(-1);
    expect(erf(Number.NaN)).toBeNaN();
  });
});
