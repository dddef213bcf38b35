import { checkOptions } from '../core/options.ts';
import type { Tensor } from '../core/tensor.ts';
import { gelu, relu } from './activations.ts';
import { type AttentionCache, MultiHeadAttention, type MultiHeadOptions } from './attention.ts';
import { Dropout } from './dropout.ts';
import { Linear } from './linear.ts';
import { Module } from './module.ts';
import { LayerNorm } from './normalization.ts';

/** Options of transformer layers. */
export interface TransformerOptions {
  /** Probability of dropout: on attention weights, inside the network and on both of its results. Default 0.1. */
  dropout?: number;
  /** Between the two linear maps. Default relu. */
  activation?: 'relu' | 'gelu' | ((x: Tensor) => Tensor);
  /**
   * Whether normalization comes before attention and network instead of after the sum. Default false, as in the
   * paper.
   */
  preNorm?: boolean;
  /** Of the normalizations. Default 1e-5. */
  eps?: number;
  /** Whether linear maps and normalizations have biases. Default true. */
  bias?: boolean;
}

const keys = ['dropout', 'activation', 'preNorm', 'eps', 'bias'];

function activationOf(
  name: string,
  activation: TransformerOptions['activation'] = 'relu',
): (x: Tensor) => Tensor {
  if (typeof activation === 'function') return activation;
  if (activation === 'relu') return relu;
  if (activation === 'gelu') return gelu;
  throw new Error(`${name}: activation must be 'relu', 'gelu' or a function, got '${String(activation)}'`);
}

/**
 * A layer of a transformer: self-attention and a network of two linear maps, each added to its input. `y = norm1(x +
 * attention(x))`, `z = norm2(y + linear2(activation(linear1(y))))`; with `preNorm` `y = x + attention(norm1(x))`, `z
 * = y + linear2(activation(linear1(norm2(y))))`. x is [batch, length, dim]. Vaswani et al. (2017); preNorm: Xiong et
 * al. (2020). With `causal`, it is the layer of decoder-only models such as GPT.
 */
export class TransformerEncoderLayer extends Module {
  readonly selfAttention: MultiHeadAttention;
  readonly linear1: Linear;
  readonly linear2: Linear;
  readonly norm1: LayerNorm;
  readonly norm2: LayerNorm;
  readonly dropout: Dropout;
  readonly #activation: (x: Tensor) => Tensor;
  readonly #preNorm: boolean;

  /**
   * @param dim features
   * @param heads of the attention; dim must divide by it
   * @param hidden features between the two linear maps, PyTorch's default is 2048
   */
  constructor(dim: number, heads: number, hidden = 2048, options: TransformerOptions = {}) {
    super();
    checkOptions('TransformerEncoderLayer', options, keys);
    const { dropout = 0.1, preNorm = false, eps = 1e-5, bias = true } = options;
    this.#activation = activationOf('TransformerEncoderLayer', options.activation);
    this.#preNorm = preNorm;
    this.selfAttention = new MultiHeadAttention(dim, heads, { dropout, bias });
    this.linear1 = new Linear(dim, hidden, { bias });
    this.linear2 = new Linear(hidden, dim, { bias });
    this.norm1 = new LayerNorm(dim, { eps, bias });
    this.norm2 = new LayerNorm(dim, { eps, bias });
    this.dropout = new Dropout(dropout);
  }

  forward(x: Tensor, options: MultiHeadOptions = {}): Tensor {
    return this.#run(x, (y) => this.selfAttention.forward(y, y, y, options));
  }

  /** As of its attention: see {@link MultiHeadAttention.emptyCache}. */
  emptyCache(batch: number, capacity: number): AttentionCache {
    return this.selfAttention.emptyCache(batch, capacity);
  }

