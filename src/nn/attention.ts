import { arange, zeros as zerosOf } from '../core/create.ts';
import { checkOptions } from '../core/options.ts';
import { type Tensor, where } from '../core/tensor.ts';
import { isFloat } from '../graph/dtype.ts';
import { dropout } from './dropout.ts';
import { xavierUniform, zeros } from './init.ts';
import { type InitialOptions, initialKeys } from './initial.ts';
import { Linear } from './linear.ts';
import { Module } from './module.ts';
import { type RotaryOptions, rotary, rotaryFrom } from './positions.ts';
import { requirePositive } from './spatial_sizes.ts';

/** Which keys a query may attend to. */
export interface AttentionOptions {
  /**
   * Broadcasts to [..., queries, keys]. bool: true where a query may attend to a key. Floats: added to the scores, -∞
   * to exclude. A query that may attend to nothing gets zeros.
   */
  mask?: Tensor;
  /** Whether query i attends to keys 0 to i only. Default false. Combines with a mask. */
  causal?: boolean;
  /** What scores are multiplied by. Default 1/√dim. */
  scale?: number;
}

const optionKeys = ['mask', 'causal', 'scale'];
/** Scores that count for nothing: far below any other, but finite, so that no difference of two of them is NaN. */
const excluded = -1e30;

/** True where query i may attend to key j: j <= i. */
const causalMask = (queries: number, keys: number): Tensor => arange(queries).unsqueeze(1).ge(arange(keys));

/**
 * How much each query attends to each key: `softmax(q kᵀ / √dim)` of q [..., queries, dim] and k [..., keys, dim], as
 * [..., queries, keys]. Rows sum to 1.
 *
 * @throws if the last axes differ, or a mask is neither bool nor float
 */
export function attentionWeights(q: Tensor, k: Tensor, options: AttentionOptions = {}): Tensor {
  checkOptions('attentionWeights', options, optionKeys);
  const dim = q.shape[q.ndim - 1];
  if (q.ndim < 2 || k.ndim < 2 || k.shape[k.ndim - 1] !== dim)
    throw new Error(
      `attentionWeights: queries [..., length, dim] and keys [..., length, dim] must agree in dim, got [${q.shape.join(', ')}] and [${k.shape.join(', ')}]`,
    );
  const { scale = 1 / Math.sqrt(dim) } = options;
  return maskedWeights('attentionWeights', q.matmul(k.swapaxes(-1, -2)).mul(scale), options);
}

/**
 * `softmax(scores)` of scores [..., queries, keys], 0 where a mask or `causal` excludes a key.
 *
 * @throws if a mask is neither bool nor float
 */
export function maskedWeights(
  name: string,
  given: Tensor,
  { mask, causal = false }: Pick<AttentionOptions, 'mask' | 'causal'>,
): Tensor {
  let scores = given;
  let allowed = causal ? causalMask(scores.shape[scores.ndim - 2], scores.shape[scores.ndim - 1]) : null;
  if (mask !== undefined) {
    if (!isFloat(mask.dtype) && mask.dtype !== 'bool')
      throw new Error(
        `${name}: the mask must be bool, or floats to add, got ${mask.dtype}; compare it with something, as in mask.ne(0)`,
      );
    if (isFloat(mask.dtype)) scores = scores.add(mask);
    const open = isFloat(mask.dtype) ? mask.gt(Number.NEGATIVE_INFINITY) : mask;
    allowed = allowed === null ? open : allowed.logicalAnd(open);
  }
  if (allowed === null) return scores.softmax(-1);
  const weights = where(allowed, scores, excluded).softmax(-1);
  // Only where a whole row is excluded are the weights not zero yet.
  return mask === undefined ? weights : where(allowed, weights, 0);
}

/**
 * Scaled dot-product attention: `softmax(q kᵀ / √dim) v` of q [..., queries, dim], k [..., keys, dim] and v [...,
 * keys, features], as [..., queries, features]; leading axes are batches and broadcast. Vaswani et al. (2017).
 *
 * @param options.dropout probability of dropout on the weights, applied whenever it is not 0. Default 0.
 * @throws if shapes do not fit each other
 */
