import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deflateSync, gzipSync } from 'node:zlib';
import { afterAll, describe, expect, test } from 'vitest';
import {
  DataError,
  decodeImage,
  parseCsv,
  parseJsonLines,
  streamCsv,
  streamJsonLines,
  streamLines,
} from '../../src/data/index.ts';
import { crc32 } from '../../src/io/crc32.ts';
import {
  decodeSafetensors,
  encodeZip,
  FormatError,
  fromNpz,
  fromTorch,
  loadSharded,
  loadTensors,
  loadTfjs,
} from '../../src/io/index.ts';
import { parseJson, shown } from '../../src/io/json.ts';

/** Small files that ask for much: deep nesting, long lines, many fields, shapes of many axes. */

const folder = mkdtempSync(join(tmpdir(), 'nabla-bombs-'));
const file = join(folder, 'file');
afterAll(() => rmSync(folder, { recursive: true }));
const put = (bytes: Uint8Array | string): string => {
  writeFileSync(file, bytes);
  return file;
};
const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth);
const safetensors = (header: string): Uint8Array => {
  const bytes = utf8(header);
  const out = new Uint8Array(8 + bytes.length);
  new DataView(out.buffer).setBigUint64(0, BigInt(bytes.length), true);
  out.set(bytes, 8);
  return out;
};
const torch = async (program: string): Promise<unknown> =>
  fromTorch(
    await encodeZip([
      { name: 'a/data.pkl', bytes: Uint8Array.from(program, (letter) => letter.charCodeAt(0)) },
      { name: 'a/version', bytes: utf8('3\n') },
    ]),
    file,
  );

/** A grey PNG whose header says one size, with the zlib stream of as many zeros, or as many bytes of anything if they are few. */
function pngOf(width: number, height: number, zeros: number): Uint8Array {
  const packed = zeros < 1000 ? new Uint8Array(zeros) : deflateSync(new Uint8Array(zeros));
  const chunk = (type: string, body: Uint8Array): Buffer => {
    const bytes = Buffer.concat([new Uint8Array(4), Buffer.from(type, 'latin1'), body, new Uint8Array(4)]);
    bytes.writeUInt32BE(body.length);
    bytes.writeUInt32BE(crc32(bytes.subarray(4, -4)), bytes.length - 4);
    return bytes;
  };
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width);
  header.writeUInt32BE(height, 4);
  header[8] = 8;
  const parts = [chunk('IHDR', header), chunk('IDAT', packed), chunk('IEND', new Uint8Array())];
  return new Uint8Array(Buffer.concat([Buffer.from('89504e470d0a1a0a', 'hex'), ...parts]));
}

