import { nodeModule } from '../runtime/node_modules.ts';
import { reasonOf, WriteError } from './atomic.ts';

/**
 * Makes a folder and the folders above it that are missing; one that exists is left as it is. Node's recursive mkdir does not do: it never
 * returns where nothing can be made although the system says that something is missing, as in /proc.
 *
 * @throws WriteError
 */
export function makeFolder(path: string): void {
  const { mkdirSync, statSync } = nodeModule('node:fs', 'makeFolder');
  const { dirname, resolve } = nodeModule('node:path', 'makeFolder');
  const make = (folder: string): void => {
    if (statSync(folder, { throwIfNoEntry: false })?.isDirectory()) return;
    const above = dirname(folder);
    if (above !== folder) make(above);
    try {
      mkdirSync(folder);
    } catch (error) {
      // Another process may have made it this moment.
      if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) throw error;
    }
  };
  try {
    make(resolve(path));
  } catch (error) {
    const isFile = statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
    throw new WriteError(path, isFile ? 'there is a file of that name' : reasonOf(error), error);
  }
}
