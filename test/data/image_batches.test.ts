import { describe, expect, test } from 'vitest';
import { jit } from '../../src/core/jit.ts';
import { fromData, type Tensor } from '../../src/core/tensor.ts';
import { foldIn, keyOf } from '../../src/core/threefry.ts';
import {
  type Augmentation,
  colorJitter,
  compose,
  type Dataset,
  loader,
  randomAffine,
  randomCrop,
  randomHorizontalFlip,
  randomRotation,
  randomVerticalFlip,
  sometimes,
} from '../../src/data/index.ts';

const make = (height: number, width: number, channels: number, count = 23): Dataset => ({
  name: 'toy',
  count,
  shape: [height, width, channels],
  classes: 10,
  images: Uint8Array.from(
    { length: count * height * width * channels },
    (_, i) => (Math.imul(i, 2654435761) >>> 11) & 255,
  ),
  labels: Uint8Array.from({ length: count }, (_, i) => i % 10),
});
const options = { batchSize: 8, shuffle: true, seed: 5, mean: 0.4, std: 0.3 } as const;
type Values = number[][];
const valuesOf = (batches: Iterable<[Tensor, Tensor]>): Values =>
  Array.from(batches, ([x, y]) => [...x.shape, ...y.dataSync(), ...x.dataSync()]);

/** What the augmentation makes as a function of arrays, with the loader's keys. */
function compiled(data: Dataset, augment: Augmentation): Values {
  const f = jit((x: Tensor, key: Tensor) => augment(x, key));
  const epoch = foldIn(foldIn(keyOf(options.seed), 0xffffffff), 0);
  return Array.from(loader(data, { ...options, workers: 0 }), ([x, y], i) => {
    const out = f(x, fromData(new Uint32Array(foldIn(epoch, i)), [2], 'uint32'));
    return [...out.shape, ...y.dataSync(), ...out.dataSync()];
  });
}

const affine = randomAffine({ degrees: 25, translate: 0.2, scale: [0.7, 1.4], shear: { x: 10, y: 5 } });
const cases: [name: string, augment: Augmentation][] = [
  ['flips', compose(randomHorizontalFlip(), randomVerticalFlip({ p: 0.3 }))],
  ['a crop inside', randomCrop([5, 4])],
  ['a crop with a border', randomCrop(8, { padding: 3, value: 2 })],
  // As wide as the images of 12 and of 9 columns: rows move as one piece.
  ['a shift', randomCrop(12, { padding: 3, value: 2 })],
  ['a shift of narrow images', randomCrop([11, 9], { padding: 3, value: -1 })],
  [
    'crops of crops, flipped',
    compose(
      randomCrop(9, { padding: 3 }),
      randomHorizontalFlip(),
      randomCrop(10, { padding: 2, value: -1 }),
      randomVerticalFlip(),
    ),
  ],
  ['an affine map', affine],
  ['a large rotation and shift', randomAffine({ degrees: 180, translate: 1 })],
  ['an affine map, a crop and flips', compose(affine, randomCrop(8, { padding: 2 }), randomHorizontalFlip())],
  [
    'two affine maps',
    compose(randomCrop(7), randomHorizontalFlip(), affine, randomVerticalFlip(), randomRotation(30)),
  ],
  ['sometimes', sometimes(compose(randomRotation(40), randomHorizontalFlip({ p: 1 })), 0.5)],
  ['compositions of compositions', compose(compose(affine, randomCrop(6)), compose(randomHorizontalFlip()))],
];

describe.each([
  ['grey', make(12, 12, 1)],
  ['grey, of odd width', make(11, 9, 1)],
  ['colours', make(10, 12, 3)],
] as const)('%s: geometry on bytes is that of arrays', (_, data) => {
  test.each(cases)('%s', (_, augment) => {
    const expected = compiled(data, augment);
    const found = valuesOf(loader(data, { ...options, augment, workers: 0 }));
    expect(found.map((batch) => batch.length)).toEqual(expected.map((batch) => batch.length));
    const worst = found.map((batch, i) => batch.map((v, k) => Math.abs(v - expected[i][k])));
    expect(Math.max(...worst.flat())).toBeLessThan(2e-5);
  });
});

describe('threads', () => {
  const data = make(12, 12, 1);

  test('give the same bits as none, epoch after epoch, at once and after an interruption', () => {
    for (const augment of [undefined, compose(affine, randomCrop(12, { padding: 2 }))]) {
      const main = loader(data, { ...options, augment, workers: 0 });
      const expected = [valuesOf(main), valuesOf(main)];
      for (const workers of [1, 3]) {
        const own = loader(data, { ...options, augment, workers });
        expect([valuesOf(own), valuesOf(own)]).toEqual(expected);
        own.epoch = 0;
        let taken = 0;
        for (const _ of own) if (++taken === 1) break;
        const again = loader(data, { ...options, augment, workers });
        again.restore(own.state());
        expect(valuesOf(again)).toEqual(expected[0].slice(1));
        own.epoch = 0;
        const [a, b] = [own[Symbol.iterator](), own[Symbol.iterator]()];
        const turns = [a.next().value, b.next().value, a.next().value, b.next().value];
        expect(valuesOf(turns)).toEqual([0, 1].flatMap((k) => [expected[0][k], expected[1][k]]));
      }
    }
  });

  test('who disposes of batches gets the same ones; who keeps arrays of them keeps their values', () => {
    const augment = compose(affine, randomCrop(12, { padding: 2 }));
    const same = jit((x: Tensor) => [x, x.add(1)]);
    for (const workers of [0, 1]) {
      const given = { ...options, batchSize: 3, augment, workers };
      const expected = valuesOf(loader(data, given));
      const found: Values = [];
      const kept: Tensor[] = [];
      for (const [x, y] of loader(data, given)) {
        found.push(...valuesOf([[x, y]]));
        // A program may give its input back as a result: then that has to live on.
        kept.push(same(x)[0]);
        x.dispose();
      }
      expect(found).toEqual(expected);
      expect(kept.map((x) => [...x.dataSync()])).toEqual(expected.map((batch) => batch.slice(4 + batch[0])));
      expect(valuesOf([...loader(data, given)])).toEqual(expected);
    }
  });

  test('what is not geometry is compiled, behind what is', () => {
    const colours = make(8, 8, 3);
    const augment = compose(
      randomCrop(8, { padding: 2 }),
      colorJitter({ brightness: 0.5 }),
      randomHorizontalFlip(),
    );
    const expected = compiled(colours, augment);
    const found = valuesOf(loader(colours, { ...options, augment, workers: 1 }));
    const worst = found.map((batch, i) => batch.map((v, k) => Math.abs(v - expected[i][k])));
    expect(Math.max(...worst.flat())).toBeLessThan(2e-5);
  });

  test('other reading and padding modes are compiled', () => {
    for (const augment of [
      randomCrop(12, { padding: 2, mode: 'reflect' }),
      randomRotation(30, { mode: 'nearest' }),
      randomRotation(30, { paddingMode: 'border' }),
    ])
      expect(valuesOf(loader(data, { ...options, augment, workers: 1 }))).toEqual(compiled(data, augment));
  });

  test('refuses impossible numbers of them, and crops that do not fit', () => {
    expect(() => loader(data, { workers: 1.5 })).toThrow(/workers must be an integer from 0 to 16, got 1.5/);
    expect(() => loader(data, { workers: 17 })).toThrow(/from 0 to 16/);
    expect(() => [...loader(data, { augment: randomCrop(20) })]).toThrow(/randomCrop: no part of 20 x 20/);
  });
});
