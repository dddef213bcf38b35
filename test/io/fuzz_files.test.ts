import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { type Tensor, tensor } from '../../src/index.ts';
import {
  encodeSafetensors,
  encodeZip,
  FormatError,
  fromNpy,
  fromNpz,
  fromTorch,
  loadSharded,
  loadTensors,
  loadTfjs,
  ReadError,
  readZip,
  saveTensors,
  tensorsIn,
  toNpy,
} from '../../src/io/index.ts';
import { Dice } from '../support/dice.ts';

/** Damaged files over all readers: each is read, or refused with one clear error. `NABLA_FUZZ_FILES` says how many. */
const rounds = Number(process.env.NABLA_FUZZ_FILES ?? '2000');
const folder = mkdtempSync(join(tmpdir(), 'nabla-fuzz-files-'));
afterAll(() => rmSync(folder, { recursive: true }));

const fixture = (name: string): Uint8Array =>
  new Uint8Array(readFileSync(new URL(`fixtures/${name}`, import.meta.url)));
const file = join(folder, 'file');
const text = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));

/** A format: whole files, and what reads one. */
interface Format {
  readonly name: string;
  readonly samples: readonly Uint8Array[];
  readonly read: (bytes: Uint8Array) => Promise<Record<string, Tensor>>;
}

/** Reads from a path: what readers of several files do. */
const byPath =
  (read: (path: string) => Promise<Record<string, Tensor>>) =>
  (bytes: Uint8Array): Promise<Record<string, Tensor>> => {
    writeFileSync(file, bytes);
    return read(file);
  };

async function formats(): Promise<Format[]> {
  await saveTensors({ a: tensor([1, 2]) }, join(folder, 'shard'));
  const torch = (bytes: Uint8Array) => fromTorch(bytes, file).then((value) => tensorsIn(value, file));
  const zip = fixture('torch_zip.pt');
  const pickle = await readZip(zip)
    .find(({ name }) => name.endsWith('data.pkl'))!
    .read();
  const npy = await toNpy(tensor([[1, 2, 3]]));
  const manifest = [
    {
      paths: ['raw'],
      weights: [
        { name: 'a', shape: [2, 1], dtype: 'float32' },
        { name: 'b', shape: [4], dtype: 'float32', quantization: { dtype: 'uint8', scale: 0.5, min: -1 } },
      ],
    },
  ];
  writeFileSync(join(folder, 'raw'), new Uint8Array(12));
  return [
    {
      name: 'safetensors',
      samples: [
        fixture('golden.safetensors'),
        encodeSafetensors([{ name: 'x', dtype: 'F32', shape: [2], data: Float32Array.of(1, 2) }]),
      ],
      read: byPath(async (path) => (await loadTensors(path)).tensors),
    },
    { name: 'NPY', samples: [npy], read: async (bytes) => ({ x: fromNpy(bytes, file) }) },
    {
      name: 'NPZ',
      samples: [fixture('numpy.npz'), fixture('numpy_compressed.npz')],
      read: (bytes) => fromNpz(bytes, file),
    },
    { name: 'PyTorch, zip', samples: [zip, fixture('torch_net.pt')], read: torch },
    {
      name: 'PyTorch, legacy',
      samples: [fixture('torch_legacy.pt'), fixture('torch_sequence.pt')],
      read: torch,
    },
    {
      // Checksums would stop a pickle inside of an archive that was damaged.
      name: 'pickle',
      samples: [pickle],
      read: async (bytes) => {
        const entries = readZip(zip).filter(({ name }) => !name.endsWith('data.pkl'));
        const files = await Promise.all(
          entries.map(async ({ name, read }) => ({ name, bytes: await read() })),
        );
        return torch(
          await encodeZip([...files, { name: `${entries[0].name.split('/')[0]}/data.pkl`, bytes }]),
        );
      },
    },
    {
      name: 'an index of safetensors',
      samples: [text({ metadata: { total_size: 8 }, weight_map: { a: 'shard' } })],
      read: byPath(async (path) => (await loadSharded(path)).tensors),
    },
    {
      name: 'TensorFlow.js',
      samples: [text({ modelTopology: {}, weightsManifest: manifest })],
      read: byPath(async (path) => (await loadTfjs(path)).weights),
    },
  ];
}

/** A damaged copy: some bytes changed, numbers made extreme, parts cut, repeated, swapped, or taken from elsewhere. */
function damaged(sample: Uint8Array, dice: Dice): Uint8Array {
  let bytes = sample.slice();
  // The begin and the end of a file are where its structure is.
  const place = (): number => {
    const near = Math.min(bytes.length - 1, dice.pick([16, 128, 1024]));
    const at = dice.between(0, near);
    return dice.weighted({ begin: 2, end: 2, anywhere: 3 }) === 'begin'
      ? at
      : dice.chance(0.4)
        ? bytes.length - 1 - at
        : dice.between(0, bytes.length - 1);
  };
  const changes = dice.pick([1, 1, 1, 2, 3, 8, 30]);
  for (let i = 0; i < changes && bytes.length > 0; i++) {
    const at = place();
    const length = Math.min(dice.pick([1, 2, 4, 8, 60]), bytes.length - at);
    const kind = dice.weighted({
      flip: 4,
      set: 4,
      extreme: 3,
      cut: 1,
      remove: 1,
      insert: 1,
      copy: 2,
      add: 3,
    });
    if (kind === 'flip') bytes[at] ^= 1 << dice.between(0, 7);
    else if (kind === 'set') bytes[at] = dice.between(0, 255);
    else if (kind === 'add') bytes[at] += dice.pick([1, -1, 2, 16]);
    else if (kind === 'extreme') bytes.fill(dice.pick([0, 0x7f, 0x80, 0xff, 0x39]), at, at + length);
    else if (kind === 'cut') bytes = bytes.slice(0, at);
    else if (kind === 'remove')
      bytes = new Uint8Array([...bytes.subarray(0, at), ...bytes.subarray(at + length)]);
    else if (kind === 'copy') bytes.copyWithin(place(), at, at + length);
    else {
      const more = Array.from({ length: dice.between(1, 9) }, () => dice.between(0, 255));
      bytes = new Uint8Array([...bytes.subarray(0, at), ...more, ...bytes.subarray(at)]);
    }
  }
  return bytes;
}

describe('damaged files', async () => {
  const all = await formats();

  test.each(all.map((format) => [format.name, format] as const))(
    '%s: whole files are read',
    async (_, { samples, read }) => {
      for (const sample of samples) expect(Object.keys(await read(sample)).length).toBeGreaterThan(0);
    },
  );

  test.each(all.map((format, i) => [format.name, format, i] as const))(
    '%s: damaged ones are read, or refused by name',
    { timeout: 4 * 3_600_000 },
    async (_, { name, samples, read }, i) => {
      const refused = new Set<string>();
      for (let round = 0; round < rounds / all.length; round++) {
        const dice = new Dice(1000 * round + i);
        const bytes = damaged(dice.pick(samples), dice);
        const what = `${name}, round ${round}`;
        try {
          for (const array of Object.values(await read(bytes)))
            expect(array.size, what).toBe(array.shape.reduce((size, n) => size * n, 1));
        } catch (error) {
          const { message } = error as Error;
          expect(
            error instanceof FormatError || error instanceof ReadError,
            `${what}: ${(error as Error).stack}`,
          ).toBe(true);
          expect(message, what).toContain(folder);
          expect(message.length, what).toBeLessThan(1000);
          refused.add(message.replace(/\d+|".*"/g, '#'));
        }
      }
      expect(refused.size).toBeGreaterThan(1);
    },
  );
});
