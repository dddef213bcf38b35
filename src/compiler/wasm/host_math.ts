import { erf } from '../../graph/erf.ts';

/**
 * What a printed module imports as `math`: the platform's double-precision functions, `pow` and `rem` with C's special cases.
 */
export const hostMath = {
  exp: Math.exp,
  log: Math.log,
  expm1: Math.expm1,
  log1p: Math.log1p,
  sin: Math.sin,
  cos: Math.cos,
  tanh: Math.tanh,
  erf,
  sigmoid(x: number): number {
    // From the side where the exponential is at most 1.
    const e = Math.exp(-Math.abs(x));
    return (x < 0 ? e : 1) / (1 + e);
  },
  pow(x: number, y: number): number {
    // JavaScript gives NaN where C says that any power of 1 is 1, and that (-1) to an infinite power is 1.
    if (x === 1 || (x === -1 && (y === Infinity || y === -Infinity))) return 1;
    return x ** y;
  },
  rem: (x: number, y: number): number => x % y,
} as const;
