import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type * as Nabla from '../../src/index.ts';
import type * as Nn from '../../src/nn/index.ts';
import { expectClose } from '../support/close.ts';

// Whole models of the benchmark, as bench/models.mjs defines them over the built library, against PyTorch's:
// scripts/fixtures/torch_models.py says what is in the fixture.

interface Golden {
  readonly name: 'CharLstm' | 'Gpt' | 'ResNet18';
  readonly options: Readonly<Record<string, number>>;
  readonly parameters: readonly (readonly [name: string, shape: number[], scale: number, offset: number])[];
  readonly input: readonly number[];
  readonly targets: readonly number[];
  readonly loss: number;
  readonly gradients: Readonly<Record<string, { first: number[]; magnitude: number; mixed: number }>>;
}
const golden: readonly Golden[] = JSON.parse(
  readFileSync(new URL('../fixtures/torch_models.json', import.meta.url), 'utf8'),
);

const root = fileURLToPath(new URL('../..', import.meta.url));
let folder = '';
let nabla: typeof Nabla;
let nn: typeof Nn;
let models: Record<string, new (options?: object | number[]) => Nn.Layer>;

beforeAll(async () => {
  // Inside of node_modules, so that the built files find the packages that they need.
  const cache = join(root, 'node_modules', '.cache');
  mkdirSync(cache, { recursive: true });
  folder = mkdtempSync(join(cache, 'nabla-models-'));
  copyFileSync(join(root, 'package.json'), join(folder, 'package.json'));
  mkdirSync(join(folder, 'bench'));
  copyFileSync(join(root, 'bench', 'models.mjs'), join(folder, 'bench', 'models.mjs'));
  const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const config = join(root, 'tsconfig.build.json');
  const { stdout } = spawnSync(process.execPath, [compiler, '-p', config, '--outDir', join(folder, 'dist')], {
    encoding: 'utf8',
  });
  if (!existsSync(join(folder, 'dist', 'index.js'))) throw new Error(`the build gave nothing: ${stdout}`);
  const load = (path: string) => import(pathToFileURL(join(folder, path)).href);
  [nabla, nn, models] = await Promise.all([
    load('dist/index.js'),
    load('dist/nn/index.js'),
    load('bench/models.mjs'),
  ]);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const sizeOf = (shape: readonly number[]): number => shape.reduce((size, n) => size * n, 1);

describe('equal to PyTorch: loss and every gradient', () => {
  test.each(golden.map((given) => [given.name, given] as const))('%s', (name, given) => {
    const model = new models[name](given.options);
    const generated = (shape: readonly number[], element: (i: number) => number, dtype: Nabla.DType) =>
      nabla.tensor(
        Float64Array.from({ length: sizeOf(shape) }, (_, i) => element(i)),
        { shape, dtype },
      );
    const wave = (k: number) => (i: number) =>
      Math.sin((2.399 + 0.171 * k) * i + 0.31 * i * i + 0.3 * k + 0.1);
    const parameters = new Map(model.namedParameters());
    expect([...parameters.keys()].sort()).toEqual(given.parameters.map(([of]) => of).sort());
    given.parameters.forEach(([of, shape, scale, offset], k) => {
      parameters.get(of)!.assign(generated(shape, (i) => offset + scale * wave(k)(i), 'float32'));
    });
    const classes = given.options.symbols ?? given.options.classes;
    const x =
      name === 'ResNet18'
        ? generated(given.input, (i) => 0.5 + 0.5 * Math.sin(0.37 * i + 0.001 * i * i), 'float32')
        : generated(given.input, (i) => (5 * i + i * i) % classes, 'int32');
    const y = generated(given.targets, (i) => (3 * i + 1) % classes, 'int32');
    const step = nabla.jit((images: Nabla.Tensor, targets: Nabla.Tensor) => {
      const loss = () => nn.crossEntropy(model.forward(images), targets);
      const [value, gradients] = nabla.valueAndGrad(loss, model);
      return [value, model.parameters().map((parameter) => gradients.get(parameter)!)] as const;
    });
    const [loss, gradients] = step(x, y);
    expectClose([loss.item()], [given.loss], { rtol: 1e-5 }, 'loss');
    model.namedParameters().forEach(([of], k) => {
      const { first, magnitude, mixed } = given.gradients[of];
      const gradient = [...gradients[k].dataSync()];
      const sum = (term: (g: number, i: number) => number): number =>
        gradient.reduce((total, g, i) => total + term(g, i), 0);
      // Relative to the sum of magnitudes. Eighteen layers with batch normalization cost float32 a digit.
      const tolerance = (name === 'ResNet18' ? 1e-4 : 1e-5) * magnitude;
      expectClose(gradient.slice(0, 3), first, { atol: tolerance }, `gradient of ${of}`);
      expectClose(
        [sum((g) => Math.abs(g)), sum((g, i) => g * Math.cos(i))],
        [magnitude, mixed],
        { atol: tolerance },
        `sums of the gradient of ${of}`,
      );
    });
  });
});

test('sizes are those of the workloads', () => {
  const count = (name: string, options?: object | number[]): number =>
    new models[name](options).namedParameters().reduce((sum, [, { shape }]) => sum + sizeOf(shape), 0);
  expect(count('Mlp', [784, 128, 10])).toBe(101_770);
  expect(count('ConvNet')).toBe(832 + 51_264 + 3136 * 1024 + 1024 + 10_250);
  expect(count('CharLstm')).toBe(67 * 256 + 4 * 256 * 514 + 257 * 67);
  expect(count('Gpt')).toBe(
    67 * 128 + 64 * 128 + 4 * (4 * 128 * 129 + 8 * 128 * 128 + 5 * 128 + 4 * 128) + 256 + 129 * 67,
  );
  // As torchvision's.
  expect(count('ResNet18')).toBe(11_689_512);
});

test('Mlp and ConvNet map batches to logits', () => {
  expect(new models.Mlp([4, 60, 2]).forward(nabla.zeros([64, 4])).shape).toEqual([64, 2]);
  expect(new models.ConvNet().forward(nabla.zeros([2, 28, 28, 1])).shape).toEqual([2, 10]);
});
