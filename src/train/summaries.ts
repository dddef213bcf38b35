import type { Image } from '../data/image.ts';
import { encodePng } from '../data/png_encode.ts';
import { encodeWav, type Wav } from '../data/wav.ts';
import { MessageWriter } from '../io/wire.ts';
import type { Histogram } from './histogram_buckets.ts';

/**
 * TensorBoard's summaries as protocol buffers: `Summary.Value` messages with the metadata by which its dashboards know them. Fields
 * are those of tensorflow/core/framework/summary.proto, tensor.proto and of the plugins' plugin_data.proto, in the order of their
 * numbers and without those that have their defaults: the bytes that Google's own writer gives.
 */

/** What may be said about a series besides its values. */
export interface SummaryOptions {
  /** Shown with the series; Markdown. */
  readonly description?: string;
  /** Shown in place of the series' name. */
  readonly displayName?: string;
  /** Seconds since 1970, default now. */
  readonly wallTime?: number;
}

/** What TensorBoard samples a series as. */
export type DataClass = 'scalar' | 'tensor' | 'blob';

/** By which plugin a series is shown, and what that one wants to know of it. */
export interface PluginMetadata {
  readonly plugin: string;
  /** As the plugin understands it. Default empty. */
  readonly content?: Uint8Array;
  readonly dataClass: DataClass;
}

const dataClasses: Readonly<Record<DataClass, number>> = { scalar: 1, tensor: 2, blob: 3 };

const message = (): MessageWriter => new MessageWriter();
const encoder = new TextEncoder();

/** `TensorShapeProto`. */
export const shapeMessage = (shape: readonly number[]): MessageWriter =>
  shape.reduce((all, size) => all.message(2, size === 0 ? message() : message().integer(1, size)), message());

/** Numbers of `DataType`. */
export const dataTypes = { float32: 1, float64: 2, string: 7 } as const;

/** `TensorProto` of floats. */
export function floatTensor(
  values: ArrayLike<number>,
  shape: readonly number[],
  dtype: 'float32' | 'float64',
): MessageWriter {
  const size = shape.reduce((n, m) => n * m, 1);
  if (values.length !== size)
    throw new RangeError(`summary: ${values.length} values do not fill an array [${shape.join(', ')}]`);
  const array = dtype === 'float32' ? Float32Array.from(values) : Float64Array.from(values);
  const tensor = message().integer(1, dataTypes[dtype]).message(2, shapeMessage(shape));
  return size === 0 ? tensor : tensor.bytes(4, new Uint8Array(array.buffer));
}

/** `TensorProto` of texts or bytes. */
export function stringTensor(
  values: readonly (string | Uint8Array)[],
  shape: readonly number[],
): MessageWriter {
  const tensor = message().integer(1, dataTypes.string).message(2, shapeMessage(shape));
  for (const value of values) tensor.bytes(8, typeof value === 'string' ? encoder.encode(value) : value);
  return tensor;
}

/** `SummaryMetadata`. */
function metadataMessage(
  { plugin, content, dataClass }: PluginMetadata,
  options: SummaryOptions,
): MessageWriter {
  const data = message().text(1, plugin);
  if (content !== undefined && content.length > 0) data.bytes(2, content);
  const metadata = message().message(1, data);
  if (options.displayName !== undefined) metadata.text(2, options.displayName);
  if (options.description !== undefined) metadata.text(3, options.description);
  return metadata.integer(4, dataClasses[dataClass]);
}

/** `Summary.Value` with an array. */
export const tensorValue = (
  name: string,
  tensor: MessageWriter,
  plugin: PluginMetadata,
  options: SummaryOptions = {},
): MessageWriter => message().text(1, name).message(8, tensor).message(9, metadataMessage(plugin, options));

/** A number. Without remarks in the short form that the oldest readers know, too. */
export function scalarValue(name: string, value: number, options: SummaryOptions = {}): MessageWriter {
  const remarks = options.description !== undefined || options.displayName !== undefined;
  const scalar = message().text(1, name).float(2, value);
  return remarks
    ? scalar.message(9, metadataMessage({ plugin: 'scalars', dataClass: 'scalar' }, options))
    : scalar;
}

/** Rows (left edge, right edge, count). */
export function histogramValue(
  name: string,
  { edges, counts }: Histogram,
  options: SummaryOptions = {},
): MessageWriter {
  const rows = Array.from(counts).flatMap((count, i) => [edges[i], edges[i + 1], count]);
  return tensorValue(
    name,
    floatTensor(rows, [counts.length, 3], 'float64'),
    { plugin: 'histograms', dataClass: 'tensor' },
    options,
  );
}

/** Pictures of one step; all are shown, side by side. */
export function imagesValue(
  name: string,
  pictures: readonly Image[],
  options: SummaryOptions = {},
): MessageWriter {
  if (pictures.length === 0) throw new RangeError(`images: there are no pictures for '${name}'`);
  const [height, width] = pictures[0].shape;
  if (pictures.some(({ shape }) => shape[0] !== height || shape[1] !== width))
    throw new RangeError(`images: the pictures of '${name}' must be of one size`);
  const values = [String(width), String(height), ...pictures.map(encodePng)];
  return tensorValue(
    name,
    stringTensor(values, [values.length]),
    { plugin: 'images', dataClass: 'blob' },
    options,
  );
}

