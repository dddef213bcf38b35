import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { loader } from '../../src/data/index.ts';
import { random, type Tensor, tensor } from '../../src/index.ts';
import { FormatError, loadTensors, save } from '../../src/io/index.ts';
import * as nn from '../../src/nn/index.ts';
import * as optim from '../../src/optim/index.ts';
import { readState } from '../../src/train/checkpoint_file.ts';
import {
  type Callback,
  type CheckpointOptions,
  checkpoints,
  fit,
  loadBest,
  nanGuard,
  restoreState,
  type State,
  saveState,
} from '../../src/train/index.ts';
import { toyImages, toyModel, trainToy } from './toy.ts';

const folder = () => mkdtempSync(join(tmpdir(), 'nabla-checkpoints-'));

/** Ends the training as a kill does: nothing more is written. */
const dieAt = (step: number): Callback => ({
  onStep: (run) => {
    if (run.step === step) throw new Error('killed');
  },
});
const steps = (place: string): number[] =>
  readdirSync(place)
    .flatMap((name) => /checkpoint-(\d+)/.exec(name)?.[1] ?? [])
    .map(Number)
    .sort((a, b) => a - b);
const contents = (place: string): Record<string, string> =>
  Object.fromEntries(
    readdirSync(place)
      .sort()
      .map((name) => [name, readFileSync(join(place, name), 'latin1')]),
  );
const index = (place: string) => JSON.parse(readFileSync(join(place, 'index.json'), 'utf8'));
const path = (place: string, step: number): string =>
  join(place, `checkpoint-${String(step).padStart(8, '0')}.safetensors`);

