import { describe, expect, test } from 'vitest';
import { jit, random, type Tensor, tensor } from '../../src/index.ts';

describe('A13', () => {
  test('A13-01 an implicit model: uniform numbers through the inverse distribution function are exponential', () => {
    const n = 20_000;
    // Structure apart from randomness: g_phi(z) with F(x) = 1 - exp(-phi x), so F^-1(z) = -log(1 - z) / phi.
    const g = jit((z: Tensor, phi: Tensor) => z.neg().log1p().neg().div(phi));
    for (const [seed, phi] of [
      [1, 0.5],
      [2, 1],
      [3, 4],
    ]) {
      const z = random.uniform([n], { key: random.key(seed) });
      const x = [...g(z, tensor(phi)).dataSync()].sort((a, b) => a - b);
      // The largest distance between the empirical and the prescribed distribution function (Kolmogorov, Smirnov).
      const distance = (rate: number) =>
        x.reduce((most, value, i) => {
          const p = 1 - Math.exp(-rate * value);
          return Math.max(most, Math.abs(p - i / n), Math.abs(p - (i + 1) / n));
        }, 0);
      // The critical value of a test at one in a thousand.
      const critical = Math.sqrt(-Math.log(0.001 / 2) / 2 / n);
      expect(distance(phi)).toBeLessThan(critical);
      expect(distance(1.1 * phi)).toBeGreaterThan(critical);
    }
  });
});
