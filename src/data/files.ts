import { nodeModule } from '../runtime/node_modules.ts';
import { DataError } from './dataset.ts';

/** Largest size of a file in one piece, also decompressed, 2 GiB: what Node takes. */
const largest = 2 ** 31 - 1;

/** Says in words why a file cannot be read. */
export function whyUnreadable(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT') return 'no such file';
  if (code === 'EISDIR') return 'is a folder, not a file';
  if (code === 'EACCES') return 'no permission to read the file';
  if (code === 'ERR_FS_FILE_TOO_LARGE') return 'the file is larger than 2 GiB; stream it instead';
  return message;
}

const isGzip = (bytes: Uint8Array): boolean => bytes.length >= 2 && bytes[0] === 0x1f && bytes[1] === 0x8b;

function gzipError(path: string, error: unknown): DataError {
  const { code, message } = error as NodeJS.ErrnoException;
  const reasons: Record<string, string> = {
    Z_BUF_ERROR: 'truncated gzip data',
    ERR_BUFFER_TOO_LARGE: 'the gzip data expand to more than 2 GiB',
  };
  const reason = reasons[code ?? ''] ?? `damaged gzip data (${message})`;
  return new DataError(`${path}: ${reason}; copy or download the file again`, { cause: error });
}

/**
 * The bytes of a file, decompressed if its first bytes say that it is gzip.
 *
 * @param caller what an error names where there are no files
 * @throws DataError when it cannot be read, is damaged, or expands to more than 2 GiB
 */
export async function readBytes(path: string, caller: string): Promise<Uint8Array> {
  const { readFile } = nodeModule('node:fs/promises', caller);
  const { gunzip } = nodeModule('node:zlib', caller);
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch (error) {
    throw new DataError(`${path}: ${whyUnreadable(error)}`, { cause: error });
  }
  if (!isGzip(bytes)) return bytes;
  try {
    return await new Promise<Uint8Array>((resolve, reject) => {
      gunzip(bytes, { maxOutputLength: largest }, (error, data) => (error ? reject(error) : resolve(data)));
    });
  } catch (error) {
    throw gzipError(path, error);
  }
}

/** Bytes of a file as they are, piece by piece. @throws DataError when it cannot be read */
export async function* byteChunksAsStored(path: string, caller: string): AsyncGenerator<Uint8Array> {
  try {
    yield* nodeModule('node:fs', caller).createReadStream(path);
  } catch (error) {
    throw new DataError(`${path}: ${whyUnreadable(error)}`, { cause: error });
  }
}

/**
 * Bytes of a file, piece by piece, decompressed if it is gzip: no more than a piece is in memory.
 *
 * @throws DataError when it cannot be read or is damaged
 */
export async function* byteChunks(path: string, caller: string): AsyncGenerator<Uint8Array> {
  const { open } = nodeModule('node:fs/promises', caller);
  const { createGunzip } = nodeModule('node:zlib', caller);
  let file: Awaited<ReturnType<typeof open>>;
  const start = new Uint8Array(2);
  try {
    file = await open(path, 'r');
  } catch (error) {
    throw new DataError(`${path}: ${whyUnreadable(error)}`, { cause: error });
  }
  try {
    const { bytesRead } = await file.read(start, 0, 2, 0);
    const raw = file.createReadStream({ start: 0, autoClose: false });
    if (!isGzip(start.subarray(0, bytesRead))) {
      yield* raw;
      return;
    }
    const unpacked = createGunzip();
    raw.on('error', (error) => unpacked.destroy(error));
    try {
      yield* raw.pipe(unpacked);
    } finally {
      raw.destroy();
    }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code?.startsWith('Z_')) throw gzipError(path, error);
    if (code !== undefined) throw new DataError(`${path}: ${whyUnreadable(error)}`, { cause: error });
    throw error;
  } finally {
    await file.close();
  }
}

const decoder = (): TextDecoder => new TextDecoder('utf-8', { fatal: true });

const notUtf8 = (name: string, error: unknown): DataError =>
  new DataError(`${name}: not UTF-8 text; convert it, or is it the right file?`, { cause: error });

/**
 * Bytes as UTF-8 text, without a byte order mark.
 *
 * @throws DataError when they are none
 */
export function decodeText(bytes: Uint8Array, name: string): string {
  try {
    return decoder().decode(bytes);
  } catch (error) {
    throw notUtf8(name, error);
  }
}

/** Text of a file, piece by piece; as {@link byteChunks}. */
export async function* textChunks(path: string, caller: string): AsyncGenerator<string> {
  const text = decoder();
  const decode = (bytes?: Uint8Array): string => {
    try {
      return bytes === undefined ? text.decode() : text.decode(bytes, { stream: true });
    } catch (error) {
      throw notUtf8(path, error);
    }
  };
  for await (const bytes of byteChunks(path, caller)) yield decode(bytes);
  yield decode();
}