describe('parseJson', () => {
  test('is JSON.parse up to 1,000 levels', () => {
    for (const text of [nested(1000), `${'{"a":'.repeat(1000)}1${'}'.repeat(1000)}`])
      expect(JSON.stringify(parseJson(text))).toBe(text);
    expect(() => parseJson(nested(1001))).toThrow(SyntaxError);
    expect(() => parseJson('{"a":['.repeat(600))).toThrow('more than 1000 deep');
  });

  test('does not count brackets that are closed, or in strings', () => {
    const wide = `[${new Array(2000).fill('[[]]').join()}]`;
    expect((parseJson(wide) as unknown[]).length).toBe(2000);
    const texts = ['['.repeat(3000), '"\\'.repeat(800) + '[[['.repeat(800), '\\'.repeat(1500)];
    expect(parseJson(JSON.stringify(texts))).toEqual(texts);
    expect(() => parseJson(`"${'['.repeat(2000)}`)).toThrow(/JSON/);
  });

  test('shown cuts what is long', () => {
    expect(shown([1, 'a'])).toBe('[1,"a"]');
    expect(shown(undefined)).toBe('undefined');
    expect(shown(new Array(1000).fill(1))).toMatch(/^\[1,1,.{94}…$/);
  });
});

describe('small files that ask for much are refused', () => {
  const deep = nested(100_000);
  const long = 3e8;
  const ofBrackets = (): Uint8Array => gzipSync(new Uint8Array(long).fill(91));
  const cases: [what: string, read: () => unknown, kind: new (message: string) => Error, message: string][] =
    [
      [
        'JSON lines, nested',
        () => parseJsonLines(`1\n${deep}`, file),
        DataError,
        'line 2: no JSON: lists and objects lie within each other more than 1000 deep',
      ],
      [
        'JSON lines, 300 MB of brackets in 300 kB',
        () => streamJsonLines(put(ofBrackets())).toArray(),
        DataError,
        'a line of more than 268435456 characters',
      ],
      [
        'lines',
        () => streamLines(put(gzipSync(new Uint8Array(long).fill(97)))).toArray(),
        DataError,
        'a line of more than',
      ],
      [
        'CSV, one field',
        () => streamCsv(put(gzipSync(new Uint8Array(long).fill(97)))).toArray(),
        DataError,
        'a field of more than 268435456 characters',
      ],
      [
        'CSV, all fields',
        () => streamCsv(put(gzipSync(new Uint8Array(long).fill(44)))).toArray(),
        DataError,
        'line 1, column 1048577: a row of more than 1048576 fields',
      ],
      [
        'CSV of commas',
        () => parseCsv(','.repeat(2 ** 21), {}, file),
        DataError,
        'a row of more than 1048576 fields',
      ],
      [
        'safetensors, nested',
        () => decodeSafetensors(safetensors(`{"a":${deep}}`), file),
        FormatError,
        'more than 1000 deep',
      ],
      [
        'safetensors, many axes',
        () =>
          loadTensors(
            put(safetensors(`{"a":{"dtype":"F32","shape":[${'1,'.repeat(9999)}1],"data_offsets":[0,4]}}`)),
          ),
        FormatError,
        'is not a list of non-negative integers, at most 64',
      ],
      [
        'an index, nested',
        () => loadSharded(put(`{"weight_map":{"a":${deep}}}`)),
        FormatError,
        'more than 1000 deep',
      ],
      [
        'TensorFlow.js, nested',
        () => loadTfjs(put(`{"weightsManifest":${deep}}`)),
        FormatError,
        'more than 1000 deep',
      ],
      [
        'TensorFlow.js, many axes',
        () =>
          loadTfjs(
            put(
              `{"weightsManifest":[{"paths":[],"weights":[{"name":"a","dtype":"float32","shape":[${'1,'.repeat(9999)}1]}]}]}`,
            ),
          ),
        FormatError,
        'is not a list of non-negative integers',
      ],
      [
        'pickles, nested',
        () => torch(`\x80\x02)${'\x85'.repeat(100_000)}.`),
        FormatError,
        'values are nested more than 1000 deep',
      ],
      [
        'pickles, an endless string',
        () => torch('\x80\x02\x8b\xff\xff\xff\x7f.'),
        FormatError,
        'truncated: 2147483647 bytes should follow',
      ],
      [
        'NPZ, 100 MB of zeros in 100 kB',
        async () =>
          fromNpz(await encodeZip([{ name: 'a.npy', bytes: new Uint8Array(1e8) }], { compress: true }), file),
        FormatError,
        'not an NPY file',
      ],
      [
        'PNG, its size',
        () => decodeImage(pngOf(30_000, 2900, 100)),
        DataError,
        '100 bytes are too few for 30000 x 2900 pixels',
      ],
      [
        'PNG, its pixels',
        () => decodeImage(pngOf(100, 1, 1e6)),
        DataError,
        'it holds more than the 101 bytes announced',
      ],
    ];

  test.each(cases)('%s', { timeout: 120_000 }, async (_, read, kind, message) => {
    const refusal = Promise.resolve().then(read);
    await expect(refusal).rejects.toThrow(kind);
    await expect(refusal).rejects.toThrow(message);
    await refusal.catch(({ message: all }: Error) => expect(all.length).toBeLessThan(500));
  });
});
