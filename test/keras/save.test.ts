import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { random, type Tensor, tensor } from '../../src/index.ts';
import { encodeKeras, loadKeras, loadKerasInto, loadTfjsModel, saveKeras } from '../../src/keras/index.ts';
import * as nn from '../../src/nn/index.ts';

/** What is written for Keras is what it, and we, read. */

const fixtures = new URL('fixtures/', import.meta.url);
const folder = mkdtempSync(join(tmpdir(), 'nabla-keras-'));
afterAll(() => rmSync(folder, { recursive: true }));

const plain = (x: Tensor) => ({ shape: x.shape, values: Array.from(x.dataSync()) });
const distance = (a: Tensor, b: Tensor): number => a.sub(b).abs().max().item();

/** Sequences of modules with examples. */
const sequences: Record<string, { model: nn.Sequential; shape: number[]; integers?: boolean }> = {
  dense: {
    shape: [6],
    model: new nn.Sequential(
      new nn.Linear(6, 5),
      new nn.BatchNorm1d(5),
      new nn.ReLU(),
      new nn.Dropout(0.2),
      new nn.Linear(5, 4, { bias: false }),
      new nn.LayerNorm(4),
      new nn.PReLU(4),
      new nn.Sequential(new nn.Linear(4, 4), new nn.GELU(), new nn.Linear(4, 8)),
      new nn.GroupNorm(2, 8),
      new nn.RMSNorm(8),
      new nn.LeakyReLU(0.1),
      new nn.Softmax(),
    ),
  },
  images: {
    shape: [9, 8, 3],
    model: new nn.Sequential(
      new nn.Conv2d(3, 4, 3, { padding: 1, stride: 2 }),
      new nn.BatchNorm2d(4, { affine: false }),
      new nn.SiLU(),
      new nn.SeparableConv2d(4, 6, 3, { padding: 'same', multiplier: 2 }),
      new nn.MaxPool2d(2, { stride: 1 }),
      new nn.DepthwiseConv2d(6, [2, 1], { multiplier: 2 }),
      new nn.PReLU(),
      new nn.ConvTranspose2d(12, 4, 4, { stride: 2, padding: 1 }),
      new nn.Conv2d(4, 4, 3, { groups: 2, padding: 'same', dilation: 2, bias: false }),
      new nn.ZeroPad2d([
        [1, 0],
        [0, 2],
      ]),
      new nn.AvgPool2d(2),
      new nn.ELU(0.5),
      new nn.Flatten(),
      new nn.Reshape([-1, 4]),
      new nn.Permute([0, 2, 1]),
      new nn.TimeDistributed(new nn.Linear(12, 2)),
      new nn.GlobalAvgPool1d(),
      new nn.RepeatVector(3),
    ),
  },
  words: {
    shape: [7],
    integers: true,
    model: new nn.Sequential(
      new nn.Embedding(11, 4),
      new nn.Conv1d(4, 3, 3, { padding: [[2, 0]] }),
      new nn.Tanh(),
      new nn.GlobalMaxPool1d(),
      new nn.Linear(3, 2),
      new nn.Sigmoid(),
    ),
  },
};

/** A graph with layers that are called twice, branches of different lengths, and layers of one class at all depths. */
function graphOf(): nn.Model<nn.GraphValue[]> {
  const [picture, place] = [nn.input('picture'), nn.input('place')];
  const shared = new nn.Linear(4, 4);
  const features = picture
    .to(new nn.Conv2d(1, 4, 3, { padding: 1 }))
    .to(new nn.ReLU())
    .to(new nn.GlobalAvgPool2d());
  const near = place.to(new nn.Linear(2, 4));
  const far = near.to(new nn.Tanh()).to(new nn.Linear(4, 4)).to(shared);
  const sum = nn.apply(new nn.Add(), features, near, far);
  const both = nn.apply(new nn.Concatenate(), sum.to(shared), features.to(new nn.Linear(4, 3)));
  const deep = both.to(new nn.Sequential(new nn.Linear(7, 4), new nn.BatchNorm1d(4)));
  const product = nn.apply(new nn.Multiply(), deep, sum);
  return new nn.Model([picture, place], [product.to(new nn.Linear(4, 2)).to(new nn.Softmax()), far]);
}
const graph = graphOf();

