import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const script = fileURLToPath(new URL('../../scripts/imports.mjs', import.meta.url));

function check(files: Record<string, string>): { status: number | null; problems: string } {
  const folder = mkdtempSync(join(tmpdir(), 'nabla-imports-'));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, 'src', name)), { recursive: true });
    writeFileSync(join(folder, 'src', name), text);
  }
  const { status, stderr } = spawnSync(process.execPath, [script], { cwd: folder, encoding: 'utf8' });
  return { status, problems: stderr };
}

test('downward imports pass, also those of types, packages and Node', () => {
  const { status, problems } = check({
    'index.ts': "export { a } from './core/a.ts';\n",
    'nn/x.ts': "import fs from 'node:fs';\nimport { a } from '../core/a.ts';\nexport const b = [a, fs];\n",
    'core/a.ts': "import { b } from './b.ts';\nexport const a = b;\n",
    'core/b.ts':
      "import type { a } from './a.ts';\nimport { type a as c } from './a.ts';\nexport const b = 1;\nexport type D = typeof a | typeof c;\n",
  });
  expect(problems).toBe('');
  expect(status).toBe(0);
});

test('upward and sideways imports are reported with file and line, in every form', () => {
  const { status, problems } = check({
    'core/a.ts':
      "// import x from '../nn/b.ts'\n\nimport {\n  type T,\n} from '../nn/b.ts';\nconst m = await import('../train/c.ts');\nexport const v: T = m;\n",
    'nn/b.ts': "export type T = unknown;\nexport * from '../optim/d.ts';\n",
    'train/c.ts': "import '../../elsewhere/x.ts';\n",
    'optim/d.ts': '',
    'other/e.ts': '',
  });
  expect(status).toBe(1);
  expect(problems).toContain('src/core/a.ts:3: core must not import from nn (../nn/b.ts)');
  expect(problems).toContain('src/core/a.ts:6: core must not import from train (../train/c.ts)');
  expect(problems).toContain('src/nn/b.ts:2: nn must not import from optim');
  expect(problems).toContain('src/train/c.ts:1: imports ../../elsewhere/x.ts from outside');
  expect(problems).toContain('src/other/e.ts: the folder other has no place in the order');
  expect(problems).not.toContain(':1: core must not');
});

test('circles of files are reported', () => {
  const { status, problems } = check({
    'core/a.ts': "import './b.ts';\n",
    'core/b.ts': "import { c } from './c.ts';\nexport const b = c;\n",
    'core/c.ts': "export { b as c } from './b.ts';\nimport './a.ts';\n",
  });
  expect(status).toBe(1);
  expect(problems).toMatch(/circular import: src\/core\/b.ts -> src\/core\/c.ts -> src\/core\/b.ts/);
  expect(problems).toMatch(
    /circular import: src\/core\/a.ts -> src\/core\/b.ts -> src\/core\/c.ts -> src\/core\/a.ts/,
  );
});
