import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, rmSync, statSync } from 'node:fs';
import { mkdtemp, readdir, rename, rm, utimes, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { download } from '../../src/data/index.ts';
import { buildPackage } from '../support/build_package.ts';

const bytes = Uint8Array.from({ length: 300_000 }, (_, i) => (i * i) >> 3);
const sha256 = createHash('sha256').update(bytes).digest('hex');
/** Of what came to the server: the ranges asked for. */
let asked: (string | undefined)[] = [];
let answer: (request: IncomingMessage, response: ServerResponse) => void = () => {};
let server: Server;
let url = '';
let folder = '';
let number = 0;
let built = '';

beforeAll(async () => {
  built = buildPackage('download');
  folder = await mkdtemp(join(tmpdir(), 'nabla-download-'));
  server = createServer((request, response) => {
    asked.push(request.headers.range);
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/data.bin`;
});
afterAll(async () => {
  server.closeAllConnections();
  server.close();
  rmSync(built, { recursive: true, force: true });
  await rm(folder, { recursive: true });
});
beforeEach(() => {
  asked = [];
  answer = serve();
});

const startOf = (request: IncomingMessage): number =>
  Number(/bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0);

/** Serves the file, by ranges or not; `cut` bytes at a time, after which the connection breaks. */
const serve =
  ({ ranges = true, cut = Infinity } = {}) =>
  (request: IncomingMessage, response: ServerResponse): void => {
    const start = ranges ? startOf(request) : 0;
    if (start >= bytes.length) {
      response.writeHead(416).end();
      return;
    }
    const length = bytes.length - start;
    response.writeHead(start > 0 ? 206 : 200, {
      'content-length': length,
      ...(start > 0 ? { 'content-range': `bytes ${start}-${bytes.length - 1}/${bytes.length}` } : {}),
    });
    if (length <= cut) response.end(bytes.subarray(start));
    else response.write(bytes.subarray(start, start + cut), () => setTimeout(() => response.destroy(), 30));
  };

const path = (): string => join(folder, 'deep', `file${number++}.bin`);
const options = { sha256, pause: 0.01, retries: 2 };
const same = (file: string): boolean => Buffer.compare(readFileSync(file), bytes) === 0;

describe('download', () => {
  test('a file, once', async () => {
    const file = path();
    const progress: [number, number | null][] = [];
    expect(await download(url, file, { ...options, onProgress: (n, of) => progress.push([n, of]) })).toBe(
      file,
    );
    expect(same(file)).toBe(true);
    expect(existsSync(`${file}.part`)).toBe(false);
    expect(progress.at(-1)).toEqual([300_000, 300_000]);
    await download(url, file, options);
    expect(asked).toEqual([undefined]);
  });

  test('goes on where the connection broke, again and again', async () => {
    answer = serve({ cut: 100_000 });
    const file = path();
    await download(url, file, options);
    expect(same(file)).toBe(true);
    expect(asked.length).toBeGreaterThan(2);
    expect(asked.slice(1).every((range) => range?.startsWith('bytes='))).toBe(true);
  });

  test('goes on with what an ended process left; starts over where the server knows no ranges', async () => {
    for (const ranges of [true, false]) {
      answer = serve({ ranges });
      const file = path();
      await download(url, file, options).then(() => rm(file));
      await writeFile(`${file}.part`, bytes.subarray(0, 1234));
      await download(url, file, options);
      expect(same(file)).toBe(true);
      expect(asked.at(-1)).toBe('bytes=1234-');
    }
  });

  test('what was left whole needs no bytes; what was left of another file is thrown away', async () => {
    const file = path();
    await download(url, file, options).then(() => rm(file));
    await writeFile(`${file}.part`, bytes);
    await download(url, file, options);
    expect(same(file)).toBe(true);
    await rm(file);
    for (const wrong of [new Uint8Array(500), new Uint8Array(400_000)]) {
      await writeFile(`${file}.part`, wrong);
      await download(url, file, options);
      expect(same(file)).toBe(true);
      await rm(file);
    }
  });

  test('what was left whole needs no server', async () => {
    const file = path();
    await download(url, file, options).then(() => rename(file, `${file}.part`));
    answer = (_, response) => void response.destroy();
    await download(url, file, options);
    expect(same(file)).toBe(true);
    expect(asked).toHaveLength(1);
  });

  test('several at once: one fetches, the others wait; a lock of an ended process is taken over', async () => {
    const file = path();
    await download(url, file, options).then(() => rm(file));
    asked = [];
    answer = serve({ cut: 60_000 });
    const ended = spawnSync(process.execPath, ['-e', '']);
    await writeFile(`${file}.part.lock`, String(ended.pid));
    await Promise.all(Array.from({ length: 4 }, () => download(url, file, options)));
    expect(same(file)).toBe(true);
    expect(asked).toEqual([undefined, ...[1, 2, 3, 4].map((n) => `bytes=${60_000 * n}-`)]);
    expect((await readdir(dirname(file))).filter((name) => name.includes(basename(file)))).toEqual([
      basename(file),
    ]);
    await rm(file);
    // Of a process that lives, but gives no sign: a number can be given to another process.
    await writeFile(`${file}.part.lock`, String(process.ppid));
    const long = new Date(Date.now() - 60_000);
    await utimes(`${file}.part.lock`, long, long);
    await download(url, file, options);
    await rm(file);
    await writeFile(`${file}.part.lock`, String(process.ppid));
    const abort = new AbortController();
    setTimeout(() => abort.abort(new Error('waited long enough')), 50);
    await expect(download(url, file, { ...options, signal: abort.signal })).rejects.toThrow(
      'waited long enough',
    );
    await rm(`${file}.part.lock`);
  });

  test('kill -9 of a process that downloads; the next one goes on', async () => {
    const file = path();
    const program = `
      import { download } from ${JSON.stringify(pathToFileURL(join(built, 'dist/data/index.js')).href)};
      await download(...JSON.parse(process.argv[1]));`;
    const start = () =>
      spawn(process.execPath, [
        '--input-type=module',
        '-e',
        program,
        JSON.stringify([url, file, { sha256 }]),
      ]);
    answer = (request, response) => {
      // A part of it, and then nothing for a long time.
      response.writeHead(200, { 'content-length': bytes.length });
      response.write(bytes.subarray(0, 70_000));
      request.on('close', () => response.destroy());
    };
    const first = start();
    while (!existsSync(`${file}.part`) || statSync(`${file}.part`).size < 70_000)
      await new Promise((resolve) => setTimeout(resolve, 10));
    first.kill('SIGKILL');
    await new Promise((resolve) => first.on('close', resolve));
    expect(existsSync(file)).toBe(false);
    answer = serve();
    const second = start();
    expect(await new Promise((resolve) => second.on('close', resolve))).toBe(0);
    expect(same(file)).toBe(true);
    expect(asked.at(-1)).toBe('bytes=70000-');
  });

  test('refuses other contents and keeps what was there', async () => {
    const file = path();
    await download(url, file, options);
    answer = (_, response) => void response.end('<html>please log in</html>');
    const other = createHash('sha256').update('other').digest('hex');
    await expect(download(url, file, { ...options, sha256: other })).rejects.toThrow(
      `has other contents than expected: SHA-256 ${createHash('sha256').update('<html>please log in</html>').digest('hex')}`,
    );
    expect(same(file)).toBe(true);
    expect(existsSync(`${file}.part`)).toBe(false);
    answer = serve();
    await expect(download(url, path(), { ...options, size: 1000 })).rejects.toThrow(
      'larger than the 1000 bytes',
    );
  });

  test('says what the server says; tries again what may pass', async () => {
    answer = (_, response) => void response.writeHead(404).end();
    await expect(download(url, path(), options)).rejects.toThrow(
      'data.bin: the server answers 404 Not Found',
    );
    expect(asked).toHaveLength(1);
    let busy = 2;
    answer = (request, response) => {
      if (busy-- > 0) response.writeHead(503).end();
      else serve()(request, response);
    };
    const file = path();
    await download(url, file, options);
    expect(same(file)).toBe(true);
    busy = 99;
    await expect(download(url, path(), options)).rejects.toThrow('503 Service Unavailable; try again later');
  });

  test('a server that says nothing more, and an abort', async () => {
    const silent = [
      () => {},
      (_: IncomingMessage, response: ServerResponse): void => {
        response.writeHead(200, { 'content-length': bytes.length });
        response.write(bytes.subarray(0, 10));
      },
    ];
    for (answer of silent)
      await expect(download(url, path(), { ...options, retries: 0, timeout: 0.2 })).rejects.toThrow(
        'nothing has come for 0.2 s',
      );
    const abort = new AbortController();
    setTimeout(() => abort.abort(new Error('enough')), 50);
    await expect(download(url, path(), { ...options, signal: abort.signal })).rejects.toThrow('enough');
  });

  test('offline: says so and what to do', async () => {
    const closed = createServer();
    await new Promise<void>((resolve) => closed.listen(0, '127.0.0.1', resolve));
    const { port } = closed.address() as AddressInfo;
    await new Promise((resolve) => closed.close(resolve));
    const file = path();
    await expect(download(`http://127.0.0.1:${port}/a`, file, { ...options, retries: 1 })).rejects.toThrow(
      `127.0.0.1:${port} cannot be reached: the connection is refused. Without a network, fetch http://127.0.0.1:${port}/a elsewhere and put it at ${file}`,
    );
  });

  test('refuses what it cannot do', async () => {
    await expect(download(url, path(), { sha256: 'abc' })).rejects.toThrow('64 hexadecimal digits');
    await expect(download('file:///etc/hosts', path(), options)).rejects.toThrow('only http: and https:');
    const blocked = join(folder, 'blocked');
    await writeFile(blocked, '');
    await expect(download(url, join(blocked, 'x'), options)).rejects.toThrow(/cannot write/);
  });
});