describe('checkpoints', () => {
  test.each<[string, CheckpointOptions]>([
    ['epochs', {}],
    ['every second epoch', { every: 2, keepLast: 1 }],
    ['steps', { every: { steps: 2 }, keepLast: 3, keepBest: 2 }],
    ['every step', { every: { steps: 1 } }],
  ])('%s: a run that was killed at any step and resumed ends bit-identical', async (_, options) => {
    const whole = folder();
    const { history } = await trainToy(4, [checkpoints(whole, options)]);
    for (let step = 1; step <= 12; step += 1) {
      const parts = folder();
      await expect(trainToy(4, [checkpoints(parts, options), dieAt(step)])).rejects.toThrow('killed');
      // Other first weights, another learning rate: all of it must come from the checkpoint, if there is one yet.
      const other = steps(parts).length > 0 ? { seed: 99, lr: 1 } : {};
      const resumed = await trainToy(4, [checkpoints(parts, { ...options, resume: true })], other);
      expect(resumed.history).toEqual(history);
      expect(contents(parts)).toEqual(contents(whole));
    }
  });

  test('keeps the last and the best ones, removes the others, and says in its index which is which', async () => {
    const place = folder();
    const seen: number[][] = [];
    const watch: Callback = { onEpochBegin: () => void seen.push(steps(place)) };
    const options: CheckpointOptions = { keepLast: 2, keepBest: 2, monitor: 'loss', mode: 'max' };
    const { history } = await trainToy(6, [checkpoints(place, options), watch]);
    const losses = history.epochs.map((logs) => logs.loss);
    for (const [done, kept] of [...seen, steps(place)].entries()) {
      const byLoss = losses
        .slice(0, done)
        .map((loss, i) => ({ loss, step: 3 * (i + 1) }))
        .sort((a, b) => b.loss - a.loss);
      const wanted = new Set([...byLoss.slice(0, 2).map(({ step }) => step), 3 * done, 3 * (done - 1)]);
      expect(kept, `after ${done} epochs`).toEqual(
        [...wanted].filter((step) => step > 0).sort((a, b) => a - b),
      );
    }
    expect(index(place)).toEqual({
      format: 'nabla checkpoints 1',
      monitor: 'loss',
      direction: 'max',
      checkpoints: steps(place).map((step) => ({
        file: `checkpoint-${String(step).padStart(8, '0')}.safetensors`,
        step,
        epoch: step / 3,
        batch: 0,
        value: losses[step / 3 - 1],
      })),
    });
  });

  test('loadBest: the weights of the best epoch', async () => {
    const place = folder();
    const weights: number[][] = [];
    const watch: Callback = {
      onEpochEnd: ({ model }) => void weights.push([...model.stateDict()['1.weight'].dataSync()]),
    };
    const { history } = await trainToy(5, [checkpoints(place, { monitor: 'accuracy', keepLast: 1 }), watch]);
    const accuracies = history.epochs.map((logs) => logs.accuracy);
    const best = accuracies.indexOf(Math.max(...accuracies));
    const model = toyModel(5);
    const entry = await loadBest(model, place);
    expect(entry).toMatchObject({ epoch: best + 1, step: 3 * (best + 1), batch: 0, value: accuracies[best] });
    expect([...model.stateDict()['1.weight'].dataSync()]).toEqual(weights[best]);
    await expect(loadBest(new nn.Linear(2, 2), place)).rejects.toThrow(
      /checkpoint-\d+.safetensors: loadStateDict/,
    );
    await expect(loadBest(model, join(place, 'none'))).rejects.toThrow('has no best checkpoint');
  });

  test('epochs without a validation have no place among the best; those with one are compared by it', async () => {
    const place = folder();
    const model = toyModel();
    const history = await fit(model, {
      data: loader(toyImages(20), { batchSize: 8, shuffle: true }),
      validation: loader(toyImages(10), { batchSize: 10 }),
      validateEvery: 2,
      loss: nn.crossEntropy,
      optimizer: new optim.Adam(model, { lr: 0.02 }),
      epochs: 5,
      callbacks: [checkpoints(place, { keepLast: 9, mode: 'max' })],
    });
    const { monitor, checkpoints: all } = index(place);
    expect(monitor).toBe('validationLoss');
    expect(all.map(({ value }: { value: number | null }) => value)).toEqual(
      history.epochs.map((logs) => logs.validationLoss ?? null),
    );
    expect(all[0].value).toBeNull();
    expect((await loadBest(toyModel(), place)).epoch).toBe(2);
  });

  test('by minutes, at a step', async () => {
    const place = folder();
    let time = 0;
    const clock = vi.spyOn(performance, 'now').mockImplementation(() => time);
    const saved: number[] = [];
    try {
      await trainToy(2, [
        checkpoints(place, { every: { minutes: 1 }, keepBest: 0, keepLast: 9, saveFinal: false }),
        { onStep: () => void (time += 25_000), onEpochEnd: () => void saved.push(...steps(place)) },
      ]);
    } finally {
      clock.mockRestore();
    }
    expect(steps(place)).toEqual([3, 6]);
    expect(saved).toEqual([3, 3, 6]);
  });

  test('saveFinal: the end is saved whatever `every` says; so is an interruption, in the middle of an epoch', async () => {
    const place = folder();
    await trainToy(3, [checkpoints(place, { every: 2, keepBest: 0 })]);
    expect(steps(place)).toEqual([6, 9]);
    const without = folder();
    await trainToy(3, [checkpoints(without, { every: 2, keepBest: 0, saveFinal: false })]);
    expect(steps(without)).toEqual([6]);
    const interrupted = folder();
    const controller = new AbortController();
    const press: Callback = { onStep: (run) => void (run.step === 5 && controller.abort()) };
    const options = { signal: controller.signal };
    await expect(trainToy(3, [checkpoints(interrupted), press], options)).rejects.toThrow('interrupted');
    expect(steps(interrupted)).toEqual([3, 5]);
    const whole = await trainToy(3, []);
    const resumed = await trainToy(3, [checkpoints(interrupted, { resume: true })], { seed: 4 });
    expect(resumed.history).toEqual(whole.history);
  });

  test('resuming where there is nothing starts anew; resuming what is complete trains no more', async () => {
    const place = folder();
    const first = await trainToy(2, [checkpoints(place, { resume: true })]);
    expect(first.history.steps).toBe(6);
    const before = contents(place);
    const again = await trainToy(2, [checkpoints(place, { resume: true })], { seed: 5 });
    expect(again.history).toEqual(first.history);
    expect(again.model.stateDict()['1.weight'].toArray()).toEqual(
      first.model.stateDict()['1.weight'].toArray(),
    );
    expect(contents(place)).toEqual(before);
  });

  test('without resume, checkpoints of a former run do not outlive the first one of the new run', async () => {
    const place = folder();
    await trainToy(4, [checkpoints(place)]);
    await expect(trainToy(1, [checkpoints(place), dieAt(1)])).rejects.toThrow('killed');
    expect(steps(place)).toContain(12);
    await trainToy(1, [checkpoints(place)]);
    expect(steps(place)).toEqual([3]);
  });

  test('weights that are not finite are not saved', async () => {
    const place = folder();
    let bytes: unknown = null;
    const model = toyModel();
    const spoil: Callback = {
      onEpochBegin: (run) => {
        if (run.epoch === 1) bytes = contents(place);
      },
      onEpochEnd: (run) => {
        if (run.epoch === 2)
          run.model.loadStateDict({ ...run.model.stateDict(), '1.bias': tensor([0, Number.NaN, 0]) });
      },
    };
    await expect(
      fit(model, {
        data: loader(toyImages(8), { batchSize: 8 }),
        loss: nn.crossEntropy,
        optimizer: new optim.SGD(model),
        epochs: 3,
        callbacks: [checkpoints(place), spoil],
      }),
    ).rejects.toThrow(/1.bias has values that are not finite after step 2 \(epoch 2\)/);
    expect(contents(place)).toEqual(bytes);
  });

  test.each([4, 6, 7])(
    'a training that nanGuard ended in batch %i is not saved: its weights are older than its place',
    async (bad) => {
      const place = folder();
      const model = toyModel();
      const images = loader(toyImages(16), { batchSize: 8 });
      let calls = 0;
      const spoilt = (batches: Iterable<[Tensor, Tensor]>) => ({
        *[Symbol.iterator]() {
          for (const [x, y] of batches) yield [++calls === bad ? x.mul(Number.NaN) : x, y] as const;
        },
      });
      const history = await fit(model, {
        data: spoilt(images),
        // With two batches for training and one for this, batches 4 and 7 are of training and 6 is of validation.
        validation: spoilt(loader(toyImages(8), { batchSize: 8 })),
        loss: nn.crossEntropy,
        optimizer: new optim.SGD(model),
        epochs: 5,
        callbacks: [checkpoints(place), nanGuard({ mode: 'restore' })],
      });
      expect(history.stopped).toMatch(
        /the (validation )?loss is NaN at step [345]; the weights are those after epoch [12]$/,
      );
      expect(index(place).checkpoints.map(({ batch }: { batch: number }) => batch)).toEqual(
        bad < 7 ? [0] : [0, 0],
      );
    },
  );

  test('buffers may be infinite, and come back so', async () => {
    const place = folder();
    class Masked extends nn.Module {
      layers = toyModel();
      mask = new nn.Buffer(tensor([0, Number.NEGATIVE_INFINITY]));
      forward(x: Tensor): Tensor {
        return this.layers.forward(x);
      }
    }
    const options = (model: Masked, resume: boolean) => ({
      data: loader(toyImages(8), { batchSize: 8 }),
      loss: nn.crossEntropy,
      optimizer: new optim.SGD(model),
      callbacks: [checkpoints(place, { resume })],
    });
    const first = new Masked();
    await fit(first, options(first, false));
    const { tensors } = await loadTensors(path(place, 1));
    const saved = Object.entries(tensors).filter(([name]) => name.includes('mask'));
    expect(saved.map(([, mask]) => mask.toArray())).toEqual([[0, Number.NEGATIVE_INFINITY]]);
    const second = new Masked();
    second.mask.assign(tensor([5, 5]));
    await fit(second, options(second, true));
    expect(second.mask.value.toArray()).toEqual([0, Number.NEGATIVE_INFINITY]);
  });

  test('a loss that becomes NaN leaves the last good checkpoint, and the message names it', async () => {
    const place = folder();
    const model = toyModel();
    const images = loader(toyImages(16), { batchSize: 8 });
    let batches = 0;
    const data = {
      *[Symbol.iterator]() {
        for (const [x, y] of images) yield [++batches === 4 ? x.mul(Number.NaN) : x, y] as const;
      },
    };
    const optimizer = new optim.SGD(model);
    const options = { data, loss: nn.crossEntropy, optimizer, epochs: 3, callbacks: [checkpoints(place)] };
    await expect(fit(model, options)).rejects.toThrow(
      `fit: the loss is NaN at step 4 (epoch 2, batch 2); training has stopped. The last good checkpoint is ${path(place, 2)} (epoch 1).`,
    );
    const { tensors } = await loadTensors(path(place, 2));
    expect(tensors['model.1.weight'].dataSync().every(Number.isFinite)).toBe(true);
  });

  test('refuses options that make no sense, and a folder that cannot be made, before the training starts', async () => {
    const make = (options: unknown) => () => checkpoints('x', options as CheckpointOptions);
    expect(make({ every: 0 })).toThrow('every, in epochs, must be an integer from 1 on, got 0');
    expect(make({ every: { steps: 1.5 } })).toThrow('every, in steps, must be an integer from 1 on, got 1.5');
    expect(make({ every: { minutes: -1 } })).toThrow('every.minutes must be a number from 0 on');
    for (const every of [{ hours: 1 }, {}, { steps: 1, epochs: 1 }])
      expect(make({ every })).toThrow('must be a number of epochs, { epochs }, { steps } or { minutes }');
    expect(make({ keepLast: 0 })).toThrow('keepLast must be an integer from 1 on');
    expect(make({ keepBest: -1 })).toThrow('keepBest must be an integer from 0 on');
    expect(make({ keep: 1 })).toThrow("unknown option 'keep'");
    const file = join(folder(), 'file');
    writeFileSync(file, '');
    const steps: number[] = [];
    const count: Callback = { onStep: (run) => void steps.push(run.step) };
    await expect(trainToy(1, [checkpoints(join(file, 'runs')), count])).rejects.toThrow(
      /cannot write .*: a part of the path is a file/,
    );
    expect(steps).toEqual([]);
    await expect(trainToy(1, [checkpoints(folder(), { monitor: 'f1' })])).rejects.toThrow(
      /there is no 'f1' to monitor; this training has loss, accuracy, validationLoss, validationAccuracy/,
    );
  });
});

