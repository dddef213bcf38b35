import { checkOptions } from '../core/options.ts';
import { checkUpdate, splitWeights, type UpdateOptions } from './metric.ts';
import { read, readWeights, type Values } from './values.ts';
import { WeightedMean } from './weighted_mean.ts';

/** Options of {@link Perplexity}. */
export interface PerplexityOptions {
  /** Tokens that do not count, such as padding. Default none. */
  readonly ignoreIndex?: number;
}

/**
 * Perplexity of a language model, exp of the mean of -ln p(token): among how many equally likely tokens it chooses, as it were. Outputs [..., vocabulary] are
 * logits or log-probabilities, targets [...] token numbers.
 */
export class Perplexity extends WeightedMean {
  readonly #ignoreIndex: number | undefined;

  /** @throws TypeError for unknown options */
  constructor(options: PerplexityOptions = {}) {
    super();
    checkOptions('Perplexity', options, ['ignoreIndex']);
    this.#ignoreIndex = options.ignoreIndex;
  }

  /** @throws RangeError if the shapes do not fit or a token is not in the vocabulary */
  update(outputs: Values, targets: Values, options: UpdateOptions = {}): this {
    checkUpdate('Perplexity', options);
    const logits = read('Perplexity', outputs);
    const tokens = read('Perplexity', targets);
    const expected = logits.shape.slice(0, -1);
    if (logits.shape.length === 0 || String(expected) !== String(tokens.shape))
      throw new RangeError(
        `Perplexity: outputs [${logits.shape.join(', ')}] need targets [${expected.join(', ')}], got [${tokens.shape.join(', ')}]`,
      );
    const size = logits.shape.at(-1)!;
    const weights = readWeights('Perplexity', options.weights, tokens.data.length);
    for (let i = 0; i < tokens.data.length; i++) {
      const token = tokens.data[i];
      if (token === this.#ignoreIndex) continue;
      if (!Number.isInteger(token) || token < 0 || token >= size)
        throw new RangeError(
          `Perplexity: token ${i} is ${token}, expected an integer from 0 to ${size - 1}; ignoreIndex leaves one out`,
        );
      const loss = logSumExp(logits.data, i * size, size) - logits.data[i * size + token];
      this.add(loss, weights === null ? 1 : weights[i]);
    }
    return this;
  }

  /** NaN before the first token. */
  override compute(): number {
    return Math.exp(super.compute());
  }
}

function logSumExp(data: ArrayLike<number>, from: number, count: number): number {
  let most = -Infinity;
  for (let j = from; j < from + count; j++) most = Math.max(most, data[j]);
  if (most === -Infinity) return most;
  let sum = 0;
  for (let j = from; j < from + count; j++) sum += Math.exp(data[j] - most);
  return most + Math.log(sum);
}

/** {@link Perplexity} of logits and tokens given all at once. */
export function perplexity(
  outputs: Values,
  targets: Values,
  options: PerplexityOptions & UpdateOptions = {},
): number {
  const [settings, update] = splitWeights(options);
  return new Perplexity(settings).update(outputs, targets, update).compute();
}
