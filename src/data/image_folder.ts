import { jit } from '../core/jit.ts';
import { checkOptions } from '../core/options.ts';
import { fromData, type Tensor } from '../core/tensor.ts';
import { foldIn, type HostKey, keyOf } from '../core/threefry.ts';
import { nodeModule } from '../runtime/node_modules.ts';
import type { Augmentation } from './augment.ts';
import { type PlanOptions, planOptions } from './batch_loader.ts';
import { DataError, type Dataset } from './dataset.ts';
import { type ImageDecoder, imageDecoder } from './decode_image.ts';
import { EpochLoader } from './epochs.ts';
import { Examples } from './examples.ts';
import { whyUnreadable } from './files.ts';
import type { Image } from './image.ts';
import { checkImageOptions, type ImageOptions, imageOfFile, imageOptions } from './image_files.ts';
import type { Batch } from './loader.ts';
import { type WorkerLoader, workerLoader } from './worker_loader.ts';

/** Options of {@link imageFolder}. */
export interface ImageFolderOptions extends ImageOptions {
  /** Names of files that are images end with one of these, in small or capital letters. Default `.png`, `.jpg`, `.jpeg`. */
  readonly extensions?: readonly string[];
  /** The folders that are classes, in the order of their labels. Default: all, sorted. */
  readonly classes?: readonly string[];
}

/** An image and the number of its class. */
export interface LabelledImage {
  readonly image: Image;
  readonly label: number;
}

/** Options of {@link ImageFolder.loader}. */
export interface ImageLoaderOptions extends PlanOptions {
  /** Subtracted from pixels, which are first scaled to 0..1; one number, or one for each channel. Default 0. */
  readonly mean?: number | readonly number[];
  /** Then pixels are divided by it. Default 1. */
  readonly std?: number | readonly number[];
  /** Changes each batch, compiled; its key is a function of seed, epoch and batch. Default: none. */
  readonly augment?: Augmentation;
  /** Threads that read and decode; 0 does so on the main thread. Default: as {@link workerLoader}. */
  readonly workers?: number;
  /** Batches that are computed in advance. Default: twice the number of threads. */
  readonly ahead?: number;
}

/**
 * Images in folders that are their classes, each read and decoded when it is asked for. `get(i)`, `map`, `subset` and so on are those
 * of {@link Examples}.
 */
export class ImageFolder extends Examples<LabelledImage> {
  /** The folder. */
  readonly dir: string;
  /** Names of the classes, by label. */
  readonly classes: readonly string[];
  /** The files, class by class, each class sorted. */
  readonly paths: readonly string[];
  /** The class of each file. */
  readonly labels: Int32Array;
  readonly #options: ImageOptions;
  readonly #decode: ImageDecoder;

  /** @internal use {@link imageFolder} */
  constructor(
    dir: string,
    classes: readonly string[],
    paths: readonly string[],
    labels: Int32Array,
    options: ImageOptions,
    decode: ImageDecoder,
  ) {
    super(paths.length, (i) => ({ image: imageOfFile(paths[i], options, decode), label: labels[i] }));
    this.dir = dir;
    this.classes = classes;
    this.paths = paths;
    this.labels = labels;
    this.#options = options;
    this.#decode = decode;
  }

  override subset(positions: ArrayLike<number>): ImageFolder {
    // Checks the positions.
    super.subset(positions);
    const list = Array.from(positions);
    return new ImageFolder(
      this.dir,
      this.classes,
      list.map((i) => this.paths[i]),
      Int32Array.from(list, (i) => this.labels[i]),
      this.#options,
      this.#decode,
    );
  }

  override slice(start: number, end: number = this.length): ImageFolder {
    return this.subset(Array.from({ length: this.length }, (_, i) => i).slice(start, end));
  }

  override take(count: number): ImageFolder {
    return this.slice(0, Math.max(0, count));
  }

  override skip(count: number): ImageFolder {
    return this.slice(Math.max(0, count));
  }

  /**
   * All images in memory, for `loader` and the functions of datasets. They must have one size, by `resize` or `crop` or by themselves.
   *
   * @throws DataError when sizes differ, there are more than 256 classes, or a file is damaged
   */
  dataset(): Dataset {
    if (this.length === 0) throw new DataError(`ImageFolder: ${this.dir}: there are no images`);
    if (this.classes.length > 256)
      throw new DataError(
        `ImageFolder: ${this.dir}: a Dataset has at most 256 classes, not ${this.classes.length}`,
      );
    const first = this.get(0).image.shape;
    const size = first[0] * first[1] * first[2];
    const images = new Uint8Array(this.length * size);
    for (let i = 0; i < this.length; i++) {
      const { image } = this.get(i);
      checkSize(image, first, this.paths[i], this.paths[0]);
      images.set(image.data, i * size);
    }
    return {
      name: this.dir,
      count: this.length,
      shape: first,
      classes: this.classes.length,
      classNames: this.classes,
      images,
      labels: Uint8Array.from(this.labels),
    };
  }

