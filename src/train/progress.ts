import { checkOptions } from '../core/options.ts';
import type { Callback, Logs, Run } from './callback.ts';
import { pictureStyle } from './pictures.ts';

/** Where progress is shown. */
export interface ProgressStream {
  write(text: string): unknown;
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
}

/** Options of {@link progress}. */
export interface ProgressOptions {
  /** Default: standard output; in a browser the console. */
  readonly stream?: ProgressStream;
  /** A clock in milliseconds, default performance.now. */
  readonly now?: () => number;
}

/** Milliseconds from one drawing of the bar to the next. */
const interval = 100;
const clearLine = '\r\u001b[K';

const output = (): ProgressStream =>
  typeof process === 'undefined' || process.stdout === undefined
    ? { write: (text) => console.log(text.trimEnd()) }
    : process.stdout;

/**
 * Shows how training goes on: in a terminal a bar with step, loss, metrics, examples per second and time left, drawn at most
 * ten times a second, and in a pipe or a file nothing but one line per epoch. Before them a line says how many examples there are, where
 * the data tells it: `Train on 50000 samples, validate on 10000 samples`.
 */
export function progress(options: ProgressOptions = {}): Callback {
  checkOptions('progress', options, ['stream', 'now']);
  const { stream = output(), now = () => performance.now() } = options;
  const terminal = stream.isTTY === true;
  let epochStart = 0;
  let trained = 0;
  let examples = 0;
  let drawn = Number.NEGATIVE_INFINITY;
  let stepsAtBegin = 0;
  let trainingTime = 0;

  const show = (text: string) => {
    if (terminal) stream.write(clearLine + text.slice(0, Math.max(10, (stream.columns ?? 80) - 1)));
  };
  const rate = () => examples / Math.max(1e-9, trained / 1000);
  const bar = (run: Run, batch: number, logs: Logs): string => {
    const total = run.stepsPerEpoch;
    const done = run.step - stepsAtBegin;
    const head = `epoch ${run.epoch + 1}/${run.epochs} `;
    const values = `  ${formatLogs(logs)}  ${Math.round(rate()).toLocaleString('en-US')} examples/s`;
    if (total === null) return `${head}step ${batch}${values}`;
    const left = total * (run.epochs - run.epoch) - batch;
    const seconds = (left * (trainingTime + trained)) / done / 1000;
    return `${head}${drawBar(batch / total, stream)} ${batch}/${total}${values}  ${formatDuration(seconds)} left`;
  };
  return {
    onBegin: (run) => {
      stepsAtBegin = run.step;
      trainingTime = 0;
      if (run.batch > 0)
        stream.write(`going on after step ${run.step}, in epoch ${run.epoch + 1} of ${run.epochs}\n`);
      else if (run.epoch > 0 && run.epoch < run.epochs)
        stream.write(`going on after epoch ${run.epoch} of ${run.epochs}\n`);
      const { examples: count, validationExamples: held } = run;
      if (typeof count === 'number')
        stream.write(
          `Train on ${count} samples${typeof held === 'number' ? `, validate on ${held} samples` : ''}\n`,
        );
    },
    onEpochBegin: () => {
      epochStart = now();
      examples = 0;
      trained = 0;
    },
    onStep: (run, { logs, batch, examples: count }) => {
      examples += count;
      trained = now() - epochStart;
      if (!terminal || now() - drawn < interval) return;
      drawn = now();
      show(bar(run, batch, logs));
    },
    onValidation: (run) => {
      show(`epoch ${run.epoch + 1}/${run.epochs}  evaluating on validation data`);
    },
    onEpochEnd: (run, logs) => {
      trainingTime += trained;
      const speed = `${formatDuration(trained / 1000)}  ${Math.round(rate()).toLocaleString('en-US')} examples/s`;
      if (terminal) stream.write(clearLine);
      stream.write(`epoch ${run.epoch}/${run.epochs}  ${formatLogs(logs)}  ${speed}\n`);
    },
    onFinish: () => {
      if (terminal) stream.write(clearLine);
    },
  };
}

function drawBar(share: number, stream: ProgressStream): string {
  const width = 20;
  const full = Math.round(Math.min(1, share) * width);
  const [on, off] = pictureStyle(stream) === 'ascii' ? ['#', '.'] : ['█', '░'];
  return on.repeat(full) + off.repeat(width - full);
}

/** Logs in words: `loss 0.1234  accuracy 0.9876  validation loss 0.2345`. */
export const formatLogs = (logs: Logs): string =>
  Object.entries(logs)
    .map(([name, value]) => {
      const words = name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
      const small = value !== 0 && Math.abs(value) < 1e-3;
      return `${words} ${small ? value.toExponential(2) : value.toFixed(4)}`;
    })
    .join('  ');

/** A time in seconds as people write it: `3.2 s`, `1:05`, `2:03:04`. */
export function formatDuration(seconds: number): string {
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  const two = (n: number) => String(n).padStart(2, '0');
  return hours > 0 ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}
