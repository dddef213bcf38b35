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

const lastNorm = (dim: number, { preNorm = false, eps = 1e-5, bias = true }: TransformerOptions) =>
  preNorm ? new LayerNorm(dim, { eps, bias }) : null;

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
  constructor(count: number, dim: number, heads: number, hidden = 2048, options: TransformerOptions = {}) {
    super();
    requirePositive('TransformerEncoder', { 'the count of layers': count });
    this.layers = Array.from(
      { length: count },
      () => new TransformerEncoderLayer(dim, heads, hidden, options),
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
  constructor(count: number, dim: number, heads: number, hidden = 2048, options: TransformerOptions = {}) {
    super();
    requirePositive('TransformerDecoder', { 'the count of layers': count });
    this.layers = Array.from(
      { length: count },
      () => new TransformerDecoderLayer(dim, heads, hidden, options),
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
