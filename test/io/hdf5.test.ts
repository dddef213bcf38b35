import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { FormatError, Hdf5Dataset, type Hdf5Group, type Hdf5Values, openHdf5 } from '../../src/io/index.ts';
import { Dice } from '../support/dice.ts';

/** HDF5 files that h5py wrote (scripts/fixtures/hdf5_files.py), read and compared with what it put in. */

const folders = [new URL('fixtures/hdf5', import.meta.url).pathname, process.env.NABLA_LARGE_HDF5 ?? ''];

/** Values as the fixture describes them. */
interface Expected {
  readonly kind: Hdf5Values['kind'];
  readonly shape?: number[];
  readonly dtype?: string;
  readonly values?: (number | string | boolean)[] | { sum: number };
}
type Contents = Record<string, { attributes: Record<string, Expected>; value?: Expected; names?: string[] }>;

function numbersOf(values: Hdf5Values & { kind: 'numbers' }): number[] {
  const view = new DataView(values.data.buffer, values.data.byteOffset, values.data.byteLength);
  const get: Record<string, [number, (at: number) => number]> = {
    F16: [2, (at) => half(view.getUint16(at, true))],
    F32: [4, (at) => view.getFloat32(at, true)],
    F64: [8, (at) => view.getFloat64(at, true)],
    I8: [1, (at) => view.getInt8(at)],
    U8: [1, (at) => view.getUint8(at)],
    BOOL: [1, (at) => view.getUint8(at)],
    I16: [2, (at) => view.getInt16(at, true)],
    U16: [2, (at) => view.getUint16(at, true)],
    I32: [4, (at) => view.getInt32(at, true)],
    U32: [4, (at) => view.getUint32(at, true)],
    I64: [8, (at) => Number(view.getBigInt64(at, true))],
    U64: [8, (at) => Number(view.getBigUint64(at, true))],
  };
  const [size, read] = get[values.dtype];
  return Array.from({ length: values.data.length / size }, (_, i) => read(i * size));
}
const half = (bits: number): number =>
  bits === 0 ? 0 : 2 ** (((bits >> 10) & 31) - 15) * (1 + (bits & 1023) / 1024) * (bits >> 15 ? -1 : 1);

function check(found: Hdf5Values | undefined, expected: Expected, what: string): void {
  expect(found?.kind, what).toBe(expected.kind);
  if (found === undefined || found.kind === 'nothing') return;
  expect(found.shape, what).toEqual(expected.shape);
  if (found.kind === 'texts') {
    expect(found.texts, what).toEqual(expected.values);
    return;
  }
  if (found.kind === 'opaque') {
    expect([...found.data], what).toEqual(expected.values);
    return;
  }
  expect(found.dtype, what).toBe(expected.dtype);
  const numbers = numbersOf(found);
  if (Array.isArray(expected.values)) {
    expect(numbers, what).toEqual(expected.values.map(Number));
    return;
  }
  const sum = numbers.reduce((total, value, i) => total + value * ((i + 1) % 1009), 0);
  expect(sum, what).toBe(expected.values?.sum);
}

const bytesOf = (name: string): Uint8Array => new Uint8Array(readFileSync(join(folders[0], name)));

for (const folder of folders) {
  const listing = join(folder, 'expected.json');
  if (!existsSync(listing)) continue;
  const files = JSON.parse(readFileSync(listing, 'utf8')) as Record<string, Contents>;
  describe.each(Object.entries(files))('%s', (name, contents) => {
    const file = openHdf5(new Uint8Array(readFileSync(join(folder, name))), name);

    test('has the names, shapes and values that h5py wrote', async () => {
      for (const [path, entry] of Object.entries(contents)) {
        const object = file.get(path)!;
        expect(object.path).toBe(path);
        if (entry.names !== undefined) expect((object as Hdf5Group).names().sort()).toEqual(entry.names);
        if (entry.value !== undefined) check(await (object as Hdf5Dataset).read(), entry.value, path);
      }
      const all = Object.keys(contents).filter((path) => contents[path].value !== undefined);
      expect(
        file
          .datasets()
          .map(({ path }) => path)
          .sort(),
      ).toEqual(all.sort());
    });

    test('has the attributes that h5py wrote', () => {
      for (const [path, entry] of Object.entries(contents)) {
        const object = file.get(path)!;
        expect(object.attributeNames().sort(), path).toEqual(Object.keys(entry.attributes).sort());
        for (const [attribute, value] of Object.entries(entry.attributes))
          check(object.attribute(attribute), value, `${path} ${attribute}`);
      }
    });
  });
}

