import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import {
  centerCrop,
  DataError,
  decodeImage,
  encodePng,
  type Image,
  type ResizeFilter,
  resizeImage,
} from '../../src/data/index.ts';

interface Case {
  readonly name: string;
  readonly file: string;
  readonly size: readonly [number, number];
  readonly pixels: Readonly<Record<string, string>>;
  readonly upright?: { readonly size: readonly [number, number]; readonly pixels: string };
}
interface Resized {
  readonly filter: ResizeFilter;
  readonly channels: 1 | 3;
  readonly size: readonly [number, number];
  readonly pixels: string | null;
  readonly sums: readonly [number, number];
}
const golden = JSON.parse(
  readFileSync(new URL('../fixtures/pillow_images.json', import.meta.url), 'utf8'),
) as {
  cases: Case[];
  photo: { size: [number, number]; pixels: string };
  resized: Resized[];
  cmyk: string;
};
const bytesOf = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'base64'));
const named = (name: string): Uint8Array => bytesOf(golden.cases.find((found) => found.name === name)!.file);

describe('decodeImage gives the pixels of Pillow', () => {
  test.each(golden.cases.map((found) => [found.name, found] as const))('%s', async (_, found) => {
    const bytes = bytesOf(found.file);
    for (const [text, pixels] of Object.entries(found.pixels)) {
      const channels = Number(text) as 1 | 3 | 4;
      const image = await decodeImage(bytes, { channels });
      expect(image.shape).toEqual([...found.size, channels]);
      expect([...image.data]).toEqual([...bytesOf(pixels)]);
    }
    const { upright } = found;
    if (upright === undefined) return;
    const image = await decodeImage(bytes, { orient: true });
    expect(image.shape).toEqual([...upright.size, 3]);
    expect([...image.data]).toEqual([...bytesOf(upright.pixels)]);
  });

  test('and reads back what encodePng writes, with channels 3 when nothing else is said', async () => {
    const data = Uint8Array.from({ length: 5 * 6 * 4 }, (_, i) => (i * 41) & 255);
    const file = encodePng({ shape: [5, 6, 4], data });
    expect(await decodeImage(file, { channels: 4 })).toEqual({ shape: [5, 6, 4], data });
    const rgb = await decodeImage(file);
    expect(rgb.shape).toEqual([5, 6, 3]);
    expect([...rgb.data.subarray(3, 6)]).toEqual([...data.subarray(4, 7)]);
  });
});

/** A PNG file of these chunks, with their checksums. */
function chunks(...parts: readonly (readonly [type: string, body: Uint8Array])[]): Uint8Array {
  // The checksum is that of encodePng's own chunk of the same name and contents: computed here a second way.
  const crc = (bytes: Uint8Array): number => {
    let c = ~0;
    for (const byte of bytes) {
      c ^= byte;
      for (let k = 0; k < 8; k++) c = c & 1 ? (c >>> 1) ^ 0xedb88320 : c >>> 1;
    }
    return ~c >>> 0;
  };
  const encoded = parts.map(([type, body]) => {
    const inner = Buffer.concat([Buffer.from(type, 'latin1'), body]);
    const out = Buffer.alloc(inner.length + 8);
    out.writeUInt32BE(body.length);
    inner.copy(out, 4);
    out.writeUInt32BE(crc(inner), inner.length + 4);
    return out;
  });
  return new Uint8Array(Buffer.concat([Buffer.from('89504e470d0a1a0a', 'hex'), ...encoded]));
}
const header = (width: number, height: number, depth = 8, colour = 0, rest = [0, 0, 0]): Uint8Array => {
  const bytes = Buffer.alloc(13);
  bytes.writeUInt32BE(width, 0);
  bytes.writeUInt32BE(height, 4);
  bytes.set([depth, colour, ...rest], 8);
  return new Uint8Array(bytes);
};
const end = ['IEND', new Uint8Array()] as const;
/** Stored blocks: what zlib makes of these bytes without compression. */
const stored = (...bytes: number[]): Uint8Array => {
  let [a, b] = [1, 0];
  for (const byte of bytes) {
    a += byte;
    b += a;
  }
  const { length } = bytes;
  return Uint8Array.of(0x78, 1, 1, length, 0, ~length, 255, ...bytes, b >> 8, b, a >> 8, a);
};

