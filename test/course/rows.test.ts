import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';

const here = new URL('.', import.meta.url);
const rows: Record<string, string> = JSON.parse(readFileSync(new URL('rows.json', here), 'utf8'));

/** Rows whose numbers are those of trainings; their tests are among the long ones. */
const long = new Set(['A08-01', 'A08-02', 'A08-03', 'A08-04', 'A08-05', 'A08-07', 'A08-21']);

const tested = readdirSync(here)
  .filter((name) => name.endsWith('.test.ts'))
  .flatMap((name) => [...readFileSync(new URL(name, here), 'utf8').matchAll(/test\(\s*'(A\d\d-\d\d) /g)])
  .map(([, id]) => id);

describe('the list of course rows', () => {
  test('names every row that has a test, once', () => {
    expect(tested.length).toBeGreaterThan(30);
    expect(new Set(tested).size).toBe(tested.length);
    expect(tested.filter((id) => !(id in rows))).toEqual([]);
  });

  test('has no row without a test', () => {
    expect(Object.keys(rows).filter((id) => !tested.includes(id) && !long.has(id))).toEqual([]);
  });
});
