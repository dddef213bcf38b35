import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildPackage } from '../support/build_package.ts';

/** Searches as processes of their own, with trainings in theirs: what only signals can do to them. */

let built = '';

const trialModule = `
import { appendFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { random } from './dist/index.js';
import * as nn from './dist/nn/index.js';
import * as optim from './dist/optim/index.js';
import { digits, loader, split } from './dist/data/index.js';
import { checkpoints, fit } from './dist/train/index.js';

const [train, validation] = split(digits({ train: 300, test: 0 }).train, 200);

export async function trial({ lr, stuck }, { number, seed, budget, folder }) {
  writeFileSync(join(folder, 'pid.txt'), String(process.pid));
  appendFileSync(join(folder, 'calls.txt'), budget + '\\n');
  if (stuck) for (;;);
  random.seed(seed);
  const model = new nn.Sequential(new nn.Flatten(), new nn.Linear(784, 10));
  const { epochs } = await fit(model, {
    data: loader(train, { batchSize: 20, shuffle: true, seed }),
    validation: loader(validation, { batchSize: 100 }),
    loss: nn.crossEntropy,
    optimizer: new optim.SGD(model, { lr }),
    epochs: budget,
    callbacks: [checkpoints(folder, { resume: true })],
  });
  appendFileSync(join(folder, 'calls.txt'), 'trained ' + epochs.length + '\\n');
  return epochs.at(-1);
}
`;

const searchProgram = `
import { distributions, gridSearch, Interrupted, successiveHalving } from './dist/train/index.js';
const [kind, folder] = process.argv.slice(2);
const controller = new AbortController();
if (kind === 'stuck') process.once('SIGINT', () => controller.abort());
const trial = new URL('./trial.mjs', import.meta.url);
const options = { folder, concurrency: 2, signal: controller.signal, onTrial: (t) => console.log('ended ' + t.number) };
try {
  const { trials } = kind === 'halving'
    ? await successiveHalving(trial, { ...options, maxBudget: 2, reduction: 2, space: { lr: distributions.logUniform(1e-3, 1) } })
    : await gridSearch(trial, { ...options, space: { lr: 0.1, stuck: [true, true] } });
  console.log(JSON.stringify(trials.map(({ seconds, ...rest }) => rest)));
} catch (error) {
  if (!(error instanceof Interrupted)) throw error;
  process.exitCode = 130;
}
`;

beforeAll(() => {
  built = buildPackage('search');
  writeFileSync(join(built, 'trial.mjs'), trialModule);
  writeFileSync(join(built, 'search.mjs'), searchProgram);
});
afterAll(() => rmSync(built, { recursive: true, force: true }));

function start(...args: string[]) {
  const child: ChildProcess = spawn(process.execPath, [join(built, 'search.mjs'), ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout?.on('data', (chunk) => (output += chunk));
  const ended = new Promise<number | null>((done) => child.on('close', done));
  return { child, ended, output: () => output };
}

async function until(what: string, isTrue: () => boolean): Promise<void> {
  const end = Date.now() + 40_000;
  while (!isTrue()) {
    if (Date.now() > end) throw new Error(`waited too long until ${what}`);
    await new Promise((done) => setTimeout(done, 20));
  }
}

/** Process numbers of the trials that have begun. */
const pids = (folder: string): number[] =>
  !existsSync(folder)
    ? []
    : readdirSync(folder)
        .map((name) => join(folder, name, 'pid.txt'))
        .filter((path) => existsSync(path))
        .map((path) => Number(readFileSync(path, 'utf8')))
        .filter((pid) => pid > 0);

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  // One that has ended, and that nobody has asked for.
  return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
};

describe.skipIf(process.platform !== 'linux')('processes of a search', () => {
  test.each([
    ['Ctrl-C that the program handles', 'stuck', 'SIGINT', 130],
    ['Ctrl-C that it does not', 'stuck unhandled', 'SIGINT', null],
    ['kill -9', 'stuck', 'SIGKILL', null],
  ] as const)('%s leaves none, even of trials that never pause', async (_, kind, signal, code) => {
    const folder = join(built, `stuck-${kind}-${signal}`);
    const { child, ended } = start(kind, folder);
    await until('both trials run', () => pids(folder).length === 2);
    const running = pids(folder);
    expect(running.every(isAlive)).toBe(true);
    child.kill(signal);
    expect(await ended).toBe(code);
    await until('they are gone', () => !running.some(isAlive));
  });

  test('a search with trainings that is killed again and again finds what one finds that is not', async () => {
    const undisturbed = start('halving', join(built, 'calm'));
    expect(await undisturbed.ended).toBe(0);
    const result = (output: string) => JSON.parse(output.trim().split('\n').at(-1) as string);
    const expected = result(undisturbed.output());
    expect(expected.map((t: { budget: number }) => t.budget).sort()).toEqual([1, 1, 2]);
    expect(expected.every((t: { status: string }) => t.status === 'done')).toBe(true);
    const folder = join(built, 'killed');
    for (const kill of [1, 2]) {
      const { child, ended, output } = start('halving', folder);
      // In the middle of the trials that run after the first that has ended.
      await until(`kill ${kill}`, () => output().includes('ended') || child.exitCode !== null);
      child.kill('SIGKILL');
      await ended;
    }
    const last = start('halving', folder);
    expect(await last.ended).toBe(0);
    expect(result(last.output())).toEqual(expected);
    // The winner's second call went on from its checkpoints.
    const calls = readFileSync(
      join(
        built,
        'calm',
        `trial-000${expected.find((t: { budget: number }) => t.budget === 2).number}`,
        'calls.txt',
      ),
      'utf8',
    );
    expect(calls).toBe('1\ntrained 1\n2\ntrained 2\n');
  });
});
