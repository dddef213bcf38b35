import { nodeModule } from '../runtime/node_modules.ts';
import { concatDatasets, DataError, type Dataset } from './dataset.ts';
import { readBytes } from './files.ts';
import type { MnistOptions, Parts } from './mnist.ts';

const [side, channels] = [32, 3];
const plane = side * side;

/**
 * Decodes a file of CIFAR's binary version: for each image one byte of label (CIFAR-100: two, coarse and fine) and 3072 bytes of red,
 * green and blue planes, which become channels last.
 *
 * @param kind `cifar10`, or `cifar100` with the label that is wanted
 * @param name what error messages call it
 * @throws DataError when it is empty, does not consist of whole images, or a label is not one of the classes
 */
export function decodeCifar(
  bytes: Uint8Array,
  kind: 'cifar10' | 'cifar100 fine' | 'cifar100 coarse',
  name = 'CIFAR',
): Dataset {
  const [before, position, classes] = {
    cifar10: [1, 0, 10],
    'cifar100 fine': [2, 1, 100],
    'cifar100 coarse': [2, 0, 20],
  }[kind];
  const size = before + channels * plane;
  if (bytes.length === 0 || bytes.length % size !== 0)
    throw new DataError(
      `${name}: ${bytes.length} bytes are no whole number of ${kind} images of ${size} bytes; is it the binary version, and complete?`,
    );
  const count = bytes.length / size;
  const images = new Uint8Array(count * channels * plane);
  const labels = new Uint8Array(count);
  for (let i = 0; i < count; i++) {
    const label = bytes[i * size + position];
    if (label >= classes)
      throw new DataError(
        `${name}: label ${label} of image ${i} is not one of 0 to ${classes - 1}; is it ${kind}?`,
      );
    labels[i] = label;
    const [from, to] = [i * size + before, i * channels * plane];
    for (let channel = 0; channel < channels; channel++)
      for (let pixel = 0; pixel < plane; pixel++)
        images[to + pixel * channels + channel] = bytes[from + channel * plane + pixel];
  }
  const named = kind === 'cifar10' ? { name, classNames: cifar10Classes } : { name };
  return { ...named, count, shape: [side, side, channels], classes, images, labels };
}

/** The ten classes of CIFAR-10, by label. */
export const cifar10Classes: readonly string[] = [
  'airplane',
  'automobile',
  'bird',
  'cat',
  'deer',
  'dog',
  'frog',
  'horse',
  'ship',
  'truck',
];

/**
 * CIFAR-10: 50,000 training and 10,000 test images, 32x32 in colour, of ten classes (Krizhevsky: "Learning multiple layers of features
 * from tiny images", 2009), from its binary version: `data_batch_1.bin` to `data_batch_5.bin` and `test_batch.bin`, each compressed
 * by gzip or not, in the folder `cifar-10-batches-bin` of the data folder or in that itself.
 *
 * @throws DataError when no folder is given, a file is missing or damaged
 */
export const cifar10 = (options: MnistOptions = {}): Promise<Parts> =>
  readParts(
    'cifar10',
    options,
    'cifar-10-batches-bin',
    [1, 2, 3, 4, 5].map((i) => `data_batch_${i}.bin`),
    ['test_batch.bin'],
    'cifar10',
  );

/**
 * CIFAR-100: as CIFAR-10, with 100 fine labels or 20 coarse ones, from `train.bin` and `test.bin` in the folder `cifar-100-binary`.
 *
 * @param options.labels default `fine`
 */
export const cifar100 = ({
  labels = 'fine',
  ...options
}: MnistOptions & { readonly labels?: 'fine' | 'coarse' } = {}): Promise<Parts> =>
  readParts('cifar100', options, 'cifar-100-binary', ['train.bin'], ['test.bin'], `cifar100 ${labels}`);

async function readParts(
  caller: string,
  options: MnistOptions,
  usual: string,
  train: readonly string[],
  test: readonly string[],
  kind: Parameters<typeof decodeCifar>[1],
): Promise<Parts> {
  const { dir = typeof process === 'undefined' ? undefined : process.env.NABLA_DATA, folder = usual } =
    options;
  if (dir === undefined || dir === '')
    throw new DataError(
      `${caller}: no data folder: pass { dir } or set NABLA_DATA to a folder that holds ${folder}/ or its files themselves`,
    );
  const { existsSync } = nodeModule('node:fs', caller);
  const { join } = nodeModule('node:path', caller);
  const pathsIn = (place: string): (string | undefined)[] =>
    [...train, ...test].map((file) =>
      [join(place, file), join(place, `${file}.gz`)].find((path) => existsSync(path)),
    );
  const places = [join(dir, folder), dir].map(pathsIn);
  const paths = places.find((found) => found.every((path) => path !== undefined)) as string[] | undefined;
  if (paths === undefined) {
    const missing = [...train, ...test].filter((_, i) => places.every((found) => found[i] === undefined));
    throw new DataError(
      `${caller}: ${join(dir, folder)} and ${dir} do not hold ${missing.join(', ') || 'all files in one place'} (with or without .gz)`,
    );
  }
  const parts: Dataset[] = [];
  for (const path of paths) parts.push(decodeCifar(await readBytes(path, caller), kind, path));
  return {
    train: { ...concatDatasets(parts.slice(0, train.length)), name: `${caller} train` },
    test: { ...concatDatasets(parts.slice(train.length)), name: `${caller} test` },
  };
}