describe('decodeImage refuses, in one sentence,', () => {
  const photo = named('JPEG 4:2:0');
  const progressive = named('JPEG progressive');
  const png = named('PNG colour 2, 8 bits');
  const grey = ['IHDR', header(2, 1)] as const;
  const patched = (bytes: Uint8Array, at: number, ...values: number[]): Uint8Array => {
    const copy = bytes.slice();
    copy.set(values, at);
    return copy;
  };
  const frame = photo.findIndex((byte, i) => byte === 0xff && photo[i + 1] === 0xc0) + 5;
  const cases: [what: string, bytes: Uint8Array, message: string | RegExp][] = [
    ['nothing', new Uint8Array(), 'decodeImage: neither a PNG nor a JPEG file, by its first bytes'],
    ['a text', new TextEncoder().encode('a picture'), 'neither a PNG nor a JPEG'],
    ['CMYK', bytesOf(golden.cmyk), 'a JPEG of 4 channels (CMYK), which cannot be read; convert it to RGB'],
    ['a JPEG without its end', photo.subarray(0, -2), 'the JPEG file is cut off'],
    ['half of a JPEG', photo.subarray(0, photo.length >> 1), 'the JPEG file is cut off'],
    ['a part of a progressive JPEG', progressive.subarray(0, -90), 'the JPEG file is cut off'],
    ['a JPEG without an image', Uint8Array.of(0xff, 0xd8, 0xff, 0xd9), 'there is no image in it'],
    [
      'a huge JPEG',
      patched(photo, frame, 0xff, 0xff, 0xff, 0xff),
      '65535 x 65535 pixels are more than maxPixels',
    ],
    [
      'a JPEG that cannot be so large',
      patched(photo, frame, 0x1f, 0xff, 0x1f, 0xff),
      /\d+ bytes are too few for 8191 x 8191 pixels/,
    ],
    ['a JPEG of no height', patched(photo, frame, 0, 0), 'a size of 27 x 0 pixels'],
    ['a JPEG of 12 bits', patched(photo, frame - 1, 12), 'a JPEG of 12 bits a channel'],
    [
      'an arithmetically coded JPEG',
      patched(photo, frame - 4, 0xc9),
      'arithmetically coded JPEG, which cannot be read',
    ],
    ['a lossless JPEG', patched(photo, frame - 4, 0xc3), 'a lossless JPEG'],
    [
      'two frames',
      Uint8Array.of(
        ...photo.subarray(0, frame - 5),
        ...photo.subarray(frame - 5, frame + 14),
        ...photo.subarray(frame - 5),
      ),
      'it says its size twice',
    ],
    [
      'a JPEG without tables',
      Uint8Array.of(0xff, 0xd8, ...photo.subarray(frame - 5)),
      /damaged JPEG: .*(table|Huffman)/,
    ],
    ['half of a PNG', png.subarray(0, png.length >> 1), 'the PNG file is cut off in its chunk IDAT'],
    ['a PNG without its end', png.subarray(0, -12), 'the PNG file is cut off'],
    [
      'a PNG with other bytes',
      patched(png, png.length - 30, 1, 2, 3),
      'the checksum of its chunk IDAT is wrong',
    ],
    [
      'a huge PNG',
      chunks(['IHDR', header(100_000, 100_000)], end),
      '100000 x 100000 pixels are more than maxPixels',
    ],
    ['a PNG of no size', chunks(['IHDR', header(0, 3)], end), 'a size of 0 x 3 pixels'],
    [
      'a PNG that cannot be so large',
      chunks(['IHDR', header(8000, 8000)], ['IDAT', stored(1)], end),
      '12 bytes are too few for 8000 x 8000',
    ],
    ['a PNG without pixels', chunks(grey, end), '0 bytes are too few for 2 x 1'],
    ['impossible depths', chunks(['IHDR', header(1, 1, 4, 2)], end), '4 bits with colours of type 2'],
    ['unknown filters', chunks(['IHDR', header(1, 1, 8, 0, [0, 1, 0])], end), 'filters 1'],
    ['a chunk that it must know', chunks(grey, ['KNOW', stored()], end), 'unknown chunk KNOW'],
    ['two headers', chunks(grey, grey, end), 'there are two chunks IHDR'],
    ['no header', chunks(['IDAT', stored()], end), 'its first chunk is not IHDR'],
    ['a short header', chunks(['IHDR', new Uint8Array(5)], end), 'a header of 5 bytes instead of 13'],
    ['what is no chunk', patched(png, 33 + 4, 0), 'there is no chunk at byte 33'],
    [
      'rows that do not exist',
      chunks(grey, ['IDAT', stored(0, 1)], end),
      'its deflate stream holds 2 bytes instead of 3',
    ],
    [
      'rows that do not belong there',
      chunks(grey, ['IDAT', stored(0, 1, 2, 3)], end),
      'it holds more than the 3 bytes announced',
    ],
    ['no zlib', chunks(grey, ['IDAT', Uint8Array.of(1, 2, 3)], end), /deflate stream is damaged: incorrect/],
    [
      'a row of an unknown filter',
      chunks(grey, ['IDAT', stored(5, 1, 2)], end),
      'a row has the filter 5, known are 0 to 4',
    ],
    [
      'no palette',
      chunks(['IHDR', header(1, 1, 8, 3)], ['IDAT', stored(0, 1)], end),
      'a palette of 0 bytes cannot belong to indices of 8 bits',
    ],
    [
      'a colour that is not in the palette',
      chunks(['IHDR', header(1, 1, 8, 3)], ['PLTE', new Uint8Array(6)], ['IDAT', stored(0, 2)], end),
      'a pixel has colour 2 of a palette of 2',
    ],
    [
      'transparency of no colour',
      chunks(grey, ['tRNS', new Uint8Array(1)], ['IDAT', stored(0, 1, 2)], end),
      'a chunk tRNS of 1 bytes',
    ],
  ];
  test.each(cases)('%s', async (_, bytes, message) => {
    const refusal = decodeImage(bytes);
    await expect(refusal).rejects.toThrow(DataError);
    await expect(refusal).rejects.toThrow(message);
    await expect(refusal).rejects.toThrow(/^decodeImage: /);
  });

  test('by the name that it is given', async () => {
    await expect(decodeImage(photo.subarray(0, 99), { name: 'cat.jpg' })).rejects.toThrow(
      'cat.jpg: the JPEG file is cut off',
    );
  });

  test('options that do not exist', async () => {
    await expect(decodeImage(photo, { channels: 2 as 1 })).rejects.toThrow(
      'decodeImage: channels must be 1 (grey), 3 (RGB) or 4 (RGBA), got 2',
    );
    await expect(decodeImage(photo, { maxPixels: 0 })).rejects.toThrow(
      'maxPixels must be a positive integer',
    );
    await expect(decodeImage(photo, { colour: true } as object)).rejects.toThrow('colour');
    await expect(decodeImage(photo, { maxPixels: 400 })).rejects.toThrow(
      '27 x 19 pixels are more than maxPixels, 400',
    );
  });

  test('and goes on with the next one', async () => {
    for (const [, bytes] of cases) await decodeImage(bytes).catch(() => null);
    expect((await decodeImage(photo)).shape).toEqual([19, 27, 3]);
  });
});

