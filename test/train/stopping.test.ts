import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type Tensor, tensor } from '../../src/index.ts';
import { ConfusionMatrix, F1 } from '../../src/metrics/index.ts';
import * as nn from '../../src/nn/index.ts';
import * as optim from '../../src/optim/index.ts';
import {
  type Callback,
  checkpoints,
  csvLog,
  DivergenceError,
  earlyStopping,
  type FitOptions,
  fit,
  jsonLog,
  type Logs,
  lambdaCallback,
  learningRateSchedule,
  nanGuard,
  progress,
  type Run,
  reduceOnPlateau,
  report,
  tensorBoard,
  timeLimit,
} from '../../src/train/index.ts';

const folder = () => mkdtempSync(join(tmpdir(), 'nabla-stop-'));

/** y = w x with w = 1 at the start; the batches say what the target of x = 1 is. */
function line(): nn.Linear {
  const model = new nn.Linear(1, 1, { bias: false });
  model.loadStateDict({ weight: tensor([[1]]) });
  return model;
}
const batch = (target: number): [Tensor, Tensor] => [tensor([[1]]), tensor([[target]])];
const weightOf = (model: nn.Linear) => model.weight.value.item();

/** Trains a line with SGD. */
async function train(
  targets: readonly number[],
  callbacks: Callback[],
  options: Partial<FitOptions> & { lr?: number } = {},
) {
  const model = line();
  const { lr = 0.25, ...rest } = options;
  const optimizer = new optim.SGD(model, { lr });
  const data = targets.map(batch);
  const history = await fit(model, { data, loss: nn.mseLoss, optimizer, callbacks, ...rest });
  return { model, optimizer, history };
}

describe('earlyStopping', () => {
  /** How many epochs a training with these values lasts. */
  const lasts = async (losses: number[], options: Parameters<typeof earlyStopping>[0]) => {
    const callback = earlyStopping(options);
    const history: Logs[] = [];
    let stopped = 0;
    const run = { history, epoch: 0, stop: () => (stopped ||= history.length) } as unknown as Run;
    await callback.onBegin?.(run);
    for (const loss of losses) {
      const logs = { validationLoss: loss };
      history.push(logs);
      run.epoch++;
      await callback.onEpochEnd?.(run, logs);
      if (stopped) break;
    }
    return stopped;
  };

  test('a baseline must be beaten within the patience, the first epochs do not count', async () => {
    expect(await lasts([5, 4, 3, 2, 1], { patience: 3, baseline: 2.5 })).toBe(3);
    expect(await lasts([5, 4, 2, 2, 2, 2], { patience: 3, baseline: 2.5 })).toBe(6);
    expect(await lasts([1, 9, 9, 9, 8, 7, 7, 7], { patience: 2, startFrom: 3 })).toBe(8);
    expect(() => earlyStopping({ startFrom: -1 })).toThrow(/startFrom must be/);
    expect(() => earlyStopping({ baseline: Number.NaN })).toThrow(/baseline must be/);
  });

  /** The loss falls to epoch 3, then the rate is too large and it grows. */
  const spoilt = (): Callback => ({
    onEpochBegin: (run) => {
      run.optimizer.lr = run.epoch < 3 ? 0.25 : 1.5;
    },
  });

  test('the weights of the best epoch come back, whether it stopped the training or not', async () => {
    const options = { validation: [batch(0)] };
    for (const epochs of [5, 10]) {
      const seen: number[] = [];
      const watch: Callback = {
        onEpochEnd: (run) => void seen.push(weightOf(run.model as unknown as nn.Linear)),
      };
      const stop = earlyStopping({ patience: 4, restoreBest: true });
      const { model, history } = await train([0], [spoilt(), watch, stop], { epochs, ...options });
      expect(history.epochs).toHaveLength(Math.min(epochs, 7));
      expect(history.stopped === null).toBe(epochs === 5);
      expect(weightOf(model)).toBe(0.125);
      expect(seen[2]).toBe(0.125);
      expect(Math.abs(seen.at(-1) as number)).toBeGreaterThan(0.2);
    }
    const { model } = await train([0], [spoilt(), earlyStopping({ patience: 4 })], { epochs: 5, ...options });
    expect(weightOf(model)).not.toBe(0.125);
  });

  test('a resumed run has the best weights of the session before', async () => {
    const place = folder();
    const callbacks = (resume: boolean) => [
      spoilt(),
      earlyStopping({ patience: 9, restoreBest: true }),
      checkpoints(place, { resume }),
    ];
    const options = { validation: [batch(0)] };
    await train([0], callbacks(false), { epochs: 4, ...options });
    const { model, history } = await train([0], callbacks(true), { epochs: 6, ...options });
    expect(history.epochs).toHaveLength(6);
    expect(weightOf(model)).toBe(0.125);
  });

  test('epochs without a validation are passed over', async () => {
    const stop = earlyStopping({ patience: 2 });
    const options = { epochs: 20, validation: [batch(5)], validateEvery: 3 };
    const { history } = await train([0], [stop], options);
    // Validated after epochs 3, 6 and 9: the loss rises.
    expect(history.epochs.map((logs) => 'validationLoss' in logs)).toEqual(
      [1, 2, 3, 4, 5, 6, 7, 8, 9].map((epoch) => epoch % 3 === 0),
    );
    const { history: always } = await train([0], [earlyStopping({ patience: 2 })], {
      ...options,
      validateEvery: 1,
    });
    expect(always.epochs).toHaveLength(3);
    await expect(train([0], [earlyStopping()])).rejects.toThrow(/give fit the option validation/);
  });
});

