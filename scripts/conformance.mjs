// Runs test/conformance and writes docs/conformance.md: every operation of the library, on every device, in every mode of use.
//
//   npm run conformance

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const folder = mkdtempSync(join(tmpdir(), 'nabla-conformance-'));
const columns = ['interpreter', 'wasm_1', 'wasm_2', 'native'].map(
  (name) => `test/conformance/${name}.test.ts`,
);
/** @param {string[]} files @param {Record<string, string>} settings */
const run = (files, settings) =>
  spawnSync('npx', ['vitest', 'run', '--project', 'wasm', ...files], {
    stdio: 'inherit',
    env: { ...process.env, ...settings },
  }).status ?? 1;
const tested = run(columns, { NABLA_CONFORMANCE: folder });
const written = run(['test/conformance/table.test.ts'], { NABLA_CONFORMANCE_TABLE: folder });
rmSync(folder, { recursive: true, force: true });
process.exit(tested || written);
