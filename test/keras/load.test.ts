import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { jit, type Tensor, tensor, valueAndGrad } from '../../src/index.ts';
import { encodeHdf5, encodeZip, exportOnnx, FormatError, loadOnnx, readZip } from '../../src/io/index.ts';
import {
  kerasLayers,
  loadKeras,
  loadKerasInto,
  loadKerasWeights,
  loadTfjsModel,
} from '../../src/keras/index.ts';
import * as nn from '../../src/nn/index.ts';
import { Dice } from '../support/dice.ts';

/** Models that Keras 3 built and saved (scripts/fixtures/keras_models.py) give what they gave there. */

const folder = new URL('fixtures/', import.meta.url);
interface Plain {
  readonly shape: number[];
  readonly values: number[];
}
interface Example {
  readonly inputs: Plain[];
  readonly outputs: Plain[];
}
const exampleOf = (name: string): Example =>
  JSON.parse(readFileSync(new URL(`${name}.json`, folder), 'utf8')) as Example;
const arrayOf = ({ shape, values }: Plain, dtype: 'float32' | 'int32' = 'float32'): Tensor =>
  tensor(Float32Array.from(values), { shape, dtype });
const inputsOf = (name: string): Tensor[] =>
  exampleOf(name).inputs.map((x) => arrayOf(x, ['text', 'sequence'].includes(name) ? 'int32' : 'float32'));

/** The largest distance between what came out and what Keras gave, relative to what is larger than 1. */
function compare(found: Tensor, expected: Plain, what: string): void {
  expect(found.shape, what).toEqual(expected.shape);
  const values = found.dataSync();
  const worst = expected.values.reduce(
    (most, value, i) => Math.max(most, Math.abs(values[i] - value) / Math.max(1, Math.abs(value))),
    0,
  );
  expect(worst, what).toBeLessThan(1e-5);
}

const path = (name: string): string => new URL(name, folder).pathname;
const bytesOf = (name: string): Uint8Array => new Uint8Array(readFileSync(path(name)));

/** A copy of an archive with another configuration. */
async function withConfig(name: string, change: (config: string) => string): Promise<Uint8Array> {
  const entries = await Promise.all(
    readZip(bytesOf(name)).map(async (entry) => ({ name: entry.name, bytes: await entry.read() })),
  );
  return encodeZip(
    entries.map((entry) =>
      entry.name === 'config.json'
        ? { ...entry, bytes: new TextEncoder().encode(change(new TextDecoder().decode(entry.bytes))) }
        : entry,
    ),
  );
}

const files = readdirSync(folder).filter((name) => name.endsWith('.keras') || /^[a-z_0-9]+\.h5$/.test(name));

