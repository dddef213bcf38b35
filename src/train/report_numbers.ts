import { precision, recall } from '../metrics/precision.ts';
import { linearTicks } from './report_charts.ts';
import { formatNumber, type Html, html, tableOf } from './report_html.ts';

/** How a regression did on a set of examples. */
export interface RegressionReport {
  readonly kind: 'regression';
  /** Of what data, such as `houses test`. */
  readonly data: string;
  /** One for each number that is predicted. */
  readonly outputs: readonly {
    readonly name: string;
    readonly targets: ArrayLike<number>;
    readonly predictions: ArrayLike<number>;
  }[];
}

/** How a model did that gives each example some of several labels. */
export interface LabelReport {
  readonly kind: 'labels';
  readonly data: string;
  /** One for each label: 1 where an example has it, and where the model says so; else 0. */
  readonly labels: readonly {
    readonly name: string;
    readonly targets: readonly number[];
    readonly predictions: readonly number[];
  }[];
}

/** Numbers whose predictions are drawn, points in a drawing, and worst errors in the table. */
const [mostOutputs, mostPoints, mostErrors] = [6, 800, 8];
const [size, left, top, bottom] = [300, 46, 10, 34];
const inner = size - left - 10;
const tall = size - top - bottom;

/** Root of the mean squared error, and the share of the variance that is explained. */
function errorsOf(targets: readonly number[], predictions: readonly number[]): { root: number; r2: number } {
  const mean = targets.reduce((a, b) => a + b, 0) / targets.length;
  const squares = targets.reduce((sum, target, i) => sum + (target - predictions[i]) ** 2, 0);
  const variance = targets.reduce((sum, target) => sum + (target - mean) ** 2, 0);
  return { root: Math.sqrt(squares / targets.length), r2: 1 - squares / variance };
}

/** Predictions against what is true: the nearer to the diagonal, the better. */
function scatter(name: string, targets: readonly number[], predictions: readonly number[]): Html {
  const each = Math.max(1, Math.ceil(targets.length / mostPoints));
  const shown = targets
    .map((target, i) => [target, predictions[i]] as const)
    .filter(([target, prediction], i) => i % each === 0 && Number.isFinite(target + prediction));
  const all = shown.flat();
  const [low, high] = [
    all.reduce((a, b) => Math.min(a, b), Infinity),
    all.reduce((a, b) => Math.max(a, b), -Infinity),
  ];
  if (!(high > low)) return html`<p class="soft">${name}: all values are equal.</p>`;
  const space = (high - low) * 0.04;
  const [least, most] = [low - space, high + space];
  const x = (value: number) => left + (inner * (value - least)) / (most - least);
  const y = (value: number) => top + tall * (1 - (value - least) / (most - least));
  const ticks = linearTicks(least, most).filter(
    (_, i, own) => own.length < 6 || (i - own.indexOf(0)) % 2 === 0,
  );
  const { root, r2 } = errorsOf(targets, predictions);
  const words = `${name}: predictions of ${targets.length} examples against their true values; root mean squared error ${formatNumber(root)}, R² ${formatNumber(r2)}`;
  const dots = shown.map(
    ([target, prediction]) =>
      html`<circle cx="${x(target).toFixed(1)}" cy="${y(prediction).toFixed(1)}" r="2.4"/>`,
  );
  return html`<figure class="scatter"><figcaption><b>${name}</b><span class="key">root mean squared error ${formatNumber(root)}, R² ${formatNumber(r2)}</span></figcaption><svg viewBox="0 0 ${size} ${size}" role="img" aria-label="${words}"><title>${words}</title><g class="grid">${ticks.map(
    (tick) =>
      html`<line x1="${left}" x2="${left + inner}" y1="${y(tick).toFixed(1)}" y2="${y(tick).toFixed(1)}"/><line x1="${x(tick).toFixed(1)}" x2="${x(tick).toFixed(1)}" y1="${top}" y2="${top + tall}"/>`,
  )}</g><g class="axis">${ticks.map(
    (tick) =>
      html`<text class="y" x="${left - 6}" y="${(y(tick) + 4).toFixed(1)}">${formatNumber(tick)}</text><text class="x" x="${x(tick).toFixed(1)}" y="${top + tall + 15}">${formatNumber(tick)}</text>`,
  )}<text class="name" x="${left + inner / 2}" y="${size - 3}">true value; upwards: prediction</text></g><line class="ideal" x1="${x(least)}" y1="${y(least)}" x2="${x(most).toFixed(1)}" y2="${y(most).toFixed(1)}"/><g class="points">${dots}</g></svg></figure>`;
}

/** The section of a report about a regression. */
export function regressionSection({ data, outputs }: RegressionReport): Html {
  const shown = outputs.slice(0, mostOutputs);
  const count = outputs[0]?.targets.length ?? 0;
  const worst = shown
    .flatMap(({ name, targets, predictions }) =>
      Array.from(targets, (target, i) => ({ name, i, target, prediction: predictions[i] })),
    )
    .sort((a, b) => Math.abs(b.prediction - b.target) - Math.abs(a.prediction - a.target))
    .slice(0, mostErrors);
  return html`<section id="predictions"><h2>Predictions</h2><p>${formatNumber(count)} examples of ${data}.</p><div class="pair">${shown.map(
    ({ name, targets, predictions }) => scatter(name, Array.from(targets), Array.from(predictions)),
  )}<div><h3>Largest errors</h3><div class="wide">${tableOf(
    ['example', 'of', 'true value', 'prediction', 'error'],
    worst.map(({ name, i, target, prediction }) => [
      formatNumber(i),
      name,
      formatNumber(target),
      formatNumber(prediction),
      formatNumber(prediction - target),
    ]),
    'numbers',
  )}</div></div></div></section>`;
}

/** The section of a report about labels of which each example may have several. */
export function labelSection({ data, labels }: LabelReport): Html {
  const count = labels[0]?.targets.length ?? 0;
  const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
  const rows = labels.map(({ name, targets, predictions }) => {
    const [found, right] = [Number(recall(predictions, targets)), Number(precision(predictions, targets))];
    const f1 = found + right > 0 ? (2 * found * right) / (found + right) : 0;
    return [
      name,
      formatNumber(targets.filter((target) => target === 1).length),
      formatNumber(targets.filter((target, i) => target === 1 && predictions[i] === 1).length),
      html`<span class="bar" style="--share:${found.toFixed(3)}">${percent(found)}</span>`,
      percent(right),
      percent(f1),
    ];
  });
  return html`<section id="predictions"><h2>Labels</h2><p>${formatNumber(count)} examples of ${data}.</p><div class="wide">${tableOf(['label', 'examples', 'right', 'recall', 'precision', 'F1'], rows, 'numbers classes')}</div></section>`;
}
