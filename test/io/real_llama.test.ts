import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { jit, type Tensor, tensor } from '../../src/index.ts';
import * as nn from '../../src/nn/index.ts';
import { describeReal, realPath } from './real_data.ts';

/** Sizes of a model, in the order of the header of llama2.c's files (version 0). */
interface Sizes {
  readonly dim: number;
  readonly hidden: number;
  readonly layers: number;
  readonly heads: number;
  /** Heads of keys and values; several heads of queries share one. */
  readonly groups: number;
  readonly symbols: number;
  readonly longest: number;
}

class LlamaBlock extends nn.Module {
  readonly attentionNorm: nn.RMSNorm;
  readonly wq: nn.Linear;
  readonly wk: nn.Linear;
  readonly wv: nn.Linear;
  readonly wo: nn.Linear;
  readonly feedNorm: nn.RMSNorm;
  readonly w1: nn.Linear;
  readonly w2: nn.Linear;
  readonly w3: nn.Linear;
  readonly #heads: number;
  readonly #groups: number;

  constructor({ dim, hidden, heads, groups }: Sizes) {
    super();
    const linear = (inputs: number, outputs: number) => new nn.Linear(inputs, outputs, { bias: false });
    const narrow = (dim / heads) * groups;
    this.#heads = heads;
    this.#groups = groups;
    this.attentionNorm = new nn.RMSNorm(dim, { eps: 1e-5 });
    this.wq = linear(dim, dim);
    this.wk = linear(dim, narrow);
    this.wv = linear(dim, narrow);
    this.wo = linear(dim, dim);
    this.feedNorm = new nn.RMSNorm(dim, { eps: 1e-5 });
    this.w1 = linear(dim, hidden);
    this.w2 = linear(hidden, dim);
    this.w3 = linear(dim, hidden);
  }

  /** x [length, dim] */
  forward(x: Tensor): Tensor {
    const [length, dim] = x.shape;
    const size = dim / this.#heads;
    const shared = this.#heads / this.#groups;
    const y = this.attentionNorm.forward(x);
    // All as [groups, shared, length, size]: keys and values broadcast over the queries that share them.
    const cut = (z: Tensor, heads: number) =>
      z.reshape([length, this.#groups, heads / this.#groups, size]).transpose([1, 2, 0, 3]);
    const q = nn.rotary(cut(this.wq.forward(y), this.#groups * shared));
    const k = nn.rotary(cut(this.wk.forward(y), this.#groups));
    const v = cut(this.wv.forward(y), this.#groups);
    const attended = nn.scaledDotProductAttention(q, k, v, { causal: true });
    const z = x.add(this.wo.forward(attended.transpose([2, 0, 1, 3]).reshape([length, dim])));
    const normed = this.feedNorm.forward(z);
    return z.add(this.w2.forward(nn.silu(this.w1.forward(normed)).mul(this.w3.forward(normed))));
  }
}

/** Llama 2 (Touvron et al., 2023) with the output tied to the embedding. */
class Llama extends nn.Module {
  readonly embedding: nn.Embedding;
  readonly blocks: LlamaBlock[];
  readonly norm: nn.RMSNorm;

  constructor(sizes: Sizes) {
    super();
    this.embedding = new nn.Embedding(sizes.symbols, sizes.dim);
    this.blocks = Array.from({ length: sizes.layers }, () => new LlamaBlock(sizes));
    this.norm = new nn.RMSNorm(sizes.dim, { eps: 1e-5 });
  }

  forward(symbols: Tensor): Tensor {
    const x = this.blocks.reduce((y, block) => block.forward(y), this.embedding.forward(symbols));
    return this.norm.forward(x).matmul(this.embedding.weight.value.transpose());
  }
}

/** A model from a file of llama2.c, version 0: seven int32 sizes, then float32 weights, each kind for all layers. */
function readLlama(path: string): { model: Llama; sizes: Sizes } {
  const bytes = readFileSync(path);
  const [dim, hidden, layers, heads, groups, symbols, longest] = Array.from({ length: 7 }, (_, i) =>
    bytes.readInt32LE(4 * i),
  );
  const sizes = { dim, hidden, layers, heads, groups, symbols, longest };
  const model = new Llama(sizes);
  let at = 28;
  const fill = (shape: readonly number[]): Tensor => {
    const size = shape.reduce((product, n) => product * n, 1);
    const values = Float32Array.from({ length: size }, (_, i) => bytes.readFloatLE(at + 4 * i));
    at += 4 * size;
    return tensor(values, { shape: [...shape] });
  };
  const state: Record<string, Tensor> = {};
  const own = model.stateDict();
  const take = (name: string) => {
    state[name] = fill(own[name].shape);
  };
  take('embedding.weight');
  for (const part of ['attentionNorm', 'wq', 'wk', 'wv', 'wo', 'feedNorm', 'w1', 'w2', 'w3'])
    for (let layer = 0; layer < layers; layer++) take(`blocks.${layer}.${part}.weight`);
  take('norm.weight');
  // Tables of cosines and sines follow, which rotary computes.
  expect(bytes.length - at).toBe(4 * longest * (dim / heads));
  model.loadStateDict(state);
  return { model, sizes };
}

/** The texts of llama2.c's tokenizer file: the longest length, then for each a score, a length and the bytes. */
function readTexts(path: string, count: number): string[] {
  const bytes = readFileSync(path);
  let at = 4;
  return Array.from({ length: count }, () => {
    const length = bytes.readInt32LE(at + 4);
    at += 8 + length;
    const text = bytes.toString('utf8', at - length, at);
    const code = /^<0x([0-9A-F]{2})>$/.exec(text);
    return code === null ? text : String.fromCharCode(Number.parseInt(code[1], 16));
  });
}

describeReal('the transformer stories260K, from its llama2.c files', () => {
  test('writes the expected story at temperature 0', { timeout: 600_000 }, () => {
    const { model, sizes } = readLlama(realPath('weights', 'stories260K', 'stories260K.bin'));
    const texts = readTexts(realPath('weights', 'stories260K', 'tok512.bin'), sizes.symbols);
    const begin = 1;
    const steps = 200;
    // Windows of a few lengths, each compiled once; what follows a position does not change it.
    const next = jit((symbols: Tensor, at: Tensor) => model.forward(symbols).take(at, 0).argmax(-1));
    const written = [begin];
    while (written.length <= steps) {
      const window = Math.ceil(written.length / 40) * 40;
      const symbols = Int32Array.from({ length: window }, (_, i) => written[i] ?? 0);
      const symbol = next(tensor(symbols), tensor(written.length - 1, { dtype: 'int32' })).item();
      if (Number(symbol) === begin) break;
      written.push(Number(symbol));
    }
    // The space before the first word belongs to the begin.
    const text = written
      .slice(1)
      .map((symbol, i) => (i === 0 ? texts[symbol].replace(/^ /, '') : texts[symbol]));
    const expected = readFileSync(realPath('weights', 'stories260K', 'expected_greedy_200.txt'), 'utf8');
    expect(text.join('')).toBe(expected.replace(/\n$/, ''));
  });
});