  /** The next positions x [batch, new, dim] of sequences: {@link MultiHeadAttention.step} in the layer. */
  step(
    x: Tensor,
    cache: AttentionCache,
    options: { keyMask?: Tensor } = {},
  ): [output: Tensor, cache: AttentionCache] {
    let next = cache;
    const output = this.#run(x, (y) => {
      const [attended, after] = this.selfAttention.step(y, cache, options);
      next = after;
      return attended;
    });
    return [output, next];
  }

  #run(x: Tensor, attention: (y: Tensor) => Tensor): Tensor {
    const attend = (y: Tensor) => this.dropout.forward(attention(y));
    if (this.#preNorm) {
      const y = x.add(attend(this.norm1.forward(x)));
      return y.add(this.#network(this.norm2.forward(y)));
    }
    const y = this.norm1.forward(x.add(attend(x)));
    return this.norm2.forward(y.add(this.#network(y)));
  }

  #network(x: Tensor): Tensor {
    const inner = this.dropout.forward(this.#activation(this.linear1.forward(x)));
    return this.dropout.forward(this.linear2.forward(inner));
  }
}

/** What a decoder layer keeps between steps. */
export interface DecoderCache {
  /** Of the target so far. */
  readonly self: AttentionCache;
  /** Keys and values of the encoder's output. */
  readonly memory: Pick<AttentionCache, 'keys' | 'values'>;
}

/**
 * A layer of a transformer's decoder: causal self-attention, attention to the encoder's output `memory`, and a
 * network of two linear maps, each added to its input and normalized (before, with `preNorm`). Vaswani et al. (2017).
 */
export class TransformerDecoderLayer extends Module {
  readonly selfAttention: MultiHeadAttention;
  readonly crossAttention: MultiHeadAttention;
  readonly linear1: Linear;
  readonly linear2: Linear;
  readonly norm1: LayerNorm;
  readonly norm2: LayerNorm;
  readonly norm3: LayerNorm;
  readonly dropout: Dropout;
  readonly #activation: (x: Tensor) => Tensor;
  readonly #preNorm: boolean;

  /** As {@link TransformerEncoderLayer}'s. */
  constructor(dim: number, heads: number, hidden = 2048, options: TransformerOptions = {}) {
    super();
    checkOptions('TransformerDecoderLayer', options, keys);
    const { dropout = 0.1, preNorm = false, eps = 1e-5, bias = true } = options;
    this.#activation = activationOf('TransformerDecoderLayer', options.activation);
    this.#preNorm = preNorm;
    this.selfAttention = new MultiHeadAttention(dim, heads, { dropout, bias });
    this.crossAttention = new MultiHeadAttention(dim, heads, { dropout, bias });
    this.linear1 = new Linear(dim, hidden, { bias });
    this.linear2 = new Linear(hidden, dim, { bias });
    this.norm1 = new LayerNorm(dim, { eps, bias });
    this.norm2 = new LayerNorm(dim, { eps, bias });
    this.norm3 = new LayerNorm(dim, { eps, bias });
    this.dropout = new Dropout(dropout);
  }

  /**
   * @param x [batch, length, dim]
   * @param memory what the encoder made of the source [batch, source length, dim]
   * @param options.self what x may attend to in itself. Default `{ causal: true }`
   * @param options.cross what x may attend to in the memory. Default: everything
   */
  forward(
    x: Tensor,
    memory: Tensor,
    options: { self?: MultiHeadOptions; cross?: MultiHeadOptions } = {},
  ): Tensor {
    checkOptions('TransformerDecoderLayer', options, ['self', 'cross']);
    const { self = { causal: true }, cross = {} } = options;
    return this.#run(
      x,
      (y) => this.selfAttention.forward(y, y, y, self),
      (y) => this.crossAttention.forward(y, memory, memory, cross),
    );
  }

  /** What {@link step} needs for targets of at most `capacity` positions: the memory's keys and values, and room. */
  emptyCache(memory: Tensor, capacity: number): DecoderCache {
    const self = this.selfAttention.emptyCache(memory.shape[0], capacity);
    return { self, memory: this.crossAttention.remember(memory) };
  }

  /**
   * The next positions x [batch, new, dim] of the target, behind those in the cache: outputs of `forward` with causal
   * self-attention. Beyond the capacity they are NaN.
   *
   * @param options.cross what x may attend to in the memory. Default: everything
   */
  step(
    x: Tensor,
    cache: DecoderCache,
    options: { cross?: MultiHeadOptions } = {},
  ): [output: Tensor, cache: DecoderCache] {
    checkOptions('TransformerDecoderLayer', options, ['cross']);
    let self = cache.self;
    const output = this.#run(
      x,
      (y) => {
        const [attended, after] = this.selfAttention.step(y, cache.self);
        self = after;
        return attended;
      },
      (y) => this.crossAttention.recall(y, cache.memory, options.cross),
    );
    return [output, { self, memory: cache.memory }];
  }

  #run(x: Tensor, self: (y: Tensor) => Tensor, cross: (y: Tensor) => Tensor): Tensor {
    const parts: [LayerNorm, (y: Tensor) => Tensor][] = [
      [this.norm1, self],
      [this.norm2, cross],
      [this.norm3, (y) => this.#network(y)],
    ];
    return parts.reduce((y, [norm, part]) => {
      if (this.#preNorm) return y.add(this.dropout.forward(part(norm.forward(y))));
      return norm.forward(y.add(this.dropout.forward(part(y))));
    }, x);
  }

  #network(x: Tensor): Tensor {
    const inner = this.dropout.forward(this.#activation(this.linear1.forward(x)));
    return this.linear2.forward(inner);
  }
}