export function scaledDotProductAttention(
  q: Tensor,
  k: Tensor,
  v: Tensor,
  options: AttentionOptions & { dropout?: number } = {},
): Tensor {
  checkOptions('scaledDotProductAttention', options, [...optionKeys, 'dropout']);
  const { dropout: p = 0, ...rest } = options;
  if (v.ndim < 2 || v.shape[v.ndim - 2] !== k.shape[k.ndim - 2])
    throw new Error(
      `scaledDotProductAttention: there must be one value for each key, got keys [${k.shape.join(', ')}] and values [${v.shape.join(', ')}]`,
    );
  const weights = attentionWeights(q, k, rest);
  return (p === 0 ? weights : dropout(weights, p)).matmul(v);
}

/**
 * What self-attention has seen of its sequences so far, so that the next step computes only what is new. A tree of arrays:
 * an argument and a result of jitted functions, of one size however much it holds.
 */
export interface AttentionCache {
  /** [batch, heads, capacity, dim / heads], of which the first `length` places are taken. */
  readonly keys: Tensor;
  /** As keys. */
  readonly values: Tensor;
  /** How many positions are known, an int32 scalar. */
  readonly length: Tensor;
}

/** Which keys each query of a multi-head layer may attend to. */
export interface MultiHeadOptions {
  /**
   * Broadcasts to [batch, heads, queries, keys]: bool, true where a query may attend to a key (PyTorch's layer has it
   * the other way round), or floats that are added to the scores.
   */
  mask?: Tensor;
  /** Whether query i attends to keys 0 to i only. Default false. */
  causal?: boolean;
  /** bool [batch, keys]: true at keys that are real, false at padding. */
  keyMask?: Tensor;
}

/**
 * Attention with several heads: queries, keys and values are projected, cut into `heads` parts along their features,
 * each part attends on its own, and the joined results are projected again. Vaswani et al. (2017).
 *
 * Parameters are PyTorch's: `inProj` [3 dim, dim] with the projections of queries, keys and values one below the
 * other, first xavierUniform with bias 0, and `outProj` [dim, dim], first as Linear's with bias 0. The batch is
 * first, unlike PyTorch's default.
 */
export class MultiHeadAttention extends Module {
  readonly heads: number;
  readonly dropout: number;
  readonly inProj: Linear;
  readonly outProj: Linear;
  readonly #rotary: RotaryOptions | null;

  /**
   * @param dim features of the input, a multiple of heads
   * @param options.dropout probability of dropout on the attention weights in training. Default 0.
   * @param options.bias whether the projections have biases. Default true.
   * @param options.rotary turns queries and keys by their positions, see {@link rotary}: true, or its options.
   * Default false.
   * @param options.weightInit first weights of both projections, [3 dim, dim] and [dim, dim]
   * @param options.biasInit first biases of both, default 0
   * @throws if dim does not divide by heads, or an initializer makes another shape
   */
  constructor(
    dim: number,
    heads: number,
    options: { dropout?: number; bias?: boolean; rotary?: boolean | RotaryOptions } & InitialOptions = {},
  ) {
    super();
    checkOptions('MultiHeadAttention', options, ['dropout', 'bias', 'rotary', ...initialKeys]);
    const { dropout: p = 0, bias = true, rotary: turn = false } = options;
    if (!Number.isInteger(heads) || heads < 1 || !Number.isInteger(dim) || dim < 1 || dim % heads !== 0)
      throw new Error(
        `MultiHeadAttention: dim must be a positive multiple of heads, got dim ${dim} and ${heads} heads`,
      );
    if (!(p >= 0 && p <= 1))
      throw new Error(`MultiHeadAttention: dropout must be a probability from 0 to 1, got ${p}`);
    this.heads = heads;
    this.dropout = p;
    this.#rotary = turn === true ? {} : turn === false ? null : turn;
    const { weightInit, biasInit = (shape) => zeros(shape) } = options;
    const initial = { bias, biasInit, ...(weightInit && { weightInit }) };
    this.inProj = new Linear(dim, 3 * dim, initial);
    this.outProj = new Linear(dim, dim, initial);
    if (weightInit === undefined) this.inProj.weight.assign(xavierUniform([3 * dim, dim]));
  }

