import { checkOptions } from '../core/options.ts';
import { nodeModule } from '../runtime/node_modules.ts';
import { type DownloadOptions, download } from './download.ts';

/** Options of {@link downloadMnist} and {@link downloadFashionMnist}. */
export interface MnistDownloadOptions
  extends Pick<DownloadOptions, 'retries' | 'timeout' | 'pause' | 'signal'> {
  /** Address of the folder with the four files, ending in `/`. Default: a public one. */
  readonly from?: string | URL;
  /** Called before a file is fetched. */
  readonly onFile?: (name: string, bytes: number) => void;
}

/** A file as it is published: its size in bytes and its SHA-256. */
type Published = readonly [name: string, size: number, sha256: string];

interface Source {
  readonly folder: string;
  readonly from: string;
  readonly files: readonly Published[];
}

const handwriting: Source = {
  folder: 'mnist',
  from: 'https://ossci-datasets.s3.amazonaws.com/mnist/',
  files: [
    [
      'train-images-idx3-ubyte.gz',
      9_912_422,
      '440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609',
    ],
    [
      'train-labels-idx1-ubyte.gz',
      28_881,
      '3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c',
    ],
    [
      't10k-images-idx3-ubyte.gz',
      1_648_877,
      '8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6',
    ],
    ['t10k-labels-idx1-ubyte.gz', 4_542, 'f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6'],
  ],
};

const clothing: Source = {
  folder: 'fashion-mnist',
  from: 'https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/',
  files: [
    [
      'train-images-idx3-ubyte.gz',
      26_421_880,
      '3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84',
    ],
    [
      'train-labels-idx1-ubyte.gz',
      29_515,
      'a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845',
    ],
    [
      't10k-images-idx3-ubyte.gz',
      4_422_102,
      '346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073',
    ],
    ['t10k-labels-idx1-ubyte.gz', 5_148, '67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5'],
  ],
};

/**
 * Fetches the files of MNIST (11 MB) into `<dir>/mnist`, where `mnist({ dir })` finds them, each checked by its SHA-256. Files that
 * are there already, as `.gz` or unpacked, in that folder or in `dir` itself, are not fetched again; a transfer that was interrupted goes on.
 *
 * @throws DataError when the server cannot be reached (with what to do offline) or has something else, WriteError when the files cannot be written
 */
export const downloadMnist = (dir: string, options: MnistDownloadOptions = {}): Promise<void> =>
  fetchAll('downloadMnist', handwriting, dir, options);

/** Fetches the files of Fashion-MNIST (31 MB) into `<dir>/fashion-mnist`, where `fashionMnist({ dir })` finds them. As {@link downloadMnist}. */
export const downloadFashionMnist = (dir: string, options: MnistDownloadOptions = {}): Promise<void> =>
  fetchAll('downloadFashionMnist', clothing, dir, options);

async function fetchAll(
  caller: string,
  source: Source,
  dir: string,
  options: MnistDownloadOptions,
): Promise<void> {
  checkOptions(caller, options, ['from', 'onFile', 'retries', 'timeout', 'pause', 'signal']);
  const { from = source.from, onFile, ...transfer } = options;
  const { existsSync } = nodeModule('node:fs', caller);
  const { join } = nodeModule('node:path', caller);
  const places = [join(dir, source.folder), dir];
  // All four in one place, or none of them counts.
  const isThere = (place: string): boolean =>
    source.files.every(([name]) => {
      const plain = name.replace(/\.gz$/, '');
      const dotted = plain.replace('-idx', '.idx');
      return [plain, name, dotted, `${dotted}.gz`].some((candidate) => existsSync(join(place, candidate)));
    });
  if (places.some(isThere)) return;
  for (const [name, size, sha256] of source.files) {
    const path = join(places[0], name);
    if (!existsSync(path)) onFile?.(name, size);
    await download(new URL(name, from), path, { ...transfer, sha256, size });
  }
}
