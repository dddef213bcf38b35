import { MessageWriter } from '../io/wire.ts';
import { floatTensor, tensorValue } from './summaries.ts';

/** What a training was set to, by name. */
export type Hyperparameters = Readonly<Record<string, string | number | boolean>>;

/** What a HParams dashboard is to show. */
export interface ExperimentOptions {
  /** Series that trials are compared by, such as `epoch/validationAccuracy`. */
  readonly metrics?: readonly string[];
  /** Trials of one group count as repetitions. Default: each is its own. */
  readonly group?: string;
  /** Seconds since 1970, default now. */
  readonly wallTime?: number;
}

/** How a trial ended; the numbers of the plugin's enum `Status`. */
const statuses = { success: 1, failure: 2 } as const;

/** How a trial ended. */
export type TrialStatus = keyof typeof statuses;

const message = (): MessageWriter => new MessageWriter();

/** The plugin keeps all that it knows in metadata; the array is empty. */
const hparamsValue = (tag: string, field: number, content: MessageWriter): MessageWriter =>
  tensorValue(tag, floatTensor([], [0], 'float32'), {
    plugin: 'hparams',
    content: message().message(field, content).finish(),
    dataClass: 'tensor',
  });

const typeNumbers = { string: 1, boolean: 2, number: 3 } as const;

function requireValues(values: Hyperparameters): void {
  for (const [name, value] of Object.entries(values))
    if (!((typeof value) in typeNumbers))
      throw new TypeError(
        `hparams: '${name}' must be a text, a number or a boolean, got ${value === null ? 'null' : typeof value}`,
      );
}

/** By name, as maps are written. */
const sorted = (values: Hyperparameters): [string, string | number | boolean][] =>
  Object.entries(values).sort(([a], [b]) => (a < b ? -1 : 1));

/** Names and types of the hyperparameters, and the metrics that trials are compared by. */
export function experimentValue(values: Hyperparameters, options: ExperimentOptions = {}): MessageWriter {
  requireValues(values);
  const { metrics = [], wallTime = Date.now() / 1000 } = options;
  const experiment = message().double(3, wallTime);
  for (const [name, value] of sorted(values))
    experiment.message(
      4,
      message()
        .text(1, name)
        .integer(4, typeNumbers[typeof value as keyof typeof typeNumbers]),
    );
  for (const tag of metrics) {
    const dataset = /validation/i.test(tag) ? 2 : 1;
    experiment.message(5, message().message(1, message().text(2, tag)).integer(5, dataset));
  }
  return hparamsValue('_hparams_/experiment', 2, experiment);
}

/** The values of one trial, at its beginning. */
export function trialStartValue(values: Hyperparameters, options: ExperimentOptions = {}): MessageWriter {
  requireValues(values);
  const { group, wallTime = Date.now() / 1000 } = options;
  const start = message();
  for (const [name, value] of sorted(values)) {
    const held = message();
    if (typeof value === 'number') held.double(2, value);
    else if (typeof value === 'string') held.text(3, value);
    else held.integer(4, Number(value));
    start.message(1, message().text(1, name).message(2, held));
  }
  if (group !== undefined) start.text(4, group);
  return hparamsValue('_hparams_/session_start_info', 3, start.double(5, wallTime));
}

/** The end of a trial. */
export const trialEndValue = (status: TrialStatus, wallTime: number = Date.now() / 1000): MessageWriter =>
  hparamsValue('_hparams_/session_end_info', 4, message().integer(1, statuses[status]).double(2, wallTime));