  /**
   * @param query [batch, queries, dim]
   * @param key [batch, keys, dim]; the query if left out: self-attention
   * @param value [batch, keys, dim]; the key if left out
   * @returns [batch, queries, dim]
   * @throws if a shape does not fit
   */
  forward(query: Tensor, key: Tensor = query, value: Tensor = key, options: MultiHeadOptions = {}): Tensor {
    const [q, k, v] = this.#project(query, key, value);
    const mask = this.#mask(k, options);
    const attended = scaledDotProductAttention(q, k, v, {
      mask,
      causal: options.causal ?? false,
      dropout: this.training ? this.dropout : 0,
    });
    return this.#joined(attended);
  }

  /**
   * A cache for `batch` sequences of at most `capacity` positions, with nothing in it, for {@link step}.
   *
   * @throws if a size is not a positive integer
   */
  emptyCache(batch: number, capacity: number): AttentionCache {
    requirePositive('MultiHeadAttention', { batch, capacity });
    const { shape, dtype } = this.outProj.weight;
    const nothing = zerosOf([batch, this.heads, capacity, shape[0] / this.heads], { dtype });
    return { keys: nothing, values: nothing, length: zerosOf([], { dtype: 'int32' }) };
  }

  /**
   * Causal self-attention of the next positions of sequences: x [batch, new, dim], new usually 1, behind what the cache
   * holds. The outputs are those of `forward` with `causal` for the whole sequence. Work grows with the cache's capacity,
   * not with what it holds, so that every step is the same program. Beyond the capacity outputs are NaN.
   *
   * @param options.keyMask bool [batch, capacity]: false at positions that are padding. Default: all are real.
   * @returns the output [batch, new, dim] and the cache with x in it
   * @throws if shapes do not fit
   */
  step(
    x: Tensor,
    cache: AttentionCache,
    options: { keyMask?: Tensor } = {},
  ): [output: Tensor, cache: AttentionCache] {
    checkOptions('MultiHeadAttention', options, ['keyMask']);
    this.#requireInputs(x, x, x);
    const [batch, count, dim] = x.shape;
    const capacity = cache.keys.shape[2];
    const expected = [batch, this.heads, capacity, dim / this.heads];
    if (String(cache.keys.shape) !== String(expected) || count > capacity)
      throw new Error(
        `MultiHeadAttention: a cache for an input [${x.shape.join(', ')}] has keys [${expected.join(', ')}] and room for ${count}, got [${cache.keys.shape.join(', ')}]`,
      );
    const [q, k, v] = this.#together(x);
    const turn = (y: Tensor) =>
      this.#rotary === null ? y : rotaryFrom(y, cache.length, capacity, this.#rotary);
    const put = (all: Tensor, next: Tensor) => all.dynamicUpdateSlice(next, [0, 0, cache.length, 0]);
    const [keys, values] = [put(cache.keys, turn(k)), put(cache.values, v)];
    const length = cache.length.add(count);
    const known = arange(capacity).le(arange(count).add(cache.length).unsqueeze(1));
    const mask = this.#mask(keys, { mask: known, keyMask: options.keyMask });
    const output = this.#joined(scaledDotProductAttention(turn(q), keys, values, { mask }));
    return [where(length.le(capacity), output, Number.NaN), { keys, values, length }];
  }

  /** Keys and values [batch, heads, length, dim / heads] of a memory [batch, length, dim], to attend to in many steps. */
  remember(memory: Tensor): Pick<AttentionCache, 'keys' | 'values'> {
    this.#requireInputs(memory, memory, memory);
    const [keys, values] = this.#apart([memory, memory], 1);
    return { keys, values };
  }

