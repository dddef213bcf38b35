import { describe, expect, test } from 'vitest';
import { ones, random, type Tensor, tensor, zeros } from '../../src/index.ts';
import * as nn from '../../src/nn/index.ts';
import { expectClose } from '../support/close.ts';
import { casesOf, checkLayer, type LayerCase, wave } from './torch_layers.ts';

const named = (...layers: string[]) => casesOf(...layers).map((given) => [given.name, given] as const);
const bool = (rows: number[][] | boolean[][]): Tensor => tensor(rows.map((row) => row.map(Boolean)));

interface Call {
  allowed?: number[][];
  added?: number[][];
  keyMask?: boolean[][];
  causal?: boolean;
  scale?: number;
}
const callOf = (given: LayerCase): Call => (given.call ?? {}) as Call;

describe('equal to PyTorch', () => {
  test.each(named('scaledDotProductAttention'))('%s', (_, given) => {
    const { allowed, added, ...rest } = callOf(given);
    const mask = allowed ? { mask: bool(allowed) } : added ? { mask: tensor(added) } : {};
    checkLayer(given, null, ([q, k, v]) => [nn.scaledDotProductAttention(q, k, v, { ...mask, ...rest })]);
  });

  test.each(named('MultiHeadAttention'))('%s', (_, given) => {
    const [dim, heads, options] = given.arguments as unknown as [number, number, { bias?: boolean }];
    const layer = new nn.MultiHeadAttention(dim, heads, options);
    const { keyMask, causal } = callOf(given);
    const masks = { ...(causal && { causal }), ...(keyMask && { keyMask: bool(keyMask) }) };
    checkLayer(given, layer, ([q, k, v]) => [layer.forward(q, k, v, masks)]);
  });

  test.each(named('TransformerEncoderLayer'))('%s', (_, given) => {
    type Arguments = [number, number, number, nn.TransformerOptions];
    const layer = new nn.TransformerEncoderLayer(...(given.arguments as unknown as Arguments));
    checkLayer(given, layer, ([x]) => [layer.forward(x, callOf(given) as nn.MultiHeadOptions)]);
  });

  test.each(named('TransformerDecoderLayer'))('%s', (_, given) => {
    type Arguments = [number, number, number, nn.TransformerOptions];
    const layer = new nn.TransformerDecoderLayer(...(given.arguments as unknown as Arguments));
    checkLayer(given, layer, ([x, memory]) => [layer.forward(x, memory)]);
  });

  test.each(named('rotary'))('%s', (_, given) => {
    checkLayer(given, null, ([x]) => [nn.rotary(x, given.call as nn.RotaryOptions)]);
  });
});

describe('attention', () => {
  const [q, k, v] = [0, 1, 2].map((i) => wave([2, 3, 4], i));

  test('a query that may attend to nothing gets zeros', () => {
    const nothing = bool([
      [1, 1, 1],
      [0, 0, 0],
      [0, 1, 0],
    ]);
    const result = nn.scaledDotProductAttention(q, k, v, { mask: nothing });
    expect(result.at(1, 1).toArray()).toEqual(zeros([2, 4]).toArray());
    expectClose(result.at(2, 1).dataSync(), v.at(1, 1).dataSync(), { atol: 1e-6 });
    const infinite = tensor([0, 0, 0]).add(tensor([[0], [Number.NEGATIVE_INFINITY], [0]]));
    expect(nn.scaledDotProductAttention(q, k, v, { mask: infinite }).at(1, 1).toArray()).toEqual(
      zeros([2, 4]).toArray(),
    );
  });

  test('a mask and causal combine', () => {
    const mask = bool([
      [1, 0, 1],
      [0, 1, 1],
      [1, 1, 0],
    ]);
    const weights = nn.attentionWeights(q, k, { mask, causal: true });
    expect(weights.at(0).gt(0).toArray()).toEqual([
      [true, false, false],
      [false, true, false],
      [true, true, false],
    ]);
    expectClose(weights.sum(-1).dataSync(), new Array(6).fill(1), { atol: 1e-6 });
  });

  test('dropout keeps the expectation', () => {
    random.seed(0);
    const one = ones([1, 200, 50]);
    const result = nn.scaledDotProductAttention(one, one, one, { dropout: 0.5 });
    expect(result.mean().item()).toBeCloseTo(1, 1);
    expect(result.std().item()).toBeGreaterThan(0.01);
  });

  test('causal layers do not see what comes later', () => {
    const layer = new nn.TransformerEncoder(2, 4, 2, 8, { dropout: 0, preNorm: true });
    const other = k.mul(tensor([[1], [1], [-3]]));
    const [a, b] = [k, other].map((x) => layer.forward(x, { causal: true }));
    expectClose(a.slice(null, [0, 2]).dataSync(), b.slice(null, [0, 2]).dataSync());
    expect([...a.at(2, 1).dataSync()]).not.toEqual([...b.at(2, 1).dataSync()]);
  });

  test('weights of a layer are those of its heads', () => {
    const layer = new nn.MultiHeadAttention(4, 2);
    const weights = layer.weights(q, k, { causal: true });
    expect(weights.shape).toEqual([2, 2, 3, 3]);
    expectClose(weights.sum(-1).dataSync(), new Array(12).fill(1), { atol: 1e-6 });
    expect(weights.at(0, 2).slice(null, null, [1, null]).abs().max().item()).toBe(0);
  });

  test('an added mask and a mask of keys combine', () => {
    const layer = new nn.MultiHeadAttention(4, 2);
    const keyMask = bool([
      [1, 1, 0],
      [1, 0, 1],
    ]);
    const weights = layer.weights(q, k, { mask: tensor([[0, 1, 2]]), keyMask });
    expect(weights.gt(0).at(0, 1).at(0, 1).toArray()).toEqual([
      [true, true, false],
      [true, false, true],
    ]);
  });

  test('MultiHeadAttention begins as in PyTorch', () => {
    random.seed(5);
    const layer = new nn.MultiHeadAttention(32, 4);
    const bound = Math.sqrt(6 / (32 + 96));
    expect(layer.inProj.weight.value.abs().max().item()).toBeLessThanOrEqual(bound);
    expect(layer.inProj.weight.value.abs().max().item()).toBeGreaterThan(0.95 * bound);
    expect(layer.inProj.bias?.value.abs().max().item()).toBe(0);
    expect(layer.outProj.bias?.value.abs().max().item()).toBe(0);
  });

  test('dropout of a layer is off in evaluation', () => {
    random.seed(2);
    const layer = new nn.TransformerEncoderLayer(4, 2, 8, { dropout: 0.5 });
    const run = () => [...layer.forward(q).dataSync()];
    expect(run()).not.toEqual(run());
    layer.eval();
    expect(run()).toEqual(run());
  });

  test('names what does not fit', () => {
    expect(() => nn.attentionWeights(q, zeros([2, 3, 5]))).toThrow(
      /must agree in dim, got \[2, 3, 4\] and \[2, 3, 5\]/,
    );
    expect(() => nn.attentionWeights(q, k, { mask: zeros([3, 3], { dtype: 'int32' }) })).toThrow(
      /bool, or floats/,
    );
    expect(() => nn.scaledDotProductAttention(q, k, zeros([2, 2, 4]))).toThrow(/one value for each key/);
    expect(() => new nn.MultiHeadAttention(6, 4)).toThrow(/multiple of heads, got dim 6 and 4 heads/);
    const layer = new nn.MultiHeadAttention(4, 2);
    expect(() => layer.forward(zeros([3, 4]))).toThrow(/must be \[batch, length, 4\]/);
    expect(() => layer.forward(q, k, v, { keyMask: ones([2, 3]) })).toThrow(/keyMask must be bool \[2, 3\]/);
    expect(() => layer.forward(q, k, v, { casual: true } as object)).toThrow(/unknown option 'casual'/);
    expect(() => new nn.TransformerEncoderLayer(4, 2, 8, { activation: 'tanh' as 'relu' })).toThrow(
      /'relu', 'gelu' or a function/,
    );
    expect(() => new nn.TransformerEncoder(0, 4, 2)).toThrow(/count of layers/);
  });
});

