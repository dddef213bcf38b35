import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DataError } from '../../src/data/dataset.ts';
import { Draws } from '../../src/data/draws.ts';
import { decodeIdx, encodeIdx, type IdxArray, readIdx, writeIdx } from '../../src/data/idx.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'nabla-idx-'));
});
afterAll(() => rm(folder, { recursive: true }));

const put = async (name: string, bytes: Uint8Array): Promise<string> => {
  const path = join(folder, name);
  await writeFile(path, bytes);
  return path;
};

const sample: IdxArray = { dtype: 'uint8', shape: [2, 3], data: Uint8Array.of(1, 2, 3, 4, 5, 255) };
const sampleBytes = [0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3, 1, 2, 3, 4, 5, 255];

describe('IDX', () => {
  test('is laid out as the format says', () => {
    expect([...encodeIdx(sample)]).toEqual(sampleBytes);
    expect([...encodeIdx({ dtype: 'int16', shape: [1], data: Int16Array.of(-2) })]).toEqual([
      0, 0, 0x0b, 1, 0, 0, 0, 1, 0xff, 0xfe,
    ]);
  });

  test.each<IdxArray>([
    sample,
    { dtype: 'int8', shape: [3], data: Int8Array.of(-128, 0, 127) },
    { dtype: 'int16', shape: [1, 2], data: Int16Array.of(-32768, 32767) },
    { dtype: 'int32', shape: [2], data: Int32Array.of(-(2 ** 31), 2 ** 31 - 1) },
    { dtype: 'float32', shape: [2, 1, 2], data: Float32Array.of(0.5, -Infinity, 1e-40, 3) },
    { dtype: 'float64', shape: [], data: Float64Array.of(Math.PI) },
    { dtype: 'uint8', shape: [0, 28, 28], data: new Uint8Array(0) },
  ])('$dtype $shape survives writing and reading, compressed or not', async (array) => {
    for (const name of ['a', 'a.gz']) {
      await writeIdx(join(folder, name), array);
      const read = await readIdx(join(folder, name), { dtype: array.dtype, rank: array.shape.length });
      expect(read.shape).toEqual(array.shape);
      expect(read.dtype).toBe(array.dtype);
      expect([...read.data]).toEqual([...array.data]);
    }
  });

  test('tells compression by the contents, not by the name', async () => {
    expect((await readIdx(await put('raw.gz', Uint8Array.from(sampleBytes)))).shape).toEqual([2, 3]);
    expect((await readIdx(await put('compressed', gzipSync(Uint8Array.from(sampleBytes))))).shape).toEqual([
      2, 3,
    ]);
  });

  test.each<[string, number[], string]>([
    ['nothing', [], 'not an IDX file: 0 bytes are too few'],
    ['a wrong magic number', [0x89, 0x50, 0x4e, 0x47, 0], 'not an IDX file: it starts with 89 50 4e 47'],
    ['an unknown element type', [0, 0, 0x0a, 1, 0, 0, 0, 0], 'not an IDX file: it starts with 00 00 0a 01'],
    [
      'half a header',
      sampleBytes.slice(0, 9),
      'truncated: 9 bytes, but the header of an array of rank 2 alone takes 12',
    ],
    [
      'too few elements',
      sampleBytes.slice(0, 17),
      'truncated: uint8 [2, 3] takes 18 bytes with its header, but there are 17',
    ],
    [
      'surplus bytes',
      [...sampleBytes, 0],
      'trailing bytes: uint8 [2, 3] takes 18 bytes with its header, but there are 19',
    ],
    [
      'an absurd size',
      [0, 0, 0x0e, 3, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1],
      'truncated: float64 [4294967295, 4294967295, 4294967295] takes',
    ],
  ])('refuses %s', async (name, bytes, message) => {
    const path = await put(name.replaceAll(' ', '-'), Uint8Array.from(bytes));
    await expect(readIdx(path)).rejects.toThrow(DataError);
    await expect(readIdx(path)).rejects.toThrow(`${path}: ${message}`);
  });

  test('refuses a missing file, a folder, damaged or truncated gzip data', async () => {
    await expect(readIdx(join(folder, 'none'))).rejects.toThrow('none: no such file');
    await expect(readIdx(folder)).rejects.toThrow('is a folder, not a file');
    const packed = gzipSync(Uint8Array.from(sampleBytes));
    for (const length of [2, 9, 12, packed.length - 8, packed.length - 1]) {
      const path = await put(`cut${length}.gz`, packed.subarray(0, length));
      await expect(readIdx(path)).rejects.toThrow(`cut${length}.gz: truncated gzip data`);
    }
    packed[packed.length - 6] ^= 1;
    await expect(readIdx(await put('flipped.gz', packed))).rejects.toThrow(
      'damaged gzip data (incorrect data check)',
    );
  });

  test('refuses another type or rank than expected', async () => {
    const path = await put('expected', Uint8Array.from(sampleBytes));
    await expect(readIdx(path, { rank: 3 })).rejects.toThrow(
      'the array has rank 2 ([2, 3]), expected rank 3',
    );
    await expect(readIdx(path, { dtype: 'int32' })).rejects.toThrow('the elements are uint8, expected int32');
  });

  test('refuses to encode a shape that does not fit', () => {
    expect(() => encodeIdx({ ...sample, shape: [7] })).toThrow('needs 7 elements, the data has 6');
    expect(() => encodeIdx({ ...sample, shape: [-2, -3] })).toThrow('is not up to 255 integers');
  });

  test('mutated bytes give an array that fits them or a DataError, nothing else', () => {
    const draws = new Draws([1, 5], 0);
    const outcomes = { array: 0, error: 0 };
    for (let round = 0; round < 3000; round++) {
      let bytes = Uint8Array.from(sampleBytes);
      for (let change = draws.below(4); change >= 0; change--) {
        // Mostly in the header, where it hurts.
        if (draws.below(4) > 0)
          bytes[draws.below(Math.min(bytes.length, 12))] = draws.below(256) & draws.below(256);
        else bytes = bytes.slice(0, 1 + draws.below(bytes.length));
      }
      try {
        const { shape, data } = decodeIdx(bytes, 'mutant');
        expect(data).toHaveLength(shape.reduce((product, extent) => product * extent, 1));
        outcomes.array++;
      } catch (error) {
        expect(error).toBeInstanceOf(DataError);
        outcomes.error++;
      }
    }
    expect(outcomes.array).toBeGreaterThan(10);
    expect(outcomes.error).toBeGreaterThan(1000);
  });
});
