import { jit } from '../core/jit.ts';
import { checkOptions } from '../core/options.ts';
import type { Tensor } from '../core/tensor.ts';
import { valueAndGrad } from '../core/transforms.ts';
import type { Layer } from '../nn/module.ts';
import type { Optimizer } from '../optim/optimizer.ts';
import { breathe } from './breath.ts';
import { type Callback, callbackNames, type Logs, type Run, type StepReport } from './callback.ts';
import { DivergenceError } from './errors.ts';
import {
  type Batches,
  type BatchFunction,
  checkMetrics,
  evaluator,
  Means,
  namedNumbers,
} from './evaluate.ts';
import { Place } from './place.ts';
import type { Part } from './state.ts';

/** What {@link fit} is to do. */
export interface FitOptions {
  /** Batches to train on, iterated once per epoch. */
  readonly data: Batches;
  /** Batches to evaluate the model on after each epoch. Default none. */
  readonly validation?: Batches;
  /** What is made small: a scalar from outputs and targets, averaged over the batch, such as `nn.crossEntropy`. */
  readonly loss: BatchFunction;
  readonly optimizer: Optimizer;
  /** Passes over the data. Default 1. */
  readonly epochs?: number;
  /** Also measured, on training and validation data, such as `{ accuracy }`. Default none. */
  readonly metrics?: Readonly<Record<string, BatchFunction>>;
  /** Progress, checkpoints and the like. Default none. */
  readonly callbacks?: readonly Callback[];
  /** Aborting it ends the training with an Interrupted, between two steps. */
  readonly signal?: AbortSignal;
}

/** How a training went. */
export interface History {
  /** Logs of each epoch, those of earlier sessions of a resumed run included. */
  readonly epochs: readonly Logs[];
  /** Steps in all. */
  readonly steps: number;
  /** Why a callback ended the training before its time, or null. */
  readonly stopped: string | null;
}

const optionNames = ['data', 'validation', 'loss', 'optimizer', 'epochs', 'metrics', 'callbacks', 'signal'];

/**
 * Trains a model: for each epoch and batch one step of the optimizer along the gradient of the loss, compiled as one program,
 * with the model in training mode; after each epoch an evaluation on the validation data. Training metrics are means over the epoch
 * while the weights change, measured on the outputs of the training passes.
 *
 * @throws DivergenceError as soon as a loss is NaN or infinite, saying at which step
 * @throws Interrupted when the signal is aborted
 * @throws TypeError for unknown options
 */
