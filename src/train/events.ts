/// <reference lib="esnext.disposable" preserve="true" />
import type { Image } from '../data/image.ts';
import type { Wav } from '../data/wav.ts';
import { reasonOf, WriteError } from '../io/atomic.ts';
import { makeFolder } from '../io/make_folder.ts';
import { MessageWriter } from '../io/wire.ts';
import { nodeModule } from '../runtime/node_modules.ts';
import { type Histogram, histogramOf, type Numbers, numbersOf } from './histogram_buckets.ts';
import {
  type ExperimentOptions,
  experimentValue,
  type Hyperparameters,
  type TrialStatus,
  trialEndValue,
  trialStartValue,
} from './hyperparameters.ts';
import {
  audioValue,
  type ChartGroup,
  floatTensor,
  histogramValue,
  imagesValue,
  layoutValue,
  type PluginMetadata,
  prCurveValue,
  precisionRecallRows,
  type SummaryOptions,
  scalarValue,
  type TextContent,
  tensorValue,
  textValue,
} from './summaries.ts';
import { frameRecord } from './tfrecord.ts';

/** Field numbers of TensorFlow's message Event. */
const fields = { wallTime: 1, step: 2, fileVersion: 3, graph: 4, summary: 5, sessionLog: 7 } as const;

/** Options of {@link EventWriter}. */
export interface EventWriterOptions {
  /**
   * For a resumed run: TensorBoard is to forget what earlier files of the folder say from this step on, since it will
   * be written again.
   */
  readonly purgeStep?: number;
  /** A file that has grown to so many bytes is closed, and a new one begun. Default 256 MiB. */
  readonly maxBytes?: number;
  /** An event is noted later than so many seconds after the last flush: everything is written. Default 10. */
  readonly flushSeconds?: number;
}

let files = 0;

const encoded = (value: MessageWriter): MessageWriter => new MessageWriter().message(1, value);

/**
 * Writes event files that TensorBoard reads: TFRecord files of protocol buffers `Event`. Events are
 * kept in memory until {@link flush}, {@link close}, or one that comes some seconds after the last flush; whole records are appended, so a file of a killed process
 * is readable. TensorBoard joins all files of a folder, so a resumed run just opens another one.
 *
 * Names of series are as users like; TensorBoard groups by what precedes the first slash. Steps are integers from 0 on; a method
 * throws RangeError for others, Error once the writer is closed, and WriteError when the disk is full or the file is gone.
 */
export class EventWriter {
  /** The files that were written, in their order, each `events.out.tfevents.<seconds>.<host>.<process>.<number>`. */
  readonly paths: string[] = [];
  private readonly folder: string;
  private readonly maxBytes: number;
  private readonly flushSeconds: number;
  private readonly fs = nodeModule('node:fs', 'EventWriter');
  private file: number | null = null;
  private isClosed = false;
  private written = 0;
  private flushed = Date.now();
  private pending: Uint8Array[] = [];

  /**
   * Creates the folder where needed and opens a new file in it.
   *
   * @throws WriteError when that is not possible
   */
  constructor(folder: string, options: EventWriterOptions = {}) {
    const { purgeStep, maxBytes = 2 ** 28, flushSeconds = 10 } = options;
    this.folder = folder;
    this.maxBytes = maxBytes;
    this.flushSeconds = flushSeconds;
    this.open();
    if (purgeStep !== undefined)
      // SessionLog with status START.
      this.add(purgeStep, {}, (event) => event.message(fields.sessionLog, new MessageWriter().integer(1, 1)));
    this.flush();
  }

  /** The file that is written at present. */
  get path(): string {
    return this.paths[this.paths.length - 1];
  }

  /** Notes that the series `name` has `value` (kept as float32) at `step`. */
  scalar(name: string, value: number, step: number, options: SummaryOptions = {}): void {
    this.value(step, options, scalarValue(name, value, options));
  }

  /**
   * Notes how the values of an array are distributed: for the dashboards Histograms and Distributions. Values that are not finite are
   * left out.
   *
   * @param values an array, a list of numbers, or what {@link histogramOf} gave
   * @param options.buckets how many equal parts the range has; default 30
   */
  histogram(
    name: string,
    values: Numbers | Histogram,
    step: number,
    options: SummaryOptions & { readonly buckets?: number } = {},
  ): void {
    const histogram = 'edges' in values ? values : histogramOf(values, options.buckets);
    this.value(step, options, histogramValue(name, histogram, options));
  }

  /**
   * Notes pictures of one size: see {@link picturesOf} for arrays.
   *
   * @throws RangeError if there are none, or sizes differ or do not fit the data
   */
  images(name: string, pictures: readonly Image[], step: number, options: SummaryOptions = {}): void {
    this.value(step, options, imagesValue(name, pictures, options));
  }

  /** Notes a text in Markdown, a list of texts, or rows of a table. */
  text(name: string, content: TextContent, step: number, options: SummaryOptions = {}): void {
    this.value(step, options, textValue(name, content, options));
  }

  /**
   * Notes sounds; they are kept as 16-bit WAV.
   *
   * @throws DataError if rates or samples do not fit
   */
  audio(name: string, sounds: readonly Wav[], step: number, options: SummaryOptions = {}): void {
    this.value(step, options, audioValue(name, sounds, options));
  }

  /**
   * Notes a curve of precision against recall of one class, at thresholds of equal distance from 0 to 1.
   *
   * @param scores from 0 to 1, one for each example
   * @param labels 1 where the example is of the class, else 0
   * @param options.thresholds default 201
   * @param options.weights how much each example counts, default 1
   * @throws RangeError if lengths differ or a score is NaN
   */
  prCurve(
    name: string,
    scores: Numbers,
    labels: Numbers | readonly boolean[],
    step: number,
    options: SummaryOptions & { readonly thresholds?: number; readonly weights?: ArrayLike<number> } = {},
  ): void {
    const { thresholds = 201, weights } = options;
    const rows = precisionRecallRows(numbersOf(scores), numbersOf(labels as Numbers), thresholds, weights);
    this.value(step, options, prCurveValue(name, rows, options));
  }

