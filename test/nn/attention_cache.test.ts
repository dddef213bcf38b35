import { describe, expect, test } from 'vitest';
import { concat, jit, type Tensor, tensor, zeros } from '../../src/index.ts';
import * as nn from '../../src/nn/index.ts';
import { expectClose } from '../support/close.ts';
import { casesOf, checkLayer, layerOf, wave } from './torch_layers.ts';

/** Pieces of x along time of the given lengths. */
function pieces(x: Tensor, lengths: readonly number[]): Tensor[] {
  let from = 0;
  return lengths.map((length) => x.slice(null, [from, (from += length)]));
}

describe('decoding step by step gives the outputs of the whole causal pass', () => {
  test.each([
    ['plain', {}],
    ['rotary', { rotary: { base: 100, offset: 2 } }],
    ['rotary by halves', { rotary: { pairs: 'halves' as const }, bias: false }],
  ])('attention, %s', (_, options) => {
    const layer = new nn.MultiHeadAttention(8, 2, options);
    const x = wave([2, 6, 8], 1);
    const whole = layer.forward(x, x, x, { causal: true });
    const step = jit((y: Tensor, cache: nn.AttentionCache) => layer.step(y, cache));
    let cache = layer.emptyCache(2, 7);
    const outputs = pieces(x, [3, 1, 1, 1]).map((part) => {
      const [y, next] = step(part, cache);
      cache = next;
      return y;
    });
    expectClose(concat(outputs, 1).dataSync(), whole.dataSync(), { atol: 2e-6, rtol: 1e-5 });
    expect(cache.length.item()).toBe(6);
  });

  test.each([false, true])('a stack of encoder layers, preNorm %s', (preNorm) => {
    const model = new nn.TransformerEncoder(2, 4, 2, 8, { preNorm }).eval();
    const x = wave([2, 4, 4], 2);
    const whole = model.forward(x, { causal: true });
    let cache = model.emptyCache(2, 4);
    const outputs = pieces(x, [2, 1, 1]).map((part) => {
      const [y, next] = model.step(part, cache);
      cache = next;
      return y;
    });
    expectClose(concat(outputs, 1).dataSync(), whole.dataSync(), { atol: 1e-5 });
  });

  test.each([false, true])('a stack of decoder layers with a memory, preNorm %s', (preNorm) => {
    const model = new nn.TransformerDecoder(2, 4, 2, 8, { preNorm }).eval();
    const [x, memory] = [wave([2, 4, 4], 3), wave([2, 3, 4], 4)];
    const cross = {
      keyMask: tensor([
        [1, 1, 0],
        [1, 1, 1],
      ]).ne(0),
    };
    const whole = model.forward(x, memory, { cross });
    let cache = model.emptyCache(memory, 5);
    const outputs = pieces(x, [1, 2, 1]).map((part) => {
      const [y, next] = model.step(part, cache, { cross });
      cache = next;
      return y;
    });
    expectClose(concat(outputs, 1).dataSync(), whole.dataSync(), { atol: 1e-5 });
  });

  test('sinusoidal positions go on from where a sequence is', () => {
    const layer = new nn.SinusoidalPositions({ longest: 8 });
    const x = zeros([2, 4]);
    const expected = nn.sinusoidalPositions(8, 4).slice([5, 7]).toArray();
    expect(layer.forward(x, 5).toArray()).toEqual(expected);
    expect(layer.forward(x, tensor(5, { dtype: 'int32' })).toArray()).toEqual(expected);
  });

  test('learned positions go on from where a sequence is', () => {
    const layer = new nn.LearnedPositions(6, 2);
    const x = zeros([1, 2, 2]);
    const expected = layer.weight.value.slice([3, 5]).toArray();
    expect(layer.forward(x, 3).at(0).toArray()).toEqual(expected);
    expect(
      layer
        .forward(x, tensor(3, { dtype: 'int32' }))
        .at(0)
        .toArray(),
    ).toEqual(expected);
    expect(() => layer.forward(x, 5)).toThrow(/positions 5 to 6 are not all there/);
  });
});