/** A text in Markdown; a list of texts; or rows of cells, which are shown as a table. */
export type TextContent = string | readonly string[] | readonly (readonly string[])[];

/** Text in Markdown. */
export function textValue(name: string, content: TextContent, options: SummaryOptions = {}): MessageWriter {
  const rows = typeof content === 'string' ? [] : content;
  const isTable = rows.length > 0 && Array.isArray(rows[0]);
  const columns = isTable ? rows[0].length : 0;
  if (isTable && rows.some((row) => row.length !== columns))
    throw new RangeError(`text: rows of the table '${name}' must have the same number of cells`);
  const shape = typeof content === 'string' ? [] : isTable ? [rows.length, columns] : [rows.length];
  const cells = typeof content === 'string' ? [content] : (rows.flat() as string[]);
  return tensorValue(name, stringTensor(cells, shape), { plugin: 'text', dataClass: 'tensor' }, options);
}

/** Sounds of one step as WAV files. (Labels, which the format once had, are no longer shown.) */
export function audioValue(
  name: string,
  sounds: readonly Wav[],
  options: SummaryOptions = {},
): MessageWriter {
  // Field 2, encoding: 11 is WAV.
  const content = message().integer(2, 11).finish();
  return tensorValue(
    name,
    stringTensor(
      sounds.map((sound) => encodeWav(sound)),
      [sounds.length],
    ),
    { plugin: 'audio', content, dataClass: 'blob' },
    options,
  );
}

/**
 * True and false positives, true and false negatives, precision and recall of a class at thresholds from 0 to 1: six rows, of `thresholds`
 * numbers each. Found are the examples whose score is at least the threshold.
 *
 * @param scores from 0 to 1; what is beyond is cut off
 * @param labels 1 or true for examples of the class
 */
export function precisionRecallRows(
  scores: ArrayLike<number>,
  labels: ArrayLike<number | boolean>,
  thresholds: number,
  weights?: ArrayLike<number>,
): Float64Array {
  if (scores.length !== labels.length)
    throw new RangeError(
      `prCurve: ${scores.length} scores but ${labels.length} labels; there must be one for each`,
    );
  if (weights !== undefined && weights.length !== labels.length)
    throw new RangeError(`prCurve: ${weights.length} weights for ${labels.length} examples`);
  if (!Number.isInteger(thresholds) || thresholds < 2)
    throw new RangeError(`prCurve: thresholds must be an integer from 2 on, got ${thresholds}`);
  const rows = new Float64Array(6 * thresholds);
  const [right, wrong, trueNegatives, falseNegatives, precision, recall] = Array.from({ length: 6 }, (_, i) =>
    rows.subarray(i * thresholds, (i + 1) * thresholds),
  );
  for (let i = 0; i < scores.length; i++) {
    if (Number.isNaN(scores[i])) throw new RangeError(`prCurve: score ${i} is NaN`);
    const place = Math.floor(Math.min(1, Math.max(0, scores[i])) * (thresholds - 1));
    (labels[i] ? right : wrong)[place] += weights === undefined ? 1 : weights[i];
  }
  for (let i = thresholds - 2; i >= 0; i--) {
    right[i] += right[i + 1];
    wrong[i] += wrong[i + 1];
  }
  for (let i = 0; i < thresholds; i++) {
    trueNegatives[i] = wrong[0] - wrong[i];
    falseNegatives[i] = right[0] - right[i];
    precision[i] = right[i] / Math.max(1e-7, right[i] + wrong[i]);
    recall[i] = right[i] / Math.max(1e-7, right[0]);
  }
  return rows;
}

/** Precision against recall; see {@link precisionRecallRows}. */
export function prCurveValue(
  name: string,
  rows: ArrayLike<number>,
  options: SummaryOptions = {},
): MessageWriter {
  const thresholds = rows.length / 6;
  const content = message().integer(2, thresholds).finish();
  return tensorValue(
    name,
    floatTensor(rows, [6, thresholds], 'float32'),
    { plugin: 'pr_curves', content, dataClass: 'tensor' },
    options,
  );
}

/** A group of charts of the Custom Scalars dashboard, each with the series whose names match one of its patterns. */
export interface ChartGroup {
  readonly title: string;
  readonly charts: readonly { readonly title: string; readonly series: readonly string[] }[];
}

/** The arrangement of the Custom Scalars dashboard. */
export function layoutValue(groups: readonly ChartGroup[]): MessageWriter {
  const layout = message();
  for (const { title, charts } of groups) {
    const category = message().text(1, title);
    for (const chart of charts) {
      const lines = chart.series.reduce((all, pattern) => all.text(1, pattern), message());
      category.message(2, message().text(1, chart.title).message(2, lines));
    }
    layout.message(2, category);
  }
  return tensorValue('custom_scalars__config__', stringTensor([layout.finish()], []), {
    plugin: 'custom_scalars',
    dataClass: 'tensor',
  });
}
