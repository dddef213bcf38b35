import { formatNumber, type Html, html } from './report_html.ts';
import { smooth } from './smoothing.ts';

/** Line charts as SVG text, drawn twice: with a linear and with a logarithmic axis, of which the page shows one. */

/** A curve. */
export interface Line {
  readonly name: string;
  /** Rising. */
  readonly x: readonly number[];
  readonly y: readonly number[];
  /** Which of the page's colours, from 1 on. */
  readonly color: number;
  /** Drawn faintly, and smoothed in front of that. */
  readonly isNoisy?: boolean;
}

/** A chart. */
export interface Chart {
  readonly title: string;
  readonly xName: string;
  readonly lines: readonly Line[];
  /** Where epochs end. */
  readonly marks?: readonly number[];
}

/** Weights of smoothing that the page offers. */
export const smoothingWeights = [0, 0.6, 0.9, 0.98] as const;

/** Size of a chart and of the margins that its axes take. */
const [width, height] = [420, 250];
const [left, right, top, bottom] = [52, 12, 12, 30];
const [inner, tall] = [width - left - right, height - top - bottom];
/** Between the frame and the first and last points, so that they are seen whole. */
const edge = 3;
/** Points of a curve at most, and places that show their values. */
const [mostPoints, mostTips] = [260, 48];

/** Round numbers in a range, 4 to 8 of them. */
export function linearTicks(least: number, most: number): number[] {
  const range = most - least;
  const rough = 10 ** Math.floor(Math.log10(range / 4));
  const step = [1, 2, 5, 10].map((m) => m * rough).find((candidate) => range / candidate <= 7) ?? 10 * rough;
  const first = Math.ceil(least / step - 1e-9);
  const count = Math.floor(most / step + 1e-9) - first;
  // Multiplied, not added up, so that there is no 0.30000000000000004.
  return Array.from({ length: count + 1 }, (_, i) => Number(((first + i) * step).toPrecision(12)));
}

/** Powers of ten in a range, with 2 and 5 times them where there are few. */
export function logTicks(least: number, most: number): number[] {
  const [low, high] = [Math.floor(Math.log10(least)), Math.ceil(Math.log10(most))];
  const decades = high - low;
  const factors = decades <= 3 ? [1, 2, 5] : [1];
  const each = Math.max(1, Math.ceil(decades / 8));
  return Array.from({ length: decades + 1 }, (_, i) => low + i)
    .filter((power) => (power - low) % each === 0)
    .flatMap((power) => factors.map((factor) => Number((factor * 10 ** power).toPrecision(3))))
    .filter((tick) => tick >= least * 0.999 && tick <= most * 1.001);
}

const quantile = (sorted: readonly number[], share: number): number =>
  sorted[Math.round(share * (sorted.length - 1))];

/** The values that must be seen: of noisy curves all but the outermost hundredths. */
function visible({ y, isNoisy }: Line): number[] {
  const finite = y.filter(Number.isFinite);
  if (!isNoisy || finite.length < 50) return finite;
  const sorted = [...finite].sort((a, b) => a - b);
  return [quantile(sorted, 0.01), quantile(sorted, 0.99)];
}

/** At most so many of the points, the first and the last among them. */
function thinned(
  points: readonly (readonly [number, number])[],
  most: number,
): (readonly [number, number])[] {
  if (points.length <= most) return [...points];
  return Array.from({ length: most }, (_, i) => points[Math.round((i * (points.length - 1)) / (most - 1))]);
}

/** The least and the largest point of each of many equal parts: what a noisy curve looks like. */
function envelope(
  points: readonly (readonly [number, number])[],
  parts: number,
): (readonly [number, number])[] {
  if (points.length <= 2 * parts) return [...points];
  return Array.from({ length: parts }, (_, part) => {
    const own = points.slice(
      Math.floor((part * points.length) / parts),
      Math.floor(((part + 1) * points.length) / parts),
    );
    const least = own.reduce((a, b) => (b[1] < a[1] ? b : a));
    const most = own.reduce((a, b) => (b[1] > a[1] ? b : a));
    return least[0] <= most[0] ? [least, most] : [most, least];
  }).flat();
}

type Scale = (value: number) => number;

/** `<polyline>`s of a curve, one for each part without gaps. */
function polylines(points: readonly (readonly [number, number])[], x: Scale, y: Scale, name: string): Html {
  const parts: string[][] = [[]];
  for (const [a, b] of points) {
    const [across, down] = [x(a), y(b)];
    if (Number.isFinite(down)) parts[parts.length - 1].push(`${across.toFixed(1)},${down.toFixed(1)}`);
    else if (parts[parts.length - 1].length > 0) parts.push([]);
  }
  return html`${parts
    .filter((part) => part.length > 0)
    .map((part) =>
      part.length === 1
        ? html`<circle class="${name} dot" cx="${part[0].split(',')[0]}" cy="${part[0].split(',')[1]}" r="3"/>`
        : html`<polyline class="${name}" points="${part.join(' ')}"/>`,
    )}`;
}

const pairs = (xs: readonly number[], ys: readonly number[]): [number, number][] =>
  xs.map((x, i) => [x, ys[i]]);

