import type { Tensor } from '../core/tensor.ts';
import type { Layer, Module } from '../nn/module.ts';
import { breathe } from './breath.ts';
import { callbackNames, type Logs, type NotFinite, type Run, type StepReport } from './callback.ts';
import { readBatch } from './data_forms.ts';
import { DivergenceError } from './errors.ts';
import { type Evaluation, Evaluator, logsOf, type OutputsOf } from './evaluate.ts';
import { Feed } from './feed.ts';
import { type FitOptions, planOf } from './fit_options.ts';
import { Means } from './means.ts';
import { Measures, numbersIn } from './measures.ts';
import { joined, Objective } from './objective.ts';
import { Place } from './place.ts';
import type { Part, State } from './state.ts';
import { scalarNames, TrainingStep, take, withBatch } from './training_step.ts';

/** How a training went. */
export interface History {
  /** Logs of each epoch, those of earlier sessions of a resumed run included. */
  readonly epochs: readonly Logs[];
  /** Steps in all. */
  readonly steps: number;
  /** Why a callback ended the training before its time, or null. */
  readonly stopped: string | null;
  /** What metrics that are objects gave in the last epoch, matrices and curves too: `confusion`, `validationConfusion`. */
  readonly results: Readonly<Record<string, unknown>>;
}

/**
 * Trains a model: for each epoch and batch one step of the optimizer along the gradient of the loss, compiled as one program,
 * with the model in training mode; after each epoch an evaluation on the validation data. Training metrics are measured over the epoch
 * while the weights change, on the outputs of the training passes: functions as means over batches, objects such as `new F1()` exactly.
 *
 * @throws DivergenceError as soon as a loss is NaN or infinite, saying at which step, unless a callback such as `nanGuard` deals with it
 * @throws Interrupted when the signal is aborted
 * @throws TypeError or Error for options and batches that are not what they should be
 */
