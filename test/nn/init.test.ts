import { beforeEach, describe, expect, test } from 'vitest';
import { eye, random, type Tensor, tensor } from '../../src/index.ts';
import * as nn from '../../src/nn/index.ts';

const { init } = nn;
beforeEach(() => random.seed(3));

/** Close, element by element. */
function requireClose(found: Tensor, expected: Tensor, digits = 5): void {
  expect(found.shape).toEqual(expected.shape);
  const values = expected.dataSync();
  found.dataSync().forEach((v, i) => {
    expect(v).toBeCloseTo(values[i] as number, digits);
  });
}

describe('first values of layers', () => {
  const [three, four] = [
    (shape: readonly number[]) => init.constant(shape, 3),
    (shape: readonly number[]) => init.constant(shape, 4),
  ];
  const half = (shape: readonly number[]) => init.constant(shape, 0.5);
  const given = { weightInit: three, biasInit: half };
  /** What all elements of the parameters are, by name. */
  const contents = (module: nn.Module): Record<string, number> =>
    Object.fromEntries(
      module.namedParameters().map(([name, { value }]) => {
        const values = new Set(value.dataSync());
        return [name, values.size === 1 ? Number([...values][0]) : Number.NaN];
      }),
    );

  test('recurrent layers and cells: weights of inputs and of states, biases', () => {
    const all = { weightIh: 3, weightHh: 4, biasIh: 0.5, biasHh: 0.5 };
    const options = { ...given, recurrentInit: four };
    for (const Cell of [nn.LSTMCell, nn.GRUCell, nn.RNNCell])
      expect(contents(new Cell(2, 3, options)), Cell.name).toEqual(all);
    for (const Layer of [nn.LSTM, nn.GRU, nn.SimpleRNN]) {
      const layer = new Layer(2, 3, { ...options, layers: 2 });
      const expected = [0, 1].flatMap((i) =>
        Object.entries(all).map(([name, value]) => [`cells.${i}.${name}`, value]),
      );
      expect(contents(layer), Layer.name).toEqual(Object.fromEntries(expected));
    }
    const { weightHh } = new nn.GRUCell(2, 4, { recurrentInit: (shape) => init.orthogonal(shape) });
    requireClose(weightHh.value.transpose().matmul(weightHh.value), eye(4));
  });

  test('tables, bilinear maps, attention', () => {
    expect(contents(new nn.Embedding(5, 2, { weightInit: four }))).toEqual({ weight: 4 });
    expect(new nn.Embedding(2, 1, { weightInit: four, paddingIndex: 0 }).weight.value.toArray()).toEqual([
      [0],
      [4],
    ]);
    expect(contents(new nn.EmbeddingBag(5, 2, { weightInit: four }))).toEqual({ weight: 4 });
    expect(contents(new nn.Bilinear(2, 3, 4, given))).toEqual({ weight: 3, bias: 0.5 });
    expect(contents(new nn.MultiHeadAttention(4, 2, given))).toEqual({
      ...{ 'inProj.weight': 3, 'inProj.bias': 0.5, 'outProj.weight': 3, 'outProj.bias': 0.5 },
    });
    expect(contents(new nn.MultiHeadAttention(4, 2))).toMatchObject({ 'inProj.bias': 0, 'outProj.bias': 0 });
  });

  test('another shape is an error', () => {
    const wrong = { weightInit: () => init.constant([2], 1) };
    expect(() => new nn.LSTM(2, 3, wrong)).toThrow(/LSTM: the initializer made \[2\], needed is \[12, 2\]/);
    expect(() => new nn.Embedding(2, 3, wrong)).toThrow(/Embedding: the initializer made/);
    expect(() => new nn.GRUCell(2, 3, { weightinit: 1 } as object)).toThrow(/unknown option 'weightinit'/);
  });
});

