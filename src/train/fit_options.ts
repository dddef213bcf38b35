import { checkOptions } from '../core/options.ts';
import type { Tensor } from '../core/tensor.ts';
import type { Module } from '../nn/module.ts';
import type { Optimizer } from '../optim/optimizer.ts';
import type { Callback } from './callback.ts';
import { type Data, isWhole, kindOf, openData, type Source, splitOff } from './data_forms.ts';
import { requireCount } from './evaluate.ts';
import type { Metrics } from './measures.ts';
import type { ObjectiveOptions } from './objective.ts';

/** What `fit` is to do. O and Y are the model's outputs and the targets: arrays, or trees of them. */
export interface FitOptions<O = Tensor, Y = Tensor> extends ObjectiveOptions<O, Y> {
  /** What to train on: batches, or arrays and datasets, which are cut into batches. */
  readonly data: Data;
  /** Batches to evaluate the model on after each epoch. Default none. */
  readonly validation?: Data;
  /** Instead of `validation`: the share of arrays or of a dataset, from its end, that is not trained on but evaluated. */
  readonly validationSplit?: number;
  /** When to evaluate: after so many epochs (and after the last one), or after so many steps. Default 1. */
  readonly validateEvery?: number | { readonly epochs: number } | { readonly steps: number };
  /** Batches of the validation data to evaluate on, for data without end. Default: all. */
  readonly validationSteps?: number;
  /**
   * What is made small: a scalar from outputs and targets, averaged over the batch, such as `nn.crossEntropy`. With weights of examples or
   * classes the function is called with a third argument `{ reduction: 'none' }`, which the losses of `nabla/nn` know; a function that gives a scalar
   * even so is applied to each example as a batch of its own.
   */
  readonly loss: NonNullable<ObjectiveOptions<O, Y>['loss']>;
  readonly optimizer: Optimizer;
  /** Passes over the data. Default 1. */
  readonly epochs?: number;
  /** Epochs that count as done already. Default 0. */
  readonly initialEpoch?: number;
  /** Updates in an epoch, for data without end: each epoch goes on where the last one ended. Default: a pass over the data. */
  readonly stepsPerEpoch?: number;
  /** Examples per batch, where the data is arrays or a dataset. Default 32. */
  readonly batchSize?: number;
  /** Another order of the examples in each epoch, where the data is arrays or a dataset. Default true, as in Keras. */
  readonly shuffle?: boolean;
  /** Of these orders. Default 0. */
  readonly seed?: number;
  /** Also measured, on training and validation data, such as `{ accuracy, f1: new F1() }`. Default none. */
  readonly metrics?: Metrics<O, Y>;
  /** Metrics that count examples by the weights of the data and of the classes: functions get them as `{ weights }`. */
  readonly weightedMetrics?: Metrics<O, Y>;
  /** Batches whose gradients together make one update, as one large batch would. Default 1. */
  readonly accumulate?: number;
  /** Bound for the norm of all gradients as one vector, see `optim.clipGradNorm`. Default none. */
  readonly clipNorm?: number;
  /** Bound for each element of the gradients, applied before clipNorm. Default none. */
  readonly clipValue?: number;
  /** Part of the compiled step, after each update: `() => nn.constrain(model, nn.constraints.maxNorm(3))`, or an average's `update`. */
  readonly afterUpdate?: () => void;
  /** Progress, checkpoints and the like. Default none. */
  readonly callbacks?: readonly Callback[];
  /** Aborting it ends the training with an Interrupted, between two steps. */
  readonly signal?: AbortSignal;
}

const optionNames = [
  'data',
  'validation',
  'validationSplit',
  'validateEvery',
  'validationSteps',
  'loss',
  'lossWeights',
  'classWeights',
  'weightedMean',
  'penalty',
  'optimizer',
  'epochs',
  'initialEpoch',
  'stepsPerEpoch',
  'batchSize',
  'shuffle',
  'seed',
  'metrics',
  'weightedMetrics',
  'accumulate',
  'clipNorm',
  'clipValue',
  'afterUpdate',
  'callbacks',
  'signal',
];

