import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { run } from '../../src/cli/program.ts';
import { nativeHost } from '../../src/runtime/cpu/native_host.ts';
import { ObjectCache } from '../../src/runtime/cpu/object_cache.ts';

async function doctor(...flags: string[]): Promise<{ code: number; out: string; err: string }> {
  let [out, err] = ['', ''];
  const code = await run(['doctor', ...flags], {
    stdout: { write: (text) => (out += text) },
    stderr: { write: (text) => (err += text) },
    env: {},
    signal: new AbortController().signal,
  });
  return { code, out, err };
}

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'nabla-test-'));
  vi.stubEnv('NABLA_CACHE', root);
});
afterEach(() => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
  rmSync(root, { recursive: true, force: true });
});

const host = nativeHost();

if (typeof host === 'string')
  describe(`nabla doctor where there is no native code: ${host}`, () => {
    it('shows no cache and has none to clear', async () => {
      expect((await doctor()).out).not.toContain('native cache');
      expect(await doctor('--clear-cache')).toMatchObject({
        code: 0,
        out: 'there is no cache of compiled programs, as native code is not possible here\n',
      });
    });
  });
else
  describe('nabla doctor and the native cache', () => {
    const folder = (): string => join(root, 'objects');
    const fill = (count: number): void => {
      const cache = new ObjectCache(host, folder());
      for (let i = 0; i < count; i++) cache.add(`${i}`.repeat(64), new Uint8Array(2 ** 20).fill(i));
    };
    const cacheLine = async (): Promise<string | undefined> =>
      (await doctor()).out
        .split('\n')
        .find((line) => line.startsWith('native cache'))
        ?.replace(/^native cache\s+/, '');

    it('shows where it is, how many programs it has, how large it is and may be', async () => {
      expect(await cacheLine()).toBe(
        `${folder()}: 0 programs, 0.0 MiB of at most 512.0 MiB (--clear-cache empties it)`,
      );
      fill(1);
      expect(await cacheLine()).toContain(': 1 program, 1.0 MiB of');
      fill(3);
      expect(await cacheLine()).toContain(': 3 programs, 3.0 MiB of');
    });

    it('clears it, and nothing else', async () => {
      fill(3);
      writeFileSync(join(folder(), 'letter.txt'), 'mine');
      writeFileSync(join(root, 'other'), 'mine too');
      expect(await doctor('--clear-cache')).toEqual({
        code: 0,
        out: `removed 3 programs, 3.0 MiB, from ${folder()}\n`,
        err: '',
      });
      expect(readdirSync(folder())).toEqual(['letter.txt']);
      expect(existsSync(join(root, 'other'))).toBe(true);
      expect((await doctor('--clear-cache')).out).toBe(`removed 0 programs, 0.0 MiB, from ${folder()}\n`);
      expect(await cacheLine()).toContain(': 0 programs, 0.0 MiB of');
    });

    it('says what it could not remove', async () => {
      fill(2);
      vi.spyOn(host.fs, 'rmSync').mockImplementation(() => {
        throw Object.assign(new Error('EACCES: permission denied'), { code: 'EACCES' });
      });
      const { code, out, err } = await doctor('--clear-cache');
      expect({ code, out }).toEqual({ code: 1, out: '' });
      expect(err).toBe(
        `nabla: doctor: 2 programs of 2 in ${folder()} cannot be removed; is the folder yours to write?\n`,
      );
    });
  });
