import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import * as metrics from '../../src/metrics/index.ts';

// Made by scripts/fixtures/sklearn_metrics.py.
const fixture = JSON.parse(
  readFileSync(new URL('../fixtures/sklearn_metrics.json', import.meta.url), 'utf8'),
) as { arrays: unknown[]; cases: Stored[] };

interface Stored {
  metric: string;
  options: Record<string, unknown>;
  outputs: number;
  targets: number;
  weights: number | null;
  expected: unknown;
}

type Rows = (number | number[])[];
type Update = { weights?: Rows };
interface AnyMetric {
  update(outputs: Rows, targets: Rows, options?: Update): this;
  compute(): unknown;
  reset(): this;
  merge(other: this): this;
}

const special: Record<string, number> = { nan: NaN, inf: Infinity, '-inf': -Infinity };

/** JSON has no NaN and no infinity; names of options are strings too. */
function numbers(x: unknown): unknown {
  if (Array.isArray(x)) return x.map(numbers);
  if (typeof x === 'object' && x !== null)
    return Object.fromEntries(Object.entries(x).map(([key, value]) => [key, numbers(value)]));
  return typeof x === 'string' && x in special ? special[x] : x;
}

function expectClose(actual: unknown, expected: unknown, where: string): void {
  if (typeof expected === 'number') {
    expect(typeof actual, where).toBe('number');
    if (Number.isFinite(expected))
      expect(
        Math.abs((actual as number) - expected),
        `${where}: ${actual}, expected ${expected}`,
      ).toBeLessThan(1e-12 * Math.max(1, Math.abs(expected)));
    else expect(actual, where).toBe(expected);
    return;
  }
  // scikit-learn's calibration curve has no counts.
  const keys = Object.keys(actual as object).filter((key) => key !== 'counts');
  expect(keys.sort(), where).toEqual(Object.keys(expected as object).sort());
  for (const [key, value] of Object.entries(expected as object))
    expectClose((actual as Record<string, unknown>)[key], value, `${where}.${key}`);
}

const exported = metrics as unknown as Record<string, unknown>;
const names = [...new Set(fixture.cases.map((stored) => stored.metric))];

describe.each(names)('%s', (name) => {
  const isClass = /^[A-Z]/.test(name);
  const className = name[0].toUpperCase() + name.slice(1);
  const cases = fixture.cases
    .filter((stored) => stored.metric === name)
    .map((stored) => {
      const outputs = fixture.arrays[stored.outputs] as Rows;
      const targets = fixture.arrays[stored.targets] as Rows;
      const weights = stored.weights === null ? {} : { weights: fixture.arrays[stored.weights] as Rows };
      const options = numbers(stored.options) as Record<string, unknown>;
      const where = `${JSON.stringify(stored.options)} weights ${stored.weights} of ${stored.outputs}, ${stored.targets}`;
      return { outputs, targets, weights, options, where, expected: numbers(stored.expected) };
    });

  test.runIf(!isClass)('the function gives the numbers of scikit-learn', () => {
    const f = exported[name] as (outputs: Rows, targets: Rows, options: object) => unknown;
    for (const { outputs, targets, weights, options, expected, where } of cases)
      expectClose(f(outputs, targets, { ...options, ...weights }), expected, where);
  });

  test.runIf(className in exported)('the class does so in batches, after reset, and merged', () => {
    const Kind = exported[className] as new (options: object) => AnyMetric;
    for (const { outputs, targets, weights, options, expected, where } of cases) {
      const part = (metric: AnyMetric, from: number, to?: number): AnyMetric =>
        metric.update(
          outputs.slice(from, to),
          targets.slice(from, to),
          weights.weights === undefined ? {} : { weights: weights.weights.slice(from, to) },
        );
      const first = new Kind(options);
      part(first, 0);
      part(part(first.reset(), 0, 1), 1, 2);
      const second = part(new Kind(options), 2);
      expectClose(first.merge(second).compute(), expected, where);
      expectClose(first.compute(), expected, `again ${where}`);
    }
  });
});
