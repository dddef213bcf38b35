import { nodeModule } from '../runtime/node_modules.ts';

/** Milliseconds between two looks at a lock, and between two signs of life of its holder. */
const interval = 100;
/** Milliseconds without a sign of life after which a lock counts for nothing, whoever has its process number now. */
const patience = 10_000;

/** What this process does under its locks, or waits for. */
const running = new Map<string, Promise<unknown>>();

/**
 * Runs `body` while no other process on this machine, and nothing else in this one, has the lock at `path`: a file with the number of
 * its process. A lock whose process has ended is taken over.
 *
 * @param signal ends the waiting
 */
export async function withLock<T>(
  path: string,
  signal: AbortSignal | undefined,
  body: () => Promise<T>,
): Promise<T> {
  // One after the other: only one of them is to look at a lock that may be abandoned.
  const before = running.get(path) ?? Promise.resolve();
  const own = before.catch(() => {}).then(() => lockAndRun(path, signal, body));
  running.set(path, own);
  try {
    return await own;
  } finally {
    if (running.get(path) === own) running.delete(path);
  }
}

async function lockAndRun<T>(
  path: string,
  signal: AbortSignal | undefined,
  body: () => Promise<T>,
): Promise<T> {
  const { open, rm, utimes } = nodeModule('node:fs/promises', 'download');
  for (;;) {
    signal?.throwIfAborted();
    try {
      const file = await open(path, 'wx');
      await file.writeFile(String(process.pid)).finally(() => file.close());
      break;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    if (await isAbandoned(path)) await rm(path, { force: true });
    else await new Promise((resolve) => setTimeout(resolve, interval));
  }
  const alive = setInterval(() => {
    const now = new Date();
    // Should the lock be gone, others are at work, too; the checksum tells whether that did harm.
    utimes(path, now, now).catch(() => {});
  }, patience / 10);
  alive.unref?.();
  try {
    return await body();
  } finally {
    clearInterval(alive);
    await rm(path, { force: true });
  }
}

async function isAbandoned(path: string): Promise<boolean> {
  const { readFile, stat } = nodeModule('node:fs/promises', 'download');
  try {
    if (Date.now() - (await stat(path)).mtimeMs > patience) return true;
    const holder = Number(await readFile(path, 'utf8'));
    // Empty: it has just been made. Its own number: another process had it before.
    if (holder === 0) return false;
    if (holder === process.pid) return true;
    process.kill(holder, 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
}
