import { checkOptions } from '../core/options.ts';
import { Tensor } from '../core/tensor.ts';
import type { Dataset } from '../data/dataset.ts';
import type { Image } from '../data/image.ts';
import { loader } from '../data/loader.ts';
import { writeFileAtomically } from '../io/atomic.ts';
import { makeFolder } from '../io/make_folder.ts';
import { type InputShapes, type ModelSummary, summarize } from '../nn/summary.ts';
import { nodeModule } from '../runtime/node_modules.ts';
import type { Callback, Run } from './callback.ts';
import { type Classified, classify } from './classify.ts';
import { histogramOf } from './histogram_buckets.ts';
import { probe } from './probe.ts';
import { type ClassReport, classReport } from './report_classes.ts';
import { type Environment, environmentHere } from './report_environment.ts';
import { HistogramSeries } from './report_histograms.ts';
import { type ReportData, type ReportState, reportPage, type TestReport } from './report_page.ts';
import { StepSeries } from './report_series.ts';
import { storedBlock, storedIn } from './report_store.ts';

/** Options of {@link report}. */
export interface ReportOptions {
  /** Default `Training`. */
  readonly title?: string;
  /** A line below it. Default the number of epochs and when the training began. */
  readonly subtitle?: string;
  /** What the training was set to. Default none. */
  readonly settings?: Readonly<Record<string, string | number | boolean | null>>;
  /** Added to what is found out about machine, versions and command line. */
  readonly environment?: Environment;
  /** Shape of the model's input, batch included, for the table of layers. Default one example of `sample`, else there is no table. */
  readonly inputShape?: InputShapes;
  /**
   * A batch of inputs, a list for a model with several: shows how the model's outputs are distributed over time. Default none.
   */
  readonly sample?: Tensor | readonly Tensor[];
  /** Histograms of parameters. Default true. */
  readonly histograms?: boolean;
  /** Writes after each epoch, however short it was. Default false: at most about a tenth of the time goes into it. */
  readonly eager?: boolean;
  /** Images to classify at the end of the training: confusion matrix, mistakes. Default none. */
  readonly test?: Dataset;
  /** Default those of `test`, else numbers. */
  readonly classNames?: readonly string[];
}

/** What {@link report} gives: a callback of `fit` that can be told more. */
export interface Report extends Callback {
  /** Shows how the model did on other examples, in place of what was shown before. */
  show(results: TestReport): void;
  /** Writes the page as it is now. */
  write(): Promise<void>;
}

const optionNames = [
  ...['title', 'subtitle', 'settings', 'environment', 'inputShape', 'sample', 'histograms'],
  ...['test', 'classNames', 'eager'],
];
/** Parameters whose histograms are kept. */
const mostParameters = 36;
const examplesAtOnce = 500;
/** Milliseconds after which the page is written within an epoch, too. */
const writeEvery = 30_000;

/** The shape of a batch of one. */
const oneOf = (sample: Tensor | readonly Tensor[] | undefined): InputShapes | undefined => {
  const one = ({ shape }: Tensor) => [1, ...shape.slice(1)];
  if (sample === undefined) return undefined;
  return sample instanceof Tensor ? one(sample) : sample.map(one);
};

/** As many parts of a histogram as its values are enough for. */
const partsFor = ({ size }: Tensor): number => Math.max(4, Math.min(30, Math.round(2 * Math.sqrt(size))));

/**
 * Writes a report of a training: one page (`report.html`, say) that needs no network and no scripts, with curves of all logs (raw and
 * smoothed, linear and logarithmic), how a classifier did class by class with its worst mistakes, layers, histograms over time,
 * settings and environment. It is replaced as a whole after each epoch (see `eager`), within long ones every
 * half minute, and at the end, also of a training that failed. A resumed run goes on with the curves of the page that it finds.
 *
 * @throws WriteError, in training, if the page cannot be written
 */
