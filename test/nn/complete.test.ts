import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { jit, random, type Tensor, vmap } from '../../src/index.ts';
import * as nn from '../../src/nn/index.ts';
import { expectSame } from '../support/example_loop.ts';
import { type ModuleExample, moduleClasses, moduleExamples, withoutExample } from './module_examples.ts';
import { checkLayer, type LayerCase } from './torch_layers.ts';

/** What a module computes for its example, as a list. */
const run = ({ module, inputs }: ModuleExample, given: readonly Tensor[] = inputs): Tensor[] =>
  arraysIn(module.forward(...(given as readonly never[])));
const arraysIn = (result: unknown): Tensor[] => {
  if (Array.isArray(result)) return result.flatMap(arraysIn);
  const isPlain = Object.getPrototypeOf(result) === Object.prototype;
  return isPlain ? Object.values(result as object).flatMap(arraysIn) : [result as Tensor];
};

describe('every module', () => {
  test('has an example, or a reason why not', () => {
    const covered = [...new Set(moduleExamples.map(({ name }) => name)), ...Object.keys(withoutExample)];
    expect(covered.sort()).toEqual([...moduleClasses].sort());
  });

  test.each(moduleExamples)('$name: jit as eager, to the rounding', (example) => {
    random.seed(3);
    const eager = run(example);
    random.seed(3);
    const jitted = jit((...inputs: Tensor[]) => run(example, inputs))(...example.inputs);
    expect(jitted.length).toBe(eager.length);
    eager.forEach((value, i) => {
      expect(value.dataSync().every(Number.isFinite)).toBe(true);
      expectSame(jitted[i], value, 1e-6);
    });
  });

  test.each(moduleExamples.filter(({ inputs }) => new Set(inputs.map(({ dtype }) => dtype)).size === 1))(
    '$name has a line in the summary',
    ({ module, inputs }) => {
      const shapes = inputs.map(({ shape }) => shape);
      const { layers, parameters } = nn.summarize(module, shapes, { dtype: inputs[0].dtype });
      expect(layers.at(-1)?.output).toBeDefined();
      const sizes = module.namedParameters().map(([, { shape }]) => shape.reduce((a, b) => a * b, 1));
      expect(parameters).toBe(sizes.reduce((a, b) => a + b, 0));
      expect(layers.every(({ flops }) => Number.isFinite(flops) && flops >= 0)).toBe(true);
    },
  );
});

/** Modules that do not treat each example of a batch by itself. */
const notByExample: Readonly<Record<string, string>> = {
  Concatenate: 'joins along the last axis of whatever it is given, so it is not asked here',
};

describe('vmap: a batch, example by example', () => {
  const layers = moduleExamples.filter(
    ({ name, module }) =>
      !(module instanceof nn.Loss) && !name.endsWith('WithLoss') && !(name in notByExample),
  );
  test.each(layers)('$name', (example) => {
    const together = run(example);
    const alone = vmap((...inputs: Tensor[]) =>
      run(
        example,
        inputs.map((x) => x.unsqueeze(0)),
      ),
    )(...example.inputs);
    together.forEach((value, i) => {
      // States of recurrent layers have the batch as their second axis.
      const isState = value.shape[0] !== example.inputs[0].shape[0];
      const joined = !isState ? alone[i].squeeze(1) : alone[i].squeeze(2).transpose([1, 0, 2]);
      expectSame(joined, value, 1e-5);
    });
  });
});

const fixture = (name: string): LayerCase[] =>
  JSON.parse(readFileSync(new URL(`../fixtures/${name}.json`, import.meta.url), 'utf8'));
const modules = fixture('torch_modules');

/** Layers that the fixtures have under a function's name. */
const asFunctions: Readonly<Record<string, string>> = {
  WeightNorm: 'weightNorm',
  SpectralNorm: 'spectralNorm',
};

