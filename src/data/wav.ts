import { writeFileAtomically } from '../io/atomic.ts';
import { DataError } from './dataset.ts';
import { readBytes } from './files.ts';

/** How samples are stored: unsigned bytes, signed integers, IEEE floats; all little-endian. */
export type WavFormat = 'pcm8' | 'pcm16' | 'pcm24' | 'pcm32' | 'float32' | 'float64';

/** Sound. */
export interface Wav {
  /** Samples in a second. */
  readonly sampleRate: number;
  /** 1 for mono, 2 for stereo, ... */
  readonly channels: number;
  /**
   * Row-major [time, channels]. Integers are scaled to -1 (inclusive) to 1 (exclusive). Float32Array, or Float64Array where 24 bits do
   * not suffice (pcm32, float64).
   */
  readonly data: Float32Array | Float64Array;
}

interface Coding {
  readonly tag: number;
  readonly bytes: number;
  readonly get: (view: DataView, at: number) => number;
  readonly set: (view: DataView, at: number, value: number) => void;
}

const [pcm, ieee, extensible] = [1, 3, 0xfffe];

/** To an integer of so many bits, what is too loud being cut off. */
const scaled = (value: number, bits: number): number =>
  Math.max(-(2 ** (bits - 1)), Math.min(2 ** (bits - 1) - 1, Math.round(value * 2 ** (bits - 1))));

const codings: Record<WavFormat, Coding> = {
  pcm8: {
    tag: pcm,
    bytes: 1,
    get: (view, at) => (view.getUint8(at) - 128) / 128,
    set: (view, at, value) => view.setUint8(at, scaled(value, 8) + 128),
  },
  pcm16: {
    tag: pcm,
    bytes: 2,
    get: (view, at) => view.getInt16(at, true) / 2 ** 15,
    set: (view, at, value) => view.setInt16(at, scaled(value, 16), true),
  },
  pcm24: {
    tag: pcm,
    bytes: 3,
    get: (view, at) => (view.getInt8(at + 2) * 2 ** 16 + view.getUint16(at, true)) / 2 ** 23,
    set: (view, at, value) => {
      const integer = scaled(value, 24);
      view.setInt8(at + 2, integer >> 16);
      view.setUint16(at, integer & 0xffff, true);
    },
  },
  pcm32: {
    tag: pcm,
    bytes: 4,
    get: (view, at) => view.getInt32(at, true) / 2 ** 31,
    set: (view, at, value) => view.setInt32(at, scaled(value, 32), true),
  },
  float32: {
    tag: ieee,
    bytes: 4,
    get: (view, at) => view.getFloat32(at, true),
    set: (view, at, value) => view.setFloat32(at, value, true),
  },
  float64: {
    tag: ieee,
    bytes: 8,
    get: (view, at) => view.getFloat64(at, true),
    set: (view, at, value) => view.setFloat64(at, value, true),
  },
};

const isWide = (format: WavFormat): boolean => format === 'pcm32' || format === 'float64';

/**
 * Decodes the bytes of a WAV file: RIFF with a `fmt ` and a `data` chunk, PCM of 8, 16, 24 or 32 bits or IEEE floats of 32 or 64, also in
 * the extensible form; other chunks are passed over.
 *
 * @param name what error messages call it
 * @throws DataError when it is none, truncated, of another coding (such as ADPCM), or contradicts itself
 */
export function decodeWav(bytes: Uint8Array, name = 'WAV'): Wav & { readonly format: WavFormat } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const fail = (what: string): DataError => new DataError(`${name}: ${what}`);
  const text = (at: number): string => String.fromCharCode(...bytes.subarray(at, at + 4));
  if (bytes.length < 12 || text(0) !== 'RIFF' || text(8) !== 'WAVE')
    throw fail(
      'not a WAV file: it does not begin with RIFF, a size and WAVE; is it the right file, and complete?',
    );
  let header: { format: WavFormat; channels: number; sampleRate: number } | null = null;
  for (let at = 12; at + 8 <= bytes.length; ) {
    const [id, size, start] = [text(at), view.getUint32(at + 4, true), at + 8];
    if (start + size > bytes.length)
      throw fail(`truncated: its chunk '${id}' says ${size} bytes, but only ${bytes.length - start} follow`);
    if (id === 'fmt ') header = headerOf(view, start, size, fail);
    if (id === 'data') {
      if (header === null) throw fail("its samples come before the chunk 'fmt ', which says what they are");
      const { bytes: each, get } = codings[header.format];
      if (size % (each * header.channels) !== 0)
        throw fail(
          `${size} bytes of samples are no whole number of ${header.format} samples for ${header.channels} channels`,
        );
      const count = size / each;
      const data = isWide(header.format) ? new Float64Array(count) : new Float32Array(count);
      for (let i = 0; i < count; i++) data[i] = get(view, start + i * each);
      return { ...header, data };
    }
    // Chunks begin at even positions.
    at = start + size + (size % 2);
  }
  throw fail(`truncated: there is no chunk '${header === null ? 'fmt ' : 'data'}'`);
}

