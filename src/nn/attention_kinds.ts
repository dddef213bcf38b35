import { checkOptions } from '../core/options.ts';
import type { Tensor } from '../core/tensor.ts';
import { type AttentionOptions, maskedWeights, scaledDotProductAttention } from './attention.ts';
import { constant, layerDefault } from './init.ts';
import { Linear } from './linear.ts';
import { Module } from './module.ts';
import { Parameter } from './parameter.ts';
import { requirePositive } from './spatial_sizes.ts';

/** Attention by other scores than scaled products, and as layers. Arrays are [..., length, features]. */

const keys = ['mask', 'causal'];

function requireValues(name: string, k: Tensor, v: Tensor): void {
  if (v.ndim < 2 || v.shape[v.ndim - 2] !== k.shape[k.ndim - 2])
    throw new Error(
      `${name}: there must be one value for each key, got keys [${k.shape.join(', ')}] and values [${v.shape.join(', ')}]`,
    );
}

/** Vectors of length 1 along the last axis (those shorter than 1e-12 divided by that). */
const unit = (x: Tensor): Tensor => x.mul(x.square().sum(-1, { keepDims: true }).maximum(1e-24).rsqrt());

/**
 * Attention by the cosine of the angle between queries and keys: `softmax(scale cos(q, k)) v`. Graves, Wayne, Danihelka
 * (2014).
 *
 * @param options.scale how sharp: what cosines are multiplied by. A number or an array that broadcasts to the scores [...,
 * queries, keys]. Default 1.
 * @throws if the last axes of queries and keys differ
 */
export function cosineAttention(
  q: Tensor,
  k: Tensor,
  v: Tensor,
  options: Omit<AttentionOptions, 'scale'> & { scale?: number | Tensor } = {},
): Tensor {
  checkOptions('cosineAttention', options, [...keys, 'scale']);
  if (q.ndim < 2 || k.ndim < 2 || q.shape[q.ndim - 1] !== k.shape[k.ndim - 1])
    throw new Error(
      `cosineAttention: queries and keys must be [..., length, dim] of one dim, got [${q.shape.join(', ')}] and [${k.shape.join(', ')}]`,
    );
  requireValues('cosineAttention', k, v);
  const scores = unit(q)
    .matmul(unit(k).swapaxes(-1, -2))
    .mul(options.scale ?? 1);
  return maskedWeights('cosineAttention', scores, options).matmul(v);
}

/** {@link cosineAttention} as a layer that learns how sharp it is: `scale` [], first 1. */
export class CosineAttention extends Module {
  readonly scale: Parameter;

  /** @param options.scale first value, default 1 */
  constructor(options: { scale?: number } = {}) {
    super();
    checkOptions('CosineAttention', options, ['scale']);
    this.scale = new Parameter(constant([], options.scale ?? 1), { name: 'scale' });
  }

  /** @param v the keys if left out */
  forward(q: Tensor, k: Tensor, v: Tensor = k, options: Omit<AttentionOptions, 'scale'> = {}): Tensor {
    checkOptions('CosineAttention', options, keys);
    return cosineAttention(q, k, v, { ...options, scale: this.scale.value });
  }
}

/** Attention by products, `softmax(scale q kᵀ) v`, as a layer without parameters. Luong, Pham, Manning (2015). */
export class DotAttention extends Module {
  readonly scale: number | undefined;

  /** @param options.scale default 1/√dim; 1 for plain products */
  constructor(options: { scale?: number } = {}) {
    super();
    checkOptions('DotAttention', options, ['scale']);
    this.scale = options.scale;
  }

  /** @param v the keys if left out */
  forward(q: Tensor, k: Tensor, v: Tensor = k, options: Omit<AttentionOptions, 'scale'> = {}): Tensor {
    checkOptions('DotAttention', options, keys);
    const scale = this.scale === undefined ? {} : { scale: this.scale };
    return scaledDotProductAttention(q, k, v, { ...options, ...scale });
  }
}

/**
 * Attention by a small network: scores `wᵀ tanh(W q + U k + b)` of every query with every key, then `softmax(scores) v`.
 * Bahdanau, Cho, Bengio (2014). Parameters: `query.weight` W [hidden, queryDim], `key.weight` U [hidden, keyDim] with
 * `key.bias` b [hidden], `score` w [hidden].
 */
export class AdditiveAttention extends Module {
  readonly query: Linear;
  readonly key: Linear;
  readonly score: Parameter;

  /**
   * @param hidden units of the network, default queryDim
   * @throws if a size is not a positive integer
   */
  constructor(queryDim: number, keyDim: number, hidden = queryDim) {
    super();
    requirePositive('AdditiveAttention', { queryDim, keyDim, hidden });
    this.query = new Linear(queryDim, hidden, { bias: false });
    this.key = new Linear(keyDim, hidden);
    this.score = new Parameter(layerDefault([1, hidden], [hidden]), { name: 'score' });
  }

  /**
   * @param q [..., queries, queryDim]
   * @param k [..., keys, keyDim]
   * @param v [..., keys, features]; the keys if left out
   * @returns [..., queries, features]
   */
  forward(q: Tensor, k: Tensor, v: Tensor = k, options: Omit<AttentionOptions, 'scale'> = {}): Tensor {
    requireValues('AdditiveAttention', k, v);
    return this.weights(q, k, options).matmul(v);
  }

  /** How much each query attends to each key: [..., queries, keys]. */
  weights(q: Tensor, k: Tensor, options: Omit<AttentionOptions, 'scale'> = {}): Tensor {
    checkOptions('AdditiveAttention', options, keys);
    const [queryDim, keyDim] = [this.query.weight.shape[1], this.key.weight.shape[1]];
    if (q.ndim < 2 || k.ndim < 2 || q.shape[q.ndim - 1] !== queryDim || k.shape[k.ndim - 1] !== keyDim)
      throw new Error(
        `AdditiveAttention: queries and keys must be [..., length, ${queryDim}] and [..., length, ${keyDim}], got [${q.shape.join(', ')}] and [${k.shape.join(', ')}]`,
      );
    const pairs = this.query.forward(q).unsqueeze(-2).add(this.key.forward(k).unsqueeze(-3));
    const scores = pairs.tanh().mul(this.score.value).sum(-1);
    return maskedWeights('AdditiveAttention', scores, options);
  }
}