describe('nanGuard', () => {
  const targets = [0, Number.NaN, 0, 0];

  test('throws before the update', async () => {
    for (const [callbacks, staysFinite] of [
      [[nanGuard()], true],
      [[], false],
    ] as const) {
      const model = line();
      const optimizer = new optim.SGD(model, { lr: 0.25 });
      const training = fit(model, { data: targets.map(batch), loss: nn.mseLoss, optimizer, callbacks });
      await expect(training).rejects.toThrow(DivergenceError);
      expect(Number.isFinite(weightOf(model))).toBe(staysFinite);
    }
  });

  test('gradients are watched, too', async () => {
    // The root's slope at 0 is infinite, its value is not.
    const loss = (outputs: Tensor) => outputs.sub(1).abs().sqrt().mean();
    const { model } = await train([0], [nanGuard({ mode: 'skip' })], { loss });
    expect(weightOf(model)).toBe(1);
    await expect(train([0], [nanGuard()], { loss })).rejects.toThrow(
      'fit: the gradient is NaN at step 1 (epoch 1, batch 1); training has stopped. Look for infinite slopes, such as that of sqrt at 0',
    );
  });

  test('bad steps are left out: the rest is as if they were not', async () => {
    const steps: number[] = [];
    const watch: Callback = { onStep: (run) => void steps.push(run.step) };
    const { model, history } = await train(targets, [nanGuard({ mode: 'skip' }), watch]);
    const { model: without, history: clean } = await train([0, 0, 0], []);
    expect(weightOf(model)).toBe(weightOf(without));
    expect(history.epochs).toEqual(clean.epochs);
    expect([history.steps, ...steps]).toEqual([4, 1, 3, 4]);
    // Of several batches that make one update, the sound ones make it.
    const accumulated = await train(targets, [nanGuard({ mode: 'skip' })], { accumulate: 4 });
    expect(weightOf(accumulated.model)).toBe(weightOf((await train([0], [])).model));
  });

  test('statistics of batch normalization are left alone by bad steps', async () => {
    const model = new nn.Sequential(new nn.BatchNorm1d(1), new nn.Linear(1, 1));
    const x = tensor([[1], [2]]);
    const data = [x.mul(Number.NaN), x.mul(Number.NaN)].map((bad): [Tensor, Tensor] => [bad, x]);
    const before = model.stateDict()['0.runningMean'].toArray();
    const optimizer = new optim.Adam(model);
    await fit(model, { data, loss: nn.mseLoss, optimizer, callbacks: [nanGuard({ mode: 'skip' })] });
    expect(model.stateDict()['0.runningMean'].toArray()).toEqual(before);
    expect(Object.values(optimizer.stateDict()).every((t) => t.dataSync().every(Number.isFinite))).toBe(true);
  });

  test('too many of them one after the other are too many', async () => {
    const bad = [0, ...new Array<number>(4).fill(Number.NaN)];
    await expect(train(bad, [nanGuard({ mode: 'skip', patience: 3 })])).rejects.toThrow(
      /the loss is NaN at step 5/,
    );
    await train(bad, [nanGuard({ mode: 'skip', patience: 4 })]);
  });

  test('stops with the weights after the last good epoch, or of some steps before', async () => {
    let call = 0;
    const data = {
      *[Symbol.iterator]() {
        for (let i = 0; i < 3; i++) yield batch(++call === 8 ? Number.NaN : 0);
      },
    };
    const weights: number[] = [];
    const watch: Callback = {
      onStep: (run) => void weights.push(weightOf(run.model as unknown as nn.Linear)),
    };
    const ended: unknown[] = [];
    const end: Callback = { onFinish: (_, error) => void ended.push(error) };
    for (const [every, step] of [
      [undefined, 6],
      [1, 7],
    ] as const) {
      call = 0;
      weights.length = 0;
      const guard = nanGuard({ mode: 'restore', ...(every === undefined ? {} : { every }) });
      const { model, history } = await train([], [watch, guard, end], { data, epochs: 5 });
      expect(weightOf(model)).toBe(weights[step - 1]);
      expect(history.epochs).toHaveLength(2);
      expect(history.stopped).toMatch(
        /^the loss is NaN at step 8; the weights are those after (epoch 2|step 7)$/,
      );
    }
    expect(ended).toEqual([null, null]);
  });

  test('refuses what there is not', () => {
    expect(() => nanGuard({ mode: 'stop' as never })).toThrow(/mode must be 'throw', 'restore' or 'skip'/);
    expect(() => nanGuard({ patience: 0 })).toThrow(/patience must be/);
    expect(() => nanGuard({ every: 0.5 })).toThrow(/every must be/);
  });
});