  /** Writes the graph of the run: a `GraphDef`, as {@link modelGraph} gives it. There is one for each folder. */
  graph(definition: Uint8Array, options: { readonly wallTime?: number } = {}): void {
    this.add(0, options, (event) => event.bytes(fields.graph, definition));
  }

  /**
   * Begins a trial of the HParams dashboard: what it was set to. Each folder is one trial.
   *
   * @throws TypeError for values that are no texts, numbers or booleans
   */
  hparams(values: Hyperparameters, options: ExperimentOptions = {}): void {
    this.value(0, options, experimentValue(values, options));
    this.value(0, options, trialStartValue(values, options));
  }

  /** Ends the trial. */
  hparamsEnd(status: TrialStatus, options: { readonly wallTime?: number } = {}): void {
    this.value(0, options, trialEndValue(status, options.wallTime));
  }

  /** Arranges charts of several series in the dashboard Custom Scalars. Patterns are regular expressions for names of series. */
  layout(groups: readonly ChartGroup[]): void {
    this.value(0, {}, layoutValue(groups));
  }

  /**
   * Notes an array for any plugin, with the metadata that it asks for.
   *
   * @throws RangeError if the values do not fill the shape
   */
  tensor(
    name: string,
    values: ArrayLike<number>,
    shape: readonly number[],
    step: number,
    plugin: PluginMetadata,
    options: SummaryOptions = {},
  ): void {
    this.value(step, options, tensorValue(name, floatTensor(values, shape, 'float32'), plugin, options));
  }

  /**
   * Appends what has been noted since the last flush.
   *
   * @throws WriteError when the disk is full or the file is gone; what was not written stays noted
   */
  flush(): void {
    const { file } = this;
    this.flushed = Date.now();
    if (file === null || this.pending.length === 0) return;
    attempt(this.path, () => {
      while (this.pending.length > 0) {
        // A call may write less than all of it: what it wrote is not written again.
        const record = this.pending[0];
        const written = this.fs.writeSync(file, record);
        this.written += written;
        if (written === record.length) this.pending.shift();
        else this.pending[0] = record.subarray(written);
      }
    });
    if (this.written >= this.maxBytes) {
      this.closeFile();
      this.open();
    }
  }

  /**
   * Writes the rest and closes the file. Closing twice does nothing.
   *
   * @throws WriteError as {@link flush}; the file is closed all the same
   */
  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    try {
      this.flush();
    } finally {
      this.closeFile();
    }
  }

  /** `using writer = new EventWriter(...)` closes it at the end of the block. */
  [Symbol.dispose](): void {
    this.close();
  }

  /** Begins a file. */
  private open(): void {
    // A session that follows another within a second comes after it, too.
    const seconds = String(Math.max(Math.floor(Date.now() / 1000), latestIn(this.folder) + 1)).padStart(
      10,
      '0',
    );
    const { join } = nodeModule('node:path', 'EventWriter');
    const host = nodeModule('node:os', 'EventWriter')
      .hostname()
      .replace(/[^\w.-]/g, '_');
    // TensorBoard reads the files of a folder in the order of their names.
    const number = String(files++).padStart(6, '0');
    const path = join(this.folder, `events.out.tfevents.${seconds}.${host}.${process.pid}.${number}`);
    makeFolder(this.folder);
    this.file = attempt(path, () => this.fs.openSync(path, 'wx'));
    this.paths.push(path);
    this.written = 0;
    // Before what could not yet be written to the former file, if anything.
    const event = new MessageWriter()
      .double(fields.wallTime, Date.now() / 1000)
      .integer(fields.step, 0)
      .text(fields.fileVersion, 'brain.Event:2');
    this.pending.unshift(frameRecord(event.finish()));
  }

  private closeFile(): void {
    const { file } = this;
    if (file === null) return;
    this.file = null;
    try {
      attempt(this.path, () => this.fs.fsyncSync(file));
    } finally {
      this.fs.closeSync(file);
    }
  }

  private value(step: number, options: { readonly wallTime?: number }, value: MessageWriter): void {
    this.add(step, options, (event) => event.message(fields.summary, encoded(value)));
  }

  private add(
    step: number,
    { wallTime = Date.now() / 1000 }: { readonly wallTime?: number },
    body: (event: MessageWriter) => void,
  ): void {
    if (this.isClosed) throw new Error(`EventWriter: ${this.path} is closed`);
    if (!Number.isSafeInteger(step) || step < 0)
      throw new RangeError(`EventWriter: step ${step} is not a non-negative integer`);
    const event = new MessageWriter().double(fields.wallTime, wallTime).integer(fields.step, step);
    body(event);
    this.pending.push(frameRecord(event.finish()));
    if (Date.now() - this.flushed >= 1000 * this.flushSeconds) this.flush();
  }
}

/** Seconds in the name of the newest event file of a folder; 0 if there is none. */
export function latestIn(folder: string): number {
  let names: string[] = [];
  try {
    names = nodeModule('node:fs', 'EventWriter').readdirSync(folder);
  } catch {
    // What is wrong with the folder is told when a file is opened in it.
  }
  return Math.max(0, ...names.map((name) => Number(/^events\.out\.tfevents\.(\d+)\./.exec(name)?.[1] ?? 0)));
}

function attempt<T>(path: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    throw new WriteError(path, reasonOf(error), error);
  }
}
