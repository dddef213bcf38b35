import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { run } from '../../src/cli/program.ts';
import { recipes } from '../../src/recipes/index.ts';
import { freshFolder, tinyMnist } from './tiny_mnist.ts';

const home = process.cwd();
let data = '';

// Run folders are relative to the working folder.
beforeEach(async () => {
  data = await tinyMnist();
  process.chdir(freshFolder());
});
afterEach(() => process.chdir(home));

async function nabla(...args: string[]) {
  return nablaWith({}, ...args);
}
async function nablaWith(
  extra: { env?: Record<string, string>; signal?: AbortSignal; onWrite?: (text: string) => void },
  ...args: string[]
) {
  let [out, err] = ['', ''];
  const code = await run(args, {
    stdout: {
      write: (text) => {
        out += text;
        extra.onWrite?.(text);
      },
    },
    stderr: { write: (text) => (err += text) },
    env: extra.env ?? {},
    signal: extra.signal ?? new AbortController().signal,
  });
  return { code, out, err };
}
const train = (...args: string[]) =>
  nabla('train', 'mnist-lr', '--data', data, '--epochs', '2', '--batch-size', '10', ...args);
const model = (folder: string) => readFileSync(join(folder, 'model.safetensors'));

describe('nabla', () => {
  test('without a command: help', async () => {
    const { code, out } = await nabla();
    expect(code).toBe(0);
    for (const command of ['list', 'train', 'eval', 'bench', 'doctor']) expect(out).toContain(command);
    expect((await nabla('--help')).code).toBe(0);
    expect((await nabla('--version')).out).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  test('list: a line for each recipe', async () => {
    const { code, out } = await nabla('list');
    expect(code).toBe(0);
    const lines = out.trimEnd().split('\n');
    expect(lines.map((line) => line.split(' ')[0])).toEqual(recipes.map((recipe) => recipe.name));
  });

  test('doctor: versions, processor, memory, and a self-test that passes', async () => {
    const { code, out } = await nabla('doctor');
    expect(code).toBe(0);
    expect(out).toMatch(/node\s+v\d+/);
    expect(out).toMatch(
      /WebAssembly\s+vector instructions yes, fused multiply-add (yes|no), shared memory yes/,
    );
    expect(out).toMatch(/threads\s+\d+/);
    expect(out).toMatch(/native tier\s+(none: .+|.+ \(NABLA_TIER\))/);
    expect(out).toMatch(/self-test\s+passed/);
  });
});

describe('nabla train', () => {
  test('trains, tests, and leaves the files of the run', async () => {
    const { code, out, err } = await train('--lr', '0.01');
    expect(err).toBe('');
    expect(code).toBe(0);
    expect(out).toMatch(/^mnist-lr: 7,850 parameters; 30 training and 20 test images; runs\/mnist-lr\n/);
    expect(out).toMatch(/\nepoch 1\/2 .*\nepoch 2\/2 .*\n/);
    expect(out).toMatch(/\ntest accuracy [01]\.\d{4}\n/);
    expect(out).toContain('true \\ predicted');
    expect(out).toContain('files of this run: runs/mnist-lr');
    const names = readdirSync('runs/mnist-lr').map((name) => name.replace(/tfevents.*/, 'tfevents'));
    expect(names.sort()).toEqual([
      'checkpoints',
      'config.json',
      'events.out.tfevents',
      'metrics.csv',
      'model.safetensors',
      'report.html',
    ]);
    const page = readFileSync('runs/mnist-lr/report.html', 'utf8');
    expect(page).toContain('<h1>mnist-lr<span class="state complete">');
    expect(page).toContain('<caption>Confusion matrix');
    expect(JSON.parse(readFileSync('runs/mnist-lr/config.json', 'utf8'))).toMatchObject({
      recipe: 'mnist-lr',
      data,
      epochs: 2,
      batchSize: 10,
      lr: 0.01,
      seed: 0,
    });
  });

  test('same seed, same bytes; another seed, others; a run never overwrites another', async () => {
    expect((await train()).code).toBe(0);
    expect((await train()).out).toContain('files of this run: runs/mnist-lr-2');
    expect((await train('--seed', '1')).out).toContain('runs/mnist-lr-3');
    expect(model('runs/mnist-lr-2').equals(model('runs/mnist-lr'))).toBe(true);
    expect(model('runs/mnist-lr-3').equals(model('runs/mnist-lr'))).toBe(false);
    expect(await train('--out', 'runs/mnist-lr')).toEqual({
      code: 1,
      out: '',
      err: 'nabla: runs/mnist-lr already holds a run; add --resume to go on with it, or choose another --out\n',
    });
    mkdirSync('mine');
    writeFileSync('mine/thesis.txt', 'x');
    expect((await train('--out', 'mine')).err).toBe('nabla: mine is not empty; choose another --out\n');
    expect((await train('--out', 'mine', '--resume')).err).toMatch(/mine holds other files, but no run/);
    expect(readdirSync('mine')).toEqual(['thesis.txt']);
  });

  test('Ctrl-C: one line, status 130; --resume ends with the same bytes as an undisturbed run', async () => {
    await train('--out', 'whole');
    const controller = new AbortController();
    const interrupted = await nablaWith(
      { signal: controller.signal, onWrite: (text) => text.startsWith('epoch 1/2') && controller.abort() },
      ...['train', 'mnist-lr', '--data', data, '--epochs', '2', '--batch-size', '10', '--out', 'parts'],
    );
    expect(interrupted.code).toBe(130);
    expect(interrupted.err).toBe(
      'nabla: interrupted; go on with: nabla train mnist-lr --out parts --resume\n',
    );
    expect(existsSync('parts/model.safetensors')).toBe(false);
    expect((await nabla('eval', 'parts')).err).toMatch(/the run parts is not complete/);

    const resumed = await nabla('train', 'mnist-lr', '--out', 'parts', '--resume');
    expect(resumed.err).toBe('');
    expect(resumed.out).toContain('going on after step 4, in epoch 2 of 2');
    expect(model('parts').equals(model('whole'))).toBe(true);
    expect(readFileSync('parts/metrics.csv', 'utf8')).toBe(readFileSync('whole/metrics.csv', 'utf8'));
    const last = 'checkpoints/checkpoint-00000006.safetensors';
    expect(readFileSync(join('parts', last)).equals(readFileSync(join('whole', last)))).toBe(true);
  });

  test('--resume takes the newest run; more epochs are allowed, other settings are not', async () => {
    expect((await train('--resume')).out).toMatch(/^there is no run to resume: starting anew\n/);
    const { code, out } = await nabla('train', 'mnist-lr', '--epochs', '3', '--resume');
    expect(code).toBe(0);
    expect(out).toContain('epoch 3/3');
    expect(out).not.toContain('epoch 2/3  loss');
    expect((await nabla('train', 'mnist-lr', '--lr', '0.5', '--resume')).err).toBe(
      'nabla: runs/mnist-lr is a run with --lr 0.001, which cannot go on with --lr 0.5; start a new one without --resume\n',
    );
    expect((await nabla('train', 'lenet5', '--out', 'runs/mnist-lr', '--resume')).err).toMatch(
      /is a run with recipe mnist-lr, which cannot go on with recipe lenet5/,
    );
  });

  test.each([
    [['trane'], "unknown command 'trane'; commands are list, train, eval, search, bench, doctor"],
    [['train'], "missing required argument 'recipe'; nabla list shows the recipes"],
    [
      ['train', 'lenet6'],
      `there is no recipe 'lenet6'; recipes are ${recipes.map((r) => r.name).join(', ')}`,
    ],
    [
      ['train', 'lenet5', '--epoch', '3'],
      "unknown option '--epoch'; options of train are --data, --download, --epochs, --batch-size, --lr, --seed, --out, --checkpoint-every, --resume",
    ],
    [['list', '--all'], "unknown option '--all'; list has none"],
    [
      ['train', 'lenet5', '--epochs', 'many'],
      "option '--epochs <n>' argument 'many' is invalid. It must be an integer from 1 on.",
    ],
    [
      ['train', 'lenet5', '--batch-size', '0'],
      "option '--batch-size <n>' argument '0' is invalid. It must be an integer from 1 on.",
    ],
    [
      ['train', 'lenet5', '--lr', '-1'],
      "option '--lr <x>' argument '-1' is invalid. It must be a number above 0.",
    ],
    [
      ['train', 'lenet5', '--seed', '1.5'],
      "option '--seed <n>' argument '1.5' is invalid. It must be an integer from 0 on.",
    ],
    ...['0', '1.5', '3hours', 'often', '1.5steps', '-2', '0min'].map((interval): [string[], string] => [
      ['train', 'lenet5', '--checkpoint-every', interval],
      `option '--checkpoint-every <interval>' argument '${interval}' is invalid. It must be a number of epochs, or such as '500steps' or '10min'.`,
    ]),
  ])('%j: usage error, one line, status 2', async (args, message) => {
    expect(await nabla(...args)).toEqual({ code: 2, out: '', err: `nabla: ${message}\n` });
    expect(existsSync('runs')).toBe(false);
  });

  test('data that is missing or damaged: one line, status 1, and no run folder', async () => {
    const fails = async (...args: string[]) => {
      const { code, err } = await nabla('train', 'mnist-lr', ...args);
      expect(code).toBe(1);
      expect(err.trimEnd().split('\n')).toHaveLength(1);
      expect(existsSync('runs')).toBe(false);
      return err;
    };
    expect(await fails('--data', 'nowhere')).toMatch(/no such folder: .*nowhere/);
    mkdirSync('empty');
    expect(await fails('--data', 'empty')).toMatch(/has no train-images-idx3-ubyte/);
    truncateSync(join(data, 't10k-images-idx3-ubyte'), 100);
    expect(await fails('--data', data)).toMatch(/t10k-images-idx3-ubyte/);
  });

  test('a disk that cannot be written: one line, status 1', async () => {
    writeFileSync('file', '');
    const { code, err } = await train('--out', 'file/run');
    expect(code).toBe(1);
    expect(err).toBe('nabla: cannot write file/run: a part of the path is a file, not a folder\n');
  });

  test('the stack is shown on request only', async () => {
    const args = ['train', 'mnist-lr', '--data', 'nowhere'];
    expect((await nabla(...args)).err).not.toContain('    at ');
    expect((await nablaWith({ env: { NABLA_DEBUG: '1' } }, ...args)).err).toContain('    at ');
  });

  test('a diverging run: one line that says at which step, status 1, no model', async () => {
    const { code, err } = await train('--out', 'wild', '--lr', '1e38');
    expect(code).toBe(1);
    expect(err).toMatch(
      /^nabla: fit: the (validation )?loss is (NaN|Infinity) at step \d+ \(epoch 1.*\).*\n$/,
    );
    expect(readdirSync('wild')).not.toContain('model.safetensors');
  });
});

describe('nabla eval', () => {
  test('prints what train printed at its end', async () => {
    const trained = await train();
    const { code, out } = await nabla('eval', 'runs/mnist-lr');
    expect(code).toBe(0);
    expect(out).toMatch(/^mnist-lr, 2 epochs, seed 0; 20 test images\n/);
    const report = /test accuracy[\s\S]*?(?=\n\nfiles|$)/;
    expect(out.trimEnd().match(report)?.[0]).toBe(trained.out.match(report)?.[0]);
  });

  test('says what is wrong with a folder', async () => {
    expect(await nabla('eval', 'nowhere')).toEqual({
      code: 1,
      out: '',
      err: 'nabla: there is no folder nowhere\n',
    });
    mkdirSync('bare');
    expect((await nabla('eval', 'bare')).err).toBe(
      'nabla: bare is not a run folder: it has no config.json\n',
    );
    writeFileSync('bare/config.json', '{"recipe":');
    expect((await nabla('eval', 'bare')).err).toMatch(/^nabla: bare\/config.json cannot be read: .*\n$/);
    writeFileSync('bare/config.json', '{"recipe":"mnist-lr"}');
    expect((await nabla('eval', 'bare')).err).toMatch(/is not the configuration of a run/);
    await train();
    rmSync('runs/mnist-lr/model.safetensors');
    expect((await nabla('eval', 'runs/mnist-lr')).err).toMatch(
      /is not complete: .*nabla train mnist-lr --out runs\/mnist-lr --resume/,
    );
  });
});