/** Statistics of normalization that are not 0 and 1. */
function randomize(model: nn.Module): void {
  for (const [name, variable] of model.namedVariables()) {
    if (!variable.value.dtype.startsWith('float')) continue;
    const values = name.endsWith('runningVar')
      ? random.uniform(variable.shape, { low: 0.5, high: 2 })
      : random.normal(variable.shape, { std: 0.4 });
    variable.assign(values);
  }
}

const ofKeras = [
  'activations',
  'attention',
  'cnn',
  'masked',
  'nested',
  'normalization',
  'one_axis',
  'pictures',
  'recurrent',
  'sequence',
  'text',
  'two_inputs',
  'volumes',
];

beforeAll(async () => {
  random.seed(3);
  for (const [name, { model, shape, integers }] of Object.entries(sequences)) {
    randomize(model);
    model.eval();
    const x = integers ? random.randint([2, ...shape], 0, 11) : random.normal([2, ...shape]);
    await saveKeras(model, join(folder, `${name}.keras`), { inputShape: shape, name: `${name}_model` });
    const example = { inputs: [plain(x)], outputs: [plain(model.forward(x))] };
    writeFileSync(join(folder, `${name}.json`), JSON.stringify(example));
  }
  randomize(graph);
  graph.eval();
  const inputs = [random.normal([2, 5, 4, 1]), random.normal([2, 2])];
  await saveKeras(graph, join(folder, 'graph.keras'), { inputShape: [[5, 4, 1], [2]] });
  const example = { inputs: inputs.map(plain), outputs: graph.forward(...inputs).map(plain) };
  writeFileSync(join(folder, 'graph.json'), JSON.stringify(example));
  for (const name of ofKeras) {
    const model = await loadKeras(new URL(`${name}.keras`, fixtures).pathname);
    await saveKeras(model, join(folder, `of_keras_${name}.keras`));
    writeFileSync(join(folder, `of_keras_${name}.json`), readFileSync(new URL(`${name}.json`, fixtures)));
  }
});

