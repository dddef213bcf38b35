import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { type Tensor, tensor } from '../../src/index.ts';
import {
  decodeNpy,
  encodeNpy,
  FormatError,
  fromNpy,
  fromNpz,
  loadNpy,
  loadNpz,
  saveNpy,
  saveNpz,
  toNpy,
} from '../../src/io/index.ts';

// Written by NumPy: scripts/fixtures/numpy_files.py.
const fixture = (name: string): Uint8Array =>
  new Uint8Array(readFileSync(new URL(`fixtures/${name}`, import.meta.url)));
const folder = mkdtempSync(join(tmpdir(), 'nabla-npy-'));
afterAll(() => rmSync(folder, { recursive: true }));

const plain = (x: Tensor): unknown => [x.dtype, x.shape, [...x.dataSync()].map(Number)];
const counted = Array.from({ length: 24 }, (_, i) => i);

/** An NPY file of version 1 with this header. */
function withHeader(header: string, data: number): Uint8Array {
  const bytes = new Uint8Array(10 + header.length + data);
  bytes.set([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, header.length & 255, header.length >> 8]);
  bytes.set(new TextEncoder().encode(header), 10);
  return bytes;
}

describe('NPY and NPZ', () => {
  test('reads every type and order that NumPy writes', async () => {
    const arrays = await fromNpz(fixture('numpy.npz'));
    expect(Object.fromEntries(Object.entries(arrays).map(([name, x]) => [name, plain(x)]))).toEqual({
      f2: ['float32', [3], [1.5, -0.25, 65504]],
      f4: ['float32', [2, 3, 4], counted.map((i) => i / 4)],
      f8: ['float64', [], [2.5]],
      i1: ['int32', [2], [-128, 127]],
      u1: ['int32', [2], [0, 255]],
      i2: ['int32', [2], [-32768, 32767]],
      u2: ['int32', [2], [0, 65535]],
      i4: ['int32', [2], [-(2 ** 31), 2 ** 31 - 1]],
      u4: ['uint32', [2], [0, 2 ** 32 - 1]],
      i8: ['int32', [2], [-3, 2 ** 31 - 1]],
      u8: ['uint32', [2], [0, 2 ** 32 - 1]],
      b1: ['bool', [2, 2], [1, 0, 0, 1]],
      empty: ['float32', [0, 3], []],
      fortran: ['int32', [2, 3, 4], counted],
      big: ['int32', [2, 3, 4], counted],
      bigFortran: ['float64', [2, 3, 4], counted.map((i) => i / 8)],
    });
    const kept = await fromNpz(fixture('numpy.npz'), 'n', { keepHalf: true, int64: 'float64' });
    expect([kept.f2.dtype, kept.i8.dtype, kept.u8.dtype]).toEqual(['float16', 'float64', 'float64']);
    expect([...kept.u8.dataSync()]).toEqual([0, 2 ** 32 - 1]);
  });

  test('reads versions 1 to 3, and compressed archives', async () => {
    const versions = await fromNpz(fixture('numpy_versions.npz'));
    for (const name of ['v1', 'v2', 'v3']) expect(plain(versions[name])).toEqual(['float32', [3], [0, 1, 2]]);
    const { zeros, grid } = await fromNpz(fixture('numpy_compressed.npz'));
    expect([zeros.shape, zeros.sum().item()]).toEqual([[100, 100], 0]);
    expect(plain(grid)).toEqual(['float32', [2, 3, 4], counted]);
  });

  test('writes the bytes that NumPy writes', async () => {
    const { f4, i4, b1, empty } = await fromNpz(fixture('numpy.npz'));
    const versions = fixture('numpy_versions.npz');
    const written = await toNpy(tensor([0, 1, 2]));
    // The first entry of the archive lies after a local header of 30 bytes and its name of 6.
    expect(versions.subarray(36, 36 + written.length)).toEqual(written);
    for (const x of [f4, i4, b1, empty]) expect(plain(fromNpy(await toNpy(x)))).toEqual(plain(x));
    const many = encodeNpy('F32', new Array(30_000).fill(1), new Float32Array(1));
    expect(many[6]).toBe(2);
    expect(() => decodeNpy(many)).toThrow('is too large');
  });

  test('writes and reads files', async () => {
    const x = tensor([
      [1, 2],
      [3, 4],
    ]);
    await saveNpy(x, join(folder, 'x.npy'));
    expect(plain(await loadNpy(join(folder, 'x.npy')))).toEqual(plain(x));
    for (const compress of [false, true]) {
      const arrays = { x, 'Grüße/∇': tensor([1, 0], { dtype: 'bool' }), y: tensor([-1], { dtype: 'int32' }) };
      await saveNpz(arrays, join(folder, 'a.npz'), { compress });
      const read = await loadNpz(join(folder, 'a.npz'));
      expect(Object.keys(read)).toEqual(Object.keys(arrays));
      for (const [name, array] of Object.entries(arrays)) expect(plain(read[name])).toEqual(plain(array));
    }
    const half = x.cast('float16');
    expect(fromNpy(await toNpy(half), 'h', { keepHalf: true }).bits()).toEqual(half.bits());
    await expect(toNpy(x.cast('bfloat16'))).rejects.toThrow('NumPy has no type for BF16');
    await expect(loadNpy(join(folder, 'none.npy'))).rejects.toThrow('there is no such file');
  });

  test('says what is wrong with a file', async () => {
    const good = "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }";
    expect(fromNpy(withHeader(good, 8)).shape).toEqual([2]);
    const cases: [Uint8Array, string][] = [
      [new Uint8Array(3), 'not an NPY file'],
      [withHeader(good, 7), "truncated: '<f4' [2] takes 8 bytes, but 7 follow the header"],
      [withHeader(good, 9), 'trailing bytes'],
      [withHeader(good, 8).with(6, 9), 'NPY version 9.0 is not known'],
      [withHeader(good, 8).subarray(0, 40), 'truncated: the header takes'],
      [withHeader(good.replace('<f4', '|O'), 8), "elements of type '|O' cannot be read"],
      [withHeader(good.replace('<f4', '<c8'), 16), "elements of type '<c8' cannot be read"],
      [withHeader(good.replace("'<f4'", "[('x', '<f4')]"), 8), 'records (structured arrays) cannot be read'],
      [withHeader(good.replace('False', 'Maybe'), 8), "no 'fortran_order'"],
      [withHeader(good.replace('(2,)', '(-2,)'), 8), "no 'shape'"],
      [withHeader(good.replace('(2,)', '(99999999999, 99999999999)'), 8), 'takes'],
      [withHeader('nonsense', 8), 'is not a dictionary'],
    ];
    for (const [bytes, message] of cases) {
      expect(() => fromNpy(bytes, 'x.npy')).toThrow(FormatError);
      expect(() => fromNpy(bytes, 'x.npy')).toThrow(/^x\.npy: /);
      expect(() => fromNpy(bytes, 'x.npy')).toThrow(message);
    }
    await expect(fromNpz(withHeader(good, 8), 'x.npz')).rejects.toThrow('x.npz: not an NPZ file');
    const long = encodeNpy('I64', [1], BigInt64Array.of(2n ** 60n));
    expect(() => fromNpy(long, 'x.npy')).toThrow('x.npy: "array": element 0 is 1152921504606846976');
    const fits = encodeNpy('I64', [1], BigInt64Array.of(2n ** 40n));
    expect(plain(fromNpy(fits, 'x.npy', { int64: 'float64' }))).toEqual(['float64', [1], [2 ** 40]]);
    const odd = encodeNpy('I64', [1], BigInt64Array.of(2n ** 53n + 1n));
    expect(() => fromNpy(odd, 'x.npy', { int64: 'float64' })).toThrow('does not fit float64 exactly');
  });
});