export function report(path: string, options: ReportOptions = {}): Report {
  checkOptions('report', options, optionNames);
  const { title = 'Training', settings = {}, inputShape = oneOf(options.sample) } = options;
  const { sample, histograms = true, test, classNames, eager = false } = options;
  let steps = new StepSeries();
  let kept = new HistogramSeries();
  let [seconds, examples, before, since] = [0, 0, 0, 0];
  /** When the page was last written, and how long that took. */
  let last = { at: 0, took: 0 };
  let ends: number[] = [];
  let began = new Date();
  let environment: Environment = {};
  let [state, message]: [ReportState, string | null] = ['running', null];
  let results: TestReport | null = null;
  let [run, summary]: [Run | null, ModelSummary | null] = [null, null];

  const note = (model: Run['model'], epoch: number) => {
    if (!kept.wants(epoch)) return;
    const named = histograms ? model.namedParameters().slice(0, mostParameters) : [];
    const all = named.map(([name, { value }]) => [name, histogramOf(value, partsFor(value))] as const);
    const outputs =
      sample === undefined
        ? []
        : [['outputs', histogramOf(probe(model, sample, null, null).outputs.model)] as const];
    kept.add(epoch, Object.fromEntries([...outputs, ...all]));
  };
  const write = async (): Promise<void> => {
    const start = performance.now();
    const data: ReportData = {
      title,
      subtitle: options.subtitle ?? `Began on ${began.toISOString().slice(0, 16).replace('T', ' at ')} UTC.`,
      state,
      message,
      epochs: run?.epochs ?? 0,
      history: run?.history ?? [],
      ends,
      steps,
      time: { seconds: seconds + before, examples },
      settings,
      environment: { ...environment, ...options.environment },
      summary,
      histograms: kept.series,
      results,
      kept: storedBlock({
        steps: steps.stored(),
        histograms: kept.stored(),
        ends,
        seconds: seconds + before,
        examples,
        began: began.toISOString(),
      }),
    };
    await writeFileAtomically(path, reportPage(data));
    last = { at: performance.now(), took: performance.now() - start };
  };
  return {
    name: 'report',
    show: (own) => {
      results = own;
    },
    write,
    onBegin: async (own) => {
      run = own;
      [steps, kept, ends, began] = [new StepSeries(), new HistogramSeries(), [], new Date()];
      [seconds, examples, before, state, message, results] = [0, 0, 0, 'running', null, null];
      summary = inputShape === undefined ? null : summarize(own.model, inputShape);
      const stored = own.step > 0 ? storedIn(path) : null;
      if (stored !== null) {
        steps.restore(stored.steps, own.step);
        kept.restore(stored.histograms, own.epoch);
        [seconds, examples, began] = [stored.seconds, stored.examples, new Date(stored.began)];
      }
      // Of epochs of which nothing is known: as if all were equally long.
      ends = own.history.map(
        (_, i) => stored?.ends[i] ?? Math.round(((i + 1) * own.step) / own.history.length),
      );
      if (own.step === 0) note(own.model, 0);
      environment = environmentHere();
      makeFolder(nodeModule('node:path', 'report').dirname(path));
      await write();
    },
    onEpochBegin: () => {
      since = performance.now();
    },
    onStep: (own, { logs, examples: count }) => {
      steps.add(own.step, { ...logs, learningRate: own.optimizer.lr });
      examples += count;
      before = (performance.now() - since) / 1000;
    },
    afterStep: () => (performance.now() - last.at > writeEvery ? write() : undefined),
    onEpochEnd: async (own) => {
      seconds += before;
      before = 0;
      ends.push(own.step);
      note(own.model, own.epoch);
      if (eager || performance.now() - last.at > 10 * last.took) await write();
    },
    onFinish: async (own, error) => {
      // What failed before the training began has nothing to show.
      if (run === null) return;
      seconds += before;
      before = 0;
      state = error === null ? (own.epoch < own.epochs ? 'stopped' : 'complete') : 'failed';
      if (error !== null) {
        message = error instanceof Error ? error.message : String(error);
        if (error instanceof Error && error.name === 'Interrupted') state = 'stopped';
      } else if (test !== undefined) {
        const classified = await classify(own.model, loader(test, { batchSize: examplesAtOnce }));
        results = datasetReport(classified, test, classNames);
      }
      await write();
    },
  };
}

/** What a {@link report} shows of a classifier's predictions for images in memory. */
export function datasetReport(classified: Classified, data: Dataset, names?: readonly string[]): ClassReport {
  const [height, width, channels] = data.shape;
  const size = height * width * channels;
  const shown = names ?? data.classNames;
  const pictureOf = (i: number): Image => ({
    shape: data.shape,
    data: data.images.slice(i * size, (i + 1) * size),
  });
  return classReport(classified, {
    data: data.name,
    classes: data.classes,
    ...(shown === undefined ? {} : { names: shown }),
    pictureOf,
  });
}
