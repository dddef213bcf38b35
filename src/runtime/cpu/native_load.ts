import { CompileError, type Compiler, compile, compileSync } from './c_compiler.ts';
import { firstLine, type NativeHost, nativeHost } from './native_host.ts';
import { objectCache } from './object_cache.ts';
import { warn } from './warn.ts';

/** An opened shared object. */
export type Library = import('koffi').LibraryHandle;

const loaded = new Map<string, Library>();

/** What identifies an object: the compiler with its processor and flags, further options and the text. */
function keyOf(host: NativeHost, compiler: Compiler, text: string, extra: readonly string[]): string {
  const hash = host.crypto.createHash('sha256');
  for (const part of [compiler.identity, extra.join(' '), text]) hash.update(`${part.length}:${part}`);
  return hash.digest('hex');
}

function requireHost(): NativeHost {
  const host = nativeHost();
  if (typeof host === 'string') throw new Error(`nabla: ${host}`);
  return host;
}

/** The object of an earlier call or an earlier process, if there is one that loads. */
function fromCache(host: NativeHost, key: string): Library | null {
  const known = loaded.get(key);
  if (known !== undefined) return known;
  const cache = objectCache();
  const file = cache?.find(key) ?? null;
  if (file === null) return null;
  try {
    const library = host.koffi.load(file);
    loaded.set(key, library);
    return library;
  } catch {
    // It is whole but of no use here: made anew.
    cache?.remove(key);
    return null;
  }
}

let warned = false;

/** Compiled code that cannot be kept serves this process all the same. */
function warnAboutFolder(folder: string, problem: string): void {
  if (warned) return;
  warned = true;
  warn(
    `nabla: compiled programs cannot be kept in ${folder} (${problem}), so every process compiles them anew; NABLA_CACHE names another folder`,
  );
}

function open(host: NativeHost, compiler: Compiler, key: string, content: Uint8Array): Library {
  const { fs, os, path, koffi } = host;
  let library: Library | null = null;
  const cache = objectCache();
  const file = cache?.add(key, content) ?? null;
  if (cache !== null && cache.problem !== null) warnAboutFolder(cache.folder, cache.problem);
  if (file !== null) {
    try {
      library = koffi.load(file);
    } catch {
      // The folder may lie where nothing may be executed, or another process has just cleared it.
    }
  }
  if (library === null) {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'nabla-'));
    try {
      const once = path.join(folder, 'object.so');
      fs.writeFileSync(once, content, { mode: 0o700 });
      library = koffi.load(once);
    } catch (error) {
      throw new CompileError(`what ${compiler.command} has made does not load: ${firstLine(error)}`);
    } finally {
      // What is loaded stays in memory without its file.
      fs.rmSync(folder, { recursive: true, force: true });
    }
  }
  loaded.set(key, library);
  return library;
}

/**
 * Compiles C text, or finds it compiled in this process or in the cache, and opens it.
 *
 * @param extra further options for the compiler
 * @throws CompileError if the compiler fails or what it gives does not load, Error if native code cannot be used at all
 */
export function loadObject(compiler: Compiler, text: string, extra: readonly string[] = []): Library {
  const host = requireHost();
  const key = keyOf(host, compiler, text, extra);
  return fromCache(host, key) ?? open(host, compiler, key, compileSync(compiler, text, extra));
}

/** As `loadObject`; compiles in the background. */
export async function loadObjectAsync(
  compiler: Compiler,
  text: string,
  extra: readonly string[] = [],
): Promise<Library> {
  const host = requireHost();
  const key = keyOf(host, compiler, text, extra);
  const found = fromCache(host, key);
  if (found !== null) return found;
  const content = await compile(compiler, text, extra);
  return loaded.get(key) ?? open(host, compiler, key, content);
}
