import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { crc32, gzipSync } from 'node:zlib';
import {
  decodeCifar,
  decodeIdx,
  decodeImage,
  decodeWav,
  encodeIdx,
  encodePng,
  encodeWav,
  parseCsv,
  readIdx,
  streamCsv,
  streamJsonLines,
} from '../../src/data/index.ts';
import { type Tensor, tensor, zeros } from '../../src/index.ts';
import {
  encodeSafetensors,
  encodeZip,
  exportOnnx,
  FormatError,
  fromNpy,
  fromNpz,
  fromTorch,
  Hdf5Dataset,
  type Hdf5Group,
  loadOnnx,
  loadSharded,
  loadTensors,
  loadTfjs,
  openHdf5,
  readZip,
  saveTensors,
  tensorsIn,
  toNpy,
} from '../../src/io/index.ts';
import { loadKeras, loadTfjsModel } from '../../src/keras/index.ts';

/** A kind of files: whole ones, and what reads one and looks at what it got. */
export interface FileFormat {
  readonly name: string;
  readonly samples: readonly Uint8Array[];
  /**
   * Reads bytes.
   *
   * @returns how much was read
   * @throws an error of ours that names the file
   */
  readonly read: (bytes: Uint8Array) => Promise<number>;
}

const fixture = (name: string): Uint8Array =>
  new Uint8Array(readFileSync(new URL(`fixtures/${name}`, import.meta.url)));
const unpacked = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'base64'));
const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

/** An array is as large as its shape says. */
function sound(array: { readonly shape: readonly number[]; readonly data: ArrayLike<number> }): number {
  const size = array.shape.reduce((product, extent) => product * extent, 1);
  if (array.data.length !== size) throw new Error(`[${array.shape}] of ${array.data.length} elements`);
  return size + 1;
}
const tensors = (named: Record<string, Tensor>): number =>
  Object.values(named).reduce((sum, { shape, size }) => sum + sound({ shape, data: { length: size } }), 0);

/** Chunks of a PNG with right checksums, as far as there are chunks. */
function withChecksums(bytes: Uint8Array): Uint8Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 8; at + 12 <= bytes.length; ) {
    const length = view.getUint32(at);
    if (at + 12 + length > bytes.length) break;
    view.setUint32(at + 8 + length, crc32(bytes.subarray(at + 4, at + 8 + length)));
    at += 12 + length;
  }
  return bytes;
}

const partOf = (archive: Uint8Array, part: string): Promise<Uint8Array> =>
  readZip(archive)
    .find(({ name }) => name === part)!
    .read();

/** The archive whose part is most alike in length, with this part: checksums would stop it if the archive itself were damaged. */
async function withPart(
  archives: readonly { readonly archive: Uint8Array; readonly part: Uint8Array }[],
  name: string,
  bytes: Uint8Array,
): Promise<Uint8Array> {
  const distances = archives.map(({ part }) => Math.abs(part.length - bytes.length));
  const { archive } = archives[distances.indexOf(Math.min(...distances))];
  const entries = readZip(archive).map(async (entry) => ({
    name: entry.name,
    bytes: entry.name === name ? bytes : await entry.read(),
  }));
  return encodeZip(await Promise.all(entries));
}

/** Reads all of a file: what is sound also beside what is damaged, and then says what was. */
async function everythingOf(root: Hdf5Group): Promise<number> {
  let count = 0;
  const errors: Error[] = [];
  const attempt = async (read: () => unknown): Promise<void> => {
    try {
      await read();
      count++;
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      // Whole files have such links too.
      if (!/leads in a circle|leads into another file/.test(error.message)) errors.push(error);
    }
  };
  const visit = async (object: Hdf5Group | Hdf5Dataset, depth: number): Promise<void> => {
    await attempt(async () => {
      for (const name of object.attributeNames()) await attempt(() => object.attribute(name));
    });
    if (object instanceof Hdf5Dataset) return attempt(() => object.read());
    if (depth === 5) return;
    for (const name of object.names())
      await attempt(async () => {
        const member = object.get(name);
        if (member !== undefined) await visit(member, depth + 1);
      });
  };
  await attempt(() => visit(root, 0));
  if (errors.length > 0) throw errors[0];
  return count;
}

/**
 * All formats that are read, with small whole files of each.
 *
 * @param folder for files that must lie beside others
 * @param file a path in it, which errors must name
 */
