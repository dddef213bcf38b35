import { reasonOf, removeTemporaries, WriteError, writeFileAtomically } from '../io/atomic.ts';
import { ReadError, readBytes } from '../io/load.ts';
import { makeFolder } from '../io/make_folder.ts';
import { FormatError } from '../io/safetensors_format.ts';
import { nodeModule } from '../runtime/node_modules.ts';
import { readState, writeState } from './checkpoint_file.ts';
import type { State } from './state.ts';

/** What is known of a checkpoint without reading it. */
export interface CheckpointEntry {
  /** Its path. */
  readonly path: string;
  /** Steps, epochs, and batches of the epoch after that, that were done. */
  readonly step: number;
  readonly epoch: number;
  readonly batch: number;
  /** The monitored quantity; null in the middle of an epoch and where it is not a finite number. */
  readonly value: number | null;
}

/** A checkpoint that has been read. */
export interface FoundCheckpoint {
  readonly entry: CheckpointEntry;
  readonly state: State;
}

const indexName = 'index.json';
const indexFormat = 'nabla checkpoints 1';
const nameOf = (step: number): string => `checkpoint-${String(step).padStart(8, '0')}.safetensors`;
const stepOf = (name: string): number | null => {
  const digits = /^checkpoint-(\d{8,15})\.safetensors$/.exec(name)?.[1];
  return digits === undefined ? null : Number(digits);
};
const isOwn = (name: string): boolean => name === indexName || stepOf(name) !== null;

/** What has to be kept, and what is best. */
export interface KeepOptions {
  readonly keepLast: number;
  readonly keepBest: number;
  readonly direction: 'min' | 'max';
  /** Name of the monitored quantity. */
  readonly monitor: string;
}

/** Those with a value, the best one first; of equals the first one. */
function ranked(entries: readonly CheckpointEntry[], direction: 'min' | 'max'): CheckpointEntry[] {
  const sign = direction === 'min' ? 1 : -1;
  return entries
    .filter(({ value }) => value !== null)
    .sort((a, b) => sign * ((a.value as number) - (b.value as number)) || a.step - b.step);
}

/**
 * The checkpoints of a run in a folder: `checkpoint-<step>.safetensors`, each whole by itself, and `index.json`, which says which
 * there are and how good they are. The files are what counts: an index that is missing or older than they are (a process can be killed
 * between the two) is made anew.
 *
 * Whenever the process ends, every file under its own name is whole: files appear by being renamed, and an old one is removed only
 * when the new one and the index are on the disk.
 */
export class CheckpointFolder {
  readonly path: string;
  #entries: CheckpointEntry[] = [];
  /** Whether files of a former run may be there, which are not to be taken for this run's. */
  #isForeign = false;

  constructor(path: string) {
    this.path = path;
  }

  /** All checkpoints, the oldest first. */
  get entries(): readonly CheckpointEntry[] {
    return this.#entries;
  }

  /** Those with a value, the best one first. */
  best(direction: 'min' | 'max'): readonly CheckpointEntry[] {
    return ranked(this.#entries, direction);
  }

  /** Makes the folder and clears it of what killed processes left half-written. @throws WriteError */
  async create(): Promise<void> {
    const { access, constants } = nodeModule('node:fs/promises', 'checkpoints');
    makeFolder(this.path);
    try {
      await access(this.path, constants.W_OK);
    } catch (error) {
      throw new WriteError(this.path, reasonOf(error), error);
    }
    await removeTemporaries(this.path, isOwn);
  }

  /** Starts anew: the files of former runs are removed before the first one of this run is written. */
  clear(): void {
    this.#entries = [];
    this.#isForeign = true;
  }

  /** Steps of the files that there are, ascending. */
  async #steps(): Promise<number[]> {
    const names = await nodeModule('node:fs/promises', 'checkpoints')
      .readdir(this.path)
      .catch((error: NodeJS.ErrnoException): string[] => {
        if (error.code === 'ENOENT') return [];
        throw new ReadError(this.path, reasonOf(error), error);
      });
    return names.flatMap((name) => stepOf(name) ?? []).sort((a, b) => a - b);
  }

