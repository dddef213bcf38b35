import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { loader } from '../../src/data/index.ts';
import { random, tensor } from '../../src/index.ts';
import { accuracy } from '../../src/metrics/index.ts';
import * as nn from '../../src/nn/index.ts';
import * as optim from '../../src/optim/index.ts';
import { type Callback, checkpoints, fit, report, tensorBoard } from '../../src/train/index.ts';
import { probe } from '../../src/train/probe.ts';
import { scoreClassifier } from '../../src/train/scored_classes.ts';
import { readEvents, readerProblem } from '../support/tensorboard_reader.ts';
import { toyImages, toyModel } from './toy.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'nabla-tensorboard-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const convolutional = (): nn.Sequential => {
  random.seed(3);
  return new nn.Sequential(
    new nn.Conv2d(1, 4, 2, { padding: 'same' }),
    new nn.Dropout(0.2),
    new nn.Flatten(),
    new nn.Linear(16, 2),
  );
};

async function train(model: nn.Sequential, epochs: number, callbacks: Callback[]) {
  return fit(model, {
    data: loader(toyImages(20), { batchSize: 8, shuffle: true }),
    validation: loader(toyImages(10), { batchSize: 4 }),
    loss: nn.crossEntropy,
    optimizer: new optim.Adam(model, { lr: 0.02 }),
    epochs,
    metrics: { accuracy },
    callbacks,
  });
}

const everything = (extra: object = {}): Callback =>
  tensorBoard(folder, {
    every: 1,
    histograms: ['parameters', 'gradients', 'outputs'],
    pictures: ['inputs', 'filters', 'mistakes'],
    prCurves: true,
    sample: [...loader(toyImages(6), { batchSize: 6 })][0] as never,
    loss: nn.crossEntropy,
    validation: loader(toyImages(10), { batchSize: 4 }),
    classNames: ['dark', 'bright'],
    hparams: { lr: 0.02, optimizer: 'Adam' },
    text: { settings: '| a | b |\n|---|---|\n| 1 | 2 |' },
    ...extra,
  });

describe('probe', () => {
  test('gives outputs of layers and gradients, and changes nothing', () => {
    const model = toyModel();
    const [x, y] = [...loader(toyImages(6), { batchSize: 6 })][0] as never as [never, never];
    const generator = random.state().value.toArray();
    const { outputs, gradients } = probe(model, x, y, nn.crossEntropy);
    expect(Object.keys(outputs)).toEqual(['0', '1', '2', '3', '4', 'model']);
    expect(outputs['2'].shape).toEqual([6, 3]);
    expect(outputs.model.toArray()).toEqual(outputs['4'].toArray());
    expect(Object.keys(gradients)).toEqual(['1.weight', '1.bias', '4.weight', '4.bias']);
    // The gradient of cross-entropy by the last bias: mean of probabilities minus targets.
    const expected = (outputs.model.softmax(-1) as ReturnType<typeof tensor>)
      .sub(tensor([0, 1, 0, 1, 0, 1].map((c) => [1 - c, c])))
      .mean(0);
    const difference = gradients['4.bias'].sub(expected).abs().max().item();
    expect(difference).toBeLessThan(1e-6);
    expect(random.state().value.toArray()).toEqual(generator);
    expect(model.training).toBe(true);
  });
});

test('scoreClassifier: probabilities and the worst mistakes, also of a single output', async () => {
  const images = toyImages(6);
  const data = loader(images, { batchSize: 4 });
  const one = new nn.Sequential(new nn.Flatten(), new nn.Linear(4, 1));
  one.loadStateDict({ '1.weight': tensor([[-1, -1, 1, 1]]), '1.bias': tensor([0]) });
  const { labels, scores, classes, mistakes } = await scoreClassifier(one, data, 3);
  expect([labels.length, classes, mistakes.length]).toEqual([6, 2, 3]);
  for (let i = 0; i < 6; i++) expect(scores[2 * i] + scores[2 * i + 1]).toBeCloseTo(1, 6);
  const losses = mistakes.map(({ loss }) => loss);
  expect(losses).toEqual([...losses].sort((a, b) => b - a));
  for (const { label, prediction } of mistakes) expect(prediction).toBe(1 - label);
  const shown = mistakes.map(({ picture }) => [...picture.data].join());
  const all = Array.from({ length: 6 }, (_, i) => [...images.images.subarray(4 * i, 4 * i + 4)].join());
  for (const picture of shown) expect(all).toContain(picture);
});

test('looking at a training does not change it', async () => {
  const [plain, watched] = [convolutional(), convolutional()];
  random.seed(4);
  await train(plain, 2, []);
  random.seed(4);
  await train(watched, 2, [everything({ detailsEvery: { steps: 2 } })]);
  for (const [name, value] of Object.entries(plain.stateDict()))
    expect(watched.stateDict()[name].toArray(), name).toEqual(value.toArray());
});