export async function fileFormats(folder: string, file: string): Promise<FileFormat[]> {
  /** Reads from a path: what readers of files and of several files do. */
  const byPath =
    (read: (path: string) => Promise<number>) =>
    (bytes: Uint8Array): Promise<number> => {
      writeFileSync(file, bytes);
      return read(file);
    };
  await saveTensors({ a: tensor([1, 2]) }, join(folder, 'shard'));
  const torch = (bytes: Uint8Array): Promise<number> =>
    fromTorch(bytes, file).then((value) => tensors(tensorsIn(value, file)));
  const zip = fixture('torch_zip.pt');
  const pickle = await readZip(zip)
    .find(({ name }) => name.endsWith('data.pkl'))!
    .read();
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

  const pictures = (
    JSON.parse(readFileSync(new URL('../fixtures/pillow_images.json', import.meta.url), 'utf8')) as {
      cases: { name: string; file: string }[];
    }
  ).cases;
  const imagesOf = (kind: string): Uint8Array[] =>
    pictures.filter(({ name }) => name.startsWith(kind)).map((picture) => unpacked(picture.file));
  const image = async (bytes: Uint8Array): Promise<number> =>
    sound(await decodeImage(bytes, { name: file, orient: true, channels: 4 }));
  const bars = { shape: [40, 30, 3], data: new Uint8Array(3600).map((_, i) => (i % 90) * 2) } as const;

  const idx = [
    encodeIdx({ dtype: 'uint8', shape: [3, 4, 5], data: new Uint8Array(60).fill(9) }),
    encodeIdx({ dtype: 'float64', shape: [6], data: Float64Array.of(1, 2, 3, 4, 5, 6) }),
  ];
  const csv = [
    'size,kind,when\n1.5,cat,2020-01-01\nNA,"dog, ""small""",\n-3e5,"two\nlines",x\n',
    'a;b\r\n1;2\r\n3;4\r\n',
  ].map(utf8);
  const lines = ['{"a": [1, 2, {"b": null}], "c": "\\u00e9"}\n[true, -1.5e3]\n"x"\n'].map(utf8);
  const onnx = [
    ...(
      JSON.parse(readFileSync(new URL('fixtures/onnx_models.json', import.meta.url), 'utf8')) as {
        model: string;
      }[]
    ).map(({ model }) => unpacked(model)),
    exportOnnx(
      (x: Tensor) =>
        x
          .matmul(
            tensor([
              [1, 2, 3],
              [4, 5, 6],
            ]),
          )
          .softmax(-1),
      zeros([4, 2]),
    ),
    exportOnnx((x: Tensor) => x.reshape([2, 3]).transpose().exp().sum(0), zeros([6])),
  ];

  const layer = { name: 'd', units: 2, batch_input_shape: [null, 3], activation: 'relu', use_bias: true };
  const topology = {
    class_name: 'Sequential',
    config: { name: 's', layers: [{ class_name: 'Dense', config: layer }] },
  };
  const layerManifest = [
    {
      paths: ['layer'],
      weights: [
        { name: 'd/kernel', shape: [3, 2], dtype: 'float32' },
        { name: 'd/bias', shape: [2], dtype: 'float32' },
      ],
    },
  ];
  writeFileSync(join(folder, 'layer'), new Uint8Array(32));
  const keras = (name: string): Uint8Array => fixture(`../../keras/fixtures/${name}`);
  const archives = [
    'mlp',
    'text',
    'recurrent',
    'cnn',
    'two_inputs',
    'attention',
    'normalization',
    'activations',
  ].map((name) => keras(`${name}.keras`));
  const partsOf = (name: string, from: readonly Uint8Array[]) =>
    Promise.all(from.map(async (archive) => ({ archive, part: await partOf(archive, name) })));
  const configurations = await partsOf('config.json', archives);
  const weights = await partsOf('model.weights.h5', archives.slice(0, 2));
  const built = async (path: string): Promise<number> => (await loadKeras(path)).parameters().length;

  return [
    {
      name: 'safetensors',
      samples: [
        fixture('golden.safetensors'),
        encodeSafetensors([{ name: 'x', dtype: 'F32', shape: [2], data: Float32Array.of(1, 2) }]),
      ],
      read: byPath(async (path) => tensors((await loadTensors(path)).tensors)),
    },
    {
      name: 'safetensors, index',
      samples: [utf8(JSON.stringify({ metadata: { total_size: 8 }, weight_map: { a: 'shard' } }))],
      read: byPath(async (path) => tensors((await loadSharded(path)).tensors)),
    },
    {
      name: 'NPY',
      samples: [await toNpy(tensor([[1, 2, 3]])), await toNpy(zeros([2, 0, 3], { dtype: 'int32' }))],
      read: async (bytes) => tensors({ x: fromNpy(bytes, file) }),
    },
    {
      name: 'NPZ',
      samples: [fixture('numpy.npz'), fixture('numpy_compressed.npz')],
      read: async (bytes) => tensors(await fromNpz(bytes, file)),
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
      name: 'TensorFlow.js',
      samples: [utf8(JSON.stringify({ modelTopology: {}, weightsManifest: manifest }))],
      read: byPath(async (path) => tensors((await loadTfjs(path)).weights)),
    },
    {
      name: 'TensorFlow.js, layers',
      samples: [utf8(JSON.stringify({ modelTopology: topology, weightsManifest: layerManifest }))],
      read: byPath(async (path) => (await loadTfjsModel(path)).parameters().length),
    },
    {
      name: 'Keras, h5',
      samples: ['mlp', 'text', 'cnn', 'recurrent'].map((name) => keras(`${name}.h5`)),
      read: byPath(built),
    },
    {
      name: 'Keras, archive',
      samples: ['mlp', 'masked', 'volumes'].map((name) => keras(`${name}.keras`)),
      read: byPath(built),
    },
    {
      name: 'Keras, configuration',
      samples: configurations.map(({ part }) => part),
      read: async (bytes) => byPath(built)(await withPart(configurations, 'config.json', bytes)),
    },
    {
      name: 'Keras, weights',
      samples: weights.map(({ part }) => part),
      read: async (bytes) => byPath(built)(await withPart(weights, 'model.weights.h5', bytes)),
    },
    {
      name: 'HDF5',
      samples: ['userblock.h5', 'links.h5', 'order.h5', 'latest.h5', 'old.h5'].map((name) =>
        fixture(`hdf5/${name}`),
      ),
      read: (bytes) => everythingOf(openHdf5(bytes, file)),
    },
    {
      name: 'HDF5, checksums ignored',
      samples: ['latest.h5', 'v110.h5', 'order.h5'].map((name) => fixture(`hdf5/${name}`)),
      read: (bytes) => everythingOf(openHdf5(bytes, file, { checksums: false })),
    },
    {
      name: 'ONNX',
      samples: onnx,
      read: byPath(async (path) => {
        const model = await loadOnnx(path);
        const feeds: Record<string, Tensor> = {};
        for (const { name, shape, dtype } of model.inputs) {
          const extents = (shape ?? []).map((extent) => (typeof extent === 'number' ? extent : 2));
          // What is fed is the caller's, not the file's.
          if (extents.reduce((size, extent) => size * extent, 1) > 2 ** 20) return 1;
          feeds[name] = zeros(extents, { dtype });
        }
        return 1 + tensors(model.run(feeds));
      }),
    },
    {
      name: 'IDX',
      samples: idx,
      read: async (bytes) => sound(decodeIdx(bytes, file)),
    },
    {
      name: 'IDX, gzip',
      samples: idx.map((bytes) => new Uint8Array(gzipSync(bytes))),
      read: byPath(async (path) => sound(await readIdx(path))),
    },
    {
      name: 'CSV',
      samples: csv,
      read: async (bytes) => {
        const table = parseCsv(new TextDecoder().decode(bytes), {}, file);
        return table.names.length + table.count;
      },
    },
    {
      name: 'CSV, streamed',
      samples: [...csv, new Uint8Array(gzipSync(csv[0]))],
      read: byPath(async (path) => (await streamCsv(path).toArray()).length + 1),
    },
    {
      name: 'JSON lines',
      samples: [...lines, new Uint8Array(gzipSync(lines[0]))],
      read: byPath(async (path) => (await streamJsonLines(path).toArray()).length + 1),
    },
    {
      name: 'CIFAR',
      samples: [new Uint8Array(2 * 3073).fill(3)],
      read: async (bytes) => decodeCifar(bytes, 'cifar10', file).count,
    },
    {
      name: 'WAV',
      samples: (['pcm8', 'pcm16', 'pcm24', 'float32'] as const).map((format) =>
        encodeWav({ sampleRate: 8000, channels: 2, data: Float32Array.of(0.5, -0.5, 0.25, 0) }, format),
      ),
      read: async (bytes) => decodeWav(bytes, file).data.length + 1,
    },
    { name: 'PNG', samples: [encodePng(bars), ...imagesOf('PNG')], read: image },
    {
      name: 'PNG, checksums right',
      samples: [encodePng(bars), ...imagesOf('PNG')],
      read: (bytes) => image(withChecksums(bytes)),
    },
    { name: 'JPEG', samples: imagesOf('JPEG'), read: image },
  ];
}
