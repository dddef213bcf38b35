import { firstLine, type NativeHost, nativeHost } from './native_host.ts';

/**
 * Compiled objects on disk, by a hash of all that they were made from. An entry is one file, `<key>-<hash of the content>.so`, so a
 * damaged one is known by its name and no two files need to agree; it appears by a rename, so processes
 * see all of it or nothing; whoever adds one removes those that were not used for longest when there are too many bytes.
 */
export class ObjectCache {
  readonly folder: string;
  readonly limit: number;
  /** Why the last `add` gave null, as the system says it. */
  problem: string | null = null;
  readonly #host: NativeHost;

  /** @param limit bytes of all entries together; default 512 MiB */
  constructor(host: NativeHost, folder: string, limit = 512 * 2 ** 20) {
    this.#host = host;
    this.folder = folder;
    this.limit = limit;
  }

  /** The path of a sound entry, or null. What turns out to be damaged is removed. */
  find(key: string): string | null {
    const { fs, path } = this.#host;
    for (const { name } of this.#entries(key)) {
      const file = path.join(this.folder, name);
      try {
        if (name !== this.#name(key, fs.readFileSync(file))) {
          fs.rmSync(file, { force: true });
          continue;
        }
      } catch {
        // Another process has removed it.
        continue;
      }
      try {
        const now = new Date();
        fs.utimesSync(file, now, now);
      } catch {
        // A folder that cannot be written keeps its order.
      }
      return file;
    }
    return null;
  }

  /** Adds an entry and returns its path, or null if the folder cannot be written. */
  add(key: string, content: Uint8Array): string | null {
    const { fs, path } = this.#host;
    const file = path.join(this.folder, this.#name(key, content));
    const unfinished = path.join(
      this.folder,
      `unfinished-${process.pid}-${Math.random().toString(36).slice(2)}`,
    );
    try {
      fs.mkdirSync(this.folder, { recursive: true, mode: 0o700 });
      fs.writeFileSync(unfinished, content, { mode: 0o700, flag: 'wx' });
      fs.renameSync(unfinished, file);
    } catch (error) {
      this.problem = firstLine(error);
      try {
        fs.rmSync(unfinished, { force: true });
      } catch {
        // Nothing was written.
      }
      return null;
    }
    this.#shrink(path.basename(file));
    return file;
  }

  /** Removes the entries of a key. */
  remove(key: string): void {
    for (const { name } of this.#entries(key)) this.#remove(name);
  }

  /** The folder, its number of entries and their bytes. */
  describe(): { folder: string; entries: number; bytes: number; limit: number } {
    const entries = this.#entries();
    const bytes = entries.reduce((sum, entry) => sum + entry.bytes, 0);
    return { folder: this.folder, entries: entries.length, bytes, limit: this.limit };
  }

  /**
   * Removes all entries, and what else the folder remembers; returns the number of entries that it removed. Loaded programs go on
   * running.
   */
  clear(): number {
    const entries = this.#entries();
    for (const { name } of entries) this.#remove(name);
    this.#removeOthers(/^(unfinished|compiler)-/, Number.NEGATIVE_INFINITY);
    return entries.length - this.#entries().length;
  }

  #name(key: string, content: Uint8Array): string {
    const hash = this.#host.crypto.createHash('sha256').update(content).digest('hex');
    return `${key}-${hash.slice(0, 32)}.so`;
  }

  #entries(key = ''): { name: string; bytes: number; used: number }[] {
    const { fs, path } = this.#host;
    let names: string[];
    try {
      names = fs.readdirSync(this.folder);
    } catch {
      return [];
    }
    const entries: { name: string; bytes: number; used: number }[] = [];
    for (const name of names) {
      if (!/^[0-9a-f]+-[0-9a-f]{32}\.so$/.test(name) || !name.startsWith(key && `${key}-`)) continue;
      try {
        const { size, mtimeMs } = fs.statSync(path.join(this.folder, name));
        entries.push({ name, bytes: size, used: mtimeMs });
      } catch {
        // Another process has removed it.
      }
    }
    return entries;
  }

  #remove(name: string): void {
    try {
      this.#host.fs.rmSync(this.#host.path.join(this.folder, name), { force: true });
    } catch {
      // A folder that cannot be written stays as it is.
    }
  }

  #shrink(newest: string): void {
    const entries = this.#entries();
    let bytes = entries.reduce((sum, entry) => sum + entry.bytes, 0);
    for (const entry of entries.sort((a, b) => a.used - b.used)) {
      if (bytes <= this.limit) break;
      if (entry.name === newest) continue;
      this.#remove(entry.name);
      bytes -= entry.bytes;
    }
    this.#removeOthers(/^unfinished-/, 3_600_000);
  }

  /** Files that a killed process has left, what is known of compilers: all that are older than `age` milliseconds. */
  #removeOthers(pattern: RegExp, age: number): void {
    const { fs, path } = this.#host;
    try {
      for (const name of fs.readdirSync(this.folder)) {
        if (!pattern.test(name)) continue;
        const file = path.join(this.folder, name);
        if (Date.now() - fs.statSync(file).mtimeMs >= age) fs.rmSync(file, { force: true });
      }
    } catch {
      // Another process is doing the same.
    }
  }
}

/** `NABLA_CACHE`, or `nabla` in `XDG_CACHE_HOME` or `~/.cache`. */
export function cacheFolder(host: NativeHost): string {
  const { NABLA_CACHE, XDG_CACHE_HOME } = process.env;
  if (NABLA_CACHE) return host.path.resolve(NABLA_CACHE, 'objects');
  const base =
    XDG_CACHE_HOME && host.path.isAbsolute(XDG_CACHE_HOME)
      ? XDG_CACHE_HOME
      : host.path.join(host.os.homedir(), '.cache');
  return host.path.join(base, 'nabla', 'objects');
}

/** The cache of this user, or null where there is no native tier. */
export function objectCache(): ObjectCache | null {
  const host = nativeHost();
  return typeof host === 'string' ? null : new ObjectCache(host, cacheFolder(host));
}
