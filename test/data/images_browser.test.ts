import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { decodeImage } from '../../src/data/index.ts';
import { findBrowser, inBrowser } from '../support/browser.ts';
import { buildPackage } from '../support/build_package.ts';

/** Pictures are decoded in a browser as in Node: by its own zlib, and by the same WebAssembly. */

const command = findBrowser();
const { cases } = JSON.parse(
  readFileSync(new URL('../fixtures/pillow_images.json', import.meta.url), 'utf8'),
) as { cases: { name: string; file: string }[] };
const names = ['PNG colour 3, 4 bits, interlaced', 'PNG colour 6, 16 bits', 'JPEG 4:2:0', 'JPEG progressive'];
const files = names.map((name) => cases.find((found) => found.name === name)!.file);

const main = `
import { decodeImage, encodePng, readImage } from './dist/data/index.js';
const files = ${JSON.stringify(files)};
const bytesOf = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
const messageOf = (promise) => promise.then(() => null, (error) => error.message);
export default async () => {
  const decoded = [];
  for (const file of files) decoded.push([...(await decodeImage(bytesOf(file), { channels: 4 })).data]);
  const jpeg = bytesOf(files[2]);
  const messages = [
    await messageOf(decodeImage(bytesOf(files[0]).subarray(0, -20))),
    await messageOf(decodeImage(jpeg.subarray(0, -20))),
    await messageOf(decodeImage(Uint8Array.of(...jpeg.subarray(0, 2), ...jpeg.subarray(jpeg.indexOf(0xc0) - 1)))),
    await messageOf(readImage('photo.jpg')),
  ];
  const again = [...(await decodeImage(jpeg, { channels: 4 })).data];
  const data = Uint8Array.from({ length: 70 * 1000 * 3 }, (_, i) => i % 251);
  const png = await decodeImage(encodePng({ shape: [70, 1000, 3], data }));
  return { decoded, messages, again: String(again) === String(decoded[2]), png: png.data.every((byte, i) => byte === data[i]) };
};`;

describe.skipIf(command === null)('in a browser', { timeout: 180_000 }, () => {
  let built = '';
  beforeAll(() => {
    built = buildPackage('images-browser');
    const wasm = createRequire(import.meta.url).resolve('@jsquash/jpeg/codec/dec/mozjpeg_dec.wasm');
    mkdirSync(join(built, 'jpeg'));
    cpSync(dirname(wasm), join(built, 'jpeg'), { recursive: true });
    writeFileSync(join(built, 'images.mjs'), main);
  }, 120_000);
  afterAll(() => rmSync(built, { recursive: true, force: true }));

  const check = async (module: string): Promise<void> => {
    const imports = JSON.stringify({ imports: { '@jsquash/jpeg/codec/dec/': '/jpeg/' } });
    const result = await inBrowser<{ decoded: number[][]; messages: string[] }>(command!, built, {
      module,
      isolated: false,
      imports,
    });
    for (const [i, file] of files.entries())
      expect(result.decoded[i], names[i]).toEqual([
        ...(await decodeImage(new Uint8Array(Buffer.from(file, 'base64')), { channels: 4 })).data,
      ]);
    expect(result.messages).toEqual([
      'decodeImage: the PNG file is cut off in its chunk IDAT',
      'decodeImage: the JPEG file is cut off',
      expect.stringMatching(/^decodeImage: damaged JPEG: .*table/),
      expect.stringMatching(/^readImage: there are no files here/),
    ]);
    expect(result).toMatchObject({ again: true, png: true });
  };

  test('by an import map', () => check('./images.mjs'));

  test('bundled', async () => {
    const { build } = await import('vite');
    await build({
      root: built,
      base: '/bundle/',
      configFile: false,
      logLevel: 'error',
      build: {
        outDir: 'bundle',
        rollupOptions: {
          input: join(built, 'images.mjs'),
          preserveEntrySignatures: 'strict',
          output: { entryFileNames: 'images.js' },
        },
      },
    });
    await check('./bundle/images.js');
  });
});
