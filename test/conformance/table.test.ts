import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { modes } from './operation.ts';
import { operations } from './operations.ts';
import { type Results, table } from './table.ts';

const file = 'docs/conformance.md';
const folder = process.env.NABLA_CONFORMANCE_TABLE;
const columns = ['interpreter', 'wasm 1', 'wasm 2', 'native'];

if (folder !== undefined) {
  const results = columns.map((column) => {
    const part = join(folder, `${column}.json`);
    return [column, existsSync(part) ? JSON.parse(readFileSync(part, 'utf8')) : {}];
  });
  writeFileSync(file, table(Object.fromEntries(results)));
}

test('docs/conformance.md has every operation in every mode, and no hole without a reason (npm run conformance writes it)', () => {
  const everything = Object.fromEntries(operations.map((operation) => [operation.name, [...modes]]));
  const wanted: Results = Object.fromEntries(columns.map((column) => [column, everything]));
  expect(readFileSync(file, 'utf8')).toBe(table(wanted));
});

test('operations have names of their own', () => {
  const names = operations.map(({ name }) => name);
  expect(names.filter((name, i) => names.indexOf(name) !== i)).toEqual([]);
});