describe('timeLimit', () => {
  const clock = () => {
    let time = 0;
    return () => (time += 1000);
  };
  test('ends after a step, or after the epoch', async () => {
    const targets = [0, 0, 0, 0];
    const soon = await train(targets, [timeLimit({ seconds: 2, now: clock() })], { epochs: 9 });
    expect([soon.history.steps, soon.history.epochs.length]).toEqual([2, 0]);
    expect(soon.history.stopped).toBe('the time limit of 2.0 s is reached');
    const later = await train(targets, [timeLimit({ minutes: 1 / 30, at: 'epoch', now: clock() })], {
      epochs: 9,
    });
    expect([later.history.steps, later.history.epochs.length]).toEqual([8, 2]);
    expect(() => timeLimit({})).toThrow(/give a positive number of seconds, minutes or hours/);
  });

  test('what it stopped is resumed in the middle of the epoch, with the time that was used', async () => {
    const place = folder();
    const targets = [0, 1, 2, 3];
    const options = { epochs: 2 };
    const whole = await train(targets, [], options);
    const limit = (seconds: number) => timeLimit({ seconds, now: clock() });
    await train(targets, [limit(2), checkpoints(place)], options);
    const { checkpoints: saved } = JSON.parse(readFileSync(join(place, 'index.json'), 'utf8'));
    expect(saved.map(({ step }: { step: number }) => step)).toEqual([2]);
    const at = await train(targets, [limit(5), checkpoints(place, { resume: true })], options);
    expect(at.history.steps).toBeGreaterThan(2);
    expect(at.history.steps).toBeLessThan(6);
    const rest = await train(targets, [checkpoints(place, { resume: true })], options);
    expect(rest.history.epochs).toEqual(whole.history.epochs);
    expect(weightOf(rest.model)).toBe(weightOf(whole.model));
  });
});

