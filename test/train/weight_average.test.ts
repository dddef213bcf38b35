import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type Tensor, tensor } from '../../src/index.ts';
import * as nn from '../../src/nn/index.ts';
import * as optim from '../../src/optim/index.ts';
import {
  type AverageWeightsOptions,
  averageWeights,
  type Callback,
  checkpoints,
  type FitOptions,
  fit,
} from '../../src/train/index.ts';

const batch: [Tensor, Tensor] = [tensor([[1]]), tensor([[0]])];

/** The weight goes 1, 1/2, 1/4, ... in four steps an epoch. */
async function train(
  kind: (model: nn.Module) => optim.WeightAverage,
  options: AverageWeightsOptions & { more?: Callback[] } & Partial<FitOptions> = {},
) {
  const model = new nn.Linear(1, 1, { bias: false });
  model.loadStateDict({ weight: tensor([[1]]) });
  const { more = [], epochs = 2, ...rest } = options;
  const average = averageWeights(kind(model), rest);
  const history = await fit(model, {
    data: [batch, batch, batch, batch],
    validation: [batch],
    loss: nn.mseLoss,
    optimizer: new optim.SGD(model, { lr: 0.25 }),
    epochs,
    callbacks: [average, ...more],
  });
  return {
    weight: model.weight.value.item(),
    losses: history.epochs.map(({ validationLoss }) => validationLoss),
  };
}
const swa = (model: nn.Module) => new optim.StochasticWeightAverage(model);
const mean = (list: readonly number[]) => list.reduce((a, b) => a + b) / list.length;
const halves = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, i) => 0.5 ** (from + i));

describe('averageWeights', () => {
  test('of steps: validates with the average, trains on with the weights, ends with the average', async () => {
    const seen: number[] = [];
    const watch: Callback = {
      onStep: (run) => void seen.push(run.model.parameters()[0].value.item()),
    };
    const { weight, losses } = await train(swa, { more: [watch] });
    expect(seen).toEqual(halves(1, 8));
    expect(weight).toBeCloseTo(mean(halves(1, 8)), 6);
    expect(losses[0]).toBeCloseTo(mean(halves(1, 4)) ** 2, 6);
    expect(losses[1]).toBeCloseTo(mean(halves(1, 8)) ** 2, 6);
    const plain = await train(swa, { keep: false, validate: false });
    expect(plain.weight).toBe(0.5 ** 8);
    expect(plain.losses).toEqual([0.5 ** 8, 0.5 ** 16]);
  });

  test('of epochs, from one on; an exponential one', async () => {
    const late = await train(swa, { per: 'epoch', startFrom: 1, epochs: 3 });
    expect(late.weight).toBeCloseTo(mean([0.5 ** 8, 0.5 ** 12]), 6);
    // Before the average begins the weights are what there is.
    expect(late.losses.slice(0, 2)).toEqual([0.5 ** 8, 0.5 ** 16]);
    const never = await train(swa, { startFrom: 9 });
    expect(never.weight).toBe(0.5 ** 8);
    const ema = await train((model) => new optim.ExponentialAverage(model, 0.5), { epochs: 1 });
    expect(ema.weight).toBeCloseTo(((0.5 / 2 + 0.25 / 2) / 2 + 0.125 / 2) / 2 + 0.0625 / 2, 6);
  });

  test('goes on in a resumed run', async () => {
    const place = () => mkdtempSync(join(tmpdir(), 'nabla-average-'));
    const [whole, parts] = [place(), place()];
    const run = (epochs: number, folder: string) =>
      train(swa, { epochs, more: [checkpoints(folder, { resume: true })] });
    const expected = await run(3, whole);
    await run(1, parts);
    expect(await run(3, parts)).toEqual(expected);
  });

  test('puts the weights back when a validation fails, and refuses what there is not', async () => {
    const model = new nn.Linear(1, 1, { bias: false });
    const average = new optim.StochasticWeightAverage(model);
    let step = 0;
    const watch: Callback = {
      onStep: (run) => {
        if (++step === 2) weights.push(run.model.parameters()[0].value.item());
      },
    };
    const weights: number[] = [];
    const validation = () => {
      throw new Error('no file');
    };
    const optimizer = new optim.SGD(model, { lr: 0.25 });
    const callbacks = [averageWeights(average), watch];
    await expect(
      fit(model, { data: [batch, batch], validation, loss: nn.mseLoss, optimizer, callbacks }),
    ).rejects.toThrow('no file');
    expect(model.weight.value.item()).toBe(weights[0]);
    expect(() => averageWeights({} as never)).toThrow(/needs an average/);
    expect(() => averageWeights(average, { per: 'batch' as never })).toThrow(/per must be/);
    expect(() => averageWeights(average, { startFrom: -1 })).toThrow(/startFrom must be/);
  });
});
