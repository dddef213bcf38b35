import { Mean } from '../metrics/mean.ts';
import type { Logs } from './callback.ts';
import type { State } from './state.ts';

/** Means over batches, weighted by their numbers of examples. */
export class Means {
  readonly #means = new Map<string, Mean>();

  add(logs: Logs, examples: number): void {
    for (const [name, value] of Object.entries(logs)) {
      let mean = this.#means.get(name);
      if (mean === undefined) this.#means.set(name, (mean = new Mean()));
      mean.add(value, examples);
    }
  }

  get logs(): Logs {
    return Object.fromEntries([...this.#means].map(([name, mean]) => [name, mean.value]));
  }

  /** Forgets all numbers. */
  clear(): void {
    this.#means.clear();
  }

  /** The sums so far, for checkpoints in the middle of an epoch. */
  stateDict(): State {
    return Object.fromEntries([...this.#means].map(([name, mean]) => [name, mean.stateDict()]));
  }

  loadStateDict(state: Readonly<Record<string, { readonly sum: number; readonly weight: number }>>): void {
    this.#means.clear();
    for (const [name, sums] of Object.entries(state)) {
      const mean = new Mean();
      mean.loadStateDict(sums);
      this.#means.set(name, mean);
    }
  }
}