describe('rates', () => {
  const rates = async (callback: Callback, epochs = 3, options: Partial<FitOptions> = {}) => {
    const seen: number[] = [];
    // Before the callback in the list: what it sees is the rate that the step had.
    const watch: Callback = { onStep: (run) => void seen.push(run.optimizer.lr) };
    await train([0, 0], [watch, callback], { epochs, ...options });
    return seen;
  };

  test('follow a schedule by steps or epochs', async () => {
    const schedule = optim.schedules.exponential(0.5, 0.5);
    expect(await rates(learningRateSchedule(schedule))).toEqual([
      0.5, 0.25, 0.125, 0.0625, 0.03125, 0.015625,
    ]);
    expect(await rates(learningRateSchedule(schedule, { per: 'epoch' }))).toEqual([
      0.5, 0.5, 0.25, 0.25, 0.125, 0.125,
    ]);
    const halved = learningRateSchedule((epoch, lr) => (epoch === 0 ? lr : lr / 2), { per: 'epoch' });
    expect(await rates(halved)).toEqual([0.25, 0.25, 0.125, 0.125, 0.0625, 0.0625]);
    await expect(rates(learningRateSchedule(() => Number.NaN))).rejects.toThrow(/the rate for step 0 is NaN/);
    expect(() => learningRateSchedule(0.1 as never)).toThrow(/must be a function/);
    expect(() => learningRateSchedule(schedule, { per: 'batch' as never })).toThrow(/per must be/);
  });

  test('fall on a plateau, also across a resumption', async () => {
    // The weight is at its best already: the loss stays.
    const still = { data: [batch(1), batch(1)] };
    const plateau = () => reduceOnPlateau({ monitor: 'loss', patience: 1, factor: 0.5 });
    const expected = [1, 1, 1, 0.5, 0.5, 0.25].flatMap((share) => [0.25 * share, 0.25 * share]);
    const seen = await rates(plateau(), 6, still);
    expect(seen).toEqual(expected.slice(0, seen.length));
    const place = folder();
    const run = (epochs: number, resume: boolean, more: Callback[]) =>
      train([], [...more, plateau(), checkpoints(place, { resume })], { epochs, ...still });
    await run(2, false, []);
    const later: number[] = [];
    await run(6, true, [{ onStep: ({ optimizer }) => void later.push(optimizer.lr) }]);
    expect(later).toEqual(expected.slice(4));
    await expect(train([0], [reduceOnPlateau()])).rejects.toThrow(
      /reduceOnPlateau: there is no 'validationLoss'/,
    );
    expect(() => reduceOnPlateau({ factor: 2 })).toThrow(/factor must be/);
  });
});

