import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Tensor } from '../../src/core/tensor.ts';
import { stackExamples, type WorkerLoader, workerLoader } from '../../src/data/index.ts';

interface Example {
  readonly x: Float32Array;
  readonly y: number;
}

let folder = '';
let module = new URL('file:///');
const open: WorkerLoader<Example, [Tensor, Tensor]>[] = [];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'nabla-workers-'));
  const path = join(folder, 'examples.mjs');
  await writeFile(
    path,
    `import { isMainThread, threadId } from 'node:worker_threads';
     export function example(position, epoch, data) {
       if (data?.broken === position) throw new RangeError('no such picture');
       if (data?.exit === position && !isMainThread) process.exit(3);
       if (data?.hang === position) for (;;);
       const x = Float32Array.from({ length: 5 }, (_, i) => Math.sin(position * 7 + epoch + i));
       return { x, y: position };
     }
     export const where = () => (isMainThread ? 0 : threadId);
     export const uncloneable = () => () => 1;
     export const notAFunction = 3;`,
  );
  module = pathToFileURL(path);
});
afterAll(async () => {
  for (const loader of open) await loader.close();
  await rm(folder, { recursive: true });
});

const make = async (options: object = {}): Promise<WorkerLoader<Example, [Tensor, Tensor]>> => {
  const loader = await workerLoader(module, {
    count: 50,
    batchSize: 4,
    shuffle: true,
    seed: 2,
    workers: 2,
    collate: (list: Example[]): [Tensor, Tensor] => [
      stackExamples(list.map(({ x }) => x)),
      stackExamples(
        list.map(({ y }) => y),
        'int32',
      ),
    ],
    ...options,
  });
  open.push(loader);
  return loader;
};
const contents = (batches: Iterable<[Tensor, Tensor]>): number[][] =>
  [...batches].map(([x, y]) => [...x.dataSync(), ...y.dataSync()]);

describe('workerLoader', () => {
  test('gives what the main thread gives, epoch after epoch, however many threads and batches ahead', async () => {
    const main = await make({ workers: 0 });
    const expected = [contents(main), contents(main)];
    expect(expected[1]).not.toEqual(expected[0]);
    for (const options of [{}, { workers: 1, ahead: 1 }, { workers: 3, ahead: 40 }]) {
      const loader = await make(options);
      expect([contents(loader), contents(loader)]).toEqual(expected);
      expect([loader.length, loader.state()]).toEqual([13, { epoch: 2, batch: 0 }]);
    }
  });

  test('computes on other threads', async () => {
    const loader = await workerLoader(module, {
      count: 6,
      batchSize: 1,
      name: 'where',
      workers: 2,
      collate: (list: number[]) => list[0],
    });
    const threads = [...loader];
    expect(threads.every((id) => id > 0)).toBe(true);
    expect(new Set(threads).size).toBe(2);
    await loader.close();
  });

  test('goes on after an interruption; iterations do not disturb each other', async () => {
    const whole = contents(await make({ workers: 0 }));
    const loader = await make();
    let taken = 0;
    for (const _ of loader) if (++taken === 3) break;
    expect(loader.state()).toEqual({ epoch: 0, batch: 3 });
    const again = await make();
    again.restore(loader.state());
    expect(contents(again)).toEqual(whole.slice(3));
    const two = await make();
    const first = two[Symbol.iterator]();
    const begun = [first.next().value];
    const second = two[Symbol.iterator]();
    const next = [second.next().value];
    two.epoch = 0;
    const third = two[Symbol.iterator]();
    begun.push(third.next().value, first.next().value, third.next().value);
    expect(contents(begun)).toEqual([whole[0], whole[0], whole[1], whole[1]]);
    expect(contents(next)).not.toEqual([whole[0]]);
  });

  test.each([0, 2])(
    'an error in the function says where, with %i threads; the loader can go on',
    async (workers) => {
      const loader = await make({ workers, shuffle: undefined, seed: undefined, data: { broken: 9 } });
      const seen: number[] = [];
      expect(() => {
        for (const [, y] of loader) seen.push(...y.dataSync());
      }).toThrow('workerLoader: example 9 of epoch 0: no such picture');
      expect(seen).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
      loader.restore({ epoch: 0, batch: 3 });
      expect([...loader]).toHaveLength(10);
    },
  );

  test('a thread that ends or hangs is an error, not a wait without end', async () => {
    const ending = await make({ data: { exit: 20 } });
    expect(() => [...ending]).toThrow(/worker \d has ended/);
    const hanging = await make({ data: { hang: 20 }, timeout: 0.5 });
    expect(() => [...hanging]).toThrow(/worker \d has not answered for 0.5 s/);
    await hanging.close();
  });

  test('refuses modules and results that cannot be used', async () => {
    const options = { count: 2, workers: 1, collate: (list: unknown[]) => list };
    const nowhere = new URL('nowhere.mjs', module);
    await expect(workerLoader(nowhere, options)).rejects.toThrow('cannot import');
    await expect(workerLoader(module, { ...options, name: 'notAFunction' })).rejects.toThrow(
      "exports no function 'notAFunction'",
    );
    await expect(workerLoader(module, { ...options, workers: 65 })).rejects.toThrow('from 0 to 64');
    const loader = await workerLoader(module, { ...options, name: 'uncloneable' });
    expect(() => [...loader]).toThrow('could not be cloned');
    await loader.close();
  });

  test('threads end by close, and others start when there is more to do', async () => {
    const loader = await make();
    const first = contents(loader);
    await loader.close();
    loader.epoch = 0;
    expect(contents(loader)).toEqual(first);
  });

  test('a compiled program that closes nothing ends', async () => {
    const root = fileURLToPath(new URL('../..', import.meta.url));
    const dist = join(folder, 'dist');
    const compiler = join(root, 'node_modules/typescript/bin/tsc');
    spawnSync(process.execPath, [compiler, '-p', join(root, 'tsconfig.build.json'), '--outDir', dist]);
    await writeFile(join(dist, 'package.json'), '{ "type": "module" }');
    await writeFile(
      join(dist, 'program.js'),
      `import { workerLoader } from './data/worker_loader.js';
       const options = { count: 9, batchSize: 4, workers: 2, collate: (list) => list.map(({ y }) => y).join() };
       console.log([...(await workerLoader(${JSON.stringify(module.href)}, options))].join(' '));`,
    );
    const { stdout, stderr, status } = spawnSync(process.execPath, [join(dist, 'program.js')], {
      encoding: 'utf8',
      timeout: 30_000,
    });
    expect([stdout, stderr, status]).toEqual(['0,1,2,3 4,5,6,7 8\n', '', 0]);
  });
});
