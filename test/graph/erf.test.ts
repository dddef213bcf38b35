import { describe, expect, it } from 'vitest';
import { erf } from '../../src/graph/erf.ts';

describe('erf', () => {
  // mpmath.erf with 30 digits.
  const golden: [number, number][] = [
    [1e-300, 1.1283791670955126e-300],
    [1e-20, 1.1283791670955125e-20],
    [1e-8, 1.1283791670955126e-8],
    [0.01, 0.011283415555849617],
    [0.25, 0.27632639016823693],
    [0.5, 0.52049987781304654],
    [1, 0.84270079294971487],
    [1.5, 0.96610514647531073],
    [1.999999, 0.99532224435192605],
    [2, 0.99532226501895273],
    [2.5, 0.99959304798255504],
    [3, 0.99997790950300141],
    [4, 0.9999999845827421],
    [5, 0.99999999999846254],
    [5.9, 0.99999999999999993],
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
