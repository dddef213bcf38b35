import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { freshFolder, tinyMnist } from './tiny_mnist.ts';

/** The command as a process of its own: what only signals, pipes and disks can do to it. */

const root = fileURLToPath(new URL('../..', import.meta.url));
let built = '';
let main = '';
let data = '';

beforeAll(async () => {
  // Inside of node_modules, so that the built files find the packages that they need.
  const cache = join(root, 'node_modules', '.cache');
  mkdirSync(cache, { recursive: true });
  built = mkdtempSync(join(cache, 'nabla-test-'));
  copyFileSync(join(root, 'package.json'), join(built, 'package.json'));
  const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const config = join(root, 'tsconfig.build.json');
  const { stdout } = spawnSync(process.execPath, [compiler, '-p', config, '--outDir', join(built, 'dist')], {
    encoding: 'utf8',
  });
  main = join(built, 'dist', 'cli', 'main.js');
  if (!existsSync(main)) throw new Error(`the build gave no ${main}: ${stdout}`);
  data = await tinyMnist();
});
afterAll(() => rmSync(built, { recursive: true, force: true }));

const trainArgs = (epochs: number, out: string) => [
  ...['train', 'mnist-lr', '--data', data, '--epochs', String(epochs), '--batch-size', '10', '--out', out],
];

function nabla(args: readonly string[], cwd: string) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...args], { cwd, encoding: 'utf8' });
  return { status, stdout, stderr };
}

/** Starts a process and waits until its output has a text. */
async function startUntil(args: readonly string[], cwd: string, text: string) {
  const child = spawn(process.execPath, [main, ...args], { cwd });
  let [stdout, stderr] = ['', ''];
  child.stderr.on('data', (chunk) => (stderr += chunk));
  const ended = new Promise<number | null>((done) => child.on('close', done));
  await new Promise<void>((done) => {
    child.stdout.on('data', (chunk) => {
      stdout += chunk;
      if (stdout.includes(text)) done();
    });
    child.on('close', () => done());
  });
  return { child: child as ChildProcess, ended, errors: () => stderr };
}

const filesBelow = (folder: string): string[] => readdirSync(folder, { recursive: true, encoding: 'utf8' });

test('the built command runs', () => {
  const { status, stdout, stderr } = nabla(['list'], freshFolder());
  expect(stderr).toBe('');
  expect(status).toBe(0);
  expect(stdout).toContain('lenet5');
});

describe.skipIf(process.platform === 'win32')('signals', () => {
  test('Ctrl-C: status 130, one line, nothing half-written', async () => {
    const place = freshFolder();
    const { child, ended, errors } = await startUntil(trainArgs(100_000, 'run'), place, 'epoch 2/');
    child.kill('SIGINT');
    expect(await ended).toBe(130);
    expect(errors()).toBe('nabla: interrupted; go on with: nabla train mnist-lr --out run --resume\n');
    const files = filesBelow(join(place, 'run'));
    expect(files.filter((name) => name.endsWith('.tmp'))).toEqual([]);
    expect(files).not.toContain('model.safetensors');
  });

  test('Ctrl-C in the middle of an epoch saves it; resumed, it ends with the bytes of one that was not interrupted', async () => {
    const place = freshFolder();
    const args = (out: string) => [
      'train',
      'digits-cnn',
      '--epochs',
      '2',
      '--checkpoint-every',
      '2',
      '--out',
      out,
    ];
    expect(nabla(args('whole'), place).status).toBe(0);
    const { child, ended, errors } = await startUntil(args('parts'), place, 'epoch 1/');
    await new Promise((resolve) => setTimeout(resolve, 30));
    child.kill('SIGINT');
    expect([await ended, errors()]).toEqual([
      130,
      'nabla: interrupted; go on with: nabla train digits-cnn --out parts --resume\n',
    ]);
    const names = readdirSync(join(place, 'parts', 'checkpoints'));
    // That of the first epoch, that of the interruption, and the index.
    expect(names).toHaveLength(3);
    expect(Number(/\d+/.exec(names[1])?.[0])).toBeGreaterThan(40);
    const resumed = nabla(['train', 'digits-cnn', '--out', 'parts', '--resume'], place);
    expect([resumed.stderr, resumed.status]).toEqual(['', 0]);
    expect(resumed.stdout).toMatch(/^going on after step (4[1-9]|[5-7]\d|80), in epoch 2 of 2$/m);
    for (const name of ['model.safetensors', 'metrics.csv', 'checkpoints/checkpoint-00000080.safetensors'])
      expect(
        readFileSync(join(place, 'parts', name)).equals(readFileSync(join(place, 'whole', name))),
        name,
      ).toBe(true);
  });

  test('a run that was killed ends, resumed, with the bytes of one that was not', async () => {
    const place = freshFolder();
    const epochs = 40;
    expect(nabla(trainArgs(epochs, 'whole'), place).status).toBe(0);
    const { child, ended } = await startUntil(trainArgs(epochs, 'killed'), place, 'epoch 3/');
    child.kill('SIGKILL');
    await ended;
    expect(existsSync(join(place, 'killed', 'model.safetensors'))).toBe(false);
    const resumed = nabla(['train', 'mnist-lr', '--out', 'killed', '--resume'], place);
    expect(resumed.stderr).toBe('');
    expect(resumed.stdout).toContain('going on after epoch');
    const checkpoints = readdirSync(join(place, 'whole', 'checkpoints'));
    expect(readdirSync(join(place, 'killed', 'checkpoints'))).toEqual(checkpoints);
    for (const name of [
      'model.safetensors',
      'metrics.csv',
      ...checkpoints.map((file) => `checkpoints/${file}`),
    ])
      expect(
        readFileSync(join(place, 'killed', name)).equals(readFileSync(join(place, 'whole', name))),
        name,
      ).toBe(true);
  });
});

