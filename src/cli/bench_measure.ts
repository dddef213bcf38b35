import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Interrupted } from '../train/errors.ts';
import { Contender, type ContenderOptions, MissingContender } from './bench_contender.ts';
import { type Entry, median } from './bench_results.ts';
import type { ContenderSpec, Group, Workload } from './bench_suite.ts';

/** The measuring: all contenders are prepared, then take turns, A B C A B C, so that what disturbs the machine disturbs all. */

/** How long and how often. */
export interface MeasureSettings extends Omit<ContenderOptions, 'cache'> {
  readonly rounds: number;
  /** Milliseconds that a turn lasts, if a call takes less. */
  readonly turn: number;
  /** Seconds after which a slow contender leaves the rounds; it has at least one turn. */
  readonly budget: number;
  readonly signal: AbortSignal;
}

/** A sample lasts at least so many milliseconds: shorter calls are timed several at once. */
const sampleMilliseconds = 0.5;
const mostSamples = 200;

/** A contender that takes part in the rounds of a workload. */
interface Participant {
  readonly contender: Contender;
  readonly samples: number;
  readonly calls: number;
  readonly turns: number[];
  spent: number;
}

/** Measures workloads one after another, and keeps processes of groups that share them. */
export class Measurer {
  /** Names and versions of the libraries that have been started, by the contenders' ids. */
  readonly libraries: Record<string, string> = {};
  /** Why contenders cannot be started, by their ids. */
  readonly missing = new Map<string, string>();
  readonly #settings: MeasureSettings;
  /** Processes of the workload that is being measured. */
  readonly #single: Contender[] = [];
  readonly #shared = new Map<string, Contender>();
  readonly #caches = mkdtempSync(join(tmpdir(), 'nabla-bench-'));

  constructor(settings: MeasureSettings) {
    this.#settings = settings;
    // Whoever is waited for would be waited for until its patience ends.
    settings.signal.addEventListener('abort', () => {
      for (const contender of [...this.#single, ...this.#shared.values()]) void contender.end();
    });
  }

  /**
   * Measures a workload with those of `specs` that are there. A contender that fails has an entry that says why; the others go on.
   *
   * @throws Interrupted
   */
  async measure(workload: Workload, group: Group, specs: readonly ContenderSpec[]): Promise<Entry[]> {
    const entries = new Map<string, Entry>();
    const participants: Participant[] = [];
    const update = (id: string, news: Partial<Entry>) =>
      entries.set(id, {
        ...(entries.get(id) ?? { workload: workload.name, contender: id, turns: [] }),
        ...news,
      });
    /** Whether `action` went well; if not, the entry says what happened. */
    const guarded = async (id: string, action: () => Promise<void>): Promise<boolean> => {
      this.#check();
      try {
        await action();
        return true;
      } catch (error) {
        if (error instanceof Interrupted) throw error;
        if (error instanceof MissingContender) this.missing.set(id, error.message);
        else update(id, { failure: (error as Error).message.trim().split('\n')[0] });
        return false;
      }
    };

    for (const spec of specs) {
      if (this.missing.has(spec.id)) continue;
      await guarded(spec.id, async () => {
        if (group.fresh && spec.cache !== undefined) {
          const cold = await this.#own(spec, workload);
          try {
            update(spec.id, { cold: (await cold.ask({ do: 'prepare', workload })).first });
          } finally {
            await cold.end();
          }
        }
        const contender = group.fresh ? await this.#own(spec, workload) : await this.#sharedProcess(spec);
        try {
          const { first = 0, size } = await contender.ask({ do: 'prepare', workload });
          update(spec.id, { size, ...(group.fresh ? { first } : {}) });
          // One that is that slow is not asked again.
          if (first > this.#settings.budget * 1000) update(spec.id, { turns: [first] });
          else participants.push(await this.#calibrated(contender));
        } finally {
          contender.pause();
        }
      });
    }

    for (let round = 0; round < this.#settings.rounds; round++)
      for (const participant of participants) {
        const { contender, samples, calls, turns, spent } = participant;
        if (!contender.alive || (round > 0 && spent > this.#settings.budget * 1000)) continue;
        await guarded(contender.spec.id, async () => {
          contender.resume();
          const start = performance.now();
          const { times = [] } = await contender.ask({ do: 'run', samples, calls });
          contender.pause();
          participant.spent += performance.now() - start;
          turns.push(median(times));
        });
      }

    for (const { contender, turns } of participants) update(contender.spec.id, { turns });
    for (const contender of this.#single) {
      const peak = contender.alive ? contender.peak() : null;
      if (peak !== null && entries.has(contender.spec.id)) update(contender.spec.id, { peak });
    }
    if (group.fresh) await this.#endAll(this.#single);
    return [...entries.values()];
  }

  /** Ends the processes that are left, and removes their caches. */
  async close(): Promise<void> {
    await this.#endAll(this.#single);
    for (const contender of this.#shared.values()) await contender.end();
    this.#shared.clear();
    rmSync(this.#caches, { recursive: true, force: true });
  }

  async #endAll(contenders: Contender[]): Promise<void> {
    for (const contender of contenders.splice(0)) await contender.end();
  }

  async #open(spec: ContenderSpec, folder: string): Promise<Contender> {
    const cache = join(this.#caches, spec.id, folder);
    const contender = await Contender.open(spec, { ...this.#settings, cache });
    this.libraries[spec.id] = contender.about;
    return contender;
  }

  /** A process for one workload. */
  async #own(spec: ContenderSpec, workload: Workload): Promise<Contender> {
    const contender = await this.#open(spec, workload.name);
    this.#single.push(contender);
    return contender;
  }

  async #sharedProcess(spec: ContenderSpec): Promise<Contender> {
    let contender = this.#shared.get(spec.id);
    if (contender?.alive) contender.resume();
    else this.#shared.set(spec.id, (contender = await this.#open(spec, 'shared')));
    return contender;
  }

  /** Runs until engines have compiled what they compile late, and finds how many calls make a turn. */
  async #calibrated(contender: Contender): Promise<Participant> {
    let [samples, calls, spent, time] = [1, 1, 0, 0];
    while (spent < this.#settings.turn / 2) {
      this.#check();
      const start = performance.now();
      const { times = [] } = await contender.ask({ do: 'run', samples, calls });
      spent += performance.now() - start;
      time = Math.min(...times);
      calls = Math.max(1, Math.ceil(sampleMilliseconds / Math.max(time, 1e-6)));
      samples = Math.min(samples * 4, mostSamples);
    }
    const wanted = Math.round(this.#settings.turn / (time * calls));
    return { contender, calls, samples: Math.max(1, Math.min(wanted, mostSamples)), turns: [], spent };
  }

  #check(): void {
    if (this.#settings.signal.aborted) throw new Interrupted('interrupted');
  }
}
