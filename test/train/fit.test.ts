import { describe, expect, test } from 'vitest';
import { loader } from '../../src/data/index.ts';
import { ones, type Tensor, tensor } from '../../src/index.ts';
import { accuracy } from '../../src/metrics/index.ts';
import * as nn from '../../src/nn/index.ts';
import * as optim from '../../src/optim/index.ts';
import {
  type Callback,
  classify,
  DivergenceError,
  evaluate,
  fit,
  Interrupted,
  progress,
  worstMistakes,
} from '../../src/train/index.ts';
import { toyImages, toyModel } from './toy.ts';

const train = () => loader(toyImages(20), { batchSize: 8, shuffle: true });
const test20 = () => loader(toyImages(20), { batchSize: 16 });

describe('fit', () => {
  test('learns, and its history has loss and metrics of each epoch', async () => {
    const model = toyModel();
    const history = await fit(model, {
      data: train(),
      validation: test20(),
      loss: nn.crossEntropy,
      optimizer: new optim.Adam(model, { lr: 0.05 }),
      epochs: 12,
      metrics: { accuracy },
    });
    expect(history.epochs).toHaveLength(12);
    expect(history.steps).toBe(36);
    expect(history.stopped).toBeNull();
    const [first, last] = [history.epochs[0], history.epochs[11]];
    expect(Object.keys(first)).toEqual(['loss', 'accuracy', 'validationLoss', 'validationAccuracy']);
    expect(last.validationLoss).toBeLessThan(first.validationLoss / 2);
    expect(last.validationAccuracy).toBe(1);
  });

  test('a training step is what valueAndGrad and update make of it, by hand', async () => {
    const model = new nn.Linear(1, 1);
    const start = { weight: tensor([[2]]), bias: tensor([1]) };
    model.loadStateDict(start);
    const data = [[tensor([[1], [3]]), tensor([[0], [0]])]] as [Tensor, Tensor][];
    const history = await fit(model, {
      data,
      loss: nn.mseLoss,
      optimizer: new optim.SGD(model, { lr: 0.1 }),
    });
    // Residuals 3 and 7: loss (9 + 49) / 2, slopes 2 (3·1 + 7·3) / 2 = 24 and 2 (3 + 7) / 2 = 10.
    expect(history.epochs[0].loss).toBeCloseTo(29, 5);
    expect(model.weight.value.item()).toBeCloseTo(2 - 2.4, 5);
    expect((model.bias as nn.Parameter).value.item()).toBeCloseTo(1 - 1, 5);
  });

  test('the same seeds give the same weights, other seeds others', async () => {
    const run = async (seed: number) => {
      const model = toyModel(seed);
      const optimizer = new optim.SGD(model, { lr: 0.1, momentum: 0.9 });
      await fit(model, { data: train(), loss: nn.crossEntropy, optimizer, epochs: 2 });
      return Object.values(model.stateDict()).map((t) => t.toArray());
    };
    const first = await run(1);
    expect(await run(1)).toEqual(first);
    expect(await run(2)).not.toEqual(first);
  });

  test('compiles the step once for each batch size, whatever the number of epochs', async () => {
    const model = toyModel();
    let traces = 0;
    const loss = (outputs: Tensor, labels: Tensor) => {
      traces++;
      return nn.crossEntropy(outputs, labels);
    };
    const optimizer = new optim.SGD(model, { lr: 0.1 });
    await fit(model, { data: train(), loss, optimizer, epochs: 3 });
    // Batches of 8 and a last one of 4.
    expect(traces).toBe(2);
  });

  test('stops at a loss that is not finite, says where, and names the last good checkpoint', async () => {
    const model = toyModel();
    let calls = 0;
    const data = {
      *[Symbol.iterator]() {
        for (const [x, y] of train()) yield [++calls === 5 ? x.mul(Number.NaN) : x, y] as const;
      },
    };
    const ended: unknown[] = [];
    const watcher: Callback = {
      lastGood: () => 'runs/x/last.safetensors (epoch 1)',
      onFinish: (_, error) => {
        ended.push(error);
      },
    };
    const training = fit(model, {
      data,
      loss: nn.crossEntropy,
      optimizer: new optim.SGD(model, { lr: 0.1 }),
      epochs: 3,
      callbacks: [watcher],
    });
    await expect(training).rejects.toThrow(DivergenceError);
    await expect(training).rejects.toThrow(
      'fit: the loss is NaN at step 5 (epoch 2, batch 2); training has stopped. The last good checkpoint is ' +
        'runs/x/last.safetensors (epoch 1). Try a smaller learning rate',
    );
    expect(calls).toBe(5);
    expect(ended[0]).toBeInstanceOf(DivergenceError);
  });

  test('a validation loss that is not finite stops it, too', async () => {
    const model = new nn.Linear(1, 1);
    const batch = (v: number): [Tensor, Tensor][] => [[tensor([[v]]), tensor([[0]])]];
    const optimizer = new optim.SGD(model);
    await expect(
      fit(model, {
        data: batch(1),
        validation: batch(Number.POSITIVE_INFINITY),
        loss: nn.mseLoss,
        optimizer,
      }),
    ).rejects.toThrow(/the validation loss is (Infinity|NaN) at step 1 \(epoch 1\)/);
  });

  test('callbacks are called in order, and can end the training', async () => {
    const model = toyModel();
    const calls: string[] = [];
    const callback: Callback = {
      restore: () => void calls.push('restore'),
      onBegin: () => void calls.push('begin'),
      onEpochBegin: () => void calls.push('epoch begin'),
      onStep: (_, { batch, examples }) => void calls.push(`step ${batch} of ${examples}`),
      onValidation: () => void calls.push('validation'),
      onEpochEnd: (run) => {
        calls.push(`epoch ${run.epoch} of ${run.history.length} ends after ${run.step} steps`);
        run.stop('enough');
      },
      onFinish: () => void calls.push('finish'),
    };
    const history = await fit(model, {
      data: train(),
      validation: test20(),
      loss: nn.crossEntropy,
      optimizer: new optim.SGD(model),
      epochs: 5,
      callbacks: [callback],
    });
    expect(history.stopped).toBe('enough');
    expect(calls).toEqual([
      'restore',
      'begin',
      'epoch begin',
      'step 1 of 8',
      'step 2 of 8',
      'step 3 of 4',
      'validation',
      'epoch 1 of 1 ends after 3 steps',
      'finish',
    ]);
  });

  test('aborting the signal ends it between two steps', async () => {
    const model = toyModel();
    const controller = new AbortController();
    let steps = 0;
    const callback: Callback = {
      onStep: () => {
        if (++steps === 2) controller.abort();
      },
    };
    const optimizer = new optim.SGD(model);
    const options = {
      data: train(),
      loss: nn.crossEntropy,
      optimizer,
      callbacks: [callback],
      signal: controller.signal,
    };
    await expect(fit(model, options)).rejects.toThrow(Interrupted);
    expect(steps).toBe(2);
  });

  test('the first error is the one that is told, and every callback is finished', async () => {
    const model = toyModel();
    const finished: number[] = [];
    const failing = (i: number): Callback => ({
      onEpochEnd: () => {
        throw new Error(`end ${i}`);
      },
      onFinish: () => {
        finished.push(i);
        throw new Error(`finish ${i}`);
      },
    });
    const optimizer = new optim.SGD(model);
    const options = { data: train(), loss: nn.crossEntropy, optimizer, callbacks: [failing(1), failing(2)] };
    await expect(fit(model, options)).rejects.toThrow('end 1');
    expect(finished).toEqual([1, 2]);
  });

  test('refuses unknown and missing options, and data that is used up', async () => {
    const model = toyModel();
    const base = { data: train(), loss: nn.crossEntropy, optimizer: new optim.SGD(model) };
    await expect(fit(model, { ...base, epoch: 3 } as never)).rejects.toThrow(
      /^fit: unknown option 'epoch'; options are data, validation, .*loss, .*optimizer, epochs, .*callbacks, signal$/,
    );
    await expect(fit(model, { ...base, optimizer: undefined } as never)).rejects.toThrow(
      /the option optimizer is missing/,
    );
    await expect(fit(model, { ...base, epochs: 1.5 })).rejects.toThrow(/epochs must be an integer/);
    await expect(fit(model, { ...base, metrics: { loss: accuracy } })).rejects.toThrow(
      /cannot be called 'loss'/,
    );
    await expect(fit(model, { ...base, metrics: { accuracy: 1 } as never })).rejects.toThrow(
      /metrics.accuracy must be a function/,
    );
    await expect(fit(model, { ...base, data: train()[Symbol.iterator](), epochs: 2 })).rejects.toThrow(
      /no batches in epoch 2; a generator, for one, can be iterated only once/,
    );
  });
});