describe('damaged checkpoints', () => {
  /** Trains two epochs with checkpoints of the first two, lets something happen to the last one, and resumes. */
  async function afterDamage(damage: (last: string, place: string) => void) {
    const place = folder();
    await expect(trainToy(3, [checkpoints(place), dieAt(7)])).rejects.toThrow('killed');
    damage(path(place, 6), place);
    const warnings: string[] = [];
    const warn = (message: string) => void warnings.push(message);
    const resumed = await trainToy(3, [checkpoints(place, { resume: true, warn })], { seed: 9, lr: 1 });
    return { place, warnings, resumed };
  }
  const edit = (change: (bytes: Buffer) => Buffer | undefined) => (file: string) => {
    const bytes = readFileSync(file);
    writeFileSync(file, change(bytes) ?? bytes);
  };
  const flip = (at: (length: number) => number) =>
    edit((bytes) => {
      bytes[at(bytes.length)] ^= 1;
      return undefined;
    });

  test.each<[string, (last: string, place: string) => void, RegExp]>([
    ['half of it is there', edit((bytes) => bytes.subarray(0, bytes.length / 2)), /truncated|too few/],
    ['it is empty', edit(() => Buffer.alloc(0)), /not a safetensors file/],
    ['a bit of the weights has flipped', flip((n) => n - 100), /is damaged: .* checksum/],
    ['the last bit has flipped', flip((n) => n - 1), /is damaged: .* checksum/],
    ['a digit of the checksum has changed', flip(() => 40), /is damaged: .* checksum|not JSON/],
    [
      'a digit of a number in the header has changed',
      edit((bytes) =>
        Buffer.from(bytes.toString('latin1').replace('\\"step\\":6', '\\"step\\":7'), 'latin1'),
      ),
      /is damaged: .* checksum/,
    ],
    [
      'it is of another version',
      edit((bytes) =>
        Buffer.from(bytes.toString('latin1').replace('checkpoint 2', 'checkpoint 9'), 'latin1'),
      ),
      /another version/,
    ],
    [
      'it cannot be read',
      (last) => {
        rmSync(last);
        symlinkSync('nowhere', last);
      },
      /cannot read .*: there is no such file/,
    ],
  ])('%s: the one before is taken, with one warning', async (_, damage, reason) => {
    const whole = await trainToy(3, []);
    const { warnings, resumed, place } = await afterDamage((last, where) => {
      damage(last, where);
    }).catch((error) => {
      throw error;
    });
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toMatch(reason);
    expect(warnings[0]).toContain(path(place, 6));
    expect(warnings[0]).toContain(`going on with ${path(place, 3)}`);
    expect(resumed.history).toEqual(whole.history);
  });

  test('whatever happens to the bytes of one, it is noticed', async () => {
    const place = folder();
    await trainToy(1, [checkpoints(place)]);
    const bytes = readFileSync(path(place, 3));
    const file = join(folder(), 'mutant');
    const rounds = Number(process.env.NABLA_FUZZ_FILES ?? 400);
    for (let round = 0; round < rounds; round++) {
      const at = Math.floor(Math.random() * bytes.length);
      const mutant = [
        () => Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1)]),
        () => bytes.subarray(0, at),
        () => Buffer.concat([bytes, bytes.subarray(0, 8)]),
        () => {
          const changed = Buffer.from(bytes);
          // More often than not in the header.
          changed[round % 3 === 0 ? at : at % 2000] ^= 1 << (round % 8);
          return changed;
        },
      ][Math.min(round % 8, 3)]();
      writeFileSync(file, mutant);
      await expect(readState(file), `round ${round}, at ${at}`).rejects.toThrow(FormatError);
    }
  });

  test('an index that is missing, torn or lies does no harm', async () => {
    const whole = folder();
    await trainToy(3, [checkpoints(whole)]);
    for (const damage of [
      (_: string, place: string) => rmSync(join(place, 'index.json')),
      (_: string, place: string) => writeFileSync(join(place, 'index.json'), '{"format":"nabla'),
      (_: string, place: string) => writeFileSync(join(place, 'index.json'), '[]'),
      (_: string, place: string) =>
        writeFileSync(
          join(place, 'index.json'),
          JSON.stringify({
            ...index(place),
            checkpoints: [{ file: '../../x', step: 1, epoch: 1, batch: 0, value: 0 }],
          }),
        ),
    ]) {
      const { warnings, place } = await afterDamage(damage);
      expect(warnings).toEqual([]);
      expect(contents(place)).toEqual(contents(whole));
    }
  });

  test('a checkpoint that was renamed into place before the index knew it counts', async () => {
    const { place, warnings } = await afterDamage((_, where) => {
      const known = index(where);
      writeFileSync(
        join(where, 'index.json'),
        JSON.stringify({ ...known, checkpoints: known.checkpoints.slice(0, 1) }),
      );
    });
    const whole = folder();
    await trainToy(3, [checkpoints(whole)]);
    expect(warnings).toEqual([]);
    expect(contents(place)).toEqual(contents(whole));
  });

  test('none that is whole: an error, not a new start', async () => {
    await expect(
      afterDamage((_, place) => {
        for (const step of steps(place)) writeFileSync(path(place, step), 'torn');
      }),
    ).rejects.toThrow(
      /no checkpoint of .* can be read: .*00000006.*; .*00000003.* Remove them to start anew/,
    );
    await expect(
      afterDamage((_, place) => {
        for (const step of steps(place)) rmSync(path(place, step));
      }).then(({ resumed }) => resumed.history.steps),
    ).resolves.toBe(9);
    const place = folder();
    await save(toyModel(), path(place, 3));
    await expect(trainToy(1, [checkpoints(place, { resume: true })])).rejects.toThrow(
      /is not a checkpoint of a training/,
    );
  });

  test('loadBest passes over a damaged one, too', async () => {
    const place = folder();
    await trainToy(4, [checkpoints(place, { keepBest: 2, keepLast: 1, monitor: 'loss' })]);
    const [best, second] = index(place).checkpoints.sort(
      (a: { value: number }, b: { value: number }) => a.value - b.value,
    );
    flip((n) => n - 5)(join(place, best.file));
    const warnings: string[] = [];
    const entry = await loadBest(toyModel(), place, { warn: (message) => void warnings.push(message) });
    expect(entry.step).toBe(second.step);
    expect(warnings).toHaveLength(1);
  });

  test('files that killed processes left half-written are removed, other files are not', async () => {
    const place = folder();
    const rest = '.checkpoint-00000009.safetensors.0123456789ab.tmp';
    for (const name of [
      rest,
      '.index.json.aaaaaaaaaaaa.tmp',
      '.mine.0123456789ab.tmp',
      'notes.txt',
      'checkpoint-x.safetensors',
    ])
      writeFileSync(join(place, name), '{}');
    await trainToy(1, [checkpoints(place, { resume: true })]);
    expect(readdirSync(place).sort()).toEqual([
      '.mine.0123456789ab.tmp',
      'checkpoint-00000003.safetensors',
      'checkpoint-x.safetensors',
      'index.json',
      'notes.txt',
    ]);
  });

  test('data of another size in the middle of an epoch is refused', async () => {
    const place = folder();
    await expect(trainToy(3, [checkpoints(place, { every: { steps: 2 } }), dieAt(3)])).rejects.toThrow(
      'killed',
    );
    const model = toyModel();
    const other = {
      data: loader(toyImages(20), { batchSize: 4 }),
      loss: nn.crossEntropy,
      optimizer: new optim.Adam(model),
      callbacks: [checkpoints(place, { resume: true })],
    };
    await expect(fit(model, other)).rejects.toThrow(
      /was saved after batch 2 of 3 of an epoch, but now an epoch has 5; resume with the same data and batch size/,
    );
  });
});

