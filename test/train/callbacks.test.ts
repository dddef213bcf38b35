import { existsSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { loader } from '../../src/data/index.ts';
import * as nn from '../../src/nn/index.ts';
import * as optim from '../../src/optim/index.ts';
import {
  type Callback,
  checkpoints,
  csvLog,
  earlyStopping,
  fit,
  type Logs,
  learningRate,
  progress,
  type Run,
  tensorBoard,
} from '../../src/train/index.ts';
import { formatDuration, formatLogs } from '../../src/train/progress.ts';
import { toyImages, toyModel, trainToy } from './toy.ts';

const folder = () => mkdtempSync(join(tmpdir(), 'nabla-train-'));

describe('earlyStopping', () => {
  const after = async (losses: number[], options: Parameters<typeof earlyStopping>[0]) => {
    const callback = earlyStopping(options);
    const history: Logs[] = [];
    let stopped = 0;
    const run = { history, stop: () => (stopped ||= history.length) } as unknown as Run;
    await callback.onBegin?.(run);
    for (const loss of losses) {
      const logs = { validationLoss: loss, accuracy: -loss };
      history.push(logs);
      await callback.onEpochEnd?.(run, logs);
      if (stopped) break;
    }
    return stopped;
  };

  test('stops when the quantity has not improved for `patience` epochs', async () => {
    expect(await after([3, 2, 2, 2.5, 1], { patience: 2 })).toBe(4);
    expect(await after([3, 2, 2, 1, 1, 1], { patience: 3 })).toBe(0);
    expect(await after([3, 2.95, 2.9], { patience: 2, minDelta: 0.2 })).toBe(3);
    expect(await after([1, 2, 3], { patience: 2, monitor: 'accuracy' })).toBe(3);
    expect(await after([1, 2, 3], { patience: 2, mode: 'max' })).toBe(0);
  });

  test('counts the epochs before a resumption', async () => {
    const place = folder();
    const stop = () => earlyStopping({ patience: 1, monitor: 'loss', mode: 'max' });
    const whole = await trainToy(6, [stop(), checkpoints(place)]);
    expect(whole.history.stopped).toMatch(/loss has not improved on .* for 1 epochs/);
    const resumed = await trainToy(6, [stop(), checkpoints(place, { resume: true })]);
    expect(resumed.history).toEqual(whole.history);
  });

  test('refuses options and quantities that there are not', async () => {
    expect(() => earlyStopping({ patience: 0 })).toThrow(/patience must be a positive integer/);
    expect(() => earlyStopping({ patiance: 1 } as never)).toThrow(/unknown option 'patiance'/);
    await expect(after([1], { monitor: 'validationF1' })).rejects.toThrow(/give fit the option validation/);
  });
});

describe('learningRate', () => {
  test('is set before each step, from the share of the training that is done', async () => {
    const rates: number[] = [];
    const watch: Callback = {
      onBegin: (run) => void rates.push(run.optimizer.lr),
      onStep: (run) => void rates.push(run.optimizer.lr),
    };
    await trainToy(2, [learningRate((done) => 0.6 * (1 - done)), watch]);
    // Six steps; after the last one nothing is set any more.
    [0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0.1].forEach((rate, i) => {
      expect(rates[i]).toBeCloseTo(rate, 12);
    });
    expect(rates).toHaveLength(7);
  });

  test('is the same in a resumed run', async () => {
    const [whole, parts] = [folder(), folder()];
    const rate = () => learningRate((done) => 0.05 * (1 - done));
    const undisturbed = await trainToy(3, [rate(), checkpoints(whole)]);
    const controller = new AbortController();
    const killer: Callback = {
      onStep: (run) => {
        if (run.step === 5) controller.abort();
      },
    };
    await expect(
      trainToy(3, [rate(), checkpoints(parts), killer], { signal: controller.signal }),
    ).rejects.toThrow('interrupted');
    const resumed = await trainToy(3, [rate(), checkpoints(parts, { resume: true })], { seed: 9 });
    expect(resumed.history).toEqual(undisturbed.history);
    const last = (place: string) => readFileSync(join(place, 'checkpoint-00000009.safetensors'));
    expect(last(parts).equals(last(whole))).toBe(true);
  });

  test('needs to know the number of steps', async () => {
    const model = toyModel();
    const images = loader(toyImages(8), { batchSize: 8 });
    const data = { [Symbol.iterator]: () => images[Symbol.iterator]() };
    const optimizer = new optim.SGD(model);
    const callbacks = [learningRate(() => 1)];
    await expect(fit(model, { data, loss: nn.crossEntropy, optimizer, callbacks })).rejects.toThrow(
      /learningRate: the data must have a length/,
    );
  });
});

describe('csvLog', () => {
  test('one line per epoch, none twice after a resumption', async () => {
    const place = folder();
    const path = join(place, 'metrics.csv');
    await trainToy(2, [checkpoints(place), csvLog(path)]);
    await trainToy(3, [checkpoints(place, { resume: true }), csvLog(path)]);
    const lines = readFileSync(path, 'utf8').trimEnd().split('\n');
    expect(lines[0]).toBe('epoch,loss,accuracy,validationLoss,validationAccuracy');
    expect(lines.slice(1).map((line) => line.split(',')[0])).toEqual(['1', '2', '3']);
    expect(lines[1].split(',').every((cell) => Number.isFinite(Number(cell)))).toBe(true);
  });
});

describe('tensorBoard', () => {
  test('writes scalars of steps and epochs; a resumed run opens another file', async () => {
    const place = folder();
    const logs = join(place, 'logs');
    await trainToy(1, [tensorBoard(logs, { every: 1 }), checkpoints(place)]);
    const [first] = readdirSync(logs);
    const text = readFileSync(join(logs, first), 'latin1');
    expect(text.split('step/loss').length - 1).toBe(3);
    expect(text.split('epoch/validationAccuracy').length - 1).toBe(1);
    await trainToy(2, [tensorBoard(logs), checkpoints(place, { resume: true })]);
    expect(readdirSync(logs)).toHaveLength(2);
    expect(() => tensorBoard(logs, { every: -1 })).toThrow(/every must be/);
  });
});

describe('progress', () => {
  const clear = '\r\u001b[K';
  const show = async (isTTY: boolean, env: Record<string, string> = {}) => {
    const written: string[] = [];
    let time = 0;
    const saved = { ...process.env };
    Object.assign(process.env, env);
    try {
      await trainToy(2, [
        progress({
          stream: { write: (text) => written.push(text), isTTY, columns: 120 },
          now: () => (time += 30),
        }),
      ]);
    } finally {
      process.env = saved;
    }
    return written;
  };

  test('in a pipe: how many examples there are, then one line per epoch, nothing else', async () => {
    const lines = await show(false);
    expect(lines).toHaveLength(3);
    expect(lines[0]).toBe('Train on 20 samples, validate on 10 samples\n');
    expect(lines[1]).toMatch(
      /^epoch 1\/2 {2}loss \d\.\d{4} {2}accuracy \d\.\d{4} {2}validation loss \d\.\d{4} {2}validation accuracy \d\.\d{4} {2}\d\.\d s {2}\d+ examples\/s\n$/,
    );
  });

  test('in a terminal: a bar with loss, metric, speed and time left, cleared at the end', async () => {
    const written = await show(true, { LC_ALL: 'C.UTF-8', TERM: 'xterm' });
    const bars = written.filter((text) => text.includes('left'));
    expect(bars.length).toBeGreaterThan(0);
    expect(bars.length).toBeLessThan(6);
    expect(bars[0].startsWith(clear)).toBe(true);
    expect(bars[0].slice(clear.length)).toMatch(
      /^epoch 1\/2 █+░+ 1\/3 {2}loss \d\.\d+ {2}accuracy .* examples\/s {2}.*left$/,
    );
    expect(written.filter((text) => text.endsWith('\n'))).toHaveLength(3);
    expect(written.at(-1)).toBe(clear);
    expect((await show(true, { LC_ALL: 'C' })).some((text) => text.includes('#####'))).toBe(true);
  });

  test('numbers as people write them', () => {
    expect(formatLogs({ loss: 0.5, validationLoss: 0.00012 })).toBe('loss 0.5000  validation loss 1.20e-4');
    expect([3.21, 59.4, 65, 7384].map(formatDuration)).toEqual(['3.2 s', '59 s', '1:05', '2:03:04']);
  });
});

test('a folder that cannot be made is told before the training starts', async () => {
  let steps = 0;
  const place = folder();
  writeFileSync(join(place, 'file'), '');
  const counting: Callback = { onStep: () => void steps++ };
  await expect(trainToy(1, [tensorBoard(join(place, 'file', 'x')), counting])).rejects.toThrow(
    /cannot write/,
  );
  expect(steps).toBe(0);
  expect(existsSync(join(place, 'file'))).toBe(true);
});
