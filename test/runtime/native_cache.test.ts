import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Compiler, findCompiler } from '../../src/runtime/cpu/c_compiler.ts';
import { nativeHost } from '../../src/runtime/cpu/native_host.ts';
import { loadObject, loadObjectAsync } from '../../src/runtime/cpu/native_load.ts';
import { cacheFolder, ObjectCache, objectCache } from '../../src/runtime/cpu/object_cache.ts';

const ownCache = mkdtempSync(join(tmpdir(), 'nabla-test-'));
process.env.NABLA_CACHE = ownCache;
afterAll(() => rmSync(ownCache, { recursive: true, force: true }));

const host = nativeHost();
const compiler = findCompiler();
const problem = typeof host === 'string' ? host : typeof compiler === 'string' ? compiler : null;

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'nabla-test-'));
  vi.stubEnv('NABLA_CACHE', root);
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(root, { recursive: true, force: true });
});

const bytes = (length: number, value: number): Uint8Array => new Uint8Array(length).fill(value);
const key = (digit: string): string => digit.repeat(64);

if (typeof host === 'string') describe.skip(`object cache: ${host}`, () => {});
else
  describe('object cache', () => {
    const cacheOf = (limit?: number): ObjectCache => new ObjectCache(host, join(root, 'objects'), limit);

    it('finds what was added, and nothing else', () => {
      const cache = cacheOf();
      expect(cache.find(key('a'))).toBe(null);
      const file = cache.add(key('a'), bytes(100, 1));
      expect(cache.find(key('a'))).toBe(file);
      expect([...readFileSync(file!)]).toEqual([...bytes(100, 1)]);
      expect(cache.find(key('b'))).toBe(null);
      expect(cache.describe()).toEqual({
        folder: cache.folder,
        entries: 1,
        bytes: 100,
        limit: 512 * 2 ** 20,
      });
      expect(readdirSync(cache.folder)).toHaveLength(1);
    });

    it.each([
      ['cut short', (file: string) => truncateSync(file, 50)],
      ['changed', (file: string) => writeFileSync(file, bytes(100, 2))],
      ['emptied', (file: string) => writeFileSync(file, '')],
    ])('removes an entry that was %s', (_, damage) => {
      const cache = cacheOf();
      const file = cache.add(key('a'), bytes(100, 1))!;
      damage(file);
      expect(cache.find(key('a'))).toBe(null);
      expect(existsSync(file)).toBe(false);
    });

    it('keeps to its limit: what was not used for longest goes first, what is new stays', () => {
      const cache = cacheOf(250);
      const files = ['a', 'b'].map((name) => cache.add(key(name), bytes(100, 1))!);
      utimesSync(files[0], 1000, 1000);
      utimesSync(files[1], 2000, 2000);
      // Use makes the first entry the younger one.
      cache.find(key('a'));
      cache.add(key('c'), bytes(100, 3));
      expect(['a', 'b', 'c'].map((name) => cache.find(key(name)) !== null)).toEqual([true, false, true]);
      cache.add(key('d'), bytes(1000, 4));
      expect(cache.describe()).toMatchObject({ entries: 1, bytes: 1000 });
    });

    it('is emptied by clear, with what killed processes have left, and touches no other file', () => {
      const cache = cacheOf();
      for (const name of ['a', 'b', 'c']) cache.add(key(name), bytes(10, 1));
      writeFileSync(join(cache.folder, 'unfinished-1-x'), 'half');
      writeFileSync(join(cache.folder, 'compiler-1.txt'), 'known');
      writeFileSync(join(cache.folder, 'letter.txt'), 'mine');
      expect(cache.clear()).toBe(3);
      expect(readdirSync(cache.folder)).toEqual(['letter.txt']);
      expect(cache.clear()).toBe(0);
    });

    it('gives null where nothing can be written', () => {
      writeFileSync(join(root, 'file'), '');
      const cache = new ObjectCache(host, join(root, 'file', 'objects'));
      expect(cache.add(key('a'), bytes(10, 1))).toBe(null);
      expect(cache.find(key('a'))).toBe(null);
      expect(cache.describe()).toMatchObject({ entries: 0, bytes: 0 });
      expect(cache.clear()).toBe(0);
    });

    it('lies where NABLA_CACHE says, else in XDG_CACHE_HOME, else in the home folder', () => {
      expect(cacheFolder(host)).toBe(join(root, 'objects'));
      vi.stubEnv('NABLA_CACHE', '');
      vi.stubEnv('XDG_CACHE_HOME', '/somewhere');
      expect(cacheFolder(host)).toBe('/somewhere/nabla/objects');
      vi.stubEnv('XDG_CACHE_HOME', 'not/absolute');
      vi.stubEnv('HOME', '/home/someone');
      expect(cacheFolder(host)).toBe('/home/someone/.cache/nabla/objects');
    });
  });

describe.skipIf(problem !== null)(`objects on disk${problem === null ? '' : `: ${problem}`}`, () => {
  const cc = compiler as Compiler;
  let number = 0;
  /** Text that was not compiled before, in this process or another. */
  const source = (value: number): string =>
    `// ${process.pid} ${number++}\n__attribute__((visibility("default"))) int f(void) { return ${value}; }\n`;
  const call = (library: ReturnType<typeof loadObject>): number =>
    (library.func('int f()') as unknown as () => number)();

  it('are compiled once', () => {
    const text = source(7);
    const library = loadObject(cc, text);
    expect(call(library)).toBe(7);
    expect(objectCache()!.describe().entries).toBe(1);
    expect(loadObject(cc, text)).toBe(library);
  });

  it('of an earlier process need no compiler', () => {
    const cache = objectCache()!;
    const found = vi.spyOn(ObjectCache.prototype, 'find');
    expect(call(loadObject(cc, source(11)))).toBe(11);
    const [[made]] = found.mock.calls;
    const content = readFileSync(cache.find(made)!);
    found.mockClear();
    // A compiler that cannot be run, and the object under the key that belongs to the text.
    const broken: Compiler = { ...cc, command: '/no/such/compiler' };
    const text = source(12);
    expect(() => loadObject(broken, text)).toThrow(/\/no\/such\/compiler cannot be run/);
    cache.add(found.mock.calls[0][0], content);
    expect(call(loadObject(broken, text))).toBe(11);
    found.mockRestore();
  });

  it('that do not load are made again', () => {
    const text = source(13);
    const cache = objectCache()!;
    // The entry is whole, as its name says, but no shared object.
    const find = vi.spyOn(ObjectCache.prototype, 'find');
    find.mockImplementationOnce((wanted) => cache.add(wanted, bytes(100, 9)));
    expect(call(loadObject(cc, text))).toBe(13);
    find.mockRestore();
    expect(cache.describe().entries).toBe(1);
  });

  it('work without a folder for them', async () => {
    writeFileSync(join(root, 'file'), '');
    vi.stubEnv('NABLA_CACHE', join(root, 'file'));
    expect(call(loadObject(cc, source(17)))).toBe(17);
    expect(call(await loadObjectAsync(cc, source(19)))).toBe(19);
    expect(readdirSync(root)).toEqual(['file']);
  });

  it('leave nothing in the folder for temporary files', async () => {
    const temporary = join(root, 'temporary');
    mkdirSync(temporary);
    vi.stubEnv('TMPDIR', temporary);
    loadObject(cc, source(1));
    await loadObjectAsync(cc, source(2));
    expect(() => loadObject(cc, 'no C at all')).toThrow();
    await expect(loadObjectAsync(cc, 'nor this')).rejects.toThrow();
    expect(readdirSync(temporary)).toEqual([]);
  });
});
