import type { Layer, Module } from '../nn/module.ts';
import { type Breath, breathe } from './breath.ts';
import {
  type Callback,
  callbackNames,
  type Logs,
  type NotFinite,
  type Run,
  type StepReport,
} from './callback.ts';
import { readBatch } from './data_forms.ts';
import { DivergenceError } from './errors.ts';
import { Evaluator, logsOf } from './evaluate.ts';
import { Feed } from './feed.ts';
import { type FitOptions, type Plan, planOf } from './fit_options.ts';
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

/** A training from its options to its history: what `fit` does. */
export class Training {
  readonly #model: Module;
  readonly #plan: Plan;
  readonly #callbacks: readonly Callback[];
  readonly #measures: Measures;
  /** Names of what a step measures. */
  readonly #names: readonly string[];
  readonly #step: TrainingStep;
  readonly #evaluator: Evaluator;
  readonly #feed: Feed;
  readonly #breath: Breath;
  readonly #run: Run;
  readonly #place: Place;
  readonly #validationPlace: Place;
  /** Means of the present epoch. */
  readonly #means = new Means();
  /** The last validation of the present epoch. */
  #validated: Record<string, number> = {};
  /** What measures have seen of the epoch, while the validation uses the same objects for itself. */
  #seen: State | null = null;
  #stopped: string | null = null;
  /** Whether to end after the present step. */
  #isStopping = false;
  #isWhole = true;
  /** Whether a callback has put other weights in. */
  #isSpoilt = false;

