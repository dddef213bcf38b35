import { mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { loader } from '../../src/data/index.ts';
import { WriteError } from '../../src/io/atomic.ts';
import * as nn from '../../src/nn/index.ts';
import * as optim from '../../src/optim/index.ts';
import { readState } from '../../src/train/checkpoint_file.ts';
import { checkpoints, csvLog, fit } from '../../src/train/index.ts';
import { toyImages, toyModel } from './toy.ts';

/**
 * A process can be killed, and a disk can be full, at every call that changes files. All of them are tried: the training stops there for
 * ever (or the call fails), another one resumes, and the folder must be that of a training that was not disturbed.
 */

type Fault = 'freeze after' | 'freeze halfway' | 'no space';
const disk = { calls: [] as string[], at: Infinity, fault: 'no space' as Fault, frozen: () => {} };
const open = new Set<FileHandle>();
const forever = (): Promise<never> => {
  disk.frozen();
  return new Promise(() => {});
};

/** Does a call on the file system, unless this is the one with the fault. `half` is what may be left of it. */
async function call<T>(name: string, action: () => Promise<T>, half?: () => Promise<unknown>): Promise<T> {
  disk.calls.push(name);
  if (disk.calls.length !== disk.at) return action();
  if (disk.fault === 'freeze after') await action();
  else await half?.();
  if (disk.fault === 'no space') throw Object.assign(new Error('ENOSPC: mocked'), { code: 'ENOSPC' });
  return forever();
}

const files = process.getBuiltinModule('node:fs/promises');
const actual = { ...files };
const short = (path: unknown): string => basename(String(path)).replace(/\.[0-9a-f]{12}\.tmp$/, '.tmp');

vi.spyOn(files, 'open').mockImplementation(async (path, flags) => {
  const name = short(path);
  const opened = async (): Promise<FileHandle> => {
    const handle = await actual.open(path, flags);
    open.add(handle);
    return handle;
  };
  const handle = flags === 'r' ? await opened() : await call(`create ${name}`, opened);
  const [write, sync, close] = [handle.writeFile, handle.sync, handle.close].map((f) => f.bind(handle)) as [
    FileHandle['writeFile'],
    FileHandle['sync'],
    FileHandle['close'],
  ];
  handle.writeFile = (data) => {
    const bytes = typeof data === 'string' ? Buffer.from(data) : (data as Uint8Array);
    return call(
      `write ${name}`,
      () => write(bytes),
      () => write(bytes.subarray(0, bytes.length >> 1)),
    );
  };
  handle.sync = () => call(`flush ${name}`, sync);
  handle.close = () => {
    open.delete(handle);
    return close();
  };
  return handle;
});
vi.spyOn(files, 'rename').mockImplementation((from, to) =>
  call(`rename ${short(from)} ${short(to)}`, () => actual.rename(from, to)),
);
vi.spyOn(files, 'rm').mockImplementation((path, options) =>
  // Removing what was not finished is no use of the disk that could fail.
  short(path).endsWith('.tmp')
    ? actual.rm(path, options)
    : call(`remove ${short(path)}`, () => actual.rm(path, options)),
);
afterAll(() => {
  vi.restoreAllMocks();
});
beforeEach(() => {
  Object.assign(disk, { calls: [], at: Infinity, frozen: () => {} });
});

function train(place: string, resume: boolean): Promise<unknown> {
  const model = toyModel(
    resume && readdirSync(join(place, 'c')).some((name) => /^checkpoint/.test(name)) ? 9 : 1,
  );
  return fit(model, {
    data: loader(toyImages(20), { batchSize: 8, shuffle: true }),
    loss: nn.crossEntropy,
    optimizer: new optim.SGD(model, { lr: 0.1, momentum: 0.9 }),
    epochs: 2,
    callbacks: [
      csvLog(join(place, 'log.csv')),
      checkpoints(join(place, 'c'), { resume, every: { steps: 2 }, keepLast: 1 }),
    ],
  });
}
const folder = () => mkdtempSync(join(tmpdir(), 'nabla-crash-'));
const contents = (place: string): Record<string, string> =>
  Object.fromEntries(
    readdirSync(place, { recursive: true, encoding: 'utf8' })
      .filter((name) => name !== 'c')
      .sort()
      .map((name) => [name, readFileSync(join(place, name), 'latin1')]),
  );

describe('a training that ends at any call on the file system', () => {
  test('bytes are on the disk before they get their name, and the old ones go last', async () => {
    await train(folder(), false);
    const { calls } = disk;
    const renames = calls.flatMap((name, i) => (name.startsWith('rename ') ? [i] : []));
    expect(renames.length).toBeGreaterThan(8);
    for (const i of renames) {
      const [, from, to] = calls[i].split(' ');
      expect(from).toBe(`.${to}.tmp`);
      expect(calls.slice(i - 3, i)).toEqual([`create ${from}`, `write ${from}`, `flush ${from}`]);
      // The folder, so that the name itself lasts.
      expect(calls[i + 1]).toMatch(to === 'log.csv' ? /^flush nabla-crash-/ : /^flush c$/);
    }
    const removals = calls.flatMap((name, i) => (name.startsWith('remove checkpoint') ? [i] : []));
    expect(removals.length).toBeGreaterThan(1);
    for (const i of removals) {
      const before = calls.slice(0, i).filter((name) => name.startsWith('rename '));
      expect(before.at(-1)).toBe('rename .index.json.tmp index.json');
      expect(before.at(-2)).not.toContain(calls[i].split(' ')[1]);
    }
  });

  test.each<Fault>(['freeze after', 'freeze halfway', 'no space'])('%s', async (fault) => {
    const whole = folder();
    await train(whole, false);
    const expected = contents(whole);
    const count = disk.calls.length;
    expect(count).toBeGreaterThan(40);
    const named = [...disk.calls];
    for (let at = 1; at <= count; at++) {
      // Elsewhere there is no half.
      if (fault === 'freeze halfway' && !named[at - 1].startsWith('write ')) continue;
      const place = folder();
      Object.assign(disk, { calls: [], at, fault });
      const frozen = new Promise<string>((resolve) => (disk.frozen = () => resolve('frozen')));
      const end = await Promise.race([
        frozen,
        train(place, false).then(
          () => 'complete',
          (error) => error,
        ),
      ]);
      const what = `${fault} call ${at}, ${disk.calls.at(-1)}`;
      if (fault !== 'no space') expect(end, what).toBe('frozen');
      // Flushing a folder may fail: not all systems can.
      else if (!/^flush (c|nabla-crash-.*)$/.test(disk.calls[at - 1])) {
        expect(end, what).toBeInstanceOf(WriteError);
        expect((end as Error).message, what).toMatch(/^cannot write .*: the disk is full$/);
        expect(Object.keys(contents(place)).filter((name) => name.endsWith('.tmp'))).toEqual([]);
      }
      Object.assign(disk, { calls: [], at: Infinity });
      for (const handle of open) await handle.close();
      for (const name of readdirSync(join(place, 'c')))
        if (name.startsWith('checkpoint-')) await readState(join(place, 'c', name));
      const warnings: unknown[] = [];
      const warn = vi.spyOn(console, 'warn').mockImplementation((text) => void warnings.push(text));
      await train(place, true);
      warn.mockRestore();
      expect(warnings, what).toEqual([]);
      const found = contents(place);
      // Of the log, which is not a checkpoint's, a temporary file may be left: the command clears its folder itself.
      for (const name of Object.keys(found)) if (/^\.log\.csv.*\.tmp$/.test(name)) delete found[name];
      expect(found, what).toEqual(expected);
    }
  });
});
