import { viewOf } from '../../graph/dtype.ts';
import { type Home, Storage } from '../storage.ts';
import { controlBytes, ThreadPool } from './threads.ts';

/**
 * The CPU device's memory: one WebAssembly.Memory in which programs run. For arrays it is a cache, not their owner: what has
 * not been used for long moves out to ordinary typed arrays, which the JavaScript collector reclaims even inside
 * a synchronous loop (docs/decisions/heap-as-cache.md).
 */
const pageBytes = 65536;
const initialPages = 16;
const mostPages = 65536;
const alignment = 64;
/** Bytes of arrays, other than variables, that stay in the heap between programs. */
const cacheBytes = 64 * 2 ** 20;
/** Their number: small arrays cost more in bookkeeping than in bytes. */
const mostCached = 2048;

/** A window over the elements of storages. */
export interface Part {
  readonly storage: Storage;
  /** Makes it the elements from `index * length` on of another storage. */
  readonly show: (whole: Storage, index: number) => void;
}

interface Gap {
  start: number;
  end: number;
}

/** What the heap holds, in bytes but for `arrays`. */
export interface HeapUsage {
  /** In use now. */
  readonly live: number;
  /** In use at most since the start, or since the peak was reset. */
  readonly peak: number;
  /** Number of arrays in it, contents of variables included. */
  readonly arrays: number;
  /** Contents of variables, which stay in place. */
  readonly variables: number;
  /** The space for the intermediate values of programs. */
  readonly arena: number;
  /** The WebAssembly memory itself: it grows and never shrinks. */
  readonly capacity: number;
}

