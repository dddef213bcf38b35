import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from 'vitest';

/** The line that ends a run of the tests, and what .ci/run makes of it. */

const root = fileURLToPath(new URL('../..', import.meta.url));
const place = mkdtempSync(join(tmpdir(), 'nabla-summary-'));
afterAll(() => rmSync(place, { recursive: true, force: true }));

/** The last line that vitest prints for test files of the given texts. */
function lastLine(name: string, files: readonly string[]) {
  const folder = join(place, name);
  mkdirSync(folder);
  // So that the files find vitest.
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'), 'junction');
  files.forEach((text, i) => {
    writeFileSync(
      join(folder, `${i}.test.js`),
      `import { beforeAll, expect, test } from 'vitest';\n${text}\n`,
    );
  });
  const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs');
  const reporter = join(root, 'scripts', 'summary_reporter.mjs');
  const { status, stdout } = spawnSync(
    process.execPath,
    [vitest, 'run', '--root', folder, '--pool=forks', '--reporter=default', `--reporter=${reporter}`],
    { encoding: 'utf8' },
  );
  return { status, line: stdout.trimEnd().split('\n').at(-1) };
}

test('passed and skipped tests', () => {
  expect(lastLine('good', ["test('a', () => {}); test('b', () => {});", "test('c', () => {});"])).toEqual({
    status: 0,
    line: '3 passed, 0 failed',
  });
  expect(lastLine('skipped', ["test('a', () => {}); test.skip('b', () => {});"])).toEqual({
    status: 0,
    line: '1 passed, 0 failed, 1 skipped',
  });
});

test('what keeps a test from running counts as failed', () => {
  const cases = {
    assertion: ["test('a', () => {}); test('b', () => { expect(1).toBe(2); });", '1 passed, 1 failed'],
    hook: [
      "beforeAll(() => { throw new Error('x'); }); test('a', () => {});",
      '0 passed, 1 failed, 1 skipped',
    ],
    import: ["import './nowhere.js'; test('a', () => {});", '0 passed, 1 failed'],
    late: [
      "test('a', () => { setTimeout(() => { throw new Error('x'); }, 1); return new Promise((r) => setTimeout(r, 99)); });",
      '1 passed, 1 failed',
    ],
  };
  for (const [name, [text, line]] of Object.entries(cases))
    expect(lastLine(name, [text]), name).toEqual({ status: 1, line });
  // The killed test has no end, and the killed process is an error of its own.
  expect(lastLine('killed', ["test('a', () => { process.kill(process.pid, 'SIGKILL'); });"])).toEqual({
    status: 1,
    line: '0 passed, 2 failed',
  });
});

/** Runs .ci/run with a stand-in for npm: a shell script that sees npm's arguments. */
function ci(name: string, npm: string) {
  const bin = join(place, name);
  mkdirSync(bin);
  writeFileSync(join(bin, 'npm'), `#!/usr/bin/env bash\n${npm}\n`, { mode: 0o755 });
  const { status, stdout } = spawnSync('bash', [join(root, '.ci', 'run')], {
    encoding: 'utf8',
    env: { ...process.env, PATH: `${bin}:${process.env.PATH}` },
  });
  return { status, line: stdout.trimEnd().split('\n').at(-1) };
}

test.skipIf(process.platform === 'win32')('.ci/run ends with the line, whatever happens', () => {
  const tests = (output: string, status: number) =>
    `if [[ $1 == test ]]; then echo '${output}'; exit ${status}; fi`;
  expect(ci('ci-good', tests('5 passed, 0 failed', 0))).toEqual({ status: 0, line: '5 passed, 0 failed' });
  expect(ci('ci-skips', tests('5 passed, 0 failed, 2 skipped', 0))).toEqual({
    status: 0,
    line: '5 passed, 0 failed, 2 skipped',
  });
  expect(ci('ci-bad', tests('5 passed, 3 failed', 1))).toEqual({ status: 1, line: '5 passed, 3 failed' });
  expect(ci('ci-crash', tests('Segmentation fault', 139))).toEqual({ status: 1, line: '0 passed, 1 failed' });
  expect(ci('ci-silent', tests('', 0))).toEqual({ status: 1, line: '0 passed, 1 failed' });
  expect(ci('ci-late', tests('5 passed, 0 failed', 1))).toEqual({ status: 1, line: '5 passed, 1 failed' });
  const lint = `if [[ $* == *lint* || $* == *typecheck* ]]; then exit 1; fi`;
  expect(ci('ci-lint', `${lint}\n${tests('5 passed, 0 failed', 0)}`)).toEqual({
    status: 1,
    line: '5 passed, 2 failed',
  });
  expect(ci('ci-install', `if [[ $1 == ci ]]; then exit 1; fi`)).toEqual({
    status: 1,
    line: '0 passed, 1 failed',
  });
});