  /** @throws TypeError or Error for options that are not what they should be */
  constructor(model: Module, options: FitOptions<never, never>) {
    this.#model = model;
    this.#plan = planOf(model, options);
    const { source, validation, accumulate, stepsPerEpoch } = this.#plan;
    const { optimizer, metrics = {}, weightedMetrics = {}, callbacks = [], signal } = options;
    const objective = new Objective('fit', options);
    this.#callbacks = callbacks;
    this.#measures = new Measures('fit', objective, metrics, weightedMetrics);
    this.#names = scalarNames(objective, this.#measures);
    this.#step = new TrainingStep(model, objective, this.#measures, optimizer, {
      accumulate,
      clipNorm: options.clipNorm ?? null,
      clipValue: options.clipValue ?? null,
      afterUpdate: options.afterUpdate ?? null,
      isGuarded: callbacks.some((callback) => callback.guardsSteps === true),
    });
    this.#evaluator = new Evaluator('fit', model, objective, this.#measures);
    this.#feed = new Feed(source, stepsPerEpoch === null ? null : stepsPerEpoch * accumulate);
    this.#breath = breathe(signal);
    this.#place = new Place(source.placed);
    this.#validationPlace = new Place(validation?.placed ?? {});
    this.#run = this.#begun(options);
  }

  /** The run as callbacks see it, before its first step. */
  #begun({ optimizer }: FitOptions<never, never>): Run {
    const { source, validation, epochs, initialEpoch, accumulate, stepsPerEpoch, validateEvery } = this.#plan;
    const isEvery = 'epochs' in validateEvery && validateEvery.epochs === 1;
    const isWhole = (): boolean => this.#isWhole && !this.#isSpoilt;
    return {
      // Callbacks mostly see models with one input and output.
      model: this.#model as unknown as Layer,
      optimizer,
      epochs,
      stepsPerEpoch:
        stepsPerEpoch ?? (source.length === undefined ? null : Math.ceil(source.length / accumulate)),
      examples: source.examples,
      validationExamples: validation?.examples ?? null,
      validates: validation === null ? 'never' : isEvery ? 'always' : 'sometimes',
      epoch: initialEpoch,
      step: 0,
      batch: 0,
      history: [],
      results: {},
      callbacks: this.#callbacks,
      parts: this.#parts(),
      get isWhole() {
        return isWhole();
      },
      restored: null,
      stop: (reason, { now = false } = {}) => {
        this.#stopped ??= reason;
        this.#isStopping ||= now;
      },
    };
  }

  /** What checkpoints need besides the model, the optimizer and what the run says. */
  #parts(): Map<string, Part> {
    const { validation, validateEvery } = this.#plan;
    const metrics: Part = {
      stateDict: () => (this.#run.batch === 0 ? null : (this.#seen ?? this.#measures.stateDict())),
      loadStateDict: (state: State) => {
        if (this.#run.batch > 0 && state !== null) this.#measures.loadStateDict(state as never);
      },
    };
    const lastValidation: Part = {
      stateDict: () => ({ ...this.#validated }),
      loadStateDict: (state: State) => {
        this.#validated = { ...(state as Record<string, number>) };
      },
    };
    return new Map<string, Part>([
      ['means', this.#means],
      ['data', this.#place],
      ...(this.#measures.needsOutputs ? [['metrics', metrics] as const] : []),
      ...(validation === null ? [] : [['validation', this.#validationPlace] as const]),
      ...('steps' in validateEvery ? [['lastValidation', lastValidation] as const] : []),
    ]);
  }

  /** Trains to the end, and tells callbacks however that comes. */
  async train(): Promise<History> {
    const run = this.#run;
    let failure: unknown = null;
    /** What failed first is what there is to tell. */
    const note = async (body: () => Promise<void>): Promise<void> => {
      try {
        await body();
      } catch (error) {
        failure ??= error;
      }
    };
    await note(() => this.#trainEpochs());
    await note(() => this.#feed.close());
    for (const callback of this.#callbacks) await note(async () => callback.onFinish?.(run, failure));
    if (failure !== null) throw failure;
    for (const callback of this.#callbacks) await callback.afterFinish?.(run);
    return { epochs: run.history, steps: run.step, stopped: this.#stopped, results: run.results };
  }

  async #trainEpochs(): Promise<void> {
    const run = this.#run;
    for (const callback of this.#callbacks) await callback.restore?.(run);
    for (const callback of this.#callbacks) await callback.onBegin?.(run);
    await restoreStates(run);
    requireParameters(this.#model);
    while (run.epoch < run.epochs && this.#stopped === null) {
      this.#model.train();
      for (const callback of this.#callbacks) callback.onEpochBegin?.(run);
      const trained = await this.#trainEpoch();
      if (this.#isStopping) return;
      run.stepsPerEpoch = Math.ceil(run.batch / this.#plan.accumulate);
      if (this.#isValidated()) await this.#validate();
      if (this.#isStopping) return;
      const logs = { ...trained, ...this.#validated };
      this.#isWhole = false;
      run.epoch++;
      run.batch = 0;
      this.#means.clear();
      run.history.push(logs);
      for (const callback of this.#callbacks) await callback.onEpochEnd?.(run, logs);
      this.#isWhole = true;
      for (const callback of this.#callbacks) await callback.afterEpoch?.(run, logs);
    }
  }

  /** The epoch from `run.batch` on, which is not 0 in a run that was resumed in the middle of one. */
  async #trainEpoch(): Promise<Logs> {
    const run = this.#run;
    if (run.batch === 0) {
      this.#means.clear();
      this.#measures.reset();
      this.#validated = {};
    }
    run.results = {};
    await this.#feed.begin(run.epoch, run.batch, this.#place.isRestored);
    while (!this.#isStopping && (await this.#trainStep()));
    if (run.batch === 0)
      throw new Error(
        `fit: the data has no batches in epoch ${run.epoch + 1}; a generator, for one, can be iterated only once`,
      );
    const found = this.#measures.results();
    run.results = { ...run.results, ...found };
    return { ...this.#means.logs, ...numbersIn(found) };
  }

  /** Trains on the batches of one update, and tells callbacks; false if there are none left in the epoch. */
  async #trainStep(): Promise<boolean> {
    const run = this.#run;
    const { accumulate, validateEvery } = this.#plan;
    const group = new Means();
    let examples = 0;
    let used = 0;
    while (used < accumulate) {
      const value = await this.#feed.next();
      if (value === null) break;
      if (used > 0) await this.#breath();
      examples += this.#trainBatch(value, group, used++ === 0);
      if (this.#isStopping) return true;
    }
    if (used === 0) return false;
    // Otherwise every batch was left out.
    if (examples > 0) {
      this.#step.update();
      const report: StepReport = { logs: group.logs, batch: Math.ceil(run.batch / accumulate), examples };
      await this.#tell('onStep', report);
      if ('steps' in validateEvery && run.step % validateEvery.steps === 0) await this.#validate();
      this.#isWhole = true;
      await this.#tell('afterStep', report);
    }
    this.#isWhole = true;
    await this.#breath();
    return true;
  }

  /** Trains on a batch, which may be the first of its step; how many examples it has, 0 if it was left out. */
  #trainBatch(value: unknown, group: Means, isFirst: boolean): number {
    const run = this.#run;
    const where = `batch ${run.batch + 1} of epoch ${run.epoch + 1}`;
    const batch = readBatch('fit', where, value);
    this.#isWhole = false;
    const { scalars, outputs, isSound } = withBatch('fit', where, batch, () => this.#step.batch(batch));
    if (isFirst) run.step++;
    run.batch++;
    const loss = scalars.values[0].item();
    if (!Number.isFinite(loss) || !isSound) {
      if (Number.isFinite(loss)) this.#dealWith('gradient', Number.NaN);
      else this.#dealWith('loss', loss);
      return 0;
    }
    take(this.#names, scalars, batch.examples, [group, this.#means]);
    if (this.#measures.needsOutputs)
      withBatch('fit', where, batch, () => this.#measures.update(outputs, batch.y, batch.weights));
    return batch.examples;
  }

  /** Waits for a callback only where it is asynchronous: this happens at every step. */
  async #tell(hook: 'onStep' | 'afterStep', report: StepReport): Promise<void> {
    for (const callback of this.#callbacks) {
      const waiting = callback[hook]?.(this.#run, report);
      if (waiting !== undefined) await waiting;
    }
  }

  /** Whether to evaluate after the present epoch. */
  #isValidated(): boolean {
    const { validateEvery } = this.#plan;
    const { epoch, epochs } = this.#run;
    if (!('epochs' in validateEvery)) return false;
    const isLast = epoch + 1 >= epochs || this.#stopped !== null;
    return (epoch + 1) % validateEvery.epochs === 0 || isLast;
  }

  /** Evaluates on the validation data. */
  async #validate(): Promise<void> {
    const run = this.#run;
    const { validation, validationSteps } = this.#plan;
    if (validation === null) return;
    for (const callback of this.#callbacks) callback.onValidation?.(run);
    const seen = this.#measures.needsOutputs ? this.#measures.stateDict() : null;
    this.#seen = seen;
    const evaluation = await this.#validationPlace.during(() =>
      this.#evaluator.on(validation, 'the validation data', this.#breath, validationSteps),
    );
    if (seen !== null) this.#measures.loadStateDict(seen as never);
    this.#seen = null;
    this.#validated = prefixed(logsOf(evaluation));
    run.results = { ...run.results, ...prefixed(evaluation.results) };
    const { validationLoss } = this.#validated;
    if (!Number.isFinite(validationLoss)) this.#dealWith('validation loss', validationLoss);
    for (const callback of this.#callbacks) await callback.onValidationEnd?.(run, this.#validated);
  }

  /** Asks callbacks what to do about a loss or gradients that are not finite: goes on if they say so. */
  #dealWith(what: NotFinite['what'], value: number): void {
    const run = this.#run;
    const batch = what === 'validation loss' ? null : run.batch;
    if (!this.#callbacks.some((callback) => callback.onNotFinite?.(run, { what, value, batch }) === true))
      throw diverged(what, value, run, batch === null ? '' : `, batch ${batch}`);
    this.#isSpoilt ||= this.#isStopping;
  }
}

/** Values of a validation under their names in logs. */
const prefixed = <T>(values: Readonly<Record<string, T>>): Record<string, T> =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [joined('validation', name), value]));

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
