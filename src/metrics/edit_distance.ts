import { checkMerge, Metric, type MetricState } from './metric.ts';
import { pairs, type Sentence, tokensOf } from './sentences.ts';

/**
 * Levenshtein distance: the least number of insertions, deletions and substitutions that make one sequence the other. Of strings
 * the characters (code points) are compared, of lists the items. Takes time in proportion to the product of the lengths.
 */
export function editDistance(a: Sentence, b: Sentence): number {
  const [first, second] = [Array.from(a), Array.from(b)];
  const row = Array.from({ length: second.length + 1 }, (_, j) => j);
  for (const [i, item] of first.entries()) {
    // The cell to the upper left, which the loop overwrites.
    let diagonal = row[0];
    row[0] = i + 1;
    for (const [j, other] of second.entries()) {
      const kept = diagonal + Number(item !== other);
      diagonal = row[j + 1];
      row[j + 1] = Math.min(kept, row[j] + 1, diagonal + 1);
    }
  }
  return row[second.length];
}

/** Edits in proportion to the length of the references. */
abstract class ErrorRate extends Metric<number, readonly Sentence[], readonly Sentence[], object> {
  #edits = 0;
  #length = 0;

  /** What is compared. */
  protected abstract split(sentence: Sentence): readonly (string | number)[];

  /** @throws RangeError if there are not as many candidates as references */
  update(outputs: readonly Sentence[], targets: readonly Sentence[]): this {
    for (const [output, target] of pairs(this.constructor.name, outputs, targets)) {
      const reference = this.split(target);
      this.#edits += editDistance(this.split(output), reference);
      this.#length += reference.length;
    }
    return this;
  }

  /** NaN before the first word; may exceed 1. */
  compute(): number {
    return this.#edits / this.#length;
  }

  override stateDict(): MetricState {
    return { edits: this.#edits, length: this.#length };
  }

  override loadStateDict(state: { edits: number; length: number }): void {
    this.#edits = state.edits;
    this.#length = state.length;
  }

  reset(): this {
    this.#edits = 0;
    this.#length = 0;
    return this;
  }

  merge(other: this): this {
    checkMerge(this, other);
    this.#edits += other.#edits;
    this.#length += other.#length;
    return this;
  }
}

/** Word error rate: edits of words over the words of the references, of all texts together. Case and punctuation count. */
export class WordErrorRate extends ErrorRate {
  protected split(sentence: Sentence): readonly (string | number)[] {
    return tokensOf(sentence);
  }
}

/** Character error rate: edits of characters over the characters of the references, of all texts together. */
export class CharacterErrorRate extends ErrorRate {
  protected split(sentence: Sentence): readonly (string | number)[] {
    return Array.from(sentence);
  }
}

/** {@link WordErrorRate} of texts given all at once. */
export function wordErrorRate(outputs: readonly Sentence[], targets: readonly Sentence[]): number {
  return new WordErrorRate().update(outputs, targets).compute();
}

/** {@link CharacterErrorRate} of texts given all at once. */
export function characterErrorRate(outputs: readonly Sentence[], targets: readonly Sentence[]): number {
  return new CharacterErrorRate().update(outputs, targets).compute();
}