  #join(name: string): string {
    return nodeModule('node:path', 'checkpoints').join(this.path, name);
  }

  /** What the index says of files that there are; null where it says nothing of use. */
  async #index(): Promise<{
    monitor: string | null;
    direction: 'min' | 'max';
    entries: CheckpointEntry[];
  } | null> {
    try {
      const text = new TextDecoder().decode(await readBytes(this.#join(indexName)));
      const { format, monitor, direction, checkpoints } = JSON.parse(text);
      if (format !== indexFormat || (direction !== 'min' && direction !== 'max')) return null;
      const entries = (checkpoints as readonly Record<string, unknown>[]).map(
        ({ file, step, epoch, batch, value }) => {
          if (
            typeof file !== 'string' ||
            stepOf(file) !== step ||
            ![step, epoch, batch].every(Number.isSafeInteger) ||
            !(value === null || typeof value === 'number')
          )
            throw new SyntaxError(indexName);
          return { path: this.#join(file), step, epoch, batch, value } as CheckpointEntry;
        },
      );
      return { monitor: typeof monitor === 'string' ? monitor : null, direction, entries };
    } catch {
      return null;
    }
  }

  /**
   * The newest checkpoint that is whole, or null if there is none in the folder. Those that are damaged are passed over, with one
   * warning for all.
   *
   * @param describe what the index would say of a state
   * @throws FormatError if there are checkpoints, but all are damaged
   */
  async openLast(
    { monitor, direction }: Pick<KeepOptions, 'monitor' | 'direction'>,
    describe: (state: State, path: string) => Omit<CheckpointEntry, 'path'>,
    warn: (message: string) => void,
  ): Promise<FoundCheckpoint | null> {
    const steps = await this.#steps();
    const damaged: string[] = [];
    const read = async (step: number): Promise<FoundCheckpoint | null> => {
      const path = this.#join(nameOf(step));
      try {
        const state = await readState(path);
        return { entry: { path, ...describe(state, path) }, state };
      } catch (error) {
        if (!(error instanceof FormatError || error instanceof ReadError)) throw error;
        damaged.push(error.message);
        return null;
      }
    };
    let found: FoundCheckpoint | null = null;
    while (found === null && steps.length > 0) found = await read(steps.pop() as number);
    if (found === null) {
      if (damaged.length === 0) return null;
      throw new FormatError(
        `no checkpoint of ${this.path} can be read: ${damaged.join('; ')}. Remove them to start anew`,
      );
    }
    const index = await this.#index();
    const known = new Map(
      index !== null && index.monitor === monitor && index.direction === direction
        ? index.entries.map((entry) => [entry.step, entry])
        : [],
    );
    const older: CheckpointEntry[] = [];
    for (const step of steps) {
      const entry = known.get(step) ?? (await read(step))?.entry;
      if (entry !== undefined) older.push(entry);
    }
    this.#entries = [...older, found.entry];
    this.#isForeign = false;
    if (damaged.length > 0) warn(`${damaged.join('; ')}; going on with ${found.entry.path}`);
    return found;
  }

  /**
   * The best checkpoint that is whole, by the index; null if there is none.
   *
   * @throws FormatError if all are damaged
   */
  async openBest(warn: (message: string) => void): Promise<FoundCheckpoint | null> {
    const index = await this.#index();
    const there = new Set(await this.#steps());
    if (index === null) {
      if (there.size === 0) return null;
      throw new FormatError(
        `${this.#join(indexName)} is missing or damaged, so it is not known which checkpoint is best; resume the run, or load one of them`,
      );
    }
    const damaged: string[] = [];
    for (const entry of ranked(index.entries, index.direction)) {
      if (!there.has(entry.step)) continue;
      try {
        const state = await readState(entry.path);
        if (damaged.length > 0) warn(`${damaged.join('; ')}; taking ${entry.path}`);
        return { entry, state };
      } catch (error) {
        if (!(error instanceof FormatError || error instanceof ReadError)) throw error;
        damaged.push(error.message);
      }
    }
    if (damaged.length === 0) return null;
    throw new FormatError(`no best checkpoint of ${this.path} can be read: ${damaged.join('; ')}`);
  }

  /**
   * Writes a checkpoint, then the index, then removes those that are not to be kept.
   *
   * @throws WriteError
   */
  async add(
    state: State,
    description: Omit<CheckpointEntry, 'path'>,
    options: KeepOptions,
  ): Promise<CheckpointEntry> {
    const entry = { path: this.#join(nameOf(description.step)), ...description };
    if (this.#isForeign) {
      await this.#remove(this.#join(indexName));
      await this.#prune();
      this.#isForeign = false;
    }
    await writeState(entry.path, state);
    this.#entries = [...this.#entries.filter(({ step }) => step < entry.step), entry];
    await this.tidy(options);
    return entry;
  }

  /**
   * Does what a process that was killed after it had written a checkpoint did not come to: writes the index, then removes the checkpoints that
   * are not to be kept. Changes nothing where all is in order.
   *
   * @throws WriteError
   */
  async tidy({ keepLast, keepBest, direction, monitor }: KeepOptions): Promise<void> {
    if (this.#isForeign) return;
    const all = this.#entries;
    const kept = new Set([...all.slice(-keepLast), ...ranked(all, direction).slice(0, keepBest)]);
    this.#entries = all.filter((one) => kept.has(one));
    const lines = this.#entries.map(({ step, epoch, batch, value }) =>
      JSON.stringify({ file: nameOf(step), step, epoch, batch, value }),
    );
    const index =
      `{\n  "format": ${JSON.stringify(indexFormat)},\n  "monitor": ${JSON.stringify(monitor)},\n  "direction": "${direction}",\n` +
      `  "checkpoints": [\n    ${lines.join(',\n    ')}\n  ]\n}\n`;
    const path = this.#join(indexName);
    const former = await readBytes(path).catch(() => new Uint8Array(0));
    if (new TextDecoder().decode(former) !== index) await writeFileAtomically(path, index);
    await this.#prune();
  }

  /** Removes checkpoints that are not known. */
  async #prune(): Promise<void> {
    const kept = new Set(this.#entries.map(({ step }) => step));
    for (const step of await this.#steps()) if (!kept.has(step)) await this.#remove(this.#join(nameOf(step)));
  }

  async #remove(path: string): Promise<void> {
    try {
      await nodeModule('node:fs/promises', 'checkpoints').rm(path, { force: true });
    } catch (error) {
      throw new WriteError(path, reasonOf(error), error);
    }
  }
}