describe('loadKeras', () => {
  test.each(files)('%s gives the outputs of Keras', async (name) => {
    const stem = name.replace(/\..*/, '');
    const { outputs } = exampleOf(stem);
    const model = await loadKeras(new URL(name, folder).pathname);
    const found = jit((...x: Tensor[]) => model.outputs(...x))(...inputsOf(stem));
    expect(Object.keys(found).length).toBe(outputs.length);
    for (const [i, y] of model.outputNames.entries()) compare(found[y], outputs[i], `${name}, output ${y}`);
  });

  test('names parameters by the layers, and trains', async () => {
    const model = await loadKeras(path('two_inputs.keras'));
    expect(model.inputNames).toEqual(['a', 'b']);
    expect(model.outputNames).toEqual(['label', 'subtract_1']);
    const names = model.namedParameters().map(([name]) => name);
    expect(names).toContain('shared.weight');
    expect(names).toContain('inner.dense_1.bias');
    expect(model.training).toBe(false);
    const inputs = inputsOf('two_inputs');
    const loss = () =>
      model
        .outputs(...inputs)
        .label.square()
        .sum();
    const gradients = valueAndGrad(loss, model)[1];
    expect(gradients.get(model.parameters()[0])!.abs().sum().item()).toBeGreaterThan(0);
    expect(() => model.forward(...inputs)).toThrow(/has 2 outputs \(label, subtract_1\); outputs/);
    expect(() => model.outputs(inputs[0])).toThrow(/needs 2 inputs \(a, b\), got 1/);
  });

  test('reads bytes, too', async () => {
    const model = await loadKeras(bytesOf('mlp.keras'));
    const [x] = inputsOf('mlp');
    compare(model.forward(x), exampleOf('mlp').outputs[0], 'mlp');
    // In evaluation, noise and dropout are the identity; in training they are not.
    model.train();
    expect(model.forward(x).sub(model.forward(x)).abs().sum().item()).toBeGreaterThan(0);
  });

  test('one error lists everything that is not supported', async () => {
    const bytes = await withConfig('cnn.keras', (config) =>
      config
        .replace('"class_name": "LeakyReLU"', '"class_name": "Wavelet"')
        .replace('"class_name": "Dense"', '"class_name": "ConvLSTM2D"')
        .replace('"activation": "silu"', '"activation": "sinc"'),
    );
    await expect(loadKeras(bytes)).rejects.toThrow(
      /not supported: SeparableConv2D "separable_conv2d" \(activation "sinc"\); Wavelet "leaky_re_lu"; ConvLSTM2D "dense"$/,
    );
  });

  test('says what is wrong with a file', async () => {
    await expect(loadKeras(path('mlp.weights.h5'))).rejects.toThrow(
      /it holds weights without a model; loadKerasInto/,
    );
    await expect(loadKeras(path('none.keras'))).rejects.toThrow(/none.keras: there is no such file/);
    await expect(loadKeras(new Uint8Array(9))).rejects.toThrow(/^loadKeras: not a file of Keras/);
    const circle = await withConfig('two_inputs.keras', (config) =>
      config.replaceAll('"keras_history": ["a", 0, 0]', '"keras_history": ["add", 0, 0]'),
    );
    await expect(loadKeras(circle)).rejects.toThrow(/its layers lead in a circle/);
    const lost = await withConfig('two_inputs.keras', (config) =>
      config.replaceAll('"keras_history": ["a", 0, 0]', '"keras_history": ["gone", 1, 0]'),
    );
    await expect(loadKeras(lost)).rejects.toThrow(/it needs "call 1 of gone", which is not there/);
    const narrow = await withConfig('mlp.keras', (config) =>
      config.replace('"use_bias": true', '"use_bias": false'),
    );
    await expect(loadKeras(narrow)).rejects.toThrow(
      /layers\/dense: it has 2 variables, the layer needs 1: kernel/,
    );
  });

  test('refuses settings that a layer cannot have, and models without an end', async () => {
    const rate = await withConfig('mlp.keras', (config) => config.replace('"rate": 0.3', '"rate": 7'));
    await expect(loadKeras(rate)).rejects.toThrow(
      /^loadKeras: the layer "dropout" \(Dropout\): Dropout: p must be a probability/,
    );
    const deep = await withConfig('mlp.keras', (config) => {
      const inner = '{"class_name": "TimeDistributed", "config": {"name": "t", "layer": ';
      return config
        .replace(
          '{"module": "keras.layers", "class_name": "Dense"',
          `${inner.repeat(100)}{"class_name": "Dense"`,
        )
        .replace('"quantization_config": null}', `"quantization_config": null}${'}}'.repeat(100)}`);
    });
    await expect(loadKeras(deep)).rejects.toThrow(/inside of each other more than 32 deep/);
  });

  test('augmentation is for evaluation only, and says so', async () => {
    const model = await loadKeras(path('pictures.keras'));
    expect(() => model.train().forward(inputsOf('pictures')[0])).toThrow(
      /RandomFlip "random_flip": of Keras's augmentation only what it does in evaluation is here/,
    );
  });

  test('goes on to ONNX, and says how large it is', async () => {
    const model = await loadKeras(path('cnn.keras'));
    const [x] = inputsOf('cnn');
    const read = await loadOnnx(exportOnnx(model, x));
    compare(read.forward(x), exampleOf('cnn').outputs[0], 'ONNX');
    expect(String(nn.summary(model, x.shape))).toContain('separable_conv2d.depthwise');
  });

  test('lists the layers that it knows', () => {
    for (const name of ['Dense', 'Conv2D', 'LSTM', 'MultiHeadAttention', 'InputLayer', 'Bidirectional'])
      expect(kerasLayers).toContain(name);
  });
});

