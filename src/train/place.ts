import type { Placed } from './data_forms.ts';
import type { Part, State } from './state.ts';

/**
 * The place in data, as a part of a training: the data's own `state()`, where it has one. Data without one is passed over up to
 * the batch where the training stood.
 */
export class Place implements Part {
  readonly #data: Placed;
  #held: State | undefined;

  constructor(data: Placed) {
    this.#data = data;
  }

  /** While `body` iterates over the data from its start to its end, the place is still the one before. */
  async during<T>(body: () => Promise<T>): Promise<T> {
    this.#held = this.#now();
    const result = await body();
    this.#held = undefined;
    return result;
  }

  #now(): State {
    return this.#data.restore === undefined ? null : ((this.#data.state?.() ?? null) as State);
  }

  /** Whether the data itself can begin in the middle. */
  get isRestored(): boolean {
    return this.#isRestored;
  }
  #isRestored = false;

  stateDict(): State {
    return this.#held === undefined ? this.#now() : this.#held;
  }

  loadStateDict(state: State): void {
    this.#isRestored = state !== null && this.#data.restore !== undefined;
    if (this.#isRestored) this.#data.restore?.(state as never);
  }
}
