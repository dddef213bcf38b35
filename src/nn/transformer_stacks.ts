import { checkOptions } from '../core/options.ts';
import type { Tensor } from '../core/tensor.ts';
import type { AttentionCache, MultiHeadOptions } from './attention.ts';
import { Module } from './module.ts';
import { LayerNorm } from './normalization.ts';
import { requirePositive } from './spatial_sizes.ts';
import {
  type DecoderCache,
  TransformerDecoderLayer,
  TransformerEncoderLayer,
  type TransformerOptions,
} from './transformer.ts';

/** Layers of transformers on top of each other. */

/** Options of stacks of layers. */
export interface StackOptions extends TransformerOptions {
  /** Whether a normalization follows the last layer. Default: as preNorm, without which layers end in one anyway. */
  norm?: boolean;
}

function lastNorm(dim: number, { preNorm = false, norm = preNorm, eps = 1e-5, bias = true }: StackOptions) {
  return norm ? new LayerNorm(dim, { eps, bias }) : null;
}

/** The options of a stack without those of its layers. */
function ofLayers({ norm: _, ...rest }: StackOptions): TransformerOptions {
  return rest;
}

/** Passes x through steps that keep something: what comes out, and what each keeps then. */
function through<C>(
  x: Tensor,
  layers: readonly { step(y: Tensor, cache: C): [Tensor, C] }[],
  caches: readonly C[],
  name: string,
): [Tensor, C[]] {
  if (caches.length !== layers.length)
    throw new Error(`${name}: needs a cache for each of ${layers.length} layers, got ${caches.length}`);
  const next: C[] = [];
  const y = layers.reduce((z, layer, i) => {
    const [output, cache] = layer.step(z, caches[i]);
    next.push(cache);
    return output;
  }, x);
  return [y, next];
}

/** Encoder layers one after the other, and with `preNorm` a last normalization. [batch, length, dim] to the same. */
export class TransformerEncoder extends Module {
  readonly layers: readonly TransformerEncoderLayer[];
  readonly norm: LayerNorm | null;

  /**
   * @param count layers
   * @param dim features; further parameters are those of {@link TransformerEncoderLayer}
   * @throws if count is not a positive integer
   */
  constructor(count: number, dim: number, heads: number, hidden = 2048, options: StackOptions = {}) {
    super();
    requirePositive('TransformerEncoder', { 'the count of layers': count });
    this.layers = Array.from(
      { length: count },
      () => new TransformerEncoderLayer(dim, heads, hidden, ofLayers(options)),
    );
    this.norm = lastNorm(dim, options);
  }

  forward(x: Tensor, options: MultiHeadOptions = {}): Tensor {
    const y = this.layers.reduce((z, layer) => layer.forward(z, options), x);
    return this.norm === null ? y : this.norm.forward(y);
  }

  /** A cache for each layer, for `batch` sequences of at most `capacity` positions. */
  emptyCache(batch: number, capacity: number): AttentionCache[] {
    return this.layers.map((layer) => layer.emptyCache(batch, capacity));
  }

  /**
   * The next positions x [batch, new, dim] of sequences whose beginning is in the cache: outputs of `forward` with
   * `causal`, without computing the beginning again. For decoder-only models such as GPT.
   *
   * ```ts
   * const step = jit((x: Tensor, cache: nn.AttentionCache[]) => model.step(x, cache));
   * let cache = model.emptyCache(1, 256);
   * [y, cache] = step(x, cache);
   * ```
   */
  step(x: Tensor, caches: readonly AttentionCache[]): [output: Tensor, caches: AttentionCache[]] {
    const [y, next] = through(x, this.layers, caches, 'TransformerEncoder');
    return [this.norm === null ? y : this.norm.forward(y), next];
  }
}

/** Decoder layers one after the other, and with `preNorm` a last normalization. */
export class TransformerDecoder extends Module {
  readonly layers: readonly TransformerDecoderLayer[];
  readonly norm: LayerNorm | null;

  /**
   * @param count layers
   * @param dim features; further parameters are those of {@link TransformerDecoderLayer}
   * @throws if count is not a positive integer
   */
  constructor(count: number, dim: number, heads: number, hidden = 2048, options: StackOptions = {}) {
    super();
    requirePositive('TransformerDecoder', { 'the count of layers': count });
    this.layers = Array.from(
      { length: count },
      () => new TransformerDecoderLayer(dim, heads, hidden, ofLayers(options)),
    );
    this.norm = lastNorm(dim, options);
  }

  /** As {@link TransformerDecoderLayer}'s. */
  forward(
    x: Tensor,
    memory: Tensor,
    options: { self?: MultiHeadOptions; cross?: MultiHeadOptions } = {},
  ): Tensor {
    const y = this.layers.reduce((z, layer) => layer.forward(z, memory, options), x);
    return this.norm === null ? y : this.norm.forward(y);
  }

  /** What {@link step} needs: the memory's keys and values in each layer, and room for `capacity` positions. */
  emptyCache(memory: Tensor, capacity: number): DecoderCache[] {
    return this.layers.map((layer) => layer.emptyCache(memory, capacity));
  }

  /** The next positions x [batch, new, dim] of the target: outputs of `forward` for the whole of it. */
  step(
    x: Tensor,
    caches: readonly DecoderCache[],
    options: { cross?: MultiHeadOptions } = {},
  ): [output: Tensor, caches: DecoderCache[]] {
    const layers = this.layers.map((layer) => ({
      step: (y: Tensor, cache: DecoderCache) => layer.step(y, cache, options),
    }));
    const [y, next] = through(x, layers, caches, 'TransformerDecoder');
    return [this.norm === null ? y : this.norm.forward(y), next];
  }
}

/** What may attend to what in a {@link Transformer}. */
export interface TransformerMasks {
  /** The source in itself. Default: everything. */
  source?: MultiHeadOptions;
  /** The target in itself. Default `{ causal: true }`. */
  target?: MultiHeadOptions;
  /** The target in the encoder's output. Default: everything. */
  memory?: MultiHeadOptions;
}

/**
 * The transformer: an encoder of the source, and a decoder of the target that attends to it, both with a last
 * normalization as in PyTorch. Arrays are [batch, length, dim]; embeddings and the output layer are the user's. Vaswani et
 * al. (2017).
 */
export class Transformer extends Module {
  readonly encoder: TransformerEncoder;
  readonly decoder: TransformerDecoder;

  /**
   * @param dim features, default 512; it must divide by heads, default 8
   * @param options.encoderLayers default 6
   * @param options.decoderLayers default 6
   * @param options.hidden features between the two linear maps, default 2048
   */
  constructor(
    dim = 512,
    heads = 8,
    options: StackOptions & { encoderLayers?: number; decoderLayers?: number; hidden?: number } = {},
  ) {
    super();
    const { encoderLayers = 6, decoderLayers = 6, hidden = 2048, ...rest } = options;
    const stack = { norm: true, ...rest };
    this.encoder = new TransformerEncoder(encoderLayers, dim, heads, hidden, stack);
    this.decoder = new TransformerDecoder(decoderLayers, dim, heads, hidden, stack);
  }

  /**
   * The decoder's output for the target. To generate step by step, call `encoder.forward(source)` once, and then
   * `decoder.step` with the cache of `decoder.emptyCache(memory, capacity)`.
   */
  forward(source: Tensor, target: Tensor, options: TransformerMasks = {}): Tensor {
    checkOptions('Transformer', options, ['source', 'target', 'memory']);
    const memory = this.encoder.forward(source, options.source);
    const self = options.target ?? { causal: true };
    return this.decoder.forward(target, memory, { self, cross: options.memory });
  }
}