describe.skipIf(process.platform !== 'linux')('output that cannot be written', () => {
  const shell = (script: string, cwd: string) =>
    spawnSync('bash', ['-c', script, 'bash', process.execPath, main, data], { cwd, encoding: 'utf8' });
  const train = '"$1" "$2" train mnist-lr --data "$3" --epochs 2 --batch-size 10';

  test('a reader that has seen enough ends it without a word', () => {
    const { stderr, status } = shell(
      'set -o pipefail; "$1" "$2" list | head -c 1 > /dev/null',
      freshFolder(),
    );
    expect(stderr).toBe('');
    expect([0, 141]).toContain(status);
  });

  test('standard output on a full disk: one line, status 1', () => {
    const { status, stderr } = shell('"$1" "$2" list > /dev/full', freshFolder());
    expect(stderr).toBe('nabla: cannot write the output: the disk is full\n');
    expect(status).toBe(1);
  });

  test('a file that may not grow: one line, status 1, no torn file', () => {
    const place = freshFolder();
    // 72 KiB: enough for the configuration and the report, not for a checkpoint of 7,850 parameters and their moments.
    const { status, stderr } = shell(`ulimit -f 72; ${train} --out run`, place);
    expect(stderr).toMatch(
      /^nabla: cannot write run\/checkpoints\/checkpoint-00000003.safetensors: the file is too large for this disk\n$/,
    );
    expect(status).toBe(1);
    expect(filesBelow(join(place, 'run')).filter((name) => /safetensors|tmp/.test(name))).toEqual([]);
  });

  test('a disk that is read-only: one line, status 1', (context) => {
    const place = freshFolder();
    const readOnly = 'mkdir -p run && mount -t tmpfs -o ro none run 2>/dev/null || exit 77';
    const { status, stderr } = spawnSync(
      'unshare',
      ['-rm', 'bash', '-c', `${readOnly}; ${train} --out run`, 'bash', process.execPath, main, data],
      { cwd: place, encoding: 'utf8' },
    );
    if (status === null || status === 77 || /unshare/.test(stderr))
      return context.skip('cannot mount a disk here');
    expect(stderr).toMatch(/^nabla: cannot write run\/config.json: the disk is read-only\n$/);
    expect(status).toBe(1);
  });

  test('a full disk: one line, status 1, no torn file', (context) => {
    const place = freshFolder();
    const inside = `mount -t tmpfs -o size=48k none . 2>/dev/null || exit 77; cd .; cd "$PWD"; ${train} --out run; s=$?; find run -name '*.tmp' -o -name '*.safetensors'; exit $s`;
    const { status, stderr, stdout } = spawnSync(
      'unshare',
      ['-rm', 'bash', '-c', inside, 'bash', process.execPath, main, data],
      { cwd: place, encoding: 'utf8' },
    );
    if (status === null || status === 77 || /unshare/.test(stderr))
      return context.skip('cannot mount a small disk here');
    expect(stderr).toMatch(/^nabla: cannot write run\/.*: the disk is full\n$/);
    expect(status).toBe(1);
    expect(stdout).not.toMatch(/tmp|safetensors/);
  });
});
