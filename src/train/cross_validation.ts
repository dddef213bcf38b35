import { seed as seedDefault } from '../core/random.ts';
import { Tensor } from '../core/tensor.ts';
import { foldIn, hostPermutation, keyOf } from '../core/threefry.ts';
import type { Dataset } from '../data/dataset.ts';
import { type Fold, type FoldOptions, kFolds } from '../data/folds.ts';
import { loader } from '../data/loader.ts';
import { countOf, type Divisible, pick } from '../data/pick.ts';
import { tensorLoader } from '../data/tensor_loader.ts';
import type { Layer } from '../nn/module.ts';
import type { Optimizer } from '../optim/optimizer.ts';
import type { Callback, Logs } from './callback.ts';
import { type Batches, evaluate } from './evaluate.ts';
import { fit } from './fit.ts';
import type { FitOptions } from './fit_options.ts';
import { numbersIn } from './measures.ts';

/** One of the trainings of a cross-validation. */
export interface Turn {
  /** From 0 on. */
  readonly number: number;
  /** The default generator has been seeded with it: models that are built now are functions of it. */
  readonly seed: number;
}

/** What a training begins with. */
export interface Beginning {
  readonly model: Layer;
  readonly optimizer: Optimizer;
  /** Default none. */
  readonly callbacks?: readonly Callback[];
}

/** Makes an untrained model, its optimizer and callbacks: fresh ones whenever it is called. */
export type Build = (turn: Turn) => Beginning;

/** How parts of data become batches. */
export type MakeBatches<Data> = (
  part: Data,
  options: { readonly shuffle: boolean; readonly seed: number },
) => Batches;

/** What {@link crossValidate} and {@link learningCurve} hand on to {@link fit}: loss, metrics, epochs, signal, ... */
export type TrainingOptions = Omit<FitOptions, 'data' | 'validation' | 'optimizer' | 'callbacks'>;

/** Options of {@link crossValidate}, besides those of {@link fit}. */
export interface CrossValidationOptions<Data> extends TrainingOptions, Omit<FoldOptions, 'seed'> {
  /** How many folds. Default 5. */
  readonly k?: number;
  /** Positions of examples, such as those of `timeSeriesFolds`; instead of k, stratify, groups, shuffle and validation. */
  readonly folds?: readonly Fold[];
  /** Of folds, models and orders of examples. Default 0. */
  readonly seed?: number;
  /** Default 32. */
  readonly batchSize?: number;
  /** Needed for data that is neither a Dataset nor arrays `{ x, y }`. */
  readonly batches?: MakeBatches<Data>;
}

/** What came out of one turn. */
export interface TurnResult {
  readonly turn: Turn;
  readonly fold: Fold;
  /** Of the model as it was at the end, in evaluation mode: `loss` on the training part, `validationLoss`, `testLoss`, and so each metric. */
  readonly logs: Logs;
  /** Epochs that were trained. */
  readonly epochs: number;
}

/** What came out of all turns. */
export interface CrossValidation {
  readonly turns: readonly TurnResult[];
  /** Mean of each number over the turns. */
  readonly mean: Logs;
  /** Standard deviation of each number between the turns (n - 1); NaN of a single turn. */
  readonly std: Logs;
  /** A line for each turn, then mean and spread. */
  readonly table: string;
}

/**
 * Trains and tests k times, each time on other parts of the data, and averages: how good a way of training is, and how much of it is
 * chance. By default in the rotation of 5 folds: three to train, one to validate, one to test; with `validation: false` four and one.
 *
 * ```ts
 * const { mean, std, table } = await crossValidate(
 *   () => { const model = new nn.Linear(4, 3); return { model, optimizer: new optim.Adam(model) }; },
 *   { x, y },
 *   { loss: nn.crossEntropy, metrics: { accuracy }, epochs: 20, stratify: labels },
 * );
 * console.log(mean.testAccuracy, std.testAccuracy);
 * ```
 *
 * The validation part is that of `fit`, for early stopping; the test part is looked at after the training only. Results are functions of
 * the seed.
 *
 * @throws DataError for folds or data that make no sense, TypeError for unknown options, and what `fit` throws
 */
