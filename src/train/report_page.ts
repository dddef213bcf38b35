import type { ModelSummary } from '../nn/summary.ts';
import type { Logs } from './callback.ts';
import { formatDuration } from './progress.ts';
import { type Chart, type Line, lineChart, smoothingWeights } from './report_charts.ts';
import { accuracyOf, type ClassReport, classSections } from './report_classes.ts';
import type { Environment } from './report_environment.ts';
import { ridges, type TimedHistogram } from './report_histograms.ts';
import { formatNumber, Html, html, inWords, tableOf } from './report_html.ts';
import {
  type LabelReport,
  labelSection,
  type RegressionReport,
  regressionSection,
} from './report_numbers.ts';
import { style } from './report_style.ts';

/** What a report shows of predictions for examples that the model was not trained on. */
export type TestReport = ClassReport | RegressionReport | LabelReport;

/** How a training is doing. */
export type ReportState = 'running' | 'complete' | 'stopped' | 'failed';

/** Everything that a report shows. */
export interface ReportData {
  readonly title: string;
  readonly subtitle: string;
  readonly state: ReportState;
  /** Why it stopped or failed; else null. */
  readonly message: string | null;
  /** Epochs that are wanted. */
  readonly epochs: number;
  /** Logs of the epochs that are done. */
  readonly history: readonly Logs[];
  /** Steps that were done at the end of each of these epochs. */
  readonly ends: readonly number[];
  /** Values of single steps, or means of a few. */
  readonly steps: {
    readonly steps: readonly number[];
    readonly values: Readonly<Record<string, readonly number[]>>;
  };
  /** Seconds and examples of all epochs together, validation apart. */
  readonly time: { readonly seconds: number; readonly examples: number };
  readonly settings: Readonly<Record<string, string | number | boolean | null>>;
  readonly environment: Environment;
  readonly summary: ModelSummary | null;
  readonly histograms: Readonly<Record<string, readonly TimedHistogram[]>>;
  /** How the model did on examples that it was not trained on; null where that is not known. */
  readonly results: TestReport | null;
  /** For a resumption, from {@link storedBlock}. */
  readonly kept?: Html;
}

/** Most histograms and rows of epochs that are shown. */
const [mostHistograms, mostRows] = [36, 300];

/** `validationAccuracy` is the metric `accuracy` on validation data. */
const baseOf = (name: string): string => {
  const [, base] = /^validation([A-Z].*)$/.exec(name) ?? [];
  return base === undefined ? name : base[0].toLowerCase() + base.slice(1);
};

/** A chart for each metric, of single steps, epochs and validation; then the others. */
function chartsOf({ history, ends, steps }: ReportData): Chart[] {
  const ofEpochs = [...new Set(history.flatMap((logs) => Object.keys(logs)))];
  const bases = [...new Set([...Object.keys(steps.values), ...ofEpochs].map(baseOf))];
  const line = (name: string, x: readonly number[], y: readonly number[], color: number): Line[] =>
    x.length > 0 && y.some(Number.isFinite) ? [{ name, x, y, color }] : [];
  const epochs = (name: string) => history.map((logs) => logs[name] ?? Number.NaN);
  return bases.flatMap((base): Chart[] => {
    const single = steps.values[base];
    const validation = `validation${base[0].toUpperCase()}${base.slice(1)}`;
    const isMetric = ofEpochs.includes(base) || ofEpochs.includes(validation);
    const training =
      single !== undefined && steps.steps.length > 1
        ? line(isMetric ? 'training' : inWords(base), steps.steps, single, isMetric ? 1 : 3).map((own) => ({
            ...own,
            isNoisy: isMetric || base !== 'learningRate',
          }))
        : line('training', ends, epochs(base), 1);
    const lines = [...training, ...line('validation', ends, epochs(validation), 2)];
    return lines.length > 0 ? [{ title: inWords(base), xName: 'step', lines, marks: ends }] : [];
  });
}

function curves(data: ReportData): Html {
  const charts = chartsOf(data);
  if (charts.length === 0)
    return html`<section id="curves"><h2>Curves</h2><p class="soft">No step has been done yet.</p></section>`;
  const names = [...new Set(data.history.flatMap((logs) => Object.keys(logs)))];
  const each = Math.ceil(data.history.length / mostRows);
  const rows = data.history.flatMap((logs, i) =>
    (i + 1) % each === 0 || i === data.history.length - 1
      ? [[i + 1, data.ends[i] ?? '', ...names.map((name) => (name in logs ? formatNumber(logs[name]) : ''))]]
      : [],
  );
  const toggle = (group: string, id: string, checked: boolean) =>
    html`<input class="toggle" type="radio" name="${group}" id="${id}"${checked && new Html(' checked')}>`;
  return html`<section id="curves"><h2>Curves</h2>
${toggle('scale', 'linear', true)}${toggle('scale', 'log', false)}${smoothingWeights.map((weight, i) => toggle('smoothing', `s${i}`, weight === 0.6))}
<div class="controls"><fieldset><legend>scale</legend><label for="linear">linear</label><label for="log">logarithmic</label></fieldset><fieldset><legend>smoothing</legend>${smoothingWeights.map(
    (weight, i) => html`<label for="s${i}">${weight === 0 ? 'none' : weight}</label>`,
  )}</fieldset></div>
<div class="charts">${charts.map(lineChart)}</div>
${rows.length > 0 && html`<details><summary>Numbers of the epochs</summary><div class="wide">${tableOf(['epoch', 'steps', ...names.map(inWords)], rows, 'numbers')}</div></details>`}</section>`;
}

