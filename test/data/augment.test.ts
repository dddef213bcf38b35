import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { jit } from '../../src/core/jit.ts';
import * as random from '../../src/core/random.ts';
import { type Tensor, tensor } from '../../src/core/tensor.ts';
import {
  type AffineMap,
  type Augmentation,
  adjustBrightness,
  adjustContrast,
  adjustHue,
  adjustSaturation,
  affine,
  colorJitter,
  compose,
  cutmix,
  cutout,
  digits,
  gaussianBlur,
  gaussianNoise,
  loader,
  mixup,
  normalize,
  pcaColor,
  randomAffine,
  randomCrop,
  randomErasing,
  randomGaussianBlur,
  randomHorizontalFlip,
  randomRotation,
  randomVerticalFlip,
  sometimes,
} from '../../src/data/index.ts';

const golden = JSON.parse(
  readFileSync(new URL('../fixtures/torchvision_augment.json', import.meta.url), 'utf8'),
) as {
  shape: [number, number, number];
  image: number[];
  entries: { name: string; arguments: unknown[]; values: number[] }[];
};
const key = random.key(3);
const images = random.uniform([6, 8, 10, 3], { key: random.key(1) });
const numbers = (x: Tensor): number[] => [...x.dataSync()];
const close = (x: Tensor, expected: readonly number[], tolerance = 1e-6): void => {
  const found = numbers(x);
  expect(found).toHaveLength(expected.length);
  expect(Math.max(...found.map((v, i) => Math.abs(v - expected[i])))).toBeLessThan(tolerance);
};

describe('as torchvision', () => {
  const image = tensor(golden.image).reshape([1, ...golden.shape]);
  // Two copies: each gives the same, whatever its neighbour.
  const two = image.tile([2, 1, 1, 1]);
  const functions: Record<string, (...args: never[]) => Tensor> = {
    adjustBrightness: (f: number) => adjustBrightness(two, f),
    adjustContrast: (f: number) => adjustContrast(two, tensor([f, f])),
    adjustSaturation: (f: number) => adjustSaturation(two, f),
    adjustHue: (f: number) => adjustHue(two, f),
    gaussianBlur: (size: number, sigma: number) => gaussianBlur(two, size, sigma),
    affine: (map: AffineMap) => affine(two, map),
  };
  test.each(golden.entries.map((e) => [`${e.name} ${JSON.stringify(e.arguments)}`, e] as const))(
    '%s',
    (_, e) => {
      const result = functions[e.name](...(e.arguments as never[]));
      close(result.at(0), e.values, 1e-5);
      close(result.at(1), e.values, 1e-5);
    },
  );

  test('different parameters for different images', () => {
    const both = affine(two, { angle: tensor([30, 0]) });
    close(both.at(0), numbers(affine(image, { angle: 30 }).at(0)));
    close(both.at(1), golden.image, 1e-5);
    const blurred = gaussianBlur(two, 3, tensor([0.8, 2]));
    close(blurred.at(1), numbers(gaussianBlur(image, 3, 2).at(0)));
  });
});

describe('identities', () => {
  test('a flip twice, probability 0 and 1', () => {
    for (const [flip, axis] of [
      [randomHorizontalFlip, 2],
      [randomVerticalFlip, 1],
    ] as const) {
      expect(flip({ p: 1 })(images, key).arrayEqual(images.flip(axis))).toBe(true);
      expect(flip({ p: 1 })(flip({ p: 1 })(images, key), key).arrayEqual(images)).toBe(true);
      expect(flip({ p: 0 })(images, key).arrayEqual(images)).toBe(true);
      const once = flip()(images, key);
      expect(flip()(once, key).arrayEqual(images)).toBe(true);
    }
  });

  test('neutral parameters change nothing', () => {
    const same: Augmentation[] = [
      randomCrop([8, 10]),
      colorJitter({}),
      gaussianNoise({ std: 0 }),
      pcaColor({ std: 0 }),
      randomErasing({ p: 0 }),
      cutout(0),
      normalize({ mean: 0, std: 1 }),
      compose(),
    ];
    for (const augmentation of same) expect(augmentation(images, key).arrayEqual(images)).toBe(true);
    close(randomAffine({})(images, key), numbers(images), 1e-5);
    close(adjustHue(images, 1), numbers(images), 1e-5);
  });

  test('a turn by 90 degrees moves pixels exactly', () => {
    const square = images.narrow(2, 0, 8);
    const turned = square.transpose([0, 2, 1, 3]).flip(2);
    close(randomRotation([90, 90])(square, key), numbers(turned), 1e-5);
  });

  test('normalize by channel', () => {
    const x = normalize({ mean: [0.1, 0.2, 0.3], std: [1, 2, 4] })(images, key);
    close(x, numbers(images.sub(tensor([0.1, 0.2, 0.3])).div(tensor([1, 2, 4]))));
  });
});

