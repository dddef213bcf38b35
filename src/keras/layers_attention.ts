import { arange } from '../core/create.ts';
import { einsum, Tensor, where } from '../core/tensor.ts';
import * as nn from '../nn/index.ts';
import type { Config } from './config.ts';
import { type Builder, type Call, firstMask, requireAxes } from './layer.ts';
import type { WeightSource } from './weights.ts';

/** Attention with Keras's layouts. */

/** What Keras adds to scores that count for nothing. */
const excluded = -1e9;

/** [..., queries, keys], true where query i comes at or after key j. */
const causalMask = (queries: number, keys: number): Tensor => arange(queries).unsqueeze(1).ge(arange(keys));

const both = (a: Tensor | null, b: Tensor | null): Tensor | null =>
  a === null ? b : b === null ? a : a.logicalAnd(b);

/** A projection `x W + b` of the last axis to [heads, size]. */
class Projection extends nn.Module {
  readonly kernel: nn.Parameter;
  readonly bias: nn.Parameter | null;

  constructor(config: Config, weights: WeightSource) {
    super();
    const [kernel, bias] = weights.take(config.flag('use_bias', true) ? ['kernel', 'bias'] : ['kernel']);
    requireAxes(config, kernel, 3);
    this.kernel = new nn.Parameter(kernel, { name: 'kernel' });
    this.bias = bias === undefined ? null : new nn.Parameter(bias, { name: 'bias' });
  }

  /** [batch, length, dim] to [batch, heads, length, size]. */
  forward(x: Tensor): Tensor {
    const y = einsum('bld,dhs->blhs', x, this.kernel.value);
    return (this.bias === null ? y : y.add(this.bias.value)).transpose([0, 2, 1, 3]);
  }

  saved(): Tensor[] {
    return [this.kernel.value, ...(this.bias === null ? [] : [this.bias.value])];
  }
}

/** What joins heads again: [batch, heads, length, size] to [batch, length, dim], with kernel [heads, size, dim]. */
class Joining extends Projection {
  override forward(x: Tensor): Tensor {
    const y = einsum('bhls,hsd->bld', x, this.kernel.value);
    return this.bias === null ? y : y.add(this.bias.value);
  }
}

/** Keras's MultiHeadAttention: heads of any size, from inputs and to outputs of any size. */
class KerasMultiHeadAttention extends nn.Module {
  readonly query: Projection;
  readonly key: Projection;
  readonly value: Projection;
  readonly output: Joining;
  readonly dropout: nn.Dropout;

  constructor(config: Config, weights: WeightSource) {
    super();
    this.query = new Projection(config, weights.inside('query_dense'));
    this.key = new Projection(config, weights.inside('key_dense'));
    this.value = new Projection(config, weights.inside('value_dense'));
    this.output = new Joining(config, weights.inside('output_dense'));
    this.dropout = new nn.Dropout(config.number('dropout', 0));
  }

  forward(query: Tensor, value: Tensor, key: Tensor, mask: Tensor | null): [output: Tensor, scores: Tensor] {
    const q = this.query.forward(query);
    const scale = 1 / Math.sqrt(q.shape[3]);
    const scores = q.mul(scale).matmul(this.key.forward(key).swapaxes(-1, -2));
    const masked = mask === null ? scores : scores.add(where(mask, 0, excluded));
    const weights = masked.softmax(-1);
    return [this.output.forward(this.dropout.forward(weights).matmul(this.value.forward(value))), weights];
  }
}

