import { nodeModule } from '../runtime/node_modules.ts';
import { DataError } from './dataset.ts';
import type { Image } from './image.ts';

/** JPEG files: a look at their markers here, pixels by mozjpeg in WebAssembly (docs/decisions/images.md). */

/** What the markers of a JPEG file say. */
export interface Jpeg {
  readonly width: number;
  readonly height: number;
  /** Contents of its EXIF block. */
  readonly exif: Uint8Array | null;
}

/** Whether bytes begin as JPEG files do. */
export const looksJpeg = (bytes: Uint8Array): boolean =>
  bytes[0] === 0xff && bytes[1] === 0xd8 && bytes[2] === 0xff;

// Each scan goes over all pixels, however short its part of the file is. A progressive file of `cjpeg` has 10.
const maxScans = 100;
// Of each block of 8 x 8 pixels of brightness at least one bit is in the file.
const maxPixelsOfByte = 512;

const why: Readonly<Record<number, string>> = {
  195: 'lossless',
  197: 'hierarchical',
  198: 'hierarchical',
  199: 'hierarchical',
  201: 'arithmetically coded',
  202: 'arithmetically coded',
  203: 'arithmetically coded',
  205: 'arithmetically coded',
  206: 'arithmetically coded',
  207: 'arithmetically coded',
};

/**
 * Goes over the markers of a JPEG file: that its pixels fit into memory and can be in the file, that it is of a kind that can be
 * read, and that its end is there.
 *
 * @throws DataError when not
 */
export function parseJpeg(bytes: Uint8Array, name: string, maxPixels: number): Jpeg {
  const fail = (what: string): never => {
    throw new DataError(`${name}: ${what}`);
  };
  if (!looksJpeg(bytes)) return fail('not a JPEG file');
  let size: { readonly width: number; readonly height: number } | null = null;
  let exif: Uint8Array | null = null;
  let scans = 0;
  for (let at = 2; ; ) {
    at = nextMarker(bytes, at);
    if (at >= bytes.length) return fail('the JPEG file is cut off');
    const marker = bytes[at++];
    if (marker === 0xd9) break;
    if (marker === 0xd8 || marker === 0x01 || (marker >= 0xd0 && marker <= 0xd7)) continue;
    const length = at + 2 <= bytes.length ? bytes[at] * 256 + bytes[at + 1] : bytes.length;
    if (at + length > bytes.length) return fail('the JPEG file is cut off');
    if (length < 2) return fail(`damaged JPEG: a segment of ${length} bytes`);
    const body = bytes.subarray(at + 2, at + length);
    if (why[marker] !== undefined) return fail(`a ${why[marker]} JPEG, which cannot be read`);
    if (marker >= 0xc0 && marker <= 0xc2) {
      if (size !== null) return fail('damaged JPEG: it says its size twice');
      size = checkFrame(body, bytes.length, fail, maxPixels);
    } else if (marker === 0xe1 && exif === null && isExif(body)) exif = body.subarray(6);
    else if (marker === 0xda && ++scans > maxScans) return fail(`a JPEG of more than ${maxScans} scans`);
    at += length;
  }
  if (size === null || scans === 0) return fail('damaged JPEG: there is no image in it');
  return { ...size, exif };
}

/** Where the byte after the next 0xff is that makes a marker: none is 0xff 0x00, a byte 0xff of pixels. */
function nextMarker(bytes: Uint8Array, from: number): number {
  for (let at = bytes.indexOf(0xff, from); at >= 0; at = bytes.indexOf(0xff, at)) {
    while (bytes[at] === 0xff) at++;
    if (bytes[at] !== 0) return at;
  }
  return bytes.length;
}

function checkFrame(
  body: Uint8Array,
  bytes: number,
  fail: (what: string) => never,
  maxPixels: number,
): { width: number; height: number } {
  if (body.length < 6) return fail('damaged JPEG: its frame header is cut off');
  const [precision, a, b, c, d, components] = body;
  const [height, width] = [a * 256 + b, c * 256 + d];
  if (width === 0 || height === 0) return fail(`damaged JPEG: a size of ${width} x ${height} pixels`);
  if (width * height > maxPixels)
    return fail(`${width} x ${height} pixels are more than maxPixels, ${maxPixels}`);
  if (width * height > maxPixelsOfByte * bytes)
    return fail(`damaged JPEG: ${bytes} bytes are too few for ${width} x ${height} pixels`);
  if (precision !== 8) return fail(`a JPEG of ${precision} bits a channel, of which only 8 can be read`);
  if (components !== 1 && components !== 3)
    return fail(
      `a JPEG of ${components} channels${components === 4 ? ' (CMYK)' : ''}, which cannot be read; convert it to RGB`,
    );
  return { width, height };
}

const isExif = (body: Uint8Array): boolean =>
  [0x45, 0x78, 0x69, 0x66, 0, 0].every((byte, i) => body[i] === byte);