describe('initializers', () => {
  const shape = [60, 3, 3, 40];
  const fanIn = 360;
  const fanOut = 540;
  const deviation = (x: Tensor) => x.std().item();

  test.each([
    ['lecunNormal', init.lecunNormal, Math.sqrt(1 / fanIn)],
    ['lecunUniform', init.lecunUniform, Math.sqrt(1 / fanIn)],
    ['heNormal', init.heNormal, Math.sqrt(2 / fanIn)],
    ['heUniform', init.heUniform, Math.sqrt(2 / fanIn)],
    ['glorotNormal', init.glorotNormal, Math.sqrt(2 / (fanIn + fanOut))],
    ['glorotUniform', init.glorotUniform, Math.sqrt(2 / (fanIn + fanOut))],
  ] as [string, nn.init.Initializer, number][])(
    '%s: mean 0, its deviation, its bounds',
    (name, make, std) => {
      const x = make(shape);
      const count = x.size;
      // Four standard errors of mean and deviation.
      expect(Math.abs(x.mean().item())).toBeLessThan((4 * std) / Math.sqrt(count));
      expect(Math.abs(deviation(x) / std - 1)).toBeLessThan(4 / Math.sqrt(2 * count));
      const extreme = x.abs().max().item();
      if (name.endsWith('Uniform')) {
        expect(extreme).toBeLessThanOrEqual(Math.fround(std * Math.sqrt(3)));
        expect(extreme).toBeGreaterThan(0.99 * std * Math.sqrt(3));
      } else expect(extreme).toBeGreaterThan(3.5 * std);
    },
  );

  test('activations keep their size through a deep network: He with relu', () => {
    let x = random.normal([64, 128]);
    for (let i = 0; i < 12; i++) x = x.matmul(init.heNormal([128, 128]).transpose()).relu();
    const size = x.square().mean().item();
    expect(size).toBeGreaterThan(0.2);
    expect(size).toBeLessThan(5);
  });

  test('gain', () => {
    expect(init.gain('selu')).toBe(0.75);
    expect(init.gain('tanh')).toBe(5 / 3);
    expect(() => init.gain('swish' as 'relu')).toThrow(/unknown nonlinearity 'swish'; known are linear/);
  });

  test('orthogonal: rows or columns are orthonormal, kernels too, and signs are even', () => {
    const wide = init.orthogonal([3, 5]);
    requireClose(wide.matmul(wide.transpose()), eye(3));
    const tall = init.orthogonal([6, 2], 3);
    requireClose(tall.transpose().matmul(tall), eye(2).mul(9), 4);
    const kernel = init.orthogonal([4, 2, 2, 3]).reshape([4, 12]);
    requireClose(kernel.matmul(kernel.transpose()), eye(4));
    // With LAPACK's signs the first entry would be negative always.
    const signs = Array.from({ length: 24 }, () => Math.sign(init.orthogonal([2, 2]).at(0).at(0).item()));
    expect(new Set(signs).size).toBe(2);
  });

  test('sparse: as many zeros in every column, elsewhere normal', () => {
    const x = init.sparse([50, 20], 0.3, 0.5);
    expect(x.eq(0).cast('int32').sum(0).toArray()).toEqual(Array(20).fill(15));
    const rest = x.square().sum().item() / (35 * 20);
    expect(Math.sqrt(rest)).toBeGreaterThan(0.45);
    expect(Math.sqrt(rest)).toBeLessThan(0.55);
    expect(() => init.sparse([2, 2, 2], 0.1)).toThrow(/a shape \[out, in\] and a sparsity/);
  });

  test('identity and dirac change nothing', () => {
    expect(init.identity([2, 3]).toArray()).toEqual([
      [1, 0, 0],
      [0, 1, 0],
    ]);
    const image = random.normal([1, 5, 4, 3]);
    const padded = nn.conv2d(image, init.dirac([3, 3, 3, 3]), { padding: 1 });
    requireClose(padded, image);
    const groups = random.normal([1, 6, 4]);
    requireClose(nn.conv1d(groups, init.dirac([4, 5, 2], 2), { padding: 2, groups: 2 }), groups);
    expect(init.dirac([5, 1, 2]).sum().item()).toBe(2);
    expect(() => init.dirac([3, 2])).toThrow(/\[out, ...kernel, in \/ groups\]/);
    expect(() => init.dirac([3, 1, 2], 2)).toThrow(/divisible by groups = 2/);
    expect(() => init.identity([2])).toThrow(/see init.dirac/);
  });
});

describe('layers choose', () => {
  test('weightInit and biasInit of Linear and convolutions', () => {
    const ones = { weightInit: init.ones, biasInit: init.zeros };
    const layers = [
      new nn.Linear(3, 2, ones),
      new nn.Conv1d(2, 3, 3, ones),
      new nn.Conv2d(2, 3, 3, ones),
      new nn.ConvTranspose2d(2, 3, 3, ones),
    ];
    for (const { weight, bias } of layers) {
      expect(weight.value.min().item()).toBe(1);
      expect(bias?.value.abs().max().item()).toBe(0);
    }
    expect(layers[0].forward(tensor([[1, 2, 3]])).toArray()).toEqual([[6, 6]]);
    const orthogonal = new nn.Linear(4, 4, { weightInit: init.orthogonal, bias: false });
    requireClose(orthogonal.weight.value.matmul(orthogonal.weight.value.transpose()), eye(4));
    expect(() => new nn.Linear(2, 3, { weightInit: () => tensor([1]) })).toThrow(
      /Linear: the initializer made \[1\], needed is \[3, 2\]/,
    );
  });

  test('initialize reaches every layer of a model', () => {
    const model = new nn.Sequential(new nn.Linear(2, 3), new nn.ReLU(), new nn.Conv1d(3, 2, 2));
    nn.initialize(model, { weightInit: (shape) => init.constant(shape, 2) });
    for (const [name, p] of model.namedParameters())
      expect(p.value.eq(2).all().item() === 1, name).toBe(p.shape.length >= 2);
    nn.initialize(model, { biasInit: init.ones }, (name) => name.startsWith('0'));
    expect(model.stateDict()['0.bias'].toArray()).toEqual([1, 1, 1]);
    expect(() => nn.initialize(model, { weightInit: () => tensor(1) })).toThrow(
      /initialize: 0.weight: the initializer made \[\], needed is \[3, 2\]/,
    );
  });
});