export async function crossValidate<Data extends Divisible>(
  build: Build,
  data: Data,
  options: CrossValidationOptions<Data>,
): Promise<CrossValidation> {
  const {
    k,
    folds,
    seed = 0,
    batchSize,
    batches,
    shuffle,
    stratify,
    groups,
    validation,
    ...training
  } = options;
  const own = { k, shuffle, stratify, groups, validation };
  const conflict = Object.entries(own).find(([, value]) => folds !== undefined && value !== undefined);
  if (conflict !== undefined)
    throw new TypeError(`crossValidate: folds decides that itself; leave out ${conflict[0]}`);
  const given = { shuffle, stratify, groups, validation };
  const chosen = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  const turns: TurnResult[] = [];
  const make = batches ?? batchesOf('crossValidate', data, batchSize);
  for (const [number, fold] of (folds ?? kFolds(countOf(data), k, { ...chosen, seed })).entries()) {
    const turn = { number, seed: turnSeed(seed, number) };
    const parts = {
      train: pick(data, fold.train),
      validation: fold.validation.length === 0 ? null : pick(data, fold.validation),
      test: pick(data, fold.test),
    };
    turns.push({ turn, fold, ...(await trainAndTest(build, turn, parts, make, training)) });
  }
  const [mean, std] = meanAndSpread(turns.map(({ logs }) => logs));
  return { turns, mean, std, table: tableOf(turns, mean, std) };
}

/** Options of {@link learningCurve}, besides those of {@link fit}. */
export interface LearningCurveOptions<Data> extends Omit<CrossValidationOptions<Data>, 'validation'> {
  /** Numbers of examples to train on; numbers up to 1 are shares of what there is. Default 10, 33, 55, 78 and 100 %. */
  readonly sizes?: readonly number[];
}

/** A point of a learning curve. */
export interface LearningPoint {
  /** Trained on so many examples. */
  readonly examples: number;
  /** Means over the turns: `loss` on the examples that were trained on, `validationLoss` on those that were held out, and so each metric. */
  readonly mean: Logs;
  /** Standard deviations between turns. */
  readonly std: Logs;
}

/**
 * How good a model becomes with how many examples: whether more of them would help (the validation curve still falls), or a larger model
 * (both curves are flat and near each other, and high). In each of k turns a fold is held out for validation, and trainings get
 * growing parts of the others. Give data without the test set.
 *
 * @throws as {@link crossValidate}
 */
export async function learningCurve<Data extends Divisible>(
  build: Build,
  data: Data,
  options: LearningCurveOptions<Data>,
): Promise<LearningPoint[]> {
  const { sizes = [0.1, 0.325, 0.55, 0.775, 1], k = 5, folds, seed = 0, ...rest } = options;
  const { batchSize, batches, shuffle, stratify, groups, ...training } = rest;
  const given = { shuffle, stratify, groups };
  const chosen = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  const turns = folds ?? kFolds(countOf(data), k, { ...chosen, seed, validation: false });
  const make = batches ?? batchesOf('learningCurve', data, batchSize);
  const least = Math.min(...turns.map(({ train }) => train.length));
  const counts = sizes.map((size) => (size <= 1 ? Math.round(size * least) : size));
  counts.forEach((count, i) => {
    if (!Number.isInteger(count) || count < 1 || count > least)
      throw new RangeError(
        `learningCurve: size ${sizes[i]} is not possible: there are 1 to ${least} examples to train on`,
      );
  });
  const points: LearningPoint[] = [];
  for (const count of counts) {
    const logs: Logs[] = [];
    for (const [number, { train, test }] of turns.entries()) {
      const parts = {
        train: pick(data, mixed(train, turnSeed(seed, number)).subarray(0, count)),
        validation: pick(data, test),
        test: null,
      };
      const turn = { number, seed: turnSeed(seed, number) };
      logs.push((await trainAndTest(build, turn, parts, make, training)).logs);
    }
    const [mean, std] = meanAndSpread(logs);
    points.push({ examples: count, mean, std });
  }
  return points;
}