export async function fit(model: Layer, options: FitOptions): Promise<History> {
  checkOptions('fit', options, optionNames);
  const { data, validation, loss, optimizer, epochs = 1, metrics = {}, callbacks = [], signal } = options;
  requirePresent({ data, loss, optimizer });
  checkMetrics('fit', metrics);
  if (!Number.isInteger(epochs) || epochs < 0)
    throw new Error(`fit: epochs must be an integer from 0 on, got ${epochs}`);
  let stopped: string | null = null;
  let isWhole = true;
  const means = new Means();
  const place = new Place(data);
  const validationPlace = validation === undefined ? null : new Place(validation);
  const run: Run = {
    model,
    optimizer,
    epochs,
    stepsPerEpoch: data.length ?? null,
    epoch: 0,
    step: 0,
    batch: 0,
    history: [],
    callbacks,
    parts: new Map<string, Part>([
      ['means', means],
      ['data', place],
      ...(validationPlace === null ? [] : [['validation', validationPlace] as const]),
    ]),
    get isWhole() {
      return isWhole;
    },
    restored: null,
    stop: (reason) => {
      stopped = reason;
    },
  };
  const step = trainingStep(model, loss, metrics, optimizer);
  const names = ['loss', ...Object.keys(metrics)];
  const validate = evaluator(model, { loss, metrics, signal });
  const breath = breathe(signal);

  /** The epoch from `run.batch` on, which is not 0 in a run that was resumed in the middle of one. */
  const trainEpoch = async (): Promise<Logs> => {
    if (run.batch === 0) {
      means.clear();
      if ('epoch' in data) data.epoch = run.epoch;
    }
    let passedOver = place.isRestored ? run.batch : 0;
    const isDone = run.batch > 0 && run.batch === run.stepsPerEpoch;
    for (const [x, y] of isDone ? [] : data) {
      // Data that cannot begin in the middle: what was trained on already is made and dropped.
      if (passedOver < run.batch) {
        passedOver++;
        continue;
      }
      isWhole = false;
      const logs = namedNumbers(names, step(x, y));
      run.step++;
      const batch = ++run.batch;
      passedOver = batch;
      if (!Number.isFinite(logs.loss)) throw diverged('loss', logs.loss, run, callbacks, `, batch ${batch}`);
      means.add(logs, x.shape[0]);
      const report: StepReport = { logs, batch, examples: x.shape[0] };
      for (const callback of callbacks) {
        const waiting = callback.onStep?.(run, report);
        if (waiting !== undefined) await waiting;
      }
      isWhole = true;
      for (const callback of callbacks) {
        const waiting = callback.afterStep?.(run, report);
        if (waiting !== undefined) await waiting;
      }
      await breath();
    }
    if (run.batch === 0)
      throw new Error(
        `fit: the data has no batches in epoch ${run.epoch + 1}; a generator, for one, can be iterated only once`,
      );
    run.stepsPerEpoch = run.batch;
    return means.logs;
  };

  let failure: unknown = null;
  try {
    for (const callback of callbacks) await callback.restore?.(run);
    for (const callback of callbacks) await callback.onBegin?.(run);
    await restoreStates(run);
    while (run.epoch < epochs && stopped === null) {
      model.train();
      for (const callback of callbacks) callback.onEpochBegin?.(run);
      const logs = { ...(await trainEpoch()) };
      if (validation !== undefined && validationPlace !== null) {
        for (const callback of callbacks) callback.onValidation?.(run);
        for (const [name, value] of Object.entries(
          await validationPlace.during(() => validate(validation, breath)),
        ))
          logs[`validation${name[0].toUpperCase()}${name.slice(1)}`] = value;
        if (!Number.isFinite(logs.validationLoss))
          throw diverged('validation loss', logs.validationLoss, run, callbacks);
      }
      isWhole = false;
      run.epoch++;
      run.batch = 0;
      means.clear();
      run.history.push(logs);
      for (const callback of callbacks) await callback.onEpochEnd?.(run, logs);
      isWhole = true;
      for (const callback of callbacks) await callback.afterEpoch?.(run, logs);
    }
  } catch (error) {
    failure = error;
  }
  for (const callback of callbacks) {
    try {
      await callback.onFinish?.(run, failure);
    } catch (error) {
      // What failed first is what there is to tell.
      failure ??= error;
    }
  }
  if (failure !== null) throw failure;
  return { epochs: run.history, steps: run.step, stopped };
}

/** Gives parts and callbacks of a resumed run what they had. */
async function restoreStates(run: Run): Promise<void> {
  const { parts, callbacks, restored } = run;
  if (restored === null) return;
  for (const [name, part] of parts)
    if (name in restored.parts) part.loadStateDict(restored.parts[name] as never);
  for (const [i, name] of callbackNames(callbacks).entries())
    if (name in restored.callbacks) await callbacks[i].restoreState?.(restored.callbacks[name], run);
}

/** Forward, backward and update as one compiled program; gives loss and metrics of the batch, in this order. */
function trainingStep(
  model: Layer,
  loss: BatchFunction,
  metrics: Readonly<Record<string, BatchFunction>>,
  optimizer: Optimizer,
): (x: Tensor, y: Tensor) => Tensor[] {
  return jit((x: Tensor, y: Tensor) => {
    const [[value, outputs], grads] = valueAndGrad((): [Tensor, Tensor] => {
      const predictions = model.forward(x);
      return [loss(predictions, y), predictions];
    }, model);
    optimizer.update(grads);
    return [value, ...Object.values(metrics).map((metric) => metric(outputs, y))];
  });
}

function diverged(
  what: string,
  value: number,
  run: Run,
  callbacks: readonly Callback[],
  where = '',
): DivergenceError {
  const good = callbacks.map((callback) => callback.lastGood?.()).find((place) => typeof place === 'string');
  return new DivergenceError(
    `fit: the ${what} is ${value} at step ${run.step} (epoch ${run.epoch + 1}${where}); training has stopped. ` +
      `${good === undefined ? '' : `The last good checkpoint is ${good}. `}Try a smaller learning rate`,
  );
}

function requirePresent(options: Readonly<Record<string, unknown>>): void {
  for (const [name, value] of Object.entries(options))
    if (value === undefined) throw new TypeError(`fit: the option ${name} is missing`);
}
