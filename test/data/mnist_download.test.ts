import {
  createReadStream,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { DataError, downloadFashionMnist, downloadMnist, fashionMnist } from '../../src/data/index.ts';

const servers: Server[] = [];
const fresh = (): string => mkdtempSync(join(tmpdir(), 'nabla-mnist-download-'));

/** A server on this machine, and what it is asked for. */
async function serve(answer: RequestListener): Promise<{ from: string; asked: string[] }> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url ?? '');
    answer(request, response);
  });
  servers.push(server);
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return { from: `http://127.0.0.1:${(server.address() as AddressInfo).port}/files/`, asked };
}
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

const names = [
  'train-images-idx3-ubyte',
  'train-labels-idx1-ubyte',
  't10k-images-idx3-ubyte',
  't10k-labels-idx1-ubyte',
];

test('another file of the same name is refused, and nothing is left that could be taken for it', async () => {
  const { from, asked } = await serve((_, response) => response.end('hello'));
  const dir = fresh();
  const files: string[] = [];
  await expect(downloadMnist(dir, { from, retries: 0, onFile: (name) => files.push(name) })).rejects.toThrow(
    /train-images-idx3-ubyte.gz has other contents than expected: SHA-256/,
  );
  expect(asked).toEqual(['/files/train-images-idx3-ubyte.gz']);
  expect(files).toEqual(['train-images-idx3-ubyte.gz']);
  expect(readdirSync(join(dir, 'mnist'))).toEqual([]);
});

test('a server that does not have it, and none at all: one clear error', async () => {
  const { from } = await serve((_, response) => response.writeHead(404, 'Not Found').end());
  await expect(downloadFashionMnist(fresh(), { from, retries: 0 })).rejects.toThrow(
    /the server answers 404 Not Found/,
  );
  servers.pop()!.close();
  const offline = downloadMnist(fresh(), { from, retries: 0 });
  await expect(offline).rejects.toThrow(DataError);
  await expect(offline).rejects.toThrow(
    /cannot be reached.*Without a network, fetch .* elsewhere and put it at/,
  );
});

test('what is there is not fetched again, in either place and under any usual name', async () => {
  const { from, asked } = await serve((_, response) => response.writeHead(500).end());
  for (const place of ['', 'mnist']) {
    const dir = fresh();
    mkdirSync(join(dir, place), { recursive: true });
    names.forEach((name, i) => {
      writeFileSync(join(dir, place, [name, `${name}.gz`, name.replace('-idx', '.idx')][i % 3]), '');
    });
    await downloadMnist(dir, { from });
  }
  expect(asked).toEqual([]);
  await expect(downloadMnist(fresh(), { form: from } as object)).rejects.toThrow(
    /downloadMnist: unknown option 'form'/,
  );
});

const data = process.env.NABLA_DATA;

test.skipIf(data === undefined)('Fashion-MNIST from a server of this machine, once', async () => {
  const { from, asked } = await serve((request, response) => {
    const path = join(data!, 'fashion-mnist', (request.url ?? '').replace('/files/', ''));
    if (!existsSync(path)) return void response.writeHead(404).end();
    response.writeHead(200, { 'content-length': statSync(path).size });
    createReadStream(path).pipe(response);
  });
  const dir = fresh();
  await downloadFashionMnist(dir, { from });
  expect(asked).toEqual(names.map((name) => `/files/${name}.gz`));
  const { train, test: held } = await fashionMnist({ dir });
  expect([train.count, held.count]).toEqual([60_000, 10_000]);
  await downloadFashionMnist(dir, { from });
  expect(asked).toHaveLength(4);
});