describe('openHdf5', () => {
  test('follows links, and refuses those that lead nowhere', async () => {
    const file = openHdf5(bytesOf('links.h5'), 'links.h5');
    const group = file.group('links');
    for (const path of ['soft', 'relative', 'same', '/links/inner/up/soft', 'inner/up/inner/value'])
      expect(numbersOf((await group.dataset(path).read()) as Hdf5Values & { kind: 'numbers' })).toEqual([
        0, 1, 2,
      ]);
    expect(group.get('dangling')).toBeUndefined();
    expect(() => group.get('circle')).toThrow(/^links.h5: \/links: the link "circle" leads in a circle/);
    expect(() => group.get('elsewhere')).toThrow(/"elsewhere" leads into another file/);
    expect(() => group.dataset('inner')).toThrow(/a group instead of a dataset called "inner"/);
    expect(() => group.group('soft')).toThrow(/a dataset instead of a group/);
    expect(() => file.dataset('links/none')).toThrow(/nothing called "links\/none"; there are "links"/);
    // The groups lead to each other; their one dataset is found once.
    expect(file.datasets().map(({ path }) => path)).toHaveLength(1);
  });

  test('lists of texts', () => {
    const group = openHdf5(bytesOf('old.h5')).group('attributes');
    expect(group.texts('names')).toEqual(['a', 'bc']);
    expect(group.texts('nothing_in_it')).toEqual([]);
    expect(group.texts('absent')).toBeUndefined();
    expect(() => group.texts('floats')).toThrow(/"floats" holds numbers instead of texts/);
  });

  test('says what is no HDF5 file', () => {
    const bytes = bytesOf('old.h5');
    expect(() => openHdf5(new Uint8Array(7), 'x.h5')).toThrow(/^x.h5: not an HDF5 file/);
    expect(() => openHdf5(bytes.subarray(0, 1000), 'x.h5')).toThrow(/truncated: it should have \d+ bytes/);
    expect(() => openHdf5(bytes, 'x.h5', { sums: false } as never)).toThrow(/unknown option 'sums'/);
  });

  test('checksums are compared, unless told not to', async () => {
    const whole = bytesOf('latest.h5');
    const at = openHdf5(whole).dataset('storage/checked');
    expect((await at.read()).kind).toBe('numbers');
    const refusals = new Set<string>();
    for (let i = 0; i < whole.length; i += 97) {
      const bytes = whole.slice();
      bytes[i] ^= 1;
      try {
        await openHdf5(bytes, 'x').dataset('storage/checked').read();
      } catch (error) {
        refusals.add((error as Error).message.replace(/\d+/g, '#'));
      }
    }
    expect([...refusals].some((message) => message.includes('the checksum of'))).toBe(true);
    const bytes = whole.slice();
    bytes[44] ^= 1;
    expect(() => openHdf5(bytes)).toThrow(/the checksum of the superblock/);
    expect(openHdf5(bytes, 'x', { checksums: false }).names()).toContain('types');
  });
});

/** Everything that can be read of a file. */
async function readAll(bytes: Uint8Array, checksums: boolean): Promise<number> {
  let count = 0;
  const root = openHdf5(bytes, 'damaged.h5', { checksums });
  const attempt = async (read: () => unknown): Promise<void> => {
    try {
      await read();
      count++;
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      expect(error.message).toMatch(/^damaged.h5: \//);
      expect(error.message.length).toBeLessThan(1000);
    }
  };
  const visit = async (object: Hdf5Group | Hdf5Dataset, depth: number): Promise<void> => {
    await attempt(async () => {
      for (const name of object.attributeNames()) await attempt(() => object.attribute(name));
    });
    if (object instanceof Hdf5Dataset) return attempt(() => object.read());
    if (depth > 4) return;
    for (const name of object.names())
      await attempt(async () => {
        const member = object.get(name);
        if (member !== undefined) await visit(member, depth + 1);
      });
  };
  await visit(root, 0);
  return count;
}

describe('damaged files', () => {
  const names = readdirSync(folders[0]).filter((name) => name.endsWith('.h5'));
  const rounds = Number(process.env.NABLA_FUZZ_HDF5 ?? '120');

  test('are read, or refused with one clear error', { timeout: 3_600_000 }, async () => {
    const refused = new Set<string>();
    let slowest = 0;
    for (let round = 0; round < rounds; round++) {
      const dice = new Dice(round);
      const bytes = bytesOf(dice.pick(names)).slice();
      for (let i = dice.pick([1, 1, 2, 5, 30]); i > 0; i--) {
        const at = dice.between(0, Math.min(bytes.length, dice.pick([512, 4096, 1e6])) - 1);
        const kind = dice.weighted({ flip: 3, set: 2, extreme: 2, copy: 1 });
        if (kind === 'flip') bytes[at] ^= 1 << dice.between(0, 7);
        else if (kind === 'set') bytes[at] = dice.between(0, 255);
        else if (kind === 'extreme') bytes.fill(dice.pick([0, 255]), at, at + dice.pick([1, 2, 4, 8]));
        else bytes.copyWithin(dice.between(0, bytes.length - 1), at, at + dice.pick([4, 8, 40]));
      }
      const before = performance.now();
      try {
        // Half of them without checksums, which would stop most damage at once.
        await readAll(bytes, round % 2 === 0);
      } catch (error) {
        expect(error instanceof FormatError, `round ${round}: ${(error as Error).stack}`).toBe(true);
        refused.add((error as Error).message.replace(/\d+/g, '#'));
      }
      slowest = Math.max(slowest, performance.now() - before);
    }
    expect(refused.size).toBeGreaterThan(3);
    expect(slowest).toBeLessThan(20_000);
  });
});
