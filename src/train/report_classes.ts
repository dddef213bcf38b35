import type { Image } from '../data/image.ts';
import { encodePng } from '../data/png_encode.ts';
import { resizeImage } from '../data/resize_image.ts';
import { confusionMatrix } from '../metrics/confusion.ts';
import { type Classified, worstMistakes } from './classify.ts';
import { formatNumber, type Html, html, tableOf } from './report_html.ts';

/** An example with what the model made of it. */
export interface ShownExample {
  readonly label: number;
  readonly prediction: number;
  readonly loss: number;
  /** Null where examples are no images. */
  readonly picture: Image | null;
  /** What the example is in words, such as the numbers of a row; else null. */
  readonly text: string | null;
}

/** How a classifier did on a set of examples. */
export interface ClassReport {
  readonly kind: 'classes';
  /** Of what data, such as `mnist test`. */
  readonly data: string;
  readonly names: readonly string[];
  /** [true class][predicted class]. */
  readonly matrix: readonly (readonly number[])[];
  readonly loss: number;
  /** The worst first. */
  readonly mistakes: readonly ShownExample[];
  /** The first of the data. */
  readonly samples: readonly ShownExample[];
}

/** How many mistakes and samples are shown, and of how many classes the whole matrix. */
const [mostMistakes, mostSamples, mostColumns, mostConfusions] = [24, 12, 32, 10];

/**
 * What a report shows of a classifier's predictions.
 *
 * @param classified as {@link classify} gives it
 * @param options.pictureOf the image of an example by its number
 * @param options.textOf what else an example is, such as the numbers of a row
 */
export function classReport(
  classified: Classified,
  options: {
    readonly data: string;
    readonly classes: number;
    readonly names?: readonly string[];
    readonly pictureOf?: (example: number) => Image | null;
    readonly textOf?: (example: number) => string | null;
  },
): ClassReport {
  const { labels, predictions, losses } = classified;
  const { data, classes, pictureOf = () => null, textOf = () => null } = options;
  const { names = Array.from({ length: classes }, (_, i) => String(i)) } = options;
  if (names.length !== classes)
    throw new RangeError(`classReport: there are ${names.length} names for ${classes} classes`);
  const shown = (i: number): ShownExample => ({
    label: labels[i],
    prediction: predictions[i],
    loss: losses[i],
    picture: pictureOf(i),
    text: textOf(i),
  });
  return {
    kind: 'classes',
    data,
    names,
    matrix: confusionMatrix(labels, predictions, classes),
    loss: losses.reduce((sum, loss) => sum + loss, 0) / Math.max(1, losses.length),
    mistakes: worstMistakes(classified, mostMistakes).map(shown),
    samples: labels.slice(0, mostSamples).map((_, i) => shown(i)),
  };
}

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
const percent = (share: number): string => (Number.isNaN(share) ? '–' : `${(100 * share).toFixed(1)} %`);

/** The share of right predictions. */
export const accuracyOf = ({ matrix }: ClassReport): number =>
  sum(matrix.map((row, i) => row[i])) / sum(matrix.map(sum));

function confusionTable({ matrix, names }: ClassReport): Html {
  return html`<div class="wide"><table class="confusion"><caption>Confusion matrix: rows are true classes, columns predictions; the shade is the share of the row.</caption><thead><tr><th></th>${names.map(
    (name) => html`<th scope="col">${name}</th>`,
  )}<th scope="col" class="recall">recall</th></tr></thead><tbody>${matrix.map((row, i) => {
    const total = sum(row);
    const cells = row.map((count, j) => {
      const share = total > 0 ? count / total : 0;
      const kind = count === 0 ? 'none' : i === j ? 'right' : 'wrong';
      return html`<td class="${kind}${share > 0.5 && ' strong'}" style="--share:${share.toFixed(3)}" title="${names[i]} taken for ${names[j]}: ${count}">${count === 0 ? '·' : count}</td>`;
    });
    return html`<tr><th scope="row">${names[i]}</th>${cells}<td class="recall">${percent(row[i] / total)}</td></tr>`;
  })}</tbody></table></div>`;
}

