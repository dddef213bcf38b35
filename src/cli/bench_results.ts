import { arch, availableParallelism, cpus, totalmem } from 'node:os';
import { multiplyAdds, type Quantity, type Workload } from './bench_suite.ts';

/** What has been measured, and what follows from it. */

/** One contender on one workload. */
export interface Entry {
  readonly workload: string;
  readonly contender: string;
  /** Why there are no times. */
  readonly failure?: string;
  /** Milliseconds a call: the median of each turn, in the order of the rounds. */
  readonly turns: readonly number[];
  /** Milliseconds of the first call in a new process; of contenders with a cache, with a filled one. */
  readonly first?: number;
  /** The same with an empty cache. */
  readonly cold?: number;
  /** Largest resident size of the process in bytes. */
  readonly peak?: number;
  /** Number of parameters, or shape of the result. */
  readonly size?: string;
}

/** The machine and the programs on it. */
export interface Machine {
  readonly processor: string;
  readonly threads: number;
  readonly memory: string;
  readonly architecture: string;
  readonly node: string;
}

/** A file of results. */
export interface Results {
  readonly machine: Machine;
  /** Names and versions of the libraries, by the contenders' ids. */
  readonly libraries: Readonly<Record<string, string>>;
  readonly entries: readonly Entry[];
}

/** This machine. */
export const thisMachine = (): Machine => ({
  processor: cpus()[0]?.model.trim() ?? 'unknown',
  threads: availableParallelism(),
  memory: `${Math.round(totalmem() / 2 ** 30)} GiB`,
  architecture: arch(),
  node: process.version,
});

/** The middle value, or the mean of the two in the middle. NaN of none. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** exp of the mean of the logarithms. */
export const geometricMean = (values: readonly number[]): number =>
  Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length);

/** The value of a quantity, or null where it was not measured. Units as in `Quantity`. */
export function quantityOf(entry: Entry, workload: Workload, quantity: Quantity): number | null {
  if (entry.failure !== undefined) return null;
  if (quantity === 'first' || quantity === 'cold' || quantity === 'peak') return entry[quantity] ?? null;
  if (entry.turns.length === 0) return null;
  const time = median(entry.turns);
  if (quantity === 'time') return time;
  const work = multiplyAdds(workload);
  if (work === null) return null;
  return quantity === 'rate' ? (2 * work) / time / 1e6 : (time * 1e6) / work;
}

/** Results with the ability to be asked. */
export class ResultTable {
  readonly #entries: ReadonlyMap<string, Entry>;
  readonly #workloads: ReadonlyMap<string, Workload>;

  constructor(entries: readonly Entry[], workloads: readonly Workload[]) {
    this.#entries = new Map(entries.map((entry) => [`${entry.workload} ${entry.contender}`, entry]));
    this.#workloads = new Map(workloads.map((workload) => [workload.name, workload]));
  }

  /** What is known of a contender on a workload. */
  entry(workload: string, contender: string): Entry | null {
    return this.#entries.get(`${workload} ${contender}`) ?? null;
  }

  /** The value of a quantity, or null. */
  value(workload: string, contender: string, quantity: Quantity): number | null {
    const entry = this.entry(workload, contender);
    return entry === null ? null : quantityOf(entry, this.#workloads.get(workload)!, quantity);
  }

  /** The one of some contenders with the best value, or null if none has one. */
  best(workload: string, contenders: readonly string[], quantity: Quantity): string | null {
    const better = quantity === 'rate' ? -1 : 1;
    let found: { id: string; value: number } | null = null;
    for (const id of contenders) {
      const value = this.value(workload, id, quantity);
      if (value !== null && (found === null || better * (value - found.value) < 0)) found = { id, value };
    }
    return found?.id ?? null;
  }

  /**
   * The value of the best of `ours` divided by that of the best of `theirs`. Times and rates of one workload are divided turn by turn, and the
   * median is taken: a disturbance of the machine that lasts for a round touches both.
   */
  ratio(
    quantity: Quantity,
    [workload, ours]: readonly [string, readonly string[]],
    [other, theirs]: readonly [string, readonly string[]],
  ): number | null {
    const [a, b] = [this.best(workload, ours, quantity), this.best(other, theirs, quantity)];
    if (a === null || b === null) return null;
    if ((quantity === 'time' || quantity === 'rate') && workload === other) {
      const [mine, peer] = [this.entry(workload, a)!.turns, this.entry(workload, b)!.turns];
      const turns = mine.slice(0, peer.length).map((time, i) => [time, peer[i]]);
      return median(
        turns.map(([time, theirTime]) => (quantity === 'time' ? time / theirTime : theirTime / time)),
      );
    }
    return this.value(workload, a, quantity)! / this.value(other, b, quantity)!;
  }
}
