import { checkOptions } from '../core/options.ts';
import { state as generatorState } from '../core/random.ts';
import type { Tensor } from '../core/tensor.ts';
import type { Module } from '../nn/module.ts';
import type { Optimizer } from '../optim/optimizer.ts';
import { findLearningRate, type RateCurve, type RateFinderOptions } from '../optim/rate_finder.ts';
import { type Data, isWhole, openData, type ReadBatch, readBatch } from './data_forms.ts';
import { type OutputsOf, requireCount } from './evaluate.ts';
import { Feed } from './feed.ts';
import { Measures } from './measures.ts';
import { Objective, type ObjectiveOptions } from './objective.ts';
import { TrainingStep, withBatch } from './training_step.ts';

/** Options of {@link learningRateCurve}: those of `fit` that say what to train on, and those of `optim.findLearningRate`. */
export interface RateCurveOptions<O = Tensor, Y = Tensor>
  extends ObjectiveOptions<O, Y>,
    Omit<RateFinderOptions, 'restore'> {
  readonly data: Data;
  readonly loss: NonNullable<ObjectiveOptions<O, Y>['loss']>;
  readonly optimizer: Optimizer;
  /** Examples per batch, where the data is arrays or a dataset, which are shuffled. Default 32. */
  readonly batchSize?: number;
}

const finderNames = ['from', 'to', 'steps', 'smoothing', 'divergence'] as const;
const ownNames = [
  'data',
  'loss',
  'optimizer',
  'batchSize',
  'lossWeights',
  'classWeights',
  'weightedMean',
  'penalty',
];

/**
 * Tries learning rates that rise exponentially, one step each, until the loss explodes, and suggests the one at which it fell
 * fastest: `const { suggestion } = await learningRateCurve(model, { data, loss: nn.crossEntropy, optimizer })`. Model, optimizer and
 * default generator are as before afterwards. Smith (2015), section 3.3; see `optim.findLearningRate`.
 *
 * @throws as `fit`, for options and batches that are not what they should be
 */
export async function learningRateCurve<M extends Module, Y = Tensor>(
  model: M,
  options: RateCurveOptions<OutputsOf<M>, Y>,
): Promise<RateCurve> {
  const name = 'learningRateCurve';
  checkOptions(name, options, [...ownNames, ...finderNames]);
  const { data, optimizer, batchSize, steps = 100 } = options;
  requireCount(name, 'steps', steps);
  for (const [key, value] of Object.entries({ data, loss: options.loss, optimizer }))
    if (value === undefined) throw new TypeError(`${name}: the option ${key} is missing`);
  const objective = new Objective(name, options as never);
  const source = openData(name, 'the data', data, {
    batchSize,
    shuffle: isWhole(data) ? true : undefined,
  });
  // The search itself does not wait: the batches are made before.
  const batches: ReadBatch[] = [];
  const feed = new Feed(source, steps, true);
  await feed.begin(null, 0, false);
  for (let value = await feed.next(); value !== null; value = await feed.next())
    batches.push(readBatch(name, `batch ${batches.length + 1}`, value));
  await feed.close();
  if (batches.length === 0) throw new Error(`${name}: the data has no batches`);
  const training = new TrainingStep(model, objective, new Measures(name, objective, {}), optimizer, {
    ...{ accumulate: 1, clipNorm: null, clipValue: null, afterUpdate: null, isGuarded: false },
  });
  const finder = Object.fromEntries(
    finderNames.flatMap((key) => (options[key] === undefined ? [] : [[key, options[key]]])),
  );
  const generator = generatorState();
  const before = generator.value;
  const restoreModes = model.evalForNow();
  model.train();
  try {
    return findLearningRate(
      (rate, i) => {
        optimizer.lr = rate;
        const batch = batches[i % batches.length];
        const { scalars } = withBatch(name, `step ${i + 1}`, batch, () => training.batch(batch));
        return scalars.values[0].item();
      },
      { ...finder, steps, restore: [model, optimizer] },
    );
  } finally {
    generator.assign(before);
    restoreModes();
  }
}
