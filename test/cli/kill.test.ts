import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readState } from '../../src/train/checkpoint_file.ts';
import { buildPackage } from '../support/build_package.ts';
import { readEvents, readerProblem } from '../support/tensorboard_reader.ts';
import { freshFolder } from './tiny_mnist.ts';

/**
 * `kill -9` at random moments of `nabla train`, from the start of the process to its last line, and within every write: the run goes on with
 * `--resume` and ends with the bytes of one that was not disturbed. The recipe has batch normalization, dropout, augmentation, shuffling,
 * AdamW and a schedule; checkpoints come every seven steps, so most of them are in the middle of an epoch. Processes take turns in
 * having one thread and two.
 *
 * NABLA_KILLS: how many kills; the long tests have 30 on each tier.
 */
const kills = Number(process.env.NABLA_KILLS ?? 3);
const place = freshFolder();
let built = '';
let main = '';
beforeAll(() => {
  built = buildPackage('kill');
  main = join(built, 'dist', 'cli', 'main.js');
}, 300_000);
afterAll(() => {
  rmSync(built, { recursive: true, force: true });
  rmSync(place, { recursive: true, force: true });
});

const args = (out: string, ...more: string[]): string[] => [
  ...['train', 'digits-cnn', '--epochs', '2', '--seed', '3', '--checkpoint-every', '7steps', '--out', out],
  ...more,
];
const environment = (threads: number, more: Record<string, string> = {}): NodeJS.ProcessEnv => ({
  ...process.env,
  NABLA_THREADS: String(threads),
  ...more,
});
const checkpointsIn = (out: string): string[] => {
  try {
    return readdirSync(join(place, out, 'checkpoints'))
      .filter((name) => name.startsWith('checkpoint-'))
      .sort();
  } catch {
    return [];
  }
};

/** What a run leaves, but for TensorBoard's files and the report, which have times in them. */
function results(out: string): Record<string, string> {
  const names = readdirSync(join(place, out), { recursive: true, encoding: 'utf8' }).filter(
    (name) => !/tfevents|^report.html$/.test(name) && statSync(join(place, out, name)).isFile(),
  );
  return Object.fromEntries(
    names.sort().map((name) => [name, readFileSync(join(place, out, name)).toString('latin1')]),
  );
}
function expectSame(out: string, undisturbed: Record<string, string>, how: string): void {
  const found = results(out);
  expect(Object.keys(found), how).toEqual(Object.keys(undisturbed));
  // Not toEqual: the difference of two binary files tells nobody anything.
  for (const name of Object.keys(found))
    expect(found[name] === undisturbed[name], `${name} differs after ${how}`).toBe(true);
  if (readerProblem === null) expect(curves(out), `curves after ${how}`).toEqual(whole.curves);
}