const multiHeadAttention: Builder = (config, { weights }) => {
  const axes = config.fields.attention_axes;
  if (axes !== undefined && axes !== null && String(axes) !== '1')
    return config.unsupported('attention_axes');
  if (config.flag('use_gate', false)) return config.unsupported('use_gate');
  if (config.has('sliding_window')) return config.unsupported('sliding_window');
  const module = new KerasMultiHeadAttention(config, weights);
  return {
    module,
    call: (call) => {
      const named = (name: string, position: number): [Tensor | null, Tensor | null] => {
        const given = call.options[name];
        if (given instanceof Tensor) return [given, null];
        return [call.inputs[position] ?? null, call.masks[position] ?? null];
      };
      const [query, queryMask] = named('query', 0);
      const [value, valueMask] = named('value', 1);
      const [key, keyMask] = named('key', 2);
      if (query === null || value === null) return config.fail('inbound_nodes', 'a query and a value');
      let mask = queryMask?.unsqueeze(2) ?? null;
      mask = both(mask, valueMask?.unsqueeze(1) ?? null);
      mask = both(mask, keyMask?.unsqueeze(1) ?? null);
      if (call.options.use_causal_mask === true)
        mask = both(mask, causalMask(query.shape[1], value.shape[1]).unsqueeze(0));
      if (call.options.attention_mask instanceof Tensor)
        mask = both(mask, call.options.attention_mask.cast('bool'));
      // A mask [batch, queries, keys] is one for all heads.
      const forHeads = mask !== null && mask.ndim === 3 ? mask.unsqueeze(1) : mask;
      const [output, scores] = module.forward(query, value, key ?? value, forHeads);
      return call.options.return_attention_scores === true ? [output, scores] : output;
    },
    mask: firstMask,
    parts: (['query', 'key', 'value', 'output'] as const).map((name) => ({
      path: [`${name}_dense`],
      save: () => module[name].saved(),
    })),
  };
};

/** Attention without projections, whose scores may have a learned scale. */
class KerasAttention extends nn.Module {
  readonly scale: nn.Parameter | null;
  readonly dropout: nn.Dropout;
  readonly #scores: (q: Tensor, k: Tensor, scale: Tensor | null) => Tensor;

  constructor(
    scale: Tensor | undefined,
    p: number,
    scores: (q: Tensor, k: Tensor, scale: Tensor | null) => Tensor,
  ) {
    super();
    this.scale = scale === undefined ? null : new nn.Parameter(scale, { name: 'scale' });
    this.dropout = new nn.Dropout(p);
    this.#scores = scores;
  }

  forward(q: Tensor, v: Tensor, k: Tensor, mask: Tensor | null): [output: Tensor, weights: Tensor] {
    const scores = this.#scores(q, k, this.scale?.value ?? null);
    const weights = (mask === null ? scores : scores.add(where(mask, 0, excluded))).softmax(-1);
    return [this.dropout.forward(weights).matmul(v), weights];
  }
}

const scored =
  (usesScale: boolean, scores: (q: Tensor, k: Tensor, scale: Tensor | null) => Tensor): Builder =>
  (config, { weights }) => {
    if (config.text('score_mode', 'dot') !== 'dot') return config.unsupported('score_mode');
    const scale = config.flag('use_scale', usesScale) ? weights.take(['scale'])[0] : undefined;
    const module = new KerasAttention(scale, config.number('dropout', 0), scores);
    const call = ({ inputs: [q, v, k], masks, options }: Call): Tensor | Tensor[] => {
      const [queryMask, valueMask] = masks;
      let mask = valueMask?.unsqueeze(1) ?? null;
      if (options.use_causal_mask === true)
        mask = both(mask, causalMask(q.shape[1], v.shape[1]).unsqueeze(0));
      const [output, weights] = module.forward(q, v, k ?? v, mask);
      const y = queryMask ? output.mul(queryMask.unsqueeze(2).cast(output.dtype)) : output;
      return options.return_attention_scores === true ? [y, weights] : y;
    };
    return {
      module,
      call,
      mask: firstMask,
      parts: [{ path: [], save: () => (module.scale === null ? [] : [module.scale.value]) }],
    };
  };

/** Builders by Keras's names of classes. */
export const attentionLayers: Readonly<Record<string, Builder>> = {
  MultiHeadAttention: multiHeadAttention,
  Attention: scored(false, (q, k, scale) => {
    const products = q.matmul(k.swapaxes(-1, -2));
    return scale === null ? products : products.mul(scale);
  }),
  AdditiveAttention: scored(true, (q, k, scale) => {
    const sums = q.unsqueeze(2).add(k.unsqueeze(1)).tanh();
    return (scale === null ? sums : sums.mul(scale)).sum(-1);
  }),
};
