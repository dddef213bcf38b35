import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { bfloat16ToFloat, halfToFloat } from '../../src/graph/half.ts';
import { valuesOf } from '../../src/io/narrow_numbers.ts';
import {
  decodeSafetensors,
  encodeSafetensors,
  FormatError,
  type SafetensorsEntry,
} from '../../src/io/safetensors_format.ts';
import { Dice } from '../support/dice.ts';

// Written by the reference implementation: scripts/fixtures/safetensors_golden.py.
const golden = new Uint8Array(readFileSync(new URL('fixtures/golden.safetensors', import.meta.url)));

/** A file with this header and `length` bytes of data. */
function file(header: string | object, length: number): Uint8Array {
  const json = new TextEncoder().encode(typeof header === 'string' ? header : JSON.stringify(header));
  const bytes = new Uint8Array(8 + json.length + length);
  new DataView(bytes.buffer).setUint32(0, json.length, true);
  bytes.set(json, 8);
  return bytes;
}

describe('safetensors', () => {
  test('reads every dtype of a file of the reference implementation', () => {
    const { entries, metadata } = decodeSafetensors(golden);
    expect(metadata).toEqual({ format: 'pt' });
    const values = new Map(
      entries.map((entry) => {
        const { dtype, data } = valuesOf(entry);
        return [entry.name, [dtype, entry.shape, [...data]]];
      }),
    );
    expect(Object.fromEntries(values)).toEqual({
      'layer.weight': ['float32', [2, 3], [0, 1, 2, 3, 4, 5]],
      scalar: ['float64', [], [2.5]],
      empty: ['float32', [0, 4], []],
      half: ['float32', [5], [1.5, -0.25, 65504, 2 ** -24, Infinity]],
      brain: ['float32', [2], [3.140625, -(2 ** 100)]],
      long: ['int32', [2], [1, -2]],
      ulong: ['uint32', [1], [2 ** 32 - 1]],
      int: ['int32', [1], [-7]],
      uint: ['uint32', [1], [2 ** 32 - 1]],
      short: ['int32', [1], [-3]],
      ushort: ['int32', [1], [65535]],
      byte: ['int32', [1], [-3]],
      ubyte: ['int32', [2], [0, 255]],
      flags: ['bool', [3], [1, 0, 1]],
      tiny: ['float32', [1], [1]],
      tiny5: ['float32', [1], [1]],
      '0': ['float32', [1], [9]],
      'Grüße ∇': ['float32', [2], [1, 2]],
    });
  });

  test('writes the bytes that the reference implementation writes, in whatever order it is told the tensors', () => {
    const { entries, metadata } = decodeSafetensors(golden);
    expect(encodeSafetensors([...entries].reverse(), metadata)).toEqual(golden);
    expect(encodeSafetensors(new Dice(3).shuffled(entries), metadata)).toEqual(golden);
  });

  test('encodes typed arrays, also views into larger ones, and odd names', () => {
    const large = Float32Array.of(9, 1, 2, 3, 9);
    const entries: SafetensorsEntry[] = [
      { name: '__proto__', dtype: 'F32', shape: [3], data: large.subarray(1, 4) },
      { name: '', dtype: 'U8', shape: [1, 1], data: Uint8Array.of(5) },
      { name: '"\\\n', dtype: 'I32', shape: [], data: Int32Array.of(-1) },
    ];
    const { entries: read, metadata } = decodeSafetensors(encodeSafetensors(entries));
    expect(metadata).toEqual({});
    expect(read.map(({ name, shape, dtype }) => [name, dtype, shape])).toEqual([
      ['__proto__', 'F32', [3]],
      ['"\\\n', 'I32', []],
      ['', 'U8', [1, 1]],
    ]);
    expect([...valuesOf(read[0]).data]).toEqual([1, 2, 3]);
    expect([...valuesOf(read[1]).data]).toEqual([-1]);
  });

  test('an empty file is a valid one', () => {
    const bytes = encodeSafetensors([]);
    expect(bytes).toHaveLength(16);
    expect(decodeSafetensors(bytes).entries).toEqual([]);
  });

  test('refuses to encode what would not be readable', () => {
    const entry = (name: string, shape: number[]): SafetensorsEntry => ({
      name,
      dtype: 'F32',
      shape,
      data: new Float32Array(6),
    });
    expect(() => encodeSafetensors([entry('w', [7])])).toThrow(
      '"w": F32 [7] takes 28 bytes, the data has 24',
    );
    expect(() => encodeSafetensors([entry('w', [-2, -3])])).toThrow(FormatError);
    expect(() => encodeSafetensors([entry('w', [6]), entry('w', [6])])).toThrow('two tensors are called "w"');
    expect(() => encodeSafetensors([entry('__metadata__', [6])])).toThrow('must not be called __metadata__');
  });

  const weight = (shape: unknown, offsets: unknown, dtype: unknown = 'F32'): object => ({
    dtype,
    shape,
    data_offsets: offsets,
  });
  test.each<[string, Uint8Array, string]>([
    ['too few bytes', Uint8Array.of(1, 2, 3), 'not a safetensors file: 3 bytes are too few'],
    ['an absurd header', new Uint8Array(20).fill(255), 'not a safetensors file: its header would take'],
    ['a truncated header', golden.subarray(0, 100), 'truncated: the header takes'],
    ['truncated data', golden.subarray(0, -1), 'truncated: the tensors take'],
    ['trailing bytes', Uint8Array.of(...golden, 0), 'trailing bytes: the tensors take'],
    ['an empty header', file('', 0), 'the header does not start with {'],
    ['an array as header', file('[]', 0), 'the header does not start with {'],
    ['broken JSON', file('{"w":', 0), 'the header is not JSON in UTF-8'],
    ['broken UTF-8', file('{"\u0000":1}', 0).map((byte) => byte || 0xff), 'not a safetensors file'],
    ['a number as tensor', file({ w: 1 }, 0), '"w" is not described by an object'],
    ['an unknown dtype', file({ w: weight([1], [0, 4], 'F31') }, 4), '"w": unknown dtype "F31"'],
    ['no shape', file({ w: weight(undefined, [0, 4]) }, 4), '"w": the shape undefined is not a list'],
    ['a negative extent', file({ w: weight([-1], [0, 4]) }, 4), '"w": the shape [-1] is not a list'],
    ['one offset', file({ w: weight([1], [0]) }, 4), '"w": the data_offsets [0] are not a range'],
    ['reversed offsets', file({ w: weight([1], [4, 0]) }, 4), '"w": the data_offsets [4,0] are not a range'],
    [
      'a wrong size',
      file({ w: weight([2], [0, 4]) }, 4),
      '"w": F32 [2] takes 8 bytes, but its data_offsets span 4',
    ],
    [
      'offsets past the end',
      file({ w: weight([2], [0, 8]) }, 4),
      'truncated: the tensors take 8 bytes, but 4 follow',
    ],
    ['an overlap', file({ a: weight([2], [0, 8]), b: weight([1], [4, 8]) }, 8), '"b" begins at byte 4'],
    ['a hole', file({ a: weight([1], [0, 4]), b: weight([1], [8, 12]) }, 12), 'ends at 4: there is a hole'],
    ['a hole at the start', file({ a: weight([1], [4, 8]) }, 8), 'ends at 0: there is a hole'],
    ['numbers as metadata', file({ __metadata__: { step: 1 } }, 0), '__metadata__ is not an object of texts'],
  ])('refuses %s', (_, bytes, message) => {
    expect(() => decodeSafetensors(bytes, 'model.safetensors')).toThrow(FormatError);
    expect(() => decodeSafetensors(bytes, 'model.safetensors')).toThrow(/^model\.safetensors: /);
    expect(() => decodeSafetensors(bytes, 'model.safetensors')).toThrow(message);
  });

  test('mutated bytes give a file or a FormatError, nothing else', () => {
    const dice = new Dice(11);
    const header = new DataView(golden.buffer).getUint32(golden.byteOffset, true);
    const outcomes = { file: 0, error: 0 };
    for (let round = 0; round < 2000; round++) {
      let bytes = Uint8Array.from(golden);
      for (let change = dice.between(1, 3); change > 0; change--) {
        if (dice.chance(0.1)) bytes = bytes.slice(0, dice.between(0, bytes.length));
        // Printable characters keep the header JSON more often.
        else
          bytes[dice.between(0, header + 8)] = dice.chance(0.7)
            ? dice.between(0x20, 0x7e)
            : dice.between(0, 255);
      }
      try {
        const { entries } = decodeSafetensors(bytes, 'mutant');
        for (const entry of entries) valuesOf(entry);
        outcomes.file++;
      } catch (error) {
        expect(error).toBeInstanceOf(FormatError);
        outcomes.error++;
      }
    }
    expect(outcomes.file).toBeGreaterThan(20);
    expect(outcomes.error).toBeGreaterThan(500);
  });
});

