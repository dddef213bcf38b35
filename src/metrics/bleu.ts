import { checkOptions } from '../core/options.ts';
import { checkMerge, Metric, type MetricState } from './metric.ts';
import { checkReferences, pairs, type Sentence, tokensOf } from './sentences.ts';

/** Options of {@link Bleu}. */
export interface BleuOptions {
  /** Longest n-grams, from 1 on. Default 4. */
  readonly n?: number;
  /** How much each length counts, n of them. Default 1 / n each. */
  readonly weights?: readonly number[];
  /**
   * What is made of precisions of zero (Chen and Cherry 2014): `none` leaves them, so that BLEU is 0; `floor` counts 0.1 n-grams; `addOne` adds 1 to counts and
   * totals of all n-grams but single tokens; `exponential` counts 1/2, 1/4, ... for one length after the other, as NIST and sacreBLEU do. Default 'none'.
   */
  readonly smoothing?: 'none' | 'floor' | 'addOne' | 'exponential';
}

/**
 * BLEU of a corpus (Papineni et al. 2002), from 0 to 1: exp(sum of w_n ln p_n) times the brevity penalty min(1, exp(1 - r / c)). p_n is which share of the candidates' n-grams occurs in
 * a reference, each at most as often as in the one that has it most often; c is the length of all candidates, r that of the references next to it in length, the
 * shorter of two. 0 where no token is right. Text is split at white space: to compare with published numbers, tokenize as they did.
 */
export class Bleu extends Metric<number, readonly Sentence[], readonly (readonly Sentence[])[], object> {
  readonly #weights: readonly number[];
  readonly #smoothing: 'none' | 'floor' | 'addOne' | 'exponential';
  #matches: number[];
  #totals: number[];
  #candidateLength = 0;
  #referenceLength = 0;

  /** @throws TypeError or RangeError for unknown options or values */
  constructor(options: BleuOptions = {}) {
    super();
    checkOptions('Bleu', options, ['n', 'weights', 'smoothing']);
    const { n = 4, smoothing = 'none' } = options;
    if (!Number.isInteger(n) || n < 1) throw new RangeError(`Bleu: n must be an integer from 1 on, got ${n}`);
    const { weights = new Array<number>(n).fill(1 / n) } = options;
    if (weights.length !== n || weights.some((weight) => !(weight >= 0)))
      throw new RangeError(`Bleu: n = ${n} needs ${n} weights from 0 on, got [${weights.join(', ')}]`);
    if (!['none', 'floor', 'addOne', 'exponential'].includes(smoothing))
      throw new RangeError(
        `Bleu: smoothing must be 'none', 'floor', 'addOne' or 'exponential', got ${String(smoothing)}`,
      );
    this.#weights = weights;
    this.#smoothing = smoothing;
    this.#matches = weights.map(() => 0);
    this.#totals = weights.map(() => 0);
  }

  /**
   * @param outputs candidates
   * @param targets a list of references for each candidate
   * @throws RangeError if there are not as many, or a candidate has no reference
   */
  update(outputs: readonly Sentence[], targets: readonly (readonly Sentence[])[]): this {
    for (const [output, list] of pairs('Bleu', outputs, targets)) {
      const candidate = tokensOf(output);
      const references = checkReferences('Bleu', list).map(tokensOf);
      for (let n = 1; n <= this.#weights.length; n++) {
        const counts = ngrams(candidate, n);
        const others = references.map((reference) => ngrams(reference, n));
        for (const [gram, count] of counts)
          this.#matches[n - 1] += Math.min(count, Math.max(...others.map((other) => other.get(gram) ?? 0)));
        this.#totals[n - 1] += Math.max(0, candidate.length - n + 1);
      }
      this.#candidateLength += candidate.length;
      this.#referenceLength += references
        .map(({ length }) => length)
        .reduce((best, length) => {
          const [near, far] = [Math.abs(length - candidate.length), Math.abs(best - candidate.length)];
          return near < far || (near === far && length < best) ? length : best;
        });
    }
    return this;
  }

  /** 0 before the first candidate. */
  compute(): number {
    if (this.#matches[0] === 0) return 0;
    let halvings = 0;
    let exponent = 0;
    for (const [i, weight] of this.#weights.entries()) {
      let matches = this.#matches[i];
      let total = this.#totals[i];
      if (this.#smoothing === 'addOne' && i > 0) {
        matches++;
        total++;
      } else if (matches === 0 && total > 0) {
        if (this.#smoothing === 'floor') matches = 0.1;
        if (this.#smoothing === 'exponential') matches = 2 ** -++halvings;
      }
      if (weight === 0) continue;
      if (matches === 0) return 0;
      exponent += weight * Math.log(matches / total);
    }
    const brevity = Math.min(0, 1 - this.#referenceLength / this.#candidateLength);
    return Math.exp(brevity + exponent);
  }

  override stateDict(): MetricState {
    return {
      matches: [...this.#matches],
      totals: [...this.#totals],
      candidateLength: this.#candidateLength,
      referenceLength: this.#referenceLength,
    };
  }

  override loadStateDict(state: {
    matches: number[];
    totals: number[];
    candidateLength: number;
    referenceLength: number;
  }): void {
    this.#matches = [...state.matches];
    this.#totals = [...state.totals];
    this.#candidateLength = state.candidateLength;
    this.#referenceLength = state.referenceLength;
  }

  reset(): this {
    this.#matches = this.#weights.map(() => 0);
    this.#totals = this.#weights.map(() => 0);
    this.#candidateLength = 0;
    this.#referenceLength = 0;
    return this;
  }

  /** @throws RangeError if the other counts n-grams of another length */
  merge(other: this): this {
    checkMerge(this, other);
    if (other.#totals.length !== this.#totals.length)
      throw new RangeError(
        `Bleu.merge: n is ${this.#totals.length} and ${other.#totals.length}; it must be the same`,
      );
    for (let i = 0; i < this.#totals.length; i++) {
      this.#matches[i] += other.#matches[i];
      this.#totals[i] += other.#totals[i];
    }
    this.#candidateLength += other.#candidateLength;
    this.#referenceLength += other.#referenceLength;
    return this;
  }
}

/** How often each run of n tokens occurs. */
function ngrams(tokens: readonly (string | number)[], n: number): Map<string, number> {
  const counts = new Map<string, number>();
  for (let i = 0; i + n <= tokens.length; i++) {
    const gram = JSON.stringify(tokens.slice(i, i + n));
    counts.set(gram, (counts.get(gram) ?? 0) + 1);
  }
  return counts;
}

/** {@link Bleu} of candidates, each with a list of references, given all at once. */
export function bleu(
  outputs: readonly Sentence[],
  targets: readonly (readonly Sentence[])[],
  options: BleuOptions = {},
): number {
  return new Bleu(options).update(outputs, targets).compute();
}
