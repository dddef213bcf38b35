import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { WriteError, writeFileAtomically } from '../../src/io/atomic.ts';

// A disk that fills up after `room` bytes, or a file system that cannot do something, at will.
const disk = { room: Infinity, refuse: '' };

const files = process.getBuiltinModule('node:fs/promises');
const actual = { ...files };
const failure = (code: string): Error => Object.assign(new Error(`${code}: mocked`), { code });

vi.spyOn(files, 'open').mockImplementation(async (path, flags) => {
  if (disk.refuse === 'open') throw failure('EROFS');
  const handle = await actual.open(path, flags);
  if (flags === 'r') return handle;
  const write = handle.writeFile.bind(handle);
  handle.writeFile = async (bytes) => {
    await write((bytes as Uint8Array).slice(0, Math.min(disk.room, (bytes as Uint8Array).length)));
    if ((bytes as Uint8Array).length > disk.room) throw failure('ENOSPC');
  };
  return handle;
});
vi.spyOn(files, 'rename').mockImplementation(async (from, to) => {
  if (disk.refuse === 'rename') throw failure('EPERM');
  return actual.rename(from, to);
});
afterAll(() => {
  vi.restoreAllMocks();
});

let folder = '';
beforeEach(async () => {
  Object.assign(disk, { room: Infinity, refuse: '' });
  folder = await mkdtemp(join(tmpdir(), 'nabla-atomic-'));
});
afterEach(() => rm(folder, { recursive: true }));

describe('writeFileAtomically', () => {
  test('writes bytes and text, new files and over old ones, and leaves nothing else', async () => {
    const path = join(folder, 'model.bin');
    await writeFileAtomically(path, Uint8Array.of(1, 2, 3));
    expect([...(await readFile(path))]).toEqual([1, 2, 3]);
    await writeFileAtomically(path, 'naïve');
    expect(await readFile(path, 'utf8')).toBe('naïve');
    expect(await readdir(folder)).toEqual(['model.bin']);
  });

  test.each([
    ['the disk is full', { room: 2 }],
    ['the disk is read-only', { refuse: 'open' }],
    ['no permission to write there', { refuse: 'rename' }],
  ])('keeps the old file whole and removes the new one when %s', async (reason, fault) => {
    const path = join(folder, 'model.bin');
    await writeFile(path, 'old');
    Object.assign(disk, fault);
    const failure = await writeFileAtomically(path, Uint8Array.of(1, 2, 3)).catch((error) => error);
    expect(failure).toBeInstanceOf(WriteError);
    expect(failure.message).toBe(`cannot write ${path}: ${reason}`);
    expect(failure.path).toBe(path);
    expect(await readFile(path, 'utf8')).toBe('old');
    expect(await readdir(folder)).toEqual(['model.bin']);
  });

  test('says that the folder is missing, is a file, or that a folder is in the way', async () => {
    await expect(writeFileAtomically(join(folder, 'none', 'a'), 'x')).rejects.toThrow(
      'the folder does not exist',
    );
    await writeFile(join(folder, 'plain'), '');
    await expect(writeFileAtomically(join(folder, 'plain', 'a'), 'x')).rejects.toThrow(
      'is a file, not a folder',
    );
    await mkdir(join(folder, 'taken'));
    await expect(writeFileAtomically(join(folder, 'taken'), 'x')).rejects.toThrow(
      'there is a folder of that name',
    );
    expect((await readdir(folder)).sort()).toEqual(['plain', 'taken']);
  });

  test('writers of one path at the same time leave the bytes of one of them', async () => {
    const path = join(folder, 'raced');
    const texts = Array.from({ length: 20 }, (_, i) => String(i).repeat(10_000));
    await Promise.all(texts.map((text) => writeFileAtomically(path, text)));
    expect(texts).toContain(await readFile(path, 'utf8'));
    expect(await readdir(folder)).toEqual(['raced']);
  });
});
