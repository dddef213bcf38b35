import { checkOptions } from '../core/options.ts';
import { reasonOf, WriteError } from '../io/atomic.ts';
import { nodeModule } from '../runtime/node_modules.ts';
import { DataError } from './dataset.ts';
import { withLock } from './download_lock.ts';
import { byteChunksAsStored } from './files.ts';

/** Options of {@link download}. */
export interface DownloadOptions {
  /** SHA-256 of the file, 64 hexadecimal digits. */
  readonly sha256: string;
  /** Its size in bytes: more is refused as soon as it comes. Default: not known. */
  readonly size?: number;
  /** How often a transfer that fails is taken up again. Default 3. */
  readonly retries?: number;
  /** Seconds without a byte after which a transfer has failed. Default 60. */
  readonly timeout?: number;
  /** Seconds before the first further attempt, twice as many before the next one, and so on. Default 1. */
  readonly pause?: number;
  /** Called when bytes have come: how many there are, and of how many, if known. */
  readonly onProgress?: (bytes: number, total: number | null) => void;
  /** Aborting it ends the download; what has come stays for the next one. */
  readonly signal?: AbortSignal;
}

/** A failure that another attempt may mend. */
class Interruption extends Error {}

/**
 * Downloads a file, unless it is there already. Bytes go to `<path>.part`; a transfer that is interrupted, even by the end of the process,
 * goes on from there if the server can. Only when the checksum is right the file gets its name, so at `path` there is never a part
 * of a file or another one. Processes that want the same file at the same time wait for the one that was first.
 *
 * @returns the path
 * @throws DataError when the server cannot be reached (with what to do offline), does not have it, or the contents are others
 * @throws WriteError when it cannot be written
 */
export async function download(url: string | URL, path: string, options: DownloadOptions): Promise<string> {
  checkOptions('download', options, [
    'sha256',
    'size',
    'retries',
    'timeout',
    'pause',
    'onProgress',
    'signal',
  ]);
  const { sha256, retries = 3, pause = 1, signal } = options;
  if (typeof sha256 !== 'string' || !/^[0-9a-fA-F]{64}$/.test(sha256))
    throw new TypeError(`download: sha256 must be 64 hexadecimal digits, got ${JSON.stringify(sha256)}`);
  const address = new URL(url);
  if (address.protocol !== 'https:' && address.protocol !== 'http:')
    throw new DataError(`download: ${address.href}: only http: and https: can be downloaded`);
  const { existsSync } = nodeModule('node:fs', 'download');
  const { mkdir, open, rename, rm } = nodeModule('node:fs/promises', 'download');
  const { dirname } = nodeModule('node:path', 'download');
  const wanted = sha256.toLowerCase();
  if (existsSync(path) && (await hashOf(path)) === wanted) return path;
  const part = `${path}.part`;
  const writing = async <T>(act: () => Promise<T>): Promise<T> => {
    try {
      return await act();
    } catch (error) {
      throw new WriteError(part, reasonOf(error), error);
    }
  };
  await writing(() => mkdir(dirname(path), { recursive: true }));
  const fetchAll = async (): Promise<string> => {
    // Another process may just have brought it, or one was killed when it had all.
    if (existsSync(path) && (await hashOf(path)) === wanted) return path;
    if (!(existsSync(part) && (await hashOf(part)) === wanted)) await fetchPart();
    await writing(async () => {
      const file = await open(part, 'r+');
      try {
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(part, path);
    });
    return path;
  };
  const fetchPart = async (): Promise<void> => {
    let hadAnother = false;
    for (let attempt = 0; ; ) {
      const start = existsSync(part) ? await sizeOf(part) : 0;
      try {
        await transfer(address, part, start, options);
      } catch (error) {
        if (!(error instanceof Interruption)) throw error;
        // A transfer that brought something was worth while: only those in vain count.
        const progress = existsSync(part) && (await sizeOf(part)) > start;
        if (!progress) attempt++;
        if (attempt > retries) throw new DataError(error.message, { cause: error.cause });
        await wait(pause * 2 ** Math.max(0, attempt - 1), signal);
        continue;
      }
      const found = await hashOf(part);
      if (found === wanted) return;
      await writing(() => rm(part));
      // What was resumed may have been the beginning of something else.
      if (start === 0 || hadAnother)
        throw new DataError(
          `download: ${address.href} has other contents than expected: SHA-256 ${found}, not ${wanted}. The file has changed, or ` +
            'something on the way to it answers in its place; nothing was kept',
        );
      hadAnother = true;
    }
  };
  try {
    return await withLock(`${part}.lock`, signal, fetchAll);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).syscall === undefined) throw error;
    throw new WriteError(part, reasonOf(error), error);
  }
}

