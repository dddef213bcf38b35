import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { stream } from '../../src/data/index.ts';
import { random, type Tensor, tensor } from '../../src/index.ts';
import { accuracy, ConfusionMatrix, F1 } from '../../src/metrics/index.ts';
import * as nn from '../../src/nn/index.ts';
import * as optim from '../../src/optim/index.ts';
import {
  type Callback,
  checkpoints,
  type Data,
  earlyStopping,
  type FitOptions,
  fit,
  Interrupted,
  reduceOnPlateau,
} from '../../src/train/index.ts';

const count = 26;
random.seed(3);
const x = random.normal([count, 4]);
x.dataSync();
const y = tensor(
  Array.from({ length: count }, (_, i) => (i * 5) % 3),
  { dtype: 'int32' },
);
const weights = tensor(Array.from({ length: count }, (_, i) => 0.5 + (i % 4)));
const rows = (from: number, to: number): [Tensor, Tensor, Tensor] => [
  x.slice([from, to]),
  y.slice([from, to]),
  weights.slice([from, to]),
];

/** Trains until step `stopAt` (null: to the end; -1: going on with what the folder has, to the end). */
async function train(data: () => Data, options: Partial<FitOptions>, folder: string, stopAt: number | null) {
  // A session that goes on begins with other weights and another state of the generator.
  random.seed(stopAt === -1 ? 77 : 1);
  const model = new nn.Sequential(
    new nn.Linear(4, 5),
    new nn.BatchNorm1d(5),
    new nn.Dropout(0.3),
    new nn.Linear(5, 3),
  );
  const controller = new AbortController();
  const killer: Callback = {
    afterStep: (run) => {
      if (run.step === stopAt) controller.abort();
    },
  };
  const history = await fit(model, {
    data: data(),
    loss: nn.crossEntropy,
    optimizer: new optim.Adam(model, { lr: 0.03 }),
    epochs: 3,
    validation: [rows(0, 9), rows(9, 16)],
    metrics: {
      accuracy,
      f1: new F1({ average: 'macro' }),
      confusion: () => new ConfusionMatrix({ classes: 3 }),
    },
    weightedMetrics: { weighted: accuracy },
    classWeights: { 2: 3 },
    callbacks: [
      reduceOnPlateau({ monitor: 'loss', patience: 0, threshold: 0.5, factor: 0.7 }),
      earlyStopping({ patience: 9, restoreBest: true }),
      checkpoints(folder, { resume: true, every: { steps: 1 } }),
      killer,
    ],
    signal: controller.signal,
    ...options,
  });
  return { history, weights: Object.values(model.stateDict()).map((t) => t.toArray()) };
}

const cases: [string, () => Data, Partial<FitOptions>][] = [
  [
    'arrays, sums of gradients, validation every three steps',
    () => [x, y, weights],
    { batchSize: 4, accumulate: 2, validateEvery: { steps: 3 } },
  ],
  [
    'a stream that goes on over epochs',
    () => stream([rows(0, 9), rows(9, 18), rows(18, 26)]),
    { stepsPerEpoch: 4, validateEvery: 2 },
  ],
  [
    'a generator that goes on over epochs',
    () =>
      function* () {
        yield rows(0, 9);
        yield rows(9, 18);
        yield rows(18, 26);
      },
    { stepsPerEpoch: 4 },
  ],
];

test.each(cases)('interrupted at any step and resumed it is the same: %s', async (_, data, options) => {
  const place = mkdtempSync(join(tmpdir(), 'nabla-resume-'));
  const whole = await train(data, options, join(place, 'whole'), null);
  expect(whole.history.steps).toBe(12);
  for (const stop of [1, 4, 6, 11]) {
    const folder = join(place, `stopped-${stop}`);
    await expect(train(data, options, folder, stop)).rejects.toThrow(Interrupted);
    const resumed = await train(data, options, folder, -1);
    expect(resumed.history).toEqual(whole.history);
    expect(resumed.weights).toEqual(whole.weights);
  }
  rmSync(place, { recursive: true });
});