describe('narrow numbers', () => {
  test('halves: every pattern against its definition by the float32 with the same fields', () => {
    const word = new Uint32Array(1);
    const float = new Float32Array(word.buffer);
    for (let bits = 0; bits < 65536; bits++) {
      const exponent = (bits >>> 10) & 31;
      if (exponent === 0 || exponent === 31) continue;
      word[0] = ((bits & 0x8000) << 16) | ((exponent + 112) << 23) | ((bits & 0x3ff) << 13);
      expect(halfToFloat(bits)).toBe(float[0]);
    }
    expect(halfToFloat(0x8000)).toBe(-0);
    expect(halfToFloat(0x0001)).toBe(2 ** -24);
    expect(halfToFloat(0x83ff)).toBe(-1023 * 2 ** -24);
    expect(halfToFloat(0xfc00)).toBe(-Infinity);
    expect(halfToFloat(0x7e00)).toBeNaN();
  });

  test('bfloat16', () => {
    expect([0x3f80, 0xc049, 0x8000, 0x7f80, 0x0001].map(bfloat16ToFloat)).toEqual([
      1,
      -3.140625,
      -0,
      Infinity,
      2 ** -133,
    ]);
    expect(bfloat16ToFloat(0x7fc0)).toBeNaN();
  });

  test('refuses integers that do not fit and bytes that are no booleans', () => {
    const entry = { name: 'n', shape: [1] } as const;
    expect(() => valuesOf({ ...entry, dtype: 'I64', data: BigInt64Array.of(2n ** 31n) })).toThrow(
      '"n": element 0 is 2147483648, which does not fit 32 bits',
    );
    expect(() => valuesOf({ ...entry, dtype: 'U64', data: BigUint64Array.of(2n ** 32n) })).toThrow(
      FormatError,
    );
    expect(() => valuesOf({ ...entry, dtype: 'BOOL', data: Uint8Array.of(2) })).toThrow('a BOOL is 0 or 1');
  });
});