describe('loadTfjsModel', () => {
  test('gives the outputs of TensorFlow.js', async () => {
    const model = await loadTfjsModel(path('tfjs/model.json'));
    const { inputs, outputs } = exampleOf('tfjs');
    const found = model.outputs(arrayOf(inputs[0]), arrayOf(inputs[1], 'int32'));
    for (const [i, name] of model.outputNames.entries()) compare(found[name], outputs[i], name);
  });
});

describe('loadKerasWeights', () => {
  test('gives the weights of every kind of file by name', async () => {
    const [archive, weights, old] = await Promise.all(
      ['mlp.keras', 'mlp.weights.h5', 'mlp.h5'].map((name) => loadKerasWeights(path(name))),
    );
    expect(Object.keys(archive).slice(0, 2)).toEqual([
      'layers/batch_normalization/vars/0',
      'layers/batch_normalization/vars/1',
    ]);
    expect(Object.keys(weights)).toEqual(Object.keys(archive));
    const kernel = archive['layers/dense/vars/0'];
    expect(kernel.shape).toEqual([6, 5]);
    const oldName = Object.keys(old).find((name) => name.endsWith('kernel'))!;
    expect(old[oldName].dataSync()).toEqual(kernel.dataSync());
    expect(weights['layers/dense/vars/0'].dataSync()).toEqual(kernel.dataSync());
  });

  test('reads bfloat16, which are two bytes and a name in an attribute', async () => {
    const data = Uint16Array.of(0x3f80, 0xc000, 0x3e20);
    const variable = { shape: [3], dtype: 'BF16', data, attributes: { dtype: 'bfloat16' } } as const;
    const vars = { members: { '0': variable } };
    const bytes = encodeHdf5({ members: { layers: { members: { dense: { members: { vars } } } } } });
    const { 'layers/dense/vars/0': wide } = await loadKerasWeights(bytes);
    expect([wide.dtype, ...wide.dataSync()]).toEqual(['float32', 1, -2, 0.15625]);
    const { 'layers/dense/vars/0': narrow } = await loadKerasWeights(bytes, { keepHalf: true });
    expect(narrow.dtype).toBe('bfloat16');
  });

  test('refuses an HDF5 file of something else', async () => {
    const other = new URL('../io/fixtures/hdf5/old.h5', import.meta.url).pathname;
    await expect(loadKerasWeights(other)).rejects.toThrow(/an HDF5 file, but not of Keras/);
  });
});

/** A model of nabla with the architecture of the fixture mlp. */
class Mlp extends nn.Module {
  first = new nn.Linear(6, 5);
  norm = new nn.BatchNorm1d(5, { eps: 1e-3 });
  second = new nn.Linear(5, 4, { bias: false });
  layerNorm = new nn.LayerNorm(4, { eps: 1e-3 });
  out = new nn.Linear(4, 3);
  forward(x: Tensor): Tensor {
    const y = nn.gelu(this.second.forward(this.norm.forward(this.first.forward(x).relu())));
    return this.out.forward(this.layerNorm.forward(y)).softmax();
  }
}