  /**
   * Batches of images, float32 [batch, height, width, channels], and their labels, int32 [batch]. Threads read and decode ahead of the
   * training; batches do not depend on how many there are. Images of a batch must have one size.
   *
   * @throws DataError in iterations, when a file is damaged or sizes differ; the message names the file
   */
  async loader(options: ImageLoaderOptions = {}): Promise<ImageLoader> {
    checkOptions('ImageFolder.loader', options, [
      ...planOptions,
      'mean',
      'std',
      'augment',
      'workers',
      'ahead',
    ]);
    const { mean = 0, std = 1, augment, workers, ahead, ...plan } = options;
    const channels = this.#options.channels ?? 3;
    const values = tableOf(mean, std, channels);
    const { paths, labels } = this;
    // The position of an image is not in what a thread gives, so it comes with the plan.
    const loader = await workerLoader<Image, Image[]>(exampleModule(), {
      ...plan,
      count: this.length,
      collate: (images) => images,
      data: { paths, options: this.#options },
      ...(workers === undefined && !canThread() ? { workers: 0 } : workers === undefined ? {} : { workers }),
      ...(ahead === undefined ? {} : { ahead }),
    });
    const collate = (images: readonly Image[], positions: Int32Array): Batch => {
      const [height, width] = images[0].shape;
      const size = height * width * channels;
      const x = new Float32Array(images.length * size);
      for (const [i, image] of images.entries()) {
        checkSize(image, images[0].shape, paths[positions[i]], paths[positions[0]]);
        for (let k = 0; k < size; k++)
          x[i * size + k] = values[image.data[k] * channels + (channels === 1 ? 0 : k % channels)];
      }
      const y = Int32Array.from(positions, (position) => labels[position]);
      return [
        fromData(x, [images.length, height, width, channels], 'float32'),
        fromData(y, [images.length], 'int32'),
      ];
    };
    return new ImageLoader(loader, collate, augment, options.seed ?? 0);
  }
}

/** Batches of an {@link ImageFolder}, as often as it is iterated: each iteration is an epoch. */
export class ImageLoader extends EpochLoader<Batch> {
  readonly #images: WorkerLoader<Image, Image[]>;
  readonly #collate: (images: readonly Image[], positions: Int32Array) => Batch;
  readonly #augment: ((images: Tensor, key: Tensor) => Tensor) | null;
  readonly #key: HostKey;

  /** @internal use {@link ImageFolder.loader} */
  constructor(
    images: WorkerLoader<Image, Image[]>,
    collate: (images: readonly Image[], positions: Int32Array) => Batch,
    augment: Augmentation | undefined,
    seed: number,
  ) {
    super();
    this.#images = images;
    this.#collate = collate;
    this.#augment = augment === undefined ? null : jit(augment);
    // No epoch has this number: orders come from other keys.
    this.#key = foldIn(keyOf(seed), 0xffffffff);
  }

  /** Threads in use. */
  get workers(): number {
    return this.#images.workers;
  }

  override get length(): number {
    return this.#images.length;
  }

  override plan(epoch: number): readonly Int32Array[] {
    return this.#images.plan(epoch);
  }