export async function fit<M extends Module, Y = Tensor>(
  model: M,
  options: FitOptions<OutputsOf<M>, Y>,
): Promise<History> {
  const plan = planOf(model, options as FitOptions<never, never>);
  const { source, validation, epochs, accumulate, validateEvery } = plan;
  const { optimizer, metrics = {}, weightedMetrics = {}, callbacks = [], signal } = options;
  const objective = new Objective('fit', options as never);
  const measures = new Measures('fit', objective, metrics as never, weightedMetrics as never);
  const byStep = 'steps' in validateEvery ? validateEvery.steps : null;

  let stopped: string | null = null;
  let isStopping = false;
  let isWhole = true;
  let isSpoilt = false;
  /** Of the present epoch: means of training, the last validation and its results. */
  const means = new Means();
  let validated: Record<string, number> = {};
  let results: Record<string, unknown> = {};
  const place = new Place(source.placed);
  const validationPlace = new Place(validation?.placed ?? {});
  /** What measures have seen of the epoch, while the validation uses the same objects for itself. */
  let seen: State | null = null;
  const metricsPart: Part = {
    stateDict: () => (run.batch === 0 ? null : (seen ?? measures.stateDict())),
    loadStateDict: (state: State) => {
      if (run.batch > 0 && state !== null) measures.loadStateDict(state as never);
    },
  };
  const lastValidation: Part = {
    stateDict: () => ({ ...validated }),
    loadStateDict: (state: State) => {
      validated = { ...(state as Record<string, number>) };
    },
  };
  const run: Run = {
    // Callbacks mostly see models with one input and output.
    model: model as unknown as Layer,
    optimizer,
    epochs,
    stepsPerEpoch:
      plan.stepsPerEpoch ?? (source.length === undefined ? null : Math.ceil(source.length / accumulate)),
    examples: source.examples,
    validationExamples: validation?.examples ?? null,
    validates:
      validation === null
        ? 'never'
        : 'epochs' in validateEvery && validateEvery.epochs === 1
          ? 'always'
          : 'sometimes',
    epoch: plan.initialEpoch,
    step: 0,
    batch: 0,
    history: [],
    results,
    callbacks,
    parts: new Map<string, Part>([
      ['means', means],
      ['data', place],
      ...(measures.needsOutputs ? [['metrics', metricsPart] as const] : []),
      ...(validation === null ? [] : [['validation', validationPlace] as const]),
      ...(byStep === null ? [] : [['lastValidation', lastValidation] as const]),
    ]),
    get isWhole() {
      return isWhole && !isSpoilt;
    },
    restored: null,
    stop: (reason, { now = false } = {}) => {
      stopped ??= reason;
      isStopping ||= now;
    },
  };
  const guards = callbacks.some((callback) => callback.guardsSteps === true);
  const step = new TrainingStep(model, objective, measures, optimizer, {
    accumulate,
    clipNorm: options.clipNorm ?? null,
    clipValue: options.clipValue ?? null,
    afterUpdate: options.afterUpdate ?? null,
    isGuarded: guards,
  });
  const names = scalarNames(objective, measures);
  const evaluator = new Evaluator('fit', model, objective, measures);
  const feed = new Feed(source, plan.stepsPerEpoch === null ? null : plan.stepsPerEpoch * accumulate);
  const breath = breathe(signal);

  /** Asks callbacks what to do about a loss or gradients that are not finite: goes on if they say so. */
  const dealWith = (what: NotFinite['what'], value: number): void => {
    const batch = what === 'validation loss' ? null : run.batch;
    const report: NotFinite = { what, value, batch };
    if (callbacks.some((callback) => callback.onNotFinite?.(run, report) === true)) {
      // Who ends it at once may have put other weights in.
      isSpoilt ||= isStopping;
      return;
    }
    throw diverged(what, value, run, batch === null ? '' : `, batch ${batch}`);
  };

  /** Evaluates on the validation data. */
  const validate = async (): Promise<void> => {
    if (validation === null) return;
    for (const callback of callbacks) callback.onValidation?.(run);
    if (measures.needsOutputs) seen = measures.stateDict();
    const evaluation: Evaluation = await validationPlace.during(() =>
      evaluator.on(validation, 'the validation data', breath, plan.validationSteps),
    );
    if (seen !== null) measures.loadStateDict(seen as never);
    seen = null;
    const named = <T>(values: Readonly<Record<string, T>>): Record<string, T> =>
      Object.fromEntries(Object.entries(values).map(([name, value]) => [joined('validation', name), value]));
    validated = named(logsOf(evaluation));
    Object.assign(results, named(evaluation.results));
    if (!Number.isFinite(validated.validationLoss)) dealWith('validation loss', validated.validationLoss);
    for (const callback of callbacks) await callback.onValidationEnd?.(run, validated);
  };

  /** Trains on the batches of one update; false if there are none left in the epoch. */
  const trainStep = async (): Promise<boolean> => {
    const group = new Means();
    let examples = 0;
    let used = 0;
    let sound = 0;
    while (used < accumulate) {
      const value = await feed.next();
      if (value === null) break;
      isWhole = false;
      const where = `batch ${run.batch + 1} of epoch ${run.epoch + 1}`;
      const batch = readBatch('fit', where, value);
      const { scalars, outputs, isSound } = withBatch('fit', where, batch, () => step.batch(batch));
      if (used++ === 0) run.step++;
      run.batch++;
      const loss = scalars.values[0].item();
      if (Number.isFinite(loss) && isSound) {
        sound++;
        examples += batch.examples;
        take(names, scalars, batch.examples, [group, means]);
        if (measures.needsOutputs)
          withBatch('fit', where, batch, () => measures.update(outputs, batch.y, batch.weights));
      } else if (Number.isFinite(loss)) dealWith('gradient', Number.NaN);
      else dealWith('loss', loss);
      if (isStopping) return true;
      if (used < accumulate) await breath();
    }
    if (used === 0) return false;
    if (sound > 0) {
      step.update();
      const report: StepReport = { logs: group.logs, batch: Math.ceil(run.batch / accumulate), examples };
      for (const callback of callbacks) {
        const waiting = callback.onStep?.(run, report);
        if (waiting !== undefined) await waiting;
      }
      if (byStep !== null && run.step % byStep === 0) await validate();
      isWhole = true;
      for (const callback of callbacks) {
        const waiting = callback.afterStep?.(run, report);
        if (waiting !== undefined) await waiting;
      }
    }
    isWhole = true;
    await breath();
    return true;
  };

  /** The epoch from `run.batch` on, which is not 0 in a run that was resumed in the middle of one. */
  const trainEpoch = async (): Promise<Logs> => {
    if (run.batch === 0) {
      means.clear();
      measures.reset();
      validated = {};
    }
    results = {};
    run.results = results;
    await feed.begin(run.epoch, run.batch, place.isRestored);
    while (!isStopping && (await trainStep()));
    if (run.batch === 0)
      throw new Error(
        `fit: the data has no batches in epoch ${run.epoch + 1}; a generator, for one, can be iterated only once`,
      );
    const found = measures.results();
    Object.assign(results, found);
    return { ...means.logs, ...numbersIn(found) };
  };

  /** Whether to evaluate after the present epoch. */
  const isValidated = (): boolean =>
    'epochs' in validateEvery &&
    ((run.epoch + 1) % validateEvery.epochs === 0 || run.epoch + 1 >= epochs || stopped !== null);

  let failure: unknown = null;
  try {
    for (const callback of callbacks) await callback.restore?.(run);
    for (const callback of callbacks) await callback.onBegin?.(run);
    await restoreStates(run);
    requireParameters(model);
    while (run.epoch < epochs && stopped === null) {
      model.train();
      for (const callback of callbacks) callback.onEpochBegin?.(run);
      const trained = await trainEpoch();
      if (isStopping) break;
      run.stepsPerEpoch = Math.ceil(run.batch / accumulate);
      if (isValidated()) await validate();
      if (isStopping) break;
      const logs = { ...trained, ...validated };
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
  try {
    await feed.close();
  } catch (error) {
    failure ??= error;
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
  for (const callback of callbacks) await callback.afterFinish?.(run);
  return { epochs: run.history, steps: run.step, stopped, results: run.results };
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

/** Where to look first. Before the first update the learning rate has done nothing yet. */
function hint(what: NotFinite['what'], step: number): string {
  if (step > 1) return 'Try a smaller learning rate';
  return what === 'gradient'
    ? 'Look for infinite slopes, such as that of sqrt at 0'
    : 'Look for NaN in the data, and for labels that are no classes';
}

function diverged(what: NotFinite['what'], value: number, run: Run, where: string): DivergenceError {
  const good = run.callbacks
    .map((callback) => callback.lastGood?.())
    .find((place) => typeof place === 'string');
  return new DivergenceError(
    `fit: the ${what} is ${value} at step ${run.step} (epoch ${run.epoch + 1}${where}); training has stopped. ` +
      `${good === undefined ? '' : `The last good checkpoint is ${good}. `}` +
      hint(what, run.step),
  );
}

function requireParameters(model: Module): void {
  if (model.parameters().length > 0) return;
  const frozen = model.namedParameters().length;
  throw new Error(
    frozen > 0
      ? `fit: all ${frozen} parameters of the model are frozen; unfreeze() some of them`
      : 'fit: the model has no parameters to train; layers must be in fields of the module that are not private',
  );
}