test('models with several inputs are watched, too', async () => {
  const [a, b] = [nn.input('a'), nn.input('b')];
  random.seed(2);
  const model = new nn.Model([a, b], nn.apply(new nn.Concatenate(), a, b).to(new nn.Linear(5, 1)));
  const x = [random.normal([12, 2]), random.normal([12, 3])];
  const y = x[0].sum(1, { keepDims: true });
  const path = join(folder, 'report.html');
  await fit(model, {
    data: { x, y },
    batchSize: 4,
    loss: nn.mseLoss,
    optimizer: new optim.SGD(model, { lr: 0.01 }),
    epochs: 2,
    callbacks: [
      tensorBoard(folder, { sample: { x, y }, loss: nn.mseLoss, histograms: ['outputs', 'gradients'] }),
      report(path, { sample: x }),
    ],
  });
  const page = readFileSync(path, 'utf8');
  expect(page).toContain('aria-label="outputs over 3 epochs');
  expect(page).toContain('<td>Concatenate</td>');
  const events = readdirSync(folder).find((name) => name.includes('tfevents')) as string;
  const text = readFileSync(join(folder, events), 'latin1');
  for (const tag of ['outputs/model', 'gradients/1.weight', 'input1']) expect(text).toContain(tag);
});

test('refuses what does not go together', () => {
  const refused = (options: object) => expect(() => tensorBoard(folder, options));
  refused({ every: -1 }).toThrow('every must be an integer from 0 on');
  refused({ histograms: ['weights'] }).toThrow("a list of parameters, gradients, outputs, got 'weights'");
  refused({ histograms: ['outputs'] }).toThrow("histograms 'outputs' needs the option sample");
  refused({ histograms: ['gradients'], sample: tensor([1]) }).toThrow('needs the option loss, and a sample');
  refused({ pictures: ['mistakes'] }).toThrow('needs the option validation');
  refused({ prCurves: true }).toThrow('prCurves needs the option validation');
  refused({ detailsEvery: 0 }).toThrow('detailsEvery must be');
  refused({ histogram: [] }).toThrow("unknown option 'histogram'");
});

describe.skipIf(readerProblem !== null)('what TensorBoard reads of a training', () => {
  test('all of it, and once only what was written twice around a resumption', async () => {
    const place = join(folder, '..', `${folder.split('/').at(-1)}-checkpoints`);
    const saving = () => checkpoints(place, { resume: true });
    try {
      await train(convolutional(), 2, [everything(), saving()]);
      // Another epoch, then it is interrupted in the next one and goes on.
      const killer: Callback = {
        onStep: (run) => {
          if (run.step === 10) throw new Error('killed');
        },
      };
      await expect(train(convolutional(), 4, [everything(), saving(), killer])).rejects.toThrow('killed');
      await train(convolutional(), 4, [everything(), saving()]);
    } finally {
      rmSync(place, { recursive: true, force: true });
    }
    const read = readEvents(folder);
    // That it forgets what the interrupted session wrote after its checkpoint.
    expect(read.warnings.filter((warning) => !/^Detected out of order.*Purging/.test(warning))).toEqual([]);
    // 3 steps an epoch.
    const steps = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];
    const stepsOf = (series: readonly (readonly [number, unknown])[]) => series.map(([step]) => step);
    expect(stepsOf(read.scalars['step/loss'])).toEqual(steps);
    expect(stepsOf(read.scalars['system/learningRate'])).toEqual(steps);
    expect(stepsOf(read.scalars['epoch/validationAccuracy'])).toEqual([3, 6, 9, 12]);
    expect(read.scalars['system/memoryMiB'][0][1]).toBeGreaterThan(1);
    expect(read.scalars['system/stepMilliseconds'].every(([, value]) => value > 0)).toBe(true);
    expect(Object.keys(read.histograms).sort()).toEqual([
      ...['gradients/0.bias', 'gradients/0.weight', 'gradients/3.bias', 'gradients/3.weight'],
      ...['outputs/0', 'outputs/1', 'outputs/2', 'outputs/3', 'outputs/model'],
      ...['parameters/0.bias', 'parameters/0.weight', 'parameters/3.bias', 'parameters/3.weight'],
    ]);
    // Logits over time: 6 examples of 2 classes.
    expect(stepsOf(read.histograms['outputs/model'])).toEqual([3, 6, 9, 12]);
    for (const [, rows] of read.histograms['outputs/model'])
      expect(rows.reduce((sum, [, , count]) => sum + count, 0)).toBe(12);
    expect(stepsOf(read.images['filters/0.weight'].steps)).toEqual([3, 6, 9, 12]);
    expect(read.images.inputs.steps[0][1]).toHaveLength(2 + 6);
    expect(Object.keys(read.prCurves)).toEqual(['precision-recall/bright']);
    expect(read.text.settings[0][1]).toContain('<td>1</td>');
    expect(read.graph?.some(({ name, op }) => name === '0/weight' && op === 'Variable')).toBe(true);
    expect(read.hparams?.groups.sessionGroups).toMatchObject([
      { hparams: { lr: 0.02, optimizer: 'Adam' }, sessions: [{ status: 'STATUS_SUCCESS' }] },
    ]);
  });
});