/** One of the fixture sequence. */
class Sentence extends nn.Module {
  table = new nn.Embedding(10, 6);
  attention = new nn.MultiHeadAttention(6, 2);
  norm = new nn.LayerNorm(6);
  first = new nn.LSTM(6, 4);
  second = new nn.LSTM(4, 3);
  third = new nn.LSTM(3, 3, { bidirectional: true });
  fourth = new nn.GRU(6, 2, { bidirectional: true });
  fifth = new nn.GRU(4, 3, { bias: false });
  sixth = new nn.SimpleRNN(3, 4);
  groups = new nn.GroupNorm(2, 4);
  out = new nn.Linear(4, 2);
  forward(words: Tensor): Tensor {
    let x = this.norm.forward(this.attention.forward(this.table.forward(words)));
    for (const layer of [this.first, this.second, this.third, this.fourth, this.fifth, this.sixth])
      [x] = layer.forward(x) as [Tensor, unknown];
    return this.out.forward(this.groups.forward(x));
  }
}

/** One of a part of the fixture cnn. */
const convolutions = () =>
  new nn.Sequential(
    new nn.Conv2d(3, 4, 3, { stride: 2, padding: 'same' }),
    new nn.BatchNorm2d(4, { eps: 1e-3 }),
    new nn.SeparableConv2d(4, 5, [3, 2], { multiplier: 2 }),
    new nn.DepthwiseConv2d(5, 3, { multiplier: 2 }),
    new nn.ConvTranspose2d(10, 4, 3),
    new nn.PReLU(4),
    new nn.Conv2d(4, 6, [2, 3], { dilation: 2 }),
    new nn.Conv2d(6, 4, 3, { groups: 2 }),
    new nn.Linear(4, 3),
  );

describe('loadKerasInto', () => {
  test.each(['mlp.keras', 'mlp.h5', 'mlp.weights.h5'])('%s into a model of the same layers', async (name) => {
    const model = new Mlp();
    await loadKerasInto(model, path(name));
    compare(model.eval().forward(inputsOf('mlp')[0]), exampleOf('mlp').outputs[0], name);
  });

  test.each(['cnn.keras', 'cnn.h5'])('%s: convolutions of every kind', async (name) => {
    const model = convolutions();
    await loadKerasInto(model, path(name));
    const built = await loadKeras(path(name));
    const names = [
      'conv2d',
      'batch_normalization',
      'separable_conv2d',
      'depthwise_conv2d',
      'conv2d_transpose',
      'p_re_lu',
      'conv2d_1',
      'conv2d_2',
      'dense',
    ];
    const [ours, theirs] = [model.stateDict(), built.stateDict()];
    expect(ours['0.weight'].dataSync()).toEqual(theirs['conv2d.weight'].dataSync());
    expect(ours['2.depthwise.weight'].dataSync()).toEqual(
      theirs['separable_conv2d.depthwise.weight'].dataSync(),
    );
    expect(ours['3.weight'].dataSync()).toEqual(theirs['depthwise_conv2d.weight'].dataSync());
    expect(ours['4.weight'].dataSync()).toEqual(theirs['conv2d_transpose.convolution.weight'].dataSync());
    expect(ours['8.bias'].dataSync()).toEqual(theirs['dense.bias'].dataSync());
    expect(names.every((layer) => built.layers.has(layer))).toBe(true);
  });

  test.each(['sequence.keras', 'sequence.weights.h5'])(
    '%s: recurrent networks and attention',
    async (name) => {
      const model = new Sentence();
      await loadKerasInto(model, path(name));
      const { inputs, outputs } = exampleOf('sequence');
      compare(model.eval().forward(arrayOf(inputs[0], 'int32')), outputs[0], name);
    },
  );

  test('a GRU that resets before the product is none of nn', async () => {
    const model = new nn.ModuleList<nn.Module>([
      new nn.LSTM(3, 4),
      new nn.LSTM(4, 3, { bidirectional: true }),
      new nn.GRU(6, 4),
      new nn.GRU(4, 3, { bidirectional: true }),
      new nn.SimpleRNN(3, 4),
      new nn.LSTM(4, 4),
      new nn.GRU(4, 4, { bias: false }),
      new nn.SimpleRNN(4, 2, { bidirectional: true }),
      new nn.Linear(4, 2),
    ]);
    await expect(loadKerasInto(model, path('recurrent.keras'))).rejects.toThrow(
      /2 \(GRU\) from gru: a GRU of Keras with reset_after false computes something else than nn.GRU/,
    );
  });

  test('names the layers that do not fit', async () => {
    await expect(loadKerasInto(new nn.Sequential(new nn.Linear(6, 5)), path('mlp.keras'))).rejects.toThrow(
      /mlp.keras: nothing takes the weights of batch_normalization, dense_1, layer_normalization, dense_2; the model has 0 \(Linear\); the file has dense \(Dense\), /,
    );
    const other = new Mlp();
    other.first = new nn.Linear(6, 4);
    await expect(loadKerasInto(other, path('mlp.keras'))).rejects.toThrow(
      /first \(Linear\) has a variable \[4, 6\], dense gives \[5, 6\]/,
    );
    const swapped = new nn.Sequential(new nn.BatchNorm1d(5), new nn.Linear(6, 5));
    await expect(loadKerasInto(swapped, path('mlp.keras'))).rejects.toThrow(
      /0 \(BatchNorm1d\) cannot take the weights of dense \(Dense\)/,
    );
    const more = new nn.Sequential(...Array.from({ length: 9 }, () => new nn.Linear(2, 2)));
    await expect(loadKerasInto(more, path('mlp.weights.h5'))).rejects.toThrow(
      /there is no layer for 3 \(Linear\)/,
    );
  });

  test('takes layers by name', async () => {
    class Turned extends Mlp {}
    const model = new Turned();
    await loadKerasInto(model, path('mlp.keras'), { layers: { first: 'dense', out: 'dense_2' } });
    compare(model.eval().forward(inputsOf('mlp')[0]), exampleOf('mlp').outputs[0], 'by name');
    await expect(loadKerasInto(model, path('mlp.keras'), { layers: { first: 'dens' } })).rejects.toThrow(
      /there is no "dens" for first/,
    );
    await expect(loadKerasInto(model, path('mlp.keras'), { layers: { frst: 'dense' } })).rejects.toThrow(
      /the model has no frst/,
    );
  });
});

