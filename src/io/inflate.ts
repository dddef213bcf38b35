/** Deflate streams, as zip and PNG files hold them, with what the platform has: zlib in Node, streams in browsers. */

const isNode = (): boolean =>
  typeof process !== 'undefined' && typeof process.getBuiltinModule === 'function';

/**
 * Unpacks a raw deflate stream of a known size.
 *
 * @throws Error that says what is wrong with the stream, or that there is nothing here to unpack it with
 */
export async function inflateRaw(packed: Uint8Array, size: number): Promise<Uint8Array> {
  return whole(
    isNode() ? await withZlib(packed, size) : await withStreams('deflate-raw', packed, size),
    size,
  );
}

function withZlib(packed: Uint8Array, size: number): Promise<Uint8Array> {
  const { inflateRaw: inflate } = process.getBuiltinModule('node:zlib');
  return new Promise((resolve, reject) => {
    inflate(packed, { maxOutputLength: Math.max(1, size) }, (error, data) => {
      if (error === null) resolve(data);
      else reject(new Error(whyDamaged(error, size), { cause: error }));
    });
  });
}

async function withStreams(format: CompressionFormat, packed: Uint8Array, size: number): Promise<Uint8Array> {
  if (typeof DecompressionStream === 'undefined')
    throw new Error(
      'it is compressed, and this platform has no DecompressionStream; store it without compression',
    );
  const stream = new Blob([packed as BlobPart]).stream().pipeThrough(new DecompressionStream(format));
  const out = new Uint8Array(size);
  let at = 0;
  const reader = stream.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return out.subarray(0, at);
    if (at + value.length > size) {
      await reader.cancel();
      throw new Error(`its deflate stream is damaged: it holds more than the ${size} bytes announced`);
    }
    out.set(value, at);
    at += value.length;
  }
}

/** Packs bytes as a raw deflate stream. */
export async function deflateRaw(bytes: Uint8Array): Promise<Uint8Array> {
  if (isNode()) {
    const { deflateRaw: deflate } = process.getBuiltinModule('node:zlib');
    return new Promise((resolve, reject) => {
      deflate(bytes, (error, data) => (error === null ? resolve(data) : reject(error)));
    });
  }
  if (typeof CompressionStream === 'undefined')
    throw new Error('this platform cannot compress: it has no CompressionStream; leave compress out');
  const stream = new Blob([bytes as BlobPart]).stream().pipeThrough(new CompressionStream('deflate-raw'));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/**
 * Unpacks a zlib stream (RFC 1950) of a known size.
 *
 * @throws Error that says what is wrong with the stream, or that there is nothing here to unpack it with
 */
export async function inflateZlib(packed: Uint8Array, size: number): Promise<Uint8Array> {
  if (isNode()) return inflateZlibSync(packed, size);
  return whole(await withStreams('deflate', packed, size), size);
}

/** As {@link inflateZlib}, at once; in Node only. */
export function inflateZlibSync(packed: Uint8Array, size: number): Uint8Array {
  const { inflateSync } = process.getBuiltinModule('node:zlib');
  let out: Uint8Array;
  try {
    out = inflateSync(packed, {
      maxOutputLength: Math.max(1, size),
      chunkSize: Math.min(Math.max(64, size), 1 << 20),
    });
  } catch (error) {
    throw new Error(whyDamaged(error, size), { cause: error });
  }
  return whole(out, size);
}

function whole(out: Uint8Array, size: number): Uint8Array {
  if (out.length !== size) throw new Error(`its deflate stream holds ${out.length} bytes instead of ${size}`);
  return out;
}

function whyDamaged(error: unknown, size: number): string {
  const { code, message } = error as NodeJS.ErrnoException;
  const what = code === 'ERR_BUFFER_TOO_LARGE' ? `it holds more than the ${size} bytes announced` : message;
  return `its deflate stream is damaged: ${what}`;
}
