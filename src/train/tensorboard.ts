import { checkOptions } from '../core/options.ts';
import { Tensor } from '../core/tensor.ts';
import type { ArrayTree } from '../data/tensor_loader.ts';
import { filterPictures, gridOf, picturesOf } from './array_pictures.ts';
import type { Callback, Logs, Run } from './callback.ts';
import type { Data } from './data_forms.ts';
import { EventWriter, type EventWriterOptions, latestIn } from './events.ts';
import type { Hyperparameters } from './hyperparameters.ts';
import { modelGraph } from './model_graph.ts';
import { probe } from './probe.ts';
import { isPicture, scoreClassifier } from './scored_classes.ts';

/** What histograms can show. */
export type HistogramKind = 'parameters' | 'gradients' | 'outputs';
/** What pictures can show. */
export type PictureKind = 'inputs' | 'filters' | 'mistakes';

/** Options of {@link tensorBoard}. */
export interface TensorBoardOptions extends Omit<EventWriterOptions, 'purgeStep'> {
  /** Steps from one point of the curves of single batches to the next. Default 10; 0 for none. */
  readonly every?: number;
  /**
   * Histograms over time: of parameters, of gradients of the loss by them, of what each layer gives and the model itself (for a
   * classifier its logits). The latter two need a `sample`, gradients also a `loss`. Default none.
   */
  readonly histograms?: readonly HistogramKind[];
  /** `inputs`: of the `sample`, once; `filters` of convolutions; `mistakes`: the worst on the `validation` data. Default none. */
  readonly pictures?: readonly PictureKind[];
  /** A precision-recall curve of each class on the `validation` data (of the first 20), and one of all. Default false. */
  readonly prCurves?: boolean;
  /** How often histograms, pictures and precision-recall curves are written: epochs, or `{ steps }`. Default 1. */
  readonly detailsEvery?: number | { readonly steps: number };
  /** A batch to look at; with its targets for gradients. Of a model with several inputs, `{ x: [a, b], y }`. */
  readonly sample?:
    | Tensor
    | readonly [x: Tensor, y: Tensor]
    | { readonly x: ArrayTree; readonly y?: ArrayTree };
  /** For gradients: a scalar from what the model gives and the targets of the `sample`. */
  readonly loss?: (outputs: never, targets: never) => Tensor;
  /** Data of a classifier, whose targets are class numbers. */
  readonly validation?: Data;
  /** Default their numbers. */
  readonly classNames?: readonly string[];
  /** Draws the model once: with a `sample` every operation, else its parameters. Default true. */
  readonly graph?: boolean;
  /** Also the learning rate, milliseconds of a step, examples per second, and memory. Default true. */
  readonly system?: boolean;
  /** What the training is set to, for the HParams dashboard, which compares runs by the logs of epochs. Default none. */
  readonly hparams?: Hyperparameters;
  /** Texts in Markdown by name, written once. Default none. */
  readonly text?: Readonly<Record<string, string>>;
}

const optionNames = [
  ...['every', 'histograms', 'pictures', 'prCurves', 'detailsEvery', 'sample', 'loss', 'validation'],
  ...['classNames', 'graph', 'system', 'hparams', 'text', 'maxBytes', 'flushSeconds'],
];
/** Most filters, inputs and mistakes in a picture, and most classes with a curve of their own. */
const [mostFilters, mostInputs, mostMistakes, mostCurves] = [64, 16, 25, 20];

/**
 * Writes event files for TensorBoard (`tensorboard --logdir runs`) into a folder: series `step/loss`, ... of single
 * batches over steps, `epoch/loss`, `epoch/validationLoss`, ... over epochs, and as asked for histograms, pictures, precision-recall curves,
 * the graph of the model and its hyperparameters. Looking at the model does not change it, so the weights are those of a training
 * without. A resumed run adds a file that replaces what was written after its checkpoint.
 *
 * @throws TypeError or RangeError for options that do not go together; WriteError, in training, if the file cannot be written
 */