/** What Emscripten's code for mozjpeg becomes when it has started. */
interface Mozjpeg {
  decode(bytes: Uint8Array, isUpright: boolean): { width: number; height: number; data: Uint8ClampedArray };
  readonly HEAPU8: Uint8Array;
}

/** A running decoder, and what it has to say of the file that it reads. */
interface Running {
  readonly code: Mozjpeg;
  readonly said: string[];
}

type Factory = (options: object) => Promise<Mozjpeg>;

/** Decodes what {@link parseJpeg} has looked at, as RGB. */
export type JpegDecoder = (bytes: Uint8Array, jpeg: Jpeg, name: string) => Image;

// A decoder keeps the memory of its largest image; beyond this another one is started for the next image.
const largestHeap = 128 * 2 ** 20;

let ready: Promise<JpegDecoder> | null = null;

/** The decoder, loaded when it is first asked for. @throws DataError when it cannot be */
export function jpegDecoder(): Promise<JpegDecoder> {
  ready ??= load().catch((error: Error) => {
    ready = null;
    throw new DataError(`decodeImage: cannot load @jsquash/jpeg, which reads JPEG: ${error.message}`, {
      cause: error,
    });
  });
  return ready;
}

async function load(): Promise<JpegDecoder> {
  const factory = (await import('@jsquash/jpeg/codec/dec/mozjpeg_dec.js')).default as unknown as Factory;
  const isNode = typeof process !== 'undefined' && typeof process.getBuiltinModule === 'function';
  if (!isNode) return decoderOf(await start(factory), null);
  const { createRequire } = nodeModule('node:module', 'decodeImage');
  const path = createRequire(import.meta.url).resolve('@jsquash/jpeg/codec/dec/mozjpeg_dec.wasm');
  const module = new WebAssembly.Module(nodeModule('node:fs', 'decodeImage').readFileSync(path));
  const startNow = (): Running => {
    const said: string[] = [];
    const code = {};
    const instantiateWasm = (
      imports: WebAssembly.Imports,
      started: (instance: WebAssembly.Instance) => void,
    ) => {
      const instance = new WebAssembly.Instance(module, imports);
      started(instance);
      return instance.exports;
    };
    // With an instance at once the code is complete when this returns, and it is the object that was given.
    const options = Object.assign(code, { ...quiet(said), instantiateWasm });
    withImageData(() => factory(options)).catch(() => {});
    return { code: options as unknown as Mozjpeg, said };
  };
  return decoderOf(startNow(), startNow);
}

/** The browser's class, as far as the decoder needs it. */
class PlainImageData {
  readonly data: Uint8ClampedArray;
  readonly width: number;
  readonly height: number;

  constructor(data: Uint8ClampedArray, width: number, height: number) {
    this.data = data;
    this.width = width;
    this.height = height;
  }
}

/** Calls what needs a global class `ImageData`, also where there is none, and leaves none there. */
function withImageData<T>(act: () => T): T {
  if (Reflect.has(globalThis, 'ImageData')) return act();
  Reflect.set(globalThis, 'ImageData', PlainImageData);
  try {
    return act();
  } finally {
    Reflect.deleteProperty(globalThis, 'ImageData');
  }
}

const quiet = (said: string[]): object => ({
  noInitialRun: true,
  print: () => {},
  printErr: (text: string) => said.push(text),
});

async function start(factory: Factory): Promise<Running> {
  const said: string[] = [];
  return { code: await factory(quiet(said)), said };
}

/**
 * @param restart starts another decoder where that needs no waiting. A decoder that has stopped at a damaged file has not given
 * back the memory for it; where none can take its place it goes on with the rest.
 */
function decoderOf(first: Running, restart: (() => Running) | null): JpegDecoder {
  let running = first;
  return (bytes, { width, height }, name) => {
    running.said.length = 0;
    let image: ReturnType<Mozjpeg['decode']> | null = null;
    let reason = '';
    try {
      image = withImageData(() => running.code.decode(bytes, false));
    } catch (error) {
      reason = running.said.at(-1) ?? (error as Error).message;
    }
    const isCut = running.said.some((text) => text.startsWith('Premature end of JPEG'));
    if (restart !== null && (image === null || running.code.HEAPU8.length > largestHeap)) running = restart();
    if (isCut) throw new DataError(`${name}: the JPEG file is cut off`);
    if (image === null) throw new DataError(`${name}: damaged JPEG: ${reason}`);
    if (image.width !== width || image.height !== height)
      throw new DataError(`${name}: damaged JPEG: it has two sizes`);
    const data = new Uint8Array(width * height * 3);
    const { data: rgba } = image;
    for (let from = 0, to = 0; to < data.length; from += 4, to += 3) {
      data[to] = rgba[from];
      data[to + 1] = rgba[from + 1];
      data[to + 2] = rgba[from + 2];
    }
    return { shape: [height, width, 3], data };
  };
}