describe('positions', () => {
  test('sinusoidal ones are sines and cosines of falling frequency', () => {
    const table = nn.sinusoidalPositions(20, 6);
    expect(table.shape).toEqual([20, 6]);
    const angle = 7 / 10000 ** (2 / 6);
    expectClose(table.at(7).slice([2, 4]).dataSync(), [Math.sin(angle), Math.cos(angle)], { atol: 1e-6 });
    expectClose(table.at(0).dataSync(), [0, 1, 0, 1, 0, 1]);
    const x = wave([2, 5, 6], 3);
    const added = new nn.SinusoidalPositions().forward(x).sub(x);
    expectClose(added.at(1).dataSync(), table.slice([0, 5]).dataSync(), { atol: 1e-6 });
  });

  test('learned ones are added from the first on', () => {
    random.seed(4);
    const layer = new nn.LearnedPositions(50, 8);
    expect(layer.weight.value.std().item()).toBeCloseTo(0.02, 2);
    const added = layer.forward(zeros([2, 3, 8]));
    expect(added.at(1).toArray()).toEqual(layer.weight.value.slice([0, 3]).toArray());
    expect(layer.forward(zeros([50, 8])).toArray()).toEqual(layer.weight.value.toArray());
    expect(() => layer.forward(zeros([2, 51, 8]))).toThrow(/length up to 50, 8\], got \[2, 51, 8\]/);
  });

  test('products of rotated vectors depend on the distance only', () => {
    const [a, b] = [wave([1, 8], 1), wave([1, 8], 2)];
    const product = (i: number, j: number): number =>
      nn
        .rotary(a, { offset: i })
        .mul(nn.rotary(b, { offset: j }))
        .sum()
        .item();
    expect(product(9, 4)).toBeCloseTo(product(5, 0), 5);
    expect(product(9, 4)).not.toBeCloseTo(product(9, 3), 2);
    expect(() => nn.rotary(zeros([2, 3]))).toThrow(/rotary: dim must be even/);
  });

  test('rotary attention turns queries and keys', () => {
    const plain = new nn.MultiHeadAttention(4, 2);
    const turning = new nn.MultiHeadAttention(4, 2, { rotary: { base: 100 } });
    turning.loadStateDict(plain.stateDict());
    // The same vector at every place: only its position tells them apart, and distances alone count.
    const x = wave([1, 1, 4], 6).broadcastTo([1, 3, 4]);
    const scores = turning.weights(x).log().at(0).at(0);
    const difference = (query: number, key: number) =>
      scores.slice([query, query + 1], [key, key + 1]).item();
    expect(difference(1, 0) - difference(1, 1)).toBeCloseTo(difference(2, 1) - difference(2, 2), 5);
    const weights = turning.weights(x);
    expect([...weights.dataSync()]).not.toEqual([...plain.weights(x).dataSync()]);
  });
});
