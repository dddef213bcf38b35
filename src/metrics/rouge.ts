import { checkMerge, Metric, type MetricState } from './metric.ts';
import { checkReferences, pairs, type Sentence, tokensOf } from './sentences.ts';

/** What {@link RougeL} gives, each from 0 to 1. */
export interface RougeScores {
  /** Share of the candidate that is in the common subsequence. */
  readonly precision: number;
  /** Share of the reference that is. */
  readonly recall: number;
  /** Harmonic mean of both. */
  readonly f1: number;
}

/**
 * ROUGE-L (Lin 2004), the mean over candidates: how long the longest common subsequence of tokens is beside candidate and reference. Of several references the one
 * with the best f1 counts. Text is split at white space, without stemming.
 */
export class RougeL extends Metric<
  RougeScores,
  readonly Sentence[],
  readonly (readonly Sentence[])[],
  object
> {
  #precision = 0;
  #recall = 0;
  #f1 = 0;
  #count = 0;

  /**
   * @param outputs candidates
   * @param targets a list of references for each candidate
   * @throws RangeError if there are not as many, or a candidate has no reference
   */
  update(outputs: readonly Sentence[], targets: readonly (readonly Sentence[])[]): this {
    for (const [output, references] of pairs('RougeL', outputs, targets)) {
      const candidate = tokensOf(output);
      const best = checkReferences('RougeL', references)
        .map((reference) => score(candidate, tokensOf(reference)))
        .reduce((a, b) => (b.f1 > a.f1 ? b : a));
      this.#precision += best.precision;
      this.#recall += best.recall;
      this.#f1 += best.f1;
      this.#count++;
    }
    return this;
  }

  /** NaN before the first candidate. */
  compute(): RougeScores {
    return {
      precision: this.#precision / this.#count,
      recall: this.#recall / this.#count,
      f1: this.#f1 / this.#count,
    };
  }

  override stateDict(): MetricState {
    return { precision: this.#precision, recall: this.#recall, f1: this.#f1, count: this.#count };
  }

  override loadStateDict(state: { precision: number; recall: number; f1: number; count: number }): void {
    this.#precision = state.precision;
    this.#recall = state.recall;
    this.#f1 = state.f1;
    this.#count = state.count;
  }

  reset(): this {
    this.#precision = this.#recall = this.#f1 = this.#count = 0;
    return this;
  }

  merge(other: this): this {
    checkMerge(this, other);
    this.#precision += other.#precision;
    this.#recall += other.#recall;
    this.#f1 += other.#f1;
    this.#count += other.#count;
    return this;
  }
}

function score(a: readonly (string | number)[], b: readonly (string | number)[]): RougeScores {
  const common = commonSubsequence(a, b);
  if (common === 0) return { precision: 0, recall: 0, f1: 0 };
  return {
    precision: common / a.length,
    recall: common / b.length,
    f1: (2 * common) / (a.length + b.length),
  };
}

/** Length of the longest sequence of tokens that both contain in this order, though not side by side. */
function commonSubsequence(a: readonly (string | number)[], b: readonly (string | number)[]): number {
  const row = new Array<number>(b.length + 1).fill(0);
  for (const token of a) {
    let diagonal = 0;
    for (const [j, other] of b.entries()) {
      const above = row[j + 1];
      row[j + 1] = token === other ? diagonal + 1 : Math.max(above, row[j]);
      diagonal = above;
    }
  }
  return row[b.length];
}

/** {@link RougeL} of candidates, each with a list of references, given all at once. */
export function rougeL(outputs: readonly Sentence[], targets: readonly (readonly Sentence[])[]): RougeScores {
  return new RougeL().update(outputs, targets).compute();
}