describe('saveKeras', () => {
  test.each(Object.keys(sequences))('%s: comes back with the same outputs', async (name) => {
    const { model } = sequences[name];
    const read = await loadKeras(join(folder, `${name}.keras`));
    const example = JSON.parse(readFileSync(join(folder, `${name}.json`), 'utf8')) as {
      inputs: { shape: number[]; values: number[] }[];
    };
    const [{ shape, values }] = example.inputs;
    const x = tensor(Float32Array.from(values), {
      shape,
      dtype: sequences[name].integers ? 'int32' : 'float32',
    });
    expect(distance(read.forward(x), model.forward(x))).toBeLessThan(1e-6);
    expect(read.name).toBe(`${name}_model`);
  });

  test.each(ofKeras)('%s of Keras: comes back with the same weights', async (name) => {
    const before = await loadKeras(new URL(`${name}.keras`, fixtures).pathname);
    const after = await loadKeras(join(folder, `of_keras_${name}.keras`));
    const [ours, theirs] = [after.stateDict(), before.stateDict()];
    expect(Object.keys(ours)).toEqual(Object.keys(theirs));
    for (const [key, value] of Object.entries(theirs))
      expect(ours[key].dataSync(), key).toEqual(value.dataSync());
  });

  test('a graph comes back with the same outputs', async () => {
    const read = await loadKeras(join(folder, 'graph.keras'));
    expect(read.inputNames).toEqual(['picture', 'place']);
    const inputs = [random.normal([3, 5, 4, 1]), random.normal([3, 2])];
    const found = read.outputs(...inputs);
    for (const [i, expected] of graph.forward(...inputs).entries())
      expect(distance(found[read.outputNames[i]], expected)).toBeLessThan(1e-6);
    await expect(encodeKeras(graph, 'keras', { inputShape: [5, 4, 1] })).rejects.toThrow(
      /a shape for each of 2 inputs/,
    );
    const x = nn.input();
    const odd = new nn.Model(
      x,
      nn.apply((y: Tensor) => y.sin(), x.to(new nn.RReLU())),
    );
    await expect(encodeKeras(odd, 'keras', { inputShape: [3] })).rejects.toThrow(
      /no layer for these modules: RReLU; the function /,
    );
  });

  test('changed weights are the ones that are saved', async () => {
    const model = await loadKeras(new URL('mlp.keras', fixtures).pathname);
    randomize(model);
    const x = random.normal([3, 6]);
    const read = await loadKeras(await encodeKeras(model));
    expect(distance(read.forward(x), model.forward(x))).toBeLessThan(1e-6);
  });

  test('weights alone come back into a model of the same layers', async () => {
    const make = () =>
      new nn.ModuleDict<nn.Module>({
        lstm: new nn.LSTM(3, 4, { layers: 2 }),
        both: new nn.GRU(4, 3, { bidirectional: true }),
        attention: new nn.MultiHeadAttention(6, 2),
        norm: new nn.BatchNorm1d(6),
      });
    const [model, other] = [make(), make()];
    randomize(model);
    const path = join(folder, 'parts.weights.h5');
    await saveKeras(model, path);
    await loadKerasInto(other, path);
    const [ours, theirs] = [other.stateDict(), model.stateDict()];
    for (const [key, value] of Object.entries(theirs)) {
      // Keras has one bias for an LSTM: the sum of both.
      if (key.includes('lstm') && key.includes('bias')) continue;
      if (!key.endsWith('batchesTracked')) expect(distance(ours[key], value), key).toBeLessThan(1e-6);
    }
    const sum = (state: nn.StateDict) => state['lstm.cells.1.biasIh'].add(state['lstm.cells.1.biasHh']);
    expect(distance(sum(ours), sum(theirs))).toBeLessThan(1e-6);
  });

  test('names what Keras has no layer for', async () => {
    const model = new nn.Sequential(
      new nn.Linear(2, 2),
      (x) => x.relu(),
      new nn.Softplus(2),
      new nn.Bilinear(2, 2, 2) as never,
    );
    await expect(encodeKeras(model, 'keras', { inputShape: [2] })).rejects.toThrow();
    const short = new nn.Sequential(new nn.Linear(2, 2), (x) => x.relu(), new nn.Softplus(2), new nn.RReLU());
    await expect(encodeKeras(short, 'keras', { inputShape: [2] })).rejects.toThrow(
      /^saveKeras: Keras has no layer for these modules: 1: a function; 2: Softplus \(beta 2\); 3: RReLU$/,
    );
    await expect(saveKeras(short, 'x.keras')).rejects.toThrow(/needs the shape of one example/);
    await expect(saveKeras(short, 'x.h5')).rejects.toThrow(/must end in .keras or .weights.h5/);
    await expect(encodeKeras(new nn.Linear(2, 2))).rejects.toThrow(
      /Linear is neither an nn.Sequential, nor an nn.Model/,
    );
    const old = await loadTfjsModel(new URL('tfjs/model.json', fixtures).pathname);
    await expect(encodeKeras(old)).rejects.toThrow(/comes from a file of Keras 2 or TensorFlow.js/);
  });

  const env = { ...process.env, KERAS_BACKEND: 'numpy' };
  const hasKeras = spawnSync('python3', ['-c', 'import keras'], { env }).status === 0;
  test.skipIf(!hasKeras)('Keras loads the files and gives the same outputs', { timeout: 300_000 }, () => {
    const script = new URL('../../scripts/fixtures/check_keras.py', import.meta.url).pathname;
    const { stdout, stderr } = spawnSync('python3', [script, folder], { encoding: 'utf8', env });
    const worst = JSON.parse(stdout.trim().split('\n').at(-1) || 'null') as Record<string, number | string>;
    expect(Object.keys(worst ?? {}).length, stderr).toBe(Object.keys(sequences).length + ofKeras.length + 1);
    for (const [name, value] of Object.entries(worst)) expect(value, name).toBeLessThan(1e-5);
  });
});