describe('statistics', () => {
  const many = random.uniform([2000, 4, 4, 1], { key: random.key(2) });

  test('a flip with probability 0.3, independent in neighbours', () => {
    const flipped = randomHorizontalFlip({ p: 0.3 })(many, key);
    const isFlipped = numbers(flipped.eq(many).all([1, 2, 3])).map((same) => 1 - same);
    const part = isFlipped.reduce((a, b) => a + b) / 2000;
    expect(Math.abs(part - 0.3)).toBeLessThan(5 * Math.sqrt(0.21 / 2000));
    const both = isFlipped.filter((f, i) => i > 0 && f === 1 && isFlipped[i - 1] === 1).length / 1999;
    expect(Math.abs(both - 0.09)).toBeLessThan(5 * Math.sqrt(0.09 / 2000));
  });

  test('a crop takes every place, each equally often, and its pixels lie together', () => {
    const index = tensor(Array.from({ length: 16 }, (_, i) => i + 1))
      .reshape([1, 4, 4, 1])
      .tile([2000, 1, 1, 1]);
    const parts = randomCrop(2, { padding: 1 })(index, key);
    expect(parts.shape).toEqual([2000, 2, 2, 1]);
    const counts = new Map<string, number>();
    const pixels = numbers(parts);
    for (let i = 0; i < 2000; i++) {
      const part = pixels.slice(4 * i, 4 * i + 4).join();
      counts.set(part, (counts.get(part) ?? 0) + 1);
    }
    expect(counts.size).toBe(25);
    expect(counts.has('6,7,10,11')).toBe(true);
    expect(counts.has('0,0,0,1')).toBe(true);
    for (const count of counts.values()) expect(Math.abs(count - 80)).toBeLessThan(5 * Math.sqrt(80));
  });

  test('noise has its deviation and stays in range', () => {
    const noise = gaussianNoise({ std: 0.2 })(many, key).sub(many);
    expect(Math.abs(noise.mean().item())).toBeLessThan(5 * (0.2 / Math.sqrt(32_000)));
    expect(Math.abs(noise.std().item() - 0.2)).toBeLessThan(0.005);
    const cut = gaussianNoise({ std: 1, range: [0, 1] })(many, key);
    expect([cut.min().item(), cut.max().item()]).toEqual([0, 1]);
  });

  test('erased parts have the sizes asked for; cutout its square', () => {
    const ones = many.mul(0).add(1).tile([1, 8, 8, 1]);
    const erased = randomErasing({ p: 1, scale: [0.1, 0.2], value: 0 })(ones, key);
    const areas = numbers(erased.eq(0).cast('float32').mean([1, 2, 3]));
    expect(Math.min(...areas)).toBeGreaterThan(0.08);
    expect(Math.max(...areas)).toBeLessThan(0.22);
    const holes = numbers(cutout(6)(ones, key).eq(0).cast('float32').sum([1, 2, 3]));
    expect(Math.max(...holes)).toBe(36);
    expect(Math.min(...holes)).toBe(9);
  });

  test('colour jitter draws from its ranges and keeps 0..1', () => {
    const grey = many.mul(0).add(0.5);
    const values = numbers(colorJitter({ brightness: 0.4 })(grey, key).mean([1, 2, 3]));
    expect(Math.min(...values)).toBeGreaterThanOrEqual(0.3);
    expect(Math.max(...values)).toBeLessThanOrEqual(0.7 + 1e-6);
    expect(Math.max(...values) - Math.min(...values)).toBeGreaterThan(0.38);
    const all = colorJitter({ brightness: 1, contrast: 1, saturation: 1, hue: 0.5 })(images, key);
    expect(all.min().item()).toBeGreaterThanOrEqual(0);
    expect(all.max().item()).toBeLessThanOrEqual(1);
  });

  test('PCA colour: one colour for each image, along the components', () => {
    const shift = pcaColor({ std: 1, eigenvalues: [2], eigenvectors: [[1], [0], [-1]] })(images, key).sub(
      images,
    );
    close(shift.add(shift.mean([1, 2], { keepDims: true }).neg()), numbers(images.mul(0)), 1e-5);
    const colors = shift.mean([1, 2]);
    close(colors.at(1, 1), [0, 0, 0, 0, 0, 0], 1e-6);
    close(colors.at(0, 1).add(colors.at(2, 1)), [0, 0, 0, 0, 0, 0], 1e-5);
    expect(colors.abs().max().item()).toBeGreaterThan(0.5);
  });
});

