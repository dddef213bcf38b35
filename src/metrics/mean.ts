/** A weighted mean of numbers that come one after the other, such as those of batches of unequal size. */
export class Mean {
  #sum = 0;
  #weight = 0;

  /** @param weight how many examples the value stands for, default 1 */
  add(value: number, weight = 1): void {
    this.#sum += value * weight;
    this.#weight += weight;
  }

  /** Sum of weighted values over the sum of weights; NaN when there were none. */
  get value(): number {
    return this.#sum / this.#weight;
  }

  /** Sum of weights. */
  get weight(): number {
    return this.#weight;
  }

  /** Adds what another mean has seen. */
  merge(other: Mean): void {
    this.#sum += other.#sum;
    this.#weight += other.#weight;
  }

  /** What {@link loadStateDict} of another mean needs to go on with these numbers. */
  stateDict(): { sum: number; weight: number } {
    return { sum: this.#sum, weight: this.#weight };
  }

  /** Puts back what `stateDict` gave. */
  loadStateDict({ sum, weight }: { readonly sum: number; readonly weight: number }): void {
    this.#sum = sum;
    this.#weight = weight;
  }
}