function classTable({ matrix, names }: ClassReport): Html {
  const rows = names.map((name, i) => {
    const [right, total, predicted] = [matrix[i][i], sum(matrix[i]), sum(matrix.map((row) => row[i]))];
    const [recall, precision] = [right / total, right / predicted];
    const f1 = (2 * right) / (total + predicted);
    return [
      name,
      formatNumber(total),
      formatNumber(right),
      html`<span class="bar" style="--share:${(total > 0 ? recall : 0).toFixed(3)}">${percent(recall)}</span>`,
      percent(precision),
      percent(f1),
    ];
  });
  return html`<div class="wide">${tableOf(['class', 'examples', 'right', 'recall', 'precision', 'F1'], rows, 'numbers classes')}</div>`;
}

/** The pairs of classes that are mistaken most often. */
function confusions({ matrix, names }: ClassReport): Html {
  const found = matrix
    .flatMap((row, i) => row.map((count, j) => ({ i, j, count, share: count / sum(row) })))
    .filter(({ i, j, count }) => i !== j && count > 0)
    .sort((a, b) => b.count - a.count)
    .slice(0, mostConfusions);
  if (found.length === 0) return html`<p>There are no mistakes.</p>`;
  return html`<div class="wide">${tableOf(
    ['class', 'taken for', 'times', 'share of the class'],
    found.map(({ i, j, count, share }) => [names[i], names[j], formatNumber(count), percent(share)]),
    'numbers pairs',
  )}</div>`;
}

const base64 = (bytes: Uint8Array): string => {
  let text = '';
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text);
};

/** Height or width from which on images are made smaller: pages stay below a megabyte. */
const mostPixels = 80;

function thumbnail(image: Image): Image {
  const [height, width] = image.shape;
  const factor = mostPixels / Math.max(height, width);
  if (factor >= 1) return image;
  const size = (extent: number) => Math.max(1, Math.round(extent * factor));
  return resizeImage(image, [size(height), size(width)]);
}

/** An image, smaller where it is large, as an address that holds all of it. */
export const dataUrl = (image: Image): string =>
  `data:image/png;base64,${base64(encodePng(thumbnail(image)))}`;

function exampleFigure(
  { label, prediction, loss, picture, text }: ShownExample,
  names: readonly string[],
): Html {
  const [truth, guess] = [names[label], names[prediction]];
  const isRight = label === prediction;
  const words = isRight ? `${truth}, recognized` : `${truth}, taken for ${guess}`;
  return html`<figure class="example ${isRight ? 'right' : 'wrong'}">${
    picture !== null &&
    html`<img src="${dataUrl(picture)}" alt="${words}" width="${picture.shape[1]}" height="${picture.shape[0]}">`
  }<figcaption>${
    isRight
      ? html`<b>${truth}</b> ✓`
      : html`<b>${truth}</b><span class="arrow"> → </span><span class="guess">${guess}</span>`
  }${text !== null && html`<small>${text}</small>`}<small>loss ${formatNumber(Number(loss.toPrecision(3)))}</small></figcaption></figure>`;
}

/** The sections of a report about a classifier. */
export function classSections(report: ClassReport): Html {
  const { names, mistakes, samples, data } = report;
  const wrong = sum(report.matrix.map(sum)) - sum(report.matrix.map((row, i) => row[i]));
  const whole = names.length <= mostColumns;
  return html`<section id="classes"><h2>Classes</h2><p>${formatNumber(sum(report.matrix.map(sum)))} examples of ${data}: ${percent(accuracyOf(report))} right, mean loss ${formatNumber(report.loss)}.</p>
<div class="pair">${whole && confusionTable(report)}<div><h3>By class</h3>${classTable(report)}</div><div><h3>Most frequent confusions</h3>${confusions(report)}</div></div></section>
${mistakes.length > 0 && html`<section id="mistakes"><h2>Worst mistakes</h2><p>Of ${formatNumber(wrong)}: those of the largest loss, with the true class and what it was taken for.</p><div class="examples">${mistakes.map((example) => exampleFigure(example, names))}</div></section>`}
${samples.length > 0 && html`<section id="samples"><h2>Samples</h2><p>The first examples of ${data}.</p><div class="examples">${samples.map((example) => exampleFigure(example, names))}</div></section>`}`;
}
