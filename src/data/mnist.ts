import { nodeModule } from '../runtime/node_modules.ts';
import { DataError, type Dataset } from './dataset.ts';
import { readIdx } from './idx.ts';

/** Where the files are. */
export interface MnistOptions {
  /**
   * A folder that holds the four IDX files, or that holds a folder `folder` which does. Default: the environment
   * variable NABLA_DATA.
   */
  readonly dir?: string | undefined;
  /** Name of the folder inside `dir`. Default `mnist`, or `fashion-mnist` for {@link fashionMnist}. */
  readonly folder?: string;
}

/** Training and test set. */
export interface Parts {
  readonly train: Dataset;
  readonly test: Dataset;
}

// Each file is found under the name of the original or with a dot in place of the last-but-one dash, as some unpackers write it.
const files = {
  trainImages: 'train-images-idx3-ubyte',
  trainLabels: 'train-labels-idx1-ubyte',
  testImages: 't10k-images-idx3-ubyte',
  testLabels: 't10k-labels-idx1-ubyte',
} as const;

const namesOf = (name: string): string[] => {
  const dotted = name.replace('-idx', '.idx');
  return [name, `${name}.gz`, dotted, `${dotted}.gz`];
};

/**
 * The MNIST database of handwritten digits: 60,000 training and 10,000 test images, 28x28 grey, white on black (LeCun,
 * Bottou, Bengio, Haffner: "Gradient-based learning applied to document recognition", 1998), from its four IDX files,
 * compressed by gzip or not. The number of images is read from the files.
 *
 * @throws DataError when no folder is given, the folder or a file is missing, a file is damaged, images and labels
 * differ in number, images are not 28x28, or a label is not one of the ten classes
 */
export const mnist = (options: MnistOptions = {}): Promise<Parts> => readParts('mnist', options, 'mnist');

/**
 * Fashion-MNIST: ten kinds of clothing in the format and the numbers of MNIST (Xiao, Rasul, Vollgraf, 2017). Errors as
 * {@link mnist}.
 */
export async function fashionMnist(options: MnistOptions = {}): Promise<Parts> {
  const { train, test } = await readParts('fashionMnist', options, 'fashion-mnist');
  const named = { classNames: fashionMnistClasses };
  return { train: { ...train, ...named }, test: { ...test, ...named } };
}

/** The ten classes of Fashion-MNIST, by label. */
export const fashionMnistClasses: readonly string[] = [
  'T-shirt',
  'trouser',
  'pullover',
  'dress',
  'coat',
  'sandal',
  'shirt',
  'sneaker',
  'bag',
  'boot',
];

async function readParts(caller: string, options: MnistOptions, usual: string): Promise<Parts> {
  const { dir = typeof process === 'undefined' ? undefined : process.env.NABLA_DATA, folder = usual } =
    options;
  if (dir === undefined || dir === '') {
    throw new DataError(
      `${caller}: no data folder: pass { dir } or set NABLA_DATA to a folder that holds ${folder}/ or the IDX files ` +
        `themselves (digits() needs no files)`,
    );
  }
  const found = await findFiles(caller, dir, folder);
  const parts = [
    readPart(`${folder} train`, found.trainImages, found.trainLabels),
    readPart(`${folder} test`, found.testImages, found.testLabels),
  ];
  // Which of two damaged parts is found first is chance; the training set's is told.
  await Promise.allSettled(parts);
  const [train, test] = await Promise.all(parts);
  return { train, test };
}

type Files = { -readonly [file in keyof typeof files]: string };

async function findFiles(caller: string, dir: string, folder: string): Promise<Files> {
  const { readdir } = nodeModule('node:fs/promises', caller);
  const { join } = nodeModule('node:path', caller);
  const missing: string[] = [];
  let exists = false;
  for (const place of [join(dir, folder), dir]) {
    let names: string[];
    try {
      names = await readdir(place);
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      if (code === 'ENOENT' || code === 'ENOTDIR') continue;
      throw new DataError(`${caller}: cannot read the folder ${place}: ${message}`, { cause: error });
    }
    exists = true;
    const found: Partial<Files> = {};
    const absent: string[] = [];
    for (const [file, name] of Object.entries(files) as [keyof Files, string][]) {
      const present = namesOf(name).find((candidate) => names.includes(candidate));
      if (present === undefined) absent.push(name);
      else found[file] = join(place, present);
    }
    if (absent.length === 0) return found as Files;
    missing.push(`${place} has no ${absent.join(', ')}`);
  }
  if (!exists) throw new DataError(`${caller}: no such folder: ${dir}`);
  throw new DataError(`${caller}: no data found: ${missing.join('; ')} (with or without .gz)`);
}

const [height, width, classes] = [28, 28, 10];

async function readPart(name: string, imagesPath: string, labelsPath: string): Promise<Dataset> {
  const [images, labels] = await Promise.all([
    readIdx(imagesPath, { dtype: 'uint8', rank: 3 }),
    readIdx(labelsPath, { dtype: 'uint8', rank: 1 }),
  ]);
  const [count, ...size] = images.shape;
  if (size[0] !== height || size[1] !== width) {
    throw new DataError(`${imagesPath}: images are ${size.join('x')}, expected ${height}x${width}`);
  }
  if (labels.shape[0] !== count) {
    throw new DataError(
      `${imagesPath} has ${count} images, but ${labelsPath} has ${labels.shape[0]} labels; are they of the same set?`,
    );
  }
  if (count === 0) throw new DataError(`${imagesPath}: holds no images`);
  const wrong = labels.data.findIndex((label) => label >= classes);
  if (wrong >= 0) {
    throw new DataError(
      `${labelsPath}: label ${labels.data[wrong]} of example ${wrong} is not one of 0 to ${classes - 1}`,
    );
  }
  return {
    name,
    count,
    shape: [height, width, 1],
    classes,
    images: images.data as Uint8Array,
    labels: labels.data as Uint8Array,
  };
}