describe('damaged files of Keras', () => {
  test('are read, or refused with one clear error', { timeout: 3_600_000 }, async () => {
    const rounds = Number(process.env.NABLA_FUZZ_KERAS ?? '60');
    const names = ['mlp.h5', 'two_inputs.h5', 'mlp.keras', 'attention.keras', 'text.h5'];
    let refused = 0;
    for (let round = 0; round < rounds; round++) {
      const dice = new Dice(round);
      const name = dice.pick(names);
      const damage = (bytes: Uint8Array): Uint8Array => {
        for (let i = dice.pick([1, 2, 5, 20]); i > 0; i--) {
          const at = dice.between(0, bytes.length - 1);
          if (dice.chance(0.5)) bytes[at] ^= 1 << dice.between(0, 7);
          else bytes.fill(dice.pick([0, 0x22, 0x5d, 255]), at, at + dice.pick([1, 4]));
        }
        return bytes;
      };
      // Checksums of archives would refuse every damage, so it is done inside.
      const bytes =
        name.endsWith('.keras') && dice.chance(0.7)
          ? await encodeZip(
              await Promise.all(
                readZip(bytesOf(name)).map(async (entry) => ({
                  name: entry.name,
                  bytes: damage(Uint8Array.from(await entry.read())),
                })),
              ),
            )
          : damage(bytesOf(name));
      try {
        const model = await loadKeras(bytes);
        expect(model.parameters().length).toBeGreaterThan(0);
      } catch (error) {
        expect(error instanceof FormatError, `round ${round}: ${(error as Error).stack}`).toBe(true);
        expect((error as Error).message, `round ${round}`).toMatch(/^loadKeras: /);
        refused++;
      }
    }
    expect(refused).toBeGreaterThan(rounds / 10);
  });
});
