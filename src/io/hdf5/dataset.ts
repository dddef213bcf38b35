import { type Chunk, type Chunking, chunksInBtree1, chunksInLayout4 } from './chunk_index.ts';
import { countOf, type Dataspace, readDataspace } from './dataspace.ts';
import { type Datatype, readDatatype } from './datatype.ts';
import { type Filter, readFilters, unfiltered } from './filters.ts';
import { bodyOf, type Message, messages, resolvedBody } from './object_header.ts';
import { nowhere, type Source } from './source.ts';
import { type Hdf5Values, requireReadable, valuesIn } from './values.ts';

/** How large what is read may become. */
const mostBytes = 2 ** 31;
/** How much of it may be what the file does not have, but says how to fill, besides sixteen times the file's size. */
const mostFilled = 2 ** 24;

/** What the header of a dataset says. */
export interface Description {
  readonly space: Dataspace;
  readonly type: Datatype;
}

/** Shape and type of a dataset. */
export function describe(source: Source, header: readonly Message[]): Description {
  const message = (type: number, what: string): Message =>
    header.find((m) => m.type === type) ?? source.fail(`damaged: the dataset has no ${what}`);
  return {
    space: readDataspace(resolvedBody(source, message(messages.dataspace, 'dataspace'), 'the dataspace')),
    type: readDatatype(resolvedBody(source, message(messages.datatype, 'datatype'), 'the datatype')),
  };
}

/** The elements of a dataset. */
export async function readDataset(
  source: Source,
  header: readonly Message[],
  { space, type }: Description,
): Promise<Hdf5Values> {
  requireReadable(source, type, 'the dataset');
  const { shape } = space;
  if (shape === null) return { kind: 'nothing' };
  const bytes = countOf(shape) * type.size;
  if (!(bytes <= mostBytes))
    return source.fail(`the dataset of [${shape.join(', ')}] takes ${bytes} bytes; ${mostBytes} can be read`);
  if (header.some((message) => message.type === messages.externalFiles))
    return source.fail('the dataset is in other files, which are not read');
  return valuesIn(source, type, shape, await readBytes(source, header, space, type, bytes), 'the dataset');
}

async function readBytes(
  source: Source,
  header: readonly Message[],
  space: Dataspace,
  type: Datatype,
  bytes: number,
): Promise<Uint8Array> {
  const message = header.find((m) => m.type === messages.layout);
  if (message === undefined) return source.fail('damaged: the dataset has no layout');
  const layout = bodyOf(source, message, 'the layout');
  const version = layout.version(3, 4, 5);
  const kind = layout.u8();
  if (kind === 0) {
    const size = layout.u16();
    if (size !== bytes) source.fail(`damaged: the dataset has ${size} bytes instead of ${bytes}`);
    return layout.raw(size);
  }
  if (kind === 1) {
    const address = layout.offset();
    if (address === nowhere) return filled(source, header, type, bytes, bytes);
    const size = layout.length();
    if (size !== bytes) source.fail(`damaged: the dataset has ${size} bytes instead of ${bytes}`);
    return source.cursor(address, size, 'the dataset').raw(size);
  }
  if (kind !== 2)
    return source.fail(
      kind === 3
        ? 'it is put together from other datasets, which cannot be read'
        : `its layout is of kind ${kind}, which cannot be read`,
    );

  const filters = readFilters(source, header);
  const shape = space.shape ?? [];
  const flags = version > 3 ? layout.u8() : 0;
  const axes = layout.u8() - 1;
  if (axes !== shape.length)
    return source.fail(`damaged: chunks have ${axes} axes, the dataset has ${shape.length}`);
  const extentSize = version > 3 ? layout.u8() : 4;
  if (extentSize > 8) return source.fail(`damaged: extents of chunks take ${extentSize} bytes`);
  const treeAddress = version > 3 ? nowhere : layout.offset();
  const extents = Array.from({ length: axes + 1 }, () => layout.uint(extentSize));
  const elementSize = extents.pop();
  if (elementSize !== type.size || extents.includes(0))
    return source.fail(
      `damaged: chunks of [${extents.join(', ')}] elements of ${elementSize} bytes, the dataset's have ${type.size}`,
    );
  // Flag 1: chunks at the edges are stored without filters.
  if (flags & 1 && filters.length > 0)
    return source.fail('its chunks at the edges are stored without filters, which cannot be read');
  const chunking: Chunking = {
    chunk: extents,
    elementSize: type.size,
    shape,
    largest: space.largest,
    isFiltered: filters.length > 0,
  };
  const inGrid = countOf(shape.map((n, i) => Math.ceil(n / extents[i]))) * countOf(extents) * type.size;
  if (!(inGrid <= 2 * mostBytes))
    return source.fail(
      `the chunks of [${extents.join(', ')}] take ${inGrid} bytes; ${mostBytes} can be read`,
    );
  const chunks =
    version === 3
      ? chunksInBtree1(source, chunking, treeAddress)
      : chunksInLayout4(source, chunking, layout, version, flags);
  return assemble(source, header, chunking, filters, chunks, type, bytes);
}