function drawLine(line: Line, x: Scale, y: Scale): Html {
  const color = `c${line.color}`;
  if (!line.isNoisy) {
    const points = thinned(pairs(line.x, line.y), mostPoints);
    const dots = points.length <= 40 ? points : [];
    return html`${polylines(points, x, y, `line ${color}`)}${dots
      .filter(([, value]) => Number.isFinite(y(value)))
      .map(
        ([a, b]) =>
          html`<circle class="dot ${color}" cx="${x(a).toFixed(1)}" cy="${y(b).toFixed(1)}" r="2.5"/>`,
      )}`;
  }
  const raw = polylines(envelope(pairs(line.x, line.y), mostPoints), x, y, `line raw ${color}`);
  const smoothed = smoothingWeights.map((weight, i) =>
    polylines(
      weight === 0
        ? envelope(pairs(line.x, line.y), mostPoints)
        : thinned(pairs(line.x, smooth(line.y, weight)), mostPoints),
      x,
      y,
      `line smooth smooth${i} ${color}`,
    ),
  );
  return html`${raw}${smoothed}`;
}

/** The value of a curve that was known at a place: the last one not after it. */
function valueAt(line: Line, place: number): number | null {
  let found: number | null = null;
  for (let i = 0; i < line.x.length && line.x[i] <= place; i++) found = line.y[i];
  return found;
}

/** Strips that show the values of all curves where the pointer is. */
function tips({ lines, xName }: Chart, x: Scale, [first, last]: readonly [number, number]): Html {
  const places = [...new Set(lines.flatMap((line) => line.x))].sort((a, b) => a - b);
  const shown = thinned(
    places.map((place) => [place, 0] as const),
    mostTips,
  ).map(([place]) => place);
  const half = last > first ? (inner / Math.max(1, shown.length - 1)) * 0.5 : inner / 2;
  return html`${shown.map((place) => {
    const across = x(place);
    const texts = lines.flatMap((line) => {
      const value = valueAt(line, place);
      return value === null ? [] : [`${line.name} ${formatNumber(value)}`];
    });
    return html`<g class="tip"><rect x="${(across - half).toFixed(1)}" y="0" width="${(2 * half).toFixed(1)}" height="${tall}"/><line x1="${across.toFixed(1)}" x2="${across.toFixed(1)}" y1="0" y2="${tall}"/><text x="${inner - 4}" y="14">${xName} ${formatNumber(place)}: ${texts.join(', ')}</text></g>`;
  })}`;
}

function drawChart(chart: Chart, isLog: boolean): Html {
  const { lines, title, xName, marks = [] } = chart;
  const xs = lines.flatMap((line) => [line.x[0], line.x[line.x.length - 1]]).filter(Number.isFinite);
  const [first, last] = [Math.min(...xs), Math.max(...xs)];
  const seen = lines.flatMap(visible).filter((value) => !isLog || value > 0);
  if (seen.length === 0)
    return html`<p class="${isLog ? 'log' : 'linear'} empty">${title}: no ${isLog ? 'positive ' : ''}values</p>`;
  let [least, most] = [seen.reduce((a, b) => Math.min(a, b)), seen.reduce((a, b) => Math.max(a, b))];
  if (isLog) [least, most] = most / least < 1.01 ? [least / 2, most * 2] : [least / 1.1, most * 1.1];
  else {
    const space = most > least ? (most - least) * 0.05 : Math.abs(most) * 0.1 || 1;
    // A margin must not suggest that there are values below 0, or above 1 where they are shares.
    least = least >= 0 && least - space < 0 ? 0 : least - space;
    most = most <= 1 && least >= 0 && most + space > 1 ? 1 : most + space;
  }
  const x: Scale = (value) =>
    last > first ? edge + ((inner - 2 * edge) * (value - first)) / (last - first) : inner / 2;
  const y: Scale = isLog
    ? (value) => (value > 0 ? tall * (1 - Math.log(value / least) / Math.log(most / least)) : Number.NaN)
    : (value) => tall * (1 - (value - least) / (most - least));
  const across = last > first ? linearTicks(first, last) : [first];
  const down = isLog ? logTicks(least, most) : linearTicks(least, most);
  const range = (line: Line): string => {
    const finite = line.y.filter(Number.isFinite);
    return finite.length === 0
      ? `${line.name} without values`
      : `${line.name} from ${formatNumber(finite[0])} to ${formatNumber(finite[finite.length - 1])}`;
  };
  const words = `${title} by ${xName}${isLog ? ', logarithmic' : ''}: ${lines.map(range).join('; ')}`;
  return html`<svg class="${isLog ? 'log' : 'linear'}" viewBox="0 0 ${width} ${height}" role="img" aria-label="${words}"><title>${words}</title>
<g class="grid">${down.map((tick) => html`<line x1="${left}" x2="${width - right}" y1="${(top + y(tick)).toFixed(1)}" y2="${(top + y(tick)).toFixed(1)}"/>`)}</g>
<g class="axis">${down.map((tick) => html`<text class="y" x="${left - 6}" y="${(top + y(tick) + 4).toFixed(1)}">${formatNumber(tick)}</text>`)}${across.map((tick) => html`<text class="x" x="${(left + x(tick)).toFixed(1)}" y="${height - 12}">${formatNumber(tick)}</text>`)}<text class="name" x="${left + inner / 2}" y="${height - 1}">${xName}</text></g>
<svg x="${left}" y="${top}" width="${inner}" height="${tall}"><g class="epochs">${marks.length <= 60 && marks.map((mark) => html`<line x1="${x(mark).toFixed(1)}" x2="${x(mark).toFixed(1)}" y1="0" y2="${tall}"/>`)}</g>
${lines.map((line) => drawLine(line, x, y))}
${tips(chart, x, [first, last])}</svg></svg>`;
}

/** A chart with its legend. */
export const lineChart = (chart: Chart): Html =>
  html`<figure class="chart"><figcaption><b>${chart.title}</b>${chart.lines.map(
    (line) => html`<span class="key"><i class="c${line.color}"></i>${line.name}</span>`,
  )}</figcaption>${drawChart(chart, false)}${drawChart(chart, true)}</figure>`;