  /** Attention of queries [batch, queries, dim] to what {@link remember} gave: `forward(query, memory)`. */
  recall(
    query: Tensor,
    { keys, values }: Pick<AttentionCache, 'keys' | 'values'>,
    options: MultiHeadOptions = {},
  ): Tensor {
    this.#requireInputs(query, query, query);
    if (this.#rotary !== null) throw new Error('MultiHeadAttention: recall has no rotary positions');
    const [q] = this.#apart([query]);
    const mask = this.#mask(keys, options);
    return this.#joined(
      scaledDotProductAttention(q, keys, values, { mask, causal: options.causal ?? false }),
    );
  }

  /** How much each query attends to each key, [batch, heads, queries, keys], without dropout: for looking at. */
  weights(query: Tensor, key: Tensor = query, options: MultiHeadOptions = {}): Tensor {
    const [q, k] = this.#project(query, key, key);
    return attentionWeights(q, k, { mask: this.#mask(k, options), causal: options.causal ?? false });
  }

  /** What the heads [batch, heads, length, dim / heads] make together: [batch, length, dim]. */
  #joined(attended: Tensor): Tensor {
    const [batch, heads, length, each] = attended.shape;
    return this.outProj.forward(attended.transpose([0, 2, 1, 3]).reshape([batch, length, heads * each]));
  }

  #requireInputs(query: Tensor, key: Tensor, value: Tensor): void {
    const dim = this.outProj.weight.shape[0];
    for (const [what, x] of Object.entries({ query, key, value }))
      if (
        x.ndim !== 3 ||
        x.shape[2] !== dim ||
        x.shape[0] !== query.shape[0] ||
        (what === 'value' && x.shape[1] !== key.shape[1])
      )
        throw new Error(
          `MultiHeadAttention: query, key and value must be [batch, length, ${dim}], key and value of one length; ` +
            `got ${what} [${x.shape.join(', ')}] with query [${query.shape.join(', ')}] and key [${key.shape.join(', ')}]`,
        );
  }

  /** Queries, keys and values as [batch, heads, length, dim / heads]. */
  #project(query: Tensor, key: Tensor, value: Tensor): [Tensor, Tensor, Tensor] {
    this.#requireInputs(query, key, value);
    const turn = (x: Tensor): Tensor => (this.#rotary === null ? x : rotary(x, this.#rotary));
    const [q, k, v] =
      key === query && value === query ? this.#together(query) : this.#apart([query, key, value]);
    return [turn(q), turn(k), v];
  }

  /** Self-attention: all projections of one input in one product. */
  #together(x: Tensor): Tensor[] {
    const [batch, length, dim] = x.shape;
    const parts = this.inProj.forward(x).reshape([batch, length, 3, this.heads, dim / this.heads]);
    return [0, 1, 2].map((part) => parts.at(part, 2).transpose([0, 2, 1, 3]));
  }

  /** Inputs through one projection each: queries, keys, values, from number `first` on. */
  #apart(inputs: readonly Tensor[], first = 0): Tensor[] {
    const dim = this.outProj.weight.shape[0];
    const [weight, bias] = [this.inProj.weight.value, this.inProj.bias?.value];
    return inputs.map((x, part) => {
      const rows = [(first + part) * dim, (first + part + 1) * dim] as const;
      const y = x.matmul(weight.slice(rows).transpose());
      const projected = bias === undefined ? y : y.add(bias.slice(rows));
      return projected
        .reshape([x.shape[0], x.shape[1], this.heads, dim / this.heads])
        .transpose([0, 2, 1, 3]);
    });
  }

  #mask(k: Tensor, { mask, keyMask, ...rest }: MultiHeadOptions): Tensor | undefined {
    checkOptions('MultiHeadAttention', rest, ['causal']);
    if (keyMask === undefined) return mask;
    const [batch, , keys] = k.shape;
    if (keyMask.dtype !== 'bool' || String(keyMask.shape) !== String([batch, keys]))
      throw new Error(
        `MultiHeadAttention: keyMask must be bool [${batch}, ${keys}], true at real keys, got ${keyMask.dtype} [${keyMask.shape.join(', ')}]`,
      );
    const real = keyMask.reshape([batch, 1, 1, keys]);
    if (mask === undefined) return real;
    return isFloat(mask.dtype) ? where(real, mask, Number.NEGATIVE_INFINITY) : real.logicalAnd(mask);
  }
}