const sizeOf = async (path: string): Promise<number> =>
  (await nodeModule('node:fs/promises', 'download').stat(path)).size;

/** SHA-256 of a file, in hexadecimal digits. @throws DataError when it cannot be read */
async function hashOf(path: string): Promise<string> {
  const hash = nodeModule('node:crypto', 'download').createHash('sha256');
  for await (const bytes of byteChunksAsStored(path, 'download')) hash.update(bytes);
  return hash.digest('hex');
}

async function wait(seconds: number, signal: AbortSignal | undefined): Promise<void> {
  const end = Date.now() + seconds * 1000;
  while (Date.now() < end) {
    signal?.throwIfAborted();
    await new Promise((resolve) => setTimeout(resolve, Math.min(100, end - Date.now())));
  }
  signal?.throwIfAborted();
}

const unreachable: Readonly<Record<string, string>> = {
  ENOTFOUND: 'its name is not known',
  EAI_AGAIN: 'names cannot be looked up',
  ECONNREFUSED: 'the connection is refused',
  ENETUNREACH: 'the network cannot be reached',
  EHOSTUNREACH: 'the host cannot be reached',
  ETIMEDOUT: 'no answer',
  UND_ERR_CONNECT_TIMEOUT: 'no answer',
};

/** One request, appended to the part that there is. @throws Interruption when another attempt may help */
async function transfer(url: URL, part: string, start: number, options: DownloadOptions): Promise<void> {
  const { timeout = 60, size, onProgress, signal } = options;
  const { open } = nodeModule('node:fs/promises', 'download');
  const stalled = new AbortController();
  const watch = (): NodeJS.Timeout => setTimeout(() => stalled.abort(), timeout * 1000);
  let timer = watch();
  const stop = (): void => stalled.abort();
  signal?.addEventListener('abort', stop);
  try {
    signal?.throwIfAborted();
    const headers: Record<string, string> = { 'accept-encoding': 'identity' };
    if (start > 0) headers.range = `bytes=${start}-`;
    const response = await fetch(url, { headers, signal: stalled.signal });
    const from = /^bytes (\d+)-/.exec(response.headers.get('content-range') ?? '')?.[1];
    const isRest = response.status === 206 && Number(from) === start;
    if (response.status === 416 && start > 0) {
      // There is no more: the part is whole, or of something else, which the checksum tells.
      await response.body?.cancel();
      return;
    }
    if (!response.ok || (response.status === 206 && !isRest)) {
      await response.body?.cancel();
      const message =
        `download: ${url.href}: the server answers ${response.status} ${response.statusText}`.trim();
      if (response.status >= 500 || response.status === 408 || response.status === 429)
        throw new Interruption(`${message}; try again later`);
      throw new DataError(message);
    }
    const given = response.headers.get('content-length');
    let bytes = isRest ? start : 0;
    const total = size ?? (given === null ? null : bytes + Number(given));
    const file = await open(part, isRest ? 'a' : 'w').catch((error) => {
      throw new WriteError(part, reasonOf(error), error);
    });
    try {
      for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
        clearTimeout(timer);
        timer = watch();
        bytes += chunk.length;
        if (size !== undefined && bytes > size)
          throw new DataError(
            `download: ${url.href} is larger than the ${size} bytes expected; it has changed, or something answers in its place`,
          );
        await file.writeFile(chunk).catch((error) => {
          throw new WriteError(part, reasonOf(error), error);
        });
        onProgress?.(bytes, total);
      }
    } finally {
      await file.close();
    }
  } catch (error) {
    if (error instanceof DataError || error instanceof WriteError || error instanceof Interruption)
      throw error;
    signal?.throwIfAborted();
    if (stalled.signal.aborted)
      throw new Interruption(`download: ${url.href}: nothing has come for ${timeout} s`, { cause: error });
    const { code, message } = ((error as Error).cause ?? error) as NodeJS.ErrnoException;
    const reason = unreachable[code ?? ''];
    throw new Interruption(
      reason === undefined
        ? `download: ${url.href}: the transfer was interrupted (${message}); what has come is kept, so call it again to go on`
        : `download: ${url.host} cannot be reached: ${reason}. Without a network, fetch ${url.href} elsewhere and put it at ` +
            part.slice(0, -'.part'.length),
      { cause: error },
    );
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', stop);
  }
}