function headerOf(
  view: DataView,
  start: number,
  size: number,
  fail: (what: string) => DataError,
): { format: WavFormat; channels: number; sampleRate: number } {
  if (size < 16) throw fail(`its chunk 'fmt ' has ${size} bytes, at least 16 are needed`);
  const stated = view.getUint16(start, true);
  const channels = view.getUint16(start + 2, true);
  const sampleRate = view.getUint32(start + 4, true);
  const bits = view.getUint16(start + 14, true);
  // In the extensible form the coding's number begins a longer identifier.
  const tag = stated === extensible && size >= 26 ? view.getUint16(start + 24, true) : stated;
  const format = (Object.keys(codings) as WavFormat[]).find(
    (f) => codings[f].tag === tag && codings[f].bytes * 8 === bits,
  );
  if (format === undefined)
    throw fail(
      `coding ${tag} of ${bits} bits cannot be read; PCM of 8, 16, 24, 32 bits and floats of 32, 64 can`,
    );
  if (channels === 0 || sampleRate === 0)
    throw fail(`has ${channels} channels and a sample rate of ${sampleRate}`);
  return { format, channels, sampleRate };
}

/**
 * Encodes sound as a WAV file. Integers are rounded, and what is beyond their range is cut off.
 *
 * @param format default `pcm16`
 * @throws DataError when data are no whole rows, channels or rate do not fit, the file would be 4 GiB, or integers are to be made of NaN
 */
export function encodeWav({ sampleRate, channels, data }: Wav, format: WavFormat = 'pcm16'): Uint8Array {
  if (!Object.hasOwn(codings, format))
    throw new DataError(
      `encodeWav: format must be one of ${Object.keys(codings).join(', ')}, got '${format}'`,
    );
  const { tag, bytes: each, set } = codings[format];
  if (!Number.isInteger(channels) || channels < 1 || channels * each > 65535)
    throw new DataError(`encodeWav: ${channels} is not a number of channels`);
  if (!Number.isInteger(sampleRate) || sampleRate < 1 || sampleRate * channels * each >= 2 ** 32)
    throw new DataError(`encodeWav: ${sampleRate} is not a sample rate in Hz`);
  if (data.length % channels !== 0)
    throw new DataError(`encodeWav: ${data.length} samples cannot be divided among ${channels} channels`);
  const size = data.length * each;
  if (size + 58 >= 2 ** 32)
    throw new DataError(`encodeWav: ${size} bytes do not fit into a WAV file of 4 GiB`);
  if (tag === pcm && data.some(Number.isNaN))
    throw new DataError('encodeWav: there are samples that are NaN, which integers cannot hold');
  const bytes = new Uint8Array(44 + size + (size % 2));
  const view = new DataView(bytes.buffer);
  const text = (at: number, word: string): void =>
    bytes.set(
      [...word].map((c) => c.charCodeAt(0)),
      at,
    );
  text(0, 'RIFF');
  view.setUint32(4, bytes.length - 8, true);
  text(8, 'WAVEfmt ');
  view.setUint32(16, 16, true);
  view.setUint16(20, tag, true);
  view.setUint16(22, channels, true);
  view.setUint32(24, sampleRate, true);
  view.setUint32(28, sampleRate * channels * each, true);
  view.setUint16(32, channels * each, true);
  view.setUint16(34, each * 8, true);
  text(36, 'data');
  view.setUint32(40, size, true);
  for (let i = 0; i < data.length; i++) set(view, 44 + i * each, data[i]);
  return bytes;
}

/** {@link decodeWav} of a file. @throws DataError also when it cannot be read */
export const readWav = async (path: string): Promise<Wav & { readonly format: WavFormat }> =>
  decodeWav(await readBytes(path, 'readWav'), path);

/** {@link encodeWav} to a file, which is replaced atomically. @throws WriteError when it cannot be written */
export const writeWav = (path: string, sound: Wav, format: WavFormat = 'pcm16'): Promise<void> =>
  writeFileAtomically(path, encodeWav(sound, format));
