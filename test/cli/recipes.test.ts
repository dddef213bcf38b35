import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { run } from '../../src/cli/program.ts';
import { isDemonstration, recipes } from '../../src/recipes/index.ts';
import { freshFolder, tinyMnist } from './tiny_mnist.ts';

const home = process.cwd();
let pictures = '';
beforeAll(async () => {
  pictures = await tinyMnist();
  process.chdir(freshFolder());
});
afterAll(() => process.chdir(home));

async function nabla(...args: string[]) {
  let [out, err] = ['', ''];
  const code = await run(args, {
    stdout: { write: (text) => (out += text) },
    stderr: { write: (text) => (err += text) },
    env: {},
    signal: new AbortController().signal,
  });
  return { code, out, err };
}

describe('every recipe', () => {
  test.each(recipes.map((recipe) => [recipe.name, recipe] as const))(
    '%s runs, and can be shown again',
    async (name, recipe) => {
      const args = isDemonstration(recipe)
        ? []
        : [
            '--epochs',
            '1',
            '--batch-size',
            '100',
            ...(/mnist/.test(recipe.files ?? '') ? ['--data', pictures] : []),
          ];
      const trained = await nabla('train', name, ...args);
      expect(trained.err).toBe('');
      expect(trained.code).toBe(0);
      const again = await nabla('eval', `runs/${name}`);
      expect(again.err).toBe('');
      expect(again.code).toBe(0);
      if (isDemonstration(recipe)) {
        expect(again.out).toBe(readFileSync(`runs/${name}/output.txt`, 'utf8'));
        expect(trained.out.startsWith(again.out)).toBe(true);
        return;
      }
      const [first, ...report] = again.out.trimEnd().split('\n');
      expect(first).toMatch(new RegExp(`^${name}, 1 epochs, seed 0; \\d+ test (images|examples)$`));
      expect(trained.out).toContain(report.join('\n'));
      expect(report[0]).toMatch(/^test (accuracy|mean absolute error) [\d.]+$/);
    },
  );
});