  protected override *produce(plan: readonly Int32Array[], epoch: number, first: number): Generator<Batch> {
    const key = foldIn(this.#key, epoch);
    this.#images.restore({ epoch, batch: first });
    let i = 0;
    for (const images of this.#images) {
      const [x, y] = this.#collate(images, plan[i]);
      const own = new Uint32Array(foldIn(key, first + i));
      yield this.#augment === null ? [x, y] : [this.#augment(x, fromData(own, [2], 'uint32')), y];
      i++;
    }
  }

  /** Ends the threads; iterating once more starts others. */
  async close(): Promise<void> {
    await this.#images.close();
  }
}

// Source files run where Node, or what runs it, takes types away; threads have only Node.
const isSource = (): boolean => import.meta.url.endsWith('.ts');
const exampleModule = (): URL => new URL(`./image_example.${isSource() ? 'ts' : 'js'}`, import.meta.url);
const canThread = (): boolean =>
  !isSource() || (typeof process !== 'undefined' && Reflect.get(process.features, 'typescript') === 'strip');

function checkSize(image: Image, first: Image['shape'], path: string, firstPath: string): void {
  if (image.shape.join() !== first.join())
    throw new DataError(
      `${path}: its pixels are [${image.shape.join(', ')}], those of ${firstPath} [${first.join(', ')}]; ` +
        'bring all to one size with resize: [height, width], or resize and crop',
    );
}

/** What becomes of each of the 256 bytes, for each channel: [256, channels]. */
function tableOf(
  mean: number | readonly number[],
  std: number | readonly number[],
  channels: number,
): Float32Array {
  const each = (what: string, value: number | readonly number[]): readonly number[] => {
    const list = typeof value === 'number' ? new Array<number>(channels).fill(value) : value;
    if (list.length !== channels || !list.every(Number.isFinite))
      throw new RangeError(
        `ImageFolder.loader: ${what} must be a number, or one for each of the ${channels} channels, got ${JSON.stringify(value)}`,
      );
    return list;
  };
  const [means, deviations] = [each('mean', mean), each('std', std)];
  if (deviations.some((s) => !(s > 0)))
    throw new RangeError(`ImageFolder.loader: std must be positive, got ${std}`);
  return Float32Array.from({ length: 256 * channels }, (_, i) => {
    const channel = i % channels;
    return (Math.floor(i / channels) / 255 - means[channel]) / deviations[channel];
  });
}

/**
 * A folder with a folder of images for each class, as `torchvision.datasets.ImageFolder`: `cats-dogs/cat/1.jpg`, ... Classes are the
 * folders' names, sorted; in each, also in folders within, are PNG and JPEG files, sorted. Files are found now and read when they are
 * asked for: `(await imageFolder(dir, { resize: 64, crop: 64 })).loader({ batchSize: 32, shuffle: true })`.
 *
 * @throws DataError when the folder is missing or has no classes, or a class has no images
 */
export async function imageFolder(dir: string, options: ImageFolderOptions = {}): Promise<ImageFolder> {
  checkOptions('imageFolder', options, [...imageOptions, 'extensions', 'classes']);
  checkImageOptions('imageFolder', options);
  const { extensions = ['.png', '.jpg', '.jpeg'], classes: wanted, ...imageSettings } = options;
  const found = (await entriesOf(dir)).folders;
  const classes = wanted ?? found;
  if (classes.length === 0)
    throw new DataError(
      `imageFolder: ${dir} has no folders; images must be in one folder for each class: ${dir}/cat/1.png`,
    );
  const absent = classes.filter((name) => !found.includes(name));
  if (absent.length > 0)
    throw new DataError(
      `imageFolder: ${dir} has no folder ${absent.join(', ')}; there are ${found.join(', ')}`,
    );
  const { join } = nodeModule('node:path', 'imageFolder');
  const paths: string[] = [];
  const labels: number[] = [];
  for (const [label, name] of classes.entries()) {
    const files = await filesBelow(join(dir, name), extensions);
    if (files.length === 0)
      throw new DataError(
        `imageFolder: ${join(dir, name)} has no images; their names must end with ${extensions.join(', ')}`,
      );
    paths.push(...files);
    for (const _ of files) labels.push(label);
  }
  return new ImageFolder(dir, classes, paths, Int32Array.from(labels), imageSettings, await imageDecoder());
}

/** Names of folders and of other files in a folder, sorted; links count as what they lead to. */
async function entriesOf(dir: string): Promise<{ folders: string[]; files: string[] }> {
  const { readdir, stat } = nodeModule('node:fs/promises', 'imageFolder');
  const { join } = nodeModule('node:path', 'imageFolder');
  const folders: string[] = [];
  const files: string[] = [];
  try {
    for (const entry of await readdir(dir, { withFileTypes: true })) {
      const isFolder = entry.isSymbolicLink()
        ? (await stat(join(dir, entry.name))).isDirectory()
        : entry.isDirectory();
      (isFolder ? folders : files).push(entry.name);
    }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const why =
      code === 'ENOENT' ? 'no such folder' : code === 'ENOTDIR' ? 'not a folder' : whyUnreadable(error);
    throw new DataError(`imageFolder: ${dir}: ${why}`, { cause: error });
  }
  return { folders: folders.sort(), files: files.sort() };
}

/** Images of a folder and of those in it, a folder's own first. */
async function filesBelow(dir: string, extensions: readonly string[], depth = 0): Promise<string[]> {
  // Links may lead back to where they are.
  if (depth > 32) throw new DataError(`imageFolder: ${dir}: more than 32 folders within each other`);
  const { join } = nodeModule('node:path', 'imageFolder');
  const { folders, files } = await entriesOf(dir);
  const endings = extensions.map((ending) => ending.toLowerCase());
  const own = files.filter((name) => endings.some((ending) => name.toLowerCase().endsWith(ending)));
  const found = own.map((name) => join(dir, name));
  for (const name of folders) found.push(...(await filesBelow(join(dir, name), extensions, depth + 1)));
  return found;
}
