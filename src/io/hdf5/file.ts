import { checkOptions } from '../../core/options.ts';
import { FormatError } from '../safetensors_format.ts';
import { readAttributes } from './attributes.ts';
import { type Description, describe, readDataset } from './dataset.ts';
import { countOf } from './dataspace.ts';
import { type Link, readLinks } from './links.ts';
import { type Message, messages, readObjectHeader } from './object_header.ts';
import { type Layout, nowhere, Source, shownPath } from './source.ts';
import { type Hdf5Values, valuesIn } from './values.ts';

/**
 * HDF5 files, read from bytes: groups, datasets and attributes as h5py, Keras and MATLAB write them. Written from the HDF Group's
 * "HDF5 File Format Specification" version 3.
 */

const signature = [0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a];

/** Soft links in a row that are followed. */
const mostLinks = 16;

/** Groups inside of each other. */
const deepest = 256;

/** How a file is read. */
export interface Hdf5Options {
  /** false to read what has wrong checksums. Default true. */
  checksums?: boolean;
}

/** Whether bytes begin as an HDF5 file does, which may be after a block of another kind. */
export const looksLikeHdf5 = (bytes: Uint8Array): boolean => findSignature(bytes) >= 0;

/** The signature is at byte 0, 512, 1024, 2048 and so on. */
function findSignature(bytes: Uint8Array): number {
  for (let at = 0; at + signature.length <= bytes.length; at = at === 0 ? 512 : 2 * at)
    if (signature.every((byte, i) => bytes[at + i] === byte)) return at;
  return -1;
}

/** What groups and datasets have in common: a path and attributes. */
abstract class Hdf5Object {
  /** Where it is in the file, `/model_weights/dense`. */
  readonly path: string;
  /** What tells objects apart: two links to one object give the same address. */
  readonly address: number;
  protected readonly source: Source;
  protected readonly header: readonly Message[];

  constructor(source: Source, header: readonly Message[], address: number) {
    this.path = source.path;
    this.address = address;
    this.source = source;
    this.header = header;
  }

  /** The names of the attributes. */
  attributeNames(): string[] {
    return [...readAttributes(this.source.begin(), this.header).keys()];
  }

  /**
   * An attribute; undefined if there is none of that name.
   *
   * @throws FormatError if it is damaged or of a type that cannot be read
   */
  attribute(name: string): Hdf5Values | undefined {
    const read = readAttributes(this.source.begin(), this.header).get(name);
    if (read === undefined) return undefined;
    const { space, type, data } = read();
    if (space.shape === null) return { kind: 'nothing' };
    const what = `the attribute ${JSON.stringify(name)}`;
    // Behind the value there may be padding.
    const size = countOf(space.shape) * type.size;
    return valuesIn(this.source, type, space.shape, data.subarray(0, size), what);
  }

  /**
   * An attribute that is a text or a list of texts.
   *
   * @returns the texts; undefined if there is no such attribute
   * @throws FormatError if it is something else
   */
  texts(name: string): readonly string[] | undefined {
    const found = this.attribute(name);
    if (found === undefined) return undefined;
    if (found.kind === 'texts') return found.texts;
    // That is how h5py writes an empty list.
    if (found.kind === 'numbers' && countOf(found.shape) === 0) return [];
    return this.source.fail(`the attribute ${JSON.stringify(name)} holds ${found.kind} instead of texts`);
  }
}

/** An array in an HDF5 file. Nothing of it is read before {@link read}. */
export class Hdf5Dataset extends Hdf5Object {
  readonly #description: Description;

  constructor(source: Source, header: readonly Message[], address: number) {
    super(source, header, address);
    this.#description = describe(source, header);
  }

  /** The extents; null for a dataset without even an empty array. */
  get shape(): readonly number[] | null {
    return this.#description.space.shape;
  }

  /**
   * All elements.
   *
   * @throws FormatError if they are damaged, of a type or compressed by a filter that cannot be read, or take more than 2 GiB
   */
  read(): Promise<Hdf5Values> {
    return readDataset(this.source.begin(), this.header, this.#description);
  }
}

/** A group in an HDF5 file: datasets and other groups by name. */
export class Hdf5Group extends Hdf5Object {
  readonly #root: Hdf5Group | null;
  readonly #links: ReadonlyMap<string, Link>;
  /** What was opened before, by name. */
  readonly #opened = new Map<string, Hdf5Group | Hdf5Dataset | undefined>();

  /** @param root the group of the whole file, null if this is it */
  constructor(source: Source, header: readonly Message[], address: number, root: Hdf5Group | null) {
    super(source, header, address);
    this.#root = root;
    this.#links = readLinks(source.begin(), header);
  }

