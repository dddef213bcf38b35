import { nodeModule } from '../runtime/node_modules.ts';
import { reasonOf, WriteError } from './atomic.ts';

/**
 * Makes a folder and the folders above it that are missing; one that exists is left as it is. Node's recursive mkdir does not do: it never
 * returns where nothing can be made although the system says that something is missing, as in /proc.
 *
 * @throws WriteError
 */
export function makeFolder(path: string): void {
  const { existsSync, mkdirSync, statSync } = nodeModule('node:fs', 'makeFolder');
  const { dirname, resolve } = nodeModule('node:path', 'makeFolder');
  const isFolder = (folder: string): boolean => existsSync(folder) && statSync(folder).isDirectory();
  const make = (folder: string): void => {
    if (isFolder(folder)) return;
    if (existsSync(folder)) throw Object.assign(new Error(`${folder} is a file`), { code: 'ENOTDIR' });
    const above = dirname(folder);
    if (above !== folder) make(above);
    try {
      mkdirSync(folder);
    } catch (error) {
      // Another process may have made it this moment.
      if (!isFolder(folder)) throw error;
    }
  };
  try {
    make(resolve(path));
  } catch (error) {
    throw new WriteError(path, reasonOf(error), error);
  }
}
