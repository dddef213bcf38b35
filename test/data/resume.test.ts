import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import {
  balancedSampler,
  batchLoader,
  bucketSampler,
  compose,
  cutout,
  digits,
  encodePng,
  examples,
  imageFolder,
  loader,
  randomCrop,
  randomHorizontalFlip,
  type Sampler,
  shuffledSampler,
  stream,
  streamJsonLines,
  tensorLoader,
  weightedSampler,
  workerLoader,
} from '../../src/data/index.ts';
import { arange, random, type Tensor } from '../../src/index.ts';

/** A source of batches that knows its place. */
interface Placed {
  epoch: number;
  state(): unknown;
  restore(state: never): void;
}
type Source = Placed & (Iterable<unknown> | AsyncIterable<unknown>);

const open: { close(): Promise<void> }[] = [];
afterAll(async () => {
  for (const source of open) await source.close();
});

const plain = (batch: unknown): unknown =>
  Array.isArray(batch) && typeof (batch[0] as Tensor | undefined)?.dataSync === 'function'
    ? batch.map((tensor: Tensor) => [...tensor.dataSync()])
    : batch;

const count = 22;
const lengths = Array.from({ length: count }, (_, i) => 1 + ((i * 7) % 11));
const numbers = (options: object) =>
  batchLoader(examples(Array.from({ length: count }, (_, i) => i)), {
    ...options,
    collate: (list: number[]) => list.join(),
  });
const sampled = (sampler: Sampler) => numbers({ sampler, batchSize: 5 });

const folder = mkdtempSync(join(tmpdir(), 'nabla-places-'));
const lines = join(folder, 'lines.jsonl');
writeFileSync(lines, Array.from({ length: 23 }, (_, i) => `{"n": ${i}}\n`).join(''));
const module = join(folder, 'examples.mjs');
writeFileSync(
  module,
  'export const example = (position, epoch) => [position, Math.sin(position * 3 + epoch)];',
);

const pictures = join(folder, 'pictures');
for (let i = 0; i < 10; i++) {
  mkdirSync(join(pictures, `class${i % 2}`), { recursive: true });
  const data = Uint8Array.from({ length: 6 * 6 * 3 }, (_, k) => (k * k * (i + 3)) % 256);
  writeFileSync(join(pictures, `class${i % 2}`, `${i}.png`), encodePng({ shape: [6, 6, 3], data }));
}

const images = async (augmented: boolean) =>
  loader((await digits({ train: 22, test: 1 })).train, {
    batchSize: 8,
    shuffle: true,
    seed: 3,
    ...(augmented
      ? { augment: compose(randomHorizontalFlip(), randomCrop(28, { padding: 2 }), cutout(8)) }
      : {}),
  });

describe('from every place on, what is still to come comes', () => {
  test.each<[string, () => Source | Promise<Source>]>([
    ['a shuffled loader', () => images(false)],
    ['a loader with augmentation', () => images(true)],
    [
      'examples in random order, the last batch dropped',
      () => numbers({ shuffle: true, batchSize: 4, dropLast: true }),
    ],
    ['draws by weight', () => sampled(weightedSampler(lengths, { seed: 5 }))],
    [
      'draws by weight without replacement',
      () => sampled(weightedSampler(lengths, { replacement: false, count: 9 })),
    ],
    [
      'balanced classes',
      () =>
        sampled(
          balancedSampler(
            lengths.map((n) => n % 3),
            { seed: 2 },
          ),
        ),
    ],
    ['a shuffling sampler', () => sampled(shuffledSampler(count, { seed: 8 }))],
    [
      'buckets',
      () => numbers({ batchSampler: bucketSampler(lengths, { batchSize: 4, buckets: 3, shuffle: true }) }),
    ],
    [
      'threads that compute ahead',
      async () => {
        const source = await workerLoader(pathToFileURL(module), {
          ...{ count, batchSize: 5, shuffle: true, workers: 2, ahead: 7 },
          collate: (list: unknown[]) => JSON.stringify(list),
        });
        open.push(source);
        return source;
      },
    ],
    [
      'arrays',
      () =>
        tensorLoader([random.normal([count, 3], { key: random.key(1) }), arange(count)], {
          batchSize: 4,
          shuffle: true,
          seed: 6,
        }),
    ],
    [
      'files of images with augmentation',
      async () => {
        const source = await (await imageFolder(pictures)).loader({
          ...{ batchSize: 3, shuffle: true, workers: 0 },
          augment: randomCrop(6, { padding: 1 }),
        });
        open.push(source);
        return source;
      },
    ],
    [
      'a stream of a file, mixed and in batches',
      () => streamJsonLines(lines).shuffle(6, { seed: 4 }).batch(4),
    ],
    [
      'a stream that is filtered, changed, joined and repeated',
      () =>
        stream((epoch) => Array.from({ length: 9 }, (_, i) => i + 100 * epoch))
          .filter((n) => n % 3 !== 1)
          .map(async (n) => n * 2)
          .concat([7, 8])
          .repeat(2)
          .batch(3),
    ],
  ])('%s', async (_, make) => {
    const first = await make();
    const whole: unknown[] = [];
    const states: string[] = [JSON.stringify(first.state())];
    for (let epoch = 0; epoch < 2; epoch++)
      for await (const batch of first) {
        whole.push(plain(batch));
        states.push(JSON.stringify(first.state()));
      }
    expect(new Set(whole.map((batch) => JSON.stringify(batch))).size).toBeGreaterThan(whole.length / 2);
    for (const [i, text] of states.entries()) {
      const again = await make();
      const state = JSON.parse(text);
      again.restore(state as never);
      again.epoch = state.epoch;
      const rest: unknown[] = [];
      while (again.epoch < 2) for await (const batch of again) rest.push(plain(batch));
      expect(rest, text).toEqual(whole.slice(i));
    }
  });

  test('another epoch begins at its beginning', async () => {
    const source = stream([1, 2, 3, 4]);
    source.restore({ epoch: 1, count: 3 });
    source.epoch = 2;
    expect(source.state()).toEqual({ epoch: 2, count: 0 });
    expect(await source.toArray()).toEqual([1, 2, 3, 4]);
  });
});