  /** The names of what is in the group. */
  names(): string[] {
    return [...this.#links.keys()];
  }

  /**
   * What is at a path: from this group, or with a slash at its beginning from the file's root. Undefined if nothing is.
   *
   * @throws FormatError if what is there is damaged, or a link leads in a circle or into another file
   */
  get(path: string): Hdf5Group | Hdf5Dataset | undefined {
    return this.#resolve(path, mostLinks);
  }

  /**
   * A group at a path.
   *
   * @throws FormatError if there is none
   */
  group(path: string): Hdf5Group {
    const found = this.get(path);
    if (found instanceof Hdf5Group) return found;
    return this.source.fail(
      `${found === undefined ? 'there is nothing' : 'there is a dataset instead of a group'} called ${JSON.stringify(shownPath(path))}; there are ${listed(this.names())}`,
    );
  }

  /**
   * A dataset at a path.
   *
   * @throws FormatError if there is none
   */
  dataset(path: string): Hdf5Dataset {
    const found = this.get(path);
    if (found instanceof Hdf5Dataset) return found;
    return this.source.fail(
      `${found === undefined ? 'there is nothing' : 'there is a group instead of a dataset'} called ${JSON.stringify(shownPath(path))}; there are ${listed(this.names())}`,
    );
  }

  /**
   * All datasets in this group and in those inside, each once, in the order of the file.
   *
   * @throws FormatError if something on the way is damaged
   */
  datasets(): Hdf5Dataset[] {
    const found: Hdf5Dataset[] = [];
    const seen = new Set<number>();
    const visit = (group: Hdf5Group, depth: number): void => {
      if (depth > deepest) group.source.fail(`groups lie inside of each other more than ${deepest} deep`);
      for (const [name, link] of group.#links) {
        if (link.kind !== 'hard' || seen.has(link.address)) continue;
        seen.add(link.address);
        const object = group.#open(name, link.address);
        if (object instanceof Hdf5Dataset) found.push(object);
        else if (object !== undefined) visit(object, depth + 1);
      }
    };
    visit(this, 0);
    return found;
  }

  #resolve(path: string, linksLeft: number): Hdf5Group | Hdf5Dataset | undefined {
    let at: Hdf5Group | Hdf5Dataset | undefined = path.startsWith('/') ? (this.#root ?? this) : this;
    for (const name of path.split('/')) {
      if (name === '' || name === '.') continue;
      if (!(at instanceof Hdf5Group)) return undefined;
      const link = at.#links.get(name);
      if (link === undefined) return undefined;
      if (link.kind === 'external')
        return this.source.fail(`${JSON.stringify(name)} leads into another file, which is not read`);
      if (link.kind === 'soft') {
        if (linksLeft === 0)
          return this.source.fail(
            `the link ${JSON.stringify(name)} leads in a circle, or over too many others`,
          );
        at = at.#resolve(link.target, linksLeft - 1);
      } else at = at.#open(name, link.address);
    }
    return at;
  }

  /** The object at an address; undefined if it is neither a group nor a dataset. */
  #open(name: string, address: number): Hdf5Group | Hdf5Dataset | undefined {
    if (this.#opened.has(name)) return this.#opened.get(name);
    const object = this.#read(name, address);
    this.#opened.set(name, object);
    return object;
  }

  #read(name: string, address: number): Hdf5Group | Hdf5Dataset | undefined {
    const source = this.source.at(`${this.path === '/' ? '' : this.path}/${name}`);
    const header = readObjectHeader(source, address);
    const has = (...types: number[]): boolean => header.some(({ type }) => types.includes(type));
    if (has(messages.layout)) return new Hdf5Dataset(source, header, address);
    if (has(messages.symbolTable, messages.linkInfo, messages.link))
      return new Hdf5Group(source, header, address, this.#root ?? this);
    return undefined;
  }
}

/**
 * The root group of an HDF5 file. Nothing else is read before it is asked for.
 *
 * ```ts
 * const file = openHdf5(bytes, 'weights.h5');
 * const kernel = await file.dataset('dense/kernel').read();
 * ```
 *
 * Versions 0 to 3 of the format's beginning, old and new groups, contiguous, compact and chunked datasets with every index, gzip,
 * lzf, shuffle and checksums. Whatever a file claims is compared with its length first.
 *
 * @param name what error messages call the file
 * @throws FormatError if the bytes are no HDF5 file, or its beginning is damaged
 */
export function openHdf5(bytes: Uint8Array, name = 'openHdf5', options: Hdf5Options = {}): Hdf5Group {
  checkOptions('openHdf5', options, ['checksums']);
  const { checksums = true } = options;
  const start = findSignature(bytes);
  if (start < 0) throw new FormatError(`${name}: not an HDF5 file: it does not begin as one`);
  const plain: Layout = { offsetSize: 8, lengthSize: 8, base: 0, checksums };
  const what = 'the superblock';
  const sizes = new Source(bytes, name, '/', plain).cursor(start, bytes.length - start, what);
  sizes.take(signature.length);
  const version = sizes.version(0, 1, 2, 3);
  if (version < 2) sizes.take(4);
  const [offsetSize, lengthSize] = [sizes.u8(), sizes.u8()];
  const known = [2, 4, 8];
  if (!known.includes(offsetSize) || !known.includes(lengthSize))
    sizes.source.fail(`damaged: addresses take ${offsetSize} and lengths ${lengthSize} bytes`);

  const head = new Source(bytes, name, '/', { offsetSize, lengthSize, base: 0, checksums }).cursor(
    start,
    bytes.length - start,
    what,
  );
  if (version < 2) {
    head.take(version === 0 ? 24 : 28);
  } else head.take(12);
  const base = head.offset();
  head.offset();
  const end = head.offset();
  if (version < 2) {
    head.offset();
    head.offset();
  }
  const root = head.offset();
  if (version >= 2) head.checksum();
  const source = new Source(bytes, name, '/', { offsetSize, lengthSize, base: start, checksums });
  if (base !== start && base !== 0)
    source.fail(`damaged: its addresses count from byte ${base}, but it begins at ${start}`);
  if (end === nowhere || end + start - base > bytes.length)
    source.fail(`truncated: it should have ${end} bytes, there are ${bytes.length}`);
  return new Hdf5Group(source, readObjectHeader(source, root), root, null);
}

const listed = (names: readonly string[]): string =>
  names.length === 0
    ? 'no names'
    : names
        .slice(0, 8)
        .map((name) => JSON.stringify(shownPath(name)))
        .join(', ') + (names.length > 8 ? ', ...' : '');