interface PartsOf<Data> {
  readonly train: Data;
  readonly validation: Data | null;
  readonly test: Data | null;
}

async function trainAndTest<Data>(
  build: Build,
  turn: Turn,
  parts: PartsOf<Data>,
  make: MakeBatches<Data>,
  training: TrainingOptions,
): Promise<{ logs: Logs; epochs: number }> {
  seedDefault(turn.seed);
  const { model, optimizer, callbacks = [] } = build(turn);
  const still = (part: Data): Batches => make(part, { shuffle: false, seed: turn.seed });
  const { epochs } = await fit(model, {
    ...training,
    data: make(parts.train, { shuffle: true, seed: turn.seed }),
    ...(parts.validation === null ? {} : { validation: still(parts.validation) }),
    ...{ optimizer, callbacks },
  });
  const { loss, lossWeights, classWeights, weightedMean, penalty, metrics, weightedMetrics, signal } =
    training;
  const measuring = {
    loss,
    lossWeights,
    classWeights,
    weightedMean,
    penalty,
    metrics,
    weightedMetrics,
    signal,
  };
  const logs: Record<string, number> = {};
  for (const [name, part] of Object.entries(parts) as [string, Data | null][]) {
    if (part === null) continue;
    const measured = await evaluate(model, still(part), measuring);
    for (const [what, value] of Object.entries(numbersIn(measured)))
      logs[name === 'train' ? what : `${name}${what[0].toUpperCase()}${what.slice(1)}`] = value;
  }
  return { logs, epochs: epochs.length };
}

/** How data of the two usual kinds becomes batches. */
function batchesOf<Data extends Divisible>(name: string, data: Data, batchSize = 32): MakeBatches<Data> {
  if ('images' in data && 'labels' in data && !(data.images instanceof Tensor))
    return (part, options) => loader(part as unknown as Dataset, { batchSize, ...options });
  const { x, y } = data as { readonly x?: unknown; readonly y?: unknown };
  if (!(x instanceof Tensor) || !(y instanceof Tensor))
    throw new TypeError(
      `${name}: the data is neither a Dataset nor arrays { x, y }; give the option batches: (part, { shuffle, seed }) => loader`,
    );
  return (part, options) => {
    const { x, y } = part as unknown as { readonly x: Tensor; readonly y: Tensor };
    return tensorLoader([x, y], { batchSize, ...options });
  };
}

const turnSeed = (seed: number, number: number): number => foldIn(keyOf(seed), number + 1)[0] >>> 1;

/** Parts of this are random examples, and larger parts have the smaller ones in them. */
const mixed = (positions: Int32Array, seed: number): Int32Array =>
  hostPermutation(keyOf(seed), positions.length).map((i) => positions[i]);

function meanAndSpread(all: readonly Logs[]): [mean: Logs, std: Logs] {
  const names = Object.keys(all[0] ?? {});
  const mean = Object.fromEntries(
    names.map((name) => [name, all.reduce((sum, logs) => sum + logs[name], 0) / all.length]),
  );
  const std = Object.fromEntries(
    names.map((name) => {
      const squares = all.reduce((sum, logs) => sum + (logs[name] - mean[name]) ** 2, 0);
      return [name, all.length < 2 ? Number.NaN : Math.sqrt(squares / (all.length - 1))];
    }),
  );
  return [mean, std];
}

function tableOf(turns: readonly TurnResult[], mean: Logs, std: Logs): string {
  const names = Object.keys(mean);
  const line = (head: string, logs: Logs): string[] => [head, ...names.map((name) => logs[name].toFixed(4))];
  const rows = [
    ['turn', ...names],
    ...turns.map(({ turn, logs }) => line(String(turn.number + 1), logs)),
    line('mean', mean),
    line('std', std),
  ];
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  return rows.map((row) => row.map((cell, i) => cell.padStart(widths[i])).join('  ')).join('\n');
}
