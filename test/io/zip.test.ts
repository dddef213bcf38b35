import { describe, expect, test, vi } from 'vitest';
import { encodeZip, FormatError, readZip } from '../../src/io/index.ts';

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
const bytesOf = (content: string): Uint8Array => new TextEncoder().encode(content);
const files = [
  { name: 'a.txt', bytes: bytesOf('first') },
  { name: 'folder/∇', bytes: bytesOf('second '.repeat(500)) },
  { name: 'empty', bytes: new Uint8Array(0) },
];

/** Archive with a 16- or 32-bit field of the directory's first entry changed. */
async function changed(at: number, value: number, compress = false): Promise<Uint8Array> {
  const bytes = await encodeZip(files, { compress });
  const view = new DataView(bytes.buffer);
  const directory = view.getUint32(bytes.length - 6, true);
  if (value > 0xffff || [16, 20, 24, 42].includes(at)) view.setUint32(directory + at, value, true);
  else view.setUint16(directory + at, value, true);
  return bytes;
}

describe('zip archives', () => {
  test.each([false, true])('what was written is read, compressed %s', async (compress) => {
    const archive = await encodeZip(files, { compress });
    const entries = readZip(archive);
    expect(entries.map(({ name, size }) => [name, size])).toEqual(
      files.map(({ name, bytes }) => [name, bytes.length]),
    );
    for (const [i, entry] of entries.entries()) expect(text(await entry.read())).toBe(text(files[i].bytes));
    if (compress) expect(archive.length).toBeLessThan(1000);
  });

  test('a comment at the end, and zip64 fields', async () => {
    const archive = await encodeZip([files[0]]);
    const withComment = new Uint8Array([...archive, ...bytesOf('note')]);
    withComment[archive.length - 2] = 4;
    expect(readZip(withComment)[0].name).toBe('a.txt');

    // The same archive with all sizes in zip64 fields: an extra field, a wide end, and where it is.
    const view = new DataView(archive.buffer);
    const directory = view.getUint32(archive.length - 6, true);
    const entry = archive.slice(directory, archive.length - 22);
    const extra = new Uint8Array(28);
    const fields = new DataView(extra.buffer);
    fields.setUint16(0, 1, true);
    fields.setUint16(2, 24, true);
    fields.setUint32(4, 5, true);
    fields.setUint32(12, 5, true);
    new DataView(entry.buffer).setUint16(30, 28, true);
    for (const at of [20, 24, 42]) new DataView(entry.buffer).setUint32(at, 0xffffffff, true);
    const wide = new Uint8Array(56 + 20);
    const end = new DataView(wide.buffer);
    end.setUint32(0, 0x06064b50, true);
    end.setUint32(32, 1, true);
    end.setUint32(40, entry.length + 28, true);
    end.setUint32(48, directory, true);
    end.setUint32(56, 0x07064b50, true);
    end.setUint32(64, directory + entry.length + 28, true);
    const tail = archive.slice(-22);
    tail.fill(0xff, 8, 20);
    const zip64 = new Uint8Array([...archive.slice(0, directory), ...entry, ...extra, ...wide, ...tail]);
    expect(text(await readZip(zip64)[0].read())).toBe('first');
  });

  test('says what is wrong', async () => {
    const archive = await encodeZip(files);
    const cases: [Uint8Array, string][] = [
      [new Uint8Array(100), 'not a zip archive'],
      [archive.subarray(0, -1), 'not a zip archive, or truncated'],
      [await changed(8, 1), '"a.txt" is encrypted'],
      [await changed(10, 12), '"a.txt" is compressed by method 12'],
      [await changed(42, 1), '"a.txt" is not at byte 1'],
      [await changed(20, 1e6), 'truncated: "a.txt" would take'],
      [await changed(24, 9), 'is stored, but 5 bytes should be 9'],
      [await changed(24, 1e9, true), 'more than deflate can'],
      [await changed(28, 0xffff), 'reaches beyond the central directory'],
    ];
    for (const [bytes, message] of cases) {
      expect(() => readZip(bytes, 'x.zip')).toThrow(FormatError);
      expect(() => readZip(bytes, 'x.zip')).toThrow(`x.zip: `);
      expect(() => readZip(bytes, 'x.zip')).toThrow(message);
    }
    const damaged = await encodeZip(files);
    damaged[36] ^= 1;
    await expect(readZip(damaged, 'x.zip')[0].read()).rejects.toThrow(
      '"a.txt" is damaged: its checksum differs',
    );
    const short = readZip(await changed(24, 4, true), 'x.zip')[0];
    await expect(short.read()).rejects.toThrow('holds more than the 4 bytes announced');
    await expect(encodeZip([files[0], files[0]])).rejects.toThrow('two files are called "a.txt"');
  });

  test('without Node, streams of the platform pack and unpack', async () => {
    const builtin = process.getBuiltinModule;
    const packed = await encodeZip(files, { compress: true });
    try {
      Object.assign(process, { getBuiltinModule: undefined });
      for (const archive of [packed, await encodeZip(files, { compress: true })]) {
        for (const [i, entry] of readZip(archive).entries())
          expect(text(await entry.read())).toBe(text(files[i].bytes));
        const damaged = archive.slice();
        damaged.fill(0xff, 80, 100);
        await expect(readZip(damaged, 'x.zip')[1].read()).rejects.toThrow(/^x\.zip: "folder\/∇"/);
      }
      await expect(readZip(await changed(24, 4, true), 'x.zip')[0].read()).rejects.toThrow(
        'holds more than the 4 bytes announced',
      );
      vi.stubGlobal('DecompressionStream', undefined);
      vi.stubGlobal('CompressionStream', undefined);
      await expect(readZip(packed, 'x.zip')[0].read()).rejects.toThrow('no DecompressionStream');
      await expect(encodeZip(files, { compress: true })).rejects.toThrow('it has no CompressionStream');
    } finally {
      vi.unstubAllGlobals();
      Object.assign(process, { getBuiltinModule: builtin });
    }
  });

  test('entries may not overlap: such archives unpack to more than there is', async () => {
    const archive = await encodeZip([files[0], { name: 'b.txt', bytes: bytesOf('other') }]);
    const view = new DataView(archive.buffer);
    const directory = view.getUint32(archive.length - 6, true);
    view.setUint32(directory + 46 + 5 + 42, 0, true);
    expect(() => readZip(archive)).toThrow('"b.txt" overlaps "a.txt"');
  });
});