/** Puts chunks together. */
async function assemble(
  source: Source,
  header: readonly Message[],
  { chunk, elementSize, shape }: Chunking,
  filters: readonly Filter[],
  chunks: readonly Chunk[],
  type: Datatype,
  bytes: number,
): Promise<Uint8Array> {
  const whole = countOf(chunk) * elementSize;
  const inside = chunks.filter(({ origin }) => origin.every((at, i) => at < shape[i]));
  const seen = new Set<string>();
  for (const { origin, address, size } of inside) {
    const key = origin.join();
    if (seen.has(key) || origin.some((at, i) => at % chunk[i] !== 0))
      source.fail(`damaged: a chunk at [${origin.join(', ')}] is there twice, or between others`);
    seen.add(key);
    source.cursor(address, size, `the chunk at [${origin.join(', ')}]`);
  }
  const out = filled(source, header, type, bytes, bytes - Math.min(bytes, inside.length * whole));
  for (const { origin, address, size, skipped } of inside) {
    const stored = source.cursor(address, size, 'a chunk').raw(size);
    copyChunk(
      await unfiltered(source, stored, filters, skipped, whole),
      chunk,
      origin,
      out,
      shape,
      elementSize,
    );
  }
  return out;
}

/** Copies what of a chunk is inside of the dataset, run by run along the last axis. */
function copyChunk(
  from: Uint8Array,
  chunk: readonly number[],
  origin: readonly number[],
  to: Uint8Array,
  shape: readonly number[],
  elementSize: number,
): void {
  const axes = shape.length;
  if (axes === 0) {
    to.set(from.subarray(0, elementSize));
    return;
  }
  const extents = chunk.map((n, i) => Math.min(n, shape[i] - origin[i]));
  const run = extents[axes - 1] * elementSize;
  const index = new Array<number>(axes).fill(0);
  for (;;) {
    let [source, target] = [0, 0];
    for (let i = 0; i < axes; i++) {
      source = source * chunk[i] + index[i];
      target = target * shape[i] + origin[i] + index[i];
    }
    to.set(from.subarray(source * elementSize, source * elementSize + run), target * elementSize);
    let axis = axes - 2;
    while (axis >= 0 && ++index[axis] === extents[axis]) index[axis--] = 0;
    if (axis < 0) return;
  }
}

/** Bytes with the dataset's fill value. @param missing how many of them the file does not have */
function filled(
  source: Source,
  header: readonly Message[],
  type: Datatype,
  bytes: number,
  missing: number,
): Uint8Array {
  if (missing > mostFilled + 16 * source.bytes.length)
    return source.fail(
      `${missing} of the dataset's ${bytes} bytes are not in the file; at most ${mostFilled + 16 * source.bytes.length} are filled in`,
    );
  const out = new Uint8Array(bytes);
  const value = missing > 0 ? fillValue(source, header) : null;
  if (value === null || value.every((byte) => byte === 0)) return out;
  if (value.length !== type.size)
    return source.fail(`damaged: the fill value has ${value.length} bytes, elements have ${type.size}`);
  for (let at = 0; at < bytes; at += value.length) out.set(value, at);
  return out;
}

function fillValue(source: Source, header: readonly Message[]): Uint8Array | null {
  const message = header.find(({ type }) => type === messages.fill);
  if (message === undefined) return null;
  const body = bodyOf(source, message, 'the fill value');
  const version = body.version(1, 2, 3);
  const flags = version === 3 ? body.u8() : 0;
  if (version < 3) body.take(2);
  const isDefined = version === 3 ? (flags & 0x20) !== 0 : version === 1 || body.u8() !== 0;
  if (version === 1) body.u8();
  return isDefined ? body.raw(body.u32()) : null;
}