function tiles({ history, epochs, time, summary, results }: ReportData): Html {
  const shown: [string, string][] = [];
  if (results?.kind === 'classes')
    shown.push([`${(100 * accuracyOf(results)).toFixed(2)} %`, `right of ${results.data}`]);
  const names = [...new Set(history.flatMap((logs) => Object.keys(logs)))];
  for (const name of names
    .filter((own) => own.startsWith('validation'))
    .concat(names.includes('validationLoss') ? [] : names)
    .slice(0, 3)) {
    const values = history
      .map((logs) => logs[name])
      .filter((value) => value !== undefined && !Number.isNaN(value));
    if (values.length === 0) continue;
    const isLoss = /loss|error|perplexity/i.test(name);
    const best = values.reduce((a, b) => (isLoss ? Math.min(a, b) : Math.max(a, b)));
    shown.push([formatNumber(best), `best ${inWords(name)}`]);
  }
  shown.push([`${history.length} of ${epochs}`, 'epochs']);
  if (summary !== null) shown.push([formatNumber(summary.parameters), 'parameters']);
  if (time.seconds > 0) {
    shown.push([formatDuration(time.seconds), 'training time']);
    shown.push([formatNumber(Math.round(time.examples / time.seconds)), 'examples per second']);
  }
  return html`<div class="tiles">${shown.map(([value, name]) => html`<div class="tile"><b>${value}</b><span>${name}</span></div>`)}</div>`;
}

function layers({ summary }: ReportData): Html | null {
  if (summary === null) return null;
  const rows = summary.layers.map(({ name, type, output, parameters, flops }) => [
    name === '' ? '(outside of layers)' : name,
    type,
    output === null ? '–' : output.join(' × '),
    html`<span class="bar" style="--share:${(parameters / Math.max(1, summary.parameters)).toFixed(3)}">${formatNumber(parameters)}</span>`,
    formatNumber(flops),
  ]);
  const frozen = summary.parameters - summary.trainable;
  const total = ['total', '', '', formatNumber(summary.parameters), formatNumber(summary.flops)];
  return html`<section id="layers"><h2>Layers</h2><p>${formatNumber(summary.parameters)} parameters${frozen > 0 && `, ${formatNumber(frozen)} of them frozen`}.</p><div class="wide">${tableOf(['layer', 'type', 'output', 'parameters', 'operations'], [...rows, total], 'numbers layers')}</div></section>`;
}

function histograms({ histograms: all }: ReportData): Html | null {
  const entries = Object.entries(all).filter(([, own]) => own.length > 0);
  if (entries.length === 0) return null;
  const shown = entries.slice(0, mostHistograms);
  return html`<section id="histograms"><h2>Histograms</h2><p>How values are distributed, epoch by epoch; the latest in front.${entries.length > shown.length && ` The first ${shown.length} of ${entries.length}.`}</p><div class="many">${shown.map(([name, own]) => ridges(name, own))}</div></section>`;
}

const list = (entries: readonly (readonly [string, unknown])[]): Html =>
  html`<dl>${entries.map(([name, value]) => html`<dt>${inWords(name)}</dt><dd>${value === null ? '–' : String(value)}</dd>`)}</dl>`;

/** What is shown of predictions, by their kind. */
function resultSections(results: TestReport): Html {
  switch (results.kind) {
    case 'classes':
      return classSections(results);
    case 'regression':
      return regressionSection(results);
    case 'labels':
      return labelSection(results);
  }
}

/** A report as one page that needs nothing else: no scripts, no requests, pictures within. */
export function reportPage(data: ReportData): string {
  const { title, subtitle, state, message, settings, environment } = data;
  const { results } = data;
  const classes = results?.kind === 'classes' ? results : null;
  const links: [string, string, boolean][] = [
    ['curves', 'Curves', true],
    ['classes', 'Classes', classes !== null],
    ['predictions', 'Predictions', results !== null && classes === null],
    ['mistakes', 'Mistakes', (classes?.mistakes.length ?? 0) > 0],
    ['samples', 'Samples', (classes?.samples.length ?? 0) > 0],
    ['layers', 'Layers', data.summary !== null],
    ['histograms', 'Histograms', Object.keys(data.histograms).length > 0],
    ['data', 'Settings', true],
  ];
  const page = html`<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
${state === 'running' && html`<meta http-equiv="refresh" content="20">`}<meta name="generator" content="nabla">
<title>${title}</title><style>${new Html(style)}</style></head>
<body><header><h1>${title}<span class="state ${state}">${state}</span></h1><p class="subtitle">${subtitle}</p>${message !== null && html`<p class="message">${message}</p>`}${tiles(data)}<nav aria-label="sections">${links
    .filter(([, , there]) => there)
    .map(([id, name]) => html`<a href="#${id}">${name}</a>`)}</nav></header>
<main>${curves(data)}
${results !== null && resultSections(results)}
${layers(data)}
${histograms(data)}
<section id="data"><div class="pair"><div><h2>Settings</h2>${list(Object.entries(settings))}</div><div><h2>Environment</h2>${list(Object.entries(environment))}</div></div></section></main>
<footer>Curves are smoothed as in TensorBoard: an exponential moving average without the bias of its beginning; the faint curve is the raw one. Dashed lines are ends of epochs. Written by nabla.</footer>${data.kept}</body></html>
`;
  return page.text;
}
