import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  cifar10,
  cifar100,
  decodeCifar,
  decodeWav,
  encodeWav,
  readWav,
  type WavFormat,
  writeWav,
} from '../../src/data/index.ts';
import { expectRobust } from './mutants.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'nabla-media-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** Records whose bytes of red, green and blue are 10, 20 and 30 more than the label, the first pixel's red 7. */
const records = (labels: readonly number[], extra: readonly number[] = []): Uint8Array =>
  Uint8Array.from(
    labels.flatMap((label) => {
      const planes = [10, 20, 30].flatMap((value) => new Array<number>(1024).fill(value + label));
      planes[0] = 7;
      return [...extra, label, ...planes];
    }),
  );

describe('CIFAR', () => {
  test('planes become channels', () => {
    const data = decodeCifar(records([3, 9]), 'cifar10');
    expect([data.count, data.shape, [...data.labels]]).toEqual([2, [32, 32, 3], [3, 9]]);
    expect([...data.images.subarray(3072, 3078)]).toEqual([7, 29, 39, 19, 29, 39]);
    const fine = decodeCifar(records([99], [19]), 'cifar100 fine');
    expect([fine.classes, [...fine.labels]]).toEqual([100, [99]]);
    expect([...decodeCifar(records([99], [19]), 'cifar100 coarse').labels]).toEqual([19]);
  });

  test('folders, compressed or not', async () => {
    const place = join(folder, 'cifar-10-batches-bin');
    await mkdir(place);
    for (let i = 1; i <= 5; i++) await writeFile(join(place, `data_batch_${i}.bin`), records([i, 0]));
    await expect(cifar10({ dir: folder })).rejects.toThrow('do not hold test_batch.bin');
    await writeFile(join(place, 'test_batch.bin.gz'), gzipSync(records([8])));
    for (const dir of [folder, place]) {
      const { train, test } = await cifar10({ dir });
      expect([...train.labels]).toEqual([1, 0, 2, 0, 3, 0, 4, 0, 5, 0]);
      expect([train.name, test.name, [...test.labels]]).toEqual(['cifar10 train', 'cifar10 test', [8]]);
    }
    await writeFile(join(folder, 'train.bin'), records([50], [5]));
    await writeFile(join(folder, 'test.bin'), records([51], [6]));
    expect([...(await cifar100({ dir: folder, labels: 'coarse' })).test.labels]).toEqual([6]);
    await expect(cifar10({ dir: '' })).rejects.toThrow('pass { dir } or set NABLA_DATA');
  });

  test('refuses what is cut or of other classes; 1,000 mutants', () => {
    expect(() => decodeCifar(records([1]).subarray(1), 'cifar10', 'f')).toThrow(
      'f: 3072 bytes are no whole number',
    );
    expect(() => decodeCifar(records([10]), 'cifar10')).toThrow('label 10 of image 0 is not one of 0 to 9');
    expectRobust(
      records([1]),
      (bytes) => decodeCifar(bytes, 'cifar10'),
      (data) => expect(data.images.length).toBe(data.count * 3072),
      3,
    );
  });
});

describe('WAV', () => {
  const wave = (bits: number): Float64Array =>
    Float64Array.of(-1, -0.5, 0, 2 ** (1 - bits), 1 - 2 ** (1 - bits), 0.25);

  test.each<[WavFormat, number]>([
    ['pcm8', 8],
    ['pcm16', 16],
    ['pcm24', 24],
    ['pcm32', 32],
    ['float32', 24],
    ['float64', 53],
  ])('%s survives writing and reading, exactly', (format, bits) => {
    for (const channels of [1, 2, 3]) {
      const read = decodeWav(encodeWav({ sampleRate: 8000, channels, data: wave(bits) }, format));
      expect([read.sampleRate, read.channels, read.format]).toEqual([8000, channels, format]);
      expect([...read.data]).toEqual([...wave(bits)]);
    }
  });

  test('is laid out as the format says', () => {
    const bytes = encodeWav({ sampleRate: 1, channels: 1, data: Float32Array.of(2, -2, 0.5) }, 'pcm8');
    expect([...bytes.subarray(20, 36)]).toEqual([1, 0, 1, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 8, 0]);
    expect([...bytes.subarray(44)]).toEqual([255, 0, 192, 0]);
    expect(new DataView(bytes.buffer).getUint32(4, true)).toBe(40);
  });

  test('extensible headers and further chunks', () => {
    const plain = encodeWav({ sampleRate: 44100, channels: 2, data: Float32Array.of(0.5, -0.5) });
    const format = [...plain.subarray(20, 36)];
    format[0] = 0xfe;
    format[1] = 0xff;
    const guid = [1, 0, 0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71];
    const text = (word: string): number[] => [...word].map((c) => c.charCodeAt(0));
    const bytes = Uint8Array.from([
      ...plain.subarray(0, 12),
      ...text('LIST'),
      3,
      0,
      0,
      0,
      1,
      2,
      3,
      0,
      ...text('fmt '),
      40,
      0,
      0,
      0,
      ...format,
      22,
      0,
      16,
      0,
      3,
      0,
      0,
      0,
      ...guid,
      ...plain.subarray(36),
    ]);
    const read = decodeWav(bytes);
    expect([read.format, read.channels, [...read.data]]).toEqual(['pcm16', 2, [0.5, -0.5]]);
  });

  test('files', async () => {
    const path = join(folder, 'a.wav');
    await writeWav(path, { sampleRate: 16000, channels: 1, data: Float32Array.of(0.25, -0.25) }, 'float32');
    expect([...(await readWav(path)).data]).toEqual([0.25, -0.25]);
    await expect(readWav(join(folder, 'none.wav'))).rejects.toThrow('no such file');
  });

  test('refuses what is damaged or cannot be; 1,000 mutants', () => {
    const good = encodeWav({ sampleRate: 8000, channels: 2, data: Float32Array.of(0.5, 0, -1, 0.25) });
    const changed = (at: number, value: number): Uint8Array => {
      const bytes = good.slice();
      bytes[at] = value;
      return bytes;
    };
    expect(() => decodeWav(good.subarray(0, 50), 'f')).toThrow(
      "f: truncated: its chunk 'data' says 8 bytes, but only 6 follow",
    );
    expect(() => decodeWav(good.subarray(0, 36))).toThrow("there is no chunk 'data'");
    expect(() => decodeWav(good.subarray(0, 11))).toThrow('not a WAV file');
    expect(() => decodeWav(changed(20, 2))).toThrow('coding 2 of 16 bits cannot be read');
    expect(() => decodeWav(changed(22, 3))).toThrow('no whole number of pcm16 samples for 3 channels');
    expect(() => decodeWav(changed(22, 0))).toThrow('has 0 channels');
    const sound = { sampleRate: 8000, channels: 2, data: Float32Array.of(1) };
    expect(() => encodeWav(sound)).toThrow('1 samples cannot be divided among 2 channels');
    expect(() => encodeWav({ ...sound, channels: 1, data: Float32Array.of(Number.NaN) })).toThrow('NaN');
    expectRobust(
      good,
      (bytes) => decodeWav(bytes),
      ({ data, channels }) => expect(data.length % channels).toBe(0),
      4,
    );
  });
});