const photo: Image = { shape: [...golden.photo.size, 3], data: bytesOf(golden.photo.pixels) };

describe('resizeImage gives the pixels of Pillow', () => {
  test.each(
    golden.resized.map((found) => [`${found.filter} [${found.size}] of ${found.channels}`, found] as const),
  )('%s', async (_, { filter, channels, size, pixels, sums }) => {
    const source = channels === 3 ? photo : await decodeImage(encodePng(photo), { channels });
    const image = resizeImage(source, size, filter);
    expect(image.shape).toEqual([...size, channels]);
    if (pixels !== null) expect([...image.data]).toEqual([...bytesOf(pixels)]);
    expect([
      image.data.reduce((sum, value) => sum + value, 0),
      image.data.reduce((sum, value, i) => sum + value * (i % 251), 0),
    ]).toEqual(sums);
  });

  test('and refuses other sizes and filters', () => {
    expect(() => resizeImage(photo, [0, 3])).toThrow(
      'must be [height, width] of positive integers, got [0, 3]',
    );
    expect(() => resizeImage(photo, [2, 3], 'linear' as 'nearest')).toThrow("'bicubic', got 'linear'");
  });
});

describe('centerCrop', () => {
  const grid: Image = { shape: [3, 4, 1], data: Uint8Array.from({ length: 12 }, (_, i) => i + 1) };

  test('takes the middle, as torchvision rounds it', () => {
    expect([...centerCrop(grid, [1, 2]).data]).toEqual([6, 7]);
    // (4 - 3) / 2 rounds to 0, (4 - 1) / 2 to 2.
    expect([...centerCrop(grid, [1, 3]).data]).toEqual([5, 6, 7]);
    expect([...centerCrop(grid, [1, 1]).data]).toEqual([7]);
  });

  test('puts black around what is too small', () => {
    expect([...centerCrop(grid, [4, 6]).data]).toEqual([
      ...[0, 1, 2, 3, 4, 0],
      ...[0, 5, 6, 7, 8, 0],
      ...[0, 9, 10, 11, 12, 0],
      ...[0, 0, 0, 0, 0, 0],
    ]);
  });

  test('refuses other sizes', () => {
    expect(() => centerCrop(grid, [1, 0.5])).toThrow('got [1, 0.5]');
  });
});