describe('logs and hooks', () => {
  test('lines of JSON, numbers of epochs that begin later', async () => {
    const place = folder();
    const [json, csv] = [join(place, 'log.jsonl'), join(place, 'log.csv')];
    await train([0], [jsonLog(json), csvLog(csv)], { epochs: 5, initialEpoch: 3 });
    const lines = readFileSync(json, 'utf8').trimEnd().split('\n');
    expect(lines.map((text) => JSON.parse(text).epoch)).toEqual([4, 5]);
    expect(JSON.parse(lines[0]).loss).toBe(1);
    expect(readFileSync(csv, 'utf8')).toMatch(/^epoch,loss\n4,1\n5,0\.25\n$/);
  });

  test('lambdaCallback refuses names that are no hooks', async () => {
    const seen: number[] = [];
    await train([0, 0], [lambdaCallback({ onStep: (_, { logs }) => void seen.push(logs.loss) })]);
    expect(seen).toEqual([1, 0.25]);
    expect(() => lambdaCallback({ onEpochStart: () => {} } as never)).toThrow(
      /unknown option 'onEpochStart'/,
    );
    expect(() => lambdaCallback({ onStep: 1 } as never)).toThrow(/onStep must be a function/);
  });

  test('hooks of all callbacks come in the order of the list, afterFinish only after a success', async () => {
    const calls: string[] = [];
    const named = (name: string, error = false): Callback => ({
      onStep: () => {
        calls.push(`step ${name}`);
        if (error) throw new Error(`no ${name}`);
      },
      afterStep: () => void calls.push(`after step ${name}`),
      onValidationEnd: (_, logs) => void calls.push(`validation ${name} ${logs.validationLoss}`),
      onFinish: () => void calls.push(`finish ${name}`),
      afterFinish: () => void calls.push(`after ${name}`),
    });
    await train([0, 0], [named('a'), named('b')], { validation: [batch(0)], validateEvery: { steps: 2 } });
    expect(calls).toEqual([
      ...['step a', 'step b', 'after step a', 'after step b'],
      ...['step a', 'step b', 'validation a 0.0625', 'validation b 0.0625', 'after step a', 'after step b'],
      ...['finish a', 'finish b', 'after a', 'after b'],
    ]);
    calls.length = 0;
    await expect(train([0, 0], [named('a', true), named('b')])).rejects.toThrow('no a');
    expect(calls).toEqual(['step a', 'finish a', 'finish b']);
  });
});

test('all callbacks go with several inputs, outputs and metrics that are matrices', async () => {
  class Two extends nn.Module {
    label = new nn.Linear(2, 2);
    forward(a: Tensor, b: Tensor) {
      return { label: this.label.forward(a), sum: b.add(this.label.forward(a).sum(-1, { keepDims: true })) };
    }
  }
  const place = folder();
  const model = new Two();
  const x = tensor([
    [1, 2],
    [3, 4],
  ]);
  const inputs = [x, tensor([[1], [2]])];
  const y = { label: tensor([0, 1], { dtype: 'int32' }), sum: tensor([[1], [0]]) };
  const written: string[] = [];
  const data = { x: inputs, y };
  const history = await fit(model, {
    data,
    validation: data,
    loss: { label: nn.crossEntropy, sum: nn.mseLoss },
    metrics: { label: { f1: new F1({ average: 'none' }), confusion: new ConfusionMatrix({ classes: 2 }) } },
    optimizer: new optim.Adam(model, { lr: 0.01 }),
    epochs: 3,
    callbacks: [
      progress({ stream: { write: (text) => written.push(text) } }),
      tensorBoard(join(place, 'tb'), { every: 1 }),
      report(join(place, 'report.html')),
      csvLog(join(place, 'log.csv')),
      jsonLog(join(place, 'log.jsonl')),
      checkpoints(join(place, 'checkpoints')),
      earlyStopping({ monitor: 'validationLabelF1.1', restoreBest: true }),
      reduceOnPlateau({ monitor: 'sumLoss' }),
      nanGuard(),
    ],
  });
  expect(history.epochs).toHaveLength(3);
  expect(written[0]).toBe('Train on 2 samples, validate on 2 samples\n');
  expect(written[1]).toMatch(/^epoch 1\/3 {2}loss .* label loss .* sum loss .* label f1\.0 /);
  expect(readFileSync(join(place, 'report.html'), 'utf8')).toContain('labelLoss');
  expect(readFileSync(join(place, 'log.csv'), 'utf8').split('\n')[0]).toContain('validationLabelF1.1');
  expect(history.results.labelConfusion).toHaveLength(2);
});