describe('caches', () => {
  test('padding at the front of a sequence is not attended to', () => {
    const layer = new nn.MultiHeadAttention(4, 2);
    const [x, other] = [wave([1, 3, 4], 5), wave([1, 1, 4], 6)];
    const keyMask = tensor([[0, 1, 1, 1]]).ne(0);
    const [y] = layer.step(x, layer.emptyCache(1, 4), { keyMask });
    const changed = concat([other, x.slice(null, [1, 3])], 1);
    const [z] = layer.step(changed, layer.emptyCache(1, 4), { keyMask });
    expectClose(y.slice(null, [1, 3]).dataSync(), z.slice(null, [1, 3]).dataSync(), { atol: 1e-6 });
  });

  test('beyond the capacity outputs are NaN; what does not fit is named', () => {
    const layer = new nn.MultiHeadAttention(4, 2);
    const x = wave([1, 2, 4], 0);
    const [y, full] = layer.step(x, layer.emptyCache(1, 2));
    expect([...y.dataSync()].some(Number.isNaN)).toBe(false);
    const [z] = layer.step(x.slice(null, [0, 1]), full);
    expect([...z.dataSync()].every(Number.isNaN)).toBe(true);
    expect(() => layer.step(x, layer.emptyCache(2, 2))).toThrow(
      /MultiHeadAttention: a cache for an input \[1, 2, 4\] has keys \[1, 2, 2, 2\] and room for 2, got \[2, 2, 2, 2\]/,
    );
    expect(() => layer.step(x, layer.emptyCache(1, 1))).toThrow(/room for 2/);
    expect(() => layer.emptyCache(1, 0)).toThrow(/capacity must be a positive integer/);
    const stack = new nn.TransformerEncoder(2, 4, 2, 8);
    expect(() => stack.step(x, [])).toThrow(/a cache for each of 2 layers, got 0/);
  });
});

describe('other kinds of attention', () => {
  test.each(casesOf('AdditiveAttention').map((given) => [given.name, given] as const))('%s', (_, given) => {
    const layer = layerOf<nn.AdditiveAttention>(given);
    checkLayer(given, layer, ([query, key, value]) => [layer.forward(query, key, value)]);
  });

  test.each(casesOf('CosineAttention').map((given) => [given.name, given] as const))('%s', (_, given) => {
    const layer = layerOf<nn.CosineAttention>(given);
    checkLayer(given, layer, ([query, key, value]) => [layer.forward(query, key, value, { causal: true })]);
  });

  const [q, k, v] = [wave([2, 3, 4], 0), wave([2, 5, 4], 1), wave([2, 5, 6], 2)];

  test('cosine attention does not see lengths, and sharpens with its scale', () => {
    const y = nn.cosineAttention(q, k, v);
    expectClose(nn.cosineAttention(q.mul(7), k.mul(0.1), v).dataSync(), y.dataSync(), { atol: 1e-6 });
    const cosine = q
      .matmul(k.swapaxes(-1, -2))
      .div(q.square().sum(-1, { keepDims: true }).sqrt().mul(k.square().sum(-1).sqrt().unsqueeze(1)));
    expectClose(y.dataSync(), cosine.softmax(-1).matmul(v).dataSync(), { atol: 1e-6 });
    const layer = new nn.CosineAttention({ scale: 3 });
    expectClose(layer.forward(q, k, v).dataSync(), cosine.mul(3).softmax(-1).matmul(v).dataSync(), {
      atol: 1e-5,
    });
    expect(layer.parameters()).toHaveLength(1);
    expect(() => nn.cosineAttention(q, v, v)).toThrow(/of one dim, got \[2, 3, 4\] and \[2, 5, 6\]/);
    expect(() => nn.cosineAttention(q, k, q)).toThrow(/one value for each key/);
  });

  test('dot attention, scaled or plain, with masks', () => {
    const plain = new nn.DotAttention({ scale: 1 }).forward(q, k, v);
    expectClose(plain.dataSync(), q.matmul(k.swapaxes(-1, -2)).softmax(-1).matmul(v).dataSync(), {
      atol: 1e-6,
    });
    const scaled = new nn.DotAttention().forward(q, k);
    expectClose(scaled.dataSync(), nn.scaledDotProductAttention(q, k, k).dataSync());
  });

  test('additive attention by its formula', () => {
    const layer = new nn.AdditiveAttention(4, 6, 3);
    const weights = layer.weights(q, v);
    const score = (i: number, j: number): Tensor => {
      const inner = layer.query.forward(q.at(1).at(i)).add(layer.key.forward(v.at(1).at(j)));
      return inner.tanh().mul(layer.score.value).sum();
    };
    const row = [0, 1, 2, 3, 4].map((j) => score(2, j).exp().item());
    const total = row.reduce((a, b) => a + b);
    expectClose(
      weights.at(1).at(2).dataSync(),
      row.map((e) => e / total),
      { atol: 1e-6 },
    );
    expectClose(layer.forward(q, v).dataSync(), weights.matmul(v).dataSync(), { atol: 1e-6 });
    const first = tensor([1, 0, 0, 0, 0]).ne(0);
    expectClose(layer.forward(q, v, v, { mask: first }).at(2, 1).at(0).dataSync(), v.at(0).at(0).dataSync());
    expect(() => layer.forward(k, k)).toThrow(/\[..., length, 4\] and \[..., length, 6\]/);
  });
});
