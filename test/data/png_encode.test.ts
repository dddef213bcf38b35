import { spawnSync } from 'node:child_process';
import { inflateSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { DataError, encodePng } from '../../src/data/index.ts';
import { paeth, storedZlib } from '../../src/data/png_encode.ts';

const hasPillow = spawnSync('python3', ['-c', 'import PIL']).status === 0;

describe('encodePng', () => {
  test('writes the smallest file byte for byte', () => {
    const bytes = encodePng({ shape: [1, 1, 1], data: Uint8Array.of(7) });
    expect(Buffer.from(bytes.subarray(0, 33)).toString('hex')).toBe(
      '89504e470d0a1a0a0000000d4948445200000001000000010800000000' + '3a7e9b55',
    );
    const size = new DataView(bytes.buffer).getUint32(33);
    expect([...inflateSync(bytes.subarray(41, 41 + size))]).toEqual([0, 7]);
    expect(Buffer.from(bytes.subarray(-12)).toString('hex')).toBe('0000000049454e44ae426082');
  });

  test.skipIf(!hasPillow)('is read by Pillow, with any number of channels', () => {
    for (const channels of [1, 2, 3, 4]) {
      const [height, width] = [9, 17];
      const data = Uint8Array.from({ length: height * width * channels }, (_, i) =>
        i % 5 === 0 ? (i * 97) % 256 : (i >> 2) & 255,
      );
      const file = encodePng({ shape: [height, width, channels], data });
      const read = spawnSync(
        'python3',
        [
          '-c',
          'import sys, io; from PIL import Image; i = Image.open(io.BytesIO(sys.stdin.buffer.read())); print(i.mode, *i.size, i.tobytes().hex())',
        ],
        { input: file, encoding: 'utf8' },
      );
      const mode = ['', 'L', 'LA', 'RGB', 'RGBA'][channels];
      expect(read.stdout.trim()).toBe(`${mode} ${width} ${height} ${Buffer.from(data).toString('hex')}`);
    }
  });

  test('filters smooth pictures, so that they compress', () => {
    const data = Uint8Array.from({ length: 64 * 64 }, (_, i) => (i % 64) + (i >> 6));
    expect(encodePng({ shape: [64, 64, 1], data }).length).toBeLessThan(200);
  });

  test('stores what it cannot compress in blocks', () => {
    for (const length of [0, 1, 65_535, 65_536, 200_000]) {
      const bytes = Uint8Array.from({ length }, (_, i) => (i * i) % 251);
      expect(Buffer.compare(inflateSync(storedZlib(bytes)), bytes)).toBe(0);
    }
  });

  test('predicts as the standard says', () => {
    for (let left = 0; left < 256; left += 15)
      for (let up = 0; up < 256; up += 17)
        for (let corner = 0; corner < 256; corner += 13) {
          const guess = left + up - corner;
          const nearest = [left, up, corner].reduce((best, value) =>
            Math.abs(guess - value) < Math.abs(guess - best) ? value : best,
          );
          expect(paeth(left, up, corner)).toBe(nearest);
        }
  });

  test('refuses what is no image', () => {
    const data = new Uint8Array(12);
    expect(() => encodePng({ shape: [2, 2, 4], data })).toThrow(
      new DataError('encodePng: an image of [2, 2, 4] takes 16 bytes, got 12'),
    );
    expect(() => encodePng({ shape: [2, 1, 6], data })).toThrow('with 1 to 4 channels, got [2, 1, 6]');
    expect(() => encodePng({ shape: [0, 2, 1], data })).toThrow('got [0, 2, 1]');
  });
});