describe('settings of recipes', () => {
  test('go with the run: into its files, its model and its resumption', async () => {
    const { code, out } = await nabla('train', 'xor-mlp', '--epochs', '1', '--hidden', '7', '--out', 'wide');
    expect(code).toBe(0);
    expect(out).toMatch(/^xor-mlp: 29 parameters; 800 training and 200 test examples; wide\n/);
    expect(JSON.parse(readFileSync('wide/config.json', 'utf8')).settings).toEqual({ hidden: 7, noise: 0.2 });
    expect((await nabla('eval', 'wide')).code).toBe(0);
    expect(await nabla('train', 'xor-mlp', '--hidden', '3', '--out', 'wide', '--resume')).toMatchObject({
      code: 1,
      err: 'nabla: wide is a run with --hidden 7, which cannot go on with --hidden 3; start a new one without --resume\n',
    });
    const more = await nabla(
      'train',
      'xor-mlp',
      '--hidden',
      '7',
      '--epochs',
      '2',
      '--out',
      'wide',
      '--resume',
    );
    expect(more.err).toBe('');
    expect(more.out).toContain('epoch 2/2');
  });

  test('the help shows them in a group of their own, and only options that the recipe has', async () => {
    const own = (await nabla('train', 'regression-mlp', '--help')).out;
    expect(own).toMatch(
      /\nOptions:\n[\s\S]*--epochs[\s\S]*\n\nSettings of regression-mlp:\n {2}--layers <n>/,
    );
    expect(own).toMatch(/--loss <mse\|huber>\s+what is made small \(default: mse\)/);
    expect(own).not.toContain('--data');
    const demonstration = (await nabla('train', 'vanishing-gradient', '--help')).out;
    expect(demonstration).not.toContain('--epochs');
    expect(demonstration).toContain('--depth <n>');
    const all = (await nabla('train', '--help')).out;
    expect(all).toContain('Recipes with settings of their own (nabla train <recipe> --help):');
    expect(all).toContain('  xor-mlp: --hidden, --noise\n');
  });

  test.each([
    [
      ['xor-mlp', '--hiden', '3'],
      "unknown option '--hiden'; options of train are --epochs, --batch-size, --lr, --seed, --out, --checkpoint-every, --resume, --hidden, --noise",
    ],
    [['lenet5', '--hidden', '3'], /^unknown option '--hidden'/],
    [['perceptron', '--epochs', '3'], /^unknown option '--epochs'; options of train are --out, --points/],
    [
      ['perceptron', '--points', '1'],
      "option '--points <n>' argument '1' is invalid. It must be an integer from 2 to 10000.",
    ],
    [
      ['perceptron', '--margin', 'wide'],
      "option '--margin <x>' argument 'wide' is invalid. It must be a number from 0.01 to 0.5.",
    ],
    [
      ['regression-mlp', '--loss', 'l1'],
      "option '--loss <mse|huber>' argument 'l1' is invalid. It must be one of mse, huber.",
    ],
    [['--out', 'lenet5', 'regression-mlp', '--data', 'x'], /^unknown option '--data'/],
  ])('%j is refused', async (args, message) => {
    const { code, out, err } = await nabla('train', ...args);
    expect([code, out]).toEqual([2, '']);
    expect(err.startsWith('nabla: ')).toBe(true);
    if (typeof message === 'string') expect(err).toBe(`nabla: ${message}\n`);
    else expect(err.slice('nabla: '.length)).toMatch(message);
    expect(existsSync('lenet5')).toBe(false);
  });

  test('a configuration that was changed by hand is checked', async () => {
    await nabla('train', 'xor-nand', '--out', 'shown');
    const write = (config: object) => writeFileSync('shown/config.json', JSON.stringify(config));
    write({ recipe: 'perceptron', settings: { points: -1 } });
    expect((await nabla('eval', 'shown')).err).toBe(
      'nabla: shown/config.json is not the configuration of a run: perceptron: points must be an integer from 2 to 10000, got -1\n',
    );
    write({ recipe: 'xor-nand', settings: { depth: 3 } });
    expect((await nabla('eval', 'shown')).err).toMatch(
      /xor-nand: there is no setting 'depth'; settings are none/,
    );
    write({ settings: {} });
    expect((await nabla('eval', 'shown')).err).toMatch(/it names no recipe/);
  });
});

test('a training on rows of numbers that was interrupted ends with the bytes of one that was not', async () => {
  const args = ['train', 'classification-mlp', '--task', 'multilabel', '--epochs', '2', '--hidden', '8'];
  expect((await nabla(...args, '--out', 'whole')).code).toBe(0);
  const controller = new AbortController();
  const stream = { write: (text: string) => void (text.startsWith('epoch 1/2') && controller.abort()) };
  const code = await run([...args, '--out', 'parts'], {
    stdout: stream,
    stderr: stream,
    env: {},
    signal: controller.signal,
  });
  expect(code).toBe(130);
  const resumed = await nabla('train', 'classification-mlp', '--out', 'parts', '--resume');
  expect([resumed.code, resumed.err]).toEqual([0, '']);
  const model = (folder: string) => readFileSync(`${folder}/model.safetensors`);
  expect(model('parts').equals(model('whole'))).toBe(true);
});

test('Ctrl-C ends a demonstration with status 130', async () => {
  const controller = new AbortController();
  let err = '';
  const code = await run(['train', 'xor-nand', '--out', 'stopped'], {
    stdout: {
      write: () => {
        controller.abort();
      },
    },
    stderr: { write: (text) => (err += text) },
    env: {},
    signal: controller.signal,
  });
  expect([code, err]).toEqual([130, 'nabla: interrupted\n']);
  expect(existsSync('stopped/output.txt')).toBe(false);
});
