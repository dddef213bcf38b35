import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  DataError,
  encodePng,
  type Image,
  imageFolder,
  loader,
  randomHorizontalFlip,
  readImage,
} from '../../src/data/index.ts';
import { buildPackage } from '../support/build_package.ts';

let folder = '';
const photo = readFileSync(new URL('../fixtures/pillow_images.json', import.meta.url), 'utf8');
const jpeg = Buffer.from(
  JSON.parse(photo).cases.find(({ name }: { name: string }) => name === 'JPEG 4:2:0').file,
  'base64',
);
const grey = (height: number, width: number, value: number): Uint8Array =>
  encodePng({ shape: [height, width, 1], data: new Uint8Array(height * width).fill(value) });

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'nabla-images-'));
  const put = (path: string, bytes: Uint8Array): void => {
    mkdirSync(join(folder, path, '..'), { recursive: true });
    writeFileSync(join(folder, path), bytes);
  };
  for (const [i, name] of ['b.png', 'a.PNG', 'sub/c.png', 'sub/a.png'].entries())
    put(`good/dog/${name}`, grey(4, 6, 10 + i));
  put('good/dog/notes.txt', new Uint8Array(3));
  put('good/Cat/z.jpeg', jpeg);
  put('good/Cat/y.png', grey(5, 5, 99));
  put('good/readme.md', new Uint8Array(1));
  put('other/linked/x.png', grey(3, 3, 7));
  symlinkSync(join(folder, 'other', 'linked'), join(folder, 'good', 'linked'));
  put('damaged/a/1.png', grey(4, 4, 1));
  put('damaged/a/2.png', grey(4, 4, 1).subarray(0, 50));
  put('empty/a/1.txt', new Uint8Array(1));
  mkdirSync(join(folder, 'nothing'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const values = ({ shape, data }: Image): [string, number] => [shape.join('x'), data[0]];

describe('imageFolder', () => {
  test('finds classes and files as torchvision does: folders sorted, files of each sorted, also those further down', async () => {
    const found = await imageFolder(join(folder, 'good'));
    expect(found.classes).toEqual(['Cat', 'dog', 'linked']);
    expect(found.paths.map((path) => path.slice(folder.length + 1))).toEqual([
      ...['good/Cat/y.png', 'good/Cat/z.jpeg', 'good/dog/a.PNG', 'good/dog/b.png'],
      ...['good/dog/sub/a.png', 'good/dog/sub/c.png', 'good/linked/x.png'],
    ]);
    expect([...found.labels]).toEqual([0, 0, 1, 1, 1, 1, 2]);
    expect([...found].map(({ image }) => values(image))).toEqual([
      ...[
        ['5x5x3', 99],
        ['19x27x3', (await readImage(join(folder, 'good/Cat/z.jpeg'))).data[0]],
      ],
      ...[
        ['4x6x3', 11],
        ['4x6x3', 10],
        ['4x6x3', 13],
        ['4x6x3', 12],
        ['3x3x3', 7],
      ],
    ]);
  });

  test('gives parts that are folders too, and classes in an order of its own', async () => {
    const all = await imageFolder(join(folder, 'good'), { channels: 1, classes: ['dog', 'Cat'] });
    expect([...all.labels]).toEqual([0, 0, 0, 0, 1, 1]);
    const part = all.subset([5, 0]);
    expect([part.length, part.paths.length, part.get(0).label, part.get(0).image.shape.join()]).toEqual([
      2,
      2,
      1,
      '19,27,1',
    ]);
    expect(all.slice(-2).labels.join()).toBe('1,1');
    expect(all.take(3).skip(1).paths.length).toBe(2);
    expect(() => all.subset([9])).toThrow('there is no example 9 of 6');
  });

  test('resizes the shorter side or both, and crops', async () => {
    const shapes = async (options: object): Promise<string[]> =>
      [...(await imageFolder(join(folder, 'good'), options)).take(3)].map(({ image }) =>
        image.shape.join('x'),
      );
    expect(await shapes({ resize: 8 })).toEqual(['8x8x3', '8x11x3', '8x12x3']);
    expect(await shapes({ resize: [2, 9], channels: 4 })).toEqual(['2x9x4', '2x9x4', '2x9x4']);
    expect(await shapes({ resize: 8, crop: 6 })).toEqual(['6x6x3', '6x6x3', '6x6x3']);
    expect(await shapes({ crop: [7, 3], filter: 'nearest' })).toEqual(['7x3x3', '7x3x3', '7x3x3']);
  });

  test('becomes a dataset in memory', async () => {
    const found = await imageFolder(join(folder, 'good'), { resize: [4, 4], channels: 1 });
    const dataset = found.dataset();
    expect([dataset.shape, dataset.count, dataset.classes, [...dataset.labels]]).toEqual([
      [4, 4, 1],
      7,
      3,
      [0, 0, 1, 1, 1, 1, 2],
    ]);
    expect([...dataset.images.subarray(-16)]).toEqual(new Array(16).fill(7));
    const [[x, y]] = [...loader(dataset, { batchSize: 7 })];
    expect([x.shape.join(), y.dataSync().join()]).toEqual(['7,4,4,1', '0,0,1,1,1,1,2']);
  });

  test('makes the batches of the loader of its dataset', async () => {
    const options = { batchSize: 3, shuffle: true, seed: 5, mean: [0.1, 0.2, 0.3], std: 0.5 };
    const augment = randomHorizontalFlip();
    const found = await imageFolder(join(folder, 'good'), { resize: [4, 6] });
    const streamed = await found.loader({ ...options, augment, workers: 0 });
    const inMemory = loader(found.dataset(), { ...options, augment });
    for (let epoch = 0; epoch < 2; epoch++) {
      const [a, b] = [[...streamed], [...inMemory]];
      expect(a.length).toBe(3);
      for (const [i, [x, y]] of a.entries()) {
        expect([...y.dataSync()]).toEqual([...b[i][1].dataSync()]);
        const expected = b[i][0].dataSync();
        const got = x.dataSync();
        for (const k of got.keys()) expect(got[k]).toBeCloseTo(expected[k] as number, 5);
      }
    }
    streamed.restore({ epoch: 1, batch: 1 });
    const rest = [...streamed];
    inMemory.restore({ epoch: 1, batch: 1 });
    expect(rest.map(([, y]) => [...y.dataSync()])).toEqual([...inMemory].map(([, y]) => [...y.dataSync()]));
    expect(streamed.state()).toEqual({ epoch: 2, batch: 0 });
    await streamed.close();
  });

  test('names the file that is damaged, missing or of another size', async () => {
    const damaged = await imageFolder(join(folder, 'damaged'));
    expect(() => damaged.get(1)).toThrow(
      new DataError(`${join(folder, 'damaged/a/2.png')}: the PNG file is cut off in its chunk IDAT`),
    );
    const batches = await damaged.loader({ workers: 0 });
    expect(() => [...batches]).toThrow(`${join(folder, 'damaged/a/2.png')}: the PNG file is cut off`);
    const found = await imageFolder(join(folder, 'good'));
    expect(() => found.dataset()).toThrow(
      `${found.paths[1]}: its pixels are [19, 27, 3], those of ${found.paths[0]} [5, 5, 3]; bring all to one size`,
    );
    const mixed = await found.loader({ workers: 0 });
    expect(() => [...mixed]).toThrow('its pixels are [19, 27, 3]');
    cpSync(join(folder, 'damaged'), join(folder, 'gone'), { recursive: true });
    const gone = await imageFolder(join(folder, 'gone'));
    rmSync(join(folder, 'gone'), { recursive: true });
    expect(() => gone.get(0)).toThrow(`${join(folder, 'gone/a/1.png')}: no such file`);
  });

  test('says what is wrong with folders and options', async () => {
    const refuses = (dir: string, message: string, options = {}): Promise<void> =>
      expect(imageFolder(join(folder, dir), options)).rejects.toThrow(message);
    await refuses('absent', 'absent: no such folder');
    await refuses('good/readme.md', 'readme.md: not a folder');
    await refuses('nothing', 'has no folders; images must be in one folder for each class');
    await refuses('empty', 'empty/a has no images; their names must end with .png, .jpg, .jpeg');
    await refuses('good', 'has no folder cow; there are Cat, dog, linked', { classes: ['cow'] });
    await refuses('good', 'resize must be a positive integer, or [height, width] of them, got 0', {
      resize: 0,
    });
    await refuses('good', 'got [1,2,3]', { crop: [1, 2, 3] });
    await refuses('good', "filter must be 'nearest'", { filter: 'box' });
    await refuses('good', 'size', { size: 3 });
    const found = await imageFolder(join(folder, 'good'));
    await expect(found.loader({ std: 0 })).rejects.toThrow('ImageFolder.loader: std must be positive, got 0');
    await expect(found.loader({ mean: [1, 2] })).rejects.toThrow('one for each of the 3 channels, got [1,2]');
  });
});

describe('the built package', () => {
  test('reads on threads what the main thread reads', { timeout: 120_000 }, () => {
    const built = buildPackage('images');
    try {
      const script = `
        const { imageFolder } = await import(${JSON.stringify(pathToFileURL(join(built, 'dist/data/index.js')).href)});
        const found = await imageFolder(${JSON.stringify(join(folder, 'good'))}, { resize: 8, crop: 8 });
        const out = [];
        for (const workers of [0, 2]) {
          const batches = await found.loader({ batchSize: 2, shuffle: true, seed: 3, workers });
          out.push([batches.workers, [...batches].map(([x, y]) => [[...x.dataSync()], [...y.dataSync()]])]);
          await batches.close();
        }
        const damaged = await imageFolder(${JSON.stringify(join(folder, 'damaged'))});
        try { for (const batch of await damaged.loader({ workers: 1 })); } catch (error) { out.push(error.message); }
        console.log(JSON.stringify(out));`;
      const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
        encoding: 'utf8',
      });
      expect(stderr).toBe('');
      const [main, threads, message] = JSON.parse(stdout);
      expect([main[0], threads[0], main[1].length]).toEqual([0, 2, 4]);
      expect(threads[1]).toEqual(main[1]);
      expect(message).toContain(`${join(folder, 'damaged/a/2.png')}: the PNG file is cut off`);
    } finally {
      rmSync(built, { recursive: true });
    }
  });
});