/** The curves that TensorBoard draws of all sessions, but for those of times and memory. */
function curves(out: string): unknown {
  const { scalars } = readEvents(join(place, out));
  return Object.fromEntries(Object.entries(scalars).filter(([name]) => /^(step|epoch)\//.test(name)));
}

let whole: { start: number; results: Record<string, string>; curves: unknown };
beforeAll(async () => {
  // On the native tier the second run finds compiled programs in the cache, as resumed ones do.
  for (const out of process.env.NABLA_TIER === 'wasm' ? ['whole'] : ['warm', 'whole']) {
    const begin = performance.now();
    let start = 0;
    const child = spawn(process.execPath, [main, ...args(out)], { cwd: place, env: environment(2) });
    let errors = '';
    child.stderr.on('data', (chunk) => (errors += chunk));
    child.stdout.on('data', () => (start ||= performance.now() - begin));
    const code = await new Promise((done) => child.on('close', done));
    expect([code, errors]).toEqual([0, '']);
    whole = { start, results: results(out), curves: readerProblem === null ? curves(out) : null };
  }
}, 600_000);

/** When a session is killed: after so many new checkpoints (of a process that has just started, if none), and then so many milliseconds. */
interface Moment {
  readonly checkpoints: number;
  readonly wait: number;
}

/** Runs a session; kills it at a moment, unless it ends before. */
async function session(out: string, threads: number, moment: Moment | null): Promise<'killed' | 'complete'> {
  const before = checkpointsIn(out).at(-1);
  const child = spawn(process.execPath, [main, ...args(out, '--resume')], {
    cwd: place,
    env: environment(threads),
  });
  let errors = '';
  child.stderr.on('data', (chunk) => (errors += chunk));
  child.stdout.resume();
  const timers: NodeJS.Timeout[] = [];
  if (moment !== null) {
    const kill = () => timers.push(setTimeout(() => child.kill('SIGKILL'), moment.wait));
    let [left, seen] = [moment.checkpoints, before];
    if (left === 0) kill();
    else
      timers.push(
        setInterval(() => {
          const last = checkpointsIn(out).at(-1);
          if (last === seen) return;
          seen = last;
          if (--left === 0) kill();
        }, 3),
      );
  }
  const [code, signal] = await new Promise<[number | null, string | null]>((done) =>
    child.on('close', (c, s) => done([c, s])),
  );
  for (const timer of timers) clearTimeout(timer);
  expect(errors).toBe('');
  if (signal === 'SIGKILL') return 'killed';
  expect(code).toBe(0);
  return 'complete';
}

describe.skipIf(process.platform === 'win32')('kill -9', () => {
  test(
    `at ${kills} random moments`,
    async () => {
      const { start } = whole;
      const moments: string[] = [];
      let done = 0;
      let inTraining = 0;
      for (let run = 0; done < kills; run++) {
        const out = `run-${run}`;
        for (let number = 0; ; number++) {
          // Every fifth within the start of the process, the others up to three checkpoints on: a run has some 14.
          const moment =
            Math.random() < 0.2
              ? { checkpoints: 0, wait: Math.random() * start }
              : { checkpoints: 1 + Math.floor(Math.random() * 3), wait: Math.random() * 60 };
          const end = await session(out, 1 + (number % 2), done < kills ? moment : null);
          if (end === 'complete') break;
          done++;
          const files = checkpointsIn(out);
          if (files.length > 0) inTraining++;
          moments.push(
            `${moment.checkpoints} checkpoints + ${Math.round(moment.wait)} ms (${/[1-9]\d*/.exec(files.at(-1) ?? '')?.[0] ?? 'none'})`,
          );
          // Whatever has the name of a checkpoint is one.
          for (const name of files) await readState(join(place, out, 'checkpoints', name));
        }
        expectSame(out, whole.results, `kills after ${moments.join(', ')}`);
      }
      console.log(
        `${done} kills, ${inTraining} of them after the first checkpoint (last checkpoint): ${moments.join(', ')}`,
      );
      expect(done).toBe(kills);
    },
    120_000 + kills * 30_000,
  );

  // Loaded before the program: patches the functions of node:fs/promises that atomic writes are made of.
  const saboteur = `
    const [phase, part, count] = process.env.NABLA_TEST_KILL.split(' ');
    const files = process.getBuiltinModule('node:fs/promises');
    const actual = { ...files };
    let left = Number(count);
    const die = () => { if (--left === 0) process.kill(process.pid, 'SIGKILL'); };
    const at = (now, path) => { if (now === phase && String(path).includes(part)) die(); };
    files.open = async (path, flags) => {
      const handle = await actual.open(path, flags);
      if (flags === 'r') { at('renamed', path); return handle; }
      at('opened', path);
      const [write, sync] = [handle.writeFile.bind(handle), handle.sync.bind(handle)];
      handle.writeFile = async (bytes) => {
        if (phase === 'half' && left === 1 && path.includes(part)) await write(bytes.slice(0, bytes.length >> 1));
        at('half', path);
        await write(bytes);
        at('written', path);
      };
      handle.sync = async () => { await sync(); at('flushed', path); };
      return handle;
    };
    files.rename = async (from, to) => { await actual.rename(from, to); at('renamed-', to); };
    files.rm = async (path, options) => { at('removing', path); await actual.rm(path, options); at('removed', path); };
  `;
  const phases = [
    ...['opened', 'half', 'written', 'flushed', 'renamed-'].flatMap((phase) => [
      `${phase} checkpoint- 2`,
      `${phase} index.json 2`,
    ]),
    'removing checkpoint- 1',
    'removed checkpoint- 1',
    'half metrics.csv 1',
    'half model.safetensors 1',
    'half config.json 1',
  ];

  test(
    'within a write, at each of its phases',
    () => {
      const preload = join(built, 'saboteur.mjs');
      writeFileSync(preload, saboteur);
      mkdirSync(join(place, 'torn'));
      // In tests of minutes all of them; else some, others each time.
      const chosen = kills >= 30 ? phases : [...phases].sort(() => Math.random() - 0.5).slice(0, kills);
      let leftovers = 0;
      for (const [number, phase] of [...chosen, 'none none 1'].entries()) {
        const { status, signal, stderr } = spawnSync(
          process.execPath,
          ['--import', pathToFileURL(preload).href, main, ...args('torn', '--resume')],
          { cwd: place, env: environment(1 + (number % 2), { NABLA_TEST_KILL: phase }), encoding: 'utf8' },
        );
        expect(stderr, phase).toBe('');
        if (phase.startsWith('none')) expect(status).toBe(0);
        // Where the run was nearly complete, a phase may not have come any more.
        else if (status !== 0) expect(signal, phase).toBe('SIGKILL');
        leftovers += Object.keys(results('torn')).filter((name) => name.endsWith('.tmp')).length;
      }
      if (chosen.some((phase) => phase.startsWith('half'))) expect(leftovers).toBeGreaterThan(0);
      expectSame('torn', whole.results, `kills within writes: ${chosen.join(', ')}`);
    },
    120_000 + phases.length * 30_000,
  );
});