describe('PyTorch', () => {
  test('has a case for every layer; those of losses are in losses_torch and loss_modules', () => {
    const all = ['torch_layers', 'torch_spatial'].flatMap(fixture).concat(modules);
    // Cases of activations are named after them.
    const seen = new Set(
      all.flatMap(({ layer, name }) => (layer === 'activation' ? [name, layer] : [layer])),
    );
    const layers = moduleClasses.filter((name) => !(name in withoutExample) && !/Loss$/.test(name));
    expect(layers.filter((name) => !seen.has(asFunctions[name] ?? name))).toEqual([]);
  });

  test.each(modules.map((given) => [given.layer, given] as const))('%s is the same', (layer, given) => {
    const example = moduleExamples.find(({ name }) => name === layer)!;
    checkLayer(given, example.module, (inputs) => run(example, inputs));
  });
});

test('every activation of torch.nn 2.13', () => {
  const torch =
    'ELU Hardshrink Hardsigmoid Hardtanh Hardswish LeakyReLU LogSigmoid PReLU ReLU ReLU6 RReLU SELU CELU GELU Sigmoid SiLU ' +
    'Mish Softmax Softmin LogSoftmax Softplus Softshrink Softsign Tanh Tanhshrink Threshold GLU';
  // Softmax2d is Softmax where channels are last.
  expect(torch.split(' ').filter((name) => !moduleClasses.includes(name))).toEqual([]);
});

describe('every initializer', () => {
  const shape = [48, 3, 3, 20];
  const [fanIn, fanOut] = [180, 432];
  const he = Math.sqrt(2 / fanIn);
  const glorot = Math.sqrt(2 / (fanIn + fanOut));
  const lecun = Math.sqrt(1 / fanIn);
  /** Of each: what it makes of a shape, its mean and its standard deviation. */
  const { init } = nn;
  const moments: Record<string, [value: () => Tensor, mean: number, deviation: number]> = {
    zeros: [() => init.zeros(shape), 0, 0],
    ones: [() => init.ones(shape), 1, 0],
    constant: [() => init.constant(shape, 0.25), 0.25, 0],
    uniform: [() => init.uniform(shape, -1, 3), 1, 4 / Math.sqrt(12)],
    normal: [() => init.normal(shape, 0.5, 2), 0.5, 2],
    // Of a normal distribution that is cut off at two deviations.
    truncatedNormal: [() => init.truncatedNormal(shape, 0, 0.1), 0, 0.08796],
    layerDefault: [() => init.layerDefault(shape), 0, lecun / Math.sqrt(3)],
    kaimingUniform: [() => init.kaimingUniform(shape, { nonlinearity: 'relu' }), 0, he],
    kaimingNormal: [() => init.kaimingNormal(shape, { nonlinearity: 'relu' }), 0, he],
    heUniform: [() => init.heUniform(shape), 0, he],
    heNormal: [() => init.heNormal(shape), 0, he],
    xavierUniform: [() => init.xavierUniform(shape), 0, glorot],
    xavierNormal: [() => init.xavierNormal(shape), 0, glorot],
    glorotUniform: [() => init.glorotUniform(shape), 0, glorot],
    glorotNormal: [() => init.glorotNormal(shape), 0, glorot],
    lecunUniform: [() => init.lecunUniform(shape), 0, lecun],
    lecunNormal: [() => init.lecunNormal(shape), 0, lecun],
    // Rows of 180 elements, orthonormal.
    orthogonal: [() => init.orthogonal(shape), 0, lecun],
  };
  /** Their patterns are checked in init.test.ts; the last two make no arrays. */
  const otherwise = ['dirac', 'identity', 'sparse', 'fans', 'gain'];

  test('is here', () => {
    expect([...Object.keys(moments), ...otherwise].sort()).toEqual(Object.keys(init).sort());
  });

  test.each(Object.entries(moments))('%s has its mean and deviation', (_, [make, mean, deviation]) => {
    random.seed(4);
    const value = make();
    expect(value.shape).toEqual(shape);
    // Four standard errors of the mean; 3 % of the deviation are more than five of its.
    expect(Math.abs(value.mean().item() - mean)).toBeLessThanOrEqual((4 * deviation) / Math.sqrt(value.size));
    expect(Math.abs(value.std().item() - deviation)).toBeLessThanOrEqual(0.03 * deviation);
  });
});