const realData = process.env.NABLA_DATA ?? '';

describe.skipIf(realData === '')('real photographs', () => {
  const md5 = (bytes: Uint8Array): string => createHash('md5').update(bytes).digest('hex');

  test('have the pixels of Pillow, also resized and cropped', async () => {
    const photos = JSON.parse(
      readFileSync(new URL('../fixtures/pillow_photos.json', import.meta.url), 'utf8'),
    ) as { path: string; size: [number, number]; pixels: string; fitted: string }[];
    const { fitted } = await import('../../src/data/image_files.ts');
    for (const { path, size, pixels, fitted: small } of photos) {
      const image = await readImage(join(realData, path));
      expect(image.shape, path).toEqual([...size, 3]);
      expect(md5(image.data), path).toBe(pixels);
      expect(md5(fitted(image, { resize: 64, crop: 64 }).data), path).toBe(small);
    }
    expect(photos.length).toBeGreaterThan(30);
  });

  test('of cats and dogs are two classes of 250', async () => {
    const found = await imageFolder(join(realData, 'cats-dogs'), { resize: 32, crop: 32 });
    expect([found.classes, found.length]).toEqual([['cat', 'dog'], 500]);
    expect(found.labels.reduce((sum, label) => sum + label, 0)).toBe(250);
    const batches = await found.subset([0, 249, 250, 499]).loader({ batchSize: 4, workers: 0 });
    const [[x, y]] = [...batches];
    expect([x.shape.join(), y.dataSync().join()]).toEqual(['4,32,32,3', '0,0,1,1']);
    expect(Number(x.mean().item())).toBeGreaterThan(0.2);
  });
});