describe('evaluate and classify', () => {
  test('means over all examples, whatever the batches, in evaluation mode', async () => {
    const model = toyModel();
    const options = { loss: nn.crossEntropy, metrics: { accuracy } };
    const whole = await evaluate(model, loader(toyImages(20), { batchSize: 20 }), options);
    const parts = await evaluate(model, loader(toyImages(20), { batchSize: 7 }), options);
    expect(parts.loss).toBeCloseTo(whole.loss, 6);
    expect(parts.accuracy).toBeCloseTo(whole.accuracy, 6);
    expect(model.training).toBe(true);
    await expect(evaluate(model, [], options)).rejects.toThrow(/the data has no batches/);
    await expect(evaluate(model, test20(), { metric: {} } as never)).rejects.toThrow(
      /unknown option 'metric'/,
    );
  });

  test('predictions agree with the metrics; worst mistakes come first', async () => {
    const model = toyModel(3);
    const { labels, predictions, losses } = await classify(model, test20());
    expect(labels).toEqual([...toyImages(20).labels]);
    const right = predictions.filter((p, i) => p === labels[i]).length / 20;
    const measured = await evaluate(model, test20(), { loss: nn.crossEntropy, metrics: { accuracy } });
    expect(measured.accuracy).toBeCloseTo(right, 6);
    expect(losses.reduce((a, b) => a + b) / 20).toBeCloseTo(measured.loss, 5);
    const whole = await classify(model, toyImages(20));
    expect(whole).toEqual({ labels, predictions, losses });
    await expect(classify(model, [1] as never)).rejects.toThrow(/^classify: batch 1 must be \[x, y\]/);
    const example = { labels: [0, 1, 2, 0], predictions: [0, 0, 1, 2], losses: [9, 1, 3, 2] };
    expect(worstMistakes(example, 2)).toEqual([2, 3]);
  });
});

describe('what goes wrong at once', () => {
  const model = new nn.Linear(2, 2);
  const options = { loss: nn.crossEntropy, optimizer: new optim.SGD(model, { lr: 0.1 }) };

  test('labels that are no classes', async () => {
    const data = [ones([4, 2]), tensor([1, 2, 1, 2], { dtype: 'int32' })] as const;
    await expect(fit(model, { ...options, data })).rejects.toThrow(
      'the loss is NaN at step 1 (epoch 1, batch 1); training has stopped. Look for NaN in the data, and for labels',
    );
  });

  test('a callback that nobody called', async () => {
    const data = [ones([4, 2]), tensor([1, 0, 1, 0], { dtype: 'int32' })] as const;
    await expect(fit(model, { ...options, data, callbacks: [progress as never] })).rejects.toThrow(
      'fit: callbacks[0] is a function, not a callback; call it: progress()',
    );
  });
});
