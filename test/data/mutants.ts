import { expect } from 'vitest';
import { DataError } from '../../src/data/dataset.ts';
import { Draws } from '../../src/data/draws.ts';

/**
 * Reads 1,000 mutants of good bytes (bytes changed, cut, doubled or put in): each gives a value that passes the check, or a
 * DataError. Both must happen.
 */
export function expectRobust<T>(
  good: Uint8Array,
  read: (bytes: Uint8Array) => T,
  check: (value: T) => void,
  seed: number,
): void {
  const draws = new Draws([7, seed], 0);
  const outcomes = { value: 0, error: 0 };
  for (let round = 0; round < 1000; round++) {
    let bytes = good.slice();
    for (let change = draws.below(4); change >= 0 && bytes.length > 0; change--) {
      const at = draws.below(draws.below(2) === 0 ? Math.min(bytes.length, 60) : bytes.length);
      const kind = draws.below(6);
      if (kind < 3) bytes[at] = draws.below(256);
      else if (kind === 3) bytes = bytes.slice(0, at);
      else if (kind === 4)
        bytes = Uint8Array.from([...bytes.slice(0, at), draws.below(256), ...bytes.slice(at)]);
      else bytes = Uint8Array.from([...bytes.slice(0, at), ...bytes.slice(Math.floor(at / 2))]);
    }
    try {
      check(read(bytes));
      outcomes.value++;
    } catch (error) {
      expect(error).toBeInstanceOf(DataError);
      outcomes.error++;
    }
  }
  expect(outcomes.value).toBeGreaterThan(5);
  expect(outcomes.error).toBeGreaterThan(100);
}