/** Options of `fit`, checked, with their defaults. */
export interface Plan {
  readonly source: Source;
  readonly validation: Source | null;
  readonly epochs: number;
  readonly initialEpoch: number;
  readonly accumulate: number;
  /** Updates in an epoch, if that is given. */
  readonly stepsPerEpoch: number | null;
  /** Epochs, or else steps, from one evaluation to the next. */
  readonly validateEvery: { readonly epochs: number } | { readonly steps: number };
  readonly validationSteps: number | null;
}

/**
 * Checks the options of `fit`.
 *
 * @throws TypeError for what is missing, unknown or of the wrong kind, Error for what is out of range or does not go together
 */
export function planOf(model: Module, options: FitOptions<never, never>): Plan {
  checkOptions('fit', options, optionNames);
  const { data, loss, optimizer, epochs = 1, initialEpoch = 0, accumulate = 1, stepsPerEpoch } = options;
  for (const [name, value] of Object.entries({ data, loss, optimizer }))
    if (value === undefined) throw new TypeError(`fit: the option ${name} is missing`);
  if (typeof (model as Partial<Module> | undefined)?.parameters !== 'function')
    throw new TypeError(`fit: the model must be a module, got ${kindOf(model)}`);
  if (typeof (optimizer as Partial<Optimizer>).update !== 'function')
    throw new TypeError(
      `fit: optimizer must be an optimizer, such as new optim.Adam(model), got ${kindOf(optimizer)}`,
    );
  for (const [name, value] of Object.entries({ epochs, initialEpoch }))
    if (!Number.isInteger(value) || value < 0)
      throw new Error(`fit: ${name} must be an integer from 0 on, got ${value}`);
  requireCount('fit', 'accumulate', accumulate);
  requireCount('fit', 'stepsPerEpoch', stepsPerEpoch);
  requireCount('fit', 'validationSteps', options.validationSteps);
  for (const name of ['clipNorm', 'clipValue'] as const) {
    const bound = options[name];
    if (bound !== undefined && !(bound > 0))
      throw new Error(`fit: ${name} must be a positive number, got ${bound}`);
  }
  if (options.afterUpdate !== undefined && typeof options.afterUpdate !== 'function')
    throw new TypeError(`fit: afterUpdate must be a function, got ${kindOf(options.afterUpdate)}`);
  for (const [i, callback] of (options.callbacks ?? []).entries())
    if (typeof callback !== 'object' || callback === null)
      throw new TypeError(
        `fit: callbacks[${i}] is ${kindOf(callback)}, not a callback` +
          (typeof callback === 'function' ? `; call it: ${(callback as { name: string }).name}()` : ''),
      );
  const every = intervalOf(options.validateEvery);
  const { batchSize, shuffle, seed, validationSplit, validation } = options;
  if (validationSplit !== undefined && validation !== undefined)
    throw new Error('fit: there are both validation and validationSplit; give one of them');
  const [train, held] =
    validationSplit === undefined ? [data, validation] : splitOff('fit', data, validationSplit);
  const source = openData('fit', 'the data', train, {
    // It may be for the validation data alone.
    batchSize: isWhole(train) || !isWhole(held) ? batchSize : undefined,
    shuffle: shuffle ?? (isWhole(train) ? true : undefined),
    seed,
  });
  if (held === undefined && (options.validateEvery !== undefined || options.validationSteps !== undefined))
    throw new Error(
      `fit: ${options.validateEvery !== undefined ? 'validateEvery' : 'validationSteps'} needs the option validation, or validationSplit`,
    );
  return {
    source,
    validation:
      held === undefined
        ? null
        : openData('fit', 'the validation data', held, { batchSize: isWhole(held) ? batchSize : undefined }),
    epochs,
    initialEpoch,
    accumulate,
    stepsPerEpoch: stepsPerEpoch ?? null,
    validateEvery: every,
    validationSteps: options.validationSteps ?? null,
  };
}

function intervalOf(every: FitOptions['validateEvery'] = 1): { epochs: number } | { steps: number } {
  const entries = Object.entries(typeof every === 'number' ? { epochs: every } : (every ?? {}));
  const [[unit, count] = ['', 0]] = entries;
  if (entries.length !== 1 || !['epochs', 'steps'].includes(unit) || !Number.isInteger(count) || count < 1)
    throw new Error(
      `fit: validateEvery must be a number of epochs, { epochs: n } or { steps: n }, got ${JSON.stringify(every)}`,
    );
  return unit === 'steps' ? { steps: count } : { epochs: count };
}