describe('what else a training remembers', () => {
  test('callbacks with a state, averages and schedulers go on where they were', async () => {
    const parts = () => {
      const seen: string[] = [];
      let count = 0;
      const counter: Callback = {
        name: 'counter',
        onBegin: () => void (count = 0),
        onStep: () => void count++,
        onEpochEnd: () => void seen.push(`${count}`),
        state: () => ({ count, worst: Number.NEGATIVE_INFINITY, sums: tensor([count, 2]) }),
        restoreState: (state) => {
          const {
            count: n,
            worst,
            sums,
          } = state as unknown as { count: number; worst: number; sums: { toArray(): unknown } };
          expect([worst, sums.toArray()]).toEqual([Number.NEGATIVE_INFINITY, [n, 2]]);
          count = n;
        },
      };
      return { seen, counter };
    };
    const run = async (place: string, resume: boolean, die: number | null) => {
      const model = toyModel(resume ? 50 : 1);
      const optimizer = new optim.SGD(model, { lr: 0.5, momentum: 0.9 });
      const average = new optim.ExponentialAverage(model, 0.9);
      const plateau = new optim.ReduceOnPlateau(optimizer, { patience: 0, threshold: 0.5 });
      const { seen, counter } = parts();
      const lower: Callback = {
        onStep: () => average.update(),
        onEpochEnd: (_, logs) => void plateau.step(logs.loss),
      };
      const files = checkpoints(place, { resume, every: { steps: 2 }, also: { average, plateau } });
      const training = fit(model, {
        data: loader(toyImages(20), { batchSize: 8, shuffle: true }),
        loss: nn.crossEntropy,
        optimizer,
        epochs: 4,
        // The order does not matter: saving waits for all.
        callbacks: [files, counter, lower, ...(die === null ? [] : [dieAt(die)])],
      });
      if (die !== null) await expect(training).rejects.toThrow('killed');
      else await training;
      return { seen, rate: optimizer.lr, average: average.stateDict()['1.weight'].toArray() };
    };
    const [whole, halves] = [folder(), folder()];
    const undisturbed = await run(whole, false, null);
    expect(undisturbed.rate).toBeLessThan(0.5);
    await run(halves, false, 6);
    const resumed = await run(halves, true, null);
    expect(resumed.seen).toEqual(undisturbed.seen.slice(1));
    expect([resumed.rate, resumed.average]).toEqual([undisturbed.rate, undisturbed.average]);
    expect(contents(halves)).toEqual(contents(whole));
    const place = folder();
    await trainToy(1, [checkpoints(place)]);
    const model = toyModel();
    const also = { average: new optim.StochasticWeightAverage(model) };
    await expect(trainToy(2, [checkpoints(place, { resume: true, also })])).rejects.toThrow(
      "was saved without average of the option 'also'",
    );
  });

  test('saveState and restoreState, for a loop of one’s own', async () => {
    const file = join(folder(), 'state.safetensors');
    const make = (seed: number) => {
      const model = toyModel(seed);
      return {
        model,
        optimizer: new optim.Adam(model),
        data: loader(toyImages(20), { batchSize: 8, shuffle: true }),
      };
    };
    const first = make(1);
    for (const [, y] of first.data) if (y.size > 0) break;
    random.seed(12);
    await saveState(file, first, { step: 7, history: [Number.NaN], table: tensor([1, 2]) });
    const rest = [...make(1).data].slice(1).map(([x]) => x.toArray());
    random.seed(12);
    const expected = [random.uniform([2]).toArray(), rest];
    const second = make(2);
    const extra = (await restoreState(file, second)) as { step: number; history: number[] };
    expect([extra.step, extra.history]).toEqual([7, [Number.NaN]]);
    expect([random.uniform([2]).toArray(), [...second.data].map(([x]) => x.toArray())]).toEqual(expected);
    expect(second.model.stateDict()['1.weight'].toArray()).toEqual(
      first.model.stateDict()['1.weight'].toArray(),
    );
    await expect(restoreState(file, { model: second.model })).rejects.toThrow(
      'has data, model, optimizer, needed is model',
    );
    await expect(saveState(file, { model: {} as never })).rejects.toThrow(
      'model has no state that can be saved',
    );
    await expect(saveState(file, {}, { f: new Set() } as unknown as State)).rejects.toThrow(
      "'extra.f' cannot be saved",
    );
    const place = folder();
    await trainToy(1, [checkpoints(place)]);
    await expect(restoreState(path(place, 3), {})).rejects.toThrow('was not written by saveState');
    await expect(trainToy(1, [])).resolves.toBeDefined();
  });
});
