import { expect, test } from 'vitest';
import { expectClose, finiteDifference } from './close.ts';

test('NaN equals NaN, an infinity itself, tolerances add', () => {
  expectClose([NaN, Infinity, -Infinity, 1.1], [NaN, Infinity, -Infinity, 1], { atol: 0.05, rtol: 0.06 });
  expect(() => expectClose([Infinity], [-Infinity], { atol: 1 })).toThrow(/1 of 1/);
  expect(() => expectClose([Infinity], [1e30], { rtol: 1 })).toThrow();
  expect(() => expectClose([1], [NaN])).toThrow(/\[0\] 1, expected NaN/);
  expect(() => expectClose([1], [1, 2])).toThrow(/1 elements, expected 2/);
});

test('the message names the array, the first differences and the worst', () => {
  const expected = Array.from({ length: 10 }, () => 0);
  const actual = expected.map((_, i) => (i === 9 ? 100 : 1));
  expect(() => expectClose(actual, expected, { atol: 0.5 }, 'weights')).toThrow(
    /weights: 10 of 10 .*\n {2}\[0\] 1, expected 0[\s\S]*worst:\n {2}\[9\] 100/,
  );
});

test('finite differences of x0^2 x1 + sin(x1)', () => {
  const gradient = finiteDifference(([a, b]) => a * a * b + Math.sin(b), new Float64Array([3, 2]));
  expectClose(gradient, [12, 9 + Math.cos(2)], { rtol: 1e-8 });
});