export function tensorBoard(folder: string, options: TensorBoardOptions = {}): Callback {
  checkOptions('tensorBoard', options, optionNames);
  checkDetails(options);
  const { every = 10, detailsEvery = 1, graph = true, system = true, hparams, text = {} } = options;
  let writer: EventWriter | null = null;
  let isTrialKnown = false;
  let clock = { time: 0, step: 0, examples: 0 };

  const write = (group: string, logs: Logs, step: number) => {
    for (const [name, value] of Object.entries(logs)) writer?.scalar(`${group}/${name}`, value, step);
  };
  const begin = (run: Run, to: EventWriter) => {
    if (run.step > 0) return;
    for (const [name, content] of Object.entries(text)) to.text(name, content, 0);
    const x = sampleOf(options)?.[0];
    if (graph) to.graph(modelGraph(run.model, ...inputsOf(x)));
    if (x instanceof Tensor && options.pictures?.includes('inputs') && isPicture(x))
      to.images('inputs', picturesOf(x.slice([0, Math.min(mostInputs, x.shape[0])])), 0);
  };
  /** The metrics that trials are compared by are known once there are logs. */
  const beginTrial = (logs: Logs) => {
    if (isTrialKnown || hparams === undefined) return;
    isTrialKnown = true;
    writer?.hparams(hparams, { metrics: Object.keys(logs).map((name) => `epoch/${name}`) });
  };
  const isDue = (run: Run, place: 'step' | 'epoch'): boolean =>
    typeof detailsEvery === 'number'
      ? place === 'epoch' && run.epoch % detailsEvery === 0
      : place === 'step' && run.step % detailsEvery.steps === 0;
  return {
    name: 'tensorBoard',
    onBegin: (run) => {
      isTrialKnown = false;
      const { maxBytes, flushSeconds } = options;
      // Also what a session has left that was killed before its first checkpoint.
      const purgeStep = run.step > 0 ? run.step + 1 : latestIn(folder) > 0 ? 0 : undefined;
      writer = new EventWriter(folder, {
        ...(purgeStep === undefined ? {} : { purgeStep }),
        ...(maxBytes === undefined ? {} : { maxBytes }),
        ...(flushSeconds === undefined ? {} : { flushSeconds }),
      });
      begin(run, writer);
    },
    // A checkpoint is about to be written: what a session that resumes from it will not write again must be on the disk.
    state: () => {
      writer?.flush();
      return null;
    },
    onEpochBegin: (run) => {
      clock = { time: performance.now(), step: run.step, examples: 0 };
    },
    onStep: (run, { logs, examples }) => {
      clock.examples += examples;
      if (every > 0 && run.step % every === 0) {
        write('step', logs, run.step);
        if (system) write('system', { learningRate: run.optimizer.lr, ...speedSince(clock, run) }, run.step);
        clock = { time: performance.now(), step: run.step, examples: 0 };
      }
      return writer !== null && isDue(run, 'step') ? writeDetails(writer, run, options) : undefined;
    },
    onEpochEnd: async (run, logs) => {
      // Over steps, too: TensorBoard forgets by step when a run is resumed.
      write('epoch', logs, run.step);
      if (system) write('system', memory(), run.step);
      beginTrial(logs);
      if (writer !== null && isDue(run, 'epoch')) await writeDetails(writer, run, options);
      writer?.flush();
    },
    onFinish: (run, error) => {
      try {
        beginTrial(run.history.at(-1) ?? {});
        // One that is interrupted goes on.
        const isEnd = !(error instanceof Error && error.name === 'Interrupted');
        if (hparams !== undefined && isEnd) writer?.hparamsEnd(error === null ? 'success' : 'failure');
      } finally {
        writer?.close();
        writer = null;
      }
    },
  };
}

/** The arguments of a model's `forward`; none where they are not arrays but trees of them. */
function inputsOf(x: ArrayTree | undefined): readonly Tensor[] {
  if (x instanceof Tensor) return [x];
  return Array.isArray(x) && x.every((one) => one instanceof Tensor) ? x : [];
}

/** Milliseconds of a step and examples in a second since the last point. */
function speedSince(clock: { time: number; step: number; examples: number }, run: Run): Logs {
  const [milliseconds, steps] = [performance.now() - clock.time, run.step - clock.step];
  if (steps <= 0 || milliseconds <= 0) return {};
  return {
    stepMilliseconds: milliseconds / steps,
    examplesPerSecond: (1000 * clock.examples) / milliseconds,
  };
}

/** Memory of the process in MiB, where the platform tells. */
function memory(): Logs {
  if (typeof process === 'undefined' || typeof process.memoryUsage !== 'function') return {};
  return { memoryMiB: process.memoryUsage().rss / 2 ** 20 };
}

function sampleOf({ sample }: TensorBoardOptions): readonly [x: ArrayTree, y: ArrayTree | null] | undefined {
  if (sample === undefined) return undefined;
  if (sample instanceof Tensor) return [sample, null];
  if ('x' in sample) return [sample.x, sample.y ?? null];
  return sample;
}