export class Heap implements Home {
  readonly memory: WebAssembly.Memory;
  /** The threads that share the memory; null if it is not shared. */
  readonly pool: ThreadPool | null;
  /** Free ranges, ascending and never adjacent. Address 0 is left unused: it means "not resident". */
  readonly #gaps: Gap[];
  /** Resident arrays in order of last use; the values keep them alive until they are evicted. */
  readonly #cached = new Map<Storage, number>();
  #cachedBytes = 0;
  #allocated = 0;
  #peak = 0;
  #arena = { address: 0, bytes: 0 };
  #table = { address: 0, bytes: 0 };
  /** Frees the place of pinned storages (contents of variables) that nobody holds any more. */
  readonly #abandoned = new FinalizationRegistry<{ address: number; bytes: number }>(({ address, bytes }) => {
    this.#unlist(address, bytes);
    this.#free(address, bytes);
  });
  /** What the pinned storages are, by their addresses. Nothing here may refer to them, not even weakly: that would keep them until the end of a synchronous loop. */
  readonly #pinned = new Map<number, { bytes: number; text: string }>();
  #pinnedBytes = 0;
  readonly #mostPages: number;
  /** The home of parts of other storages: they own no place. */
  readonly #window: Home = { fetch: (storage) => this.fetch(storage), evict: () => {}, unpin: () => {} };

  /**
   * @param threads how many threads may run programs in it; for more than one the memory is shared, where the system can do that
   * @param limit bytes that it may grow to; 4 GB is the most that WebAssembly can address
   */
  constructor(threads = 1, limit = mostPages * pageBytes) {
    this.#mostPages = Math.max(initialPages, Math.min(mostPages, Math.floor(limit / pageBytes)));
    const shared = threads > 1 ? sharedMemory(this.#mostPages) : null;
    this.memory = shared ?? new WebAssembly.Memory({ initial: initialPages, maximum: this.#mostPages });
    this.pool = shared === null ? null : new ThreadPool(shared, threads);
    const start = shared === null ? alignment : roundUp(controlBytes(threads));
    this.#gaps = [{ start, end: initialPages * pageBytes }];
  }

  /** How many threads run programs in it. */
  get threads(): number {
    return this.pool?.threads ?? 1;
  }

  /** What it holds now. */
  usage(): HeapUsage {
    return {
      live: this.#allocated,
      peak: this.#peak,
      arrays: this.#cached.size + this.#pinned.size,
      variables: this.#pinnedBytes,
      arena: this.#arena.bytes,
      capacity: this.memory.buffer.byteLength,
    };
  }

  /** The peak counts from now on. */
  resetPeak(): void {
    this.#peak = this.#allocated;
  }

  /** Makes a storage resident and returns its address. */
  admit(storage: Storage): number {
    if (storage.disposed) storage.read();
    if (storage.address === 0) {
      const source = storage.host;
      this.#settle(storage);
      if (source !== null) this.#view(storage).set(source);
    }
    this.#touch(storage);
    return storage.address;
  }

  /** A new resident storage with undefined content. */
  create(dtype: Storage['dtype'], length: number): Storage {
    const storage = new Storage(dtype, length, null);
    this.#settle(storage);
    this.#touch(storage);
    return storage;
  }

  /** Copies the value of one storage into another of the same size. */
  copy(from: Storage, to: Storage): void {
    const bytes = new Uint8Array(this.memory.buffer);
    const source = this.admit(from);
    bytes.copyWithin(this.admit(to), source, source + from.bytes);
    to.host = null;
  }

  /**
   * A storage for a part of the elements of others, one at a time (`show` moves it): it owns nothing, and the other must stay in the heap
   * while it is used.
   */
  part(dtype: Storage['dtype'], length: number): Part {
    const storage = new Storage(dtype, length, null);
    storage.pinned = true;
    storage.home = this.#window;
    return {
      storage,
      show: (whole, index) => {
        storage.host = null;
        storage.address = this.admit(whole) + index * storage.bytes;
      },
    };
  }

  /** Declares the heap's content of a storage to be its value: a program has written it. */
  written(storage: Storage): void {
    storage.host = null;
  }

  /** Exempts a storage from eviction: a variable holds it. */
  pin(storage: Storage): void {
    if (storage.pinned || storage.address === 0) return;
    storage.pinned = true;
    if (this.#cached.delete(storage)) this.#cachedBytes -= storage.bytes;
    this.#pinned.set(storage.address, { bytes: storage.bytes, text: storage.describe() });
    this.#pinnedBytes += storage.bytes;
    this.#abandoned.register(storage, { address: storage.address, bytes: storage.bytes }, storage);
  }

  fetch(storage: Storage) {
    return this.#view(storage).slice();
  }

  evict(storage: Storage): void {
    this.#release(storage, storage.bytes);
  }

  unpin(storage: Storage): void {
    if (!storage.pinned) return;
    this.#forgetPin(storage);
    this.#touch(storage);
  }

  /** Makes room: storages that were not used for longest leave. Not to be called while a program's arguments are being gathered. */
  trim(): void {
    for (const [storage, bytes] of this.#cached) {
      if (this.#cachedBytes <= cacheBytes && this.#cached.size <= mostCached) return;
      if (storage.host === null) storage.host = this.#view(storage).slice();
      this.#release(storage, bytes);
    }
  }

  /** The address of an arena of at least `bytes`; its content does not outlast a program. */
  arena(bytes: number): number {
    if (this.#arena.bytes < bytes) {
      if (this.#arena.bytes > 0) this.#free(this.#arena.address, this.#arena.bytes);
      // Should there be no room, there is none to give back either.
      this.#arena = { address: 0, bytes: 0 };
      this.#arena = { address: this.allocate(bytes), bytes };
    }
    return this.#arena.address;
  }

  /** The address of the table of arguments of the program that runs next. */
  allocateTable(bytes: number): number {
    if (this.#table.bytes < bytes) {
      if (this.#table.bytes > 0) this.#free(this.#table.address, this.#table.bytes);
      this.#table = { address: 0, bytes: 0 };
      this.#table = { address: this.allocate(bytes), bytes };
    }
    return this.#table.address;
  }

  allocate(bytes: number): number {
    const size = roundUp(Math.max(1, bytes));
    // The smallest gap that is large enough.
    let best = -1;
    this.#gaps.forEach((gap, i) => {
      const room = gap.end - gap.start;
      if (room >= size && (best < 0 || room < this.#gaps[best].end - this.#gaps[best].start)) best = i;
    });
    if (best < 0) {
      this.#grow(size);
      return this.allocate(bytes);
    }
    const gap = this.#gaps[best];
    const address = gap.start;
    gap.start += size;
    if (gap.start === gap.end) this.#gaps.splice(best, 1);
    this.#allocated += size;
    this.#peak = Math.max(this.#peak, this.#allocated);
    return address;
  }

  #settle(storage: Storage): void {
    storage.address = this.allocate(storage.bytes);
    storage.home = this;
  }

  #touch(storage: Storage): void {
    if (storage.pinned) return;
    if (!this.#cached.delete(storage)) this.#cachedBytes += storage.bytes;
    this.#cached.set(storage, storage.bytes);
  }

  #release(storage: Storage, bytes: number): void {
    if (storage.address === 0) return;
    if (this.#cached.delete(storage)) this.#cachedBytes -= bytes;
    this.#forgetPin(storage);
    this.#free(storage.address, bytes);
    storage.address = 0;
    storage.home = null;
  }

  #forgetPin(storage: Storage): void {
    if (!storage.pinned) return;
    storage.pinned = false;
    this.#abandoned.unregister(storage);
    this.#unlist(storage.address, storage.bytes);
  }

  #unlist(address: number, bytes: number): void {
    if (this.#pinned.delete(address)) this.#pinnedBytes -= bytes;
  }

  #view(storage: Storage) {
    return viewOf(storage.dtype, this.memory.buffer, storage.address, storage.length);
  }

  #free(address: number, bytes: number): void {
    const end = address + roundUp(Math.max(1, bytes));
    this.#allocated -= end - address;
    let i = this.#gaps.findIndex((gap) => gap.start > address);
    if (i < 0) i = this.#gaps.length;
    this.#gaps.splice(i, 0, { start: address, end });
    if (i + 1 < this.#gaps.length && this.#gaps[i + 1].start === end) {
      this.#gaps[i].end = this.#gaps[i + 1].end;
      this.#gaps.splice(i + 1, 1);
    }
    if (i > 0 && this.#gaps[i - 1].end === address) {
      this.#gaps[i - 1].end = this.#gaps[i].end;
      this.#gaps.splice(i, 1);
    }
  }

  #grow(size: number): void {
    const before = this.memory.buffer.byteLength;
    const last = this.#gaps[this.#gaps.length - 1];
    const missing = size - (last?.end === before ? last.end - last.start : 0);
    // In steps of an eighth, so that growing does not happen at every allocation.
    const pages = Math.ceil(Math.max(missing, before / 8) / pageBytes);
    try {
      this.memory.grow(
        Math.min(pages, Math.max(Math.ceil(missing / pageBytes), this.#mostPages - before / pageBytes)),
      );
    } catch {
      throw new Error(
        `nabla: out of memory: an array or arena of ${inMegabytes(size)} does not fit beside the ${inMegabytes(this.#allocated)} in use ` +
          `(limit ${inMegabytes(this.#mostPages * pageBytes)}). Use smaller batches, or dispose of arrays.${this.#largest()}`,
      );
    }
    this.#free(before, this.memory.buffer.byteLength - before);
    this.#allocated += this.memory.buffer.byteLength - before;
  }

  /** What the largest residents are and where they were made, as the end of an error message. */
  #largest(): string {
    const cached = [...this.#cached.keys()].map((storage) => ({
      bytes: storage.bytes,
      text: storage.describe(),
    }));
    const groups = new Map<string, { bytes: number; count: number }>();
    for (const { bytes, text } of [...cached, ...this.#pinned.values()]) {
      const group = groups.get(text) ?? { bytes: 0, count: 0 };
      groups.set(text, { bytes: group.bytes + bytes, count: group.count + 1 });
    }
    const lines = [...groups]
      .sort(([, a], [, b]) => b.bytes - a.bytes)
      .slice(0, mostNamed)
      .map(([key, { bytes, count }]) => `${inMegabytes(bytes)}: ${count > 1 ? `${count} times ` : ''}${key}`);
    if (this.#arena.bytes > 0)
      lines.push(`${inMegabytes(this.#arena.bytes)}: space for intermediate values of programs`);
    return lines.length === 0 ? '' : ` The largest now:\n  ${lines.join('\n  ')}`;
  }
}

/** How many kinds of arrays an error names. */
const mostNamed = 5;

const inMegabytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(bytes < 2 ** 20 ? 3 : 0)} MB`;

function sharedMemory(maximum: number): WebAssembly.Memory | null {
  try {
    return new WebAssembly.Memory({ initial: initialPages, maximum, shared: true });
  } catch {
    return null;
  }
}

const roundUp = (bytes: number): number => Math.ceil(bytes / alignment) * alignment;
