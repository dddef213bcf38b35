import { describe, expect, test } from 'vitest';
import {
  affine,
  colorComponents,
  colorJitter,
  compose,
  concatDatasets,
  type Dataset,
  digits,
  loader,
  pcaColor,
  randomAffine,
  randomCrop,
  randomHorizontalFlip,
  randomRotation,
  randomVerticalFlip,
  shapeClasses,
  shapes,
} from '../../src/data/index.ts';
import { arange, random, type Tensor, tensor } from '../../src/index.ts';
import { drawImages } from '../../src/train/index.ts';
import { expectClose } from '../support/close.ts';

const list = (t: Tensor): number[] => [...t.dataSync()];
const key = random.key(7);

/** Pictures [count, 5, 5, 1] whose pixels are all different. */
const numbered = (count: number): Tensor =>
  arange(count * 25)
    .reshape([count, 5, 5, 1])
    .cast('float32');

describe('A03 more data of what there is', () => {
  test('A03-25 mirroring is an involution: twice is nothing', () => {
    const x = numbered(3);
    for (const [mirror, axis] of [
      [randomHorizontalFlip({ p: 1 }), 2],
      [randomVerticalFlip({ p: 1 }), 1],
    ] as const) {
      const once = mirror(x, key);
      expect(list(once)).toEqual(list(x.flip(axis)));
      expect(list(once)).not.toEqual(list(x));
      expect(list(mirror(once, key))).toEqual(list(x));
    }
    // By chance: each picture as it was or mirrored, about half of them.
    const many = numbered(200);
    const mixed = randomHorizontalFlip()(many, key).at(0, 3).toArray() as number[][][];
    const plain = many.at(0, 3).toArray() as number[][][];
    const flipped = mixed.filter((picture, i) => picture[0][0] !== plain[i][0][0]).length;
    expect(Math.abs(flipped - 100)).toBeLessThan(5 * Math.sqrt(50));
    mixed.forEach((picture, i) => {
      const mirrored = plain[i].map((row) => [...row].reverse());
      expect([plain[i], mirrored]).toContainEqual(picture);
    });
  });

  test('A03-26 random crops are parts of the picture, all equally likely', () => {
    const x = numbered(1).broadcastTo([360, 5, 5, 1]);
    const crops = randomCrop([3, 4])(x, key);
    expect(crops.shape).toEqual([360, 3, 4, 1]);
    const counts = new Map<number, number>();
    for (const picture of crops.at(0, 3).toArray() as number[][][]) {
      const [[first]] = picture;
      counts.set(first, (counts.get(first) ?? 0) + 1);
      expect(picture).toEqual([0, 1, 2].map((i) => [0, 1, 2, 3].map((j) => first + 5 * i + j)));
    }
    // Three rows and two columns to begin at.
    expect([...counts.keys()].sort((a, b) => a - b)).toEqual([0, 1, 5, 6, 10, 11]);
    for (const count of counts.values()) expect(Math.abs(count - 60)).toBeLessThan(5 * Math.sqrt(50));
    // With padding the size can stay.
    expect(randomCrop(5, { padding: 2 })(x, key).shape).toEqual([360, 5, 5, 1]);
  });

  test('A03-27 rotation, shear and warp; rotated, mirrored, cropped and recoloured, a training set becomes ten', () => {
    const x = numbered(2);
    // A quarter turn clockwise: columns from bottom to top become rows.
    const turned = affine(x, { angle: 90 });
    expectClose(list(turned), list(x.transpose([0, 2, 1, 3]).flip(2)), { atol: 1e-3 });
    expectClose(list(affine(turned, { angle: -90 })), list(x), { atol: 1e-3 });
    expectClose(list(affine(x, { angle: 360 })), list(x), { atol: 1e-3 });
    // A shear by 45 degrees shifts each row by its distance from the middle.
    const sheared = affine(x, { shear: [45, 0] })
      .at(0)
      .at(0, 2)
      .toArray() as number[][];
    const rows = x.at(0).at(0, 2).toArray() as number[][];
    [-2, -1, 0, 1, 2].forEach((shift, i) => {
      const expected = rows[i].map((_, j) => rows[i][j + shift] ?? 0);
      expectClose(sheared[i], expected, { atol: 1e-2 });
    });
    // Straight lines stay straight under a warp by an affine map: a ramp stays a ramp.
    const ramp = arange(81).remainder(9).reshape([1, 9, 9, 1]).cast('float32');
    const warped = affine(ramp, { angle: 20, scale: 2, shear: [10, 5] })
      .at(0)
      .at(0, 2)
      .toArray() as number[][];
    const slope = warped[4][5] - warped[4][4];
    for (const [i, j] of [[3, 3], [4, 5], [5, 4]]) expect(warped[i][j + 1] - warped[i][j]).toBeCloseTo(slope, 3); // biome-ignore format: places

    const { train } = shapes({ train: 12, test: 0, side: 16 });
    const augment = compose(
      randomRotation(25),
      randomAffine({ shear: 15, scale: [0.9, 1.1] }),
      randomHorizontalFlip(),
      randomCrop(16, { padding: 2 }),
      colorJitter({ brightness: 0.3, hue: 0.1 }),
    );
    const copies = Array.from({ length: 9 }, (_, seed): Dataset => {
      const [[images, labels]] = [...loader(train, { batchSize: 12, augment, seed })];
      return {
        ...train,
        images: Uint8Array.from(images.clip(0, 1).mul(255).dataSync()),
        labels: Uint8Array.from(labels.dataSync()),
      };
    });
    const tenfold = concatDatasets([train, ...copies]);
    expect(tenfold.count).toBe(120);
    for (let i = 0; i < 120; i++) expect(tenfold.labels[i]).toBe(train.labels[i % 12]);
    const pictures = Array.from({ length: 120 }, (_, i) =>
      tenfold.images.subarray(i * 768, (i + 1) * 768).join(),
    );
    expect(new Set(pictures).size).toBe(120);
  });

  test('A03-28 colours shifted along the principal components of the data', () => {
    // Colours along (1, 1, 1) mostly, along (1, 0, -1) somewhat, and never otherwise.
    const [a, b] = [1, 2].map((n) => list(random.normal([400], { key: random.key(n) })));
    const colors = a.flatMap((along, i) =>
      [along * 20 + b[i] * 8, along * 20, along * 20 - b[i] * 8].map((v) => v + 128),
    );
    const data: Dataset = {
      ...{ name: 'made', count: 4, shape: [10, 10, 3] as const, classes: 1 },
      ...{ images: Uint8Array.from(colors), labels: new Uint8Array(4) },
    };
    const components = colorComponents(data);
    const column = (c: number) => components.eigenvectors.map((row) => row[c]);
    const along = (v: number[], w: number[]) => Math.abs(v.reduce((s, x, i) => s + x * w[i], 0));
    expect(
      along(
        column(0),
        [1, 1, 1].map((v) => v / Math.sqrt(3)),
      ),
    ).toBeGreaterThan(0.999);
    expect(
      along(
        column(1),
        [1, 0, -1].map((v) => v / Math.sqrt(2)),
      ),
    ).toBeGreaterThan(0.999);
    // Deviations: 20 √3, 8 √2 and what rounding to bytes leaves, of 255.
    const spread = (values: number[]) => Math.sqrt(values.reduce((s, v) => s + v * v, 0) / 400);
    expect(components.eigenvalues[0]).toBeCloseTo((spread(a) * 20 * Math.sqrt(3)) / 255, 2);
    expect(components.eigenvalues[1]).toBeCloseTo((spread(b) * 8 * Math.sqrt(2)) / 255, 2);
    expect(components.eigenvalues[2]).toBeLessThan(0.003);
    for (const c of [0, 1, 2]) expect(along(column(c), column(c))).toBeCloseTo(1, 10);

    const x = tensor(colors.slice(0, 300)).div(255).reshape([1, 10, 10, 3]).broadcastTo([50, 10, 10, 3]);
    const shifted = pcaColor({ std: 0.5, ...components })(x, key).sub(x);
    // One colour for each picture, the same for all pixels.
    const pictures = shifted.toArray() as number[][][][];
    for (const picture of pictures)
      for (const row of picture) for (const pixel of row) expectClose(pixel, picture[0][0], { atol: 1e-6 });
    // In the plane of the two components: nothing along the third, (1, -2, 1); most along the first.
    const shifts = pictures.map((picture) => picture[0][0]);
    const size = (direction: number[]) =>
      Math.sqrt(shifts.reduce((s, shift) => s + along(shift, direction) ** 2, 0) / 50);
    expect(size(column(2))).toBeLessThan(0.002);
    expect(size(column(0))).toBeGreaterThan(0.5 * 0.5 * components.eigenvalues[0]);
    expect(size(column(0))).toBeGreaterThan(size(column(1)));
    expect(list(pcaColor({ std: 0, ...components })(x, key).sub(x)).every((v) => v === 0)).toBe(true);
    expect(() => colorComponents(digits({ train: 1, test: 0 }).train)).toThrow('1 channels');
  });

  test('A03-29 data synthesis: pictures of shapes, generated', () => {
    const side = 32;
    const { train, test: held } = shapes({ train: 600, test: 60, side, color: false, seed: 4 });
    expect([train.count, held.count, train.classes, [...train.shape]]).toEqual([600, 60, 6, [32, 32, 1]]);
    // Balanced: a hundred of each, and one of each in any six.
    for (let start = 0; start < 600; start += 6)
      expect([...train.labels.subarray(start, start + 6)].sort()).toEqual([0, 1, 2, 3, 4, 5]);
    expect(new Set([...train.labels.subarray(0, 30)].join('').match(/.{6}/g)).size).toBeGreaterThan(1);
    // A function of the seed: a larger set begins with the smaller one, and other seeds give other pictures.
    const again = shapes({ train: 12, test: 0, side, color: false, seed: 4 }).train;
    expect(again.images).toEqual(train.images.subarray(0, 12 * side * side));
    expect(shapes({ train: 12, test: 0, side, color: false, seed: 5 }).train.images).not.toEqual(
      again.images,
    );
    expect(held.images.subarray(0, 1024)).not.toEqual(train.images.subarray(0, 1024));

    // They are what they are called: bright pixels against those of the smallest box around them.
    const measure = (i: number) => {
      const image = train.images.subarray(i * 1024, (i + 1) * 1024);
      const sorted = [...image].sort((a, b) => a - b);
      const middle = (sorted[20] + sorted[1003]) / 2;
      const inside: [number, number][] = [];
      image.forEach((v, p) => {
        if (v > middle) inside.push([Math.floor(p / side), p % side]);
      });
      const centre = [0, 1].map((axis) => inside.reduce((s, p) => s + p[axis], 0) / inside.length);
      const radius = Math.max(...inside.map((p) => Math.hypot(p[0] - centre[0], p[1] - centre[1]))) + 0.5;
      const isFilled = image[Math.round(centre[0]) * side + Math.round(centre[1])] > middle;
      return { share: inside.length / (Math.PI * radius * radius), isFilled };
    };
    const byClass = shapeClasses.map(() => [] as { share: number; isFilled: boolean }[]);
    for (let i = 0; i < 240; i++) byClass[train.labels[i]].push(measure(i));
    const median = (values: number[]) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
    const share = Object.fromEntries(
      shapeClasses.map((name, c) => [name, median(byClass[c].map((m) => m.share))]),
    );
    // Shares of the disc around them: all of it; 1 - .56² of it; 2 / π; 3√3 / 4π; ...
    expect(share.disc).toBeGreaterThan(0.88);
    expect(Math.abs(share.ring - (1 - 0.56 ** 2))).toBeLessThan(0.1);
    expect(Math.abs(share.square - 2 / Math.PI)).toBeLessThan(0.08);
    expect(Math.abs(share.triangle - (3 * Math.sqrt(3)) / (4 * Math.PI))).toBeLessThan(0.08);
    expect(share.star).toBeGreaterThan(share.triangle);
    expect(share.cross).toBeLessThan(share.disc);
    const filled = shapeClasses.map(
      (_, c) => byClass[c].filter((m) => m.isFilled).length / byClass[c].length,
    );
    expect(filled.map((f) => Math.round(f))).toEqual([1, 0, 1, 1, 1, 1]);

    // In colour, and as a picture to look at.
    const bright = shapes({ train: 6, test: 0, side: 16 }).train;
    expect([...bright.shape]).toEqual([16, 16, 3]);
    const grey = [...bright.images]
      .filter((_, i) => i % 3 === 0)
      .some((v, i) => v !== bright.images[3 * i + 1]);
    expect(grey).toBe(true);
    const six = Array.from({ length: 6 }, (_, i) => train.images.subarray(i * 1024, (i + 1) * 1024));
    const names = [...train.labels.subarray(0, 6)].map((label) => shapeClasses[label]);
    const picture = drawImages(six, { height: side, width: side }, names, { style: 'ascii', columns: 210 });
    expect(picture.split('\n')).toHaveLength(17);
    for (const name of shapeClasses) expect(picture).toContain(name);
    expect(() => shapes({ side: 4 })).toThrow('side must be an integer from 8 to 256');
    expect(() => shapes({ train: -1 })).toThrow('train must be');
  });
});