function checkDetails(options: TensorBoardOptions): void {
  const { every = 10, histograms = [], pictures = [], prCurves = false, detailsEvery = 1, loss } = options;
  if (!Number.isInteger(every) || every < 0)
    throw new RangeError(`tensorBoard: every must be an integer from 0 on, got ${every}`);
  const count = typeof detailsEvery === 'number' ? detailsEvery : detailsEvery.steps;
  if (!Number.isInteger(count) || count < 1)
    throw new RangeError(
      `tensorBoard: detailsEvery must be a number of epochs from 1 on, or { steps }, got ${JSON.stringify(detailsEvery)}`,
    );
  for (const [what, given, allowed] of [
    ['histograms', histograms, ['parameters', 'gradients', 'outputs']],
    ['pictures', pictures, ['inputs', 'filters', 'mistakes']],
  ] as const) {
    if (!Array.isArray(given))
      throw new TypeError(`tensorBoard: ${what} are a list of ${allowed.join(', ')}, got ${String(given)}`);
    for (const kind of given)
      if (!(allowed as readonly string[]).includes(kind))
        throw new TypeError(`tensorBoard: ${what} are a list of ${allowed.join(', ')}, got '${kind}'`);
  }
  const needed = (what: string, option: string): TypeError =>
    new TypeError(`tensorBoard: ${what} needs the option ${option}`);
  const sample = sampleOf(options);
  if (histograms.includes('outputs') && sample === undefined) throw needed("histograms 'outputs'", 'sample');
  if (histograms.includes('gradients') && (loss === undefined || !sample?.[1]))
    throw needed("histograms 'gradients'", 'loss, and a sample [x, y]');
  if (pictures.includes('inputs') && sample === undefined) throw needed("pictures 'inputs'", 'sample');
  if (pictures.includes('mistakes') && options.validation === undefined)
    throw needed("pictures 'mistakes'", 'validation');
  if (prCurves && options.validation === undefined) throw needed('prCurves', 'validation');
}

/** Histograms, pictures and curves of the model as it is. */
async function writeDetails(writer: EventWriter, run: Run, options: TensorBoardOptions): Promise<void> {
  const { histograms = [], pictures = [], prCurves = false, loss = null, validation } = options;
  const { model, step } = run;
  const write = (group: string, arrays: Readonly<Record<string, Tensor>>) => {
    for (const [name, array] of Object.entries(arrays)) writer.histogram(`${group}/${name}`, array, step);
  };
  if (histograms.includes('parameters'))
    write(
      'parameters',
      Object.fromEntries(model.namedParameters().map(([name, parameter]) => [name, parameter.value])),
    );
  const sample = sampleOf(options);
  if (sample !== undefined && (histograms.includes('outputs') || histograms.includes('gradients'))) {
    const slopeOf = histograms.includes('gradients') ? loss : null;
    const { outputs, gradients } = probe(
      model,
      ...sample,
      slopeOf as (outputs: never, y: ArrayTree) => Tensor,
    );
    if (histograms.includes('outputs')) write('outputs', outputs);
    write('gradients', gradients);
  }
  if (pictures.includes('filters'))
    for (const [name, { shape, value }] of model.namedParameters()) {
      if (shape.length !== 4 || shape[1] * shape[2] === 1) continue;
      const filters = filterPictures(value.slice([0, Math.min(mostFilters, shape[0])]));
      writer.images(`filters/${name}`, [gridOf(filters)], step);
    }
  if (validation !== undefined && (prCurves || pictures.includes('mistakes')))
    await writeClasses(writer, run, validation, options);
}

/** What there is to see of a classifier on validation data. */
async function writeClasses(
  writer: EventWriter,
  { model, step }: Run,
  validation: Data,
  { pictures = [], prCurves = false, classNames }: TensorBoardOptions,
): Promise<void> {
  const result = await scoreClassifier(model, validation, pictures.includes('mistakes') ? mostMistakes : 0);
  const nameOf = (label: number): string => classNames?.[label] ?? String(label);
  if (prCurves) {
    const { labels, scores, classes } = result;
    const column = (label: number) => labels.map((_, i) => scores[i * classes + label]);
    const isOf = (label: number) => labels.map((own) => Number(own === label));
    const shown = Array.from({ length: Math.min(classes, mostCurves) }, (_, label) => label);
    for (const label of classes === 2 ? [1] : shown)
      writer.prCurve(`precision-recall/${nameOf(label)}`, column(label), isOf(label), step);
    if (classes > 2)
      writer.prCurve(
        'precision-recall',
        scores,
        Array.from(scores, (_, i) => Number(labels[Math.floor(i / classes)] === i % classes)),
        step,
        { description: 'of all classes together' },
      );
  }
  if (pictures.includes('mistakes') && result.mistakes.length > 0) {
    writer.images('mistakes', [gridOf(result.mistakes.map(({ picture }) => picture))], step);
    const rows = result.mistakes.map(({ label, prediction, loss }) => [
      nameOf(label),
      nameOf(prediction),
      loss.toFixed(3),
    ]);
    writer.text('mistakes', [['class', 'taken for', 'loss'], ...rows], step);
  }
}
