// Runs the tests of the course's rows and prints which rows pass: `npm run course`. A row is a test whose name begins with
// its id, such as `A05-01 vertical edge detector`; a row may have several. Exits with 1 if one fails.
//
//   node scripts/course.mjs [--long]      --long: also the trainings, which take hours

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const titles = JSON.parse(readFileSync(join(root, 'test', 'course', 'rows.json'), 'utf8'));
const long = process.argv.includes('--long');

/** Runs vitest and gives what became of each test: `[{ name, status, message }]`. */
function runTests(args) {
  const folder = mkdtempSync(join(tmpdir(), 'nabla-course-'));
  const output = join(folder, 'results.json');
  try {
    const vitest = resolve(root, 'node_modules', 'vitest', 'vitest.mjs');
    const { stderr } = spawnSync(
      process.execPath,
      [vitest, 'run', ...args, '--passWithNoTests', '--reporter=json', `--outputFile=${output}`],
      {
        cwd: root,
        encoding: 'utf8',
        stdio: ['ignore', 'ignore', 'pipe'],
        // On one tier: without it the tests run on each.
        env: { ...process.env, NABLA_TIER: process.env.NABLA_TIER || 'wasm' },
      },
    );
    let report;
    try {
      report = JSON.parse(readFileSync(output, 'utf8'));
    } catch {
      console.error(`the tests could not be run: ${stderr.trim()}`);
      process.exit(1);
    }
    return report.testResults.flatMap((file) =>
      // A file that cannot be loaded has no tests, only a message.
      file.assertionResults.length === 0 && file.status === 'failed'
        ? [{ name: file.name, status: 'failed', message: file.message }]
        : file.assertionResults.map((test) => ({
            name: [...test.ancestorTitles, test.title].join(' '),
            status: test.status,
            message: test.failureMessages.join('\n'),
          })),
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const tests = [
  ...runTests(['test/course']),
  ...(long ? runTests(['--config', 'vitest.long.config.ts']) : []),
];
const rows = new Map(Object.keys(titles).map((id) => [id, []]));
const problems = [];
for (const test of tests) {
  const ids = test.name.match(/\b[A-Z]\d\d-\d\d\b/g) ?? [];
  for (const id of new Set(ids)) {
    if (rows.has(id)) rows.get(id).push(test);
    else problems.push(`${id} has a test, but no title in test/course/rows.json`);
  }
  if (ids.length === 0 && test.status === 'failed')
    problems.push(`${test.name}: ${test.message.split('\n')[0]}`);
}

/** Ids that occur in the trainings: their rows are not without a test when those are left out. */
const trainings = new Set(
  readdirSync(join(root, 'test', 'course', 'long')).flatMap(
    (file) =>
      readFileSync(join(root, 'test', 'course', 'long', file), 'utf8').match(/\b[A-Z]\d\d-\d\d\b/g) ?? [],
  ),
);

/** One word for all tests of a row. */
function verdict(id, results) {
  if (results.length === 0) return trainings.has(id) ? 'long' : 'no test';
  if (results.some((test) => test.status === 'failed')) return 'FAILED';
  return results.some((test) => test.status === 'passed') ? 'passed' : 'skipped';
}

const count = { passed: 0, FAILED: 0, skipped: 0, long: 0, 'no test': 0 };
for (const [id, results] of rows) {
  const word = verdict(id, results);
  count[word]++;
  const passed = results.filter((test) => test.status === 'passed').length;
  console.log(`${id}  ${word.padEnd(7)}  ${`${passed}/${results.length}`.padStart(5)}  ${titles[id]}`);
  for (const test of results)
    if (test.status === 'failed') console.log(`        ${test.name}: ${test.message.split('\n')[0]}`);
}
for (const problem of problems) console.log(problem);
console.log(
  `\n${count.passed} of ${rows.size} rows passed, ${count.FAILED} failed, ${count.skipped} skipped, ${count.long} only with --long, ${count['no test']} without a test`,
);
process.exitCode = count.FAILED > 0 || problems.length > 0 ? 1 : 0;
