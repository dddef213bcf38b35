import { nodeModule } from '../runtime/node_modules.ts';

/** A file could not be written. What was at its path before is still there, whole. */
export class WriteError extends Error {
  override name = 'WriteError';
  /** The path that was to be written. */
  readonly path: string;

  constructor(path: string, reason: string, cause: unknown) {
    super(`cannot write ${path}: ${reason}`, { cause });
    this.path = path;
  }
}

const reasons: Record<string, string> = {
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota is used up',
  EFBIG: 'the file is too large for this disk',
  EROFS: 'the disk is read-only',
  EACCES: 'no permission to write there',
  EPERM: 'no permission to write there',
  ENOENT: 'the folder does not exist',
  ENOTDIR: 'a part of the path is a file, not a folder',
  EISDIR: 'there is a folder of that name',
  ENOTEMPTY: 'there is a folder of that name',
  EEXIST: 'there is a folder of that name',
  ENAMETOOLONG: 'the name is too long',
};

/** Says in words why a file system call failed. */
export function reasonOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return (code !== undefined && reasons[code]) || message;
}

/** How names of temporary files end, after six random bytes. */
const temporaryEnd = '.tmp';
const temporaryName = /^\.(.+)\.[0-9a-f]{12}\.tmp$/;

/**
 * Removes what processes that were killed while they wrote have left in a folder: temporary files of `writeFileAtomically`. Only
 * for folders that no other process writes to.
 *
 * @param isOwn by the name of the file that was to be written; default: all
 */
export async function removeTemporaries(
  folder: string,
  isOwn: (name: string) => boolean = () => true,
): Promise<void> {
  const { readdir, rm } = nodeModule('node:fs/promises', 'save');
  const { join } = nodeModule('node:path', 'save');
  // What cannot be removed does no harm.
  const names = await readdir(folder).catch((): string[] => []);
  for (const name of names) {
    const target = temporaryName.exec(name)?.[1];
    if (target !== undefined && isOwn(target)) await rm(join(folder, name), { force: true }).catch(() => {});
  }
}

/**
 * Writes a file so that at every moment, also when the process is killed or the power fails, its path holds either the
 * old bytes or all of the new ones: the bytes go to a temporary file in the same folder, are flushed to the disk, and
 * the temporary file is renamed over the path. On an error the temporary file is removed.
 *
 * @param bytes the contents; a string is written as UTF-8
 * @throws WriteError that says why: the disk is full or read-only, the folder does not exist, ...
 */
export async function writeFileAtomically(path: string, bytes: Uint8Array | string): Promise<void> {
  const { open, rename, rm } = nodeModule('node:fs/promises', `save ${path}`);
  const { basename, dirname, join } = nodeModule('node:path', 'save');
  const { randomBytes } = nodeModule('node:crypto', 'save');
  const folder = dirname(path);
  const temporary = join(
    folder,
    `.${basename(path).slice(0, 200)}.${randomBytes(6).toString('hex')}${temporaryEnd}`,
  );
  try {
    const file = await open(temporary, 'wx');
    try {
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    // The first error is the one to report, whatever becomes of the removal.
    await rm(temporary, { force: true }).catch(() => {});
    throw new WriteError(path, reasonOf(error), error);
  }
  await flushFolder(folder);
}

/** Makes the renaming itself last through a power failure, where the system can flush folders (Windows cannot). */
async function flushFolder(folder: string): Promise<void> {
  const { open } = nodeModule('node:fs/promises', 'save');
  try {
    const handle = await open(folder, 'r');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  } catch {
    // The file is in place; only its survival of a power failure within the next seconds is less certain.
  }
}
