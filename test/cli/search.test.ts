import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { run } from '../../src/cli/program.ts';
import { spaceOf } from '../../src/cli/search_space.ts';
import { heldOut } from '../../src/cli/search_trial.ts';
import { digits } from '../../src/data/index.ts';
import { isDemonstration, recipes, type Samples, type TrainingRecipe } from '../../src/recipes/index.ts';
import { buildPackage } from '../support/build_package.ts';
import { freshFolder } from './tiny_mnist.ts';

const recipe = (name: string) => recipes.find((r) => r.name === name) as TrainingRecipe;

describe('what is to be searched', () => {
  const plain = (terms: string[], name = 'iris-mlp') =>
    JSON.parse(JSON.stringify(spaceOf(recipe(name), terms)));

  test('ranges, lists and values; by logarithm where a range is wide', () => {
    expect(plain(['lr=1e-4..1e-1', 'batch-size=8..12', 'hidden=2..64', 'activation=tanh,relu'])).toEqual({
      lr: { kind: 'logUniform', low: 1e-4, high: 0.1 },
      batchSize: { kind: 'int', low: 8, high: 12, log: false },
      hidden: { kind: 'int', low: 2, high: 64, log: true },
      activation: ['tanh', 'relu'],
    });
    expect(plain(['lr=0.1..0.2', 'batch-size=32'])).toEqual({
      lr: { kind: 'uniform', low: 0.1, high: 0.2 },
      batchSize: 32,
    });
  });

  test.each([
    ['lr', "'lr' is no setting of iris-mlp"],
    ['depth=3', 'names are lr, batch-size, hidden, activation'],
    ['lr=0', '0 is not possible'],
    ['lr=a', 'a is not possible'],
    ['lr=', 'nothing is not possible'],
    ['lr=2..1', 'lr=2..1 is no range'],
    ['hidden=1.5', 'must be an integer from 1 to 256'],
    ['hidden=1..1000', '1000 is not possible'],
    ['activation=gelu', 'must be one of tanh, relu'],
  ])('%s is refused', (term, message) => {
    expect(() => spaceOf(recipe('iris-mlp'), [term])).toThrow(message);
  });

  test('a fifth of the training set is held out; of the test set nothing', () => {
    const { train, test } = digits({ train: 50, test: 10 });
    const parts = heldOut({ train, test });
    expect([parts.train.count, parts.validation.count]).toEqual([40, 10]);
    expect(heldOut({ train, test, validation: test }).validation).not.toBe(test);
    const other = digits({ train: 5, test: 0, seed: 9 }).train;
    expect(heldOut({ train, test, validation: other })).toEqual({ train, validation: other });
    const rows: Samples = {
      ...{ name: 'rows', count: 10, width: 2, outputs: 3 },
      inputs: Float32Array.from({ length: 20 }, (_, i) => i),
      targets: Int32Array.from({ length: 10 }, (_, i) => i),
    };
    const halves = heldOut({ train: rows, test: rows });
    for (const part of Object.values(halves) as Samples[]) {
      expect(part.inputs).toHaveLength(2 * part.count);
      part.targets.forEach((row, i) => {
        expect([...part.inputs.subarray(2 * i, 2 * i + 2)]).toEqual([2 * row, 2 * row + 1]);
      });
    }
    const all = Object.values(halves).flatMap((part) => [...(part as Samples).targets]);
    expect(all.sort((a, b) => a - b)).toEqual([...rows.targets]);
  });
});

test('wrong command lines are told', async () => {
  const nabla = async (...args: string[]) => {
    let err = '';
    const code = await run(args, {
      stdout: { write: () => {} },
      stderr: { write: (text) => (err += text) },
      env: {},
      signal: new AbortController().signal,
    });
    return { code, err };
  };
  expect(await nabla('search', 'iris-mlp')).toEqual({ code: 2, err: expect.stringContaining('settings') });
  expect((await nabla('search', 'nothing', 'lr=1')).err).toContain("there is no recipe 'nothing'");
  expect((await nabla('search', 'iris-mlp', 'lr=1', '--method', 'best')).err).toContain(
    'one of random, grid',
  );
  const shown = recipes.find(isDemonstration)?.name as string;
  expect((await nabla('search', shown, 'lr=1')).err).toContain('nothing to train');
  process.chdir(freshFolder());
  expect((await nabla('search', 'iris-mlp', 'lr=0.1..0.2', '--method', 'grid')).err).toContain(
    'is a distribution',
  );
  expect((await nabla('search', 'iris-mlp', 'lr=1', '--monitor', 'testLoss')).err).toContain(
    'to test the choice with',
  );
});

describe('nabla search as a process', () => {
  let built = '';
  beforeAll(() => {
    built = buildPackage('cli-search');
  });
  afterAll(() => rmSync(built, { recursive: true, force: true }));
  const nabla = (cwd: string, ...args: string[]) =>
    spawnSync(process.execPath, [join(built, 'dist', 'cli', 'main.js'), ...args], { cwd, encoding: 'utf8' });

  test('tries settings in processes, shows the best as a command that runs, and goes on with more', () => {
    const folder = freshFolder();
    const search = (trials: number) =>
      nabla(
        folder,
        'search',
        'iris-mlp',
        'lr=1e-3..1e-1',
        'hidden=2,8',
        ...['--trials', String(trials), '--epochs', '3', '--jobs', '2'],
      );
    const first = search(2);
    expect(first.stderr).toBe('');
    expect(first.status).toBe(0);
    expect(first.stdout).toContain('the test set is left alone');
    expect(
      first.stdout.match(
        /^trial \d \(lr [\d.e-]+, hidden [28]\), 3 epochs: validationLoss [\d.]+, [\d.]+ s$/gm,
      ),
    ).toHaveLength(2);
    const second = search(3);
    expect(second.stdout.match(/^trial \d /gm)).toEqual(['trial 2 ']);
    const best = second.stdout.match(
      /^the best: nabla (train iris-mlp --lr [\d.e-]+ --hidden [28] --epochs 3)$/m,
    );
    expect(best).not.toBeNull();
    const csv = readFileSync(join(folder, 'runs/search-iris-mlp/search.csv'), 'utf8').trim().split('\n');
    expect(csv).toHaveLength(4);
    expect(csv[0]).toContain('validationLoss');
    expect(csv[0]).not.toMatch(/test/i);
    expect(existsSync(join(folder, 'runs/search-iris-mlp/trial-0000/metrics.csv'))).toBe(true);
    const trained = nabla(folder, ...(best as RegExpMatchArray)[1].split(' '));
    expect(trained.status).toBe(0);
  });
});
