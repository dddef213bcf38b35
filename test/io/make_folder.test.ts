import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { WriteError } from '../../src/io/atomic.ts';
import { makeFolder } from '../../src/io/make_folder.ts';

let place = '';
beforeEach(() => {
  place = mkdtempSync(join(tmpdir(), 'nabla-folder-'));
});
afterEach(() => rmSync(place, { recursive: true }));

describe('makeFolder', () => {
  test('makes what is missing, and leaves what is there', () => {
    const deep = join(place, 'a', 'b', 'c');
    makeFolder(deep);
    writeFileSync(join(deep, 'kept'), '');
    makeFolder(deep);
    expect(statSync(deep).isDirectory()).toBe(true);
    expect(existsSync(join(deep, 'kept'))).toBe(true);
  });

  test('says why it cannot', () => {
    writeFileSync(join(place, 'file'), '');
    expect(() => makeFolder(join(place, 'file', 'below'))).toThrow(WriteError);
    expect(() => makeFolder(join(place, 'file', 'below'))).toThrow(/below: a part of the path is a file/);
    expect(() => makeFolder(join(place, 'file'))).toThrow(/file: a part of the path is a file/);
  });

  test.skipIf(!existsSync('/proc/self'))('ends where a file system takes no folders', () => {
    expect(() => makeFolder('/proc/nabla/run')).toThrow(WriteError);
  });
});