describe('mixing', () => {
  const labels = tensor([0, 1, 2, 3, 4, 5], { dtype: 'int32' });
  // Image i is full of i, so that what a picture consists of can be read off.
  const plain = labels.cast('float32').reshape([6, 1, 1, 1]).broadcastTo([6, 8, 10, 1]);

  test.each([
    ['mixup', mixup],
    ['cutmix', cutmix],
  ] as const)('%s: labels say what the images consist of', (_, mix) => {
    for (let seed = 0; seed < 5; seed++) {
      const [x, y] = mix(plain, labels, random.key(seed), { classes: 6 });
      close(y.sum(1), [1, 1, 1, 1, 1, 1]);
      close(x.mean([1, 2, 3]), numbers(y.matmul(tensor([0, 1, 2, 3, 4, 5]))), 1e-4);
      const [again] = mix(plain, y, random.key(seed));
      close(again, numbers(x));
    }
  });

  test('cutmix leaves every pixel one of the two', () => {
    const [x] = cutmix(plain, labels, key, { classes: 6 });
    expect(numbers(x).every(Number.isInteger)).toBe(true);
    expect(() => mixup(plain, labels, key)).toThrow('the option classes');
    expect(() => cutmix(plain, labels, key, { alpha: 0, classes: 6 })).toThrow('alpha must be positive');
  });
});

describe('everywhere the same', () => {
  const all: Record<string, Augmentation> = {
    'flips, crop, colours': compose(
      randomHorizontalFlip(),
      randomVerticalFlip(),
      randomCrop(8, { padding: 2, mode: 'reflect' }),
      colorJitter({ brightness: 0.2, contrast: 0.3, saturation: 0.4, hue: 0.1 }),
    ),
    affine: randomAffine({ degrees: 20, translate: 0.1, scale: [0.8, 1.2], shear: { x: 5, y: [0, 5] } }),
    'holes, noise, blur': compose(
      randomErasing(),
      cutout(3),
      sometimes(randomGaussianBlur(3), 0.5),
      gaussianNoise({ std: 0.1 }),
      pcaColor(),
    ),
    mixup: (x, k) =>
      mixup(x, tensor([0, 1, 0, 1, 0, 1], { dtype: 'int32' }), k, { classes: 2, alpha: 0.4 })[0],
  };

  test.each(Object.keys(all))('%s: a function of the key, in jit too', (name) => {
    const eager = all[name](images, key);
    expect(all[name](images, key).arrayEqual(eager)).toBe(true);
    expect(all[name](images, random.key(4)).arrayEqual(eager)).toBe(false);
    const compiled = jit(all[name]);
    close(compiled(images, key), numbers(eager), 1e-5);
    expect(compiled(images, random.key(4)).arrayEqual(compiled(images, key))).toBe(false);
  });

  test('the loader applies it; a restored loader goes on with the same images', () => {
    const { train } = digits({ train: 60, test: 0 });
    const make = () =>
      loader(train, {
        batchSize: 20,
        shuffle: true,
        augment: compose(randomCrop(28, { padding: 2 }), gaussianNoise({ std: 0.1 })),
      });
    const first = make();
    const whole = [...first, ...first].map(([x]) => numbers(x));
    const again = make();
    again.restore({ epoch: 1, batch: 1 });
    expect([...again].map(([x]) => numbers(x))).toEqual(whole.slice(4));
    expect(whole[3]).not.toEqual(whole[0]);
    const [[x]] = [...loader(train, { batchSize: 20, shuffle: true })];
    expect(numbers(x)).not.toEqual(whole[0]);
  });
});

describe('refuses', () => {
  test.each<[string, () => unknown, string]>([
    [
      'no images',
      () => randomCrop(2)(tensor([1]), key),
      'floats [batch, height, width, channels], got float32[1]',
    ],
    ['grey for colours', () => pcaColor()(images.narrow(3, 0, 1), key), 'must have 3 channels'],
    ['no probability', () => randomHorizontalFlip({ p: 2 }), 'from 0 to 1, got 2'],
    ['too large a crop', () => randomCrop(20)(images, key), 'no part of 20 x 20 in images of 8 x 10'],
    [
      'sometimes another size',
      () => sometimes(randomCrop(2), 0.5)(images, key),
      'only changes that keep the size',
    ],
    ['even blur', () => gaussianBlur(images, 4, 1), 'size must be odd'],
    ['too much hue', () => colorJitter({ hue: 0.6 }), 'hue must lie within'],
    ['negative factors', () => colorJitter({ contrast: [-1, 1] }), 'contrast must lie'],
    ['a negative range', () => randomRotation(-5), 'degrees must be a number >= 0'],
    ['shifts beyond the image', () => randomAffine({ translate: 2 }), 'parts from 0 to 1'],
    ['unknown options', () => randomAffine({ angle: 3 } as never), "unknown option 'angle'"],
    [
      'other channels',
      () => normalize({ mean: [1, 2], std: 1 })(images, key),
      '2 numbers for images of 3 channels',
    ],
  ])('%s', (_, act, message) => {
    expect(act).toThrow(message);
  });
});
